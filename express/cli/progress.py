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
#: Cells of the bar, and on terminals of less than `_WIDE` columns.
_BAR, _SHORT_BAR, _WIDE = 24, 12, 80
_SEPARATOR = ", "
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


#: The parts of a line in their order, each with the columns kept for it on a terminal, separator included, and its
#: rank: of too many, those of the lowest rank (the highest number) are left out. What is kept for a part does not
#: change with its figures, so the line does not change its form while it runs.
_PARTS: tuple[tuple[Callable[[Reading], str], int, int], ...] = (
    (lambda reading: f"{reading.done:,} done", 18, 1),
    (lambda reading: f"{reading.in_flight:,} in flight", 18, 4),
    (lambda reading: f"{reading.rate:,.0f}/s", 11, 2),
    (lambda reading: f"p50 {reading.p50_ms:.2f} ms", 15, 5),
    (lambda reading: f"p99 {reading.p99_ms:.2f} ms", 15, 3),
    (lambda reading: _remaining(reading), 18, 0),
)


def describe(reading: Reading, room: int | None = None) -> str:
    """Render a reading as one line of text, of the parts for which there are `room` columns (default: all)."""
    left, chosen = room, []
    for index, (render, width, _) in sorted(enumerate(_PARTS), key=lambda part: part[1][2]):
        text = render(reading)
        if left is not None and text:
            if width > left + len(_SEPARATOR):
                continue
            left -= width
        chosen.append((index, text))
    return _SEPARATOR.join(text for _, text in sorted(chosen) if text)


def _remaining(reading: Reading) -> str:
    if reading.fraction is None:
        return ""
    left = "" if reading.seconds_left is None else f", {reading.seconds_left:.0f} s left"
    return f"{reading.fraction:.0%}{left}"


class PlainLines:
    """One line every two seconds, for logs and terminals that cannot redraw."""

    interval_s = PLAIN_INTERVAL_S

    def show(self, reading: Reading) -> None:
        print(describe(reading), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Do nothing: plain lines need no cleaning up."""


class LiveBar:
    """A bar that redraws itself; it pulses while the size of the input is unknown.

    Its length depends on the width of the terminal only: rich would take from the bar what the text is too long.
    """

    interval_s = LIVE_INTERVAL_S

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = BarColumn(bar_width=_BAR)
        self._progress = Progress(
            self._bar,
            TextColumn("{task.fields[text]}", markup=False),
            console=console(sys.stderr),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, text="")
        self._fit()
        self._progress.start()

    def show(self, reading: Reading) -> None:
        known = reading.fraction is not None
        room = self._fit()
        self._progress.update(
            self._task,
            total=1.0 if known else None,
            completed=reading.fraction if known else reading.done,
            text=describe(reading, room)[:room],
        )
        self._progress.refresh()

    def close(self) -> None:
        self._progress.stop()

    def _fit(self) -> int:
        """Choose the length of the bar, and return the columns beside it."""
        width = self._progress.console.width
        length = self._bar.bar_width = _BAR if width >= _WIDE else _SHORT_BAR
        return max(width - length - 1, 0)


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
