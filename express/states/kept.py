"""The children of a Parallel or Map in an execution that may be taken up again (API reference RedriveExecution).

Redriving runs only those branches and iterations again that have not ended well, each from the state it had come to;
the results of the others are kept. So these Siblings remember every child they have entered until it has ended well,
and can run once more: with the frames that are left, then with the children nobody had entered. What comes of that in
the history was measured (radkawar/stackd `redrive_execution.json`): neither the fork nor such a child begins again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.states.fork import NOBODY_CUT
from express.states.watched import WrittenSiblings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from express.errors import StateError
    from express.program import Frame, Step
    from express.states.fork import Siblings
    from express.states.history import HistoryWriter
    from express.states.witness import Witness


class KeptSiblings(WrittenSiblings):
    """`frames`: the children that were entered and have not ended well, by their index. `is_taken_up`: they are about
    to go on. Whoever runs them counts from 0 what is still to be done, here and in `count`; `_pending` are the indices
    behind those numbers.
    """

    __slots__ = ("_left", "_pending", "frames", "is_taken_up")

    def __init__(self, watched: Siblings, witness: Witness, history: HistoryWriter, step: Step) -> None:
        super().__init__(watched, witness, history, step)
        self.frames: dict[int, Frame] = {}
        self.is_taken_up = False
        self._pending: Sequence[int] = range(self.count)
        self._left: set[int] = set()

    @property
    def has_ended(self) -> bool:
        """Whether every child has ended well."""
        return len(self._left) == len(self.watched.results)

    def take_up(self, parent: Frame) -> None:
        """Run once more, in a frame that has been taken up."""
        self.tie(parent)
        self._pending = [index for index in self._pending if index not in self._left]
        self.count = len(self._pending)
        self.index, self.running = 0, None
        self.is_taken_up = True

    def enter(self, index: int) -> Frame:
        child = self._pending[index]
        frame = self.frames.get(child)
        if frame is None:
            frame = self.frames[child] = super().enter(child)
        return frame

    def leave(self, index: int, frame: Frame) -> None:
        child = self._pending[index]
        super().leave(child, frame)
        self._left.add(child)
        del self.frames[child]

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame] = NOBODY_CUT) -> None:
        super().fail(self._pending[index], frame, error, {self._pending[other]: cut[other] for other in cut})
