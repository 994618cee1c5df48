"""The tally, the rows of the closing report made from it, and how numbers are worded."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pytest

from express.cli.report import cost_rows, dollars, milliseconds, outcome_rows, print_report, speed_rows
from express.cli.tally import MAX_ERROR_NAMES, OTHER, StreamTally
from express.metering import Billing

MS = 1_000_000
SMALL = 50_000_000


class Ended(NamedTuple):
    status: str
    error: str | None
    billing: Billing


def tally_of(*endings: tuple[str, str | None, int]) -> StreamTally:
    tally = StreamTally()
    for status, error, duration_ms in endings:
        tally.add(Ended(status, error, Billing(duration_ms * MS, SMALL)))
    return tally


MIXED = [
    *[("SUCCEEDED", None, 40)] * 96,
    *[("FAILED", "InvalidOrder", 1)] * 2,
    ("FAILED", None, 1),
    ("TIMED_OUT", None, 1_950),
]


def test_what_is_counted() -> None:
    tally = tally_of(*MIXED)
    assert (tally.done, tally.unsuccessful) == (100, 4)
    assert tally.statuses == {"SUCCEEDED": 96, "FAILED": 3, "TIMED_OUT": 1}
    assert tally.errors == {"InvalidOrder": 2, "(no error name)": 2}
    assert tally.billed_ms == 99 * 100 + 2_000
    assert tally.billed_mb_ms == tally.billed_ms * 64
    assert tally.durations.maximum == 1_950 * MS


def test_error_names_made_from_data_do_not_fill_the_memory() -> None:
    tally = tally_of(*(("FAILED", f"Error{number}", 1) for number in range(1_000)), ("FAILED", "Error3", 1))
    assert len(tally.errors) == MAX_ERROR_NAMES + 1
    assert tally.errors["Error3"] == 2
    assert tally.errors[OTHER] == 1_000 - MAX_ERROR_NAMES


def test_outcomes() -> None:
    tally = tally_of(*MIXED)
    tally.broken = 7
    assert outcome_rows(tally) == [
        ("SUCCEEDED", "96", "96.00%"),
        ("FAILED", "3", "3.00%"),
        ("TIMED_OUT", "1", "1.00%"),
        ("  InvalidOrder", "2", "2.00%"),
        ("  (no error name)", "2", "2.00%"),
        ("INVALID (not executed)", "7", ""),
    ]


def test_speed() -> None:
    assert speed_rows(tally_of(*MIXED), 2.0, 1_200) == [
        ("executions", "100 in 2.0 s"),
        ("throughput", "50 executions/s"),
        ("", "600 state transitions/s"),
        ("latency p50", "40.0 ms"),
        ("latency p90", "40.0 ms"),
        ("latency p99", "40.0 ms"),
        ("latency p99.9", "1,950 ms"),
        ("latency max", "1,950 ms"),
    ]


def test_cost() -> None:
    """100 executions of 119 billed units: $0.0001 of requests and 0.00625 GB-s x 119 x $0.06/3600 of duration."""
    assert cost_rows(tally_of(*MIXED), 1_200) == [
        ("", "this run", "per million"),
        ("Express", "$0.0001", "$1.12"),
        ("Standard", "$0.0300", "$300.00"),
        ("billed duration", "12 s", "119,000 s"),
        ("billed memory", "64 MB", "per execution"),
    ]
    assert cost_rows(StreamTally(), 0) == []


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0.000 ms"), (41_300, "0.041 ms"), (1_234_567, "1.23 ms"), (45_678_900, "45.7 ms"), (2_345 * MS, "2,345 ms")],
)
def test_milliseconds(nanoseconds: int, text: str) -> None:
    assert milliseconds(nanoseconds) == text


@pytest.mark.parametrize(
    ("amount", "text"), [("0", "$0.0000"), ("0.00012", "$0.0001"), ("1.1042", "$1.10"), ("1234.5", "$1,234.50")]
)
def test_dollars(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


def test_without_a_terminal_the_report_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(tally_of(*MIXED), seconds=2.0, transitions=1_200)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert "Outcomes" in lines
    assert any(line.split() == ["SUCCEEDED", "96", "96.00%"] for line in lines)
    assert any(line.split() == ["Express", "$0.0001", "$1.12"] for line in lines)
    assert all(line.isascii() for line in lines)
