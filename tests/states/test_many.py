"""A Task run for many items in a row: nobody can tell it from iterations entered one by one.

Each scene runs twice, trusted (swept as far as it goes) and by value (never swept): status, output, error, cause with
its event ids and the counts of every state must be the same.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.observe import Observer
from express.runtime.execution import advance, drive
from tests.runtime.machines import (
    WAYS,
    Way,
    catching,
    compiled,
    each,
    machine,
    reference_counting_alone,
    run_clean,
    state,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.program import Branches, Frame
    from express.types import JSON

ITEMS: list[JSON] = [{"i": index} for index in range(40)]


async def double(payload: Any) -> JSON:
    """Answers at once, but as its payload says: waits, fails, or gives what cannot be taken as it is."""
    number = payload["i"]
    what = payload.get("what")
    if what == "wait":
        await asyncio.sleep(1)
    elif what == "fail":
        raise LookupError(f"no {number}")
    elif what == "fail later":
        await asyncio.sleep(1)
        raise LookupError(f"no {number}")
    elif what == "give up":
        raise asyncio.CancelledError
    elif what == "named":
        raise express.TaskError("Named", "by itself")
    return {"twice": number * 2}


def special(what: str, *places: int) -> list[JSON]:
    return [{**item, "what": what} if item["i"] in places else item for item in ITEMS]


def mapping(fields: dict[str, Any] | None = None, **inner: Any) -> dict[str, Any]:
    """A Map of one Task, between states whose errors quote event ids."""
    return machine(
        Before=state("Pass", Next="Each"),
        Each=each(
            machine(Work=task("double", **inner)), **(fields or {}), Catch=catching("Caught", to="After"), Next="After"
        ),
        After=state("Pass"),
    )


CATCHING = mapping(Catch=catching("States.ALL", to="Rescue"))
CATCHING["States"]["Each"]["ItemProcessor"]["States"]["Rescue"] = state("Pass")

SCENES: dict[str, tuple[dict[str, Any], JSON]] = {
    "all answer": (mapping(), ITEMS),
    "none": (mapping(), []),
    "one": (mapping(), ITEMS[:1]),
    "added": (mapping(ResultPath="$.out"), ITEMS),
    "added to what is no object": (
        mapping({"ItemSelector": {"i.$": "$$.Map.Item.Value.i"}}, ResultPath="$.out"),
        ITEMS,
    ),
    "selected": (mapping({"ItemSelector": {"i.$": "$$.Map.Item.Value.i", "at.$": "$$.Map.Item.Index"}}), ITEMS),
    "the selector fails": (mapping({"ItemSelector": {"i.$": "$$.Map.Item.Value.i"}}), [*ITEMS[:20], {"no": 1}, *ITEMS]),
    "one waits": (mapping(), special("wait", 7)),
    "some wait": (mapping(), special("wait", 0, 15, 16, 39)),
    "one fails": (mapping(), special("fail", 20)),
    "the first fails": (mapping(), special("fail", 0)),
    "one fails later": (mapping(), special("fail later", 20)),
    "one names its error": (mapping(), special("named", 3)),
    "one gives up": (mapping(), special("give up", 17)),
    "failures are caught": (CATCHING, special("fail", 0, 5, 6, 16, 39)),
    "late failures are caught": (CATCHING, special("fail later", 0, 5, 6, 16, 39)),
    "one at a time": (mapping({"MaxConcurrency": 1}), special("wait", 3, 4)),
    "no object": (mapping(ResultPath="$.out"), [*ITEMS[:5], 7, *ITEMS[5:]]),
    "then the engine's own error": (
        {
            **mapping(),
            "States": {**mapping()["States"], "After": state("Pass", InputPath="$.nope")},
        },
        ITEMS,
    ),
}


def outcome(
    definition: dict[str, Any], event: JSON, way: Way, *, isolate: bool = True, observers: Iterable[Observer] = ()
) -> tuple[Any, ...]:
    workflow = compiled(definition, {"isolate": isolate}, double=double)

    async def main() -> express.Result:
        async with express.Runtime(observers=observers) as runtime:
            return await way(runtime, workflow, event)

    result = run_clean(main())
    # Each failure and each execution has an id and a time of its own.
    told = repr((result.status, result.output, result.error, result.cause))
    told = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9-]{10}T[0-9:.]+Z", "", told)
    return told, workflow.state_entries, result.billing.duration_ms


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("definition", "event"), SCENES.values(), ids=SCENES.keys())
def test_a_sweep_cannot_be_told_from_iterations(definition: dict[str, Any], event: JSON, way: Way) -> None:
    assert outcome(definition, event, way, isolate=False) == outcome(definition, event, way, isolate=True)


@pytest.mark.parametrize("slips", [0, 64, 100])
def test_a_handler_that_breaks_its_promise_is_isolated(slips: int) -> None:
    """The first result and every 64th are looked through; after a slip all cross by value."""
    kept: list[Any] = []

    async def give(payload: Any) -> JSON:
        value = (1, 2) if payload >= slips else [payload]
        kept.append(value)
        return value

    definition = machine(Each=each(machine(Work=task("give"))))
    workflow = compiled(definition, {"isolate": False}, give=give)

    async def main() -> Any:
        async with express.Runtime() as runtime:
            return (await runtime.execute(workflow, list(range(300)))).unwrap()

    results = run_clean(main())
    seen = -(-slips // 64) * 64
    assert [type(result) for result in results[slips:seen]] == [tuple] * (seen - slips)
    assert results[seen:] == [[1, 2]] * (300 - seen)
    assert all(result is not value for result, value in zip(results[seen:], kept[seen:], strict=True))


def test_a_handler_may_start_its_own_map_again() -> None:
    runtimes: list[express.Runtime] = []

    async def nest(payload: Any) -> JSON:
        if payload == 0:
            return 0
        if payload == "wait":
            await asyncio.sleep(1)
            return 0
        inner = await runtimes[0].execute(workflow, [payload - 1, 0, "wait", payload - 1] if payload > 1 else [0, 0])
        return inner.unwrap()

    workflow = compiled(machine(Each=each(machine(Work=task("nest")))), {"isolate": False}, nest=nest)

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            runtimes.append(runtime)
            return (await runtime.execute(workflow, [0, 1, 2, 1, 0])).unwrap()

    assert run_clean(main()) == [0, [0, 0], [[0, 0], 0, 0, [0, 0]], [0, 0], 0]


def test_the_payload_limit_holds_for_what_is_added() -> None:
    """A bound that leaves no room for the member has every iteration measured, as it is without a sweep."""
    items: list[JSON] = ["x" * 3_000, {"i": 1}]
    definition = mapping({"ItemsPath": "$.items"}, ResultPath="$.out")
    event: JSON = {"items": [{"i": 1, "filler": "y" * 9_000}, {"i": 2}], "more": items}

    async def main(limit: int) -> express.Result:
        workflow = compiled(definition, {"isolate": False}, double=double)
        async with express.Runtime(payload_limit=limit) as runtime:
            return await runtime.execute(workflow, event)

    assert run_clean(main(12_100)).status == "SUCCEEDED"


def passing(fields: dict[str, Any] | None = None, **inner: Any) -> dict[str, Any]:
    """A Map of one Pass, between states whose errors quote event ids."""
    return machine(
        Before=state("Pass", Next="Each"),
        Each=each(
            machine(Work=state("Pass", **inner)), **(fields or {}), Catch=catching("Caught", to="After"), Next="After"
        ),
        After=state("Pass"),
    )


JSONATA = {"QueryLanguage": "JSONata"}
PASSES: dict[str, tuple[dict[str, Any], JSON]] = {
    "all pass": (passing(Parameters={"v.$": "$.i"}), ITEMS),
    "added": (passing(Parameters={"v.$": "$.i"}, ResultPath="$.out"), ITEMS),
    "nothing to do": (passing(), ITEMS),
    "none": (passing(Parameters={"v.$": "$.i"}), []),
    "selected": (passing({"ItemSelector": {"i.$": "$$.Map.Item.Value.i"}}, Parameters={"at.$": "$.i"}), ITEMS),
    "the selector fails": (passing({"ItemSelector": {"i.$": "$$.Map.Item.Value.i"}}), [*ITEMS[:20], {"no": 1}, *ITEMS]),
    "one fails": (passing(Parameters={"v.$": "$.i"}), [*ITEMS[:20], {"no": 1}, *ITEMS]),
    "the first fails": (passing(Parameters={"v.$": "$.i"}), [{"no": 1}, *ITEMS]),
    "a failure is caught": (passing(ResultPath="$.a.b"), [*ITEMS[:33], {"a": 1}, *ITEMS]),
    "assigned": (passing(Assign={"seen.$": "$.i"}, Parameters={"v.$": "$$.State.Name"}), ITEMS),
    "in JSONata": ({**passing(Output="{% $states.input.i * 2 %}"), **JSONATA}, ITEMS),
    "one fails in JSONata": (
        {**passing(Output="{% 1 + $states.input.i %}"), **JSONATA},
        [*ITEMS[:9], {"i": "x"}, *ITEMS],
    ),
    "thousands": (passing(Parameters={"v.$": "$"}), list(range(5_000))),
    "heavy": (passing(Parameters={"v.$": "$", "w": "x" * 1_000}), [*range(100)]),
    "then the engine's own error": (
        {**passing(), "States": {**passing()["States"], "After": state("Pass", InputPath="$.nope")}},
        ITEMS,
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("definition", "event"), PASSES.values(), ids=PASSES.keys())
def test_passes_in_a_row_cannot_be_told_from_iterations(definition: dict[str, Any], event: JSON, way: Way) -> None:
    """Whoever looks on sees every iteration, so with an observer there is no sweep."""
    assert outcome(definition, event, way) == outcome(definition, event, way, observers=[Watcher()])


class Watcher(Observer):
    def __init__(self) -> None:
        self.entered: list[str] = []

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        self.entered.append(name)


def test_whoever_looks_on_sees_every_iteration() -> None:
    watcher = Watcher()
    workflow = compiled(mapping(), {"isolate": False}, double=double)

    async def main() -> express.Result:
        async with express.Runtime(observers=[watcher]) as runtime:
            return await runtime.execute(workflow, ITEMS)

    assert run_clean(main()).status == "SUCCEEDED"
    assert len(watcher.entered) == len(ITEMS) + 3


class Hesitant(express.Runtime):
    """Lets others run between a sweep and the iteration it has stopped at, as threads may that share a workflow."""

    async def run_side_by_side(self, frame: Frame, branches: Branches) -> None:
        index = 0
        while (index := branches.sweep(index, branches.count)) < branches.count:
            await asyncio.sleep(0)
            child = branches.enter(index)
            if not advance(child):
                await drive(child)
            branches.leave(index, child)
            index += 1


def test_what_a_sweep_has_begun_is_its_own() -> None:
    workflow = compiled(mapping(), {"isolate": False}, double=double)
    events: list[JSON] = [[{"i": number, "what": "wait"}, {"i": number + 1}] for number in (10, 20, 30)]

    async def main() -> list[JSON]:
        async with Hesitant() as runtime:
            results = await asyncio.gather(*(runtime.execute(workflow, event) for event in events))
            return [result.unwrap() for result in results]

    assert run_clean(main()) == [[{"twice": 2 * number}, {"twice": 2 * number + 2}] for number in (10, 20, 30)]


def test_an_item_is_selected_once() -> None:
    """However early: a sweep looks ahead, and stops at each handler that suspends."""
    selected: list[JSON] = []

    class Noting(dict[str, Any]):
        """An item that tells when it is looked into."""

        def __getitem__(self, name: str) -> Any:
            selected.append(self.get("i"))
            return super().__getitem__(name)

    definition = mapping({"ItemSelector": {"i.$": "$$.Map.Item.Value.i", "what": "wait"}})
    workflow = compiled(definition, {"isolate": False}, double=double)

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            return (await runtime.execute(workflow, [Noting(i=index) for index in range(50)])).unwrap()

    assert run_clean(main()) == [{"twice": 2 * index} for index in range(50)]
    assert selected == list(range(50))


@pytest.mark.slow
@pytest.mark.parametrize("what", ["fail", "fail later", "wait", "give up"])
def test_nothing_is_left(what: str) -> None:
    workflow = compiled(mapping(), {"isolate": False}, double=double)

    async def main() -> None:
        async with express.Runtime() as runtime:
            for _ in range(3):
                await runtime.execute(workflow, special(what, 20))

    with reference_counting_alone():
        run_clean(main())


def test_data_is_nobody_s_to_change() -> None:
    """A member is added to a copy: the items stay as they are (law 2)."""
    event = [{"i": index} for index in range(20)]
    assert outcome(mapping(ResultPath="$.out"), event, WAYS[0], isolate=False)[1]["Work"] == 20
    assert event == [{"i": index} for index in range(20)]
