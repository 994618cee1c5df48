"""Declares every metric family once: name, kind, labels, help, and its counterpart in CloudWatch.

Counts are kept and summed as integers, and divided into base units only for display. A sum of floats depends in its
last bit on the order of addition, and Prometheus takes a counter that goes down by one bit for a restarted one.

Names follow Prometheus: one prefix, base units, `_total` for counters. Labels come from closed sets, or from sets
that `labels.Cap` bounds. The README's table has a row for each declaration.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import Final, Literal, TypeAlias

from express.counting import BUCKETS
from express.metering import DURATION_STEP_MS, MEMORY_STEP_MB
from express.pricing import DURATION_TIERS, MB_PER_GB, REQUEST_USD, SECONDS_PER_HOUR

Kind: TypeAlias = Literal["counter", "gauge", "summary", "histogram"]
#: How series of several processes are merged.
Merging: TypeAlias = Literal["sum", "most"]

#: Integers of one series. Counter, gauge: the value; summary: count, sum; histogram: sum, the count of each bucket.
_WIDTHS: Final[dict[Kind, int]] = {"counter": 1, "gauge": 1, "summary": 2, "histogram": 1 + BUCKETS}


_NS: Final = 1_000_000_000
#: Billed units, of 100 ms x 64 MB, in a GB-second.
UNITS_PER_GIGABYTE_SECOND: Final = 1_000 // DURATION_STEP_MS * MB_PER_GB // MEMORY_STEP_MB
_UNITS_PER_DOLLAR = UNITS_PER_GIGABYTE_SECOND * SECONDS_PER_HOUR / DURATION_TIERS[0][1]
#: Parts of a dollar, chosen so that a request and a billed unit both cost a whole number of parts.
PARTS_PER_DOLLAR: Final = lcm(int(1 / REQUEST_USD), int(_UNITS_PER_DOLLAR))
PARTS_PER_REQUEST: Final = int(PARTS_PER_DOLLAR * REQUEST_USD)
PARTS_PER_UNIT: Final = int(PARTS_PER_DOLLAR / _UNITS_PER_DOLLAR)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family: `name` is the full name used in queries, `twin` the matching CloudWatch metric, if any.

    Values, and the sums of summaries and histograms, are shown divided by `divisor`.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    twin: str = ""
    merging: Merging = "sum"
    divisor: int = 1
    optional: bool = False

    @property
    def width(self) -> int:
        """How many integers each of its series has."""
        return _WIDTHS[self.kind]

    @property
    def base_name(self) -> str:
        """The name without `_total`, as OpenMetrics declares a counter."""
        return self.name.removesuffix("_total") if self.kind == "counter" else self.name


STARTED = Family(
    "express_executions_started_total", "counter", "Executions started.", ("workflow",), "ExecutionsStarted"
)
EXECUTIONS = Family(
    "express_executions_total",
    "counter",
    "Executions ended, by status: SUCCEEDED, FAILED, TIMED_OUT, ABORTED.",
    ("workflow", "status"),
    "ExecutionsSucceeded, ExecutionsFailed, ExecutionsTimedOut, ExecutionsAborted",
)
ERRORS = Family(
    "express_execution_errors_total",
    "counter",
    "Executions that FAILED or TIMED_OUT, by error name.",
    ("workflow", "error"),
)
THROTTLED = Family(
    "express_executions_throttled_total",
    "counter",
    "Starts that found the Runtime full: they waited for a place, or an endpoint refused them.",
    (),
    "ExecutionThrottled",
)
BILLED_SECONDS = Family(
    "express_execution_billed_seconds_total",
    "counter",
    "Duration AWS would bill: that of each execution up to the next 100 ms.",
    ("workflow",),
    "ExpressExecutionBilledDuration",
    divisor=1_000 // DURATION_STEP_MS,
)
BILLED_GIGABYTE_SECONDS = Family(
    "express_execution_billed_gigabyte_seconds_total",
    "counter",
    "Duration times memory AWS would bill, each rounded up for each execution.",
    ("workflow",),
    divisor=UNITS_PER_GIGABYTE_SECOND,
)
COST = Family(
    "express_estimated_cost_dollars_total",
    "counter",
    "Price on AWS in USD: requests, and duration at the price of the first tier.",
    ("workflow",),
    divisor=PARTS_PER_DOLLAR,
)
TRANSITIONS = Family(
    "express_state_transitions_total",
    "counter",
    "States tried, by type; each retry is one more, as in the bill of a Standard workflow.",
    ("workflow", "type"),
    "ConsumedCapacity (StateTransition)",
)
RETRIES = Family("express_retries_total", "counter", "Errors that a Retry took.", ("workflow",))
CATCHES = Family("express_catches_total", "counter", "Errors that a Catch took.", ("workflow",))
MAP_ITEMS = Family("express_map_items_total", "counter", "Items given to Map states.", ("workflow",))
TASK_ATTEMPTS = Family(
    "express_task_attempts_total",
    "counter",
    "Attempts of tasks that have ended, by outcome: succeeded, failed, timed_out.",
    ("resource", "outcome"),
    "LambdaFunctionsSucceeded, LambdaFunctionsFailed, LambdaFunctionsTimedOut; ServiceIntegrationsSucceeded, ...",
)
OVERFLOW = Family(
    "express_label_overflow_total",
    "counter",
    "Label values beyond the limit, which share the series `other`, by the family they are of.",
    ("family",),
)
IN_FLIGHT = Family(
    "express_executions_in_flight",
    "gauge",
    "Executions running now.",
    ("workflow",),
    "OpenExecutionCount",
)
MAP_ITERATIONS = Family(
    "express_map_iterations_in_flight",
    "gauge",
    "Iterations of Map states running now, of Maps whose states may wait.",
    ("workflow",),
)
LIMIT = Family(
    "express_executions_in_flight_limit", "gauge", "Executions that may run at once.", (), "OpenExecutionLimit"
)
WAITING = Family("express_executions_waiting", "gauge", "Starts that wait for a place now.")
DEFINITIONS = Family(
    "express_definitions", "gauge", "Workflows known here.", (), "StateMachineCount (AWS/Usage)", merging="most"
)
BUILD_INFO = Family(
    "express_build_info",
    "gauge",
    "Always 1; the labels tell what is running.",
    ("version", "python", "loop"),
    merging="most",
)
MEMORY = Family(
    "express_execution_memory_bytes",
    "summary",
    "Memory of executions as AWS estimates it.",
    ("workflow",),
    "ExpressExecutionMemory",
)
BILLED_MEMORY = Family(
    "express_execution_billed_memory_bytes",
    "summary",
    "Memory AWS would bill: that of each execution up to the next 64 MB.",
    ("workflow",),
    "ExpressExecutionBilledMemory",
)
DURATION = Family(
    "express_execution_duration_seconds",
    "histogram",
    "From start to end of an execution.",
    ("workflow",),
    "ExecutionTime",
    divisor=_NS,
)
ADMISSION_WAIT = Family(
    "express_admission_wait_seconds",
    "histogram",
    "How long starts waited for a place, of those that had to.",
    divisor=_NS,
)
LOOP_LAG = Family(
    "express_event_loop_lag_seconds",
    "histogram",
    "How late the event loop calls what is due, looked at ten times a second.",
    divisor=_NS,
)
COMPILE = Family(
    "express_compile_seconds", "histogram", "How long it took to compile the workflows known here.", divisor=_NS
)
TASK_DURATION = Family(
    "express_task_duration_seconds",
    "histogram",
    "From the call of a task's handler to its answer, for each attempt. On request.",
    ("resource",),
    "LambdaFunctionTime, ServiceIntegrationTime",
    divisor=_NS,
    optional=True,
)
STATE_DURATION = Family(
    "express_state_duration_seconds",
    "histogram",
    "From entering a state to leaving it, its retries included. On request.",
    ("workflow", "state"),
    divisor=_NS,
    optional=True,
)
HTTP_REQUESTS = Family(
    "express_http_requests_total",
    "counter",
    "Requests the endpoint has answered, by action and HTTP status. Of `express serve`.",
    ("action", "code"),
    optional=True,
)
SOURCE_MESSAGES = Family(
    "express_source_messages_total",
    "counter",
    "Deliveries of a source that have ended, by outcome: succeeded, failed, timed_out, aborted, invalid (no JSON), "
    "exhausted (delivered too often to be tried again). Of consumers.",
    ("source", "outcome"),
    "NumberOfMessagesReceived (AWS/SQS)",
    optional=True,
)
SOURCE_REDELIVERED = Family(
    "express_source_redelivered_total",
    "counter",
    "Messages of a source that had been delivered before. Of consumers.",
    ("source",),
    optional=True,
)
SOURCE_DEAD_LETTERED = Family(
    "express_source_dead_lettered_total",
    "counter",
    "Messages of a source that were put among the dead letters. Of consumers.",
    ("source",),
    "NumberOfMessagesSent of the dead-letter queue (AWS/SQS)",
    optional=True,
)
SOURCE_IN_FLIGHT = Family(
    "express_source_in_flight",
    "gauge",
    "Messages of a source that were fetched and are not settled yet. Of consumers.",
    ("source",),
    "ApproximateNumberOfMessagesNotVisible (AWS/SQS)",
    optional=True,
)
#: Every consumer of a group reports the same number, so it is merged by `most`.
SOURCE_LAG = Family(
    "express_source_lag",
    "gauge",
    "Messages of a source that wait for a consumer, as its broker says. Of consumers.",
    ("source",),
    "ApproximateNumberOfMessagesVisible (AWS/SQS)",
    merging="most",
    optional=True,
)
SOURCE_COMMIT_GAP = Family(
    "express_source_commit_gap",
    "gauge",
    "Messages of a source from the lowest that has not ended to the furthest that has; 0 where each is acknowledged "
    "by itself. Of consumers.",
    ("source",),
    optional=True,
)
SOURCE_OLDEST = Family(
    "express_source_oldest_in_flight_seconds",
    "gauge",
    "How long the oldest message in flight of a source has been. Of consumers.",
    ("source",),
    merging="most",
    divisor=_NS,
    optional=True,
)
WORKERS = Family(
    "express_workers", "gauge", "Worker processes whose counts are gathered here.", optional=True, merging="most"
)
REFUSED_PUSHES = Family(
    "express_pushes_refused_total",
    "counter",
    "Reports of workers that could not be read and were dropped.",
    optional=True,
)

#: The labels with a bounded set of values, each with the family its overflow is reported under.
CAPPED: Final = {
    "workflow": EXECUTIONS,
    "error": ERRORS,
    "resource": TASK_ATTEMPTS,
    "state": STATE_DURATION,
    "source": SOURCE_MESSAGES,
}

FAMILIES: Final = (
    STARTED,
    EXECUTIONS,
    ERRORS,
    THROTTLED,
    BILLED_SECONDS,
    BILLED_GIGABYTE_SECONDS,
    COST,
    TRANSITIONS,
    RETRIES,
    CATCHES,
    MAP_ITEMS,
    TASK_ATTEMPTS,
    OVERFLOW,
    IN_FLIGHT,
    MAP_ITERATIONS,
    LIMIT,
    WAITING,
    DEFINITIONS,
    BUILD_INFO,
    MEMORY,
    BILLED_MEMORY,
    DURATION,
    ADMISSION_WAIT,
    LOOP_LAG,
    COMPILE,
    TASK_DURATION,
    STATE_DURATION,
    HTTP_REQUESTS,
    SOURCE_MESSAGES,
    SOURCE_REDELIVERED,
    SOURCE_DEAD_LETTERED,
    SOURCE_IN_FLIGHT,
    SOURCE_LAG,
    SOURCE_COMMIT_GAP,
    SOURCE_OLDEST,
    WORKERS,
    REFUSED_PUSHES,
)
BY_NAME: Final = {family.name: family for family in FAMILIES}
