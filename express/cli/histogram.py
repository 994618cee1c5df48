"""Latency percentiles over any number of executions in a few dozen kilobytes.

A log-linear histogram in the manner of HdrHistogram: every power of two is cut into 128 equal buckets, so a bucket is
at most 1/128 of its value wide and a percentile read from its middle is off by at most 1/256 (0.4 %), whether the
value is a microsecond or five minutes. Small values are exact. Histograms of different runs or processes add bucket
by bucket: their sum is what one histogram of all the values would have been.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_BITS = 7
_LINEAR = 2 << _BITS


class Histogram:
    """Counts non-negative ints (here: nanoseconds) and answers percentiles of them. `total` is their exact sum."""

    __slots__ = ("_counts", "count", "maximum", "total")

    def __init__(self) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.count = 0
        self.total = 0
        self.maximum = 0

    def record(self, value: int) -> None:
        """Count one value."""
        if value < _LINEAR:
            self._counts[value] += 1
        else:
            shift = value.bit_length() - _BITS - 1
            self._counts[(shift << _BITS) + (value >> shift)] += 1
        self.count += 1
        self.total += value
        if value > self.maximum:
            self.maximum = value

    def add(self, other: Histogram) -> None:
        """Count everything that `other` has counted."""
        counts = self._counts
        for bucket, count in other._counts.items():
            counts[bucket] += count
        self.count += other.count
        self.total += other.total
        self.maximum = max(self.maximum, other.maximum)

    @property
    def mean(self) -> float:
        """The exact mean; 0.0 if empty."""
        return self.total / self.count if self.count else 0.0

    @property
    def minimum(self) -> int:
        """The lower edge of the lowest bucket: at most 1/128 below the smallest value; 0 if empty."""
        return _lower_edge(min(self._counts)) if self._counts else 0

    def percentiles(self, ranks: Sequence[float]) -> list[int]:
        """Return the value below which each of `ranks` (ascending, 0 to 100) percent of the counted values lie.

        An empty histogram gives 0. No value above the true maximum is reported.
        """
        answers: list[int] = []
        seen = 0
        buckets = iter(sorted(self._counts.items()))
        middle = 0
        for rank in ranks:
            wanted = rank / 100 * self.count
            while seen < wanted:
                bucket, count = next(buckets)
                seen += count
                middle = min(_middle(bucket), self.maximum)
            answers.append(middle)
        return answers

    def buckets(self) -> Iterator[tuple[int, int]]:
        """Yield the middle of every bucket that is not empty, ascending, and how many values it holds."""
        for bucket, count in sorted(self._counts.items()):
            yield min(_middle(bucket), self.maximum), count


def sum_of(histograms: Iterable[Histogram]) -> Histogram:
    """Return one histogram of everything these have counted."""
    whole = Histogram()
    for histogram in histograms:
        whole.add(histogram)
    return whole


def _middle(bucket: int) -> int:
    """Return the value in the middle of a bucket: its lower edge plus half its width."""
    if bucket < _LINEAR:
        return bucket
    return _lower_edge(bucket) + (1 << _shift(bucket) >> 1)


def _lower_edge(bucket: int) -> int:
    if bucket < _LINEAR:
        return bucket
    shift = _shift(bucket)
    return (bucket - (shift << _BITS)) << shift


def _shift(bucket: int) -> int:
    return (bucket >> _BITS) - 1
