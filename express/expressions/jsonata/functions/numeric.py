"""Numeric functions (JSONata docs).

Every result passes through `number`: whole results become int, and results that would be infinite or NaN in
JavaScript are D1001. `$random` is with the functions of Step Functions, which adds a seed to it.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.numerals import number_text
from express.expressions.jsonata.values import UNDEFINED, Undefined, Value, number

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation

_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?")
#: The alternatives are anchored differently, a bug of jsonata-js; JavaScript's `Number`, which ignores surrounding
#: whitespace, then decides.
_RADIX_HINT: Final = re.compile(r"^0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+\Z")
_RADIX: Final = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+")


@function("number", "<(nsb)-:n>", bounded=True, cost=5)
def number_(evaluation: Evaluation, value: str | float | Undefined) -> Value:
    """The number a string spells in decimal, hexadecimal, octal or binary; true is 1 and false 0. Raises D3030."""
    if isinstance(value, str):
        evaluation.spend(len(value) >> 4)
        return _parsed(value)
    return value if isinstance(value, Undefined) else number(value + 0)


def _parsed(text: str) -> float:
    if _DECIMAL.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return number(value)
    elif _RADIX_HINT.search(text) and _RADIX.fullmatch(text.strip()):
        return number(int(text, 0))
    raise JSONataError("D3030", value=text, index=1)


@function("abs", "<n-:n>")
def abs_(value: float | Undefined) -> Value:
    """The number without its sign."""
    return value if isinstance(value, Undefined) else number(abs(value))


@function("floor", "<n-:n>")
def floor(value: float | Undefined) -> Value:
    """The largest integer that is not greater than the number."""
    return value if isinstance(value, Undefined) else number(math.floor(value))


@function("ceil", "<n-:n>")
def ceil(value: float | Undefined) -> Value:
    """The smallest integer that is not less than the number."""
    return value if isinstance(value, Undefined) else number(math.ceil(value))


@function("round", "<n-n?:n>", cost=14)
def round_(value: float | Undefined, precision: float | Undefined) -> Value:
    """The number rounded half to even, at `precision` decimal places (negative: before the point).

    Digits are shifted in the decimal text, as in jsonata-js, so that 1.005 counts as exactly that. Where jsonata-js
    gives NaN, a fractional precision is rounded down, as the AWS guide says, and one that is too large is D1001.
    """
    if isinstance(value, Undefined):
        return UNDEFINED
    places = 0 if isinstance(precision, Undefined) else math.floor(precision)
    if not places:
        return number(round(value))
    return number(_shifted(number(round(number(_shifted(value, places)))), -places))


def _shifted(value: float, places: int) -> float:
    mantissa, _, exponent = number_text(value).partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + places}")


@function("sqrt", "<n-:n>", cost=2)
def sqrt(value: float | Undefined) -> Value:
    """The square root. Raises D3060 for a negative number."""
    if isinstance(value, Undefined):
        return UNDEFINED
    if value < 0:
        raise JSONataError("D3060", value=value, index=1)
    return number(math.sqrt(number(value)))


@function("power", "<n-n:n>", cost=2)
def power(base: float | Undefined, exponent: float | Undefined) -> Value:
    """The base raised to the exponent. Raises D3061 if the result is infinite or not real."""
    if isinstance(base, Undefined):
        return UNDEFINED
    try:
        if not isinstance(exponent, Undefined):
            return number(math.pow(base, exponent))
    except (ValueError, OverflowError, JSONataError):
        pass
    raise JSONataError("D3061", value=base, exp=exponent, index=1)
