"""Trust in a handler (`isolate=False`), which promises that its results are plain JSON that it will not change.

Its results are taken as they come, but the first of a state is looked through, and every 64th after it. Once one broke
the promise the trust is lost: from that result on, all in this state cross by value. A state has several ways to call
its handler (one by one, in a chain, for many items in a row, answered at once or later); they share one Trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.payload import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

#: How many results are taken as they come before one is looked through again.
TRUSTED_RESULTS = 63

_LOST = -1


class Trust:
    """The trust that one state has in its handler.

    `due`: so many results are still taken as they come. 0: the next one is looked through; less: the trust is lost.
    """

    __slots__ = ("_when_lost", "due")

    def __init__(self) -> None:
        self.due = 0
        self._when_lost: list[Callable[[], None]] = []

    @property
    def is_lost(self) -> bool:
        return self.due < 0

    def takes(self, result: JSON) -> bool:
        """Whether a result is taken as it is. It may be the one that loses the trust."""
        due = self.due
        if due > 0:
            self.due = due - 1
        elif due == 0 and is_plain(result):
            self.due = TRUSTED_RESULTS
        else:
            self.lose()
            return False
        return True

    def spend(self, results: int) -> None:
        """So many were taken as they came. Others may have been meanwhile."""
        if self.due > 0:
            self.due = max(self.due - results, 0)

    def lose(self) -> None:
        self.due = _LOST
        for act in self._when_lost:
            act()
        self._when_lost.clear()

    def when_lost(self, act: Callable[[], None]) -> None:
        """Do this when the trust is lost."""
        self._when_lost.append(act)
