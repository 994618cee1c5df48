"""Execution logs, as AWS writes those of Express workflows to CloudWatch: one JSON object for each history event.

    log = express.execution_log.ExecutionLog("ERROR", path="executions.jsonl")
    async with express.Runtime(observers=[log]) as runtime:
        ...
    log.close()

Levels, fields and what `include_execution_data` adds are AWS's (developer guide "Logging using CloudWatch Logs"); the
shape of a record was recorded: every id is a string, and payloads are JSON texts of their own, cut at 248 KiB. As at
AWS, logging is best effort and never delays an execution: a thread writes the records, and those it cannot keep up
with are dropped, counted and reported.
"""

from __future__ import annotations

import atexit
import json
import logging
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, Self, TypeAlias

import orjson

from express.history import ended, render_details, started
from express.observe import Observer

if TYPE_CHECKING:
    import os

    from express.errors import StateError
    from express.observe import Event
    from express.types import JSON, Status

log = logging.getLogger("express")

Level: TypeAlias = Literal["ALL", "ERROR", "FATAL", "OFF"]
LEVELS: tuple[Level, ...] = ("ALL", "ERROR", "FATAL", "OFF")

#: Bytes of one payload in a record, in its escaped form (AWS guide).
MAX_PAYLOAD = 248 * 1024
#: Bytes of records that may wait to be written, by default.
QUEUE_BYTES = 64 << 20

#: The hooks each level uses; the others are not woven into the machines.
_HOOKS: dict[Level, tuple[str, ...]] = {
    "ALL": ("execution_started", "history_event", "execution_ended", "child_started", "child_ended"),
    "ERROR": ("history_event", "execution_ended", "child_ended"),
    "FATAL": ("execution_ended", "child_ended"),
    "OFF": (),
}
_MILLISECOND = 1_000_000


class _Ending(NamedTuple):
    """The end of a child execution: the members of a Result that its last event needs."""

    status: Status
    output: JSON
    error: str | None
    cause: str | None


class ExecutionLog(Observer):
    """An observer that writes a line of JSON for each event of each execution.

    The child executions of a distributed Map are executions like others: each has events and an ARN of its own.

    level: ALL events; ERROR: every event of something that failed, timed out or was aborted; FATAL: only executions
        that did; OFF: nothing.
    include_execution_data: also inputs, outputs, parameters and assigned variables, which may hold secrets.
    path: a file to append to; stream: an open one instead, binary or text. Default: stdout.
    queue_bytes: how many bytes of records may wait to be written before further ones are dropped.

    Close it when no more executions will be logged; waiting records are written first. It is a context manager, too.
    """

    def __init__(
        self,
        level: Level = "ALL",
        *,
        include_execution_data: bool = False,
        path: str | os.PathLike[str] | None = None,
        stream: Any = None,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        if level not in LEVELS:
            raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
        if path is not None and stream is not None:
            raise ValueError("a log is written to a path or to a stream, not to both")
        if queue_bytes < 1:
            raise ValueError("queue_bytes must be positive")
        self.level = level
        self.hooks = _HOOKS[level]
        self._everything = level == "ALL"
        self._with_data = include_execution_data
        own = None if path is None else open(path, "ab")  # noqa: SIM115 - closed by the writer
        chosen: Any = sys.stdout if stream is None else stream
        self._writer = _Writer(own or getattr(chosen, "buffer", chosen), own, queue_bytes)

    @property
    def dropped(self) -> int:
        """Records that were dropped: too many waited, or they could not be written."""
        return self._writer.dropped

    @property
    def error(self) -> OSError | None:
        """What kept records from being written the last time that happened, or None."""
        return self._writer.error

    def close(self) -> None:
        """Write the waiting records; later ones are dropped."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ hooks

    def execution_started(self, run: Any) -> None:
        self._write(run, started(run))

    def history_event(self, frame: Any, event: Event) -> None:
        if self._everything or is_error(event.type):
            self._write(frame.run, event)

    def execution_ended(self, run: Any, result: Any) -> None:
        if self._everything or result.status != "SUCCEEDED":
            self._write(run, ended(run, result, run.events + 1))

    def child_started(self, parent: Any, run: Any, index: int) -> None:
        self._write(run, started(run))

    def child_ended(self, run: Any, failure: StateError | None) -> None:
        if failure is not None:
            self.execution_ended(run, _Ending("FAILED", None, failure.error, failure.cause))
        else:
            self.execution_ended(run, _Ending("SUCCEEDED", run.data, None, None))

    # ------------------------------------------------------------------------------------------ records

    def _write(self, run: Any, event: Event) -> None:
        details = render_details(event, include_data=self._with_data, cut=cut)
        record = {
            "id": str(event.id),
            "type": event.type,
            "details": details,
            "previous_event_id": str(event.previous),
            "event_timestamp": str(run.host.time_ns() // _MILLISECOND),
            "execution_arn": run.execution_arn,
            "redrive_count": "0" if run.redrive is None else str(run.redrive.count),
        }
        self._writer.put(_line(record))


def is_error(event_type: str) -> bool:
    """Whether an event is logged at the level ERROR (AWS guide "Log levels for Step Functions execution events")."""
    return event_type.endswith(("Failed", "TimedOut", "Aborted")) or event_type == "FailStateEntered"


def cut(text: str) -> tuple[str, bool]:
    """The part of a payload that fits into a record, and whether it was cut; sizes are those of the escaped text."""
    if len(text) * 6 <= MAX_PAYLOAD or _escaped(text) <= MAX_PAYLOAD:
        return text, False
    short, long = 0, len(text)
    while long - short > 1:
        middle = (short + long) // 2
        if _escaped(text[:middle]) <= MAX_PAYLOAD:
            short = middle
        else:
            long = middle
    return text[:short], True


def _escaped(text: str) -> int:
    return len(_line(text)) - len('""\n')


def _line(record: JSON) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # A lone surrogate, which can only be written as an escape.
        return json.dumps(record).encode() + b"\n"


class _Writer:
    """Writes lines in a thread of its own; `put` never waits for it."""

    def __init__(self, target: BinaryIO, own: BinaryIO | None, limit: int) -> None:
        self.dropped = 0
        self.error: OSError | None = None
        self._target = target
        self._own = own
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._untold = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="express-log", daemon=True)
        self._thread.start()
        # A daemon thread, so that it cannot keep the program from ending; waiting records are written at exit.
        atexit.register(self.close)

    def put(self, line: bytes) -> None:
        with self._changed:
            if self._closing or self._bytes + len(line) > self._limit:
                self.dropped += 1
                self._untold += 1
                return
            self._lines.append(line)
            self._bytes += len(line)
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._closing:
                    self._changed.wait()
                if not self._lines:
                    return
                batch, self._lines = self._lines, deque()
                untold, self._untold = self._untold, 0
            if untold:
                log.warning("%d records of the execution log were dropped: it cannot be written as fast", untold)
            self._write(batch)

    def _write(self, batch: deque[bytes]) -> None:
        data = b"".join(batch)
        try:
            self._target.write(data)
            self._target.flush()
        except (OSError, ValueError) as error:
            log.warning("%d records of the execution log could not be written: %s", len(batch), error)
            with self._changed:
                self.dropped += len(batch)
                self.error = error if isinstance(error, OSError) else self.error
        with self._changed:
            self._bytes -= len(data)

    def close(self) -> None:
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify()
        atexit.unregister(self.close)
        self._thread.join()
        if self._own is not None:
            self._own.close()
