"""Concurrent execution of Parallel branches and Map iterations that may block (law 4).

Theory of operation. The fork has run branches up to one that has to wait. The execution's own task is the first worker
of a crew: it goes on with that branch and runs others one after another, and other tasks join only when a branch
suspends. The first failure wins: its error is kept, all other workers are
cancelled and awaited, and none is left behind. The workers of fan-outs that these lead themselves are cancelled at
the same time, so that a cancelled branch does nothing more. If a hired worker fails while the execution's own task
waits inside another branch, that task is cancelled too and takes the cancellation back (`uncancel`), as
asyncio.TaskGroup does with its parent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from express.errors import StateError, forget_trace
from express.runtime.crew import Crew
from express.runtime.execution import advance, breathe, drive

if TYPE_CHECKING:
    from express.program import Branches, Frame, Run

#: The innermost fan-out that each task leads.
Led: TypeAlias = "dict[asyncio.Task[Any], FanOut]"

#: Branches between two clock reads, and clock reads after which a worker yields in any case: a virtual clock may
#: stand still.
_LOOK_EVERY = 16
_MOST_LOOKS = 64


class FanOut(Crew):
    """One visit of a Parallel or Map whose branches may block."""

    __slots__ = (
        "_branches",
        "_driven",
        "_failure",
        "_interrupted",
        "_leader",
        "_led",
        "_outer",
        "_run",
        "_waiter",
        "step",
    )

    def __init__(self, frame: Frame, branches: Branches, loop: asyncio.AbstractEventLoop, led: Led) -> None:
        super().__init__(loop, branches.limit)
        self.taken = branches.index
        self._led = led
        #: The enclosing fan-out that has the same leader.
        self._outer: FanOut | None = None
        self._branches = branches
        self._run: Run = frame.run
        #: The branches that have suspended, by their numbers.
        self._driven: dict[int, Frame] = {}
        #: The step of the Parallel or Map.
        self.step = frame.step
        self._failure: BaseException | None = None
        self._leader: asyncio.Task[object] | None = None
        self._interrupted = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def workflow(self) -> str:
        """The name of the workflow."""
        return self._run.machine.name

    async def run(self) -> None:
        """Run all branches. Raises the first failure once every worker has ended."""
        leader: asyncio.Task[object] | None
        leader = self._leader = asyncio.current_task(self.loop)
        assert leader is not None
        self._outer, self._led[leader] = self._led.get(leader), self
        cancellations = leader.cancelling()
        self.working = 1
        try:
            try:
                begun, self._branches.running = self._branches.running, None
                await self.work(begun)
                self.working -= 1
                while self.members:
                    await self._wait()
                if self._run.stopping is not None and self._failure is None:
                    raise asyncio.CancelledError
            except asyncio.CancelledError as error:
                if not self._interrupted:
                    # Stopped from outside: that ends the fan-out whatever its branches do.
                    self._ends_with(error)
            finally:
                self.unwatch()
                if self.members:
                    await self._disband()
            if self._interrupted and leader.uncancel() > cancellations:
                self._ends_with(asyncio.CancelledError())
            if self._failure is not None:
                raise self._failure
        finally:
            if self._outer is None:
                self._led.pop(leader, None)
            else:
                self._led[leader], self._outer = self._outer, None
            # The failure's traceback holds this frame: without this they would keep each other alive.
            self._failure = self._leader = leader = None
            self._driven.clear()

    def _ends_with(self, failure: BaseException) -> None:
        """Replace the failure, and release the frames of the earlier one, which hold it."""
        if self._failure is not None:
            forget_trace(self._failure)
        self._failure = failure

    async def work(self, begun: Frame | None = None) -> None:
        """`begun`: the frame of the next branch, if that already waits."""
        branches, run = self._branches, self._run
        sweep, enter, leave, count = branches.sweep, branches.enter, branches.leave, branches.count
        looks = 0
        while self.taken < count and self._failure is None:
            frame = None
            end = min(self.taken + _LOOK_EVERY, count)
            if begun is None:
                self.taken = sweep(self.taken, end)
            try:
                for index in range(self.taken, end):
                    self.taken = index + 1
                    frame, begun = begun, None
                    if frame is None:
                        frame = enter(index)
                        if advance(frame):
                            leave(index, frame)
                            continue
                    self.watch()
                    self._driven[index] = frame
                    await drive(frame)
                    del self._driven[index]
                    leave(index, frame)
                    # Other workers may have taken branches meanwhile.
                    break
            except StateError as error:
                self._failed(index, frame, error)
            except asyncio.CancelledError:
                if frame is not None:
                    frame.let_go()
                raise
            looks += 1
            if not looks % _MOST_LOOKS or run.host.monotonic_ns() > run.host.slice_end:
                await breathe(run)

    def _failed(self, index: int, frame: Frame | None, error: StateError) -> None:
        """Let the branches judge the error; the first one they do not tolerate ends the fan-out."""
        self._driven.pop(index, None)
        if self._failure is not None:
            # The fan-out has failed before, and this branch was cancelled.
            forget_trace(error)
            return
        try:
            self._branches.fail(index, frame, error, self._driven)
        except StateError as final:
            self._failure = final
            self._interrupt()

    def _interrupt(self) -> None:
        """Cancel all workers but the one that reports its failure."""
        current = asyncio.current_task(self.loop)
        self.dismiss(but=current)
        if self._leader is not current and self._leader is not None:
            if self._waiter is not None:
                self._wake()
            else:
                self._interrupted = True
                self._cut_within(self._leader)
                self._leader.cancel()

    def cancel(self, task: asyncio.Task[Any]) -> None:
        self._cut_within(task)
        super().cancel(task)

    def _cut_within(self, task: asyncio.Task[Any]) -> None:
        """Dismiss the workers of inner fan-outs that this worker leads: some may be about to continue."""
        inner = self._led.get(task)
        while inner is not None and inner is not self:
            inner.dismiss()
            inner = inner._outer

    def retired(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None and self._failure is None:
            self._failure = task.exception()
            self._interrupt()
        if not self.members:
            self._wake()

    def wanted(self) -> int:
        return self._branches.count - self.taken if self._failure is None else 0

    def is_yielding(self) -> bool:
        return self._run.yielding

    async def _wait(self) -> None:
        """Wait until the last hired worker has retired, or one has failed."""
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _disband(self) -> None:
        """Cancel and await every worker, however often the caller is cancelled meanwhile."""
        self.dismiss()
        while self.members:
            try:
                await self._wait()
            except asyncio.CancelledError as error:
                self._ends_with(error)
