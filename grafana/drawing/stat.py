"""The stat panel: one number, coloured by the thresholds, over a spark line of how it came about."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from grafana.drawing.answers import Answers, named_series
from grafana.drawing.plotting import Scale, Timeline, runs_of_numbers
from grafana.drawing.svg import Area, Svg, line_path
from grafana.drawing.theme import FAINT, threshold_colour
from grafana.drawing.units import format_value

if TYPE_CHECKING:
    from grafana.drawing.svg import Point


def draw_stat(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    options = panel["options"]
    named = named_series(panel, answers)
    name, points = named[0] if named else ("", [])
    last = next((value for _, value in reversed(points) if math.isfinite(value)), math.nan)
    colour = threshold_colour(defaults["thresholds"]["steps"], last) if math.isfinite(last) else FAINT
    if options["graphMode"] == "area" and len(points) > 1:
        _draw_sparkline(svg, points, colour, area, defaults)
    names = options["textMode"] == "name"
    text = name if names else format_value(last, defaults["unit"], defaults.get("decimals"))
    size = min(30.0, area.height * 0.5, area.width / (len(text) * 0.6))
    svg.text(area.x + 2, area.y + area.height * 0.28 + size * 0.35, text, colour, size, weight=500)


def _draw_sparkline(svg: Svg, points: list[Point], colour: str, area: Area, defaults: dict[str, Any]) -> None:
    below = Area(area.x - 9, area.y + area.height * 0.55, area.width + 18, area.height * 0.45 + 7)
    timeline = Timeline(points[0][0], points[-1][0], below)
    numbers = [value for _, value in points if math.isfinite(value)]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    low, high = defaults.get("min", low), defaults.get("max", high)
    scale = Scale(low, high if high > low else low + 1, below)
    for run in runs_of_numbers(points):
        path = [(timeline.x(at), scale.y(value)) for at, value in run]
        edges = [(path[0][0], below.bottom), *path, (path[-1][0], below.bottom)]
        svg.path(line_path(edges) + "z", fill=colour, opacity=0.15)
        svg.path(line_path(path), stroke=colour, width=1.1)
