"""Panels as Grafana's JSON wants them, each said in a line or two.

Grafana's schema is wide and mostly defaults, and a board written by hand drifts: a unit forgotten here, a label
matcher there. So a board is a list of these panels, and what all panels must have (unit, title, description, the
data source variable, job and instance matchers) cannot be left out. Own code of this size instead of
grafana-foundation-sdk: a generated API of a hundred modules for three boards.

Schema: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

#: A piece of Grafana's JSON.
Json: TypeAlias = dict[str, Any]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

#: A board is 24 columns wide.
COLUMNS = 24

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE = "green", "yellow", "orange", "red", "blue", "purple"
#: The values of these labels keep their colour wherever they are shown.
_COLOURS_OF_LABELS = {
    "status": {"SUCCEEDED": GREEN, "FAILED": RED, "TIMED_OUT": ORANGE, "ABORTED": PURPLE},
    "outcome": {"succeeded": GREEN, "failed": RED, "timed_out": ORANGE},
}


#: What the legend of a time series says of each line.
_LEGEND_COLUMNS = ("mean", "max")


@dataclass(frozen=True, slots=True)
class Query:
    """A question to Prometheus. `legend` names the series; `exemplars` asks for examples of single executions."""

    expression: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `value` on, the colour is this."""

    value: float
    colour: str


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What all panels have. `width` is in columns of 24, `height` in units of 30 pixels."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 8
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    thresholds: tuple[Threshold, ...] = ()

    type: ClassVar[str]
    #: How a target is asked: over the time range, or only for its end.
    instant: ClassVar[bool] = False
    format: ClassVar[str] = "time_series"

    def render(self, number: int, x: int, y: int) -> Json:
        """The panel's JSON at a place of the grid."""
        return {
            "id": number,
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
            "targets": [self.target(index, query) for index, query in enumerate(self.queries)],
        }

    def target(self, index: int, query: Query) -> Json:
        return {
            "refId": chr(ord("A") + index),
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expression,
            "legendFormat": query.legend or "__auto",
            "format": self.format,
            "instant": self.instant,
            "range": not self.instant,
            "exemplar": query.exemplars,
        }

    def defaults(self) -> Json:
        steps: list[Json] = [{"color": self.base_colour(), "value": None}]
        steps += [{"color": threshold.colour, "value": threshold.value} for threshold in self.thresholds]
        defaults: Json = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}}
        for key, value in (("min", self.minimum), ("max", self.maximum), ("decimals", self.decimals)):
            if value is not None:
                defaults[key] = value
        return defaults

    def base_colour(self) -> str:
        return GREEN

    def overrides(self) -> list[Json]:
        return []

    def options(self) -> Json:
        return {}


@dataclass(frozen=True, kw_only=True)
class TimeSeries(Panel):
    """Lines over time. `stacked` fills and adds them up, `bars` draws bars; thresholds are dashed lines."""

    stacked: bool = False
    bars: bool = False
    logarithmic: bool = False
    #: Series by name that are drawn as dashed lines: limits and objectives.
    dashed: tuple[str, ...] = ()

    type = "timeseries"

    def defaults(self) -> Json:
        scale: Json = {"type": "log", "log": 10} if self.logarithmic else {"type": "linear"}
        return super().defaults() | {
            "color": {"mode": "palette-classic"},
            "custom": {
                "drawStyle": "bars" if self.bars else "line",
                "lineInterpolation": "linear",
                "lineWidth": 0 if self.bars else 1,
                "fillOpacity": self._fill(),
                "showPoints": "never",
                "spanNulls": False,
                # A logarithmic axis has no zero.
                **({} if self.logarithmic else {"axisSoftMin": 0}),
                "scaleDistribution": scale,
                "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
                "thresholdsStyle": {"mode": "dashed" if self.thresholds else "off"},
            },
        }

    def _fill(self) -> int:
        """Per cent of opacity below the line."""
        return 85 if self.bars else 40 if self.stacked else 0 if self.logarithmic else 8

    def overrides(self) -> list[Json]:
        labels = [query.legend.strip("{}") for query in self.queries]
        coloured = [
            _override(value, ("color", {"mode": "fixed", "fixedColor": colour}))
            for label in labels
            for value, colour in _COLOURS_OF_LABELS.get(label, {}).items()
        ]
        return coloured + [_dashed_line(name) for name in self.dashed]

    def options(self) -> Json:
        by_label = any("{{" in query.legend for query in self.queries)
        return {
            "legend": {
                "showLegend": True,
                "displayMode": "table",
                "placement": "bottom",
                "calcs": list(_LEGEND_COLUMNS),
                **({"sortBy": "Max", "sortDesc": True} if by_label else {}),
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        }


def _override(name: str, *properties: tuple[str, Any]) -> Json:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": id_, "value": value} for id_, value in properties],
    }


def _dashed_line(name: str) -> Json:
    return _override(
        name,
        ("color", {"mode": "fixed", "fixedColor": RED}),
        ("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
        ("custom.fillOpacity", 0),
        ("custom.stacking", {"mode": "none", "group": "B"}),
    )


@dataclass(frozen=True, kw_only=True)
class Stat(Panel):
    """One number, coloured by the thresholds, over a spark line of how it came about.

    `colour` is the colour below the first threshold. `since_midnight` asks for today so far, whatever time range the
    board shows. `names` shows the names of the series instead of their values: for `_info` metrics.
    """

    width: int = 4
    height: int = 4
    colour: str = GREEN
    sparkline: bool = True
    since_midnight: bool = False
    names: bool = False

    type = "stat"

    def render(self, number: int, x: int, y: int) -> Json:
        panel = super().render(number, x, y)
        return panel | {"timeFrom": "now/d", "hideTimeOverride": False} if self.since_midnight else panel

    def target(self, index: int, query: Query) -> Json:
        instant = not self.sparkline
        return super().target(index, query) | {"instant": instant, "range": not instant}

    def base_colour(self) -> str:
        return self.colour

    def defaults(self) -> Json:
        return super().defaults() | {"color": {"mode": "thresholds"}}

    def options(self) -> Json:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area" if self.sparkline else "none",
            "textMode": "name" if self.names else "value",
            "justifyMode": "auto",
            "orientation": "auto",
        }


@dataclass(frozen=True, kw_only=True)
class Heatmap(Panel):
    """The buckets of a histogram over time, brighter where more of them fell, with exemplars as points."""

    type = "heatmap"
    format = "heatmap"

    def options(self) -> Json:
        return {
            "calculate": False,
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Turbo", "scale": "exponential", "exponent": 0.5, "steps": 64},
            "exemplars": {"color": "rgba(255,255,255,0.8)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": True},
            "yAxis": {"axisPlacement": "left", "reverse": False, "unit": self.unit},
        }


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the newest value of a query for each row."""

    title: str
    expression: str
    unit: str
    decimals: int | None = None
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table(Panel):
    """One row for each value of the label `row`, one column for each query. `link` is where a row leads."""

    row: str
    row_title: str
    columns: tuple[Column, ...]
    link: str = ""
    unit: str = "short"
    queries: tuple[Query, ...] = field(default=(), init=False)

    type = "table"
    instant = True
    format = "table"

    def render(self, number: int, x: int, y: int) -> Json:
        panel = super().render(number, x, y)
        panel["targets"] = [self.target(index, Query(column.expression)) for index, column in enumerate(self.columns)]
        panel["transformations"] = self.transformations()
        return panel

    def transformations(self) -> list[Json]:
        """Put the answers side by side, one row for each value of the label, and name the columns."""
        titles = {f"Value #{chr(ord('A') + index)}": column.title for index, column in enumerate(self.columns)}
        return [
            {"id": "joinByField", "options": {"byField": self.row, "mode": "outer"}},
            {"id": "filterFieldsByName", "options": {"include": {"pattern": f"^({self.row}|Value.*)$"}}},
            {"id": "organize", "options": {"renameByName": {self.row: self.row_title} | titles}},
        ]

    def overrides(self) -> list[Json]:
        columns = [_column_override(column) for column in self.columns]
        if self.link:
            columns.append(_override(self.row_title, ("links", [{"title": "Open", "url": self.link}])))
        return columns

    def options(self) -> Json:
        return {
            "cellHeight": "sm",
            "showHeader": True,
            "sortBy": [{"displayName": self.columns[0].title, "desc": True}],
        }


def _column_override(column: Column) -> Json:
    properties: list[tuple[str, Any]] = [("unit", column.unit)]
    if column.decimals is not None:
        properties.append(("decimals", column.decimals))
    if column.thresholds:
        steps: list[Json] = [{"color": GREEN, "value": None}]
        steps += [{"color": threshold.colour, "value": threshold.value} for threshold in column.thresholds]
        properties.append(("thresholds", {"mode": "absolute", "steps": steps}))
        properties.append(("custom.cellOptions", {"type": "color-text"}))
    return _override(column.title, *properties)
