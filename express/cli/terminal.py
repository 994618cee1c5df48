"""What the terminal can display.

`NO_COLOR` (https://no-color.org) and `TERM=dumb` are obeyed everywhere; a stream that is no terminal gets plain lines
without colour or movement.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def is_live(stream: TextIO) -> bool:
    """Whether the stream is a terminal that can redraw a line."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def wants_color(stream: TextIO) -> bool:
    """Whether text for this stream may carry colours."""
    return is_live(stream) and not os.environ.get("NO_COLOR")


def console(stream: TextIO) -> Console:
    """A rich console that follows `is_live` and `wants_color`, for tables and progress."""
    from rich.console import Console

    class Honest(Console):
        """Lets BrokenPipeError through, for the one place that ends commands; rich would exit with status 1."""

        def on_broken_pipe(self) -> None:
            # rich calls this while it handles the error.
            raise

    return Honest(
        file=stream, force_terminal=is_live(stream), no_color=not wants_color(stream), highlight=False, soft_wrap=False
    )
