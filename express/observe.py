"""Observing executions, at no cost for those that are not observed.

An `Observer` overrides the hooks it wants. State hooks are woven into the steps when a machine is compiled for
observers that have them (like cel-go's decorators and Trio's instruments), so a machine without such observers runs
the very same closures as before; execution hooks are called once per execution.

An observer never changes the outcome of an execution. An exception raised by a hook, even the very error a Catch
waits for, is no error of the workflow: it is swallowed, and the first of each hook is reported through the `express`
logger with its traceback. Later ones are not, because a hook that fails once tends to fail a hundred thousand times a
second. Only exceptions that are to end the program (KeyboardInterrupt, SystemExit) propagate.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from express.errors import StateError
    from express.types import JSON

log = logging.getLogger("express")

#: Calls a hook of all observers with the hook's arguments, and raises none of its exceptions.
Announce: TypeAlias = Callable[..., None]


class Event(NamedTuple):
    """One event of an execution's history (API reference HistoryEvent).

    `previous` is the id of the event it follows from, 0 for none. `details` are its details without the payload;
    `data` is the payload with its name among them (`input`, `output`, `parameters`), None where the event has none.
    """

    id: int
    previous: int
    type: str
    details: dict[str, JSON]
    data: tuple[str, JSON] | None


class Observer:
    """Base class of observers: every hook does nothing. Override what you need; hooks are plain functions.

    `frame` is the running frame (`frame.run` the execution); times are on the host's clock. A run is intact in every
    hook, `execution_ended` included: name, ARN, machine, counts and `context()`. After that hook the run is taken
    apart, so that memory is freed at once: copy what you want to keep.

    `state_entered` is called once per visit, before the first attempt; `state_exited` when the state passes its
    output on, also by way of a Catch; `state_failed` when its error leaves the state. Data is shared: do not change
    it.

    `task_started` is called right before a handler, for each attempt, in the context (`contextvars`) the handler will
    run in; `task_ended` when it has answered, with its error, or None. An attempt that is cancelled with its
    execution gets no `task_ended`. `branch_started` gives each branch of a Parallel and each iteration of a Map its
    frame, before its first state; `parent` is the frame of the Parallel or Map itself. A frame that has ended may be
    reused for another iteration.

    `child_started` and `child_ended` report a child execution of a distributed Map, the latter with its error, or
    None: `run` is a run of its own, with a name, an ARN and events of its own, `parent` the frame of the Map. A child
    that is cancelled because another has failed gets no `child_ended`.

    `history_event` gets the events AWS would write between ExecutionStarted and the one that ends the execution, with
    the ids they have there. `visit_event` is for observers that cannot afford an Event for each state: it gets, in
    parts, most events that enter a state or, with `exits`, leave it, in place of `history_event`; their payload is
    `frame.data`.
    """

    #: The hooks to be called; None for all that the class overrides.
    hooks: tuple[str, ...] | None = None
    #: Whether executions written for it can be redriven; the data needed for that is kept with them.
    keeps_places: bool = False
    #: States that go through without waiting may be written straight into `Run.history`, as a `states.history.Visit`,
    #: instead of being reported, as long as their event ids are below this; 0: never. It has no effect if another
    #: observer wants their events.
    visits_up_to: int = 0
    #: Whether exceptions of its hooks are kept from the executions. Only hooks that raise none do without.
    is_guarded: bool = True

    def execution_started(self, run: Any) -> None:
        """An execution begins; its first state has not been entered."""

    def execution_ended(self, run: Any, result: Any) -> None:
        """An execution has ended, with this Result."""

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        """A state is entered, with its input."""

    def state_exited(self, frame: Any, name: str, data: JSON) -> None:
        """A state passes its output on."""

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None:
        """An error leaves a state, which neither Retry nor Catch has taken."""

    def task_started(self, frame: Any, name: str, payload: JSON) -> None:
        """A handler is about to be called, with this payload."""

    def task_ended(self, frame: Any, name: str, failure: StateError | None) -> None:
        """A handler has answered; `failure` is its error, or None."""

    def branch_started(self, parent: Any, frame: Any, index: int) -> None:
        """A branch or iteration begins; `index` counts them from 0."""

    def child_started(self, parent: Any, run: Any, index: int) -> None:
        """A child execution of a distributed Map begins; `index` counts them from 0."""

    def child_ended(self, run: Any, failure: StateError | None) -> None:
        """A child execution has ended; `failure` is its error, or None."""

    def history_event(self, frame: Any, event: Event) -> None:
        """AWS would write this event into the history."""

    def visit_event(self, frame: Any, step: Any, number: int, previous: int, exits: bool) -> None:
        """A state is entered or left: the event `number`, which follows from the event `previous`."""


EXECUTION_HOOKS = ("execution_started", "execution_ended")
STATE_HOOKS = ("state_entered", "state_exited", "state_failed")
TASK_HOOKS = ("task_started", "task_ended")
BRANCH_HOOKS = ("branch_started",)
CHILD_HOOKS = ("child_started", "child_ended")
HISTORY_HOOKS = ("history_event", "visit_event")
#: The hooks that are woven into steps.
WOVEN_HOOKS = (*STATE_HOOKS, *TASK_HOOKS, *BRANCH_HOOKS, *CHILD_HOOKS, *HISTORY_HOOKS)


def has_hook(observer: Observer, *names: str) -> bool:
    """Whether the observer's class overrides one of these hooks, and its `hooks` do not exclude it."""
    wanted = names if observer.hooks is None else [name for name in names if name in observer.hooks]
    return any(getattr(type(observer), name) is not getattr(Observer, name) for name in wanted)


def check_observer(observer: object) -> Observer:
    """Returns an observer whose hooks can be called; raises TypeError for anything else."""
    kind = type(observer).__name__
    if not isinstance(observer, Observer):
        raise TypeError(f"an observer must be an express.Observer, not a {kind}")
    for name in (*EXECUTION_HOOKS, *WOVEN_HOOKS):
        if inspect.iscoroutinefunction(getattr(observer, name)):
            raise TypeError(f"{kind}.{name} is `async def`: hooks are called by steps, which do not wait")
    return observer


def announcer(observers: Iterable[Observer], hook: str) -> Announce:
    """A function that calls one hook of every observer that has it, in their order."""
    told = [_caller(observer, hook) for observer in observers if has_hook(observer, hook)]
    if len(told) == 1:
        return told[0]

    def announce(*arguments: Any) -> None:
        for tell in told:
            tell(*arguments)

    return announce


def _caller(observer: Observer, hook: str) -> Announce:
    """A function that calls one hook of one observer, and reports its exceptions instead of raising them."""
    call: Announce = getattr(observer, hook)
    if not observer.is_guarded:
        return call
    reported = False

    def tell(*arguments: Any) -> None:
        nonlocal reported
        try:
            call(*arguments)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a hook is no coroutine: even a CancelledError is its own
            if not reported:
                reported = True
                name = f"{type(observer).__qualname__}.{hook}"
                log.exception("observer hook %s failed; it will not be reported again", name)

    return tell
