"""Problems as text: frames for people, JSON for programs, annotations for GitHub.

A frame shows the line of the definition with the wrong characters underlined. Definitions are untrusted, so their
text is sanitised first: control characters are escaped, tabs widened, and a line too long for a terminal (generated
definitions are one line of a megabyte) is cut around the place. Carets are aligned by terminal columns: two for wide
characters, none for those that stand in the cell of another.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.types import JSON, Diagnostic

#: Maximum number of characters of a source line in a frame, and how many of them precede the place.
_SHOWN: Final = 100
_BEFORE: Final = 40
_TAB: Final = "    "
_CUT: Final = "…"

#: Jackson's locations quote up to 500 characters of the source; a frame shows the source itself.
_JACKSON_SOURCE: Final = re.compile(
    r'\[Source: \(String\)".*?"(?:\[truncated \d+ chars\])?; (line: \d+, column: \d+)\]', re.DOTALL
)

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_BLUE: Final = "\x1b[1;34m"
_CYAN: Final = "\x1b[1;36m"
_TONES: Final = {"ERROR": "\x1b[1;31m", "WARNING": "\x1b[1;33m"}


def render_text(problems: Iterable[Diagnostic], *, source_name: str, color: bool = False) -> str:
    """One frame per problem, separated by blank lines; `source_name` is the file name as the user knows it."""
    return "\n".join(_frame(problem, source_name, color) for problem in problems)


def render_json(problems: Iterable[Diagnostic], *, source_name: str) -> str:
    """One line: the answer of ValidateStateMachineDefinition plus `file`, and the place in each diagnostic."""
    diagnostics = []
    for problem in problems:
        diagnostic = as_diagnostic(problem)
        if problem.line:
            diagnostic |= {"line": problem.line, "column": problem.column, "length": problem.length}
        if problem.suggestion:
            diagnostic["suggestion"] = problem.suggestion
        diagnostics.append(diagnostic)
    failed = any(diagnostic["severity"] == "ERROR" for diagnostic in diagnostics)
    answer = {
        "file": source_name,
        "result": "FAIL" if failed else "OK",
        "diagnostics": diagnostics,
        "truncated": False,
    }
    try:
        return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE).decode()
    except TypeError:
        # A file name may hold bytes that are not valid text.
        return json.dumps(answer, separators=(",", ":")) + "\n"


def render_github(problems: Iterable[Diagnostic], *, source_name: str) -> str:
    """One workflow command per problem, which GitHub shows at the line in the pull request.

    GitHub documentation, "Workflow commands for GitHub Actions": `::error file=..,line=..,col=..,title=..::text`.
    """
    return "".join(_annotation(problem, source_name) for problem in problems)


def as_diagnostic(problem: Diagnostic) -> dict[str, JSON]:
    """A diagnostic in the format of ValidateStateMachineDefinition, without a location where AWS gives none."""
    diagnostic: dict[str, JSON] = {
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
    }
    if problem.location is not None:
        diagnostic["location"] = problem.location
    return diagnostic


def _frame(problem: Diagnostic, source_name: str, color: bool) -> str:
    def paint(style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if color else text

    tone = _TONES[problem.severity]
    gutter = " " * len(str(problem.line))
    bar = paint(_BLUE, "|")
    name = escape_controls(source_name)
    where = f"{name}:{problem.line}:{problem.column}" if problem.line else name
    label = paint(tone, f"{problem.severity.lower()}[{problem.code}]")
    lines = [
        f"{label}{paint(_BOLD, f': {_plain(problem.message)}')}",
        f"{gutter}{paint(_BLUE, '-->')} {where}{_shown_location(problem, source_name)}",
    ]
    if problem.line:
        source, indent, width = _excerpt(problem)
        lines += [
            f"{gutter} {bar}",
            f"{paint(_BLUE, str(problem.line))} {bar} {source}",
            f"{gutter} {bar} {' ' * indent}{paint(tone, '^' * width)}",
        ]
    if problem.suggestion:
        lines.append(f"{gutter} {paint(_BLUE, '=')} {paint(_CYAN, 'help')}: {escape_controls(problem.suggestion)}")
    return "\n".join(lines) + "\n"


def _shown_location(problem: Diagnostic, source_name: str) -> str:
    location = problem.location
    if location is None or location == source_name or location.startswith("[Source:"):
        return ""
    return f" ({escape_controls(location)})"


def _excerpt(problem: Diagnostic) -> tuple[str, int, int]:
    """The part of the source line around the place, and the start and width of the place in terminal columns."""
    line, start = problem.source_line, problem.column - 1
    first = max(0, start - _BEFORE) if len(line) > _SHOWN else 0
    last = min(len(line), first + _SHOWN)
    end = min(start + problem.length, last)
    before, marked, after = (_visible(part) for part in (line[first:start], line[start:end], line[end:last]))
    before = f"{_CUT if first else ''}{before}"
    source = f"{before}{marked}{after}{_CUT if last < len(line) else ''}"
    return source.rstrip(), _columns(before), max(1, _columns(marked))


def _visible(text: str) -> str:
    return escape_controls(text.replace("\t", _TAB))


def _plain(message: str) -> str:
    return escape_controls(_JACKSON_SOURCE.sub(r"\1", message))


def escape_controls(text: str) -> str:
    """The text with every character that a terminal might interpret or hide escaped (`\\x1b`, `\\u202e`)."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or unicodedata.category(char) == "Zs" else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()


def _columns(text: str) -> int:
    """The terminal columns that the text occupies, by the rule of the C library's `wcwidth`.

    Terminals differ over sequences: what a variation selector makes wide counts as if it were not there.
    """
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


#: Vowels and final consonants of Korean syllables, which stand in the cell of the leading consonant.
_JOINING_JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")


def _width(char: str) -> int:
    # Spacing marks (Mc), such as the vowel signs of Indic scripts, have a column of their own.
    if unicodedata.category(char) in ("Mn", "Me") or _JOINING_JAMO.match(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _annotation(problem: Diagnostic, source_name: str) -> str:
    properties = {"file": source_name}
    if problem.line:
        properties["line"] = str(problem.line)
        properties["col"] = str(problem.column)
        properties["endColumn"] = str(problem.column + problem.length)
    properties["title"] = problem.code
    parts = [f"{_plain(problem.message)}{_shown_location(problem, source_name)}"]
    if problem.suggestion:
        parts.append(f"help: {escape_controls(problem.suggestion)}")
    command = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{problem.severity.lower()} {command}::{_escape_data(chr(10).join(parts))}\n"


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
