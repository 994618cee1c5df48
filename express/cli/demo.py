"""`express demo` shows the engine at work on a hundred thousand orders in a few seconds.

The orders come from a seeded generator and take the same path as in `express run --events`: a file on disk, the JSON
Lines reader, the runtime. It needs no server and no network, and leaves only the file of `--keep` behind.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from express.cli.options import positive
from express.cli.status import OK
from express.cli.streams import usable
from express.cli.watching import add_metrics_port, metrics_page

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from express import Result, Workflow
    from express.cli import Subparsers
    from express.cli.jsonl import Event
    from express.cli.tally import StreamTally


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="run 100,000 order events through a sample workflow and show the figures",
        description="Generate order events, run the sample order workflow for each of them, and report.",
    )
    parser.add_argument("--events", metavar="N", type=positive, default=100_000, help="default: 100000")
    parser.add_argument("--keep", metavar="FILE", help="keep the generated events (JSON Lines) in this file")
    add_metrics_port(parser)
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    import tempfile
    import time
    from pathlib import Path

    import express
    from express.cli.inputs import compile_workflow
    from express.cli.report import print_report
    from express.cli.samples import ORDER_DEFINITION, ORDER_TASKS

    with tempfile.TemporaryDirectory(prefix="express-demo-") as directory:
        path = Path(arguments.keep or Path(directory) / "orders.jsonl")
        _say(f"Writing {arguments.events:,} order events to {path} ...")
        _write_events(path, arguments.events)
        workflow = compile_workflow(str(ORDER_DEFINITION), ORDER_TASKS)
        _say(f"Running the order workflow for each of them ({ORDER_DEFINITION.name}) ...")
        started = time.perf_counter()
        tally = express.run(_stream(workflow, path, arguments.metrics_port))
        seconds = time.perf_counter() - started
    print_report(tally, seconds=seconds, transitions=workflow.state_transitions)
    _suggest(arguments.keep)
    return OK


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write_events(path: Path, count: int) -> None:
    from express.cli.samples.events import order_events

    with usable("write", str(path)), path.open("wb") as file:
        file.writelines(order_events(count))


async def _stream(workflow: Workflow, path: Path, metrics_port: int | None) -> StreamTally:
    from express import Runtime
    from express.cli.jsonl import EventReader
    from express.cli.progress import Gauge, choose_display, displayed
    from express.cli.stream import run_stream
    from express.cli.tally import StreamTally

    tally = StreamTally()
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        reader = EventReader(file)
        async with Runtime() as runtime:
            gauge = Gauge(
                tally, lambda: workflow.tally.ended, lambda: runtime.in_flight, lambda: reader.bytes_read / size
            )
            with metrics_page(metrics_port, runtime, workflow):
                async with displayed(choose_display(wanted=True), gauge):
                    await run_stream(runtime, workflow, reader, _Tallying(tally), ordered=False)
    return tally


class _Tallying:
    """A sink that counts the results and discards them."""

    def __init__(self, tally: StreamTally) -> None:
        self._tally = tally

    async def ready(self) -> None:
        """Return at once: counting always has room."""

    def result(self, line: int, result: Result) -> None:
        self._tally.add(result)

    def broken(self, event: Event) -> None:
        self._tally.broken += 1


def _as_called() -> str:
    """Return the command to call again: its path if `express` is not on PATH, as in a virtual environment."""
    import shlex
    import shutil

    called = sys.argv[0]
    if shutil.which("express") is not None or os.path.basename(called) != "express":
        return "express"
    return shlex.quote(called)


def _suggest(kept: str | None) -> None:
    import shlex

    from express.cli.samples import ORDER_DEFINITION, ORDER_TASKS

    events = shlex.quote(kept or "orders.jsonl")
    definition = shlex.quote(str(ORDER_DEFINITION))
    workflow = f"{definition} --tasks {ORDER_TASKS}"
    express = _as_called()
    print("Try next:")
    if not kept:
        print(f"  {express} demo --events 1000 --keep {events}")
    print(f"  {express} check {definition}")
    print(f"  head -1 {events} | {express} run {workflow} --input -")
    print(f"  {express} run {workflow} --events {events} --unordered --billing --output results.jsonl")
    print(f"  {express} cost results.jsonl --executions 50000000")
    print("  README.md: the same from Python, with your own workflow")
