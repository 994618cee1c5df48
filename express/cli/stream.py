"""A file of events through a workflow, result by result, in bounded memory.

The reader, the runtime and the writer each hold a bounded amount; whichever is slowest sets the pace of the others.
A line that is no JSON takes its place among the results without ever reaching the runtime.

In input order a slow execution holds back the results behind it, and, when the runtime is full of finished ones
that wait for their turn, new starts as well. Without order nothing waits for anything but room in the runtime.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from express.cli.jsonl import Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable

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

    async def values() -> AsyncIterator[JSON]:
        async for event in events:
            await sink.ready()
            if event.problem is None:
                # The runtime has the value; keeping it here too would hold the input of every waiting result.
                waiting.append(Event(event.line, None))
                yield event.value
            elif waiting:
                waiting.append(event)
            else:
                sink.broken(event)

    def deliver_broken() -> None:
        while waiting and waiting[0].problem is not None:
            sink.broken(waiting.popleft())

    async for result in runtime.map(workflow, values()):
        sink.result(waiting.popleft().line, result)
        deliver_broken()
    deliver_broken()


async def _as_they_end(runtime: Runtime, workflow: Workflow, events: AsyncIterable[Event], sink: Sink) -> None:
    async def deliver(line: int, execution: Awaitable[Result]) -> None:
        sink.result(line, await execution)

    try:
        async with asyncio.TaskGroup() as deliveries:
            async for event in events:
                await sink.ready()
                if event.problem is None:
                    execution = await runtime.start(workflow, event.value)
                    deliveries.create_task(deliver(event.line, execution))
                else:
                    sink.broken(event)
    except BaseExceptionGroup as group:
        # A broken pipe or a bug, met by every delivery at once; the first says it all.
        raise group.exceptions[0] from None
