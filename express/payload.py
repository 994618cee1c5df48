"""JSON at the edges: measuring, refusing what is not JSON, and crossing by value.

Inside the engine values are shared and never changed (law 2). At the task edge one orjson round trip does three jobs:
it gives the other side a value of its own, measures it against AWS's 256 KiB limit, and proves that it is JSON: the
copy equals the value. That comparison is what tells a UUID or an Enum from JSON, which orjson writes as if they were.
Where the copy differs, or orjson refuses, the value is walked through to name the place, and written by `json` where
it is JSON after all, as AWS Lambda's Python runtime would: a tuple, a named tuple, integers beyond 64 bits, keys that
are numbers.

The input of an execution is proved and measured but not copied, because reading it back costs a third of a short
execution: whoever hands an event over must not change it before he has its result. orjson alone is the judge there,
with NaN, infinities, datetimes and dataclasses forbidden to it; tuples, UUIDs and Enums pass as the objects they are.
"""

from __future__ import annotations

import json
import math
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from express.types import JSON

#: Bytes of UTF-8 JSON at every edge: input and output of a task, a state, an execution (AWS guide "Quotas"): 256 KiB.
PAYLOAD_LIMIT = 262_144

#: Levels of nesting a payload may have; what orjson writes. Deeper values are refused, never crashed on.
MAX_DEPTH = 254

#: How often a value may hold what is as long as a payload may be, and still be written down unseen.
MANY_COPIES = 32

#: So few members are quickly looked at, and among so many there is one that shows what the others are like.
_FEW_MEMBERS = 8
_MANY_MEMBERS = 32
#: What is longer than may be, but not by more than this, is looked through like any other.
_SOMEWHAT_LONGER = 4
#: More than so many are looked through one by one.
_MOST_VALUES = 1_000_000
_SURROGATE = re.compile("[\ud800-\udfff]")

#: Members of an array that are written at once where they may be long.
_MOST_AT_ONCE = 64

STRICT = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
dumps = orjson.dumps

loads = orjson.loads

#: The types of keys: JSON's own, and those that `json` writes as text, as Lambda does.
_STRINGS = (str,)
_SCALARS = (str, int, float, type(None))
_EXACT_STRINGS = frozenset(_STRINGS)
#: Scalars that are JSON whatever their values.
_PLAIN = frozenset({int, bool, type(None)})
#: What JSON text without containers is read into.
_EXACT = frozenset({str, int, float, bool, type(None)})

#: What is wrong with a value: its type, a key's type, a number or a text that JSON cannot say, or that it is too deep
#: or too long a number to be written.
Trouble: TypeAlias = Literal["type", "key", "number", "text", "depth", "size"]


@dataclass(frozen=True, slots=True)
class Foreign:
    """Where a value stops being JSON: the path of the place, what stands there, and what is the matter with it."""

    place: str
    trouble: Trouble
    value: object

    def __str__(self) -> str:
        return f"{self.place} {_SENTENCES[self.trouble](self.value)}"


_SENTENCES: dict[Trouble, Callable[[Any], str]] = {
    "type": lambda value: f"is a {type(value).__name__}, which is not JSON",
    "key": lambda key: f"has a key that is no string: {key!r}",
    "number": lambda value: f"is {value}, which is not a JSON number",
    "text": lambda value: "is a string with a lone surrogate, which is not valid Unicode",
    "depth": lambda value: f"is nested deeper than {MAX_DEPTH} levels",
    "size": lambda error: f"cannot be written as JSON: {error}",
}


class NotJSON(ValueError):
    """A value that JSON cannot carry. The text names the place (`$.items[2].when`) and the Python type."""

    def __init__(self, foreign: Foreign) -> None:
        super().__init__(str(foreign))
        self.foreign = foreign


def encode(value: JSON) -> bytes:
    """Compact UTF-8 JSON of `value`. Raises NotJSON for what orjson refuses, NaN and the infinities."""
    try:
        blob = dumps(value, None, STRICT)
    except TypeError:
        return _written(value, _STRINGS)
    # orjson writes NaN and the infinities as null, so only a text with a null in it can hide one. (`in` would take
    # twice as long as `find`: it tries the text as a number first.)
    if blob.find(b"null") >= 0 and _has_non_finite(value, blob):
        return _written(value, _STRINGS)
    return blob


def measure(value: JSON) -> int:
    """Size of `value` as AWS counts it: bytes of compact UTF-8 JSON. Raises NotJSON."""
    return len(encode(value))


def measure_members(members: dict[str, JSON]) -> dict[str, int]:
    """What each member of an object adds to its size: key, colon, value and comma. Raises NotJSON."""
    try:
        return {name: measure(name) + 2 + measure(value) for name, value in members.items()}
    except NotJSON:
        # Its place is seen from the object.
        measure(members)
        raise


def measure_array(items: list[JSON], most: int) -> int:
    """`measure` for an array of values that are each within the limits, together perhaps not: they may share their
    parts, as the outputs of iterations do which all got the whole input. Written at once they could fill the memory; so
    it stops when they are longer than `most`, and the size it gives then is only a part of it."""
    size = 1 + (len(items) or 1)
    first, portion = 0, 8
    while first < len(items):
        part = items[first : first + portion]
        written = measure(part) - 1 - len(part)
        size += written
        if size > most:
            break
        first += portion
        # As many as would fit, going by those so far; but not too many, for they may be all different.
        portion = min(8 * portion, _MOST_AT_ONCE, most * len(part) // (written + 1) + 1)
    return size


def outweighs(value: JSON, most: int) -> bool:
    """Whether `value` has more than so many bytes of JSON for certain, however often it holds the same parts. What does
    not may still have a few times as many: numbers count as one digit, and characters as one byte."""
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
        # A key that is no text: whoever writes the value down has the words for that.
        return False
    return weight > most


def text_of(value: JSON) -> str:
    """Compact JSON text, as it stands in AWS's error causes."""
    return encode(value).decode()


def is_too_long(value: JSON, most: int) -> bool:
    """Whether `value`, of which nothing is known, is longer than `most` for certain and so much so that it is better
    not written down to find out. It looks at little: at the first of what is in each other."""
    if type(value) is dict and len(value) <= _FEW_MEMBERS:
        # Nearly all results are like this.
        for member in value.values():
            kind = type(member)
            if kind is dict or kind is list or kind is tuple or (kind is str and len(member) > most):
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


def cross(value: JSON, most: int = sys.maxsize) -> tuple[JSON, int]:
    """A copy of `value` that shares nothing with it, and its size in bytes. There is no copy of what is longer than
    `most`.

    The copy is what reading the JSON text gives: a tuple has become a list, a number that was a key its text.
    Raises NotJSON for all that Lambda's Python runtime refuses.
    """
    try:
        blob = dumps(value, None, STRICT)
        if len(blob) > most:
            if len(blob) <= _SOMEWHAT_LONGER * most and not _is_sound(value, _EXACT_STRINGS):
                # Lambda finds out about that first.
                _written(value, _SCALARS)
            return None, len(blob)
        copy = loads(blob)
        if copy == value or _is_sound(value, _EXACT_STRINGS):
            return copy, len(blob)
    except (TypeError, ValueError, RecursionError):
        # Refused by orjson, or an `orjson.Fragment` that is no JSON. The walk below says where.
        pass
    blob = _written(value, _SCALARS)
    return (json.loads(blob) if len(blob) <= most else None), len(blob)


def is_plain(value: JSON) -> bool:
    """Whether `value` consists of the very types that JSON text is read into, and so may be shared as it is."""
    try:
        dumps(value, None, STRICT)
    except TypeError:
        # Integers beyond 64 bits come here as well: they can cross, but cannot be shared unseen.
        return False
    pending = [value]
    while pending:
        node = pending.pop()
        kind = type(node)
        if kind is dict:
            pending.extend(node.values())
        elif kind is list:
            pending.extend(node)
        elif kind not in _EXACT or (kind is float and not math.isfinite(node)):
            return False
    return True


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


def _written(value: JSON, keys: tuple[type, ...]) -> bytes:
    """JSON text of what is JSON although orjson has doubts. Raises NotJSON with the place of what is not."""
    foreign = None if _is_sound(value, frozenset(keys)) else find_foreign(value, keys)
    if foreign is not None:
        raise NotJSON(foreign)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise NotJSON(Foreign("$", "size", error)) from None


def _is_sound(value: JSON, keys: frozenset[type]) -> bool:
    """Whether `value` consists of JSON's own types, and tuples, for certain; `keys` are the types of keys. Quicker than
    to find out where it does not (`find_foreign`)."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        deeper: list[JSON] = []
        for node in level:
            kind = type(node)
            if kind is dict:
                if not keys.issuperset(map(type, node)) or not all(map(_is_sound_text, node)):
                    return False
                deeper.extend(node.values())
            elif kind is list or kind is tuple:
                if len(node) < _FEW_MEMBERS or not _PLAIN.issuperset(map(type, node)):
                    deeper.extend(node)
            elif kind is str:
                if not _is_sound_text(node):
                    return False
            elif kind not in _EXACT or (kind is float and not math.isfinite(node)):
                return False
        count += len(deeper)
        if not deeper or count > _MOST_VALUES:
            return not deeper
        level = deeper
    return False


def _is_sound_text(text: JSON) -> bool:
    """Whether a key or a text is JSON for certain: other keys are, if their types are."""
    if type(text) is not str:
        return type(text) is not float or math.isfinite(text)
    return text.isascii() or not _SURROGATE.search(text)


def _has_non_finite(value: JSON, blob: bytes) -> bool:
    """Whether a NaN or an infinity hides in `value`; `blob` is its text. Every payload with a null is asked."""
    with suppress(ValueError, RecursionError):
        if loads(blob) == value:
            # They are null in there. To read it takes a tenth of the walk below.
            return False
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


def find_foreign(value: JSON, keys: tuple[type, ...] = _STRINGS) -> Foreign | None:
    """Where `value` stops being JSON, if it does; `keys` are the types a key may have.

    Iterative: depth is data, not stack.
    """
    pending: list[tuple[Any, tuple[Any, ...], int]] = [(value, (), 0)]
    while pending:
        node, trail, depth = pending.pop()
        if depth > MAX_DEPTH:
            return Foreign(f"{_path(trail[:3])}…", "depth", node)
        if isinstance(node, dict):
            for key, member in node.items():
                if not isinstance(key, keys):
                    return Foreign(_path(trail), "key", key)
                pending.append((member, (*trail, key), depth + 1))
        elif isinstance(node, list | tuple):
            pending.extend((member, (*trail, index), depth + 1) for index, member in enumerate(node))
        elif trouble := _trouble(node):
            return Foreign(_path(trail), trouble, node)
    return None


def _trouble(node: Any) -> Trouble | None:
    """What is the matter with a scalar, or with anything else that is neither an object nor an array."""
    if node is None or isinstance(node, int):
        return None
    if isinstance(node, float):
        return None if math.isfinite(node) else "number"
    if not isinstance(node, str):
        return "type"
    try:
        node.encode()
    except UnicodeEncodeError:
        return "text"
    return None


def _path(trail: tuple[Any, ...]) -> str:
    """`$.items[2].when`; what is no Unicode in a key is replaced, for the text goes into error causes."""
    text = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in trail)
    return text.encode("utf-8", "replace").decode()
