"""The first board: is everything well, and if not, which workflow is it?

From top to bottom: six numbers to look at from across the room, the four golden signals (traffic, errors, latency,
saturation), the error budget, the workflows side by side with links to their own board, and what AWS would bill.
"""

from __future__ import annotations

from grafana.panels import BLUE, ORANGE, RED, YELLOW, Column, Panel, Query, Stat, Table, Threshold, TimeSeries
from grafana.promql import Scope, by, total

_SCOPE = Scope(("job", "instance"))

#: Executions whose end spends the error budget; who stops one knows why.
_ERRORS = 'status=~"FAILED|TIMED_OUT"'
#: Multiples of the allowed error ratio at which the alerts fire (Google's SRE Workbook, chapter 5, table 5-8).
BURN_THRESHOLDS = (Threshold(6, ORANGE), Threshold(14.4, RED))

_HOURS_PER_MONTH = 730

_ended = _SCOPE.rate("express_executions_total")
_succeeded = _SCOPE.rate("express_executions_total", 'status="SUCCEEDED"')
_failed = _SCOPE.rate("express_executions_total", _ERRORS)
_cost = _SCOPE.rate("express_estimated_cost_dollars_total")
_in_flight = _SCOPE.select("express_executions_in_flight")
_limit = _SCOPE.select("express_executions_in_flight_limit")
_objective = f"max({_SCOPE.select('instance:express_executions_failed:objective')})"


def _burn_rate(window: str) -> str:
    failed = _SCOPE.select(f"instance_workflow:express_executions_failed:rate{window}")
    ended = _SCOPE.select(f"instance_workflow:express_executions:rate{window}")
    return f"{total(failed)} / {total(ended)} / {_objective}"


_STATS = (
    Stat(
        title="Executions",
        description="Executions that ended each second, whatever their status.",
        unit="ops",
        queries=(Query(total(_ended)),),
        colour=BLUE,
    ),
    Stat(
        title="Success ratio",
        description="Share of the ended executions that SUCCEEDED.",
        unit="percentunit",
        decimals=2,
        queries=(Query(f"{total(_succeeded)} / {total(_ended)}"),),
        colour=RED,
        thresholds=(Threshold(0.95, YELLOW), Threshold(0.99, "green")),
    ),
    Stat(
        title="Duration p99",
        description="99 of 100 executions took no longer than this from start to end.",
        unit="s",
        queries=(Query(_SCOPE.quantile(0.99, "express_execution_duration_seconds")),),
        thresholds=(Threshold(1, YELLOW), Threshold(5, RED)),
    ),
    Stat(
        title="In flight",
        description="Executions running now.",
        unit="short",
        queries=(Query(total(_in_flight)),),
        colour=BLUE,
    ),
    Stat(
        title="Error budget burn, 1 h",
        description="How many times faster than allowed errors came in the last hour: at 1 the budget just lasts. "
        "The objective is set in rules/recording.yml.",
        unit="none",
        decimals=1,
        queries=(Query(_burn_rate("1h")),),
        thresholds=(Threshold(1, YELLOW), *BURN_THRESHOLDS),
    ),
    Stat(
        title="Cost today",
        description="What AWS would have charged for the executions since midnight: requests and billed duration at "
        "the first tier's price. Nothing is charged here.",
        unit="currencyUSD",
        decimals=2,
        queries=(Query(f"sum(increase({_SCOPE.select('express_estimated_cost_dollars_total')}[$__range]))"),),
        colour=BLUE,
        sparkline=False,
        since_midnight=True,
    ),
)

_GOLDEN_SIGNALS = (
    TimeSeries(
        title="Traffic: executions by status",
        description="Executions that ended each second. CloudWatch: ExecutionsSucceeded, ExecutionsFailed, "
        "ExecutionsTimedOut, ExecutionsAborted.",
        unit="ops",
        queries=(Query(by("status", _ended), "{{status}}"),),
        stacked=True,
        width=12,
    ),
    TimeSeries(
        title="Errors: share of executions failed or timed out",
        description="Of the executions that ended, by workflow. Aborted ones do not count: somebody stopped them.",
        unit="percentunit",
        queries=(Query(f"{by('workflow', _failed)} / {by('workflow', _ended)}", "{{workflow}}"),),
        minimum=0,
        width=12,
    ),
    TimeSeries(
        title="Latency: execution duration",
        description="Time from start to end over all workflows. The points are single executions. CloudWatch: "
        "ExecutionTime.",
        unit="s",
        queries=(
            Query(_SCOPE.quantile(0.5, "express_execution_duration_seconds"), "p50"),
            Query(_SCOPE.quantile(0.95, "express_execution_duration_seconds"), "p95"),
            Query(_SCOPE.quantile(0.99, "express_execution_duration_seconds"), "p99", exemplars=True),
        ),
        logarithmic=True,
        width=12,
    ),
    TimeSeries(
        title="Saturation: places taken",
        description="Executions in flight as a share of what each runtime admits at once. At 100 % starts wait.",
        unit="percentunit",
        queries=(Query(f"{by('instance', _in_flight)} / {by('instance', _limit)}", "{{instance}}"),),
        minimum=0,
        maximum=1,
        thresholds=(Threshold(0.9, ORANGE),),
        width=12,
    ),
)

_OBJECTIVES = (
    TimeSeries(
        title="Error budget burn rate",
        description="Errors as a multiple of what the objective allows, over several windows. The alerts fire when a "
        "long window and its short one both pass 14.4 (1 h and 5 min) or 6 (6 h and 30 min).",
        unit="none",
        decimals=1,
        queries=tuple(Query(_burn_rate(window), window) for window in ("5m", "30m", "1h", "6h")),
        minimum=0,
        thresholds=BURN_THRESHOLDS,
        width=12,
    ),
    TimeSeries(
        title="Slowest workflows, p99",
        description="The five workflows with the longest 99th percentile, and the objective set in "
        "rules/recording.yml.",
        unit="s",
        queries=(
            Query(
                f"topk(5, {_SCOPE.quantile(0.99, 'express_execution_duration_seconds', 'workflow')})", "{{workflow}}"
            ),
            Query(f"max({_SCOPE.select('instance:express_execution_duration_seconds:objective')})", "objective"),
        ),
        logarithmic=True,
        dashed=("objective",),
        width=12,
    ),
)

_WORKFLOWS = (
    Table(
        title="Workflows",
        description="Each workflow now; its name leads to its own board.",
        row="workflow",
        row_title="Workflow",
        columns=(
            Column("Executions/s", by("workflow", _ended), "ops"),
            Column(
                "Errors",
                f"{by('workflow', _failed)} / {by('workflow', _ended)}",
                "percentunit",
                2,
                (Threshold(0.01, YELLOW), Threshold(0.05, RED)),
            ),
            Column("p50", _SCOPE.quantile(0.5, "express_execution_duration_seconds", "workflow"), "s"),
            Column("p99", _SCOPE.quantile(0.99, "express_execution_duration_seconds", "workflow"), "s"),
            Column("In flight", by("workflow", _in_flight), "short"),
            Column("Transitions/s", by("workflow", _SCOPE.rate("express_state_transitions_total")), "ops"),
            Column(
                "$ per million",
                f"{by('workflow', _cost)} / {by('workflow', _ended)} * 1e6",
                "currencyUSD",
                2,
            ),
        ),
        link="/d/express-workflow?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}"
        "&var-workflow=${__value.text}&${__url_time_range}",
        width=14,
        height=8,
    ),
    TimeSeries(
        title="Errors by name",
        description="The ten most frequent error names of executions that failed, over all workflows.",
        unit="ops",
        queries=(Query(f"topk(10, {by('error', _SCOPE.rate('express_execution_errors_total'))} > 0)", "{{error}}"),),
        bars=True,
        stacked=True,
        width=10,
        height=8,
    ),
)

_COST = (
    TimeSeries(
        title="Cost per hour on AWS",
        description="What AWS would charge for an hour at this pace, by workflow: requests and billed duration at the "
        "first tier's price. `express cost` makes the month's bill with all tiers.",
        unit="currencyUSD",
        queries=(Query(f"{by('workflow', _cost)} * 3600", "{{workflow}}"),),
        stacked=True,
        width=18,
    ),
    Stat(
        title="A month at this pace",
        description="What AWS would charge for 730 hours like the last minutes, at the first tier's price.",
        unit="currencyUSD",
        decimals=0,
        queries=(Query(f"{total(_cost)} * 3600 * {_HOURS_PER_MONTH}"),),
        colour=BLUE,
        width=6,
        height=4,
    ),
    Stat(
        title="$ per million executions",
        description="What AWS would charge for a million executions such as these.",
        unit="currencyUSD",
        decimals=2,
        queries=(Query(f"{total(_cost)} / {total(_ended)} * 1e6"),),
        colour=BLUE,
        width=6,
        height=4,
    ),
)

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    ("", _STATS),
    ("Golden signals", _GOLDEN_SIGNALS),
    ("Objectives", _OBJECTIVES),
    ("Workflows", _WORKFLOWS),
    ("Cost on AWS", _COST),
)
