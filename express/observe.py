"""Watching executions without slowing down those nobody watches.

An `Observer` overrides the hooks it wants. State hooks are woven into the steps when a machine is compiled for
observers that have them (cel-go's decorators, Trio's instruments), so a machine without such observers runs the
very same closures as before; execution hooks are called once per execution. An observer that raises is reported
through the `express` logger and never hurts the execution.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from express.types import JSON

log = logging.getLogger("express")


class Observer:
    """Base class of observers: every hook does nothing. Override what you need.

    `frame` is the running frame (`frame.run` the execution); times are on the host's clock. `state_entered` comes
    once per visit, before the first attempt; `state_exited` when the state hands its output on, also by way of a
    Catch; `state_failed` when its error leaves the state.
    """

    def execution_started(self, run: Any) -> None: ...

    def execution_ended(self, run: Any, result: Any) -> None: ...

    def state_entered(self, frame: Any, name: str, data: JSON) -> None: ...

    def state_exited(self, frame: Any, name: str, data: JSON) -> None: ...

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None: ...


STATE_HOOKS = ("state_entered", "state_exited", "state_failed")


def has_hook(observer: Observer, *names: str) -> bool:
    """Whether the observer's class overrides one of these hooks."""
    return any(getattr(type(observer), name) is not getattr(Observer, name) for name in names)


def notify(observers: tuple[Observer, ...], hook: str, *arguments: Any) -> None:
    """Call one hook of each observer; a raising one is logged and forgotten."""
    for observer in observers:
        try:
            getattr(observer, hook)(*arguments)
        except Exception:
            log.exception("observer %r failed in %s", observer, hook)
