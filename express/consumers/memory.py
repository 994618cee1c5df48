"""An in-process broker: for tests, for embedding, and as the reference for the other sources.

`MemoryQueue` holds the messages, each `MemorySource` is one consumer of it, and both behave like a real broker:
leases expire and messages go to another consumer, deliveries are counted, dead letters are kept, the broker goes down
and comes back. Time is the event loop's, so a lease of minutes passes at once under `express.testing.run_virtual`.
Messages do not outlive the process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from express.consumers.arrivals import Arrivals
from express.consumers.source import Message
from express.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from express.types import JSON


class _Entry:
    """A message in the queue; `owner` holds it until `due` on the event loop's clock."""

    __slots__ = ("body", "deliveries", "due", "id", "owner")

    def __init__(self, id: str, body: bytes) -> None:  # noqa: A002 - the brokers' own word for it
        self.id = id
        self.body = body
        self.deliveries = 0
        self.owner: MemorySource | None = None
        self.due = 0.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`headers`: the reason and the execution (`x-error`, `x-cause`, `x-delivery-count`, `x-execution-arn`)."""

    id: str
    body: bytes
    headers: Mapping[str, str]


class MemoryQueue:
    """A queue that delivers messages in insertion order.

    lease: seconds a message belongs to the consumer that fetched it.
    """

    def __init__(self, name: str = "memory", *, lease: float = 30.0) -> None:
        if lease <= 0:
            raise ValueError("lease must be positive")
        self.name = name
        self.lease = lease
        self.dead_letters: list[DeadLetter] = []
        #: Set to make every call of its sources fail, as if the broker were down.
        self.is_down = False
        self.arrivals = Arrivals()
        self._sequence = 0
        #: Messages ready for delivery; leased messages in the order their leases expire (all have the same length); and
        #: a heap of messages that wait for a retry, by due time.
        self._ready: deque[_Entry] = deque()
        self._held: dict[str, _Entry] = {}
        self._later: list[tuple[float, str, _Entry]] = []
        self._finished = False

    def put(self, *events: JSON) -> None:
        """Serialise events as JSON and add them."""
        self.put_bytes(*map(orjson.dumps, events))

    def put_bytes(self, *bodies: bytes) -> None:
        """Add message bodies unchanged; they need not be JSON."""
        for body in bodies:
            self._sequence += 1
            self._ready.append(_Entry(str(self._sequence), body))
        self.arrivals.tell()

    def finish(self) -> None:
        """Declare that no more messages follow: the sources end once every message is settled."""
        self._finished = True
        self.arrivals.tell()

    @property
    def waiting(self) -> int:
        """Messages ready for delivery, without those that wait for a retry delay."""
        return len(self._ready)

    @property
    def unsettled(self) -> int:
        """Messages that have not been settled."""
        return len(self._ready) + len(self._held) + len(self._later)

    # ------------------------------------------------------------------------------------------ for its sources

    def take(self, consumer: MemorySource, most: int) -> list[Message]:
        """Lease up to `most` messages to the consumer; none if none is ready."""
        now = asyncio.get_running_loop().time()
        self._let_go(now)
        ready, held, due = self._ready, self._held, now + self.lease
        taken = []
        for _ in range(min(most, len(ready))):
            entry = ready.popleft()
            entry.deliveries += 1
            entry.owner, entry.due = consumer, due
            held[entry.id] = entry
            taken.append(Message(entry.id, entry.body, entry.deliveries))
        return taken

    def _let_go(self, now: float) -> None:
        """Make messages ready whose lease has expired or whose retry delay is over."""
        while self._held:
            first = next(iter(self._held.values()))
            if first.due > now:
                break
            self._ready.append(self._held.pop(first.id))
        while self._later and self._later[0][0] <= now:
            self._ready.append(heappop(self._later)[2])

    def settle(self, ids: Iterable[str]) -> None:
        """Drop settled messages; one that is ready again because its lease expired is delivered once more."""
        for id_ in ids:
            self._held.pop(id_, None)
        if self.is_exhausted:
            self.arrivals.tell()

    def give_back(self, consumer: MemorySource, id_: str, delay: float) -> None:
        """Deliver a message again after `delay` seconds; nothing if the consumer does not hold it any more."""
        if self._owned(consumer, id_):
            heappush(self._later, (asyncio.get_running_loop().time() + delay, id_, self._held.pop(id_)))
            self.arrivals.tell()

    def extend(self, consumer: MemorySource, id_: str) -> bool:
        """Restart the lease of a message; False if the consumer does not hold it any more."""
        if not self._owned(consumer, id_):
            return False
        entry = self._held[id_] = self._held.pop(id_)
        entry.due = asyncio.get_running_loop().time() + self.lease
        return True

    def _owned(self, consumer: MemorySource, id_: str) -> bool:
        entry = self._held.get(id_)
        return entry is not None and entry.owner is consumer

    @property
    def is_exhausted(self) -> bool:
        """Whether no message is left and none will follow."""
        return self._finished and not self.unsettled

    @property
    def due(self) -> float | None:
        """When the next leased or delayed message becomes ready, on the event loop's clock; None if there is none."""
        times = [entry.due for entry in islice(self._held.values(), 1)]
        times += [at for at, _, _ in self._later[:1]]
        return min(times, default=None)


class MemorySource:
    """A consumer of a MemoryQueue."""

    commit_gap = 0

    def __init__(self, queue: MemoryQueue) -> None:
        self.name = queue.name
        self.lease = queue.lease
        self._queue = queue

    def _reach(self) -> MemoryQueue:
        if self._queue.is_down:
            raise SourceUnavailable(f"{self.name} is down")
        return self._queue

    async def open(self) -> None:
        """Raise SourceUnavailable if the broker is down; there is nothing to connect to."""
        self._reach()

    async def fetch(self, most: int) -> Sequence[Message] | None:
        """Return up to `most` messages, as `Source.fetch` says; None at the end."""
        queue = self._reach()
        taken = queue.take(self, most)
        if not taken and not queue.is_exhausted:
            await queue.arrivals.wait(queue.due)
            taken = self._reach().take(self, most)
        return None if not taken and queue.is_exhausted else taken

    async def ack(self, messages: Sequence[Message]) -> None:
        """Settle messages whose executions have ended."""
        self._reach().settle(message.id for message in messages)

    async def retry(self, messages: Sequence[tuple[Message, float]]) -> None:
        """Deliver each message again after its delay in seconds, a lease at most."""
        queue = self._reach()
        for message, delay in messages:
            queue.give_back(self, message.id, min(delay, self.lease))

    async def dead_letter(self, messages: Sequence[tuple[Message, Mapping[str, str]]]) -> None:
        """Settle messages by adding them to the queue's `dead_letters`, with these headers."""
        queue = self._reach()
        queue.dead_letters += [DeadLetter(message.id, message.body or b"", headers) for message, headers in messages]
        queue.settle(message.id for message, _ in messages)

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Restart the leases; return the messages that other consumers hold by now."""
        queue = self._reach()
        return [message for message in messages if not queue.extend(self, message.id)]

    async def lag(self) -> int | None:
        """Messages ready for delivery."""
        return self._reach().waiting

    async def close(self) -> None:
        """Do nothing: there is no connection, and unsettled messages return when their leases expire."""
