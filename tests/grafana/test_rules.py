"""Each alert fires when it should and stays quiet when it should, in promtool; each has a runbook."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from grafana.prometheus import RULES
from tests.grafana.promtool import check_alert, needs_promtool, promtool

if TYPE_CHECKING:
    from pathlib import Path

_ROOT = RULES.parent.parent
_TARGET = 'job="express", instance="a"'
_ALIVE = {f'express_build_info{{{_TARGET}, version="1"}}': "1x1600"}


def _executions(succeeded: str, failed: str, failed_status: str = "FAILED") -> dict[str, str]:
    of = f'express_executions_total{{{_TARGET}, workflow="orders"'
    return {f'{of}, status="SUCCEEDED"}}': succeeded, f'{of}, status="{failed_status}"}}': failed, **_ALIVE}


def _histogram(name: str, *buckets: tuple[str, str], labels: str = "") -> dict[str, str]:
    counted = {f'{name}_bucket{{{_TARGET}{labels}, le="{bound}"}}': values for bound, values in buckets}
    return counted | {f"{name}_count{{{_TARGET}{labels}}}": dict(buckets)["+Inf"]} | _ALIVE


def _durations(*buckets: tuple[str, str]) -> dict[str, str]:
    observed = _histogram("express_execution_duration_seconds", *buckets, labels=', workflow="orders"')
    return observed | _executions(dict(buckets)["+Inf"], "0x60")


def _cost(values: str) -> dict[str, str]:
    return {f'express_estimated_cost_dollars_total{{{_TARGET}, workflow="orders"}}': values, **_ALIVE}


def _source(what: str, values: str) -> dict[str, str]:
    return {f'express_source_{what}{{{_TARGET}, source="orders"}}': values, **_ALIVE}


@dataclass(frozen=True, slots=True)
class Fires:
    """An alert that fires after `minutes`, with its labels beside `alertname`, and its texts."""

    alert: str
    series: dict[str, str]
    minutes: int
    labels: dict[str, str]
    summary: str
    description: str
    runbook: str


_OF_WORKFLOW = {"job": "express", "workflow": "orders"}
_OF_SOURCE = {"job": "express", "source": "orders"}
_OF_INSTANCE = {"job": "express", "instance": "a"}

FIRES = [
    Fires(
        "ExpressErrorBudgetBurnsFast",
        _executions("0+80x20", "0+20x20"),
        10,
        _OF_WORKFLOW | {"severity": "page"},
        "orders: 20% of executions fail",
        "Over the last hour 20% of the executions of orders (job express) failed or timed out, more than 14.4 times what "
        "the objective allows.",
        "error-budget-burns",
    ),
    Fires(
        "ExpressErrorBudgetBurnsFast",
        _executions("0+80x20", "0+20x20", failed_status="TIMED_OUT"),
        10,
        _OF_WORKFLOW | {"severity": "page"},
        "orders: 20% of executions fail",
        "Over the last hour 20% of the executions of orders (job express) failed or timed out, more than 14.4 times what "
        "the objective allows.",
        "error-budget-burns",
    ),
    Fires(
        "ExpressErrorBudgetBurnsFast",
        # Few, but all of them fail.
        _executions("0x20", "0x2 1+1x18"),
        19,
        _OF_WORKFLOW | {"severity": "page"},
        "orders: 100% of executions fail",
        "Over the last hour 100% of the executions of orders (job express) failed or timed out, more than 14.4 times what "
        "the objective allows.",
        "error-budget-burns",
    ),
    Fires(
        "ExpressErrorBudgetBurnsSlowly",
        _executions("0+92x60", "0+8x60"),
        60,
        _OF_WORKFLOW | {"severity": "ticket"},
        "orders: 8% of executions fail",
        "Over the last six hours 8% of the executions of orders (job express) failed or timed out, more than 6 times what "
        "the objective allows.",
        "error-budget-burns",
    ),
    Fires(
        "ExpressExecutionsSlow",
        _durations(("4.6", "0+90x30"), ("10.0", "0+100x30"), ("+Inf", "0+100x30")),
        20,
        _OF_WORKFLOW | {"severity": "ticket"},
        "orders: p99 duration is 9.46s",
        "One of 100 executions of orders (job express) takes 9.46s or longer, which is more than the objective.",
        "executions-slow",
    ),
    Fires(
        "ExpressTargetDown",
        {f"up{{{_TARGET}}}": "1x5 0x10", f'express_build_info{{{_TARGET}, version="1"}}': "1x5 _x10"},
        10,
        _OF_INSTANCE | {"severity": "page"},
        "a does not answer",
        "Prometheus has not been able to scrape a (job express) for a minute: the process is gone, or its event loop or "
        "machine is overloaded.",
        "target-down",
    ),
    Fires(
        "ExpressRestarts",
        {f"process_start_time_seconds{{{_TARGET}}}": "1 2 3 4x10", **_ALIVE},
        10,
        _OF_INSTANCE | {"severity": "page"},
        "a restarts again and again",
        "a (job express) has restarted 3 times in 15 minutes.",
        "restarts",
    ),
    Fires(
        "ExpressRuntimeSaturated",
        {
            f'express_executions_in_flight{{{_TARGET}, workflow="orders"}}': "30x10",
            f'express_executions_in_flight{{{_TARGET}, workflow="payments"}}': "26x10",
            f"express_executions_in_flight_limit{{{_TARGET}}}": "60x10",
        },
        8,
        _OF_INSTANCE | {"severity": "ticket"},
        "a is 93.33% full",
        "a (job express) has had more than 90 % of its places taken for 5 minutes; when all are, starts wait.",
        "runtime-saturated",
    ),
    Fires(
        "ExpressStartsWait",
        _histogram("express_admission_wait_seconds", ("1.0", "0+50x15"), ("2.15", "0+100x15"), ("+Inf", "0+100x15")),
        12,
        _OF_INSTANCE | {"severity": "page"},
        "a: starts wait 2.127s for a place",
        "Of 100 starts that had to wait on a (job express), one waited 2.127s or longer.",
        "runtime-saturated",
    ),
    Fires(
        "ExpressEventLoopBlocked",
        _histogram("express_event_loop_lag_seconds", ("0.1", "0+50x15"), ("0.215", "0+100x15"), ("+Inf", "0+100x15")),
        12,
        _OF_INSTANCE | {"severity": "ticket"},
        "a: the event loop is 212.7ms late",
        "One of 100 timers of the event loop of a (job express) fires 212.7ms late or later. Everything in the process "
        "waits that long.",
        "event-loop-blocked",
    ),
    Fires(
        "ExpressLabelOverflow",
        {f'express_label_overflow_total{{{_TARGET}, family="express_executions_total"}}': "0x5 3x10"},
        8,
        {"job": "express", "family": "express_executions_total", "severity": "ticket"},
        "express_executions_total has too many label values",
        "express_executions_total (job express) has met more label values than it shows; the further ones are counted as "
        "`other`.",
        "label-overflow",
    ),
    Fires(
        "ExpressSourceLagGrows",
        _source("lag", "0+20x60"),
        30,
        _OF_SOURCE | {"severity": "page"},
        "orders: more and more messages wait",
        "For 15 minutes more messages of orders (job express) have come than were taken: 100 more wait than 5 minutes ago.",
        "source-lag-grows",
    ),
    Fires(
        "ExpressSourceDeadLetters",
        _source("dead_lettered_total", "0x5 3x20"),
        8,
        _OF_SOURCE | {"severity": "ticket"},
        "orders has dead letters",
        "About 3 messages of orders (job express) were given up within 15 minutes and wait for somebody among the "
        "dead letters.",
        "dead-letters",
    ),
    Fires(
        "ExpressSourceMessageStuck",
        _source("oldest_in_flight_seconds", "0+60x10"),
        8,
        _OF_SOURCE | _OF_INSTANCE | {"severity": "ticket"},
        "orders: a message has been in flight for 8m 0s",
        "a (job express) fetched a message of orders 8m 0s ago and has not settled it.",
        "message-stuck",
    ),
    Fires(
        "ExpressCostJumps",
        _cost("0+0.001x1380 1.38+0.01x120"),
        1470,
        _OF_WORKFLOW | {"severity": "ticket"},
        "orders costs three times as much as usual",
        "At the pace of the last hour AWS would charge $14.40 a day for orders (job express), more than three times the "
        "average of the last day.",
        "cost-jumps",
    ),
]


@dataclass(frozen=True, slots=True)
class Quiet:
    """What must not make an alert fire, and why one might think it should."""

    alert: str
    why: str
    series: dict[str, str]
    minutes: int


#: Ten minutes up, ten minutes down, above what matters.
_SWELLING = "200+100x10 1200-100x10 200+100x10 1200-100x10 200+100x10 1200-100x10"

QUIET = [
    Quiet("ExpressErrorBudgetBurnsFast", "10 % is ten times too much", _executions("0+90x70", "0+10x70"), 60),
    Quiet("ExpressErrorBudgetBurnsFast", "it is over", _executions("0+50x30 1550+100x40", "0+50x30 1500x40"), 50),
    Quiet("ExpressErrorBudgetBurnsFast", "not for two minutes yet", _executions("0+80x20", "0+20x20"), 2),
    Quiet(
        "ExpressErrorBudgetBurnsFast", "aborted ones are no errors", _executions("0+10x20", "0+90x20", "ABORTED"), 15
    ),
    Quiet("ExpressErrorBudgetBurnsFast", "one of one, at night", _executions("0x60", "0x5 1x55"), 15),
    Quiet("ExpressErrorBudgetBurnsFast", "nine in an hour", _executions("0x70", "0x5 1+1x8 9x50"), 16),
    Quiet("ExpressErrorBudgetBurnsSlowly", "one of one, at night", _executions("0x60", "0x5 1x55"), 30),
    Quiet("ExpressErrorBudgetBurnsSlowly", "nine in six hours", _executions("0+1x100", "0x5 1+1x8 9x50"), 30),
    Quiet("ExpressErrorBudgetBurnsSlowly", "5 % is five times too much", _executions("0+95x60", "0+5x60"), 60),
    Quiet("ExpressErrorBudgetBurnsSlowly", "it is over", _executions("0+50x60 3050+100x60", "0+50x60 3000x60"), 115),
    Quiet(
        "ExpressExecutionsSlow",
        "p99 is within the objective",
        _durations(("4.6", "0+100x30"), ("10.0", "0+100x30"), ("+Inf", "0+100x30")),
        25,
    ),
    Quiet(
        "ExpressExecutionsSlow",
        "one a minute, all slow: 90 an hour are not enough to speak of one of 100",
        _durations(("4.6", "0x100"), ("10.0", "0+1x100"), ("+Inf", "0+1x100")),
        95,
    ),
    Quiet("ExpressExecutionsSlow", "nothing runs", _durations(("4.6", "7x30"), ("10.0", "9x30"), ("+Inf", "9x30")), 25),
    Quiet("ExpressTargetDown", "it was missed once", {f"up{{{_TARGET}}}": "1x5 0 1x10", **_ALIVE}, 10),
    Quiet("ExpressTargetDown", "it is not one of ours", {'up{job="node", instance="a"}': "0x10", **_ALIVE}, 10),
    Quiet("ExpressRestarts", "one deployment", {f"process_start_time_seconds{{{_TARGET}}}": "1x5 2x10", **_ALIVE}, 12),
    Quiet(
        "ExpressRestarts",
        "it is not one of ours",
        {'process_start_time_seconds{job="node", instance="a"}': "1 2 3 4x10", **_ALIVE},
        10,
    ),
    Quiet(
        "ExpressRuntimeSaturated",
        "a burst is what the limit is for",
        {
            f'express_executions_in_flight{{{_TARGET}, workflow="orders"}}': "20x4 60x2 20x4",
            f"express_executions_in_flight_limit{{{_TARGET}}}": "60x10",
        },
        9,
    ),
    Quiet(
        "ExpressStartsWait",
        "waits are short",
        _histogram("express_admission_wait_seconds", ("1.0", "0+100x15"), ("2.15", "0+100x15"), ("+Inf", "0+100x15")),
        12,
    ),
    Quiet(
        "ExpressStartsWait",
        "one had to, for two seconds",
        _histogram("express_admission_wait_seconds", ("1.0", "0x15"), ("2.15", "0x5 1x10"), ("+Inf", "0x5 1x10")),
        9,
    ),
    Quiet(
        "ExpressEventLoopBlocked",
        "one of a thousand is late",
        _histogram(
            "express_event_loop_lag_seconds", ("0.1", "0+999x15"), ("0.215", "0+1000x15"), ("+Inf", "0+1000x15")
        ),
        12,
    ),
    Quiet(
        "ExpressLabelOverflow",
        "it happened long ago",
        {f'express_label_overflow_total{{{_TARGET}, family="express_executions_total"}}': "0x5 3x80"},
        80,
    ),
    Quiet("ExpressSourceLagGrows", "it swells and ebbs", _source("lag", _SWELLING), 58),
    Quiet("ExpressSourceLagGrows", "much waits, but no more than before", _source("lag", "5000x60"), 50),
    Quiet("ExpressSourceLagGrows", "few wait", _source("lag", "0+1x60"), 50),
    Quiet("ExpressSourceLagGrows", "not for 15 minutes yet", _source("lag", "0x20 0+50x12"), 32),
    Quiet("ExpressSourceLagGrows", "it is worked off", _source("lag", "0+50x20 1000-50x20"), 38),
    Quiet("ExpressSourceDeadLetters", "there were some long ago", _source("dead_lettered_total", "0x5 3x60"), 60),
    Quiet("ExpressSourceDeadLetters", "there are none", _source("dead_lettered_total", "0x60"), 60),
    Quiet(
        "ExpressSourceMessageStuck", "as long as it may take", _source("oldest_in_flight_seconds", "0+30x10 0x5"), 15
    ),
    Quiet("ExpressSourceMessageStuck", "only just", _source("oldest_in_flight_seconds", "0x5 301 0x10"), 5),
    Quiet("ExpressCostJumps", "it costs as much as ever", _cost("0+0.01x1500"), 1470),
    Quiet("ExpressCostJumps", "it costs pennies", _cost("0+0.00001x1380 0.0138+0.0005x120"), 1470),
]


def _alerts() -> list[dict[str, object]]:
    groups = yaml.safe_load((RULES / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@needs_promtool
def test_rules_are_sound() -> None:
    printed = promtool("check", "rules", RULES / "recording.yml", RULES / "alerts.yml")
    assert f"SUCCESS: {len(_alerts())} rules found" in printed


@pytest.mark.slow
@needs_promtool
@pytest.mark.parametrize("case", FIRES, ids=lambda case: case.alert)
def test_alert_fires(case: Fires, tmp_path: Path) -> None:
    annotations = {
        "summary": case.summary,
        "description": case.description,
        "runbook_url": f"https://wiki.example/express#{case.runbook}",
    }
    expected = [{"exp_labels": case.labels, "exp_annotations": annotations}]
    place = {"runbooks": "https://wiki.example/express"}
    check_alert(tmp_path, case.series, case.minutes, case.alert, expected, place)


@pytest.mark.slow
@needs_promtool
def test_a_prometheus_that_does_not_say_where_the_runbooks_are(tmp_path: Path) -> None:
    case = FIRES[0]
    annotations = {"summary": case.summary, "description": case.description}
    expected = {
        "exp_labels": case.labels,
        "exp_annotations": annotations | {"runbook_url": f"grafana/README.md#{case.runbook}"},
    }
    check_alert(tmp_path, case.series, case.minutes, case.alert, [expected])


@pytest.mark.slow
@needs_promtool
@pytest.mark.parametrize("case", QUIET, ids=lambda case: f"{case.alert}: {case.why}")
def test_alert_stays_quiet(case: Quiet, tmp_path: Path) -> None:
    check_alert(tmp_path, case.series, case.minutes, case.alert, [])


#: Alerts on a share of what happens now and then: what fails, what is slow, what waits.
_RATIOS = {"ExpressErrorBudgetBurnsFast", "ExpressErrorBudgetBurnsSlowly", "ExpressExecutionsSlow", "ExpressStartsWait"}
#: What tells that one of few says nothing.
_LOW_TRAFFIC = re.compile("one of one|nine|one a minute|one had to")


def test_each_alert_on_a_share_is_tried_with_low_traffic() -> None:
    assert {case.alert for case in QUIET if _LOW_TRAFFIC.search(case.why)} == _RATIOS


def test_links_within_the_readme_lead_somewhere() -> None:
    text = (_ROOT / "grafana" / "README.md").read_text(encoding="utf-8")
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
    assert all((_ROOT / "grafana" / path).exists() for path in re.findall(r"\]\(([^)#:]+)\)", text))


def test_each_alert_is_tried_both_ways() -> None:
    names = {rule["alert"] for rule in _alerts()}
    assert {case.alert for case in FIRES} == names
    assert {case.alert for case in QUIET} == names


@pytest.mark.parametrize("rule", _alerts(), ids=lambda rule: rule["alert"])
def test_alert_has_texts_a_severity_and_a_runbook(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    place, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert place == '{{ or $externalLabels.runbooks "grafana/README.md" }}'
    text = (_ROOT / "grafana" / "README.md").read_text(encoding="utf-8")
    runbook = text.partition("\n## Runbook\n")[2]
    headings = {
        heading.lower().replace(" ", "-"): heading for heading in re.findall(r"^### (.+)$", runbook, re.MULTILINE)
    }
    assert anchor in headings
    section = runbook.partition(f"### {headings[anchor]}\n")[2].partition("\n### ")[0]
    assert f"`{rule['alert']}`" in section


def test_recorded_names_tell_level_metric_and_operation() -> None:
    groups = yaml.safe_load((RULES / "recording.yml").read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert re.fullmatch(r"(instance|workflow|instance_workflow|source):express_\w+:\w+", rule["record"])
