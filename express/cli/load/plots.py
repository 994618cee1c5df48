"""Plots in characters, for a terminal or a log: a histogram of latencies and a curve over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from express.cli.load.quantities import render_latency

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_BAR: Final = "▏▎▍▌▋▊▉█"
#: Columns of the longest bar.
_WIDTH: Final = 40
#: Rows of a histogram, at most.
_ROWS: Final = 12


def latency_rows(buckets: Iterable[tuple[int, int]], rows: int = _ROWS) -> list[tuple[str, str, str]]:
    """A histogram of (nanoseconds, count) in at most `rows` bins of equal ratio: their upper edges, bars, shares."""
    bins = log_bins(buckets, rows)
    largest = max((count for _, _, count in bins), default=0)
    total = sum(count for _, _, count in bins)
    return [
        (f"up to {render_latency(upper)}", bar(count / largest), f"{count / total:.2%}") for _, upper, count in bins
    ]


def log_bins(buckets: Iterable[tuple[int, int]], bins: int) -> list[tuple[float, float, int]]:
    """Gather (nanoseconds, count) into at most `bins` bins of equal ratio: (from, up to, count), also empty ones."""
    values = [(max(value, 1), count) for value, count in buckets]
    if not values:
        return []
    low, high = values[0][0], values[-1][0]
    # A bin narrower than a bucket of the histogram would show the buckets, not the latencies.
    number = max(min(bins, math.ceil(math.log(high / low, 1.02))), 1)
    ratio = (high / low) ** (1 / number) if high > low else 1.02
    counts = [0] * number
    for value, count in values:
        counts[min(int(math.log(value / low, ratio)), number - 1)] += count
    return [(low * ratio**index, low * ratio ** (index + 1), count) for index, count in enumerate(counts)]


def bar(fraction: float, width: int = _WIDTH) -> str:
    """A bar of `fraction` of the width, in eighths of a column; any fraction above 0 is visible."""
    eighths = math.ceil(fraction * width * 8)
    full, rest = divmod(eighths, 8)
    return _BAR[-1] * full + (_BAR[rest - 1] if rest else "")


def curve(values: Sequence[float], rows: int = 4) -> list[str]:
    """The values from left to right as columns from 0 to the highest, in `rows` lines of text."""
    highest = max(values, default=0)
    if not highest:
        return []
    heights = [round(value / highest * rows * 8) for value in values]
    return ["".join(_BLOCKS[min(max(height - row * 8, 0), 8)] for height in heights) for row in range(rows - 1, -1, -1)]
