"""Ctrl-C as a wish that is granted at the next opportunity, so that what was measured so far is not lost.

The first one is remembered, and whoever waits looks at it; the second one interrupts at once, as usual.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Interruption:
    """`wished` becomes true with the first Ctrl-C."""

    def __init__(self) -> None:
        self.wished = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Take Ctrl-C as a wish inside; only the main thread can (elsewhere nothing changes)."""
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
