"""The worked examples that AWS publishes, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from express.pricing import (
    DURATION_TIERS,
    FREE_TRANSITIONS,
    execution_cost_usd,
    express_bill,
    gigabyte_seconds,
    standard_bill,
)

CENT = Decimal("0.01")


def cents(usd: Decimal) -> str:
    return str(usd.quantize(CENT))


def billed(executions: int, duration_ms: int, memory_mb: int = 64) -> Decimal:
    return gigabyte_seconds(executions * duration_ms * memory_mb)


@pytest.mark.parametrize(
    ("executions", "duration_ms", "lines", "total"),
    [
        pytest.param(100_000_000, 10_000, ["100.00", "60.00", "120.00", "202.97"], "482.97", id="X2"),
        pytest.param(1_000_000, 30_000, ["1.00", "31.25", "0.00", "0.00"], "32.25", id="X3"),
        pytest.param(1_000, 11_300, ["0.00", "0.01", "0.00", "0.00"], "0.01", id="X4-workshop"),
        pytest.param(0, 0, ["0.00", "0.00", "0.00", "0.00"], "0.00", id="nothing"),
    ],
)
def test_published_express_bills(executions: int, duration_ms: int, lines: list[str], total: str) -> None:
    bill = express_bill(executions, billed(executions, duration_ms))
    assert [cents(charge.usd) for charge in bill.charges] == lines
    assert cents(bill.total) == total


@pytest.mark.parametrize(
    ("transitions", "free", "total"),
    [
        pytest.param(400_000, FREE_TRANSITIONS, "9.90", id="S1"),
        pytest.param(3 * 1_000, 0, "0.075", id="S2"),
        pytest.param(17 * 1_000, 0, "0.425", id="X5-standard"),
        pytest.param(3_999, FREE_TRANSITIONS, "0", id="inside the free tier"),
    ],
)
def test_published_standard_bills(transitions: int, free: int, total: str) -> None:
    assert standard_bill(transitions, free_transitions=free).total == Decimal(total)


@pytest.mark.parametrize(
    ("seconds", "hours"),
    [
        (3_600_000, ["1000", "0", "0"]),
        (3_600_036, ["1000", "0.01", "0"]),
        (18_000_000, ["1000", "4000", "0"]),
        (18_003_600, ["1000", "4000", "1"]),
    ],
)
def test_tier_edges(seconds: int, hours: list[str]) -> None:
    """The tiers change at 3,600,000 and 18,000,000 GB-s."""
    charges = express_bill(0, seconds).charges[1:]
    assert [charge.quantity for charge in charges] == [Decimal(value) for value in hours]
    assert [charge.price for charge in charges] == [price for _, price in DURATION_TIERS]


def test_a_large_bill_is_exact() -> None:
    """No float on the way: one request more is one millionth of a dollar more, at any size."""
    many = express_bill(10**15, 10**15)
    assert express_bill(10**15 + 1, 10**15).total - many.total == Decimal("0.000001")


def test_one_execution() -> None:
    """X4: 113 units of 100 ms x 64 MB at $0.0000001042 plus the request; the published unit price is rounded."""
    assert execution_cost_usd(100, 64) == pytest.approx(0.000001 + 0.0000001042, rel=1e-4)
    assert execution_cost_usd(11_300, 64) == pytest.approx(0.0000127746, rel=1e-3)
    assert execution_cost_usd(11_300, 64) == pytest.approx(float(express_bill(1, billed(1, 11_300)).total))
