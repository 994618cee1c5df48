"""The children of a Parallel or Map with observers: Siblings that wrap Siblings.

`WatchedSiblings` tell observers of each child, `WrittenSiblings` also write the history of a fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.errors import ends_at_once
from express.states.fork import ABORTABLE, NOBODY_CUT, Siblings
from express.states.history import HistoryWriter, Trail, trail_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.errors import StateError
    from express.program import Frame, Step
    from express.states.witness import Witness
    from express.types import JSON


class WatchedSiblings(Siblings):
    """Siblings whose children are announced to observers."""

    __slots__ = ("_witness", "watched")

    def __init__(self, watched: Siblings, witness: Witness) -> None:
        super().__init__(watched.parent, watched.count, watched.limit)
        self.watched = watched
        self._witness = witness

    def enter(self, index: int) -> Frame:
        frame = self.watched.enter(index)
        self._witness.branch_started(self.parent, frame, index)
        return frame

    def leave(self, index: int, frame: Frame) -> None:
        self.watched.leave(index, frame)

    def tie(self, parent: Frame | None) -> None:
        super().tie(parent)
        self.watched.tie(parent)

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame] = NOBODY_CUT) -> None:
        self.watched.fail(index, frame, error, cut)


class WrittenSiblings(WatchedSiblings):
    """Siblings whose history is written.

    Branches follow from the start of the fork, and so do as many iterations as may run at once; each further iteration
    follows from the one whose end made room for it (recorded for one at a time).
    """

    __slots__ = ("_first", "_history", "_is_map", "_last", "_name")

    def __init__(self, watched: Siblings, witness: Witness, history: HistoryWriter, step: Step) -> None:
        super().__init__(watched, witness)
        self._history = history
        self._name = step.name
        self._is_map = step.type == "Map"
        self._first = self._last = trail_of(watched.parent).last

    def enter(self, index: int) -> Frame:
        before = self._first if index < self.limit else self._last
        frame = super().enter(index)
        if self._is_map:
            number = self.parent.run.events
            self._tell(index, "Started", number, before)
            before = number
        frame.trail = Trail(before)
        return frame

    def leave(self, index: int, frame: Frame) -> None:
        super().leave(index, frame)
        self._join(frame)
        if self._is_map:
            number = frame.run.events
            self._tell(index, "Succeeded", number, self._last)
            # The end of the Map follows from this event; the next iteration does not.
            trail_of(self.parent).last = number

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame] = NOBODY_CUT) -> None:
        if frame is not None:
            self._join(frame)
        if not ends_at_once(error):
            self._tell_of_failure(index, frame, cut)
        super().fail(index, frame, error, cut)

    def _tell_of_failure(self, index: int, failed: Frame | None, cut: Mapping[int, Frame]) -> None:
        """Write the events of a failure, which all follow from the last event of the failed child: first those of the
        cancelled siblings (measured in floci-io/floci), then the end of the failed child, then that of the state in it
        (measured, radkawar/stackd `redrive_execution.json`)."""
        number, last = self.parent.run.events, self._last if self._is_map else trail_of(self.parent).last
        for other, frame in sorted(cut.items()):
            if self._is_map:
                number += 1
                self._tell(other, "Aborted", number, last)
            if frame.step.type in ABORTABLE:
                number += 1
                self._history.aborted(frame, number, last)
        if failed is None:
            return
        if self._is_map:
            number += 1
            self._tell(index, "Failed", number, last)
        if failed.step.type in ABORTABLE:
            self._history.aborted(failed, number + 1, last)

    def _join(self, frame: Frame) -> None:
        """A child has ended: the next event follows from its last one."""
        last = trail_of(self.parent).last = trail_of(frame).last
        if self._is_map:
            self._last = last

    def _tell(self, index: int, what: str, number: int, previous: int) -> None:
        details: dict[str, JSON] = {"name": self._name, "index": index}
        self._history.write(self.parent, number, f"MapIteration{what}", details, previous=previous, aside=True)
