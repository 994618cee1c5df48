"""Rounding edges of the meter, and AWS's worked example of memory."""

from __future__ import annotations

import pytest

from express.metering import Billing, billed_duration_ms, billed_memory_mb, memory_bytes

MS = 1_000_000
MB = 1_000_000


@pytest.mark.parametrize(
    ("duration_ns", "billed"),
    [
        (0, 100),
        (1, 100),
        (100 * MS, 100),
        (100 * MS + 1, 200),
        (199 * MS, 200),
        (300_000 * MS, 300_000),
        (300_000 * MS + 1, 300_100),
    ],
)
def test_duration_is_billed_up_to_the_next_100_ms(duration_ns: int, billed: int) -> None:
    assert billed_duration_ms(duration_ns) == billed


@pytest.mark.parametrize(
    ("memory", "billed"),
    [(0, 64), (1, 64), (64 * MB, 64), (64 * MB + 1, 128), (128 * MB, 128), (62_850_000, 64), (1_000 * MB, 1_024)],
)
def test_memory_is_billed_up_to_the_next_64_mb(memory: int, billed: int) -> None:
    assert billed_memory_mb(memory) == billed


@pytest.mark.parametrize(
    ("definition", "data", "fan_out", "expected"),
    [
        pytest.param(50_000, 32_000, 400, 62_850_000, id="X1: 50 MB + 50 KB + 400 x 32 KB"),
        pytest.param(0, 0, 0, 50_000_000, id="an empty machine"),
        pytest.param(700, 262_144, 0, 50_000_700, id="data counts only where work fans out"),
    ],
)
def test_memory_estimate(definition: int, data: int, fan_out: int, expected: int) -> None:
    assert memory_bytes(definition, data, fan_out) == expected


def test_billing_derives_everything_from_two_ints() -> None:
    billing = Billing(11_234_567_890, memory_bytes(50_000, 32_000, 400))
    assert billing.duration_ms == 11_234.56789
    assert billing.memory_bytes == 62_850_000
    assert billing.billed_duration_ms == 11_300
    assert billing.billed_memory_mb == 64
    assert billing.cost_usd == pytest.approx(0.0000127708, rel=1e-5)


def test_billing_is_a_value() -> None:
    billing = Billing(1_500_000, 50_000_000)
    assert billing == Billing(1_500_000, 50_000_000)
    assert billing != Billing(1_500_001, 50_000_000)
    assert billing != (1_500_000, 50_000_000)
    assert len({billing, Billing(1_500_000, 50_000_000)}) == 1
    assert repr(billing) == (
        "Billing(duration_ms=1.5, memory_bytes=50000000, billed_duration_ms=100, billed_memory_mb=64, "
        "cost_usd=0.0000011042)"
    )
