"""String functions that take no patterns."""

from __future__ import annotations

import pytest

from express.expressions.jsonata.evaluation import Limits
from express.expressions.jsonata.values import UNDEFINED, Value
from tests.expressions.jsonata.calling import call, exactly, label, of, refused

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("string", ["a"], "a"),
    ("string", [5], "5"),
    ("string", [5.0], "5"),
    ("string", [-0.0], "0"),
    ("string", [True], "true"),
    ("string", [None], "null"),
    ("string", [UNDEFINED], UNDEFINED),
    ("string", [of(lambda: 1)], ""),
    ("string", [0.1 + 0.2], "0.3"),
    ("string", [1 / 3], "0.333333333333333"),
    ("string", [1e20], "100000000000000000000"),
    ("string", [1e21], "1e+21"),
    ("string", [1.5e300], "1.5e+300"),
    ("string", [0.000001], "0.000001"),
    ("string", [1.5e-7], "1.5e-7"),
    ("string", [123456789012345678], "123456789012346000"),
    ("string", [1234567890123445], "1234567890123450"),  # ties go up
    ("string", [100000000000000.5], "100000000000001"),
    ("string", [[1, "a", None, True, {}, []]], '[1,"a",null,true,{},[]]'),
    ("string", [{"b": 0.1 + 0.2, "a": [of(lambda: 1)]}], '{"b":0.3,"a":[""]}'),
    ("string", [['"\\/\b\f\n\r\t\x01\x7f\u2028é😀']], '["\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\u2028é😀"]'),
    ("string", [[1.0, {"a": 1e-7}, 0.1 + 0.2, 1e16, -2.50]], '[1,{"a":1e-7},0.3,10000000000000000,-2.5]'),
    ("string", [["1.0", 2.5, "[1.0]", 2**63]], '["1.0",2.5,"[1.0]",9223372036854780000]'),
    ("string", [{"a": [1e21, 2]}, True], '{\n  "a": [\n    1e+21,\n    2\n  ]\n}'),
    ("string", [[1.0, [], {}]], "[1,[],{}]"),
    ("string", [["\ud800"]], '["\\ud800"]'),
    ("string", [[UNDEFINED]], "[null]"),  # a group that has matched nothing
    ("string", [{"a": [1, {"b": []}], "c": {}}, False], '{"a":[1,{"b":[]}],"c":{}}'),
    (
        "string",
        [{"a": [1, {"b": []}], "c": {}}, True],
        '{\n  "a": [\n    1,\n    {\n      "b": []\n    }\n  ],\n  "c": {}\n}',
    ),
    ("length", [""], 0),
    ("length", ["a😀é"], 3),
    ("length", [UNDEFINED], UNDEFINED),
    ("substring", ["hello world", 3], "lo world"),
    ("substring", ["hello world", 3, 5], "lo wo"),
    ("substring", ["hello world", 3, -1], ""),
    ("substring", ["hello world", 3, 0], ""),
    ("substring", ["hello world", -4], "orld"),
    ("substring", ["hello world", -4, 2], "or"),
    ("substring", ["hello world", -100], "hello world"),
    ("substring", ["hello world", -100, 4], "hell"),
    ("substring", ["hello world", 100], ""),
    ("substring", ["hello world", 1.9], "ello world"),
    ("substring", ["hello world", -0.5], "hello world"),
    ("substring", ["hello world", 0.5, 1.6], "he"),
    ("substring", ["a😀b", 1, 1], "😀"),
    ("substring", ["hello", UNDEFINED], "hello"),
    ("substring", ["hello", UNDEFINED, 2], ""),
    ("substring", [UNDEFINED, 1], UNDEFINED),
    ("substringBefore", ["hello world", " "], "hello"),
    ("substringBefore", ["hello world", "x"], "hello world"),
    ("substringBefore", ["hello world", ""], ""),
    ("substringBefore", ["hello", UNDEFINED], "hello"),
    ("substringBefore", [UNDEFINED, "a"], UNDEFINED),
    ("substringAfter", ["hello world", "lo"], " world"),
    ("substringAfter", ["hello world", "x"], "hello world"),
    ("substringAfter", ["hello world", ""], "hello world"),
    ("substringAfter", ["hello", UNDEFINED], "hello"),
    ("substringAfter", [UNDEFINED, "a"], UNDEFINED),
    ("lowercase", ["ÀBC ΣΑΣ"], "àbc σας"),
    ("lowercase", [UNDEFINED], UNDEFINED),
    ("uppercase", ["straße"], "STRASSE"),
    ("uppercase", [UNDEFINED], UNDEFINED),
    ("trim", ["  a \t\r\n b  "], "a b"),
    ("trim", ["\u00a0a\u00a0"], "\u00a0a\u00a0"),
    ("trim", [" \n "], ""),
    ("trim", [UNDEFINED], UNDEFINED),
    ("pad", ["foo", 5], "foo  "),
    ("pad", ["foo", -5], "  foo"),
    ("pad", ["foo", -5, "#"], "##foo"),
    ("pad", ["foo", 8, "-+"], "foo-+-+-"),
    ("pad", ["foo", 2], "foo"),
    ("pad", ["foo", 5, ""], "foo  "),
    ("pad", ["a", 3, "😀"], "a😀😀"),
    ("pad", ["a", 3.9], "a  "),
    ("pad", ["a", -2.5], " a"),
    ("pad", ["a", UNDEFINED], "a"),
    ("pad", [UNDEFINED, 3], UNDEFINED),
    ("join", [["a", "b", "c"]], "abc"),
    ("join", [["a", "b", "c"], ", "], "a, b, c"),
    ("join", ["a", ","], "a"),
    ("join", [[], ","], ""),
    ("join", [["a", "b"], UNDEFINED], "ab"),
    ("join", [UNDEFINED, ","], UNDEFINED),
]


@pytest.mark.parametrize(("name", "arguments", "result"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], result: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(result)


@pytest.mark.parametrize(
    ("name", "context", "result"), [("string", [1], "[1]"), ("length", "abc", 3), ("uppercase", "a", "A")]
)
def test_context_item_stands_in(name: str, context: Value, result: Value) -> None:
    assert call(name, context=context) == result


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("string", [float("inf")], "D3001"),
        ("string", [10**400], "D3001"),
        ("string", [[10**400]], "D1001"),
        ("length", [5], "T0410"),
        ("uppercase", [None], "T0410"),
        ("join", [[1, "a"]], "T0412"),
        ("join", [5], "T0412"),
        ("join", [["a"], 5], "T0410"),
        ("pad", ["a", 10_000_000], "U1002"),
        ("pad", ["a", -1e300], "U1002"),
        ("join", [["a" * 1000] * 1001], "U1002"),
        ("string", [["a" * 1000] * 1001], "U1002"),
    ],
)
def test_errors(name: str, arguments: list[Value], code: str) -> None:
    assert refused(name, *arguments).code == code


def test_text_of_values_that_share_their_parts_is_paid_for() -> None:
    value: Value = "a"
    for _ in range(60):
        value = [value, value]
    assert refused("string", value).code == "U1001"


@pytest.mark.parametrize("name", ["uppercase", "lowercase", "trim", "substring", "substringBefore", "substringAfter"])
def test_long_strings_cost_more(name: str) -> None:
    second: list[Value] = [1] if name == "substring" else ["x"] if name.startswith("substring") else []
    assert refused(name, "a" * 1000, *second, limits=Limits(steps=10)).code == "U1001"
