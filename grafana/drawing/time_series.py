"""The time series panel: lines, stacked areas or bars over time, and a legend that says what they came to."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grafana.drawing.answers import Answers, Named, named_series
from grafana.drawing.plotting import Scale, Timeline, runs_of_numbers, scale_for, stack
from grafana.drawing.svg import Area, Svg, box_path, fit, line_path, text_width
from grafana.drawing.theme import COLOURS, FAINT, GRID, LINK, PALETTE, SMALL, TEXT, override_of, series_colour
from grafana.drawing.units import format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from grafana.drawing.svg import Point

_LINE_HEIGHT = 15
_COLUMN_WIDTH = 84
#: Exemplars drawn at most; Grafana draws all and lets them overlap.
_MAX_EXEMPLARS = 60


def draw_time_series(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    series = named_series(panel, answers)
    legend_height = _draw_legend(svg, panel, area, series)
    stacking = custom["stacking"]["mode"] == "normal"
    loose = [_is_loose(panel, name) for name, _ in series]
    layers = stack([points for (_, points), free in zip(series, loose, strict=True) if stacking and not free])
    values = [value for _, points in series for _, value in points if math.isfinite(value)]
    values += [top for layer in layers for _, _, top in layer]
    steps = defaults["thresholds"]["steps"][1:] if custom["thresholdsStyle"]["mode"] != "off" else []
    plot = area.inset(0, 4, 4, legend_height + 20)
    scale = scale_for(
        values + [step["value"] for step in steps if _is_near(step["value"], values)],
        plot,
        logarithmic=custom["scaleDistribution"]["type"] == "log",
        minimum=defaults.get("min"),
        maximum=defaults.get("max"),
        base=1_024 if defaults["unit"] == "bytes" else 10,
    )
    scale, timeline = _draw_axes(svg, plot, scale, answers, defaults)
    stacked = iter(layers)
    bar = timeline.area.width * answers.step / (answers.end - answers.start) * 0.85
    for index, (name, points) in enumerate(series):
        colour = series_colour(panel, name, index)
        if stacking and not loose[index]:
            _draw_layer(svg, next(stacked), colour, scale, timeline, width=bar if custom["drawStyle"] == "bars" else 0)
        else:
            fill = 0 if loose[index] else custom["fillOpacity"] / 100
            _draw_line(svg, points, colour, scale, timeline, fill=fill, dash="8 6" if loose[index] else "")
    for step in steps:
        if scale.low <= step["value"] <= scale.high:
            y = scale.y(step["value"])
            svg.path(
                f"M{scale.area.x:.0f} {y:.1f}H{plot.right:.0f}", stroke=COLOURS[step["color"]], dash="8 6", opacity=0.8
            )
    draw_exemplars(svg, answers.exemplars, timeline, scale.y, PALETTE[2])


def _is_loose(panel: dict[str, Any], name: str) -> bool:
    """Whether the series is a dashed line of its own: a limit or an objective."""
    return override_of(panel, name, "custom.lineStyle") is not None


def _is_near(threshold: float, values: Sequence[float]) -> bool:
    """Whether the axis may be stretched to show a threshold without flattening the data."""
    return threshold <= 2.5 * max(values, default=0.0)


def _draw_axes(
    svg: Svg, plot: Area, scale: Scale, answers: Answers, defaults: dict[str, Any]
) -> tuple[Scale, Timeline]:
    """Grid and labels; gives the scales of what is left of the area beside the labels."""
    ticks = [(tick, format_value(tick, defaults["unit"])) for tick in scale.ticks(max(2, int(plot.height / 32)))]
    margin = 8 + max((text_width(text, SMALL) for _, text in ticks), default=0)
    inner = plot.inset(margin, 0, 0, 0)
    scale = replace(scale, area=inner)
    timeline = Timeline(answers.start, answers.end, inner)
    moments = timeline.ticks()
    grid = "".join(f"M{inner.x:.0f} {scale.y(tick):.1f}H{inner.right:.0f}" for tick, _ in ticks)
    grid += "".join(f"M{timeline.x(at):.1f} {inner.y:.0f}V{inner.bottom:.0f}" for at, _ in moments)
    svg.path(grid, stroke=GRID)
    for tick, text in ticks:
        svg.text(inner.x - 6, scale.y(tick) + 3.5, text, FAINT, SMALL, anchor="end")
    for at, text in moments:
        if inner.x + 8 < timeline.x(at) < inner.right - 8:
            svg.text(timeline.x(at), inner.bottom + 15, text, FAINT, SMALL, anchor="middle")
    return scale, timeline


def _draw_line(
    svg: Svg, points: list[Point], colour: str, scale: Scale, timeline: Timeline, *, fill: float, dash: str
) -> None:
    for run in runs_of_numbers(points):
        path = [(timeline.x(at), scale.y(value)) for at, value in run]
        if fill:
            bottom = scale.area.bottom
            svg.path(line_path([(path[0][0], bottom), *path, (path[-1][0], bottom)]) + "z", fill=colour, opacity=fill)
        svg.path(line_path(path), stroke=colour, width=1.3, dash=dash)


def _draw_layer(
    svg: Svg,
    layer: Sequence[tuple[float, float, float]],
    colour: str,
    scale: Scale,
    timeline: Timeline,
    *,
    width: float,
) -> None:
    """An area on top of those below it, or bars of this width."""
    if width:
        boxes = [
            Area(timeline.x(at) - width, scale.y(top), width, scale.y(base) - scale.y(top))
            for at, base, top in layer
            if top > base and at > timeline.start
        ]
        svg.path(box_path(boxes), fill=colour, opacity=0.85)
        return
    tops = [(timeline.x(at), scale.y(top)) for at, _, top in layer]
    bases = [(timeline.x(at), scale.y(base)) for at, base, _ in reversed(layer)]
    if tops:
        svg.path(line_path(tops + bases) + "z", fill=colour, opacity=0.4)
        svg.path(line_path(tops), stroke=colour, width=1.2)


def _draw_legend(svg: Svg, panel: dict[str, Any], area: Area, series: Sequence[Named]) -> float:
    """A table below the plot; gives its height. What does not fit is left out, where Grafana would scroll."""
    defaults = panel["fieldConfig"]["defaults"]
    columns: list[str] = panel["options"]["legend"]["calcs"]
    room = max(1, int(area.height * 0.42 / _LINE_HEIGHT) - 1)
    shown = list(enumerate(series))
    if panel["options"]["legend"].get("sortDesc"):
        shown.sort(key=lambda one: -max((value for _, value in one[1][1] if math.isfinite(value)), default=0))
    del shown[room:]
    height = _LINE_HEIGHT * (len(shown) + 1)
    y = area.bottom - height + 10
    width = 84
    for position, name in enumerate(reversed(columns)):
        svg.text(area.right - position * width, y, name.capitalize(), LINK, SMALL, anchor="end")
    svg.text(area.x + 2, y, "Name", LINK, SMALL)
    for index, (name, points) in shown:
        y += _LINE_HEIGHT
        svg.box(Area(area.x + 2, y - 5, 12, 3), series_colour(panel, name, index), radius=1)
        svg.text(area.x + 20, y, fit(name, SMALL, area.width - len(columns) * width - 24), TEXT, SMALL)
        numbers = [value for _, value in points if math.isfinite(value)]
        for position, column in enumerate(reversed(columns)):
            text = format_value(_CALCULATIONS[column](numbers), defaults["unit"], defaults.get("decimals"))
            svg.text(area.right - position * width, y, text, TEXT, SMALL, anchor="end")
    return height


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


_CALCULATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": _mean,
    "max": lambda values: max(values, default=math.nan),
}


def draw_exemplars(
    svg: Svg, exemplars: Sequence[Point], timeline: Timeline, y: Callable[[float], float], colour: str
) -> None:
    """Single executions as small squares on their corner."""
    inside = [(at, value) for at, value in exemplars if timeline.start <= at <= timeline.end]
    every = max(1, math.ceil(len(inside) / _MAX_EXEMPLARS))
    squares = (f"M{timeline.x(at):.1f} {y(value) - 3:.1f}l3 3-3 3-3-3z" for at, value in inside[::every])
    svg.path("".join(squares), fill=colour, opacity=0.9)
