"""Executions per second: the engine against the same job written by hand, in the same run.

The ratio is the figure; absolute rates depend on the machine. To keep the ratio honest

- all legs of a workload take turns, in an order that rotates with the rounds, and a ratio is the median of the
  rounds' ratios, each between legs that ran close in time;
- twin and engine get the same events, the same number in flight (a batch is started, then its results are awaited),
  the same event loop and the same garbage collector settings (Python's own; one collection before each leg);
- the twin has one asyncio task for each execution, in the cheapest form found: a batch of tasks created at once,
  whose results are then awaited in order. A semaphore, a counter in a callback and `gather` cost up to twice as much.
  Where the interpreter has eager tasks, the twin runs with those (also inside `gather`) and with ordinary ones, and
  the better of the two counts: eager tasks win by far where nothing suspends and lose where something does.

Engine legs: `start` (one call for each event, the batch awaited) and `map` (a stream), with trusted handlers
(`isolate=False`, as the twin trusts its own); then both again with payloads crossing the task edge by value, which is
the default and which no twin does. Metering is always on.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.console import Console
from rich.table import Table

import express
from bench.handwritten import TWINS, Twin
from bench.machine import describe, headline
from bench.workload import SkippingRuntime, Workload, load_workloads
from express.runtime.loops import EAGER

if TYPE_CHECKING:
    from express.types import JSON

#: Target ratios engine / twin.
START_TARGETS = {"W1": 0.5, "W2": 0.6, "W3": 0.5, "W4": 0.6, "W5": 1.0, "W6p": 1.0, "W6t": 1.0, "W7": 0.5, "W8": 0.25}
MAP_TARGETS = {"W1": 1.0, "W2": 1.0, "W3": 1.0, "W4": 1.0, "W5": 1.0, "W6p": 1.0, "W6t": 1.0, "W8": 0.25}

#: Runs a number of batches to completion.
Leg: TypeAlias = Callable[[int], Coroutine[Any, Any, None]]

START, MAP = "start", "map"
START_BY_VALUE, MAP_BY_VALUE = "start by value", "map by value"
#: The twin to compare with; the better one if there are two ways to create its tasks.
ORDINARY_TWIN, EAGER_TWIN = "twin (ordinary tasks)", "twin (eager tasks)"
_TWIN = "twin"


@dataclass(slots=True)
class Figures:
    """Executions per second of every leg of one workload, one number for each round."""

    workload: Workload
    rates: dict[str, list[float]] = field(default_factory=dict)

    def rate(self, leg: str) -> float:
        return median(self.rates[leg])

    @property
    def twin(self) -> str:
        """The twin that the other legs are compared with."""
        return max((leg for leg in (ORDINARY_TWIN, EAGER_TWIN) if leg in self.rates), key=self.rate)

    def ratio(self, leg: str) -> float:
        """Median over the rounds of leg / twin."""
        return median(rate / twin for rate, twin in zip(self.rates[leg], self.rates[self.twin], strict=True))

    def document(self) -> dict[str, JSON]:
        return {
            "in_flight": self.workload.in_flight,
            "twin": self.twin,
            "rates": {leg: round(self.rate(leg), 1) for leg in self.rates},
            "ratios": {leg: round(self.ratio(leg), 3) for leg in self.rates},
            "targets": {START: START_TARGETS.get(self.workload.id), MAP: MAP_TARGETS.get(self.workload.id)},
        }


# --------------------------------------------------------------------------------------------------------------
# legs


def make_legs(workload: Workload) -> dict[str, Leg]:
    """Every leg of a workload by name; the twins first."""
    events = workload.events(workload.in_flight)
    first, *others = TWINS[workload.id].items()
    legs = {ORDINARY_TWIN: _twin_leg(first[1], events, eager=False)}
    if EAGER:
        legs[EAGER_TWIN] = _twin_leg(first[1], events, eager=True)
    for name, twin in others:
        legs[f"{_TWIN} ({name})"] = _twin_leg(twin, events, eager=EAGER)
    trusted = workload.compile(isolate=False)
    legs[START] = _start_leg(trusted, events)
    legs[MAP] = _map_leg(trusted, events)
    if workload.has_tasks:
        by_value = workload.compile(isolate=True)
        legs[START_BY_VALUE] = _start_leg(by_value, events)
        legs[MAP_BY_VALUE] = _map_leg(by_value, events)
    return legs


def _twin_leg(twin: Twin, events: list[JSON], *, eager: bool) -> Leg:
    async def run(batches: int) -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(_eager_task if eager else None)
        try:
            create_task = loop.create_task
            for _ in range(batches):
                tasks = [create_task(twin(event)) for event in events]
                for task in tasks:
                    if not task.done():
                        await task
                    task.result()
        finally:
            loop.set_task_factory(None)

    return run


def _eager_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """Create an eager task by its constructor: asyncio's eager factory fails under uvloop on Python 3.13.0."""
    return asyncio.Task(coroutine, loop=loop, **{**options, "eager_start": True})


def _start_leg(workflow: express.Workflow, events: list[JSON]) -> Leg:
    async def run(batches: int) -> None:
        async with SkippingRuntime(max_in_flight=len(events)) as runtime:
            start = runtime.start
            for _ in range(batches):
                executions = [await start(workflow, event) for event in events]
                for execution in executions:
                    await execution

    return _checked(workflow, len(events), run)


def _map_leg(workflow: express.Workflow, events: list[JSON]) -> Leg:
    async def run(batches: int) -> None:
        async with SkippingRuntime(max_in_flight=len(events)) as runtime:
            stream = chain.from_iterable(repeat(events, batches))
            async for _ in runtime.map(workflow, stream):
                pass

    return _checked(workflow, len(events), run)


def _checked(workflow: express.Workflow, batch: int, run: Leg) -> Leg:
    """Return a leg that raises unless each of its executions succeeds."""

    async def checked(batches: int) -> None:
        before = workflow.tally.succeeded
        await run(batches)
        succeeded = workflow.tally.succeeded - before
        if succeeded != batches * batch:
            raise RuntimeError(f"{workflow.name}: {succeeded} of {batches * batch} executions succeeded")

    return checked


async def check_twins(workload: Workload) -> None:
    """Raise unless every twin gives the workflow's output; the wording of a Cause, which is AWS's, may differ."""
    event = workload.events(1)[0]
    async with SkippingRuntime() as runtime:
        expected = (await runtime.execute(workload.compile(isolate=True), event)).unwrap()
    for name, twin in TWINS[workload.id].items():
        output = await twin(event)
        if _without_cause(output) != _without_cause(expected):
            raise RuntimeError(f"{workload.id}: the twin '{name}' gives {output!r}, the workflow {expected!r}")


def _without_cause(output: JSON) -> JSON:
    if isinstance(output, dict) and "err" in output:
        return {**output, "err": {**output["err"], "Cause": None}}
    return output


# --------------------------------------------------------------------------------------------------------------
# measuring


async def measure(workload: Workload, rounds: int, seconds: float, clock: Callable[[], float]) -> Figures:
    """Measure the legs in turn: `rounds` times each for about `seconds`."""
    await check_twins(workload)
    legs = make_legs(workload)
    batches = {name: await _calibrate(leg, seconds, clock) for name, leg in legs.items()}
    figures = Figures(workload, {name: [] for name in legs})
    names = list(legs)
    for round_ in range(rounds):
        shift = round_ % len(names)
        for name in names[shift:] + names[:shift]:
            elapsed = await _time(legs[name], batches[name], clock)
            figures.rates[name].append(batches[name] * workload.in_flight / elapsed)
    return figures


async def _calibrate(leg: Leg, seconds: float, clock: Callable[[], float]) -> int:
    """Return how many batches take about `seconds`; the first run of a leg only warms it up."""
    await leg(1)
    return max(1, round(seconds / await _time(leg, 1, clock)))


async def _time(leg: Leg, batches: int, clock: Callable[[], float]) -> float:
    gc.collect()
    begin = clock()
    await leg(batches)
    return clock() - begin


# --------------------------------------------------------------------------------------------------------------
# showing


def show(results: Sequence[Figures], console: Console) -> None:
    console.print(_table_of_engine(results))
    console.print(_table_of_twins(results))


def _table_of_engine(results: Sequence[Figures]) -> Table:
    table = Table(title="executions per second, and their ratio to the hand-written twin (target)")
    table.add_column("workload")
    for heading in ("in flight", "twin", START, "x", MAP, "x", START_BY_VALUE, "x", MAP_BY_VALUE, "x"):
        table.add_column(heading, justify="right")
    for figures in results:
        id_ = figures.workload.id
        row = [
            f"{id_} {figures.workload.name}",
            str(figures.workload.in_flight),
            _thousands(figures.rate(figures.twin)),
        ]
        targets = (START_TARGETS.get(id_), MAP_TARGETS.get(id_), None, None)
        for leg, target in zip((START, MAP, START_BY_VALUE, MAP_BY_VALUE), targets, strict=True):
            row += _cells(figures, leg, target)
        table.add_row(*row)
    return table


def _cells(figures: Figures, leg: str, target: float | None) -> list[str]:
    if leg not in figures.rates:
        return ["", ""]
    ratio = figures.ratio(leg)
    shown = f"{ratio:.2f}"
    if target is not None:
        colour = "green" if ratio >= target else "red"
        shown = f"[{colour}]{shown}[/] ({target:g})"
    return [_thousands(figures.rate(leg)), shown]


def _table_of_twins(results: Sequence[Figures]) -> Table:
    table = Table(title="hand-written twins, executions per second; the engine is held against the bold one")
    table.add_column("workload")
    table.add_column("way to do it")
    table.add_column("rates")
    for figures in results:
        cells = []
        for leg in figures.rates:
            if leg.startswith(_TWIN):
                shown = f"{_thousands(figures.rate(leg))} {leg.removeprefix(_TWIN).strip()}"
                cells.append(f"[bold]{shown}[/]" if leg == figures.twin else shown)
        table.add_row(figures.workload.id, next(iter(TWINS[figures.workload.id])), ", ".join(cells))
    return table


def _thousands(rate: float) -> str:
    return f"{rate / 1000:.1f} k" if rate < 100_000 else f"{rate / 1000:.0f} k"


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description="Engine against hand-written code.")
    parser.add_argument("--only", metavar="W1,W4", help="only these workloads")
    parser.add_argument("--rounds", type=int, default=7, help="how often each leg runs (default 7)")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each leg runs in a round (default 0.5)")
    parser.add_argument("--cpu", action="store_true", help="count CPU seconds: steadier where others use the machine")
    parser.add_argument("--json", metavar="FILE", help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, not how fast")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    workloads = load_workloads()
    if options.quick:
        options.rounds, options.seconds = 1, 0.0
        workloads = {id_: replace(workload, in_flight=10) for id_, workload in workloads.items()}
    chosen = options.only.split(",") if options.only else list(workloads)
    unknown = [name for name in chosen if name not in workloads]
    if unknown:
        raise SystemExit(f"unknown workload {', '.join(unknown)}; there are {', '.join(workloads)}")
    console = Console(width=140)
    console.print(headline(), highlight=False)

    async def run() -> list[Figures]:
        clock = time.process_time if options.cpu else time.perf_counter
        return [await measure(workloads[name], options.rounds, options.seconds, clock) for name in chosen]

    results = express.run(run())
    show(results, console)
    if options.json:
        document = {"machine": describe(), "workloads": {f.workload.id: f.document() for f in results}}
        Path(options.json).write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
