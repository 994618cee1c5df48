"""One process of a benchmark: compiles the workflow, generates its share of the load, reports to its parent.

The load always runs in a separate process, even if there is only one. The display and the reports then cost the
measurement nothing, and a handler that blocks the event loop for ever cannot block the command.

The protocol over the pipe: the worker sends Ready; the parent sends when to begin (int, nanoseconds of the monotonic
clock, which all processes of a machine share); the worker sends Progress periodically, then the Recording. Any
message from the parent meanwhile ends the measurement early. A worker that fails sends Trouble instead.
"""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from express.cli.load.schedule import Load, Schedule
from express.cli.signals import ENDING
from express.cli.status import INTERNAL, USAGE, CommandError
from express.errors import ExpressError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection

    from express import Runtime, Workflow
    from express.cli.load.generator import LoadGenerator
    from express.cli.load.recording import Recording
    from express.metrics import Pushing
    from express.types import JSON, MachineType

#: Seconds between two reports of progress.
PROGRESS_S = 0.2


@dataclass(frozen=True, slots=True)
class Assignment:
    """The instructions for a worker: the workflow as the command line names it, the load of all workers together.

    stdin: the definition if it came from there, which only one process can read. inputs: JSON, one each. metrics: the
    socket where the counts of all workers are gathered, or None.
    """

    definition: str
    stdin: bytes | None
    tasks: str | None
    machine_type: MachineType
    inputs: tuple[bytes, ...]
    load: Load
    worker: int
    workers: int
    metrics: str | None = None

    @property
    def schedule(self) -> Schedule | None:
        return None if self.load.rate is None else Schedule(self.load.rate, self.worker, self.workers)

    @property
    def own_load(self) -> Load:
        return self.load.share(self.worker, self.workers)


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything is compiled; the worker waits for the start time."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The worker has failed; `trace` is its traceback, for debugging."""

    message: str
    hint: str | None
    status: int
    trace: str


def serve(connection: Connection, assignment: Assignment) -> None:
    """The main function of the process."""
    # The terminal, or `timeout`, sends signals to all processes of the command; the parent ends this one.
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    # Output of handlers must not mix with the report.
    os.dup2(2, 1)
    try:
        _work(connection, assignment)
    except (EOFError, BrokenPipeError):
        """The parent has gone, and nobody wants to know."""
    except (CommandError, ExpressError) as error:
        hint, status = getattr(error, "hint", None), getattr(error, "status", USAGE)
        connection.send(Trouble(str(error), hint, status, traceback.format_exc()))
    except Exception as error:  # noqa: BLE001 - the outermost handler: the parent reports the error in one line
        message = f"internal error: {type(error).__name__}: {error}"
        connection.send(Trouble(message, None, INTERNAL, traceback.format_exc()))


def _work(connection: Connection, assignment: Assignment) -> None:
    import express
    from express.cli.inputs import compile_workflow
    from express.parsing import parse_json

    workflow = compile_workflow(
        assignment.definition, assignment.tasks, machine_type=assignment.machine_type, stdin=assignment.stdin
    )
    express.run(_measure(connection, assignment, workflow, [parse_json(text) for text in assignment.inputs]))


async def _measure(connection: Connection, assignment: Assignment, workflow: Workflow, inputs: list[JSON]) -> None:
    from express.cli.jsonl import BlockingCalls
    from express.cli.load.generator import LoadGenerator

    listener = BlockingCalls("express-bench-listener")
    connection.send(Ready())
    begin: int = await listener.call(connection.recv)
    generator = LoadGenerator(workflow, inputs, assignment.own_load, assignment.schedule, begin)

    def heard(word: asyncio.Future[object]) -> None:
        # A message and the end of the pipe both end the measurement.
        if not word.cancelled():
            word.exception()
        generator.interrupt()

    listener.call(connection.recv).add_done_callback(heard)
    reporter = asyncio.create_task(_report(connection, generator), name="express-reporter")
    with _pushing(assignment.metrics, generator.runtime, workflow) as pushing:

        def deliver(recording: Recording) -> None:
            # The parent may end this process as soon as it has the recording.
            if pushing is not None:
                pushing.flush()
            connection.send(recording)

        try:
            await generator.run(deliver)
        finally:
            reporter.cancel()


def _pushing(path: str | None, runtime: Runtime, workflow: Workflow) -> AbstractContextManager[Pushing | None]:
    """While entered, push this process's counts to the parent, which serves the sum of all workers."""
    if path is None:
        return nullcontext()
    from express.metrics import Metrics

    metrics = Metrics(runtime)
    metrics.register(workflow)
    return metrics.push(path)


async def _report(connection: Connection, generator: LoadGenerator) -> None:
    with suppress(OSError):  # the parent has ended
        while True:
            await asyncio.sleep(PROGRESS_S)
            connection.send(generator.progress())
