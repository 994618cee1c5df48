"""Object functions, `$type`, `$error`, `$assert` and `$clone`."""

from __future__ import annotations

import pytest

from express.expressions.jsonata.evaluation import Limits
from express.expressions.jsonata.values import UNDEFINED, Value
from tests.expressions.jsonata.calling import call, exactly, label, of, refused

F = of(lambda: 1)

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("keys", [{"b": 1, "a": 2}], ["b", "a"]),
    ("keys", [{"a": 1}], "a"),
    ("keys", [{}], UNDEFINED),
    ("keys", [[{"a": 1, "b": 2}, 5, [{"b": 3, "c": 4}]]], ["a", "b", "c"]),
    ("keys", ["a"], UNDEFINED),
    ("keys", [F], UNDEFINED),
    ("keys", [UNDEFINED], UNDEFINED),
    ("lookup", [{"a": 1}, "a"], 1),
    ("lookup", [{"a": [1]}, "a"], [1]),
    ("lookup", [{"a": None}, "a"], None),
    ("lookup", [{"a": 1}, "b"], UNDEFINED),
    ("lookup", [{"a": 1}, UNDEFINED], UNDEFINED),
    ("lookup", [[{"a": 1}, {"b": 2}, {"a": [3, [4]]}, 5], "a"], [1, 3, [4]]),
    ("lookup", [[{"a": [1]}], "a"], 1),
    ("lookup", [[[{"a": 1}], [{"a": 2}]], "a"], [1, 2]),
    ("lookup", [[], "a"], UNDEFINED),
    ("lookup", ["a", "length"], UNDEFINED),
    ("lookup", [UNDEFINED, "a"], UNDEFINED),
    ("spread", [{"a": 1, "b": 2}], [{"a": 1}, {"b": 2}]),
    ("spread", [{"a": 1}], {"a": 1}),
    ("spread", [{}], UNDEFINED),
    ("spread", [[{"a": 1}]], [{"a": 1}]),
    ("spread", [[{"a": 1, "b": 2}, [{"c": 3}], 4, None]], [{"a": 1}, {"b": 2}, {"c": 3}, 4, None]),
    ("spread", [[]], UNDEFINED),
    ("spread", [[[]]], []),
    ("spread", [[{}]], []),
    ("spread", ["a"], "a"),
    ("spread", [F], F),
    ("spread", [UNDEFINED], UNDEFINED),
    ("merge", [[{"a": 1, "b": 2}, {"b": 3, "c": 4}]], {"a": 1, "b": 3, "c": 4}),
    ("merge", [{"a": 1}], {"a": 1}),
    ("merge", [[]], {}),
    ("merge", [UNDEFINED], UNDEFINED),
    ("each", [{"a": 1, "b": 2}, of(lambda value, key: f"{key}={value}")], ["a=1", "b=2"]),
    ("each", [{"a": 1}, of(lambda value: value)], 1),
    ("each", [{"a": 1}, of(lambda value, key, whole: whole)], {"a": 1}),
    ("each", [{"a": 1}, of(lambda value: UNDEFINED)], UNDEFINED),
    ("each", [{}, of(lambda value: 1)], UNDEFINED),
    ("each", [UNDEFINED, F], UNDEFINED),
    ("sift", [{"a": 1, "b": 2}, of(lambda value: value > 1)], {"b": 2}),
    ("sift", [{"a": 1, "b": 2}, of(lambda value, key: key == "a")], {"a": 1}),
    ("sift", [{"a": 1, "b": 2}, of(lambda value, key, whole: len(whole) - value)], {"a": 1}),
    ("sift", [{"a": 1}, of(lambda value: [0])], UNDEFINED),
    ("sift", [{}], UNDEFINED),
    ("sift", [UNDEFINED], UNDEFINED),
    ("clone", [{"a": [1, {"b": None}]}], {"a": [1, {"b": None}]}),
    ("clone", [{"a": 0.1 + 0.2, "b": F, "c": 1234567890123445}], {"a": 0.3, "b": "", "c": 1234567890123450}),
    ("clone", [[UNDEFINED]], [None]),
    ("clone", [UNDEFINED], UNDEFINED),
    ("type", [None], "null"),
    ("type", [1], "number"),
    ("type", [1.5], "number"),
    ("type", ["a"], "string"),
    ("type", [False], "boolean"),
    ("type", [[]], "array"),
    ("type", [{}], "object"),
    ("type", [F], "function"),
    ("type", [UNDEFINED], UNDEFINED),
    ("assert", [True, "no"], UNDEFINED),
]


@pytest.mark.parametrize(("name", "arguments", "result"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], result: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(result)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("error", ["my {{value}}"], "D3137: my {{value}}"),
        ("error", [""], "D3137: $error() function evaluated"),
        ("error", [], "D3137: $error() function evaluated"),
        ("assert", [False, "my message"], "D3141: my message"),
        ("assert", [False, ""], "D3141: $assert() statement failed"),
        ("assert", [UNDEFINED], "D3141: $assert() statement failed"),
        ("single", [[]], "D3139: The $single() function expected exactly 1 matching result.  Instead it matched 0."),
    ],
)
def test_messages(name: str, arguments: list[Value], message: str) -> None:
    assert str(refused(name, *arguments)) == message


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("assert", [5], "T0410"),
        ("error", [5], "T0410"),
        ("merge", [[{}, 1]], "T0412"),
        ("each", [5, F], "T0410"),
        ("sift", [{"a": 1}], "T0410"),
        ("clone", ["a"], "T0410"),
        ("lookup", [{}, 1], "T0410"),
    ],
)
def test_errors(name: str, arguments: list[Value], code: str) -> None:
    assert refused(name, *arguments).code == code


def test_clones_share_nothing_that_could_be_changed() -> None:
    inner: dict[str, Value] = {"list": [1]}
    clone = call("clone", [inner, inner])
    assert clone == [inner, inner]
    assert all(part is not inner and part["list"] is not inner["list"] for part in clone)


@pytest.mark.parametrize("name", ["keys", "spread", "each", "sift", "clone", "lookup", "merge"])
def test_large_objects_cost_more(name: str) -> None:
    large: Value = {str(number): number for number in range(1000)}
    if name in ("lookup", "merge"):
        large = [large] * 100
    seconds: dict[str, list[Value]] = {"each": [F], "sift": [F], "lookup": ["1"]}
    second = seconds.get(name, [])
    assert refused(name, large, *second, limits=Limits(steps=10)).code == "U1001"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clone", "keys", "spread", "lookup"])
def test_values_that_share_their_parts_are_paid_for(name: str) -> None:
    value: Value = {"a": 1}
    for _ in range(60):
        value = [value, value]
    assert refused(name, value, *(["b"] if name == "lookup" else [])).code == "U1001"
