"""Consecutive states that run as one step.

Theory of operation. Many workflows consist of states that follow each other without a choice and do little each: a
Pass that adds a member to its input, a Task whose handler answers at once and whose result becomes a member. Run one
by one, each costs an iteration of the execution loop, a call, a copy of the data and a size check. So a state that has
a `Step.link` gets a `run` that performs the states behind it as well, up to `LONGEST` in all. Every state is the head
of the chain that begins with it, so an execution may enter anywhere.

A chain is indistinguishable from its states run one by one: data, errors, history events and counts (`ChainCount`) are
the same. (One exception, near the payload limit: results of trusted handlers are not measured and the bound of a chain
is tighter, so excess that such results cause may be detected later or not at all.) If a Pass of a chain fails, or the
data might become too long, the chain has had no effect, and the states run again one by one. A chain of Tasks has
called handlers by then: it stops at the first handler that suspends, fails or breaks the promise of a trusted handler,
and passes that outcome to the handler's state (`TaskLink.told`). One whose handlers usually suspend is broken up.

A Choice performs the Pass it chooses, or the chain that begins with that Pass (`ChoiceLink`).

Chains are built only where no observer is woven into the states, because an observer must see each one.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import coroutine
from typing import TYPE_CHECKING, Any

from express.errors import StateError, forget_trace
from express.payload import is_plain
from express.program import END, ChainCount
from express.states.conversation import Answer, Line, Refusal
from express.states.trust import TRUSTED_RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence

    from express.program import Frame, Step, StepRun
    from express.states.trust import Trust
    from express.types import JSON, Expr

#: Maximum number of states in a chain.
LONGEST = 16
#: A chain of Tasks in which a handler has suspended more often is broken up, unless it has passed more often still.
_SUSPENSIONS = 64
#: Upper bound of a chain's growth factor. With a larger factor the bound soon passes the limit and the chain cannot be
#: used; the size is then better measured between the states.
_MOST_GROWTH = 64


@dataclass(frozen=True, slots=True)
class PassLink:
    """A Pass that costs next to nothing: it only looks up values in its input and stores them.

    key: the member of the input that takes the value; None where the value replaces the input.
    make: gives the value; None for a Pass that outputs its input. A value that replaces the input is a new object.
    growth: (factor, constant): the value with its key has at most factor * size of the input + constant bytes.
    names: the members of the input that `make` reads.
    """

    following: Step
    key: str | None
    make: Expr | None
    growth: tuple[int, int]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class TaskLink:
    """A Task without Retry: its trusted coroutine handler gets the raw input, its result becomes a member of that.

    key, key_bytes: the member, and an upper bound of the bytes it adds.
    failures: the exceptions of `call` that mean that the task has failed.
    told: takes any outcome but an accepted Answer of the trusted handler; returns the next step.
    trust: the state's trust in the handler; once it is lost, the state runs alone.
    """

    following: Step
    key: str
    key_bytes: int
    call: Callable[[JSON], Coroutine[Any, Any, JSON]]
    failures: tuple[type[BaseException], ...]
    told: Callable[[Frame, Line | None, Any], Step]
    trust: Trust


@dataclass(frozen=True, slots=True)
class ChoiceLink:
    """A Choice whose output is its input, and whose rules cannot be deferred.

    (When a deferred step runs again, every error is taken for its own.)

    targets: the states it may choose.
    """

    targets: frozenset[Step]


def build_chains(steps: Collection[Step]) -> None:
    """Make each step that has a link, and linked steps behind it, the head of a chain."""
    linked = [step for step in steps if isinstance(step.link, PassLink | TaskLink)]
    runs = [_build_chain(_followers(step)) for step in linked]
    for step, run in zip(linked, runs, strict=True):
        if run is not None:
            step.run = run
    for step in steps:
        if isinstance(step.link, ChoiceLink):
            _build_choice(step, step.link)


def _followers(head: Step) -> list[Step]:
    """The head and the steps that can be chained to it, in order."""
    steps = [head]
    while len(steps) < LONGEST:
        step = steps[-1].link.following
        if type(step.link) is not type(head.link) or step in steps:
            break
        if isinstance(head.link, TaskLink) and step.link.failures != head.link.failures:
            break
        steps.append(step)
        if isinstance(head.link, PassLink) and _growth(steps)[0] > _MOST_GROWTH:
            steps.pop()
            break
    return steps


def _build_chain(steps: list[Step]) -> StepRun | None:
    if len(steps) == 1:
        return None
    chain = ChainCount()
    for step in steps[1:]:
        step.chains = (*step.chains, chain)
    steps[0].span = len(steps)
    return (_build_passes if isinstance(steps[0].link, PassLink) else _build_tasks)(steps, chain)


def _build_choice(choice: Step, link: ChoiceLink) -> None:
    """Let a Choice perform the Pass it chooses, unless all its targets are other states."""
    choose, passes = choice.run, frozenset(target for target in link.targets if isinstance(target.link, PassLink))
    if not passes:
        return
    choice.span = 1 + max(target.span for target in passes)

    def run_choice(frame: Frame) -> Step:
        chosen = choose(frame)
        if chosen not in passes:
            return chosen
        # `chosen.run(frame)` would be slower, see `advance`.
        perform = chosen.run
        try:
            following = perform(frame)
        except BaseException:
            # A Pass fails without effect: the frame is where it would be after the Choice alone.
            frame.step = chosen
            frame.run.events += choice.events
            choice.passed += 1
            raise
        # The execution loop will count the Choice.
        frame.run.events += chosen.events
        chosen.passed += 1
        return following

    choice.run = run_choice


def _growth(steps: Sequence[Step]) -> tuple[int, int]:
    """Growth bound (factor, constant) of the output and of all intermediate data, relative to the size of the input.

    Adding parts of the input repeatedly adds at most the size of the original input each time, not that of all members
    added since. Only a Pass that reads an added member may copy that member as well.
    """
    size = source = (1, 0)
    added: set[str] = set()
    for step in steps:
        link = step.link
        if link.make is None:
            continue
        factor, constant = link.growth
        base = size if added & link.names else source
        value = factor * base[0], factor * base[1] + constant
        if link.key is None:
            # Not smaller than before: the data before this Pass had to be within the limit as well.
            size = source = max(size[0], value[0]), max(size[1], value[1])
            added.clear()
        else:
            size = size[0] + value[0], size[1] + value[1]
            added.add(link.key)
    return size


def _build_passes(steps: list[Step], chain: ChainCount) -> StepRun:
    run_alone = steps[0].run
    following: Step = steps[-1].link.following
    values = [(step.link.key, step.link.make) for step in steps if step.link.make is not None]
    factor, constant = _growth(steps)
    events = sum(step.events for step in steps[1:])

    def run_passes(frame: Frame) -> Step:
        data = frame.data
        size = factor * frame.size + constant
        run = frame.run
        if type(data) is not dict or size > run.host.payload_limit:
            return run_alone(frame)
        data = data.copy()
        try:
            for key, make in values:
                if key is None:
                    data = make(data, frame)
                else:
                    data[key] = make(data, frame)
        except StateError as error:
            forget_trace(error)
            return run_alone(frame)
        frame.data = data
        frame.size = size
        run.events += events
        chain.passed += 1
        return following

    return run_passes


class _Reached:
    """Progress of a chain of Tasks: the current `step`, and the `data` made by those before it (None: no step before).

    `due`: how many runs of the chain may still skip the check of their results. `left`: the handler has suspended, and
    its state continues alone.
    """

    __slots__ = ("data", "due", "left", "step")

    def __init__(self, step: Step, due: int) -> None:
        self.step = step
        self.due = due
        self.data: JSON = None
        self.left = False


@coroutine
def _call_in_turn(links: Sequence[tuple[Any, str, Step]], reached: _Reached) -> Line:
    """A line that receives the data and calls one handler after another, because sending each coroutine in from
    outside takes longer than many handlers do. It yields `reached` when all have answered."""
    answer, refusal = Answer(), Refusal()
    said: object = reached
    while True:
        data = yield said
        try:
            for call, key, reached.step in links:
                value = yield from call(data)
                if not reached.due and (reached.left or not is_plain(value)):
                    answer.value = value
                    said = answer
                    break
                reached.data = data = data.copy()
                data[key] = value
            else:
                said = reached
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its refusal
            refusal.value = error
            said = refusal
        # An idle line must not keep data alive.
        data = value = None


def _build_tasks(steps: list[Step], chain: ChainCount) -> StepRun:
    head = steps[0]
    run_alone = head.run
    following: Step = steps[-1].link.following
    links = [(step.link.call, step.link.key, step) for step in steps]
    failures: tuple[type[BaseException], ...] = head.link.failures
    added_bytes = sum(step.link.key_bytes for step in steps)
    events = sum(step.events for step in steps[1:])
    line: tuple[Line, _Reached] | None = None
    due = suspensions = 0

    def break_up() -> None:
        head.run = run_alone

    for step in steps:
        step.link.trust.when_lost(break_up)

    def open_conversation() -> tuple[Line, _Reached]:
        reached = _Reached(head, due)
        talk: Line = _call_in_turn(links, reached)
        talk.send(None)
        return talk, reached

    def run_tasks(frame: Frame) -> Step:
        nonlocal line, due, suspensions
        data = frame.data
        size = frame.size + added_bytes
        run = frame.run
        if type(data) is not dict or size > run.host.payload_limit:
            return run_alone(frame)
        # The handler may re-enter this function before it has answered, so a line in use is taken out of `line`.
        taken, line = line or open_conversation(), None
        talk, reached = taken
        try:
            said = talk.send(data)
        except failures as error:
            # The exception has ended the line.
            said = refusal = Refusal()
            refusal.value = error
        else:
            if said is reached:
                line = taken
                reached.due = reached.due - 1 if reached.due else TRUSTED_RESULTS
                frame.data, reached.data = reached.data, None
                frame.size = size
                run.events += events
                chain.passed += 1
                return following
            if isinstance(said, Answer):
                line = taken
            else:
                reached.left = True
                suspensions += 1
                if suspensions > max(_SUSPENSIONS, chain.passed):
                    # To hand over costs more than the chain saves.
                    break_up()
        due = reached.due = reached.due - (reached.due > 0)
        if reached.left:
            reached.due = 0
        if reached.data is not None:
            data, reached.data = reached.data, None
        return _hand_over(frame, steps, reached.step, data, talk, said)

    return run_tasks


def _hand_over(frame: Frame, steps: list[Step], step: Step, data: JSON, line: Line | None, said: Any) -> Step:
    """Let `step` process the outcome of its handler, with the data it was called with, and count the steps before it
    as passed."""
    run = frame.run
    for passed in steps:
        if passed is step:
            break
        passed.passed += 1
        run.events += passed.events
        frame.size += passed.link.key_bytes
    frame.data = data
    frame.step = step
    following: Step = step.link.told(frame, line, said)
    if following is END or not following.halts:
        # The execution loop has called the head and will count that one.
        head = steps[0]
        head.passed -= 1
        step.passed += 1
        run.events += step.events - head.events
    return following
