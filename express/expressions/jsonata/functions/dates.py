"""Date and time functions (JSONata docs, "Date/Time functions").

`$now` and `$millis` are constant within an evaluation. Pictures are mostly literals, so parsed ones are cached. An
invalid timestamp is D3110; jsonata-js gives NaN, which is not a JSON value.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from time import thread_time
from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.pictures.dates import read_date_picture
from express.expressions.jsonata.pictures.markers import Offset, read_offset
from express.expressions.jsonata.pictures.timestamps import read_iso, read_timestamp
from express.expressions.jsonata.values import UNDEFINED, Undefined, Value, number

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation

_ISO_8601: Final = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"
_UTC: Final = Offset()
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 (all is UTC here)
#: The end of the year 9999.
_LAST: Final = 253_402_300_799_999


@function("now", "<s?s?:s>", bounded=True)
def now(evaluation: Evaluation, picture: str | Undefined, timezone: str | Undefined) -> str:
    """The time of the evaluation, formatted as by `$fromMillis`."""
    return _write(evaluation, evaluation.millis, picture, timezone)


@function("millis", "<:n>", bounded=True)
def millis(evaluation: Evaluation) -> int:
    """The time of the evaluation in milliseconds since 1970 UTC."""
    return evaluation.millis


@function("fromMillis", "<n-s?s?:s>", bounded=True, cost=14)
def from_millis(
    evaluation: Evaluation, moment: float | Undefined, picture: str | Undefined, timezone: str | Undefined
) -> Value:
    """A date in milliseconds since 1970 UTC, formatted by a picture, by default as ISO 8601.

    `timezone` is an offset such as "-0500". Raises D3130 to D3135.
    """
    return UNDEFINED if isinstance(moment, Undefined) else _write(evaluation, moment, picture, timezone)


def _write(evaluation: Evaluation, moment: float, picture: str | Undefined, timezone: str | Undefined) -> str:
    if isinstance(picture, Undefined) and isinstance(timezone, Undefined) and 0 <= moment <= _LAST:
        return f"{(_EPOCH + timedelta(milliseconds=int(moment))).isoformat(timespec='milliseconds')}Z"
    picture = _ISO_8601 if isinstance(picture, Undefined) else picture
    evaluation.spend(len(picture))
    offset = _UTC if isinstance(timezone, Undefined) else read_offset(timezone)
    return read_date_picture(picture).write(evaluation, moment, offset)


@function("toMillis", "<s-s?:n>", bounded=True, cost=40)
def to_millis(evaluation: Evaluation, timestamp: str | Undefined, picture: str | Undefined) -> Value:
    """A timestamp as milliseconds since 1970 UTC, parsed as ISO 8601 or by a picture that it must match.

    Undefined if it does not match the picture. Raises D3110 for a timestamp that is not ISO 8601 or not a date, D3130
    to D3136 for pictures and parts that they leave open.
    """
    if isinstance(timestamp, Undefined):
        return UNDEFINED
    evaluation.spend(len(timestamp) >> 4)
    if isinstance(picture, Undefined):
        found: float | None = read_iso(timestamp)
    else:
        evaluation.spend(len(picture))
        started = thread_time()
        found = read_timestamp(timestamp, picture, evaluation.millis)
        evaluation.searched(thread_time() - started)
    if found is None:
        return UNDEFINED
    if math.isnan(found):
        raise JSONataError("D3110", value=timestamp)
    return number(found)
