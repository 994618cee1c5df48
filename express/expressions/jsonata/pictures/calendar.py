"""JavaScript's dates: milliseconds since 1970 UTC, years from -271821 to 275760, and the parts a picture can name.

`datetime` is limited to the years 1 to 9999, so days are counted here, in the proleptic Gregorian calendar. A number
beyond JavaScript's range is an invalid date, all of whose parts are NaN, as there.

Weeks are those of ISO 8601: they begin on Monday, and the first of a year is the one with its first Thursday. XPath
numbers the weeks of a month by the same rule (F&O 9.8.4.1), and JSONata gives the year (X) and the month (x) to which
a week belongs. jsonata-js 2.0.6 counts them with `Date.UTC`, which maps the years 0 to 99 to the twentieth century.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_DAY: Final = 86_400_000
_WEEK: Final = 7 * _DAY
#: The last millisecond of a valid date, in both directions (ECMA-262 21.4.1.1).
_LAST: Final = 8_640_000_000_000_000


class Date(NamedTuple):
    """A valid date, in UTC. `month` counts from 1, `millis` from 1970, `of_day` within the day."""

    millis: int
    year: int
    month: int
    day: int
    of_day: int


def date(millis: float) -> Date | None:
    """The date `millis` milliseconds after 1970; None for an invalid one."""
    if not -_LAST <= millis <= _LAST:
        return None
    whole = math.trunc(millis)
    days, of_day = divmod(whole, _DAY)
    return Date(whole, *_civil(days), of_day)


def utc(year: float, month: float, day: float = 1, *time: float) -> float:
    """`Date.UTC`: milliseconds since 1970, NaN for an invalid date.

    The month counts from 0; hours, minutes, seconds and milliseconds may follow. Values out of range carry over.
    """
    if not all(map(math.isfinite, (year, month, day, *time))):
        return math.nan
    whole_year, whole_month = math.trunc(year), math.trunc(month)
    if 0 <= whole_year <= 99:
        whole_year += 1900
    days = _days(whole_year + whole_month // 12, whole_month % 12 + 1) + math.trunc(day) - 1
    millis = days * _DAY
    for part, unit in zip(time, (3_600_000, 60_000, 1000, 1), strict=False):
        millis += math.trunc(part) * unit
    return millis if -_LAST <= millis <= _LAST else math.nan


def _days(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of a month, for a year that begins in March, so that leap days come last."""
    year -= month < 3
    return year * 365 + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 - 719_468


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of the month `days` after 1970-01-01; the inverse of `_days`."""
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return year + era * 400 + (month > 9), (month + 2) % 12 + 1, of_year - (153 * month + 2) // 5 + 1


def numeric_part(when: Date | None, component: str) -> float:
    """The value of one of the components YMDdFWwXxHhmsf of a date; NaN for an invalid one."""
    return math.nan if when is None else _PARTS[component](when)


def is_afternoon(when: Date | None) -> bool:
    return when is not None and when.of_day >= _DAY // 2


def _weekday(millis: float) -> int:
    """1 for Monday to 7 for Sunday."""
    return int(millis // _DAY + 3) % 7 + 1


def _day_of_year(when: Date) -> float:
    return (utc(when.year, when.month - 1, when.day) - utc(when.year, 0)) / _DAY + 1


def _first_week(year: int, month: int) -> float:
    """The start of the first week of the year, or of a month counted from 0, which may be one outside its year."""
    first = utc(year + month // 12, month % 12)
    if math.isnan(first):
        return first
    weekday = _weekday(first)
    return first + (8 - weekday if weekday > 4 else 1 - weekday) * _DAY


def _week_of_year(when: Date) -> float:
    return _week(utc(when.year, when.month - 1, when.day), 52, *(_first_week(when.year + n, 0) for n in (-1, 0, 1)))


def _week_of_month(when: Date) -> float:
    today = utc(when.year, when.month - 1, when.day)
    return _week(today, 4, *(_first_week(when.year, when.month - 1 + n) for n in (-1, 0, 1)))


def _week(today: float, most: int, previous: float, this: float, following: float) -> float:
    """The number of the week; beyond `most` it may be the first of the next period."""
    week = (today - this) / _WEEK + 1
    if week > most and today >= following:
        return 1
    if week < 1:
        week = (today - previous) / _WEEK + 1
    return week if math.isnan(week) else math.floor(week)


def _year_of_week(when: Date) -> float:
    if when.millis < _first_week(when.year, 0):
        return when.year - 1
    return when.year + (when.millis >= _first_week(when.year + 1, 0))


def _month_of_week(when: Date) -> float:
    month = when.month - 1
    if when.millis < _first_week(when.year, month):
        month -= 1
    elif when.millis >= _first_week(when.year, month + 1):
        month += 1
    return month % 12 + 1


_PARTS: Final[dict[str, Callable[[Date], float]]] = {
    "Y": lambda when: when.year,
    "M": lambda when: when.month,
    "D": lambda when: when.day,
    "d": _day_of_year,
    "F": lambda when: _weekday(when.millis),
    "W": _week_of_year,
    "w": _week_of_month,
    "X": _year_of_week,
    "x": _month_of_week,
    "H": lambda when: when.of_day // 3_600_000,
    "h": lambda when: (when.of_day // 3_600_000 + 11) % 12 + 1,
    "m": lambda when: when.of_day // 60_000 % 60,
    "s": lambda when: when.of_day // 1000 % 60,
    "f": lambda when: when.of_day % 1000,
}
