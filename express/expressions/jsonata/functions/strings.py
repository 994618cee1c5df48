"""String functions (JSONata docs), except those that take patterns and those that encode.

Strings are counted and cut by characters (code points), where JavaScript's own functions use UTF-16 units.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.stringify import scalar_text, stringify
from express.expressions.jsonata.values import UNDEFINED, Function, Undefined, Value

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation


@function("string", "<x-b?:s>", bounded=True, cost=5)
def string(evaluation: Evaluation, value: Value, prettify: bool | Undefined = UNDEFINED) -> Value:
    """The value as text: strings unchanged, functions empty, the rest as JSON, indented if `prettify`.

    Numbers have fifteen significant digits, so that `0.1 + 0.2` reads 0.3. Raises D3001 for a number that is not
    finite, D1001 for one inside a container.
    """
    if value is UNDEFINED or type(value) is str:
        return value
    if isinstance(value, Function):
        return ""
    text = scalar_text(value, "D3001")
    return stringify(evaluation, value, prettify=bool(prettify)) if text is None else text


@function("length", "<s-:n>", cost=1)
def length(text: str | Undefined) -> Value:
    """The number of characters."""
    return UNDEFINED if isinstance(text, Undefined) else len(text)


@function("substring", "<s-nn?:s>", bounded=True)
def substring(
    evaluation: Evaluation, text: str | Undefined, start: float | Undefined, length: float | Undefined
) -> Value:
    """The characters from `start`, at most `length` of them; a negative start counts from the end.

    Fractions are truncated when the string is cut, not before, as in JavaScript.
    """
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text) >> 4)
    if isinstance(start, Undefined):
        return text if isinstance(length, Undefined) else ""
    if len(text) + start < 0:
        start = 0
    if isinstance(length, Undefined):
        return text[int(start) :]
    if length <= 0:
        return ""
    end = start + length if start >= 0 else len(text) + start + length
    return text[int(start) : int(end)]


@function("substringBefore", "<s-s:s>", bounded=True)
def substring_before(evaluation: Evaluation, text: str | Undefined, boundary: str | Undefined) -> Value:
    """The text before the first `boundary`; all of it if there is none."""
    if isinstance(text, Undefined) or isinstance(boundary, Undefined):
        return text
    evaluation.spend(len(text) >> 4)
    position = text.find(boundary)
    return text if position < 0 else text[:position]


@function("substringAfter", "<s-s:s>", bounded=True)
def substring_after(evaluation: Evaluation, text: str | Undefined, boundary: str | Undefined) -> Value:
    """The text after the first `boundary`; all of it if there is none."""
    if isinstance(text, Undefined) or isinstance(boundary, Undefined):
        return text
    evaluation.spend(len(text) >> 4)
    position = text.find(boundary)
    return text if position < 0 else text[position + len(boundary) :]


@function("lowercase", "<s-:s>", bounded=True)
def lowercase(evaluation: Evaluation, text: str | Undefined) -> Value:
    """The string in lower case."""
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text) >> 4)
    return text.lower()


@function("uppercase", "<s-:s>", bounded=True)
def uppercase(evaluation: Evaluation, text: str | Undefined) -> Value:
    """The string in upper case."""
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text) >> 4)
    return text.upper()


@function("trim", "<s-:s>", bounded=True, cost=6)
def trim(evaluation: Evaluation, text: str | Undefined) -> Value:
    """The string with each run of spaces, tabs and line ends replaced by one space, and trimmed."""
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.spend(len(text) >> 2)
    return " ".join(filter(None, text.replace("\t", " ").replace("\n", " ").replace("\r", " ").split(" ")))


@function("pad", "<s-ns?:s>", bounded=True, cost=5)
def pad(evaluation: Evaluation, text: str | Undefined, width: float | Undefined, characters: str | Undefined) -> Value:
    """The string padded with `characters` (default: a space) up to `width`, on the left for a negative width.

    A fraction of a character is not added (later versions of jsonata-js; 2.0.6 fails over it).
    """
    if isinstance(text, Undefined) or isinstance(width, Undefined):
        return text
    missing = math.floor(abs(width)) - len(text)
    if missing <= 0:
        return text
    evaluation.make(len(text) + missing)
    filling = characters or " "
    padding = (filling * -(-missing // len(filling)))[:missing]
    return text + padding if width > 0 else padding + text


@function("join", "<a<s>s?:s>", bounded=True)
def join(evaluation: Evaluation, strings: list[str] | Undefined, separator: str | Undefined) -> Value:
    """The strings one after the other with the separator between them."""
    if isinstance(strings, Undefined):
        return UNDEFINED
    between = separator or ""
    evaluation.spend(len(strings) >> 1)
    evaluation.make(sum(map(len, strings)) + len(between) * len(strings))
    return between.join(strings)
