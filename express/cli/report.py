"""The final report of a run: outcomes, speed, latency and what AWS would have charged.

The aligned rows are the same everywhere; a terminal adds only colour, so a log stays readable.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from express.cli.terminal import console
from express.pricing import express_bill, gigabyte_seconds, standard_bill

if TYPE_CHECKING:
    from rich.table import Table

    from express.cli.tally import StreamTally

_RANKS = (50, 90, 99, 99.9)
_MILLION = 1_000_000

Row = Sequence[str]


def print_report(tally: StreamTally, *, seconds: float, transitions: int) -> None:
    """Print to stdout. `seconds` is wall time; `transitions` counts the states all executions entered and retried."""
    out = console(sys.stdout)
    for title, rows in (
        ("Outcomes", outcome_rows(tally)),
        ("Speed", speed_rows(tally, seconds, transitions)),
        ("On AWS this would cost", cost_rows(tally, transitions)),
    ):
        out.print(title, style="bold")
        out.print(_table(rows))
        out.print()


def _table(rows: Sequence[Row]) -> Table:
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2))
    for column in range(max(map(len, rows), default=0)):
        table.add_column(justify="right" if column else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def outcome_rows(tally: StreamTally) -> list[Row]:
    """Counts by status, then by error name, each the most frequent first; then the broken lines."""
    rows = [_share(status, count, tally.done) for status, count in tally.statuses.most_common()]
    rows += [_share(f"  {name}", count, tally.done) for name, count in tally.errors.most_common()]
    if tally.broken:
        rows.append(("INVALID (not executed)", f"{tally.broken:,}", ""))
    return rows


def _share(name: str, count: int, whole: int) -> Row:
    return (name, f"{count:,}", f"{count / whole:.2%}" if whole else "")


def speed_rows(tally: StreamTally, seconds: float, transitions: int) -> list[Row]:
    """Throughput, and latency from the start of an execution to its end."""
    seconds = max(seconds, 1e-9)
    rows: list[Row] = [
        ("executions", f"{tally.done:,} in {seconds:.1f} s"),
        ("throughput", f"{tally.done / seconds:,.0f} executions/s"),
        ("", f"{transitions / seconds:,.0f} state transitions/s"),
    ]
    values = (*tally.durations.percentiles(_RANKS), tally.durations.maximum)
    names = (*(f"p{rank}" for rank in _RANKS), "max")
    return [*rows, *((f"latency {name}", milliseconds(value)) for name, value in zip(names, values, strict=True))]


def milliseconds(nanoseconds: int) -> str:
    """Render a duration in ms with about three significant digits, microseconds at best."""
    value = nanoseconds / 1e6
    digits = next((digits for digits, limit in ((3, 1), (2, 10), (1, 100)) if value < limit), 0)
    return f"{value:,.{digits}f} ms"


def cost_rows(tally: StreamTally, transitions: int) -> list[Row]:
    """The bill of this run as Express and as Standard workflows, and of a million executions like these."""
    if not tally.done:
        return []
    run = _bills(tally.done, tally.billed_mb_ms, transitions)
    scale = _MILLION / Decimal(tally.done)
    million = _bills(_MILLION, tally.billed_mb_ms * scale, int(transitions * scale))
    seconds = tally.billed_ms / 1_000
    return [
        ("", "this run", "per million"),
        ("Express", *(dollars(express) for express, _ in (run, million))),
        ("Standard", *(dollars(standard) for _, standard in (run, million))),
        ("billed duration", f"{seconds:,.0f} s", f"{Decimal(seconds) * scale:,.0f} s"),
        ("billed memory", f"{tally.billed_mb_ms / tally.billed_ms:.0f} MB", "per execution"),
    ]


def _bills(executions: int, megabyte_milliseconds: int | Decimal, transitions: int) -> tuple[Decimal, Decimal]:
    """Price as Express and as Standard without a free tier: the run may be one of many in the month."""
    express = express_bill(executions, gigabyte_seconds(megabyte_milliseconds)).total
    return express, standard_bill(transitions).total


def dollars(amount: Decimal) -> str:
    """Render USD with two decimals, and with four below a dollar."""
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"
