"""The heatmap panel: how much fell into each bucket of a histogram over time, and single executions as points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from grafana.drawing.answers import Answers
from grafana.drawing.plotting import Timeline
from grafana.drawing.svg import Area, Svg, box_path
from grafana.drawing.theme import FAINT, SMALL, TURBO
from grafana.drawing.time_series import draw_exemplars, draw_moments
from grafana.drawing.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana.prometheus import Series


def draw_heatmap(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    columns = buckets_over_time(answers.ranges[0])
    bounds = _shown_bounds(columns)
    plot = area.inset(58, 4, 4, 46)
    timeline = Timeline(answers.start, answers.end, plot)
    height = plot.height / max(len(bounds) - 1, 1)

    def y(value: float) -> float:
        """Rows are equally high, so that within a row of buckets with growing bounds the scale is logarithmic."""
        if value <= bounds[1]:
            return plot.bottom - height * max(value, 0) / bounds[1]
        for row in range(1, len(bounds) - 1):
            if value <= bounds[row + 1]:
                share = math.log(value / bounds[row]) / math.log(bounds[row + 1] / bounds[row])
                return plot.bottom - (row + share) * height
        return plot.y

    _draw_cells(svg, columns, bounds, plot, timeline)
    for row in range(1, len(bounds), max(1, round(24 / height))):
        svg.text(
            plot.x - 6, plot.bottom - row * height + 3.5, format_value(bounds[row], "s"), FAINT, SMALL, anchor="end"
        )
    for at, text in timeline.ticks():
        if plot.x + 8 < timeline.x(at) < plot.right - 8:
            svg.text(timeline.x(at), plot.bottom + 15, text, FAINT, SMALL, anchor="middle")
    _draw_colour_scale(svg, Area(plot.x, area.bottom - 14, 180, 8), _most(columns))
    draw_exemplars(svg, answers.exemplars, timeline, y, "#ffffff")


def buckets_over_time(series: Sequence[Series]) -> dict[float, dict[float, float]]:
    """From cumulative buckets to what fell into each: for each moment, the count by upper bound."""
    cumulative: dict[float, list[tuple[float, float]]] = {}
    for labels, points in series:
        bound = float(labels["le"].replace("+Inf", "inf"))
        for at, value in points:
            cumulative.setdefault(at, []).append((bound, value))
    columns = {}
    for at, buckets in cumulative.items():
        below = 0.0
        column = {}
        for bound, value in sorted(buckets):
            column[bound] = max(0.0, value - below)
            below = max(below, value)
        columns[at] = column
    return columns


def _shown_bounds(columns: dict[float, dict[float, float]]) -> list[float]:
    """The bounds of the buckets that anything fell into, from below the first to above the last."""
    bounds = sorted({bound for column in columns.values() for bound in column if math.isfinite(bound)})
    used = [bound for bound in bounds if any(column.get(bound, 0) > 0 for column in columns.values())]
    if not used:
        return [0.0, 1.0]
    first, last = bounds.index(used[0]), bounds.index(used[-1])
    return [bounds[first - 1] if first else 0.0, *bounds[first : last + 1]]


def _most(columns: dict[float, dict[float, float]]) -> float:
    return max((count for column in columns.values() for count in column.values()), default=1.0)


def _draw_cells(
    svg: Svg, columns: dict[float, dict[float, float]], bounds: Sequence[float], plot: Area, timeline: Timeline
) -> None:
    """One path for each colour; the colour grows with the root of the count, as the panel's exponent of 0.5 says."""
    height = plot.height / max(len(bounds) - 1, 1)
    width = plot.width / max(len(columns) - 1, 1)
    most = _most(columns)
    cells: list[list[Area]] = [[] for _ in TURBO]
    for at, column in columns.items():
        left, right = timeline.x(at) - width, timeline.x(at) - 1
        left = max(left, plot.x)
        for row, bound in enumerate(bounds[1:], 1):
            count = column.get(bound, 0.0)
            if count > 1e-9 and right > left:
                level = min(len(TURBO) - 1, int(math.sqrt(count / most) * len(TURBO)))
                cells[level].append(Area(left, plot.bottom - row * height, right - left, height - 1))
    for colour, boxes in zip(TURBO, cells, strict=True):
        svg.path(box_path(boxes), fill=colour)


def _draw_colour_scale(svg: Svg, area: Area, most: float) -> None:
    width = area.width / len(TURBO)
    for index, colour in enumerate(TURBO):
        svg.box(Area(area.x + index * width, area.y, width, area.height), colour)
    svg.text(area.x - 6, area.bottom, "0", FAINT, SMALL, anchor="end")
    svg.text(area.right + 6, area.bottom, format_value(round(most), "short"), FAINT, SMALL)
