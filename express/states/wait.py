"""Wait: until a number of seconds has passed or a moment has come (ASL spec "Wait State").

Seconds may be 0; a Timestamp is cut to whole seconds (AWS guide) and one in the past does not wait. The longest
wait AWS takes is 2^31 - 1 seconds; in an Express workflow the execution's five minutes end it long before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from express.definition import messages
from express.definition.lookalikes import warn_of_missing_path
from express.errors import RUNTIME, EngineError, PathNotFound
from express.expressions.jsonpath import Path, build_path
from express.expressions.timestamps import parse_timestamp
from express.payload import text_of
from express.program import WAITING
from express.states.flow import (
    build_leave,
    build_prepare,
    prepare_growth,
    read_data_flow,
    read_reference_field,
)
from express.states.recovery import MAX_SECONDS
from express.states.state import Linker, Node, Surroundings, read_transition

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Frame, Host, Step
    from express.types import JSON

_SECOND = 1_000_000_000
#: Java's int milliseconds... of seconds: a delay beyond this is "too long" (recorded: 24 855 days).
MAX_DELAY = 2**31 - 1

#: Seconds to wait, from the state's effective input.
Delay = Callable[["JSON", "Frame"], float]


@dataclass(slots=True)
class Wait(Node):
    TYPE: ClassVar[str] = "Wait"

    seconds: int | None = None
    timestamp: int | None = None
    seconds_path: Path | None = None
    timestamp_path: Path | None = None

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_data_flow(fields, "InputPath", "OutputPath", "Assign")
        self.seconds = fields.integer("Seconds", minimum=0, maximum=MAX_SECONDS)
        text = fields.text("Timestamp")
        if text is not None:
            self.timestamp = parse_timestamp(text)
            if self.timestamp is None:
                fields.report("Timestamp", messages.NOT_A_TIMESTAMP)
        self.seconds_path = read_reference_field(fields, "SecondsPath")
        self.timestamp_path = read_reference_field(fields, "TimestampPath")
        fields.exclusive("SecondsPath", "Seconds", "TimestampPath", "Timestamp", required=True)
        warn_of_missing_path(fields, "Seconds", "Timestamp")
        read_transition(self, fields)

    def build(self, step: Step, link: Linker) -> None:
        prepare = build_prepare(self.flow)
        leave = build_leave(self.flow, step, self.following(link))
        factor, constant = prepare_growth(self.flow)
        delay = self._build_delay()

        def run(frame: Frame) -> Step:
            data = frame.data if prepare is None else prepare(frame.data, frame)
            seconds = delay(data, frame)
            if seconds > 0:
                run = frame.run
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
        if self.seconds_path is not None:
            return _seconds_from(self.seconds_path)
        if self.timestamp_path is not None:
            return _timestamp_from(self.timestamp_path)
        if self.timestamp is not None:
            moment = self.timestamp
            return lambda data, frame: _until(moment, frame)
        seconds = self.seconds or 0
        return lambda data, frame: seconds


def _seconds_from(path: Path) -> Delay:
    lookup = build_path(path)

    def delay(data: JSON, frame: Frame) -> float:
        try:
            value = lookup(data, frame)
        except PathNotFound:
            raise EngineError(
                RUNTIME, f"The SecondsPath parameter does not reference an input value: {path.text}"
            ) from None
        found = f"{path.text} == {value if isinstance(value, str) else text_of(value)}"
        if isinstance(value, bool) or not isinstance(value, int):
            raise EngineError(RUNTIME, f"The SecondsPath parameter cannot be parsed as a long value: {found}")
        if value < 0:
            raise EngineError(RUNTIME, f"The SecondsPath parameter references a negative value: {found}")
        return _within_limit(value)

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
                f"string: {path.text} == {value if isinstance(value, str) else text_of(value)}",
            )
        return _until(moment, frame)

    return delay


def _until(moment: int, frame: Frame) -> float:
    """Seconds from now to a moment in epoch nanoseconds, its fraction of a second cut off."""
    return _within_limit((moment // _SECOND * _SECOND - frame.run.host.time_ns()) / _SECOND)


def _within_limit(seconds: float) -> float:
    if seconds > MAX_DELAY:
        raise EngineError(RUNTIME, "Wait state delay is too long.")
    return max(seconds, 0)
