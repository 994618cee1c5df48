"""Latency percentiles over any number of executions in a few kilobytes.

A log-linear histogram in the manner of HdrHistogram: every power of two is cut into 32 equal buckets, so a bucket is
at most 1/32 of its value wide and a percentile read from its middle is off by at most 1/64 (1.6 %), whether the
value is a microsecond or five minutes. Small values are exact. Two histograms of different runs add bucket by bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BITS = 5
_LINEAR = 2 << _BITS


class Histogram:
    """Counts non-negative ints (here: nanoseconds) and answers percentiles of them."""

    __slots__ = ("_counts", "count", "maximum")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.maximum = 0

    def record(self, value: int) -> None:
        """Count one value."""
        shift = max(value.bit_length() - _BITS - 1, 0)
        bucket = (shift << _BITS) + (value >> shift)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1
        self.maximum = max(self.maximum, value)

    def percentiles(self, ranks: Sequence[float]) -> list[int]:
        """Return the value below which each of `ranks` (ascending, 0 to 100) percent of the counted ones lie.

        An empty histogram answers 0. The highest values are never reported above the true maximum.
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


def _middle(bucket: int) -> int:
    """Return the value in the middle of a bucket: its lower edge plus half its width."""
    if bucket < _LINEAR:
        return bucket
    shift = (bucket >> _BITS) - 1
    return ((bucket - (shift << _BITS)) << shift) + (1 << shift >> 1)
