"""The execution loop.

Theory of operation. `advance` runs the steps of a frame in a tight loop: a step is a call that returns the next one.
It stops at END, at a step that has to wait, or when the time slice is over. `drive` is the coroutine that continues
from there: it awaits what the step waits for, waits out the delays of retries, and yields to the event loop between
slices. An execution that never waits needs only `advance`, and so no coroutine and no task (law 3).

A state's error is handled in one place (`settle`): causes that take AWS's prefix get it, with the id of the history
event that entered the state, then the state's Retry and Catch decide. An error that neither handles leaves the frame,
and ends the execution or fails the enclosing Parallel or Map.

An expression that takes too long stops its step before it has had any effect (`deferral`). It is then awaited like a
handler (`_WorkedOut`), and the step runs again with its answer (`_run_again`).

Stopping. To stop an execution, the Runtime sets `run.stopping` and cancels the task it runs in. A handler may swallow
the cancellation, so `drive` checks `run.stopping` after each wait.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from express.deferral import Deferral, OutOfTime, TurnOver
from express.errors import HEARTBEAT_TIMEOUT, TIMEOUT, EngineError, StateError, forget_trace
from express.program import END, FAILED, WAITING, Frame, Paused, Run, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from express.program import Host
    from express.types import JSON

#: Steps between two clock reads; the clock is read after each where a step may take milliseconds. A chain counts as all
#: its steps, and is not interrupted.
_STEPS = 16
#: Bytes of data with which one may.
_HEAVY_BYTES = 16_384
#: Clock reads after which `advance` yields in any case: a virtual clock may stand still.
_LOOKS = 64
#: How often one visit of a state may be deferred; after that, its expressions are evaluated on the event loop.
_MOST_ROUNDS = 64
#: Errors that are counted as timeouts.
_TIMEOUTS = frozenset((TIMEOUT, HEARTBEAT_TIMEOUT))
#: In place of what a step would have returned that could not complete; it has been counted.
_STOPPED = Step("", "Stopped")
_STOPPED.halts = True


def advance(frame: Frame) -> bool:
    """Run steps until the frame ends (True), or has to wait or to yield (False). Raises StateError."""
    if frame.deferral is not None and (has_ended := _run_again(frame, frame.deferral)) is not None:
        return has_ended
    step = frame.step
    # `step.run(frame)` would be slower: CPython 3.11 treats it as a method call and finds no method.
    perform = step.run
    try:
        following = perform(frame)
    except BaseException as error:  # noqa: BLE001 - raised again if it is none of the engine's
        following = raised(frame, error)
    return go_on(frame, step, following)


def go_on(frame: Frame, step: Step, following: Step) -> bool:
    """`advance` for a frame whose first step the caller has performed: its `run` has returned `following`.

    Many executions end with their first step, and then the caller saves this call.
    """
    run = frame.run
    steps, looks = _STEPS, 0
    while True:
        if not following.halts:
            step.passed += 1
            run.events += step.events
            steps -= step.span
        elif following is END:
            step.passed += 1
            run.events += step.events
            return True
        elif following is FAILED:
            if step.span > 1:
                # In a chain a later step may be the one that fails, or that waits (below).
                step = frame.step
            step.failed_at_once += 1
            if frame.failure is None:
                # Another attempt follows: `settle`, inlined.
                step.failures += 1
                step.retried += 1
                frame.entered_ns = frame.entered_ns or run.host.monotonic_ns()
                return False
            following = settle(frame, step)
            if following.halts:
                return following is END
            steps = 0
        else:
            if following is not _STOPPED:
                if step.span > 1:
                    step = frame.step
                step.waited += 1
                frame.entered_ns = frame.entered_ns or run.host.monotonic_ns()
            return False
        frame.step = step = following
        if steps <= 0 or frame.size >= _HEAVY_BYTES:
            looks += 1
            if looks > _LOOKS or run.host.monotonic_ns() > run.host.slice_end:
                return False
            steps = _STEPS
        perform = step.run
        try:
            following = perform(frame)
        except BaseException as error:  # noqa: BLE001 - raised again if it is none of the engine's
            following = raised(frame, error)


def raised(frame: Frame, error: BaseException) -> Step:
    """What `go_on` gets in place of a next step if the step has raised `error`. Raises it again if it is none of the
    engine's."""
    if isinstance(error, StateError):
        # Its traceback references our frames: break the reference cycle.
        forget_trace(error)
        frame.failure = error
        return FAILED
    if isinstance(error, OutOfTime):
        frame.step.waited += 1
        _put_off(frame, error)
        return _STOPPED
    if isinstance(error, Paused):
        return _STOPPED
    try:
        raise error
    finally:
        # Its traceback references this frame.
        del error, frame


class _WorkedOut:
    """Awaits an expression evaluated in a thread. The result is None: the step runs again and finds the answer."""

    __slots__ = ("deferral", "host", "late")

    def __init__(self, host: Host, late: OutOfTime, deferral: Deferral) -> None:
        self.host = host
        self.late = late
        self.deferral = deferral

    def __await__(self) -> Generator[Any, Any, None]:
        return self.host.work_out(self.late, self.deferral).__await__()


def _put_off(frame: Frame, late: OutOfTime) -> None:
    """Make the frame wait for an expression of the current step that takes too long, or for another turn."""
    forget_trace(late)
    host = frame.run.host
    frame.entered_ns = frame.entered_ns or host.monotonic_ns()
    deferral = frame.deferral
    if deferral is None:
        deferral = frame.deferral = Deferral()
    if late.given:
        deferral.given = late.given
    deferral.rounds += 1
    if isinstance(late, TurnOver):
        deferral.made = deferral.made or late.made
    elif late.job is None or deferral.rounds > _MOST_ROUNDS:
        deferral.is_patient = True
    else:
        frame.awaiting = _WorkedOut(host, late, deferral)


def _run_again(frame: Frame, deferral: Deferral) -> bool | None:
    """Run a stopped step again, with the answers of its expressions.

    None: the frame continues with its next step. Otherwise the result of `advance`.
    """
    step, run = frame.step, frame.run
    events = run.events
    try:
        if deferral.given:
            following = step.resume(frame, *deferral.given)
        else:
            following = step.run(frame)
            if following is END or not following.halts:
                run.events += step.events - (frame.entered > 0)
    except OutOfTime as late:
        if deferral.given:
            run.events = events
        _put_off(frame, late)
        return False
    except Paused:
        # A paused fork runs again as often as necessary, and is counted then.
        step.waited -= 1
        frame.deferral = None
        return False
    except StateError as error:
        forget_trace(error)
        frame.failure = error
        following = FAILED
    frame.deferral = None
    if following is FAILED:
        following = settle(frame, step)
    elif following is not WAITING:
        step.resumed += 1
        frame.entered = frame.entered_ns = 0
    if following.halts:
        return following is END
    frame.step = following
    return None


def settle(frame: Frame, step: Step) -> Step:
    """What follows the error in `frame.failure`: the catcher's target, or WAITING for the next attempt.

    Raises an error that neither Retry nor Catch handles.
    """
    error = frame.failure
    if error is None:
        # The state itself has evaluated its Retry, which grants another attempt.
        step.failures += 1
        step.retried += 1
        frame.entered_ns = frame.entered_ns or frame.run.host.monotonic_ns()
        return WAITING
    run = frame.run
    entered = frame.entered
    frame.failure = None
    if error.error in _TIMEOUTS:
        step.timed_out += 1
    else:
        step.failures += 1
    if not entered:
        # A state that fails has still been entered, which is an event of its own.
        run.events = entered = run.events + 1
    on_failure = step.events_on_failure
    if isinstance(error, EngineError):
        if not error.placed:
            _place(error, step, entered, run)
        if on_failure:
            # After EvaluationFailed AWS also writes the failure of the Parallel or Map; after other errors of the
            # language, its own or a branch's, only the end of the execution (recorded; measured in floci-io/floci
            # issue 2868).
            on_failure = error.events
    recover = step.recover
    try:
        following = _unrecovered(error) if recover is None else recover(frame, error)
    except StateError as final:
        run.events += on_failure
        if isinstance(final, EngineError) and not final.placed:
            # A new error: the catcher itself has failed, in the same state. If that has an event, the failure of the
            # state is written twice (measured in floci-io/floci, `AslExecutorBranchHistoryEventsTest`).
            _place(final, step, entered, run)
            run.events += on_failure and final.events
        raise
    if isinstance(following, Step):
        step.caught += 1
        frame.entered = frame.entered_ns = 0
        return following
    frame.entered = entered
    frame.entered_ns = frame.entered_ns or run.host.monotonic_ns()
    frame.delay = following
    step.retried += 1
    return WAITING


def _place(error: EngineError, step: Step, entered: int, run: Run) -> None:
    """Prefix the cause with the state, and count the error's own history event, if it has one."""
    error.place(step.name, entered)
    run.events += error.events


def _unrecovered(error: StateError) -> Step:
    raise error


async def drive(frame: Frame) -> None:  # noqa: C901 - in one piece: a hundred thousand executions may wait in it
    """Run a frame that `advance` has left unfinished to its end.

    Raises StateError, or CancelledError when the execution is stopped or the task cancelled, even if the handler
    swallowed the cancellation: then the outcome of what was awaited does not count.

    Thousands of frames may resume in one turn of the loop: those for which it has no time queue up.
    """
    run = frame.run
    host = run.host
    cancelling = host.cancelling_here()
    cancellations = cancelling()
    awaiting: Awaitable[JSON] | None
    try:
        if run.stopping is not None:
            run.called_off = True
            _call_off(frame)
        while True:
            if frame.awaiting is None:
                delay, frame.delay = frame.delay, 0.0
                if delay:
                    await host.sleep(delay)
                if not delay or not host.has_time():
                    await breathe(run)
                if run.stopping is not None or cancelling() > cancellations:
                    raise asyncio.CancelledError
            else:
                step, awaiting, frame.awaiting = frame.step, frame.awaiting, None
                works_out = type(awaiting) is _WorkedOut
                value = following = None
                has_looked = False
                try:
                    try:
                        value = await awaiting
                    except (Exception, asyncio.CancelledError) as exception:  # noqa: BLE001 - made the state's error
                        if run.stopping is None and cancelling() <= cancellations:
                            # Also a CancelledError: nothing has cancelled this task, but what its handler awaited was
                            # cancelled.
                            raise step.failed(frame, exception) from None
                        # Otherwise it would be the context of the error raised below, and keep all these frames alive.
                        forget_trace(exception)
                    if run.stopping is not None or cancelling() > cancellations:
                        raise asyncio.CancelledError
                    if works_out or not step.resumes_in_turn:
                        has_looked = True
                        if not host.has_time():
                            await breathe(run)
                    if not works_out:
                        events = run.events
                        following = step.resume(frame, value)
                        step.resumed += 1
                        frame.entered = frame.entered_ns = 0
                except StateError as error:
                    forget_trace(error)
                    frame.failure = error
                    following = settle(frame, step)
                except OutOfTime as late:
                    run.events = events
                    late.given = late.given or (value,)
                    _put_off(frame, late)
                    following = WAITING
                # They must not live as long as this frame.
                value = awaiting = None
                if following is not None:
                    if following.halts:
                        if following is END:
                            return
                        continue
                    frame.step = following
                    if not has_looked and not host.has_time():
                        await breathe(run)
            if advance(frame):
                return
    finally:
        # An exception that is raised references this frame, and its task references the exception.
        del cancelling


def _call_off(frame: Frame) -> None:
    """The execution was stopped before it could wait: let a handler that has begun meet the cancellation; otherwise
    raise CancelledError."""
    awaiting = frame.awaiting
    interrupt = getattr(awaiting, "interrupt", None)
    if interrupt is not None:
        interrupt()
        return
    frame.awaiting = None
    close = getattr(awaiting, "close", None)
    if close is not None:
        # Python would warn of a coroutine that nobody awaits.
        close()
    raise asyncio.CancelledError


async def breathe(run: Run) -> None:
    """Yield to the event loop. An execution that never waits meets its deadline here."""
    run.yielding = True
    try:
        await run.host.breathe()
    finally:
        run.yielding = False
    if run.stopping is None and run.host.monotonic_ns() >= run.deadline_ns:
        run.host.stop(run, "TIMED_OUT", None, None)
    if run.stopping is not None:
        raise asyncio.CancelledError
