"""What of a log may be committed while its messages end out of order.

A log (a partition of Kafka, a MemoryLog) knows one number of a consumer: the offset before which everything is done.
So what is committed is the lowest offset in flight, or the one after the last if nothing is. Not "as far as all have
ended in a row": offsets have holes where a log was compacted, and a consumer may start anywhere. What lies between the
watermark and the furthest message that has ended is done and will be delivered again after a crash: the gap.
"""

from __future__ import annotations

from collections import deque


class Watermark:
    """Offsets begin in rising order and end in any. `start` is the first that will."""

    def __init__(self, start: int = 0) -> None:
        self._order: deque[int] = deque()
        self._ended: set[int] = set()
        self._furthest = start - 1
        self._next = start

    def begin(self, offset: int) -> None:
        """A message is in flight. Raises ValueError for an offset that is not beyond all before it."""
        if offset < self._next:
            raise ValueError(f"offset {offset} after {self._next - 1}")
        self._next = offset + 1
        self._order.append(offset)

    def end(self, offset: int) -> None:
        """A message that was in flight has ended. To say so again makes no difference."""
        order, ended = self._order, self._ended
        if not order or not order[0] <= offset < self._next:
            return
        ended.add(offset)
        self._furthest = max(self._furthest, offset)
        while order and order[0] in ended:
            ended.remove(order.popleft())

    @property
    def committable(self) -> int:
        """The offset before which everything is done."""
        return self._order[0] if self._order else self._next

    @property
    def gap(self) -> int:
        """Offsets from the watermark to the furthest that has ended: what a crash may have done again in vain. May be
        asked for in any thread."""
        try:
            return max(self._furthest - self._order[0], 0)
        except IndexError:
            return 0
