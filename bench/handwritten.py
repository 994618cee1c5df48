"""The same jobs written by hand: what a careful author of plain asyncio would write instead of a workflow.

A twin gives the output its workflow gives (`bench.throughput` checks that first), without what the engine adds:
limits, metering, deadlines, validation. The first twin of a workload is the one the engine is compared with; the
others show the cost of other styles:

- W5: the branches gathered, as branches that may block must be; or run in sequence, which is possible here.
- W6: ten workers that share an iterator, the cheapest way to do a hundred items ten at a time; the usual
  `Semaphore(10)` around each of a hundred gathered coroutines; or no concurrency at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from bench.workload import (
    Fatal,
    Transient,
    boom,
    charge,
    charge_later,
    flaky,
    item,
    ship,
    ship_later,
    skip,
    validate,
    validate_later,
)

if TYPE_CHECKING:
    from express.types import JSON

Twin: TypeAlias = Callable[["JSON"], Coroutine[Any, Any, "JSON"]]

_MAX_ATTEMPTS = 3
_MAX_CONCURRENCY = 10


async def pass_on(event: JSON) -> JSON:
    return event


async def ten_passes(event: JSON) -> JSON:
    event = {**event, "s0": {"n": event["n"], "id": event["order"]["id"], "step": 0}}
    event = {**event, "s1": {"n": event["n"], "id": event["order"]["id"], "step": 1}}
    event = {**event, "s2": {"n": event["n"], "id": event["order"]["id"], "step": 2}}
    event = {**event, "s3": {"n": event["n"], "id": event["order"]["id"], "step": 3}}
    event = {**event, "s4": {"n": event["n"], "id": event["order"]["id"], "step": 4}}
    event = {**event, "s5": {"n": event["n"], "id": event["order"]["id"], "step": 5}}
    event = {**event, "s6": {"n": event["n"], "id": event["order"]["id"], "step": 6}}
    event = {**event, "s7": {"n": event["n"], "id": event["order"]["id"], "step": 7}}
    event = {**event, "s8": {"n": event["n"], "id": event["order"]["id"], "step": 8}}
    return {**event, "s9": {"n": event["n"], "id": event["order"]["id"], "step": 9}}


async def choose(event: JSON) -> JSON:
    if event["order"]["total"] > 1000:
        route = "High"
    elif event["order"]["kind"] == "rush":
        route = "Rush"
    else:
        route = "Def"
    return {**event, "r": {"route": route}}


async def handle_order(event: JSON) -> JSON:
    event = {**event, "validate": await validate(event)}
    event = {**event, "charge": await charge(event)}
    return {**event, "ship": await ship(event)}


async def handle_order_later(event: JSON) -> JSON:
    event = {**event, "validate": await validate_later(event)}
    event = {**event, "charge": await charge_later(event)}
    return {**event, "ship": await ship_later(event)}


async def _branch(number: int, event: JSON) -> JSON:
    return {"b": number, "id": event["order"]["id"]}


async def in_parallel(event: JSON) -> JSON:
    results = await asyncio.gather(_branch(0, event), _branch(1, event), _branch(2, event))
    return {**event, "par": results}


async def in_sequence(event: JSON) -> JSON:
    return {**event, "par": [await _branch(0, event), await _branch(1, event), await _branch(2, event)]}


async def _pass_item(entry: JSON) -> JSON:
    return {"v": entry["i"]}


def by_workers(process: Twin) -> Twin:
    """Ten workers, each taking the next item when it has finished one."""

    async def work(entries: Iterator[tuple[int, JSON]], results: list[JSON]) -> None:
        for index, entry in entries:
            results[index] = await process(entry)

    async def map_items(event: JSON) -> JSON:
        items = event["items"]
        results = [None] * len(items)
        entries = enumerate(items)
        await asyncio.gather(*(work(entries, results) for _ in range(_MAX_CONCURRENCY)))
        return {**event, "out": results}

    return map_items


def by_semaphore(process: Twin) -> Twin:
    """One coroutine for each item; the semaphore admits ten at a time."""

    async def map_items(event: JSON) -> JSON:
        semaphore = asyncio.Semaphore(_MAX_CONCURRENCY)

        async def bounded(entry: JSON) -> JSON:
            async with semaphore:
                return await process(entry)

        return {**event, "out": await asyncio.gather(*map(bounded, event["items"]))}

    return map_items


def one_by_one(process: Twin) -> Twin:
    """No concurrency: correct only for items that never wait."""

    async def map_items(event: JSON) -> JSON:
        return {**event, "out": [await process(entry) for entry in event["items"]]}

    return map_items


async def retry_and_catch(event: JSON) -> JSON:
    for attempt in range(1 + _MAX_ATTEMPTS):
        try:
            result = await flaky(event)
            break
        except Transient:
            if attempt == _MAX_ATTEMPTS:
                raise
            await skip(1)
    event = {**event, "flaky": result}
    try:
        return {**event, "boom": await boom(event)}
    except Fatal as error:
        return {**event, "err": {"Error": type(error).__name__, "Cause": str(error)}}


#: The twins of each workload by name.
TWINS: dict[str, dict[str, Twin]] = {
    "W1": {"plain": pass_on},
    "W2": {"plain": ten_passes},
    "W3": {"plain": choose},
    "W4": {"plain": handle_order},
    "W5": {"gather": in_parallel, "in sequence": in_sequence},
    "W6p": {
        "workers": by_workers(_pass_item),
        "semaphore": by_semaphore(_pass_item),
        "one by one": one_by_one(_pass_item),
    },
    "W6t": {"workers": by_workers(item), "semaphore": by_semaphore(item), "one by one": one_by_one(item)},
    "W7": {"plain": retry_and_catch},
    "W8": {"plain": ten_passes},
    "W9": {"plain": handle_order_later},
}
