"""`express cost` prints the monthly bill on AWS for executions that ran here, or for an expected load.

It prices what was metered (`express.metering`) at the prices AWS publishes (`express.pricing`). Express and Standard
are shown together because most users want to choose between them.
"""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from express.cli.options import MOST, positive
from express.cli.status import OK, CommandError
from express.cli.streams import usable

if TYPE_CHECKING:
    from express.cli import Subparsers
    from express.cli.usage import Usage
    from express.types import JSON, Diagnostic

_EPILOG = """\
sources:
  RESULTS.jsonl      the lines of `express run DEFINITION --events FILE --billing`
  http://HOST/...    the metrics endpoint of a process that runs workflows here
  DEFINITION.json    with --duration (and --memory, --transitions): one execution as you expect it

  Without --executions the bill is for what the sources hold. With it, for a month of so many executions in the
  same mix. Duration tiers and the free transitions of Standard are those of one account and one month.

examples:
  express cost results.jsonl --executions 50000000
  express cost http://127.0.0.1:9464/metrics
  express cost order.asl.json --executions 1000000 --duration 450 --memory 64 --format csv
"""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express cost`."""
    parser = subparsers.add_parser(
        "cost",
        help="what AWS would charge",
        description="Print what AWS would charge for executions, as Express and as Standard workflows.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", metavar="SOURCE", nargs="+", help="results, a metrics URL, or a definition")
    parser.add_argument("--executions", metavar="N", type=positive, help="executions of the month")
    parser.add_argument("--duration", metavar="MS", type=positive, help="of an execution, with a definition")
    parser.add_argument("--memory", metavar="MB", type=positive, help="of an execution, default: AWS's estimate")
    parser.add_argument(
        "--transitions", metavar="N", type=_amount, help="state transitions of an execution, where not counted"
    )
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text", help="default: text")
    parser.set_defaults(handler=run)


def _amount(text: str) -> Decimal:
    """Parse a number that is not negative; an average need not be whole."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not (value.is_finite() and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    if value > MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {MOST:,}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    from express.cli.bills import BillOfMonth
    from express.cli.usage import MOST_USED, merged

    usages = merged(usage for source in arguments.sources for usage in _read(source, arguments))
    executions = sum((usage.executions for usage in usages), Decimal(0))
    if arguments.executions is not None:
        if not executions:
            raise CommandError("the sources hold no execution to scale from")
        usages = [usage.scaled(arguments.executions / executions) for usage in usages]
    for usage in usages:
        if usage.greatest > MOST_USED:
            raise CommandError(
                f"{usage.workflow} has more executions, gigabyte-seconds or state transitions than {MOST_USED:,}"
            )
    bill = BillOfMonth(usages)
    rendered = {"text": bill.render_text, "json": bill.render_json, "csv": bill.render_csv}[arguments.format]()
    sys.stdout.write(rendered)
    return OK


def _read(source: str, arguments: argparse.Namespace) -> list[Usage]:
    from express.cli.usage import read_metrics, read_results

    if source.startswith(("http://", "https://")):
        return read_metrics(source)
    definition = _as_definition(source)
    if definition is None:
        return [read_results(source, arguments.transitions)]
    return [_assume(source, definition, arguments)]


def _as_definition(path: str) -> dict[str, JSON] | None:
    """Return the document in the file if it is a definition, else None: the file then holds results of a run.

    Raises CommandError for a definition with errors: its states could not be counted.
    """
    import json
    from pathlib import Path

    from express.compiler import check
    from express.definition.document import read_definition
    from express.errors import DefinitionError

    with usable("read", path):
        text = Path(path).read_bytes()
    try:
        document = json.loads(text)
    except RecursionError:
        raise CommandError(f"{path} is nested too deeply") from None
    except ValueError:
        return None
    if not isinstance(document, dict) or "States" not in document:
        return None
    try:
        # What only Express forbids may be priced as Standard.
        problems: list[Diagnostic] = [*check(read_definition(text), type="STANDARD")]
    except DefinitionError as error:
        problems = [*error.problems]
    problems = [problem for problem in problems if problem.severity == "ERROR"]
    if problems:
        first = problems[0]
        where = f" (line {first.line}, column {first.column})" if first.line else ""
        raise CommandError(
            f"{path} is no valid definition: {first.message}{where}", hint=f"`express check {path}` shows more"
        )
    return document


def _assume(path: str, definition: dict[str, JSON], arguments: argparse.Namespace) -> Usage:
    from pathlib import Path

    from express.cli.usage import assumed, longest_way
    from express.metering import billed_duration_ms, billed_memory_mb, memory_bytes

    if arguments.duration is None:
        raise CommandError(
            f"{path} is a definition: how long does an execution take?", hint="add --duration MS, from start to end"
        )
    memory = arguments.memory * 1_000_000 if arguments.memory else memory_bytes(Path(path).stat().st_size, 0, 0)
    transitions = arguments.transitions if arguments.transitions is not None else Decimal(longest_way(definition))
    return assumed(
        Path(path).name.split(".")[0],
        billed_ms=billed_duration_ms(arguments.duration * 1_000_000),
        billed_mb=billed_memory_mb(memory),
        transitions=transitions,
    )
