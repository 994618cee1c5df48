"""What Parallel and Map share: running nested programs and joining their results.

Theory of operation. Both make a `Siblings`: numbered children of one frame, each entered with its own frame and left
with its output. If no child can block, the children run here, one after another, within the step's own call. When the
time slice is over, or an expression of a child takes too long, the fork stores its progress in `frame.paused` and
raises `Paused`; the runtime yields to the event loop and calls the step again. If a child may block, the step waits
while the host runs them side by side.

The first child to fail ends the fork with the child's own error (recorded; the specification names
States.BranchFailed). AWS's history has an aborted event for the Task, Map, Parallel or Wait state that failed inside,
none for other states (recorded), and one for each such state in which another branch or iteration is cancelled because
of it (measured in floci-io/floci, `AslExecutorParallelCutTest`). What AWS writes for states nested deeper is unknown,
and nothing is written for them here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from express.deferral import OutOfTime, Patiently
from express.errors import StateError, ends_at_once
from express.program import WAITING, Frame, Paused, Step, StepRun

if TYPE_CHECKING:
    from express.program import Program
    from express.states.witness import Witness
    from express.types import JSON

#: State types that have a `<Type>StateAborted` event.
ABORTABLE = frozenset({"Task", "Map", "Parallel", "Wait"})

#: The cancelled siblings where children run one after another: none.
NOBODY_CUT: Mapping[int, Frame] = {}

#: Children between two time checks, and the maximum before yielding to the event loop: a virtual clock may stand
#: still.
_LOOK_EVERY = 16
_MOST_CHILDREN = 1024


class Siblings:
    """The children of one visit of a Parallel or Map. `index` and `running` are the progress of a paused fork;
    `sweeps`: some children can run without frames."""

    __slots__ = ("count", "index", "limit", "parent", "results", "running", "sweeps")

    def __init__(self, parent: Frame, count: int, limit: int) -> None:
        self.parent = parent
        self.count = count
        self.limit = limit
        self.results: list[JSON] = [None] * count
        self.index = 0
        self.running: Frame | None = None
        self.sweeps = False

    def sweep(self, first: int, last: int) -> int:
        """Run children from `first` up to, but excluding, `last` without frames, as far as possible. Returns the index
        of the first one that did not run; it has to be entered next."""
        return first

    def enter(self, index: int) -> Frame:
        """The frame of child `index`, ready to run. Raises StateError."""
        raise AssertionError(self)

    def leave(self, index: int, frame: Frame) -> None:
        """Keep the output of a child that has succeeded."""
        raise AssertionError(self)

    def tie(self, parent: Frame | None) -> None:
        """Set the parent frame, or clear it: a kept visit must not refer back to its execution."""
        self.parent = parent  # type: ignore[assignment]  # set whenever a child runs

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame] = NOBODY_CUT) -> None:
        """A child has failed; `frame` is None if it could not be entered. Raises unless the failure is tolerated.
        `cut`: the siblings cancelled by it, as in `Branches.fail`."""
        if not ends_at_once(error):
            ended = [*cut.values()] if frame is None else [frame, *cut.values()]
            self.parent.run.events += sum(child.step.type in ABORTABLE for child in ended)
        raise error


Begin = Callable[[Frame], Siblings]
Finish = Callable[[Frame, Any], Step]


def build_fork(
    step: Step, programs: tuple[Program, ...], begin: Begin, finish: Finish, witness: Witness | None = None
) -> None:
    """Build the closures of a Parallel or Map step.

    `begin` makes the siblings of a visit and counts the start event; `finish` processes their results. This function
    adds what every fork does around them: counting the events of entry, success and exit, and resetting the retry
    state.
    """
    step.events = 0
    step.events_on_failure = 1

    def begin_visit(frame: Frame) -> Siblings:
        run = frame.run
        if not frame.entered:
            run.events = frame.entered = run.events + 1
        siblings = begin(frame)
        run.fan_out += siblings.count
        return siblings

    def finish_visit(frame: Frame, siblings: Siblings) -> Step:
        run = frame.run
        run.events += 1
        try:
            following = finish(frame, siblings)
        except OutOfTime:
            run.events -= 1
            raise
        run.events += 1
        frame.entered = frame.entered_ns = 0
        frame.attempts = None
        return following

    begun: Begin = begin_visit
    finished: Finish = finish_visit
    if witness is not None:
        begun, finished = witness.watch_fork(step, begin_visit, finish_visit)
    if any(program.blocks for program in programs):
        step.blocks = True
        step.run = _run_side_by_side(begun, finished)
        step.resume = finished
    else:
        step.blocks = step.retries
        step.run = _run_here(begun, finished)


def _run_here(begin: Begin, finish: Finish) -> StepRun:
    def run(frame: Frame) -> Step:
        siblings: Siblings = frame.paused or begin(frame)
        host = frame.run.host
        advance, now = host.advance, host.monotonic_ns
        enter, leave, sweep = siblings.enter, siblings.leave, siblings.sweep
        index, count, sweeps = siblings.index, siblings.count, siblings.sweeps
        while index < count:
            child, done = siblings.running, 0
            if sweeps and child is None:
                done = sweep(index, min(count, index - index % _LOOK_EVERY + _LOOK_EVERY)) - index
            if not done:
                frame.paused = None
                try:
                    child = child or enter(index)
                except OutOfTime:
                    siblings.index, frame.paused = index, siblings
                    raise
                try:
                    done = advance(child)
                except StateError as error:
                    frame.paused = None
                    siblings.fail(index, child, error)
                    done = True
                else:
                    if done:
                        leave(index, child)
            index += done
            if not done or not index % _MOST_CHILDREN or (not index % _LOOK_EVERY and now() > host.slice_end):
                siblings.index, siblings.running, frame.paused = index, None if done else child, siblings
                if not done and child is not None:
                    # A child that does not block waits only for a deferred expression; the fork then waits for that.
                    frame.awaiting, child.awaiting = child.awaiting, None
                raise Paused
            siblings.running = None
        frame.paused = None
        try:
            return finish(frame, siblings)
        except OutOfTime:
            siblings.index, frame.paused = index, siblings
            raise

    return run


def _run_side_by_side(begin: Begin, finish: Finish) -> StepRun:
    async def join(frame: Frame, siblings: Siblings) -> Siblings:
        # Several children may be entered at once, so an ItemSelector cannot be deferred here.
        with Patiently(frame):
            await frame.run.host.run_side_by_side(frame, siblings)
        return siblings

    def run(frame: Frame) -> Step:
        siblings = begin(frame)
        if not siblings.count:
            return finish(frame, siblings)
        frame.awaiting = join(frame, siblings)
        return WAITING

    return run
