"""The history of executions, kept in memory: what GetExecutionHistory answers with.

The steps of a machine that is built for a `History` tell it of their events as they happen (`states.history` writes
them, and numbers them as the engine counts); this adds those that begin and end an execution, when each came, and the
bound. It is asked for where somebody will read it: by Standard machines, and by an endpoint that remembers its Express
executions. Everybody else runs closures that know nothing of it. A `Chronicle` writes and leaves the keeping to others;
a `History` keeps what it has written, by ARN.

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

#: What an event takes beside its payload, or a Visit.
_ENTRY_BYTES: Final = 256
#: Of so many events of a history the payloads are measured, until they come to so many bytes: it is done while the loop
#: stands still.
_SAMPLED_EVENTS: Final = 64
_SAMPLED_BYTES: Final = 1024 * 1024

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
    """An event of a history, when it came, in nanoseconds since the epoch, and a bound of the bytes of JSON the engine
    held at that moment."""

    event: Event
    time_ns: int
    size: int = 0


#: Events as a Chronicle has them written: an Entry, or what one or two can be made of. One tuple where an Entry takes
#: four objects: an endpoint does this for every state of every Express execution.
Written: TypeAlias = "Entry | Half | Visit"

#: Members of a Visit, of its exit the payload.
_VISIT: Final = 11
_OUTPUT: Final = 8


class Chronicle(Observer):
    """Writes what the states of executions do, for whoever gives a run a list to write to (`Run.history`); what begins
    and ends an execution is that one's to add (`start`, `end`), when it is asked for.

    It looks into the steps and has no hook of an execution, which would cost each one more than its events do.

    keeps_places: executions that do not succeed can be taken up again (`express.runtime.redrive`), which has the
    children of their forks remembered.
    """

    is_guarded = False

    def __init__(self, *, keeps_places: bool = False) -> None:
        self.keeps_places = keeps_places
        self.visits_up_to = 0 if keeps_places else EVENT_LIMIT

    # A child execution of a distributed Map has no list to write to: its history is its own.

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
        self._ended.pop(arn, None)
        # One that is taken up again goes on with its history. Otherwise a name is used again, long after: the newer
        # execution is the one that is meant.
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
    """Add an event, if its execution may have it."""
    run = frame.run
    if event.id < limit:
        entries.append(Entry(event, run.host.time_ns(), frame.size))
    else:
        _refuse(run, limit)


def _refuse(run: Run, limit: int) -> None:
    """There is no room for another event: a Standard execution is at its end, an Express one goes on unwritten."""
    if run.machine.type == "STANDARD":
        run.host.stop(run, "FAILED", RUNTIME, limit_reached(limit))


def split(written: Iterable[Written]) -> Iterator[Entry | Half]:
    """What a Chronicle has had written, event by event."""
    for one in written:
        if _is_visit(one):
            step, number, previous, data, time_ns, size, exit_number, exit_previous, output, exit_time_ns, sizes = one
            yield step, number, previous, False, data, time_ns, size
            yield step, exit_number, exit_previous, True, output, exit_time_ns, sizes - size
        else:
            yield cast("Entry | Half", one)


def read_entry(event: Entry | Half, known: Mapping[Known, JSON]) -> Entry:
    """An event as an Entry. `known` are the execution's input and output, None as long as it has none."""
    if isinstance(event, Entry):
        return event
    step, number, previous, exits, data, time_ns, size = event
    payload = known[data] if isinstance(data, Known) else data
    return Entry((exit_event if exits else entry_event)(step, number, previous, payload), time_ns, size)


def _is_visit(written: Written) -> TypeGuard[Visit]:
    return len(written) == _VISIT


def keep_output(written: list[Written], value: JSON) -> None:
    """`value` is what the states of an execution have come to that has failed all the same, and so has no output for a
    Visit to refer to."""
    for index, one in enumerate(written):
        if _is_visit(one) and one[_OUTPUT] is Known.OUTPUT:
            written[index] = (*one[:_OUTPUT], value, *one[_OUTPUT + 1 :])


def number_of(event: Entry | Half) -> int:
    """The number of an event, without reading it."""
    return event.event.id if isinstance(event, Entry) else event[1]


def within_limit(event: Event, machine_type: MachineType, limit: int) -> Event:
    """The event that ends an execution, which is the last one it may have."""
    if machine_type == "STANDARD" and event.id > limit:
        return event._replace(id=limit, previous=min(event.previous, limit - 1))
    return event


def limit_reached(limit: int) -> str:
    """The cause of a Standard execution that has as many events as it may have, in AWS's words."""
    return f"The execution reached the maximum number of history events ({limit})."


# --------------------------------------------------------------------------------------------------------------
# the events that are no state's


def started(run: Run) -> Event:
    """The first event of every execution, or of its next part when it is taken up again, which has been counted.

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
    """The last event of every execution, event `number`."""
    return end(result.status, number, last_event(run), result.output, result.error, result.cause)


def end(status: Status, number: int, last: int, output: JSON, error: str | None, cause: str | None) -> Event:
    """The event that ends an execution, or a part of one that is redriven; `last` is the last one of its states.

    A success or a failure follows from what the states have done. What comes from outside, the end of its time or a
    caller who stops it, follows from nothing (measured).
    """
    previous = 0 if status in _FROM_OUTSIDE else last
    kind = _ENDS[status]
    if status == "SUCCEEDED":
        return Event(number, previous, kind, {}, ("output", output))
    # A Standard execution that has timed out has no error of its own (measured); its last event names it.
    found = {"error": TIMEOUT if status == "TIMED_OUT" else error, "cause": cause}
    return Event(number, previous, kind, {name: text for name, text in found.items() if text is not None}, None)


def last_event(run: Run) -> int:
    """The event an execution has come to; where nobody has its history written, the last one counted."""
    try:
        last: int = run.trail.last
    except AttributeError:
        return run.events
    return last


# --------------------------------------------------------------------------------------------------------------
# what it takes


def weigh(entries: Sequence[Written]) -> int:
    """About how many bytes a history takes that is kept.

    A value that is handed on counts for each state it passes: as a value it takes a multiple of its text. The sizes the
    engine holds are bounds, which for an item of a Map may be those of all items, or of nothing at all. Where they come
    to much, a sample of the payloads tells what they really are.
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
    """About how many bytes an event takes that is shown with its payload."""
    if isinstance(event, Entry) or not isinstance(event[4], Known):
        return _payload_bytes(event) + _ENTRY_BYTES
    return min(event[-1], PAYLOAD_LIMIT) + _ENTRY_BYTES


def _payload_bytes(event: Entry | Half) -> int:
    """What is Known is kept elsewhere."""
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
