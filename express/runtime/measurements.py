"""Measurements made only on request: machines, durations of executions, waits for admission, lag of the event loop.

The event loop's lag is that of a timer due ten times a second: whatever ran when it was due has delayed everything
else for as long. uvloop's timers tick in milliseconds, so a lag of up to one comes from the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.counting import Durations, Histogram

if TYPE_CHECKING:
    import asyncio

    from express.program import Host, Machine

#: Seconds between two measurements of the loop's lag.
LOOK_EVERY = 0.1
_LOOK_EVERY_NS = int(LOOK_EVERY * 1_000_000_000)


class Measurements:
    """Plain integers, like a Tally; `machines` are those registered, by identity."""

    def __init__(self, host: Host) -> None:
        self.machines: dict[int, Machine] = {}
        self.admission_wait = Histogram()
        self.loop_lag = Histogram()
        self._host = host
        self._loop: asyncio.AbstractEventLoop
        self._due_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    def meet(self, machine: Machine) -> None:
        """Register a machine: from now on the durations of its executions are counted too."""
        machine.known_to = self
        self.machines[id(machine)] = machine
        if machine.tally.durations is None:
            machine.tally.durations = Durations(machine.tally.duration_ns)

    def part(self, machine: Machine) -> None:
        """Forget a machine; if it runs again, it is registered anew."""
        self.machines.pop(id(machine), None)
        machine.known_to = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure the lag of the loop periodically, until `rest`."""
        self.rest()
        self._loop = loop
        self._set()

    def rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        self._due_ns = self._host.monotonic_ns() + _LOOK_EVERY_NS
        self._timer = self._loop.call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        self.loop_lag.observe(max(self._host.monotonic_ns() - self._due_ns, 0))
        self._set()
