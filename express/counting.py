"""Counts of the engine, as plain integers: written by the event loop's thread, read by whoever wants to know.

Counting is free (law 7): the hot path adds to slots that exist anyway, once per execution, and everything derived
(sums, totals, what a bill is made from) is worked out when somebody reads. A reader in another thread sees numbers that
are a little older or newer than each other, and none of them ever goes down.

What is not free, sorting durations into a histogram, is done only for somebody who has asked for it: `Tally.durations`
is None until then. The bounds are of a factor of about 2.15, three for each power of ten, from 10 us to the 300 s an
Express execution may take: each bucket is narrow enough for a percentile that means something, and there are few enough
to have a set of them for every workflow.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Any, Final, NamedTuple

_NS = 1_000_000_000

#: Upper bounds of the buckets in nanoseconds, inclusive; what is longer than the last has a bucket of its own.
BOUNDS_NS: Final = (
    *(digits * 10**exponent for exponent in range(2, 9) for digits in (100, 215, 460)),
    *(seconds * _NS for seconds in (100, 215, 300)),
)
BUCKETS: Final = len(BOUNDS_NS) + 1

#: Error names that are counted one by one, for each workflow: they come from handlers, and even from data.
MAX_ERROR_NAMES: Final = 100
MAX_ERROR_NAME: Final = 128
#: Where the others are counted, and those that have no name.
OTHER: Final = "other"
UNNAMED: Final = "unnamed"


class Exemplar(NamedTuple):
    """One execution of a bucket: its name, how long it took, and when it ended in nanoseconds since the epoch."""

    execution: str
    duration_ns: int
    time_ns: int


class Bucket:
    """How many durations were `above` one bound and not above the next (nanoseconds).

    `exemplar` is one of them; `wanted`: it has been read, or there is none, and the next to come shall replace it.
    """

    __slots__ = ("above", "bound", "count", "exemplar", "wanted")

    def __init__(self, above: float, bound: float) -> None:
        self.above = above
        self.bound = bound
        self.count = 0
        self.exemplar: Exemplar | None = None
        self.wanted = True


#: The bucket nothing falls into.
_NONE: Final = Bucket(0, -1)


class Histogram:
    """How often something took how long, and how long all of it took."""

    __slots__ = ("buckets", "total_ns")

    def __init__(self) -> None:
        self.buckets = [Bucket(above, bound) for above, bound in pairwise((-1, *BOUNDS_NS, inf))]
        self.total_ns = 0

    def observe(self, duration_ns: int) -> None:
        self.buckets[bisect_left(BOUNDS_NS, duration_ns)].count += 1
        self.total_ns += duration_ns

    @property
    def counts(self) -> list[int]:
        """The counts of the buckets, not added up."""
        return [bucket.count for bucket in self.buckets]


class Durations(Histogram):
    """How long the executions of a workflow took, with an execution to show for each bucket.

    Most executions of a workflow fall into the bucket of the one before. So whoever has a duration looks whether it is
    of the `latest`, and counts it there; only otherwise is the bucket searched for (`count`). The sum is in the tally
    already: `before_ns` is what it had come to before.
    """

    __slots__ = ("before_ns", "latest")

    def __init__(self, before_ns: int) -> None:
        super().__init__()
        self.before_ns = before_ns
        self.latest = _NONE

    def count(self, duration_ns: int, run: Any) -> None:
        """Count a duration that is not of the latest bucket. `run` is the execution, still whole."""
        bucket = self.latest = self.buckets[bisect_left(BOUNDS_NS, duration_ns)]
        bucket.count += 1
        if bucket.wanted:
            bucket.wanted = False
            bucket.exemplar = Exemplar(run.execution_name, duration_ns, run.host.time_ns())

    def exemplars(self) -> list[Exemplar | None]:
        """An execution for each bucket: the first since they were read before, if there was one since."""
        exemplars = [bucket.exemplar for bucket in self.buckets]
        for bucket in self.buckets:
            bucket.wanted = True
        # What comes next is searched for, so that it is seen that it is wanted.
        self.latest = _NONE
        return exemplars


@dataclass(slots=True)
class Tally:
    """What a machine's executions came to, folded once per execution.

    `started` and the five after it are numbers of executions, `duration_ns` is the sum of their durations. Nearly every
    execution is billed for one step of 100 ms and one of 64 MB and takes the machine's base memory; `more_*` is what
    the others have on top: steps of duration, steps of memory, units (the product of both), bytes.
    `errors` counts executions that ended in an error by its name, a bounded number of names.
    """

    started: int = 0
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    aborted: int = 0
    duration_ns: int = 0
    more_duration_steps: int = 0
    more_memory_steps: int = 0
    more_units: int = 0
    more_bytes: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    durations: Durations | None = None

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.timed_out + self.aborted

    @property
    def billed_units(self) -> int:
        """What AWS would bill for them, in units of 100 ms x 64 MB."""
        return self.ended + self.more_units

    @property
    def billed_duration_steps(self) -> int:
        """What AWS would bill for their durations, in steps of 100 ms."""
        return self.ended + self.more_duration_steps

    @property
    def billed_memory_steps(self) -> int:
        """What AWS would bill for their memory, in steps of 64 MB."""
        return self.ended + self.more_memory_steps

    def memory_bytes(self, base: int) -> int:
        """The memory they were metered at; `base` is what one without fan-out takes."""
        return self.ended * base + self.more_bytes

    def count_error(self, error: str | None) -> None:
        name = error or UNNAMED
        errors = self.errors
        if name not in errors and (len(errors) >= MAX_ERROR_NAMES or len(name) > MAX_ERROR_NAME):
            name = OTHER
        errors[name] = errors.get(name, 0) + 1
