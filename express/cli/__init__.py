"""The command line: `express VERB ...`, one module per verb.

A verb's module has `add_parser(subparsers)`, which declares its arguments and names its entry point with
`set_defaults(handler=run)`, and `run(arguments) -> exit status`. `express --help` imports all of them, so a verb's
module imports nothing heavy at its top; `run` imports what it needs.

This is also where every error becomes text. A verb raises `CommandError`, or lets an error of the package through;
tracebacks are shown only with `--debug`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TypeAlias

import express
from express.cli.status import (
    BROKEN_PIPE,
    EPILOG,
    HUNG_UP,
    INTERNAL,
    INTERRUPTED,
    TERMINATED,
    USAGE,
    CommandError,
)
from express.cli.streams import prepare_streams, settle_stdout
from express.errors import ExpressError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The verbs in the order `express --help` lists them; each is a module of this package.
VERBS = ("run", "check", "demo", "cost", "bench", "serve", "consume", "env")

#: Modules in C that nearly every command imports, and that no interrupt may meet while they are initialised.
_EXTENSIONS = ("orjson", "regex", "uvloop")

#: The type of `add_parser`'s argument; argparse has no public name for it.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default `sys.argv[1:]`) and return its exit status; see `express.cli.status`."""
    prepare_streams()
    debug = False
    try:
        parser = _parser()
        try:
            arguments = parser.parse_args(argv)
        except SystemExit as stop:
            sys.stdout.flush()
            return stop.code if isinstance(stop.code, int) else USAGE
        debug = arguments.debug
        if arguments.handler is None:
            parser.print_help(sys.stderr)
            return USAGE
        for extension in _EXTENSIONS:
            with suppress(ImportError):
                importlib.import_module(extension)
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        from express.cli.signals import unwinding

        with unwinding():
            status = int(arguments.handler(arguments))
            sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the outermost handler: any error becomes one line for the user
        status = _explain(error, debug=debug)
        # The interpreter flushes stdout at exit and would report a failure once more, with a status of its own.
        settle_stdout()
    return status


def console() -> NoReturn:
    """The command `express`: run `main` on the process's arguments and exit with its status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # While modules are imported an interrupt ends the process at once: an exception in the middle of an import
        # would show a traceback, and crash the interpreter in some extension modules.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    status = main()
    at_work = any(thread.name.startswith("express-task") for thread in threading.enumerate())
    if at_work and status in (HUNG_UP, INTERRUPTED, TERMINATED):
        # Handlers still run in threads (`blocking=True`), which cannot be stopped. At exit the interpreter would wait
        # for them and ignore the next interrupt.
        settle_stdout()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="express",
        description="Run AWS Step Functions Express workflows in this process.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"express {express.__version__}")
    parser.add_argument("--debug", action="store_true", help="show Python tracebacks of errors")
    parser.set_defaults(handler=None)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for verb in VERBS:
        importlib.import_module(f"express.cli.{verb}").add_parser(subparsers)
    for verb_parser in subparsers.choices.values():
        # Accepted after the verb too; SUPPRESS keeps its default from overriding one given before the verb.
        verb_parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _explain(error: BaseException, *, debug: bool) -> int:
    """Say what has ended the command, and return the exit status."""
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt):
        from express.cli.signals import say_ended

        return say_ended()
    _show_traceback(error, wanted=debug)
    if isinstance(error, (ExpressError, CommandError)):
        _complain(str(error), getattr(error, "hint", None))
        return getattr(error, "status", USAGE)
    _complain(
        f"internal error: {type(error).__name__}: {error}",
        None if debug else "run the same command with --debug for the traceback",
    )
    return INTERNAL


def _complain(message: str, hint: str | None = None) -> None:
    print(f"express: {message}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)


def _show_traceback(error: BaseException, *, wanted: bool) -> None:
    if wanted:
        import traceback

        traceback.print_exception(error)
