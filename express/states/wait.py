"""Wait: until a number of seconds has passed or a time is reached (ASL spec "Wait State").

Seconds may be 0; a Timestamp is truncated to whole seconds (AWS guide), and one in the past does not wait. AWS's
longest wait is 2^31 - 1 seconds; an Express execution's limit of five minutes ends it long before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from express.definition import messages
from express.definition.lookalikes import warn_of_missing_path
from express.errors import RUNTIME, EngineError, EvaluationFailed, PathNotFound
from express.expressions.jsonata.fields import Query
from express.expressions.jsonpath import Path, build_path
from express.expressions.timestamps import parse_timestamp
from express.program import WAITING
from express.states.flow import read_reference_field
from express.states.jsonata_fields import build_text, holds_query, read_query_field
from express.states.numbers import MAX_SECONDS, QueryNumber, long_of, shown
from express.states.state import Linker, Node, Surroundings, read_flow, read_transition

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Frame, Host, Step
    from express.types import JSON

_SECOND = 1_000_000_000
#: Maximum delay in seconds, Java's int: a longer one is "too long" (recorded for more than 24,855 days).
MAX_DELAY = 2**31 - 1

#: Seconds to wait, from the state's effective input.
Delay = Callable[["JSON", "Frame"], float]


@dataclass(slots=True)
class Wait(Node):
    TYPE: ClassVar[str] = "Wait"

    seconds: int | Path | Query | None = None
    timestamp: int | Path | Query | None = None

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_flow(fields, jsonpath=("InputPath", "OutputPath", "Assign"), jsonata=("Output", "Assign"))
        if holds_query(fields, "Seconds"):
            self.seconds = read_query_field(fields, "Seconds")
        else:
            self.seconds = fields.integer("Seconds", minimum=0, maximum=MAX_SECONDS)
        if holds_query(fields, "Timestamp"):
            self.timestamp = read_query_field(fields, "Timestamp")
        else:
            self.timestamp = _read_timestamp(fields)
        if not fields.is_jsonata:
            self.seconds = read_reference_field(fields, "SecondsPath") or self.seconds
            self.timestamp = read_reference_field(fields, "TimestampPath") or self.timestamp
            warn_of_missing_path(fields, "Seconds", "Timestamp")
        fields.exclusive("SecondsPath", "Seconds", "TimestampPath", "Timestamp", required=True)
        read_transition(self, fields)

    def build(self, step: Step, link: Linker) -> None:
        prepare = self.flow.build_prepare()
        leave = self.flow.build_leave(step, self.following(link))
        factor, constant = self.flow.growth()
        delay = self._build_delay()

        def run(frame: Frame) -> Step:
            data = frame.data if prepare is None else prepare(frame.data, frame)
            seconds = delay(data, frame)
            if seconds > 0:
                run = frame.run
                if not frame.entered:
                    run.events = frame.entered = run.events + 1
                frame.awaiting = wait(run.host, seconds, data)
                return WAITING
            return leave(frame, frame.data, data, factor * frame.size + constant)

        async def wait(host: Host, seconds: float, data: JSON) -> JSON:
            await host.sleep(seconds)
            return data

        def resume(frame: Frame, data: JSON) -> Step:
            following = leave(frame, frame.data, data, factor * frame.size + constant)
            frame.run.events += 1
            return following

        step.blocks = True
        step.run = run
        step.resume = resume

    def _build_delay(self) -> Delay:
        if self.timestamp is None:
            return _build_seconds(self.seconds or 0)
        return _build_timestamp(self.timestamp)


def _read_timestamp(fields: Fields) -> int | None:
    text = fields.text("Timestamp")
    moment = None if text is None else parse_timestamp(text)
    if text is not None and moment is None:
        fields.report("Timestamp", messages.NOT_A_TIMESTAMP)
    return moment


def _build_seconds(seconds: int | Path | Query) -> Delay:
    if isinstance(seconds, Path):
        return _seconds_from(seconds)
    if isinstance(seconds, Query):
        number = QueryNumber(seconds, minimum=0).build()
        return lambda data, frame: _within_limit(number(data, frame))
    return lambda data, frame: seconds


def _build_timestamp(moment: int | Path | Query) -> Delay:
    if isinstance(moment, Path):
        return _timestamp_from(moment)
    if isinstance(moment, Query):
        return _timestamp_of(moment)
    return lambda data, frame: _until(moment, frame)


def _seconds_from(path: Path) -> Delay:
    lookup = build_path(path)

    def delay(data: JSON, frame: Frame) -> float:
        try:
            value = lookup(data, frame)
        except PathNotFound:
            raise EngineError(
                RUNTIME, f"The SecondsPath parameter does not reference an input value: {path.text}"
            ) from None
        seconds = long_of("SecondsPath", path, value)
        if seconds < 0:
            raise EngineError(
                RUNTIME, f"The SecondsPath parameter references a negative value: {path.text} == {shown(value)}"
            )
        return _within_limit(seconds)

    return delay


def _timestamp_from(path: Path) -> Delay:
    lookup = build_path(path)

    def delay(data: JSON, frame: Frame) -> float:
        try:
            value = lookup(data, frame)
        except PathNotFound:
            raise EngineError(
                RUNTIME, f"The TimestampPath parameter does not reference an input value: {path.text}"
            ) from None
        moment = parse_timestamp(value) if isinstance(value, str) else None
        if moment is None:
            raise EngineError(
                RUNTIME,
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format "
                f"string: {path.text} == {shown(value)}",
            )
        return _until(moment, frame)

    return delay


def _timestamp_of(query: Query) -> Delay:
    text = build_text(query)

    def delay(data: JSON, frame: Frame) -> float:
        value = text(data, frame)
        moment = parse_timestamp(value)
        if moment is None:
            raise EvaluationFailed(
                f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {value}",
                query.field,
                has_value=True,
            )
        return _until(moment, frame)

    return delay


def _until(moment: int, frame: Frame) -> float:
    """Seconds from now to `moment` (nanoseconds since the epoch), truncated to a whole second; never negative."""
    return _within_limit((moment // _SECOND * _SECOND - frame.run.host.time_ns()) / _SECOND)


def _within_limit(seconds: float) -> float:
    if seconds > MAX_DELAY:
        raise EngineError(RUNTIME, "Wait state delay is too long.")
    return max(seconds, 0)
