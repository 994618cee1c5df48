"""Time-limited searching with the `regex` package.

A carelessly written pattern can take exponential time on a malicious string, but nothing may block the event loop for
long (design law 8). Python's `re` cannot be interrupted; the `regex` package can: it checks the processor's clock
every 256 steps. The check costs some microseconds per search, so a text that is too short for its pattern to take
long is searched without a timeout.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, Any, Final

import regex

if TYPE_CHECKING:
    from collections.abc import Callable

#: Base timeout of one search, in seconds.
_SECONDS: Final = 0.005
#: Extra time per character, so that one pass over a long string, even in small steps as for `(?:ab)*`, fits.
_SECONDS_A_CHARACTER: Final = 25e-9
_MOST_SECONDS: Final = 0.009
#: The timeout of a second try. The clock is that of the process and runs on where the machine pauses or other threads
#: work: it has used up the time of searches that take microseconds.
_SECOND_TRY: Final = 0.0005

#: Steps that need no timeout: one or two milliseconds.
CALM: Final = 200_000
#: Upper bound of the minimum match length: the package unrolls it, which slows its compilation.
UNROLLED: Final = 5_000


def calm_length(ways: int, power: int) -> int:
    """The maximum length of texts for which a search takes at most `CALM` steps; 0 if there is none.

    A search in n characters takes `ways * n ** power / power!` steps.
    """
    return 0 if ways > CALM else int((CALM * factorial(power) / ways) ** (1 / power))


def seconds_for(subject: str) -> float:
    """The timeout of a search in a string, in seconds: 5 milliseconds, up to 9 for the longest."""
    return min(_SECONDS + len(subject) * _SECONDS_A_CHARACTER, _MOST_SECONDS)


class TimedRegex:
    """A pattern of the `regex` package.

    `calm`: the maximum length of texts for which a search is certainly short, whatever they hold. `patient`: the same
    pattern for longer texts, written so that no single step takes long; it is compiled on first use, since few
    patterns meet such texts. Raises `regex.error`.
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
        try:
            return self._search_timed(subject, position, timeout=seconds_for(subject))
        except TimeoutError:
            return self._search_timed(subject, position, timeout=_SECOND_TRY)


def _compile(text: str, flags: int) -> Callable[..., Any]:
    search: Callable[..., Any] = regex.compile(text, flags, cache_pattern=False).search
    return search
