"""The measurements of one command: each applies a load with a new crew and shows its progress."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from express.cli.load.crew import Crew
from express.cli.load.interruption import Interruption
from express.cli.load.live import Live
from express.cli.load.quantities import NS_PER_S, render_rate
from express.cli.load.worker import Assignment
from express.cli.progress import choose_display

if TYPE_CHECKING:
    from fractions import Fraction

    from express.cli.load.measurement import Setting
    from express.cli.load.recording import Recording
    from express.cli.load.schedule import Load
    from express.types import MachineType


@dataclass(slots=True)
class Session:
    """What all measurements share: the workflow as the command line names it, its inputs as JSON texts.

    metrics: the socket where workers push their counts, or None.
    """

    setting: Setting
    definition: str
    stdin: bytes | None
    tasks: str | None
    machine_type: MachineType
    inputs: tuple[bytes, ...]
    progress: bool
    metrics: str | None = None
    _interruption: Interruption = field(default_factory=Interruption)

    def measure(self, load: Load) -> tuple[Recording, bool]:
        """Apply a load; return the recording, and whether it was interrupted before its end.

        Raises KeyboardInterrupt when there is nothing to show yet, CommandError when a worker fails.
        """
        total = load.warmup + load.duration
        with self._interruption.heeded(), Crew(self._assignments(load), self._interruption) as crew:
            begin = crew.begin()
            display = choose_display(wanted=self.progress)
            live = Live(display, begin, total)
            seconds = (begin - time.monotonic_ns() + total + load.drain) / NS_PER_S
            try:
                recording = crew.gather(seconds, live.hear)
            finally:
                if display is not None:
                    display.close()
        if self._interruption.wished and not recording.length:
            raise KeyboardInterrupt
        return recording, self._interruption.wished

    def measure_rate(self, rate: Fraction) -> Recording | None:
        """Measure one step of a sweep; None if it was interrupted, because a partial step is worthless."""
        if self.progress:
            print(f"{render_rate(rate)} ...", file=sys.stderr, flush=True)
        try:
            recording, interrupted = self.measure(replace(self.setting.load, rate=rate))
        except KeyboardInterrupt:
            return None
        return None if interrupted else recording

    def _assignments(self, load: Load) -> list[Assignment]:
        workers = self.setting.workers
        return [
            Assignment(
                self.definition,
                self.stdin,
                self.tasks,
                self.machine_type,
                self.inputs,
                load,
                worker,
                workers,
                self.metrics,
            )
            for worker in range(workers)
        ]
