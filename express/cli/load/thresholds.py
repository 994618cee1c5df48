"""Conditions that a measurement must meet for the command to succeed: `p99<5ms`, `rate>=10000`, `errors<0.1%`.

Latencies are those of executions that succeeded, from when they were due. Without any, a threshold on them is missed,
because nothing was shown. All thresholds are parsed before anything runs.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from express.cli.load.quantities import (
    parse_duration,
    parse_rate,
    parse_share,
    render_latency,
    render_rate,
    render_share,
)
from express.cli.status import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from express.cli.load.recording import Recording

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_FORM: Final = re.compile(r"\s*([A-Za-z][\w.]*)\s*(<=|>=|<|>)\s*(\S.*?)\s*")
_PERCENTILE: Final = re.compile(r"p(\d{1,3}(?:\.\d+)?)")

#: The terms of thresholds, for error messages.
TERMS: Final = "p50, p99, p99.9 (any percentile), mean, min, max, rate, errors, dropped"
_EXAMPLE: Final = "write for example 'p99<5ms', 'max<=1s', 'rate>=10000', 'errors<0.1%' or 'dropped<=0'"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a measurement: how to read it from a recording (None: it has none), parse it and show it."""

    read: Callable[[Recording], float | None]
    parse: Callable[[str], float]
    show: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Threshold:
    """One condition; `text` is how the user wrote it."""

    text: str
    measure: Measure
    comparison: str
    limit: float

    def verdict(self, recording: Recording) -> Verdict:
        value = self.measure.read(recording)
        if value is None:
            return Verdict(self.text, None, "no execution succeeded", kept=False)
        kept = _COMPARISONS[self.comparison](value, self.limit)
        return Verdict(self.text, value, self.measure.show(value), kept)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a threshold was kept, and what was measured: nanoseconds, executions per second or a fraction."""

    text: str
    value: float | None
    shown: str
    kept: bool


def parse_thresholds(texts: Iterable[str]) -> list[Threshold]:
    """Read every threshold; commas separate several in one text. Raises CommandError naming the first wrong one."""
    return [_parse(part.strip()) for text in texts for part in text.split(",")]


def _parse(text: str) -> Threshold:
    form = _FORM.fullmatch(text)
    if form is None:
        raise CommandError(f"--threshold {text!r} does not parse: it is TERM<VALUE, with <, <=, > or >=", hint=_EXAMPLE)
    term, comparison, limit = form.groups()
    measure = _measure(term)
    if measure is None:
        raise CommandError(f"--threshold {text!r}: unknown term {term!r}; the terms are {TERMS}", hint=_EXAMPLE)
    try:
        return Threshold(text, measure, comparison, measure.parse(limit))
    except ValueError as error:
        raise CommandError(f"--threshold {text!r}: {error}", hint=_EXAMPLE) from None


def _measure(term: str) -> Measure | None:
    percentile = _PERCENTILE.fullmatch(term)
    if percentile is None:
        return _MEASURES.get(term)
    rank = float(percentile[1])
    if not 0 < rank <= 100:
        return None
    return Measure(lambda recording: _latency(recording, rank), parse_duration, render_latency)


def _latency(recording: Recording, rank: float) -> int | None:
    latencies = recording.latencies()
    return latencies.percentiles((rank,))[0] if latencies.count else None


def _of_successes(read: Callable[[Recording], float]) -> Callable[[Recording], float | None]:
    return lambda recording: read(recording) if recording.succeeded else None


_MEASURES: Final[dict[str, Measure]] = {
    "mean": Measure(_of_successes(lambda one: one.latencies().mean), parse_duration, render_latency),
    "min": Measure(_of_successes(lambda one: one.latencies().minimum), parse_duration, render_latency),
    "max": Measure(_of_successes(lambda one: one.latencies().maximum), parse_duration, render_latency),
    "rate": Measure(lambda one: one.rate, lambda text: float(parse_rate(text)), render_rate),
    "errors": Measure(lambda one: one.error_share, parse_share, lambda value: render_share(value, 1)),
    "dropped": Measure(lambda one: one.dropped_share, parse_share, lambda value: render_share(value, 1)),
}
