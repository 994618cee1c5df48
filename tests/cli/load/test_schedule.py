"""The moments of an open loop: exact, evenly dealt to workers, as many as there should be."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.cli.load.schedule import Load, Schedule

SECOND = 1_000_000_000
RATES = st.fractions(min_value=Fraction(1, 1_000), max_value=1_000_000, max_denominator=1_000)


@pytest.mark.parametrize(
    ("rate", "index", "moment"),
    [
        (Fraction(1), 0, 0), (Fraction(1), 7, 7 * SECOND), (Fraction(50_000), 1, 20_000),
        (Fraction(3), 1, 333_333_333), (Fraction(3), 3_000_000, 1_000_000 * SECOND),
        (Fraction(1, 60), 2, 120 * SECOND),
    ],
)  # fmt: skip
def test_starts_do_not_drift(rate: Fraction, index: int, moment: int) -> None:
    assert Schedule(rate).start_of(index) == moment


@given(RATES, st.integers(0, 10**10), st.integers(1, 9), st.data())
def test_as_many_starts_as_are_due(rate: Fraction, length: int, workers: int, data: st.DataObject) -> None:
    schedule = Schedule(rate, data.draw(st.integers(0, workers - 1)), workers)
    count = schedule.starts_before(length)
    exact = rate.denominator * SECOND
    assert (count * workers + schedule.worker) * exact >= length * rate.numerator
    if count:
        assert ((count - 1) * workers + schedule.worker) * exact < length * rate.numerator
        assert schedule.start_of(count - 1) < length


@given(RATES, st.integers(0, 10**7), st.integers(1, 9))
def test_workers_share_one_schedule(rate: Fraction, length: int, workers: int) -> None:
    whole = Schedule(rate)
    shares = [Schedule(rate, worker, workers) for worker in range(workers)]
    starts = sorted(share.start_of(i) for share in shares for i in range(share.starts_before(length)))
    assert starts == [whole.start_of(i) for i in range(whole.starts_before(length))]


@given(st.integers(1, 1_000), st.integers(1, 20))
def test_callers_are_dealt_evenly(in_flight: int, workers: int) -> None:
    load = Load(None, in_flight, 0, SECOND, 0)
    shares = [load.share(worker, workers).in_flight for worker in range(workers)]
    assert sum(shares) == in_flight
    assert max(shares) - min(shares) <= 1
