"""The clocks of the engine (law 6).

Metering reads monotonic nanoseconds and never `loop.time()`, which ticks in milliseconds on uvloop. If the loop has a
clock of its own (the virtual one of `express.testing`), the engine uses it, so that a five-minute workflow can be
tested in microseconds with the durations and bills it would have had.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Clock(Protocol):
    def monotonic_ns(self) -> int: ...

    def time_ns(self) -> int:
        """Nanoseconds since the epoch."""
        ...


class SystemClock:
    monotonic_ns = staticmethod(time.monotonic_ns)
    time_ns = staticmethod(time.time_ns)


def clock_of(loop: asyncio.AbstractEventLoop) -> Clock:
    """The loop's own clock if it has one, else the system's."""
    clock: Clock | None = getattr(loop, "express_clock", None)
    return SystemClock() if clock is None else clock
