"""Shapes of request parameters, and AWS's errors for a request that does not fit them.

There are two kinds of error. A value of the wrong JSON type cannot be read: SerializationException, for the first one
found. Values that can be read may violate constraints of their shapes: ValidationException, which lists all violations
in a wording of its own (recorded):

    1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value
    less than or equal to 1000

Nearly all requests are valid, so a request is first tested with `fits`; only one that does not fit is read and checked
in detail. Most parameters are texts of limited length: a Structure keeps their permitted lengths in one table, so the
test costs one lookup per member. Values of sensitive shapes are not quoted. Unknown members are ignored and a null
counts as absent, as in every AWS JSON service.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from express.service.errors import ServiceError, validation

if TYPE_CHECKING:
    from express.types import JSON

#: The names that Coral, AWS's service framework, gives scalars of the wrong type.
_TOKENS: Final[dict[type, str]] = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
    type(None): "NULL_VALUE",
}


_JAVA_ASCII: Final = r"\p{ASCII}"
_ASCII: Final = r"[\x00-\x7f]"


def not_readable(value: JSON, expected: str) -> ServiceError:
    """The error for a value of the wrong JSON type. `expected` is a type with its article: `a String`, `an Integer`."""
    if isinstance(value, dict):
        message = "Start of structure or map found where not expected."
    elif isinstance(value, list):
        message = "Start of list found where not expected"
    else:
        token = f"{str(value).upper()}_VALUE" if isinstance(value, bool) else _TOKENS[type(value)]
        message = f"{token} can not be converted to {expected}"
    return ServiceError("SerializationException", message)


class Shape(Protocol):
    """The JSON type of a parameter and its constraints."""

    def fits(self, value: JSON) -> bool:
        """Whether the value is valid as it stands: reading it would not change it, and it violates no constraint."""
        ...

    def read(self, value: JSON) -> Any:
        """The value in the form the service takes. Raises ServiceError SerializationException."""
        ...

    def violations(self, value: Any, place: str) -> Iterator[str]:
        """Every constraint that a value returned by `read` violates, in AWS's words."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string of `least` to `most` characters.

    `values` are the permitted values, if limited; `pattern` is a Java regular expression, as AWS quotes it; a
    `sensitive` value is never quoted.
    """

    most: int | None = None
    least: int = 0
    pattern: str | None = None
    values: tuple[str, ...] = ()
    sensitive: bool = False

    @property
    def lengths(self) -> range | None:
        """The permitted lengths, if the shape has no other constraint; else None."""
        if self.values or self.pattern is not None:
            return None
        return range(self.least, sys.maxsize if self.most is None else self.most + 1)

    def fits(self, value: JSON) -> bool:
        return isinstance(value, str) and next(self.violations(value, ""), None) is None

    def read(self, value: JSON) -> str:
        if not isinstance(value, str):
            raise not_readable(value, "a String")
        return value

    def violations(self, value: str, place: str) -> Iterator[str]:
        if self.values and value not in self.values:
            yield self._says(value, place, f"Member must satisfy enum value set: [{', '.join(self.values)}]")
        if len(value) < self.least:
            yield self._says(value, place, f"Member must have length greater than or equal to {self.least}")
        if self.most is not None and len(value) > self.most:
            yield self._says(value, place, f"Member must have length less than or equal to {self.most}")
        if self.pattern is not None and not _whole(self.pattern).match(value):
            yield self._says(value, place, f"Member must satisfy regular expression pattern: {self.pattern}")

    def _says(self, value: str, place: str, constraint: str) -> str:
        return _violation(None if self.sensitive else f"'{value}'", place, constraint)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `least` to `most`, or without an upper bound."""

    least: int
    most: int | None = None

    def fits(self, value: JSON) -> bool:
        return type(value) is int and self.least <= value and (self.most is None or value <= self.most)

    def read(self, value: JSON) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise not_readable(value, "an Integer")
        return int(value)

    def violations(self, value: int, place: str) -> Iterator[str]:
        yield from _out_of_bounds(value, place, self.least, self.most)


@dataclass(frozen=True, slots=True)
class Number:
    """Any number from `least` to `most`."""

    least: int
    most: int

    def fits(self, value: JSON) -> bool:
        return type(value) in (int, float) and self.least <= value <= self.most

    def read(self, value: JSON) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise not_readable(value, "a Float")
        return value

    def violations(self, value: float, place: str) -> Iterator[str]:
        yield from _out_of_bounds(value, place, self.least, self.most)


@dataclass(frozen=True, slots=True)
class Boolean:
    def fits(self, value: JSON) -> bool:
        return isinstance(value, bool)

    def read(self, value: JSON) -> bool:
        if not isinstance(value, bool):
            raise not_readable(value, "a Boolean")
        return value

    def violations(self, value: bool, place: str) -> Iterator[str]:
        return iter(())


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of `least` to `most` members."""

    member: Shape
    most: int | None = None
    least: int = 0

    def fits(self, value: JSON) -> bool:
        fit = isinstance(value, list) and all(map(self.member.fits, value))
        return fit and next(self.violations(value, ""), None) is None

    def read(self, value: JSON) -> list[Any]:
        if not isinstance(value, list):
            raise not_readable(value, "a List")
        return [self.member.read(member) for member in value if member is not None]

    def violations(self, value: list[Any], place: str) -> Iterator[str]:
        if len(value) < self.least:
            yield self._says(value, place, f"Member must have length greater than or equal to {self.least}")
        if self.most is not None and len(value) > self.most:
            yield self._says(value, place, f"Member must have length less than or equal to {self.most}")
        for number, member in enumerate(value, 1):
            yield from self.member.violations(member, f"{place}.{number}.member")

    def _says(self, value: list[Any], place: str, constraint: str) -> str:
        name = self.member.name if isinstance(self.member, Structure) else ""
        shown = ", ".join(f"{name}{_java(member)}" for member in value)
        return _violation(f"'[{shown}]'", place, constraint)


@dataclass(frozen=True, slots=True)
class Structure:
    """An object. `name` is its shape's name in the API's model; `required` are the mandatory members."""

    name: str
    members: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    #: The permitted lengths of the members that are texts without other constraints.
    _lengths: dict[str, range] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths = {name: shape.lengths for name, shape in self.members.items() if isinstance(shape, Text)}
        plain = {name: those for name, those in lengths.items() if those is not None}
        object.__setattr__(self, "_lengths", plain)

    def fits(self, value: JSON) -> bool:
        if not isinstance(value, dict):
            return False
        for name in self.required:
            if name not in value:
                return False
        texts = self._lengths
        for name, member in value.items():
            lengths = texts.get(name)
            if lengths is None:
                if name not in self.members or not self.members[name].fits(member):
                    return False
            elif type(member) is not str or len(member) not in lengths:
                return False
        return True

    def read(self, value: JSON) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise not_readable(value, "a Structure")
        members = self.members
        return {
            name: members[name].read(member) for name, member in value.items() if member is not None and name in members
        }

    def violations(self, value: dict[str, Any], place: str) -> Iterator[str]:
        for name in self.required:
            if name not in value:
                shape = self.members[name]
                quoted = None if isinstance(shape, Text) and shape.sensitive else "null"
                yield _violation(quoted, _below(place, name), "Member must not be null")
        for name, member in value.items():
            yield from self.members[name].violations(member, _below(place, name))


Reader: TypeAlias = Callable[["JSON"], dict[str, Any]]


def reader(shape: Structure) -> Reader:
    """A function that reads a request's parameters and raises ServiceError where AWS would refuse them."""
    fits = shape.fits

    def read(value: JSON) -> dict[str, Any]:
        if fits(value):
            fitting: dict[str, Any] = value
            return fitting
        request = shape.read(value)
        violations = list(shape.violations(request, ""))
        if violations:
            errors = "error" if len(violations) == 1 else "errors"
            raise validation(f"{len(violations)} validation {errors} detected: {'; '.join(violations)}")
        return request

    return read


@cache
def _whole(pattern: str) -> re.Pattern[str]:
    """A Java regular expression, to match a whole text; for the API's patterns Python differs in one class only."""
    return re.compile(rf"(?:{pattern.replace(_JAVA_ASCII, _ASCII)})\Z")


def _violation(quoted: str | None, place: str, constraint: str) -> str:
    value = "Value" if quoted is None else f"Value {quoted}"
    return f"{value} at '{place}' failed to satisfy constraint: {constraint}"


def _out_of_bounds(value: float, place: str, least: int, most: int | None) -> Iterator[str]:
    if value < least:
        yield _violation(f"'{value}'", place, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _violation(f"'{value}'", place, f"Member must have value less than or equal to {most}")


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _java(value: Any) -> str:
    """A value in the form of Java's `toString`, as AWS quotes structures: `(stateMachineVersionArn=…, weight=50)`."""
    if isinstance(value, dict):
        return f"({', '.join(f'{name}={_java(member)}' for name, member in value.items())})"
    return str(value)
