"""Computes the offset a consumer may commit while the messages of its log end out of order.

A log (a partition of Kafka, a MemoryLog) stores one number for a consumer: the offset before which everything is
done. The committable offset is therefore the lowest in flight, or the one after the last if none is in flight.
Counting consecutive offsets would not do: compaction leaves holes, and a consumer may start anywhere. The gap is what
lies between the watermark and the furthest message that has ended: done, but delivered again after a crash.
"""

from __future__ import annotations

from collections import deque


class Watermark:
    """Tracks offsets that begin in rising order and end in any; `start` is the first that will begin."""

    def __init__(self, start: int = 0) -> None:
        self._order: deque[int] = deque()
        self._ended: set[int] = set()
        self._furthest = start - 1
        self._next = start

    def begin(self, offset: int) -> None:
        """Mark a message as in flight. Raises ValueError unless its offset is beyond all before it."""
        if offset < self._next:
            raise ValueError(f"offset {offset} after {self._next - 1}")
        self._next = offset + 1
        self._order.append(offset)

    def end(self, offset: int) -> None:
        """Mark a message in flight as ended; repeating it has no effect."""
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
        """Offsets from the watermark to the furthest that has ended, repeated after a crash. Safe in any thread."""
        try:
            return max(self._furthest - self._order[0], 0)
        except IndexError:
            return 0
