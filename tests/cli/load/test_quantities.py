"""Rates, durations and shares: what is read, what is refused, how they are worded."""

from __future__ import annotations

from fractions import Fraction

import pytest

from express.cli.load.quantities import (
    parse_duration,
    parse_rate,
    parse_share,
    render_duration,
    render_latency,
    render_rate,
    render_share,
)

MS, SECOND = 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("10s", 10 * SECOND), ("250ms", 250 * MS), ("500us", 500_000), ("500µs", 500_000), ("3ns", 3),
        ("1m30s", 90 * SECOND), ("1.5s", 1_500 * MS), (".5s", 500 * MS), ("2h", 7_200 * SECOND), (" 5 ms ", 5 * MS),
        ("0s", 0),
    ],
)  # fmt: skip
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 days", "1s2", "ms5", "1e3s", "nan", "5s!"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 500us"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1000", 1_000), ("5k", 5_000), ("5K", 5_000), ("1.5k", 1_500), ("2M", 2_000_000), ("100/s", 100),
        ("6000/m", 100), ("1/h", Fraction(1, 3_600)), ("0.5", Fraction(1, 2)), ("0.1", Fraction(1, 10)), ("0", 0),
    ],
)  # fmt: skip
def test_rates(text: str, rate: Fraction) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "-1", "5x", "5/d", "1e3", "inf", "k"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is no rate; write 1000, 5k"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "share"), [("0.1%", 0.001), ("5 %", 0.05), ("100%", 1.0), ("0", 0.0), ("0.0", 0.0)])
def test_shares(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["", "5", "0.1", "%", "-1%", "five%"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="is no share; write a percentage"):
        parse_share(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"), (850, "850 ns"), (999.6, "1.00 us"), (1_000, "1 us"), (12_340, "12.3 us"), (4_560_000, "4.56 ms"),
        (99_960_000, "100 ms"), (999_600_000, "1.00 s"), (1_234_000_000, "1.23 s"), (300 * SECOND, "300 s"),
        (2_000 * SECOND, "2,000 s"),
    ],
)  # fmt: skip
def test_latencies_have_three_digits(nanoseconds: float, text: str) -> None:
    assert render_latency(nanoseconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(9_484.4, "9,484/s"), (100, "100/s"), (12.34, "12.3/s"), (0.5, "0.50/s"), (Fraction(1, 3), "0.33/s")],
)
def test_rates_in_words(rate: float, text: str) -> None:
    assert render_rate(rate) == text


def test_durations_and_shares_in_words() -> None:
    assert [render_duration(n) for n in (0, 20 * MS, 1_500 * MS, 90 * SECOND)] == ["0 s", "20 ms", "1.5 s", "90 s"]
    assert [render_share(*p) for p in ((1, 3), (0, 0), (2, 2))] == ["33.33%", "0.00%", "100.00%"]
