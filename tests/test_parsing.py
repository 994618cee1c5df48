"""JSON text to values: no digit of an integer is lost, and what is no JSON is refused as ever."""

from __future__ import annotations

import json

import orjson
import pytest

import express
from express.parsing import parse_json
from tests.runtime.machines import compiled, executed, machine, run_clean, state

#: A long integer, deeper than Python 3.11 reads it.
DEEP = "[" * 1010 + "123456789012345678901" + "]" * 1010


@pytest.mark.parametrize(
    "number",
    [
        9223372036854775807,
        9999999999999999999,
        18446744073709551615,
        18446744073709551616,
        -9223372036854775808,
        -9223372036854775809,
        123456789012345678901234567890,
        -(10**40),
    ],
)
def test_integers_keep_every_digit(number: int) -> None:
    value = parse_json(f'{{"a": [{number}, 0.5]}}'.encode())
    assert value == {"a": [number, 0.5]}
    assert type(value["a"][0]) is int


@pytest.mark.parametrize(
    "text",
    ["[12345678901234567890123, NaN]", "[12345678901234567890123", '["\\ud800", 12345678901234567890123]', "1" * 400],
)
def test_what_is_no_json_is_refused_whatever_digits_it_holds(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(text.encode())


def read(text: bytes) -> object:
    """The value of a text, or the message with which it is refused."""
    try:
        return parse_json(text)
    except orjson.JSONDecodeError as error:
        return str(error)


@pytest.mark.parametrize("depth", [100, 900, 1000, 1010, 1024, 1025, 100_000])
def test_nesting_too_deep_for_a_parser_is_refused_like_any_other(depth: int) -> None:
    """A definition or payload may be less deep in any case. Python 3.11 reads long integers down to about 990."""
    value = read(b"[" * depth + b"123456789012345678901" + b"]" * depth)
    if isinstance(value, str):
        assert depth > 980
        assert value.startswith("depth limit exceeded: line 1 column 10")
    else:
        assert depth <= 1024
        while isinstance(value, list):
            (value,) = value
        assert value == 123456789012345678901


def test_nesting_too_deep_for_the_stack_is_refused_as_well() -> None:
    def call(depth: int) -> object:
        return call(depth - 1) if depth else read(b"[" * 900 + b"123456789012345678901" + b"]" * 900)

    value = call(600)
    assert isinstance(value, list) or value == "depth limit exceeded: line 1 column 901 (char 900)"


def test_a_definition_too_deep_is_refused_as_such() -> None:
    definition = json.dumps(machine(A=state("Pass", Result="deep"))).replace('"deep"', DEEP)
    with pytest.raises(express.DefinitionError) as raised:
        express.compile(definition)
    assert [problem.code for problem in raised.value.problems] == ["TOO_DEEPLY_NESTED"]


@pytest.mark.parametrize(
    "fields",
    [
        {"Parameters": {"value.$": "States.StringToJson($)"}},
        {"QueryLanguage": "JSONata", "Output": "{% $parse($states.input) %}"},
    ],
    ids=["StringToJson", "$parse"],
)
def test_a_text_too_deep_is_no_defect_of_the_engine(fields: dict[str, object]) -> None:
    result = run_clean(executed(compiled(machine(A=state("Pass", **fields))), DEEP))
    assert result.status == "FAILED"
    assert "Internal error" not in str(result.cause)
