"""The second board: one workflow, chosen at the top: how it ends, how long it takes, what it does, what it costs."""

from __future__ import annotations

from express.metering import MEMORY_STEP_BYTES
from grafana.panels import BLUE, ORANGE, RED, YELLOW, Heatmap, Panel, Query, Stat, Threshold, TimeSeries
from grafana.promql import Scope, by, total

_SCOPE = Scope(("job", "instance", "workflow"))

_ended = _SCOPE.rate("express_executions_total")
_succeeded = _SCOPE.rate("express_executions_total", 'status="SUCCEEDED"')
_cost = _SCOPE.rate("express_estimated_cost_dollars_total")
_dollars_per_million = f"{total(_cost)} / {total(_ended)} * 1e6"


_STATS = (
    Stat(
        title="Executions",
        description="Executions of this workflow that ended each second.",
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
        description="99 of 100 executions took no longer than this.",
        unit="s",
        queries=(Query(_SCOPE.quantile(0.99, "express_execution_duration_seconds")),),
        thresholds=(Threshold(1, YELLOW), Threshold(5, RED)),
    ),
    Stat(
        title="In flight",
        description="Executions of this workflow running now.",
        unit="short",
        queries=(Query(total(_SCOPE.select("express_executions_in_flight"))),),
        colour=BLUE,
    ),
    Stat(
        title="Transitions per execution",
        description="States entered by an execution on average, retries included: what Standard workflows cost.",
        unit="none",
        decimals=1,
        queries=(Query(f"{total(_SCOPE.rate('express_state_transitions_total'))} / {total(_ended)}"),),
        colour=BLUE,
    ),
    Stat(
        title="$ per million",
        description="What AWS would charge for a million executions such as these: requests and billed duration at "
        "the first tier's price.",
        unit="currencyUSD",
        decimals=2,
        queries=(Query(_dollars_per_million),),
        colour=BLUE,
    ),
)

_OUTCOMES = (
    TimeSeries(
        title="Executions by status",
        description="Executions that ended each second, by how they ended.",
        unit="ops",
        queries=(Query(by("status", _ended), "{{status}}"),),
        stacked=True,
        width=12,
    ),
    TimeSeries(
        title="Errors by name",
        description="The errors that failed executions ended with. Names beyond the cap are counted as `other`.",
        unit="ops",
        queries=(Query(f"{by('error', _SCOPE.rate('express_execution_errors_total'))} > 0", "{{error}}"),),
        stacked=True,
        bars=True,
        width=12,
    ),
)

_DURATION = (
    Heatmap(
        title="Duration of executions",
        description="How many executions took how long. The points are single executions: follow one to its logs or "
        "trace by its name.",
        unit="s",
        queries=(
            Query(by("le", _SCOPE.increase("express_execution_duration_seconds_bucket")), "{{le}}", exemplars=True),
        ),
        width=12,
        height=9,
    ),
    TimeSeries(
        title="Duration percentiles",
        description="Estimated from the buckets, whose borders lie a factor of 2.15 apart; the mean is exact.",
        unit="s",
        queries=(
            Query(_SCOPE.quantile(0.5, "express_execution_duration_seconds"), "p50"),
            Query(_SCOPE.quantile(0.9, "express_execution_duration_seconds"), "p90"),
            Query(_SCOPE.quantile(0.99, "express_execution_duration_seconds"), "p99", exemplars=True),
            Query(_SCOPE.mean("express_execution_duration_seconds"), "mean"),
        ),
        logarithmic=True,
        width=12,
        height=9,
    ),
)

_WORK = (
    TimeSeries(
        title="State transitions by type",
        description="States entered each second, by their type.",
        unit="ops",
        queries=(Query(by("type", _SCOPE.rate("express_state_transitions_total")), "{{type}}"),),
        stacked=True,
        width=12,
    ),
    TimeSeries(
        title="Retries and catches",
        description="Errors that a Retry answered with another attempt, and those a Catch took over.",
        unit="ops",
        queries=(
            Query(total(_SCOPE.rate("express_retries_total")), "retries"),
            Query(total(_SCOPE.rate("express_catches_total")), "catches"),
        ),
        width=6,
    ),
    TimeSeries(
        title="Map items",
        description="Items handed to iterations of Map states each second.",
        unit="ops",
        queries=(Query(total(_SCOPE.rate("express_map_items_total")), "items"),),
        width=6,
    ),
)

_BILL = (
    TimeSeries(
        title="Billed and real seconds",
        description="Seconds of execution in each second of the clock, and those AWS would bill: every execution is "
        "rounded up to 100 ms. CloudWatch: ExpressExecutionBilledDuration.",
        unit="none",
        queries=(
            Query(total(_SCOPE.rate("express_execution_billed_seconds_total")), "billed"),
            Query(total(_SCOPE.rate("express_execution_duration_seconds_sum")), "real"),
        ),
        width=8,
    ),
    TimeSeries(
        title="Memory of an execution",
        description="As metered and as billed, which is in steps of 64 MB (dashed), on average. CloudWatch: "
        "ExpressExecutionMemory, ExpressExecutionBilledMemory.",
        unit="decbytes",
        queries=(
            Query(_SCOPE.mean("express_execution_billed_memory_bytes"), "billed"),
            Query(_SCOPE.mean("express_execution_memory_bytes"), "metered"),
        ),
        minimum=0,
        thresholds=(Threshold(MEMORY_STEP_BYTES, YELLOW), Threshold(2 * MEMORY_STEP_BYTES, ORANGE)),
        width=8,
    ),
    TimeSeries(
        title="$ per million executions",
        description="What AWS would charge for a million executions such as these. Two jumps make it: the next 100 ms "
        "and the next 64 MB.",
        unit="currencyUSD",
        decimals=2,
        queries=(Query(_dollars_per_million, "$ per million"),),
        minimum=0,
        width=8,
    ),
)

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    ("", _STATS),
    ("How it ends", _OUTCOMES),
    ("How long it takes", _DURATION),
    ("What it does", _WORK),
    ("What it would cost", _BILL),
)
