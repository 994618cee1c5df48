"""What a broker has to offer to feed a Runtime: the `Source` protocol, and the `Message` it hands out.

A source knows one broker and nothing of workflows; the pump knows workflows and nothing of brokers. Between them
messages travel in batches, because a round trip for each would cost ten times what an execution costs.

A message belongs to its consumer for a `lease`. It ends by `ack`, `retry` or `dead_letter`; one that ends by none of
them (its consumer died, or left it) is given to another consumer once its lease has run out. So every message is
delivered at least once, and some more than once: by design, never by accident. Brokers without leases (Kafka, where a
partition belongs to a consumer) have none to extend, and commit what lies below their low-water mark when `ack` says
that something above it has ended; how far the two are apart is their `commit_gap`.

Every method may raise SourceUnavailable, which the pump takes as "try again", and SourceError, which ends the pump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Message:
    """One delivery of a message.

    id: what the broker calls it, unique within the source and the same in each delivery.
    body: its bytes; None where it has none, and `problem` says so.
    deliveries: how often it has been delivered, this time included.
    handle: whatever the source needs to find it again.
    """

    __slots__ = ("begun_ns", "body", "deliveries", "ended", "execution", "handle", "id", "lost", "problem")

    def __init__(
        self,
        id: str,  # noqa: A002 - the brokers' own word for it
        body: bytes | None,
        deliveries: int = 1,
        handle: Any = None,
        problem: str = "",
    ) -> None:
        self.id = id
        self.body = body
        self.deliveries = deliveries
        self.handle = handle
        self.problem = problem
        #: The pump's own: when it was fetched (monotonic nanoseconds), what runs for it, whether that has ended, and
        #: whether its lease has been lost to another consumer.
        self.begun_ns = 0
        self.execution: Any = None
        self.ended = False
        self.lost = False

    def __repr__(self) -> str:
        return f"<Message {self.id} delivery {self.deliveries}>"


class Source(Protocol):
    """One consumer of a stream, queue or topic."""

    @property
    def name(self) -> str:
        """What metrics and execution names call it: one of few, the same in every process and at every start."""
        ...

    @property
    def lease(self) -> float | None:
        """Seconds a message belongs to its consumer unless that extends it; None where it does until it leaves."""
        ...

    @property
    def commit_gap(self) -> int:
        """Messages from the lowest that has not ended to the furthest that has: what a crash now would deliver again
        although it was done. 0 where each message is acknowledged by itself."""
        ...

    async def open(self) -> None:
        """Connect, and make what has to be there. Doing so twice is no error; where it fails nothing stays open."""
        ...

    async def fetch(self, most: int) -> Sequence[Message] | None:
        """Up to so many messages: new ones, those to be tried again, those of consumers that are gone.

        Waits for the first, but no longer than about a second, and gives none then. None: there will never be another.
        """
        ...

    async def ack(self, messages: Sequence[Message]) -> None:
        """They are done. Doing so twice is no error, nor for one whose lease was lost."""
        ...

    async def retry(self, messages: Sequence[tuple[Message, float]]) -> None:
        """Deliver them again, each after so many seconds or, at the latest, after a lease."""
        ...

    async def dead_letter(self, messages: Sequence[tuple[Message, Mapping[str, str]]]) -> None:
        """Put them where dead letters are collected, with these headers, and deliver them no more."""
        ...

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Let their leases begin anew. Those that cannot, because another consumer has them by now."""
        ...

    async def lag(self) -> int | None:
        """Messages that wait for any consumer of the same group; None where the broker does not know."""
        ...

    async def close(self) -> None:
        """Disconnect. Messages that have not ended stay with the broker."""
        ...
