"""Redis Streams keep the contract of all sources, on a real redis-server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import express
from bench.redis_server import RedisServer, installed
from express.consumers import connect
from tests.consumers.contract import Broker, SourceContract

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from express.consumers import Source

LEASE = 0.3


class _Stream(Broker):
    def __init__(self, server: RedisServer, name: str) -> None:
        super().__init__()
        self._server = server
        self._name = name

    def put(self, *bodies: bytes) -> None:
        with self._server.client() as client:
            for body in bodies:
                client.xadd(self._name, {"body": body})

    def connect(self) -> Source:
        return connect(self._server.url(self._name, lease=LEASE))

    def dead_letters(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        with self._server.client() as client:
            entries = [fields for _, fields in client.xrange(f"{self._name}:dead")]
        return [(fields.pop("body").encode(), fields) for fields in entries]

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@needs_redis
@pytest.mark.slow
class TestRedis(SourceContract):
    server: ClassVar[RedisServer]
    streams = 0

    @pytest.fixture(autouse=True)
    def _on(self, server: RedisServer) -> None:
        type(self).server = server

    def play(self, scene: Callable[[Broker], Coroutine[Any, Any, None]]) -> None:
        TestRedis.streams += 1
        express.run(_Stream(self.server, f"contract-{self.streams}").play(scene))
