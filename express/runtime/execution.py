"""The execution loop.

Theory of operation. `advance` runs the plain steps of a frame in a tight loop: a step is a call that returns the next
step. It stops at END, at a step that may block, or when the time slice is over. `drive` is the coroutine around it:
it awaits the blocking steps, waits out the delays of retries, and yields to the event loop between slices. A frame
whose program cannot block needs `advance` alone, and so no coroutine and no task (law 3).

A state's error is settled in one place (`settle`): AWS's prefix is put before causes that get one, with the id of the
history event that entered the state, then the state's Retry and Catch decide. What they do not take leaves the
frame, and ends the execution or fails the enclosing Parallel or Map.

Stopping. Whoever stops an execution sets `run.stopping` and cancels the task it runs in. A handler may swallow the
cancellation, so `drive` looks at `run.stopping` after each blocking step and each pause as well.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from express.errors import EngineError, StateError
from express.program import END, SLICE_NS, Paused, Step

if TYPE_CHECKING:
    from express.program import Frame, Run

#: A payload of this size lets about one step run between two looks at the clock, a small one `_MOST_STEPS`.
_HEAVY_BYTES = 65_536
_MOST_STEPS = 32

#: Blocking steps between two looks at the clock.
_LOOK_EVERY = 16


def advance(frame: Frame) -> bool:
    """Run plain steps until the frame ends (True) or must wait or pause (False). Raises StateError."""
    run = frame.run
    now = run.host.monotonic_ns
    step = frame.step
    while True:
        try:
            for _ in range(1 + _HEAVY_BYTES // (frame.size + _HEAVY_BYTES // _MOST_STEPS)):
                if step.blocks:
                    return step is END
                step.entries += 1
                following = step.run(frame)
                run.events += step.events
                frame.step = step = following
        except StateError as error:
            frame.step = step = _settle_plainly(frame, step, error)
        except Paused:
            step.entries -= 1
            return False
        if now() > run.slice_end:
            return step is END


def _settle_plainly(frame: Frame, step: Step, error: StateError) -> Step:
    """A plain step has no Retry, so its error is caught or leaves the frame."""
    following = settle(frame, step, error)
    assert isinstance(following, Step)
    return following


def settle(frame: Frame, step: Step, error: StateError) -> Step | float:
    """What follows an error: the catcher's target, or the seconds before the next attempt. Raises what nobody takes."""
    if isinstance(error, EngineError):
        error.place(step.name, frame.entered if step.counts_events else frame.run.events + 1)
    if step.recover is None:
        raise error
    return step.recover(frame, error)


async def drive(frame: Frame) -> None:
    """Run a frame to its end, waiting wherever it must. Raises StateError, or CancelledError when it is stopped."""
    run = frame.run
    host = run.host
    ticks = 0
    while True:
        step = frame.step
        if not step.blocks:
            if advance(frame):
                return
            if not frame.step.blocks:
                await breathe(run)
            continue
        if step is END:
            return
        if frame.attempts is None:
            step.entries += 1
        frame.entered_ns = host.monotonic_ns()
        try:
            following = await step.run(frame)
        except StateError as error:
            following = settle(frame, step, error)
        if isinstance(following, Step):
            frame.attempts = None
            frame.step = following
        elif following > 0:
            await host.sleep(following)
        if run.stopping is not None:
            raise asyncio.CancelledError
        ticks += 1
        if not ticks % _LOOK_EVERY and host.monotonic_ns() > run.slice_end:
            await breathe(run)


async def breathe(run: Run) -> None:
    """Give the loop its turn and begin a new time slice."""
    run.yielding = True
    try:
        await asyncio.sleep(0)
    finally:
        run.yielding = False
    now = run.host.monotonic_ns()
    if run.stopping is None and now >= run.deadline_ns:
        run.stopping = "TIMED_OUT"
    if run.stopping is not None:
        raise asyncio.CancelledError
    run.slice_end = now + SLICE_NS
