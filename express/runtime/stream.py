"""`Runtime.map` for workflows that may block: a stream of events in, a stream of results out.

Theory of operation. A crew of workers takes events from the source and runs them; the consumer takes results from a
queue. An event is open from the moment it is taken until its result is consumed, and at most `limit` are open, so a
slow consumer stops the source, and memory stays bounded however long the source is. An execution that ends without
waiting puts its result into the queue; one that waits puts a cell there instead, to be filled when it has ended, so
results leave in the order of the events. Unordered, results are queued as executions end.

Only one worker at a time fetches from an asynchronous source; others that find it fetching retire. When the source
fails, the results of all events taken from it are delivered first, then its exception is raised.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING

from express.errors import RuntimeClosed
from express.program import Machine, Run
from express.runtime.beginning import Unbegun
from express.runtime.crew import Crew

if TYPE_CHECKING:
    from express.result import Result
    from express.runtime.runtime import Runtime
    from express.types import JSON

#: After how many results the consumer's turn of the loop is looked at: it may spend time on each.
_CONSUMED = 16

#: The place of a result in the queue, filled when the execution has ended.
Cell = list["Result | None"]


def _closed_too_soon() -> RuntimeClosed:
    return RuntimeClosed("the Runtime was closed before the stream had ended")


class Stream(Crew):
    """One `Runtime.map` call."""

    __slots__ = (
        "_consumed",
        "_consumer",
        "_ended",
        "_failure",
        "_fetch",
        "_fetching",
        "_leading",
        "_machine",
        "_next",
        "_ordered",
        "_parked",
        "_runtime",
        "_yielding",
        "exhausted",
    )

    def __init__(
        self,
        runtime: Runtime,
        machine: Machine,
        events: Iterable[JSON] | AsyncIterable[JSON],
        ordered: bool,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(loop, runtime.max_in_flight)
        self._runtime = runtime
        self._machine = machine
        self._next: Iterator[JSON] | None = None
        self._fetch: AsyncIterator[JSON] | None = None
        if isinstance(events, AsyncIterable):
            self._fetch = aiter(events)
        else:
            self._next = iter(events)
        self._ordered = ordered
        self._ended: deque[Result | Cell] = deque()
        #: How many results have been consumed. The events taken beyond that are open.
        self._consumed = 0
        self._fetching = False
        self._yielding = 0
        self._leading: Run | None = None
        self._parked: deque[asyncio.Future[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self.exhausted = False

    # ------------------------------------------------------------------------------------------ the consumer

    async def results(self) -> AsyncGenerator[Result, None]:
        """Yield all results, until the source is exhausted and the last worker has retired."""
        self._runtime.streams.add(self)
        self.hire()
        ended = self._ended
        try:
            while True:
                # The consumer's slice begins here, if that of this turn has not begun yet.
                self._runtime.has_time()
                while ended:
                    result = ended.popleft()
                    if type(result) is list:
                        if result[0] is None:
                            # A cell: this execution is still running, and the results behind it must wait for it.
                            ended.appendleft(result)
                            break
                        result = result[0]
                    self._consumed += 1
                    if self._parked:
                        self._unpark()
                    yield result  # type: ignore[misc]  # a Result by now
                    if not self._consumed % _CONSUMED and not self._runtime.has_time():
                        await self._runtime.be_fair()
                if not self.members:
                    if self.exhausted:
                        break
                    # The last worker was cancelled, see `_conduct`.
                    self.hire()
                    continue
                self._consumer = self.loop.create_future()
                await self._consumer
            if self._failure is not None:
                raise self._failure
        finally:
            self._runtime.streams.discard(self)
            await self.close()

    @property
    def _open(self) -> int:
        return self.taken - self._consumed

    def _unpark(self) -> None:
        while self._parked:
            parked = self._parked.popleft()
            if not parked.done():
                parked.set_result(None)
                break

    def _tell_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None and not consumer.done():
            consumer.set_result(None)

    def cut(self) -> None:
        """The Runtime is closing: take no more events, and tell the consumer after the results of those taken."""
        if not self.exhausted:
            self._end_source(_closed_too_soon())

    async def close(self) -> None:
        """Stop the workers and wait for them: the consumer has left early, or the Runtime is closing."""
        if self.members and self._failure is None:
            self._failure = _closed_too_soon()
        self.exhausted = True
        self.dismiss()
        if self.members:
            await asyncio.gather(*self.members, return_exceptions=True)

    # ------------------------------------------------------------------------------------------ the workers

    async def work(self) -> None:
        runtime, machine = self._runtime, self._machine
        ended, source = self._ended, self._next
        if runtime.monotonic_ns() > runtime.slice_end:
            # Hundreds of workers may have been hired in one turn.
            await self._be_fair()
        while not self.exhausted and not self._fetching:
            room = self.limit - self._open
            if room <= 0:
                await self._park()
            elif source is None or runtime.must_wait or not machine.reuses_runs:
                await self._run_next(source)
            else:
                before = len(ended)
                begun = runtime.begin_many(machine, source, self.taken, room, runtime.slice_end, ended)
                self.taken += len(ended) - before
                if isinstance(begun, Run):
                    index = self.taken
                    self.taken = index + 1
                    await self._conduct(begun, index, self._reserve())
                elif isinstance(begun, Unbegun):
                    await self._run_alone(begun.event)
                elif begun is not None:
                    self._end_source(begun)
            if self._consumer is not None:
                self._tell_consumer()
            if runtime.looked_ns > runtime.slice_end:
                await self._be_fair()

    async def _run_next(self, source: Iterator[JSON] | None) -> None:
        try:
            event = await self._take_event() if source is None else next(source)
        except BaseException as error:  # noqa: BLE001 - raised again unless it is the source's own
            self._end_source(error)
        else:
            await self._run_alone(event)

    async def _run_alone(self, event: JSON) -> None:
        """Run one event, once the Runtime has a place for it."""
        index = self.taken
        self.taken = index + 1
        if self._runtime.must_wait:
            await self._run_in_turn(event, index)
            return
        begun = self._runtime.begin(self._machine, event)
        if isinstance(begun, Run):
            await self._conduct(begun, index, self._reserve())
        else:
            begun.index = index
            self._ended.append(begun)

    def _end_source(self, end: BaseException) -> None:
        """Take no more events: the source is exhausted or has failed.

        Raises what is no failure of the source: the cancellation of this worker, and exceptions that end the program.
        """
        is_cancelled = isinstance(end, asyncio.CancelledError) and not self._runtime.cancelling()
        if not (is_cancelled or isinstance(end, Exception)):
            try:
                raise end
            finally:
                # Its traceback references this frame.
                del end
        self.exhausted = True
        if not isinstance(end, StopIteration | StopAsyncIteration):
            self._failure = end
        self._tell_consumer()

    async def _be_fair(self) -> None:
        self._yielding += 1
        try:
            await self._runtime.be_fair()
        finally:
            self._yielding -= 1

    def _reserve(self) -> Cell | None:
        """Reserve the place of a future result in the order; None if the stream is unordered."""
        if not self._ordered:
            return None
        cell: Cell = [None]
        self._ended.append(cell)
        return cell

    def _put(self, result: Result, index: int, cell: Cell | None) -> None:
        result.index = index
        if cell is None:
            self._ended.append(result)
        else:
            cell[0] = result

    async def _run_in_turn(self, event: JSON, index: int) -> None:
        """Run an event once the Runtime has a place for it; later starts may get theirs first."""
        cell = self._reserve()
        await self._runtime.acquire()
        begun = self._runtime.begin(self._machine, event)
        if isinstance(begun, Run):
            await self._conduct(begun, index, cell)
        else:
            self._put(begun, index, cell)

    async def _conduct(self, run: Run, index: int, cell: Cell | None) -> None:
        """Drive an execution that waits."""
        self._leading = run
        self.watch()
        try:
            result = await self._runtime.conduct(run)
        except asyncio.CancelledError:
            # Its handler has cancelled the current task, a worker's: that aborts the execution, as anywhere.
            # (Or the stream is closing; then nobody looks at the result.)
            self._put(self._runtime.aborted(run), index, cell)
            raise
        self._put(result, index, cell)

    async def _take_event(self) -> JSON:
        assert self._fetch is not None
        self._fetching = True
        try:
            return await anext(self._fetch)
        finally:
            self._fetching = False

    async def _park(self) -> None:
        """Wait until the consumer has taken a result."""
        parked = self.loop.create_future()
        self._parked.append(parked)
        await parked

    # ------------------------------------------------------------------------------------------ the crew

    def wanted(self) -> int:
        if self.exhausted or self._fetching or self._parked:
            return 0
        return 1 if self._fetch is not None else self.limit - self._open

    def is_yielding(self) -> bool:
        return self._yielding > 0 or (self._leading is not None and self._leading.yielding)

    def retired(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None and self._failure is None:
            error = task.exception()
            self.exhausted = True
            self._failure = error
        if not self.members and not self._fetching and not self.exhausted and self._open < self.limit:
            # All other workers retired while one was fetching, and that one has ended: another must continue.
            self.hire()
        self._tell_consumer()
