r"""Path text parsed to a Path.

The dialect is that of Jayway json-path, which AWS Step Functions runs, including its leniencies: a dot before a
bracket (`$.[0]`) and one stray character after a complete path (`$.a[`) are accepted. Error texts are Jayway's where
it has one. Three things differ, because AWS differs:

- a path starts with `$` (the data), `$$` (the context object) or `$name` (a variable), never with `@` or a bare name;
- `\` in a dotted name takes the next character literally: `$.store\.book`, `$.foo\@bar` (ASL spec, "Paths");
- paths that Jayway accepts here but that can only fail later are refused: unknown functions, steps after a function.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from express.errors import ExpressionError
from express.expressions.jsonpath.conditions import ConditionParser
from express.expressions.jsonpath.functions import FUNCTIONS
from express.expressions.jsonpath.scanning import (
    MAX_NESTING,
    MAX_STEPS,
    QUOTES,
    skip_blanks,
    skip_bracketed,
    skip_quoted,
    split_arguments,
    unescape,
    unescape_name,
)
from express.expressions.jsonpath.syntax import (
    Call,
    Descend,
    Filter,
    Index,
    Indexes,
    Literal,
    Name,
    Names,
    Path,
    Root,
    Slice,
    Step,
    Wildcard,
    make_path,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_VARIABLE = re.compile(r"\$([^\W\d]\w*)")
_SUBSCRIPT = re.compile(r"[\d,\-: ]+")
_INDEX_LIMIT = 2**31


def parse_path(text: str) -> Path:
    """The path that `text` spells.

    Raises ExpressionError with the offset of the mistake in `text`.
    """
    if not text.startswith("$"):
        raise ExpressionError("Path must start with '$'", 0)
    end = len(text.rstrip(" "))
    if text.startswith("$$"):
        return _parse_window(text, 1, end, Root.CONTEXT, 0)
    if variable := _VARIABLE.match(text):
        path = _parse_window(text, variable.end() - 1, end, Root.VARIABLE, 0)
        return replace(path, variable=variable[1])
    return _parse_window(text, 0, end, Root.DATA, 0)


def _parse_window(text: str, start: int, end: int, root: Root, depth: int) -> Path:
    """The path whose last root character is at `start`; the rest of it ends before `end`."""
    if depth > MAX_NESTING:
        raise ExpressionError(f"Paths may be nested {MAX_NESTING} levels deep", start)
    if text[end - 1] == ".":
        raise ExpressionError("Path must not end with a '.' or '..'", end - 1)
    written = text[:end] if depth == 0 else text[start:end]
    steps: tuple[Step, ...] = ()
    if start + 1 < end:
        if text[start + 1] not in ".[":
            raise ExpressionError(f"Illegal character at position {start + 1} expected '.' or '['", start + 1)
        steps = _StepParser(text, start + 1, end, depth).read_steps()
    return make_path(written, root, None, _scan_into_argument(written, steps))


def _scan_into_argument(text: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Jayway turns `$..price.sum()` into `$.sum($..price)`: one sum of all results, not one for each."""
    if len(steps) > 1 and type(steps[0]) is Descend and isinstance(last := steps[-1], Call):
        return (Call(last.function, (make_path(text, Root.DATA, None, steps[:-1]),)),)
    return steps


class _StepParser:
    """Parses the steps of one path, `text[position:end]`."""

    def __init__(self, text: str, position: int, end: int, depth: int) -> None:
        self.text = text
        self.position = position
        self.end = end
        self.depth = depth

    def read_steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while True:
            before = self.position
            if len(steps) >= MAX_STEPS:
                raise ExpressionError(f"Paths may have {MAX_STEPS} steps", before)
            self._read_step(steps)
            if len(steps) > 1 and isinstance(call := steps[-2], Call) and not isinstance(steps[-1], Call):
                raise ExpressionError(f"{call.function}() must be the last step of the path", before)
            # Jayway continues only while two characters are left, so it ignores a single stray one.
            if self.position >= self.end - (not isinstance(steps[-1], Call)):
                return tuple(steps)

    def _read_step(self, steps: list[Step]) -> None:
        char = self.text[self.position]
        if char == ".":
            self._read_dot(steps)
        elif char == "[":
            steps.append(self._read_bracket())
        elif char == "*":
            self.position += 1
            steps.append(Wildcard())
        elif char == " ":
            raise self._unparsable(self.position)
        else:
            steps.append(self._read_name_or_call())

    def _read_dot(self, steps: list[Step]) -> None:
        start = self.position
        self.position += 1
        descends = self.text.startswith("..", start)
        if descends:
            self.position += 1
            steps.append(Descend())
        if self.text[self.position] == ".":
            raise ExpressionError(f"Character '.' on position {self.position} is not valid.", self.position)
        self._read_step(steps)
        if descends and isinstance(steps[-1], Call):
            raise ExpressionError("'..' must be followed by a name, '*' or '['", start)

    # names and functions ----------------------------------------------------------------------------------------

    def _read_name_or_call(self) -> Step:
        start = index = self.position
        while index < self.end and (char := self.text[index]) not in ".[(":
            if char == " ":
                raise ExpressionError(
                    f"Use bracket notion ['my prop'] if your property contains blank characters. position: {start}",
                    index,
                )
            index += 2 if char == "\\" else 1
        self.position = min(index, self.end)
        name = self.text[start : self.position]
        if self.position < self.end and self.text[self.position] == "(":
            return self._read_call(name, start)
        return Name(unescape_name(name))

    def _read_call(self, name: str, start: int) -> Call:
        opening = self.position
        closed = skip_bracketed(self.text, opening, self.end)
        if closed < 0:
            raise ExpressionError(f"Arguments to function: '{name}' are not closed properly.", opening)
        function = FUNCTIONS.get(name)
        if function is None:
            close = get_close_matches(name, FUNCTIONS, 1)
            hint = f" Did you mean {close[0]}()?" if close else ""
            raise ExpressionError(f"Function with name: {name} does not exist.{hint}", start)
        windows = split_arguments(self.text, opening + 1, closed - 1)
        arguments = tuple([self._read_argument(first, last) for first, last in windows])
        if problem := function.problem(arguments):
            raise ExpressionError(f"{name}() {problem}", opening)
        self.position = closed
        return Call(name, arguments)

    def _read_argument(self, start: int, end: int) -> Literal | Path:
        char = self.text[start:end][:1]
        if char and char in "$@":
            # Jayway evaluates both `$` and `@` against the whole document.
            return _parse_window(self.text, start, end, Root.DATA, self.depth + 1)
        if not char or char not in '"{-0123456789':
            kinds = "a path, a number, a double-quoted string or an object"
            raise ExpressionError(f"A function's argument is {kinds}", start)
        try:
            return Literal(json.loads(self.text[start:end]))
        except ValueError as error:
            raise ExpressionError(f"The argument is not valid JSON: {error}", start) from None

    # brackets ---------------------------------------------------------------------------------------------------

    def _read_bracket(self) -> Step:
        start = self.position
        inside = skip_blanks(self.text, start + 1, self.end)
        char = self.text[inside : inside + 1] if inside < self.end else ""
        if not char:
            raise self._unparsable_bracket(start)
        if char in QUOTES:
            return self._read_names(inside, char)
        if char == "*":
            return self._read_wildcard(inside)
        if char == "?":
            return self._read_filter(start, inside)
        if char in "-:" or char.isdigit():
            return self._read_subscript(start)
        raise self._unparsable_bracket(start)

    def _read_names(self, position: int, quote: str) -> Step:
        text, end = self.text, self.end
        names: list[str] = []
        while True:
            if text[position : position + 1] != quote or position >= end:
                raise ExpressionError(f"Found empty property at index {position}", position)
            closed = _end_of_name(text, position, end, quote)
            names.append(unescape(text[position + 1 : closed - 1]))
            position = skip_blanks(text, closed, end)
            char = text[position] if position < end else ""
            if char == "]":
                self.position = position + 1
                return Name(names[0], quote) if len(names) == 1 else Names(tuple(names), quote)
            if char != ",":
                raise ExpressionError(
                    "Property must be separated by comma or Property must be terminated close square bracket "
                    f"at index {closed - 1}",
                    closed - 1,
                )
            position = skip_blanks(text, position + 1, end)

    def _read_wildcard(self, position: int) -> Wildcard:
        closing = skip_blanks(self.text, position + 1, self.end)
        if closing >= self.end or self.text[closing] != "]":
            offset = position + 1
            raise ExpressionError(f"Expected wildcard token to end with ']' on position {offset}", offset)
        self.position = closing + 1
        return Wildcard()

    def _read_filter(self, start: int, question: int) -> Filter:
        text, end = self.text, self.end
        opening = skip_blanks(text, question + 1, end)
        if opening >= end or text[opening] != "(":
            raise self._unparsable_bracket(start, opening)
        parser = ConditionParser(text, opening + 1, end, self.depth, _parse_window)
        condition = parser.read_condition()
        closing = parser.position
        if closing >= end or text[closing] != ")":
            raise self._unparsable_bracket(start, closing)
        closing = skip_blanks(text, closing + 1, end)
        if closing >= end or text[closing] != "]":
            raise self._unparsable_bracket(start, closing)
        self.position = closing + 1
        return Filter(condition)

    def _read_subscript(self, start: int) -> Step:
        closing = self.text.find("]", start, self.end)
        expression = self.text[start + 1 : closing].strip(" ")
        if closing < 0 or not _SUBSCRIPT.fullmatch(expression):
            raise self._unparsable_bracket(start)
        self.position = closing + 1
        if ":" in expression:
            return _read_slice(expression, start + 1)
        indexes = [_read_index(token, start + 1) for token in expression.split(",")]
        return Index(indexes[0]) if len(indexes) == 1 else Indexes(tuple(indexes))

    # errors -----------------------------------------------------------------------------------------------------

    def _unparsable(self, position: int) -> ExpressionError:
        return ExpressionError(f"Could not parse token starting at position {position}", position)

    def _unparsable_bracket(self, start: int, offset: int | None = None) -> ExpressionError:
        message = f"Could not parse token starting at position {start}. Expected ?, ', 0-9, * "
        return ExpressionError(message, start if offset is None else offset)


def _end_of_name(text: str, position: int, end: int, quote: str) -> int:
    try:
        return skip_quoted(text, position, end)
    except ExpressionError:
        raise ExpressionError(f"Property has not been closed - missing closing {quote}", position) from None


def _read_slice(expression: str, offset: int) -> Slice:
    """`from:to`; at least one must be present, and anything after a second colon is ignored, as in Jayway."""
    bounds: Sequence[str] = [*expression.split(":"), ""][:2]
    start, stop = (_read_bound(bound, expression, offset) for bound in bounds)
    if start is None and stop is None:
        raise ExpressionError(f"Failed to parse SliceOperation: {expression}", offset)
    return Slice(start, stop)


def _read_bound(bound: str, expression: str, offset: int) -> int | None:
    if not bound:
        return None
    try:
        return _integer(bound)
    except ValueError:
        raise ExpressionError(f"Failed to parse SliceOperation: {expression}", offset) from None


def _read_index(token: str, offset: int) -> int:
    try:
        return _integer(token.strip(" "))
    except ValueError:
        raise ExpressionError(f"Failed to parse token in ArrayIndexOperation: {token}", offset) from None


def _integer(token: str) -> int:
    """A Java int: decimal digits with an optional minus, 32 bits."""
    if not token.lstrip("-").isdecimal() or token.startswith("--"):
        raise ValueError(token)
    number = int(token)
    if not -_INDEX_LIMIT <= number < _INDEX_LIMIT:
        raise ValueError(token)
    return number
