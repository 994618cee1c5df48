"""Positions in a text as lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from express.definition.outline import string_position

if TYPE_CHECKING:
    from express.definition.outline import Node

_LINE: Final = re.compile(r"[^\r\n]*+")
_LINE_BREAK: Final = re.compile(r"\r\n?|\n")


class Place(NamedTuple):
    """Characters to underline: line and column count from 1, `source_line` is the whole line without its end."""

    line: int
    column: int
    length: int
    source_line: str


#: The place of a problem without a source text.
NOWHERE: Final = Place(0, 0, 0, "")


class Lines:
    """The lines of a text (ended by LF, CRLF or CR, as editors and Jackson count them)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_BREAK.finditer(text))]
        self._shown: dict[int, str] = {}

    def place(self, start: int, end: int) -> Place:
        """The part of `[start, end)` within the line of `start`, at least one character."""
        line = bisect_right(self._starts, start)
        source_line = self._shown.get(line)
        if source_line is None:
            match = _LINE.match(self._text, self._starts[line - 1])
            assert match is not None
            source_line = self._shown[line] = match.group()
        column = start - self._starts[line - 1]
        return Place(line, column + 1, max(1, min(end - start, len(source_line) - column)), source_line)


def span_of(text: str, node: Node, *, on_key: bool, offset: int, length: int) -> tuple[int, int]:
    """The characters to underline for a node.

    A scalar is underlined itself; `offset` and `length` select characters of a string's value, `length` 0 extends to
    its end. An object or array is too long to underline: its key stands for it, or its opening bracket if it has no
    key.
    """
    if (on_key or node.members is not None) and node.key_start >= 0:
        return node.key_start, node.key_end
    if node.members is not None:
        return node.start, node.start + 1
    if not (offset or length) or text[node.start] != '"':
        return node.start, node.end
    start = string_position(text, node.start, offset)
    return start, string_position(text, start - 1, length) if length else node.end - 1
