"""The history events that AWS would write for an execution, for observers that ask for them.

Theory of operation. The engine counts history events (`Run.events`, whose numbers AWS's error causes quote) but writes
none. Machines built for an observer of history write them: this module wraps the closures of a step, and each wrapper
emits the events that the wrapped closure is about to count, or has just counted, under the same numbers. A step that
does not wait counts its events once it is done; they still have the numbers that counting one by one would give,
because nothing else runs meanwhile.

Each event names its predecessor on the path through the states. The path forks where a Parallel or Map starts; after
the join, the predecessor is the last event of the child that ended last. Some events are written aside, and no event
follows from them: MapIterationSucceeded and its kin, the aborted events of states that fail inside a branch (recorded
histories).

Calling an observer for each event costs more than most states do. For an observer that allows it (`visits_up_to`),
states that do not wait are appended to `Run.history` as Visits: one tuple for both events, and no call but for the
time.

Sources: API reference GetExecutionHistory and HistoryEvent; the recorded histories, which the output must match.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import uuid4

from express.errors import HEARTBEAT_TIMEOUT, TIMEOUT, EvaluationFailed, StateError
from express.names import map_run_arn
from express.observe import HISTORY_HOOKS, Event, announcer, has_hook
from express.program import END, FAILED, WAITING

if TYPE_CHECKING:
    from express.observe import Observer
    from express.program import Frame, Heartbeat, Step, StepRun
    from express.states.kept import KeptSiblings
    from express.states.resource import Resource
    from express.types import JSON


#: Number of events written with the call of most tasks. An activity that a worker has yet to start is only scheduled;
#: a job that the task waits for is submitted as well.
_SCHEDULED_AND_STARTED = 2


class Known(Enum):
    """Placeholder for a payload stored elsewhere: the execution's input or output. A Python value takes several times
    the memory of its JSON text, and whoever keeps the history keeps these two as text anyway."""

    INPUT = "input"
    OUTPUT = "output"


#: State types that may pause and run again.
_FORKS: Final = frozenset({"Parallel", "Map"})

_INPUT: Final = Known.INPUT
_OUTPUT: Final = Known.OUTPUT

#: Entry or exit of a state: step, event number, previous event, whether it is the exit, payload, time in nanoseconds
#: since the epoch, approximate bytes of JSON that the engine held.
Half: TypeAlias = "tuple[Step, int, int, bool, JSON, int, int]"
#: Entry and exit of a state that did not wait: step; number, previous event, payload, time and size of the entry;
#: number, previous event, payload and time of the exit; and the size of both together.
Visit: TypeAlias = "tuple[Step, int, int, JSON, int, int, int, int, JSON, int, int]"


class Trail:
    """The position of one frame in its history, as event ids.

    `last` is the predecessor of the next event. `entered` is the current state's entry, `before` the predecessor of
    that, `assigned` the variables that the state has assigned. Of the current task, `parameters` is its input,
    `credentials` its role, `answer` its result, as a tuple of one.

    Where executions can be redriven: `visiting` says that the current state has been entered and not left,
    `entered_ns` when it was entered, `is_over` that the last state has been left. `fork` are the siblings of the
    Parallel or Map that the frame is in, those of the last attempt if it was retried.
    """

    __slots__ = (
        "answer",
        "assigned",
        "before",
        "credentials",
        "entered",
        "entered_ns",
        "fork",
        "is_over",
        "last",
        "parameters",
        "visiting",
    )

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.before = self.entered = self.entered_ns = 0
        self.visiting = self.is_over = False
        self.fork: KeptSiblings | None = None
        self.assigned: dict[str, JSON] | None = None
        self.parameters: JSON = None
        self.credentials: JSON = None
        self.answer: tuple[JSON, ...] = ()


def trail_of(frame: Frame) -> Trail:
    """The trail of a frame whose history is written; created at the frame's first event."""
    try:
        trail: Trail = frame.trail
    except AttributeError:
        frame.trail = trail = Trail()
    return trail


class HistoryWriter:
    """Writes the events of one machine's executions for the observers that have history hooks.

    keeps_places: the executions can be redriven. The state at which an execution is redriven has been entered before,
    so its entry is not written again (measured, radkawar/stackd `redrive_execution.json`).
    """

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self._tell = announcer(observers, "history_event")
        self._tell_visit = announcer(observers, "visit_event")
        others = [o for o in observers if has_hook(o, "history_event") and not has_hook(o, "visit_event")]
        self._tell_others = announcer(others, "history_event") if others else None
        self.keeps_places = any(observer.keeps_places for observer in observers)
        told = [observer for observer in observers if has_hook(observer, *HISTORY_HOOKS)]
        self._visits_up_to = told[0].visits_up_to if len(told) == 1 else 0

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
        """Emit event `number`; `data` is the payload among its details. No event follows from one written `aside`."""
        trail = trail_of(frame)
        self._tell(frame, Event(number, trail.last if previous is None else previous, type, details, data))
        if not aside:
            trail.last = number

    # ------------------------------------------------------------------------------------------ states

    def entered(self, frame: Frame, step: Step) -> None:
        """Emit the entry, the next event: the state is about to run for the first time in this visit."""
        trail = trail_of(frame)
        trail.assigned = None
        if self.keeps_places:
            if trail.visiting:
                return
            trail.visiting = True
            trail.entered_ns = frame.run.host.monotonic_ns()
            trail.fork = None
        before = trail.before = trail.last
        number = trail.entered = trail.last = frame.run.events + 1
        self._tell_visit(frame, step, number, before, False)
        if self._tell_others is not None:
            self._tell_others(frame, entry_event(step, number, before, frame.data))

    def exited(self, frame: Frame, step: Step, following: Step, number: int) -> Step:
        """Emit the exit of a state; returns `following`."""
        trail: Trail = frame.trail
        # Kept siblings refer to the frame, which refers to this trail: only the garbage collector could free the
        # cycle.
        trail.visiting, trail.is_over, trail.fork = False, following is END, None
        before, trail.last = trail.last, number
        if trail.assigned:
            event = exit_event(step, number, before, frame.data)
            event.details["assignedVariables"] = trail.assigned
            self._tell(frame, event)
            return following
        self._tell_visit(frame, step, number, before, True)
        if self._tell_others is not None:
            self._tell_others(frame, exit_event(step, number, before, frame.data))
        return following

    def writing(self, step: Step, run: StepRun, observed: StepRun) -> StepRun:
        """`run`, recorded as a Visit where possible and otherwise wrapped as `observed`."""
        limit = self._visits_up_to
        if not limit:
            return observed
        events, comes_again = step.events, step.retries or step.type in _FORKS

        def written(frame: Frame) -> Step:
            execution = frame.run
            history = execution.history
            number = execution.events + 1
            if history is None or number >= limit:
                return observed(frame)
            if frame.deferral is not None:
                return observed(frame)
            if comes_again and (frame.attempts is not None or frame.paused is not None):
                return observed(frame)
            try:
                trail = frame.trail
            except AttributeError:
                trail = trail_of(frame)
            trail.assigned = None
            before = trail.before = trail.last
            trail.entered = trail.last = number
            size, data, whole = frame.size, frame.data, execution.input
            if data is whole:
                data = _INPUT
            now = execution.host.time_ns
            entered = now()
            try:
                following = run(frame)
            except BaseException:
                history.append((step, number, before, False, data, entered, size))
                raise
            output = frame.data
            if following is END and frame is execution:
                output = _OUTPUT
            elif following is WAITING or following is FAILED:
                history.append((step, number, before, False, data, entered, size))
                return following
            elif output is whole:
                output = _INPUT
            # As in `Witness.watch_state`.
            exit_number = execution.events + events - (frame.entered > 0)
            if trail.assigned or exit_number >= limit:
                history.append((step, number, before, False, data, entered, size))
                return self.exited(frame, step, following, exit_number)
            previous, trail.last = trail.last, exit_number
            size_of_both = size + frame.size
            history.append(
                (step, number, before, data, entered, size, exit_number, previous, output, now(), size_of_both)
            )
            return following

        return written

    def evaluation_failed(self, frame: Frame, step: Step, error: EvaluationFailed, number: int) -> None:
        """Emit the failure to evaluate a field. AWS evaluates the fields read on entry before it enters the state, but
        parses the timestamp of a Wait after that (recorded for texts that are no timestamps)."""
        trail = trail_of(frame)
        at_once = trail.last == trail.entered and not error.has_value
        details = {"error": error.error, "cause": error.cause, "location": error.location, "state": step.name}
        previous = trail.before if at_once else None
        self.write(frame, number, "EvaluationFailed", details, previous=previous)

    def fork_failed(self, frame: Frame, step: Step, number: int) -> None:
        self.write(frame, number, f"{step.type}StateFailed", {})

    # ------------------------------------------------------------------------------------------ forks

    def fork_started(self, frame: Frame, step: Step, count: int) -> None:
        """Emit the start of a Parallel or Map, which has made its children and just counted the event."""
        details: dict[str, JSON] = {"length": count} if step.type == "Map" else {}
        self.write(frame, frame.run.events, f"{step.type}StateStarted", details)

    def fork_succeeded(self, frame: Frame, step: Step, number: int, *, is_last: bool) -> None:
        """Emit the success of all children, event `number`. Only the end of the execution follows from it, if it comes
        next (measured in floci-io/floci, `AslExecutorBranchHistoryEventsTest`)."""
        self.write(frame, number, f"{step.type}StateSucceeded", {}, aside=not is_last)

    def map_run_started(self, frame: Frame, step: Step, label: str | None) -> None:
        """Emit the start of a Map Run, before the children of a distributed Map run in executions of their own."""
        run = frame.run
        arn = map_run_arn(run.machine.arn, label or step.name, str(uuid4()))
        self.write(frame, run.events, "MapRunStarted", {"mapRunArn": arn})

    def map_run_succeeded(self, frame: Frame) -> None:
        """Emit the success of the Map Run and of the Map, both of which have just been counted."""
        number = frame.run.events - 1
        self.write(frame, number, "MapRunSucceeded", {}, aside=True)
        self.write(frame, number + 1, "MapStateSucceeded", {}, aside=True, previous=number)

    def map_run_failed(self, frame: Frame, error: StateError) -> None:
        self.write(frame, frame.run.events, "MapRunFailed", {"error": error.error, "cause": error.cause})

    def aborted(self, frame: Frame, number: int, previous: int) -> None:
        """Emit the abort of the state in which a branch has failed, or was cancelled because another has."""
        self.write(frame, number, f"{frame.step.type}StateAborted", {}, aside=True, previous=previous)


def entry_event(step: Step, number: int, previous: int, data: JSON) -> Event:
    return Event(number, previous, f"{step.type}StateEntered", {"name": step.name}, ("input", data))


def exit_event(step: Step, number: int, previous: int, data: JSON) -> Event:
    return Event(number, previous, f"{step.type}StateExited", {"name": step.name}, ("output", data))


#: Prefix of a task's events, by the kind of its resource. Most placeholders stand for a function's ARN.
_FAMILIES = {"function": "LambdaFunction", "placeholder": "LambdaFunction", "activity": "Activity"}


class TaskHistory:
    """The events of one Task state: Scheduled, Started, perhaps Submitted, then the outcome."""

    def __init__(self, history: HistoryWriter, resource: Resource, events_before: int) -> None:
        self._history = history
        self._family = _FAMILIES.get(resource.kind, "Task")
        self._arn = resource.arn
        self._is_started = events_before >= _SCHEDULED_AND_STARTED
        self._is_submitted = events_before > _SCHEDULED_AND_STARTED
        #: Details common to all events of a service integration.
        self._common: dict[str, JSON] = {}
        if self._family == "Task":
            action = resource.arn.split(":", 5)[5].removeprefix(f"{resource.name}:")
            self._common = {"resourceType": resource.name, "resource": action}

    def scheduled(self, frame: Frame, seconds: float | None, pulse: Heartbeat | None) -> None:
        """Emit the events before the outcome; the handler is about to be called."""
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
        if self._is_started:
            write(frame, number + 1, f"{self._family}Started", dict(self._common))
        if self._is_submitted:
            write(frame, number + 2, "TaskSubmitted", dict(self._common))

    def started(self, frame: Frame, worker: str | None) -> None:
        details: dict[str, JSON] = {} if worker is None else {"workerName": worker}
        self._history.write(frame, frame.run.events, "ActivityStarted", details)

    def submitted(self, frame: Frame, output: JSON) -> None:
        self._history.write(frame, frame.run.events, "TaskSubmitted", dict(self._common), ("output", output))

    def not_scheduled(self, frame: Frame, error: StateError) -> None:
        details = {"error": error.error, "cause": error.cause}
        self._history.write(frame, frame.run.events, "ActivityScheduleFailed", details)

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
