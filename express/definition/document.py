"""A definition as written: its parsed value, its source text for locating problems, and the problems found in it.

Reading never stops at the first mistake. A reader that finds one calls `Document.report` with the JSON pointer of the
value and continues with a harmless default; the compiler checks `problems` at the end. Only input that leaves nothing
to read raises at once: no file, no JSON, no object, too large, too deep.

`outline` scans the text a second time only when a problem needs its position, or when the text holds more keys than
the value, which means that an object repeats a key.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from express.definition import messages
from express.definition.fields import Fields
from express.definition.outline import Outline, outline
from express.definition.places import NOWHERE, Lines, Place, span_of
from express.definition.pointer import render_location, steps_of
from express.definition.problems import (
    DUPLICATE_FIELD,
    DUPLICATE_STATE_NAME,
    INVALID_JSON_DESCRIPTION,
    MISSING_DESCRIPTION,
    SCHEMA_VALIDATION_FAILED,
    TOO_DEEPLY_NESTED,
    Problem,
)
from express.definition.syntax import JSONSyntaxError, source_place
from express.errors import DefinitionError
from express.parsing import parse_json

if TYPE_CHECKING:
    from express.types import JSON, Severity

#: Maximum characters of a definition (API reference, CreateStateMachine: `definition`, maximum length 1048576).
MAX_CHARACTERS: Final = 1_048_576
#: Maximum nesting of objects and arrays. Jackson stops at 1000; Python's own stack overflows sooner.
MAX_NESTING: Final = 500
#: Upper bound of the names compared, over the whole document, to suggest a correction for a misspelt one. A
#: definition with a hundred wrong names mostly repeats one mistake; the search must not take longer than the reading.
MAX_COMPARISONS: Final = 50_000

_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_NESTING: Final = {"{": 1, "[": 1, "}": -1, "]": -1}
_KEY: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"[ \t\r\n]*+(:?)', re.DOTALL)


class Document:
    """One definition, made by `load_definition` or `read_definition`.

    `value` is the parsed object, `text` its JSON text without a byte order mark (for a dict: its compact text),
    `size` the length of the text in UTF-8 bytes, `source` the path it was read from or None, `name` the stem of that
    path or None. `placed` tells whether problems point into the text; False for a dict.
    """

    def __init__(self, value: dict[str, JSON], text: str, *, source: Path | None = None, placed: bool = True) -> None:
        self.value = value
        self.text = text
        self.size = len(text.encode())
        self.source = source
        self.name = source.name.split(".")[0] or None if source else None
        self.placed = placed
        self.problems: list[Problem] = []
        self._comparisons = 0
        self._outline: Outline | None = None
        self._lines: Lines | None = None

    @property
    def root(self) -> Fields:
        """The whole definition as Fields. Each call starts a new reading."""
        return Fields(self, "", self.value)

    def report(
        self,
        code: str,
        message: str,
        pointer: str | None,
        *,
        at: str | None = None,
        on_key: bool = False,
        offset: int = 0,
        length: int = 0,
        severity: Severity = "ERROR",
        suggestion: str | None = None,
    ) -> None:
        """Record a problem at `pointer` (RFC 6901); None where AWS gives no location (MISSING_END_STATE).

        The value is underlined, or its key: with `on_key`, and for an object or array. In a string, `offset` and
        `length` select characters of the decoded value, however they are escaped in the text. `at` points to the
        mistake itself where AWS's location is less exact, such as the object that holds a wrong field.
        """
        place, location = NOWHERE, None
        if pointer is not None:
            location = render_location(pointer, self.value)
            place = self._place(pointer if at is None else at, on_key, offset, length)
        self.problems.append(Problem(code, message, location, severity, suggestion, *place))

    @property
    def has_errors(self) -> bool:
        """Whether some problem so far is more than a warning."""
        return any(problem.severity == "ERROR" for problem in self.problems)

    def did_you_mean(self, name: str, candidates: Collection[str]) -> str | None:
        """A suggestion for `Document.report`; None once MAX_COMPARISONS is exceeded."""
        self._comparisons += len(candidates)
        return None if self._comparisons > MAX_COMPARISONS else messages.did_you_mean(name, candidates)

    def _place(self, pointer: str, on_key: bool, offset: int, length: int) -> Place:
        if not self.placed:
            return NOWHERE
        if self._outline is None:
            self._outline = outline(self.text)
        span = span_of(self.text, self._outline.nearest(pointer), on_key=on_key, offset=offset, length=length)
        return self._lines_of_text().place(*span)

    def _lines_of_text(self) -> Lines:
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    def report_repeated_keys(self) -> None:
        """Record every key that repeats an earlier key of its object.

        Two states of the same name are an error (ASL spec, "States": names are unique). Elsewhere Jackson, and
        therefore AWS, silently takes the last value, which is worth a warning.
        """
        self._outline = outline(self.text)
        for pointer, node in self._outline.repeated:
            location = render_location(pointer, self.value)
            place = self._lines_of_text().place(node.key_start, node.key_end) if self.placed else NOWHERE
            self.problems.append(_repeated_key(steps_of(pointer), location, place))


#: Number of steps from the machine to the `States` of an inner scope: States, A, Branches, 0.
_INNER_SCOPES: Final = {"Branches": 4, "ItemProcessor": 3, "Iterator": 3}


def _is_state(steps: list[str]) -> bool:
    """Whether the steps lead to a state, at any depth of branches and item processors."""
    while len(steps) > 2 and steps[0] == "States" and steps[2] in _INNER_SCOPES:
        steps = steps[_INNER_SCOPES[steps[2]] :]
    return len(steps) == 2 and steps[0] == "States"


def _repeated_key(steps: list[str], location: str, place: Place) -> Problem:
    name = steps[-1]
    if _is_state(steps):
        return Problem(DUPLICATE_STATE_NAME, messages.duplicate_state(name), location, "ERROR", None, *place)
    return Problem(DUPLICATE_FIELD, messages.duplicate_field(name), location, "WARNING", None, *place)


def load_definition(source: str | bytes | os.PathLike[str] | Mapping[str, JSON]) -> Document:
    """Read a definition from a path, JSON text, UTF-8 bytes or a dict.

    A string is JSON text if its first character is `{`, `[` or `"`, or if it cannot be a path: it has neither a dot
    nor a slash, and no file has that name. Otherwise it is the path of a file. Raises DefinitionError when there is
    no object to read; lesser mistakes are recorded in the `problems` of the result. TypeError for any other source.
    """
    if isinstance(source, Mapping):
        return _read_mapping(source)
    if isinstance(source, (bytes, bytearray)):
        return read_definition(bytes(source))
    if isinstance(source, str) and _is_text(source):
        return read_definition(source)
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"definition must be a path, JSON text, bytes or a dict, not a {type(source).__name__}")
    return _read_file(Path(source))


def _is_text(source: str) -> bool:
    if source.lstrip("\ufeff \t\r\n")[:1] in ("", "{", "[", '"'):
        return True
    is_words = len(source.split()) > 1 and not any(mark in source for mark in "./\\")
    return is_words and not os.path.exists(source)


def read_definition(source: str | bytes, *, path: Path | None = None) -> Document:
    """Read a definition from its JSON text; never looks at the file system. Raises DefinitionError."""
    text = (source if isinstance(source, str) else _decode(source)).removeprefix("\ufeff")
    return _read_text(text, path, placed=True)


def _read_text(text: str, path: Path | None, *, placed: bool) -> Document:
    if len(text) > MAX_CHARACTERS:
        raise _unreadable(SCHEMA_VALIDATION_FAILED, messages.too_large(len(text), MAX_CHARACTERS))
    value = _parse(text) if text.strip(" \t\r\n") else None
    _refuse_depth(text)
    if not isinstance(value, dict):
        raise _unreadable(SCHEMA_VALIDATION_FAILED, messages.NOT_AN_OBJECT)
    document = Document(value, text, source=path, placed=placed)
    if sum(1 for colon in _KEY.findall(text) if colon) > _count_keys(value):
        document.report_repeated_keys()
    return document


def _read_file(path: Path) -> Document:
    try:
        with path.open("rb") as file:
            content = file.read(4 * MAX_CHARACTERS + 4)  # enough to detect that the file is too large
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        shown = str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}..."
        raise DefinitionError([Problem(MISSING_DESCRIPTION, f"Cannot read '{shown}': {reason}", shown)]) from None
    try:
        return read_definition(content, path=path)
    except DefinitionError as error:
        error.add_note(f"in {path}")
        raise


def _read_mapping(value: Mapping[str, JSON]) -> Document:
    """A dict goes through JSON text: what runs is what would be deployed, and the caller cannot change it."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError:
        raise _unreadable(TOO_DEEPLY_NESTED, messages.too_deep(MAX_NESTING)) from None
    except (TypeError, ValueError) as error:
        raise _unreadable(INVALID_JSON_DESCRIPTION, f"Definition is not JSON: {error}") from None
    return _read_text(text, None, placed=False)


def _decode(source: bytes) -> str:
    try:
        return source.decode()
    except UnicodeDecodeError as error:
        before = source[: error.start].decode()
        place = Lines(before).place(len(before), len(before) + 1)
        message = f"Invalid UTF-8 byte 0x{source[error.start]:02x}"
        raise DefinitionError([Problem(INVALID_JSON_DESCRIPTION, message, None, "ERROR", None, *place)]) from None


def _parse(text: str) -> JSON:
    try:
        return parse_json(text.encode(errors="surrogatepass"))
    except orjson.JSONDecodeError as error:
        reason, position = error.msg, error.pos
    try:
        outline(text)
    except JSONSyntaxError as error:
        raise _syntax_error(text, error) from None
    # The text follows the JSON grammar, so orjson alone rejects it: depth, a number out of range, a lone surrogate.
    _refuse_depth(text)
    raise _syntax_error(text, JSONSyntaxError(reason.partition(": line ")[0], position, position))


def _syntax_error(text: str, error: JSONSyntaxError) -> DefinitionError:
    place = Lines(text).place(error.position, error.position + 1)
    location = source_place(text, error.reached)
    return DefinitionError([Problem(INVALID_JSON_DESCRIPTION, error.message, location, "ERROR", None, *place)])


def _refuse_depth(text: str) -> None:
    """Raise if the text is nested too deeply, pointing at the first bracket beyond the limit."""
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += _NESTING.get(match.group(), 0)
        if depth > MAX_NESTING:
            place = Lines(text).place(match.start(), match.end())
            message = messages.too_deep(MAX_NESTING)
            raise DefinitionError([Problem(TOO_DEEPLY_NESTED, message, None, "ERROR", None, *place)])


def _unreadable(code: str, message: str) -> DefinitionError:
    return DefinitionError([Problem(code, message)])


def _count_keys(value: JSON) -> int:
    """The number of keys in a value and everything inside it."""
    count = 0
    pending = [value]
    while pending:
        container = pending.pop()
        if isinstance(container, dict):
            count += len(container)
            pending.extend(container.values())
        elif isinstance(container, list):
            pending.extend(container)
    return count
