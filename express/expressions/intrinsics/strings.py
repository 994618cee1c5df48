"""Intrinsics that make strings of values and arrays of strings.

AWS guide, "Intrinsics for generic operations", "Intrinsics for string operations". A literal template, the usual
case, is parsed once at compile time; `States.Format` then costs a join.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.intrinsics.registry import ArgumentsError, Function, at_least, intrinsic
from express.expressions.values import java_text

if TYPE_CHECKING:
    from express.types import JSON

#: The escapes of a template (ASL spec, "Intrinsic Functions": a backslash before one of '{}\\). Until placeholders
#: are found, each is replaced by a character that no JSON text contains, a lone surrogate. The backslash comes first:
#: in a run of backslashes each pair is one.
_ESCAPES: Final = {"\\\\": "\ud800", "\\{": "\ud801", "\\}": "\ud802", "\\'": "'"}
_MEANINGS: Final = str.maketrans("\ud800\ud801\ud802", "\\{}")

_WRONG_COUNT: Final = "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}."
_NOT_CLOSED: Final = "Invalid template in States.Format: matching '}' not found for '{'."
_NOT_OPENED: Final = "Invalid template in States.Format: matching '{' not found for '}'."


def split_template(template: str) -> list[str]:
    """The literal pieces around the `{}` placeholders of a template, escapes resolved: one more than placeholders."""
    escaped = "\\" in template
    if escaped:
        for escape, stand_in in _ESCAPES.items():
            template = template.replace(escape, stand_in)
        if "\\" in template:  # a backslash is not allowed before any other character
            raise ArgumentsError
    pieces = template.split("{}")
    if "{" in template or "}" in template:
        lone = "".join(pieces)
        if "{" in lone or "}" in lone:
            raise ArgumentsError(_NOT_CLOSED if "{" in lone else _NOT_OPENED)
    return [piece.translate(_MEANINGS) for piece in pieces] if escaped else pieces


def format_literal(template: str) -> Function:
    """`States.Format` with a literal template: a function of the values to insert."""
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
    template = "%s".join([piece.replace("%", "%%") for piece in pieces])

    def format_values(*values: JSON) -> str:
        if len(values) != count:
            raise ArgumentsError(_WRONG_COUNT)
        return template % tuple(map(java_text, values))

    return format_values


def _refuse(detail: str | None) -> Function:
    def refuse(*_: JSON) -> JSON:
        raise ArgumentsError(detail)

    return refuse


@intrinsic("States.Format", at_least(1), writes=True, walks=True, specialise=format_literal)
def format_(template: JSON, *values: JSON) -> str:
    """The template with each `{}` replaced by the text of the next value.

    Strings have no quotes, null is `null`, objects and arrays are as Java prints them (recorded:
    `{Arg1=1, Arg2=[]}`).
    """
    if type(template) is not str:
        raise ArgumentsError
    return _format_many(split_template(template))(*values)  # type: ignore[no-any-return]


@intrinsic("States.StringSplit", 2, writes=True, walks=True)
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
