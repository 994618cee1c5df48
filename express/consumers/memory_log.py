"""An in-process log, modelled on a Kafka partition: offsets, one consumer at a time, one committed offset.

Beside `MemoryQueue` it is the other kind of broker: it neither leases nor acknowledges single messages. A message
that ends out of order is committed only when all earlier ones have ended (`watermark`), and a new consumer begins at
the offset its predecessor committed. The log delivers a message once to each consumer; retries wait in the consumer,
which counts the deliveries itself.
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

#: Default for how many offsets a crash may repeat.
MAX_GAP = 1_000


class MemoryLog:
    """Messages by offset, from 0; committed messages are deleted."""

    def __init__(self, name: str = "memory-log") -> None:
        self.name = name
        self.committed = 0
        self.dead_letters: list[DeadLetter] = []
        #: Set to make every call of its consumers fail, as if the broker were down.
        self.is_down = False
        self.arrivals = Arrivals()
        self.is_finished = False
        self._bodies: deque[bytes] = deque()

    def put(self, *events: JSON) -> None:
        """Serialise events as JSON and add them."""
        self.put_bytes(*map(orjson.dumps, events))

    def put_bytes(self, *bodies: bytes) -> None:
        """Add message bodies unchanged; they need not be JSON."""
        self._bodies.extend(bodies)
        self.arrivals.tell()

    def finish(self) -> None:
        """Declare that no more messages follow: the consumers end once every message is committed."""
        self.is_finished = True
        self.arrivals.tell()

    @property
    def end(self) -> int:
        """The offset the next message will get."""
        return self.committed + len(self._bodies)

    def read(self, offset: int, most: int) -> list[bytes]:
        """The bodies of up to `most` messages from this offset on."""
        first = offset - self.committed
        return list(islice(self._bodies, first, first + most))

    def commit(self, offset: int) -> None:
        """Commit and delete everything before the offset."""
        while self.committed < offset:
            self._bodies.popleft()
            self.committed += 1
        if self.is_finished and not self._bodies:
            self.arrivals.tell()


class MemoryLogSource:
    """The consumer of a MemoryLog.

    max_gap: when the furthest message that has ended is this many offsets beyond the committed one, no new messages
    are fetched, because a crash would repeat all of them.
    """

    lease = None

    def __init__(self, log: MemoryLog, *, max_gap: int = MAX_GAP) -> None:
        self.name = log.name
        self._log = log
        self._max_gap = max_gap
        self._next = log.committed
        self._watermark = Watermark(log.committed)
        #: A heap of messages to retry: due time, offset, message.
        self._later: list[tuple[float, int, Message]] = []

    @property
    def commit_gap(self) -> int:
        """Messages from the lowest that has not ended to the furthest that has."""
        return self._watermark.gap

    def _reach(self) -> MemoryLog:
        if self._log.is_down:
            raise SourceUnavailable(f"{self.name} is down")
        return self._log

    async def open(self) -> None:
        """Raise SourceUnavailable if the broker is down; there is nothing to connect to."""
        self._reach()

    async def fetch(self, most: int) -> Sequence[Message] | None:
        """Return up to `most` messages, as `Source.fetch` says; None at the end."""
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
        """Commit up to the first message that has not ended."""
        self._end(self._reach(), messages)

    def _end(self, log: MemoryLog, messages: Sequence[Message]) -> None:
        for message in messages:
            self._watermark.end(message.handle)
        log.commit(self._watermark.committable)

    async def retry(self, messages: Sequence[tuple[Message, float]]) -> None:
        """Deliver each message again, to this consumer, after its delay in seconds."""
        log, now = self._reach(), asyncio.get_running_loop().time()
        for message, delay in messages:
            heappush(self._later, (now + delay, message.handle, message))
        log.arrivals.tell()

    async def dead_letter(self, messages: Sequence[tuple[Message, Mapping[str, str]]]) -> None:
        """Add messages to the log's `dead_letters`, with these headers, and commit as `ack` does."""
        log = self._reach()
        log.dead_letters += [DeadLetter(message.id, message.body or b"", headers) for message, headers in messages]
        self._end(log, [message for message, _ in messages])

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Do nothing: the log belongs to this consumer until it leaves."""
        return ()

    async def lag(self) -> int | None:
        """Messages that this consumer has not fetched yet."""
        return self._reach().end - self._next

    async def close(self) -> None:
        """Do nothing: the next consumer begins at the committed offset."""
