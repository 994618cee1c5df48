"""Timestamps: RFC 3339 text to nanoseconds since the epoch and back.

Choice rules, Wait states and the context object share one notation: RFC 3339 with an upper-case `T` between date and
time and an upper-case `Z` or a numeric offset at the end (ASL spec, "Timestamps"). The service accepts up to nine
digits of fraction and refuses everything else, such as a space instead of `T` or a missing offset (recorded: "... is
not a valid ISO-8601 extended offset date-time format string"). Instants are whole nanoseconds, because a float of
seconds cannot distinguish two adjacent nanoseconds of the present.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Final

_SHAPE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
).fullmatch
_DATE_AND_TIME: Final = len("2016-03-14T01:59:00")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # naive on purpose: offsets are applied as plain seconds
_SECOND: Final = 1_000_000_000
_EPOCH_DAY: Final = _EPOCH.toordinal()
#: The largest offset from UTC a Java `ZoneOffset` can hold, in minutes.
_OFFSET_LIMIT: Final = 18 * 60


def parse_timestamp(text: str) -> int | None:
    """The instant `text` names, in nanoseconds since 1970-01-01T00:00:00Z, or None if it is not a timestamp."""
    shape = _SHAPE(text)
    if shape is None:
        return None
    try:
        since_epoch = datetime.fromisoformat(text[:_DATE_AND_TIME]) - _EPOCH
    except ValueError:  # a month 13, an hour 25, a 30th of February
        return None
    instant = (since_epoch.days * 86_400 + since_epoch.seconds) * _SECOND
    fraction, sign, hours, minutes = shape.groups()
    if fraction:
        instant += int(fraction.ljust(9, "0"))
    if sign is None:
        return instant
    offset = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or offset > _OFFSET_LIMIT:
        return None
    return instant - (offset if sign == "+" else -offset) * 60 * _SECOND


def format_timestamp(instant: int) -> str:
    """The RFC 3339 text of an instant in UTC with 0, 3, 6 or 9 digits of fraction, as few as it needs.

    `instant` is in nanoseconds since the epoch, within the years 1 to 9999. This is how the context object and the
    events print times: `2025-01-01T12:00:00Z`, `2025-01-01T12:00:00.250Z` (AWS guide, "Context object").
    """
    seconds, nanoseconds = divmod(instant, _SECOND)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    text = f"{_day(days)}T{hour:02d}:{minute:02d}:{second:02d}"
    if nanoseconds == 0:
        return f"{text}Z"
    if nanoseconds % 1_000_000 == 0:
        return f"{text}.{nanoseconds // 1_000_000:03d}Z"
    if nanoseconds % 1_000 == 0:
        return f"{text}.{nanoseconds // 1_000:06d}Z"
    return f"{text}.{nanoseconds:09d}Z"


@lru_cache(maxsize=16)
def _day(days: int) -> str:
    """The date `days` after 1970-01-01; cached, since nearly every printed time has the date of the one before."""
    return date.fromordinal(_EPOCH_DAY + days).isoformat()
