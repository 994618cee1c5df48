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
