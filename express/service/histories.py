"""The history of one execution, put together when somebody asks for it.

While it runs, an execution writes down what its states do and nothing else (`express.history.Chronicle`): what began it
and what ended it is in its record. Most histories of Express executions are read by nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from express.history import EVENT_LIMIT, Entry, end, number_of, read_entry, start, within_limit
from express.parsing import parse_json
from express.service.records import RUNNING

if TYPE_CHECKING:
    from express.history import Written
    from express.service.records import ExecutionRecord
    from express.types import JSON, Status

_MILLISECOND: Final = 1_000_000


def history_of(record: ExecutionRecord) -> list[Entry]:
    """All events of an execution so far, in the order of their numbers."""
    return [read_entry(written) for written in written_history(record)]


def written_history(record: ExecutionRecord) -> list[Written]:
    """`history_of`, unread: a page is made of few of many thousand events, and reading one takes most of the time."""
    beginning = start(record.revision.role_arn, parse_json(record.input.encode()))
    # Where branches run side by side, an event may be written before one that has a lower number.
    entries = [Entry(beginning, _nanoseconds(record.started)), *sorted(record.written or (), key=number_of)]
    if record.status != RUNNING:
        entries.append(end_of(record))
    return entries


def end_of(record: ExecutionRecord) -> Entry:
    """The event that has ended an execution: number 25 000 of one that wanted to have more."""
    output: JSON = None if record.output is None else parse_json(record.output.encode())
    status = cast("Status", record.status)
    event = end(status, record.counted + 1, record.last, output, record.error, record.cause)
    return Entry(within_limit(event, record.type, EVENT_LIMIT), _nanoseconds(record.stopped or record.started))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1000) * _MILLISECOND
