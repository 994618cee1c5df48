"""JSON at the edges: measuring, refusing what is not JSON, and crossing by value.

Inside the engine values are shared and never changed (law 2). At the task edge one orjson pass does three jobs: it
proves that the value is JSON, measures it against AWS's 256 KiB limit, and its round trip gives the other side a
value of its own. The input of an execution is proved and measured in the same way, but not copied: whoever hands an
event over must not change it before he has its result. orjson is more liberal than JSON in a few places, which are
closed here: NaN and infinities, datetimes, dataclasses; some are left open (a tuple is an array, a UUID or an Enum
its text); and it is stricter in one, which is opened: integers beyond 64 bits.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

#: Levels of nesting a payload may have; what orjson writes. Deeper values are refused, never crashed on.
MAX_DEPTH = 254

_STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_dumps = orjson.dumps

loads = orjson.loads


class NotJSON(ValueError):
    """A value that JSON cannot carry. The text names the place (`$.items[2].when`) and the Python type."""


def encode(value: JSON) -> bytes:
    """Compact UTF-8 JSON of `value`. Raises NotJSON for anything that is not strictly JSON."""
    try:
        blob = _dumps(value, None, _STRICT)
    except TypeError as error:
        return _encode_liberally(value, error)
    # orjson writes NaN and the infinities as null, so only a text with a null in it can hide one.
    if b"null" in blob and _has_non_finite(value):
        raise NotJSON(find_foreign(value))
    return blob


def measure(value: JSON) -> int:
    """Size of `value` as AWS counts it: bytes of compact UTF-8 JSON. Raises NotJSON."""
    return len(encode(value))


def text_of(value: JSON) -> str:
    """Compact JSON text, as it stands in AWS's error causes."""
    return encode(value).decode()


def cross(value: JSON) -> tuple[JSON, int]:
    """A copy of `value` that shares nothing with it, and its size in bytes: one orjson round trip. Raises NotJSON."""
    try:
        blob = _dumps(value, None, _STRICT)
    except TypeError as error:
        blob = _encode_liberally(value, error)
        return json.loads(blob), len(blob)
    if b"null" in blob and _has_non_finite(value):
        raise NotJSON(find_foreign(value))
    return loads(blob), len(blob)


def fresh(value: JSON) -> Callable[[], JSON]:
    """Makes copies of a constant of a definition: whoever gets one may do with it as he likes, for the definition
    keeps its own. Scalars need none, flat containers a shallow one."""
    if not isinstance(value, dict | list):
        return lambda: value
    members = value.values() if isinstance(value, dict) else value
    if not any(isinstance(member, dict | list) for member in members):
        return value.copy
    blob = encode(value)
    return (lambda: loads(blob)) if loads(blob) == value else (lambda: json.loads(blob))


def _encode_liberally(value: JSON, error: TypeError) -> bytes:
    """Say where the trouble is, or write what JSON allows and orjson does not: integers beyond 64 bits."""
    place = find_foreign(value)
    if place is not None:
        raise NotJSON(place) from None
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise NotJSON(f"$ cannot be written as JSON: {error}") from None


def _has_non_finite(value: JSON) -> bool:
    """Whether a NaN or an infinity hides in `value`; kept lean, for it walks every payload that holds a null."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            pending.extend(node)
        elif isinstance(node, float) and not math.isfinite(node):
            return True
    return False


def find_foreign(value: JSON) -> str | None:
    """Where `value` stops being JSON, in words, or None. Iterative: depth is data, not stack."""
    pending: list[tuple[Any, tuple[Any, ...], int]] = [(value, (), 0)]
    while pending:
        node, trail, depth = pending.pop()
        if depth > MAX_DEPTH:
            return f"{_path(trail[:3])}… is nested deeper than {MAX_DEPTH} levels"
        if isinstance(node, dict):
            for key, member in node.items():
                if not isinstance(key, str):
                    return f"{_path(trail)} has a key that is no string: {key!r}"
                pending.append((member, (*trail, key), depth + 1))
        elif isinstance(node, list | tuple):
            pending.extend((member, (*trail, index), depth + 1) for index, member in enumerate(node))
        else:
            reason = _foreign_scalar(node)
            if reason:
                return f"{_path(trail)} {reason}"
    return None


def _foreign_scalar(node: Any) -> str | None:
    if node is None or isinstance(node, bool | int):
        return None
    if isinstance(node, float):
        return None if math.isfinite(node) else f"is {node}, which is not a JSON number"
    if isinstance(node, str):
        try:
            node.encode()
        except UnicodeEncodeError:
            return "is a string with a lone surrogate, which is not valid Unicode"
        return None
    return f"is a {type(node).__name__}, which is not JSON"


def _path(trail: tuple[Any, ...]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in trail)
