"""Measures how long states and tasks take: an observer, attached only if a `Metrics` was asked for either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from express.counting import Histogram
from express.metrics import families
from express.observe import CHILD_HOOKS, STATE_HOOKS, TASK_HOOKS, Observer

if TYPE_CHECKING:
    from express.errors import StateError
    from express.metrics.labels import Caps
    from express.metrics.snapshot import Labels, Snapshot
    from express.types import JSON


class Durations(Observer):
    """Histograms of each attempt of a task, by resource, and of each visit of a state, by workflow and state."""

    def __init__(self, caps: Caps, *, tasks: bool, states: bool) -> None:
        hooks = (TASK_HOOKS if tasks else ()) + (STATE_HOOKS if states else ())
        self.hooks = (*hooks, "execution_ended", *CHILD_HOOKS)
        self._caps = caps
        self._tasks: dict[Labels, Histogram] = {}
        self._states: dict[Labels, Histogram] = {}
        #: Start of each frame's attempt (True) or visit (False), by running execution.
        self._begun: dict[Any, dict[tuple[Any, bool], int]] = {}
        #: Running child executions of distributed Maps, by parent.
        self._children: dict[Any, set[Any]] = {}
        self._parents: dict[Any, Any] = {}

    def execution_ended(self, run: Any, result: Any) -> None:
        self._forget(run)

    def child_started(self, parent: Any, run: Any, index: int) -> None:
        self._children.setdefault(parent.run, set()).add(run)
        self._parents[run] = parent.run

    def child_ended(self, run: Any, failure: StateError | None) -> None:
        siblings = self._children.get(self._parents.pop(run, None))
        if siblings is not None:
            siblings.discard(run)
        self._forget(run)

    def _forget(self, run: Any) -> None:
        """Drop the start times of an ended execution, and of the children it abandoned."""
        self._begun.pop(run, None)
        for child in self._children.pop(run, ()):
            self._parents.pop(child, None)
            self._forget(child)

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        self._begin(frame, task=False)

    def state_exited(self, frame: Any, name: str, data: JSON) -> None:
        self._leave(frame, name)

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None:
        self._leave(frame, name)

    def task_started(self, frame: Any, name: str, payload: JSON) -> None:
        self._begin(frame, task=True)

    def task_ended(self, frame: Any, name: str, failure: StateError | None) -> None:
        labels = (self._caps["resource"].label(frame.step.resource),)
        self._end(frame, True, self._tasks, labels)

    def _begin(self, frame: Any, *, task: bool) -> None:
        self._begun.setdefault(frame.run, {})[frame, task] = frame.run.host.monotonic_ns()

    def _leave(self, frame: Any, name: str) -> None:
        workflow = self._caps["workflow"].label(frame.run.machine.name)
        self._end(frame, False, self._states, (workflow, self._caps["state"].label(name)))

    def _end(self, frame: Any, task: bool, histograms: dict[Labels, Histogram], labels: Labels) -> None:
        begun = self._begun.get(frame.run, {}).pop((frame, task), None)
        if begun is not None:
            histogram = histograms.get(labels)
            if histogram is None:
                histogram = histograms[labels] = Histogram()
            histogram.observe(frame.run.host.monotonic_ns() - begun)

    def read(self, snapshot: Snapshot) -> None:
        """Add the observed durations; a series appears with its first observation."""
        for family, histograms in ((families.TASK_DURATION, self._tasks), (families.STATE_DURATION, self._states)):
            for labels, histogram in list(histograms.items()):
                snapshot.add_histogram(family, labels, histogram)
