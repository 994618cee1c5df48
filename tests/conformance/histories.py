"""Comparing the history of an execution with the one AWS recorded for it.

A recording parses payloads that are JSON objects, masks ids, dates and ARNs, and has lost some things where branches
ran side by side: the ids of the events in between, and how the branches were joined. What is left there is compared
without its order.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from express.history import History, render_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.program import Run
    from express.result import Result
    from express.types import JSON

Event = dict[str, Any]

#: What stands for an id, a name or an ARN, wherever it occurs in a text.
_PLACEHOLDER = re.compile(r"<[\w.-]+(?::\d+)?>|lambda_function(?:_\d)?_name|activity_arn")
#: What stands for a whole value, as recordings of different days have it.
_MASKS = re.compile(
    r"timestamp|(?:\w+-)?date|[\w-]+[_-](?:arn|url|name|key)|X-Amzn-Trace-Id|generated-uuid|RandomNumberGenerated"
    r"|<[\w.-]+(?::\d+)?>|a_task_token|a_message_id"
)
#: Lost where branches ran side by side: how they were joined.
_LOST = frozenset({"ParallelStateSucceeded", "ParallelStateFailed", "ParallelStateExited"})
#: In AWS's answers since November 2023, or told by a recording only as the place of an ARN.
_NOT_COMPARED = frozenset({"timestamp", "RedriveCount", "roleArn"})


class Recorder(History):
    """A history that shows the execution that has ended last as the API would."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.counted = 0

    def execution_ended(self, run: Run, result: Result) -> None:
        super().execution_ended(run, result)
        self.counted = run.events
        self.events = [render_entry(entry) for entry in self.of(run.execution_arn) or ()]


def history_differences(recorded: list[Event], events: list[Event]) -> list[str]:
    """Where a history differs from the recorded one, in words; empty when it does not."""
    by_id = {event["id"]: event for event in recorded if isinstance(event["id"], int)}
    masked = [event for event in recorded if not isinstance(event["id"], int)]
    side_by_side = bool(masked)
    found: list[str] = []
    for event in events:
        place = f"#{event['id']} {event['type']}"
        expected = by_id.pop(event["id"], None)
        if expected is not None:
            found += (f"{place}{difference}" for difference in _differences(expected, event))
            continue
        twin = next((index for index, other in enumerate(masked) if _is_twin(other, event)), None)
        if twin is not None:
            del masked[twin]
        elif not (side_by_side and event["type"] in _LOST):
            found.append(f"{place} is too much")
    found += [f"#{event['id']} {event['type']} is missing" for event in (*by_id.values(), *masked)]
    return found


def _is_twin(recorded: Event, event: Event) -> bool:
    """Whether an event is the recorded one, whose ids are lost."""
    ids = {"id": event["id"], "previousEventId": event["previousEventId"]}
    return not any(_differences(recorded | ids, event))


def _differences(recorded: JSON, actual: JSON, place: str = "") -> Iterator[str]:
    if isinstance(recorded, str) and _MASKS.fullmatch(recorded):
        return
    if isinstance(actual, str) and not isinstance(recorded, str):
        actual = _parsed(actual)
    if isinstance(recorded, dict) and isinstance(actual, dict):
        for key in (recorded.keys() | actual.keys()) - _NOT_COMPARED:
            if key in recorded and key in actual:
                yield from _differences(recorded[key], actual[key], f"{place}.{key}")
            else:
                yield f"{place}.{key} is {'missing' if key in recorded else 'too much'}"
    elif isinstance(recorded, list) and isinstance(actual, list) and len(recorded) == len(actual):
        for index, pair in enumerate(zip(recorded, actual, strict=True)):
            yield from _differences(*pair, f"{place}[{index}]")
    elif not _is_same(recorded, actual):
        yield f"{place}: expected {json.dumps(recorded)}, got {json.dumps(actual)}"


def _is_same(recorded: JSON, actual: JSON) -> bool:
    """Equal as JSON; texts may be JSON with other blanks, and hold placeholders."""
    if not (isinstance(recorded, str) and isinstance(actual, str)):
        return json.dumps(recorded) == json.dumps(actual)
    if _PLACEHOLDER.search(recorded):
        parts = (re.escape(part) for part in _PLACEHOLDER.split(recorded))
        return re.fullmatch(".*".join(parts), actual, re.DOTALL) is not None
    return recorded == actual or json.dumps(_parsed(recorded)) == json.dumps(_parsed(actual))


def _parsed(text: str) -> JSON:
    try:
        return json.loads(text)
    except ValueError:
        return text
