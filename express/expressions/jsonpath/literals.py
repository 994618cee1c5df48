"""The JSON literals of a filter.

Jayway parses them with json-smart in its permissive mode: strings in single or double quotes, and inside arrays and
objects also unquoted words (`[n1, n2]`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from express.errors import ExpressionError
from express.expressions.jsonpath.scanning import MAX_NESTING, QUOTES, skip_blanks, skip_quoted, unescape

if TYPE_CHECKING:
    from express.types import JSON

_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE]-?\d+)?(?!\w)")
_WORD = re.compile(r"[^\s,:\[\]{}'\"()&|=<>!~]+")
_KEYWORDS: dict[str, JSON] = {"true": True, "false": False, "null": None}


def read_literal(text: str, position: int, end: int) -> tuple[JSON, int]:
    """The value that starts at `position`, and the position after it."""
    reader = _LiteralReader(text, position, end)
    value = reader.read_value(words=False)
    return value, reader.position


class _LiteralReader:
    def __init__(self, text: str, position: int, end: int) -> None:
        self.text = text
        self.position = position
        self.end = end
        self.depth = 0

    def read_value(self, *, words: bool) -> JSON:
        char = self._peek()
        if char == "[":
            return self._read_array()
        if char == "{":
            return self._read_object()
        if char and char in QUOTES:
            return self._read_string()
        if number := _NUMBER.match(self.text, self.position, self.end):
            self.position = number.end()
            return int(number[0]) if number[0].lstrip("-").isdecimal() else float(number[0])
        return self._read_word(words=words)

    def _read_word(self, *, words: bool) -> JSON:
        word = _WORD.match(self.text, self.position, self.end)
        if word is None or not (words or word[0] in _KEYWORDS):
            raise ExpressionError("Expected a path or a value", self.position)
        self.position = word.end()
        return _KEYWORDS.get(word[0], word[0])

    def _read_string(self) -> str:
        start = self.position
        self.position = skip_quoted(self.text, start, self.end)
        return unescape(self.text[start + 1 : self.position - 1])

    def _read_array(self) -> list[JSON]:
        self._open()
        items: list[JSON] = []
        while not self._accept("]"):
            if items:
                self._expect(",")
            self._peek()
            items.append(self.read_value(words=True))
        self.depth -= 1
        return items

    def _read_object(self) -> dict[str, JSON]:
        self._open()
        fields: dict[str, JSON] = {}
        while not self._accept("}"):
            if fields:
                self._expect(",")
            char = self._peek()
            key = self._read_string() if char and char in QUOTES else str(self._read_word(words=True))
            self._expect(":")
            self._peek()
            fields[key] = self.read_value(words=True)
        self.depth -= 1
        return fields

    def _open(self) -> None:
        self.position += 1
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise ExpressionError(f"Values may be nested {MAX_NESTING} levels deep", self.position)

    def _peek(self) -> str:
        self.position = skip_blanks(self.text, self.position, self.end)
        return self.text[self.position] if self.position < self.end else ""

    def _accept(self, char: str) -> bool:
        found = self._peek() == char
        self.position += found
        return found

    def _expect(self, char: str) -> None:
        if not self._accept(char):
            raise ExpressionError(f"Expected character: {char}", self.position)
