"""The operators of filters, one row each: `@.price > 10`, `@.tags contains 'new'`, `@.name =~ /n.*/`.

They compare values as Jayway's value nodes do. Values of different types differ and have no order, with one
exception: a number and a string are equal when the string spells the number, judged from the left side (`12 == '12'`
and `12.0 == '12'`, but `'12' == 12.0` compares texts). Arrays and objects are equal as Java collections are. What a
path did not find (MISSING) equals nothing; so `!=` is true for it.

One thing is saner here than in Jayway: strings inside an array that look like paths or JSON (`['$.a', '[1]']`) are
compared as the strings they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from express.expressions.jsonpath.outcomes import MISSING, OperandError
from express.expressions.values import java_key, java_text, utf16_length
from express.types import JSON

Comparator: TypeAlias = Callable[[JSON, JSON], bool]

_NUMERAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)

_NUMBERS = (int, float)
_COLLECTIONS = (list, dict)


def equal(left: JSON, right: JSON) -> bool:
    """`==`. See the head of this module."""
    if left is MISSING or right is MISSING:
        return False
    kind, other = type(left), type(right)
    if kind is str:
        return bool(left == (java_text(right) if other in _NUMBERS else right))
    if kind in _NUMBERS:
        if other is str:
            return _NUMERAL.fullmatch(right) is not None and Decimal(right) == Decimal(java_text(left))
        return other in _NUMBERS and bool(left == right)
    if kind in _COLLECTIONS:
        return kind is other and left == right and java_key(left) == java_key(right)
    return left is right


def _not_equal(left: JSON, right: JSON) -> bool:
    return not equal(left, right)


def _identical(left: JSON, right: JSON) -> bool:
    return _same_kind(left, right) and equal(left, right)


def _not_identical(left: JSON, right: JSON) -> bool:
    return not _identical(left, right)


def _same_kind(left: JSON, right: JSON) -> bool:
    kind, other = type(left), type(right)
    return kind is other or (kind in _NUMBERS and other in _NUMBERS) or (kind in _COLLECTIONS and other in _COLLECTIONS)


def comparable(left: JSON, right: JSON) -> bool:
    """Two numbers or two strings: all that has an order."""
    kind, other = type(left), type(right)
    return (kind in _NUMBERS and other in _NUMBERS) or (kind is str and other is str)


def _less(left: JSON, right: JSON) -> bool:
    return comparable(left, right) and left < right


def _less_or_equal(left: JSON, right: JSON) -> bool:
    return comparable(left, right) and left <= right


def _greater(left: JSON, right: JSON) -> bool:
    return comparable(left, right) and left > right


def _greater_or_equal(left: JSON, right: JSON) -> bool:
    return comparable(left, right) and left >= right


def _in(left: JSON, right: JSON) -> bool:
    if type(right) is dict:
        return False
    return _holds(_elements(right), left)


def _not_in(left: JSON, right: JSON) -> bool:
    return not _in(left, right)


def _contains(left: JSON, right: JSON) -> bool:
    if type(left) is str:
        return type(right) is str and right in left
    return type(left) is list and _holds(left, right)


def _subset_of(left: JSON, right: JSON) -> bool:
    if type(left) is dict or type(right) is dict:
        return False
    allowed = _elements(right)
    return all(_holds(allowed, item) for item in _elements(left))


def _any_of(left: JSON, right: JSON) -> bool:
    if type(left) is dict or type(right) is dict:
        return False
    candidates = _elements(right)
    return any(_holds(candidates, item) for item in _elements(left))


def _none_of(left: JSON, right: JSON) -> bool:
    if type(left) is dict or type(right) is dict:
        return False
    return not _any_of(left, right)


def _size(left: JSON, right: JSON) -> bool:
    if type(right) not in _NUMBERS:
        return False
    if type(left) is str:
        return utf16_length(left) == int(right)
    return type(left) is list and len(left) == int(right)


def _empty(left: JSON, right: JSON) -> bool:
    if type(left) is not str and type(left) not in _COLLECTIONS:
        return False
    if type(right) is not bool:
        raise OperandError
    return (not left) is right


def _never(left: JSON, right: JSON) -> bool:
    """Operators that only Jayway's Java interface can give an operand they accept."""
    return False


def _elements(value: JSON) -> list[JSON]:
    if type(value) is not list:
        raise OperandError
    return value


def _holds(items: list[JSON], value: JSON) -> bool:
    return any(equal(value, item) for item in items)


OPERATORS: dict[str, Comparator] = {
    "==": equal,
    "!=": _not_equal,
    "===": _identical,
    "!==": _not_identical,
    "<": _less,
    "<=": _less_or_equal,
    ">": _greater,
    ">=": _greater_or_equal,
    "in": _in,
    "nin": _not_in,
    "contains": _contains,
    "subsetof": _subset_of,
    "anyof": _any_of,
    "noneof": _none_of,
    "size": _size,
    "empty": _empty,
    # Takes a pattern, which `predicates` compiles; between two values it is never true.
    "=~": _never,
    "all": _never,
    "type": _never,
    "matches": _never,
}
