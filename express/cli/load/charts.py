"""Plots in SVG, for a self-contained page.

Every plot has the same frame and the same few parts. Colours are CSS variables of the page, so the plots follow its
light and dark themes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from express.cli.load.plots import log_bins
from express.cli.load.quantities import NS_PER_S, render_latency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.cli.histogram import Histogram
    from express.cli.load.recording import Recording

_WIDTH: Final = 640
_HEIGHT: Final = 260
_LEFT: Final = 72
_BOTTOM: Final = 40
_TOP: Final = 26
_RIGHT: Final = 16
#: Bars of a histogram.
_BINS: Final = 60
#: Percentiles at which the curve is sampled, as far as there are executions beyond them.
_NINES: Final = tuple(100 - 100 * 10 ** (-step / 8) for step in range(1, 41))

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from `low` to `high`, linear or logarithmic (`log`); `ticks` are (value, label)."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    title: str
    log: bool = False

    def place(self, value: float) -> float:
        """The position of a value, from 0 to 1."""
        if self.log:
            return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Line:
    """A named curve; `color` is a CSS variable of the page."""

    name: str
    points: Sequence[Point]
    color: str = "--accent"


def histogram_chart(latencies: Histogram) -> str:
    """The distribution of latencies, on a logarithmic axis."""
    bins = log_bins(latencies.buckets(), _BINS)
    if not bins:
        return ""
    across = latency_axis(bins[0][0], bins[-1][1], "latency")
    up = linear_axis(max(count for _, _, count in bins), "executions", "{:,.0f}".format)
    return _frame("Latency of executions that succeeded", across, up, [_bars(bins, across, up)])


def percentile_chart(latencies: Histogram) -> str:
    """Latency by percentile; each unit to the right is another nine."""
    ranks = [rank for rank in _NINES if latencies.count * (100 - rank) >= 100]
    if len(ranks) < 2:
        return ""
    values = [max(value, 1) for value in latencies.percentiles(ranks)]
    points = [(1 / (1 - rank / 100), float(value)) for rank, value in zip(ranks, values, strict=True)]
    nines = tuple((10.0**n, f"p{100 - 100 / 10**n:g}") for n in range(1, 6) if 10**n <= points[-1][0])
    across = Axis(1, points[-1][0], ((2, "p50"), *nines), "percentile", log=True)
    up = latency_axis(min(values), max(values), "latency")
    return line_chart("Latency by percentile", across, up, [Line("latency", points)])


def throughput_chart(recording: Recording) -> str:
    """Executions that succeeded and that failed, over time."""
    slices = recording.full_slices()
    if len(slices) < 2:
        return ""
    per_second, seconds = NS_PER_S / recording.slice_ns, recording.slice_ns / NS_PER_S
    lines = [Line("succeeded", [(i * seconds, piece.succeeded * per_second) for i, piece in enumerate(slices)])]
    if recording.failures.count:
        failed = [(i * seconds, piece.failed * per_second) for i, piece in enumerate(slices)]
        lines.append(Line("failed", failed, "--warning"))
    across = linear_axis((len(slices) - 1) * seconds, "seconds", "{:g}".format)
    highest = max(value for line in lines for _, value in line.points)
    return line_chart("Executions per second", across, linear_axis(highest, "per second", "{:,.0f}".format), lines)


def latency_over_time_chart(recording: Recording) -> str:
    """Median and p99 of each slice."""
    seconds = recording.slice_ns / NS_PER_S
    counted = [
        (i * seconds, piece.latencies.percentiles((50, 99)))
        for i, piece in enumerate(recording.full_slices())
        if piece.latencies.count
    ]
    if len(counted) < 2:
        return ""
    lines = [
        Line("p99", [(moment, float(max(values[1], 1))) for moment, values in counted], "--warning"),
        Line("p50", [(moment, float(max(values[0], 1))) for moment, values in counted]),
    ]
    values = [value for line in lines for _, value in line.points]
    across = linear_axis(counted[-1][0], "seconds", "{:g}".format)
    return line_chart("Latency over time", across, latency_axis(min(values), max(values), "latency"), lines)


# ----------------------------------------------------------------------------------------------------------- parts


def line_chart(title: str, across: Axis, up: Axis, lines: Sequence[Line]) -> str:
    """Curves, and their names in the heading if there is more than one."""
    named = lines if len(lines) > 1 else ()
    keys = [f'<span style="color:var({line.color})">{escape(line.name)}</span>' for line in named]
    return _frame(title, across, up, [_curve(line, across, up) for line in lines], keys)


def linear_axis(highest: float, title: str, label: Callable[[float], str]) -> Axis:
    """From 0 to `highest`, with ticks at round values."""
    highest = highest or 1
    step = 10.0 ** math.floor(math.log10(highest))
    step = next((part for part in (step / 5, step / 2, step) if highest / part <= 5), 2 * step)
    ticks = tuple((step * n, label(step * n)) for n in range(int(highest / step + 1e-9) + 1))
    return Axis(0, highest, ticks, title)


def latency_axis(lowest: float, highest: float, title: str) -> Axis:
    """Logarithmic, in nanoseconds."""
    return log_axis(lowest, highest, title, render_latency)


def log_axis(lowest: float, highest: float, title: str, label: Callable[[float], str]) -> Axis:
    """Logarithmic, with ticks at 1, 2 and 5 of every power of ten, or at 1 only if there are many powers."""
    low, high = lowest / 1.05, highest * 1.05
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    multiples = (1, 2, 5) if math.log10(high / low) <= 3 else (1,)
    values = (multiple * 10.0**decade for decade in decades for multiple in multiples)
    return Axis(low, high, tuple((value, label(value)) for value in values if low <= value <= high), title, log=True)


def _bars(bins: Sequence[tuple[float, float, int]], across: Axis, up: Axis) -> str:
    parts = []
    for low, high, count in bins:
        if count:
            left, right, top = _x(across, low), _x(across, high), _y(up, count)
            label = escape(f"{render_latency(low)} to {render_latency(high)}: {count:,}")
            parts.append(
                f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{max(right - left - 1, 1):.1f}" '
                f'height="{_HEIGHT - _BOTTOM - top:.1f}"><title>{label}</title></rect>'
            )
    return "".join(parts)


def _curve(line: Line, across: Axis, up: Axis) -> str:
    places = [f"{_x(across, x):.1f},{_y(up, y):.1f}" for x, y in line.points]
    return f'<polyline class="curve" style="stroke:var({line.color})" points="{" ".join(places)}"/>'


def _x(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _BOTTOM - _TOP)


def _frame(title: str, across: Axis, up: Axis, parts: Sequence[str], keys: Sequence[str] = ()) -> str:
    """Heading with the keys to the curves, axes with grid lines, and the parts drawn over them."""
    floor, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    grid = []
    for value, label in up.ticks:
        y = _y(up, value)
        grid.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        grid.append(f'<text class="y" x="{_LEFT - 6}" y="{y + 4:.1f}">{escape(label)}</text>')
    for value, label in across.ticks:
        x = _x(across, value)
        grid.append(f'<line class="grid" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{floor}"/>')
        grid.append(f'<text class="x" x="{x:.1f}" y="{floor + 16}">{escape(label)}</text>')
    middle = (_LEFT + right) / 2
    return (
        f"<figure><figcaption>{escape(title)}{''.join(keys)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(grid)}{''.join(parts)}"
        f'<text class="y" x="{_LEFT - 6}" y="12">{escape(up.title)}</text>'
        f'<text class="x" x="{middle:.0f}" y="{_HEIGHT - 6}">{escape(across.title)}</text>'
        f"</svg></figure>"
    )
