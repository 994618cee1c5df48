"""Keeps the files a command writes apart from those it reads: opened for writing, a definition would be empty.

Files are compared by what they are, not by name: a link, another spelling of the path, or the shell's redirection of a
standard stream lead to the same file. Devices and pipes hold nothing that could be lost.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, TypeAlias

from express.cli.status import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: A path, the descriptor of a standard stream, or None for nothing.
File: TypeAlias = str | int | None

#: Descriptors of the standard streams, where a file is meant.
STDIN_FILE: Final = 0
STDOUT_FILE: Final = 1


def refuse_overwriting(written: Iterable[tuple[str, File]], read: Mapping[str, File]) -> None:
    """Raise CommandError if a file to be written is one that is read, or one that is written by something else too.

    written: options with their files; read: files by what they are to the user. Call it before any file is opened for
    writing, and after all of `read` is known.
    """
    taken = [(what, _identity(file)) for what, file in read.items() if file is not None]
    for option, file in written:
        if file is None:
            continue
        identity = _identity(file)
        for what, other in taken:
            if identity is not None and identity == other:
                shown = f"{option} {file}" if isinstance(file, str) else option
                raise CommandError(f"{shown} would overwrite {what}")
        taken.append((option, identity))


def _identity(file: str | int) -> object:
    """What two names of one regular file have in common; None for what is no regular file."""
    if isinstance(file, str) and file.startswith("/dev/"):
        # /dev/stdout, /dev/fd/3: what the caller has opened is the caller's matter.
        return None
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return os.path.realpath(file) if isinstance(file, str) and "\0" not in file else None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
