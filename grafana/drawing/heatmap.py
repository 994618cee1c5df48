"""The heatmap panel: how much fell into each bucket of a histogram over time, and single executions as points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from grafana.drawing.axes import draw_exemplars, draw_moments, draw_values, label_width
from grafana.drawing.plotting import Timeline
from grafana.drawing.svg import Area, box_path
from grafana.drawing.theme import FAINT, SMALL, TURBO
from grafana.drawing.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana.drawing.answers import Answers
    from grafana.drawing.svg import Svg
    from grafana.prometheus import Series

#: For each moment, how much fell into the bucket below each bound.
Columns: TypeAlias = "dict[float, dict[float, float]]"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Equally high rows, one for each bucket: row n lies between bounds n and n + 1, from below."""

    bounds: Sequence[float]
    area: Area

    @property
    def height(self) -> float:
        return self.area.height / (len(self.bounds) - 1)

    def y(self, value: float) -> float:
        """Where a value lies. Bounds grow by a factor, so within a row the scale is logarithmic, save in one from 0."""
        for row, (low, high) in enumerate(pairwise(self.bounds)):
            if value <= high:
                share = math.log(value / low) / math.log(high / low) if low else value / high
                return self.area.bottom - (row + max(share, 0.0)) * self.height
        return self.area.y


def draw_heatmap(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    """Draw the cells, and the scale of their colours at the bottom of the area."""
    unit = panel["options"]["yAxis"]["unit"]
    columns = buckets_over_time(answers.ranges[0])
    bounds = _shown_bounds(columns)
    labels = [format_value(bound, unit) for bound in bounds]
    plot = area.inset(label_width(labels), 4, 4, 46)
    rows = _Rows(bounds, plot)
    timeline = Timeline(answers.start, answers.end, plot)
    every = max(1, round(24 / rows.height))
    draw_values(svg, plot, [(plot.bottom - row * rows.height, labels[row]) for row in range(0, len(bounds), every)])
    draw_moments(svg, timeline)
    most = max((count for column in columns.values() for count in column.values()), default=1.0)
    _draw_cells(svg, columns, most, rows, timeline, answers.step)
    _draw_colour_scale(svg, Area(plot.x + 8, area.bottom - 14, 180, 8), most)
    draw_exemplars(svg, answers.exemplars, timeline, rows.y, "#ffffff")


def buckets_over_time(series: Sequence[Series]) -> Columns:
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


def _shown_bounds(columns: Columns) -> list[float]:
    """The bounds of the buckets that anything fell into, from below the first to above the last."""
    bounds = sorted({bound for column in columns.values() for bound in column if math.isfinite(bound)})
    used = [bound for bound in bounds if any(column.get(bound, 0) > 0 for column in columns.values())]
    if not used:
        return [0.0, 1.0]
    first, last = bounds.index(used[0]), bounds.index(used[-1])
    return [bounds[first - 1] if first else 0.0, *bounds[first : last + 1]]


def _draw_cells(svg: Svg, columns: Columns, most: float, rows: _Rows, timeline: Timeline, step: float) -> None:
    """One path for each colour; the colour grows with the root of the count, as the panel's exponent of 0.5 says."""
    cells: list[list[Area]] = [[] for _ in TURBO]
    for at, column in columns.items():
        left, right = max(timeline.x(at - step), timeline.area.x), timeline.x(at) - 1
        for row, bound in enumerate(rows.bounds[1:], 1):
            count = column.get(bound, 0.0)
            if count > 1e-9 and right > left:
                level = min(len(TURBO) - 1, int(math.sqrt(count / most) * len(TURBO)))
                top = rows.area.bottom - row * rows.height
                cells[level].append(Area(left, top, right - left, rows.height - 1))
    for colour, boxes in zip(TURBO, cells, strict=True):
        svg.path(box_path(boxes), fill=colour)


def _draw_colour_scale(svg: Svg, area: Area, most: float) -> None:
    width = area.width / len(TURBO)
    for index, colour in enumerate(TURBO):
        svg.box(Area(area.x + index * width, area.y, width, area.height), colour)
    svg.text(area.x - 6, area.bottom, "0", FAINT, SMALL, anchor="end")
    svg.text(area.right + 6, area.bottom, format_value(round(most), "short"), FAINT, SMALL)
