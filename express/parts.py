"""JSON text of values that orjson does not serialise as a whole.

The usual reason is one integer beyond 64 bits among many values that orjson accepts. `json` serialises them all, but
several times slower; for 250 KB that is the difference between 2 ms and 10 or 20 (law 8). So the value is divided:
orjson serialises the parts it accepts. Of the others, those that are flat are given to orjson with their long integers
written already (`orjson.Fragment`), the rest to `json`.
"""

from __future__ import annotations

import json
import marshal
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from express.foreign import ARRAYS, KEYS, Foreign, Look, NotJSON, find_foreign, is_sound, nobody_waits

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

STRICT: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS

#: Objects and arrays of up to this many members are divided without trying them as a whole first.
_SMALL: Final = 8
#: Arrays and objects of more members are not divided into members but into stretches of this length.
_STRETCH: Final = 256
#: The length of stretches of shorter arrays of scalars.
_SHORT_STRETCH: Final = 32
_CONTAINERS: Final = ARRAYS | {dict}
#: Upper bound of the parts of one value that are tried.
_MOST_PARTS: Final = 1_024
#: Upper bounds of nesting, and of failed attempts on nested containers, below which nothing is divided: each attempt
#: costs as much as the whole container, and each level a few frames of the stack.
_MOST_DEPTH: Final = 12
_MOST_ATTEMPTS: Final = 3
#: The integers that orjson writes.
_LEAST_INTEGER: Final = -(2**63)
_GREATEST_INTEGER: Final = 2**64 - 1

#: JSON text, and the value it reads as; () where that is not wanted.
Written: TypeAlias = "tuple[bytes, JSON]"


def write(value: JSON) -> bytes:
    """JSON text of `value`, which orjson has refused. Raises NotJSON with the place of what is not JSON."""
    with suppress(TypeError, ValueError, RecursionError):
        # A ValueError for objects of classes, such as a UUID, which orjson writes as if they were JSON.
        marshal.dumps(value)
        return _Parts(_write, _write_oddly).part(value)[0]
    foreign = find_foreign(value)
    if foreign is not None:
        raise NotJSON(foreign)
    try:
        return _dumps(value)
    except Exception as error:  # noqa: BLE001 - it calls methods of derived classes
        raise NotJSON(Foreign("$", "size", error)) from None


def write_and_read(value: JSON, keys: tuple[type, ...], *, sound: bool, look: Look = nobody_waits) -> Written:
    """JSON text of `value`, whose keys have the types `keys`, and a copy as read from that text.

    `sound`: what `is_sound` says of it. Raises NotJSON with the place of what is not JSON.
    """
    if not sound and (foreign := find_foreign(value, keys)) is not None:
        raise NotJSON(foreign)
    # Errors are converted here and not where they arise: the stack may be nearly full there.
    try:
        if sound:
            with suppress(RecursionError):
                return _Parts(_write_and_read, _write_and_read_oddly, look).part(value)
        return _write_and_read_oddly(value)
    except Exception as error:  # noqa: BLE001 - it calls methods of derived classes
        raise NotJSON(Foreign("$", "size", error)) from None


class _Parts:
    """One value that is divided; `left` counts down the parts still to be tried.

    `write` writes a part at some depth of the whole, or raises TypeError if orjson refuses it; `write_oddly` writes any
    part.
    """

    __slots__ = ("left", "look", "write", "write_oddly")

    def __init__(
        self,
        write: Callable[[JSON, int], Written],
        write_oddly: Callable[[JSON, int], Written],
        look: Look = nobody_waits,
    ) -> None:
        self.write = write
        self.write_oddly = write_oddly
        self.look = look
        self.left = _MOST_PARTS

    def part(self, value: JSON, depth: int = 0, attempts: int = 0) -> Written:
        kind = type(value)
        is_array = kind in ARRAYS
        count = len(value) if is_array or kind is dict else 0
        self.left -= 1
        if not 0 < count <= _SMALL and attempts < _MOST_ATTEMPTS:
            attempts += 1
            with suppress(TypeError):
                return self.write(value, depth)
        if count and self.left > 0 and depth < _MOST_DEPTH:
            if count <= _STRETCH:
                if is_array and count > _SMALL and type(value[0]) not in _CONTAINERS:
                    return self._long_array(value, depth, _SHORT_STRETCH)
                if is_array:
                    return self._array(value, depth + 1, attempts)
                if set(map(type, value)).issubset(KEYS):
                    return self._object(value, depth + 1, attempts)
            elif is_array:
                return self._long_array(value, depth, _STRETCH)
            elif set(map(type, value)).issubset(KEYS):
                return self._long_object(value, depth)
        return self.write_oddly(value, depth)

    def _object(self, value: dict[str, JSON], depth: int, attempts: int) -> Written:
        members = [self.part(member, depth, attempts) for member in value.values()]
        texts = [b"%b:%b" % (orjson.dumps(name), text) for name, (text, _) in zip(value, members, strict=True)]
        return b"{%b}" % b",".join(texts), dict(zip(value, [copy for _, copy in members], strict=True))

    def _array(self, value: list[JSON], depth: int, attempts: int) -> Written:
        members = [self.part(member, depth, attempts) for member in value]
        return b"[%b]" % b",".join([text for text, _ in members]), [copy for _, copy in members]

    def _long_array(self, value: list[JSON], depth: int, length: int) -> Written:
        stretches = [value[start : start + length] for start in range(0, len(value), length)]
        parts = [self._stretch(stretch, depth) for stretch in stretches]
        text = b",".join([text[1:-1] for text, _ in parts])
        return b"[%b]" % text, list(chain.from_iterable([copy for _, copy in parts]))

    def _long_object(self, value: dict[str, JSON], depth: int) -> Written:
        members = iter(value.items())
        parts = [self._stretch(dict(islice(members, _STRETCH)), depth) for _ in range(0, len(value), _STRETCH)]
        text = b",".join([text[1:-1] for text, _ in parts])
        return b"{%b}" % text, dict(chain.from_iterable([copy.items() for _, copy in parts if copy]))

    def _stretch(self, value: JSON, depth: int) -> Written:
        """Part of an array or object whose members are likely to be small: it is not divided further."""
        self.look()
        try:
            return self.write(value, depth)
        except TypeError:
            return self.write_oddly(value, depth)


# --------------------------------------------------------------------------------------------------------------
# parts


def _write(value: JSON, depth: int) -> Written:
    """Raises ValueError for NaN and the infinities."""
    return _checked(orjson.dumps(_at(depth, value), None, STRICT)[depth : -depth or None], value), ()


def _write_oddly(value: JSON, depth: int) -> Written:
    """Raises TypeError or ValueError for what is not JSON, perhaps also for what is."""
    kinds = set(map(type, value)) if type(value) in ARRAYS else {type(value)}
    nodes = [value]
    if type(value) is dict or not _CONTAINERS.isdisjoint(kinds):
        if type(value) is not dict:
            nodes = list(value)
        objects = [node for node in nodes if type(node) is dict]
        arrays = [node for node in nodes if type(node) in ARRAYS]
        kinds = set(map(type, chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(arrays))))
        if not _CONTAINERS.isdisjoint(kinds):
            # Nested further.
            if not is_sound(_at(depth, value)):
                raise ValueError
            return _dumps(value), ()
        if not set(map(type, chain.from_iterable(objects))).issubset(KEYS):
            raise TypeError
    if float not in kinds:
        return _dumps(value), ()
    # `json` is slow with floats.
    written = [_with_fragments(node) for node in nodes]
    return _checked(orjson.dumps(written[0] if nodes[0] is value else written, None, STRICT), value), ()


def _at(depth: int, value: JSON) -> JSON:
    """The value as deep in arrays as in the whole that it is a part of: depth is limited."""
    for _ in range(depth):
        value = [value]
    return value


def _checked(text: bytes, value: JSON) -> bytes:
    """Raises ValueError if orjson has written a NaN or an infinity as null."""
    if text.find(b"null") >= 0 and not is_sound(value):
        raise ValueError
    return text


def _with_fragments(value: JSON) -> JSON:
    """A scalar or a flat array or object, with long integers that are written already."""
    if type(value) in ARRAYS:
        return [_written(item) if type(item) is int else item for item in value]
    if type(value) is dict:
        return {key: _written(item) if type(item) is int else item for key, item in value.items()}
    return _written(value) if type(value) is int else value


def _written(number: int) -> int | orjson.Fragment:
    if _LEAST_INTEGER <= number <= _GREATEST_INTEGER:
        return number
    return orjson.Fragment(b"%d" % number)


def _write_and_read(value: JSON, depth: int = 0) -> Written:
    text = orjson.dumps(value)
    return text, orjson.loads(text)


def _write_and_read_oddly(value: JSON, depth: int = 0) -> Written:
    text = _dumps(value)
    return text, json.loads(text)


def _dumps(value: JSON) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
