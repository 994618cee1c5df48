"""Waiting for the next attempt, without a task.

Theory of operation. Between two attempts of a state nothing of an execution runs: no handler, no coroutine of ours.
All it needs is a timer and a way to go on, and that is a Nap. It takes the place of the task in `Run.task`, so whoever
stops the execution cancels it there as he would cancel a task. When the time has come the Nap stands in line like
everybody else (see `host`), then its execution goes on in the place of the task that stands by, in the context it was
started in. Thousands that wait for their retries thus cost thousands of timers and nothing else.

Only executions that were started (`Runtime.start`) and whose own state waits can take one. In `execute`, `map` and
branches somebody's task is waiting anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from contextvars import Context

    from express.program import Run
    from express.runtime.handle import Execution
    from express.runtime.runtime import Runtime


class Nap:
    """One wait of an execution between two attempts.

    `until_ns` and `timer` are the host's: when the wait is over, and what will tell it so.
    """

    __slots__ = ("_again", "_runtime", "context", "execution", "run", "timer", "until_ns")

    def __init__(self, runtime: Runtime, run: Run, execution: Execution, context: Context) -> None:
        self._runtime = runtime
        self._again = False
        self.run = run
        self.execution = execution
        self.context = context
        self.timer: asyncio.Handle | None = None
        self.until_ns = 0

    def begin(self) -> None:
        run = self.run
        run.task = self
        delay, run.delay = run.delay, 0.0
        self._runtime.wake_later(self, delay)

    def wake(self) -> None:
        """The time has come: go on, if this turn of the loop has room for one more."""
        self.timer = None
        runtime = self._runtime
        if runtime.has_time():
            runtime.go_on(self)
        else:
            self._again = False
            runtime.line_up(self)

    # ------------------------------------------------------------------------------------------ as a place in line

    def done(self) -> bool:
        return False

    def set_result(self, _: None) -> None:
        """Its turn in the line is the next turn of the loop."""
        self._runtime.new_turn(self._called)

    def _called(self) -> None:
        runtime = self._runtime
        if not self._again and runtime.monotonic_ns() > runtime.slice_end:
            # As in `LoopHost.breathe`: the place at the head of the line is kept, once.
            self._again = True
            runtime.line_up(self, again=True)
        else:
            runtime.go_on(self)

    # ------------------------------------------------------------------------------------------ in place of a task

    def cancelling(self) -> int:
        return 0

    def cancel(self) -> None:
        """Wake up early to find the execution stopped; in the line there is nothing to cut short."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
            self._runtime.new_turn(self._called)
