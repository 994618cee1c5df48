"""JSON at the edges: measuring, refusing what is not JSON, and passing by value.

Inside the engine values are shared and never changed (law 2). At the task edge one orjson round trip does three jobs:
it gives the other side a value of its own, measures it against AWS's 256 KiB limit, and proves that it is JSON: the
copy equals the value. That comparison detects a UUID or an Enum, which orjson writes as if they were JSON. If the
copy differs, or orjson refuses, the value is examined (`foreign`): what is not JSON is named with its place, and what
is JSON after all, as for AWS Lambda's Python runtime, is written in parts (`parts`): a tuple, a named tuple, integers
beyond 64 bits, keys that are numbers.

The input of an execution is checked and measured but not copied, because reading it back costs a third of a short
execution: the caller must not change an event before it has the result. There orjson alone decides, with NaN,
infinities, datetimes and dataclasses forbidden; tuples, UUIDs and Enums pass as the objects they are.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from express.foreign import (
    LAMBDA_KEYS,
    MAX_DEPTH,
    PLAIN,
    Look,
    NotJSON,
    is_sound,
    nobody_waits,
)
from express.parts import STRICT, write, write_and_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from express.types import JSON

#: Bytes of UTF-8 JSON at every edge: input and output of a task, a state, an execution (AWS guide "Quotas"): 256 KiB.
PAYLOAD_LIMIT = 262_144

#: How often a value may hold data as long as the payload limit and still be written without `outweighs` first.
MANY_COPIES = 32

#: Objects of up to `_FEW_MEMBERS` are examined whole; of any container, the first `_MANY_MEMBERS` show what the rest
#: is like.
_FEW_MEMBERS = 8
_MANY_MEMBERS = 32
#: A value that exceeds the limit by no more than this factor is examined like any other.
_SOMEWHAT_LONGER = 4
#: Up to this many bytes of JSON, values are examined one by one.
_SHORT = 2_000
#: Up to this many, tuples are looked for as soon as a copy differs.
_FAIRLY_SHORT = 50_000
#: Members of an array that are written at once if they may be long.
_MOST_AT_ONCE = 64
_CONTAINERS = frozenset({dict, list, tuple})
#: Types of scalars that are JSON whatever their values.
_PLAIN = frozenset({int, bool, type(None)})

dumps = orjson.dumps

loads = orjson.loads


def encode(value: JSON) -> bytes:
    """Compact UTF-8 JSON of `value`. Raises NotJSON for what orjson refuses, NaN and the infinities."""
    try:
        blob = dumps(value, None, STRICT)
        # orjson writes NaN and the infinities as null, so only a text with a null in it can hide one. (`in` would take
        # twice as long as `find`: it tries its argument as a number first.)
        if blob.find(b"null") < 0 or not _has_non_finite(value, blob):
            return blob
    except TypeError:
        pass
    return write(value)


def measure(value: JSON) -> int:
    """Size of `value` as AWS counts it: bytes of compact UTF-8 JSON. Raises NotJSON."""
    return len(encode(value))


def measure_members(members: dict[str, JSON]) -> dict[str, int]:
    """What each member of an object adds to its size: key, colon, value and comma. Raises NotJSON."""
    try:
        return {name: measure(name) + 2 + measure(value) for name, value in members.items()}
    except NotJSON:
        # Raise it again with the place as seen from the object.
        measure(members)
        raise


def measure_array(items: list[JSON], most: int) -> int:
    """`measure` for an array of values that are each within the limits, but together perhaps not.

    They may share their parts, as the outputs of iterations do that all got the whole input; written at once they
    could fill the memory. Once they are longer than `most`, measuring stops and the size returned covers only a part
    of the array.
    """
    size = 1 + (len(items) or 1)
    first, portion = 0, 8
    while first < len(items):
        part = items[first : first + portion]
        written = measure(part) - 1 - len(part)
        size += written
        if size > most:
            break
        first += portion
        # As many as would fit if they are like those so far; but not too many, because they may all be different.
        portion = min(8 * portion, _MOST_AT_ONCE, most * len(part) // (written + 1) + 1)
    return size


def outweighs(value: JSON, most: int) -> bool:
    """Whether `value` certainly has more than `most` bytes of JSON, however often it holds the same parts.

    If not, it may still have a few times as many: numbers count as one digit, and characters as one byte.
    """
    weight = 0
    pending: list[Iterable[JSON]] = [[value]]
    try:
        while pending and weight <= most:
            members = pending.pop()
            for node in members:
                kind = type(node)
                if kind is dict:
                    weight += 1 + 4 * len(node) + sum(map(len, node))
                    pending.append(node.values())
                elif kind is list or kind is tuple:
                    weight += 1 + len(node)
                    if len(node) > _FEW_MEMBERS and _PLAIN.issuperset(map(type, node)):
                        weight += len(node)
                    else:
                        pending.append(node)
                else:
                    weight += len(node) + 2 if kind is str else 1
                if weight > most:
                    return True
    except TypeError:
        # A key that is no string: writing the value raises the error for that.
        return False
    return weight > most


def text_of(value: JSON) -> str:
    """Compact JSON text, as it stands in AWS's error causes."""
    return encode(value).decode()


def is_too_long(value: JSON, most: int) -> bool:
    """Whether an unknown `value` certainly exceeds `most`, by so much that it should not be written to measure it.

    It examines little: at each level, the first nested value.
    """
    if type(value) is dict and len(value) <= _FEW_MEMBERS:
        # Nearly all results are like this.
        for member in value.values():
            kind = type(member)
            if kind in _CONTAINERS or (kind is str and len(member) > most):
                break
        else:
            return False
    least, node = 2, value
    for _ in range(MAX_DEPTH):
        kind = type(node)
        if kind is not dict and kind is not list and kind is not tuple:
            return kind is str and len(node) > most
        least *= len(node)
        if least > most:
            return outweighs(value, most)
        for member in islice(node.values() if kind is dict else node, _MANY_MEMBERS):
            kind = type(member)
            if kind is dict or kind is list or kind is tuple:
                node = member
                break
            if kind is str and len(member) > most:
                return True
        else:
            return False
    return False


def cross_quickly(value: JSON, most: int = sys.maxsize) -> tuple[JSON, int] | None:
    """`cross` for what nearly all values are: plain JSON that orjson reads back as it was, or differs only in tuples.
    None for any other."""
    try:
        blob = dumps(value, None, STRICT)
        size = len(blob)
        if size <= most:
            copy = loads(blob)
            return (copy, size) if copy == value or (size <= _FAIRLY_SHORT and is_sound(value)) else None
        # A value that is not JSON is refused as such, because Lambda finds that before the excessive length.
        return (None, size) if size > _SOMEWHAT_LONGER * most or is_sound(value) else None
    except Exception:  # noqa: BLE001 - comparing may call methods of derived classes
        # Refused by orjson, or an `orjson.Fragment` that is no JSON.
        return None


def cross(value: JSON, most: int = sys.maxsize) -> tuple[JSON, int]:
    """A copy of `value` that shares nothing with it, and its size in bytes; None for a copy longer than `most`.

    The copy is what reading the JSON text gives: a tuple becomes a list, a number as a key becomes text. Raises NotJSON
    for everything that Lambda's Python runtime refuses.
    """
    crossed = cross_quickly(value, most)
    return cross_thoroughly(value, most) if crossed is None else crossed


def cross_thoroughly(value: JSON, most: int = sys.maxsize, look: Look = nobody_waits) -> tuple[JSON, int]:
    """`cross` for the other values. `look` is called between parts of the work, about once a millisecond."""
    sound = is_sound(value, LAMBDA_KEYS, look=look)
    if sound is None and most < sys.maxsize and outweighs(value, _SOMEWHAT_LONGER * most):
        # It may hold the same parts so often that writing it would fill the memory.
        return None, most + 1
    blob, copy = write_and_read(value, LAMBDA_KEYS, sound=bool(sound), look=look)
    return (copy if len(blob) <= most else None), len(blob)


def is_plain(value: JSON) -> bool:
    """Whether `value` consists of the very types that JSON text is read into, and so may be shared as it is."""
    try:
        size = len(dumps(value, None, STRICT))
    except TypeError:
        # orjson also refuses integers beyond 64 bits: they can cross, but cannot be shared unseen.
        return False
    if size > _SHORT:
        return bool(is_sound(value, types=PLAIN))
    # The same, faster for short values.
    pending = [value]
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind is dict:
            pending.extend(node.values())
        elif kind is list:
            pending.extend(node)
        elif kind not in PLAIN or (kind is float and not math.isfinite(node)):
            return False
    return True


def fresh(value: JSON) -> Callable[[], JSON]:
    """A function that makes copies of a constant of a definition, which their receivers may change freely.

    Scalars need no copy, flat containers a shallow one. Raises NotJSON for what no payload can hold.
    """
    if not isinstance(value, dict | list):
        return lambda: value
    members = value.values() if isinstance(value, dict) else value
    if not any(isinstance(member, dict | list) for member in members):
        return value.copy
    blob = encode(value)
    return (lambda: loads(blob)) if loads(blob) == value else (lambda: json.loads(blob))


def constant(value: JSON) -> Callable[[], JSON]:
    """`fresh` for a constant that may be no JSON; that is shared, because no state can put it out."""
    try:
        return fresh(value)
    except NotJSON:
        return lambda: value


def _has_non_finite(value: JSON, blob: bytes) -> bool:
    """Whether `value` contains a NaN or an infinity; `blob` is its text.

    Called for every payload with a null.
    """
    with suppress(Exception):  # comparing may call methods of derived classes
        if loads(blob) == value:
            # NaN and the infinities are null in the text. Reading it takes a tenth of the walk below.
            return False
    pending = [value]
    while pending:
        node = pending.pop()
        kind = type(node)
        if issubclass(kind, dict):
            pending.extend(dict.values(node))
        elif issubclass(kind, list | tuple):
            pending.extend(list.__iter__(node) if issubclass(kind, list) else tuple.__iter__(node))
        elif issubclass(kind, float) and not math.isfinite(node):
            return True
    return False
