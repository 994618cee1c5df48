"""The display's readings: from the reports of all workers, as often as the display wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.cli.histogram import Histogram
from express.cli.load.generator import Progress
from express.cli.load.live import Live

if TYPE_CHECKING:
    from express.cli.progress import Reading

SECOND = 1_000_000_000


class Screen:
    interval_s = 1.0

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def show(self, reading: Reading) -> None:
        self.readings.append(reading)

    def close(self) -> None:
        """Nothing to put back."""


def progress(done: int, in_flight: int, *milliseconds: int) -> Progress:
    latencies = Histogram()
    for value in milliseconds:
        latencies.record(value * 1_000_000)
    return Progress(done, in_flight, latencies)


def test_readings_add_up_the_workers() -> None:
    times = iter([5.0, 5.5, 6.1, 7.0, 15.0])
    screen = Screen()
    live = Live(screen, 5 * SECOND, 8 * SECOND, clock=lambda: int(next(times) * SECOND))
    for done in (0, 100, 110, 200, 400):
        live.hear([progress(done, 3, 1, 1), progress(2 * done, 4, 9)])
    assert [reading.done for reading in screen.readings] == [330, 1_200]
    first, last = screen.readings
    assert (first.in_flight, round(first.rate), round(last.rate, 1)) == (7, 300, 97.8)
    assert (round(first.p50_ms), round(first.p99_ms)) == (1, 9)
    assert (first.fraction, last.fraction, last.seconds_left) == (1.1 / 8, 1.0, 0.0)


def test_without_a_display_nothing_is_shown() -> None:
    Live(None, 0, SECOND, clock=lambda: 10 * SECOND).hear([progress(1, 1, 1)])
