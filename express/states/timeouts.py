"""TimeoutSeconds and HeartbeatSeconds of a Task (ASL spec "Timeouts"; AWS guide "Task workflow state").

Each is constant or read from the state's input, anew for each attempt. What they come to is enforced by the host
(`Host.within`); here they are only evaluated. A value by path that is no number, or not positive, fails the state in
the words recorded for SecondsPath; one beyond AWS's maximum is taken as the maximum.

Whether AWS takes a string of digits there is recorded nowhere. It is taken: AWS says that others "cannot be parsed",
and for the paths of a Map, whose complaint is like this one, such strings are recorded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from express.errors import RUNTIME, EngineError, PathNotFound
from express.expressions.jsonata.fields import Query
from express.expressions.jsonpath import Path, build_path
from express.expressions.paths import invalid_path
from express.payload import text_of
from express.program import Frame, Heartbeat
from express.states.numbers import MAX_SECONDS, QueryNumber

if TYPE_CHECKING:
    from express.states.flow import Flow
    from express.types import JSON

_LONG = re.compile(r"[+-]?[0-9]{1,4000}")
_LONGS = 1 << 63

#: `limits(data, frame)`: the seconds a task may take, and its pulse; None where the definition sets none.
Limits: TypeAlias = Callable[["JSON", Frame], "tuple[float | None, Heartbeat | None]"]


@dataclass(slots=True)
class TimeLimits:
    """The fields as read: each limit in seconds, by path or by an expression."""

    timeout: int | Path | Query | None = None
    heartbeat: int | Path | Query | None = None


def build_limits(node: TimeLimits, flow: Flow) -> Limits:
    """The limits of one attempt. Raises EngineError for a path or an expression that gives no number of seconds."""
    select = flow.build_select()
    timeout = _build_seconds("TimeoutSecondsPath", node.timeout)
    heartbeat = _build_seconds("HeartbeatSecondsPath", node.heartbeat)

    def limits(data: JSON, frame: Frame) -> tuple[float | None, Heartbeat | None]:
        if select is not None:
            data = select(data, frame)
        pulse = heartbeat(data, frame)
        return timeout(data, frame), None if pulse is None else Heartbeat(pulse)

    return limits


def _build_seconds(name: str, limit: int | Path | Query | None) -> Callable[[JSON, Frame], int | None]:
    if limit is None or isinstance(limit, int):
        return lambda data, frame: limit
    if isinstance(limit, Query):
        number = QueryNumber(limit, minimum=1).build()
        return lambda data, frame: min(number(data, frame), MAX_SECONDS)
    path, lookup = limit, build_path(limit)

    def seconds(data: JSON, frame: Frame) -> int:
        try:
            value = lookup(data, frame)
        except PathNotFound as error:
            raise invalid_path(error) from None
        number = long_of(name, path, value)
        if number <= 0:
            raise EngineError(
                RUNTIME, f"The {name} parameter references a non-positive value: {path.text} == {shown(value)}"
            )
        return min(number, MAX_SECONDS)

    return seconds


def long_of(name: str, path: Path, value: JSON) -> int:
    """The value of a field `name` as a Java long. Raises EngineError in AWS's words for what is none."""
    text = shown(value)
    if _LONG.fullmatch(text) is None or not -_LONGS <= (number := int(text)) < _LONGS:
        raise EngineError(RUNTIME, f"The {name} parameter cannot be parsed as a long value: {path.text} == {text}")
    return number


def shown(value: JSON) -> str:
    """A value as causes show it."""
    return value if isinstance(value, str) else text_of(value)
