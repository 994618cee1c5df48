"""OpenTelemetry spans of executions and their states, in which the spans of handlers nest.

    runtime = express.Runtime(observers=[express.tracing.Tracing()])        # needs opentelemetry-sdk

An execution has a span, and each of its states has one in that. A child execution of a distributed Map has its span
within the Map's.

On AWS the trace ends where a message enters Step Functions. Here an execution continues the trace of its caller: the
current span, or else the trace context in the event, where producers put it when a broker has no headers: a W3C
`traceparent` (and `tracestate`), or an X-Ray header as `AWSTraceHeader` or `X-Amzn-Trace-Id`. While a handler runs,
its state's span is the current one, so the trace continues in what it calls. A child execution belongs to the trace
of its parent; if its item carries another, its span links there.

Spans have the times of the Runtime's clock. OpenTelemetry is imported when a Tracing is made, not before.

Sources: W3C "Trace Context"; AWS X-Ray developer guide "Tracing header".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from express.observe import Observer
from express.version import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, TracerProvider

    from express.errors import StateError
    from express.types import JSON, Status

#: Members of an event that may carry an X-Ray tracing header.
XRAY_FIELDS = ("AWSTraceHeader", "X-Amzn-Trace-Id")
#: Characters of a cause that are kept in a span.
MAX_CAUSE = 4_096

_XRAY_ROOT = re.compile(r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})\s*(?:;|$)", re.IGNORECASE)
_XRAY_PARENT = re.compile(r"(?:^|;)\s*Parent=([0-9a-f]{16})\s*(?:;|$)", re.IGNORECASE)
_XRAY_SAMPLED = re.compile(r"(?:^|;)\s*Sampled=1\s*(?:;|$)")


class Tracing(Observer):
    """An observer that makes spans of executions and their states.

    tracer_provider: where spans go; default: OpenTelemetry's global one.
    traceparent_field: the member of an event that carries a W3C trace context; None: ignore such members.

    Raises ImportError where OpenTelemetry is not installed.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, *, traceparent_field: str | None = "traceparent"
    ) -> None:
        try:
            from opentelemetry import context, trace
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError as error:
            raise ImportError("tracing needs OpenTelemetry: pip install opentelemetry-sdk") from error
        self._trace = trace
        self._context = context
        self._w3c = TraceContextTextMapPropagator()
        self._tracer = trace.get_tracer("express", __version__, tracer_provider)
        self._field = traceparent_field
        self._executions: dict[Any, _Execution] = {}

    # ------------------------------------------------------------------------------------------ executions

    def execution_started(self, run: Any) -> None:
        caller = self._context.get_current()
        attributes = {"express.workflow": run.machine.name, "express.execution.name": run.execution_name}
        span = self._tracer.start_span(
            run.machine.name,
            context=self._parent_of(run.input, caller),
            attributes=attributes | {"express.execution.arn": run.execution_arn},
            start_time=run.host.time_ns(),
        )
        self._executions[run] = _Execution(span, caller)

    def execution_ended(self, run: Any, result: Any) -> None:
        execution = self._executions.pop(run, None)
        if execution is None:
            return
        now = run.host.time_ns()
        self._give_up(execution, now)
        if execution.attached:
            self._context.attach(execution.caller)
        self._end(execution.span, result.status, result.error, result.cause, now)

    def child_started(self, parent: Any, run: Any, index: int) -> None:
        execution = self._executions.get(parent.run)
        if execution is None:
            return
        within = execution.spans.get(parent, execution.span)
        nowhere = self._context.Context()
        carried = self._trace.get_current_span(self._parent_of(run.input, nowhere)).get_span_context()
        span = self._tracer.start_span(
            f"{run.machine.name}/{run.label}",
            context=self._trace.set_span_in_context(within, execution.caller),
            attributes={
                "express.workflow": run.machine.name,
                "express.execution.name": run.execution_name,
                "express.execution.arn": run.execution_arn,
                "express.branch": index,
            },
            links=[self._trace.Link(carried)] if carried.is_valid else [],
            start_time=run.host.time_ns(),
        )
        execution.children.add(run)
        self._executions[run] = _Execution(span, execution.caller, execution)

    def child_ended(self, run: Any, failure: StateError | None) -> None:
        execution = self._executions.pop(run, None)
        if execution is None:
            return
        if execution.parent is not None:
            execution.parent.children.discard(run)
        now = run.host.time_ns()
        self._give_up(execution, now)
        if failure is None:
            self._end(execution.span, "SUCCEEDED", None, None, now)
        else:
            self._end(execution.span, "FAILED", failure.error, failure.cause, now)

    def _give_up(self, execution: _Execution, now: int) -> None:
        """End the spans of states and children that were cancelled with the execution or with a branch."""
        spans = list(execution.spans.values())
        for child in execution.children:
            given_up = self._executions.pop(child)
            self._give_up(given_up, now)
            spans.append(given_up.span)
        for span in spans:
            span.set_status(self._trace.StatusCode.ERROR, "given up")
            span.end(now)

    def _end(self, span: Span, status: Status, error: str | None, cause: str | None, now: int) -> None:
        span.set_attribute("express.execution.status", status)
        if status != "SUCCEEDED":
            self._fail(span, error or status, cause)
        span.end(now)

    # ------------------------------------------------------------------------------------------ states

    def branch_started(self, parent: Any, frame: Any, index: int) -> None:
        execution = self._executions.get(frame.run)
        if execution is not None:
            execution.branches[frame] = execution.spans.get(parent, execution.span), index

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        execution = self._executions.get(frame.run)
        if execution is None:
            return
        attributes: dict[str, str | int] = {"express.state": name, "express.state.type": frame.step.type}
        parent = execution.span
        if frame in execution.branches:
            parent, attributes["express.branch"] = execution.branches[frame]
        if frame.step.resource:
            attributes["express.resource"] = frame.step.resource
        context = self._trace.set_span_in_context(parent, execution.caller)
        span = self._tracer.start_span(
            name, context=context, attributes=attributes, start_time=frame.run.host.time_ns()
        )
        execution.spans[frame] = span

    def state_exited(self, frame: Any, name: str, data: JSON) -> None:
        span = self._leave(frame)
        if span is not None:
            span.end(frame.run.host.time_ns())

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None:
        span = self._leave(frame)
        if span is not None:
            self._fail(span, error or "", cause)
            span.end(frame.run.host.time_ns())

    def _leave(self, frame: Any) -> Span | None:
        execution = self._executions.get(frame.run)
        return None if execution is None else execution.spans.pop(frame, None)

    # ------------------------------------------------------------------------------------------ handlers

    def task_started(self, frame: Any, name: str, payload: JSON) -> None:
        execution = self._executions.get(frame.run)
        if execution is None or frame not in execution.spans:
            return
        # Attached without keeping a token to detach: the attempt may end in another context than this one.
        execution.attached[frame] = self._context.get_current()
        self._context.attach(self._trace.set_span_in_context(execution.spans[frame]))

    def task_ended(self, frame: Any, name: str, failure: StateError | None) -> None:
        execution = self._executions.get(frame.run)
        if execution is None or frame not in execution.attached:
            return
        self._context.attach(execution.attached.pop(frame))
        if failure is not None:
            attributes = {"error.type": failure.error or ""}
            execution.spans[frame].add_event("attempt failed", attributes, frame.run.host.time_ns())

    # ------------------------------------------------------------------------------------------ contexts

    def _fail(self, span: Span, error: str, cause: str | None) -> None:
        text = (cause or "")[:MAX_CAUSE]
        span.set_attribute("error.type", error)
        if text:
            span.set_attribute("express.cause", text)
        span.set_status(self._trace.StatusCode.ERROR, f"{error}: {text}" if text else error)

    def _parent_of(self, event: JSON, caller: Context) -> Context:
        """The context whose trace the execution continues: the caller's, or that in the event."""
        if self._trace.get_current_span(caller).get_span_context().is_valid or not isinstance(event, dict):
            return caller
        if self._field is not None and isinstance(event.get(self._field), str):
            carrier = {"traceparent": event[self._field]}
            if isinstance(event.get("tracestate"), str):
                carrier["tracestate"] = event["tracestate"]
            found: Context = self._w3c.extract(carrier, caller)
            return found
        for field in XRAY_FIELDS:
            if isinstance(event.get(field), str):
                return self._from_xray(event[field], caller)
        return caller

    def _from_xray(self, header: str, caller: Context) -> Context:
        """`Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`; any other text is ignored."""
        trace = self._trace
        root, parent = _XRAY_ROOT.search(header), _XRAY_PARENT.search(header)
        if root is None or parent is None:
            return caller
        sampled = trace.TraceFlags.SAMPLED if _XRAY_SAMPLED.search(header) else trace.TraceFlags.DEFAULT
        remote = trace.SpanContext(
            int(root[1] + root[2], 16), int(parent[1], 16), is_remote=True, trace_flags=trace.TraceFlags(sampled)
        )
        found: Context = trace.set_span_in_context(trace.NonRecordingSpan(remote), caller)
        return found


class _Execution:
    """The open spans of one execution.

    `spans` are those of states, by frame; `branches` have, by frame, the enclosing span and the index of a branch.
    `caller` is the context the execution was started in, `attached` the context, by frame, before a handler was
    called. `children` are the executions of distributed Maps that have not ended, `parent` is that of a child.
    """

    __slots__ = ("attached", "branches", "caller", "children", "parent", "span", "spans")

    def __init__(self, span: Span, caller: Context, parent: _Execution | None = None) -> None:
        self.span = span
        self.caller = caller
        self.parent = parent
        self.children: set[Any] = set()
        self.spans: dict[Any, Span] = {}
        self.branches: dict[Any, tuple[Span, int]] = {}
        self.attached: dict[Any, Context] = {}
