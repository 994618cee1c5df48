"""Panels as pictures: each kind drawn from its JSON and its queries' answers the way Grafana draws it.

What the JSON says is followed: kind, unit, decimals, limits, scale, stacking, thresholds, fixed colours, legend. What
Grafana decides by itself (paddings, tick distances, fonts) is imitated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from grafana.plotting import Scale, Timeline, runs_of_numbers, scale_for, stack
from grafana.svg import Area, Svg, box_path, fit, line_path, text_width
from grafana.units import format_value

if TYPE_CHECKING:
    from grafana.prometheus import Sample, Series
    from grafana.svg import Point

#: Grafana's dark theme.
CANVAS, PANEL, BORDER, GRID = "#111217", "#181b1f", "#26282d", "#27292e"
TEXT, FAINT = "#ccccdc", "#8e8e9a"
_COLOURS: Final = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
}
#: `palette-classic`: the colours of series that have none of their own.
_PALETTE = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300")
#: The heatmap scheme "Turbo", from few to many.
_TURBO = ("#30123b", "#4145ab", "#4675ed", "#39a2fc", "#1bcfd4", "#24eca6", "#61fc6c", "#a4fc3c", "#d1e834", "#f3c63a",
          "#fe9b2d", "#f36315", "#d93806", "#b11901", "#7a0402")  # fmt: skip

_SMALL, _NORMAL = 10.0, 11.5
_LINE_HEIGHT = 15
_HEADER = 28
#: Exemplars drawn at most; Grafana draws all and lets them overlap.
_MAX_EXEMPLARS = 60

#: What a series is called, and its points.
Named = tuple[str, "list[Point]"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What Prometheus answered to a panel's targets, in their order: `instants` for tables, `ranges` for the others."""

    start: float
    end: float
    ranges: Sequence[Sequence[Series]] = ()
    instants: Sequence[Sequence[Sample]] = ()
    exemplars: Sequence[Point] = field(default=())


def draw_panel(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    """Draw one panel into the area."""
    svg.box(area, PANEL, stroke=BORDER, radius=2)
    svg.text(area.x + 10, area.y + 19, fit(panel["title"], _NORMAL, area.width - 16), TEXT, _NORMAL, weight=500)
    if panel.get("timeFrom") == "now/d":
        svg.text(area.right - 10, area.y + 19, "today so far", FAINT, _SMALL, anchor="end")
    _KINDS[panel["type"]](svg, panel, area.inset(10, _HEADER, 10, 8), answers)


def draw_row(svg: Svg, title: str, area: Area) -> None:
    """Draw the heading of a row."""
    y = area.y + area.height / 2
    svg.path(f"M{area.x + 4} {y - 2}l4 4 4-4", stroke=TEXT, width=1.4)
    svg.text(area.x + 18, y + 4, title, TEXT, 13, weight=500)


# ------------------------------------------------------------------------------------------------------ names, colours


def series_names(target: dict[str, Any], series: Sequence[Series]) -> list[Named]:
    """The series of a target as its legend format calls them, in the order of their names."""
    named = [(_legend_text(target["legendFormat"], labels), points) for labels, points in series]
    return sorted(named, key=lambda one: one[0])


def _legend_text(form: str, labels: Mapping[str, str]) -> str:
    if form == "__auto":
        return ", ".join(labels.values()) or "Value"
    for label, value in labels.items():
        form = form.replace("{{" + label + "}}", value)
    return form


def _named_series(panel: dict[str, Any], answers: Answers) -> list[Named]:
    pairs = zip(panel["targets"], answers.ranges, strict=True)
    return [named for target, series in pairs for named in series_names(target, series)]


def _property(panel: dict[str, Any], name: str, property_: str) -> Any:
    """What the overrides say of a series or column, or None."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            for one in override["properties"]:
                if one["id"] == property_:
                    return one["value"]
    return None


def _colour(panel: dict[str, Any], name: str, index: int) -> str:
    fixed = _property(panel, name, "color")
    return _COLOURS[fixed["fixedColor"]] if fixed else _PALETTE[index % len(_PALETTE)]


def _threshold_colour(steps: Sequence[dict[str, Any]], value: float) -> str:
    colour: str = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            colour = step["color"]
    return _COLOURS[colour]


# ------------------------------------------------------------------------------------------------------------ time series


def _draw_time_series(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults["custom"]
    series = _named_series(panel, answers)
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
    )
    scale, timeline = _draw_axes(svg, plot, scale, answers, defaults)
    stacked = iter(layers)
    for index, (name, points) in enumerate(series):
        colour = _colour(panel, name, index)
        if stacking and not loose[index]:
            _draw_layer(svg, next(stacked), colour, scale, timeline, bars=custom["drawStyle"] == "bars")
        else:
            _draw_line(svg, points, colour, scale, timeline, dash="8 6" if loose[index] else "")
    for step in steps:
        if scale.low <= step["value"] <= scale.high:
            y = scale.y(step["value"])
            svg.path(f"M{plot.x:.0f} {y:.1f}H{plot.right:.0f}", stroke=_COLOURS[step["color"]], dash="8 6", opacity=0.8)
    _draw_exemplars(svg, answers.exemplars, timeline, scale.y, _PALETTE[2])


def _is_loose(panel: dict[str, Any], name: str) -> bool:
    """Whether the series is a dashed line of its own: a limit or an objective."""
    return _property(panel, name, "custom.lineStyle") is not None


def _is_near(threshold: float, values: Sequence[float]) -> bool:
    """Whether the axis may be stretched to show a threshold without flattening the data."""
    return threshold <= 2.5 * max(values, default=0.0)


def _draw_axes(
    svg: Svg, plot: Area, scale: Scale, answers: Answers, defaults: dict[str, Any]
) -> tuple[Scale, Timeline]:
    """Grid and labels; gives the scales of what is left of the area beside the labels."""
    ticks = [(tick, format_value(tick, defaults["unit"])) for tick in scale.ticks(max(2, int(plot.height / 32)))]
    margin = 8 + max((text_width(text, _SMALL) for _, text in ticks), default=0)
    inner = plot.inset(margin, 0, 0, 0)
    scale = Scale(scale.low, scale.high, inner, scale.logarithmic)
    timeline = Timeline(answers.start, answers.end, inner)
    moments = timeline.ticks()
    grid = "".join(f"M{inner.x:.0f} {scale.y(tick):.1f}H{inner.right:.0f}" for tick, _ in ticks)
    grid += "".join(f"M{timeline.x(at):.1f} {inner.y:.0f}V{inner.bottom:.0f}" for at, _ in moments)
    svg.path(grid, stroke=GRID)
    for tick, text in ticks:
        svg.text(inner.x - 6, scale.y(tick) + 3.5, text, FAINT, _SMALL, anchor="end")
    for at, text in moments:
        if inner.x + 8 < timeline.x(at) < inner.right - 8:
            svg.text(timeline.x(at), inner.bottom + 15, text, FAINT, _SMALL, anchor="middle")
    return scale, timeline


def _draw_line(svg: Svg, points: list[Point], colour: str, scale: Scale, timeline: Timeline, *, dash: str) -> None:
    for run in runs_of_numbers(points):
        path = [(timeline.x(at), scale.y(value)) for at, value in run]
        if not dash:
            bottom = scale.area.bottom
            svg.path(line_path([(path[0][0], bottom), *path, (path[-1][0], bottom)]) + "z", fill=colour, opacity=0.08)
        svg.path(line_path(path), stroke=colour, width=1.3, dash=dash)


def _draw_layer(
    svg: Svg,
    layer: Sequence[tuple[float, float, float]],
    colour: str,
    scale: Scale,
    timeline: Timeline,
    *,
    bars: bool,
) -> None:
    if bars:
        width = max(1.0, timeline.area.width / max(len(layer), 1) * 0.8)
        boxes = [
            Area(timeline.x(at) - width / 2, scale.y(top), width, scale.y(base) - scale.y(top))
            for at, base, top in layer
            if top > base
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
    shown = list(enumerate(series))[:room]
    height = _LINE_HEIGHT * (len(shown) + 1)
    y = area.bottom - height + 10
    width = 84
    for position, name in enumerate(reversed(columns)):
        svg.text(area.right - position * width, y, name.capitalize(), "#6e9fff", _SMALL, anchor="end")
    svg.text(area.x + 2, y, "Name", "#6e9fff", _SMALL)
    for index, (name, points) in shown:
        y += _LINE_HEIGHT
        svg.box(Area(area.x + 2, y - 5, 12, 3), _colour(panel, name, index), radius=1)
        svg.text(area.x + 20, y, fit(name, _SMALL, area.width - len(columns) * width - 24), TEXT, _SMALL)
        numbers = [value for _, value in points if math.isfinite(value)]
        for position, column in enumerate(reversed(columns)):
            text = format_value(_CALCULATIONS[column](numbers), defaults["unit"], defaults.get("decimals"))
            svg.text(area.right - position * width, y, text, TEXT, _SMALL, anchor="end")
    return height


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


_CALCULATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": _mean,
    "max": lambda values: max(values, default=math.nan),
}


def _draw_exemplars(
    svg: Svg, exemplars: Sequence[Point], timeline: Timeline, y: Callable[[float], float], colour: str
) -> None:
    """Single executions as small squares on their corner."""
    inside = [(at, value) for at, value in exemplars if timeline.start <= at <= timeline.end]
    every = max(1, math.ceil(len(inside) / _MAX_EXEMPLARS))
    squares = (f"M{timeline.x(at):.1f} {y(value) - 3:.1f}l3 3-3 3-3-3z" for at, value in inside[::every])
    svg.path("".join(squares), fill=colour, opacity=0.9)


# ------------------------------------------------------------------------------------------------------------------- stat


def _draw_stat(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    options = panel["options"]
    named = _named_series(panel, answers)
    name, points = named[0] if named else ("", [])
    last = next((value for _, value in reversed(points) if math.isfinite(value)), math.nan)
    colour = _threshold_colour(defaults["thresholds"]["steps"], last) if math.isfinite(last) else FAINT
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


# ---------------------------------------------------------------------------------------------------------------- heatmap


def _draw_heatmap(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
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
        svg.text(plot.x - 6, plot.bottom - row * height + 3.5, format_value(bounds[row], "s"), FAINT, _SMALL, anchor="end")
    for at, text in timeline.ticks():
        if plot.x + 8 < timeline.x(at) < plot.right - 8:
            svg.text(timeline.x(at), plot.bottom + 15, text, FAINT, _SMALL, anchor="middle")
    _draw_colour_scale(svg, Area(plot.x, area.bottom - 14, 180, 8), _most(columns))
    _draw_exemplars(svg, answers.exemplars, timeline, y, "#ffffff")


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
    cells: list[list[Area]] = [[] for _ in _TURBO]
    for at, column in columns.items():
        left, right = timeline.x(at) - width, timeline.x(at) - 1
        left = max(left, plot.x)
        for row, bound in enumerate(bounds[1:], 1):
            count = column.get(bound, 0.0)
            if count > 1e-9 and right > left:
                level = min(len(_TURBO) - 1, int(math.sqrt(count / most) * len(_TURBO)))
                cells[level].append(Area(left, plot.bottom - row * height, right - left, height - 1))
    for colour, boxes in zip(_TURBO, cells, strict=True):
        svg.path(box_path(boxes), fill=colour)


def _draw_colour_scale(svg: Svg, area: Area, most: float) -> None:
    width = area.width / len(_TURBO)
    for index, colour in enumerate(_TURBO):
        svg.box(Area(area.x + index * width, area.y, width, area.height), colour)
    svg.text(area.x - 6, area.bottom, "0", FAINT, _SMALL, anchor="end")
    svg.text(area.right + 6, area.bottom, format_value(round(most), "short"), FAINT, _SMALL)


# ------------------------------------------------------------------------------------------------------------------ table


def _draw_table(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    label = panel["transformations"][0]["options"]["byField"]
    titles: dict[str, str] = panel["transformations"][2]["options"]["renameByName"]
    row_title, *column_titles = titles.values()
    rows = table_rows(label, answers.instants)
    first = 150.0
    width = (area.width - first) / len(column_titles)
    y = area.y + 14
    svg.text(area.x + 2, y, row_title, "#6e9fff", _NORMAL)
    for index, title in enumerate(column_titles):
        svg.text(area.x + first + (index + 1) * width - 6, y, title, "#6e9fff", _NORMAL, anchor="end")
    for name, values in rows:
        svg.path(f"M{area.x:.0f} {y + 9:.1f}H{area.right:.0f}", stroke=GRID)
        y += 25
        linked = _property(panel, row_title, "links") is not None
        svg.text(area.x + 2, y, fit(name, _NORMAL, first - 8), "#6e9fff" if linked else TEXT, _NORMAL)
        for index, (title, value) in enumerate(zip(column_titles, values, strict=True)):
            text, colour = _cell(panel, title, value)
            svg.text(area.x + first + (index + 1) * width - 6, y, text, colour, _NORMAL, anchor="end")


def table_rows(label: str, instants: Sequence[Sequence[Sample]]) -> list[tuple[str, list[float]]]:
    """The answers side by side, one row for each value of the label, the largest first value first."""
    columns = [{labels[label]: value for labels, value in samples} for samples in instants]
    names = sorted({name for column in columns for name in column})
    rows = [(name, [column.get(name, math.nan) for column in columns]) for name in names]
    return sorted(rows, key=lambda row: -row[1][0])


def _cell(panel: dict[str, Any], title: str, value: float) -> tuple[str, str]:
    text = format_value(value, _property(panel, title, "unit"), _property(panel, title, "decimals"))
    thresholds = _property(panel, title, "thresholds")
    coloured = thresholds is not None and math.isfinite(value)
    return text, _threshold_colour(thresholds["steps"], value) if coloured else TEXT


_KINDS: dict[str, Callable[[Svg, dict[str, Any], Area, Answers], None]] = {
    "timeseries": _draw_time_series,
    "stat": _draw_stat,
    "heatmap": _draw_heatmap,
    "table": _draw_table,
}
