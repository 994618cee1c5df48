"""Treats Ctrl-C as a request that is honoured at the next opportunity, so that results so far are not lost.

The first Ctrl-C is recorded, and waiting code checks for it; the second one interrupts at once, as usual.
`express.cli.signals` makes the same of the other signals that end a command.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Interruption:
    """`wished` becomes true at the first Ctrl-C."""

    def __init__(self) -> None:
        self.wished = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Record Ctrl-C as a request inside; only in the main thread (elsewhere nothing changes)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT)

        def wish(number: int, frame: object) -> None:
            self.wished = True
            signal.signal(signal.SIGINT, before)

        signal.signal(signal.SIGINT, wish)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
