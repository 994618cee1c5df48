"""Histories of executions, kept in memory: the answers to GetExecutionHistory.

The steps of a machine built for a `History` report their events as they happen (`states.history` writes them, and
numbers them as the engine counts); this module adds the events that begin and end an execution, the time of each, and
the limit. Histories are kept where they will be read: for Standard machines, and by an endpoint that remembers its
Express executions. Other machines run closures without any of this. A `Chronicle` writes and leaves the storage to
others; a `History` keeps what it has written, by ARN.

Payloads are kept as values, shared with the execution, which never changes them; they become text when they are read.

The limit is AWS's for Standard executions, measured in us-east-1 (floci-io/floci issue 2734): 25 000 events, of which
the last one ends the execution. One that would write another event there fails. An Express execution has no such
limit, but its history here has: the execution continues, and events beyond the limit are not kept, except its end.

Sources: API reference GetExecutionHistory and HistoryEvent; AWS guide "Avoid reaching the history quota"; recorded
histories; for ExecutionTimedOut and ExecutionAborted measurements (floci-io/floci issue 2733, pull request 2969).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeGuard, cast

from express.errors import RUNTIME, TIMEOUT
from express.foreign import NotJSON
from express.observe import Event, Observer
from express.payload import PAYLOAD_LIMIT, measure, text_of
from express.states.history import Known, entry_event, exit_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from express.program import Frame, Run, Step
    from express.result import Result
    from express.states.history import Half, Visit
    from express.types import JSON, MachineType, Status

#: Events of one execution, its end included.
EVENT_LIMIT: Final = 25_000
#: Ended executions whose history is kept.
KEPT_EXECUTIONS: Final = 1_000

#: Bytes of an event, or of a Visit, without its payload.
_ENTRY_BYTES: Final = 256
#: How many events of a history have their payloads measured, and after how many bytes this ends: it blocks the loop.
_SAMPLED_EVENTS: Final = 64
_SAMPLED_BYTES: Final = 1024 * 1024

_MILLISECOND: Final = 1_000_000

_ENDS: Final[dict[Status, str]] = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "TIMED_OUT": "ExecutionTimedOut",
    "ABORTED": "ExecutionAborted",
}
#: Ends that come from outside have no previous event.
_FROM_OUTSIDE: Final = frozenset({"TIMED_OUT", "ABORTED"})

#: Event types without details. All others have them, even if empty.
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
    """An event, its time in nanoseconds since the epoch, and an upper bound of the JSON bytes then held."""

    event: Event
    time_ns: int
    size: int = 0


#: Events as a Chronicle writes them: an Entry, or a tuple from which one or two are made. An Entry takes four objects
#: instead of one, and an endpoint writes this for every state of every Express execution.
Written: TypeAlias = "Entry | Half | Visit"

#: The number of members of a Visit, and the index of its exit's payload.
_VISIT: Final = 11
_OUTPUT: Final = 8


class Chronicle(Observer):
    """Writes the events of states into the list that its owner has given to the run (`Run.history`).

    The owner adds the events that begin and end the execution (`start`, `end`) when the history is requested. A
    Chronicle has hooks in the steps only: an execution hook would cost each execution more than its events do.

    keeps_places: executions that do not succeed can be redriven (`express.runtime.redrive`), for which the children
        of their forks are remembered.
    """

    is_guarded = False

    def __init__(self, *, keeps_places: bool = False) -> None:
        self.keeps_places = keeps_places
        self.visits_up_to = 0 if keeps_places else EVENT_LIMIT

    # A child execution of a distributed Map has no list here: its history is separate.

    def history_event(self, frame: Frame, event: Event) -> None:
        run = frame.run
        if run.history is not None:
            _write(run.history, frame, event, EVENT_LIMIT)

    def visit_event(self, frame: Frame, step: Step, number: int, previous: int, exits: bool) -> None:
        run = frame.run
        entries = run.history
        if entries is None:
            return
        if number < EVENT_LIMIT:
            entries.append((step, number, previous, exits, frame.data, run.host.time_ns(), frame.size))
        else:
            _refuse(run, EVENT_LIMIT)


class History(Observer):
    """Keeps the histories of running executions and of the `keep` executions that ended last, by ARN."""

    def __init__(self, *, keep: int = KEPT_EXECUTIONS, limit: int = EVENT_LIMIT) -> None:
        if keep < 0 or limit < 2:
            raise ValueError("a History keeps executions of at least two events")
        self._keep = keep
        self._limit = limit
        self._running: dict[Run, list[Entry]] = {}
        self._by_arn: dict[str, list[Entry]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def of(self, execution_arn: str) -> Sequence[Entry] | None:
        """The events of an execution so far, oldest first; None if it is unknown, or no longer kept.

        While the execution runs, this same sequence grows. A caller that holds on to it does not depend on `keep`.
        """
        return self._by_arn.get(execution_arn)

    def forget(self, execution_arn: str) -> None:
        """Drop the history of an ended execution; that of a running one is kept."""
        if execution_arn in self._ended:
            del self._ended[execution_arn], self._by_arn[execution_arn]

    # ------------------------------------------------------------------------------------------ hooks

    def execution_started(self, run: Run) -> None:
        arn = run.execution_arn
        self._ended.pop(arn, None)
        # A redriven execution continues its history. Otherwise a name is used again, long after, and means the newer
        # execution.
        entries = [] if run.redrive is None else self._by_arn.get(arn, [])
        entries.append(Entry(started(run), run.host.time_ns()))
        self._running[run] = self._by_arn[arn] = entries

    def history_event(self, frame: Frame, event: Event) -> None:
        entries = self._running.get(frame.run)
        if entries is not None:
            _write(entries, frame, event, self._limit)

    def execution_ended(self, run: Run, result: Result) -> None:
        entries = self._running.pop(run, None)
        if entries is None:
            return
        event = within_limit(ended(run, result, run.events + 1), run.machine.type, self._limit)
        entries.append(Entry(event, run.host.time_ns()))
        arn = run.execution_arn
        if self._by_arn.get(arn) is entries:
            self._ended[arn] = None
        while len(self._ended) > self._keep:
            self.forget(next(iter(self._ended)))


def _write(entries: list[Entry], frame: Frame, event: Event, limit: int) -> None:
    """Append an event, unless the execution has reached the limit."""
    run = frame.run
    if event.id < limit:
        entries.append(Entry(event, run.host.time_ns(), frame.size))
    else:
        _refuse(run, limit)


def _refuse(run: Run, limit: int) -> None:
    """Handle an event beyond the limit: a Standard execution fails, an Express one continues unwritten."""
    if run.machine.type == "STANDARD":
        run.host.stop(run, "FAILED", RUNTIME, limit_reached(limit))


def split(written: Iterable[Written]) -> Iterator[Entry | Half]:
    """What a Chronicle has written, event by event."""
    for one in written:
        if _is_visit(one):
            step, number, previous, data, time_ns, size, exit_number, exit_previous, output, exit_time_ns, sizes = one
            yield step, number, previous, False, data, time_ns, size
            yield step, exit_number, exit_previous, True, output, exit_time_ns, sizes - size
        else:
            yield cast("Entry | Half", one)


def read_entry(event: Entry | Half, known: Mapping[Known, JSON]) -> Entry:
    """An event as an Entry. `known` has the execution's input and output, None as long as it has none."""
    if isinstance(event, Entry):
        return event
    step, number, previous, exits, data, time_ns, size = event
    payload = known[data] if isinstance(data, Known) else data
    return Entry((exit_event if exits else entry_event)(step, number, previous, payload), time_ns, size)


def _is_visit(written: Written) -> TypeGuard[Visit]:
    return len(written) == _VISIT


def keep_output(written: list[Written], value: JSON) -> None:
    """Put `value` into the Visit that refers to the execution's output.

    It is the last output of the states of an execution that failed all the same, and so has no output.
    """
    for index, one in enumerate(written):
        if _is_visit(one) and one[_OUTPUT] is Known.OUTPUT:
            written[index] = (*one[:_OUTPUT], value, *one[_OUTPUT + 1 :])


def number_of(event: Entry | Half) -> int:
    """The number of an event, without reading it."""
    return event.event.id if isinstance(event, Entry) else event[1]


def within_limit(event: Event, machine_type: MachineType, limit: int) -> Event:
    """The event that ends an execution; in a Standard one, its number is at most `limit`."""
    if machine_type == "STANDARD" and event.id > limit:
        return event._replace(id=limit, previous=min(event.previous, limit - 1))
    return event


def limit_reached(limit: int) -> str:
    """The cause, in AWS's words, when a Standard execution has reached the limit of events."""
    return f"The execution reached the maximum number of history events ({limit})."


# --------------------------------------------------------------------------------------------------------------
# events of the execution itself


def started(run: Run) -> Event:
    """The first event of an execution, or of its next part after a redrive, which has been counted.

    ExecutionRedriven follows from the event that ended the part before (measured, radkawar/stackd
    `redrive_execution.json`).
    """
    redrive = run.redrive
    if redrive is not None:
        return Event(run.events, run.events - 1, "ExecutionRedriven", {"redriveCount": redrive.count}, None)
    return start(run.machine.role_arn, run.input)


def start(role_arn: str, value: JSON) -> Event:
    """ExecutionStarted, with the execution's input."""
    return Event(1, 0, "ExecutionStarted", {"roleArn": role_arn}, ("input", value))


def ended(run: Run, result: Result, number: int) -> Event:
    """The last event of an execution, with this number."""
    return end(result.status, number, last_event(run), result.output, result.error, result.cause)


def end(status: Status, number: int, last: int, output: JSON, error: str | None, cause: str | None) -> Event:
    """The event that ends an execution, or a part of one that is redriven; `last` is the last event of its states.

    A success or a failure follows from that. An end from outside, a timeout or a stop, has no previous event
    (measured).
    """
    previous = 0 if status in _FROM_OUTSIDE else last
    kind = _ENDS[status]
    if status == "SUCCEEDED":
        return Event(number, previous, kind, {}, ("output", output))
    # A Standard execution that timed out has no error in its Result (measured), but its last event names one.
    found = {"error": TIMEOUT if status == "TIMED_OUT" else error, "cause": cause}
    return Event(number, previous, kind, {name: text for name, text in found.items() if text is not None}, None)


def last_event(run: Run) -> int:
    """The last event of an execution's states; if its history is not written, the last event counted."""
    try:
        last: int = run.trail.last
    except AttributeError:
        return run.events
    return last


# --------------------------------------------------------------------------------------------------------------
# sizes


def weigh(entries: Sequence[Written]) -> int:
    """The approximate size in bytes of a stored history.

    A value that is passed on counts for each state it passes, because as a value it takes a multiple of its text. The
    sizes the engine holds are upper bounds, which for an item of a Map may be those of all items, or of nothing at
    all. If their sum is large, a sample of the payloads is measured instead.
    """
    payloads = 0
    for entry in entries:
        payloads += entry[-1]
    if payloads > PAYLOAD_LIMIT:
        payloads = min(payloads, _estimate(entries))
    return payloads + _ENTRY_BYTES * len(entries)


def _estimate(entries: Sequence[Written]) -> int:
    measured = count = 0
    for entry in entries[:: len(entries) // _SAMPLED_EVENTS + 1]:
        measured += sum(map(_payload_bytes, split((entry,))))
        count += 1
        if measured > _SAMPLED_BYTES:
            break
    return measured * len(entries) // count


def shown_bytes(event: Entry | Half) -> int:
    """The approximate size in bytes of an event shown with its payload."""
    if isinstance(event, Entry) or not isinstance(event[4], Known):
        return _payload_bytes(event) + _ENTRY_BYTES
    return min(event[-1], PAYLOAD_LIMIT) + _ENTRY_BYTES


def _payload_bytes(event: Entry | Half) -> int:
    """The size of an event's payload; 0 for a Known one, which is kept elsewhere."""
    data = event.event.data if isinstance(event, Entry) else ("", event[4])
    if data is None or isinstance(data[1], Known):
        return 0
    try:
        return measure(data[1])
    except NotJSON:
        return PAYLOAD_LIMIT


# --------------------------------------------------------------------------------------------------------------
# as the API and the logs show it


def render_entry(entry: Entry, *, include_data: bool = True) -> dict[str, JSON]:
    """One event as in the answer of GetExecutionHistory.

    `timestamp` is in seconds since the epoch, payloads are JSON text. include_data: with the payloads
    (`includeExecutionData`); errors and causes are there in any case.
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
    """The member with the details of an event of this type (API reference HistoryEvent)."""
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

    cut: gives the part of a payload to show and whether it is truncated, which is noted beside it. The API shows
        payloads whole, logs a limited part. An execution input that is not JSON is left out.
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
