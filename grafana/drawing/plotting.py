"""Scales, ticks and stacks: the arithmetic between a query's answer and the lines of a panel."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana.drawing.svg import Area, Point

#: A series in a stack: (moment, where it begins, where it ends).
Layer: TypeAlias = "list[tuple[float, float, float]]"

#: Steps of a linear axis, as multiples of a power of ten.
_NICE = (1, 2, 2.5, 5, 10)
_TIME_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` on a vertical axis of an area, in its pixels."""

    low: float
    high: float
    area: Area
    logarithmic: bool = False
    #: What units grow by: 1024 for bytes, so that ticks are round in KiB and MiB.
    base: float = 10

    def y(self, value: float) -> float:
        share = (self._position(value) - self._position(self.low)) / (
            self._position(self.high) - self._position(self.low)
        )
        return self.area.bottom - max(0.0, min(share, 1.0)) * self.area.height

    def _position(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.logarithmic else value

    def ticks(self, count: int = 4) -> list[float]:
        """About so many values to be marked, all within the scale."""
        if not self.logarithmic:
            step = nice_step((self.high - self.low) / count, self.base)
            first = math.ceil(self.low / step - 1e-9)
            return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]
        decades = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
        return [10.0**decade for decade in decades][:: max(1, math.ceil(len(decades) / (count + 1)))]


def nice_step(step: float, base: float = 10) -> float:
    """The next larger step people like to read, in a unit that grows by `base`."""
    if step <= 0:
        return 1.0
    unit = 1.0 if base == 10 else base ** math.floor(math.log(step, base))
    power = 10.0 ** math.floor(math.log10(step / unit))
    return unit * next(nice * power for nice in _NICE if nice * power >= step / unit * (1 - 1e-9))


def scale_for(
    values: Sequence[float],
    area: Area,
    *,
    logarithmic: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    base: float = 10,
) -> Scale:
    """A scale that shows all the values, from zero unless it is logarithmic, and ends at a tick."""
    if logarithmic:
        positive = [value for value in values if value > 0] or [1.0]
        low = 10.0 ** math.floor(math.log10(min(positive)))
        high = 10.0 ** math.ceil(math.log10(max(positive)))
        return Scale(low, high if high > low else low * 10, area, logarithmic=True)
    low = min([0.0, *values]) if minimum is None else minimum
    high = max(values, default=0.0) if maximum is None else maximum
    if high <= low:
        high = low + 1
    if maximum is None:
        step = nice_step((high - low) / 4, base)
        high = math.ceil(high / step - 1e-9) * step
    return Scale(low, high, area, base=base)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A span of time, in seconds since the epoch, along an area."""

    start: float
    end: float
    area: Area

    def x(self, at: float) -> float:
        return self.area.x + (at - self.start) / (self.end - self.start) * self.area.width

    def ticks(self) -> list[tuple[float, str]]:
        """Round moments with what a clock says then."""
        wanted = (self.end - self.start) / max(self.area.width / 90, 1)
        step = next((step for step in _TIME_STEPS if step >= wanted), _TIME_STEPS[-1])
        form = "%H:%M" if step >= 60 else "%H:%M:%S"
        first = math.ceil(self.start / step)
        moments = [index * step for index in range(first, math.floor(self.end / step) + 1)]
        return [(moment, time.strftime(form, time.gmtime(moment))) for moment in moments]


def runs_of_numbers(points: Sequence[Point]) -> list[list[Point]]:
    """The points in unbroken runs: where a value is no number, the line has a gap."""
    runs: list[list[Point]] = [[]]
    for at, value in points:
        if math.isfinite(value):
            runs[-1].append((at, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def stack(series: Sequence[Sequence[Point]]) -> list[Layer]:
    """Each series on top of those before it. What is missing adds nothing."""
    below: dict[float, float] = {}
    stacked = []
    for points in series:
        layer = []
        for at, value in points:
            base = below.get(at, 0.0)
            top = base + (value if math.isfinite(value) else 0.0)
            below[at] = top
            layer.append((at, base, top))
        stacked.append(layer)
    return stacked
