"""`express run --events` reads JSON Lines and writes one result line for each.

A stream of any length is read, executed and written in bounded memory. Nothing is lost on the way: a line that is no
JSON, an execution that fails and a query that fails on a result all have their line in the output.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from express import Runtime
from express.cli.documents import Unwritable, broken_line, encode, result_line
from express.cli.jsonl import Event, EventReader, LineWriter
from express.cli.progress import Gauge, choose_display, displayed
from express.cli.signals import run_handlers
from express.cli.status import BROKEN_INPUT, FAILED, OK, USAGE, CommandError
from express.cli.stream import run_stream
from express.cli.streams import STDIN, WholeFile, require_stdin, usable
from express.cli.tally import StreamTally
from express.cli.watching import execution_log, metrics_page

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from io import FileIO

    from express import Observer, Result, Workflow
    from express.cli.jsonl import Writable
    from express.cli.signals import Ending
    from express.types import JSON

#: Upper bound on broken lines that are reported one by one; the others are only counted.
REPORTED_LINES = 20


def run_events(workflow: Workflow, arguments: argparse.Namespace, query: Callable[[JSON], JSON] | None) -> int:
    """Execute every event of `arguments.events` and write every result; returns the exit status."""
    with ExitStack() as files:
        source = _open_events(arguments.events, files)
        target = files.enter_context(_output(arguments.output))
        observers = files.enter_context(execution_log(arguments))
        return run_handlers(lambda ending: _stream(workflow, source, target, arguments, query, observers, ending))


def _open_events(name: str, files: ExitStack) -> FileIO:
    with usable("read", _shown(name)):
        if name == STDIN:
            require_stdin()
            return open(0, "rb", buffering=0, closefd=False)
        return files.enter_context(open(name, "rb", buffering=0))


def _shown(events: str) -> str:
    return "stdin" if events == STDIN else events


def _size(file: FileIO) -> int | None:
    """Return the bytes of a regular file, even one opened as stdin by the shell; None for a pipe or terminal."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@contextmanager
def _output(name: str | None) -> Iterator[Writable]:
    """Open the destination of the results; errors of writing or closing it become CommandError."""
    if name is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        return
    with WholeFile(name, name) as file:
        yield file


async def _stream(
    workflow: Workflow,
    source: FileIO,
    target: Writable,
    arguments: argparse.Namespace,
    query: Callable[[JSON], JSON] | None,
    observers: tuple[Observer, ...],
    ending: Ending,
) -> int:
    reader, size = EventReader(source, _shown(arguments.events)), _size(source)
    wanted = arguments.progress
    if wanted is None and arguments.output is None and sys.stdout.isatty():
        # Results scrolling over a terminal and a bar on the same terminal would destroy each other.
        wanted = False
    display = choose_display(wanted=wanted)
    limit = arguments.max_in_flight
    begun = workflow.tally.started
    writer = LineWriter(target)
    sink = _LineSink(writer, result_line(query, billing=arguments.billing))

    def report_interruption() -> None:
        sink.report_interruption(workflow.tally.started - begun)

    def take_leave() -> None:
        if display is not None:
            # The signal may have interrupted its drawing, within which it can draw nothing else.
            with suppress(RuntimeError):
                display.close()
        report_interruption()

    ending.last_words = take_leave
    try:
        async with writer, Runtime(max_in_flight=limit, observers=observers) as runtime:
            gauge = Gauge(
                sink.tally,
                lambda: workflow.tally.ended,
                lambda: runtime.in_flight,
                lambda: size and min(reader.bytes_read / size, 1.0),
            )
            with metrics_page(arguments.metrics_port, runtime, workflow):
                async with displayed(display, gauge):
                    await run_stream(runtime, workflow, reader, sink, ordered=not arguments.unordered)
    except asyncio.CancelledError:
        # By now everything is written: the writer raises its own error if that has failed.
        report_interruption()
        raise
    sink.summarise()
    return sink.status()


class _LineSink:
    """Writes one line for each result and for each broken event, and counts them."""

    def __init__(self, writer: LineWriter, line: Callable[[int, Result], bytes]) -> None:
        self.tally = StreamTally()
        self._writer = writer
        self._line = line
        self._failed_queries = self._unwritable = 0

    async def ready(self) -> None:
        if self._writer.full:
            await self._writer.drain()

    def result(self, line: int, result: Result) -> None:
        self.tally.add(result)
        try:
            text = self._line(line, result)
        except Unwritable as error:
            self._unwritable += 1
            text = error.line
        except CommandError as error:
            self._failed_queries += 1
            text = encode({"line": line, "status": result.status, "query_error": error.message})
        self._writer.write(text)

    def broken(self, event: Event) -> None:
        self.tally.broken += 1
        if self.tally.broken <= REPORTED_LINES:
            print(f"express: line {event.line}: {event.problem}", file=sys.stderr)
        self._writer.write(broken_line(event))

    def report_interruption(self, begun: int) -> None:
        """Say how far the stream has come: which results are written, and how many executions are cut off."""
        executed = sum(self.tally.statuses.values())
        lines, cut_off = executed + self.tally.broken - self._writer.unwritten, begun - executed
        print(
            f"express: {lines:,} result lines are written; {cut_off:,} more executions had begun, and have none",
            file=sys.stderr,
        )

    def summarise(self) -> None:
        """Print the problems of the stream to stderr; print nothing if there were none."""
        tally = self.tally
        if tally.broken > REPORTED_LINES:
            print(f"express: {tally.broken - REPORTED_LINES:,} more lines are broken", file=sys.stderr)
        if self._failed_queries:
            print(f"express: --query failed on {self._failed_queries:,} results (query_error)", file=sys.stderr)
        if self._unwritable:
            print(f"express: {self._unwritable:,} results are no JSON (unwritable)", file=sys.stderr)
        if tally.broken or tally.unsuccessful:
            counts = [f"{count:,} {status}" for status, count in tally.statuses.most_common()]
            if tally.broken:
                counts.append(f"{tally.broken:,} INVALID")
            print(f"express: {', '.join(counts)}", file=sys.stderr)

    def status(self) -> int:
        if self._failed_queries:
            return USAGE
        if self.tally.broken:
            return BROKEN_INPUT
        return FAILED if self.tally.unsuccessful or self._unwritable else OK
