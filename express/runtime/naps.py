"""Waiting without a task: for the next attempt of a state, or for a turn of the loop.

Theory of operation. Between two attempts, and between two time slices, no handler and no coroutine of an execution is
active, so it only needs a way to continue: a Nap. It takes the place of the task in `Run.task`, so stopping the
execution cancels the Nap as it would cancel a task. When its time has come it joins the queue (see `host`) and is
called like all others; then the execution continues in place of the standby task, in the context it was started in
(`Runtime.rouse`). Only an execution whose handler suspends gets that task. Thousands that wait for their retries thus
cost only thousands of timers (law 3).

Only executions that were started (`Runtime.start`), and that wait in a state of their own, take naps. In `execute`,
in `map` and in branches there is a task in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from contextvars import Context

    from express.program import Run
    from express.runtime.handle import Execution
    from express.runtime.host import LoopHost


class Nap:
    """An execution that waits for no handler.

    The host stores the end of the nap (`until_ns`, in monotonic nanoseconds) and the `timer` for it, None once it is
    over.
    """

    # No `__init__`, as in Result: code that makes thousands of them sets the members directly.
    __slots__ = ("context", "execution", "host", "run", "timer", "until_ns")

    host: LoopHost
    run: Run
    execution: Execution
    context: Context
    timer: asyncio.Handle | None
    until_ns: int

    def cancelling(self) -> int:
        return 0

    def cancel(self) -> None:
        """Wake up early, to find the execution stopped. One already queued will find that out anyway."""
        if self.timer is not None:
            self.timer.cancel()
            self.host.wake(self)
