"""What a broker provides to feed a Runtime: the `Source` protocol, and the `Message` it delivers.

A source knows one broker and nothing of workflows; the pump knows workflows and nothing of brokers. Messages travel
between them in batches, because a round trip for each would cost ten times as much as an execution.

A message belongs to its consumer for a `lease`. `ack`, `retry` or `dead_letter` settles it. A message settled by none
of them (its consumer died, or left it) goes to another consumer when its lease expires. Every message is thus
delivered at least once, and some by design more than once. Brokers without leases (Kafka, where a partition belongs
to a consumer) have none to extend, and commit everything below the low-water mark when `ack` reports that a message
above it has ended; the distance between the two is the `commit_gap`.

Every method may raise SourceUnavailable, which makes the pump try again, and SourceError, which ends the pump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Message:
    """One delivery of a message.

    id: the broker's id, unique within the source and the same in each delivery.
    body: its bytes; None if it has none, with the reason in `problem`.
    deliveries: how often it has been delivered, this time included.
    handle: the source's own reference to the message.
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
        #: The pump's state: fetch time (monotonic nanoseconds), execution, whether that has ended, and whether the
        #: lease was lost to another consumer.
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
        """The name in metrics and execution names: low in cardinality, the same in every process and at every start."""
        ...

    @property
    def lease(self) -> float | None:
        """Seconds a message belongs to its consumer unless extended; None if it belongs to it until it leaves."""
        ...

    @property
    def commit_gap(self) -> int:
        """Messages from the lowest that has not ended to the furthest that has.

        A crash now would deliver those again that are done. 0 if each message is acknowledged by itself.
        """
        ...

    async def open(self) -> None:
        """Connect and create what is missing. Repeating it is no error; after a failure nothing stays open."""
        ...

    async def fetch(self, most: int) -> Sequence[Message] | None:
        """Return up to `most` messages: new ones, retries, and those of consumers that are gone.

        Waits for the first, about a second at most, then returns none. None instead of a sequence: the source is
        exhausted.
        """
        ...

    async def ack(self, messages: Sequence[Message]) -> None:
        """Acknowledge messages. It is no error to repeat this, or to acknowledge one whose lease was lost."""
        ...

    async def retry(self, messages: Sequence[tuple[Message, float]]) -> None:
        """Redeliver each message after its delay in seconds or, at the latest, after a lease."""
        ...

    async def dead_letter(self, messages: Sequence[tuple[Message, Mapping[str, str]]]) -> None:
        """Move messages to the dead letters, with these headers; they are not delivered again."""
        ...

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Restart the leases; return the messages that other consumers own by now."""
        ...

    async def lag(self) -> int | None:
        """Messages that wait for any consumer of the group; None if the broker does not know."""
        ...

    async def close(self) -> None:
        """Disconnect. Unsettled messages stay with the broker."""
        ...
