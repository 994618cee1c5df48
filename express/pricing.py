"""AWS's published prices of Step Functions, and exact arithmetic with them.

The figures are those of the AWS Step Functions pricing page for US East (N. Virginia). Tiers are published per
GB-hour, so money is computed from GB-hours; the per-second price on the same page is a rounding of it and would be
thousands of dollars off on a large bill. Everything is Decimal: a bill is a sum of products that must be exact to the
cent, and the callers (a report, `express cost`) are far from any hot path. The one exception is `execution_cost_usd`,
which may be called for every Result and is a float product of two ints.

Source: https://aws.amazon.com/step-functions/pricing/
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TypeAlias

#: Exact amounts come in as ints or Decimals; floats would bring their rounding into the bill.
Amount: TypeAlias = int | Decimal

#: Memory is sold in binary gigabytes: 64 MB is 0.0625 GB.
MB_PER_GB = 1024
SECONDS_PER_HOUR = 3600

#: Express: USD for one started execution ($1.00 per million).
REQUEST_USD = Decimal("0.000001")
#: Express: (the GB-hours of the month where the tier starts, USD per GB-hour in it).
DURATION_TIERS: tuple[tuple[int, Decimal], ...] = (
    (0, Decimal("0.06")),
    (1_000, Decimal("0.03")),
    (5_000, Decimal("0.01642")),
)
#: Standard: USD for one state transition ($0.025 per thousand); a retry is a transition too.
TRANSITION_USD = Decimal("0.000025")
#: Standard: free transitions of each month; they do not expire.
FREE_TRANSITIONS = 4_000

_USD_PER_MB_MS = float(DURATION_TIERS[0][1] / SECONDS_PER_HOUR / MB_PER_GB / 1_000)
_USD_PER_REQUEST = float(REQUEST_USD)


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a bill: `quantity` of `unit` at `price` USD each."""

    item: str
    quantity: Decimal
    unit: str
    price: Decimal

    @property
    def usd(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines of a bill in published order, those with quantity 0 included; amounts are unrounded USD."""

    charges: tuple[Charge, ...]

    @property
    def total(self) -> Decimal:
        return sum((charge.usd for charge in self.charges), Decimal(0))


def gigabyte_seconds(megabyte_milliseconds: Amount) -> Decimal:
    """Turn a sum of billed MB times billed ms into the GB-seconds that `express_bill` wants."""
    return Decimal(megabyte_milliseconds) / (MB_PER_GB * 1_000)


def express_bill(requests: int, gigabyte_seconds: Amount) -> Bill:
    """Bill one month of Express executions: the starts, then the duration tier by tier.

    `gigabyte_seconds` is billed duration (s) times billed memory (GB), summed over the executions.
    """
    hours = Decimal(gigabyte_seconds) / SECONDS_PER_HOUR
    starts = [Decimal(start) for start, _ in DURATION_TIERS]
    ends = [*(end for _, end in pairwise(starts)), max(hours, starts[-1])]
    durations = (
        Charge(f"duration, tier {number}", max(min(hours, end) - start, Decimal(0)), "GB-hour", price)
        for number, (start, end, (_, price)) in enumerate(zip(starts, ends, DURATION_TIERS, strict=True), 1)
    )
    return Bill((Charge("requests", Decimal(requests), "request", REQUEST_USD), *durations))


def standard_bill(transitions: int, *, free_transitions: int = 0) -> Bill:
    """Bill the same work as a Standard workflow: `transitions` counts every state entered and every retry.

    Pass `free_transitions=FREE_TRANSITIONS` for a whole month of an account that runs nothing else.
    """
    billed = Decimal(max(transitions - free_transitions, 0))
    return Bill((Charge("state transitions", billed, "transition", TRANSITION_USD),))


def execution_cost_usd(billed_duration_ms: int, billed_memory_mb: int) -> float:
    """Price one Express execution in USD: its start, and its duration at the first tier."""
    return _USD_PER_REQUEST + billed_duration_ms * billed_memory_mb * _USD_PER_MB_MS
