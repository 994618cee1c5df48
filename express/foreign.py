"""Finds values that are not JSON, and where they are.

When orjson refuses a value it hardly says why, and some of what it writes is not JSON either: a UUID, an Enum. Here
values are examined: first only for whether they are JSON, which is quick, then for the place where they are not,
which a message has to name.

The classes of such values may do anything: raise in `__repr__`, pretend with `__class__` to be another class. So a
value is what `type` says, its members are read by the methods of the built-in classes, and texts are cut.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from express.types import JSON

#: Levels of nesting a payload may have; what orjson writes. Deeper values are refused, never crashed on.
MAX_DEPTH: Final = 254

#: Upper bounds of the values and characters that `is_sound` examines.
_MOST_VALUES: Final = 1_000_000
_MOST_CHARACTERS: Final = 16_000_000
#: The types of keys: JSON's own, and those that `json` writes as text, as Lambda does.
KEYS: Final = (str,)
LAMBDA_KEYS: Final = (str, int, float, type(None))
#: The types that JSON text is parsed into, and these with tuples.
PLAIN: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None), list, dict})
SOUND: Final = PLAIN | {tuple}
ARRAYS: Final[frozenset[type]] = frozenset({list, tuple})

#: Called between parts of work that may take milliseconds.
Look: TypeAlias = "Callable[[], object]"

#: What is wrong with a value: its type, the type of a key, a number or a string that JSON cannot express, its depth,
#: or a number too long to be written.
Trouble: TypeAlias = Literal["type", "key", "number", "text", "depth", "size"]

#: Characters of a key, or of the name of a class, that are shown in a message.
_MOST_SHOWN: Final = 100
#: Reads the name of a class, without the `__getattribute__` of its metaclass.
_NAME_OF = type.__dict__["__name__"].__get__
#: How a key of each class, or of one derived from it, is written in a path. A bool is an int, so it comes first.
_WRITTEN: Final[dict[type, Callable[[Any], str]]] = {
    str: str.__str__,
    bool: bool.__repr__,
    int: int.__repr__,
    float: float.__repr__,
    type(None): repr,
}

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Foreign:
    """The place where a value is not JSON: its path, what is wrong, and the value found there."""

    place: str
    trouble: Trouble
    value: object

    def __str__(self) -> str:
        return f"{self.place} {_SENTENCES[self.trouble](self.value)}"


def type_name(value: object) -> str:
    """The name of the value's class, for a message."""
    return _cut(_NAME_OF(type(value)))


def readable(value: object, write: Callable[[Any], str] = repr) -> str:
    """The text that `write` makes of any value, or one that says it makes none."""
    try:
        # A lone surrogate cannot be written as JSON, where messages end up.
        return write(value).encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 - a broken __repr__ or __str__ is the user's
        return f"a {type_name(value)} that cannot be shown"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


_SENTENCES: dict[Trouble, Callable[[Any], str]] = {
    "type": lambda value: f"is a {type_name(value)}, which is not JSON",
    "key": lambda key: f"has a key that is no string: {_cut(readable(key))}",
    "number": lambda value: f"is {float.__repr__(value)}, which is not a JSON number",
    "text": lambda value: "is a string with a lone surrogate, which is not valid Unicode",
    "depth": lambda value: f"is nested deeper than {MAX_DEPTH} levels",
    "size": lambda error: f"cannot be written as JSON: {readable(error, str) or type_name(error)}",
}


class NotJSON(ValueError):
    """A value that JSON cannot carry. The text names the place (`$.items[2].when`) and the Python type."""

    def __init__(self, foreign: Foreign) -> None:
        super().__init__(str(foreign))
        self.foreign = foreign


def nobody_waits() -> None:
    """The `Look` of those who do not share the event loop with anybody."""


def is_sound(
    value: JSON, keys: tuple[type, ...] = KEYS, types: frozenset[type] = SOUND, look: Look = nobody_waits
) -> bool | None:
    """Whether `value` is certain to be JSON and to consist of these `types`; `keys` are the types of its keys.

    None for a value that is very large, or seems so because it shares parts. Cheaper than `find_foreign`, because all
    values of one depth are examined together by functions in C.
    """
    level, count = [value], 0
    for _ in range(MAX_DEPTH + 1):
        look()
        kinds = set(map(type, level))
        if not (sound := _are_sound(level, kinds, types)):
            return sound
        deeper: list[JSON] = []
        if dict in kinds:
            objects = level if len(kinds) == 1 else [node for node in level if type(node) is dict]
            names = list(islice(chain.from_iterable(objects), _MOST_VALUES))
            if not (sound := _are_sound(names, set(map(type, names)), keys)):
                return sound
            deeper.extend(islice(chain.from_iterable(map(dict.values, objects)), _MOST_VALUES))
        if not ARRAYS.isdisjoint(kinds):
            arrays = level if kinds <= ARRAYS else [node for node in level if type(node) in ARRAYS]
            deeper.extend(islice(chain.from_iterable(arrays), _MOST_VALUES))
        count += len(deeper)
        if count >= _MOST_VALUES:
            return None
        if not deeper:
            return True
        level = deeper
    return False


def _are_sound(values: list[JSON], kinds: set[type], allowed: Iterable[type]) -> bool | None:
    """Whether `kinds`, the types of the values, are allowed, and their numbers and texts have a form in JSON."""
    if not kinds.issubset(allowed):
        return False
    if str in kinds:
        texts = values if len(kinds) == 1 else [text for text in values if type(text) is str]
        if sum(map(len, texts)) > _MOST_CHARACTERS:
            return None
        if not all(map(str.isascii, texts)) and any(map(_SURROGATE.search, texts)):
            return False
    return float not in kinds or all(map(math.isfinite, [number for number in values if type(number) is float]))


def find_foreign(value: JSON, keys: tuple[type, ...] = KEYS) -> Foreign | None:
    """A place where `value` is not JSON, None if there is none; `keys` are the types a key may have.

    Iterative: the depth of a value uses no stack.
    """
    pending: list[tuple[Any, tuple[Any, ...], int]] = [(value, (), 0)]
    while pending:
        node, trail, depth = pending.pop()
        if depth > MAX_DEPTH:
            return Foreign(f"{_path(trail[:3])}…", "depth", node)
        kind = type(node)
        if issubclass(kind, dict):
            for key, member in dict.items(node):
                if not issubclass(type(key), keys):
                    return Foreign(_path(trail), "key", key)
                pending.append((member, (*trail, key), depth + 1))
        elif issubclass(kind, list | tuple):
            members = list.__iter__(node) if issubclass(kind, list) else tuple.__iter__(node)
            pending.extend((member, (*trail, index), depth + 1) for index, member in enumerate(members))
        elif trouble := _trouble(node, kind):
            return Foreign(_path(trail), trouble, node)
    return None


def _trouble(node: Any, kind: type) -> Trouble | None:
    """What is wrong with a scalar, or with anything else that is neither an object nor an array."""
    if node is None or issubclass(kind, int):
        return None
    if issubclass(kind, float):
        return None if math.isfinite(node) else "number"
    if not issubclass(kind, str):
        return "type"
    try:
        str.encode(node)
    except UnicodeEncodeError:
        return "text"
    return None


def _path(trail: tuple[Any, ...]) -> str:
    """`$.items[2].when`; invalid Unicode in a key is replaced, because the text goes into error causes."""
    return "$" + "".join(map(_step, trail))


def _step(part: Any) -> str:
    kind = next(kind for kind in _WRITTEN if issubclass(type(part), kind))
    text = _cut(readable(part, _WRITTEN[kind]))
    return f"[{text}]" if issubclass(kind, int) else f".{text}"
