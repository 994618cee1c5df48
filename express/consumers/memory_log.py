"""A log in this process, as a partition of Kafka is one: offsets, one consumer at a time, one committed number.

Beside `MemoryQueue` it is the other kind of broker: nothing is leased and nothing acknowledged by itself. What has
ended out of order waits for what has not (`watermark`), and a consumer that comes after another begins at what that
had committed. A log delivers a message once to each consumer; what is to be tried again waits in the consumer, which
counts the deliveries by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from express.consumers.arrivals import Arrivals
from express.consumers.memory import DeadLetter
from express.consumers.source import Message
from express.consumers.watermark import Watermark
from express.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from express.types import JSON

#: What a crash may cost in repetition, unless told otherwise.
MAX_GAP = 1_000


class MemoryLog:
    """Messages by offset, from 0; those that are committed are forgotten."""

    def __init__(self, name: str = "memory-log") -> None:
        self.name = name
        self.committed = 0
        self.dead_letters: list[DeadLetter] = []
        #: Set to let every call of its consumers fail, as if the broker had gone.
        self.is_down = False
        self.arrivals = Arrivals()
        self.is_finished = False
        self._bodies: deque[bytes] = deque()

    def put(self, *events: JSON) -> None:
        """Add events, which are written as JSON."""
        self.put_bytes(*map(orjson.dumps, events))

    def put_bytes(self, *bodies: bytes) -> None:
        """Add messages as they are, also those that are no JSON."""
        self._bodies.extend(bodies)
        self.arrivals.tell()

    def finish(self) -> None:
        """Nothing more will be put in: when all of it has ended, so do its consumers."""
        self.is_finished = True
        self.arrivals.tell()

    @property
    def end(self) -> int:
        """The offset of the next message to be put in."""
        return self.committed + len(self._bodies)

    def read(self, offset: int, most: int) -> list[bytes]:
        first = offset - self.committed
        return list(islice(self._bodies, first, first + most))

    def commit(self, offset: int) -> None:
        """Everything before the offset is done."""
        while self.committed < offset:
            self._bodies.popleft()
            self.committed += 1
        if self.is_finished and not self._bodies:
            self.arrivals.tell()


class MemoryLogSource:
    """The consumer of a MemoryLog.

    max_gap: offsets that may lie between what is committed and the furthest message that has ended; nothing new is
    fetched beyond, because all of them are done again after a crash.
    """

    lease = None

    def __init__(self, log: MemoryLog, *, max_gap: int = MAX_GAP) -> None:
        self.name = log.name
        self._log = log
        self._max_gap = max_gap
        self._next = log.committed
        self._watermark = Watermark(log.committed)
        #: When, in which order and what is to be tried again.
        self._later: list[tuple[float, int, Message]] = []

    @property
    def commit_gap(self) -> int:
        return self._watermark.gap

    def _reach(self) -> MemoryLog:
        if self._log.is_down:
            raise SourceUnavailable(f"{self.name} is down")
        return self._log

    async def open(self) -> None:
        self._reach()

    async def fetch(self, most: int) -> Sequence[Message] | None:
        log = self._reach()
        taken = self._take(log, most)
        if not taken and not self._is_exhausted(log):
            await log.arrivals.wait(self._later[0][0] if self._later else None)
            taken = self._take(self._reach(), most)
        return None if not taken and self._is_exhausted(log) else taken

    def _is_exhausted(self, log: MemoryLog) -> bool:
        return log.is_finished and log.committed == log.end

    def _take(self, log: MemoryLog, most: int) -> list[Message]:
        now = asyncio.get_running_loop().time()
        taken: list[Message] = []
        while self._later and self._later[0][0] <= now and len(taken) < most:
            before = heappop(self._later)[2]
            taken.append(Message(before.id, before.body, before.deliveries + 1, before.handle))
        if self.commit_gap < self._max_gap:
            for body in log.read(self._next, most - len(taken)):
                self._watermark.begin(self._next)
                taken.append(Message(str(self._next), body, 1, self._next))
                self._next += 1
        return taken

    async def ack(self, messages: Sequence[Message]) -> None:
        self._end(self._reach(), messages)

    def _end(self, log: MemoryLog, messages: Sequence[Message]) -> None:
        for message in messages:
            self._watermark.end(message.handle)
        log.commit(self._watermark.committable)

    async def retry(self, messages: Sequence[tuple[Message, float]]) -> None:
        log, now = self._reach(), asyncio.get_running_loop().time()
        for message, delay in messages:
            heappush(self._later, (now + delay, message.handle, message))
        log.arrivals.tell()

    async def dead_letter(self, messages: Sequence[tuple[Message, Mapping[str, str]]]) -> None:
        log = self._reach()
        log.dead_letters += [DeadLetter(message.id, message.body or b"", headers) for message, headers in messages]
        self._end(log, [message for message, _ in messages])

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """There is nothing to extend: the log is this consumer's until it leaves."""
        return ()

    async def lag(self) -> int | None:
        return self._reach().end - self._next

    async def close(self) -> None:
        """Whoever comes next begins at what was committed."""
