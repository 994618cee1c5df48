"""The queue in memory keeps the contract of all sources, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from express.consumers import MemoryQueue, MemorySource
from express.testing import run_virtual
from tests.consumers.contract import Broker, LeaseContract, fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence


class _Memory(Broker):
    def __init__(self) -> None:
        super().__init__()
        self.queue = MemoryQueue(lease=0.5)

    def put(self, *bodies: bytes) -> None:
        self.queue.put_bytes(*bodies)

    def connect(self) -> MemorySource:
        return MemorySource(self.queue)

    def dead_letters(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        return [(letter.body, letter.headers) for letter in self.queue.dead_letters]

    def stop(self) -> None:
        self.queue.is_down = True

    def start(self) -> None:
        self.queue.is_down = False


class TestMemory(LeaseContract):
    def play(self, scene: Callable[[Broker], Coroutine[Any, Any, None]]) -> None:
        run_virtual(_Memory().play(scene))


def test_a_finished_queue_ends_its_sources_when_all_has_ended() -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=10)
        queue.put({"a": 1})
        queue.finish()
        source = MemorySource(queue)
        messages = await fetched(source, 1)
        assert await source.fetch(1) == []
        await source.ack(messages)
        assert await source.fetch(1) is None

    run_virtual(main())


def test_what_has_ended_leaves_nothing_behind() -> None:
    async def main() -> None:
        queue = MemoryQueue()
        source = MemorySource(queue)
        queue.put(*range(1_000))
        await source.ack(await fetched(source, 1_000))
        assert queue.unsettled == 0

    run_virtual(main())


def test_a_lease_must_last() -> None:
    with pytest.raises(ValueError, match="lease must be positive"):
        MemoryQueue(lease=0)
