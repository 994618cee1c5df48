"""The load to put on a workflow, and the exact moments at which its executions should start.

Open loop: executions start at a rate, independently of those before them, as real events arrive. Closed loop: each of
a number of callers starts the next execution when its previous one has ended.

Work is dealt to the processes in turn: worker 2 of 4 has the starts 2, 6, 10, ... of the one schedule, so together
they are as even as one process would be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from express.cli.load.quantities import NS_PER_S

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Load:
    """One measurement to be made. Times are nanoseconds.

    rate: executions per second to start (open loop), or None for a closed loop.
    in_flight: callers of the closed loop; in the open loop the Runtime's limit on executions in flight.
    warmup: load before measuring begins; `duration`: the measured time; `drain`: how long to wait for what still runs
    then.
    """

    rate: Fraction | None
    in_flight: int
    warmup: int
    duration: int
    drain: int

    @property
    def is_open(self) -> bool:
        return self.rate is not None

    def share(self, worker: int, workers: int) -> Load:
        """The share of this load that one of `workers` processes takes."""
        own = self.in_flight // workers + (worker < self.in_flight % workers)
        return replace(self, in_flight=own)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every `workers`-th start of an open loop, from number `worker`, in nanoseconds after its beginning."""

    rate: Fraction
    worker: int = 0
    workers: int = 1

    def start_of(self, index: int) -> int:
        """When this worker's start number `index` is due; exact, so the schedule never drifts."""
        number = index * self.workers + self.worker
        return number * NS_PER_S * self.rate.denominator // self.rate.numerator

    def starts_before(self, length: int) -> int:
        """How many starts of this worker are due within `length` nanoseconds."""
        # The first number that is due at `length` or later, rounded up to the next of this worker's.
        numbers = -(-length * self.rate.numerator // (NS_PER_S * self.rate.denominator))
        return max(-(-(numbers - self.worker) // self.workers), 0)
