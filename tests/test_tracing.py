"""Tracing: which spans there are, whose children they are, what they say, and what handlers see of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON, Sampler

import express
from express.tracing import MAX_CAUSE, Tracing
from tests.runtime.machines import (
    AGES,
    SECOND,
    WAYS,
    Way,
    catching,
    compiled,
    each,
    machine,
    parallel,
    reference_counting_alone,
    run_clean,
    state,
    task,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

    from express.types import JSON

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
XRAY = "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
PARENT_ID = 0xB7AD6B7169203331


class Traces:
    """A provider that keeps its spans, and a Tracing that makes them."""

    def __init__(self, sampler: Sampler = DEFAULT_ON, **options: Any) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("test")
        self.tracing = Tracing(self.provider, **options)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        [span] = [span for span in self.spans if span.name == name]
        return span

    @property
    def tree(self) -> set[str]:
        """Every span as `parent > name`."""
        names = {span.context.span_id: span.name for span in self.spans}
        return {f"{names.get(span.parent.span_id, '?') if span.parent else ''} > {span.name}" for span in self.spans}


@pytest.fixture
def traces() -> Traces:
    return Traces()


def traced(
    traces: Traces, workflow: express.Workflow, event: JSON = None, way: Way = WAYS[0], **limits: Any
) -> express.Result:
    async def main() -> express.Result:
        async with express.Runtime(observers=[traces.tracing], **limits) as runtime:
            return await way(runtime, workflow, {} if event is None else event)

    return run_clean(main())


def nesting(traces: Traces, name: str, *, suspends: bool) -> Callable[[JSON], Any]:
    """A handler that makes a span of its own, before and perhaps after it has suspended."""

    async def handler(payload: JSON) -> JSON:
        with traces.tracer.start_as_current_span(f"{name} before"):
            await asyncio.sleep(1 if suspends else 0)
        with traces.tracer.start_as_current_span(f"{name} after"):
            return payload

    return handler


# --------------------------------------------------------------------------------------------------------------
# spans


def test_a_span_for_the_execution_and_each_state(traces: Traces) -> None:
    workflow = compiled(machine(A=state("Pass", Next="B"), B=wait(2)))
    result = traced(traces, workflow)
    assert traces.tree == {" > workflow", "workflow > A", "workflow > B"}
    execution, waited = traces.span("workflow"), traces.span("B")
    assert execution.attributes is not None
    assert execution.attributes["express.execution.name"] == result.name
    assert execution.attributes["express.execution.status"] == "SUCCEEDED"
    assert waited.attributes is not None
    assert (waited.attributes["express.state"], waited.attributes["express.state.type"]) == ("B", "Wait")
    assert (waited.end_time or 0) - (waited.start_time or 0) == 2 * SECOND
    assert (execution.end_time or 0) - (execution.start_time or 0) == 2 * SECOND


@pytest.mark.parametrize("blocks", [True, False])
def test_branches_and_iterations_are_children_of_their_state(traces: Traces, blocks: bool) -> None:
    inner = wait(1) if blocks else state("Pass")
    workflow = compiled(
        machine(
            Fork=parallel(machine(A=inner), machine(Each=each(machine(B=inner), ItemsPath="$.items")), Next="After"),
            After=state("Pass"),
        )
    )
    traced(traces, workflow, {"items": [1, 2, 3]})
    assert traces.tree == {" > workflow", "workflow > Fork", "Fork > A", "Fork > Each", "Each > B", "workflow > After"}
    branches = {span.attributes["express.branch"] for span in traces.spans if span.name == "B" and span.attributes}
    assert branches == {0, 1, 2}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("suspends", [True, False])
def test_spans_of_handlers_nest(traces: Traces, way: Way, suspends: bool) -> None:
    workflow = compiled(
        machine(A=task("a", Next="Fork"), Fork=parallel(machine(B=task("b")), machine(C=task("c")))),
        {},
        **{name: nesting(traces, name, suspends=suspends) for name in "abc"},
    )
    traced(traces, workflow, way=way)
    assert traces.tree == {
        " > workflow",
        "workflow > A",
        "A > a before",
        "A > a after",
        "workflow > Fork",
        "Fork > B",
        "B > b before",
        "B > b after",
        "Fork > C",
        "C > c before",
        "C > c after",
    }
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("options", [{"blocking": True}, {"isolate": False}, {}], ids=str)
def test_spans_of_plain_functions_nest(traces: Traces, options: dict[str, Any]) -> None:
    def handler(payload: JSON) -> JSON:
        with traces.tracer.start_as_current_span("inside"):
            return payload

    traced(traces, compiled(machine(A=task("work")), options, work=handler))
    assert traces.tree == {" > workflow", "workflow > A", "A > inside"}


def test_the_caller_s_context_is_as_it_was(traces: Traces) -> None:
    """Whatever becomes of an execution in its own task: the caller goes on in its own span."""
    workflow = compiled(
        machine(A=task("hang", TimeoutSeconds=3, Catch=catching("States.Timeout", to="B")), B=task("hang")),
        hang=hang,
    )
    seen: list[bool] = []

    async def main() -> None:
        async with express.Runtime(observers=[traces.tracing], execution_timeout=10) as runtime:
            with traces.tracer.start_as_current_span("caller") as caller:
                before = otel_context.get_current()
                await runtime.execute(workflow, {})
                seen.append(trace.get_current_span() is caller)
                seen.append(otel_context.get_current() == before)

    run_clean(main())
    assert seen == [True, True]
    assert traces.tree == {" > caller", "caller > workflow", "workflow > A", "workflow > B"}


async def hang(payload: JSON) -> JSON:
    await asyncio.sleep(AGES)


# --------------------------------------------------------------------------------------------------------------
# whose trace


def parent_of(traces: Traces) -> tuple[int, int] | None:
    span = traces.span("workflow")
    return None if span.parent is None else (span.parent.trace_id, span.parent.span_id)


@pytest.mark.parametrize(
    ("event", "continues"),
    [
        ({"traceparent": TRACEPARENT}, True),
        ({"traceparent": TRACEPARENT, "tracestate": "a=b"}, True),
        ({"AWSTraceHeader": XRAY}, True),
        ({"X-Amzn-Trace-Id": XRAY}, True),
        ({"AWSTraceHeader": XRAY.replace(";", "; ")}, True),
        ({"AWSTraceHeader": "Sampled=0;Parent=b7ad6b7169203331;Root=1-0AF76519-16cd43dd8448eb211c80319c"}, True),
        ({"traceparent": "nonsense"}, False),
        ({"traceparent": 1}, False),
        ({"traceparent": TRACEPARENT.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32)}, False),
        ({"AWSTraceHeader": "Root=1-0af76519-16cd43dd8448eb211c80319c"}, False),
        ({"AWSTraceHeader": "Self=1;Root=2-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331"}, False),
        ({"AWSTraceHeader": None}, False),
        ({}, False),
        ([], False),
        ("text", False),
    ],
)
def test_the_trace_of_an_event(event: JSON, continues: bool) -> None:
    # What is not sampled upstream is not recorded here either, unless a sampler says so.
    traces = Traces(ALWAYS_ON)
    traced(traces, compiled(machine(A=state("Pass"))), event)
    assert parent_of(traces) == ((TRACE_ID, PARENT_ID) if continues else None)


def test_what_is_not_sampled_upstream_is_not_recorded(traces: Traces) -> None:
    result = traced(
        traces, compiled(machine(A=state("Pass"))), {"AWSTraceHeader": XRAY.replace("Sampled=1", "Sampled=0")}
    )
    assert result.succeeded
    assert traces.spans == ()


@pytest.mark.parametrize(("field", "continues"), [("trace", True), ("traceparent", False), (None, False)])
def test_the_field_has_a_name(field: str | None, continues: bool) -> None:
    traces = Traces(traceparent_field=field)
    traced(traces, compiled(machine(A=state("Pass"))), {"trace": TRACEPARENT})
    assert (parent_of(traces) is not None) is continues


@pytest.mark.parametrize("way", WAYS)
def test_the_caller_s_span_comes_before_what_the_event_says(traces: Traces, way: Way) -> None:
    workflow = compiled(machine(A=wait(1)))

    async def main() -> None:
        async with express.Runtime(observers=[traces.tracing]) as runtime:
            with traces.tracer.start_as_current_span("caller"):
                await way(runtime, workflow, {"traceparent": TRACEPARENT})

    run_clean(main())
    assert traces.tree == {" > caller", "caller > workflow", "workflow > A"}


# --------------------------------------------------------------------------------------------------------------
# failures


class Declined(Exception):
    """What a handler raises."""


def declines(payload: JSON) -> JSON:
    raise Declined("no")


def test_a_failure_is_told_by_state_and_execution(traces: Traces) -> None:
    traced(traces, compiled(machine(A=state("Fail", Error="Refused", Cause="too late"))))
    for name in ("A", "workflow"):
        span = traces.span(name)
        assert span.status.status_code is trace.StatusCode.ERROR
        assert span.status.description == "Refused: too late"
        assert span.attributes is not None
        assert (span.attributes["error.type"], span.attributes["express.cause"]) == ("Refused", "too late")


def test_a_failure_without_a_name(traces: Traces) -> None:
    traced(traces, compiled(machine(A=state("Fail"))))
    assert traces.span("workflow").status.description == "FAILED"


def test_a_long_cause_is_cut(traces: Traces) -> None:
    traced(traces, compiled(machine(A=state("Fail", Error="E", Cause="x" * 10_000))))
    attributes = traces.span("A").attributes
    assert attributes is not None
    assert attributes["express.cause"] == "x" * MAX_CAUSE


def test_attempts_are_events_of_their_state(traces: Traces) -> None:
    retry = [{"ErrorEquals": ["Declined"], "MaxAttempts": 1}]
    workflow = compiled(
        machine(A=task("work", Retry=retry, Catch=catching("Declined", to="B")), B=state("Pass")), work=declines
    )
    traced(traces, workflow)
    span = traces.span("A")
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        ("attempt failed", {"error.type": "Declined"})
    ] * 2
    # It was caught: neither the state nor the execution has failed.
    assert span.status.status_code is trace.StatusCode.UNSET
    assert traces.span("workflow").status.status_code is trace.StatusCode.UNSET


@pytest.mark.parametrize(("status", "stopped"), [("TIMED_OUT", False), ("ABORTED", True)])
def test_states_that_are_given_up_end_with_their_execution(traces: Traces, status: str, stopped: bool) -> None:
    workflow = compiled(machine(Fork=parallel(machine(A=wait(AGES)), machine(B=task("hang")))), hang=hang)

    async def main() -> None:
        async with express.Runtime(observers=[traces.tracing], execution_timeout=10) as runtime:
            execution = await runtime.start(workflow)
            await asyncio.sleep(1)
            if stopped:
                execution.stop("Enough")
            await execution

    run_clean(main())
    assert traces.tree == {" > workflow", "workflow > Fork", "Fork > A", "Fork > B"}
    assert {span.name: span.status.description for span in traces.spans} == {
        "Fork": "given up",
        "A": "given up",
        "B": "given up",
        "workflow": "States.Timeout" if not stopped else "Enough",
    }


def test_a_branch_that_is_given_up_ends_too(traces: Traces) -> None:
    workflow = compiled(
        machine(
            Fork=parallel(machine(A=wait(AGES)), machine(B=wait(1, Next="C"), C=state("Fail", Error="E"))),
        )
    )
    traced(traces, workflow)
    assert traces.tree == {" > workflow", "workflow > Fork", "Fork > A", "Fork > B", "Fork > C"}


# --------------------------------------------------------------------------------------------------------------
# child executions of a distributed Map


def distributed(inner: dict[str, Any], **fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    return each({**inner, "ProcessorConfig": config}, ItemsPath="$.items", **fields)


def standard(definition: dict[str, Any], **handlers: Any) -> express.Workflow:
    tasks = express.Tasks()
    for name, handler in handlers.items():
        tasks.add(name, handler)
    return express.compile(definition, tasks, type="STANDARD")


@pytest.mark.parametrize("blocks", [True, False])
def test_child_executions_have_spans_of_their_own_within_the_map(traces: Traces, blocks: bool) -> None:
    inner = machine(B=wait(1, Next="C") if blocks else state("Pass", Next="C"), C=task("work"))
    workflow = standard(
        machine(A=distributed(inner, Label="Each")),
        work=nesting(traces, "work", suspends=blocks),
    )
    result = traced(traces, workflow, {"items": [1, 2]})
    assert result.status == "SUCCEEDED"
    assert traces.tree == {
        *(" > workflow", "workflow > A", "A > workflow/Each", "workflow/Each > B", "workflow/Each > C"),
        *("C > work before", "C > work after"),
    }
    children = [span.attributes or {} for span in traces.spans if span.name == "workflow/Each"]
    assert {child["express.branch"] for child in children} == {0, 1}
    assert {child["express.execution.status"] for child in children} == {"SUCCEEDED"}
    arns = {str(child["express.execution.arn"]) for child in children}
    assert len(arns) == 2
    parent = traces.span("workflow").attributes or {}
    execution, name = str(parent["express.execution.arn"]), str(parent["express.execution.name"])
    assert all(arn.startswith(f"{execution.removesuffix(':' + name)}/Each:") for arn in arns)
    assert traces.tracing._executions == {}


def test_a_child_links_to_the_trace_its_item_carries(traces: Traces) -> None:
    workflow = standard(machine(A=distributed(machine(B=state("Pass")))))
    traced(traces, workflow, {"items": [{"traceparent": TRACEPARENT}, {"AWSTraceHeader": XRAY}, {}]})
    children = [span for span in traces.spans if span.name == "workflow/A"]
    links = {
        (span.attributes or {})["express.branch"]: [link.context.span_id for link in span.links] for span in children
    }
    assert links == {0: [PARENT_ID], 1: [PARENT_ID], 2: []}
    assert {span.context.trace_id for span in traces.spans} == {traces.span("workflow").context.trace_id}


def test_a_child_that_fails_and_those_given_up_for_it(traces: Traces) -> None:
    inner = machine(
        B=state("Choice", Choices=[{"Variable": "$", "NumericEquals": 0, "Next": "C"}], Default="D"),
        C=state("Fail", Error="Refused", Cause="why"),
        D=wait(AGES),
    )
    workflow = standard(machine(A=distributed(inner)))
    assert traced(traces, workflow, {"items": [1, 0]}).status == "FAILED"
    found = {
        (span.attributes or {})["express.branch"]: (span.status.description, (span.attributes or {}).get("error.type"))
        for span in traces.spans
        if span.name == "workflow/A"
    }
    assert found == {0: ("given up", None), 1: ("Refused: why", "Refused")}
    assert traces.span("D").status.description == "given up"
    assert traces.tracing._executions == {}


@pytest.mark.slow
def test_child_executions_are_not_kept(traces: Traces) -> None:
    workflow = standard(machine(A=distributed(machine(B=wait(1)))))
    with reference_counting_alone():
        traced(traces, workflow, {"items": [1, 2, 3]})


# --------------------------------------------------------------------------------------------------------------
# what it leaves alone


@pytest.mark.slow
def test_nothing_is_kept(traces: Traces) -> None:
    workflow = compiled(machine(Fork=parallel(machine(A=wait(1)), machine(B=task("work")))), work=declines)
    with reference_counting_alone():
        traced(traces, workflow)
    assert traces.tracing._executions == {}


def test_without_opentelemetry_there_is_a_plain_word() -> None:
    script = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import express, express.tracing\n"
        "try: express.tracing.Tracing()\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "tracing needs OpenTelemetry: pip install opentelemetry-sdk\n"


def test_opentelemetry_is_not_imported_unless_used() -> None:
    script = "import sys, express.tracing; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
