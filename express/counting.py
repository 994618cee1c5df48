"""Counts of the engine, as plain integers: written by the event loop's thread, read by whoever wants to know.

Counting is free (law 7): the hot path adds to slots that exist anyway, once per execution, and everything derived
(sums, totals, what a bill is made from) is worked out when somebody reads. A reader in another thread sees numbers that
are a little older or newer than each other, and none of them ever goes down.

What is not free, sorting durations into a histogram, is done only while somebody has asked for it: `Tally.durations`
is None until then. The bounds are of a factor of about 2.15, three for each power of ten, from 10 us to the 300 s an
Express execution may take: each bucket is narrow enough for a percentile that means something, and there are few enough
to have a set of them for every workflow.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
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


#: Neighbouring bounds are more than a factor of two apart, so no two of them have as many bits. A duration is counted
#: by its number of bits and by whether it is above the bound of that many bits (or above one there is not, which
#: nothing is): two look-ups in the place of a search. `_BUCKETS` tells which bucket a place belongs to.
_MOST_BITS = 64
SPLITS: Final = [
    next((bound for bound in BOUNDS_NS if bound.bit_length() == bits), 1 << _MOST_BITS)
    for bits in range(_MOST_BITS + 1)
]
_BUCKETS = [
    bisect_left(BOUNDS_NS, split + above if split in BOUNDS_NS else 1 << bits >> 1)
    for bits, split in enumerate(SPLITS)
    for above in (0, 1)
]


class Histogram:
    """How often something took how long: `counts` of each bucket (not added up), `total_ns` of all."""

    __slots__ = ("_places", "total_ns")

    def __init__(self) -> None:
        self._places = [0] * len(_BUCKETS)
        self.total_ns = 0

    def observe(self, duration_ns: int) -> None:
        bits = duration_ns.bit_length()
        self._places[bits + bits + (duration_ns > SPLITS[bits])] += 1
        self.total_ns += duration_ns

    @property
    def counts(self) -> list[int]:
        return _folded(self._places)


def _folded(places: list[int]) -> list[int]:
    counts = [0] * BUCKETS
    for bucket, count in zip(_BUCKETS, places, strict=True):
        counts[bucket] += count
    return counts


class Exemplar(NamedTuple):
    """One execution of a bucket: its name, how long it took, and when it ended in nanoseconds since the epoch."""

    execution: str
    duration_ns: int
    time_ns: int


class Durations:
    """How long the executions of a workflow took, since it was asked for, with an execution to show for each bucket.

    The sum is in the tally already; `before_ns` is what it had come to before.
    """

    __slots__ = ("_fresh", "_kept", "_places", "before_ns")

    def __init__(self, before_ns: int = 0) -> None:
        self.before_ns = before_ns
        self._places = [0] * len(_BUCKETS)
        #: The first execution of each place since the last reading, and what was read.
        self._fresh: list[Exemplar | None] = [None] * len(_BUCKETS)
        self._kept: list[Exemplar | None] = [None] * BUCKETS

    def observe(self, duration_ns: int, run: Any) -> None:
        """`run` is the execution, still whole: its name is asked for now and then."""
        bits = duration_ns.bit_length()
        place = bits + bits + (duration_ns > SPLITS[bits])
        self._places[place] += 1
        if self._fresh[place] is None:
            self._fresh[place] = Exemplar(run.execution_name, duration_ns, run.host.time_ns())

    @property
    def counts(self) -> list[int]:
        return _folded(self._places)

    def exemplars(self) -> list[Exemplar | None]:
        """The latest execution known for each bucket; reading them makes room for newer ones. For one reader."""
        for place, exemplar in enumerate(self._fresh):
            if exemplar is not None:
                self._kept[_BUCKETS[place]] = exemplar
                self._fresh[place] = None
        return list(self._kept)


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
