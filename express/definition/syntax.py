"""JSON syntax errors in Jackson's words.

AWS parses definitions with Jackson and passes its error on: Jackson's text as the message, Jackson's location as the
location (recorded: `Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null',
'true' or 'false')`). `outline` finds the position, the functions here word the error: each takes the text and an
index and returns the error for its caller to raise.

Jackson reports the column it had read up to, one past the wrong character; `position` keeps the character.
"""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"[\w$]+")
_STRING_PREFIX: Final = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')
_LINE_BREAK: Final = re.compile(r"\r\n?|\n")
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_SOURCE_SHOWN: Final = 500
_ANY_VALUE: Final = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_IN_NUMBER: Final = " in numeric value"

CLOSING: Final = {"{": "}", "[": "]"}
_KIND: Final = {"{": "Object", "[": "Array"}


class JSONSyntaxError(Exception):
    """The text is not JSON: Jackson's message, the index of the wrong character, and the index Jackson had reached."""

    def __init__(self, message: str, position: int, reached: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.reached = reached


def source_place(text: str, index: int) -> str:
    """Jackson's `JsonLocation`: the first 500 characters of the source, line and column, both from 1."""
    line, line_start = 1, 0
    for match in _LINE_BREAK.finditer(text, 0, index):
        line, line_start = line + 1, match.end()
    more = len(text) - _SOURCE_SHOWN
    truncated = f"[truncated {more} chars]" if more > 0 else ""
    return f'[Source: (String)"{text[:_SOURCE_SHOWN]}"{truncated}; line: {line}, column: {index - line_start + 1}]'


def unexpected(text: str, index: int, expectation: str, where: str = "") -> JSONSyntaxError:
    """A character that is not allowed here (or the end of the text)."""
    if index >= len(text):
        return end_of_input(text, f": {expectation}")
    return JSONSyntaxError(f"Unexpected character ({_named(text[index])}){where}: {expectation}", index, index + 1)


def end_of_input(text: str, where: str) -> JSONSyntaxError:
    """The text ends too early."""
    return JSONSyntaxError(f"Unexpected end-of-input{where}", len(text), len(text))


def end_in_container(text: str, opened: int) -> JSONSyntaxError:
    """The text ends after a comma, a key or a colon."""
    return end_of_input(text, f" within/between {_KIND[text[opened]]} entries")


def comment(text: str, index: int) -> JSONSyntaxError:
    """A slash where only whitespace is allowed."""
    return unexpected(
        text,
        index,
        "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
    )


def no_separator(text: str, index: int, opened: int) -> JSONSyntaxError:
    """A member of the container opened at `opened` is followed by neither a comma nor the closing bracket."""
    kind, start = _KIND[text[opened]], source_place(text, opened)
    if index >= len(text):
        return end_of_input(text, f": expected close marker for {kind} (start marker at {start})")
    if text[index] in "}]":
        expected = f"expected '{CLOSING[text[opened]]}' (for {kind} starting at {start})"
        return JSONSyntaxError(f"Unexpected close marker '{text[index]}': {expected}", index, index + 1)
    return unexpected(text, index, f"was expecting comma to separate {kind} entries")


def no_value(text: str, index: int) -> JSONSyntaxError:
    """Something other than a value where one should start."""
    char = text[index : index + 1]
    if char == "-":
        return unexpected(
            text, index + 1, "expected digit (0-9) to follow minus sign, for valid numeric value", _IN_NUMBER
        )
    if char.isalpha() or char in ("_", "$"):
        return unknown_token(text, index)
    return unexpected(text, index, f"expected a valid value {_ANY_VALUE}")


def unknown_token(text: str, start: int) -> JSONSyntaxError:
    """A bare word that is not true, false or null."""
    match = _WORD.match(text, start)
    token, reached = (match.group(), match.end()) if match else (text[start], start + 1)
    if token in ("NaN", "Infinity"):
        message = f"Non-standard token '{token}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
    else:
        message = f"Unrecognized token '{token}': was expecting {_ANY_VALUE}"
    return JSONSyntaxError(message, start, reached)


def bad_number(text: str, start: int, end: int) -> JSONSyntaxError | None:
    """The error of a number in `[start, end)` that continues as `01`, `1.` or `1e`; None for other text after it."""
    following = text[end]
    if following.isdigit():
        return JSONSyntaxError("Invalid numeric value: Leading zeroes not allowed", start, end + 1)
    if following == ".":
        return unexpected(text, end + 1, "Decimal point not followed by a digit", _IN_NUMBER)
    if following in "eE":
        digit = end + 2 if text[end + 1 : end + 2] in ("+", "-") else end + 1
        return unexpected(text, digit, "Exponent indicator not followed by a digit", _IN_NUMBER)
    return None


def bad_string(text: str, start: int, where: str) -> JSONSyntaxError:
    """A string that is not terminated, or contains a bare control character or a bad escape."""
    prefix = _STRING_PREFIX.match(text, start)
    assert prefix is not None
    at = prefix.end()
    if at >= len(text):
        return end_of_input(text, where)
    if text[at] == "\\":
        return _bad_escape(text, at)
    advice = "has to be escaped using backslash to be included in string value"
    return JSONSyntaxError(f"Illegal unquoted character ({_named(text[at])}): {advice}", at, at + 1)


def _bad_escape(text: str, at: int) -> JSONSyntaxError:
    escaped = text[at + 1 : at + 2]
    if escaped not in ("", "u"):
        return JSONSyntaxError(f"Unrecognized character escape {_named(escaped)}", at, at + 2)
    digit = next((index for index in range(at + 2, at + 6) if text[index : index + 1] not in _HEX_DIGITS), at + 2)
    if digit >= len(text):
        return end_of_input(text, " in character escape sequence")
    return unexpected(text, digit, "expected a hex-digit for character escape sequence")


def _named(char: str) -> str:
    """A character as Jackson shows it: `'}' (code 125)`, `(CTRL-CHAR, code 10)`."""
    code = ord(char)
    if code < 0x20 or 0x7F <= code <= 0x9F:
        return f"(CTRL-CHAR, code {code})"
    return f"'{char}' (code {code})" if code < 0x100 else f"'{char}' (code {code} / 0x{code:x})"
