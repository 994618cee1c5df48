"""The texts of errors, whatever value they are about."""

from __future__ import annotations

import math
from typing import Any

import pytest

from express.expressions.jsonata.errors import JSONataError, json_string, quote
from express.expressions.jsonata.values import UNDEFINED, Function


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1"),
        (-0.0, "0"),
        (1e21, "1e+21"),
        (10**400, "null"),
        (math.inf, "null"),
        (math.nan, "null"),
        ('a"b\nä', '"a\\"b\\nä"'),
        ("\ud800", '"\\ud800"'),
        ([], "[]"),
        ({}, "{}"),
        ([1, [2.5, UNDEFINED], {"a": None, "b": {}}], '[1,[2.5,null],{"a":null,"b":{}}]'),
        (UNDEFINED, "undefined"),
        (Function(lambda: 1, 0), "undefined"),
    ],
)
def test_values_are_quoted_as_json(value: Any, text: str) -> None:
    assert quote(value) == text


def _doubled(times: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(times):
        value = [value, value]
    return value


def _nested(times: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(times):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        "x" * 1_000_000,
        list(range(1_000_000)),
        {"k" * 100_000: 1},
        _doubled(100),
        _nested(100_000),
        {"a": _doubled(100)},
    ],
    ids=["string", "array", "key", "shared", "nested", "in an object"],
)
def test_what_is_too_long_is_cut(value: Any) -> None:
    text = quote(value)
    assert len(text) < 10_000
    assert "…" in text
    assert str(JSONataError("D3030", value=value)) == f"D3030: Unable to cast value to a number: {text}"


def test_strings_in_json_are_whole() -> None:
    assert json_string("x" * 20_000) == '"' + "x" * 20_000 + '"'
