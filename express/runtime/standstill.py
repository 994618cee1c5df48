"""Executions that stand still: they only wait for answers to their tasks (`callbacks`).

A shutdown lets executions end, but not those that wait for an answer that can no longer come. It checks every branch,
which takes an observer that keeps places, as redriving does: if the children of a Parallel or Map are unknown, they
are assumed to be active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Container

    from express.program import Frame, Run
    from express.runtime.callbacks import Callback
    from express.states.history import Trail


def stands_still(run: Run, seconds: float, idle: Container[str | None]) -> bool:
    """Whether only an answer can advance an execution in the next `seconds`.

    idle: tokens of tasks whose handlers only wait for other executions.
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
