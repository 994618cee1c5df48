"""JSON text of values that orjson does not serialise as a whole.

The usual reason is one integer beyond 64 bits among many values that orjson accepts. `json` serialises them all, but
several times slower; for 250 KB that is the difference between 5 ms and 20 (law 8). So the value is divided: orjson
serialises the parts it accepts, `json` the others.
"""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from express.foreign import ARRAYS, KEYS, Foreign, NotJSON, find_foreign

if TYPE_CHECKING:
    from express.types import JSON

#: Objects and arrays of up to this many members are divided without trying them as a whole first.
_SMALL: Final = 8
#: Arrays and objects of more members are not divided into members: arrays into stretches of this length, objects not.
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

#: JSON text, and the value it reads as; () where that is not wanted.
Written: TypeAlias = "tuple[bytes, JSON]"


def write_in_parts(value: JSON, keys: tuple[type, ...], *, sound: bool, reads: bool = False) -> Written:
    """JSON text of `value`, whose keys have the types `keys`, and with `reads` a copy as read from that text.

    `sound`: what `is_sound` says of it. Raises NotJSON with the place of what is not JSON.
    """
    if sound:
        with suppress(RecursionError):
            return _Parts(reads=reads).part(value)
    elif (foreign := find_foreign(value, keys)) is not None:
        raise NotJSON(foreign)
    return _write_at_once(value, reads=reads)


class _Parts:
    """One sound value that is divided; `left` counts down the parts still to be tried."""

    __slots__ = ("left", "reads")

    def __init__(self, *, reads: bool) -> None:
        self.reads = reads
        self.left = _MOST_PARTS

    def part(self, value: JSON, depth: int = 0, attempts: int = 0) -> Written:
        kind = type(value)
        is_array = kind in ARRAYS
        count = len(value) if is_array or kind is dict else 0
        self.left -= 1
        if not 0 < count <= _SMALL and attempts < _MOST_ATTEMPTS:
            attempts += 1
            with suppress(TypeError):
                return self._write(value)
        if count and self.left > 0 and depth < _MOST_DEPTH:
            if count <= _STRETCH:
                if is_array and count > _SMALL and type(value[0]) not in _CONTAINERS:
                    return self._long_array(value, _SHORT_STRETCH)
                if is_array:
                    return self._array(value, depth + 1, attempts)
                if set(map(type, value)).issubset(KEYS):
                    return self._object(value, depth + 1, attempts)
            elif is_array:
                return self._long_array(value, _STRETCH)
        return _write_at_once(value, reads=self.reads)

    def _object(self, value: dict[str, JSON], depth: int, attempts: int) -> Written:
        members = [self.part(member, depth, attempts) for member in value.values()]
        texts = [b"%b:%b" % (orjson.dumps(name), text) for name, (text, _) in zip(value, members, strict=True)]
        return b"{%b}" % b",".join(texts), dict(zip(value, [copy for _, copy in members], strict=True))

    def _array(self, value: list[JSON], depth: int, attempts: int) -> Written:
        members = [self.part(member, depth, attempts) for member in value]
        return b"[%b]" % b",".join([text for text, _ in members]), [copy for _, copy in members]

    def _long_array(self, value: list[JSON], length: int) -> Written:
        stretches = [value[start : start + length] for start in range(0, len(value), length)]
        parts = [self._stretch(stretch) for stretch in stretches]
        text = b",".join([text[1:-1] for text, _ in parts])
        return b"[%b]" % text, list(chain.from_iterable([copy for _, copy in parts]))

    def _stretch(self, value: list[JSON]) -> Written:
        """Part of an array whose members are likely to be small: it is not divided further."""
        try:
            return self._write(value)
        except TypeError:
            return _write_at_once(value, reads=self.reads)

    def _write(self, value: JSON) -> Written:
        text = orjson.dumps(value)
        return text, orjson.loads(text) if self.reads else ()


def _write_at_once(value: JSON, *, reads: bool) -> Written:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return text, json.loads(text) if reads else ()
    except (ValueError, TypeError, RecursionError) as error:
        raise NotJSON(Foreign("$", "size", error)) from None
