"""Array functions (JSONata docs), except `$count`, which is an aggregation."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import paced
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.operators import code_units
from express.expressions.jsonata.ordering import in_order
from express.expressions.jsonata.values import UNDEFINED, Function, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from express.expressions.jsonata.evaluation import Evaluation

_NUMBERS: Final = frozenset((int, float))
_STRINGS: Final = frozenset((str,))
#: Types that Python distinguishes as JSONata does, as long as there are no booleans (`True == 1`).
_HASHABLE: Final = frozenset((str, int, float, type(None)))


@function("append", "<xx:a>", bounded=True)
def append(evaluation: Evaluation, first: Value, second: Value) -> Value:
    """The items of both, one after the other; a non-array counts as its only item, UNDEFINED is left out."""
    if first is UNDEFINED or second is UNDEFINED:
        return second if first is UNDEFINED else first
    left = first if type(first) is list else [first]
    right = second if type(second) is list else [second]
    evaluation.gather(len(left) + len(right))
    return left + right


@function("reverse", "<a:a>", bounded=True)
def reverse(evaluation: Evaluation, items: list[Value] | Undefined) -> Value:
    """The items last to first."""
    if isinstance(items, Undefined):
        return UNDEFINED
    evaluation.gather(len(items))
    return items[::-1]


@function("shuffle", "<a:a>", bounded=True)
def shuffle(evaluation: Evaluation, items: list[Value] | Undefined) -> Value:
    """The items in random order."""
    if isinstance(items, Undefined):
        return UNDEFINED
    shuffled = items.copy()
    for last in paced(evaluation, range(len(items) - 1, 0, -1), 3):
        other = int(random.random() * (last + 1))
        shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
    return shuffled


@function("zip", "<a+>", bounded=True, cost=6)
def zip_(evaluation: Evaluation, *arrays: Value) -> list[Value]:
    """An array of the first items, one of the second items and so on, as many as the shortest array has."""
    if UNDEFINED in arrays:
        return []
    rows = min(map(len, arrays))
    evaluation.gather(len(arrays) * rows)
    turns = paced(evaluation, range(rows), 4 + len(arrays))
    return [list(row) for _, *row in zip(turns, *arrays, strict=False)]


@function("sort", "<af?:a>", bounded=True, cost=6)
def sort(evaluation: Evaluation, items: list[Value] | Undefined, comparator: Function | Undefined) -> Value:
    """The items in ascending order; a comparator decides whether its first argument comes after the second.

    Raises D3070 if, without a comparator, they are neither all numbers nor all strings.
    """
    if isinstance(items, Undefined) or len(items) <= 1:
        return items
    if not isinstance(comparator, Undefined):
        evaluation.spend(len(items))
        return merge_sorted(items, comparator.call)
    evaluation.spend(len(items) * len(items).bit_length() >> 2)
    kinds = set(map(type, items))
    if kinds <= _STRINGS:
        return in_order(evaluation, items, None if all(map(str.isascii, items)) else code_units)
    if kinds <= _NUMBERS:
        return in_order(evaluation, items)
    raise JSONataError("D3070", index=1)


def merge_sorted(items: list[Value], comes_after: Callable[[Value, Value], Value]) -> list[Value]:
    """A stable merge sort; if `comes_after(left, right)` is true in JavaScript, the right item goes first.

    It makes the calls in the same order as jsonata-js, because a comparator need not be consistent: it may call
    `$random`, fail for some pairs, or use one argument only.
    """
    if len(items) <= 1:
        return items
    middle = len(items) // 2
    left, right = merge_sorted(items[:middle], comes_after), merge_sorted(items[middle:], comes_after)
    merged: list[Value] = []
    taken = used = 0
    while taken < len(left) and used < len(right):
        if _is_true(comes_after(left[taken], right[used])):
            merged.append(right[used])
            used += 1
        else:
            merged.append(left[taken])
            taken += 1
    merged += left[taken:]
    merged += right[used:]
    return merged


def _is_true(answer: Value) -> bool:
    """JavaScript's truth, which unlike JSONata's includes empty arrays and objects, and functions."""
    return bool(answer) or isinstance(answer, (list, dict))


@function("distinct", "<x:x>", bounded=True, cost=5)
def distinct(evaluation: Evaluation, items: Value) -> Value:
    """The items without duplicates, in first-occurrence order; numbers are equal by value, objects in any key order."""
    if type(items) is not list or len(items) <= 1:
        return items
    turns = paced(evaluation, items, 3)
    if set(map(type, items)) <= _HASHABLE:
        return list(dict.fromkeys(turns))
    unique: dict[Hashable, Any] = {}
    for item in turns:
        unique.setdefault(_identity(evaluation, item), item)
    return list(unique.values())


def _identity(evaluation: Evaluation, value: Value) -> Hashable:
    """A hashable key: two values have the same key exactly when they are equal."""
    kind = type(value)
    if kind is list:
        evaluation.spend(8 + 4 * len(value))
        return (list, *[_identity(evaluation, item) for item in value])
    if kind is dict:
        evaluation.spend(8 + 4 * len(value))
        return (dict, frozenset([(key, _identity(evaluation, item)) for key, item in value.items()]))
    if kind is bool:
        return (bool, value)
    return (Function, id(value)) if isinstance(value, Function) else value
