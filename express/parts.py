"""JSON text of what orjson does not take as a whole.

Mostly it is one long number among much that orjson does take, in a fifth of the time that `json` takes; over 250 KB
that is the difference between 3 ms and 20 (law 8). So the members of objects and arrays and the stretches of long
arrays are tried by themselves, and `json` writes what is left.
"""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from express.foreign import ARRAYS, KEYS, Foreign, NotJSON, are_sound, is_sound, refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

#: Among so many members hardly one is written in vain because another is refused: they are not tried together.
_FEW_MEMBERS: Final = 8
#: Members that are tried together, or each by itself, where orjson does not take all of them; and how many such tries
#: are worth while.
_MOST_IN_PART: Final = 256
_MOST_PARTS: Final = 1_024
_MOST_DEPTH: Final = 32

#: JSON text, and what it reads as.
Written: TypeAlias = "tuple[bytes, JSON]"


class Parts:
    """A value that is written part by part: `keys` are the types that keys may have; `write` writes what orjson takes,
    and raises TypeError for all else; `reads`: the copies are wanted."""

    __slots__ = ("is_sound", "keys", "left", "reads", "value", "write")

    def __init__(
        self, value: JSON, keys: tuple[type, ...], write: Callable[[JSON], Written], *, reads: bool = False
    ) -> None:
        self.value = value
        self.keys = keys
        self.write = write
        self.reads = reads
        self.left = _MOST_PARTS
        #: Whether all of it is known to be JSON.
        self.is_sound = False

    def written(self) -> Written:
        """Raises NotJSON with the place of what is not JSON."""
        return self._part(self.value, 0)

    def _part(self, value: JSON, depth: int) -> Written:
        """What lies so deep in the whole."""
        kind = type(value)
        is_array = kind in ARRAYS
        count = len(value) if is_array or kind is dict else 0
        if not 0 < count <= _FEW_MEMBERS:
            with suppress(TypeError):
                return self._nested(value, depth)
        self.left -= 1
        if count and self.left > 0 and depth < _MOST_DEPTH:
            if is_array:
                return self._array(value, depth)
            if count <= _MOST_IN_PART and are_sound(list(value), set(map(type, value)), KEYS):
                return self._object(value, depth)
        return self._at_once(value, depth)

    def _object(self, value: dict[str, JSON], depth: int) -> Written:
        members = [self._part(member, depth + 1) for member in value.values()]
        texts = [b"%b:%b" % (orjson.dumps(name), text) for name, (text, _) in zip(value, members, strict=True)]
        return b"{%b}" % b",".join(texts), dict(zip(value, [copy for _, copy in members], strict=True))

    def _array(self, value: list[JSON], depth: int) -> Written:
        if len(value) <= _MOST_IN_PART:
            members = [self._part(member, depth + 1) for member in value]
            return b"[%b]" % b",".join([text for text, _ in members]), [copy for _, copy in members]
        starts = range(0, len(value), _MOST_IN_PART)
        parts = [self._stretch(value[start : start + _MOST_IN_PART], depth) for start in starts]
        text = b",".join([text[1:-1] for text, _ in parts])
        return b"[%b]" % text, list(chain.from_iterable([copy for _, copy in parts]))

    def _stretch(self, value: list[JSON], depth: int) -> Written:
        """Members of a long array, which are likely to be small."""
        with suppress(TypeError):
            return self._nested(value, depth)
        return self._at_once(value, depth)

    def _nested(self, value: JSON, depth: int) -> Written:
        """`write`, for which it lies as deep as in the whole."""
        for _ in range(depth):
            value = [value]
        text, copy = self.write(value)
        if self.reads:
            for _ in range(depth):
                (copy,) = copy
        return text[depth : len(text) - depth], copy

    def _at_once(self, value: JSON, depth: int) -> Written:
        if not self.is_sound and not is_sound(value, self.keys, depth=depth):
            refuse_foreign(self.value, self.keys)
            self.is_sound = True
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
            return text, json.loads(text) if self.reads else ()
        except (ValueError, TypeError, RecursionError) as error:
            raise NotJSON(Foreign("$", "size", error)) from None
