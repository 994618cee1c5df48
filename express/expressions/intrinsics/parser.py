"""The text of an intrinsic call parsed to a Call node (ASL spec, "Intrinsic Functions").

    call     = name "(" [ argument *( "," argument ) ] ")"
    argument = string / number / "null" / "true" / "false" / path / call

Strings stand in single quotes. A backslash in them escapes `'`, `{`, `}` or a backslash and is not allowed before
anything else (observed: the service refuses `'\\n'` when the definition is created). Whitespace may surround
arguments. Paths keep their own syntax and extend to the comma or bracket that ends the argument.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from express.errors import ExpressionError
from express.expressions.intrinsics.registry import FUNCTIONS, Intrinsic
from express.expressions.jsonpath import Path, parse_path

if TYPE_CHECKING:
    from express.types import JSON

#: Maximum nesting of calls (AWS guide, "Intrinsic functions").
NESTING_LIMIT: Final = 10

_NAME: Final = re.compile(r"[A-Za-z0-9._]+")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9._])")
_STRING: Final = re.compile(r"'((?:[^'\\]|\\['{}\\])*)'")
_ESCAPE: Final = re.compile(r"\\(.)")
_KEYWORD: Final = re.compile(r"(null|true|false)(?![A-Za-z0-9._(])")
_KEYWORDS: Final[dict[str, JSON]] = {"null": None, "true": True, "false": False}
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
#: Part of a path without a character that could end the argument, or one quoted name or escape within it.
_PATH_PIECE: Final = re.compile(r"[^\\'\"()\[\],]+|\\.|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant argument. `raw` is the text of a string between its quotes, escapes untouched; None otherwise."""

    value: JSON
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One intrinsic call as written. `text` is its source, as quoted in causes."""

    text: str
    function: Intrinsic
    arguments: tuple[Literal | Path | Call, ...]

    @property
    def paths(self) -> int:
        """The number of paths in its arguments; recursive paths count more than once."""
        return sum(
            argument.paths if isinstance(argument, Call) else argument.copies
            for argument in self.arguments
            if not isinstance(argument, Literal)
        )

    @property
    def writes(self) -> bool:
        """Whether the call, or a call nested in it, has a function marked `writes` (`Intrinsic`)."""
        return self.function.writes or any(argument.writes for argument in self.arguments if isinstance(argument, Call))

    @property
    def variables(self) -> frozenset[str]:
        """The workflow variables that its paths start from, without `$`."""
        names: set[str] = set()
        for argument in self.arguments:
            if isinstance(argument, Call):
                names |= argument.variables
            elif isinstance(argument, Path) and argument.variable is not None:
                names.add(argument.variable)
        return frozenset(names)


def parse_intrinsic(text: str) -> Call:
    """Parse a whole intrinsic call such as `States.Format('{}', $.name)`.

    Raises ExpressionError with the offset of the mistake. The number of arguments is not checked: the service does so
    at run time, and so does `build_intrinsic`.
    """
    reader = _Reader(text)
    call = reader.call(1)
    reader.blanks()
    if reader.position < len(text):
        raise reader.error("nothing may follow the call")
    return call


class _Reader:
    """A position in the text of one expression."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.blanks()

    def error(self, problem: str, offset: int | None = None) -> ExpressionError:
        place = self.position if offset is None else offset
        return ExpressionError(f"Not a valid intrinsic function call: {problem}", place)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
        return found

    def take(self, character: str) -> bool:
        found = self.text.startswith(character, self.position)
        self.position += found
        return found

    def blanks(self) -> None:
        self.match(_BLANKS)

    def call(self, depth: int) -> Call:
        start = self.position
        function = self.function()
        if depth > NESTING_LIMIT:
            raise self.error(f"calls may be nested {NESTING_LIMIT} deep", start)
        arguments: list[Literal | Path | Call] = []
        self.blanks()
        if not self.take(")"):
            arguments.append(self.argument(depth))
            while self.take(","):
                arguments.append(self.argument(depth))
            if not self.take(")"):
                raise self.error("expected ',' or ')'")
        return Call(self.text[start : self.position], function, tuple(arguments))

    def function(self) -> Intrinsic:
        start = self.position
        name = self.match(_NAME)
        if name is None or not self.take("("):
            raise self.error("expected a function name and '('")
        function = FUNCTIONS.get(name[0])
        if function is None:
            similar = difflib.get_close_matches(name[0], FUNCTIONS, n=1) or _same_letters(name[0])
            hint = f"; did you mean {similar[0]}?" if similar else ""
            raise self.error(f"there is no function {name[0]}{hint}", start)
        return function

    def argument(self, depth: int) -> Literal | Path | Call:
        self.blanks()
        argument = self.value(depth)
        self.blanks()
        return argument

    def value(self, depth: int) -> Literal | Path | Call:
        if self.text.startswith("$", self.position):
            return self.path()
        if self.text.startswith("'", self.position):
            return self.string()
        if number := self.match(_NUMBER):
            return Literal(_number(number[0]))
        if keyword := self.match(_KEYWORD):
            return Literal(_KEYWORDS[keyword[0]])
        if _NAME.match(self.text, self.position):
            return self.call(depth + 1)
        raise self.error("expected an argument: a path, a 'string', a number, null, true, false or a call")

    def string(self) -> Literal:
        start = self.position
        found = self.match(_STRING)
        if found is None:
            raise self.error("the string is not closed, or a backslash escapes something other than ' { } \\", start)
        return Literal(_ESCAPE.sub(r"\1", found[1]), found[1])

    def path(self) -> Path:
        start = self.position
        depth = 0
        while self.position < len(self.text):
            if self.match(_PATH_PIECE):
                continue
            character = self.text[self.position]
            if depth == 0 and character in ",)":
                break
            depth += (character in "([") - (character in ")]")
            self.position += 1
        try:
            return parse_path(self.text[start : self.position].rstrip())
        except ExpressionError as error:
            raise ExpressionError(error.message, start + error.offset) from None


def _number(text: str) -> int | float:
    return float(text) if {".", "e", "E"} & set(text) else int(text)


def _same_letters(name: str) -> list[str]:
    """Functions whose name differs only in upper and lower case, the most common mistake."""
    return [known for known in FUNCTIONS if known.lower() == name.lower()]
