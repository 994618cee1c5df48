"""The limits of variables: how much one Assign may assign, and how much there may be in all.

What Assign does to an execution is in tests/cases/variables.json.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import express
from express.payload import PAYLOAD_LIMIT
from tests.runtime.machines import compiled, executed, machine, run_clean, state, task

if TYPE_CHECKING:
    from express.types import JSON

#: The longest text that an input may have as its only member `t`; all that are assigned below are called so shortly.
LONG = "x" * (PAYLOAD_LIMIT - len(orjson.dumps({"t": ""})))
OUT_OF_ROOM = ("FAILED", "States.DataLimitExceeded", None)


def ending(*assigned: dict[str, JSON], language: str = "JSONPath") -> dict[str, Any]:
    """A machine of Passes, each of which assigns something."""
    names = [f"S{number}" for number in range(len(assigned))]
    passes = {
        name: state("Pass", QueryLanguage=language, Assign=values, Next=following)
        for name, following, values in zip(names, [*names[1:], "Out"], assigned, strict=True)
    }
    return machine(**passes, Out=state("Pass", Result="out"))


def run(definition: dict[str, Any], event: JSON) -> tuple[str, str | None, JSON]:
    result = run_clean(executed(compiled(definition), event))
    return result.status, result.error, result.output


@pytest.mark.parametrize(
    ("language", "values"),
    [("JSONPath", {"v.$": "$.t"}), ("JSONata", {"v": "{% $states.input.t %}"})],
    ids=["JSONPath", "JSONata"],
)
def test_one_assign_may_be_as_long_as_a_payload(language: str, values: dict[str, JSON]) -> None:
    assert run(ending(values, language=language), {"t": LONG}) == ("SUCCEEDED", None, "out")
    longer = ending({**values, "w": 1}, language=language)
    assert run(longer, {"t": LONG}) == OUT_OF_ROOM
    assert run(longer, {"t": LONG[: -len(',"w":1')]}) == ("SUCCEEDED", None, "out")


def test_bytes_count_and_not_characters() -> None:
    text = "ü" * (len(LONG) // 2)
    assert run(ending({"v.$": "$.t"}), {"t": text}) == ("SUCCEEDED", None, "out")
    assert run(ending({"vü.$": "$.t"}), {"t": text}) == OUT_OF_ROOM


def test_there_are_40_long_variables_and_no_more(longest: list[int]) -> None:
    forty: list[dict[str, JSON]] = [{f"v{number}.$": "$.t"} for number in range(40)]
    event: JSON = {"t": LONG[:-2]}

    assert run(ending(*forty), event) == ("SUCCEEDED", None, "out")
    assert run(ending(*forty, {"w.$": "$.t"}), event) == OUT_OF_ROOM
    # One that is assigned again makes room.
    assert run(ending(*forty, {"v0": 1, "w.$": "$.t"}), {"t": LONG[:-20]}) == ("SUCCEEDED", None, "out")
    assert run(ending(*forty, {"v0": 1}, {"w.$": "$.t"}, {"v0.$": "$.t"}), event) == OUT_OF_ROOM
    # To write them all down would take 30 ms each time.
    assert longest[0] <= PAYLOAD_LIMIT


def test_many_short_variables_have_room() -> None:
    values: list[dict[str, JSON]] = [{f"v{number}.$": "$.t"} for number in range(100)]
    assert run(ending(*values), {"t": "short"}) == ("SUCCEEDED", None, "out")


def test_an_assign_tells_where_a_trusted_result_is_no_json() -> None:
    answers = iter([1, datetime(2024, 1, 1, tzinfo=UTC)])

    async def work(_: JSON) -> Any:
        return {"when": next(answers)}

    workflow = compiled(machine(Work=task("work", Assign={"v.$": "$.when"})), {"isolate": False}, work=work)

    async def twice() -> list[express.Result]:
        async with express.Runtime() as runtime:
            return [await runtime.execute(workflow, {}) for _ in range(2)]

    [first, second] = run_clean(twice())
    assert first.output == {"when": 1}
    assert second.error == "States.Runtime"
    assert (second.cause or "").endswith(
        "The value of a variable is not valid JSON: $.v is a datetime, which is not JSON"
    )
