"""The history of one execution, put together when somebody asks for it.

While it runs, an execution writes down what its states do and nothing else (`express.history.Chronicle`): what began it
and what ended it is in its record. Most histories of Express executions are read by nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from express.history import EVENT_LIMIT, Entry, end, read_entries, start, within_limit
from express.parsing import parse_json
from express.service.records import RUNNING

if TYPE_CHECKING:
    from express.service.records import ExecutionRecord
    from express.types import JSON, Status

_MILLISECOND: Final = 1_000_000


def history_of(record: ExecutionRecord) -> list[Entry]:
    """All events of an execution so far, in the order of their numbers."""
    value, output = parse_json(record.input.encode()), _output_of(record)
    beginning = Entry(start(record.revision.role_arn, value), _nanoseconds(record.started))
    # An event may be written before one that has a lower number: that of a branch that runs beside others, that of a
    # task before the entry of its state.
    entries = sorted((beginning, *read_entries(record.written or (), value, output)), key=_number)
    if record.status != RUNNING:
        entries.append(end_of(record))
    return entries


def end_of(record: ExecutionRecord) -> Entry:
    """The event that has ended an execution: number 25 000 of one that wanted to have more."""
    status = cast("Status", record.status)
    event = end(status, record.counted + 1, record.last, _output_of(record), record.error, record.cause)
    return Entry(within_limit(event, record.type, EVENT_LIMIT), _nanoseconds(record.stopped or record.started))


def _output_of(record: ExecutionRecord) -> JSON:
    return None if record.output is None else parse_json(record.output.encode())


def _number(entry: Entry) -> Any:
    return entry.event.id


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1000) * _MILLISECOND
