"""The history of one execution, assembled on request.

A running execution writes only the events of its states (`express.history.Chronicle`); its first and last event are
derived from its record. Most histories of Express executions are never read.
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
    """`history_of` before `read_entry`: a page needs few of many thousand events, and most time goes into reading."""
    beginning = Entry(start(record.revision.role_arn, known[Known.INPUT]), _nanoseconds(record.started))
    # An event may be written before one with a lower number: by concurrent branches, or by a task before the entry of
    # its state.
    entries = [beginning, *sorted(split(record.written or ()), key=number_of)]
    if record.status != RUNNING:
        entries.append(end_of(record))
    return entries


def end_of(record: ExecutionRecord) -> Entry:
    """The event that ended an execution; its number is 25 000 if the limit of events did."""
    status, output = cast("Status", record.status), _output_of(record)
    event = end(status, record.counted + 1, record.last, output, record.error, record.cause)
    return Entry(within_limit(event, record.type, EVENT_LIMIT), _nanoseconds(record.stopped or record.started))


def known_payloads(record: ExecutionRecord) -> dict[Known, JSON]:
    """The payloads that an execution's events refer to: its input, and its output, None as long as it has none."""
    return {Known.INPUT: parse_json(record.input.encode()), Known.OUTPUT: _output_of(record)}


def _output_of(record: ExecutionRecord) -> JSON:
    return None if record.output is None else parse_json(record.output.encode())


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1000) * _MILLISECOND
