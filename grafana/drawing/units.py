"""Numbers as Grafana writes them: three digits that matter and the unit of the panel.

Grafana's value formats: packages/grafana-data/src/valueFormats/categories.ts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DURATIONS = (
    (1e-6, 1e-9, "ns"),
    (1e-3, 1e-6, "µs"),
    (1.0, 1e-3, "ms"),
    (60.0, 1.0, "s"),
    (3_600.0, 60.0, "mins"),
    (86_400.0, 3_600.0, "hours"),
    (math.inf, 86_400.0, "days"),
)


def _digits(value: float, decimals: int | None) -> str:
    """With so many decimals; by default as many as make three digits, trailing zeros left out."""
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(value: float, decimals: int | None, step: float, prefixes: tuple[str, ...], suffix: str) -> str:
    power = 0
    while abs(value) >= step and power < len(prefixes) - 1:
        value /= step
        power += 1
    return f"{_digits(value, decimals)}{prefixes[power]}{suffix}"


def _seconds(value: float, decimals: int | None) -> str:
    if value == 0:
        return "0 s"
    for limit, unit, name in _DURATIONS:
        if abs(value) < limit:
            return f"{_digits(value / unit, decimals)} {name}"
    return str(value)


def _short(value: float, decimals: int | None) -> str:
    return _scaled(value, decimals, 1_000, ("", " K", " Mil", " Bil"), "")


def _per_second(value: float, decimals: int | None) -> str:
    return _scaled(value, decimals, 1_000, (" ops/s", "K ops/s", "M ops/s"), "")


def _bytes(value: float, decimals: int | None) -> str:
    return _scaled(value, decimals, 1_024, (" B", " KiB", " MiB", " GiB", " TiB"), "")


def _decimal_bytes(value: float, decimals: int | None) -> str:
    return _scaled(value, decimals, 1_000, (" B", " kB", " MB", " GB", " TB"), "")


def _share(value: float, decimals: int | None) -> str:
    return f"{_digits(value * 100, decimals)}%"


def _dollars(value: float, decimals: int | None) -> str:
    return f"${_scaled(value, decimals, 1_000, ('', 'K', 'M'), '')}"


_FORMATS: dict[str, Callable[[float, int | None], str]] = {
    "s": _seconds,
    "short": _short,
    "ops": _per_second,
    "bytes": _bytes,
    "decbytes": _decimal_bytes,
    "percentunit": _share,
    "currencyUSD": _dollars,
    "none": _digits,
    "string": _digits,
}

#: The units that panels here may have.
UNITS = frozenset(_FORMATS)


def format_value(value: float, unit: str, decimals: int | None = None) -> str:
    """The value in this unit of Grafana, `-` when there is none."""
    return _FORMATS[unit](value, decimals) if math.isfinite(value) else "-"
