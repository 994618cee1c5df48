"""The rules of grafana/dashboard-linter, by their names; the Go program is in no package index, so they are tests.

Rules: https://github.com/grafana/dashboard-linter/blob/main/docs/index.md
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from grafana.boards import DIRECTORY
from grafana.drawing.units import UNITS
from grafana.prometheus import interpolate
from tests.grafana.promtool import needs_promtool, promtool

if TYPE_CHECKING:
    from pathlib import Path

Dashboard = dict[str, Any]

#: Ids of Grafana's value formats (packages/grafana-data/src/valueFormats/categories.ts), as far as used here.
_VALID_UNITS = {"none", "string", "short", "percentunit", "currencyUSD", "bytes", "decbytes", "s", "ops"}
_QUERY_PANELS = {"stat", "timeseries", "heatmap", "table", "gauge"}
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}")

#: Words of PromQL that are no metric: functions, aggregations, modifiers.
_WORDS = {"by", "histogram_quantile", "increase", "max", "min", "rate", "sum", "time", "topk"}


@pytest.fixture(params=sorted(DIRECTORY.glob("*.json")), ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    document: Dashboard = json.loads(request.param.read_text(encoding="utf-8"))
    return document


def _variables(dashboard: Dashboard, type_: str) -> list[dict[str, Any]]:
    return [variable for variable in dashboard["templating"]["list"] if variable["type"] == type_]


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _expressions(dashboard: Dashboard) -> list[str]:
    return [target["expr"] for panel in _panels(dashboard) for target in panel["targets"]]


def test_template_datasource_rule(dashboard: Dashboard) -> None:
    (variable,) = _variables(dashboard, "datasource")
    assert (variable["name"], variable["label"], variable["query"]) == ("datasource", "Data source", "prometheus")


@pytest.mark.parametrize("name", ["job", "instance"])
def test_template_job_rule_and_template_instance_rule(dashboard: Dashboard, name: str) -> None:
    (variable,) = (variable for variable in dashboard["templating"]["list"] if variable["name"] == name)
    assert variable["type"] == "query"
    assert variable["datasource"]["uid"] == "${datasource}"
    assert variable["label"] == name.capitalize()
    assert variable["multi"] is True
    assert variable["allValue"] == ".+"


def test_template_label_promql_rule(dashboard: Dashboard) -> None:
    for variable in _variables(dashboard, "query"):
        assert re.fullmatch(r"label_values\([\w:]+(\{.*\})?, \w+\)", variable["query"]), variable["name"]


def test_template_on_time_change_reload_rule(dashboard: Dashboard) -> None:
    assert {variable["refresh"] for variable in _variables(dashboard, "query")} == {2}


def test_template_unused_rule(dashboard: Dashboard) -> None:
    for variable in _variables(dashboard, "query"):
        assert any(re.search(rf"\${variable['name']}\b", expression) for expression in _expressions(dashboard))


def test_panel_datasource_rule(dashboard: Dashboard) -> None:
    for panel in _panels(dashboard):
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]


def test_panel_title_description_rule(dashboard: Dashboard) -> None:
    for panel in _panels(dashboard):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]


def test_panel_units_rule(dashboard: Dashboard) -> None:
    assert UNITS == _VALID_UNITS
    for panel in _panels(dashboard):
        assert panel["fieldConfig"]["defaults"]["unit"] in _VALID_UNITS, panel["title"]
        for override in panel["fieldConfig"]["overrides"]:
            units = [property_["value"] for property_ in override["properties"] if property_["id"] == "unit"]
            assert set(units) <= _VALID_UNITS, panel["title"]


def test_panel_no_targets_rule(dashboard: Dashboard) -> None:
    for panel in _panels(dashboard):
        assert panel["type"] in _QUERY_PANELS
        assert panel["targets"], panel["title"]


@needs_promtool
def test_target_promql_rule(dashboard: Dashboard, tmp_path: Path) -> None:
    """Every expression is PromQL: promtool reads them as the rules of a file."""
    variables = {"job": ".+", "instance": ".+", "workflow": "orders"}
    rules = [
        {"record": f"checked:expression_{number}:value", "expr": interpolate(expression, variables, step=15, span=3600)}
        for number, expression in enumerate(_expressions(dashboard))
    ]
    path = tmp_path / "expressions.yml"
    path.write_text(json.dumps({"groups": [{"name": "expressions", "rules": rules}]}), encoding="utf-8")
    assert f"SUCCESS: {len(rules)} rules found" in promtool("check", "rules", path)


def test_target_rate_interval_rule(dashboard: Dashboard) -> None:
    """`increase` may also be over the whole time range, as of "Cost today"; the linter asks for rate and irate only."""
    for expression in _expressions(dashboard):
        for function, interval in re.findall(r"\b(\w+)\([^()]*\[([^\]]+)\]\)", expression):
            allowed = {"$__rate_interval", "$__range"} if function == "increase" else {"$__rate_interval"}
            assert interval in allowed, expression
        assert expression.count("[") == len(re.findall(r"\[\$__r", expression))


@pytest.mark.parametrize("name", ["job", "instance"])
def test_target_job_rule_and_target_instance_rule(dashboard: Dashboard, name: str) -> None:
    for expression in _expressions(dashboard):
        selectors = _SELECTOR.findall(expression)
        assert selectors
        assert all(f'{name}=~"${name}"' in matchers for _, matchers in selectors), expression


def test_no_selector_goes_without_matchers(dashboard: Dashboard) -> None:
    """What the two rules above cannot see: a metric without braces."""
    for expression in _expressions(dashboard):
        rest = re.sub(r"by \([^)]*\)|\[[^\]]*\]", " by ", _SELECTOR.sub(" ", expression))
        assert set(re.findall(r"[a-zA-Z_:][\w:]*", re.sub(r"\b[\d.]+(e\d+)?\b", " ", rest))) <= _WORDS, expression


def test_target_counter_agg_rule(dashboard: Dashboard) -> None:
    for expression in _expressions(dashboard):
        for match in re.finditer(r"(\w+\()?[\w:]+_total\{[^}]*\}(\[)?", expression):
            assert match.group(1) in ("rate(", "irate(", "increase("), expression
            assert match.group(2) == "[", expression


def test_target_histogram_rule(dashboard: Dashboard) -> None:
    """Buckets are read by histogram_quantile, or shown as they are in a heatmap."""
    for panel in _panels(dashboard):
        for target in panel["targets"]:
            if "_bucket{" in target["expr"]:
                assert panel["type"] == "heatmap" or "histogram_quantile(" in target["expr"], panel["title"]


def test_uneditable_dashboard_rule(dashboard: Dashboard) -> None:
    assert dashboard["editable"] is False
