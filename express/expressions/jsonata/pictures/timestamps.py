"""Timestamps read back into milliseconds since 1970 (JSONata docs, `$toMillis`), in ISO 8601 or by a picture.

A picture need not name every part of a date. Parts to the left of all that are named are those of now, those to the
right are the first there are; a gap in between is D3136. So are dates by week, which jsonata-js 2.0.6 does not
compute, and a day of the year with a time, an oversight of it.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Final, TypeAlias

from express.expressions.jsonata.errors import TIMEOUT, JSONataError
from express.expressions.jsonata.patterns.characters import spread
from express.expressions.jsonata.patterns.engine import Search, compile_search
from express.expressions.jsonata.patterns.parser import PatternError
from express.expressions.jsonata.pictures.calendar import date, numeric_part, utc
from express.expressions.jsonata.pictures.dates import read_date_picture
from express.expressions.jsonata.pictures.markers import Literal, Marker

#: What markers have read, by component; None for a name that is none.
_Parts: TypeAlias = dict[str, float | None]

#: A regular expression longer than this would take long to compile; no date has so many parts.
_LONGEST_PATTERN: Final = 9_000

#: What jsonata-js lets pass and `Date.parse` understands. Without a zone it is UTC.
_ISO: Final = re.compile(
    r"([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?"
    r"(?:T([01][0-9]|2[0-4]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?)?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))?"
)
#: Characters that mean something in a regular expression; no others are escaped in literals.
_SPECIAL: Final = re.compile(r"[.*+?^${}()|[\]\\]")

#: Parts that say a date: those that may be named, and all that are needed, most significant first. By day of the
#: month, by day of the year, by week of the month, by week of the year.
_DATES: Final = (("YMD", "YMD"), ("Yd", "YD"), ("Xxw", "XxwF"), ("XW", "XWF"))
#: The same for the time of day, in twice twelve hours and in 24.
_TIMES: Final = (("Hmsf", "Hmsf"), ("Phmsf", "Phmsf"))


def read_iso(text: str) -> float:
    """A timestamp in ISO 8601, or less of it from the right. NaN for any other text."""
    found = _ISO.fullmatch(text)
    if found is None:
        return math.nan
    year, month, day, hour, minute, second = (int(part or "0") for part in found.groups()[:6])
    millis = int((found[7] or "")[:3].ljust(3, "0"))
    if (hour == 24 and (minute or second or millis)) or (found[4] is None and found[8] is not None):
        return math.nan
    # The year goes in as months, or it might be taken for one of the twentieth century.
    start = utc(1970, (year - 1970) * 12 + (month or 1) - 1, day or 1, hour, minute, second, millis)
    offset = int(found[9] or "0") * 60 + int(found[10] or "0")
    return start - offset * 60_000 * (-1 if found[8] == "-" else 1)


def read_timestamp(text: str, picture: str, now: int) -> float | None:
    """A timestamp by a picture, where it is `now` in milliseconds since 1970; None for one that does not fit.

    Not a number where the parts are no date. Raises D3130 to D3136, S0303 for separators of a time zone that make no
    regular expression, and U1001 for a picture that has too many parts or that takes too long.
    """
    search, markers = _reader(picture)
    units = spread(text)
    try:
        spans = search(units, 0)
    except TimeoutError:
        raise JSONataError(TIMEOUT) from None
    if spans is None:
        return None
    parts = {
        marker.component: marker.read(units[start:end]) for marker, (start, end) in zip(markers, spans[1:], strict=True)
    }
    return _millis(parts, now) if parts else None


@lru_cache(maxsize=256)
def _reader(picture: str) -> tuple[Search, tuple[Marker, ...]]:
    """What finds the parts of a timestamp, and the markers that read them."""
    parts = read_date_picture(picture).parts
    pattern = "".join(
        _SPECIAL.sub(r"\\\g<0>", part.text) if isinstance(part, Literal) else f"({part.pattern()})" for part in parts
    )
    if len(pattern) > _LONGEST_PATTERN:
        raise JSONataError(TIMEOUT)
    try:
        search = compile_search(f"^{pattern}$", ignore_case=True)
    except PatternError as error:
        raise JSONataError("S0303", value=f"^{pattern}$", flags="i", reason=str(error)) from None
    return search, tuple(part for part in parts if not isinstance(part, Literal))


def _millis(parts: _Parts, now: int) -> float:
    by_date, by_time = _named(parts, _DATES), _named(parts, _TIMES)
    complete = _complete(parts, by_date + by_time, now)
    if "X" in by_date:
        raise JSONataError("D3136")
    month, day = complete.get("M", 0), complete["D"]
    month = month - 1 if month > 0 else 0
    if by_date == "YD":
        start = date(utc(complete["Y"], 0) + (complete["d"] - 1) * 86_400_000)
        month, day = (math.nan, math.nan) if start is None else (start.month - 1, start.day)
    hour = complete["H"] if by_time == "Hmsf" else _of_24(complete["h"], complete["P"])
    millis = utc(complete["Y"], month, day, hour, complete["m"], complete["s"], complete["f"])
    offsets = (complete[zone] for zone in "Zz" if _is_there(complete.get(zone)))
    return millis - next(offsets, 0) * 60_000


def _of_24(hour: float, half: float) -> float:
    return (0 if hour == 12 else hour) + (12 if half == 1 else 0)


def _named(parts: _Parts, ways: tuple[tuple[str, str], ...]) -> str:
    """The components of the first way of saying it that allows for all the parts there are; zero is not there."""
    possible = {component for named, _ in ways for component in named}
    there = {component for component in possible if _is_there(parts.get(component))}
    return next((components for named, components in ways if there and there <= set(named)), ways[0][1])


def _is_there(part: float | None) -> bool:
    """Whether JavaScript takes it for true."""
    return part is not None and not math.isnan(part) and part != 0


def _complete(parts: _Parts, components: str, now: int) -> dict[str, float]:
    """The parts with those of `components` that are missing: to the left of the first that is not, those of now,
    to the right of the last, the first there are."""
    complete = {component: part for component, part in parts.items() if part is not None}
    begun = ended = False
    for component in components:
        if component not in complete:
            ended = begun
            complete[component] = (1 if component in "MD" else 0) if begun else _part_of(now, component)
        elif ended:
            raise JSONataError("D3136")
        else:
            begun = True
    return complete


def _part_of(now: int, component: str) -> float:
    """What is now, but for the half of the day: jsonata-js puts a word there and looks for a number."""
    return 0 if component == "P" else numeric_part(date(now), component)
