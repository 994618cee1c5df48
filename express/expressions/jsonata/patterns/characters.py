"""Sets of characters in the sense of JavaScript's regular expressions: UTF-16 code units.

Without the flag u, which JSONata lacks, a character beyond U+FFFF is two units: `.` matches half of it, and indices
count both halves. Python's strings can hold such halves (lone surrogates) like any other code point, so a text is
split into units before a search and the results are joined afterwards; texts without such characters, nearly all,
stay unchanged.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Ranges of code units, both ends included; sorted and disjoint.
Ranges: TypeAlias = tuple[tuple[int, int], ...]

_LAST: Final = 0xFFFF

_BEYOND = re.compile("[\U00010000-\U0010ffff]")


def spread(text: str) -> str:
    """The text as UTF-16 code units, each a character of its own."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    return _BEYOND.sub(_halves, text)


def _halves(character: re.Match[str]) -> str:
    code = ord(character[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def join(units: str) -> str:
    """The text of these code units; lone surrogates stay."""
    if units.isascii():
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Normalise ranges that may be unsorted and overlapping."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """All other characters."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    return (*gaps, (start, _LAST)) if start <= _LAST else tuple(gaps)


def single(character: str) -> Ranges:
    unit = ord(character)
    return ((unit, unit),)


ANY: Final[Ranges] = ((0, _LAST),)
DIGITS: Final[Ranges] = ((0x30, 0x39),)
WORD: Final[Ranges] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
#: ECMAScript WhiteSpace and LineTerminator.
SPACE: Final[Ranges] = (
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
)
TERMINATORS: Final[Ranges] = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))


@cache
def canonical(unit: str) -> str:
    """The representative of a character for case-insensitive matching (ECMAScript 22.2.2.7.3, without the flag u).

    It is the upper case, unless that is several characters, or ASCII for a non-ASCII character.
    """
    upper = unit.upper()
    if len(upper) != 1 or upper > "\uffff" or (upper < "\x80" <= unit):
        return unit
    return upper


@cache
def _cases() -> tuple[tuple[int, ...], ...]:
    """The classes of characters that are equal when case is ignored, a tuple for each."""
    same = defaultdict(list)
    for code in range(_LAST + 1):
        same[canonical.__wrapped__(chr(code))].append(code)
    return tuple(tuple(codes) for codes in same.values() if len(codes) > 1)


_ASCII_CASES: Final = tuple((code, code + 32) for code in range(0x41, 0x5B))


@lru_cache(maxsize=1024)
def ignoring_case(ranges: Ranges) -> Ranges:
    """The set extended by all characters equal to a member when case is ignored."""
    ascii_only = not ranges or ranges[-1][1] < 0x80
    added = [
        (other, other)
        for codes in (_ASCII_CASES if ascii_only else _cases())
        if any(low <= code <= high for code in codes for low, high in ranges)
        for other in codes
    ]
    return union((*ranges, *added))
