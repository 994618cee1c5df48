"""A started execution, as its caller holds it.

An Execution is a Result that may still be running. Most executions have ended by the time `start` returns, and only
their Result is kept; one object instead of two is less work for the garbage collector where thousands are held at
once.
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


#: Members of a Result that a running execution does not have yet.
_KNOWN_AT_THE_END = frozenset((*Result.OUTCOME, "billing", "succeeded"))


class Execution(Result):
    """A started execution. Await it for its Result; awaiting again gives the same one.

    Cancelling a task that awaits it does not stop the execution; `stop` does, and leaving the Runtime. Until it has
    ended only its `name` is known; reading any other member of a Result raises AttributeError.
    """

    # All of them stay unset in an execution that has ended at once.
    __slots__ = ("_run", "_runtime", "_waiters", "task")

    _run: Run | None
    _runtime: Runtime
    _waiters: set[asyncio.Future[None]] | None
    #: The task that runs it, None while there is none. The loop itself would not keep it alive.
    task: asyncio.Task[Any] | None

    @classmethod
    def running(cls, runtime: Runtime, run: Run, names: Names) -> Self:
        """An Execution that runs until `finish` is called."""
        execution = cls()
        execution._given_name = run.name or run.sequence
        execution._names = names
        execution._runtime = runtime
        execution._run = run
        execution._waiters = execution.task = None
        return execution

    @classmethod
    def ended(cls, result: Result) -> Self:
        """An Execution that has ended with this result."""
        execution = cls()
        execution._take(result)
        return execution

    @property
    def done(self) -> bool:
        """Whether it has ended, so that it is a Result with all its members."""
        return hasattr(self, "status")

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Abort the execution (API reference StopExecution); its Result is ABORTED with this error and cause.

        May be called from any thread; from another one it takes effect in the event loop's next turn.
        """
        # Read once: in the loop's thread the execution may end meanwhile. One that ended at once has neither.
        runtime, run = getattr(self, "_runtime", None), getattr(self, "_run", None)
        if runtime is None or run is None:
            return
        if runtime.is_elsewhere():
            runtime.call_soon(self.stop, error, cause)
        else:
            runtime.stop(run, "ABORTED", error, cause)

    def add_done_callback(self, callback: Callable[[Result], object]) -> None:
        """Call `callback` with the Result, in the turn of the loop after the one in which the execution ends.

        A task that only waits for the Result would cost more than many an execution.
        """
        if self.done:
            asyncio.get_running_loop().call_soon(callback, self)
            return
        waiter = self._runtime.new_future()
        waiter.add_done_callback(lambda _: self.done and callback(self))
        if self._waiters is None:
            self._waiters = set()
        self._waiters.add(waiter)

    def finish(self, result: Result) -> None:
        """Take over the outcome, unless it is filled in here already, and wake all waiters.

        Called once, by the Runtime.
        """
        if result is not self:
            self._take(result)
        waiters, self._waiters = self._waiters, None
        self._run = self.task = None
        # From now on it is only a Result, which can be copied and pickled.
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
        try:
            self.status  # noqa: B018 - half the price of `hasattr`, and most have ended
        except AttributeError:
            pass
        else:
            return self
        yield from self._wait()
        return self

    def _wait(self) -> Generator[Any, None, None]:
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

    if not TYPE_CHECKING:
        # A type checker would conclude that an Execution has a member of any name.
        def __getattr__(self, name):
            """Called only for members that do not exist."""
            if name in _KNOWN_AT_THE_END:
                raise AttributeError(f"{name}: the execution {self.name} has not ended yet; `await` it")
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        return super().__repr__() if self.done else f"Execution({self.name}, running)"
