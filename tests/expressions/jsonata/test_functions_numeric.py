"""Numeric, aggregation and boolean functions."""

from __future__ import annotations

import pytest

from express.expressions.jsonata.evaluation import Limits
from express.expressions.jsonata.numerals import number_text
from express.expressions.jsonata.values import UNDEFINED, Value
from tests.expressions.jsonata.calling import call, exactly, label, of, refused

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("number", ["5"], 5),
    ("number", ["-12.50e-1"], -1.25),
    ("number", ["00012"], 12),
    ("number", ["-0"], 0),
    ("number", ["1e-400"], 0),
    ("number", ["1234567890123456789"], 1234567890123456768),
    ("number", ["0x1F"], 31),
    ("number", ["0B101"], 5),
    ("number", ["0o17"], 15),
    ("number", [" 0b1"], 1),  # jsonata-js looks at the end of the string only
    ("number", ["0o7 "], 7),
    ("number", [2.0], 2),
    ("number", [True], 1),
    ("number", [False], 0),
    ("number", [UNDEFINED], UNDEFINED),
    ("abs", [-5], 5),
    ("abs", [-2.5], 2.5),
    ("abs", [UNDEFINED], UNDEFINED),
    ("floor", [5.9], 5),
    ("floor", [-5.1], -6),
    ("floor", [UNDEFINED], UNDEFINED),
    ("ceil", [5.1], 6),
    ("ceil", [-5.9], -5),
    ("ceil", [UNDEFINED], UNDEFINED),
    ("round", [0.5], 0),
    ("round", [1.5], 2),
    ("round", [-0.5], 0),
    ("round", [-1.5], -2),
    ("round", [4.49], 4),
    ("round", [125, -1], 120),
    ("round", [135, -1], 140),
    ("round", [1.005, 2], 1),
    ("round", [1.015, 2], 1.02),
    ("round", [4.525, 2], 4.52),
    ("round", [4.515, 2], 4.52),
    ("round", [1e-7, 7], 1e-7),
    ("round", [1.5e300, 2], 1.5e300),
    ("round", [12345, -10], 0),
    ("round", [1.25, 1.9], 1.2),
    ("round", [5, UNDEFINED], 5),
    ("round", [UNDEFINED, 2], UNDEFINED),
    ("sqrt", [4], 2),
    ("sqrt", [2], 1.4142135623730951),
    ("sqrt", [0], 0),
    ("sqrt", [UNDEFINED], UNDEFINED),
    ("power", [2, 8], 256),
    ("power", [2, 0.5], 1.4142135623730951),
    ("power", [2, -2], 0.25),
    ("power", [0, 0], 1),
    ("power", [UNDEFINED, 2], UNDEFINED),
    ("sum", [[1, 2, 3]], 6),
    ("sum", [[]], 0),
    ("sum", [5], 5),
    ("sum", [[0.1] * 10], 0.9999999999999999),  # added one by one
    ("sum", [[1.5, 1.5]], 3),
    ("sum", [[2**53, 1, 1]], 2**53),
    ("sum", [UNDEFINED], UNDEFINED),
    ("average", [[1, 2, 4]], 7 / 3),
    ("average", [[1, 3]], 2),
    ("average", [[]], UNDEFINED),
    ("average", [UNDEFINED], UNDEFINED),
    ("max", [[1, 3.5, 2]], 3.5),
    ("max", [[1, 2.0]], 2),
    ("max", [[]], UNDEFINED),
    ("max", [UNDEFINED], UNDEFINED),
    ("min", [[2, -1, 3]], -1),
    ("min", [[]], UNDEFINED),
    ("min", [UNDEFINED], UNDEFINED),
    ("count", [[1, [2, 3]]], 2),
    ("count", [[]], 0),
    ("count", ["a"], 1),
    ("count", [None], 1),
    ("count", [UNDEFINED], 0),
    ("boolean", [""], False),
    ("boolean", ["false"], True),
    ("boolean", [0], False),
    ("boolean", [0.0], False),
    ("boolean", [-1], True),
    ("boolean", [None], False),
    ("boolean", [{}], False),
    ("boolean", [{"a": 0}], True),
    ("boolean", [[]], False),
    ("boolean", [[0]], False),
    ("boolean", [[[[0, 1]]]], True),
    ("boolean", [[0, "", [], None]], False),
    ("boolean", [[{}, {"a": 1}]], True),
    ("boolean", [of(lambda: 1)], False),
    ("boolean", [UNDEFINED], UNDEFINED),
    ("not", [[]], True),
    ("not", [1], False),
    ("not", [UNDEFINED], UNDEFINED),
    ("exists", [None], True),
    ("exists", [UNDEFINED], False),
]


@pytest.mark.parametrize(("name", "arguments", "result"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], result: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(result)


ERRORS: list[tuple[str, list[Value], str]] = [
    ("number", [""], "D3030"),
    ("number", ["1."], "D3030"),
    ("number", [".5"], "D3030"),
    ("number", ["+1"], "D3030"),
    ("number", ["1 "], "D3030"),
    ("number", ["5\n"], "D3030"),
    ("number", ["1e400"], "D3030"),
    ("number", ["Infinity"], "D3030"),
    ("number", ["0x1G"], "D3030"),
    ("number", ["0b1 "], "D3030"),
    ("number", ["0x1_0"], "D3030"),
    ("number", ["0x" + "f" * 300], "D1001"),
    ("number", [None], "T0410"),
    ("number", [[1]], "T0410"),
    ("abs", ["1"], "T0410"),
    ("floor", [True], "T0410"),
    ("round", [1.5, 400], "D1001"),
    ("sqrt", [-1], "D3060"),
    ("power", [10, 400], "D3061"),
    ("power", [-1, 0.5], "D3061"),
    ("power", [0, -1], "D3061"),
    ("power", [2, UNDEFINED], "D3061"),
    ("sum", [[1, "a"]], "T0412"),
    ("sum", ["a"], "T0412"),
    ("sum", [[1, True]], "T0412"),
    ("sum", [[1e308, 1e308]], "D1001"),
    ("sum", [[10**400, 0.5]], "D1001"),
    ("average", [[1e308, 1e308]], "D1001"),
]


@pytest.mark.parametrize(("name", "arguments", "code"), ERRORS, ids=label)
def test_errors(name: str, arguments: list[Value], code: str) -> None:
    assert refused(name, *arguments).code == code


POWER_MESSAGE = "D3061: The power function has resulted in a value that cannot be represented as a JSON number:"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("sqrt", [-1.0], "D3060: The sqrt function cannot be applied to a negative number: -1"),
        ("number", ["é"], 'D3030: Unable to cast value to a number: "é"'),
        ("power", [1e21, UNDEFINED], f"{POWER_MESSAGE} base=1e+21, exponent=undefined"),
        ("power", [10, 400], f"{POWER_MESSAGE} base=10, exponent=400"),
    ],
)
def test_messages(name: str, arguments: list[Value], message: str) -> None:
    assert str(refused(name, *arguments)) == message


@pytest.mark.parametrize("name", ["sum", "average", "max", "min"])
def test_long_arrays_cost_more(name: str) -> None:
    assert refused(name, [1] * 1000, limits=Limits(steps=10)).code == "U1001"


def test_truth_of_arrays_that_share_their_parts_is_paid_for() -> None:
    value: Value = 0
    for _ in range(60):
        value = [value, value]
    assert refused("boolean", value).code == "U1001"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (-7.0, "-7"),
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (12345678901234567890, "12345678901234567000"),
        (10**21, "1e+21"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-6, "0.000001"),
        (1.25e-5, "0.0000125"),
        (1e-7, "1e-7"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
    ],
)
def test_numbers_read_as_in_javascript(value: float, text: str) -> None:
    assert number_text(value) == text
