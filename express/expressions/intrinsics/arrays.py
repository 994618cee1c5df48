"""Intrinsics for arrays (AWS guide, "Intrinsics for arrays").

Results share the elements of their source arrays; only the outer list is new. Work stays linear in the payload, so
that 100 000 scalars take milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.intrinsics.numeric import truncated
from express.expressions.intrinsics.registry import ArgumentsError, at_least, intrinsic
from express.expressions.values import java_key, java_text

if TYPE_CHECKING:
    from express.types import JSON

#: The longest array `States.ArrayRange` makes.
_RANGE_LIMIT: Final = 1000
#: Types for which Python's equality is Java's, as long as no other type is present (`True == 1 == 1.0`).
_PLAIN: Final = frozenset({str, int, type(None)})
#: Types for which values are equal exactly when their Java texts are.
_EXACT: Final = frozenset({int, bool, type(None)})


def _array(value: JSON) -> list[JSON]:
    if type(value) is not list:
        raise ArgumentsError
    return value


@intrinsic("States.Array", at_least(0))
def array(*values: JSON) -> list[JSON]:
    """The arguments as an array."""
    return list(values)


@intrinsic("States.ArrayPartition", 2, array_limit=True, writes=True, walks=True)
def array_partition(items: JSON, size: JSON) -> list[JSON]:
    """Chunks of `size` elements, the last one possibly shorter; an empty array has no chunks."""
    elements, length = _array(items), truncated(size)
    if length < 1:
        raise ArgumentsError
    return [elements[start : start + length] for start in range(0, len(elements), length)]


@intrinsic("States.ArrayContains", 2, array_limit=True, writes=True, walks=True)
def array_contains(items: JSON, value: JSON) -> bool:
    """Whether an element equals `value`.

    The service compares the Java texts of both (observed: `true` is found in `["true"]`, a number among strings of
    its digits; an object with its keys in another order is not found), and so does this function.
    """
    elements, text, kind = _array(items), java_text(value), type(value)
    if text in elements:  # only a string can equal the text
        return True
    if kind is str:
        return text in map(java_text, [element for element in elements if type(element) is not str])
    alike = [element for element in elements if type(element) is kind]  # other types never share a text
    return value in alike if kind in _EXACT else text in map(java_text, alike)


@intrinsic("States.ArrayRange", 3)
def array_range(start: JSON, end: JSON, step: JSON) -> list[int]:
    """The integers from `start` in steps of `step` up to and including `end`; at most 1000 of them."""
    first, last, stride = truncated(start), truncated(end), truncated(step)
    if stride == 0:
        raise ArgumentsError
    numbers = range(first, last + (1 if stride > 0 else -1), stride)
    if len(numbers) > _RANGE_LIMIT:
        raise ArgumentsError
    return list(numbers)


@intrinsic("States.ArrayGetItem", 2)
def array_get_item(items: JSON, index: JSON) -> JSON:
    """The element at a 0-based index. An index out of range fails, but an empty array gives null (observed)."""
    elements, position = _array(items), truncated(index)
    if not elements:
        return None
    if not 0 <= position < len(elements):
        raise ArgumentsError
    return elements[position]


@intrinsic("States.ArrayLength", 1)
def array_length(items: JSON) -> int:
    """The number of elements."""
    return len(_array(items))


@intrinsic("States.ArrayUnique", 1, array_limit=True, writes=True, walks=True)
def array_unique(items: JSON) -> list[JSON]:
    """The elements without duplicates, in order of first occurrence.

    Equality is Java's: `true` is not `1`, `1` is not `1.0`, the order of an object's keys does not matter. The result
    order is a choice: the guide promises none, and the service was seen to return that of a Java hash set
    (`[false, true]` for `[true, false]`), which depends on a table size that cannot be observed.
    """
    elements = _array(items)
    if _PLAIN.issuperset(map(type, elements)):
        return list(dict.fromkeys(elements))
    unique: dict[object, JSON] = {}
    for element in elements:
        unique.setdefault(java_key(element), element)
    return list(unique.values())
