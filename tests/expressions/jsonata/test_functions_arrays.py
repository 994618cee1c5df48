"""Array functions and higher-order functions."""

from __future__ import annotations

import random

import pytest

from express.expressions.jsonata.evaluation import Limits
from express.expressions.jsonata.functions import BUILTINS
from express.expressions.jsonata.functions.arrays import merge_sorted
from express.expressions.jsonata.values import UNDEFINED, Function, Value
from tests.expressions.jsonata.calling import call, exactly, label, of, refused

F = of(lambda: 1)
DESCENDING = of(lambda left, right: left < right)

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("append", [[1, 2], [3]], [1, 2, 3]),
    ("append", [1, 2], [1, 2]),
    ("append", [[1], [[2]]], [1, [2]]),
    ("append", [1, []], [1]),
    ("append", [1, UNDEFINED], 1),
    ("append", [UNDEFINED, [2]], [2]),
    ("append", [UNDEFINED, UNDEFINED], UNDEFINED),
    ("reverse", [[1, [2, 3], 4]], [4, [2, 3], 1]),
    ("reverse", [1], [1]),
    ("reverse", [UNDEFINED], UNDEFINED),
    ("shuffle", [[1]], [1]),
    ("shuffle", [UNDEFINED], UNDEFINED),
    ("zip", [[1, 2, 3], [4, 5, 6]], [[1, 4], [2, 5], [3, 6]]),
    ("zip", [[1, 2, 3], ["a", "b"], [True]], [[1, "a", True]]),
    ("zip", [1, 2], [[1, 2]]),
    ("zip", [[1, 2]], [[1], [2]]),
    ("zip", [[1], UNDEFINED], []),
    ("sort", [[3, 1.5, 2]], [1.5, 2, 3]),
    ("sort", [["b", "a", "B", ""]], ["", "B", "a", "b"]),
    ("sort", [["\uffff", "😀", "a"]], ["a", "😀", "\uffff"]),  # by UTF-16 code units
    ("sort", [[True]], [True]),
    ("sort", [5], [5]),
    ("sort", [UNDEFINED], UNDEFINED),
    ("sort", [[3, 1, 2], DESCENDING], [3, 2, 1]),
    ("sort", [[3, 1, 2, 5, 4], of(lambda: True)], [4, 5, 2, 1, 3]),
    ("sort", [[3, 1, 2], of(lambda left: [])], [2, 1, 3]),  # true in JavaScript's eyes
    ("sort", [[3, 1, 2], of(lambda: UNDEFINED)], [3, 1, 2]),
    ("sort", [[3, 1, 2], of(lambda left: left > 2)], [1, 2, 3]),
    (
        "sort",
        [[[2, "a"], [1, "b"], [2, "c"]], of(lambda left, right: left[0] > right[0])],
        [[1, "b"], [2, "a"], [2, "c"]],
    ),
    ("distinct", [[1, 2, 1, 3, 2]], [1, 2, 3]),
    ("distinct", [[1, 1.0, "1", True, 1]], [1, "1", True]),
    ("distinct", [[0, False, None, ""]], [0, False, None, ""]),
    ("distinct", [[{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]], [{"a": 1, "b": [2]}]),
    ("distinct", [[{"a": 1}, {"a": True}]], [{"a": 1}, {"a": True}]),
    ("distinct", [[[1, 2], [2, 1], [1, 2]]], [[1, 2], [2, 1]]),
    ("distinct", [[[], {}]], [[], {}]),
    ("distinct", [[1, 1]], [1]),
    ("distinct", [[F, F, id(F)]], [F, id(F)]),
    ("distinct", ["a"], "a"),
    ("distinct", [UNDEFINED], UNDEFINED),
    ("map", [[1, 2], of(lambda value: value * 2)], [2, 4]),
    ("map", [["a", "b"], of(lambda value, index: index)], [0, 1]),
    ("map", [["a", "b"], of(lambda value, index, items: len(items))], [2, 2]),
    ("map", [[1, 2], of(lambda value: UNDEFINED if value == 1 else value)], 2),
    ("map", [[1, 2], of(lambda value: [])], [[], []]),
    ("map", [5, of(lambda value: value)], 5),
    ("map", [[], of(lambda value: value)], UNDEFINED),
    ("map", [UNDEFINED, of(lambda value: value)], UNDEFINED),
    ("filter", [[1, 2, 3], of(lambda value: value > 1)], [2, 3]),
    ("filter", [[1, 2, 3], of(lambda value, index: index == 1)], 2),
    ("filter", [[1, 2], of(lambda value, index, items: items[0] == value)], 1),
    ("filter", [[1, 2], of(lambda value: [0, value - 1])], 2),
    ("filter", [[1, 2], of(lambda value: UNDEFINED)], UNDEFINED),
    ("filter", [UNDEFINED, of(lambda value: True)], UNDEFINED),
    ("single", [[1, 2, 3], of(lambda value: value == 2)], 2),
    ("single", [["a", "b"], of(lambda value, index: index)], "b"),
    ("single", [[None]], None),
    ("single", [5], 5),
    ("single", [UNDEFINED], UNDEFINED),
    ("reduce", [[1, 2, 3], of(lambda total, item: total + item)], 6),
    ("reduce", [[1, 2, 3], of(lambda total, item: total + item), 10], 16),
    ("reduce", [[1, 2, 3], of(lambda total, item, index: total + index)], 4),
    ("reduce", [[1, 2, 3], of(lambda total, item, index: total + index), 0], 3),
    ("reduce", [[1, 2], of(lambda total, item, index, items: [total, items])], [1, [1, 2]]),
    ("reduce", [[1], of(lambda total, item: 0)], 1),
    ("reduce", [5, of(lambda total, item: total + item)], 5),
    ("reduce", [[], of(lambda total, item: 0)], UNDEFINED),
    ("reduce", [[], of(lambda total, item: 0), "first"], "first"),
    ("reduce", [UNDEFINED, of(lambda total, item: 0), 1], UNDEFINED),
]


@pytest.mark.parametrize(("name", "arguments", "result"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], result: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(result)


ERRORS: list[tuple[str, list[Value], str, int | None]] = [
    ("zip", [], "T0410", 1),
    ("sort", [[1, "a"]], "D3070", 1),
    ("sort", [[True, False]], "D3070", 1),
    ("sort", [[{}, {}]], "D3070", 1),
    ("sort", [[1, 2], UNDEFINED], "T0410", 2),
    ("map", [[1]], "T0410", 2),
    ("map", [[1], "a"], "T0410", 2),
    ("single", [[1, 2, 3], of(lambda value: value > 1)], "D3138", 2),
    ("single", [[1, 2]], "D3138", 1),
    ("single", [[1], of(lambda value: False)], "D3139", None),
    ("single", [[]], "D3139", None),
    ("reduce", [[1], of(lambda total: total)], "D3050", 1),
    ("reduce", [[], of(lambda: 1)], "D3050", 1),
]


@pytest.mark.parametrize(("name", "arguments", "code", "index"), ERRORS, ids=label)
def test_errors(name: str, arguments: list[Value], code: str, index: int | None) -> None:
    error = refused(name, *arguments)
    assert (error.code, error.details.get("index")) == (code, index)


def test_shuffle_keeps_the_items() -> None:
    items = list(range(100))
    shuffled = call("shuffle", items)
    assert shuffled != items
    assert sorted(shuffled) == items


def test_arguments_are_not_changed() -> None:
    items: list[Value] = [3, 1, 2]
    for name in ("append", "reverse", "shuffle", "sort", "distinct"):
        call(name, items, *([[4]] if name == "append" else []))
        assert items == [3, 1, 2]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 8, 100])
def test_merge_sort_is_stable(length: int) -> None:
    generator = random.Random(length)
    items = [(generator.randint(0, 9), number) for number in range(length)]
    assert merge_sorted(list(items), lambda left, right: left[0] > right[0]) == sorted(items)


def test_comparisons_come_in_the_order_of_jsonata_js() -> None:
    asked: list[tuple[int, int]] = []

    def compare(left: int, right: int) -> bool:
        asked.append((left, right))
        return left > right

    call("sort", [3, 1, 2, 0], of(compare))
    assert asked == [(3, 1), (2, 0), (1, 0), (1, 2), (3, 2)]


def test_functions_get_no_more_than_they_declare() -> None:
    uppercase = Function(lambda *given: call("uppercase", *given), BUILTINS["uppercase"].arity)
    assert call("map", ["a", "b"], uppercase) == ["A", "B"]
    string = Function(lambda *given: call("string", *given), BUILTINS["string"].arity)
    assert call("map", [1, 2], string) == ["1", "2"]


def test_loops_stop_at_the_first_error() -> None:
    seen: list[Value] = []

    def see(value: Value) -> bool:
        seen.append(value)
        return True

    assert refused("single", [1, 2, 3], of(see)).code == "D3138"
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("map", [of(lambda value: value)]),
        ("filter", [of(lambda value: value)]),
        ("reduce", [of(lambda total, item: total)]),
        ("single", [of(lambda value: False)]),
        ("sort", []),
        ("sort", [DESCENDING]),
        ("shuffle", []),
        ("reverse", []),
        ("distinct", []),
        ("append", [[1]]),
        ("zip", [[1] * 1000]),
    ],
)
def test_long_arrays_cost_more(name: str, arguments: list[Value]) -> None:
    assert refused(name, [1] * 1000, *arguments, limits=Limits(steps=10)).code == "U1001"


@pytest.mark.parametrize("name", ["append", "reverse"])
def test_arrays_have_a_greatest_size(name: str) -> None:
    second: list[Value] = [[1]] if name == "append" else []
    assert refused(name, [1] * 1000, *second, limits=Limits(size=999)).code == "U1002"
