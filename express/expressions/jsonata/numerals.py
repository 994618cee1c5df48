"""Numbers as JavaScript writes them.

JSONata converts numbers to text in many places (`&`, `$string`, error texts), and the text is JavaScript's: no `.0`
after whole numbers, plain decimals from 1e-6 up to 1e21, `1e+21` and `1.5e-7` outside. Python's `repr` finds the same
shortest digits but formats them differently.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from math import isinf
from typing import Final

#: Up to here every integer is exact as a number in JavaScript.
_EXACT: Final = 2**53
#: `Number.prototype.toPrecision(15)`: a tie rounds away from zero.
_FIFTEEN_DIGITS: Final = Context(prec=15, rounding=ROUND_HALF_UP)
#: Integers below have at most fifteen digits.
_FIFTEEN_DIGIT_LIMIT: Final = 10**15


def number_text(value: float) -> str:
    """`String(value)` of JavaScript, for an int or a finite float."""
    if type(value) is int:
        if -_EXACT <= value <= _EXACT:
            return str(value)
        value = as_double(value)
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2] if value else "0"
    if "e" not in text:
        return text
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(text), "f")
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent):+d}"


def fifteen_digits(value: float) -> float:
    """`Number(value.toPrecision(15))`: rounded to 15 significant digits, which hides what binary fractions add."""
    if type(value) is int:
        if -_FIFTEEN_DIGIT_LIMIT < value < _FIFTEEN_DIGIT_LIMIT:
            return value
        value = as_double(value)
    text = repr(value)
    if len(text) <= 16 or isinf(value):  # fifteen digits and a point: nothing to round
        return value
    if text.partition("e")[0].removesuffix(".0").endswith("5"):  # it may be exactly halfway between two numbers
        return float(_FIFTEEN_DIGITS.create_decimal(Decimal(value)))
    return float(f"{value:.15g}")


def as_double(value: float) -> float:
    """A number as the nearest double; infinite beyond the largest."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
