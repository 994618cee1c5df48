"""The history of executions, kept in memory: what GetExecutionHistory answers with.

The steps of a machine that is built for a `History` tell it of their events as they happen (`states.history` writes
them, and numbers them as the engine counts); this adds those that begin and end an execution, when each came, and the
bound. It is asked for where somebody will read it: by Standard machines, and by an endpoint that remembers its Express
executions. Everybody else runs closures that know nothing of it.

Payloads are kept as the values they are, shared with the execution, which changes none; they become text when they
are read.

The bound is AWS's for Standard executions, measured in us-east-1 (floci-io/floci issue 2734): 25 000 events, of which
the last one ends the execution. One that would write another event there fails. An Express execution has no such
limit; here its history has: it goes on, and what it writes beyond is not kept, save its end.

Sources: API reference GetExecutionHistory and HistoryEvent; AWS guide "Avoid reaching the history quota"; recorded
histories; for ExecutionTimedOut and ExecutionAborted measurements (floci-io/floci issue 2733, pull request 2969).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from express.errors import RUNTIME, TIMEOUT
from express.observe import Event, Observer
from express.payload import NotJSON, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.program import Frame, Run
    from express.result import Result
    from express.types import JSON, Status

#: Events of one execution, its end included.
EVENT_LIMIT: Final = 25_000
#: Ended executions whose history is kept.
KEPT_EXECUTIONS: Final = 1_000

_MILLISECOND: Final = 1_000_000

_ENDS: Final[dict[Status, str]] = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "TIMED_OUT": "ExecutionTimedOut",
    "ABORTED": "ExecutionAborted",
}
#: What comes from outside follows from nothing that a state has done.
_FROM_OUTSIDE: Final = frozenset({"TIMED_OUT", "ABORTED"})

#: Types that have no details. Any other type has them, be they empty.
_PLAIN: Final = frozenset(
    {
        "LambdaFunctionStarted",
        "MapRunAborted",
        "MapRunSucceeded",
        "MapStateAborted",
        "MapStateFailed",
        "MapStateSucceeded",
        "ParallelStateAborted",
        "ParallelStateFailed",
        "ParallelStateStarted",
        "ParallelStateSucceeded",
        "TaskStateAborted",
        "WaitStateAborted",
    }
)


class Entry(NamedTuple):
    """An event of a history and when it came, in nanoseconds since the epoch."""

    event: Event
    time_ns: int


class History(Observer):
    """Keeps the histories of running executions and of the `keep` that have ended last, by their ARN."""

    def __init__(self, *, keep: int = KEPT_EXECUTIONS, limit: int = EVENT_LIMIT) -> None:
        if keep < 0 or limit < 2:
            raise ValueError("a History keeps executions of at least two events")
        self._keep = keep
        self._limit = limit
        self._running: dict[Run, list[Entry]] = {}
        self._by_arn: dict[str, list[Entry]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def of(self, execution_arn: str) -> Sequence[Entry] | None:
        """The events of an execution so far, oldest first; None for one that is not known, or no longer.

        The same sequence for as long as the execution runs: it grows. Who holds on to it needs `keep` for nothing.
        """
        return self._by_arn.get(execution_arn)

    def forget(self, execution_arn: str) -> None:
        """Let go of the history of an execution that has ended; a running one keeps its own."""
        if execution_arn in self._ended:
            del self._ended[execution_arn], self._by_arn[execution_arn]

    # ------------------------------------------------------------------------------------------ hooks

    def execution_started(self, run: Run) -> None:
        arn = run.execution_arn
        entries: list[Entry] = []
        # A name that is used again, long after: the newer execution is the one that is meant.
        self._ended.pop(arn, None)
        self._by_arn[arn] = self._running[run] = entries
        self._write(run, entries, started(run))

    def history_event(self, frame: Frame, event: Event) -> None:
        run = frame.run
        entries = self._running.get(run)
        if entries is None:
            # A child execution of a distributed Map, whose history is its own.
            return
        if event.id < self._limit:
            self._write(run, entries, event)
        elif run.machine.type == "STANDARD":
            run.host.stop(run, "FAILED", RUNTIME, limit_reached(self._limit))

    def execution_ended(self, run: Run, result: Result) -> None:
        entries = self._running.pop(run, None)
        if entries is None:
            return
        event = ended(run, result, run.events + 1)
        if run.machine.type == "STANDARD" and event.id > self._limit:
            event = event._replace(id=self._limit, previous=min(event.previous, self._limit - 1))
        self._write(run, entries, event)
        arn = run.execution_arn
        if self._by_arn.get(arn) is entries:
            self._ended[arn] = None
        while len(self._ended) > self._keep:
            self.forget(next(iter(self._ended)))

    def _write(self, run: Run, entries: list[Entry], event: Event) -> None:
        entries.append(Entry(event, run.host.time_ns()))


def limit_reached(limit: int) -> str:
    """The cause of a Standard execution that has as many events as it may have, in AWS's words."""
    return f"The execution reached the maximum number of history events ({limit})."


# --------------------------------------------------------------------------------------------------------------
# the two events that are no state's


def started(run: Run) -> Event:
    """The first event of every execution."""
    return Event(1, 0, "ExecutionStarted", {"roleArn": run.machine.role_arn}, ("input", run.input))


def ended(run: Run, result: Result, number: int) -> Event:
    """The last event of every execution, event `number`.

    A success or a failure follows from what the states have done. What comes from outside, the end of its time or a
    caller who stops it, follows from nothing (measured).
    """
    previous = 0 if result.status in _FROM_OUTSIDE else _last_event(run)
    kind = _ENDS[result.status]
    if result.status == "SUCCEEDED":
        return Event(number, previous, kind, {}, ("output", result.output))
    # A Standard execution that has timed out has no error of its own (measured); its last event names it.
    error = TIMEOUT if result.status == "TIMED_OUT" else result.error
    found = {"error": error, "cause": result.cause}
    return Event(number, previous, kind, {name: text for name, text in found.items() if text is not None}, None)


def _last_event(run: Run) -> int:
    """The event an execution has come to; where nobody has its history written, the last one counted."""
    try:
        last: int = run.trail.last
    except AttributeError:
        return run.events
    return last


# --------------------------------------------------------------------------------------------------------------
# as the API and the logs show it


def render_entry(entry: Entry, *, include_data: bool = True) -> dict[str, JSON]:
    """One event as GetExecutionHistory answers with it: `timestamp` in seconds since the epoch, payloads as JSON text.

    include_data: with the payloads (`includeExecutionData`); errors and causes are there in any case.
    """
    event = entry.event
    rendered: dict[str, JSON] = {
        "timestamp": entry.time_ns // _MILLISECOND / 1000,
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous,
    }
    if event.type not in _PLAIN:
        rendered[details_name(event.type)] = render_details(event, include_data=include_data)
    return rendered


def details_name(event_type: str) -> str:
    """Under which name an event of this type has its details (API reference HistoryEvent)."""
    if event_type.endswith("StateEntered"):
        return "stateEnteredEventDetails"
    if event_type.endswith("StateExited"):
        return "stateExitedEventDetails"
    return f"{event_type[0].lower()}{event_type[1:]}EventDetails"


def _whole(text: str) -> tuple[str, bool]:
    return text, False


def render_details(
    event: Event, *, include_data: bool = True, cut: Callable[[str], tuple[str, bool]] = _whole
) -> dict[str, JSON]:
    """The details of an event.

    cut: gives what is shown of a payload and whether something is missing, which is noted beside it. The API shows
    payloads whole, logs only so much of one. The input of an execution that was refused for it is left out.
    """
    details = event.details.copy()
    variables = details.pop("assignedVariables", None)
    if not include_data:
        return details
    if event.data is not None:
        name, value = event.data
        try:
            details[name], truncated = cut(text_of(value))
        except NotJSON:
            return details
        if name != "parameters":
            details[f"{name}Details"] = {"truncated": truncated}
    if variables:
        details["assignedVariables"] = {name: text_of(value) for name, value in variables.items()}
        details["assignedVariablesDetails"] = {"truncated": False}
    return details
