"""The cost of metrics: the throughput of W4 with metrics attached against the same without, in the same run.

    python -m bench.metrics [--rounds 15] [--seconds 0.3]

Both legs take turns, in alternating order, each round with workflows compiled anew. A ratio is the median of the
rounds' ratios, each between legs that ran next to each other. CPU seconds are counted, which are steadier than wall
time on a shared machine. Scrapes are not included, but printed separately: one takes a few milliseconds of a thread
of its own, every 15 seconds or so.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Coroutine
from itertools import chain, repeat
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

from prometheus_client import CollectorRegistry, generate_latest

import express
from bench.machine import headline
from bench.workload import SkippingRuntime, Workload, load_workloads
from express.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.types import JSON

#: Upper bound on the fraction of throughput that metrics cost.
BUDGET = 0.03

#: Starts or streams a number of batches of events.
Drive: TypeAlias = Callable[[express.Runtime, express.Workflow, "list[JSON]", int], Coroutine[Any, Any, None]]


async def _starting(runtime: express.Runtime, workflow: express.Workflow, events: list[JSON], batches: int) -> None:
    for _ in range(batches):
        executions = [await runtime.start(workflow, event) for event in events]
        for execution in executions:
            await execution


async def _streaming(runtime: express.Runtime, workflow: express.Workflow, events: list[JSON], batches: int) -> None:
    async for _ in runtime.map(workflow, chain.from_iterable(repeat(events, batches))):
        pass


LEGS: dict[str, tuple[Drive, bool]] = {
    "start": (_starting, False),
    "map": (_streaming, False),
    "start by value": (_starting, True),
    "map by value": (_streaming, True),
}


async def run_leg(workload: Workload, drive: Drive, batches: int, *, isolate: bool, attached: bool) -> float:
    """CPU seconds of `batches` batches."""
    workflow, events = workload.compile(isolate=isolate), workload.events(workload.in_flight)
    async with SkippingRuntime(max_in_flight=workload.in_flight) as runtime:
        if attached:
            Metrics(runtime)
        await drive(runtime, workflow, events, 1)
        gc.collect()
        begin = time.process_time()
        await drive(runtime, workflow, events, batches)
        return time.process_time() - begin


async def compare(workload: Workload, drive: Drive, *, isolate: bool, rounds: int, seconds: float) -> list[float]:
    """Throughput with metrics over throughput without, for each round."""
    sample = await run_leg(workload, drive, 1, isolate=isolate, attached=False)
    batches = max(1, round(seconds / sample))
    ratios = []
    for round_ in range(rounds):
        order = (False, True) if round_ % 2 else (True, False)
        spent = {a: await run_leg(workload, drive, batches, isolate=isolate, attached=a) for a in order}
        ratios.append(spent[False] / spent[True])
    return ratios


async def time_scrape(workload: Workload) -> float:
    """CPU seconds of rendering the page of one workflow."""
    registry = CollectorRegistry()
    async with SkippingRuntime() as runtime:
        registry.register(Metrics(runtime))
        await runtime.execute(workload.compile(isolate=True), workload.events(1)[0])
    begin = time.process_time()
    for _ in range(20):
        generate_latest(registry)
    return (time.process_time() - begin) / 20


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the ratio of every leg."""
    parser = argparse.ArgumentParser(prog="python -m bench.metrics", description="What metrics cost.")
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")
    parser.add_argument("--seconds", type=float, default=0.3, help="of each leg in a round (default 0.3)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, not how much")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 0.02
    workload = load_workloads()["W4"]
    print(headline())
    for name, (drive, isolate) in LEGS.items():
        comparing = compare(workload, drive, isolate=isolate, rounds=options.rounds, seconds=options.seconds)
        ratios = sorted(express.run(comparing))
        quarter = len(ratios) // 4
        spread = f"{ratios[quarter]:.3f} to {ratios[-quarter - 1]:.3f}"
        verdict = "within" if median(ratios) >= 1 - BUDGET else "beyond"
        print(f"W4 {name:15} with / without: {median(ratios):.3f} (middle half {spread}), {verdict} the budget")
    print(f"a scrape of one workflow takes {express.run(time_scrape(workload)) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
