"""Executions that stand still: nothing goes on in them, they wait for answers to their tasks (`callbacks`).

Whoever shuts down lets executions end, but not those that wait for an answer which nobody can give any more. Every
branch is looked at, so this takes an observer that keeps places, as redriving does: where the children of a Parallel
or Map are not known, they are taken to go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Container

    from express.program import Frame, Run
    from express.runtime.callbacks import Callback
    from express.states.history import Trail


def stands_still(run: Run, seconds: float, idle: Container[str | None]) -> bool:
    """Whether nothing but an answer can move an execution in the next `seconds`.

    idle: tokens of tasks whose handlers wait for other executions, and do nothing else.
    """
    left = run.deadline_ns - run.host.monotonic_ns()
    return run.stopping is None and left > seconds * 1e9 and _waits(run, seconds, idle)


def _waits(frame: Frame, seconds: float, idle: Container[str | None]) -> bool:
    trail: Trail | None = getattr(frame, "trail", None)
    if trail is None:
        return False
    if trail.fork is not None:
        children = trail.fork.frames.values()
        return bool(children) and all(_waits(child, seconds, idle) for child in children)
    if not frame.step.has_token or not hasattr(frame, "callback"):
        return False
    callback = cast("Callback", frame.callback)
    return callback.waits(seconds, is_idle=callback.token in idle)
