"""TimeoutSeconds and HeartbeatSeconds of a Task (ASL spec "Timeouts"; AWS guide "Task workflow state").

Each is constant or read from the state's input, again for each attempt. They are only evaluated here; the host
enforces them (`Host.within`). A value by path that is no number, or not positive, fails the state with the text
recorded for SecondsPath; one above AWS's maximum is reduced to the maximum.

Whether AWS accepts a string of digits there is recorded nowhere. It is accepted here: AWS says that other strings
"cannot be parsed", and for the paths of a Map, which have a similar error text, such strings are recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from express.definition import messages
from express.definition.lookalikes import warn_of_missing_path
from express.errors import RUNTIME, EngineError, PathNotFound
from express.expressions.jsonata.fields import Query
from express.expressions.jsonpath import Path, build_path
from express.expressions.paths import invalid_path
from express.program import Frame, Heartbeat
from express.states.flow import read_reference_field
from express.states.jsonata_fields import holds_query, read_query_field
from express.states.numbers import MAX_SECONDS, QueryNumber, long_of, shown

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.states.flow import Flow
    from express.types import JSON

#: `limits(data, frame)`: the timeout of a task in seconds, and its heartbeat; None where the definition sets none.
Limits: TypeAlias = Callable[["JSON", Frame], "tuple[float | None, Heartbeat | None]"]


@dataclass(slots=True)
class TimeLimits:
    """The fields as read: each limit in seconds, a path or an expression."""

    timeout: int | Path | Query | None
    heartbeat: int | Path | Query | None


def read_limits(fields: Fields) -> TimeLimits | None:
    """TimeoutSeconds, HeartbeatSeconds and their Path forms; None where the state has none of them."""
    timeout, heartbeat = _read_seconds(fields, "TimeoutSeconds"), _read_seconds(fields, "HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        fields.report("HeartbeatSeconds", messages.HEARTBEAT_TOO_LONG)
    return None if timeout is None and heartbeat is None else TimeLimits(timeout, heartbeat)


def _read_seconds(fields: Fields, name: str) -> int | Path | Query | None:
    """A time limit: a literal, a path, or in JSONata an expression."""
    if holds_query(fields, name):
        return read_query_field(fields, name)
    seconds = fields.integer(name, minimum=1, maximum=MAX_SECONDS)
    if fields.is_jsonata:
        return seconds
    path = read_reference_field(fields, f"{name}Path")
    fields.exclusive(name, f"{name}Path")
    warn_of_missing_path(fields, name)
    return seconds if path is None else path


def build_limits(node: TimeLimits, flow: Flow) -> Limits:
    """The limits of one attempt. Raises EngineError if a path or an expression gives no valid number of seconds."""
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
