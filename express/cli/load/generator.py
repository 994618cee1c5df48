"""Puts a load on a workflow in the current event loop and records the results.

Theory of operation. Latencies are read from the Runtime's nanosecond clock, never from `loop.time()`, which ticks in
milliseconds on uvloop. For the same reason the open loop does not rely on timers alone: it sleeps until shortly
before a start is due and then yields to the event loop repeatedly until it is. Starts are then on time by
microseconds, at 50 a second as at 50,000. This keeps one core busy for as long as the load is on.

In the open loop the number of an execution determines when it was due, so nothing is stored for it beyond what the
Runtime stores. When the Runtime is full the starts wait and the schedule does not: what starts late is measured from
when it was due.

At the end the generator waits (`Load.drain`) for executions that still run or have not started. It delivers the
recording before it stops the rest: a handler that cannot be stopped costs the process, not the report.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Final, Protocol

from express import Observer, Runtime
from express.cli.load.quantities import NS_PER_MS, NS_PER_S
from express.cli.load.recording import Recorder, Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express import Result, Workflow
    from express.cli.histogram import Histogram
    from express.cli.load.schedule import Load, Schedule
    from express.program import Run
    from express.types import JSON

#: How long before a start its timer fires: uvloop's timers tick in milliseconds and may be late by this much.
SPIN_NS: Final = 2 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class Progress:
    """What a display shows of one process: counts since the beginning, and recent latencies."""

    done: int
    in_flight: int
    latencies: Histogram


class Loop(Protocol):
    """One way of applying load: open or closed."""

    @property
    def runtime(self) -> Runtime: ...

    async def run(self) -> None:
        """Apply the load, then wait for the executions it has started, for a bounded time."""
        ...

    def dropped(self, elapsed: int) -> int:
        """How many executions due in the first `elapsed` nanoseconds of the load, after its warm-up, never started."""
        ...


class LoadGenerator:
    """Makes one measurement of a workflow; `begin` is when its warm-up starts, on the Runtime's clock.

    schedule: the starts of an open loop, None for a closed one. spin_ns: see SPIN_NS; 0 in virtual time.
    """

    def __init__(
        self,
        workflow: Workflow,
        inputs: Sequence[JSON],
        load: Load,
        schedule: Schedule | None,
        begin: int,
        *,
        spin_ns: int = SPIN_NS,
    ) -> None:
        self._workflow = workflow
        self._begin = begin
        self._recorder = Recorder(load.duration, begin + load.warmup)
        self._loop: Loop
        if schedule is None:
            self._loop = ClosedLoop(workflow, inputs, load, self._recorder, spin_ns)
        else:
            self._loop = OpenLoop(workflow, inputs, load, self._recorder, spin_ns, schedule)
        self._interruption = asyncio.get_running_loop().create_future()

    @property
    def runtime(self) -> Runtime:
        """The Runtime of the executions."""
        return self._loop.runtime

    def interrupt(self) -> None:
        """End the measurement now, in whichever phase it is."""
        if not self._interruption.done():
            self._interruption.set_result(None)

    def progress(self) -> Progress:
        tally = self._workflow.tally
        return Progress(tally.ended, self.runtime.in_flight, self._recorder.newest.latencies)

    async def run(self, deliver: Callable[[Recording], None]) -> None:
        """Apply the load, deliver the recording, then stop what has not ended."""
        async with self.runtime:
            work = asyncio.create_task(self._loop.run(), name="express-load")
            try:
                await asyncio.wait({work, self._interruption}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
                deliver(self._finish())
            finally:
                work.cancel()

    def _finish(self) -> Recording:
        recorder = self._recorder
        now = self.runtime.monotonic_ns()
        recording = recorder.close(now)
        recording.dropped = self._loop.dropped(min(now, recorder.end) - self._begin)
        recording.transitions = self._workflow.state_transitions
        recording.transitions_of = self._workflow.tally.started
        return recording


class ClosedLoop:
    """Callers that each start an execution when their previous one has ended."""

    def __init__(
        self, workflow: Workflow, inputs: Sequence[JSON], load: Load, recorder: Recorder, spin_ns: int
    ) -> None:
        self.runtime = Runtime(max_in_flight=load.in_flight, drain_timeout=0)
        self._workflow = workflow
        # All callers share one cycle: with cycles of their own, quick inputs would be executed more often.
        self._inputs = cycle(inputs)
        self._load = load
        self._recorder = recorder
        self._spin_ns = spin_ns

    async def run(self) -> None:
        recorder, now = self._recorder, self.runtime.monotonic_ns
        await until(recorder.begin - self._load.warmup, now, self._spin_ns)
        callers = [asyncio.create_task(self._call_again()) for _ in range(self._load.in_flight)]
        left = recorder.end + self._load.drain - now()
        try:
            done, _ = await asyncio.wait(callers, timeout=left / NS_PER_S, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for caller in callers:
                # Aborts the caller's execution without recording its end, so it counts as unfinished.
                caller.cancel()
        for caller in done:
            caller.result()

    async def _call_again(self) -> None:
        recorder, inputs, workflow = self._recorder, self._inputs, self._workflow
        execute, now = self.runtime.execute, self.runtime.monotonic_ns
        due = now()
        while due < recorder.end:
            recorder.started(due, due)
            result = await execute(workflow, next(inputs))
            ended = now()
            recorder.ended(due, ended, result)
            due = ended

    def dropped(self, elapsed: int) -> int:
        """Always 0: a caller that waits has nothing due."""
        return 0


class OpenLoop(Observer):
    """Starts executions when they are due, and learns of their ends as an observer of the Runtime.

    The Runtime numbers executions from 1 in the order of their start, which is the order of the schedule.
    """

    def __init__(
        self,
        workflow: Workflow,
        inputs: Sequence[JSON],
        load: Load,
        recorder: Recorder,
        spin_ns: int,
        schedule: Schedule,
    ) -> None:
        self.runtime = Runtime(max_in_flight=load.in_flight, observers=(self,), drain_timeout=0)
        self._workflow = workflow
        self._inputs = inputs
        self._load = load
        self._recorder = recorder
        self._spin_ns = spin_ns
        self._schedule = schedule
        self._begin = recorder.begin - load.warmup
        self._open = 0
        self._idle: asyncio.Future[None] | None = None

    def execution_started(self, run: Run) -> None:
        self._open += 1
        self._recorder.started(self._due(run), run.started_ns)

    def execution_ended(self, run: Run, result: Result) -> None:
        self._recorder.ended(self._due(run), self.runtime.monotonic_ns(), result)
        self._open -= 1
        if self._idle is not None and not self._open and not self._idle.done():
            self._idle.set_result(None)

    def _due(self, run: Run) -> int:
        return self._begin + self._schedule.start_of(run.sequence - 1)

    async def run(self) -> None:
        now, over = self.runtime.monotonic_ns, self._recorder.end + self._load.drain
        starter = asyncio.create_task(self._start_on_time(), name="express-starter")
        try:
            # The starter may wait for room in a Runtime that is full of executions that never end.
            await asyncio.wait({starter}, timeout=max(over - now(), 0) / NS_PER_S)
            if starter.done():
                starter.result()
        finally:
            starter.cancel()
        if self._open:
            self._idle = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._idle}, timeout=max(over - now(), 0) / NS_PER_S)

    async def _start_on_time(self) -> None:
        """Start each execution when it is due, or late, until the drain period is over."""
        schedule, begin, end, spin_ns = self._schedule, self._begin, self._recorder.end, self._spin_ns
        start, now, workflow = self.runtime.start, self.runtime.monotonic_ns, self._workflow
        over = end + self._load.drain
        for index, event in zip(range(schedule.starts_before(end - begin)), cycle(self._inputs), strict=False):
            due = begin + schedule.start_of(index)
            moment = now()
            if moment >= over:
                return
            if moment < due:
                await until(due, now, spin_ns)
            await start(workflow, event)
        await until(end, now, spin_ns)

    def dropped(self, elapsed: int) -> int:
        warmup, schedule = self._load.warmup, self._schedule
        return max(schedule.starts_before(elapsed) - max(self._recorder.opened, schedule.starts_before(warmup)), 0)


async def until(moment: int, now: Callable[[], int], spin_ns: int) -> None:
    """Return at `moment` of the clock `now`, or in the event loop's first turn after it."""
    while (left := moment - now()) > 0:  # noqa: ASYNC110 - there is no event to wait for but the time
        await asyncio.sleep(max(left - spin_ns, 0) / NS_PER_S)
