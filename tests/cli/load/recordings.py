"""Recordings made up by hand, for the tests of everything that reads one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.cli.load.measurement import Measurement, Setting
from express.cli.load.recording import Recorder, Recording
from express.cli.load.schedule import Load
from express.result import Names, Result

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from express.types import Status

MS = 1_000_000
SECOND = 1_000_000_000
#: What most of them are of: slices of 200 ms.
LENGTH = 10 * SECOND

_NAMES = Names(0)


def result(
    status: Status = "SUCCEEDED", error: str | None = None, cause: str | None = None, *, duration: int = MS
) -> Result:
    return Result.of(status, None, error, cause, 1, _NAMES, duration, 50_000_000)


def recording_of(latencies: Iterable[tuple[float, float]], *, length: int = LENGTH) -> Recording:
    """One of successes, given as (seconds after the beginning when it was due, milliseconds it took)."""
    recorder = Recorder(length, 0)
    for due, milliseconds in latencies:
        moment = round(due * SECOND)
        recorder.started(moment, moment)
        recorder.ended(moment, moment + round(milliseconds * MS), result())
    return recorder.close(length)


def steady(milliseconds: float, *, per_second: int = 100, wobble: float = 0.0) -> Recording:
    """One of ten seconds in which nothing happens; every other execution takes `wobble` ms longer."""
    return recording_of(
        (number / per_second, milliseconds + wobble * (number % 2)) for number in range(10 * per_second)
    )


def measurement_of(
    recording: Recording, *, rate: Fraction | None = None, workflow: str = "order", **more: object
) -> Measurement:
    load = Load(rate, 100, SECOND, LENGTH, 5 * SECOND)
    machine: dict[str, str | int | float] = {"python": "3.11.7 cpython", "cpus": 2, "system": "Linux", "load": 0.5}
    setting = Setting(workflow, "order.asl.json", 1, 1, load, machine)
    return Measurement(setting, recording, **more)  # type: ignore[arg-type]
