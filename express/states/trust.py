"""Trust in a handler (`isolate=False`), which promises that its results are plain JSON that it will not change.

Results of such a handler are not copied, and only a state's first result and every 64th after it are checked. The
first result that breaks the promise ends the trust: from that one on, all results in this state cross by value. The
ways in which a state calls its handler (one by one, in a chain, for many items in a row, answered at once or later)
share one Trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.payload import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

#: Results accepted unchecked between two checks.
TRUSTED_RESULTS = 63

_LOST = -1


class Trust:
    """The trust of one state in its handler.

    `due`: how many more results are accepted unchecked. 0: the next one is checked; negative: the trust is lost.
    """

    __slots__ = ("_when_lost", "due")

    def __init__(self) -> None:
        self.due = 0
        self._when_lost: list[Callable[[], None]] = []

    @property
    def is_lost(self) -> bool:
        return self.due < 0

    def takes(self, result: JSON) -> bool:
        """Whether a result is accepted as it is. A result that breaks the promise ends the trust."""
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
        """Count results that were accepted unchecked. Other calls may have counted some meanwhile."""
        if self.due > 0:
            self.due = max(self.due - results, 0)

    def lose(self) -> None:
        self.due = _LOST
        for act in self._when_lost:
            act()
        self._when_lost.clear()

    def when_lost(self, act: Callable[[], None]) -> None:
        """Register a callback for the loss of the trust."""
        self._when_lost.append(act)
