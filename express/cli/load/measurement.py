"""One finished measurement with the content of every report, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final

from express.pricing import express_bill, gigabyte_seconds, standard_bill

if TYPE_CHECKING:
    from express.cli.histogram import Histogram
    from express.cli.load.comparison import Comparison
    from express.cli.load.recording import Recording
    from express.cli.load.schedule import Load
    from express.cli.load.thresholds import Verdict

#: The percentiles of every report.
RANKS: Final = (50, 75, 90, 99, 99.9, 99.99)
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """What was measured, under which load, on which machine.

    inputs: how many different ones were cycled through. workers: processes. machine: its properties, name to value.
    """

    workflow: str
    definition: str
    inputs: int
    workers: int
    load: Load
    machine: dict[str, str | int | float]


@dataclass(frozen=True)
class Measurement:
    """A recording in its setting; `verdicts` and `comparison` if requested."""

    setting: Setting
    recording: Recording
    verdicts: tuple[Verdict, ...] = ()
    comparison: Comparison | None = None
    interrupted: bool = False

    @cached_property
    def latencies(self) -> Histogram:
        """Latencies of all executions that succeeded."""
        return self.recording.latencies()

    @property
    def missed(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.kept]

    def million_express(self) -> Decimal | None:
        """USD on AWS for a million executions like these, None if none ended."""
        recording = self.recording
        if not recording.ended:
            return None
        scale = Decimal(_MILLION) / recording.ended
        return express_bill(_MILLION, gigabyte_seconds(recording.billed_mb_ms * scale)).total

    def million_standard(self) -> Decimal | None:
        """The same as Standard workflows, by the average number of state transitions."""
        recording = self.recording
        if not recording.transitions_of:
            return None
        return standard_bill(round(recording.transitions * _MILLION / recording.transitions_of)).total


def describe_machine() -> dict[str, str | int | float]:
    """Interpreter, event loop and machine; `load` is the average number of runnable processes of the last minute."""
    import os
    import platform
    import sys
    from importlib.metadata import PackageNotFoundError, version

    import express

    try:
        uvloop = version("uvloop")
    except PackageNotFoundError:
        uvloop = "none"
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0
    return {
        "express": express.__version__,
        "python": f"{platform.python_version()} {sys.implementation.name}",
        "uvloop": uvloop,
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count() or 0,
        "load": load,
    }
