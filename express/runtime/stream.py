"""`Runtime.map` for workflows that may block: a stream of events in, a stream of results out.

Theory of operation. A crew of workers takes events from the source and runs them; the consumer takes results from a
buffer. An event counts as open from being taken until its result is consumed, and no more than `limit` are open, so
a slow consumer stops the source and memory stays bounded whatever its length. Results leave in the order of the
events through cells filled as executions end, or as they end when unordered.

Only one worker at a time fetches from an asynchronous source; whoever comes by meanwhile goes home. When the source
fails, the results of everything taken from it are delivered first, then its exception is raised.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING

from express.program import SLICE_NS, Machine, Run
from express.runtime.crew import Crew

if TYPE_CHECKING:
    from express.result import Result
    from express.runtime.runtime import Runtime
    from express.types import JSON

#: A result on its way: filled when the execution has ended.
Cell = list["Result | None"]


class Stream(Crew):
    """One `Runtime.map` call."""

    __slots__ = (
        "_cells",
        "_consumer",
        "_failure",
        "_fetch",
        "_fetching",
        "_leading",
        "_machine",
        "_next",
        "_open",
        "_ordered",
        "_parked",
        "_ready",
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
        self._cells: deque[Cell] = deque()
        self._ready: deque[Result] = deque()
        self._open = 0
        self._fetching = False
        self._yielding = False
        self._leading: Run | None = None
        self._parked: deque[asyncio.Future[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self.exhausted = False

    # ------------------------------------------------------------------------------------------ the consumer

    async def results(self) -> AsyncIterator[Result]:
        """Every result, until the source is exhausted and the last execution has ended."""
        self.hire()
        try:
            while True:
                result = self._take()
                if result is not None:
                    yield result
                elif self.exhausted and not self._open:
                    break
                else:
                    self._consumer = self.loop.create_future()
                    await self._consumer
            if self._failure is not None:
                raise self._failure
        finally:
            await self._close()

    def _take(self) -> Result | None:
        if self._ordered:
            if not self._cells or self._cells[0][0] is None:
                return None
            result = self._cells.popleft()[0]
        else:
            result = self._ready.popleft() if self._ready else None
        if result is not None:
            self._open -= 1
            if self._parked:
                self._unpark()
        return result

    def _unpark(self) -> None:
        parked = self._parked.popleft()
        if not parked.done():
            parked.set_result(None)

    def _tell_consumer(self) -> None:
        consumer = self._consumer
        if consumer is not None and not consumer.done():
            consumer.set_result(None)

    async def _close(self) -> None:
        """Stop what still runs (the consumer may have left early) and wait for it."""
        self.exhausted = True
        self.dismiss()
        if self.members:
            await asyncio.gather(*self.members, return_exceptions=True)

    # ------------------------------------------------------------------------------------------ the workers

    async def work(self) -> None:
        runtime, machine = self._runtime, self._machine
        now = runtime.monotonic_ns
        slice_end = now() + SLICE_NS
        while not self.exhausted and not self._fetching:
            if self._open >= self.limit:
                await self._park()
                continue
            if runtime.is_full:
                await runtime.acquire()
            self._open += 1
            fetched, event = await self._take_event() if self._next is None else self._next_event(self._next)
            if not fetched:
                self._open -= 1
                self._tell_consumer()
                return
            cell: Cell = [None]
            if self._ordered:
                self._cells.append(cell)
            opened = runtime.open(machine, event)
            if isinstance(opened, Run):
                self._leading = opened
                self.watch()
                result = await runtime.conduct(opened)
            else:
                result = opened
            if self._ordered:
                cell[0] = result
            else:
                self._ready.append(result)
            self._tell_consumer()
            if now() > slice_end:
                self._yielding = True
                await asyncio.sleep(0)
                self._yielding = False
                slice_end = now() + SLICE_NS

    def _next_event(self, source: Iterator[JSON]) -> tuple[bool, JSON]:
        try:
            return True, next(source)
        except StopIteration:
            self.exhausted = True
        except Exception as error:  # noqa: BLE001 - the source's own failure, handed to the consumer
            self.exhausted, self._failure = True, error
        return False, None

    async def _take_event(self) -> tuple[bool, JSON]:
        assert self._fetch is not None
        self._fetching = True
        try:
            return True, await anext(self._fetch)
        except StopAsyncIteration:
            self.exhausted = True
        except Exception as error:  # noqa: BLE001 - the source's own failure, handed to the consumer
            self.exhausted, self._failure = True, error
        finally:
            self._fetching = False
        return False, None

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
        return self._yielding or (self._leading is not None and self._leading.yielding)

    def retired(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None and self._failure is None:
            error = task.exception()
            self.exhausted = True
            self._failure = error if isinstance(error, Exception) else None
        if not self.members and not self._fetching and not self.exhausted and self._open < self.limit:
            # Everyone went home while one was fetching, and that one has ended: somebody must go on.
            self.hire()
        self._tell_consumer()
