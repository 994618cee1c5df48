"""The display during a load: that of `express run --events`, fed with the workers' reports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from express.cli.histogram import sum_of
from express.cli.load.quantities import NS_PER_S
from express.cli.progress import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.cli.load.generator import Progress
    from express.cli.progress import Display


class Live:
    """Turns the workers' progress into readings; `begin` and `length` of the whole load are in nanoseconds."""

    def __init__(
        self,
        display: Display | None,
        begin: int,
        length: int,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._display = display
        self._begin = begin
        self._length = length
        self._clock = clock
        self._shown = begin
        self._done = 0

    def hear(self, reports: Sequence[Progress]) -> None:
        """Show the reports if the display's interval has passed."""
        now = self._clock()
        if self._display is None or now - self._shown < self._display.interval_s * NS_PER_S:
            return
        done = sum(report.done for report in reports)
        rate = (done - self._done) * NS_PER_S / (now - self._shown)
        p50, p99 = sum_of(report.latencies for report in reports).percentiles((50, 99))
        self._display.show(
            Reading(
                done,
                sum(report.in_flight for report in reports),
                rate,
                p50 / 1e6,
                p99 / 1e6,
                fraction=min((now - self._begin) / self._length, 1.0),
                seconds_left=max(self._begin + self._length - now, 0) / NS_PER_S,
            )
        )
        self._shown, self._done = now, done
