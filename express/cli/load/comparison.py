"""The differences between the figures of two measurements, and whether they are more than chance.

Each slice of a measurement gives one value of each figure (its rate, its p99), so a measurement is a sample and the
difference of two means has a confidence interval (Welch's t, which allows unequal variances). This is the method of
batch means: slices are long enough to be nearly independent of each other, executions are not.

The interval covers how a measurement varied while it ran. It does not cover that the machine was busier an hour ago;
only repeated, interleaved measurements show that.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.cli.load.recording import Recording

#: The confidence of every interval.
CONFIDENCE: Final = 0.95
#: Slices a measurement needs to be compared: with fewer the interval is meaningless.
MIN_SLICES: Final = 5
#: Executions above a percentile that slices must hold for the percentile to be compared.
_ABOVE: Final = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one figure, one for each slice; `name` is `rate`, `mean` or a percentile such as `p99`."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """`now - before` of the means of a figure, and the interval it lies in with CONFIDENCE."""

    name: str
    before: float
    now: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the interval excludes 0, so that there is a difference at all."""
        return self.low > 0 or self.high < 0

    def relative(self, value: float) -> float | None:
        """`value` as a fraction of the earlier mean; None if that was 0."""
        return value / self.before if self.before else None

    @property
    def better(self) -> bool:
        """Whether throughput rose, or any other figure fell."""
        return (self.now > self.before) == (self.name == "rate")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`other` names the earlier measurement; `remarks` say where the two conditions of measurement differ."""

    other: str
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...] = ()


def samples_of(recording: Recording) -> list[Sample]:
    """Every figure the slices of a recording allow: rates per second, latencies in nanoseconds."""
    slices = recording.full_slices()
    per_second = 1e9 / recording.slice_ns
    samples = [Sample("rate", tuple(piece.succeeded * per_second for piece in slices))]
    counted = [piece.latencies for piece in slices if piece.latencies.count]
    if not counted:
        return samples
    samples.append(Sample("mean", tuple(latencies.mean for latencies in counted)))
    usual = statistics.median(latencies.count for latencies in counted)
    for rank in (50, 90, 99, 99.9, 99.99):
        if usual * (100 - rank) / 100 >= _ABOVE:
            values = tuple(float(latencies.percentiles((rank,))[0]) for latencies in counted)
            samples.append(Sample(f"p{rank:g}", values))
    return samples


def compare(before: Sequence[Sample], now: Sequence[Sample]) -> tuple[Difference, ...]:
    """The differences of all figures that both measurements have, in the order of `now`."""
    known = {sample.name: sample for sample in before}
    return tuple(
        difference(known[sample.name], sample)
        for sample in now
        if sample.name in known and min(len(sample.values), len(known[sample.name].values)) >= MIN_SLICES
    )


def difference(before: Sample, now: Sample) -> Difference:
    """The difference of two means with Welch's confidence interval; each sample has at least two values."""
    means = statistics.fmean(before.values), statistics.fmean(now.values)
    first, second = (statistics.variance(one.values) / len(one.values) for one in (before, now))
    error = math.sqrt(first + second)
    freedom = math.inf
    if error:
        # Welch-Satterthwaite.
        parts = first**2 / (len(before.values) - 1) + second**2 / (len(now.values) - 1)
        freedom = (first + second) ** 2 / parts
    margin = student_quantile((1 + CONFIDENCE) / 2, freedom) * error
    delta = means[1] - means[0]
    return Difference(now.name, means[0], means[1], delta - margin, delta + margin)


def student_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t, from the normal one (Abramowitz and Stegun 26.7.5).

    Off by less than 1 % from three degrees of freedom on; MIN_SLICES guarantees at least four.
    """
    z = statistics.NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
