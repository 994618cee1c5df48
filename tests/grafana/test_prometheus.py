"""A real Prometheus scrapes a real `express` under load: every question of the boards and rules has a sound answer.

What a panel shows is taken from the committed JSON and asked as Grafana asks it. An answer is sound when it is there,
finite, and of a size that the load makes likely: ratios within 0 and 1, durations within an execution's limit.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from express.metrics.families import FAMILIES
from grafana.boards import DIRECTORY
from grafana.drawing.heatmap import buckets_over_time
from grafana.drawing.table import table_rows
from grafana.load import loaded
from grafana.prometheus import Prometheus, PrometheusError, installed
from grafana.render import ask_panel, draw_board
from tests.grafana.promtool import promtool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grafana.drawing import Answers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not installed(), reason="needs prometheus (Debian package prometheus)"),
]

_INSTANCE = "worker-1"
#: Seconds for the load to show everything it has; it takes about one period.
_PATIENCE = 45.0
_PERIOD = 8.0
_STEP = 1.0

#: What has to have happened before the boards are asked: counters that have been seen to grow.
_HAPPENED = (
    'express_executions_total{status="FAILED"}',
    'express_executions_total{status="TIMED_OUT"}',
    'express_executions_total{status="ABORTED"}',
    'express_execution_errors_total{workflow="orders"}',
    "express_executions_throttled_total",
    'express_retries_total{workflow="orders"}',
    'express_catches_total{workflow="orders"}',
    'express_map_items_total{workflow="orders"}',
    "express_source_redelivered_total",
    "express_source_dead_lettered_total",
    'express_source_messages_total{outcome="invalid"}',
)
#: Gauges that have been seen above zero.
_SEEN = ("express_source_lag", "express_source_commit_gap")
#: What is recorded last: when it is there, everything is.
_RECORDED = (
    "instance_workflow:express_executions_failed:rate6h",
    "workflow:express_executions_failed:ratio_rate1h",
    "workflow:express_executions_failed:ratio_rate6h",
    "workflow:express_estimated_cost_dollars:rate1d",
)

#: For each unit the smallest and largest value that can be true of this load.
_PLAUSIBLE = {
    "ops": (0, 20_000),
    "percentunit": (0, 1),
    "s": (0, 300),
    "short": (0, 100_000),
    "none": (0, 10_000),
    "bytes": (1e6, 1e9),
    "decbytes": (49e6, 65e6),
    "currencyUSD": (0, 10_000),
    "string": (1, 1),
}
#: Tighter bounds where more is known.
_EXPECTED = {
    "Executions": (0, 2_000),
    "In flight": (0, 30),
    "Instances up": (1, 1),
    "Definitions": (4, 4),
    "Waiting for a place": (0, 10),
    "Saturation: places taken": (0, 1),
    "$ per million executions": (0.9, 10),
    "$ per million": (0.9, 10),
    "Transitions per execution": (1, 1_000),
    "Label overflow": (0, 0),
    "Messages in flight": (0, 20),
    "Commit gap": (0, 1_000),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A Prometheus that has seen the load, and the span of time it knows."""

    prometheus: Prometheus
    address: str
    start: float
    end: float


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with (
        loaded([_INSTANCE], period=_PERIOD, max_in_flight=30) as targets,
        Prometheus(targets) as prometheus,
    ):
        for counter in _HAPPENED:
            _wait_for(prometheus, f"max(max_over_time(rate({counter}[4s])[5m:1s]))")
        for gauge in _SEEN:
            _wait_for(prometheus, f"max(max_over_time({gauge}[5m]))")
        for recorded in _RECORDED:
            _wait_for(prometheus, f"max({recorded})")
        # From the first scrape on, or what happened early would not be in the answers; in whole steps up to now, or
        # what was recorded last would not.
        end = time.time()
        first = prometheus.instant("min(min_over_time(timestamp(express_build_info)[5m:1s]))")[0][1]
        start = end - math.ceil((end - first) / _STEP) * _STEP
        yield Watched(prometheus, targets[_INSTANCE], start, end)


def _wait_for(prometheus: Prometheus, expression: str) -> None:
    """Until the expression's only series is there and above zero."""

    def is_there(asked: Prometheus) -> bool:
        return any(value > 0 for _, value in asked.instant(expression))

    prometheus.wait_until(is_there, _PATIENCE, f"{expression} > 0")


def _boards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(DIRECTORY.glob("*.json"))]


_PANELS = [(board["title"], panel) for board in _boards() for panel in board["panels"] if panel["type"] != "row"]
of_each_panel = pytest.mark.parametrize(
    ("board", "panel"), _PANELS, ids=[f"{board}: {panel['title']}" for board, panel in _PANELS]
)


def _column_units(panel: dict[str, Any]) -> list[str]:
    """The unit of each column of a table, in the order of its targets."""
    units = (p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "unit")
    return list(units)


def _values(panel: dict[str, Any], answers: Answers) -> list[tuple[str, list[float]]]:
    """The unit and the numbers that each target gave; what is no number is a gap in a line."""
    if panel["type"] == "table":
        numbers = [[value for _, value in samples] for samples in answers.instants]
        return list(zip(_column_units(panel), numbers, strict=True))
    unit = panel["fieldConfig"]["defaults"]["unit"]
    lines = [[value for _, points in series for _, value in points] for series in answers.ranges]
    if panel["type"] == "heatmap":  # its unit is that of the axis; the cells are counts
        unit = "short"
    return [(unit, [value for value in line if not math.isnan(value)]) for line in lines]


@of_each_panel
def test_panel_has_sound_data(watched: Watched, board: str, panel: dict[str, Any]) -> None:
    answers = ask_panel(watched.prometheus, panel, watched.start, watched.end, _STEP)
    for unit, values in _values(panel, answers):
        assert values, "no data"
        low, high = _EXPECTED.get(panel["title"], _PLAUSIBLE[unit])
        assert low <= min(values), f"{min(values)} {unit}"
        assert max(values) <= high, f"{max(values)} {unit}"


#: Panels that may be all zeroes for some seconds: what is rare, and what a scrape a second can miss.
_QUIET = {"Label overflow", "Garbage collections", "Waiting for a place"}


@of_each_panel
def test_panel_shows_that_something_happens(watched: Watched, board: str, panel: dict[str, Any]) -> None:
    answers = ask_panel(watched.prometheus, panel, watched.start, watched.end, _STEP)
    happens = any(value > 0 for _, values in _values(panel, answers) for value in values)
    assert happens or panel["title"] in _QUIET


def test_exemplars_are_executions(watched: Watched) -> None:
    found = watched.prometheus.exemplars("express_execution_duration_seconds_bucket", watched.start, watched.end)
    assert found
    for labels, at, value in found:
        assert set(labels) == {"execution"}
        assert watched.start - 60 < at <= watched.end + 60
        assert 0 < value < 300


def test_heatmap_counts_every_execution_once(watched: Watched) -> None:
    """The cells of a moment are together what the counter says."""
    selector = f'{{workflow="orders", instance="{_INSTANCE}"}}'
    counts, totals = (
        watched.prometheus.range(expression, watched.end, watched.end, _STEP)
        for expression in (
            f"sum by (le) (express_execution_duration_seconds_bucket{selector})",
            f"sum(express_execution_duration_seconds_count{selector})",
        )
    )
    (column,) = buckets_over_time(counts).values()
    assert sum(column.values()) == totals[0][1][0][1] > 0


def test_workflows_table_has_a_row_for_each(watched: Watched) -> None:
    (panel,) = (panel for _, panel in _PANELS if panel["title"] == "Workflows" and panel["type"] == "table")
    answers = ask_panel(watched.prometheus, panel, watched.start, watched.end, _STEP)
    rows = table_rows("workflow", answers.instants)
    assert {name for name, _ in rows} == {"orders", "payments", "thumbnails", "readings"}


def test_variables_of_the_boards_have_values(watched: Watched) -> None:
    found = {name: watched.prometheus.ask(f"label/{name}/values") for name in ("job", "instance", "workflow")}
    assert found["job"] == ["express"]
    assert found["instance"] == [_INSTANCE]
    assert set(found["workflow"]) == {"orders", "payments", "thumbnails", "readings"}


def test_rules_are_evaluated_without_error(watched: Watched) -> None:
    rules = watched.prometheus.rules()
    assert {rule["type"] for rule in rules} == {"recording", "alerting"}
    assert {rule["name"]: rule.get("lastError", "") for rule in rules if rule["health"] != "ok"} == {}


def test_recording_rules_have_sound_data(watched: Watched) -> None:
    for rule in watched.prometheus.rules():
        if rule["type"] == "recording":
            values = [value for _, value in watched.prometheus.instant(rule["name"])]
            assert values, rule["name"]
            assert all(math.isfinite(value) and value >= 0 for value in values), rule["name"]
            if ":ratio_rate" in rule["name"]:
                assert max(values) <= 1


def test_alerts_ask_for_what_is_there(watched: Watched) -> None:
    """Every metric that an alert's expression names has series now, or its never firing would prove nothing."""
    for rule in watched.prometheus.rules():
        if rule["type"] == "alerting":
            for name in _metric_names(rule["query"]):
                assert watched.prometheus.instant(f'count({{__name__="{name}"}})'), f"{rule['name']}: {name}"


def _metric_names(expression: str) -> set[str]:
    known = {family.name + suffix for family in FAMILIES for suffix in ("", "_bucket")}
    words = expression.replace("(", " ").replace(")", " ").replace("[", " ").replace("{", " ").split()
    names = {
        word for word in words if word in known or ":express_" in word or word in ("up", "process_start_time_seconds")
    }
    assert names, expression
    return names


def test_page_passes_promtool(watched: Watched) -> None:
    with urlopen(f"http://{watched.address}/metrics", timeout=10) as answer:
        assert promtool("check", "metrics", input=answer.read().decode()) == ""


def test_page_is_openmetrics_for_prometheus(watched: Watched) -> None:
    """As Prometheus asks for it; only this format has exemplars."""
    request = Request(
        f"http://{watched.address}/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
    )
    with urlopen(request, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert answer.read().endswith(b"# EOF\n")


def test_refused_query_says_why(watched: Watched) -> None:
    with pytest.raises(PrometheusError, match="unclosed left parenthesis"):
        watched.prometheus.instant("rate(")


def test_broken_rules_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text('{"groups": [{"name": "a", "rules": [{"record": "r", "expr": "rate("}]}]}')
    with pytest.raises(PrometheusError, match=r"broken\.yml"), Prometheus({}, rules=tmp_path):
        pass


def test_boards_can_be_drawn(watched: Watched) -> None:
    for board in _boards():
        picture = draw_board(watched.prometheus, board, watched.start, watched.end)
        for panel in board["panels"]:
            assert f">{panel['title']}<" in picture.replace("&amp;", "&"), panel["title"]
        assert len(picture) < 200_000
        assert "nan" not in picture
