"""Searching with the `regex` package, within a time.

A pattern written carelessly can take exponential time on a string chosen with malice, and nothing may hold the loop
for long (design law 8). Python's `re` cannot be stopped; the `regex` package can, it looks at the processor's clock
every 256 steps. Looking costs some microseconds in each search, so texts so short that their pattern cannot take long
are searched without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import regex

if TYPE_CHECKING:
    from collections.abc import Callable

#: What one search may take, in seconds: long enough to go over a string once in small steps, `(?:ab)*`.
_SECONDS: Final = 0.01
_SECONDS_A_CHARACTER: Final = 50e-9


def seconds_for(subject: str) -> float:
    """What one search in a string may take; on one of 256 KiB about twice as much as on a short one."""
    return _SECONDS + len(subject) * _SECONDS_A_CHARACTER


class TimedRegex:
    """A pattern of the `regex` package.

    `calm`: the length of texts up to which a search is certainly short, whatever they hold. `patient`: the same
    pattern for longer ones, written so that none of its steps takes long. Either is compiled when there is the first
    text for it: that takes a millisecond or more, and a pattern seldom meets both kinds. Raises `regex.error` then.
    """

    __slots__ = ("_calm", "_flags", "_patient", "_search_calm", "_search_timed", "_text")

    def __init__(self, text: str, patient: str, flags: int, calm: int) -> None:
        self._calm = calm
        self._text = text
        self._patient = patient
        self._flags = flags
        self._search_calm: Callable[..., Any] | None = None
        self._search_timed: Callable[..., Any] | None = None

    def search(self, subject: str, position: int = 0) -> regex.Match[str] | None:
        """The first match that begins at `position` or later. Raises TimeoutError."""
        if len(subject) <= self._calm:
            if self._search_calm is None:
                self._search_calm = regex.compile(self._text, self._flags, cache_pattern=False).search
            return self._search_calm(subject, position)
        if self._search_timed is None:
            self._search_timed = regex.compile(self._patient, self._flags, cache_pattern=False).search
        return self._search_timed(subject, position, timeout=seconds_for(subject))
