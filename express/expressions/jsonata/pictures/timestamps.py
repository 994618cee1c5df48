"""Timestamps parsed to milliseconds since 1970 (JSONata docs, `$toMillis`), from ISO 8601 or by a picture.

A picture need not name every part of a date. Parts more significant than all named ones are those of the current
time, less significant ones have their lowest value; a gap in between is D3136. So are dates by week, which jsonata-js
2.0.6 does not compute, and a day of the year with a time, an oversight of it.
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

#: The values read by markers, by component; None for an unknown name.
_Parts: TypeAlias = dict[str, float | None]

#: A longer regular expression would take long to compile; no date has so many parts.
_LONGEST_PATTERN: Final = 9_000

#: Timestamps that jsonata-js accepts and `Date.parse` understands; without a zone it is UTC.
_ISO: Final = re.compile(
    r"([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?"
    r"(?:T([01][0-9]|2[0-4]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]+))?)?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):?([0-5][0-9]))?"
)
#: The special characters of a regular expression; no others are escaped in literals.
_SPECIAL: Final = re.compile(r"[.*+?^${}()|[\]\\]")

#: Ways to name a date: the components that may be named, and all that are needed, most significant first. By day of
#: the month, by day of the year, by week of the month, by week of the year.
_DATES: Final = (("YMD", "YMD"), ("Yd", "YD"), ("Xxw", "XxwF"), ("XW", "XWF"))
#: The same for the time of day, with 24 hours and with twice twelve.
_TIMES: Final = (("Hmsf", "Hmsf"), ("Phmsf", "Phmsf"))


def read_iso(text: str) -> float:
    """The milliseconds of an ISO 8601 timestamp, whose trailing parts may be missing; NaN for any other text."""
    found = _ISO.fullmatch(text)
    if found is None:
        return math.nan
    year, month, day, hour, minute, second = (int(part or "0") for part in found.groups()[:6])
    millis = int((found[7] or "")[:3].ljust(3, "0"))
    if (hour == 24 and (minute or second or millis)) or (found[4] is None and found[8] is not None):
        return math.nan
    # The year is passed as months: `utc` maps the years 0 to 99 to the twentieth century.
    start = utc(1970, (year - 1970) * 12 + (month or 1) - 1, day or 1, hour, minute, second, millis)
    offset = int(found[9] or "0") * 60 + int(found[10] or "0")
    return start - offset * 60_000 * (-1 if found[8] == "-" else 1)


def read_timestamp(text: str, picture: str, now: int) -> float | None:
    """A timestamp parsed by a picture, or None if it does not match; `now` is in milliseconds since 1970.

    NaN if the parts are not a date. Raises D3130 to D3136, S0303 for time zone separators that do not form a regular
    expression, and U1001 for a picture that has too many parts or takes too long.
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
    """The search for the parts of a timestamp, and the markers that read them."""
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
    """The components of the first way that allows all present parts; a zero counts as absent."""
    possible = {component for named, _ in ways for component in named}
    there = {component for component in possible if _is_there(parts.get(component))}
    return next((components for named, components in ways if there and there <= set(named)), ways[0][1])


def _is_there(part: float | None) -> bool:
    """Whether the part is true in JavaScript."""
    return part is not None and not math.isnan(part) and part != 0


def _complete(parts: _Parts, components: str, now: int) -> dict[str, float]:
    """Add the missing parts of `components`.

    Those before the first present one are taken from the current time, those after the last one have their lowest
    value.
    """
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
    """The current value of a component; 0 for the half of the day, where jsonata-js has a word instead of a number."""
    return 0 if component == "P" else numeric_part(date(now), component)
