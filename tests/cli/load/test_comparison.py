"""Confidence intervals: right against tables, honest about noise, able to see what is there."""

from __future__ import annotations

import math
import random

import pytest

from express.cli.load.comparison import MIN_SLICES, Sample, compare, difference, samples_of, student_quantile
from tests.cli.load.recordings import MS, recording_of, steady


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(4, 2.7764), (5, 2.5706), (10, 2.2281), (30, 2.0423), (120, 1.9799), (math.inf, 1.9600)],
)
def test_quantiles_of_student_as_in_the_tables(freedom: float, quantile: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(quantile, rel=5e-4)


def test_an_interval_worked_out_by_hand() -> None:
    """Variances 2.5 and 10 of five values each: error sqrt(2.5), 5.882 degrees of freedom, t 2.4587."""
    one = difference(Sample("p50", (1, 2, 3, 4, 5)), Sample("p50", (2, 4, 6, 8, 10)))
    assert (one.before, one.now) == (3, 6)
    margin = 2.4587 * math.sqrt(2.5)
    assert (one.low, one.high) == pytest.approx((3 - margin, 3 + margin), rel=1e-3)
    assert not one.shown


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(7)
    held = 0
    for _ in range(1_000):
        before, now = (
            Sample("p50", tuple(chance.gauss(10, spread) for _ in range(count))) for spread, count in ((1, 8), (3, 20))
        )
        one = difference(before, now)
        held += one.low <= 0 <= one.high
    assert 930 <= held <= 970


@pytest.mark.parametrize(
    ("name", "before", "now", "better"),
    [("rate", 100.0, 120.0, True), ("rate", 120.0, 100.0, False), ("p99", 5.0, 4.0, True), ("p99", 4.0, 5.0, False)],
)
def test_more_throughput_is_better_and_more_latency_is_worse(
    name: str, before: float, now: float, better: bool
) -> None:
    one = difference(*(Sample(name, (value - 0.1, value, value + 0.1)) for value in (before, now)))
    assert (one.shown, one.better) == (True, better)
    assert one.relative(one.now - one.before) == pytest.approx(now / before - 1)


def test_what_never_varied_differs_exactly() -> None:
    same = difference(Sample("p50", (1.0,) * 5), Sample("p50", (1.0,) * 5))
    assert (same.low, same.high, same.shown) == (0, 0, False)
    more = difference(Sample("p50", (0.0,) * 5), Sample("p50", (1.0,) * 5))
    assert (more.low, more.high, more.shown, more.relative(1.0)) == (1, 1, True, None)


def test_the_samples_of_a_recording_are_its_slices() -> None:
    samples = {sample.name: sample.values for sample in samples_of(steady(2, per_second=1_000, wobble=1))}
    assert samples["rate"][1:] == (1_000.0,) * 49
    assert samples["mean"][1:-1] == pytest.approx([2.5 * MS] * 48, rel=0.01)
    assert samples["p50"][1:-1] == pytest.approx([2 * MS] * 48, rel=0.01)
    assert samples["p90"][1:-1] == pytest.approx([3 * MS] * 48, rel=0.01)
    # 200 executions a slice: two lie above p99, too few to go by.
    assert list(samples) == ["rate", "mean", "p50", "p90"]


def test_a_difference_of_two_recordings() -> None:
    before, now = (samples_of(steady(latency, wobble=0.3)) for latency in (2, 3))
    found = {one.name: one for one in compare(before, now)}
    assert not found["rate"].shown
    assert found["p50"].shown
    assert found["mean"].now - found["mean"].before == pytest.approx(MS, rel=0.05)


def test_too_few_slices_are_not_compared() -> None:
    short = samples_of(recording_of([(0.001, 1)] * 100, length=20 * MS * (MIN_SLICES - 1)))
    assert compare(short, samples_of(steady(1))) == ()
