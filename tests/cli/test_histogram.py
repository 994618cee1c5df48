"""The histogram against exact percentiles of the same values."""

from __future__ import annotations

import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.cli.histogram import Histogram, sum_of

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
def test_every_percentile_is_within_half_a_percent(values: list[int]) -> None:
    for rank, answer in zip(RANKS, filled(values).percentiles(RANKS), strict=True):
        assert answer == pytest.approx(exact(values, rank), rel=0.005)


@given(st.lists(st.integers(min_value=0, max_value=300_000_000_000), max_size=100), st.integers(0, 100))
def test_histograms_add_up_to_the_histogram_of_everything(values: list[int], cut: int) -> None:
    whole, parts = filled(values), sum_of([filled(values[:cut]), filled(values[cut:])])
    assert [*parts.buckets()] == [*whole.buckets()]
    assert (parts.count, parts.total, parts.maximum) == (whole.count, whole.total, whole.maximum)
    assert parts.percentiles(RANKS) == whole.percentiles(RANKS)


@given(st.lists(st.integers(min_value=0, max_value=300_000_000_000), min_size=1, max_size=100))
def test_mean_is_exact_and_minimum_within_a_bucket(values: list[int]) -> None:
    histogram = filled(values)
    assert histogram.mean == sum(values) / len(values)
    assert histogram.minimum <= min(values) <= histogram.minimum * 129 / 128


def test_a_histogram_travels_between_processes() -> None:
    histogram = filled([1, 1_000, 1_000_000])
    copy = pickle.loads(pickle.dumps(histogram))
    assert [*copy.buckets()] == [*histogram.buckets()]
    copy.record(5)
    assert (copy.count, histogram.count) == (4, 3)


def test_small_values_are_exact() -> None:
    assert filled(list(range(64))).percentiles((50, 100)) == [31, 63]


def test_never_above_the_maximum() -> None:
    histogram = filled([1_000_001])
    assert histogram.percentiles((100,))[0] <= 1_000_001
    assert histogram.maximum == 1_000_001


def test_empty() -> None:
    assert Histogram().percentiles((50, 99)) == [0, 0]
    assert (Histogram().mean, Histogram().minimum) == (0.0, 0)


def test_memory_is_bounded() -> None:
    """Many distinct durations between a microsecond and five minutes need fewer than four thousand buckets."""
    chance = random.Random(1)
    histogram = filled([int(1_000 * 3e8 ** chance.random()) for _ in range(20_000)])
    assert histogram.count == 20_000
    assert len(histogram._counts) < 4_000
