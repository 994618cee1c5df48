r"""JSONata text to tokens, one at a time.

The meaning of a `/` depends on the token before it, so the parser requests each token and says whether an operator
may follow (then `/` divides) or an operand (then `/` opens a regular expression).

Two oddities are those of jsonata-js 2.0.6: a name extends to the next whitespace or operator character, so that it
may contain quotes and backslashes; and a token's position is the offset directly after it, while errors inside a
token use the offset at which reading stopped.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.patterns.characters import join
from express.expressions.jsonata.values import number

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal["name", "variable", "operator", "string", "number", "value", "regex", "end"]

#: The end of the text in messages.
END: Final = "(end)"

_BLANKS: Final = re.compile(r"[ \t\n\r\v]*")
_OPERATOR: Final = re.compile(r"\.\.|:=|!=|>=|<=|\*\*|~>|[.\[\]{}(),@#;:?+\-*/%|=<>^&!~]")
_NAME: Final = re.compile(r"[^ \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~]*")
_NUMBER: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?")
_FLAGS: Final = re.compile("[im]*")
_HEX: Final = re.compile("[0-9a-fA-F]+")

_PLAIN: Final[Mapping[str, re.Pattern[str]]] = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_ESCAPES: Final[Mapping[str, str]] = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_WORD_OPERATORS: Final = frozenset(("and", "or", "in"))
_WORD_VALUES: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}


@dataclass(slots=True)
class Token:
    """One token. `value` is a name, an operator, a literal's value, or (pattern, flags) of a regular expression.

    `symbol` is the key for the grammar: the operator, or for other tokens the kind in parentheses, which differs from
    every operator.
    """

    kind: Kind
    value: Any
    position: int
    symbol: str

    @property
    def shown(self) -> Any:
        """The token as quoted in messages; jsonata-js writes a regular expression as an empty object."""
        return {} if self.kind == "regex" else self.value


class Lexer:
    """The tokens of `text`, from its beginning."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def next(self, *, infix: bool) -> Token:
        """The next token; at the end of the text, always one of kind `end`.

        `infix`: an operand has just ended, so a `/` here divides. Raises JSONataError with a code S01xx or S03xx.
        """
        self._skip_blanks_and_comments()
        start = self.position
        if start >= len(self.text):
            return Token("end", END, len(self.text), END)
        char = self.text[start]
        if char == "/" and not infix:
            self.position += 1
            pattern, flags = self._read_regex()
            return self._token("regex", (pattern, flags))
        if operator := _OPERATOR.match(self.text, start):
            self.position = operator.end()
            return self._token("operator", operator[0])
        if char in _PLAIN:
            return self._token("string", self._read_string(char))
        if digits := _NUMBER.match(self.text, start):
            return self._token("number", self._read_number(digits))
        if char == "`":
            return self._token("name", self._read_quoted_name())
        return self._read_word()

    def _token(self, kind: Kind, value: Any) -> Token:
        return Token(kind, value, self.position, value if kind == "operator" else f"({kind})")

    def _skip_blanks_and_comments(self) -> None:
        text = self.text
        while True:
            start = _BLANKS.match(text, self.position).end()  # type: ignore[union-attr]  # it matches nothing, too
            self.position = start
            if not text.startswith("/*", start):
                return
            closing = text.find("*/", start + 2)
            if closing < 0:
                raise JSONataError("S0106", start)
            self.position = closing + 2

    def _read_string(self, quote: str) -> str:
        text = self.text
        plain = _PLAIN[quote]
        parts: list[str] = []
        position = self.position + 1
        while run := plain.match(text, position):
            parts.append(run[0])
            position = run.end()
            if position >= len(text):
                break
            if text[position] == quote:
                self.position = position + 1
                return join("".join(parts))
            char, position = self._read_escape(position + 1)
            parts.append(char)
        raise JSONataError("S0101", position)

    def _read_escape(self, position: int) -> tuple[str, int]:
        """The character of the escape at `position`, after the backslash, and the end of the escape."""
        letter = self.text[position : position + 1]
        if letter in _ESCAPES:
            return _ESCAPES[letter], position + 1
        if letter != "u":
            raise JSONataError("S0103", position, token=letter)
        digits = self.text[position + 1 : position + 5]
        if not _HEX.fullmatch(digits):
            raise JSONataError("S0104", position)
        return chr(int(digits, 16)), position + 5

    def _read_number(self, digits: re.Match[str]) -> int | float:
        value = float(digits[0])
        if math.isinf(value):
            raise JSONataError("S0102", self.position, token=digits[0])
        self.position = digits.end()
        return number(value)

    def _read_quoted_name(self) -> str:
        start = self.position + 1
        closing = self.text.find("`", start)
        if closing < 0:
            raise JSONataError("S0105", len(self.text))
        self.position = closing + 1
        return self.text[start:closing]

    def _read_word(self) -> Token:
        word = _NAME.match(self.text, self.position)[0]  # type: ignore[index]  # it matches nothing, too
        self.position += len(word)
        if word.startswith("$"):
            return self._token("variable", word[1:])
        if word in _WORD_OPERATORS:
            return self._token("operator", word)
        if word in _WORD_VALUES:
            return self._token("value", _WORD_VALUES[word])
        return self._token("name", word)

    def _read_regex(self) -> tuple[str, str]:
        """Pattern and flags; a slash inside brackets of any kind, or after a backslash, does not end the pattern."""
        text = self.text
        start = position = self.position
        depth = 0
        while position < len(text):
            char = text[position]
            escaped = text[position - 1] == "\\"
            if char == "/" and depth == 0 and not (escaped and self._is_escaped(position)):
                if position == start:
                    raise JSONataError("S0301", position)
                flags = _FLAGS.match(text, position + 1)[0]  # type: ignore[index]  # it matches nothing, too
                self.position = position + 1 + len(flags)
                return text[start:position], flags
            if not escaped:
                depth += (char in "([{") - (char in ")]}")
            position += 1
        raise JSONataError("S0302", position)

    def _is_escaped(self, position: int) -> bool:
        """Whether an odd number of backslashes precedes `position`."""
        before = position
        while self.text[before - 1] == "\\":
            before -= 1
        return (position - before) % 2 == 1
