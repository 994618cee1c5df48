"""Panels as pictures: each kind drawn from its JSON and its queries' answers the way Grafana draws it.

What the JSON says is followed: kind, unit, decimals, limits, scale, stacking, thresholds, fixed colours, legend. What
Grafana decides by itself (paddings, tick distances, fonts) is imitated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grafana.drawing.answers import Answers
from grafana.drawing.heatmap import draw_heatmap
from grafana.drawing.stat import draw_stat
from grafana.drawing.svg import Area, Svg, fit, text_width
from grafana.drawing.table import draw_table
from grafana.drawing.theme import BORDER, CANVAS, FAINT, NORMAL, PANEL, SMALL, TEXT
from grafana.drawing.time_series import draw_time_series

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CANVAS", "FAINT", "PANEL", "TEXT", "Answers", "Area", "Svg", "draw_panel", "draw_row", "text_width"]

_HEADER = 28

_KINDS: dict[str, Callable[[Svg, dict[str, Any], Area, Answers], None]] = {
    "timeseries": draw_time_series,
    "stat": draw_stat,
    "heatmap": draw_heatmap,
    "table": draw_table,
}


def draw_panel(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    """Draw one panel into the area."""
    svg.box(area, PANEL, stroke=BORDER, radius=2)
    title = fit(panel["title"], NORMAL, area.width - 16)
    svg.text(area.x + 10, area.y + 19, title, TEXT, NORMAL, weight=500)
    if panel.get("timeFrom") == "now/d":
        svg.text(area.right - 10, area.y + 19, "today so far", FAINT, SMALL, anchor="end")
    _KINDS[panel["type"]](svg, panel, area.inset(10, _HEADER, 10, 8), answers)


def draw_row(svg: Svg, title: str, area: Area) -> None:
    """Draw the heading of a row."""
    y = area.y + area.height / 2
    svg.path(f"M{area.x + 4} {y - 2}l4 4 4-4", stroke=TEXT, width=1.4)
    svg.text(area.x + 18, y + 4, title, TEXT, 13, weight=500)
