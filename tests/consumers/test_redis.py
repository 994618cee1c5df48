"""Redis Streams keep the contract of all sources, on a real redis-server, and what is Redis's own."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import express
from bench.redis_server import RedisServer
from express.consumers import Pump, connect
from express.errors import SourceError, SourceUnavailable
from tests.consumers.brokers import needs_redis
from tests.consumers.contract import Broker, LeaseContract, fetched, until
from tests.runtime.machines import compiled, machine, state

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from express.consumers import Message, Source

pytestmark = [needs_redis, pytest.mark.slow]

LEASE = 0.3


class _Stream(Broker):
    def __init__(self, server: RedisServer, name: str) -> None:
        super().__init__()
        self.server = server
        self.name = name

    def put(self, *bodies: bytes) -> None:
        with self.server.client() as client:
            for body in bodies:
                client.xadd(self.name, {"body": body})

    def connect(self, **parameters: object) -> Source:
        return connect(self.server.url(self.name, **{"lease": LEASE, **parameters}))

    def closing(self, **parameters: object) -> Source:
        """A consumer of these parameters that is closed with the stream: uvloop does not end with a connection open."""
        self.consumers.append(self.connect(**parameters))
        return self.consumers[-1]

    def dead_letters(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        with self.server.client() as client:
            entries = [fields for _, fields in client.xrange(f"{self.name}:dead")]
        return [(fields.pop("body").encode(), fields) for fields in entries]

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server.start()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


class TestRedis(LeaseContract):
    server: ClassVar[RedisServer]
    streams = 0

    @pytest.fixture(autouse=True)
    def _on(self, server: RedisServer) -> None:
        type(self).server = server

    def play(self, scene: Callable[[Broker], Coroutine[Any, Any, None]]) -> None:
        TestRedis.streams += 1
        express.run(_Stream(self.server, f"contract-{self.streams}").play(scene))


def play(server: RedisServer, name: str, scene: Callable[[_Stream, Any], Coroutine[Any, Any, None]]) -> None:
    """Run a scene on a stream of its own, with a client to look at it."""
    stream = _Stream(server, name)
    with server.client() as client:
        express.run(stream.play(lambda _: scene(stream, client)))


def _bodies(messages: Sequence[Message]) -> list[bytes | None]:
    return [message.body for message in messages]


def test_the_field_can_be_chosen(server: RedisServer) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        client.xadd("fields", {"a": "1", "json": "[2]", "b": "\u00fc"})
        for field, body in (("json", b"[2]"), ("*", b'{"a": "1", "json": "[2]", "b": "\\u00fc"}'), ("none", None)):
            source = stream.closing(field=field, group=f"of-{field}")
            await source.open()
            (message,) = await fetched(source, 1)
            assert message.body == body
            await source.close()
        assert message.problem == "The entry has no field 'none'."

    play(server, "fields", scene)


def test_where_a_new_group_begins(server: RedisServer) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        stream.put(b"before")
        source = stream.closing(start="$")
        await source.open()
        stream.put(b"after")
        messages = await fetched(source, 1)
        assert _bodies(messages) == [b"after"]
        await source.ack(messages)
        await source.close()
        # A group that is there goes on where it was.
        again = stream.closing(start="0")
        await again.open()
        assert await again.fetch(1) == []
        await again.close()

    play(server, "begins", scene)


def test_a_consumer_leaves_the_group_only_when_nothing_is_pending(server: RedisServer) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        stream.put(b"1", b"2")
        source, other = stream.closing(consumer="busy"), stream.closing(consumer="idle")
        for consumer in (source, other):
            await consumer.open()
        await fetched(source, 1)
        await other.ack(await fetched(other, 1))
        await source.close()
        await other.close()
        assert [consumer["name"] for consumer in client.xinfo_consumers("leaves", "workers")] == ["busy"]

    play(server, "leaves", scene)


def test_a_consumer_whose_read_was_cut_off_stays_in_the_group(server: RedisServer) -> None:
    """Redis may have given it messages that nobody has seen."""

    async def scene(stream: _Stream, client: Any) -> None:
        source = stream.closing(consumer="cut-off")
        await source.open()
        stream.put(b"1")
        await source.ack(await fetched(source, 1))
        reading = asyncio.ensure_future(source.fetch(1))
        await until(lambda: client.info("clients")["blocked_clients"])
        reading.cancel()
        await asyncio.wait([reading])
        await source.close()
        assert [consumer["name"] for consumer in client.xinfo_consumers("cut", "workers")] == ["cut-off"]

    play(server, "cut", scene)


def test_a_group_that_is_deleted_is_made_again(server: RedisServer) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        stream.put(b"{}")
        source = stream.closing()
        async with express.Runtime() as runtime:
            pump = Pump(runtime, compiled(machine(A=state("Pass"))), source)
            running = asyncio.ensure_future(pump.run())
            await until(lambda: pump.outcome_counts["succeeded"] == 1)
            client.delete("deleted")
            stream.put(b"{}", b"{}")
            await until(lambda: pump.outcome_counts["succeeded"] == 3)
            pump.stop()
            await running

    play(server, "deleted", scene)


def test_a_stream_that_is_gone_is_made_again_whoever_finds_out(server: RedisServer) -> None:
    """The question for the lag may come first when a server is back without its data; it must not end the pump."""

    async def scene(stream: _Stream, client: Any) -> None:
        source = stream.closing()
        await source.open()
        for _ in range(2):
            client.delete("gone")
            with pytest.raises(SourceUnavailable, match="made again"):
                await source.lag()
        stream.put(b"1")
        assert await source.lag() == 1
        assert _bodies(await fetched(source, 1)) == [b"1"]

    play(server, "gone", scene)


def test_a_message_that_was_trimmed_is_said_to_be_lost(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        stream.put(b"1")
        one, other = stream.consumer(), stream.consumer()
        await one.open()
        await fetched(one, 1)
        client.xtrim("trimmed", 0)

        async def look() -> None:
            while client.xpending("trimmed", "workers")["pending"]:
                assert await other.fetch(1) == []

        async with asyncio.timeout(20):
            await look()

    with caplog.at_level(logging.WARNING, "express"):
        play(server, "trimmed", scene)
    assert "source trimmed.workers: 1 messages were trimmed before they had ended" in caplog.messages


def test_more_leases_than_fit_into_one_command(server: RedisServer) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        pipeline = client.pipeline(transaction=False)
        for number in range(2_500):
            pipeline.xadd("many", {"body": number})
        pipeline.execute()
        source = stream.closing(lease=60)
        await source.open()
        messages = await fetched(source, 2_500)
        assert await source.extend(messages) == []
        await source.dead_letter([(message, {"x-error": "E"}) for message in messages[:1_200]])
        await source.ack(messages[1_200:])
        assert client.xpending("many", "workers")["pending"] == 0
        assert client.xlen("many:dead") == 1_200
        await source.close()

    play(server, "many", scene)


def test_a_user_who_may_not(server: RedisServer) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        client.acl_setuser("weak", enabled=True, passwords=["+secret"], keys=["nothing"], commands=["+ping"])
        for user in ("weak:secret", "weak:wrong"):
            source = connect(stream.server.url("guarded").replace("redis://", f"redis://{user}@"))
            with pytest.raises(SourceError, match=r"^Redis refuses guarded\.workers: ") as refused:
                await source.open()
            assert "secret" not in str(refused.value)

    play(server, "guarded", scene)


@pytest.mark.parametrize("setting", ["maxmemory", "min-replicas-to-write"])
def test_a_server_that_takes_nothing_for_now_is_waited_for(server: RedisServer, setting: str) -> None:
    """Dead letters cannot be written while there is no memory for them, or no replica; they are, later."""

    async def scene(stream: _Stream, client: Any) -> None:
        def filling(body: bytes) -> Any:
            client.config_set(setting, 1)
            raise ValueError("broken")

        stream.put(b"broken")
        try:
            async with express.Runtime() as runtime:
                pump = Pump(runtime, compiled(machine(A=state("Pass"))), stream.closing(lease=60), decode=filling)
                running = asyncio.ensure_future(pump.run())
                await until(lambda: pump.in_flight and not pump.is_connected)
                client.config_set(setting, 0)
                await until(lambda: pump.dead_lettered == 1 and not pump.in_flight)
                await until(lambda: pump.is_connected)
                assert pump.reconnections == 1
                pump.stop()
                await running
        finally:
            client.config_set(setting, 0)
        assert [body for body, _ in stream.dead_letters()] == [b"broken"]

    play(server, f"refused-{setting}", scene)


def test_dead_letters_that_cannot_be_written_end_the_pump_without_telling_the_message(server: RedisServer) -> None:
    async def scene(stream: _Stream, client: Any) -> None:
        client.set("unwritable:dead", "no stream")
        stream.put(b"a secret")
        async with express.Runtime() as runtime:
            with pytest.raises(SourceError) as refused:
                await Pump(runtime, compiled(machine(A=state("Pass"))), stream.closing(lease=60)).run()
        assert str(refused.value) == (
            "Redis cannot serve unwritable.workers: WRONGTYPE Operation against a key holding the wrong kind of value"
        )
        assert client.xpending("unwritable", "workers")["pending"] == 1

    play(server, "unwritable", scene)
