"""The table panel: one row for each value of a label, one column for each query."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from grafana.drawing.svg import Area, Svg, fit
from grafana.drawing.theme import GRID, LINK, NORMAL, TEXT, override_of, threshold_colour
from grafana.drawing.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana.drawing.answers import Answers
    from grafana.prometheus import Sample

#: Pixels of the first column, which has the names.
_NAMES = 150.0
_ROW_HEIGHT = 25


def draw_table(svg: Svg, panel: dict[str, Any], area: Area, answers: Answers) -> None:
    label = panel["transformations"][0]["options"]["byField"]
    titles: dict[str, str] = panel["transformations"][2]["options"]["renameByName"]
    row_title, *column_titles = titles.values()
    rows = table_rows(label, answers.instants)
    width = (area.width - _NAMES) / len(column_titles)
    y = area.y + 14
    svg.text(area.x + 2, y, row_title, LINK, NORMAL)
    for index, title in enumerate(column_titles):
        svg.text(area.x + _NAMES + (index + 1) * width - 6, y, title, LINK, NORMAL, anchor="end")
    for name, values in rows:
        svg.path(f"M{area.x:.0f} {y + 9:.1f}H{area.right:.0f}", stroke=GRID)
        y += _ROW_HEIGHT
        linked = override_of(panel, row_title, "links") is not None
        svg.text(area.x + 2, y, fit(name, NORMAL, _NAMES - 8), LINK if linked else TEXT, NORMAL)
        for index, (title, value) in enumerate(zip(column_titles, values, strict=True)):
            text, colour = _cell(panel, title, value)
            svg.text(area.x + _NAMES + (index + 1) * width - 6, y, text, colour, NORMAL, anchor="end")


def table_rows(label: str, instants: Sequence[Sequence[Sample]]) -> list[tuple[str, list[float]]]:
    """The answers side by side, one row for each value of the label, the largest first value first."""
    columns = [{labels[label]: value for labels, value in samples} for samples in instants]
    names = sorted({name for column in columns for name in column})
    rows = [(name, [column.get(name, math.nan) for column in columns]) for name in names]
    return sorted(rows, key=lambda row: -row[1][0])


def _cell(panel: dict[str, Any], title: str, value: float) -> tuple[str, str]:
    text = format_value(value, override_of(panel, title, "unit"), override_of(panel, title, "decimals"))
    thresholds = override_of(panel, title, "thresholds")
    coloured = thresholds is not None and math.isfinite(value)
    return text, threshold_colour(thresholds["steps"], value) if coloured else TEXT
