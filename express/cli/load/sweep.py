"""`--sweep` repeats the load at rising rates until one is too high, which finds the knee.

The rate is doubled until a step does not hold, then the span between the last that held and the first that did not is
halved geometrically a few times. A step holds if nearly everything that was due was done, and if its p99 is not far
above that of the quiet steps. A machine has bad moments, so a step that does not hold is measured once more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from express.cli.load.charts import Axis, Line, latency_axis, line_chart, linear_axis, log_axis
from express.cli.load.measurement import RANKS
from express.cli.load.page import render_page
from express.cli.load.plots import bar
from express.cli.load.quantities import (
    NS_PER_MS,
    render_duration,
    render_latency,
    render_rate,
    render_share,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from express.cli.load.recording import Recording
    from express.cli.report import Row

#: The fraction of the due executions that must have ended for a step to hold.
KEPT_UP: Final = 0.95
#: Upper bound on a step's p99, as a multiple of the lowest p99 ...
GROWTH: Final = 10.0
#: ... and a p99 that is never too high: below it the cause is the machine, not a queue.
QUIET_NS: Final = 5 * NS_PER_MS
#: Upper bounds on the doublings in search of a rate that does not hold, and on the halvings after it.
DOUBLINGS: Final = 20
HALVINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One rate and its recording; `held` is the verdict."""

    rate: Fraction
    recording: Recording
    held: bool

    @property
    def percentiles(self) -> dict[str, int]:
        """Latencies by name (`p50`, ...), nanoseconds."""
        return dict(zip((f"p{rank:g}" for rank in RANKS), self.recording.latencies().percentiles(RANKS), strict=True))


@dataclass(slots=True)
class Sweep:
    """The steps in the order they were measured; `interrupted` if some are missing."""

    steps: list[Step] = field(default_factory=list)
    interrupted: bool = False

    @property
    def knee(self) -> Fraction | None:
        """The highest rate that held; None if not even the first did."""
        return max((step.rate for step in self.steps if step.held), default=None)

    @property
    def has_end(self) -> bool:
        """Whether a rate was found that did not hold."""
        return any(not step.held for step in self.steps)

    def by_rate(self) -> list[Step]:
        return sorted(self.steps, key=lambda step: step.rate)


def climb(measure: Callable[[Fraction], Recording | None], first: Fraction) -> Sweep:
    """Measure the steps. `measure` applies one rate; None from it ends the sweep."""
    sweep = Sweep()
    rate = first
    for _ in range(DOUBLINGS):
        step = _step(measure, rate, sweep)
        if step is None:
            return sweep
        if not step.held:
            break
        rate *= 2
    else:
        return sweep
    low, high = sweep.knee, rate
    for _ in range(HALVINGS if low is not None else 0):
        assert low is not None
        middle = Fraction(math.sqrt(low * high)).limit_denominator(1_000)
        step = _step(measure, middle, sweep)
        if step is None:
            break
        low, high = (middle, high) if step.held else (low, middle)
    return sweep


def _step(measure: Callable[[Fraction], Recording | None], rate: Fraction, sweep: Sweep) -> Step | None:
    lowest = min((step.percentiles["p99"] for step in sweep.steps), default=None)
    recording = measure(rate)
    if recording is not None and not holds(recording, lowest):
        recording = measure(rate)
    if recording is None:
        sweep.interrupted = True
        return None
    step = Step(rate, recording, holds(recording, lowest))
    sweep.steps.append(step)
    return step


def holds(recording: Recording, lowest_p99: int | None) -> bool:
    """Whether a rate was sustained; `lowest_p99` is that of the steps so far, in nanoseconds."""
    due = recording.started + recording.dropped
    if not recording.succeeded or recording.ended < KEPT_UP * due:
        return False
    p99 = recording.latencies().percentiles((99,))[0]
    return p99 <= max(QUIET_NS, GROWTH * (p99 if lowest_p99 is None else lowest_p99))


# --------------------------------------------------------------------------------------------------------- reports


def sections(sweep: Sweep, length: int) -> Iterator[tuple[str, list[Row]]]:
    """Headings and rows of the report; each step has measured `length` nanoseconds."""
    steps = sweep.by_rate()
    highest = max((step.percentiles["p99"] for step in steps), default=1)
    rows: list[Row] = [("rate", "throughput", "p50", "p99", "errors", "dropped", "", "p99, by ratio")]
    for step in steps:
        recording, latencies = step.recording, step.percentiles
        rows.append((
            render_rate(step.rate), render_rate(recording.rate),
            render_latency(latencies["p50"]), render_latency(latencies["p99"]),
            render_share(recording.error_share, 1), render_share(recording.dropped_share, 1),
            "" if step.held else "too high",
            bar(math.log(max(latencies["p99"], 2)) / math.log(max(highest, 2)), 24),
        ))  # fmt: skip
    yield "Latency against load", rows
    yield "Knee", [("highest rate that held", _knee(sweep)), ("measured", f"{render_duration(length)} each")]


def _knee(sweep: Sweep) -> str:
    if sweep.knee is None:
        return "none: the first was too high already; begin lower with --rate"
    if sweep.has_end:
        return render_rate(sweep.knee)
    return f"{render_rate(sweep.knee)}, and no end was found"


def render_sweep(sweep: Sweep, title: str, length: int) -> str:
    """The page of a sweep."""
    return render_page(title, sections(sweep, length), [latency_chart(sweep), throughput_chart(sweep)])


def latency_chart(sweep: Sweep) -> str:
    """Latency against load, both on logarithmic axes."""
    steps = [step for step in sweep.by_rate() if step.recording.succeeded]
    if len(steps) < 2:
        return ""
    lines = [
        Line(name, [(float(step.rate), float(max(step.percentiles[name], 1))) for step in steps], color)
        for name, color in (("p99", "--warning"), ("p50", "--accent"))
    ]
    values = [value for line in lines for _, value in line.points]
    return line_chart("Latency against load", _rates(steps), latency_axis(min(values), max(values), "latency"), lines)


def throughput_chart(sweep: Sweep) -> str:
    """Executions done against executions due."""
    steps = sweep.by_rate()
    if len(steps) < 2:
        return ""
    points = [(float(step.rate), step.recording.rate) for step in steps]
    up = linear_axis(max(value for _, value in points), "per second", "{:,.0f}".format)
    return line_chart("Throughput against load", _rates(steps), up, [Line("throughput", points)])


def _rates(steps: list[Step]) -> Axis:
    return log_axis(float(steps[0].rate), float(steps[-1].rate), "executions due per second", "{:,.0f}".format)
