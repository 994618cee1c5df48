"""What a Runtime counts only when somebody asks for it: which machines it runs, how long executions take, how long
starts wait for a place, how late the event loop is.

The event loop's lag is that of a timer which should come ten times a second: what ran when it was due has held up
everything else for as long. uvloop's timers tick in milliseconds, so a lag of up to one is the clock's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.counting import Durations, Histogram

if TYPE_CHECKING:
    import asyncio

    from express.program import Host, Machine

#: Seconds between two looks at the loop.
LOOK_EVERY = 0.1
_LOOK_EVERY_NS = int(LOOK_EVERY * 1_000_000_000)


class Measurements:
    """Plain integers, like a Tally; `machines` are those met so far, by identity."""

    def __init__(self, host: Host) -> None:
        self.machines: dict[int, Machine] = {}
        self.admission_wait = Histogram()
        self.loop_lag = Histogram()
        self._host = host
        self._loop: asyncio.AbstractEventLoop
        self._due_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    def meet(self, machine: Machine) -> None:
        """From now on the durations of the machine's executions are counted too."""
        machine.known_to = self
        self.machines[id(machine)] = machine
        if machine.tally.durations is None:
            machine.tally.durations = Durations(machine.tally.duration_ns)

    def part(self, machine: Machine) -> None:
        """Forget the machine; should it run again, it is met anew."""
        self.machines.pop(id(machine), None)
        machine.known_to = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the loop every now and then, until `rest`."""
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
