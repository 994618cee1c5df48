"""Tasks that can be answered from outside: callbacks, activities and jobs.

Theory of operation. Such a task has a token, a new one for each attempt, which `$$.Task.Token` gives to the state's
Parameters. The holder of the token answers with an output, an error or a heartbeat. What precedes the answer is one of
three openings:

- `.waitForTaskToken`: the handler only submits the task, that is, passes the token on. Its return value appears in the
  history (TaskSubmitted); then the task waits. The answer may arrive before the handler has returned; the task then
  awaits the handler first, so that nothing of it keeps running after the task.
- An activity without a handler is offered to polling workers. Its timeout starts when a worker takes it.
- Everything else is a job: the handler does the work and its result is the answer (`.sync`, an activity with a
  handler, a mock). The recorded `.sync` task with a token was answered through the token before the job had ended, so
  the first of the two counts; if that is the token, the handler is cancelled.

The token is valid while the task waits. Only Standard machines have such tasks; they cost an Express machine nothing.

Sources: AWS guide "Discover service integration patterns", "Activities"; API reference SendTaskSuccess,
SendTaskFailure and SendTaskHeartbeat; recorded histories.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from express.deferral import Patiently
from express.errors import StateError
from express.program import WAITING, Frame, Step
from express.states.conversation import outcome_of
from express.states.crossing import cross_in, cross_out
from express.states.lambda_function import cancelled, wrap
from express.states.sizes import input_limit_exceeded
from express.states.task_context import TaskContext
from express.states.task_edge import Begin, Edge, Within

if TYPE_CHECKING:
    from express.program import Opening
    from express.states.flow import Flow
    from express.states.resource import Resource
    from express.states.state import Handler, Resolver
    from express.states.timeouts import TimeLimits
    from express.states.witness import Witness
    from express.types import JSON, Expr

#: Performs the work of one attempt, given its payload and its time limits.
Perform: TypeAlias = Callable[[Frame, "JSON", Within], Awaitable["JSON"]]
#: Returns the opening work of an attempt, not yet called. Raises StateError if the attempt cannot be scheduled.
Open: TypeAlias = Callable[[Frame, "JSON", Within], Callable[[], Awaitable["JSON"]]]


def has_token(resource: Resource) -> bool:
    """Whether tasks on the resource can be answered from outside."""
    return bool(resource.pattern) or resource.kind == "activity"


def opening_of(resource: Resource, handler: Handler | None) -> Opening:
    """How a task with a token begins."""
    if handler is not None and handler.kind == "worker":
        return "offer"
    if resource.pattern == ".waitForTaskToken" and (handler is None or not handler.answers):
        return "submission"
    return "job"


def _events_before(resource: Resource, opening: Opening) -> int:
    """Number of events written with the call of the handler: Scheduled; Started unless a worker has yet to start the
    task; for an integration's job, which the task waits for, Submitted as well (recorded histories)."""
    if opening == "offer":
        return 1
    return 3 if opening == "job" and resource.pattern else 2


class CallbackEdge(Edge):
    """The edge of a task that has a token. It always suspends, if only for one turn of the event loop."""

    def __init__(
        self,
        *,
        handler: Handler | None,
        step: Step,
        resource: Resource,
        flow: Flow,
        following: Step,
        limits: TimeLimits | None,
        credentials: Expr | None,
        witness: Witness | None,
    ) -> None:
        self._opening = opening_of(resource, handler)
        super().__init__(
            step=step,
            resource=resource,
            flow=flow,
            following=following,
            limits=limits,
            credentials=credentials,
            witness=witness,
            events_before=_events_before(resource, self._opening),
        )
        step.lends_run = True

    def build(self, handler: Handler) -> None:
        """Build the step's closures for a handler known at compile time."""
        if self._opening == "offer":
            self._build_offer(handler)
            return
        wrapped = self.resource.is_lambda_invoke and handler.for_function
        perform = self._build_perform(handler, wrapped)
        self._suspend(self._build_begin(handler.isolate, wrapped), self._doing(perform), handler.failure)

    def build_dynamic(self, resolver: Resolver | None) -> None:
        """Build the step's closures for a handler resolved when the task runs."""

        async def perform(frame: Frame, parameters: JSON, within: Within) -> JSON:
            handler, payload, wrapped = self._resolve(resolver, frame, parameters)
            try:
                return await self._build_perform(handler, wrapped)(frame, payload, within)
            except StateError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is a workflow error
                raise handler.failure(error) from None

        self._suspend(self._build_begin(False, False), self._doing(perform), cancelled)

    # ------------------------------------------------------------------------------------------ the work

    def _build_perform(self, handler: Handler, wrapped: bool) -> Perform:
        """A `Perform` that calls the handler and returns the result in the form AWS would have received."""
        name, arn = self.step.name, self.resource.arn

        async def perform(frame: Frame, payload: JSON, within: Within) -> JSON:
            arguments: tuple[Any, ...] = (payload,)
            if handler.wants_context:
                arguments = (payload, TaskContext(frame, name, arn, *within, frame.callback.token))
            result = await outcome_of(handler, frame.run.host, *arguments)
            return wrap(result) if wrapped else result

        return perform

    def _doing(self, perform: Perform) -> Open:
        """The handler's call as a job, or as a submission, whose result goes into the history and is not the answer."""
        if self._opening == "submission":
            perform = self._submitting(perform)
        return lambda frame, payload, within: partial(perform, frame, payload, within)

    def _submitting(self, perform: Perform) -> Perform:
        witness, who = self.witness, self.resource.name

        async def submit(frame: Frame, payload: JSON, within: Within) -> None:
            result = await perform(frame, payload, within)
            with Patiently(frame):
                result, _ = cross_out(result, frame, who)
            frame.run.events += 1
            if witness is not None:
                witness.submitted(frame, result)

        return submit

    def _build_offer(self, handler: Handler) -> None:
        """Build an activity, which first waits for a worker."""
        witness, offer_task, who = self.witness, handler.call, self.resource.name

        async def start(frame: Frame, offer: Awaitable[str | None]) -> None:
            worker = await offer
            frame.run.events += 1
            if witness is not None:
                witness.started(frame, worker)

        def offering(frame: Frame, payload: JSON, within: Within) -> Callable[[], Awaitable[None]]:
            with Patiently(frame):
                payload, size = cross_in(payload, frame)
            if size > frame.run.host.payload_limit:
                raise self._not_scheduled(frame, input_limit_exceeded(who))
            return partial(start, frame, offer_task(frame.callback.token, payload))

        self._suspend(self._build_begin(False, False), offering, handler.failure)

    def _not_scheduled(self, frame: Frame, error: StateError) -> StateError:
        """Count the event for a task that could not be scheduled; returns the error."""
        run = frame.run
        if not frame.entered:
            run.events = frame.entered = run.events + 1
        run.events += 1
        if self.witness is not None:
            self.witness.not_scheduled(frame, error)
        return error

    # ------------------------------------------------------------------------------------------ the step

    def _suspend(self, begin: Begin, opener: Open, failure: Callable[[BaseException], StateError]) -> None:
        step, opening, witness, reserve = self.step, self._opening, self.witness, self._reserve
        begin = self._limited(begin)
        finish = self._build_finish(True, False)
        if witness is not None:
            finish = witness.finishing(finish)[1]
        self._build_outcomes(finish, failure)
        step.blocks = step.has_token = True

        def run(frame: Frame) -> Step:
            if frame.deferral is None:
                # A step that runs again after a deferral keeps its callback: deferred expressions may have used its
                # token.
                frame.callback = frame.run.host.open_callback()
            callback = frame.callback
            payload = begin(frame)
            within = self.within
            work = opener(frame, payload, within)
            if witness is not None:
                witness.called(frame, payload, *within)
            reserve(frame, 0)
            frame.awaiting = frame.run.host.in_turns(callback.answered(work, opening, *within))
            return WAITING

        step.run = run
