"""The operators of filters, one row each: `@.price > 10`, `@.tags contains 'new'`, `@.name =~ /n.*/`.

They compare values as Jayway's value nodes do: `equality` defines what is equal, and values of different types have
no order. MISSING, the result of a path that found nothing, equals nothing; so `!=` is true for it. A searched array
may be passed as `Members`.

One deviation from Jayway is deliberate: strings inside an array that look like paths or JSON (`['$.a', '[1]']`) are
compared as strings.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TypeAlias

from express.expressions.jsonpath.equality import COLLECTIONS, NUMBERS, equal
from express.expressions.jsonpath.membership import Members
from express.expressions.jsonpath.outcomes import OperandError
from express.expressions.values import utf16_length
from express.types import JSON

Comparator: TypeAlias = Callable[[JSON, JSON], bool]

_ARRAYS = (list, Members)

#: The operators that search an array, and the side on which the array is.
SEARCHES = {"in": "right", "nin": "right", "contains": "left"} | dict.fromkeys(("subsetof", "anyof", "noneof"), "right")


def _not_equal(left: JSON, right: JSON) -> bool:
    return not equal(left, right)


def _identical(left: JSON, right: JSON) -> bool:
    return _same_kind(left, right) and equal(left, right)


def _not_identical(left: JSON, right: JSON) -> bool:
    return not _identical(left, right)


def _same_kind(left: JSON, right: JSON) -> bool:
    kind, other = type(left), type(right)
    return kind is other or (kind in NUMBERS and other in NUMBERS) or (kind in COLLECTIONS and other in COLLECTIONS)


def comparable(left: JSON, right: JSON) -> bool:
    """Whether two values have an order: two numbers or two strings."""
    kind, other = type(left), type(right)
    return (kind in NUMBERS and other in NUMBERS) or (kind is str and other is str)


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
    if type(right) not in _ARRAYS:
        raise OperandError
    return _holds(right, left)


def _not_in(left: JSON, right: JSON) -> bool:
    return not _in(left, right)


def _contains(left: JSON, right: JSON) -> bool:
    if type(left) is str:
        return type(right) is str and right in left
    return type(left) in _ARRAYS and _holds(left, right)


def _subset_of(left: JSON, right: JSON) -> bool:
    if type(left) is dict or type(right) is dict:
        return False
    allowed = _members(right)
    return all(allowed.holds(item) for item in _elements(left))


def _any_of(left: JSON, right: JSON) -> bool:
    if type(left) is dict or type(right) is dict:
        return False
    candidates = _members(right)
    return any(candidates.holds(item) for item in _elements(left))


def _none_of(left: JSON, right: JSON) -> bool:
    if type(left) is dict or type(right) is dict:
        return False
    return not _any_of(left, right)


def _size(left: JSON, right: JSON) -> bool:
    if type(right) not in NUMBERS or right in (inf, -inf):
        return False
    if type(left) is str:
        return utf16_length(left) == int(right)
    return type(left) is list and len(left) == int(right)


def _empty(left: JSON, right: JSON) -> bool:
    if type(left) is not str and type(left) not in COLLECTIONS:
        return False
    if type(right) is not bool:
        raise OperandError
    return (not left) is right


def _never(left: JSON, right: JSON) -> bool:
    """Operators whose operands only Jayway's Java interface can supply."""
    return False


def _elements(value: JSON) -> list[JSON]:
    if type(value) is Members:
        return value.items
    if type(value) is not list:
        raise OperandError
    return value


def _members(value: JSON) -> Members:
    return value if type(value) is Members else Members(_elements(value))


def _holds(items: JSON, value: JSON) -> bool:
    """Membership; an array searched only once is searched linearly."""
    return items.holds(value) if type(items) is Members else any(equal(value, item) for item in items)


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
    # Needs a pattern, which `predicates` compiles; between two values it is never true.
    "=~": _never,
    "all": _never,
    "type": _never,
    "matches": _never,
}
