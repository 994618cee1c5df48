"""The cost of consuming: messages through the pump against the same executions without one, in the same run.

    python -m bench.consume [--rounds 7] [--messages 20000]

In memory: JSON texts are parsed and started one by one, a thousand in flight, or streamed through `Runtime.map`. The
pump takes the same texts from a `MemoryQueue`, which it has to lease, count, batch and acknowledge as well. The
executions end at once (W1, one Pass), or first wait for a turn of the event loop, like one that calls a service.

Redis: redis-py alone reads a stream in batches of the pump's size, parses and acknowledges each batch, and does
nothing else. The pump reads the same stream and runs W1 for every entry. Both talk to one redis-server, on loopback;
redis-py uses hiredis if it is installed.

Legs take turns. Figures are medians of the rounds, in microseconds of this process's CPU time for each message, which
is steadier than wall time on a shared machine. The CPU time of redis-server is not included.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

import express
from bench import redis_server
from bench.machine import headline
from bench.workload import load_workloads
from express.consumers import MemoryQueue, MemorySource, Pump, connect
from express.consumers.pump import BATCH, IN_FLIGHT
from express.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.redis_server import RedisServer

_TURN = "arn:aws:lambda:us-east-1:123456789012:function:Turn"
#: Runs all messages once and returns the CPU seconds.
Leg: TypeAlias = Callable[[], Coroutine[Any, Any, float]]


async def _turn(event: object) -> object:
    await asyncio.sleep(0)
    return event


def _machines() -> dict[str, express.Workflow]:
    tasks = express.Tasks()
    tasks.add("Turn", _turn)
    turning = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": _TURN, "End": True}}}
    return {
        "one Pass": load_workloads()["W1"].compile(isolate=True),
        "one Task that waits a turn": express.compile(turning, tasks),
    }


def _bodies(messages: int) -> list[bytes]:
    events = load_workloads()["W1"].events(messages)
    return [orjson.dumps(event) for event in events]


def _by_starting(workflow: express.Workflow, bodies: list[bytes]) -> Leg:
    """`Runtime.start`, a thousand in flight, each with a name of its own, as for messages."""

    async def leg() -> float:
        async with express.Runtime() as runtime:
            begin = time.process_time()
            for first in range(0, len(bodies), IN_FLIGHT):
                texts = bodies[first : first + IN_FLIGHT]
                started = [
                    await runtime.start(workflow, parse_json(text), name=f"bench-{first + number}")
                    for number, text in enumerate(texts)
                ]
                for execution in started:
                    await execution
            return time.process_time() - begin

    return leg


def _by_mapping(workflow: express.Workflow, bodies: list[bytes]) -> Leg:
    """`Runtime.map`."""

    async def leg() -> float:
        async with express.Runtime(max_in_flight=IN_FLIGHT) as runtime:
            begin = time.process_time()
            async for _ in runtime.map(workflow, map(parse_json, bodies), ordered=False):
                pass
            return time.process_time() - begin

    return leg


def _by_pumping(workflow: express.Workflow, bodies: list[bytes]) -> Leg:
    async def leg() -> float:
        queue = MemoryQueue()
        queue.put_bytes(*bodies)
        queue.finish()
        async with express.Runtime() as runtime:
            pump = Pump(runtime, workflow, MemorySource(queue))
            begin = time.process_time()
            await pump.run()
            assert pump.outcome_counts["succeeded"] == len(bodies)
            return time.process_time() - begin

    return leg


def _fill(server: RedisServer, bodies: list[bytes]) -> None:
    with server.client() as client:
        client.delete("bench")
        pipeline = client.pipeline(transaction=False)
        for body in bodies:
            pipeline.xadd("bench", {"body": body})
        pipeline.execute()
        client.xgroup_create("bench", "workers", "0")


def _by_redis_alone(server: RedisServer, bodies: list[bytes]) -> Leg:
    """redis-py alone, which acknowledges each batch at once."""

    async def leg() -> float:
        import redis.asyncio

        _fill(server, bodies)
        client: Any = redis.asyncio.Redis(port=server.port)
        left = len(bodies)
        begin = time.process_time()
        while left:
            ((_, entries),) = await client.xreadgroup("workers", "bench", {"bench": ">"}, count=BATCH)
            for _, fields in entries:
                parse_json(fields[b"body"])
            await client.xack("bench", "workers", *[id_ for id_, _ in entries])
            left -= len(entries)
        spent = time.process_time() - begin
        await client.aclose()
        return spent

    return leg


def _by_redis_and_pump(server: RedisServer, workflow: express.Workflow, bodies: list[bytes]) -> Leg:
    async def leg() -> float:
        _fill(server, bodies)
        async with express.Runtime() as runtime:
            pump = Pump(runtime, workflow, connect(server.url("bench")))
            begin = time.process_time()
            running = asyncio.ensure_future(pump.run())
            while pump.outcome_counts["succeeded"] < len(bodies) or pump.in_flight:  # noqa: ASYNC110 - the pump signals no such event
                await asyncio.sleep(0.001)
            spent = time.process_time() - begin
            pump.stop()
            await running
            return spent

    return leg


def compare(legs: dict[str, Leg], messages: int, rounds: int) -> dict[str, float]:
    """Microseconds for each message, for each leg."""
    spent: dict[str, list[float]] = {name: [] for name in legs}
    for round_ in range(rounds):
        for name in sorted(legs, reverse=bool(round_ % 2)):
            gc.collect()
            spent[name].append(express.run(legs[name]()))
    return {name: median(seconds) / messages * 1e6 for name, seconds in spent.items()}


def _print(title: str, figures: dict[str, float], pump: str) -> None:
    print(title)
    for name, micros in figures.items():
        more = "" if name == pump else f"   the pump: {figures[pump] - micros:+.1f}, {figures[pump] / micros:.2f} times"
        print(f"  {name:24} {micros:6.1f} us/message  {1e6 / micros:9,.0f} a second{more}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of every leg."""
    parser = argparse.ArgumentParser(prog="python -m bench.consume", description="What consuming costs.")
    parser.add_argument("--rounds", type=int, default=7, help="default: 7")
    parser.add_argument("--messages", type=int, default=20_000, help="in each leg of a round (default: 20000)")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, not how much")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.messages = 1, 500
    bodies = _bodies(options.messages)
    print(headline())
    machines = _machines()
    for name, workflow in machines.items():
        legs = {
            "Runtime.map": _by_mapping(workflow, bodies),
            "Runtime.start": _by_starting(workflow, bodies),
            "memory, pump": _by_pumping(workflow, bodies),
        }
        _print(f"{name}, in memory", compare(legs, options.messages, options.rounds), "memory, pump")
    if not redis_server.installed():
        print("no redis-server here: nothing measured with it")
        return
    with redis_server.RedisServer(durable=False) as server:
        legs = {
            "redis-py": _by_redis_alone(server, bodies),
            "Redis, pump": _by_redis_and_pump(server, machines["one Pass"], bodies),
        }
        _print("one Pass, Redis Streams", compare(legs, options.messages, options.rounds), "Redis, pump")


if __name__ == "__main__":
    main()
