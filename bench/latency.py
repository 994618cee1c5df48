"""The longest time the event loop is blocked while the engine is busy.

A heartbeat task sleeps for a millisecond again and again beside the work; by as much as it oversleeps, the event loop
was blocked. Everything that shares the loop with express (a server's health check, a consumer's keep-alive) waits
just as long.

Two clocks: wall time is what other tasks experience, but on a busy machine it includes the time other processes got.
The CPU time of the loop's thread between two beats does not include it and is compared with the target. The pauses of
Python's garbage collector are shown beside it: a full collection visits every container of the process and takes time
in proportion, here for the payloads of 40,000 and more arrays.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeAlias

from rich.console import Console
from rich.table import Table

import express
from bench.machine import headline
from bench.workload import SkippingRuntime, load_workloads

if TYPE_CHECKING:
    from express.types import JSON

#: Upper bound in milliseconds on blocking the event loop (law 8 of the design).
TARGET_MS = 10.0

_BEAT_SECONDS = 0.001

#: Keeps the event loop busy beside the heartbeat.
Work: TypeAlias = Callable[[express.Runtime], Awaitable[None]]
#: Prepares the work (compiles definitions, creates events), scaled by a number.
Scenario: TypeAlias = Callable[[int], Work]


@dataclass(slots=True)
class Heartbeat:
    """The longest oversleep, in milliseconds, of a task that wants to run every millisecond."""

    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    #: The garbage collector's longest pause, not included in `cpu_ms`.
    collector_ms: float = 0.0
    beats: int = 0
    _collected_ms: float = 0.0
    _collecting: float = 0.0
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(5 * _BEAT_SECONDS)
        self.wall_ms = self.cpu_ms = self.collector_ms = 0.0
        gc.callbacks.append(self._collect)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        await asyncio.sleep(2 * _BEAT_SECONDS)
        gc.callbacks.remove(self._collect)
        self._task.cancel()

    def _collect(self, phase: str, _: dict[str, int]) -> None:
        """Called by the collector in the thread that triggers it; any thread's collection blocks the loop."""
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            pause_ms = 1000 * (time.thread_time() - self._collecting)
            self.collector_ms = max(self.collector_ms, pause_ms)
            if threading.current_thread() is threading.main_thread():
                self._collected_ms += pause_ms

    async def _beat(self) -> None:
        while True:
            wall, cpu = time.perf_counter(), time.thread_time()
            self._collected_ms = 0.0
            await asyncio.sleep(_BEAT_SECONDS)
            slept, used = time.perf_counter() - wall, time.thread_time() - cpu
            self.wall_ms = max(self.wall_ms, 1000 * (slept - _BEAT_SECONDS))
            self.cpu_ms = max(self.cpu_ms, 1000 * (used - _BEAT_SECONDS) - self._collected_ms)
            self.beats += 1


# --------------------------------------------------------------------------------------------------------------
# scenarios


_COUNTING: dict[str, JSON] = {
    "StartAt": "Count",
    "States": {
        "Count": {
            "Type": "Pass",
            "Parameters": {"n.$": "States.MathAdd($.n, 1)", "until.$": "$.until"},
            "Next": "More?",
        },
        "More?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThanPath": "$.until", "Next": "Count"}],
            "Default": "Done",
        },
        "Done": {"Type": "Succeed"},
    },
}


def long_loops(count: int) -> Work:
    """Ten concurrent executions of a Pass and Choice loop, `count` turns each."""
    return _start_all(express.compile(_COUNTING), [{"n": 0, "until": count}] * 10)


def map_of_many(count: int) -> Work:
    """A Map over `count` items that cannot block."""
    event = {"items": [{"i": index} for index in range(count)]}
    return _execute_each(_compile("W6p"), [event] * 5)


def map_of_many_tasks(count: int) -> Work:
    """A Map over `count` items, each a handler that returns at once, by value."""
    event = {"items": [{"i": index} for index in range(count)]}
    return _execute_each(_compile("W6t"), [event] * 5)


def large_passes(count: int) -> Work:
    """Ten Passes over 250 KB, `count` executions one after another."""
    return _execute_each(_compile("W2"), [_large_event()] * count)


def large_tasks(count: int) -> Work:
    """Three tasks that get 250 KB by value, in `count` concurrent executions."""
    return _start_all(_compile("W4"), [_large_event()] * count)


def large_results(count: int) -> Work:
    """A Parallel whose two handlers return their input: 120 KB in and out of each."""
    tasks = express.Tasks()
    tasks.add("Echo", _echo)
    echo = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Echo", "End": True}
    branches = [{"StartAt": f"E{number}", "States": {f"E{number}": echo}} for number in range(2)]
    state = {"Type": "Parallel", "Branches": branches, "End": True}
    workflow = express.compile({"StartAt": "P", "States": {"P": state}}, tasks)
    return _start_all(workflow, [{"rows": _large_event()["order"]["rows"][:1500]}] * count)


async def _echo(payload: JSON) -> JSON:
    return payload


def many_at_once(count: int) -> Work:
    """`count` executions of three handlers each, all started, then all awaited."""
    return _start_all(_compile("W4"), load_workloads()["W4"].events(count))


def many_answers(count: int) -> Work:
    """`count` executions whose handlers one event wakes in the same turn of the loop, by value."""
    return _answering(count, {"answer": 42})


def many_large_answers(count: int) -> Work:
    """The same with results of 40 KB."""
    return _answering(count, {"rows": [{"id": number, "text": "x" * 80} for number in range(400)]})


def _answering(count: int, answer: JSON) -> Work:
    async def work(runtime: express.Runtime) -> None:
        answered, waiting = asyncio.Event(), 0

        async def wait_for_answer(payload: JSON) -> JSON:
            nonlocal waiting
            waiting += 1
            if waiting == count:
                asyncio.get_running_loop().call_later(2 * _BEAT_SECONDS, answered.set)
            await answered.wait()
            return answer

        tasks = express.Tasks()
        tasks.add("Wait", wait_for_answer)
        workflow = express.compile(_in_a_row(_task("Wait")), tasks)
        await _start_all(workflow, [{"n": 1}] * count)(runtime)

    return work


def many_retries(count: int) -> Work:
    """`count` executions that fail, retry and catch."""
    return _start_all(_compile("W7"), load_workloads()["W7"].events(count))


def stream(count: int) -> Work:
    """A stream of `count` events whose consumer does nothing."""
    workflow, events = _compile("W4"), load_workloads()["W4"].events(count)

    async def work(runtime: express.Runtime) -> None:
        async for result in runtime.map(workflow, events):
            result.unwrap()

    return work


def long_expressions(count: int) -> Work:
    """`count` executions one after another of expressions over 250 KB.

    Each filters the payload, descends into it repeatedly, and fills a template with a hundred filters of it.
    """
    filtered, descended = state("InputPath", "$..[?(@.qty in [1, 2])]"), state("InputPath", "$..*..*")
    template = state("Parameters", {f"k{i}.$": f"$.order.rows[?(@.qty == {i % 7})].qty" for i in range(100)})
    workflow = express.compile(_in_a_row(filtered, descended, template))
    return _execute_each(workflow, [_large_event()] * count)


def hostile_queries(count: int) -> Work:
    """`count` times each of some JSONata that uses up its budget, or most of it."""
    definitions = [_querying(text) for text in HOSTILE]
    return _try_each([express.compile(definition) for definition in definitions], count)


#: Loops, recursion, sorting, long strings, regular expressions: all within the limits, or refused late.
HOSTILE = (
    "$sum($map([1..100000], function($v) { $v * 2 }))",
    "($f := function($n) { $n <= 0 ? 0 : $f($n - 1) }; $sum([1..9000].$f(30)))",
    "$count($sort($reverse([1..50000]), function($a, $b) { $a > $b }))",
    "$length($join([1..60000].$string($), ','))",
    "$count([1..3000].$match('aaaaaaaaaaaaaaaa', /a+a+b/))",
    "$count($filter([1..200000], function($v) { $v % 3 = 0 }))",
)


def copies(count: int) -> Work:
    """`count` Maps that pass their whole input to each of 4,000 items: too much to serialise."""
    selector = {"item.$": "$$.Map.Item.Value", "all.$": "$"}
    processor = {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": True}}}
    fields = {"ItemsPath": "$.items", "ItemSelector": selector, "ItemProcessor": processor}
    workflow = express.compile(_in_a_row({"Type": "Map", **fields}))
    return _try_each([workflow], count, {"items": [{"n": number, "text": "x" * 20} for number in range(4000)]})


def long_intrinsics(count: int) -> Work:
    """`count` executions one after another that format, split and search 250 KB of floats, text, items."""
    event = {
        "floats": [1.5e10 + number for number in range(15_000)],
        "text": ",".join("b" * 124_000),
        "ones": [1] * 124_000,
        "items": [{"a": number} for number in range(20_000)],
    }
    calls = {
        "floats": ("States.Format('{}', $)", "States.JsonToString($)"),
        "text": ("States.StringSplit($, ',')",),
        "ones": ("States.ArrayPartition($, 1)",),
        "items": ("States.ArrayUnique($)", "States.ArrayContains($, $[7])"),
    }
    workflows = [
        (express.compile(_in_a_row(state("Parameters", {"made.$": call}))), event[name])
        for name, several in calls.items()
        for call in several
    ]

    async def work(runtime: express.Runtime) -> None:
        for workflow, payload in workflows * count:
            (await runtime.execute(workflow, payload)).unwrap()

    return work


def odd_payloads(count: int) -> Work:
    """`count` times each of payloads of 250 KB with a null in them, and of results that are far too long.

    The results are a million rows that are one shared object, and 28 MB of distinct rows.
    """
    tasks = express.Tasks()
    tasks.add("Echo", _echo)
    tasks.add("Shared", lambda payload: {"items": [[{"text": "x" * 100}] * 1000] * 1000})
    real = [{"text": "x" * 100, "n": number} for number in range(200_000)]
    tasks.add("Long", lambda payload: real)
    echo, shared, long = (express.compile(_in_a_row(_task(name)), tasks) for name in ("Echo", "Shared", "Long"))
    rows: JSON = [{"id": number, "none": None, "text": "x"} for number in range(8_000)]
    events: list[tuple[express.Workflow, JSON]] = [
        (echo, [None] + [1] * 120_000),
        (echo, [None] + [1.5] * 60_000),
        (echo, rows),
        (shared, {}),
        (long, {}),
    ]

    async def work(runtime: express.Runtime) -> None:
        for workflow, event in events * count:
            await runtime.execute(workflow, event)

    return work


def long_numbers(count: int) -> Work:
    """`count` times each of payloads of 250 KB by value that orjson does not serialise as a whole.

    One number in them is longer than 64 bits, or they contain tuples, which orjson would serialise as something else.
    """
    tasks = express.Tasks()
    tasks.add("Echo", _echo)
    echo = express.compile(_in_a_row(_task("Echo"), _task("Echo")), tasks)
    long_number = 2**70
    columns: dict[str, JSON] = {f"column {number}": [1.5] * 600 for number in range(100)}
    events: list[JSON] = [
        [1] * 120_000 + [long_number],
        {"detail": {"values": [1.5] * 60_000 + [long_number]}},
        {**columns, "last": long_number},
        [{"a": 1, "b": long_number}] * 7_400,
        [*[1.5] * 31, long_number] * 1_600,
        [(1, 2)] * 40_000,
    ]
    return _execute_each(echo, events * count)


def _task(function: str) -> dict[str, JSON]:
    return {"Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:123456789012:function:{function}"}


def state(field: str, value: JSON) -> dict[str, JSON]:
    """A Pass whose result is discarded."""
    return {"Type": "Pass", field: value, "ResultPath": None}


def _in_a_row(*states: dict[str, JSON]) -> dict[str, JSON]:
    names = [f"S{number}" for number in range(len(states))]
    for one, following in zip(states, names[1:], strict=False):
        one["Next"] = following
    states[-1]["End"] = True
    return {"StartAt": "S0", "States": dict(zip(names, states, strict=True))}


def _querying(text: str) -> dict[str, JSON]:
    return {**_in_a_row({"Type": "Pass", "Output": f"{{% {text} %}}"}), "QueryLanguage": "JSONata"}


def _try_each(workflows: list[express.Workflow], count: int, event: JSON = None) -> Work:
    """Execute each workflow and ignore its result."""

    async def work(runtime: express.Runtime) -> None:
        for workflow in workflows * count:
            await runtime.execute(workflow, event)

    return work


def _compile(id_: str) -> express.Workflow:
    return load_workloads()[id_].compile(isolate=True)


def _large_event() -> JSON:
    """An order with 250 KB of rows."""
    rows = [{"sku": f"sku-{index:06}", "qty": index % 7, "note": "x" * 40} for index in range(3100)]
    return {"order": {"id": "o-4711", "rows": rows}, "n": 7}


def _start_all(workflow: express.Workflow, events: list[JSON]) -> Work:
    async def work(runtime: express.Runtime) -> None:
        executions = deque([await runtime.start(workflow, event) for event in events])
        while executions:
            # Release results one by one: freeing all of them would take the caller's time in one turn of the loop.
            (await executions.popleft()).unwrap()
            await asyncio.sleep(0)

    return work


def _execute_each(workflow: express.Workflow, events: list[JSON]) -> Work:
    async def work(runtime: express.Runtime) -> None:
        for event in events:
            (await runtime.execute(workflow, event)).unwrap()

    return work


#: Title, scenario, its full size, and its size with --quick.
SCENARIOS: tuple[tuple[str, Scenario, int, int], ...] = (
    ("Pass and Choice loops, 10 x 20,000 turns", long_loops, 20_000, 200),
    ("Map of 10,000 Pass items", map_of_many, 10_000, 200),
    ("Map of 10,000 Task items", map_of_many_tasks, 10_000, 200),
    ("ten Passes over 250 KB", large_passes, 50, 2),
    ("tasks given 250 KB, 50 at once", large_tasks, 50, 2),
    ("tasks returning 120 KB, 50 at once", large_results, 50, 2),
    ("1,000 executions at once", many_at_once, 1000, 20),
    ("10,000 executions at once", many_at_once, 10_000, 20),
    ("5,000 handlers woken in one turn", many_answers, 5_000, 100),
    ("500 handlers woken in one turn, 40 KB each", many_large_answers, 500, 5),
    ("1,000 executions retrying", many_retries, 1000, 20),
    ("stream of 20,000 events", stream, 20_000, 20),
    ("long paths and templates over 250 KB", long_expressions, 5, 1),
    ("hostile JSONata", hostile_queries, 3, 1),
    ("a Map's 4,000 copies of 150 KB", copies, 5, 1),
    ("intrinsics over 250 KB", long_intrinsics, 5, 1),
    ("nulls in 250 KB, results of 28 and 100 MB", odd_payloads, 5, 1),
    ("long numbers and tuples in 250 KB", long_numbers, 5, 1),
)


async def blocked(scenario: Scenario, count: int, rounds: int) -> Heartbeat:
    """The worst values over the rounds of one scenario."""
    worst = Heartbeat()
    for _ in range(rounds):
        work = scenario(count)
        gc.collect()
        async with SkippingRuntime() as runtime, Heartbeat() as heartbeat:
            await work(runtime)
        worst.wall_ms = max(worst.wall_ms, heartbeat.wall_ms)
        worst.cpu_ms = max(worst.cpu_ms, heartbeat.cpu_ms)
        worst.collector_ms = max(worst.collector_ms, heartbeat.collector_ms)
        worst.beats += heartbeat.beats
    return worst


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description="How long the loop is blocked.")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each scenario runs; the worst counts (default 3)"
    )
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it works")
    options = parser.parse_args(arguments)
    console = Console(width=120)
    console.print(headline(), highlight=False)
    table = Table(title=f"longest time the event loop was blocked, milliseconds (target: below {TARGET_MS:g} of CPU)")
    table.add_column("while running")
    for heading in ("wall", "CPU", "collector", "beats"):
        table.add_column(heading, justify="right")
    for name, scenario, count, few in SCENARIOS:
        worst = express.run(blocked(scenario, few if options.quick else count, 1 if options.quick else options.rounds))
        colour = "green" if worst.cpu_ms < TARGET_MS else "red"
        cpu, collector = f"[{colour}]{worst.cpu_ms:.1f}[/]", f"{worst.collector_ms:.1f}"
        table.add_row(name, f"{worst.wall_ms:.1f}", cpu, collector, str(worst.beats))
    console.print(table)


if __name__ == "__main__":
    main()
