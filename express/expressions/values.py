"""JSON values as the Java objects the service holds.

Two texts of a value reach users and must match the service's to the byte: the JSON text quoted in causes and returned
by `States.JsonToString` (Jackson, compact, keys in order), and `String.valueOf` of the parsed object, which
`States.Format` inserts (recorded: `{Arg1=1, Arg2=[]}`) and `States.ArrayContains` compares. Equality is Java's as
well: `true` is not `1`, and `1` (an Integer) is not `1.0` (a Double), which Python's `==` would confuse.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Hashable

    from express.types import JSON


#: Matches JSON text that may hold a number which Java writes with an exponent: a number with an exponent, with eight
#: digits before its point, or with three zeros after it.
_MAY_BE_SCIENTIFIC: Final = re.compile(r"[0-9]e[+-]?[0-9]|[0-9]{8}\.|0\.000")


def json_text(value: JSON) -> str:
    """The compact JSON text of `value`, keys in order, non-ASCII unescaped, doubles as in Java (`1.0E20`)."""
    text = _text(value)
    if _MAY_BE_SCIENTIFIC.search(text) is None:
        return text
    try:
        return _written(value)
    except RecursionError:  # nested more deeply than any payload
        return text


def _written(value: JSON) -> str:
    kind = type(value)
    if kind is float:
        return _double_text(value)
    if kind is list:
        return f"[{','.join(map(_written, value))}]"
    if kind is dict:
        return "{" + ",".join([f"{_text(key)}:{_written(item)}" for key, item in value.items()]) + "}"
    return _text(value)


def _text(value: JSON) -> str:
    return json_bytes(value).decode("utf-8", "surrogatepass")


def json_bytes(value: JSON) -> bytes:
    """The compact JSON of `value` as UTF-8, doubles as orjson writes them; the payload limit counts its length."""
    try:
        return orjson.dumps(value)
    except TypeError:  # rejected by orjson: nesting beyond 254 levels, integers beyond 64 bits, lone surrogates
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def java_text(value: JSON) -> str:
    """`String.valueOf(value)`: strings without quotes, `null`, `true`, `1.1`, `[1, a]`, `{k=v, l=[]}`."""
    kind = type(value)
    if kind is str:
        text: str = value
        return text
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if kind is float:
        return _double_text(value)
    if kind is list:
        return f"[{', '.join(map(java_text, value))}]"
    return "{" + ", ".join([f"{key}={java_text(item)}" for key, item in value.items()]) + "}"


def _double_text(value: float) -> str:
    """`Double.toString`: plain decimals from 10^-3 up to 10^7, computerised scientific notation outside."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + fraction
    power = len(whole) - 1 + int(exponent or 0)
    leading = len(digits) - len(digits.lstrip("0"))
    digits = digits[leading:].rstrip("0")
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power - leading}"


def java_key(value: JSON) -> Hashable:
    """A hashable key: two values have the same key exactly when they are `equals` in Java."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        scalar: str | int | None = value
        return scalar
    if kind is list:
        return (list, *map(java_key, value))
    if kind is dict:
        return (dict, frozenset([(key, java_key(item)) for key, item in value.items()]))
    return (kind, value)


def utf16_length(text: str) -> int:
    """`String.length()`: limits given in characters count UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
