"""Redriving executions that have not succeeded.

Theory of operation. An execution that ends early leaves its frames as they were: the state each had reached, that
state's input, the variables. A `Checkpoint` keeps them and, for a Parallel or inline Map, the frames of the children
that had not succeeded and the results of those that had (`states.kept`). On a redrive they all continue in the same
`Run`: the same name, the same start, and event numbers that continue its own; only its timeout and its Retry counters
begin anew.

The state a frame has reached was entered already. A step made for it (`_again`) performs it once more and knows its
entry: nothing is counted twice, `State.EnteredTime` and error causes refer to the first entry (measured,
radkawar/stackd `redrive_execution.json`). After it the machine's own steps run.

AWS redrives the failed children of a distributed Map; here the state runs again as a whole.

Redriving needs an observer that keeps places (`Observer.keeps_places`): without the history it is unknown what was
entered.

Sources: API reference RedriveExecution; AWS guide "Restarting state machine executions with redrive".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.errors import DATA_LIMIT_EXCEEDED, StateError, forget_trace
from express.program import END, FAILED, WAITING, Redrive, Step
from express.runtime.execution import settle
from express.states.history import trail_of

if TYPE_CHECKING:
    from express.program import Frame, Run
    from express.result import Result


class Checkpoint:
    """The point that an execution had reached when it ended with `result`, which must not be a success.

    Its frames do not reference the execution, so memory is freed with the checkpoint. It is valid for one `resume`.
    """

    __slots__ = ("_run",)

    def __init__(self, run: Run, result: Result) -> None:
        self._run = run
        _part(run, whole=result.error == DATA_LIMIT_EXCEEDED)

    def resume(self, now: int, time_ns: int) -> Run:
        """The execution, ready to continue; `now` is monotonic, `time_ns` since the epoch, both in nanoseconds.

        Two events are counted: the one that ended it, and ExecutionRedriven.
        """
        run = self._run
        known = run.redrive
        count, first_ns = (0, run.started_ns) if known is None else (known.count, known.first_ns)
        run.redrive = Redrive(count + 1, time_ns, first_ns)
        run.started_ns = now
        run.events += 2
        run.task = run.stopping = None
        run.cancelled = run.called_off = run.yielding = False
        _take_up(run, run)
        return run


def _part(frame: Frame, *, whole: bool) -> None:
    """Remove the references from a frame to its execution, and from the children it has left.

    whole: the data was too long; a fork whose children have all succeeded has then failed itself, and runs again from
        its beginning (guide, "Redrive behavior of individual states").
    """
    frame.run = None  # type: ignore[assignment]  # until it is resumed
    trail = trail_of(frame)
    fork = trail.fork
    if fork is None:
        return
    fork.tie(None)
    if whole and fork.has_ended:
        trail.fork = None
    for child in fork.frames.values():
        _part(child, whole=whole)


def _take_up(frame: Frame, run: Run) -> None:
    frame.run = run
    frame.attempts = frame.awaiting = frame.item = frame.paused = frame.deferral = None
    frame.delay = frame.entered = frame.entered_ns = 0
    trail = trail_of(frame)
    if trail.is_over:
        frame.step = _OVER
        return
    if not trail.visiting:
        # Between two states: the next one has yet to be entered.
        return
    fork = trail.fork
    if fork is not None:
        fork.take_up(frame)
        for child in fork.frames.values():
            _take_up(child, run)
    elif frame is run and frame.step.type == "Fail":
        # The next event is the end of the execution, whose previous event is ExecutionRedriven (measured).
        trail.last = run.events
    else:
        trail.last = trail.entered
    frame.step = _again(frame.step, trail.entered, trail.entered_ns)


def _again(step: Step, entered: int, entered_ns: int) -> Step:
    """A step that performs `step`, whose state was entered before, by event `entered`."""
    again = Step(step.name, step.type)
    again.events = 0

    def run(frame: Frame) -> Step:
        frame.step, frame.entered, frame.entered_ns = step, entered, entered_ns
        try:
            following = step.run(frame)
        except StateError as error:
            forget_trace(error)
            frame.failure = error
            following = FAILED
        if following is FAILED:
            step.failed_at_once += 1
            return settle(frame, step)
        if following is WAITING:
            step.waited += 1
            return following
        step.passed += 1
        frame.run.events += step.events
        if frame.entered:
            # It went through without waiting: all its events were added, including the entry.
            frame.run.events -= 1
            frame.entered = frame.entered_ns = 0
        return following

    again.run = run
    return again


def _build_over() -> Step:
    step = Step("", "Over")
    step.events = 0
    step.run = lambda frame: END
    return step


#: The step of a frame whose last state has been left.
_OVER = _build_over()
