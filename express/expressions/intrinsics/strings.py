"""Intrinsics that make strings of values and arrays of strings (AWS guide, "Intrinsics for generic operations",
"Intrinsics for string operations").

A template's escapes and placeholders are read once when it is a literal, which it nearly always is; `States.Format`
then costs a join.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from express.expressions.intrinsics.registry import ArgumentsError, Function, intrinsic
from express.expressions.values import java_text

if TYPE_CHECKING:
    from express.types import JSON

#: Plain text, an escape (ASL spec, "Intrinsic Functions": a backslash before one of '{}\), a placeholder, or trouble.
_TOKEN: Final = re.compile(r"[^\\{}]+|\\['{}\\]|\{\}|[\\{}]")

_WRONG_COUNT: Final = "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}."
#: What each special character means where it stands alone.
_LONE: Final = {
    "{": "Invalid template in States.Format: matching '}' not found for '{'.",
    "}": "Invalid template in States.Format: matching '{' not found for '}'.",
    "\\": None,
}


def split_template(template: str) -> list[str]:
    """The literal pieces around the `{}` placeholders of a template, escapes resolved: one more than placeholders."""
    pieces: list[str] = []
    piece: list[str] = []
    for token in _TOKEN.findall(template):
        if token == "{}":
            pieces.append("".join(piece))
            piece = []
        elif token in _LONE:
            raise ArgumentsError(_LONE[token])
        else:
            piece.append(token[1] if token[0] == "\\" else token)
    return [*pieces, "".join(piece)]


def format_literal(template: str) -> Function:
    """`States.Format` with its template known: a function of the values to insert."""
    try:
        pieces = split_template(template)
    except ArgumentsError as invalid:
        return _refuse(invalid.detail)
    return _format_one(*pieces) if len(pieces) == 2 else _format_many(pieces)


def _format_one(before: str, after: str) -> Function:
    def format_value(*values: JSON) -> str:
        if len(values) != 1:
            raise ArgumentsError(_WRONG_COUNT)
        value = values[0]
        return f"{before}{value if type(value) is str else java_text(value)}{after}"

    return format_value


def _format_many(pieces: list[str]) -> Function:
    count = len(pieces) - 1
    fill = "{}".join([piece.replace("{", "{{").replace("}", "}}") for piece in pieces]).format

    def format_values(*values: JSON) -> str:
        if len(values) != count:
            raise ArgumentsError(_WRONG_COUNT)
        return fill(*map(java_text, values))

    return format_values


def _refuse(detail: str | None) -> Function:
    def refuse(*_: JSON) -> JSON:
        raise ArgumentsError(detail)

    return refuse


@intrinsic("States.Format", 1, None, specialise=format_literal)
def format_(template: JSON, *values: JSON) -> str:
    """The template with each `{}` replaced by the text of the next value.

    Strings go in bare, null as `null`, objects and arrays as Java prints them (recorded: `{Arg1=1, Arg2=[]}`).
    """
    if type(template) is not str:
        raise ArgumentsError
    return _format_many(split_template(template))(*values)  # type: ignore[no-any-return]


@intrinsic("States.StringSplit", 2)
def string_split(text: JSON, delimiters: JSON) -> list[str]:
    """The pieces between delimiters: each character of `delimiters` is one, empty pieces are dropped (recorded)."""
    if type(text) is not str or type(delimiters) is not str:
        raise ArgumentsError
    if not delimiters:
        return [text] if text else []
    first = delimiters[0]
    if len(delimiters) > 1:
        text = text.translate(dict.fromkeys(map(ord, delimiters), first))
    return [piece for piece in text.split(first) if piece]
