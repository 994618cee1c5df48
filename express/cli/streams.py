"""The standard streams and files of a command, and the errors raised when they cannot be used.

A parent may start a command with a standard stream closed. The next file opened, such as the event loop's own pipe,
would take its descriptor and be closed with the stream, so closed streams are redirected to the null device before
anything else is opened. An unusable file is not a bug of the program: the message names the file and the reason.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from express.cli.status import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Stands for standard input where a file is named.
STDIN: Final = "-"


def open_closed_streams() -> None:
    """Redirect closed standard streams to the null device; `sys.stdin` stays None for `require_stdin`.

    A closed stdout is opened for reading only: writing results to it fails, as they would be lost.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(
                os.devnull, os.O_RDONLY if descriptor == 1 else os.O_RDWR
            )  # takes the lowest free descriptor, which is this one
    # A stream that was closed when the interpreter started is None.
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character the locale cannot encode must not prevent output; one-for-one replacement keeps carets aligned.
        sys.stdout.reconfigure(errors="replace")


def require_stdin() -> None:
    """Raise CommandError if standard input was closed when the command started."""
    if sys.stdin is None:
        raise CommandError("cannot read stdin: it is closed")


def read_stdin() -> bytes:
    """Return everything on standard input."""
    require_stdin()
    with usable("read", "stdin"):
        return sys.stdin.buffer.read()


@contextmanager
def usable(verb: str, name: str) -> Iterator[None]:
    """Turn an error of the operating system inside into CommandError `cannot VERB NAME: reason`.

    BrokenPipeError passes through: a reader that has seen enough is no error of the writer.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"cannot {verb} {name}: {error.strerror or error}") from error


def abandon_stdout() -> None:
    """Redirect a failed stdout, so that the interpreter's flush at exit does not fail once more."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def settle_stdout() -> None:
    """Flush stdout after an error; abandon it if that fails."""
    try:
        sys.stdout.flush()
    except OSError:
        abandon_stdout()
