"""Observation options that several verbs share: a metrics page during the run, a log of the executions."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from express.cli.status import CommandError
from express.cli.streams import usable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express import Observer, Runtime, Workflow
    from express.consumers import Pump
    from express.metrics import Gathering, Metrics

_MAX_PORT = 65_535


def add_metrics_port(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare `--metrics-port`."""
    parser.add_argument(
        "--metrics-port",
        metavar="PORT",
        type=_port,
        help="serve Prometheus metrics at http://127.0.0.1:PORT/metrics meanwhile (0: a free port)",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port, which is a number from 0 to {_MAX_PORT}")
    return int(text)


@contextmanager
def metrics_page(port: int | None, runtime: Runtime, workflow: Workflow, pump: Pump | None = None) -> Iterator[None]:
    """Serve the metrics of the runtime and of the pump, and print the address; `port` None serves nothing.

    Raises CommandError if the page cannot be served.
    """
    if port is None:
        yield
        return
    from express.metrics import Metrics

    metrics = Metrics(runtime)
    metrics.register(workflow)
    if pump is not None:
        metrics.add_source(pump)
    with _served(metrics, port):
        yield


@contextmanager
def gathered_metrics_page(port: int | None) -> Iterator[str | None]:
    """Serve the sum of what workers push, print the address, and yield the path of the socket to push to.

    `port` None serves nothing and yields None. Raises CommandError if the page cannot be served.
    """
    if port is None:
        yield None
        return
    from express.metrics import Gathering

    with ExitStack() as resources:
        with usable("gather", "metrics"):
            path = str(Path(resources.enter_context(TemporaryDirectory(prefix="express-")), "metrics.sock"))
            gathering = resources.enter_context(Gathering(path))
        resources.enter_context(_served(gathering, port))
        yield path


@contextmanager
def _served(counts: Metrics | Gathering, port: int) -> Iterator[None]:
    try:
        server = counts.serve(port)
    except OSError as error:
        raise CommandError(error.strerror or str(error), hint="--metrics-port 0 takes a free one") from None
    with server:
        print(f"express: metrics at {server.url}", file=sys.stderr, flush=True)
        yield


def add_log_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare `--log-level`, `--log-file` and `--log-execution-data`."""
    parser.add_argument(
        "--log-level",
        choices=("ALL", "ERROR", "FATAL", "OFF"),
        default="OFF",
        help="execution log as on AWS (default: OFF)",
    )
    parser.add_argument("--log-file", metavar="FILE", help="append the execution log to this file (default: stderr)")
    parser.add_argument("--log-execution-data", action="store_true", help="log inputs and outputs too")


def log_file(arguments: argparse.Namespace) -> str | None:
    """Return the file the execution log will be written to, if it will be."""
    path: str | None = arguments.log_file
    return None if arguments.log_level == "OFF" else path


@contextmanager
def execution_log(arguments: argparse.Namespace) -> Iterator[tuple[Observer, ...]]:
    """Yield the observers that write the requested log.

    Raises CommandError if it cannot be opened, and at the end if some of it could not be written.
    """
    if arguments.log_level == "OFF":
        yield ()
        return
    from express.execution_log import ExecutionLog

    level, path, data = arguments.log_level, arguments.log_file, arguments.log_execution_data
    name = path or "stderr"
    with usable("write", name):
        log = ExecutionLog(level, path=path, stream=None if path else sys.stderr, include_execution_data=data)
    try:
        yield (log,)
    except BaseException:
        with suppress(OSError):
            log.close()
        raise
    with usable("write", name):
        log.close()
        if log.error is not None:
            raise log.error
