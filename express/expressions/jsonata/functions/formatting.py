"""Formatting and parsing of numbers by picture or in another base (JSONata docs, numeric functions).

Pictures are mostly literals, so parsed ones are cached. A text that `$parseInteger` cannot parse is D3030; jsonata-js
gives NaN, which is not a JSON value.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.functions.numeric import round_
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.numerals import number_text
from express.expressions.jsonata.patterns.characters import spread
from express.expressions.jsonata.pictures import integers, numbers
from express.expressions.jsonata.values import UNDEFINED, Undefined, Value, number

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation

_USUAL: Final = numbers.Symbols()
_OPTIONS: Final = frozenset(field.name.replace("_", "-") for field in fields(numbers.Symbols))
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Up to here a double holds every integer.
_EXACT: Final = 2.0**53


@function("formatNumber", "<n-so?:s>", bounded=True, cost=50)
def format_number(evaluation: Evaluation, value: float | Undefined, picture: str | Undefined, options: Value) -> Value:
    """The number formatted by a picture: `$formatNumber(12345.6, "#,###.00")`.

    `options` is an object that replaces the default symbols: "decimal-separator", "zero-digit" and so on. Raises
    D3080 to D3093 for a picture that breaks a rule and T0410 for an option that is not a string.
    """
    if isinstance(value, Undefined):
        return UNDEFINED
    picture = _paid(evaluation, picture)
    symbols = _USUAL if isinstance(options, Undefined) else _symbols(options)
    text = numbers.read_picture(picture, symbols).write(value)
    evaluation.make(len(text))
    return text


def _symbols(options: dict[str, Value]) -> numbers.Symbols:
    chosen = {name.replace("-", "_"): symbol for name, symbol in options.items() if name in _OPTIONS}
    if not all(isinstance(symbol, str) for symbol in chosen.values()) or chosen.get("zero_digit") == "":
        raise JSONataError("T0410", index=3, token="formatNumber", value=options)
    return numbers.Symbols(**{name: spread(symbol) for name, symbol in chosen.items()})


@function("formatInteger", "<n-s:s>", bounded=True, cost=22)
def format_integer(evaluation: Evaluation, value: float | Undefined, picture: str | Undefined) -> Value:
    """The number, rounded down, formatted by an integer picture: `$formatInteger(2789, "w")`.

    Raises D3130 for a numbering that is not supported and D3131 for digits of two scripts.
    """
    if isinstance(value, Undefined):
        return UNDEFINED
    picture = _paid(evaluation, picture)
    text = integers.read_picture(picture).write(number(math.floor(value)))
    evaluation.make(len(text))
    return text


@function("parseInteger", "<s-s:n>", bounded=True, cost=12)
def parse_integer(evaluation: Evaluation, text: str | Undefined, picture: str | Undefined) -> Value:
    """The number parsed from a text by an integer picture; raises D3030 if it is not one."""
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text))
    picture = _paid(evaluation, picture)
    value = integers.read_picture(picture).read(text)
    if math.isnan(value):
        raise JSONataError("D3030", value=text, index=1)
    return number(value)


def _paid(evaluation: Evaluation, picture: str | Undefined) -> str:
    """The picture, its length charged because separators are inserted one by one; raises T0410 if it is missing."""
    if isinstance(picture, Undefined):
        raise JSONataError("T0410", index=2, value=UNDEFINED)
    evaluation.spend(len(picture) + (len(picture) ** 2 >> 12))
    return picture


@function("formatBase", "<n-n?:s>", bounded=True, cost=6)
def format_base(evaluation: Evaluation, value: float | Undefined, radix: float | Undefined) -> Value:
    """The number, rounded half to even, in a base from 2 to 36, by default 10. Raises D3100 for another."""
    if isinstance(value, Undefined):
        return UNDEFINED
    base = 10 if isinstance(radix, Undefined) else round_(radix, UNDEFINED)
    whole = round_(value, UNDEFINED)
    if not 2 <= base <= 36:
        raise JSONataError("D3100", value=base)
    if base == 10:
        return number_text(whole)
    evaluation.spend(2 * int(math.log2(abs(whole) + 1)))
    return _in_base(whole, base)


def _in_base(value: int, base: int) -> str:
    """The digits as in V8: of an integer that no double holds exactly, the last ones are zero or approximate."""
    rest = float(abs(value))
    digits = []
    while rest / base >= _EXACT:
        rest /= base
        digits.append("0")
    while True:
        digit = math.fmod(rest, base)
        digits.append(_DIGITS[int(digit)])
        rest = (rest - digit) / base
        if rest <= 0:
            break
    return ("-" if value < 0 else "") + "".join(reversed(digits))
