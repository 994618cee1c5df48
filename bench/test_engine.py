"""The cost of the parts of the engine, by pytest-benchmark: closures per call, executions per hundred.

Run with `python -m pytest bench --benchmark-enable`; without the flag each body runs once, as a test. Expressions
have a file of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import pytest

import express
from bench.workload import SkippingRuntime, load_workloads, make_tasks
from express.expressions.paths import build_result_path, read_reference_path
from express.expressions.templates import build_template, parse_template
from express.payload import cross, measure

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from express.types import JSON

WORKLOADS = load_workloads()
ORDER: JSON = WORKLOADS["W1"].inputs[0]
EXECUTIONS = 100

RunToEnd = Callable[[Awaitable[None]], None]


@pytest.fixture
def run_to_end() -> Iterator[RunToEnd]:
    """`run_until_complete` of a loop as users have it; its overhead is shared by a hundred executions."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def find_loop() -> None:
        loops.append(asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(find_loop())
        yield loops[0].run_until_complete


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@pytest.mark.parametrize("isolate", [False, True], ids=["trusted", "by value"])
@pytest.mark.parametrize("id_", WORKLOADS)
def test_hundred_executions(benchmark: BenchmarkFixture, run_to_end: RunToEnd, id_: str, isolate: bool) -> None:
    """W1 is one Pass, W2 ten, W3 a Choice, W4 three tasks, W6 a hundred items of a Map, W8 W2 in JSONata,
    W9 W4 with handlers that suspend."""
    workload = WORKLOADS[id_]
    if isolate and not workload.has_tasks:
        pytest.skip("no task edge to cross")
    workflow = workload.compile(isolate=isolate)
    events = workload.events(EXECUTIONS)

    async def execute() -> None:
        async with SkippingRuntime() as runtime:
            for event in events:
                await runtime.execute(workflow, event)

    benchmark(lambda: run_to_end(execute()))
    assert workflow.tally.succeeded == workflow.tally.started >= EXECUTIONS


@pytest.mark.parametrize("id_", ["W1", "W2", "W3", "W7", "W8"])
def test_compile(benchmark: BenchmarkFixture, id_: str) -> None:
    text = json.dumps(WORKLOADS[id_].definition)
    tasks = make_tasks(isolate=True)
    workflow = benchmark(lambda: express.compile(text, tasks))
    assert workflow.state_entries.keys() == WORKLOADS[id_].definition["States"].keys()


@pytest.mark.parametrize(("path", "expected"), [("$.s", 1), ("$.order.s", 1), ("$.order.a.s", 1)])
def test_result_path(benchmark: BenchmarkFixture, path: str, expected: JSON) -> None:
    merged = benchmark(build_result_path(read_reference_path(path, what="ResultPath")), ORDER, expected)
    for name in path.removeprefix("$.").split("."):
        merged = merged[name]
    assert merged == expected


def test_template(benchmark: BenchmarkFixture) -> None:
    """The Parameters of each state of W2, for the share of the template in a step."""
    node = WORKLOADS["W2"].definition["States"]["S0"]["Parameters"]
    template = build_template(parse_template(node, report=lambda *_: None))
    assert benchmark(template, ORDER, None) == {"n": ORDER["n"], "id": ORDER["order"]["id"], "step": 0}


def test_cross(benchmark: BenchmarkFixture) -> None:
    """The task edge by value, one direction."""
    value, size = benchmark(cross, ORDER)
    assert value == ORDER
    assert size == measure(ORDER)


def test_measure(benchmark: BenchmarkFixture) -> None:
    """What `start` does with every event."""
    assert benchmark(measure, ORDER) == len(json.dumps(ORDER, separators=(",", ":")))
