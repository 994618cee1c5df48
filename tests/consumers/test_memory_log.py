"""A log in memory keeps the contract of all sources, and commits no message before all before it have ended."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.consumers import MemoryLog, MemoryLogSource, Outcomes, Pump
from express.consumers.watermark import Watermark
from express.testing import run_virtual
from tests.consumers.contract import Broker, SourceContract, fetched, until
from tests.runtime.machines import compiled, machine, run_clean, task

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from express.types import JSON


class _Log(Broker):
    def __init__(self) -> None:
        super().__init__()
        self.log = MemoryLog()

    def put(self, *bodies: bytes) -> None:
        self.log.put_bytes(*bodies)

    def connect(self) -> MemoryLogSource:
        return MemoryLogSource(self.log)

    def dead_letters(self) -> Sequence[tuple[bytes, Mapping[str, str]]]:
        return [(letter.body, letter.headers) for letter in self.log.dead_letters]

    def stop(self) -> None:
        self.log.is_down = True

    def start(self) -> None:
        self.log.is_down = False


class TestMemoryLog(SourceContract):
    def play(self, scene: Callable[[Broker], Coroutine[Any, Any, None]]) -> None:
        run_virtual(_Log().play(scene))


@pytest.mark.parametrize(
    ("ends", "committable", "gap"),
    [
        ([], 10, 0),
        ([10], 11, 0),
        ([11], 10, 1),
        ([11, 13], 10, 3),
        ([11, 13, 10], 12, 1),
        ([13, 12, 11, 10], 14, 0),
        ([10, 10, 9, 99], 11, 0),
    ],
)
def test_the_watermark_is_the_lowest_in_flight(ends: list[int], committable: int, gap: int) -> None:
    watermark = Watermark(10)
    for offset in range(10, 14):
        watermark.begin(offset)
    for offset in ends:
        watermark.end(offset)
    assert (watermark.committable, watermark.gap) == (committable, gap)


def test_offsets_may_have_holes() -> None:
    watermark = Watermark()
    for offset in (3, 7, 8):
        watermark.begin(offset)
    watermark.end(3)
    assert watermark.committable == 7
    watermark.end(8)
    watermark.end(7)
    assert watermark.committable == 9


def test_offsets_rise() -> None:
    watermark = Watermark(5)
    watermark.begin(5)
    with pytest.raises(ValueError, match="offset 5 after 5"):
        watermark.begin(5)


def test_the_watermark_against_the_definition() -> None:
    """In random order: the lowest in flight, whatever has ended."""
    rolls = random.Random(7)
    watermark, flying, done = Watermark(), set[int](), -1
    for offset in range(2_000):
        watermark.begin(offset)
        flying.add(offset)
        while flying and rolls.random() < 0.5:
            ended = rolls.choice(sorted(flying))
            flying.remove(ended)
            watermark.end(ended)
            done = max(done, ended)
        low = min(flying, default=offset + 1)
        assert watermark.committable == low
        assert watermark.gap == (max(done - low, 0) if flying else 0)


class _Vanishing(deque[int]):
    """Whoever asks whether there is something is told so, and then it is gone: another thread was quicker."""

    def __bool__(self) -> bool:
        there = len(self) > 0
        self.clear()
        return there


def test_the_gap_may_be_asked_for_in_any_thread() -> None:
    watermark = Watermark()
    for offset in range(3):
        watermark.begin(offset)
    watermark.end(2)
    watermark._order = _Vanishing(watermark._order)
    assert watermark.gap in (0, 2)


async def _nap(event: JSON) -> None:
    await asyncio.sleep(event)


def test_a_slow_message_holds_the_commit_and_the_gap_is_bounded() -> None:
    async def main() -> None:
        log = MemoryLog()
        log.put(50, *[0.01] * 500)
        source = MemoryLogSource(log, max_gap=100)
        async with express.Runtime() as runtime:
            pump = Pump(runtime, compiled(machine(A=task("work")), work=_nap), source, in_flight=20)
            running = asyncio.ensure_future(pump.run())
            await asyncio.sleep(40)
            assert log.committed == 0
            assert 100 <= pump.commit_gap < 120
            assert pump.in_flight == 1
            await until(lambda: log.committed == 501)
            assert pump.commit_gap == 0
            pump.stop()
            await running

    run_clean(main())


def test_a_consumer_after_one_that_died_does_again_what_was_not_committed() -> None:
    runs: dict[int, int] = {}
    rolls = random.Random(3)

    async def work(event: JSON) -> None:
        await asyncio.sleep(rolls.random())
        runs[event] = runs.get(event, 0) + 1

    async def main() -> None:
        log = MemoryLog()
        log.put(*range(1_000))
        workflow = compiled(machine(A=task("work")), work=work)
        async with express.Runtime() as runtime:
            for died in range(1, 4):
                pump = Pump(runtime, workflow, MemoryLogSource(log), in_flight=50)
                running = asyncio.ensure_future(pump.run())
                await until(lambda done=died * 200: len(runs) > done)  # type: ignore[misc]
                running.cancel()
                await asyncio.wait([running])
                gap = pump.commit_gap
                assert sum(runs.values()) - log.committed <= 3 * 50 + gap
            log.finish()
            await Pump(runtime, workflow, MemoryLogSource(log)).run()
        assert runs.keys() == set(range(1_000))
        assert log.committed == 1_000

    run_clean(main())


def test_tries_are_counted_and_given_up() -> None:
    async def work(event: JSON) -> None:
        raise express.TaskError("Busy")

    async def main() -> None:
        log = MemoryLog()
        log.put(1, 2)
        log.finish()
        outcomes = Outcomes(retryable=frozenset({"Busy"}))
        async with express.Runtime() as runtime:
            workflow = compiled(machine(A=task("work")), work=work)
            pump = Pump(runtime, workflow, MemoryLogSource(log), outcomes=outcomes, max_deliveries=3)
            await pump.run()
        assert [letter.headers["x-delivery-count"] for letter in log.dead_letters] == ["3", "3"]
        assert pump.redelivered == 4
        assert log.committed == 2

    run_clean(main())


def test_what_was_not_committed_is_delivered_to_the_next() -> None:
    async def main() -> None:
        log = MemoryLog()
        log.put(1, 2, 3)
        first = MemoryLogSource(log)
        messages = await fetched(first, 3)
        await first.ack([messages[0], messages[2]])
        assert [message.body for message in await fetched(MemoryLogSource(log), 2)] == [b"2", b"3"]

    run_clean(main())
