"""The three dashboards, laid out and written as JSON: `python -m grafana.boards`.

The JSON under dashboards/ is committed, because that is what people import; a test holds it against what is written
here. Panels flow from left to right and wrap at 24 columns, rows are headings.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grafana import overview, runtime, workflow
from grafana.panels import COLUMNS, DATASOURCE, Json, Panel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DIRECTORY = Path(__file__).parent / "dashboards"

#: The version of Grafana's dashboard schema that is written (Grafana 11); newer ones migrate it when they load it.
_SCHEMA_VERSION = 39


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. `file` is its name under dashboards/ and in its address; the first row needs no heading."""

    file: str
    title: str
    description: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    variables: tuple[Json, ...]

    def render(self) -> Json:
        """The dashboard as Grafana imports it."""
        return {
            "uid": f"express-{self.file}",
            "title": self.title,
            "description": self.description,
            "tags": ["express"],
            "editable": False,
            "graphTooltip": 1,
            "refresh": "10s",
            "schemaVersion": _SCHEMA_VERSION,
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "browser",
            "links": [_links_to_siblings()],
            "templating": {"list": list(self.variables)},
            "panels": list(self.place()),
        }

    def place(self) -> Iterator[Json]:
        """The panels' JSON, each with its number and place."""
        number = bottom = 0
        for heading, panels in self.rows:
            x, y = 0, bottom
            if heading:
                number += 1
                yield _row(number, heading, y)
                y = bottom = y + 1
            for panel in panels:
                if x + panel.width > COLUMNS:
                    x, y = _wrap(x, y, bottom, panel)
                number += 1
                yield panel.render(number, x, y)
                bottom = max(bottom, y + panel.height)
                x += panel.width


def _wrap(x: int, y: int, bottom: int, panel: Panel) -> tuple[int, int]:
    """Where a panel goes that does not fit at the right: below a lower neighbour if there is room, or on a new line."""
    left = x - panel.width
    if left + panel.width <= COLUMNS and y + 2 * panel.height == bottom:
        return left, y + panel.height
    return 0, bottom


def _row(number: int, title: str, y: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
        "panels": [],
    }


def _links_to_siblings() -> Json:
    return {
        "type": "dashboards",
        "title": "express",
        "tags": ["express"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
    }


def _datasource_variable() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "current": {},
        "hide": 0,
    }


def _label_variable(label: str, series: str, *, everything: bool = True) -> Json:
    """A variable with the values of a label, asked anew when the time range changes."""
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "query": f"label_values({series}, {label})",
        "definition": f"label_values({series}, {label})",
        "refresh": 2,
        "sort": 1,
        "multi": everything,
        "includeAll": everything,
        **({"allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]}} if everything else {"current": {}}),
        "hide": 0,
    }


_PROCESSES = (
    _datasource_variable(),
    _label_variable("job", "express_build_info"),
    _label_variable("instance", 'express_build_info{job=~"$job"}'),
)
_WORKFLOW = _label_variable(
    "workflow", 'express_executions_started_total{job=~"$job", instance=~"$instance"}', everything=False
)

BOARDS = (
    Board(
        "overview",
        "express / Overview",
        "Golden signals, objectives and cost of all workflows.",
        overview.ROWS,
        _PROCESSES,
    ),
    Board(
        "workflow",
        "express / Workflow",
        "One workflow: outcomes, durations, work and cost.",
        workflow.ROWS,
        (*_PROCESSES, _WORKFLOW),
    ),
    Board(
        "runtime",
        "express / Runtime and sources",
        "The processes: event loop, admission, handlers, sources of messages, memory, CPU.",
        runtime.ROWS,
        _PROCESSES,
    ),
)


def text_of(board: Board) -> str:
    """The board's JSON as it is committed."""
    return json.dumps(board.render(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m grafana.boards", description=__doc__).parse_args(arguments)
    DIRECTORY.mkdir(exist_ok=True)
    for board in BOARDS:
        path = DIRECTORY / f"{board.file}.json"
        path.write_text(text_of(board), encoding="utf-8")
        print(f"wrote {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


if __name__ == "__main__":
    main()
