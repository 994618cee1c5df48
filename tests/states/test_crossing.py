"""Long values that orjson does not copy faithfully cross the task edge in a thread, and are what they were."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import pytest

from express import payload
from express.states import crossing
from express.states.crossing import Kept
from tests.runtime.machines import compiled, executed, machine, run_clean, state, task

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

LONG_NUMBER = 2**70
NUMBERS = [*range(30_000), LONG_NUMBER]


class Pair(NamedTuple):
    a: int
    b: int


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads in which values are copied thoroughly, in the order of the calls."""
    names: list[str] = []
    thoroughly = payload.cross_thoroughly

    def noted(*arguments: Any, **options: Any) -> tuple[JSON, int]:
        names.append(threading.current_thread().name.split("_")[0])
        return thoroughly(*arguments, **options)

    monkeypatch.setattr(crossing, "cross_thoroughly", noted)
    return names


IN_A_THREAD = ["express-expression"]
SMALL = range(10_000)
ODD: dict[str, tuple[JSON, JSON]] = {
    "long number": (NUMBERS, NUMBERS),
    "tuples": ([(number, 2) for number in SMALL], [[number, 2] for number in SMALL]),
    "keys": ({number: [number] for number in SMALL}, {str(number): [number] for number in SMALL}),
}


@pytest.mark.parametrize(("result", "expected"), ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("delay", [None, 1], ids=["at once", "later"])
@pytest.mark.parametrize("fields", [{}, {"TimeoutSeconds": 60}], ids=["plain", "limited"])
def test_a_long_odd_result_crosses_in_a_thread(
    result: JSON, expected: JSON, delay: float | None, fields: dict[str, Any], threads: list[str]
) -> None:
    async def answer(payload: JSON) -> JSON:
        if delay is not None:
            await asyncio.sleep(delay)
        return result

    assert run_clean(executed(compiled(machine(A=task("answer", **fields)), answer=answer))).output == expected
    assert threads == IN_A_THREAD


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ([Pair(number, 2) for number in SMALL], [[number, 2] for number in SMALL]),
        (OrderedDict(a=NUMBERS), {"a": NUMBERS}),
    ],
    ids=["named tuples", "ordered"],
)
def test_a_long_result_of_other_classes_crosses_on_the_loop(result: JSON, expected: JSON, threads: list[str]) -> None:
    async def answer(payload: JSON) -> JSON:
        return result

    assert run_clean(executed(compiled(machine(A=task("answer")), answer=answer))).output == expected
    assert threads == ["MainThread"]


def test_a_long_odd_payload_crosses_in_a_thread(threads: list[str]) -> None:
    async def changes(payload: list[JSON]) -> JSON:
        payload.append("changed")
        return payload[-2] == LONG_NUMBER

    workflow = compiled(machine(A=task("changes", ResultPath=None, Next="B"), B=state("Pass")), changes=changes)
    assert run_clean(executed(workflow, NUMBERS)).output == NUMBERS
    assert threads == IN_A_THREAD


@pytest.mark.parametrize("result", [[LONG_NUMBER], {1: 2}, (1, 2)], ids=["long number", "key", "tuple"])
def test_a_short_one_crosses_at_once(result: JSON, threads: list[str]) -> None:
    async def answer(payload: JSON) -> JSON:
        return result

    assert run_clean(executed(compiled(machine(A=task("answer")), answer=answer))).succeeded
    # A tuple is found by looking at the copy.
    assert threads == ([] if result == (1, 2) else ["MainThread"])


def test_payload_and_result_of_one_visit_are_told_apart() -> None:
    async def answer(payload: list[JSON]) -> JSON:
        return [-1, *payload]

    workflow = compiled(machine(A=task("answer")), answer=answer)
    assert run_clean(executed(workflow, NUMBERS)).output == [-1, *NUMBERS]


@pytest.mark.parametrize("make", [list, tuple], ids=["list", "tuple"])
def test_a_result_is_what_it_was_when_it_was_returned(make: Callable[[list[JSON]], JSON], threads: list[str]) -> None:
    """Its handler goes on to change it while a thread copies it."""
    items: list[JSON] = list(NUMBERS)

    async def answer(payload: JSON) -> JSON:
        asyncio.get_running_loop().call_soon(items.clear)
        return {"items": items, "copy": make(items[:9])}

    result = run_clean(executed(compiled(machine(A=task("answer")), answer=answer)))
    assert result.output == {"items": NUMBERS, "copy": NUMBERS[:9]}
    assert items == []
    assert threads == IN_A_THREAD


@pytest.mark.parametrize(
    ("foreign", "name"),
    [
        (UUID(int=0), "UUID"),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime"),
        (bytearray(b"x"), "bytearray"),
        ({1}, "set"),
    ],
)
@pytest.mark.parametrize("beside", [[], NUMBERS], ids=["alone", "beside much"])
def test_a_result_that_is_no_json_fails_as_in_lambda(foreign: object, name: str, beside: list[JSON]) -> None:
    async def answer(payload: JSON) -> JSON:
        return [*beside, foreign]

    result = run_clean(executed(compiled(machine(A=task("answer")), answer=answer)))
    assert result.error == "Runtime.MarshalError"
    assert f"Object of type {name} is not JSON serializable" in str(result.cause)


def test_a_payload_that_is_no_json_is_named(threads: list[str]) -> None:
    async def never(payload: JSON) -> JSON:
        raise AssertionError

    result = run_clean(executed(compiled(machine(A=task("never")), never=never), [*range(30_000), (1, UUID(int=0))]))
    assert result.error == "States.Runtime"
    assert "$[30000][1] is a UUID" in str(result.cause)


@pytest.mark.parametrize("value", [[1], "x" * 5_000, object(), [print] * 5_000])
def test_what_is_short_or_strange_is_not_kept(value: Any) -> None:
    assert Kept.of(value) is None
