"""A started execution in the user's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

    from express.program import Run
    from express.result import Result
    from express.runtime.runtime import Runtime


class Execution:
    """A started execution. Await it for its Result; awaiting again gives the same one.

    Cancelling whoever awaits it does not stop the execution: `stop` does, and leaving the Runtime.
    """

    __slots__ = ("_result", "_run", "_runtime", "_waiters", "task")

    def __init__(self, runtime: Runtime, run: Run | None, result: Result | None) -> None:
        self._runtime = runtime
        self._run = run
        self._result = result
        self._waiters: set[asyncio.Future[None]] | None = None
        #: Where it runs, None when it has ended at once. The loop itself would not keep the task alive.
        self.task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self._result.name if self._run is None and self._result is not None else self._running.execution_name

    @property
    def done(self) -> bool:
        return self._result is not None

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Abort it (API reference StopExecution); its Result is ABORTED with this error and cause."""
        if self._result is None:
            self._runtime.stop(self._running, "ABORTED", error, cause)

    def add_done_callback(self, callback: Callable[[Result], object]) -> None:
        """Have it called with the Result, in the turn of the loop after the one in which the execution ends: a task
        that only waits for the Result would cost more than many an execution."""
        waiter = self._runtime.new_future()
        waiter.add_done_callback(lambda _: self._result is not None and callback(self._result))
        if self._result is not None:
            waiter.set_result(None)
            return
        if self._waiters is None:
            self._waiters = set()
        self._waiters.add(waiter)

    @property
    def _running(self) -> Run:
        assert self._run is not None
        return self._run

    def finish(self, result: Result) -> None:
        """Called once, by the Runtime: wake everyone who waits for the Result."""
        self._result = result
        self._run = self.task = None
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def __await__(self) -> Generator[Any, None, Result]:
        while self._result is None:
            waiter = self._runtime.new_future()
            if self._waiters is None:
                self._waiters = set()
            self._waiters.add(waiter)
            try:
                yield from waiter
            finally:
                self._waiters.discard(waiter)
        return self._result
