"""`express run` executes a workflow once, or for every event of a stream.

Results go to stdout (or `--output`), everything else to stderr. This module declares the arguments and runs one
execution; `express.cli.events` runs the stream.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from express.cli.options import add_mock_config, amount
from express.cli.overwriting import STDOUT_FILE
from express.cli.status import FAILED, OK, CommandError
from express.cli.streams import STDIN
from express.cli.watching import add_log_options, add_metrics_port, log_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from express import Result, Workflow
    from express.cli import Subparsers
    from express.tasks import MockedCase
    from express.types import JSON

_EPILOG = """\
input and output:
  --input takes a file, '-' for stdin, or the JSON itself; without it the input is {}.
  The output is printed as JSON; a failed execution prints {"status", "error", "cause"} instead.

  --events takes JSON Lines, '-' for stdin. Each line gives one line of output, in input order:
  {"line": 1, "status": "SUCCEEDED", "output": ...}  or  {"line": 2, "status": "FAILED", "error": ..., "cause": ...}
  A line that is no JSON has the status INVALID. --unordered prints results as they end, which
  keeps a slow execution from holding back the others.

  --query (JMESPath, as in the aws CLI) sees the whole result: line, status, output, error, cause,
  name, billing.{duration_ms, memory_bytes, billed_duration_ms, billed_memory_mb, cost_usd}.

  --test-case answers the Task states it names with mocked responses; the others need their --tasks.

examples:
  express run order.asl.json --input '{"order_id": "1"}' --tasks handlers:tasks
  express run order.asl.json --events orders.jsonl --tasks handlers:tasks --billing > results.jsonl
  express run order.asl.json --mock-config MockConfigFile.json --test-case HappyPath
  tail -f orders.jsonl | express run order.asl.json --events - --tasks handlers:tasks --query output.total
"""

#: Options that mean nothing for one execution, and the arguments they set.
_ONLY_WITH_EVENTS = {
    "--unordered": "unordered",
    "--billing": "billing",
    "--output": "output",
    "--metrics-port": "metrics_port",
}


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express run`."""
    parser = subparsers.add_parser(
        "run",
        help="execute a workflow once, or for every event of a file",
        description="Execute a workflow once, or for every event of a JSON Lines file or stdin.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("definition", metavar="DEFINITION", help="the workflow in Amazon States Language ('-': stdin)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--input", metavar="FILE|JSON|-", help="input of one execution")
    source.add_argument("--events", metavar="FILE|-", help="JSON Lines, one execution for each")
    parser.add_argument("--tasks", metavar="MODULE:REGISTRY", help="the express.Tasks object with the handlers")
    parser.add_argument("--query", metavar="JMESPATH", help="print this part of each result")
    parser.add_argument("--name", help="name of the execution with --input (default: generated)")
    parser.add_argument("--type", choices=("EXPRESS", "STANDARD"), default="EXPRESS", help="default: EXPRESS")
    mocks = parser.add_argument_group("mocked tasks")
    add_mock_config(mocks)
    mocks.add_argument("--test-case", metavar="NAME", help="the test case of the mock configuration to run")
    mocks.add_argument(
        "--machine-name", metavar="NAME", help="what the configuration calls the definition; default: its file"
    )
    add_log_options(parser)
    stream = parser.add_argument_group("with --events")
    stream.add_argument("--unordered", action="store_true", help="print results as they end")
    stream.add_argument("--max-in-flight", metavar="N", type=amount, default=10_000, help="default: 10000")
    stream.add_argument("--billing", action="store_true", help="add name and billing to each line, for `express cost`")
    stream.add_argument("--output", metavar="FILE", help="write the results here instead of stdout")
    add_metrics_port(stream)
    stream.add_argument("--progress", action=argparse.BooleanOptionalAction, help="default: if stderr is a terminal")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command; the exit status is that of `express.cli.status`."""
    from express.cli.inputs import (
        check_execution_name,
        compile_query,
        compile_workflow,
        refuse_to_overwrite_inputs,
    )

    if arguments.definition == STDIN and STDIN in (arguments.input, arguments.events):
        raise CommandError("the definition and the input cannot both come from stdin")
    if arguments.name is not None and arguments.events is not None:
        raise CommandError("--name is for one execution, the ones of --events are named for you")
    if arguments.events is None:
        for option, name in _ONLY_WITH_EVENTS.items():
            value = getattr(arguments, name)
            if value is not None and value is not False:
                raise CommandError(f"{option} is for the executions of --events")
    if arguments.name is not None:
        check_execution_name(arguments.name)
    query = compile_query(arguments.query) if arguments.query else None
    workflow = compile_workflow(
        arguments.definition, arguments.tasks, machine_type=arguments.type, mocks=_mocked(arguments)
    )
    refuse_to_overwrite_inputs(
        arguments, [("stdout", STDOUT_FILE), ("--output", arguments.output), ("--log-file", log_file(arguments))]
    )
    if arguments.events is None:
        return _run_once(workflow, arguments, query)
    from express.cli.events import run_events

    return run_events(workflow, arguments, query)


def _mocked(arguments: argparse.Namespace) -> MockedCase | None:
    from express.cli.inputs import load_case

    if arguments.test_case is not None:
        return load_case(arguments.mock_config, arguments.test_case, arguments.machine_name, arguments.definition)
    if arguments.mock_config is not None or arguments.machine_name is not None:
        raise CommandError("mocked responses belong to a test case", hint="name it with --test-case")
    return None


def _run_once(workflow: Workflow, arguments: argparse.Namespace, query: Callable[[JSON], JSON] | None) -> int:
    from express.cli.documents import encode, outcome, whole
    from express.cli.inputs import read_input

    value = {} if arguments.input is None else read_input(arguments.input)
    result = _executed(workflow, value, arguments)
    succeeded = result.status == "SUCCEEDED"
    if query is not None:
        document = query(whole(result))
    else:
        document = result.output if succeeded else outcome(result)
    text = encode(document, indent=sys.stdout.isatty())
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    if not succeeded:
        reason = ": ".join(part for part in (result.error, result.cause) if part)
        print(f"express: execution {result.status}{reason and f': {reason}'}", file=sys.stderr)
    return OK if succeeded else FAILED


def _executed(workflow: Workflow, value: JSON, arguments: argparse.Namespace) -> Result:
    import express
    from express.cli.signals import run_handlers
    from express.cli.watching import execution_log

    async def main() -> Result:
        async with express.Runtime(max_in_flight=1, observers=observers) as runtime:
            return await runtime.execute(workflow, value, name=arguments.name)

    with execution_log(arguments) as observers:
        return run_handlers(lambda ending: main())
