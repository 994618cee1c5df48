"""Searching with the `regex` package, within a time.

A pattern written carelessly can take exponential time on a string chosen with malice, and nothing may hold the loop
for long (design law 8). Python's `re` cannot be stopped; the `regex` package can, it looks at the processor's clock
every 256 steps. Looking costs some microseconds in each search, so texts so short that their pattern cannot take long
are searched without.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, Any, Final

import regex

if TYPE_CHECKING:
    from collections.abc import Callable

#: What one search may take, in seconds.
_SECONDS: Final = 0.005
#: So that going over a long string once, even in small steps as for `(?:ab)*`, is not too long.
_SECONDS_A_CHARACTER: Final = 25e-9
_MOST_SECONDS: Final = 0.009

#: Steps that need no clock: one or two milliseconds.
CALM: Final = 200_000
#: The package unrolls what a pattern takes at the least; more would take it long to compile.
UNROLLED: Final = 5_000


def calm_length(ways: int, power: int) -> int:
    """The length of texts up to which a search takes at most `CALM` steps, where there are `ways * n ** power` ways to
    match n characters; 0 for none."""
    return 0 if ways > CALM else int((CALM * factorial(power) / ways) ** (1 / power))


def seconds_for(subject: str) -> float:
    """What one search in a string may take, in seconds: 5 milliseconds, 9 in the longest."""
    return min(_SECONDS + len(subject) * _SECONDS_A_CHARACTER, _MOST_SECONDS)


class TimedRegex:
    """A pattern of the `regex` package.

    `calm`: the length of texts up to which a search is certainly short, whatever they hold. `patient`: the same
    pattern for longer ones, written so that none of its steps takes long; as few patterns meet any, it is compiled
    for the first. Raises `regex.error`.
    """

    __slots__ = ("_calm", "_flags", "_patient", "_search_calm", "_search_timed")

    def __init__(self, text: str, patient: str, flags: int, calm: int) -> None:
        self._calm = calm
        self._patient = patient
        self._flags = flags
        self._search_calm: Callable[..., Any] = _compile(text if calm else patient, flags)
        self._search_timed: Callable[..., Any] | None = None if calm else self._search_calm

    def search(self, subject: str, position: int = 0) -> regex.Match[str] | None:
        """The first match that begins at `position` or later. Raises TimeoutError."""
        if len(subject) <= self._calm:
            return self._search_calm(subject, position)
        if self._search_timed is None:
            self._search_timed = _compile(self._patient, self._flags)
        return self._search_timed(subject, position, timeout=seconds_for(subject))


def _compile(text: str, flags: int) -> Callable[..., Any]:
    search: Callable[..., Any] = regex.compile(text, flags, cache_pattern=False).search
    return search
