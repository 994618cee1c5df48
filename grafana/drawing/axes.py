"""What lines and heatmaps share: grids, labels of values and moments, and single executions as points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from grafana.drawing.svg import text_width
from grafana.drawing.theme import FAINT, GRID, SMALL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grafana.drawing.plotting import Timeline
    from grafana.drawing.svg import Area, Point, Svg

#: Exemplars drawn at most; Grafana draws all and lets them overlap.
_MAX_EXEMPLARS = 60


def label_width(texts: Sequence[str]) -> float:
    """The room that the labels of a vertical axis take at the left."""
    return 8 + max((text_width(text, SMALL) for text in texts), default=0)


def draw_values(svg: Svg, area: Area, labels: Sequence[tuple[float, str]]) -> None:
    """Labels at the left of the area, each with the height it belongs to, and a line for each."""
    svg.path("".join(f"M{area.x:.0f} {y:.1f}H{area.right:.0f}" for y, _ in labels), stroke=GRID)
    for y, text in labels:
        svg.text(area.x - 6, y + 3.5, text, FAINT, SMALL, anchor="end")


def draw_moments(svg: Svg, timeline: Timeline) -> None:
    """Round moments below the timeline's area, and a line for each."""
    area = timeline.area
    moments = [(timeline.x(at), text) for at, text in timeline.ticks()]
    svg.path("".join(f"M{x:.1f} {area.y:.0f}V{area.bottom:.0f}" for x, _ in moments), stroke=GRID)
    for x, text in moments:
        if area.x + 8 < x < area.right - 8:
            svg.text(x, area.bottom + 15, text, FAINT, SMALL, anchor="middle")


def draw_exemplars(
    svg: Svg, exemplars: Sequence[Point], timeline: Timeline, y: Callable[[float], float], colour: str
) -> None:
    """Single executions as small squares on their corner."""
    inside = [(at, value) for at, value in exemplars if timeline.start <= at <= timeline.end]
    every = max(1, math.ceil(len(inside) / _MAX_EXEMPLARS))
    squares = (f"M{timeline.x(at):.1f} {y(value) - 3:.1f}l3 3-3 3-3-3z" for at, value in sorted(inside)[::every])
    svg.path("".join(squares), fill=colour, opacity=0.9)
