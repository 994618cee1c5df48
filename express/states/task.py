"""Task: work done by a handler (ASL spec "Task State"; AWS guide "Task workflow state").

Theory of operation. `begin` makes the payload and counts the events AWS would write before the work starts,
`finish` takes the result on, `failed` turns whatever the handler raised into the workflow's error. Between them
stands one of four small `run` closures: a coroutine handler, a plain one, one in a thread, and any of them under a
timeout. By default payload and result cross this edge by value (law 2), which also proves and measures them.

A Lambda function is called in two ways. Its ARN as Resource: the payload goes in, the result comes out. The service
integration `lambda:invoke`: `Parameters.Payload` goes in, and the result is wrapped as the service wraps it.

HeartbeatSeconds: the guide speaks of activities and callback tasks, the specification of any task. Here it holds for
every handler that can be interrupted: one that wants more time beats `context.heartbeat()`. A miss is recorded as
States.Timeout.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from express.definition import messages
from express.errors import RUNTIME, EngineError, PathNotFound, StateError
from express.expressions.jsonpath import Path, build_path
from express.expressions.paths import invalid_path
from express.expressions.templates import Template, build_template
from express.payload import NotJSON, cross, text_of
from express.program import Heartbeat
from express.states.flow import (
    build_leave,
    build_prepare,
    build_select,
    data_limit_exceeded,
    input_limit_exceeded,
    read_data_flow,
    read_reference_field,
    read_template,
)
from express.states.recovery import MAX_SECONDS, build_recovery, read_catch, read_retry
from express.states.resource import Resource, parse_resource
from express.states.state import (
    Handler,
    Linker,
    Node,
    Resolver,
    Surroundings,
    read_transition,
)

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Frame, Step
    from express.types import JSON

#: What Lambda's Python runtime calls a return value that `json.dumps` refuses.
MARSHAL_ERROR = "Runtime.MarshalError"

#: Seconds a task may take, and its pulse; None where the definition sets none.
Limits = Callable[["JSON", "Frame"], "tuple[float | None, Heartbeat | None]"]


class TaskContext:
    """What a handler may know about the task it does. Handlers that take a second argument get one.

    `attempt` is 0 for the first try and counts the retries after it. `deadline` is when the task will be given up,
    in seconds since the epoch: the end of the execution's time or of the state's TimeoutSeconds.
    """

    __slots__ = ("_frame", "_heartbeat", "_timeout", "attempt", "resource", "state_name")

    def __init__(self, frame: Frame, state_name: str, resource: str, timeout: float | None, pulse: Heartbeat | None):
        self._frame = frame
        self._timeout = timeout
        self._heartbeat = pulse
        self.state_name = state_name
        self.resource = resource
        self.attempt = sum(frame.attempts) if frame.attempts else 0

    @property
    def execution_name(self) -> str:
        return self._frame.run.execution_name

    @property
    def execution_arn(self) -> str:
        return self._frame.run.execution_arn

    @property
    def deadline(self) -> float:
        run = self._frame.run
        left = (run.deadline_ns - run.host.monotonic_ns()) / 1e9
        return run.host.time_ns() / 1e9 + (left if self._timeout is None else min(left, self._timeout))

    def heartbeat(self) -> None:
        """Tell that the work is still going on: the next HeartbeatSeconds begin now."""
        if self._heartbeat is not None and self._heartbeat.renew is not None:
            self._heartbeat.renew()


@dataclass(slots=True)
class Task(Node):
    TYPE: ClassVar[str] = "Task"

    resource: Resource | None = None
    handler: Handler | None = None
    resolver: Resolver | None = None
    function: str | None = None
    timeout: int | None = None
    timeout_path: Path | None = None
    heartbeat: int | None = None
    heartbeat_path: Path | None = None
    credentials: Template | None = None

    # ---------------------------------------------------------------------------------------------- read

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_data_flow(
            fields, "InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "Assign"
        )
        self._read_resource(fields, surroundings)
        self._read_limits(fields)
        self._read_credentials(fields)
        self.retriers = read_retry(fields)
        self.catchers = read_catch(fields)
        read_transition(self, fields)

    def _read_resource(self, fields: Fields, surroundings: Surroundings) -> None:
        text = fields.text("Resource", required=True)
        if text is None:
            return
        resource = self.resource = parse_resource(text)
        if resource is None:
            is_arn = text.startswith("arn:")
            fields.report("Resource", messages.unknown_resource(text) if is_arn else messages.NOT_AN_ARN)
            return
        refusal = _express_refusal(resource) if surroundings.machine_type == "EXPRESS" else None
        if refusal is not None:
            fields.report("Resource", refusal)
        if resource.is_lambda_invoke:
            self._read_function(fields)
        self.resolver = surroundings.resolver
        if self.resolver is None or refusal is not None:
            return
        self.handler = self.resolver.handler(resource.arn, self.function)
        if self.handler is None and not self._resolves_at_run_time(surroundings.resolver):
            surroundings.unresolved.append((fields.child("Resource"), self.function or resource.arn))

    def _read_function(self, fields: Fields) -> None:
        """The Lambda function that `lambda:invoke` names; None where a path decides at run time."""
        parameters = fields.json("Parameters", None)
        if not isinstance(parameters, dict):
            return
        name = parameters.get("FunctionName")
        if isinstance(name, str):
            self.function = name
        elif "FunctionName.$" not in parameters and "FunctionName" not in parameters:
            fields.document.report(
                "SCHEMA_VALIDATION_FAILED",
                messages.required_field("FunctionName"),
                fields.child("Parameters"),
            )

    def _resolves_at_run_time(self, resolver: Resolver | None) -> bool:
        return (
            resolver is not None
            and self.resource is not None
            and self.resource.is_lambda_invoke
            and self.function is None
            and resolver.has_functions
        )

    def _read_limits(self, fields: Fields) -> None:
        self.timeout = fields.integer("TimeoutSeconds", minimum=1, maximum=MAX_SECONDS)
        self.timeout_path = read_reference_field(fields, "TimeoutSecondsPath")
        self.heartbeat = fields.integer("HeartbeatSeconds", minimum=1, maximum=MAX_SECONDS)
        self.heartbeat_path = read_reference_field(fields, "HeartbeatSecondsPath")
        fields.exclusive("TimeoutSeconds", "TimeoutSecondsPath")
        fields.exclusive("HeartbeatSeconds", "HeartbeatSecondsPath")
        if self.timeout is not None and self.heartbeat is not None and self.heartbeat >= self.timeout:
            fields.report("HeartbeatSeconds", "The value of 'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'")

    def _read_credentials(self, fields: Fields) -> None:
        if not fields.has("Credentials"):
            return
        value = fields.json("Credentials")
        if not isinstance(value, dict):
            fields.object("Credentials")
        elif "RoleArn" not in value and "RoleArn.$" not in value:
            fields.report("Credentials", messages.required_field("RoleArn"))
        else:
            self.credentials = read_template(fields, "Credentials")

    # ---------------------------------------------------------------------------------------------- build

    def build(self, step: Step, link: Linker) -> None:
        step.counts_events = True
        step.retries = bool(self.retriers)
        step.recover = build_recovery(self.retriers, self.catchers, step, link)
        assert self.resource is not None
        edge = _Edge(self, self.resource, step, self.following(link))
        handler = self.handler
        if handler is None:
            edge.build_dynamic(step, self.resolver)
        elif self.resource.is_lambda_invoke and handler.for_function:
            edge.build(step, handler, _unwrap, _wrap)
        else:
            edge.build(step, handler, None, None)


def _express_refusal(resource: Resource) -> str | None:
    """What an Express machine must not use, in AWS's recorded words."""
    if resource.kind == "activity":
        return messages.EXPRESS_ACTIVITY
    return messages.express_pattern(resource.pattern.removesuffix(":2")) if resource.pattern else None


def _unwrap(parameters: JSON) -> JSON:
    """What a function gets from `lambda:invoke`: its Payload, or an empty event."""
    return parameters.get("Payload", {})


def _wrap(result: JSON) -> JSON:
    """What `lambda:invoke` returns for a function's result (AWS guide "Invoke Lambda with Step Functions")."""
    return {"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200}


class _Edge:
    """The task edge of one state while it is built: everything its `run` closures share."""

    def __init__(self, node: Task, resource: Resource, step: Step, following: Step) -> None:
        self.node = node
        self.resource = resource
        self.step = step
        self.leave = build_leave(node.flow, step, following)
        self.prepare = build_prepare(node.flow)
        self.credentials = build_template(node.credentials) if node.credentials else None
        self.limits = _build_limits(node)
        # Scheduled and Started; integrations that wait for more are also Submitted (recorded histories).
        self.events_before = 3 if resource.pattern else 2

    def build(
        self,
        step: Step,
        handler: Handler,
        unwrap: Callable[[JSON], JSON] | None,
        wrap: Callable[[JSON], JSON] | None,
    ) -> None:
        """Give the step the run closure for a handler known at compile time."""
        begin = self._build_begin(handler.isolate, unwrap)
        finish = self._build_finish(handler.isolate, wrap)
        failed = _build_failed(handler)
        call = handler.call
        if self.limits is not None or handler.wants_context:
            call = self._build_informed_call(handler)
            step.blocks, step.run = True, _run_informed(begin, call, finish, failed)
        elif handler.kind == "async":
            step.blocks, step.run = True, _run_async(begin, call, finish, failed)
        elif handler.kind == "thread":
            step.blocks, step.run = True, _run_thread(begin, call, finish, failed)
        elif self.node.retriers:
            # A retry waits, so even a plain handler makes a step that may block.
            step.blocks, step.run = True, _run_retried(_run_inline(begin, call, finish, failed))
        else:
            step.run = _run_inline(begin, call, finish, failed)

    def _build_begin(self, isolate: bool, unwrap: Callable[[JSON], JSON] | None) -> Callable[[Frame], JSON]:
        prepare, credentials, who = self.prepare, self.credentials, self.resource.name
        events = self.events_before

        def begin(frame: Frame) -> JSON:
            run = frame.run
            if frame.attempts is None:
                run.events = frame.entered = run.events + 1
            data = frame.data
            payload = data if prepare is None else prepare(data, frame)
            if credentials is not None:
                credentials(data, frame)
            if unwrap is not None:
                payload = unwrap(payload)
            if isolate:
                payload, size = _cross_in(payload)
                if size > run.host.payload_limit:
                    raise input_limit_exceeded(who)
            run.events += events
            return payload

        return begin

    def _build_finish(self, isolate: bool, wrap: Callable[[JSON], JSON] | None) -> Callable[[Frame, JSON], Step]:
        leave, who = self.leave, self.resource.name

        def finish(frame: Frame, result: JSON) -> Step:
            run = frame.run
            run.events += 1
            if wrap is not None:
                result = wrap(result)
            size = 0
            if isolate:
                result, size = _cross_out(result)
                if size > run.host.payload_limit:
                    raise data_limit_exceeded(who)
                if size > run.data_bytes:
                    run.data_bytes = size
            following = leave(frame, frame.data, result, size)
            run.events += 1
            return following

        return finish

    def _build_informed_call(self, handler: Handler) -> Callable[[Frame, JSON], Awaitable[JSON]]:
        """A call that needs the frame: the handler takes a context, or the state sets a timeout."""
        call, kind, wants_context = handler.call, handler.kind, handler.wants_context
        limits, name, resource = self.limits, self.step.name, self.resource.arn

        async def informed(frame: Frame, payload: JSON) -> JSON:
            host = frame.run.host
            timeout, pulse = (None, None) if limits is None else limits(frame.data, frame)
            arguments: tuple[Any, ...] = (payload,)
            if wants_context:
                arguments = (payload, TaskContext(frame, name, resource, timeout, pulse))
            if kind == "inline":
                return call(*arguments)
            outcome = call(*arguments) if kind == "async" else host.call_in_thread(call, *arguments)
            if timeout is None and pulse is None:
                return await outcome
            return await host.within(outcome, timeout, pulse)

        return informed

    def build_dynamic(self, step: Step, resolver: Resolver | None) -> None:
        """A handler found only when the task runs: the function's name comes from a path, or nobody registered."""
        begin = self._build_begin(False, None)
        finish = self._build_finish(True, None)
        arn, is_invoke = self.resource.arn, self.resource.is_lambda_invoke

        async def run(frame: Frame) -> Step:
            parameters = begin(frame)
            function = parameters.get("FunctionName") if is_invoke and isinstance(parameters, dict) else None
            handler = resolver.handler(arn, function) if resolver is not None else None
            if handler is None:
                frame.run.events += 1
                raise _no_handler(arn, function)
            through = is_invoke and handler.for_function
            call = self._build_informed_call(handler)
            try:
                payload, _ = _cross_in(_unwrap(parameters) if through else parameters)
                result = await call(frame, payload)
            except Exception as error:
                raise _build_failed(handler)(frame, error) from None
            return finish(frame, _wrap(result) if through else result)

        step.blocks, step.run = True, run


def _cross_in(payload: JSON) -> tuple[JSON, int]:
    try:
        return cross(payload)
    except NotJSON as error:
        raise EngineError(RUNTIME, f"The input of the task is not valid JSON: {error}") from None


def _cross_out(result: JSON) -> tuple[JSON, int]:
    """A result that is no JSON fails the task as Lambda's Python runtime does: Runtime.MarshalError."""
    try:
        return cross(result)
    except NotJSON as error:
        message = f"Unable to marshal response: {error}"
        cause = {"errorMessage": message, "errorType": MARSHAL_ERROR, "requestId": "", "stackTrace": []}
        raise StateError(MARSHAL_ERROR, text_of(cause)) from None


Begin = Callable[["Frame"], "JSON"]
Finish = Callable[["Frame", "JSON"], "Step"]
Failed = Callable[["Frame", Exception], StateError]


def _build_failed(handler: Handler) -> Failed:
    failure = handler.failure

    def failed(frame: Frame, error: Exception) -> StateError:
        frame.run.events += 1
        return error if isinstance(error, StateError) else failure(error)

    return failed


def _run_async(begin: Begin, call: Callable[[JSON], Awaitable[JSON]], finish: Finish, failed: Failed) -> Any:
    async def run(frame: Frame) -> Step:
        payload = begin(frame)
        try:
            result = await call(payload)
        except Exception as error:
            raise failed(frame, error) from None
        return finish(frame, result)

    return run


def _run_inline(begin: Begin, call: Callable[[JSON], JSON], finish: Finish, failed: Failed) -> Any:
    def run(frame: Frame) -> Step:
        payload = begin(frame)
        try:
            result = call(payload)
        except Exception as error:
            raise failed(frame, error) from None
        return finish(frame, result)

    return run


def _run_retried(plain: Callable[[Frame], Step]) -> Any:
    async def run(frame: Frame) -> Step:
        return plain(frame)

    return run


def _run_thread(begin: Begin, call: Callable[[JSON], JSON], finish: Finish, failed: Failed) -> Any:
    async def run(frame: Frame) -> Step:
        payload = begin(frame)
        try:
            result = await frame.run.host.call_in_thread(call, payload)
        except Exception as error:
            raise failed(frame, error) from None
        return finish(frame, result)

    return run


def _run_informed(begin: Begin, call: Callable[[Frame, JSON], Awaitable[JSON]], finish: Finish, failed: Failed) -> Any:
    async def run(frame: Frame) -> Step:
        payload = begin(frame)
        try:
            result = await call(frame, payload)
        except Exception as error:
            raise failed(frame, error) from None
        return finish(frame, result)

    return run


def _no_handler(arn: str, function: str | None) -> StateError:
    """AWS's own error where a function does not exist; for other resources nothing to quote, so plain words."""
    if function is None:
        return EngineError(RUNTIME, f"No task handler is registered for the resource {arn}")
    return StateError(
        "Lambda.ResourceNotFoundException",
        f"Function not found: {function} (Service: AWSLambda; Status Code: 404; "
        "Error Code: ResourceNotFoundException; Proxy: null)",
    )


def _build_limits(node: Task) -> Limits | None:
    """TimeoutSeconds and HeartbeatSeconds, constant or by path, evaluated anew for each attempt."""
    fields = (node.timeout, node.timeout_path, node.heartbeat, node.heartbeat_path)
    if fields == (None, None, None, None):
        return None
    select = build_select(node.flow.input_path, node.flow.discard_input)
    timeout = _build_seconds("TimeoutSecondsPath", node.timeout, node.timeout_path)
    heartbeat = _build_seconds("HeartbeatSecondsPath", node.heartbeat, node.heartbeat_path)

    def limits(data: JSON, frame: Frame) -> tuple[float | None, Heartbeat | None]:
        if select is not None:
            data = select(data, frame)
        pulse = heartbeat(data, frame)
        return timeout(data, frame), None if pulse is None else Heartbeat(pulse)

    return limits


def _build_seconds(name: str, constant: int | None, path: Path | None) -> Callable[[JSON, Frame], int | None]:
    if path is None:
        return lambda data, frame: constant
    lookup = build_path(path)

    def seconds(data: JSON, frame: Frame) -> int:
        try:
            value = lookup(data, frame)
        except PathNotFound as error:
            raise invalid_path(error) from None
        if isinstance(value, bool) or not isinstance(value, int):
            raise EngineError(
                RUNTIME, f"The {name} parameter cannot be parsed as a long value: {path.text} == {text_of(value)}"
            )
        if value <= 0:
            raise EngineError(RUNTIME, f"The {name} parameter references a non-positive value: {path.text} == {value}")
        return value

    return seconds
