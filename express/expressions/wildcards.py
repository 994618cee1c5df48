r"""The patterns of `StringMatches`: `*` is any run of characters, everything else is itself.

A backslash makes `*` and `\` literal and may stand nowhere else (ASL spec, "StringMatches"). Patterns run on whatever
an event brings, so they never become regular expressions: a pattern is its literal pieces in order, found from left
to right with `str.find`. Taking each piece at its first place is enough, because what follows a `*` may be anything;
hence nothing is ever tried twice, and matching cannot blow up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class PatternError(Exception):
    """A backslash stands before something other than `*` or another backslash."""


def compile_wildcards(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether the whole of a string matches `pattern`. Raises PatternError."""
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
    """The literal pieces around the `*` of a pattern, escapes resolved. Raises PatternError."""
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
