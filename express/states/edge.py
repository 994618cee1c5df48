"""The task edge: what goes to a handler, what comes back, and what may go wrong between.

Theory of operation. `begin` makes the payload, the handler is called, `finish` takes its result on; four small `run`
closures differ in how they call. A coroutine handler is started on the spot: most answer without suspending, and then
the step is done like any plain one. If it does suspend, the step hands the rest of it (`Suspended`) to whoever runs
the frame. Handlers in threads and those under a timeout always go that way.

By default payload and result cross this edge by value (law 2), which also proves and measures them.

A Lambda function is called in two ways. Its ARN as Resource: the payload goes in, the result comes out. The service
integration `lambda:invoke`: `Parameters.Payload` goes in, and the result is wrapped as the service wraps it.

History events: a pass through the state is Entered, Scheduled, Started, Succeeded, Exited. The step adds all of them
when it is done in one go; a step that waits or fails counts those that AWS would have written so far (`_reserve`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from express.errors import RUNTIME, EngineError, PathNotFound, StateError
from express.expressions.jsonpath import Path, build_path
from express.expressions.paths import invalid_path
from express.expressions.templates import Template, build_template
from express.payload import NotJSON, cross, text_of
from express.program import WAITING, Frame, Heartbeat, Step, StepRun
from express.states.flow import (
    DataFlow,
    Leave,
    build_leave,
    build_prepare,
    build_select,
    data_limit_exceeded,
    input_limit_exceeded,
)

if TYPE_CHECKING:
    from express.states.resource import Resource
    from express.states.state import Handler, Resolver
    from express.types import JSON

#: The longest TimeoutSeconds AWS takes.
MAX_SECONDS = 99_999_999
#: What Lambda's Python runtime calls a return value that `json.dumps` refuses.
MARSHAL_ERROR = "Runtime.MarshalError"

#: Seconds a task may take, and its pulse; None where the definition sets none.
Limits = Callable[["JSON", Frame], "tuple[float | None, Heartbeat | None]"]
Begin = Callable[[Frame], "JSON"]
Finish = Callable[[Frame, "JSON"], Step]
#: The handler's call where it needs more than the payload: a context, a thread, a limit. Gives what it returns.
Informed = Callable[[Frame, "JSON"], Any]


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


class Suspended:
    """A coroutine that was started and has suspended once: awaiting this goes on with it, as `await` would have."""

    __slots__ = ("_coroutine", "_first")

    def __init__(self, coroutine: Coroutine[Any, Any, JSON], first: Any) -> None:
        self._coroutine = coroutine
        self._first = first

    def __await__(self) -> Generator[Any, Any, JSON]:
        coroutine, yielded = self._coroutine, self._first
        self._first = None
        try:
            while True:
                try:
                    sent = yield yielded
                except GeneratorExit:
                    raise
                except BaseException as error:
                    yielded = coroutine.throw(error)
                else:
                    yielded = coroutine.send(sent)
        except StopIteration as stop:
            return stop.value
        finally:
            coroutine.close()


@dataclass(slots=True)
class TimeLimits:
    """TimeoutSeconds and HeartbeatSeconds of a Task, each constant or by path."""

    timeout: int | None = None
    timeout_path: Path | None = None
    heartbeat: int | None = None
    heartbeat_path: Path | None = None


class Edge:
    """The task edge of one state while it is built: everything its closures share."""

    def __init__(
        self,
        *,
        step: Step,
        resource: Resource,
        flow: DataFlow,
        following: Step,
        limits: TimeLimits | None,
        credentials: Template | None,
    ) -> None:
        self.step = step
        self.resource = resource
        self.leave = build_leave(flow, step, following)
        #: Set when nothing stands between a handler's result and `leave`.
        self.trusted_leave: Leave | None = None
        self.prepare = build_prepare(flow)
        self.credentials = build_template(credentials) if credentials is not None else None
        self.limits = None if limits is None else _build_limits(limits, flow)
        # Scheduled and Started; integrations that wait for more are also Submitted (recorded histories).
        self.events_before = 3 if resource.pattern else 2
        step.events = self.events_before + 3

    def build(self, handler: Handler) -> None:
        """The step's closures for a handler known at compile time."""
        step = self.step
        wrapped = self.resource.is_lambda_invoke and handler.for_function
        begin = self._build_begin(handler.isolate, wrapped)
        finish = self._build_finish(handler.isolate, wrapped)
        informed = self._build_informed(handler)
        self._build_outcomes(finish, handler)
        step.blocks = handler.kind != "inline" or step.retries
        if handler.kind == "inline":
            step.run = self._run_inline(begin, handler, informed, finish)
        elif handler.kind == "thread" or self.limits is not None:
            assert informed is not None
            step.run = self._run_suspended(begin, informed)
        else:
            step.run = self._run_async(begin, handler, informed, finish)

    def build_dynamic(self, resolver: Resolver | None) -> None:
        """A handler found only when the task runs: the function's name comes from a path, or nobody registered."""
        arn, who, is_invoke = self.resource.arn, self.resource.name, self.resource.is_lambda_invoke

        async def perform(frame: Frame, parameters: JSON) -> JSON:
            function = parameters.get("FunctionName") if is_invoke and isinstance(parameters, dict) else None
            if function is not None and not isinstance(function, str):
                raise EngineError(RUNTIME, f"The FunctionName of the task is no string: {text_of(function)}")
            handler = resolver.handler(arn, function) if resolver is not None else None
            if handler is None:
                raise _no_handler(arn, function)
            wrapped = is_invoke and handler.for_function
            payload, size = _cross_in(_unwrap(parameters) if wrapped else parameters)
            if size > frame.run.host.payload_limit:
                raise input_limit_exceeded(who)
            informed = self._build_informed(handler)
            try:
                outcome = handler.call(payload) if informed is None else informed(frame, payload)
                result = outcome if handler.kind == "inline" else await outcome
            except StateError:
                raise
            except Exception as error:
                raise handler.failure(error) from None
            return _wrap(result) if wrapped else result

        self.step.blocks = True
        self._build_outcomes(self._build_finish(True, False), None)
        self.step.run = self._run_suspended(self._build_begin(False, False), perform)

    # ------------------------------------------------------------------------------------------ in and out

    def _build_begin(self, isolate: bool, wrapped: bool) -> Begin:
        """Raw input to payload, by value unless the handler is trusted."""
        prepare, credentials, who = self.prepare, self.credentials, self.resource.name

        def begin_trusted(frame: Frame) -> JSON:
            return prepare(frame.data, frame)  # type: ignore[misc]  # chosen only where there is a prepare

        def begin(frame: Frame) -> JSON:
            data = frame.data
            payload = data if prepare is None else prepare(data, frame)
            if credentials is not None:
                credentials(data, frame)
            if wrapped:
                payload = _unwrap(payload)
            if isolate:
                payload, size = _cross_in(payload)
                if size > frame.run.host.payload_limit:
                    raise input_limit_exceeded(who)
            return payload

        if isolate or wrapped or credentials is not None:
            return begin
        return _raw_input if prepare is None else begin_trusted

    def _build_finish(self, isolate: bool, wrapped: bool) -> Finish:
        """The handler's result to the next step."""
        leave, who, retries = self.leave, self.resource.name, self.step.retries

        def finish_trusted(frame: Frame, result: JSON) -> Step:
            return leave(frame, frame.data, result, 0)

        def finish(frame: Frame, result: JSON) -> Step:
            if wrapped:
                result = _wrap(result)
            size = 0
            if isolate:
                run = frame.run
                result, size = _cross_out(result)
                if size > run.host.payload_limit:
                    raise data_limit_exceeded(who)
                if size > run.data_bytes:
                    run.data_bytes = size
            following = leave(frame, frame.data, result, size)
            if retries:
                frame.attempts = None
            return following

        if isolate or wrapped or retries:
            return finish
        self.trusted_leave = leave
        return finish_trusted

    def _build_informed(self, handler: Handler) -> Informed | None:
        """How the handler is called when its payload alone is not enough."""
        call, kind, wants_context, limits = handler.call, handler.kind, handler.wants_context, self.limits
        if not wants_context and kind != "thread" and limits is None:
            return None
        name, resource = self.step.name, self.resource.arn

        def informed(frame: Frame, payload: JSON) -> Any:
            host = frame.run.host
            seconds, pulse = (None, None) if limits is None else limits(frame.data, frame)
            arguments: tuple[Any, ...] = (payload,)
            if wants_context:
                arguments = (payload, TaskContext(frame, name, resource, seconds, pulse))
            outcome = host.call_in_thread(call, *arguments) if kind == "thread" else call(*arguments)
            bounded = kind != "inline" and (seconds is not None or pulse is not None)
            return host.within(outcome, seconds, pulse) if bounded else outcome

        return informed

    # ------------------------------------------------------------------------------------------ events and errors

    def _reserve(self, frame: Frame, more: int) -> None:
        """Count the events before the work's outcome, and `more`: the step will not be done in one go."""
        run = frame.run
        if not frame.entered:
            run.events = frame.entered = run.events + 1
        run.events += self.events_before + more

    def _build_outcomes(self, finish: Finish, handler: Handler | None) -> None:
        """`resume` and `failed`: how the step goes on when what it waited for is there."""
        failure = None if handler is None else handler.failure

        def resume(frame: Frame, result: JSON) -> Step:
            frame.run.events += 1
            following = finish(frame, result)
            frame.run.events += 1
            return following

        def failed(frame: Frame, exception: BaseException) -> StateError:
            frame.run.events += 1
            if isinstance(exception, StateError) or failure is None:
                return exception if isinstance(exception, StateError) else EngineError(RUNTIME, str(exception))
            return failure(exception)

        self.step.resume = resume
        self.step.failed = failed

    # ------------------------------------------------------------------------------------------ the four ways to run

    def _run_async(self, begin: Begin, handler: Handler, informed: Informed | None, finish: Finish) -> StepRun:
        """Start the coroutine here and now; hand it on only if it suspends."""
        call, failures, failure = handler.call, handler.failures, handler.failure
        reserve, retries = self._reserve, self.step.retries

        def run(frame: Frame) -> Step:
            payload = begin(frame)
            try:
                coroutine = call(payload) if informed is None else informed(frame, payload)
                first = coroutine.send(None)
            except StopIteration as stop:
                result = stop.value
            except failures as error:
                reserve(frame, 1)
                raise error if isinstance(error, StateError) else failure(error) from None
            else:
                reserve(frame, 0)
                frame.awaiting = Suspended(coroutine, first)
                return WAITING
            try:
                if retries and frame.entered:
                    return _finish_retried(frame, result, finish)
                return finish(frame, result)
            except StateError:
                reserve(frame, 1)
                raise

        if informed is not None or begin is not _raw_input or self.trusted_leave is None:
            return run
        leave = self.trusted_leave

        def run_directly(frame: Frame) -> Step:
            """The same for a trusted handler on the raw input, without the calls that would do nothing."""
            data = frame.data
            try:
                coroutine = call(data)
                first = coroutine.send(None)
            except StopIteration as stop:
                try:
                    return leave(frame, data, stop.value, 0)
                except StateError:
                    reserve(frame, 1)
                    raise
            except failures as error:
                reserve(frame, 1)
                raise error if isinstance(error, StateError) else failure(error) from None
            reserve(frame, 0)
            frame.awaiting = Suspended(coroutine, first)
            return WAITING

        return run_directly

    def _run_inline(self, begin: Begin, handler: Handler, informed: Informed | None, finish: Finish) -> StepRun:
        call, failures, failure = handler.call, handler.failures, handler.failure
        reserve, retries = self._reserve, self.step.retries

        def run(frame: Frame) -> Step:
            payload = begin(frame)
            try:
                result = call(payload) if informed is None else informed(frame, payload)
            except failures as error:
                reserve(frame, 1)
                raise error if isinstance(error, StateError) else failure(error) from None
            try:
                if retries and frame.entered:
                    return _finish_retried(frame, result, finish)
                return finish(frame, result)
            except StateError:
                reserve(frame, 1)
                raise

        return run

    def _run_suspended(self, begin: Begin, informed: Informed) -> StepRun:
        reserve = self._reserve

        def run(frame: Frame) -> Step:
            payload = begin(frame)
            awaiting = informed(frame, payload)
            reserve(frame, 0)
            frame.awaiting = awaiting
            return WAITING

        return run


def _raw_input(frame: Frame) -> JSON:
    return frame.data


def _finish_retried(frame: Frame, result: JSON, finish: Finish) -> Step:
    """The entry of a retried state is counted already; the loop is about to count it again."""
    following = finish(frame, result)
    frame.run.events -= 1
    frame.entered = frame.entered_ns = 0
    return following


def _unwrap(parameters: JSON) -> JSON:
    """What a function gets from `lambda:invoke`: its Payload, or an empty event."""
    return parameters.get("Payload", {}) if isinstance(parameters, dict) else {}


def _wrap(result: JSON) -> JSON:
    """What `lambda:invoke` returns for a function's result (AWS guide "Invoke Lambda with Step Functions")."""
    return {"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200}


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


def _no_handler(arn: str, function: str | None) -> StateError:
    """AWS's own error where a function does not exist; for other resources nothing to quote, so plain words."""
    if function is None:
        return EngineError(RUNTIME, f"No task handler is registered for the resource {arn}")
    return StateError(
        "Lambda.ResourceNotFoundException",
        f"Function not found: {function} (Service: AWSLambda; Status Code: 404; "
        "Error Code: ResourceNotFoundException; Proxy: null)",
    )


def _build_limits(node: TimeLimits, flow: DataFlow) -> Limits:
    """The limits of one attempt, evaluated anew for each."""
    select = build_select(flow.input_path, flow.discard_input)
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
        return min(value, MAX_SECONDS)

    return seconds
