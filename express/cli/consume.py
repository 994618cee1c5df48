"""`express consume` runs a broker's messages through a workflow until it is stopped.

Each message starts an execution and is acknowledged when the execution has ended (`express.consumers`). This module
declares the arguments, turns signals into a drain, and prints the outcome counts at the end. Failed messages become
dead letters; they do not fail the command.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from express.cli.options import amount
from express.cli.status import OK
from express.cli.watching import add_log_options, add_metrics_port

if TYPE_CHECKING:
    from express import Observer, Workflow
    from express.cli import Subparsers
    from express.consumers import Pump, Source

_EPILOG = """\
sources:
  redis://[USER:PASSWORD@]HOST[:PORT]/STREAM?group=GROUP   a consumer group on a stream (Redis 7; rediss: with TLS)
    &field=body      the field with the JSON; * for the entry itself, as an object of strings
    &lease=60        seconds until the messages of a consumer that is gone are another's
    &start=0         where a group that is new begins: 0 for all there is, $ for what comes
    &db=0 &consumer=NAME   a name of its own for each process; by default a new one at each start

A message is acknowledged when its execution has ended. One that fails is put among the dead letters (--dead-letter;
of Redis a stream, STREAM:dead), with the reason in x-error and x-cause; with an error named by --retry it is
delivered again first, later and later, --max-deliveries times in all. What is no JSON is a dead letter at once.
Executions are named after the message, so one that is delivered again is named again the same.

SIGTERM and Ctrl-C stop it: nothing more is fetched, what runs may end within --grace seconds, the rest is left to other
consumers. A second one stops it at once, and costs nothing but repetition.

examples:
  express consume order.asl.json --source 'redis://127.0.0.1:6379/orders?group=billing' --tasks handlers:tasks
  express consume order.asl.json --source "$SOURCE" --tasks handlers:tasks --retry Throttled --metrics-port 9464
"""
_IN_FLIGHT = 1_000
_MAX_DELIVERIES = 5
_GRACE = 25


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express consume`."""
    parser = subparsers.add_parser(
        "consume",
        help="execute a workflow for every message of a broker",
        description="Execute a workflow for every message of a broker, until it is told to stop.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("definition", metavar="DEFINITION", help="the workflow in Amazon States Language ('-': stdin)")
    parser.add_argument("--source", metavar="URL", required=True, help="where the messages are, see below")
    parser.add_argument("--tasks", metavar="MODULE:REGISTRY", help="the express.Tasks object with the handlers")
    parser.add_argument("--type", choices=("EXPRESS", "STANDARD"), default="EXPRESS", help="default: EXPRESS")
    parser.add_argument(
        "--in-flight",
        metavar="N",
        type=amount,
        default=_IN_FLIGHT,
        help=f"messages fetched and not ended, at most; default: {_IN_FLIGHT}",
    )
    parser.add_argument(
        "--max-deliveries", metavar="N", type=amount, default=_MAX_DELIVERIES, help=f"default: {_MAX_DELIVERIES}"
    )
    parser.add_argument("--dead-letter", metavar="NAME", help="where dead letters go, in the broker's terms")
    parser.add_argument(
        "--retry",
        metavar="ERROR",
        action="append",
        default=[],
        help="an error whose messages are delivered again, beside those of Lambda that pass (States.ALL: any)",
    )
    parser.add_argument(
        "--grace", metavar="SECONDS", type=amount, default=_GRACE, help=f"for what runs at the end; default: {_GRACE}"
    )
    add_log_options(parser)
    add_metrics_port(parser)
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command, until it is stopped."""
    import express
    from express.cli.inputs import compile_workflow, refuse_to_overwrite_inputs
    from express.cli.watching import execution_log, log_file
    from express.consumers import connect

    source = connect(arguments.source, dead_letter=arguments.dead_letter)
    workflow = compile_workflow(arguments.definition, arguments.tasks, machine_type=arguments.type)
    refuse_to_overwrite_inputs(arguments, [("--log-file", log_file(arguments))])
    with execution_log(arguments) as observers:
        express.run(_consume(workflow, source, arguments, observers))
    return OK


async def _consume(
    workflow: Workflow, source: Source, arguments: argparse.Namespace, observers: tuple[Observer, ...]
) -> None:
    import express
    from express.cli.watching import metrics_page
    from express.consumers import Outcomes, Pump
    from express.consumers.outcomes import TRANSIENT

    async with express.Runtime(max_in_flight=arguments.in_flight, observers=observers) as runtime:
        pump = Pump(
            runtime,
            workflow,
            source,
            in_flight=arguments.in_flight,
            max_deliveries=arguments.max_deliveries,
            outcomes=Outcomes(retryable=TRANSIENT | {*arguments.retry}),
            grace=arguments.grace,
        )
        with ExitStack() as resources:
            resources.enter_context(metrics_page(arguments.metrics_port, runtime, workflow, pump))
            _stop_on_signals(pump)
            await source.open()
            print(f"express: consuming {pump.name}", file=sys.stderr, flush=True)
            await pump.run()
    _summarise(pump)


def _stop_on_signals(pump: Pump) -> None:
    """Drain at the first signal that ends a command; a second one has its default effect."""
    from express.cli.signals import on_first_signal

    def stop() -> None:
        print("express: stopping; a second signal stops at once", file=sys.stderr, flush=True)
        pump.stop()

    on_first_signal(stop)


def _summarise(pump: Pump) -> None:
    counts = [f"{count:,} {outcome}" for outcome, count in pump.outcome_counts.items() if count]
    if pump.dead_lettered:
        counts.append(f"{pump.dead_lettered:,} dead letters")
    print(f"express: {pump.name}: {', '.join(counts) or 'no messages'}", file=sys.stderr)
