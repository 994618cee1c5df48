"""The ends of constructs in path text: quoted strings, brackets, argument lists.

Both parsers address nested texts (a path inside a filter, an argument inside a call) by position in the one source
string instead of slicing it, so that every error carries an offset into the text the user wrote.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from express.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Mapping

QUOTES = "'\""

#: Maximum nesting of filters and brackets: deeper than anything written by hand, far below Python's stack limit.
MAX_NESTING = 20
#: Maximum steps of a path: the maximum depth of data (`payload.MAX_DEPTH`), and within the stack limit.
MAX_STEPS = 256

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def skip_blanks(text: str, position: int, end: int) -> int:
    """The position of the first non-blank character from `position` on, or `end`."""
    while position < end and text[position] == " ":
        position += 1
    return position


def skip_quoted(text: str, position: int, end: int) -> int:
    """The position after the string, or the `/pattern/`, that opens at `position`."""
    quote = text[position]
    index = position + 1
    while index < end:
        if text[index] == "\\":
            index += 1
        elif text[index] == quote:
            return index + 1
        index += 1
    raise ExpressionError(f"String not closed, expected {quote}", position)


def skip_bracketed(text: str, position: int, end: int) -> int:
    """The position after the bracket of any kind that opens at `position`, -1 if it is not closed."""
    expected: list[str] = []
    index = position
    while index < end:
        char = text[index]
        if char in QUOTES or (char == "/" and text[position:index].rstrip(" ").endswith("~")):
            index = skip_quoted(text, index, end)
            continue
        if char in _CLOSING:
            expected.append(_CLOSING[char])
        elif char in ")]}":
            if char != expected.pop():
                return -1
            if not expected:
                return index + 1
        index += 1
    return -1


def split_arguments(text: str, position: int, end: int) -> list[tuple[int, int]]:
    """The windows between the commas of an argument list, without surrounding whitespace."""
    windows = []
    start = index = position
    while index < end:
        char = text[index]
        if char == ",":
            windows.append((start, index))
            start = index = index + 1
        elif char in QUOTES:
            index = skip_quoted(text, index, end)
        elif char in _CLOSING:
            closed = skip_bracketed(text, index, end)
            index = closed if closed > 0 else end
        else:
            index += 1
    if windows or text[start:end].strip():
        windows.append((start, end))
    return [_trim(text, first, last) for first, last in windows]


def unescape(text: str) -> str:
    r"""Java's escapes in a quoted name or string: `\n` and the like, `\uXXXX`, any other character for itself."""
    return _unescape(text, _CONTROL)


def unescape_name(text: str) -> str:
    r"""The escapes of a dotted name: `\uXXXX`, and `\.` or any other character for itself."""
    return _unescape(text, {})


def _unescape(text: str, special: Mapping[str, str]) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else special.get(match[2], match[2]), text)
    # Two escapes may spell one character beyond U+FFFF; UTF-16 joins them.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    start = skip_blanks(text, start, end)
    return start, start + len(text[start:end].rstrip(" "))
