"""Waiting without a task: for the next attempt of a state, or for a turn of the loop.

Theory of operation. Between two attempts, as between two time slices, nothing of an execution is under way: no handler,
no coroutine of ours. All it needs is a way to go on. A Nap is that: it takes the place of the task in `Run.task`, so
whoever stops the execution cancels it there as he would cancel a task. When its time has come it stands in line (see
`host`) and is called like everybody else; then the execution goes on in the place of the task that stands by, in the
context it was started in (`Runtime.rouse`). Only one whose handler suspends is handed that task. Thousands that wait
for their retries thus cost thousands of timers and no more (law 3).

Only executions that were started (`Runtime.start`), and that wait in a state of their own, take naps. In `execute`, in
`map` and in branches there is a task in any case.
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

    The host keeps in it when it is over (`until_ns`, in monotonic nanoseconds) and the `timer` that will tell; None
    once the nap is over.
    """

    # No `__init__`, as in Result: whoever makes them by the thousand fills in the members himself.
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
        """Wake up early, to find the execution stopped. Who stands in line already will find out there."""
        if self.timer is not None:
            self.timer.cancel()
            self.host.wake(self)
