"""The history of an execution as AWS would write it, told event by event to observers that ask for it.

Theory of operation. The engine counts history events (`Run.events`, whose numbers AWS's error causes quote) but writes
none. Here they are written, for machines that are built for an observer of them: the closures of a step are wrapped,
and each wrapper tells of the events that the wrapped closure is about to count, or has just counted, under the numbers
they have there. A step that is done in one go is counted once it is done; its events still have the numbers they would
have had one by one, because nothing else runs meanwhile.

Each event names the one before it on its way through the states. The way forks where a Parallel or Map starts; what
goes back is the last event of the child that ended last. Some events are told aside and nothing follows from them:
MapIterationSucceeded and its kin, the aborted events of states that fail inside a branch (recorded histories).

Sources: API reference GetExecutionHistory and HistoryEvent; the recorded histories, which this must agree with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from express.errors import HEARTBEAT_TIMEOUT, TIMEOUT, EvaluationFailed, StateError
from express.observe import Event

if TYPE_CHECKING:
    from express.observe import Announce
    from express.program import Frame, Heartbeat, Step
    from express.states.resource import Resource
    from express.types import JSON


#: Events of a task before its outcome, unless it is also submitted.
_SCHEDULED_AND_STARTED = 2


class Trail:
    """Where the way through one frame has come to: event ids.

    `last` is what the next event follows from. `entered` is the current state's entry, `before` what that followed
    from, `assigned` the variables the state has assigned. Of the current task, `parameters` is what it is called with,
    `credentials` as whom, `answer` what it has come back with, as a tuple of one.
    """

    __slots__ = ("answer", "assigned", "before", "credentials", "entered", "last", "parameters")

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.before = self.entered = 0
        self.assigned: dict[str, JSON] | None = None
        self.parameters: JSON = None
        self.credentials: JSON = None
        self.answer: tuple[JSON, ...] = ()


def trail_of(frame: Frame) -> Trail:
    """The trail of a frame that is watched; it begins with the frame's first event."""
    try:
        trail: Trail = frame.trail
    except AttributeError:
        frame.trail = trail = Trail()
    return trail


class History:
    """Writes the events of one machine's executions. `tell(frame, event)` hands each to the observers."""

    def __init__(self, tell: Announce) -> None:
        self._tell = tell

    def write(
        self,
        frame: Frame,
        number: int,
        type: str,  # noqa: A002 - the API's word for it
        details: dict[str, JSON],
        data: tuple[str, JSON] | None = None,
        *,
        aside: bool = False,
        previous: int | None = None,
    ) -> None:
        """Tell of event `number`; `data` is the payload among its details. Nothing follows from one told aside."""
        trail = trail_of(frame)
        self._tell(frame, Event(number, trail.last if previous is None else previous, type, details, data))
        if not aside:
            trail.last = number

    # ------------------------------------------------------------------------------------------ states

    def entered(self, frame: Frame, step: Step) -> None:
        """The state is about to run for the first time in this visit; it is the next event."""
        trail = trail_of(frame)
        trail.before, trail.assigned = trail.last, None
        trail.entered = frame.run.events + 1
        self.write(frame, trail.entered, f"{step.type}StateEntered", {"name": step.name}, ("input", frame.data))

    def exited(self, frame: Frame, step: Step, number: int) -> None:
        details: dict[str, JSON] = {"name": step.name}
        assigned = trail_of(frame).assigned
        if assigned:
            details["assignedVariables"] = assigned
        self.write(frame, number, f"{step.type}StateExited", details, ("output", frame.data))

    def evaluation_failed(self, frame: Frame, step: Step, error: EvaluationFailed, number: int) -> None:
        """A field could not be evaluated. Those evaluated on entering a state are, to AWS, evaluated before it."""
        trail = trail_of(frame)
        at_once = trail.last == trail.entered and step.type != "Wait"
        details = {"error": error.error, "cause": error.cause, "location": error.location, "state": step.name}
        previous = trail.before if at_once else None
        self.write(frame, number, "EvaluationFailed", details, previous=previous)

    def fork_failed(self, frame: Frame, step: Step, number: int) -> None:
        self.write(frame, number, f"{step.type}StateFailed", {})

    # ------------------------------------------------------------------------------------------ forks

    def fork_started(self, frame: Frame, step: Step, count: int) -> None:
        """A Parallel or Map has its children, and has just counted that."""
        details: dict[str, JSON] = {"length": count} if step.type == "Map" else {}
        self.write(frame, frame.run.events, f"{step.type}StateStarted", details)

    def fork_succeeded(self, frame: Frame, step: Step) -> None:
        """The children have ended well, which is about to be counted."""
        self.write(frame, frame.run.events + 1, f"{step.type}StateSucceeded", {}, aside=True)

    def map_run_started(self, frame: Frame, step: Step, label: str | None) -> None:
        """The children of a distributed Map are about to run, in executions of their own."""
        run = frame.run
        runs = run.machine.arn.replace(":stateMachine:", ":mapRun:")
        self.write(frame, run.events, "MapRunStarted", {"mapRunArn": f"{runs}/{label or step.name}:{uuid4()}"})

    def map_run_succeeded(self, frame: Frame) -> None:
        """With the Map itself; both have just been counted."""
        number = frame.run.events - 1
        self.write(frame, number, "MapRunSucceeded", {}, aside=True)
        self.write(frame, number + 1, "MapStateSucceeded", {}, aside=True, previous=number)

    def map_run_failed(self, frame: Frame, error: StateError) -> None:
        self.write(frame, frame.run.events, "MapRunFailed", {"error": error.error, "cause": error.cause})

    def aborted(self, frame: Frame, number: int) -> None:
        """The state in which a branch has failed."""
        self.write(frame, number, f"{frame.step.type}StateAborted", {}, aside=True)


#: What the events of a task are called, by the kind of its resource. Most placeholders stand for a function's ARN.
_FAMILIES = {"function": "LambdaFunction", "placeholder": "LambdaFunction", "activity": "Activity"}


class TaskHistory:
    """The events of one Task state: Scheduled, Started, perhaps Submitted, then how it went."""

    def __init__(self, history: History, resource: Resource, events_before: int) -> None:
        self._history = history
        self._family = _FAMILIES.get(resource.kind, "Task")
        self._arn = resource.arn
        self._is_submitted = events_before > _SCHEDULED_AND_STARTED
        #: What every event of a service integration says.
        self._common: dict[str, JSON] = {}
        if self._family == "Task":
            action = resource.arn.split(":", 5)[5].removeprefix(f"{resource.name}:")
            self._common = {"resourceType": resource.name, "resource": action}

    def scheduled(self, frame: Frame, seconds: float | None, pulse: Heartbeat | None) -> None:
        """The handler is about to be called."""
        write, trail = self._history.write, trail_of(frame)
        number = frame.run.events + (1 if frame.entered else 2)
        details = dict(self._common)
        if self._family == "Task":
            details["region"] = frame.run.machine.arn.split(":")[3]
        else:
            details["resource"] = self._arn
        if seconds is not None:
            details["timeoutInSeconds"] = seconds
        if pulse is not None:
            details["heartbeatInSeconds"] = pulse.seconds
        if trail.credentials is not None:
            details["taskCredentials"] = {"roleArn": trail.credentials["RoleArn"]}
        field = "parameters" if self._family == "Task" else "input"
        write(frame, number, f"{self._family}Scheduled", details, (field, trail.parameters))
        write(frame, number + 1, f"{self._family}Started", dict(self._common))
        if self._is_submitted:
            write(frame, number + 2, "TaskSubmitted", dict(self._common))

    def succeeded(self, frame: Frame, number: int) -> None:
        trail = trail_of(frame)
        (result,), trail.answer = trail.answer, ()
        self._history.write(frame, number, f"{self._family}Succeeded", dict(self._common), ("output", result))

    def failed(self, frame: Frame, error: StateError, number: int) -> None:
        timed_out = error.error in (TIMEOUT, HEARTBEAT_TIMEOUT)
        details = dict(self._common)
        if error.error is not None:
            details["error"] = error.error
        if error.cause is not None:
            details["cause"] = error.cause
        self._history.write(frame, number, f"{self._family}{'TimedOut' if timed_out else 'Failed'}", details)
