"""The texts and the equality that Java gives JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from express.expressions.values import java_key, java_text, json_bytes, json_text, utf16_length

if TYPE_CHECKING:
    from express.types import JSON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-(2**70), str(-(2**70))),
        ("a 'b'", "a 'b'"),
        (1.1, "1.1"),
        (100.0, "100.0"),
        (-0.0, "-0.0"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (9999999.5, "9999999.5"),
        (10000000.0, "1.0E7"),
        (-12345678.5, "-1.23456785E7"),
        (1.5e300, "1.5E300"),
        ([], "[]"),
        ([1, "a", [None]], "[1, a, [null]]"),
        ({}, "{}"),
        ({"Arg1": 1, "Arg2": [], "o": {"k": "v"}}, "{Arg1=1, Arg2=[], o={k=v}}"),
    ],
)
def test_java_text(value: JSON, text: str) -> None:
    assert java_text(value) == text


def test_json_text_is_compact_and_keeps_order_and_characters() -> None:
    assert json_text({"b": [1, 2.5, None], "a": "é\n"}) == '{"b":[1,2.5,null],"a":"é\\n"}'


def test_json_text_has_the_doubles_of_java() -> None:
    value: JSON = {"a": [1e20, 12345678.5, -0.0001, 0.5], "1e+20 12345678.5": "1e20", "n": 2**70}
    expected = '{"a":[1.0E20,1.23456785E7,-1.0E-4,0.5],"1e+20 12345678.5":"1e20","n":1180591620717411303424}'
    assert json_text(value) == expected
    for _ in range(600):
        value = [value]
    assert json_text(value).count("[") == 601


def test_json_text_of_what_orjson_refuses() -> None:
    deep: JSON = []
    for _ in range(300):
        deep = [deep]
    assert json_text(deep) == "[" * 301 + "]" * 301
    assert json_text({"n": 2**70}) == f'{{"n":{2**70}}}'
    assert json_text("\ud800") == '"\ud800"'
    assert len(json_bytes("é")) == 4


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, True, False),
        (1, 1.0, False),
        (0, False, False),
        ("1", 1, False),
        (None, "null", False),
        ([], {}, False),
        ([1], [True], False),
        ([[1], 2], [[1], 2], True),
        ([1, 2], [2, 1], False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        ({"a": 1}, {"a": 1.0}, False),
    ],
)
def test_java_equality(left: JSON, right: JSON, equal: bool) -> None:
    assert (java_key(left) == java_key(right)) is equal


@pytest.mark.parametrize(("text", "length"), [("", 0), ("abc", 3), ("é", 1), ("\U0001f680", 2)])
def test_lengths_count_utf16_units(text: str, length: int) -> None:
    assert utf16_length(text) == length
