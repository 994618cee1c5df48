"""Weaving observers into the steps of a machine that is built for them.

A `Witness` wraps closures while a machine is built: those of every state (`watch_state`), and, if an observer has a
hook for them, those of a Task (`TaskWitness`) and of a Parallel or Map (`watch_fork`). A machine without observers in
its steps has no Witness. The announcer of a hook swallows what the hook raises, because inside a step that would count
as an error of the state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from express.errors import EngineError, EvaluationFailed, StateError, ends_at_once
from express.observe import BRANCH_HOOKS, CHILD_HOOKS, HISTORY_HOOKS, STATE_HOOKS, TASK_HOOKS, announcer, has_hook
from express.program import FAILED, WAITING, Frame, Step
from express.states.history import HistoryWriter, TaskHistory, trail_of
from express.states.kept import KeptSiblings
from express.states.watched import WatchedSiblings, WrittenSiblings

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.observe import Observer
    from express.program import Heartbeat
    from express.states.flow import Leave
    from express.states.fork import Begin, Finish, Siblings
    from express.states.resource import Resource
    from express.types import JSON, Expr


class Witness:
    """The hooks of one machine's observers, and the wrappers that call them."""

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self.watches_states = any(has_hook(observer, *STATE_HOOKS) for observer in observers)
        self.state_entered = announcer(observers, "state_entered")
        self.state_exited = announcer(observers, "state_exited")
        self.state_failed = announcer(observers, "state_failed")
        self.task_started = announcer(observers, "task_started")
        self.task_ended = announcer(observers, "task_ended")
        self.watches_tasks = any(has_hook(observer, *TASK_HOOKS, *HISTORY_HOOKS) for observer in observers)
        self.branch_started = announcer(observers, "branch_started")
        self.watches_branches = any(has_hook(observer, *BRANCH_HOOKS, *HISTORY_HOOKS) for observer in observers)
        self.child_started = announcer(observers, "child_started")
        self.child_ended = announcer(observers, "child_ended")
        self.watches_children = any(has_hook(observer, *CHILD_HOOKS) for observer in observers)
        self.history: HistoryWriter | None = None
        if any(has_hook(observer, *HISTORY_HOOKS) for observer in observers):
            self.history = HistoryWriter(observers)

    # ------------------------------------------------------------------------------------------ any state

    def watch_state(self, step: Step) -> None:
        """Wrap a step so that the observers see it: entered once per visit, then exited or failed."""
        run, resume, recover, name = step.run, step.resume, step.recover, step.name
        failed, history = self.state_failed, self.history
        entered = self.state_entered if self.watches_states else None
        exited = self._exited if self.watches_states or history is None else history.exited

        def observed(frame: Frame) -> Step:
            if frame.attempts is None and frame.paused is None and frame.deferral is None:
                if entered is not None:
                    entered(frame, name, frame.data)
                if history is not None:
                    history.entered(frame, step)
            following = run(frame)
            if following is WAITING or following is FAILED:
                return following
            # The loop counts the step's events after it has returned, its entry only if that is not yet counted.
            return exited(frame, step, following, frame.run.events + step.events - (frame.entered > 0))

        def observed_resume(frame: Frame, value: JSON) -> Step:
            following = resume(frame, value)
            return exited(frame, step, following, frame.run.events)

        def unrecovered(error: StateError) -> Step:
            raise error

        def observed_recovery(frame: Frame, error: StateError) -> Step | float:
            if history is not None:
                trail_of(frame).assigned = None
                self._tell_of_evaluation(frame, step, error)
            try:
                after = unrecovered(error) if recover is None else recover(frame, error)
            except StateError as final:
                failed(frame, name, final.error, final.cause)
                if history is not None:
                    self._tell_of_failure(frame, step, error, final)
                raise
            if not isinstance(after, Step):
                return after
            if history is not None and step.events_on_failure:
                # The catcher has counted this event and the exit.
                history.fork_failed(frame, step, frame.run.events - 1)
            return exited(frame, step, after, frame.run.events)

        step.run = observed if history is None or self.watches_states else history.writing(step, run, observed)
        step.resume = observed_resume
        step.recover = observed_recovery

    def _exited(self, frame: Frame, step: Step, following: Step, number: int) -> Step:
        self.state_exited(frame, step.name, frame.data)
        if self.history is not None:
            self.history.exited(frame, step, following, number)
        return following

    def _tell_of_evaluation(self, frame: Frame, step: Step, error: StateError) -> None:
        """Write the failure of a JSONata expression of this very state, the event just counted."""
        if self.history is not None and isinstance(error, EvaluationFailed) and error.state == step.name:
            self.history.evaluation_failed(frame, step, error, frame.run.events)

    def _tell_of_failure(self, frame: Frame, step: Step, error: StateError, final: StateError) -> None:
        """Write the events of an error that leaves the state; they are counted after this call."""
        history, events = self.history, frame.run.events
        if history is None:
            return
        trail = trail_of(frame)
        before = trail.last
        fails = bool(step.events_on_failure) and not (isinstance(error, EngineError) and not error.events)
        if fails:
            events += 1
            history.fork_failed(frame, step, events)
        if isinstance(final, EvaluationFailed) and not final.placed:
            # The error of the catcher itself; the engine places its cause only after it has left the state.
            placed = EvaluationFailed(final.cause or "", final.location)
            placed.place(step.name, trail.entered)
            trail.last = before
            history.evaluation_failed(frame, step, placed, events + 1)
            if fails:
                history.fork_failed(frame, step, events + 2)

    # ------------------------------------------------------------------------------------------ forks

    def watch_fork(self, step: Step, begin: Begin, finish: Finish) -> tuple[Begin, Finish]:
        """Wrap `begin` and `finish` of a Parallel or Map, which count its start and its success."""
        history = self.history
        if not self.watches_branches:
            return begin, finish

        def watched_begin(frame: Frame) -> Siblings:
            if history is None:
                return WatchedSiblings(begin(frame), self)
            if not history.keeps_places:
                siblings = begin(frame)
                history.fork_started(frame, step, siblings.count)
                return WrittenSiblings(siblings, self, history, step)
            trail = trail_of(frame)
            if trail.fork is None or not trail.fork.is_taken_up:
                siblings = begin(frame)
                history.fork_started(frame, step, siblings.count)
                trail.fork = KeptSiblings(siblings, self, history, step)
            trail.fork.is_taken_up = False
            return trail.fork

        def watched_finish(frame: Frame, siblings: Any) -> Step:
            if history is None:
                return finish(frame, siblings.watched)
            number = frame.run.events + 1
            try:
                following = finish(frame, siblings.watched)
            except StateError as error:
                history.fork_succeeded(frame, step, number, is_last=ends_at_once(error))
                raise
            history.fork_succeeded(frame, step, number, is_last=False)
            return following

        return watched_begin, watched_finish


class TaskWitness:
    """Wrappers for the closures of one Task: its attempts, each from the call of the handler to its outcome."""

    def __init__(self, witness: Witness, step: Step, resource: Resource, events_before: int) -> None:
        self._witness = witness
        self._step = step
        self._events_before = events_before
        self._history = None if witness.history is None else TaskHistory(witness.history, resource, events_before)

    def noting(self, prepare: Expr | None) -> Expr:
        """`prepare`, or the identity if it is None; its result is noted as the parameters of the task."""

        def noted(data: JSON, frame: Any) -> JSON:
            parameters = data if prepare is None else prepare(data, frame)
            trail = trail_of(frame)
            trail.parameters, trail.credentials = parameters, None
            return parameters

        return noted

    def noting_credentials(self, credentials: Expr) -> Expr:
        """`credentials`, whose result is noted as the role of the task; evaluated after the parameters."""

        def noted(data: JSON, frame: Any) -> JSON:
            found = trail_of(frame).credentials = credentials(data, frame)
            return found

        return noted

    def noting_answer(self, leave: Leave) -> Leave:
        """`leave`, which is reached only with a valid answer; notes that answer."""

        def noted(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
            trail_of(frame).answer = (result,)
            return leave(frame, raw, result, size)

        return noted

    def called(self, frame: Frame, payload: JSON, seconds: float | None, pulse: Heartbeat | None) -> None:
        """The handler is about to be called."""
        if self._history is not None:
            self._history.scheduled(frame, seconds, pulse)
        self._witness.task_started(frame, self._step.name, payload)

    def started(self, frame: Frame, worker: str | None) -> None:
        """A worker has taken the task; the event has just been counted."""
        if self._history is not None:
            self._history.started(frame, worker)

    def submitted(self, frame: Frame, output: JSON) -> None:
        """The task has been submitted and waits for its callback; the event has just been counted."""
        if self._history is not None:
            self._history.submitted(frame, output)

    def not_scheduled(self, frame: Frame, error: StateError) -> None:
        """The task could not be scheduled; the event has just been counted."""
        if self._history is not None:
            self._history.not_scheduled(frame, error)

    def finishing(self, finish: Finish) -> tuple[Finish, Finish]:
        """`finish`, for a handler that has answered at once and for one that has answered later.

        The answer may still be rejected, which fails the task; an error after the answer was accepted is not the
        task's.
        """

        def told(frame: Frame, result: JSON, number: int) -> Step:
            trail_of(frame).answer = ()
            try:
                following = finish(frame, result)
            except StateError as error:
                self._ended(frame, None if trail_of(frame).answer else error, number)
                raise
            self._ended(frame, None, number)
            return following

        def finished(frame: Frame, result: JSON) -> Step:
            return told(frame, result, frame.run.events + (1 if frame.entered else 2) + self._events_before)

        def resumed(frame: Frame, result: JSON) -> Step:
            return told(frame, result, frame.run.events)

        return finished, resumed

    def refusing(self, refused: Callable[[Frame, BaseException], Step]) -> Callable[[Frame, BaseException], Step]:
        """`refused`, called when the handler has failed at once."""

        def told(frame: Frame, error: BaseException) -> Step:
            following = refused(frame, error)
            self._ended(frame, frame.failure, frame.run.events)
            return following

        return told

    def failing(
        self, failed: Callable[[Frame, BaseException], StateError]
    ) -> Callable[[Frame, BaseException], StateError]:
        """`failed`, called when the handler has failed after it had suspended."""

        def told(frame: Frame, exception: BaseException) -> StateError:
            error = failed(frame, exception)
            self._ended(frame, error, frame.run.events)
            return error

        return told

    def _ended(self, frame: Frame, failure: StateError | None, number: int) -> None:
        self._witness.task_ended(frame, self._step.name, failure)
        if self._history is None:
            trail_of(frame).answer = ()
            return
        if failure is None:
            self._history.succeeded(frame, number)
        else:
            self._history.failed(frame, failure, number)
