"""The history of an execution, in pages.

Sources: API reference GetExecutionHistory; the members of events as recorded. Standard executions have one, and so do
the Express executions that the endpoint remembers, for which AWS has only logs.

The size of the payloads bounds a page too: a thousand events may hold 256 KiB each, and serialising them would block
the event loop. AWS does not specify how many results a page has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.api.operations.registry import Answer, members, operation
from express.history import number_of, read_entry, render_entry, shown_bytes
from express.service.histories import known_payloads, written_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.api.operations.registry import Request
    from express.history import Entry
    from express.service import Service
    from express.service.records import ExecutionRecord
    from express.states.history import Half

#: Characters of payloads on one page, unless its first event alone has more.
PAGE_CHARACTERS: Final = 1024 * 1024


@operation("GetExecutionHistory")
async def get_execution_history(service: Service, request: Request) -> Answer:
    arn = request["executionArn"]
    record = service.executions.find(arn)
    with_data = request.get("includeExecutionData", True)
    backwards = request.get("reverseOrder", False)
    known = known_payloads(record)
    page, token = service.pager.page(
        written_history(record, known)[:: -1 if backwards else 1],
        (lambda event: -number_of(event)) if backwards else number_of,
        of=f"GetExecutionHistory {arn} {backwards} {with_data}",
        token=request.get("nextToken"),
        max_results=request.get("maxResults"),
        fits=_room() if with_data else None,
    )
    return members(events=[_event(read_entry(event, known), record, with_data) for event in page], nextToken=token)


def _room() -> Callable[[Entry | Half], bool]:
    """A predicate to be called with each event in turn: whether its payload still fits on the page."""
    left = PAGE_CHARACTERS

    def fits(event: Entry | Half) -> bool:
        nonlocal left
        left -= shown_bytes(event)
        return left >= 0

    return fits


def _event(entry: Entry, record: ExecutionRecord, with_data: bool) -> Answer:
    event = render_entry(entry, include_data=with_data)
    if entry.event.type == "ExecutionStarted":
        qualifiers = members(stateMachineVersionArn=record.version_arn, stateMachineAliasArn=record.alias_arn)
        event["executionStartedEventDetails"].update(qualifiers)
    return event
