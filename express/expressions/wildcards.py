r"""The patterns of `StringMatches`: `*` matches any run of characters, everything else matches itself.

A backslash makes `*` and `\` literal and is not allowed anywhere else (ASL spec, "StringMatches"). Patterns run on
untrusted event data, so they never become regular expressions: a pattern is its literal pieces in order, found from
left to right with `str.find`. The first occurrence of each piece suffices, because anything may follow a `*`; hence
there is no backtracking, and matching time stays bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class PatternError(Exception):
    """A backslash precedes a character other than `*` or another backslash."""


def compile_wildcards(pattern: str) -> Callable[[str], bool]:
    """A function that tests whether a whole string matches `pattern`; raises PatternError."""
    first, *rest = split_wildcards(pattern)
    if not rest:
        return first.__eq__
    *inner, last = rest
    middle = [piece for piece in inner if piece]
    if not middle and not last:
        return lambda text: text.startswith(first)
    if not middle and not first:
        return lambda text: text.endswith(last)
    return _matcher(first, middle, last)


def _matcher(first: str, middle: list[str], last: str) -> Callable[[str], bool]:
    start, tail = len(first), len(last)
    shortest = start + sum(map(len, middle)) + tail

    def matches(text: str) -> bool:
        end = len(text) - tail
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        position = start
        for piece in middle:
            position = text.find(piece, position, end)
            if position < 0:
                return False
            position += len(piece)
        return True

    return matches


def split_wildcards(pattern: str) -> list[str]:
    """The literal pieces around each `*` of a pattern, escapes resolved; raises PatternError."""
    pieces = [""]
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            pieces.append("")
            continue
        if character == "\\":
            character = next(characters, "")
            if character not in ("*", "\\"):
                raise PatternError("a backslash must be followed by '*' or another backslash")
        pieces[-1] += character
    return pieces
