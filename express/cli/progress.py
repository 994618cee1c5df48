"""Progress of a stream on stderr: a live bar on a terminal, periodic lines elsewhere, or nothing.

The display reads the tally from a task of its own a few times a second; the executions never call it. It writes only
to stderr, so stdout has nothing but results.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from express.cli.terminal import console, is_live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from express.cli.tally import StreamTally

#: Seconds between two readings, live and as plain lines.
LIVE_INTERVAL_S = 0.2
PLAIN_INTERVAL_S = 2.0
#: Weight of the newest interval in the displayed rate.
_SMOOTHING = 0.3


@dataclass(frozen=True, slots=True)
class Reading:
    """What is displayed: `rate` is recent results per second, `fraction` 0..1 of the input or None if unknown."""

    done: int
    in_flight: int
    rate: float
    p50_ms: float
    p99_ms: float
    fraction: float | None
    seconds_left: float | None


class Display(Protocol):
    interval_s: float

    def show(self, reading: Reading) -> None: ...
    def close(self) -> None: ...


class Gauge:
    """Computes readings from numbers that only grow.

    `ended` counts executions that have ended, possibly more than are in the tally: in input order, a slow one holds
    back the results behind it. `fraction` is the part of the input that was read.
    """

    def __init__(
        self,
        tally: StreamTally,
        ended: Callable[[], int],
        in_flight: Callable[[], int],
        fraction: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tally = tally
        self._ended = ended
        self._in_flight = in_flight
        self._fraction = fraction
        self._clock = clock
        self._started = self._last = clock()
        self._last_done = 0
        self._rate: float | None = None

    def read(self) -> Reading:
        now, done, in_flight = self._clock(), self._ended(), self._in_flight()
        if now > self._last:
            newest = (done - self._last_done) / (now - self._last)
            self._rate = newest if self._rate is None else self._rate + _SMOOTHING * (newest - self._rate)
            self._last, self._last_done = now, done
        p50, p99 = self._tally.durations.percentiles((50, 99))
        fraction = self._fraction()
        if fraction is not None and done:
            # Part of the input read is still being executed.
            fraction *= done / (done + in_flight)
        left = (now - self._started) * (1 - fraction) / fraction if fraction else None
        return Reading(done, in_flight, self._rate or 0.0, p50 / 1e6, p99 / 1e6, fraction, left)


def describe(reading: Reading) -> str:
    """Render a reading as one line of text."""
    parts = [
        f"{reading.done:,} done",
        f"{reading.in_flight:,} in flight",
        f"{reading.rate:,.0f}/s",
        f"p50 {reading.p50_ms:.2f} ms",
        f"p99 {reading.p99_ms:.2f} ms",
    ]
    if reading.fraction is not None and reading.seconds_left is not None:
        parts.append(f"{reading.fraction:.0%}, {reading.seconds_left:.0f} s left")
    return ", ".join(parts)


class PlainLines:
    """One line every two seconds, for logs and terminals that cannot redraw."""

    interval_s = PLAIN_INTERVAL_S

    def show(self, reading: Reading) -> None:
        print(describe(reading), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Do nothing: plain lines need no cleaning up."""


class LiveBar:
    """A bar that redraws itself; it pulses while the size of the input is unknown."""

    interval_s = LIVE_INTERVAL_S

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            console=console(sys.stderr),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, text="")
        self._progress.start()

    def show(self, reading: Reading) -> None:
        known = reading.fraction is not None
        self._progress.update(
            self._task,
            total=1.0 if known else None,
            completed=reading.fraction if known else reading.done,
            text=describe(reading),
        )
        self._progress.refresh()

    def close(self) -> None:
        self._progress.stop()


def choose_display(*, wanted: bool | None) -> Display | None:
    """None (the default) gives a bar if stderr is a live terminal, else nothing; True at least plain lines."""
    live = is_live(sys.stderr)
    if wanted is False or (wanted is None and not live):
        return None
    return LiveBar() if live else PlainLines()


@asynccontextmanager
async def displayed(display: Display | None, gauge: Gauge) -> AsyncIterator[None]:
    """Show the gauge's readings while the block runs."""
    if display is None:
        yield
        return
    ticker = asyncio.create_task(_tick(display, gauge), name="express-progress")
    try:
        yield
    finally:
        ticker.cancel()
        display.close()


async def _tick(display: Display, gauge: Gauge) -> None:
    while True:
        await asyncio.sleep(display.interval_s)
        display.show(gauge.read())
