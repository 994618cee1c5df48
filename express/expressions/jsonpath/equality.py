"""Equality of two values in a filter, as Jayway's value nodes define it.

Values of different types differ, with one exception: a number and a string are equal when the string spells the
number, judged from the left side (`12 == '12'` and `12.0 == '12'`, but `'12' == 12.0` compares texts). Arrays and
objects are equal as Java collections are. MISSING, the result of a path that found nothing, equals nothing.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from express.expressions.jsonpath.outcomes import MISSING
from express.expressions.values import java_key, java_text

if TYPE_CHECKING:
    from express.types import JSON

_NUMERAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)

NUMBERS = (int, float)
COLLECTIONS = (list, dict)


def equal(left: JSON, right: JSON) -> bool:
    """`==`; see the module's docstring."""
    if left is MISSING or right is MISSING:
        return False
    kind, other = type(left), type(right)
    if kind is str:
        return bool(left == (java_text(right) if other in NUMBERS else right))
    if kind in NUMBERS:
        if other is str:
            return numeral(right) == Decimal(java_text(left))
        return other in NUMBERS and bool(left == right)
    if kind in COLLECTIONS:
        return kind is other and left == right and java_key(left) == java_key(right)
    return left is right


def numeral(text: str) -> Decimal | None:
    """The number that a string spells, or None; an exponent out of all bounds spells none."""
    if _NUMERAL.fullmatch(text) is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
