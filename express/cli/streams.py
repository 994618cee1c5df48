"""The standard streams and files of a command, and the errors raised when they cannot be used.

A parent may start a command with a standard stream closed. The next file opened, such as the event loop's own pipe,
would take its descriptor and be closed with the stream, so closed streams are redirected to the null device before
anything else is opened. An unusable file is not a bug of the program: the message names the file and the reason.

Python's own files may write a part of the data and return its length (unbuffered, on a disk that is nearly full), or
refuse what they have no room for (a pipe that another process has set to non-blocking). Who prints does not look for
either, so stdout and stderr are replaced at their lowest level: whatever prints, a verb, rich or a handler, its text
is written as a whole, or the command ends with a message.
"""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from express.cli.status import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import ReadableBuffer

#: Stands for standard input where a file is named.
STDIN: Final = "-"


#: The descriptor of stderr.
STDERR_FILE: Final = 2

#: Bytes of one read of stdin.
_CHUNK: Final = 1 << 20


class Readable(Protocol):
    """A binary file that may be non-blocking: `read` gives None while it has no data, and b"" at its end."""

    def read(self, size: int, /) -> bytes | None: ...
    def fileno(self) -> int: ...


class WholeFile(io.FileIO):
    """An unbuffered file to write, known to the user as `shown`, that writes all it is given, however long that takes.

    file: a path, or a descriptor, which stays open. Every error but BrokenPipeError is a CommandError that names it.
    """

    def __init__(self, file: str | int, shown: str) -> None:
        self.shown = shown
        self.replaced: TextIO | None = None
        with usable("write", shown):
            super().__init__(file, "wb", closefd=isinstance(file, str))

    def write(self, data: ReadableBuffer, /) -> int:
        with usable("write", self.shown), memoryview(data) as view, view.cast("B") as left:
            size, written = len(left), 0
            while written < size:
                part = super().write(left[written:])
                if part is None:
                    select.select([], [self], [])
                else:
                    written += part
        return size

    def close(self) -> None:
        with usable("write", self.shown):
            super().close()


class ExpendableFile(WholeFile):
    """A file whose text may be lost: messages that cannot be shown must not cost the results they are about."""

    def write(self, data: ReadableBuffer, /) -> int:
        with suppress(CommandError, BrokenPipeError):
            super().write(data)
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Make stdout and stderr write everything, and redirect closed standard streams to the null device.

    `sys.stdin` stays None for `require_stdin` if it was closed. A closed stdout is opened for reading only: writing
    results to it fails, as they would be lost.
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
    sys.stdout = _rebuilt(sys.stdout, WholeFile, "stdout")
    sys.stderr = _rebuilt(sys.stderr, ExpendableFile, "stderr")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character the locale cannot encode must not prevent output; one-for-one replacement keeps carets aligned.
        sys.stdout.reconfigure(errors="replace")


def _rebuilt(stream: TextIO, kind: type[WholeFile], shown: str) -> TextIO:
    """Return the stream on a file of that kind, buffered as before; one that is not Python's own stays as it is."""
    if type(stream) is not io.TextIOWrapper:
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)
    if type(raw) is not io.FileIO:
        return stream
    with suppress(OSError):
        stream.flush()
    file = kind(raw.fileno(), shown)
    # Without its last reference it would close the descriptor.
    file.replaced = stream
    return io.TextIOWrapper(
        file if raw is stream.buffer else io.BufferedWriter(file),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def second_stderr() -> TextIO:
    """Return another stream to stderr, for who may have interrupted a print: that one refuses any other within it."""
    first, file = sys.stderr, ExpendableFile(STDERR_FILE, "stderr")
    return io.TextIOWrapper(file, encoding=first.encoding, errors=first.errors, write_through=True)


def require_stdin() -> None:
    """Raise CommandError if standard input was closed when the command started."""
    if sys.stdin is None:
        raise CommandError("cannot read stdin: it is closed")


def read_stdin() -> bytes:
    """Return everything on standard input."""
    require_stdin()
    chunks = []
    with usable("read", "stdin"):
        while chunk := read_some(sys.stdin.buffer, _CHUNK):
            chunks.append(chunk)
    return b"".join(chunks)


def read_some(file: Readable, size: int) -> bytes:
    """Return up to `size` bytes, none at the end; a file that another process has set to non-blocking is waited for."""
    while (chunk := file.read(size)) is None:
        select.select([file], [], [])
    return chunk


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
    except (OSError, CommandError):
        abandon_stdout()
