"""Runs a file of events through a workflow, result by result, in bounded memory.

The reader, the runtime and the writer each hold a bounded amount; the slowest sets the pace of the others. A line
that is no JSON takes its place among the results without reaching the runtime.

In input order a slow execution holds back the results behind it, and new starts too, once the runtime is full of
finished executions whose results wait for their turn. Unordered, events wait only for room in the runtime.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from express.cli.jsonl import Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from express import Result, Runtime, Workflow
    from express.types import JSON


class Sink(Protocol):
    """Where the results of a stream go."""

    def result(self, line: int, result: Result) -> None: ...
    def broken(self, event: Event) -> None: ...

    async def ready(self) -> None:
        """Return when there is room for more results."""
        ...


async def run_stream(
    runtime: Runtime, workflow: Workflow, events: AsyncIterable[Event], sink: Sink, *, ordered: bool
) -> None:
    """Execute every event and hand every result, and every broken line, to `sink` exactly once."""
    if ordered:
        await _in_order(runtime, workflow, events, sink)
    else:
        await _as_they_end(runtime, workflow, events, sink)


async def _in_order(runtime: Runtime, workflow: Workflow, events: AsyncIterable[Event], sink: Sink) -> None:
    waiting: deque[Event] = deque()
    delivered = asyncio.Event()

    async def values() -> AsyncIterator[JSON]:
        async for event in events:
            await sink.ready()
            if event.problem is None:
                # The runtime holds the value; a reference here would keep the input of every waiting result alive.
                waiting.append(Event(event.line, None))
                yield event.value
            elif waiting:
                waiting.append(event)
                # The runtime bounds valid events; broken ones never reach it and could pile up behind a slow execution.
                while len(waiting) > 2 * runtime.max_in_flight:
                    delivered.clear()
                    await delivered.wait()
            else:
                sink.broken(event)

    def deliver_broken() -> None:
        while waiting and waiting[0].problem is not None:
            sink.broken(waiting.popleft())

    async for result in runtime.map(workflow, values()):
        sink.result(waiting.popleft().line, result)
        deliver_broken()
        delivered.set()
    deliver_broken()


async def _as_they_end(runtime: Runtime, workflow: Workflow, events: AsyncIterable[Event], sink: Sink) -> None:
    """Keep each event's line until its result is back: `Result.index` counts only the runtime's events."""
    lines: dict[int, int] = {}

    async def values() -> AsyncIterator[JSON]:
        async for event in events:
            await sink.ready()
            if event.problem is None:
                lines[len(lines) + done] = event.line
                yield event.value
            else:
                sink.broken(event)

    done = 0
    async for result in runtime.map(workflow, values(), ordered=False):
        done += 1
        sink.result(lines.pop(result.index or 0), result)
