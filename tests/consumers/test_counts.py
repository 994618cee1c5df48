"""What a pump counts, as Prometheus sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.consumers import MemoryQueue, MemorySource, Outcomes, Pump
from express.consumers.pump import OUTCOMES
from express.metrics import Gathering, Metrics
from tests.consumers.contract import until
from tests.runtime.machines import AGES, compiled, machine, run_clean, state, task

if TYPE_CHECKING:
    from pathlib import Path

    from express.metrics.snapshot import Snapshot


@dataclass
class Counted:
    """What a pump shows, by hand."""

    name: str = "orders"
    outcome_counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    redelivered: int = 0
    dead_lettered: int = 0
    in_flight: int = 0
    lag: int | None = None
    commit_gap: int = 0
    oldest_in_flight_ns: int = 0


def shown(snapshot: Snapshot, source: str = "orders") -> dict[str, float]:
    """The values of all samples of a source, by name without prefix, outcomes behind a slash."""
    values = {}
    for metric in snapshot.metrics():
        for sample in metric.samples:
            if sample.labels.get("source") == source and metric.name.startswith("express_source_"):
                outcome = sample.labels.get("outcome")
                values[sample.name.removeprefix("express_source_") + (f"/{outcome}" if outcome else "")] = sample.value
    return values


ZERO = {
    **{f"messages_total/{outcome}": 0 for outcome in OUTCOMES},
    "redelivered_total": 0,
    "dead_lettered_total": 0,
    "in_flight": 0,
    "commit_gap": 0,
    "oldest_in_flight_seconds": 0,
}


def metrics_of(*pumps: Any, **options: Any) -> Metrics:
    metrics = Metrics(express.Runtime(), **options)
    for pump in pumps:
        metrics.add_source(pump)
    return metrics


def test_a_source_has_its_series_before_anything_happens() -> None:
    pump = Pump(express.Runtime(), compiled(machine(A=state("Pass"))), MemorySource(MemoryQueue("orders")))
    assert shown(metrics_of(pump).snapshot()) == ZERO


def test_without_a_source_there_is_nothing_of_it() -> None:
    assert not [name for name in metrics_of().snapshot().series if name.startswith("express_source_")]


def test_what_was_consumed_is_counted() -> None:
    async def handler(event: Any) -> Any:
        if event == "bad":
            raise express.TaskError("Bad")
        if event == "busy":
            raise express.TaskError("Busy")
        await asyncio.sleep(event)

    async def main() -> None:
        queue = MemoryQueue("orders", lease=AGES)
        queue.put(0, 0, 1, "bad", "busy")
        queue.put_bytes(b"broken")
        queue.put(60)
        outcomes = Outcomes(retryable=frozenset({"Busy"}))
        async with express.Runtime() as runtime:
            workflow = compiled(machine(A=task("work")), work=handler)
            pump = Pump(runtime, workflow, MemorySource(queue), outcomes=outcomes, max_deliveries=2, in_flight=7)
            metrics = Metrics(runtime)
            metrics.add_source(pump)
            running = asyncio.ensure_future(pump.run())
            await until(lambda: pump.in_flight == 1 and len(queue.dead_letters) == 3)
            queue.put(1, 1, 1, *[60] * 20)
            await asyncio.sleep(10)
            seen = shown(metrics.snapshot())
            pump.stop()
            running.cancel()
            await asyncio.wait([running])
        assert seen == ZERO | {
            "messages_total/succeeded": 6,
            "messages_total/failed": 3,
            "messages_total/invalid": 1,
            "redelivered_total": 1,
            "dead_lettered_total": 3,
            "in_flight": 7,
            "lag": 14,
            "oldest_in_flight_seconds": pytest.approx(11, abs=1),
        }

    run_clean(main())


def test_names_of_sources_are_closed() -> None:
    pumps = [Counted(f"source-{number}", dead_lettered=1) for number in range(5)]
    snapshot = metrics_of(*pumps, max_label_values=2).snapshot()
    assert shown(snapshot, "source-1")["dead_lettered_total"] == 1
    assert shown(snapshot, "other")["dead_lettered_total"] == 3
    assert snapshot.series["express_label_overflow_total"]["express_source_messages_total",] == [3]


def test_workers_add_up_but_for_what_all_of_them_are_told(tmp_path: Path) -> None:
    one = Counted(redelivered=1, in_flight=3, lag=100, commit_gap=5, oldest_in_flight_ns=2_000_000_000)
    other = Counted(redelivered=2, in_flight=4, lag=90, commit_gap=6, oldest_in_flight_ns=500_000_000)
    with Gathering(str(tmp_path / "metrics")) as gathering, metrics_of(one).push(gathering.path) as pushing:
        assert pushing.flush()
        with metrics_of(other).push(gathering.path) as beside:
            assert beside.flush()
            together = shown(gathering.snapshot())
    assert together == ZERO | {
        "redelivered_total": 3,
        "in_flight": 7,
        "lag": 100,
        "commit_gap": 11,
        "oldest_in_flight_seconds": 2,
    }
    # It has waited for its workers to leave, and with them their gauges.
    gone = shown(gathering.snapshot())
    assert gone == {name: count for name, count in together.items() if name.partition("/")[0].endswith("_total")}
