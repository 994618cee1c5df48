"""A started execution in the user's hands.

It is the Result it will come to. Most executions have ended by the time `start` returns, and of those nothing is kept
but the Result; so an Execution is a Result that may still be under way, and one object where thousands are held at once
is less for the garbage collector to look through than two.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from express.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from express.program import Run
    from express.result import Names
    from express.runtime.runtime import Runtime


#: Members of a Result that an execution which is under way does not have.
_KNOWN_AT_THE_END = frozenset((*Result.OUTCOME, "billing", "succeeded"))


class Execution(Result):
    """A started execution. Await it for its Result; awaiting again gives the same one.

    Cancelling whoever awaits it does not stop the execution: `stop` does, and leaving the Runtime. Until it has ended
    only its `name` is known; asking for the rest of a Result raises AttributeError.
    """

    # None of them is ever set in one that has ended at once.
    __slots__ = ("_run", "_runtime", "_waiters", "task")

    _run: Run | None
    _runtime: Runtime
    _waiters: set[asyncio.Future[None]] | None
    #: Where it runs, None while it has no task. The loop itself would not keep it alive.
    task: asyncio.Task[None] | None

    @classmethod
    def running(cls, runtime: Runtime, run: Run, names: Names) -> Self:
        """One that is under way, until somebody calls `finish`."""
        execution = cls()
        execution._given_name = run.name or run.sequence
        execution._names = names
        execution._runtime = runtime
        execution._run = run
        execution._waiters = execution.task = None
        return execution

    @classmethod
    def ended(cls, result: Result) -> Self:
        """One that has come to this result."""
        execution = cls()
        execution._take(result)
        return execution

    @property
    def done(self) -> bool:
        return hasattr(self, "status")

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Abort it (API reference StopExecution); its Result is ABORTED with this error and cause.

        May be called from any thread; from another one it takes effect in the event loop's next turn.
        """
        if not self.done and self._runtime.is_elsewhere():
            self._runtime.call_soon(self.stop, error, cause)
        elif not self.done and self._run is not None:
            self._runtime.stop(self._run, "ABORTED", error, cause)

    def add_done_callback(self, callback: Callable[[Result], object]) -> None:
        """Have it called with the Result, in the turn of the loop after the one in which the execution ends: a task
        that only waits for the Result would cost more than many an execution."""
        if self.done:
            asyncio.get_running_loop().call_soon(callback, self)
            return
        waiter = self._runtime.new_future()
        waiter.add_done_callback(lambda _: self.done and callback(self))
        if self._waiters is None:
            self._waiters = set()
        self._waiters.add(waiter)

    def finish(self, result: Result) -> None:
        """Called once, by the Runtime: take over the outcome, unless it has been filled in here already, and wake
        everyone who waits for it."""
        if result is not self:
            self._take(result)
        waiters, self._waiters = self._waiters, None
        self._run = self.task = None
        # It is a Result from now on, and those can be copied and pickled.
        del self._runtime
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def _take(self, result: Result) -> None:
        self.fill(
            result.status,
            result.output,
            result.error,
            result.cause,
            result._given_name,
            result._names,
            result.duration_ns,
            result.memory_bytes,
        )

    def __await__(self) -> Generator[Any, None, Result]:
        while not hasattr(self, "status"):
            waiter = self._runtime.new_future()
            if self._waiters is None:
                self._waiters = set()
            self._waiters.add(waiter)
            try:
                yield from waiter
            finally:
                if self._waiters is not None:
                    self._waiters.discard(waiter)
        return self

    if not TYPE_CHECKING:
        # To a type checker it would say that an Execution has a member of any name.
        def __getattr__(self, name):
            """Only for what is not there."""
            if name in _KNOWN_AT_THE_END:
                raise AttributeError(f"{name}: the execution {self.name} has not ended yet; `await` it")
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        return super().__repr__() if self.done else f"Execution({self.name}, running)"
