"""The standard streams and files of a command, and what becomes of them when they cannot be used.

A parent may start a command with a standard stream closed. The next file opened would then take its place, and the
event loop's own pipe would be closed with it; so a closed one leads to the null device before anything else is
opened. A file that fails is the user's to know and nobody's bug: the message names it and the reason.
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

#: What stands for standard input where a file is named.
STDIN: Final = "-"


def open_closed_streams() -> None:
    """Lead every closed standard stream to the null device; `sys.stdin` stays None, for `read_stdin` to tell."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    # The interpreter has None for a stream that was closed when it started.
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a locale cannot show is no reason to show nothing; one character for one keeps carets in their place.
        sys.stdout.reconfigure(errors="replace")


def require_stdin() -> None:
    """Raise CommandError if standard input was closed when the command started."""
    if sys.stdin is None:
        raise CommandError("cannot read stdin: it is closed")


def read_stdin() -> bytes:
    """Everything on standard input."""
    require_stdin()
    with usable("read", "stdin"):
        return sys.stdin.buffer.read()


@contextmanager
def usable(verb: str, name: str) -> Iterator[None]:
    """Turn an error of the operating system inside into CommandError `cannot VERB NAME: reason`.

    A broken pipe passes: a reader that has seen enough is no error of the writer.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"cannot {verb} {name}: {error.strerror or error}") from error


def abandon_stdout() -> None:
    """Keep the interpreter from flushing into a stdout that failed once more when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def settle_stdout() -> None:
    """Flush what is left after an error, which may have been stdout's own."""
    try:
        sys.stdout.flush()
    except OSError:
        abandon_stdout()
