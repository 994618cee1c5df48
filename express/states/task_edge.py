"""The task edge: the payload to a handler, its result, and the errors between the two.

Theory of operation. `begin` makes the payload, the handler is called, `finish` processes its result; four small `run`
closures differ in how they call. A coroutine handler is started at once: most answer without suspending, and the step
then completes like any synchronous one. If the coroutine suspends, the step hands the rest of it (`Host.suspended`) to
the code that runs the frame. Handlers in threads and those under a timeout always go that way.

By default payload and result cross this edge by value (law 2), which also validates and measures them. A trusted
handler (`isolate=False`) shares both, and promises that its results are plain JSON. That promise is checked by samples
(`states.trust`): a handler that breaks it is isolated.

History events: a pass through the state is Entered, Scheduled, Started, Succeeded, Exited. A step that does not wait
adds all of them at its end; one that waits or fails counts those that AWS would have written so far (`_reserve`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from express.deferral import OutOfTime, Patiently, TurnOver
from express.errors import RUNTIME, EngineError, StateError, forget_trace
from express.foreign import NotJSON
from express.parts import STRICT
from express.payload import dumps, is_too_long, loads, measure, outweighs, text_of
from express.program import END, FAILED, WAITING, Frame, Many, Step, StepRun
from express.states.chain import TaskLink
from express.states.conversation import Answer, Line, Refusal, in_coroutines, open_line
from express.states.crossing import cross_in, cross_out
from express.states.flow import Flow, Leave, added_member
from express.states.lambda_function import WRAPPING_BYTES, cancelled, not_found, unwrap, wrap
from express.states.many import build_many_tasks
from express.states.sizes import UNKNOWN_SIZE, data_limit_exceeded, holds_many_copies, input_limit_exceeded
from express.states.task_context import TaskContext, beginning_now
from express.states.timeouts import TimeLimits, build_limits
from express.states.trust import Trust
from express.states.witness import TaskWitness

if TYPE_CHECKING:
    from express.program import Heartbeat
    from express.states.resource import Resource
    from express.states.state import Handler, Resolver
    from express.states.witness import Witness
    from express.types import JSON, Expr

#: Bytes of a payload that takes about a millisecond to copy across the edge.
_LARGE = 50_000

Begin = Callable[[Frame], "JSON"]
Finish = Callable[[Frame, "JSON"], Step]
#: The timeout of a task in seconds, and its heartbeat; None where the definition sets none.
Within: TypeAlias = "tuple[float | None, Heartbeat | None]"
#: Calls a handler that needs more than the payload: a context, a thread, a limit. Returns what the handler returns.
Informed = Callable[[Frame, "JSON"], Any]


class Edge:
    """The task edge of one state while it is built: the values that its closures share."""

    def __init__(
        self,
        *,
        step: Step,
        resource: Resource,
        flow: Flow,
        following: Step,
        limits: TimeLimits | None,
        credentials: Expr | None,
        witness: Witness | None,
        events_before: int = 2,
    ) -> None:
        self.step = step
        step.resumes_in_turn = True
        self.resource = resource
        self.following = following
        self.leave = flow.build_leave(step, following)
        self.added_member = added_member(flow)
        #: Whether the flow does nothing but replace the input with the result.
        self.replaces = flow == type(flow)()
        #: Set if a trusted handler's result goes straight to `leave`.
        self.trusted_leave: Leave | None = None
        self.trust = Trust()
        self.prepare = flow.build_prepare()
        self.growth = flow.growth()
        self.credentials = credentials
        self.limits = None if limits is None else build_limits(limits, flow)
        #: The evaluated limits of the attempt. Valid from `begin` to the call: nothing else runs between the two.
        self.within: Within = (None, None)
        #: Number of events written with the call of the handler: Scheduled and Started.
        self.events_before = events_before
        step.events = events_before + 3
        self.witness: TaskWitness | None = None
        if witness is not None and witness.watches_tasks:
            self.witness = TaskWitness(witness, step, resource, self.events_before)
            self.prepare = self.witness.noting(self.prepare)
            self.leave = self.witness.noting_answer(self.leave)
            if credentials is not None:
                self.credentials = self.witness.noting_credentials(credentials)

    def build(self, handler: Handler) -> None:
        """Build the step's closures for a handler known at compile time."""
        step = self.step
        step.lends_run = handler.wants_context
        wrapped = self.resource.is_lambda_invoke and handler.for_function
        begin = self._limited(self._build_begin(handler.isolate, wrapped))
        finish = resume = self._build_finish(handler.isolate, wrapped)
        informed = self._build_informed(handler, self.witness)
        if self.witness is not None:
            finish, resume = self.witness.finishing(finish)
        self._build_outcomes(resume, handler.failure)
        step.blocks = handler.kind != "inline" or step.retries
        if handler.kind == "inline":
            step.run = self._run_inline(begin, handler, informed, finish)
        elif handler.kind == "thread" or self.limits is not None:
            assert informed is not None
            step.run = self._run_suspended(begin, informed)
        elif informed is None and begin is _raw_input and self.trusted_leave is not None:
            step.run = self._run_directly(self.trusted_leave, handler, finish)
            if not step.retries:
                if self.following is END and (self.replaces or self.added_member):
                    step.build_many = partial(self._build_many, handler)
                step.link = self._build_link(handler)
        else:
            step.run = self._run_async(begin, handler, informed, finish)

    def build_dynamic(self, resolver: Resolver | None) -> None:
        """Build the step's closures for a handler resolved when the task runs: the function's name comes from a path,
        or no handler is registered."""
        self.step.lends_run = True

        async def perform(frame: Frame, parameters: JSON, within: Within) -> tuple[JSON, bool]:
            handler, payload, wrapped = self._resolve(resolver, frame, parameters)
            informed = self._build_informed(handler, None)
            self.within = within
            try:
                outcome = handler.call(payload) if informed is None else informed(frame, payload)
                result = outcome if handler.kind == "inline" else await outcome
            except StateError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is a workflow error
                raise handler.failure(error) from None
            return result, wrapped

        self.step.blocks = True
        finish_plainly, finish_wrapped = self._build_finish(True, False), self._build_finish(True, True)

        def finish(frame: Frame, answer: tuple[JSON, bool]) -> Step:
            result, wrapped = answer
            try:
                return finish_wrapped(frame, result) if wrapped else finish_plainly(frame, result)
            except OutOfTime as late:
                late.given = ((*late.given, wrapped),)
                raise

        def begun(frame: Frame, parameters: JSON) -> Any:
            if self.witness is not None:
                self.witness.called(frame, parameters, *self.within)
            return perform(frame, parameters, self.within)

        if self.witness is not None:
            finish_plainly = self.witness.finishing(finish_plainly)[1]
            finish_wrapped = self.witness.finishing(finish_wrapped)[1]
        self._build_outcomes(finish, cancelled)
        self.step.run = self._run_suspended(self._limited(self._build_begin(False, False)), begun)

    def _resolve(self, resolver: Resolver | None, frame: Frame, parameters: JSON) -> tuple[Handler, JSON, bool]:
        """The handler of one attempt, its payload, and whether its result is wrapped as Lambda's."""
        arn, is_invoke = self.resource.arn, self.resource.is_lambda_invoke
        function = parameters.get("FunctionName") if is_invoke and isinstance(parameters, dict) else None
        if function is not None and not isinstance(function, str):
            raise EngineError(RUNTIME, f"The FunctionName of the task is no string: {text_of(function)}")
        handler = resolver.handler(arn, function) if resolver is not None else None
        if handler is None:
            raise not_found(arn, function)
        wrapped, limit = is_invoke and handler.for_function, frame.run.host.payload_limit
        if wrapped and _exceeds(parameters, limit):
            raise input_limit_exceeded(self.resource.name)
        with Patiently(frame):
            payload, size = cross_in(unwrap(parameters) if wrapped else parameters, frame)
        if size > limit:
            raise input_limit_exceeded(self.resource.name)
        return handler, payload, wrapped

    # ------------------------------------------------------------------------------------------ in and out

    def _build_begin(self, isolate: bool, wrapped: bool) -> Begin:
        """Raw input to payload, by value unless the handler is trusted."""
        prepare, credentials, who, cross = self.prepare, self.credentials, self.resource.name, self._cross
        factor, constant = self.growth

        def begin_trusted(frame: Frame) -> JSON:
            return prepare(frame.data, frame)  # type: ignore[misc]  # chosen only where prepare is set

        def begin(frame: Frame) -> JSON:
            deferral = frame.deferral
            if deferral is not None and deferral.made:
                return deferral.made[0]
            data = frame.data
            payload = data if prepare is None else prepare(data, frame)
            if credentials is not None:
                credentials(data, frame)
            if not isolate:
                return unwrap(payload) if wrapped else payload
            if deferral is None and _LARGE < frame.size < UNKNOWN_SIZE:
                _look(frame)
            limit = frame.run.host.payload_limit
            bound = factor * frame.size + constant
            if bound > limit:
                if holds_many_copies(bound, limit) and outweighs(payload, limit):
                    raise input_limit_exceeded(who)
                if wrapped and _exceeds(payload, limit):
                    # The Payload alone may be within the limit.
                    raise input_limit_exceeded(who)
            return cross(unwrap(payload) if wrapped else payload, frame)

        if isolate and credentials is None:
            return self._build_brief_begin(begin, wrapped)
        if isolate or wrapped or credentials is not None:
            return begin
        return _raw_input if prepare is None else begin_trusted

    def _build_brief_begin(self, begin: Begin, wrapped: bool) -> Begin:
        """`begin` for payloads that are short and JSON beyond doubt, which nearly all are."""
        prepare, cross, (factor, constant) = self.prepare, self._cross, self.growth

        def begin_briefly(frame: Frame) -> JSON:
            limit = frame.run.host.payload_limit
            bound = factor * frame.size + constant
            if bound > _LARGE or bound > limit or frame.deferral is not None:
                return begin(frame)
            data = frame.data
            payload = data if prepare is None else prepare(data, frame)
            if wrapped:
                payload = unwrap(payload)
            # `cross_quickly`, inlined. The results of trusted handlers may exceed the bound.
            try:
                blob = dumps(payload, None, STRICT)
                if len(blob) <= limit and (copy := loads(blob)) == payload:
                    return copy
            except Exception:  # noqa: BLE001 - comparing may call methods of derived classes
                pass
            return cross(payload, frame)

        return begin_briefly

    def _cross(self, payload: JSON, frame: Frame) -> JSON:
        payload, size = cross_in(payload, frame)
        if size > frame.run.host.payload_limit:
            raise input_limit_exceeded(self.resource.name)
        if size > _LARGE:
            # Yield now: the handler's result must cross in the turn in which it is returned, because it may be changed
            # afterwards.
            _look(frame, payload)
        return payload

    def _limited(self, begin: Begin) -> Begin:
        """`begin`, which also evaluates the limits of the attempt: if that fails, no task has been scheduled."""
        limits = self.limits
        if limits is None:
            return begin

        def begin_limited(frame: Frame) -> JSON:
            payload = begin(frame)
            self.within = limits(frame.data, frame)
            return payload

        return begin_limited

    def _build_finish(self, isolate: bool, wrapped: bool) -> Finish:
        """From the handler's result to the next step."""
        finish = self._build_finish_by_value(wrapped)
        if isolate:
            return finish
        leave, retries, takes = self.leave, self.step.retries, self.trust.takes

        def finish_trusted(frame: Frame, result: JSON) -> Step:
            if not takes(result):
                return finish(frame, result)
            following = leave(frame, frame.data, wrap(result) if wrapped else result, 0)
            if retries:
                frame.attempts = None
            return following

        if not wrapped:
            self.trusted_leave = leave
        return finish_trusted

    def _build_finish_by_value(self, wrapped: bool) -> Finish:
        leave, who, retries = self.leave, self.resource.name, self.step.retries

        def finish(frame: Frame, result: JSON) -> Step:
            run = frame.run
            limit = run.host.payload_limit
            size = -1
            if not is_too_long(result, limit):
                # `cross_quickly`, inlined for results that are JSON beyond doubt: nearly all.
                try:
                    blob = dumps(result, None, STRICT)
                    if len(blob) <= limit and (copy := loads(blob)) == result:
                        size = len(blob)
                except Exception:  # noqa: BLE001 - comparing may call methods of derived classes
                    pass
            if size < 0:
                copy, size = cross_out(result, frame, who)
            result = copy
            if wrapped:
                result, size = wrap(copy), size + WRAPPING_BYTES
                if size > limit:
                    raise data_limit_exceeded(who)
            if size > run.data_bytes:
                run.data_bytes = size
            if size > _LARGE:
                run.host.use_up()
            try:
                following = leave(frame, frame.data, result, size)
            except OutOfTime as late:
                late.given = (copy,)
                raise
            if retries:
                frame.attempts = None
            return following

        return finish

    def _build_informed(self, handler: Handler, witness: TaskWitness | None) -> Informed | None:
        """The call of a handler that needs more than its payload; None if the payload is enough."""
        kind, wants_context, limits = handler.kind, handler.wants_context, self.limits
        call = in_coroutines(handler.call) if kind == "async" else handler.call
        if kind == "thread" and wants_context:
            call = beginning_now(call)
        if not wants_context and kind != "thread" and limits is None and witness is None:
            return None
        name, resource = self.step.name, self.resource.arn

        def informed(frame: Frame, payload: JSON) -> Any:
            host = frame.run.host
            seconds, pulse = self.within
            arguments: tuple[Any, ...] = (payload,)
            if wants_context:
                arguments = (payload, TaskContext(frame, name, resource, seconds, pulse))
            if witness is not None:
                witness.called(frame, payload, seconds, pulse)
            if kind == "thread":
                return host.call_in_thread(call, *arguments, seconds=seconds, heartbeat=pulse)
            outcome = call(*arguments)
            bounded = kind != "inline" and (seconds is not None or pulse is not None)
            return host.within(outcome, seconds, pulse) if bounded else outcome

        return informed

    # ------------------------------------------------------------------------------------------ events and errors

    def _reserve(self, frame: Frame, more: int) -> None:
        """Count the events before the work's outcome, and `more`, because the step waits or fails."""
        run = frame.run
        if not frame.entered:
            run.events = frame.entered = run.events + 1
        run.events += self.events_before + more

    def _keep(self, frame: Frame, late: OutOfTime, result: JSON) -> None:
        """Keep the result of a handler that has answered at once, so that it is not called again when the step
        resumes."""
        self._reserve(frame, 0)
        late.given = late.given or (result,)

    def _build_outcomes(self, finish: Finish, failure: Callable[[BaseException], StateError]) -> None:
        """Set `resume` and `failed`, which continue the step when its awaitable is done."""

        def resume(frame: Frame, result: JSON) -> Step:
            frame.run.events += 1
            following = finish(frame, result)
            frame.run.events += 1
            return following

        def failed(frame: Frame, exception: BaseException) -> StateError:
            frame.run.events += 1
            return exception if isinstance(exception, StateError) else failure(exception)

        self.step.resume = resume
        self.step.failed = failed if self.witness is None else self.witness.failing(failed)

    def _build_refused(self, handler: Handler) -> Callable[[Frame, BaseException], Step]:
        """The continuation of the step when its handler has failed at once."""
        failure, events, step = handler.failure, self.events_before + 1, self.step
        # For an error that is retried unobserved, its name is enough.
        asks_retry = step.retries and handler.named_by_class and self.witness is None

        def refused(frame: Frame, error: BaseException) -> Step:
            run = frame.run
            if not frame.entered:
                run.events = frame.entered = run.events + 1
            run.events += events
            if isinstance(error, StateError):
                forget_trace(error)
                frame.failure = error
                return FAILED
            # TestState handles retries itself and has removed `retry` from the step.
            if asks_retry and step.retry is not None:
                delay = step.retry(frame, type(error).__name__)
                if delay is not None:
                    error.__traceback__ = None
                    frame.delay = delay
                    frame.failure = None
                    return FAILED
            frame.failure = failure(error)
            return FAILED

        return refused if self.witness is None else self.witness.refusing(refused)

    # ------------------------------------------------------------------------------------------ the ways to run

    def _run_async(self, begin: Begin, handler: Handler, informed: Informed | None, finish: Finish) -> StepRun:
        """Start the coroutine at once, and wait only if it suspends."""
        call, failures = in_coroutines(handler.call), handler.failures
        reserve, keep, retries = self._reserve, self._keep, self.step.retries
        refused = self._build_refused(handler)
        line: Line | None = None

        def run(frame: Frame) -> Step:
            nonlocal line
            payload = begin(frame)
            # The handler may re-enter this function before it has answered, so a line in use is taken out of `line`.
            taken, line = line or open_line(), None
            try:
                outcome = taken.send(call(payload) if informed is None else informed(frame, payload))
            except failures as error:
                return refused(frame, error)
            if type(outcome) is not Answer:
                if type(outcome) is not Refusal:
                    reserve(frame, 0)
                    frame.awaiting = frame.run.host.suspended(taken, outcome)
                    return WAITING
                line = taken
                raised, outcome.value = outcome.value, None
                return refused(frame, raised)
            line = taken
            result, outcome.value = outcome.value, None
            try:
                if retries and frame.entered:
                    return _finish_retried(frame, result, finish)
                return finish(frame, result)
            except StateError:
                reserve(frame, 1)
                raise
            except OutOfTime as late:
                keep(frame, late, result)
                raise

        return run

    def _run_directly(self, leave: Leave, handler: Handler, finish: Finish) -> StepRun:
        """`_run_async` for a trusted handler on the raw input, without the calls that would do nothing."""
        call, failures, reserve, keep = in_coroutines(handler.call), handler.failures, self._reserve, self._keep
        refused, trust, takes = self._build_refused(handler), self.trust, self.trust.takes
        retries = self.step.retries
        following, (key, key_bytes) = self.following, self.added_member or (None, 0)
        line: Line | None = None

        def run_directly(frame: Frame) -> Step:
            nonlocal line
            data = frame.data
            taken = line or open_line()
            line = None
            try:
                outcome = taken.send(call(data))
            except failures as error:
                return refused(frame, error)
            if type(outcome) is not Answer:
                if type(outcome) is not Refusal:
                    reserve(frame, 0)
                    frame.awaiting = frame.run.host.suspended(taken, outcome)
                    return WAITING
                line = taken
                raised, outcome.value = outcome.value, None
                return refused(frame, raised)
            line = taken
            due = trust.due
            if due > 0 and key is not None and type(data) is dict:
                # The most common ResultPath, without the call.
                run = frame.run
                size = frame.size + key_bytes
                if size <= run.host.payload_limit:
                    trust.due = due - 1
                    frame.data = value = data.copy()
                    value[key] = outcome.value
                    outcome.value = None
                    frame.size = size
                    if retries and frame.entered:
                        # `_finish_retried`, inlined.
                        run.events -= 1
                        frame.attempts = None
                        frame.entered = frame.entered_ns = 0
                    return following
            result, outcome.value = outcome.value, None
            try:
                if retries and frame.entered:
                    return _finish_retried(frame, result, finish)
                if takes(result):
                    return leave(frame, data, result, 0)
                return finish(frame, result)
            except StateError:
                reserve(frame, 1)
                raise
            except OutOfTime as late:
                keep(frame, late, result)
                raise

        return run_directly

    def _build_many(self, handler: Handler) -> Many:
        """The `Many` of the step, which falls back on `_run_directly`."""
        told = self._build_told(handler)
        return build_many_tasks(self.step, handler, added=self.added_member, trust=self.trust, told=told)

    def _build_link(self, handler: Handler) -> TaskLink | None:
        """The step's link for chains; None if its result is not simply added as a member."""
        if self.added_member is None:
            return None
        call, told = in_coroutines(handler.call), self._build_told(handler)
        return TaskLink(self.following, *self.added_member, call, handler.failures, told, self.trust)

    def _build_told(self, handler: Handler) -> Callable[[Frame, Line | None, Any], Step]:
        """How the step processes a trusted handler's outcome if the handler was called outside `run`: suspension,
        failure, or an answer that ends the trust and so crosses by value."""
        trust, reserve, keep, refused = self.trust, self._reserve, self._keep, self._build_refused(handler)
        finish = self._build_finish(True, False)

        def told(frame: Frame, line: Line | None, said: Any) -> Step:
            if not isinstance(said, Answer):
                assert line is not None
                reserve(frame, 0)
                frame.awaiting = frame.run.host.suspended(line, said)
                return WAITING
            if type(said) is Refusal:
                return refused(frame, said.take())
            trust.lose()
            result = said.take()
            try:
                return finish(frame, result)
            except StateError:
                reserve(frame, 1)
                raise
            except OutOfTime as late:
                keep(frame, late, result)
                raise

        return told

    def _run_inline(self, begin: Begin, handler: Handler, informed: Informed | None, finish: Finish) -> StepRun:
        call, failures = handler.call, handler.failures
        reserve, keep, retries = self._reserve, self._keep, self.step.retries
        refused = self._build_refused(handler)

        def run(frame: Frame) -> Step:
            payload = begin(frame)
            try:
                result = call(payload) if informed is None else informed(frame, payload)
            except failures as error:
                return refused(frame, error)
            try:
                if retries and frame.entered:
                    return _finish_retried(frame, result, finish)
                return finish(frame, result)
            except StateError:
                reserve(frame, 1)
                raise
            except OutOfTime as late:
                keep(frame, late, result)
                raise

        return run

    def _run_suspended(self, begin: Begin, informed: Informed) -> StepRun:
        reserve = self._reserve

        def run(frame: Frame) -> Step:
            payload = begin(frame)
            awaiting = informed(frame, payload)
            reserve(frame, 0)
            frame.awaiting = frame.run.host.in_turns(awaiting)
            return WAITING

        return run


def _exceeds(value: JSON, limit: int) -> bool:
    try:
        return measure(value) > limit
    except NotJSON:
        # Crossing will word the proper error.
        return False


def _raw_input(frame: Frame) -> JSON:
    return frame.data


def _look(frame: Frame, *made: JSON) -> None:
    """Yield if the time slice is over, because two large values need not cross in one turn of the event loop. Raises
    TurnOver with the values already made."""
    try:
        frame.run.host.look(0)
    except OutOfTime:
        raise TurnOver(*made) from None


def _finish_retried(frame: Frame, result: JSON, finish: Finish) -> Step:
    """Finish a retried state. Its entry has been counted already, and the execution loop is about to count it again."""
    following = finish(frame, result)
    frame.run.events -= 1
    frame.entered = frame.entered_ns = 0
    return following
