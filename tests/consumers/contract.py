"""What every source promises, tried on each of them: a broker's tests subclass `SourceContract` and say how to reach it.

A test is a coroutine over a `Broker`, which puts messages in, hands out consumers and shows what was collected. The
memory queue runs it in virtual time, a real broker in real time with a short lease; so nothing waits for a time to
pass, only for what is to happen (`until`), which is bounded.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from express.consumers import Message, Source

#: Seconds after which what was to happen has not.
PATIENCE = 20.0

#: Seconds, less than any lease here.
_DELAY = 0.15
_REASON = {"x-error": "Broken", "x-cause": "It \u2260 works.", "x-delivery-count": "1"}


class Broker(ABC):
    """One stream, queue or topic of one group of consumers, empty at first."""

    def __init__(self) -> None:
        self.consumers: list[Source] = []

    @abstractmethod
    def put(self, *bodies: bytes) -> None: ...

    @abstractmethod
    def connect(self) -> Source:
        """Another consumer of the group; its lease is half a second or less."""

    def consumer(self) -> Source:
        """One that is closed with the broker."""
        self.consumers.append(self.connect())
        return self.consumers[-1]

    async def play(self, scene: Callable[[Broker], Coroutine[Any, Any, None]]) -> None:
        try:
            await scene(self)
        finally:
            for consumer in self.consumers:
                await consumer.close()

    @abstractmethod
    def dead_letters(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        """Bodies and headers of what was collected."""

    @abstractmethod
    def stop(self) -> None:
        """Go away, with all that was put in."""

    @abstractmethod
    def start(self) -> None:
        """Come back."""


async def until(condition: Callable[[], Any], what: str = "it has happened") -> None:
    """Give the loop a turn until the condition holds. Raises TimeoutError, in time of the loop."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for may be in another process
            await asyncio.sleep(0.005)


async def fetched(source: Source, count: int) -> list[Message]:
    """So many messages, however many times one has to ask."""
    messages: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        while len(messages) < count:
            messages += await source.fetch(count - len(messages)) or ()
    return messages


class SourceContract(ABC):
    """Subclass it in the tests of a broker."""

    @abstractmethod
    def play(self, scene: Callable[[Broker], Coroutine[Any, Any, None]]) -> None:
        """Run a scene on a broker of its own, and leave nothing behind."""

    def test_messages_are_delivered_in_order_and_once(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(*(b"%d" % number for number in range(10)))
            source = broker.consumer()
            await source.open()
            first = await fetched(source, 4)
            rest = await fetched(source, 6)
            assert [message.body for message in (*first, *rest)] == [b"%d" % number for number in range(10)]
            assert {message.deliveries for message in (*first, *rest)} == {1}
            assert len({message.id for message in (*first, *rest)}) == 10
            await source.ack([*first, *rest])
            assert await source.fetch(10) == []

        self.play(scene)

    def test_no_more_than_was_asked_for(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"1", b"2", b"3")
            source = broker.consumer()
            await source.open()
            assert len(await source.fetch(2) or ()) == 2
            assert len(await source.fetch(2) or ()) == 1

        self.play(scene)

    def test_whoever_waits_gets_what_arrives(self) -> None:
        async def scene(broker: Broker) -> None:
            source = broker.consumer()
            await source.open()
            waiting = asyncio.ensure_future(fetched(source, 1))
            await asyncio.wait([waiting], timeout=0.05)
            broker.put(b"late")
            assert [message.body for message in await waiting] == [b"late"]

        self.play(scene)

    def test_a_message_to_be_tried_again_comes_after_its_delay(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"soon", b"at once")
            source = broker.consumer()
            await source.open()
            loop = asyncio.get_running_loop()
            soon, at_once = await fetched(source, 2)
            begun = loop.time()
            await source.retry([(soon, _DELAY), (at_once, 0.0)])
            again = await fetched(source, 2)
            assert sorted((message.body or b"", message.deliveries) for message in again) == [
                (b"at once", 2),
                (b"soon", 2),
            ]
            assert loop.time() - begun >= _DELAY - 0.01

        self.play(scene)

    def test_dead_letters_carry_why(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"poison", b"fine")
            source = broker.consumer()
            await source.open()
            poison, fine = await fetched(source, 2)
            await source.dead_letter([(poison, _REASON)])
            ((body, headers),) = broker.dead_letters()
            assert body == b"poison"
            assert headers.items() >= _REASON.items()
            await source.ack([fine])
            assert await source.fetch(1) == []

        self.play(scene)

    def test_the_lag_is_what_nobody_has(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"1", b"2", b"3")
            source = broker.consumer()
            await source.open()
            assert await source.lag() == 3
            messages = await fetched(source, 2)
            assert await source.lag() == 1
            await source.ack(messages)
            await fetched(source, 1)
            assert await source.lag() == 0

        self.play(scene)

    @pytest.mark.slow
    def test_a_broker_that_is_away_is_said_to_be_and_comes_back_with_everything(self) -> None:
        from express.errors import SourceUnavailable

        async def scene(broker: Broker) -> None:
            broker.put(b"1", b"2")
            source = broker.consumer()
            await source.open()
            (first,) = await fetched(source, 1)
            broker.stop()
            with pytest.raises(SourceUnavailable):
                await source.fetch(1)
            with pytest.raises(SourceUnavailable):
                await source.ack([first])
            with pytest.raises(SourceUnavailable):
                await source.lag()
            with pytest.raises(SourceUnavailable):
                await broker.consumer().open()
            broker.start()
            await _once_back(source.ack([first]), lambda: source.ack([first]))
            assert [message.body for message in await fetched(source, 1)] == [b"2"]

        self.play(scene)


class LeaseContract(SourceContract):
    """For brokers where several consumers share, each with a lease for each message."""

    def test_consumers_share(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(*(b"%d" % number for number in range(6)))
            one, other = broker.consumer(), broker.consumer()
            await one.open()
            await other.open()
            taken = [*await fetched(one, 3), *await fetched(other, 3)]
            assert sorted(message.body or b"" for message in taken) == [b"%d" % number for number in range(6)]

        self.play(scene)

    def test_a_message_that_was_acknowledged_never_comes_again(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"done", b"not done")
            gone, other = broker.consumer(), broker.consumer()
            await gone.open()
            await other.open()
            done, _ = await fetched(gone, 2)
            await gone.ack([done])
            await gone.ack([done])
            await gone.close()
            rest = await fetched(other, 1)
            assert [(message.body, message.deliveries) for message in rest] == [(b"not done", 2)]
            await other.ack(rest)
            assert await other.fetch(1) == []

        self.play(scene)

    def test_a_lease_that_is_extended_keeps_its_message(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"mine", b"anybody's")
            keeper, other = broker.consumer(), broker.consumer()
            await keeper.open()
            await other.open()
            mine, _ = await fetched(keeper, 2)
            taken: list[Message] = []
            async with asyncio.timeout(PATIENCE):
                while not taken:
                    assert await keeper.extend([mine]) == []
                    taken += await other.fetch(1) or ()
            assert [message.body for message in taken] == [b"anybody's"]
            await keeper.ack([mine])

        self.play(scene)

    def test_extending_is_no_delivery(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"once")
            one, other = broker.consumer(), broker.consumer()
            await one.open()
            await other.open()
            messages = await fetched(one, 1)
            for _ in range(5):
                assert await one.extend(messages) == []
            assert [message.deliveries for message in await fetched(other, 1)] == [2]

        self.play(scene)

    def test_a_lease_that_was_lost_is_told_and_not_taken_back(self) -> None:
        async def scene(broker: Broker) -> None:
            broker.put(b"slow")
            slow, other = broker.consumer(), broker.consumer()
            await slow.open()
            await other.open()
            lost = await fetched(slow, 1)
            taken = await fetched(other, 1)
            assert await slow.extend(lost) == lost
            assert await other.extend(taken) == []

        self.play(scene)

    def test_a_message_that_was_lost_is_not_given_back(self) -> None:
        """It is another's, who works at it: neither taken from there nor delivered once more."""

        async def scene(broker: Broker) -> None:
            broker.put(b"slow")
            slow, other = broker.consumer(), broker.consumer()
            await slow.open()
            await other.open()
            lost = await fetched(slow, 1)
            taken = await fetched(other, 1)
            await slow.retry([(message, 0) for message in lost])
            assert await other.extend(taken) == []

        self.play(scene)


async def _once_back(first: Coroutine[Any, Any, None], again: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A connection from before may be found broken once."""
    from express.errors import SourceUnavailable

    try:
        await first
    except SourceUnavailable:
        await again()
