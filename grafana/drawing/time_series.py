"""The time series panel: lines, stacked areas or bars over time, and a legend that says what they came to."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grafana.drawing.answers import named_series
from grafana.drawing.axes import draw_exemplars, draw_moments, draw_values, label_width
from grafana.drawing.plotting import Timeline, runs_of_numbers, scale_for, stack
from grafana.drawing.svg import Area, box_path, fit, line_path
from grafana.drawing.theme import COLOURS, LINK, PALETTE, SMALL, TEXT, override_of, series_colour
from grafana.drawing.units import format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grafana.drawing.answers import Answers
    from grafana.drawing.plotting import Layer, Scale
    from grafana.drawing.svg import Point, Svg

_LINE_HEIGHT = 15
_COLUMN_WIDTH = 84


@dataclass(frozen=True, slots=True)
class _Line:
    """A series as it is drawn. One that is `dashed`, a limit or an objective, is neither filled nor stacked."""

    name: str
    points: list[Point]
    colour: str
    dashed: bool

    @property
    def numbers(self) -> list[float]:
        return [value for _, value in self.points if math.isfinite(value)]


def draw_time_series(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    """Draw the legend at the bottom of the area and the lines above it."""
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    lines = [
        _Line(name, points, series_colour(panel, name, index), override_of(panel, name, "custom.lineStyle") is not None)
        for index, (name, points) in enumerate(named_series(panel, answers))
    ]
    stacked = [line for line in lines if custom["stacking"]["mode"] == "normal" and not line.dashed]
    loose = [line for line in lines if line not in stacked]
    layers = stack([line.points for line in stacked])
    steps = defaults["thresholds"]["steps"][1:] if custom["thresholdsStyle"]["mode"] != "off" else []
    values = [value for line in loose for value in line.numbers]
    values += [above for layer in layers for _, _, above in layer]
    values += [step["value"] for step in steps if _is_near(step["value"], values)]

    legend_height = _draw_legend(svg, panel, area, lines)
    scale, timeline = _draw_axes(svg, area.inset(0, 4, 4, legend_height + 20), values, defaults, answers)
    # A bar is as wide as a step, less a gap.
    bar = answers.step / (answers.end - answers.start) * timeline.area.width * 0.85
    for line, layer in zip(stacked, layers, strict=True):
        _draw_layer(svg, layer, line.colour, scale, timeline, bar if custom["drawStyle"] == "bars" else 0)
    for line in loose:
        _draw_line(svg, line, custom["fillOpacity"] / 100, scale, timeline)
    for step in steps:
        _draw_threshold(svg, step, scale)
    shown = [(at, value) for at, value in answers.exemplars if scale.low <= value <= scale.high]
    draw_exemplars(svg, shown, timeline, scale.y, PALETTE[2])


def _is_near(threshold: float, values: Sequence[float]) -> bool:
    """Whether the axis may be stretched to show a threshold without flattening the data."""
    return threshold <= 2.5 * max(values, default=0.0)


def _draw_axes(
    svg: Svg, area: Area, values: Sequence[float], defaults: dict[str, Any], answers: Answers
) -> tuple[Scale, Timeline]:
    """Grid and labels; gives the scales of what is left of the area beside the labels."""
    scale = scale_for(
        values,
        area,
        logarithmic=defaults["custom"]["scaleDistribution"]["type"] == "log",
        minimum=defaults.get("min"),
        maximum=defaults.get("max"),
        base=1_024 if defaults["unit"] == "bytes" else 10,
    )
    ticks = [(tick, format_value(tick, defaults["unit"])) for tick in scale.ticks(max(2, int(area.height / 32)))]
    inner = area.inset(label_width([text for _, text in ticks]), 0, 0, 0)
    scale = replace(scale, area=inner)
    timeline = Timeline(answers.start, answers.end, inner)
    draw_values(svg, inner, [(scale.y(tick), text) for tick, text in ticks])
    draw_moments(svg, timeline)
    return scale, timeline


def _draw_line(svg: Svg, line: _Line, fill: float, scale: Scale, timeline: Timeline) -> None:
    for run in runs_of_numbers(line.points):
        path = [(timeline.x(at), scale.y(value)) for at, value in run]
        if fill and not line.dashed:
            bottom = scale.area.bottom
            ground = [(path[-1][0], bottom), (path[0][0], bottom)]
            svg.path(line_path(path + ground) + "z", fill=line.colour, opacity=fill)
        svg.path(line_path(path), stroke=line.colour, width=1.3, dash="8 6" if line.dashed else "")


def _draw_layer(svg: Svg, layer: Layer, colour: str, scale: Scale, timeline: Timeline, bar: float) -> None:
    """An area on top of those below it, or bars of this width."""
    if bar:
        boxes = [
            Area(timeline.x(at) - bar, scale.y(above), bar, scale.y(below) - scale.y(above))
            for at, below, above in layer
            if above > below and timeline.x(at) - bar >= timeline.area.x
        ]
        svg.path(box_path(boxes), fill=colour, opacity=0.85)
        return
    tops = [(timeline.x(at), scale.y(above)) for at, _, above in layer]
    bases = [(timeline.x(at), scale.y(below)) for at, below, _ in reversed(layer)]
    svg.path(line_path(tops + bases) + "z", fill=colour, opacity=0.4)
    svg.path(line_path(tops), stroke=colour, width=1.2)


def _draw_threshold(svg: Svg, step: dict[str, Any], scale: Scale) -> None:
    if scale.low <= step["value"] <= scale.high:
        path = f"M{scale.area.x:.0f} {scale.y(step['value']):.1f}H{scale.area.right:.0f}"
        svg.path(path, stroke=COLOURS[step["color"]], dash="8 6", opacity=0.8)


def _draw_legend(svg: Svg, panel: dict[str, Any], area: Area, lines: Sequence[_Line]) -> float:
    """A table below the plot; gives its height. What does not fit is left out, where Grafana would scroll."""
    defaults = panel["fieldConfig"]["defaults"]
    legend = panel["options"]["legend"]
    columns: list[str] = legend["calcs"]
    if legend.get("sortDesc"):
        lines = sorted(lines, key=lambda line: -max(line.numbers, default=0))
    shown = lines[: max(1, int(area.height * 0.42 / _LINE_HEIGHT) - 1)]
    height = _LINE_HEIGHT * (len(shown) + 1)
    places = [area.right - position * _COLUMN_WIDTH for position in reversed(range(len(columns)))]
    y = area.bottom - height + 10
    svg.text(area.x + 2, y, "Name", LINK, SMALL)
    for x, column in zip(places, columns, strict=True):
        svg.text(x, y, column.capitalize(), LINK, SMALL, anchor="end")
    for line in shown:
        y += _LINE_HEIGHT
        svg.box(Area(area.x + 2, y - 5, 12, 3), line.colour, radius=1)
        svg.text(area.x + 20, y, fit(line.name, SMALL, area.width - len(columns) * _COLUMN_WIDTH - 24), TEXT, SMALL)
        for x, column in zip(places, columns, strict=True):
            text = format_value(_CALCULATIONS[column](line.numbers), defaults["unit"], defaults.get("decimals"))
            svg.text(x, y, text, TEXT, SMALL, anchor="end")
    return height


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _max(values: Sequence[float]) -> float:
    return max(values, default=math.nan)


_CALCULATIONS: dict[str, Callable[[Sequence[float]], float]] = {"mean": _mean, "max": _max}
