"""The history of one execution, put together when somebody asks for it.

While it runs, an execution writes down what its states do and nothing else (`express.history.Chronicle`): what began it
and what ended it is in its record. Most histories of Express executions are read by nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from express.history import EVENT_LIMIT, Entry, end, number_of, read_entry, split, start, within_limit
from express.parsing import parse_json
from express.service.records import RUNNING
from express.states.history import Known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.service.records import ExecutionRecord
    from express.states.history import Half
    from express.types import JSON, Status

_MILLISECOND: Final = 1_000_000


def history_of(record: ExecutionRecord) -> list[Entry]:
    """All events of an execution so far, in the order of their numbers."""
    known = known_payloads(record)
    return [read_entry(event, known) for event in written_history(record, known)]


def written_history(record: ExecutionRecord, known: Mapping[Known, JSON]) -> list[Entry | Half]:
    """`history_of`, unread: a page is made of few of many thousand events, and reading one takes most of the time."""
    beginning = Entry(start(record.revision.role_arn, known[Known.INPUT]), _nanoseconds(record.started))
    # An event may be written before one that has a lower number: that of a branch that runs beside others, that of a
    # task before the entry of its state.
    entries = [beginning, *sorted(split(record.written or ()), key=number_of)]
    if record.status != RUNNING:
        entries.append(end_of(record))
    return entries


def end_of(record: ExecutionRecord) -> Entry:
    """The event that has ended an execution: number 25 000 of one that wanted to have more."""
    status, output = cast("Status", record.status), _output_of(record)
    event = end(status, record.counted + 1, record.last, output, record.error, record.cause)
    return Entry(within_limit(event, record.type, EVENT_LIMIT), _nanoseconds(record.stopped or record.started))


def known_payloads(record: ExecutionRecord) -> dict[Known, JSON]:
    """What the events of an execution refer to: its input, and its output, None as long as it has none."""
    return {Known.INPUT: parse_json(record.input.encode()), Known.OUTPUT: _output_of(record)}


def _output_of(record: ExecutionRecord) -> JSON:
    return None if record.output is None else parse_json(record.output.encode())


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1000) * _MILLISECOND
