"""The third board: the processes that run the workflows, and the sources that feed them."""

from __future__ import annotations

from grafana.panels import BLUE, RED, YELLOW, Column, Panel, Query, Stat, Table, Threshold, TimeSeries
from grafana.promql import Scope, by, most, total

_SCOPE = Scope(("job", "instance"))

_in_flight = _SCOPE.select("express_executions_in_flight")
_limit = _SCOPE.select("express_executions_in_flight_limit")
_resident = _SCOPE.select("process_resident_memory_bytes")
_cpu = _SCOPE.rate("process_cpu_seconds_total")

#: Seconds the event loop may be late before somebody has to look (rules/alerts.yml).
_LAG_LIMIT = 0.1

_STATS = (
    Stat(
        title="Instances up",
        description="Processes that answered the last scrape.",
        unit="short",
        queries=(Query(total(_SCOPE.select("up"))),),
        colour=RED,
        thresholds=(Threshold(1, "green"),),
    ),
    Stat(
        title="Loop lag p99",
        description="How late the event loop came back to a timer: 99 of 100 times no later than this.",
        unit="s",
        queries=(Query(_SCOPE.quantile(0.99, "express_event_loop_lag_seconds")),),
        thresholds=(Threshold(0.01, YELLOW), Threshold(_LAG_LIMIT, RED)),
    ),
    Stat(
        title="Waiting for a place",
        description="Starts held back now because their runtime is full.",
        unit="short",
        queries=(Query(total(_SCOPE.select("express_executions_waiting"))),),
        thresholds=(Threshold(1, YELLOW),),
    ),
    Stat(
        title="Definitions",
        description="Workflows a runtime has met, by their name.",
        unit="short",
        queries=(Query(f"max({_SCOPE.select('express_definitions')})"),),
        colour=BLUE,
        sparkline=False,
    ),
    Stat(
        title="Compile time",
        description="What compiling a definition took on average since the process started.",
        unit="s",
        queries=(
            Query(
                f"{total(_SCOPE.select('express_compile_seconds_sum'))}"
                f" / {total(_SCOPE.select('express_compile_seconds_count'))}"
            ),
        ),
        colour=BLUE,
        sparkline=False,
    ),
    Stat(
        title="Version",
        description="The versions of express and Python that run, and their event loop.",
        unit="string",
        queries=(
            Query(
                f"max by (version, python, loop) ({_SCOPE.select('express_build_info')})",
                "{{version}} · Python {{python}} · {{loop}}",
            ),
        ),
        colour=BLUE,
        sparkline=False,
        names=True,
    ),
)

_LOOP = (
    TimeSeries(
        title="Event loop lag",
        description="How late the event loop came back to a timer. Whoever shares the loop waits as long; a handler "
        "that computes instead of waiting is the usual cause.",
        unit="s",
        queries=(
            Query(_SCOPE.quantile(0.5, "express_event_loop_lag_seconds"), "p50"),
            Query(_SCOPE.quantile(0.99, "express_event_loop_lag_seconds"), "p99"),
            Query(_SCOPE.quantile(1, "express_event_loop_lag_seconds"), "longest"),
        ),
        logarithmic=True,
        thresholds=(Threshold(_LAG_LIMIT, RED),),
        width=12,
    ),
    TimeSeries(
        title="In flight and limit",
        description="Executions running, and what the runtimes admit at once (`max_in_flight`).",
        unit="short",
        queries=(
            Query(by("instance", _in_flight), "{{instance}}"),
            Query(total(_limit), "limit"),
        ),
        stacked=True,
        dashed=("limit",),
        width=12,
    ),
    TimeSeries(
        title="Admission wait",
        description="How long starts waited for a place.",
        unit="s",
        queries=(
            Query(_SCOPE.quantile(0.5, "express_admission_wait_seconds"), "p50"),
            Query(_SCOPE.quantile(0.99, "express_admission_wait_seconds"), "p99"),
        ),
        logarithmic=True,
        width=12,
    ),
    TimeSeries(
        title="Starts held back",
        description="Starts that had to wait for a place each second, and those that wait now. CloudWatch: "
        "ExecutionThrottled.",
        unit="short",
        queries=(
            Query(total(_SCOPE.rate("express_executions_throttled_total")), "held back each second"),
            Query(total(_SCOPE.select("express_executions_waiting")), "waiting now"),
        ),
        minimum=0,
        width=12,
    ),
)

_attempts = _SCOPE.rate("express_task_attempts_total")
_failed_attempts = _SCOPE.rate("express_task_attempts_total", 'outcome!="succeeded"')

_TASKS = (
    TimeSeries(
        title="Task attempts by outcome",
        description="Calls of handlers that ended each second. CloudWatch: LambdaFunctionsSucceeded, "
        "ServiceIntegrationsFailed and their like.",
        unit="ops",
        queries=(Query(by("outcome", _attempts), "{{outcome}}"),),
        stacked=True,
    ),
    TimeSeries(
        title="Failing handlers",
        description="Share of the attempts that failed or timed out: the ten worst resources.",
        unit="percentunit",
        queries=(Query(f"topk(10, {by('resource', _failed_attempts)} / {by('resource', _attempts)})", "{{resource}}"),),
        minimum=0,
    ),
    TimeSeries(
        title="Map iterations",
        description="Iterations of Map states running at once, of Maps whose states may wait: the ten workflows with "
        "the most. An inline Map runs 40 at once unless its MaxConcurrency says otherwise.",
        unit="short",
        queries=(
            Query(f"topk(10, {by('workflow', _SCOPE.select('express_map_iterations_in_flight'))})", "{{workflow}}"),
        ),
        minimum=0,
    ),
)

_PROCESS = (
    TimeSeries(
        title="Memory",
        description="Resident memory of each process.",
        unit="bytes",
        queries=(Query(by("instance", _resident), "{{instance}}"),),
        minimum=0,
    ),
    TimeSeries(
        title="CPU",
        description="CPU time for each second: an event loop uses at most one core, handlers in threads may add to it.",
        unit="percentunit",
        queries=(Query(by("instance", _cpu), "{{instance}}"),),
        minimum=0,
    ),
    TimeSeries(
        title="Garbage collections",
        description="Runs of Python's collector each second, by generation.",
        unit="ops",
        queries=(Query(by("generation", _SCOPE.rate("python_gc_collections_total")), "generation {{generation}}"),),
        minimum=0,
    ),
    Table(
        title="Instances",
        description="Each process now.",
        row="instance",
        row_title="Instance",
        columns=(
            Column("In flight", by("instance", _in_flight), "short"),
            Column("Uptime", f"time() - min by (instance) ({_SCOPE.select('process_start_time_seconds')})", "s"),
            Column("CPU", by("instance", _cpu), "percentunit", 0, (Threshold(0.8, YELLOW), Threshold(0.95, RED))),
            Column("Memory", by("instance", _resident), "bytes"),
            Column(
                "Open files",
                f"{by('instance', _SCOPE.select('process_open_fds'))} "
                f"/ {by('instance', _SCOPE.select('process_max_fds'))}",
                "percentunit",
                1,
                (Threshold(0.8, RED),),
            ),
            Column("Scrape", f"max by (instance) ({_SCOPE.select('scrape_duration_seconds')})", "s"),
            Column("Samples", by("instance", _SCOPE.select("scrape_samples_scraped")), "short"),
        ),
        width=16,
        height=7,
    ),
    TimeSeries(
        title="Label overflow",
        description="Label values beyond the cap of their family, counted as `other` instead: a name that never "
        "repeats, such as an order number, has become a workflow or error name.",
        unit="ops",
        queries=(Query(by("family", _SCOPE.rate("express_label_overflow_total")), "{{family}}"),),
        minimum=0,
        height=7,
    ),
)

_redelivered = _SCOPE.rate("express_source_redelivered_total")
_dead_lettered = _SCOPE.rate("express_source_dead_lettered_total")

#: Seconds a message may be in flight before somebody has to look (rules/alerts.yml): an Express execution's limit.
_AGE_LIMIT = 300

_SOURCES = (
    TimeSeries(
        title="Source lag",
        description="Messages that wait for a consumer, as the broker tells every consumer of a group alike. "
        "CloudWatch: ApproximateNumberOfMessagesVisible.",
        unit="short",
        queries=(Query(most("source", _SCOPE.select("express_source_lag")), "{{source}}"),),
        minimum=0,
    ),
    TimeSeries(
        title="Messages by outcome",
        description="Messages that ended each second: by how their execution ended, or because they are no JSON "
        "(invalid) or were delivered too often (exhausted).",
        unit="ops",
        queries=(Query(by("outcome", _SCOPE.rate("express_source_messages_total")), "{{outcome}}"),),
        stacked=True,
    ),
    TimeSeries(
        title="Redelivered and dead letters",
        description="Messages that had been delivered before, and those that were given up, each second.",
        unit="ops",
        queries=(
            Query(by("source", _redelivered), "{{source}} redelivered"),
            Query(by("source", _dead_lettered), "{{source}} dead letters"),
        ),
        minimum=0,
    ),
    TimeSeries(
        title="Messages in flight",
        description="Messages that were fetched and are not settled: running, or ended and not acknowledged yet. "
        "CloudWatch: ApproximateNumberOfMessagesNotVisible.",
        unit="short",
        queries=(Query(by("source", _SCOPE.select("express_source_in_flight")), "{{source}}"),),
        minimum=0,
    ),
    TimeSeries(
        title="Oldest message in flight",
        description="How long ago the oldest message in flight was fetched.",
        unit="s",
        queries=(Query(most("source", _SCOPE.select("express_source_oldest_in_flight_seconds")), "{{source}}"),),
        minimum=0,
        thresholds=(Threshold(_AGE_LIMIT, RED),),
    ),
    TimeSeries(
        title="Commit gap",
        description="What a crash would do again although it was done: messages beyond the lowest that has not ended. "
        "0 where each message is acknowledged by itself.",
        unit="short",
        queries=(Query(by("source", _SCOPE.select("express_source_commit_gap")), "{{source}}"),),
        minimum=0,
    ),
)

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    ("", _STATS),
    ("Event loop and admission", _LOOP),
    ("Tasks and Maps", _TASKS),
    ("Sources", _SOURCES),
    ("Processes", _PROCESS),
)
