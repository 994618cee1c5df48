"""Reads and writes JSON Lines without blocking the event loop.

A pipe may stay silent for an hour, and a full disk or a slow reader may block a write, so the event loop's thread
touches no file. One daemon thread per file makes the blocking calls, in order. (The thread pools of asyncio and anyio
are joined when the process ends; Ctrl-C during `express run --events -` would then hang until the pipe delivers
something.)

Both directions are bounded: the reader holds at most two chunks, and the executions wait when more than `ROOM` bytes
are queued for writing. A line longer than `MAX_LINE` is refused without being parsed; no execution accepts an input
of that size anyway.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from codecs import BOM_UTF8
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeVar

import orjson

from express.cli.streams import read_some, usable
from express.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from express.cli.streams import Readable
    from express.types import JSON

#: Bytes per read: enough to amortise a thread switch, few enough to split in well under 1 ms.
CHUNK = 1 << 17
#: Upper bound on the bytes of a line: four times the payload limit, to allow for indentation.
MAX_LINE = 1 << 20
#: Lines between two turns of the event loop, because a chunk of short or broken lines holds many thousands.
FAIRNESS = 256
#: Bytes that may be queued for a slow writer before the executions wait too.
ROOM = 1 << 20
#: Seconds to collect lines before they are written together.
GATHER_S = 0.01

T = TypeVar("T")


class Event(NamedTuple):
    """One line: its number (from 1) and its value, or in `problem` the reason it has none."""

    line: int
    value: JSON
    problem: str | None = None


class Writable(Protocol):
    """A binary file whose `write` writes everything, or raises: what it returns is not looked at."""

    def write(self, data: bytes, /) -> object: ...
    def flush(self) -> object: ...


class EventReader:
    """Asynchronous iterator over the events of a JSON Lines file; blank lines are skipped but counted.

    The file must be unbuffered: a thread that waits in a buffered one holds its lock, and the interpreter would wait
    for that lock at exit.
    """

    def __init__(self, file: Readable, name: str = "the events") -> None:
        self._file = file
        self._name = name
        self._splitter = LineSplitter()
        #: Bytes taken from the file so far.
        self.bytes_read = 0

    async def __aiter__(self) -> AsyncIterator[Event]:
        number = 0
        async for lines in self._batches():
            for line in lines:
                number += 1
                if not number % FAIRNESS:
                    await asyncio.sleep(0)
                if number == 1 and line is not None:
                    # Not of the first chunk: a pipe may give less of it than the mark has bytes.
                    line = line.removeprefix(BOM_UTF8)
                if line is None:
                    yield Event(number, None, f"the line is longer than {MAX_LINE} bytes")
                    continue
                try:
                    event = Event(number, parse_json(line))
                except orjson.JSONDecodeError as error:
                    if not line.strip():
                        continue
                    event = Event(number, None, f"not valid JSON: {_place_in_line(error)}")
                yield event

    async def _batches(self) -> AsyncIterator[list[bytes | None]]:
        """Yield the lines of each chunk while the next chunk is being read."""
        thread = BlockingCalls("express-reader")
        try:
            coming = thread.call(self._read_chunk)
            while chunk := await coming:
                self.bytes_read += len(chunk)
                coming = thread.call(self._read_chunk)
                yield self._splitter.feed(chunk)
            yield self._splitter.finish()
        finally:
            thread.close()

    def _read_chunk(self) -> bytes:
        with usable("read", self._name):
            return read_some(self._file, CHUNK)


def _place_in_line(error: orjson.JSONDecodeError) -> str:
    """The decoder's message with the column only: it counts every line as line 1."""
    return f"{error.msg} at column {error.colno}"


class LineSplitter:
    """Splits chunks into lines. A line that is too long becomes a single None, whatever its length."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """Return the lines completed by this chunk, without their newlines."""
        lines: list[bytes | None] = [*(self._rest + chunk).split(b"\n")]
        rest = lines.pop() or b""
        if self._skipping and lines:
            self._skipping = False
            lines[0] = None
        limit = self._max_line
        lines = [None if line is None or len(line) > limit else line for line in lines]
        if self._skipping or len(rest) > limit:
            self._skipping, rest = True, b""
        self._rest = rest
        return lines

    def finish(self) -> list[bytes | None]:
        """Return the last line if the file does not end with a newline."""
        last: bytes | None = None if self._skipping else self._rest
        self._rest, self._skipping = b"", False
        return [] if last == b"" else [last]


class LineWriter:
    """Writes lines in batches: lines queued while one batch is written form the next.

    Enter it before the first `write`; leaving it writes everything that is left. An error of the file (a full disk, a
    closed pipe) cancels the task that has entered it, and is raised on leaving, or earlier by `drain`.
    """

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._lines: list[bytes] = []
        #: Lines queued and not yet written.
        self.unwritten = 0
        self._size = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._closing = False
        #: Whether an error of the file has cancelled the owner.
        self.has_failed = False
        self._owner: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._pump = asyncio.create_task(self._write_batches(), name="express-writer")
        self._pump.add_done_callback(self._interrupt)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._filled.set()
        if self.has_failed and self._owner is not None:
            self._owner.uncancel()
        try:
            await asyncio.shield(self._pump)
        except asyncio.CancelledError:
            # An interrupt meanwhile: what is queued is written all the same, unless there is a second one.
            await self._pump
            raise

    def _interrupt(self, pump: asyncio.Task[None]) -> None:
        """After an error of the file, cancel the owner, which may be waiting for the next event."""
        if not self._closing and not pump.cancelled() and pump.exception() is not None and self._owner is not None:
            self.has_failed = True
            self._owner.cancel()

    def write(self, line: bytes) -> None:
        """Queue one line, newline included."""
        self._lines.append(line)
        self.unwritten += 1
        self._size += len(line)
        self._filled.set()

    @property
    def full(self) -> bool:
        """Whether the producer should `drain` before it writes more."""
        return self._size > ROOM or self._pump.done()

    async def drain(self) -> None:
        """Wait until there is room again. Raises what the file raised."""
        while self._size > ROOM and not self._pump.done():
            self._emptied.clear()
            await self._emptied.wait()
        if self._pump.done():
            self._pump.result()

    async def _write_batches(self) -> None:
        thread = BlockingCalls("express-writer")
        try:
            while not self._closing or self._lines:
                await self._filled.wait()
                self._filled.clear()
                count, batch = len(self._lines), b"".join(self._lines)
                self._lines.clear()
                self._size = 0
                await thread.call(self._write_through, batch)
                self.unwritten -= count
                self._emptied.set()
                if not self._closing:
                    await asyncio.sleep(GATHER_S)
        finally:
            self._emptied.set()
            thread.close()

    def _write_through(self, batch: bytes) -> None:
        self._file.write(batch)
        self._file.flush()


class BlockingCalls:
    """One daemon thread that makes blocking calls, one after the other."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[asyncio.Future[Any], Callable[..., Any], tuple[Any, ...]] | None]
        self._calls = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def call(self, function: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        """Queue a call; the future gets its result or its exception."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._calls.put((future, function, arguments))
        return future

    def close(self) -> None:
        """End the thread after the calls queued so far."""
        self._calls.put(None)

    def _serve(self) -> None:
        while call := self._calls.get():
            future, function, arguments = call
            try:
                outcome, error = function(*arguments), None
            except Exception as raised:  # noqa: BLE001 - carried to the awaiting side
                outcome, error = None, raised
            # The loop is closed if the command was interrupted during the call; the outcome is then not needed.
            with suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_settle, future, outcome, error)


def _settle(future: asyncio.Future[T], outcome: T, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(outcome)
    else:
        future.set_exception(error)
