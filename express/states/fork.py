"""What Parallel and Map share: running nested programs and joining their results.

Theory of operation. Both make a `Siblings`: numbered children of one frame, each entered with its own frame and left
with its output. The children run here, one after another, within the step's own call, until one of them has to wait:
it and the rest are then run side by side by the host, and the step waits for them. When the time slice is over, or an
expression of a child that cannot block takes too long, the fork stores its progress in `frame.paused` and raises
`Paused`; the runtime yields to the event loop and calls the step again.

The first child to fail ends the fork with the child's own error (recorded; the specification names
States.BranchFailed). AWS's history has an aborted event for the Task, Map, Parallel or Wait state that failed inside,
none for other states (recorded), and one for each such state in which another branch or iteration is cancelled because
of it (measured in floci-io/floci, `AslExecutorParallelCutTest`). What AWS writes for states nested deeper is unknown,
and nothing is written for them here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
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

#: Children until the first time check, and the maximum between two later ones.
_FEW = 16
_MANY = 64
#: Children before yielding to the event loop in any case: a virtual clock may stand still.
_MOST_CHILDREN = 1024


class Siblings:
    """The children of one visit of a Parallel or Map.

    `index` and `running` are the progress of a fork that is paused, or that the host continues: the next child, and
    its frame if it has begun. `sweeps`: some children can run without frames.
    """

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

    begun: Begin = begin_visit
    finished = _finishing(finish)
    if witness is not None:
        begun, finished = witness.watch_fork(step, begin_visit, finished)
    may_wait = any(program.blocks for program in programs)
    step.blocks = may_wait or step.retries
    step.run = _run_children(begun, finished, may_wait=may_wait)
    step.resume = finished


def build_reading_fork(step: Step, begin: Callable[[Frame], Awaitable[Siblings]], finish: Finish) -> None:
    """Build the closures of a Map that has to wait for its items; see `build_fork`. None of its expressions can be
    deferred."""
    step.events = 0
    step.events_on_failure = 1
    step.blocks = True

    async def visit(frame: Frame) -> Siblings:
        with Patiently(frame):
            siblings = await begin(frame)
            frame.run.fan_out += siblings.count
            if siblings.count:
                await frame.run.host.run_side_by_side(frame, siblings)
        return siblings

    def run(frame: Frame) -> Step:
        run = frame.run
        if not frame.entered:
            run.events = frame.entered = run.events + 1
        frame.awaiting = visit(frame)
        return WAITING

    step.run = run
    step.resume = _finishing(finish)


def _finishing(finish: Finish) -> Finish:
    """`finish`, which also counts the events of success and exit and resets the retry state."""

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

    return finish_visit


def _run_children(begin: Begin, finish: Finish, *, may_wait: bool) -> StepRun:
    """Run the children here, up to one that has to wait; that one and the rest then run side by side."""

    def run(frame: Frame) -> Step:
        siblings: Siblings = frame.paused or begin(frame)
        frame.paused = None
        host = frame.run.host
        advance, now = host.advance, host.monotonic_ns
        enter, leave, sweep = siblings.enter, siblings.leave, siblings.sweep
        index, count, sweeps, child = siblings.index, siblings.count, siblings.sweeps, siblings.running
        first, few = index, _FEW
        end = min(count, first + few)
        while index < count:
            if sweeps and child is None:
                index = sweep(index, end)
            if index < end:
                try:
                    child = child or enter(index)
                except OutOfTime:
                    siblings.index, siblings.running, frame.paused = index, None, siblings
                    raise
                try:
                    has_ended = advance(child)
                except StateError as error:
                    siblings.fail(index, child, error)
                else:
                    if not has_ended:
                        siblings.index, siblings.running = index, child
                        if may_wait and (child.awaiting is not None or child.delay):
                            frame.awaiting = _SideBySide(frame, siblings)
                            return WAITING
                        # A child that does not block waits only for a deferred expression; the fork then waits for it.
                        frame.paused, frame.awaiting, child.awaiting = siblings, child.awaiting, None
                        raise Paused
                    leave(index, child)
                child = None
                index += 1
            if index == end:
                if now() > host.slice_end or index - first >= _MOST_CHILDREN:
                    siblings.index, siblings.running, frame.paused = index, None, siblings
                    raise Paused
                # As many again may take as long again.
                few = min(2 * few, _MANY)
                end = min(count, index + few)
        try:
            return finish(frame, siblings)
        except OutOfTime:
            siblings.index, siblings.running, frame.paused = index, None, siblings
            raise

    return run


class _SideBySide:
    """Awaits the children from `Siblings.index` on, the first of which has begun."""

    __slots__ = ("_frame", "_siblings")

    def __init__(self, frame: Frame, siblings: Siblings) -> None:
        self._frame = frame
        self._siblings = siblings

    def interrupt(self) -> None:
        """The execution was stopped meanwhile: the child looks for itself."""

    def __await__(self) -> Generator[Any, Any, Siblings]:
        return self._run().__await__()

    async def _run(self) -> Siblings:
        # Several children may be entered at once, so an ItemSelector cannot be deferred here.
        with Patiently(self._frame):
            await self._frame.run.host.run_side_by_side(self._frame, self._siblings)
        return self._siblings
