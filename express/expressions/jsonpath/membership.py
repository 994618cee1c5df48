"""Arrays that a filter searches once per item: `@.id in $.known`.

A linear search multiplies the lengths of two arrays. `Members` finds in constant time what `equal` would find one by
one: for each type of the searched value it keeps the keys of the elements that equal it, built when the first such
value comes.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from express.expressions.jsonpath.equality import COLLECTIONS, NUMBERS, equal, numeral
from express.expressions.jsonpath.outcomes import MISSING
from express.expressions.values import java_key, java_text

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from express.types import JSON


class Members:
    """The elements of an array, indexed for many searches."""

    def __init__(self, items: list[JSON]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def holds(self, value: JSON) -> bool:
        """Whether `equal(value, item)` is true for any of the items."""
        kind = type(value)
        if kind is str:
            return value in self._texts
        if kind in NUMBERS:
            return value in self._numbers or (bool(self._numerals) and Decimal(java_text(value)) in self._numerals)
        if kind in COLLECTIONS:
            return any(equal(value, item) for item in self._candidates(value))
        return value is not MISSING and any(value is constant for constant in self._constants)

    def _candidates(self, value: JSON) -> list[JSON]:
        """Arrays and objects that may equal `value`; all items where the nesting is too deep for keys."""
        try:
            return self._collections.get((type(value), java_key(value)), [])
        except RecursionError:
            return self.items

    @cached_property
    def _texts(self) -> AbstractSet[str]:
        """The texts that equal an item: strings, and numbers as Java prints them."""
        return {
            item if type(item) is str else java_text(item)
            for item in self.items
            if type(item) is str or type(item) in NUMBERS
        }

    @cached_property
    def _numbers(self) -> AbstractSet[float]:
        return {item for item in self.items if type(item) in NUMBERS}

    @cached_property
    def _numerals(self) -> AbstractSet[Decimal]:
        """The numbers spelled by those strings that spell one."""
        spelled = (numeral(item) for item in self.items if type(item) is str)
        return {number for number in spelled if number is not None}

    @cached_property
    def _collections(self) -> dict[tuple[type, object], list[JSON]]:
        found: dict[tuple[type, object], list[JSON]] = defaultdict(list)
        for item in self.items:
            if type(item) in COLLECTIONS:
                found[type(item), java_key(item)].append(item)
        return found

    @cached_property
    def _constants(self) -> list[JSON]:
        return list({item for item in self.items if item is None or type(item) is bool})
