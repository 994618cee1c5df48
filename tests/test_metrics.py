"""Metrics: every family's numbers, label sets that stay closed, series that are there before anything happens."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition, parser

import express
from express.cli.usage import usages_of_page
from express.counting import BOUNDS_NS, BUCKETS, MAX_ERROR_NAMES, Histogram, Tally
from express.metrics import Metrics
from express.metrics.families import FAMILIES
from express.metrics.labels import RESERVED_ERRORS, Cap
from express.metrics.snapshot import Snapshot
from tests.runtime.machines import (
    AGES,
    SECOND,
    calling,
    catching,
    compiled,
    each,
    machine,
    parallel,
    reference_counting_alone,
    run_clean,
    state,
    task,
    turns,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

README = Path(__file__).resolve().parent.parent / "README.md"
PASSING = machine(A=state("Pass"))

#: The families as dashboards and `express cost` know them: name, kind, labels.
DECLARED = {
    "express_executions_started_total": ("counter", ("workflow",)),
    "express_executions_total": ("counter", ("workflow", "status")),
    "express_execution_errors_total": ("counter", ("workflow", "error")),
    "express_executions_throttled_total": ("counter", ()),
    "express_execution_billed_seconds_total": ("counter", ("workflow",)),
    "express_execution_billed_gigabyte_seconds_total": ("counter", ("workflow",)),
    "express_estimated_cost_dollars_total": ("counter", ("workflow",)),
    "express_state_transitions_total": ("counter", ("workflow", "type")),
    "express_retries_total": ("counter", ("workflow",)),
    "express_catches_total": ("counter", ("workflow",)),
    "express_map_items_total": ("counter", ("workflow",)),
    "express_task_attempts_total": ("counter", ("resource", "outcome")),
    "express_label_overflow_total": ("counter", ("family",)),
    "express_executions_in_flight": ("gauge", ("workflow",)),
    "express_map_iterations_in_flight": ("gauge", ("workflow",)),
    "express_executions_in_flight_limit": ("gauge", ()),
    "express_executions_waiting": ("gauge", ()),
    "express_definitions": ("gauge", ()),
    "express_build_info": ("gauge", ("version", "python", "loop")),
    "express_execution_memory_bytes": ("summary", ("workflow",)),
    "express_execution_billed_memory_bytes": ("summary", ("workflow",)),
    "express_execution_duration_seconds": ("histogram", ("workflow",)),
    "express_admission_wait_seconds": ("histogram", ()),
    "express_event_loop_lag_seconds": ("histogram", ()),
    "express_compile_seconds": ("histogram", ()),
    "express_task_duration_seconds": ("histogram", ("resource",)),
    "express_state_duration_seconds": ("histogram", ("workflow", "state")),
    "express_http_requests_total": ("counter", ("action", "code")),
    "express_source_messages_total": ("counter", ("source", "outcome")),
    "express_source_redelivered_total": ("counter", ("source",)),
    "express_source_dead_lettered_total": ("counter", ("source",)),
    "express_source_in_flight": ("gauge", ("source",)),
    "express_source_lag": ("gauge", ("source",)),
    "express_source_commit_gap": ("gauge", ("source",)),
    "express_source_oldest_in_flight_seconds": ("gauge", ("source",)),
    "express_workers": ("gauge", ()),
    "express_pushes_refused_total": ("counter", ()),
}


def test_the_families_are_those_that_are_promised() -> None:
    assert {family.name: (family.kind, family.labels) for family in FAMILIES} == DECLARED


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_declared_as_prometheus_wants_it(family: Any) -> None:
    assert family.name.startswith("express_")
    assert family.name.endswith("_total") is (family.kind == "counter")
    assert family.help.endswith(".")
    if family.kind in ("histogram", "summary"):
        assert family.name.endswith(("_seconds", "_bytes"))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_readme_has_a_row_for_each(family: Any) -> None:
    row = f"| `{family.name}` | {', '.join(family.labels)} | {family.help} | {family.twin} |"
    assert row in README.read_text(encoding="utf-8").splitlines()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(metrics)
    return registry.get_sample_value(name, labels)


def watched(main: Callable[[express.Runtime, Metrics], Any], **options: Any) -> Metrics:
    """Run `main` with a Runtime that is measured; the metrics as they are afterwards."""
    limits = {name: options.pop(name) for name in ("max_in_flight", "execution_timeout") if name in options}

    async def scene() -> Metrics:
        async with express.Runtime(**limits) as runtime:
            metrics = Metrics(runtime, **options)
            await main(runtime, metrics)
            return metrics

    return run_clean(scene())


# --------------------------------------------------------------------------------------------------------------
# counts

OUTCOMES = [{"Variable": "$.go", "StringEquals": to, "Next": to} for to in ("Bad", "Slow", "Each", "Try", "Hang")]


class Declined(Exception):
    """What a handler raises."""


def handler_of(kind: str) -> Callable[[JSON], Any]:
    """A handler that declines, `now` or after waiting for a second."""

    async def later(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        raise Declined(kind)

    def now(payload: JSON) -> JSON:
        raise Declined(kind)

    return later if kind == "later" else now


def many_ways() -> express.Workflow:
    """One workflow with a branch for everything that is counted."""

    async def answer(payload: JSON) -> JSON:
        return payload

    async def answer_later(payload: JSON) -> JSON:
        await asyncio.sleep(2)
        return payload

    async def hang(payload: JSON) -> JSON:
        await asyncio.sleep(AGES)

    return compiled(
        machine(
            Choose=state("Choice", Choices=OUTCOMES, Default="Bad"),
            Bad=state("Fail", Error="Refused", Cause="why"),
            Slow=task("answer_later"),
            Each=each(machine(One=task("answer")), ItemsPath="$.items"),
            Try=task(
                "decline",
                Retry=[{"ErrorEquals": ["Declined"], "MaxAttempts": 2}],
                Catch=catching("Declined", to="Hang"),
            ),
            Hang=task("hang", TimeoutSeconds=3, Catch=catching("States.Timeout", to="Done")),
            Done=state("Succeed"),
        ),
        answer=answer,
        answer_later=answer_later,
        decline=handler_of("later"),
        hang=hang,
    )


#: Sample, labels, value after one execution of each branch.
COUNTED: list[tuple[str, dict[str, str], float]] = [
    ("express_executions_started_total", {}, 5),
    ("express_executions_total", {"status": "SUCCEEDED"}, 4),
    ("express_executions_total", {"status": "FAILED"}, 1),
    ("express_executions_total", {"status": "TIMED_OUT"}, 0),
    ("express_executions_total", {"status": "ABORTED"}, 0),
    ("express_execution_errors_total", {"error": "Refused"}, 1),
    ("express_execution_errors_total", {"error": "States.Runtime"}, 0),
    ("express_executions_in_flight", {}, 0),
    # 0, 2, 0 seconds; Try: three attempts of 1 s, 1 + 2 s between them, then 3 s of Hang; Hang alone: 3 s.
    ("express_execution_duration_seconds_sum", {}, 2 + 9 + 3),
    ("express_execution_duration_seconds_count", {}, 5),
    ("express_execution_duration_seconds_bucket", {"le": "1e-05"}, 2),
    ("express_execution_duration_seconds_bucket", {"le": "1.0"}, 2),
    ("express_execution_duration_seconds_bucket", {"le": "2.15"}, 3),
    ("express_execution_duration_seconds_bucket", {"le": "10.0"}, 5),
    ("express_execution_duration_seconds_bucket", {"le": "+Inf"}, 5),
    ("express_execution_billed_seconds_total", {}, 0.1 + 2 + 0.1 + 9 + 3),
    ("express_execution_billed_gigabyte_seconds_total", {}, (0.1 + 2 + 0.1 + 9 + 3) * 0.0625),
    ("express_estimated_cost_dollars_total", {}, 5e-6 + 14.2 * 0.0625 * 0.06 / 3600),
    ("express_execution_billed_memory_bytes_sum", {}, 5 * 64e6),
    ("express_execution_billed_memory_bytes_count", {}, 5),
    ("express_execution_memory_bytes_count", {}, 5),
    ("express_state_transitions_total", {"type": "Choice"}, 5),
    ("express_state_transitions_total", {"type": "Fail"}, 1),
    ("express_state_transitions_total", {"type": "Map"}, 1),
    ("express_state_transitions_total", {"type": "Succeed"}, 2),
    # Slow, three of One, three attempts of Try, Hang twice.
    ("express_state_transitions_total", {"type": "Task"}, 1 + 3 + 3 + 2),
    ("express_retries_total", {}, 2),
    ("express_catches_total", {}, 3),
    ("express_map_items_total", {}, 3),
    ("express_map_iterations_in_flight", {}, 0),
]
ATTEMPTS = {
    ("answer", "succeeded"): 3,
    ("answer_later", "succeeded"): 1,
    ("decline", "failed"): 3,
    ("hang", "timed_out"): 2,
    ("hang", "failed"): 0,
    ("decline", "succeeded"): 0,
}
EVENTS = [{"go": go, "items": [1, 2, 3]} for go in ("Bad", "Slow", "Each", "Try", "Hang")]


def run_all_ways() -> Metrics:
    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        workflow = many_ways()
        for event in EVENTS:
            await runtime.execute(workflow, event)

    return watched(main)


@pytest.fixture(scope="module")
def metrics_of_all_ways() -> Metrics:
    return run_all_ways()


@pytest.mark.parametrize(("name", "labels", "expected"), COUNTED, ids=[f"{row[0]} {row[1]}" for row in COUNTED])
def test_what_is_counted(metrics_of_all_ways: Metrics, name: str, labels: dict[str, str], expected: float) -> None:
    assert value(metrics_of_all_ways, name, workflow="workflow", **labels) == pytest.approx(expected)


@pytest.mark.parametrize(("series", "expected"), ATTEMPTS.items(), ids=[" ".join(series) for series in ATTEMPTS])
def test_attempts_of_tasks(metrics_of_all_ways: Metrics, series: tuple[str, str], expected: int) -> None:
    resource, outcome = series
    found = value(metrics_of_all_ways, "express_task_attempts_total", resource=resource, outcome=outcome)
    assert found == expected


def test_what_the_runtime_is(metrics_of_all_ways: Metrics) -> None:
    assert value(metrics_of_all_ways, "express_executions_in_flight_limit") == 10_000
    assert value(metrics_of_all_ways, "express_definitions") == 1
    assert value(metrics_of_all_ways, "express_compile_seconds_count") == 1
    [build] = metrics_of_all_ways.snapshot().series["express_build_info"]
    assert build[0] == express.__version__


def test_the_memory_of_a_fan_out_is_counted() -> None:
    workflow = compiled(machine(Fork=parallel(PASSING, machine(B=state("Pass")))))
    results: list[express.Result] = []

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        results.append(await runtime.execute(workflow, ["x" * 100_000]))
        results.append(await runtime.execute(workflow, []))

    metrics = watched(main)
    total = sum(result.billing.memory_bytes for result in results)
    assert results[0].billing.memory_bytes > results[1].billing.memory_bytes + 200_000
    assert value(metrics, "express_execution_memory_bytes_sum", workflow="workflow") == total


def test_memory_beyond_one_step_is_billed_for() -> None:
    big = compiled(machine(M=each(machine(B=state("Pass")), ItemsPath="$.items")))

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        result = await runtime.execute(big, {"items": list(range(400)), "pad": "x" * 40_000})
        assert result.billing.billed_memory_mb == 128

    metrics = watched(main)
    assert value(metrics, "express_execution_billed_memory_bytes_sum", workflow="workflow") == 128e6
    gigabyte_seconds = value(metrics, "express_execution_billed_gigabyte_seconds_total", workflow="workflow")
    assert gigabyte_seconds == pytest.approx(0.1 * 0.125)


@pytest.mark.parametrize("kind", ["now", "later"])
@pytest.mark.parametrize("observers", [(), (express.Observer(),)], ids=["plain", "watched"])
def test_an_attempt_has_one_outcome(kind: str, observers: tuple[express.Observer, ...]) -> None:
    workflow = calling(handler_of(kind), Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}])

    async def main() -> Metrics:
        async with express.Runtime(observers=observers) as runtime:
            metrics = Metrics(runtime)
            await runtime.execute(workflow, {})
            return metrics

    metrics = run_clean(main())
    outcomes = {
        outcome: value(metrics, "express_task_attempts_total", resource="work", outcome=outcome)
        for outcome in ("succeeded", "failed", "timed_out")
    }
    assert outcomes == {"succeeded": 0, "failed": 2, "timed_out": 0}
    assert value(metrics, "express_state_transitions_total", workflow="workflow", type="Task") == 2


def test_who_waits_for_a_place_is_counted() -> None:
    workflow = compiled(machine(A=wait(2)))

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        first = await runtime.start(workflow)
        second = asyncio.create_task(runtime.execute(workflow))
        await turns()
        assert value(metrics, "express_executions_waiting") == 1
        assert value(metrics, "express_executions_in_flight", workflow="workflow") == 1
        await first
        await second

    metrics = watched(main, max_in_flight=1)
    assert value(metrics, "express_executions_waiting") == 0
    assert value(metrics, "express_executions_throttled_total") == 1
    assert value(metrics, "express_admission_wait_seconds_sum") == 2
    assert value(metrics, "express_admission_wait_seconds_count") == 1


#: Of a Map of five, three at once, whose items wait so many seconds: iterations running after 0.5, 1.5, 2.5... seconds.
ITERATIONS = {
    "as many as may": ([1, 1, 1, 1, 1], [3, 2, 0]),
    "the first to begin goes on": ([2, 3, 3, 1], [3, 3, 3, 0]),
    "the first to begin is done, another is not": ([1, 1, 4, 1, 1], [3, 3, 1, 1, 0]),
}


@pytest.mark.parametrize(("waits", "expected"), ITERATIONS.values(), ids=ITERATIONS.keys())
def test_iterations_in_flight(waits: list[int], expected: list[int]) -> None:
    waiting = machine(B=state("Wait", SecondsPath="$"))
    # The Parallel around it, and the other branch, count for nothing.
    workflow = compiled(machine(Fork=parallel(machine(A=each(waiting, MaxConcurrency=3)), machine(C=wait(1)))))
    found = []

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        metrics.register(workflow)
        assert value(metrics, "express_map_iterations_in_flight", workflow="workflow") == 0
        execution = await runtime.start(workflow, waits)
        await asyncio.sleep(0.5)
        for _ in expected:
            found.append(value(metrics, "express_map_iterations_in_flight", workflow="workflow"))
            await asyncio.sleep(1)
        assert (await execution).status == "SUCCEEDED"

    watched(main)
    assert found == expected


@pytest.mark.parametrize("ending", ["stopped", "failed"])
def test_no_iteration_is_in_flight_when_its_execution_has_ended(ending: str) -> None:
    async def fail_later(payload: JSON) -> JSON:
        await asyncio.sleep(2 if payload == "fails" else AGES)
        raise Declined("later")

    workflow = compiled(machine(A=each(machine(B=task("fail_later")))), fail_later=fail_later)

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        execution = await runtime.start(workflow, [1, 2, 3 if ending == "stopped" else "fails"])
        await asyncio.sleep(1)
        assert value(metrics, "express_map_iterations_in_flight", workflow="workflow") == 3
        if ending == "stopped":
            execution.stop()
        await execution
        assert value(metrics, "express_map_iterations_in_flight", workflow="workflow") == 0

    watched(main)


def test_how_late_the_loop_is() -> None:
    def hold_up(payload: JSON) -> JSON:
        loop: Any = asyncio.get_running_loop()
        loop.express_clock.advance(3 * SECOND)
        return payload

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        await asyncio.sleep(0.05)
        await runtime.execute(calling(hold_up), {})
        await asyncio.sleep(1)

    metrics = watched(main)
    # The timer was due 0.05 s after the handler had begun.
    assert value(metrics, "express_event_loop_lag_seconds_sum") == pytest.approx(2.95)
    total = value(metrics, "express_event_loop_lag_seconds_count")
    timely = value(metrics, "express_event_loop_lag_seconds_bucket", le="2.15")
    assert (total, timely) == (11, 10)


@pytest.mark.parametrize(("statuses", "ends"), [(("ABORTED",), "stop"), (("TIMED_OUT",), "time out")])
def test_executions_that_are_ended(statuses: tuple[str], ends: str) -> None:
    workflow = compiled(machine(A=wait(AGES)))

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        execution = await runtime.start(workflow)
        await asyncio.sleep(1)
        if ends == "stop":
            execution.stop("Why", "so")
        await execution

    metrics = watched(main, execution_timeout=10)
    assert value(metrics, "express_executions_total", workflow="workflow", status=statuses[0]) == 1
    timeouts = value(metrics, "express_execution_errors_total", workflow="workflow", error="States.Timeout")
    assert timeouts == (ends == "time out")


# --------------------------------------------------------------------------------------------------------------
# histograms


@pytest.mark.parametrize("bucket", range(len(BOUNDS_NS)))
def test_a_bound_belongs_to_its_bucket(bucket: int) -> None:
    histogram = Histogram()
    histogram.observe(BOUNDS_NS[bucket])
    histogram.observe(BOUNDS_NS[bucket] + 1)
    assert (histogram.counts[bucket], histogram.counts[bucket + 1]) == (1, 1)
    assert histogram.total_ns == 2 * BOUNDS_NS[bucket] + 1


def test_the_bounds() -> None:
    assert (BOUNDS_NS[0], BOUNDS_NS[-1]) == (10_000, 300 * SECOND)
    factors = [above / below for below, above in pairwise(BOUNDS_NS)]
    assert all(2.1 <= factor <= 2.2 for factor in factors[:-1])
    assert len(BOUNDS_NS) + 1 == BUCKETS == 25


def openmetrics(registry: CollectorRegistry) -> str:
    page: bytes = exposition.generate_latest(registry)  # type: ignore[no-untyped-call]
    return page.decode()


def exemplars(metrics: Metrics) -> list[tuple[str, str, float]]:
    registry = CollectorRegistry()
    registry.register(metrics)
    return [
        (sample.labels["le"], sample.exemplar.labels["execution"], sample.exemplar.value)
        for family in parser.text_string_to_metric_families(openmetrics(registry))  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.exemplar is not None
    ]


def test_a_bucket_shows_the_first_execution_since_it_was_read() -> None:
    workflow = compiled(machine(A=state("Wait", SecondsPath="$")))
    seen: list[list[tuple[str, str, float]]] = []

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        for batch in (("a1", 2), ("a2", 2), ("b1", 20)), (), (("c1", 2),):
            for name, seconds in batch:
                await runtime.execute(workflow, seconds, name=name)
            seen.append(exemplars(metrics))

    watched(main)
    assert seen == [
        [("2.15", "a1", 2.0), ("21.5", "b1", 20.0)],
        [("2.15", "a1", 2.0), ("21.5", "b1", 20.0)],
        [("2.15", "c1", 2.0), ("21.5", "b1", 20.0)],
    ]


def test_what_is_attached_late_counts_durations_from_then_on() -> None:
    workflow = compiled(machine(A=wait(2)))

    async def main() -> Metrics:
        async with express.Runtime() as runtime:
            await runtime.execute(workflow)
            metrics = Metrics(runtime)
            await runtime.execute(workflow)
            return metrics

    metrics = run_clean(main())
    assert value(metrics, "express_executions_started_total", workflow="workflow") == 2
    assert value(metrics, "express_execution_duration_seconds_count", workflow="workflow") == 1
    assert value(metrics, "express_execution_duration_seconds_sum", workflow="workflow") == 2


def test_nothing_is_measured_unasked() -> None:
    workflow = compiled(PASSING)

    async def main() -> None:
        async with express.Runtime() as runtime:
            await runtime.execute(workflow)
            assert runtime.measurements is None

    run_clean(main())
    assert workflow.tally.durations is None


@pytest.mark.parametrize("tasks", [True, False])
@pytest.mark.parametrize("states", [True, False])
def test_durations_on_request(tasks: bool, states: bool) -> None:
    workflow = compiled(
        machine(
            A=task(
                "decline", Retry=[{"ErrorEquals": ["Declined"], "MaxAttempts": 1}], Catch=catching("Declined", to="B")
            ),
            B=each(machine(C=wait(2)), ItemsPath="$$.Execution.Input"),
        ),
        decline=handler_of("later"),
    )

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        await runtime.execute(workflow, [1, 2, 3])
        running = await runtime.start(workflow, [1])
        running.stop()
        await running

    metrics = watched(main, task_durations=tasks, state_durations=states)
    found = metrics.snapshot().series
    # Two attempts of 1 s; the state takes both and the second between them.
    assert ("express_task_duration_seconds" in found) is tasks
    assert ("express_state_duration_seconds" in found) is states
    if tasks:
        assert value(metrics, "express_task_duration_seconds_count", resource="decline") == 2
        assert value(metrics, "express_task_duration_seconds_sum", resource="decline") == 2
    for name, count, seconds in (("A", 1, 3), ("B", 1, 2), ("C", 3, 6)) if states else ():
        labels = {"workflow": "workflow", "state": name}
        assert value(metrics, "express_state_duration_seconds_count", **labels) == count
        assert value(metrics, "express_state_duration_seconds_sum", **labels) == seconds


@pytest.mark.slow
@pytest.mark.parametrize("fails", [False, True])
def test_durations_of_child_executions_are_measured_and_nothing_of_them_is_kept(fails: bool) -> None:
    """The second child waits; it is given up if the first has failed."""
    first = state("Fail", Error="E") if fails else state("Succeed")
    inner = machine(
        B=state("Choice", Choices=[{"Variable": "$", "NumericEquals": 0, "Next": "C"}], Default="D"),
        C=first,
        D=wait(2),
    )
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    definition = machine(A=each({**inner, "ProcessorConfig": config}))
    workflow = express.compile(definition, name="workflow", type="STANDARD")

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        await runtime.execute(workflow, [1, 0])

    with reference_counting_alone():
        metrics = watched(main, state_durations=True)
    labels = {"workflow": "workflow", "state": "D"}
    count = value(metrics, "express_state_duration_seconds_count", **labels)
    assert (count, value(metrics, "express_state_duration_seconds_sum", **labels)) == (
        (None, None) if fails else (1, 2)
    )
    durations = metrics._durations
    assert durations is not None
    assert (durations._begun, durations._children, durations._parents) == ({}, {}, {})


# --------------------------------------------------------------------------------------------------------------
# series


def test_a_workflow_that_is_registered_has_its_series() -> None:
    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        metrics.register(many_ways())

    metrics = watched(main)
    for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"):
        assert value(metrics, "express_executions_total", workflow="workflow", status=status) == 0
    for error in RESERVED_ERRORS:
        assert value(metrics, "express_execution_errors_total", workflow="workflow", error=error) == 0
    for type_ in ("Choice", "Fail", "Map", "Succeed", "Task"):
        assert value(metrics, "express_state_transitions_total", workflow="workflow", type=type_) == 0
    for outcome in ("succeeded", "failed", "timed_out"):
        assert value(metrics, "express_task_attempts_total", resource="hang", outcome=outcome) == 0
    assert value(metrics, "express_execution_duration_seconds_count", workflow="workflow") == 0


def test_every_family_is_there_or_optional(metrics_of_all_ways: Metrics) -> None:
    shown = set(metrics_of_all_ways.snapshot().series)
    assert shown == {family.name for family in FAMILIES if not family.optional}


def test_workflows_of_one_name_count_together() -> None:
    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        for _ in range(3):
            await runtime.execute(compiled(PASSING))

    metrics = watched(main)
    assert value(metrics, "express_executions_total", workflow="workflow", status="SUCCEEDED") == 3
    assert value(metrics, "express_definitions") == 3


def test_observers_do_not_double_anything() -> None:
    class Idle(express.Observer):
        def state_entered(self, frame: Any, name: str, data: JSON) -> None: ...

    workflow = compiled(PASSING)

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        await runtime.execute(workflow)
        runtime.add_observer(Idle())
        await runtime.execute(workflow)

    metrics = watched(main)
    assert value(metrics, "express_executions_started_total", workflow="workflow") == 2
    assert value(metrics, "express_state_transitions_total", workflow="workflow", type="Pass") == 2
    assert value(metrics, "express_definitions") == 1


def test_two_runtimes_that_are_measured_take_turns_with_a_workflow() -> None:
    workflow = compiled(PASSING)

    async def main() -> list[Metrics]:
        async with express.Runtime() as one, express.Runtime() as other, express.Runtime() as unmeasured:
            both = [Metrics(one), Metrics(other)]
            for runtime in (one, other, unmeasured, one, other):
                await runtime.execute(workflow)
            return both

    for metrics in run_clean(main()):
        assert value(metrics, "express_executions_started_total", workflow="workflow") == 5


def test_a_workflow_that_is_forgotten_leaves_its_counts() -> None:
    workflow = compiled(machine(A=wait(2)))
    other = compiled(PASSING)

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        await runtime.execute(workflow)
        running = await runtime.start(workflow)
        metrics.forget(workflow)
        assert value(metrics, "express_executions_in_flight", workflow="workflow") == 1
        assert value(metrics, "express_definitions") == 1
        await running
        metrics.snapshot()
        assert not runtime.measure().machines
        await runtime.execute(other)

    metrics = watched(main)
    assert value(metrics, "express_executions_started_total", workflow="workflow") == 3
    assert value(metrics, "express_execution_duration_seconds_count", workflow="workflow") == 3
    assert value(metrics, "express_state_transitions_total", workflow="workflow", type="Wait") == 2
    assert value(metrics, "express_definitions") == 1


# --------------------------------------------------------------------------------------------------------------
# labels that get out of control


def test_a_closed_set() -> None:
    cap = Cap(2, always=["States.ALL"])
    given = ["a", "States.ALL", "b", "c", "a", "c", "d", "other"]
    assert [cap.label(text) for text in given] == ["a", "States.ALL", "b", "other", "a", "other", "other", "other"]
    assert cap.overflow == 2


@pytest.mark.slow
def test_ten_thousand_names_of_workflows() -> None:
    definition = {**PASSING}

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        for n in range(10_000):
            await runtime.execute(express.compile(definition, name=f"w{n}"))

    metrics = watched(main)
    started = metrics.snapshot().series["express_executions_started_total"]
    assert len(started) == 201
    assert started["other",] == [9_800]
    assert sum(count for (count,) in started.values()) == 10_000
    assert value(metrics, "express_label_overflow_total", family="express_executions_total") == 9_800
    assert value(metrics, "express_definitions") == 10_000


def test_errors_that_are_made_from_data() -> None:
    workflow = compiled(machine(A=state("Fail", ErrorPath="$")))

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        for n in range(MAX_ERROR_NAMES + 20):
            await runtime.execute(workflow, f"E{n}")

    metrics = watched(main, max_label_values=10)
    errors = metrics.snapshot().series["express_execution_errors_total"]
    assert errors["workflow", "E0"] == errors["workflow", "E9"] == [1]
    assert errors["workflow", "other"] == [MAX_ERROR_NAMES + 10]
    assert len(errors) == 11 + len(RESERVED_ERRORS)
    # Those the engine did not name, and the names beyond ten.
    overflow = value(metrics, "express_label_overflow_total", family="express_execution_errors_total")
    assert overflow == 20 + MAX_ERROR_NAMES - 10


@pytest.mark.parametrize(
    ("error", "counted"),
    [(None, "unnamed"), ("", "unnamed"), ("x" * 128, "x" * 128), ("x" * 129, "other"), ("\ud800", "\ud800")],
)
def test_names_of_errors(error: str | None, counted: str) -> None:
    tally = Tally()
    tally.count_error(error)
    assert tally.errors == {counted: 1}


def test_any_text_may_be_the_name_of_an_error() -> None:
    workflow = compiled(machine(A=state("Fail", ErrorPath="$")))

    async def main(runtime: express.Runtime, metrics: Metrics) -> None:
        for error in ('"\\\n', "\ud800"):
            await runtime.execute(workflow, error)

    metrics = watched(main)
    registry = CollectorRegistry()
    registry.register(metrics)
    page = generate_latest(registry).decode()
    assert 'express_execution_errors_total{error="\\"\\\\\\n",workflow="workflow"} 1.0' in page
    assert openmetrics(registry).endswith("# EOF\n")


def test_a_limit_must_let_something_through() -> None:
    with pytest.raises(ValueError, match="max_label_values must be positive"):
        Metrics(express.Runtime(), max_label_values=0)


# --------------------------------------------------------------------------------------------------------------
# what prometheus makes of it


def test_two_collectors_of_the_same_names_are_refused() -> None:
    registry = CollectorRegistry()
    registry.register(Metrics(express.Runtime()))
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(Metrics(express.Runtime()))


def test_there_are_no_times_of_creation(metrics_of_all_ways: Metrics) -> None:
    registry = CollectorRegistry()
    registry.register(metrics_of_all_ways)
    assert "_created" not in generate_latest(registry).decode()
    assert "_created" not in openmetrics(registry)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool of the Debian package prometheus")
def test_promtool_finds_no_fault(metrics_of_all_ways: Metrics) -> None:
    registry = CollectorRegistry()
    registry.register(metrics_of_all_ways)
    page = generate_latest(registry)
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_bill_is_read_from_the_page(metrics_of_all_ways: Metrics) -> None:
    registry = CollectorRegistry()
    registry.register(metrics_of_all_ways)
    [usage] = usages_of_page(generate_latest(registry).decode(), "the page")
    assert (usage.workflow, usage.executions) == ("workflow", Decimal(5))
    assert usage.transitions == Decimal(5 + 1 + 1 + 2 + 9)
    assert usage.gigabyte_seconds == pytest.approx(Decimal("0.8875"))


def test_snapshots_add_up(metrics_of_all_ways: Metrics) -> None:
    one = metrics_of_all_ways.snapshot()
    both = Snapshot()
    both.merge(one)
    both.merge(one)
    for name, series in one.series.items():
        for labels, numbers in series.items():
            doubled = name not in ("express_definitions", "express_build_info")
            assert both.series[name][labels] == [number * (2 if doubled else 1) for number in numbers]
