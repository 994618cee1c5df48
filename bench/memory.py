"""Memory: the cost of a waiting execution, and whether a long run leaks.

Resident memory (`/proc/self/statm`) is measured because it is what an operator pays for. It includes everything an
execution needs: its task, coroutines and timer, the overhead of collector and allocator. It excludes the event, which
all executions share here. Each kind of waiting is measured in a fresh process, because a process rarely gives memory
back.

`--soak N` instead runs N executions of mixed workloads, streamed and started in turn, and fits a line through the
samples: a leak has a slope.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from statistics import linear_regression
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

import express
from bench.machine import headline, resident_bytes
from bench.workload import SkippingRuntime, load_workloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.types import JSON

#: Upper bound in bytes for an execution that waits in one place. A Map needs more: each waiting iteration is a task.
TARGET_BYTES = 4096
TARGETED = ("Wait state", "handler", "handler under a timeout")
#: Upper bound on a soak's slope, bytes for each execution: noise of the allocator, not a leaked object.
TARGET_SLOPE = 0.5

_EVENT: JSON = {"order": {"id": "o-4711", "total": 1200}, "n": 7}
_HOLD = "arn:aws:lambda:us-east-1:123456789012:function:Hold"

#: The states executions wait in, by kind; each is its machine's only state.
WAITING: dict[str, dict[str, JSON]] = {
    "Wait state": {"Type": "Wait", "Seconds": 250, "End": True},
    "handler": {"Type": "Task", "Resource": _HOLD, "End": True},
    "handler under a timeout": {"Type": "Task", "Resource": _HOLD, "TimeoutSeconds": 250, "End": True},
    "Map of two items": {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "Hold", "States": {"Hold": {"Type": "Task", "Resource": _HOLD, "End": True}}},
        "End": True,
    },
}

#: Turns of the loop after which a started execution certainly waits.
_TURNS_TO_SETTLE = 10

_MIXED = ("W2", "W3", "W4", "W5", "W7")
_SAMPLES = 40
#: The fraction of a soak in which caches, pools and free lists fill up; it is excluded from the fit.
_WARM_UP = 0.25


def weigh(kind: str, count: int) -> float:
    """Bytes of resident memory for each of `count` executions that wait concurrently."""
    return express.run(_weigh(WAITING[kind], count))


async def _weigh(state: dict[str, JSON], count: int) -> float:
    tasks = express.Tasks()

    @tasks.task("Hold", isolate=False)
    async def hold(payload: JSON) -> JSON:
        return await asyncio.get_running_loop().create_future()

    workflow = express.compile({"StartAt": "S", "States": {"S": state}}, tasks)
    event = {**_EVENT, "items": [1, 2]}
    async with express.Runtime(max_in_flight=count + 100) as runtime:
        executions = [await runtime.start(workflow, event) for _ in range(100)]
        for _ in range(_TURNS_TO_SETTLE):
            await asyncio.sleep(0)
        gc.collect()
        before = resident_bytes()
        executions += [await runtime.start(workflow, event) for _ in range(count)]
        for _ in range(_TURNS_TO_SETTLE):
            await asyncio.sleep(0)
        gc.collect()
        weight = (resident_bytes() - before) / count
        if runtime.in_flight != len(executions):
            raise RuntimeError(f"{len(executions) - runtime.in_flight} executions do not wait")
        await runtime.close(drain=0)
    return weight


async def soak(count: int) -> list[tuple[int, int]]:
    """Run `count` executions; return (executions so far, resident bytes) at regular intervals."""
    workloads = load_workloads()
    jobs = [(workloads[id_].compile(isolate=True), workloads[id_].events(200)) for id_ in _MIXED]
    samples = []
    done, next_sample = 0, 0
    async with SkippingRuntime(max_in_flight=1000) as runtime:
        while done < count:
            for workflow, events in jobs:
                async for _ in runtime.map(workflow, events):
                    done += 1
                for execution in [await runtime.start(workflow, event) for event in events]:
                    await execution
                    done += 1
            if done >= next_sample:
                gc.collect()
                samples.append((done, resident_bytes()))
                next_sample = done + count // _SAMPLES
    return samples


def slope_of(samples: Sequence[tuple[int, int]]) -> float:
    """Bytes for each execution: the slope of the line through the samples after the warm-up."""
    settled = samples[int(len(samples) * _WARM_UP) :]
    if len(settled) < 2:
        return 0.0
    return linear_regression([done for done, _ in settled], [size for _, size in settled]).slope


def _weigh_each(count: int, console: Console) -> None:
    table = Table(title=f"resident bytes for each of {count:,} waiting executions (target: below {TARGET_BYTES:,})")
    table.add_column("waiting in")
    table.add_column("bytes", justify="right")
    context = multiprocessing.get_context("spawn")
    for kind in WAITING:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            weight = pool.submit(weigh, kind, count).result()
        colour = "none" if kind not in TARGETED else "green" if weight < TARGET_BYTES else "red"
        table.add_row(kind, f"[{colour}]{weight:,.0f}[/]")
    console.print(table)


def _show_soak(count: int, console: Console) -> None:
    samples = express.run(soak(count))
    slope = slope_of(samples)
    first, last = samples[0], samples[-1]
    console.print(
        f"resident: {first[1] / 1e6:.1f} MB after {first[0]:,} executions, {last[1] / 1e6:.1f} MB after {last[0]:,}; "
        f"slope [{'green' if slope < TARGET_SLOPE else 'red'}]{slope:+.3f}[/] bytes for each execution "
        f"(target: below {TARGET_SLOPE:g})",
        highlight=False,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description="The weight of waiting executions.")
    parser.add_argument("--count", type=int, default=100_000, help="executions that wait (default 100,000)")
    parser.add_argument("--soak", type=int, metavar="N", help="run N executions and look for a leak instead")
    parser.add_argument("--quick", action="store_true", help="few executions: shows that it works")
    options = parser.parse_args(arguments)
    console = Console(width=120)
    console.print(headline(), highlight=False)
    if options.soak is not None:
        _show_soak(options.soak, console)
    else:
        _weigh_each(200 if options.quick else options.count, console)


if __name__ == "__main__":
    main()
