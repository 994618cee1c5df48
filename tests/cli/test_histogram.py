"""The histogram against exact percentiles of the same values."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.cli.histogram import Histogram

RANKS = (0.1, 50, 90, 99, 99.9, 100)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def exact(values: list[int], rank: float) -> int:
    """The smallest value with at least `rank` percent of all values at or below it."""
    ordered = sorted(values)
    position = next(index for index in range(len(ordered)) if index + 1 >= rank / 100 * len(ordered))
    return ordered[position]


@given(st.lists(st.integers(min_value=0, max_value=300_000_000_000), min_size=1, max_size=200))
def test_every_percentile_is_within_two_percent(values: list[int]) -> None:
    for rank, answer in zip(RANKS, filled(values).percentiles(RANKS), strict=True):
        assert answer == pytest.approx(exact(values, rank), rel=0.02)


def test_small_values_are_exact() -> None:
    assert filled(list(range(64))).percentiles((50, 100)) == [31, 63]


def test_never_above_the_maximum() -> None:
    histogram = filled([1_000_001])
    assert histogram.percentiles((100,))[0] <= 1_000_001
    assert histogram.maximum == 1_000_001


def test_empty() -> None:
    assert Histogram().percentiles((50, 99)) == [0, 0]


def test_memory_is_bounded() -> None:
    """Many distinct durations between a microsecond and five minutes need fewer than a thousand buckets."""
    chance = random.Random(1)
    histogram = filled([int(1_000 * 3e8 ** chance.random()) for _ in range(20_000)])
    assert histogram.count == 20_000
    assert len(histogram._counts) < 1_000
