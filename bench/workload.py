"""The workloads that are measured and the handlers their tasks call.

A workload is a definition with inputs to cycle through, in `workloads/<id>-<name>.json`. The workloads have the
shapes on which other engines of this field were measured, so that figures can be compared. The handlers never
suspend, because the engine is measured, not the work; but in W9, which is W4 with handlers that do nothing else.

A wait costs one turn of the event loop here: `SkippingRuntime` overrides the two places where the engine waits (in a
task, and without one), and the hand-written twin of W7 waits by the same function. Retries a second apart can then be
counted by the thousand on the event loop that users run.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import express

if TYPE_CHECKING:
    from express.runtime.naps import Nap
    from express.types import JSON

_DIRECTORY = Path(__file__).parent / "workloads"

#: Executions in flight; fewer for the Maps, each of which holds a hundred items.
_IN_FLIGHT = {"W6p": 100, "W6t": 100}
_USUALLY_IN_FLIGHT = 1000


@dataclass(frozen=True, slots=True)
class Workload:
    """A definition with `in_flight` executions kept running at once; `has_tasks` tells whether it calls handlers."""

    id: str
    name: str
    definition: dict[str, JSON]
    inputs: tuple[JSON, ...]
    in_flight: int

    @property
    def has_tasks(self) -> bool:
        return '"Task"' in json.dumps(self.definition)

    def events(self, count: int) -> list[JSON]:
        """Inputs for `count` concurrent executions; each has its own `n`, if any, by which Flaky identifies it."""
        events = []
        for n, event in enumerate(islice(cycle(self.inputs), count)):
            events.append({**event, "n": n} if "n" in event else event)
        return events

    def compile(self, *, isolate: bool) -> express.Workflow:
        """`isolate`: whether payloads and results cross the task edge by value, as they do by default."""
        return express.compile(self.definition, make_tasks(isolate=isolate), name=self.name)


def load_workloads() -> dict[str, Workload]:
    """All workloads by id, in the order of their ids."""
    workloads = {}
    for path in sorted(_DIRECTORY.glob("*.json")):
        id_, _, name = path.stem.partition("-")
        document = json.loads(path.read_text())
        in_flight = _IN_FLIGHT.get(id_, _USUALLY_IN_FLIGHT)
        workloads[id_] = Workload(id_, name, document["definition"], tuple(document["inputs"]), in_flight)
    return workloads


async def skip(seconds: float) -> None:
    """Wait for one turn of the event loop, whatever `seconds` says."""
    await asyncio.sleep(0)


class SkippingRuntime(express.Runtime):
    """A Runtime whose Wait states and retry delays are skipped."""

    async def sleep(self, seconds: float) -> None:
        await skip(seconds)

    def wake_later(self, nap: Nap, seconds: float) -> None:
        # Two turns of the loop; `skip` takes one.
        self.wake(nap)


class Transient(Exception):
    """What Flaky raises before it succeeds."""


class Fatal(Exception):
    """What Boom raises."""


async def validate(order: JSON) -> JSON:
    return {"ok": True}


async def charge(order: JSON) -> JSON:
    return {"ok": True}


async def ship(order: JSON) -> JSON:
    return {"ok": True}


async def validate_later(order: JSON) -> JSON:
    await asyncio.sleep(0)
    return {"ok": True}


async def charge_later(order: JSON) -> JSON:
    await asyncio.sleep(0)
    return {"ok": True}


async def ship_later(order: JSON) -> JSON:
    await asyncio.sleep(0)
    return {"ok": True}


async def item(entry: JSON) -> JSON:
    return {"v": entry["i"]}


#: Calls of Flaky, modulo three, for each `n`.
_calls = [0] * _USUALLY_IN_FLIGHT


async def flaky(order: JSON) -> JSON:
    """Raise Transient twice, then succeed; `n` identifies the order."""
    n = order["n"]
    _calls[n] = call = (_calls[n] + 1) % 3
    if call:
        raise Transient(f"call {call}")
    return {"ok": n}


async def boom(order: JSON) -> JSON:
    raise Fatal("f")


_HANDLERS = {
    "Validate": validate,
    "Charge": charge,
    "Ship": ship,
    "ValidateLater": validate_later,
    "ChargeLater": charge_later,
    "ShipLater": ship_later,
    "Item": item,
    "Flaky": flaky,
    "Boom": boom,
}


def make_tasks(*, isolate: bool) -> express.Tasks:
    tasks = express.Tasks()
    for name, handler in _HANDLERS.items():
        tasks.add(name, handler, isolate=isolate)
    return tasks
