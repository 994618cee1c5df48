"""JSON text to values: no digit of an integer is lost, and what is no JSON is refused as ever."""

from __future__ import annotations

import orjson
import pytest

from express.parsing import parse_json


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


@pytest.mark.parametrize("depth", [100, 900, 1000, 1010, 1024, 1025, 100_000])
def test_nesting_too_deep_for_a_parser_is_refused_like_any_other(depth: int) -> None:
    """A definition or payload may be less deep in any case. Python 3.11 reads long integers down to about 990."""
    text = b"[" * depth + b"123456789012345678901" + b"]" * depth
    try:
        value = parse_json(text)
    except orjson.JSONDecodeError as error:
        assert depth > 980
        assert str(error).startswith("depth limit exceeded: line 1 column 10")
    else:
        assert depth <= 1024
        for _ in range(depth):
            (value,) = value
        assert value == 123456789012345678901


def test_nesting_too_deep_for_the_stack_is_refused_as_well() -> None:
    text = b"[" * 500 + b"123456789012345678901" + b"]" * 500

    def call(depth: int) -> object:
        return call(depth - 1) if depth else parse_json(text)

    try:
        call(600)
    except orjson.JSONDecodeError as error:
        assert str(error) == "depth limit exceeded: line 1 column 501 (char 500)"
