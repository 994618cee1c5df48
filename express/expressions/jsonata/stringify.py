"""The JSON text of a value for `$string`: JavaScript's `JSON.stringify` with numbers cut to fifteen digits.

orjson differs from JavaScript only in a few numbers: whole floats, those with an exponent, those with more than
fifteen digits. So orjson writes the text, and only if it contains such a number is it written again, piece by piece
and many times slower. A value may share its parts, so that a few lists can expand to an endless text: the text is
charged before anything is written.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import orjson

from express.expressions.jsonata.errors import JSONataError, json_string
from express.expressions.jsonata.evaluation import paced
from express.expressions.jsonata.numerals import fifteen_digits, number_text
from express.expressions.jsonata.values import UNDEFINED, Value, may_be_infinite

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.expressions.jsonata.evaluation import Evaluation

#: A number in a container that JavaScript may write differently from orjson. (Whitespace is that of indented text.)
_OTHER_NUMBER: Final = re.compile(rb"[\[:,\n ]-?(?:[0-9.]{16,}|[0-9]+\.0|[0-9.]+e[-+]?[0-9]+)[,\]}\n]")
#: Steps for visiting an array or object, and for an item written piece by piece.
_CONTAINER_COST: Final = 6
_ITEM_COST: Final = 14
#: This many bytes of text are searched in a few milliseconds; `_LONGEST_NUMBER` bounds the numbers in it.
_WINDOW: Final = 1 << 17
_LONGEST_NUMBER: Final = 64
_INDENT: Final = "  "
#: Constants by value. UNDEFINED is a regular expression's group that captured nothing.
_CONSTANTS: Final[dict[Value, str]] = {True: "true", False: "false", None: "null", UNDEFINED: "null"}
_CONSTANT_KINDS: Final = frozenset(map(type, _CONSTANTS))


def stringify(evaluation: Evaluation, value: Value, *, prettify: bool = False) -> str:
    """The JSON text of an array or object, on one line or with one item per line; functions are empty strings.

    Raises JSONataError D1001 for a number that is not finite, U1001 and U1002 when the text gets too long.
    """
    items = _pay(evaluation, value)
    evaluation.spend(items >> 2)
    text = _dumped(evaluation, value, prettify)
    if text is None:
        evaluation.spend(2 * items)
        pieces: list[str] = []
        _write(evaluation, value, pieces.append, _INDENT if prettify else "", "\n" if prettify else "")
        text = "".join(pieces)
    evaluation.make(len(text))
    return text


def scalar_text(value: Value, code: str = "D1001") -> str | None:
    """The JSON text of a number, a boolean or null; None for everything else.

    Raises JSONataError with `code` for a number that is not finite.
    """
    kind = type(value)
    if kind is int or kind is float:
        return _number(value, code)
    return _CONSTANTS[value] if kind in _CONSTANT_KINDS else None


def _pay(evaluation: Evaluation, container: Value) -> int:
    """Charge the text of an array or object: a step per item and per sixteen characters; return the number of items."""
    items = container
    if type(container) is dict:
        items = container.values()
        evaluation.spend(sum(map(len, container)) >> 4)
    evaluation.spend(_CONTAINER_COST + len(items))
    kinds = set(map(type, items))
    if str in kinds:
        evaluation.spend(sum([len(item) for item in items if type(item) is str]) >> 4)
    if list not in kinds and dict not in kinds:
        return len(items)
    return len(items) + sum([_pay(evaluation, item) for item in items if type(item) is list or type(item) is dict])


def _dumped(evaluation: Evaluation, value: Value, prettify: bool) -> str | None:
    """The text as orjson writes it, or None if JavaScript would write it differently."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if prettify else None)
    except TypeError:  # a function, a lone surrogate, an integer beyond 64 bits, nesting beyond 254 levels
        return None
    if may_be_infinite() and b"null" in text:
        # A null may be an infinite number, which orjson writes so.
        return None
    # The text has at least a third as many characters as bytes.
    evaluation.make(len(text) // 3)
    for start in range(0, len(text), _WINDOW):
        evaluation.spend(min(len(text), _WINDOW) >> 3)
        if _OTHER_NUMBER.search(text, start, start + _WINDOW + _LONGEST_NUMBER):
            return None
    return text.decode()


def _write(evaluation: Evaluation, value: Value, write: Callable[[str], None], indent: str, margin: str) -> None:
    kind = type(value)
    if kind is str:
        write(json_string(value))
    elif kind is list or kind is dict:
        _write_container(evaluation, value, write, indent, margin)
    else:
        write(scalar_text(value) or '""')


def _write_container(
    evaluation: Evaluation, value: Value, write: Callable[[str], None], indent: str, margin: str
) -> None:
    pairs = type(value) is dict
    opening, closing = "{}" if pairs else "[]"
    if not value:
        write(opening + closing)
        return
    inner = margin + indent
    separator = opening + inner
    for item in paced(evaluation, value, _ITEM_COST):
        write(separator)
        separator = "," + inner
        if pairs:
            write(json_string(item) + (": " if indent else ":"))
        _write(evaluation, value[item] if pairs else item, write, indent, inner)
    write(margin + closing)


def _number(value: float, code: str) -> str:
    rounded = fifteen_digits(value)
    if math.isfinite(rounded):
        return number_text(rounded)
    raise JSONataError(code, value=value)
