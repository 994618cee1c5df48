"""The children of a Parallel or Map in an execution that may be redriven (API reference RedriveExecution).

A redrive runs only the branches and iterations that have not succeeded, each from the state it had reached; the
results of the others are kept. So these Siblings keep the frame of every child entered until it succeeds, and can run
once more: the kept frames continue, and children never entered start. The effect on the history was measured
(radkawar/stackd `redrive_execution.json`): neither the fork nor such a child writes its start again.
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
    """Siblings that can be redriven.

    `frames`: the children that were entered and have not succeeded, by index. `is_taken_up`: they are about to
    continue. The caller numbers the remaining children from 0, here and in `count`; `_pending` maps these numbers to
    indices.
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
        """Whether every child has succeeded."""
        return len(self._left) == len(self.watched.results)

    def take_up(self, parent: Frame) -> None:
        """Prepare to run the remaining children in the frame of a redriven execution."""
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
