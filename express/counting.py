"""Counters of the engine: plain integers, written by the event loop's thread and readable from any thread.

Counting is free (law 7): the hot path adds to slots that exist anyway, once per execution, and all derived values
(sums, totals, the basis of a bill) are computed when they are read. A reader in another thread may see numbers of
slightly different moments; none of them ever decreases.

Sorting durations into a histogram has a cost, so it happens only on request: `Tally.durations` is None until then.
Each bound is about 2.15 times the one before, three for each power of ten, from 10 us to the 300 s an Express
execution may take: buckets are narrow enough for meaningful percentiles, and few enough for a set per workflow.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Any, Final, NamedTuple

_NS = 1_000_000_000

#: Upper bounds of the buckets in nanoseconds, inclusive; longer durations have a bucket of their own.
BOUNDS_NS: Final = (
    *(digits * 10**exponent for exponent in range(2, 9) for digits in (100, 215, 460)),
    *(seconds * _NS for seconds in (100, 215, 300)),
)
BUCKETS: Final = len(BOUNDS_NS) + 1

#: Error names counted separately, for each workflow, and their longest length: they come from handlers, and even from
#: data.
MAX_ERROR_NAMES: Final = 100
MAX_ERROR_NAME: Final = 128
#: The names under which all others are counted, and errors without a name.
OTHER: Final = "other"
UNNAMED: Final = "unnamed"


class Exemplar(NamedTuple):
    """One execution of a bucket: its name, its duration, and its end in nanoseconds since the epoch."""

    execution: str
    duration_ns: int
    time_ns: int


class Bucket:
    """The number of durations that were greater than `above` and at most `bound` (nanoseconds).

    `exemplar` is one of them; `wanted`: it has been read, or there is none, and the next execution replaces it.
    """

    __slots__ = ("above", "bound", "count", "exemplar", "wanted")

    def __init__(self, above: float, bound: float) -> None:
        self.above = above
        self.bound = bound
        self.count = 0
        self.exemplar: Exemplar | None = None
        self.wanted = True


#: A bucket that no duration falls into.
_NONE: Final = Bucket(0, -1)


class Histogram:
    """Counts of durations by bucket, and the sum of all durations."""

    __slots__ = ("buckets", "total_ns")

    def __init__(self) -> None:
        self.buckets = [Bucket(above, bound) for above, bound in pairwise((-1, *BOUNDS_NS, inf))]
        self.total_ns = 0

    def observe(self, duration_ns: int) -> None:
        self.buckets[bisect_left(BOUNDS_NS, duration_ns)].count += 1
        self.total_ns += duration_ns

    @property
    def counts(self) -> list[int]:
        """The counts of the buckets, not cumulative."""
        return [bucket.count for bucket in self.buckets]


class Durations(Histogram):
    """The durations of a workflow's executions, with an example execution for each bucket.

    Most executions of a workflow fall into the same bucket as the one before. So the caller first checks whether a
    duration falls into `latest`, and counts it there; only otherwise is the bucket searched for (`count`). The sum is
    in the tally already: `before_ns` is its value before the first duration.
    """

    __slots__ = ("before_ns", "latest")

    def __init__(self, before_ns: int) -> None:
        super().__init__()
        self.before_ns = before_ns
        self.latest = _NONE

    def count(self, duration_ns: int, run: Any) -> None:
        """Count a duration outside the latest bucket. `run` is the execution, still intact."""
        bucket = self.latest = self.buckets[bisect_left(BOUNDS_NS, duration_ns)]
        bucket.count += 1
        if bucket.wanted:
            bucket.wanted = False
            bucket.exemplar = Exemplar(run.execution_name, duration_ns, run.host.time_ns())

    def exemplars(self) -> list[Exemplar | None]:
        """An execution for each bucket: the first since the previous reading, else the one read then."""
        exemplars = [bucket.exemplar for bucket in self.buckets]
        for bucket in self.buckets:
            bucket.wanted = True
        # Make the next duration go through `count`, which sees that an exemplar is wanted.
        self.latest = _NONE
        return exemplars


@dataclass(slots=True)
class Tally:
    """The totals of a machine's executions, updated once per execution, or for a row of short ones together.

    `started` and the four after it are numbers of executions, `duration_ns` is the sum of their durations. Nearly
    every execution is billed for one step of 100 ms and one of 64 MB and has the machine's base memory; `more_*` is
    what the others have in addition: steps of duration, steps of memory, units (the product of both), bytes. `errors`
    counts executions that ended in an error by its name, a bounded number of names.
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
        """The units of 100 ms x 64 MB that AWS would bill."""
        return self.ended + self.more_units

    @property
    def billed_duration_steps(self) -> int:
        """The steps of 100 ms that AWS would bill."""
        return self.ended + self.more_duration_steps

    @property
    def billed_memory_steps(self) -> int:
        """The steps of 64 MB that AWS would bill."""
        return self.ended + self.more_memory_steps

    def memory_bytes(self, base: int) -> int:
        """The sum of their metered memory; `base` is that of an execution without fan-out."""
        return self.ended * base + self.more_bytes

    def count_error(self, error: str | None) -> None:
        name = error or UNNAMED
        errors = self.errors
        if name not in errors and (len(errors) >= MAX_ERROR_NAMES or len(name) > MAX_ERROR_NAME):
            name = OTHER
        errors[name] = errors.get(name, 0) + 1
