"""Order-by: `^(a, >b)` (JSONata docs, "Sorting").

Keys are computed once per item. If all keys have one type, Python sorts them. Otherwise the comparisons of
jsonata-js's merge sort are repeated in its order, because that decides which pair of keys the error reports.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.operators import code_units
from express.expressions.jsonata.values import UNDEFINED, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.expressions.jsonata.evaluation import Evaluation

#: A key function, and whether the order is descending.
Term = tuple["Callable[[Any], Value]", bool]

#: This many items are sorted in a few milliseconds.
_RUN: Final = 8192

_KINDS: Final[dict[type, type]] = {str: str, int: float, float: float}


def sort(items: Sequence[Any], terms: Sequence[Term], position: int, evaluation: Evaluation) -> list[Any]:
    """The items in order; equal ones keep their order, those without a key come last.

    Raises T2008 for keys that are neither strings nor numbers, T2007 for one of each.
    """
    if len(items) < 2:
        return list(items)
    evaluation.spend(len(items) * len(terms) * len(items).bit_length() >> 1)
    keys = [[key(item) for item in items] for key, _ in terms]
    order = list(range(len(items)))
    if not all(map(_alike, keys)):
        return [items[place] for place in _merge_sort(order, _comparison(keys, terms, position))]
    for column, (_, descending) in reversed(list(zip(keys, terms, strict=True))):
        order = _sorted_by(evaluation, order, column, descending=descending)
    return [items[place] for place in order]


def _alike(column: list[Value]) -> bool:
    """Whether all present keys are strings, or all numbers. With one term or the last of equals none is skipped."""
    kinds = {_KINDS.get(type(key)) for key in column if key is not UNDEFINED}
    return len(kinds) < 2 and None not in kinds


def _sorted_by(evaluation: Evaluation, order: list[int], column: list[Value], *, descending: bool) -> list[int]:
    present = [place for place in order if column[place] is not UNDEFINED]
    missing = [place for place in order if column[place] is UNDEFINED]
    if any(type(column[place]) is str and not column[place].isascii() for place in present):
        keys = [code_units(key) if type(key) is str else key for key in column]
        return in_order(evaluation, present, keys.__getitem__, descending=descending) + missing
    return in_order(evaluation, present, column.__getitem__, descending=descending) + missing


def in_order(
    evaluation: Evaluation, items: list[Any], key: Callable[[Any], Any] | None = None, *, descending: bool = False
) -> list[Any]:
    """The items as `sorted` orders them, sorted in runs that are merged pairwise, so that no single call takes long.

    Python's sort of two consecutive sorted runs is a merge.
    """

    def run(part: list[Any]) -> list[Any]:
        evaluation.spend(len(part) >> 1)
        return sorted(part, key=key, reverse=descending)

    runs = [run(items[start : start + _RUN]) for start in range(0, len(items), _RUN)]
    while len(runs) > 1:
        runs = [run(list(chain.from_iterable(runs[number : number + 2]))) for number in range(0, len(runs), 2)]
    return runs[0] if runs else []


def _comparison(keys: list[list[Value]], terms: Sequence[Term], position: int) -> Callable[[int, int], bool]:
    """Whether the second of two items comes first, as jsonata-js's comparator decides."""

    def swapped(left: int, right: int) -> bool:
        for column, (_, descending) in zip(keys, terms, strict=True):
            a, b = column[left], column[right]
            if a is UNDEFINED or b is UNDEFINED:
                if a is b:
                    continue
                return a is UNDEFINED
            kind, other = _KINDS.get(type(a)), _KINDS.get(type(b))
            if kind is None or other is None:
                raise JSONataError("T2008", position, value=a if kind is None else b)
            if kind is not other:
                raise JSONataError("T2007", position, value=a, value2=b)
            if a != b:
                return bool(a < b if descending else a > b)
        return False

    return swapped


def _merge_sort(order: list[int], swapped: Callable[[int, int], bool]) -> list[int]:
    if len(order) < 2:
        return order
    middle = len(order) // 2
    left, right = _merge_sort(order[:middle], swapped), _merge_sort(order[middle:], swapped)
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if swapped(left[i], right[j]):
            merged.append(right[j])
            j += 1
        else:
            merged.append(left[i])
            i += 1
    return merged + left[i:] + right[j:]
