"""Values whose classes raise whatever is asked of them."""

from __future__ import annotations

from typing import Any


class Unshowable:
    def __repr__(self) -> str:
        raise ZeroDivisionError


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Secretive:
    """Not even its class can be asked for. Keep none: `isinstance` fails for it, wherever it is met."""

    def __getattribute__(self, name: str) -> Any:
        raise ZeroDivisionError


class Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name == "__name__":
            raise ZeroDivisionError
        return super().__getattribute__(name)


class Number(float):
    def __repr__(self) -> str:
        raise ZeroDivisionError


class Word(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    __hash__ = str.__hash__


class Record(dict[str, Any]):
    def values(self) -> Any:
        raise ZeroDivisionError

    items = __iter__ = values


class Row(list[Any]):
    def __iter__(self) -> Any:
        raise ZeroDivisionError
