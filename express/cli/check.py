"""`express check` finds every mistake of one or more definitions without running or deploying them.

There is no second rule set: a definition is valid if the compiler accepts it, so this verb runs the compiler, prints
its diagnostics and discards the program.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from express.cli.status import FAILED, OK, USAGE, CommandError
from express.cli.streams import STDIN, read_stdin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.cli import Subparsers
    from express.types import Diagnostic

_EPILOG = """\
formats:
  text    the line at fault with the mistake underlined, and a summary
  json    one line for each definition: {"file", "result", "diagnostics", "truncated"}, as the service's
          ValidateStateMachineDefinition answers, with line, column, length and suggestion added
  github  workflow commands, which GitHub Actions shows in the pull request

examples:
  express check workflows/*.asl.json
  express check order.asl.json --tasks handlers:tasks      also checks that every Resource has a handler
  terraform output -raw definition | express check -
"""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express check`."""
    parser = subparsers.add_parser(
        "check",
        help="report every mistake of a definition",
        description="Report every mistake of definitions. The exit status is 1 if any of them is an error.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "definitions", metavar="DEFINITION", nargs="+", help="a workflow in Amazon States Language ('-': stdin)"
    )
    parser.add_argument("--format", choices=("text", "json", "github"), default="text", help="default: text")
    parser.add_argument("--type", choices=("EXPRESS", "STANDARD"), default="EXPRESS", help="default: EXPRESS")
    parser.add_argument("--tasks", metavar="MODULE:REGISTRY", help="the express.Tasks object with the handlers")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command; a file that cannot be read gives the status USAGE, after all others were checked."""
    from express.definition.problems import MISSING_DESCRIPTION

    if arguments.definitions.count(STDIN) > 1:
        raise CommandError("stdin ('-') can be checked only once")
    found: list[Diagnostic] = []
    for definition in arguments.definitions:
        problems = _problems(definition, arguments)
        found += problems
        sys.stdout.write(_rendered(problems, definition, arguments.format))
    if arguments.format == "text":
        print(_summary(found, len(arguments.definitions)))
    if any(problem.code == MISSING_DESCRIPTION for problem in found):
        return USAGE
    return FAILED if any(problem.severity == "ERROR" for problem in found) else OK


def _problems(definition: str, arguments: argparse.Namespace) -> list[Diagnostic]:
    """Return every problem of one definition, in the order of its text."""
    from express.compiler import check
    from express.definition.document import load_definition
    from express.errors import DefinitionError

    tasks = None
    if arguments.tasks:
        from express.cli.inputs import load_tasks

        tasks = load_tasks(arguments.tasks)
    try:
        document = load_definition(read_stdin() if definition == STDIN else Path(definition))
    except DefinitionError as error:
        return list(error.problems)
    return [*check(document, type=arguments.type, tasks=tasks)]


def _rendered(problems: list[Diagnostic], definition: str, output_format: str) -> str:
    from express.cli.terminal import wants_color
    from express.definition import render

    source_name = "stdin" if definition == STDIN else definition
    if output_format == "json":
        return render.render_json(problems, source_name=source_name)
    if output_format == "github":
        return render.render_github(problems, source_name=source_name)
    text = render.render_text(problems, source_name=source_name, color=wants_color(sys.stdout))
    return f"{text}\n" if text else ""


def _summary(problems: Iterable[Diagnostic], files: int) -> str:
    severities = [problem.severity for problem in problems]
    counts = [_counted(severities.count("ERROR"), "error"), _counted(severities.count("WARNING"), "warning")]
    return f"{', '.join(filter(None, counts)) or 'no problems'} in {_counted(files, 'file')}"


def _counted(count: int, noun: str) -> str:
    """`3 errors`, `1 error`, and nothing for none."""
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""
