"""Whether the cost of a unit stays the same when numbers grow.

An item of a Map should cost the same among 100 as among 10,000, and an execution the same among 10 in flight as among
10,000. Growth beyond that of colder caches and a busier collector is a fault of an algorithm, so the figure is the
ratio: about 1. The last row, plain asyncio tasks, shows the part of caches and collector.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

import express
from bench.machine import headline
from bench.workload import load_workloads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from express.types import JSON

#: Upper bound on the ratio of a unit's cost among many to its cost among few.
TARGET = 2.0


@dataclass(frozen=True, slots=True)
class Prices:
    """Microseconds for each unit, among few and among many."""

    what: str
    unit: str
    few: int
    many: int
    price_of_few: float
    price_of_many: float

    @property
    def ratio(self) -> float:
        return self.price_of_many / self.price_of_few


async def measure_map(workload_id: str, few: int, many: int, rounds: int) -> Prices:
    """The cost of one item of a Map, in Maps of `few` and of `many` items, over the same number of items."""
    workload = load_workloads()[workload_id]
    workflow = workload.compile(isolate=False)
    # Made beforehand: making 10,000 items takes a third as long as running them.
    events: dict[int, JSON] = {items: {"items": [{"i": index} for index in range(items)]} for items in (few, many)}
    async with express.Runtime() as runtime:

        async def run(items: int) -> None:
            for _ in range(many // items):
                (await runtime.execute(workflow, events[items])).unwrap()

        prices = [[await _time(run, items) / many for items in (few, many)] for _ in range(rounds)]
    return _prices(f"Map ({workload.name})", "item", few, many, prices)


async def measure_in_flight(few: int, many: int, rounds: int) -> Prices:
    """The cost of one execution whose handler yields to the loop once, among `few` and `many` in flight."""
    tasks = express.Tasks()

    @tasks.task("*", isolate=False)
    async def turn(payload: JSON) -> JSON:
        await asyncio.sleep(0)
        return payload

    resource = "arn:aws:lambda:us-east-1:123456789012:function:Turn"
    state = {"Type": "Task", "Resource": resource, "ResultPath": "$.turned", "End": True}
    workflow = express.compile({"StartAt": "Turn", "States": {"Turn": state}}, tasks)
    event = load_workloads()["W1"].inputs[0]

    async def run(in_flight: int) -> None:
        async with express.Runtime(max_in_flight=in_flight) as runtime:
            for _ in range(many // in_flight):
                executions = [await runtime.start(workflow, event) for _ in range(in_flight)]
                for execution in executions:
                    (await execution).unwrap()

    prices = [[await _time(run, count) / many for count in (few, many)] for _ in range(rounds)]
    return _prices("in flight", "execution", few, many, prices)


async def measure_tasks(few: int, many: int, rounds: int) -> Prices:
    """The same by hand: one asyncio task for each, which yields to the event loop once."""
    event = load_workloads()["W1"].inputs[0]
    create_task = asyncio.get_running_loop().create_task

    async def turn(payload: JSON) -> JSON:
        await asyncio.sleep(0)
        return {**payload, "turned": payload}

    async def run(in_flight: int) -> None:
        for _ in range(many // in_flight):
            for task in [create_task(turn(event)) for _ in range(in_flight)]:
                await task

    prices = [[await _time(run, count) / many for count in (few, many)] for _ in range(rounds)]
    return _prices("in flight, by hand", "task", few, many, prices)


def _prices(what: str, unit: str, few: int, many: int, seconds: list[list[float]]) -> Prices:
    return Prices(what, unit, few, many, *(median(column) * 1e6 for column in zip(*seconds, strict=True)))


async def _time(run: Callable[[int], Awaitable[None]], count: int) -> float:
    gc.collect()
    begin = time.process_time()
    await run(count)
    return time.process_time() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description="Whether prices grow with numbers.")
    parser.add_argument(
        "--rounds", type=int, default=7, help="measurements of each size, the median counts (default 7)"
    )
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it works")
    options = parser.parse_args(arguments)
    rounds, hundred, ten_thousand = (1, 10, 100) if options.quick else (options.rounds, 100, 10_000)
    console = Console(width=120)
    console.print(headline(), highlight=False)

    async def run() -> list[Prices]:
        return [
            await measure_map("W6p", hundred, ten_thousand, rounds),
            await measure_map("W6t", hundred, ten_thousand, rounds),
            await measure_in_flight(10, ten_thousand, rounds),
            await measure_tasks(10, ten_thousand, rounds),
        ]

    table = Table(title=f"CPU microseconds for each unit, and what many cost against few (target: below {TARGET:g})")
    for heading in ("what", "unit", "few", "us", "many", "us", "ratio"):
        table.add_column(heading, justify="left" if heading in ("what", "unit") else "right")
    for prices in express.run(run()):
        colour = "green" if prices.ratio < TARGET else "red"
        few, many = f"{prices.price_of_few:.2f}", f"{prices.price_of_many:.2f}"
        ratio = f"[{colour}]{prices.ratio:.2f}[/]"
        table.add_row(prices.what, prices.unit, f"{prices.few:,}", few, f"{prices.many:,}", many, ratio)
    console.print(table)


if __name__ == "__main__":
    main()
