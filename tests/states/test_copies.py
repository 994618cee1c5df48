"""What holds the same data thousands of times is refused without ever being written down.

Values share what they have in common: a Map that hands its whole input to each of its items has it once in memory, and
once for each item in JSON. Each test looks at the longest text that was written on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from express.payload import PAYLOAD_LIMIT
from tests.runtime.machines import compiled, each, executed, machine, parallel, run_clean, state, task

if TYPE_CHECKING:
    from collections.abc import Iterator

    import express
    from express.types import JSON

#: What may be written: for a short time it may be more than comes out.
LONGEST = 10_000_000
DEEP: JSON = ["y" * 50_000]
for _ in range(200):
    DEEP = [DEEP]
EVENT: JSON = {
    "items": [{"n": number, "text": "x" * 10} for number in range(4000)],
    "few": [1, 2, 3],
    "fifty": [0] * 50,
    "deep": DEEP,
}
COPIES = range(1000)
HAND_ON = machine(B=state("Pass"))
WITH_ALL = {"item.$": "$$.Map.Item.Value", "all.$": "$"}


async def echo(value: JSON) -> JSON:
    return value


def run(definition: dict[str, Any], event: JSON = EVENT, options: dict[str, Any] | None = None) -> express.Result:
    return run_clean(executed(compiled(definition, options, echo=echo), event))


TOO_MUCH: dict[str, dict[str, Any]] = {
    "iterations that hand on all of the input": machine(A=each(HAND_ON, ItemsPath="$.items", ItemSelector=WITH_ALL)),
    "the same, added to the input": machine(
        A=each(HAND_ON, ItemsPath="$.items", ItemSelector=WITH_ALL, ResultPath="$.a.b.c")
    ),
    "the same, selected": machine(
        A=each(HAND_ON, ItemsPath="$.items", ItemSelector=WITH_ALL, ResultSelector={"deep": {"er.$": "$"}})
    ),
    "the same, of tasks": machine(
        A=each(machine(B=task("echo")), ItemsPath="$.fifty", ItemSelector=WITH_ALL, ResultPath="$.out")
    ),
    "the same in JSONata": machine(
        A=each(
            HAND_ON,
            QueryLanguage="JSONata",
            Items="{% $states.input.items %}",
            ItemSelector={"all": "{% $states.input %}"},
            Output={"deep": ["{% $states.result %}"]},
        )
    ),
    "items with many copies": machine(
        A=each(machine(B=task("echo")), ItemsPath="$.few", ItemSelector={f"k{i}.$": "$" for i in COPIES})
    ),
    "branches": machine(A=parallel(*[machine(**{f"B{i}": state("Pass")}) for i in COPIES])),
    "Parameters": machine(A=state("Pass", Parameters={f"k{i}.$": "$" for i in COPIES})),
    "deeper Parameters": machine(A=state("Pass", Parameters={"a": {"b": [{f"k{i}.$": "$" for i in COPIES}]}})),
    "Parameters beside the context": machine(
        A=state("Pass", Parameters={"name.$": "$$.State.Name", **{f"k{i}.$": "$" for i in COPIES}})
    ),
    "Parameters of a Task": machine(A=task("echo", Parameters={f"k{i}.$": "$" for i in COPIES})),
    "ResultSelector of a Task": machine(A=task("echo", ResultSelector={f"k{i}.$": "$" for i in COPIES})),
    "States.Array": machine(A=state("Pass", Parameters={"all.$": f"States.Array({','.join('$' for _ in COPIES)})"})),
    "Output": machine(
        A=state("Pass", QueryLanguage="JSONata", Output={f"k{i}": "{% $states.input %}" for i in COPIES})
    ),
    "Output that nobody knows": machine(
        A=state("Pass", QueryLanguage="JSONata", Output={f"k{i}": "{% $merge([$states.input]) %}" for i in COPIES})
    ),
    "Arguments": machine(
        A=task("echo", QueryLanguage="JSONata", Arguments={f"k{i}": "{% $states.input %}" for i in COPIES})
    ),
    "variables from results": machine(
        A=each(HAND_ON, ItemsPath="$.items", ItemSelector=WITH_ALL, ResultPath=None, Assign={"v.$": "$"})
    ),
    "results in a text": machine(
        A=each(HAND_ON, ItemsPath="$.items", ItemSelector=WITH_ALL, ResultSelector={"t.$": "States.JsonToString($)"})
    ),
    "a hash of results": machine(
        A=each(HAND_ON, ItemsPath="$.items", ItemSelector=WITH_ALL, ResultSelector={"h.$": "States.Hash($, 'MD5')"})
    ),
    "texts": machine(A=state("Pass", Parameters={f"k{i}.$": "States.JsonToString($)" for i in range(100)})),
    "texts within each other": machine(
        A=state(
            "Pass", Parameters={f"k{i}": {f"l{j}.$": "States.JsonToString($)" for j in range(8)} for i in range(20)}
        )
    ),
    "descents": machine(A=state("Pass", InputPath="$.deep..*..*")),
    "descents, in the end": machine(A=state("Pass", OutputPath="$.deep..*..*")),
    "variables": machine(A=state("Pass", Assign={f"k{i}.$": "$" for i in COPIES})),
}


#: Trusted handlers get what they get, and what they return counts as nothing: that is their promise.
TRUSTING = ("Parameters of a Task", "ResultSelector of a Task", "Arguments")


def params() -> Iterator[Any]:
    for name, definition in TOO_MUCH.items():
        yield pytest.param(definition, True, id=name)
        if name not in TRUSTING:
            yield pytest.param(definition, False, id=f"{name}, trusted")


@pytest.mark.parametrize(("definition", "isolate"), list(params()))
def test_copies_are_not_written_down(definition: dict[str, Any], isolate: bool, longest: list[int]) -> None:
    result = run(definition, options={"isolate": isolate})

    assert (result.status, result.error) == ("FAILED", "States.DataLimitExceeded"), result
    assert longest[0] < LONGEST


@pytest.mark.parametrize(
    "expression",
    ["States.JsonToString(States.Array({}))", "States.ArrayUnique(States.Array({}))", "States.Format('{}', {})"],
)
def test_intrinsics_do_not_write_copies_down(expression: str, longest: list[int]) -> None:
    paths = ",".join("$" for _ in COPIES)
    text = expression.replace("{})", f"{paths})").replace("{}", "{}" * len(COPIES))
    result = run(machine(A=state("Pass", Parameters={"all.$": text})))
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert "Invalid arguments in States." in (result.cause or "")
    assert longest[0] < LONGEST


@pytest.mark.parametrize("depth", [6, 10])
def test_a_text_in_a_text_in_a_text_is_too_long_some_time(depth: int, longest: list[int]) -> None:
    text = "States.JsonToString(" * depth + "$" + ")" * depth
    result = run(machine(A=state("Pass", Parameters={"all.$": text})), '"' * 50_000)
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert longest[0] < LONGEST


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"ResultPath": None, "OutputPath": "$.few"}, [1, 2, 3]),
        ({"ResultSelector": {"n.$": "$.length()"}}, {"n": 4000}),
        ({"OutputPath": "$[7].item.n"}, 7),
    ],
    ids=["discarded", "counted", "one of them"],
)
def test_what_is_made_less_of_may_have_been_much(fields: dict[str, Any], output: JSON, longest: list[int]) -> None:
    result = run(machine(A=each(HAND_ON, ItemsPath="$.items", ItemSelector=WITH_ALL, **fields)))
    assert result.output == output, result
    assert longest[0] < LONGEST


@pytest.mark.parametrize("more", [-1, 0, 1, 20])
@pytest.mark.parametrize("isolate", [True, False], ids=["by value", "trusted"])
@pytest.mark.parametrize("added", [{}, {"ResultPath": "$.made"}], ids=["replacing", "added"])
def test_results_are_measured_to_the_byte(isolate: bool, more: int, added: dict[str, str]) -> None:
    event: JSON = {"numbers": list(range(1001))}
    results: list[JSON] = [{"n": number, "text": "ü" * (number % 90)} for number in range(1000)]
    whole = {**event, "made": results} if added else results
    results.append({"last": ""})
    results[-1]["last"] = "x" * (PAYLOAD_LIMIT + more - len(orjson.dumps(whole)))
    assert len(orjson.dumps(whole)) == PAYLOAD_LIMIT + more

    async def make(number: int) -> JSON:
        return results[number]

    definition = machine(A=each(machine(B=task("make")), ItemsPath="$.numbers", **added))
    result = run_clean(executed(compiled(definition, {"isolate": isolate}, make=make), event))

    if more > 0:
        assert (result.status, result.error) == ("FAILED", "States.DataLimitExceeded")
    else:
        assert result.output == whole
