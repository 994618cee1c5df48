"""The markers of a date picture: `[Y0001]`, `[MNn,3-3]`, `[Z01:01t]` (F&O 9.8.4.1 to 9.8.4.7).

A marker writes its part of a date, and reads it: `pattern` is the regular expression of its texts, in JavaScript's
notation and ignoring case, `read` returns the number of such a text. Markers that can only be written raise D3133
when they are to be read. Oddities are those of jsonata-js 2.0.6: the offset of a zone is a number `+hhmm`, which for
`-0530` is minus five hours and minus thirty minutes when written as digits, but minus six and minus thirty when the
hours stand alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.pictures.calendar import Date, is_afternoon, numeric_part
from express.expressions.jsonata.pictures.integers import Digits, IntegerFormat, parse_int, read_picture

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: The components that have names, numbered from 1.
_NAMES: Final = {"M": _MONTHS, "x": _MONTHS, "F": _DAYS}
_HALVES: Final = {"am": 0.0, "AM": 0.0, "pm": 1.0, "PM": 1.0}
_LETTERS: Final = "[a-zA-Z]+"
_TWO_DIGITS: Final = read_picture("00")


class Offset(NamedTuple):
    """The offset of a time zone from UTC; both parts are negative west of it, and NaN for an invalid text."""

    hours: float = 0
    minutes: float = 0

    @property
    def millis(self) -> float:
        return (60 * self.hours + self.minutes) * 60_000


def read_offset(text: str) -> Offset:
    """`+0530` as a number, 530, split into hundreds and rest."""
    number = parse_int(text)
    if not math.isfinite(number):
        return Offset(math.nan, math.nan)
    return Offset(math.floor(number / 100), math.fmod(number, 100))


@dataclass(frozen=True, slots=True)
class Literal:
    """Literal text."""

    text: str

    def write(self, when: Date | None, offset: Offset) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Number:
    """A part written as an integer.

    `width`: the fixed number of digits of a year, month or day, or -1. A year is cut to that many.
    """

    component: str
    format: IntegerFormat
    width: float

    def write(self, when: Date | None, offset: Offset) -> str:
        value = numeric_part(when, self.component)
        if self.component == "Y" and self.width != -1 and not self.width > 300:
            value = math.fmod(value, 10.0**self.width)
        return self.format.write(value)

    def pattern(self) -> str:
        return self.format.pattern(self.width)

    def read(self, text: str) -> float:
        return self.format.read(text)


@dataclass(frozen=True, slots=True)
class Name:
    """A month or a day by name; `case` is "upper", "lower" or "title", `longest` the length to which a name is cut."""

    component: str
    case: str
    longest: float | None

    def write(self, when: Date | None, offset: Offset) -> str:
        names = self._names()
        if when is None:
            # jsonata-js has no name to convert or to cut, and fails without a code.
            if self.case != "title" or self.longest is not None:
                raise JSONataError("D3133", value=self.component)
            return "undefined"
        name = names[int(numeric_part(when, self.component)) - 1]
        name = name.upper() if self.case == "upper" else name.lower() if self.case == "lower" else name
        return name if self.longest is None else _cut(name, self.longest)

    def pattern(self) -> str:
        self._names()
        return _LETTERS

    def read(self, text: str) -> float | None:
        """The number of a name, capitalised as here; None for any other text."""
        found = {_cut(name, self.longest or math.nan): number for number, name in enumerate(self._names(), 1)}
        return found.get(text)

    def _names(self) -> tuple[str, ...]:
        if self.component not in _NAMES:
            raise JSONataError("D3133", value=self.component)
        return _NAMES[self.component]


@dataclass(frozen=True, slots=True)
class HalfDay:
    """`[P]`: am or pm."""

    upper: bool
    component: str = "P"

    def write(self, when: Date | None, offset: Offset) -> str:
        half = "pm" if is_afternoon(when) else "am"
        return half.upper() if self.upper else half

    def pattern(self) -> str:
        return _LETTERS

    def read(self, text: str) -> float | None:
        return _HALVES.get(text)


@dataclass(frozen=True, slots=True)
class Zone:
    """`[Z]` and `[z]`: the time zone, `+01:00` or `GMT+01:00`; `z_for_utc`: a zero offset is written as Z."""

    component: str
    format: IntegerFormat
    z_for_utc: bool

    def write(self, when: Date | None, offset: Offset) -> str:
        together = offset.hours * 100 + offset.minutes
        text = self._write(offset, together)
        if together == 0 and self.z_for_utc:
            return "Z"
        return ("GMT" if self.component == "z" else "") + ("+" if together >= 0 else "") + text

    def _write(self, offset: Offset, together: float) -> str:
        digits = self.format.mandatory if isinstance(self.format, Digits) else None
        if self._separator() or digits in (3, 4):
            return self.format.write(together)
        if digits not in (1, 2):
            raise JSONataError("D3134", value=digits)
        minutes = f":{_TWO_DIGITS.write(offset.minutes)}" if offset.minutes != 0 else ""
        return self.format.write(offset.hours) + minutes

    def _separator(self) -> str:
        return self.format.separators[0][1] if isinstance(self.format, Digits) and self.format.interval else ""

    def pattern(self) -> str:
        """The pattern; the separator is inserted unescaped, although it may have a special meaning there."""
        minutes = f"{self._separator()}[0-9]+" if self._separator() else ""
        return f"{'GMT' if self.component == 'z' else ''}[-+][0-9]+{minutes}"

    def read(self, text: str) -> float:
        """Minutes from UTC; the minutes after the hours always count to the east."""
        text = text[3:] if self.component == "z" else text
        if separator := self._separator():
            hours, _, minutes = text.partition(separator) if separator in text else ("", "", text)
        elif len(text) <= 3:
            hours, minutes = text, "0"
        else:
            hours, minutes = text[:3], text[3:]
        return parse_int(hours) * 60 + parse_int(minutes)


@dataclass(frozen=True, slots=True)
class Word:
    """The calendar and the era, which are always ISO, and unknown components."""

    component: str

    def write(self, when: Date | None, offset: Offset) -> str:
        return "ISO" if self.component in ("C", "E") else "undefined"

    def pattern(self) -> str:
        raise JSONataError("D3133", value=self.component)

    def read(self, text: str) -> float | None:
        return None


Marker: TypeAlias = Number | Name | HalfDay | Zone | Word


def _cut(name: str, longest: float) -> str:
    return name[: max(int(longest), 0)] if len(name) > longest else name
