"""The text between `[?(` and `)]` parsed to a Condition.

    condition  = and { '||' and }
    and        = term { '&&' term }
    term       = '!' term | '(' condition ')' | operand [ operator operand ]
    operand    = path | string | number | true | false | null | array | object | /regex/flags

`!` keeps Jayway's meaning: before a path it inverts "exists", before a comparison of a path (`!@.a == 1`) it has no
effect; `!(@.a == 1)` negates. Arrays and objects follow Jayway's permissive JSON: strings in either quotes, or in
none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches

from express.errors import ExpressionError
from express.expressions.jsonpath.literals import read_literal
from express.expressions.jsonpath.operators import OPERATORS
from express.expressions.jsonpath.regex import compile_pattern
from express.expressions.jsonpath.scanning import MAX_NESTING, skip_blanks, skip_bracketed, skip_quoted
from express.expressions.jsonpath.syntax import (
    And,
    Comparison,
    Condition,
    Exists,
    Literal,
    Not,
    Operand,
    Or,
    Path,
    Pattern,
    Root,
)

_SYMBOLS = re.compile(r"[<>=~!]+")
_WORD = re.compile(r"[^\W\d]\w*")
_FLAGS = re.compile(r"[dixmsuU]*")

#: Parses the path in `text[start:end]` whose root character is at `start`.
SubPathReader = Callable[[str, int, int, Root, int], Path]


class ConditionParser:
    """Parses one condition starting at `position` and advances `position` past it."""

    def __init__(self, text: str, position: int, end: int, depth: int, read_path: SubPathReader) -> None:
        self.text = text
        self.position = position
        self.end = end
        self.depth = depth
        self._read_sub_path = read_path
        self._nesting = 0

    def read_condition(self) -> Condition:
        terms = [self._read_and()]
        while self._accept("||"):
            terms.append(self._read_and())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _read_and(self) -> Condition:
        terms = [self._read_term()]
        while self._accept("&&"):
            terms.append(self._read_term())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _read_term(self) -> Condition:
        start = self._skip_blanks()
        if self._accept("!"):
            if self._peek() in ("$", "@"):
                return self._read_comparison(expected=False)
            return Not(self._nested(self._read_term, start))
        if self._accept("("):
            condition = self._nested(self.read_condition, start)
            if not self._accept(")"):
                raise ExpressionError("Expected character: )", self.position)
            return condition
        return self._read_comparison(expected=True)

    def _nested(self, read: Callable[[], Condition], start: int) -> Condition:
        self._nesting += 1
        if self.depth + self._nesting > MAX_NESTING:
            raise ExpressionError(f"Conditions may be nested {MAX_NESTING} levels deep", start)
        condition = read()
        self._nesting -= 1
        return condition

    def _read_comparison(self, *, expected: bool) -> Condition:
        start = self._skip_blanks()
        left = self._read_operand()
        if self._peek() in ("", ")", "]", "&", "|"):
            if not isinstance(left, Path):
                raise ExpressionError("Expected path node: a value on its own is no condition", start)
            return Exists(left, expected)
        return Comparison(left, self._read_operator(), self._read_operand())

    def _read_operator(self) -> str:
        start = self.position
        symbols = _SYMBOLS.match(self.text, start, self.end) or _WORD.match(self.text, start, self.end)
        name = symbols[0].lower() if symbols else self.text[start]
        if name not in OPERATORS:
            close = get_close_matches(name, OPERATORS, 1)
            hint = f", did you mean {close[0]}?" if close else ""
            raise ExpressionError(f"Filter operator {name} is not supported{hint}", start)
        self.position = start + len(name)
        return name

    # operands ---------------------------------------------------------------------------------------------------

    def _read_operand(self) -> Operand:
        start = self._skip_blanks()
        char = self._peek()
        if char in ("$", "@"):
            return self._read_path()
        if char == "/":
            return self._read_pattern()
        value, self.position = read_literal(self.text, start, self.end)
        return Literal(value)

    def _read_path(self) -> Path:
        start = self.position
        index = start + 1
        while index < self.end:
            char = self.text[index]
            if char in " )],<>=~!" or self.text.startswith(("&&", "||"), index):
                break
            if char in "[(":
                index = skip_bracketed(self.text, index, self.end)
                if index < 0:
                    raise ExpressionError("Square brackets does not match in filter", start)
            else:
                index += 2 if char == "\\" else 1
        self.position = index = min(index, self.end)
        root = Root.ITEM if self.text[start] == "@" else Root.DATA
        return self._read_sub_path(self.text, start, index, root, self.depth + self._nesting + 1)

    def _read_pattern(self) -> Pattern:
        start = self.position + 1
        closed = skip_quoted(self.text, self.position, self.end)
        flags = _FLAGS.match(self.text, closed, self.end)
        assert flags is not None
        self.position = flags.end()
        return Pattern(compile_pattern(self.text[start : closed - 1], flags[0], start))

    # characters -------------------------------------------------------------------------------------------------

    def _skip_blanks(self) -> int:
        self.position = skip_blanks(self.text, self.position, self.end)
        return self.position

    def _peek(self) -> str:
        """The next non-blank character, "" at the end."""
        self._skip_blanks()
        return self.text[self.position] if self.position < self.end else ""

    def _accept(self, token: str) -> bool:
        """Skip `token` if it comes next; True if it did."""
        found = self.text.startswith(token, self._skip_blanks(), self.end)
        self.position += len(token) if found else 0
        return found
