"""Parses and renders rates, durations and shares the way people write and read them (`5k/s`, `250ms`, `0.1%`).

Rates are exact fractions, so that the millionth start of a schedule is on time; durations are whole nanoseconds. Text
that cannot be parsed raises ValueError that says what would be right.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

_DURATION_UNITS: Final = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": NS_PER_MS,
    "s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3_600 * NS_PER_S,
}  # fmt: skip
_MULTIPLES: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_PERIODS: Final = {"s": 1, "m": 60, "h": 3_600}

_NUMBER: Final = r"\d+(?:\.\d+)?|\.\d+"
_DURATION: Final = re.compile(rf"({_NUMBER})\s*(ns|us|µs|μs|ms|s|m|h)")
_RATE: Final = re.compile(rf"({_NUMBER})\s*([kKM]?)(?:/(s|m|h))?")
_SHARE: Final = re.compile(rf"({_NUMBER})\s*%")


def parse_duration(text: str) -> int:
    """Nanoseconds of `10s`, `250ms`, `1m30s`; the unit is required, because `5` is ambiguous."""
    position, total = 0, Fraction(0)
    stripped = text.strip()
    while match := _DURATION.match(stripped, position):
        total += Fraction(match[1]) * _DURATION_UNITS[match[2]]
        position = match.end()
    if not stripped or position != len(stripped):
        raise ValueError(f"{text!r} is no duration; write 500us, 5ms, 30s, 2m or 1m30s")
    return int(total)


def parse_rate(text: str) -> Fraction:
    """Executions per second of `1000`, `5k`, `0.5`, `100/s`, `6000/m`."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no rate; write 1000, 5k, 100/s or 6000/m (executions per second if not said)")
    number, multiple, period = match.groups()
    return Fraction(number) * _MULTIPLES[multiple.lower()] / _PERIODS[period or "s"]


def parse_share(text: str) -> float:
    """The fraction that `0.1%` is; 0 needs no percent sign."""
    match = _SHARE.fullmatch(text.strip())
    if match is not None:
        return float(Fraction(match[1]) / 100)
    if re.fullmatch(r"0+(\.0+)?", text.strip()):
        return 0.0
    raise ValueError(f"{text!r} is no share; write a percentage: 0.1%, 5% or 0")


def render_rate(rate: float | Fraction) -> str:
    """`9,484/s`, with decimals for small rates."""
    value = float(rate)
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}/s"


def render_latency(nanoseconds: float) -> str:
    """Three significant digits in the unit that suits: `850 ns`, `12.3 us`, `4.56 ms`, `1.20 s`."""
    for unit, limit in (("ns", 1e3), ("us", 1e6), ("ms", 1e9)):
        if nanoseconds < limit * 0.9995:
            return f"{_three_digits(nanoseconds / (limit / 1e3))} {unit}"
    return f"{_three_digits(nanoseconds / 1e9)} s"


def _three_digits(value: float) -> str:
    digits = 0 if value >= 99.95 or value == int(value) else 1 if value >= 9.995 else 2
    return f"{value:,.{digits}f}"


def render_duration(nanoseconds: int) -> str:
    """A requested length of time in its shortest form: `30 s`, `1.5 s`, `200 ms`."""
    if nanoseconds and nanoseconds < NS_PER_S:
        return f"{nanoseconds / NS_PER_MS:g} ms"
    return f"{nanoseconds / NS_PER_S:g} s"


def render_share(part: float, whole: float) -> str:
    """`1.60%`; 0 if `whole` is 0."""
    return f"{part / whole if whole else 0:.2%}"
