"""The Runtime: starts executions, bounds them, stops them, counts them.

Theory of operation. An execution runs as far as it can inside the call that starts it (`run_here`); most end there.
One that waits is conducted (`conduct`) by exactly one task: for `start` one that stands by (`standby`) or is made for
it, in `execute` the caller's own, in `map` a worker of a stream. While a started one waits for its next attempt or for
a turn of the loop it has none (`naps`). Running executions are kept in the order of their
start, which is the order of their deadlines, so one timer watches them all (law 5); only a machine with a
TimeoutSeconds of its own has its own.

Ends. Every execution ends in `_end`, which folds its numbers into the machine's tally and makes the Result. Nothing
an execution does raises out of here, save the cancellation of the caller.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextvars import copy_context
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, Self

from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, TIMEOUT, RuntimeClosed, StateError, forget_trace
from express.metering import DURATION_STEP_NS, MEMORY_STEP_BYTES, billed_steps, memory_bytes
from express.names import check_name
from express.observe import EXECUTION_HOOKS, Observer, announcer, check_observer, has_hook
from express.payload import PAYLOAD_LIMIT, NotJSON, encode, find_foreign
from express.program import Machine, Run
from express.result import Result
from express.runtime.clock import clock_of
from express.runtime.execution import advance, drive
from express.runtime.handle import Execution
from express.runtime.host import SECOND, LoopHost
from express.runtime.loops import spawn
from express.runtime.measurements import Measurements
from express.runtime.naps import Nap
from express.runtime.standby import Standby
from express.runtime.stream import Stream

if TYPE_CHECKING:
    from contextvars import Context
    from types import TracebackType

    from express.types import JSON, Status

log = logging.getLogger("express")

#: An Express execution may take five minutes (AWS guide "Quotas").
EXECUTION_TIMEOUT = 300.0
#: Iterations an inline Map runs at once when its MaxConcurrency is 0 (AWS guide "Map state in Inline mode").
MAP_CONCURRENCY = 40


class _NoInput(Enum):
    NO_INPUT = "NO_INPUT"


#: The default of an execution's input: not given, and so `{}`. None is an input like any other.
NO_INPUT: Final = _NoInput.NO_INPUT


class Workflow(Protocol):
    """What a Runtime runs: something that has a machine for each set of observers."""

    def machine(self, observers: tuple[Observer, ...] = ()) -> Machine: ...


def _closed() -> RuntimeClosed:
    return RuntimeClosed("the Runtime is closed or was not entered with `async with`")


def _uncancel() -> int:
    """Take one cancellation of the current task back; how many are left."""
    task = asyncio.current_task()
    return 0 if task is None else task.uncancel()


class Runtime(LoopHost):
    """Runs workflows in the current event loop.

    Use it as an asynchronous context manager. Leaving it lets running executions end, for at most `drain_timeout`
    seconds (default: the execution timeout), then aborts them; leaving it by an exception aborts them at once.

    max_in_flight: executions running at once; `start` waits while there are as many.
    execution_timeout: seconds an execution may take before it is TIMED_OUT; AWS's limit is 300.
    map_concurrency: iterations of an inline Map at once where the definition leaves it open.
    payload_limit: bytes of JSON at every edge; AWS's limit is 262 144.
    """

    def __init__(
        self,
        max_in_flight: int = 10_000,
        execution_timeout: float = EXECUTION_TIMEOUT,
        map_concurrency: int = MAP_CONCURRENCY,
        payload_limit: int = PAYLOAD_LIMIT,
        observers: Iterable[Observer] = (),
        *,
        drain_timeout: float | None = None,
    ) -> None:
        if max_in_flight < 1 or map_concurrency < 1 or payload_limit < 1 or execution_timeout <= 0:
            raise ValueError("limits of a Runtime must be positive")
        super().__init__()
        self.max_in_flight = max_in_flight
        self.execution_timeout = execution_timeout
        self.map_concurrency = map_concurrency
        self.payload_limit = payload_limit
        self.observers = tuple(map(check_observer, observers))
        self.drain_timeout = execution_timeout if drain_timeout is None else drain_timeout
        self._prepare_announcements()
        #: What is counted at a cost, once somebody has asked for it with `measure`.
        self.measurements: Measurements | None = None
        #: Starts that had to wait for a place.
        self.throttled = 0
        self._timeout_ns = int(execution_timeout * SECOND)
        #: No execution that took no longer than this is late, or billed for more than one unit of time.
        self._short_ns = min(DURATION_STEP_NS, self._timeout_ns)
        self._sequence = 0
        self._running: dict[Run, asyncio.TimerHandle | None] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        #: Places that are kept for starters which have been woken and do not run yet.
        self._reserved = 0
        #: The `map` calls under way, to be closed with the Runtime.
        self.streams: set[Stream] = set()
        self._idle: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._standby: Standby | None = None
        self._open = False

    # ------------------------------------------------------------------------------------------ who looks on

    def add_observer(self, observer: Observer) -> None:
        """Let one more observer see the executions that start from now on. Raises TypeError for what is none."""
        self.observers = (*self.observers, check_observer(observer))
        self._prepare_announcements()

    def _prepare_announcements(self) -> None:
        self._watched = any(has_hook(observer, *EXECUTION_HOOKS) for observer in self.observers)
        self._announce_start, self._announce_end = (announcer(self.observers, hook) for hook in EXECUTION_HOOKS)

    def measure(self) -> Measurements:
        """Count from now on what costs a little; the same measurements for everybody who asks."""
        if self.measurements is None:
            self.measurements = Measurements(self)
            if self._open:
                self.measurements.watch(self._loop)
        return self.measurements

    # ------------------------------------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._use(clock_of(self._loop))
        self._open = True
        if self.measurements is not None:
            self.measurements.watch(self._loop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(0 if kind is not None else self.drain_timeout)

    async def close(self, drain: float | None = None) -> None:
        """Start nothing more; wait up to `drain` seconds for running executions to end, then abort the rest."""
        self._open = False
        for stream in self.streams:
            stream.exhausted = True
        drain = self.drain_timeout if drain is None else drain
        try:
            if self._running and drain > 0:
                async with asyncio.timeout(drain):
                    await self._until_idle()
        except TimeoutError:
            pass
        finally:
            while self._running:
                for run in tuple(self._running):
                    self.stop(run, "ABORTED", None, None)
                await self._until_idle()
            for stream in tuple(self.streams):
                await stream.close()
            if self._standby is not None:
                standby, self._standby = self._standby, None
                await standby.dismiss()
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            if self.measurements is not None:
                self.measurements.rest()
            self._shut()
            for waiting in self._waiting:
                if not waiting.done():
                    self._reserved += 1
                    waiting.set_result(None)
            self._waiting.clear()

    async def _until_idle(self) -> None:
        while self._running:
            if self._idle is None or self._idle.done():
                self._idle = self._loop.create_future()
            await asyncio.shield(self._idle)

    @property
    def in_flight(self) -> int:
        """Executions running now."""
        return len(self._running)

    @property
    def loop_name(self) -> str:
        """Who made the event loop: `uvloop`, `asyncio`; nobody before the Runtime is entered."""
        return type(self._loop).__module__.partition(".")[0] if self._open else ""

    @property
    def waiting(self) -> int:
        """Starts that wait for a place now."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._running) + self._reserved >= self.max_in_flight

    @property
    def must_wait(self) -> bool:
        """Whether whoever wants to start something has to `acquire` a place first."""
        return bool(self._waiting) or len(self._running) + self._reserved >= self.max_in_flight

    # ------------------------------------------------------------------------------------------ starting

    async def start(self, workflow: Workflow, input: JSON = NO_INPUT, *, name: str | None = None) -> Execution:  # noqa: A002
        """Start an execution and return once it waits, has ended or has had its time slice; wait first while the
        Runtime is full, or the turn of the loop has no room.

        Without an input it gets `{}`, as at AWS. The input is not copied: it must stay as it is until the Result is
        there. One that is no JSON or too long gives a FAILED Result that says where; a tuple, a UUID or an Enum is not
        looked for and stays what it is.
        """
        if not self._open:
            raise _closed()
        machine = workflow.machine(self.observers)
        if self.monotonic_ns() > self.slice_end:
            await self.be_fair()
        if self._waiting or len(self._running) + self._reserved >= self.max_in_flight:
            await self.acquire()
        opened = self.open(machine, {} if input is NO_INPUT else input, name)
        if isinstance(opened, Result):
            return Execution(self, None, opened)
        if machine.program.blocks:
            standby = self._standby
            if standby is not None and standby.ready:
                return self._start_at_once(opened, standby)
            if standby is None or standby.task.done():
                self._standby = Standby(self._loop)
        else:
            result = self.run_here(opened)
            if result is not None:
                return Execution(self, None, result)
        self._register(opened)
        execution = Execution(self, opened, None)
        execution.task = spawn(self._loop, self._conduct_started(opened, execution))
        return execution

    def _start_at_once(self, run: Run, standby: Standby) -> Execution:
        """Run it here as far as it goes without waiting, in the place of a task that stands by."""
        run.task = standby.task
        context = copy_context()
        result = standby.perform(context.run, self.run_here, run)
        if result is not None:
            return Execution(self, None, result)
        execution = Execution(self, run, None)
        if run.awaiting is None and standby.ready:
            self._rest(Nap(self, run, execution, context))
        else:
            self._hand_over(run, execution, standby, context)
        return execution

    def _rest(self, nap: Nap) -> None:
        """Wait for the next attempt, or only for a turn of the loop."""
        run = nap.run
        run.task = nap
        if run.delay:
            delay, run.delay = run.delay, 0.0
            self.wake_later(nap, delay)
        else:
            run.yielding = True
            self.line_up(nap)

    def rouse(self, naps: deque[Nap]) -> None:
        """Go on with executions that have had their naps, as far as this turn of the loop has room. The others keep
        their places."""
        standby = self._standby
        if standby is None or not standby.ready:
            for nap in naps:
                nap.run.yielding = False
                nap.execution.task = spawn(self._loop, self._conduct_started(nap.run, nap.execution), nap.context)
            if standby is None or standby.task.done():
                self._standby = Standby(self._loop)
            return
        try:
            nap = standby.perform(self._go_on, naps, standby.task)
        finally:
            if naps:
                self.keep_places(naps)
        if nap is not None:
            self._hand_over(nap.run, nap.execution, standby, nap.context)

    def _go_on(self, naps: deque[Nap], task: asyncio.Task[None]) -> Nap | None:
        """Done by `task`. Stops at one that needs it for itself, which is returned."""
        while naps:
            nap = naps.popleft()
            run = nap.run
            if run.yielding:
                run.yielding = False
                if self.monotonic_ns() >= run.deadline_ns:
                    self.stop(run, "TIMED_OUT", None, None)
            try:
                if run.stopping is None:
                    run.task = task
                    result = nap.context.run(self.run_here, run)
                else:
                    result = self._end(run, "ABORTED", None, None, None)
            except BaseException:
                nap.execution.finish(self._aborted(run))
                self._deregister(run)
                raise
            if result is not None:
                self._deregister(run)
                nap.execution.finish(result)
            elif run.awaiting is None and not task.cancelling():
                self._rest(nap)
            else:
                return nap
            if self.monotonic_ns() > self.slice_end:
                return None
        return None

    def _hand_over(self, run: Run, execution: Execution, standby: Standby, context: Context) -> None:
        """Let the task that stands by conduct an execution to its end."""
        execution.task = standby.task
        work = self._conduct_handed(run, execution)
        try:
            wish = standby.perform(context.run, work.send, None)
        except StopIteration:
            pass
        else:
            standby.take_over(work, wish, context)
            self._standby = Standby(self._loop)

    async def _conduct_handed(self, run: Run, execution: Execution) -> None:
        execution.finish(await self.conduct(run, execution))

    async def execute(self, workflow: Workflow, input: JSON = NO_INPUT, *, name: str | None = None) -> Result:  # noqa: A002
        """Run an execution to its end, in the caller's own task. Cancelling the caller aborts it."""
        if not self._open:
            raise _closed()
        machine = workflow.machine(self.observers)
        if self.monotonic_ns() > self.slice_end:
            await self.be_fair()
        if self._waiting or len(self._running) + self._reserved >= self.max_in_flight:
            await self.acquire()
        opened = self.open(machine, {} if input is NO_INPUT else input, name)
        if isinstance(opened, Result):
            return opened
        opened.task = asyncio.current_task(self._loop)
        result = self.run_here(opened)
        if result is None:
            return await self.conduct(opened)
        return result

    def map(
        self, workflow: Workflow, events: Iterable[JSON] | AsyncIterable[JSON], *, ordered: bool = True
    ) -> AsyncIterator[Result]:
        """The results of one execution for each event, in the order of the events or, unordered, as they end.

        At most `max_in_flight` events are taken ahead of the consumer. Broken events (no JSON, over the limit) give
        FAILED results; an exception of the source is raised after the results of what it gave. `Result.index` tells
        which event a result belongs to.
        """
        machine = workflow.machine(self.observers)
        if not self._open:
            raise _closed()
        if machine.program.blocks:
            return Stream(self, machine, events, ordered, self._loop).results()
        return self._map_plainly(machine, events)

    async def _map_plainly(
        self, machine: Machine, events: Iterable[JSON] | AsyncIterable[JSON]
    ) -> AsyncIterator[Result]:
        """One after another, here: a machine that cannot block gains nothing from being run side by side."""
        now = self.monotonic_ns
        index = 0
        if isinstance(events, AsyncIterable):
            async for event in events:
                opened = self.open(machine, event)
                result = (self.run_here(opened) or await self.conduct(opened)) if isinstance(opened, Run) else opened
                result.index = index
                index += 1
                yield result
                await self.be_fair()
            return
        for event in events:
            opened = self.open(machine, event)
            result = (self.run_here(opened) or await self.conduct(opened)) if isinstance(opened, Run) else opened
            result.index = index
            index += 1
            yield result
            if now() > self.slice_end:
                await self.be_fair()

    async def acquire(self) -> None:
        """Wait for a place, first come first served. It is kept for the caller until it goes on."""
        self.throttled += 1
        begin = self.monotonic_ns()
        waiting = self._loop.create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                self._reserved -= 1
                self._admit()
            raise
        self._reserved -= 1
        if self.measurements is not None:
            self.measurements.admission_wait.observe(self.monotonic_ns() - begin)

    def _admit(self) -> None:
        """Places are free: keep them for the first who wait, and wake those."""
        while self._waiting and not self.is_full:
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._reserved += 1
                waiting.set_result(None)

    def open(self, machine: Machine, event: JSON, name: str | None = None) -> Run | Result:
        """A new Run, or the Result of refusing its input. Raises RuntimeClosed, or ValueError for an invalid name."""
        if not self._open:
            raise _closed()
        if name is not None:
            check_name(name)
        self._sequence = sequence = self._sequence + 1
        try:
            size = len(encode(event))
        except NotJSON as error:
            return self._refuse(machine, event, name, RUNTIME, f"Invalid State Machine Execution Input: '{error}'")
        if size > self.payload_limit:
            cause = f"The execution input has {size} bytes, exceeding the service limit of {self.payload_limit}."
            return self._refuse(machine, None, name, DATA_LIMIT_EXCEEDED, cause)
        if machine.known_to is not self.measurements:
            self._meet(machine)
        run = Run(self, machine, event, size, sequence, self.monotonic_ns())
        machine.tally.started += 1
        if name is not None:
            run.name = name
        if self._watched:
            self._announce_start(run)
        return run

    def _refuse(self, machine: Machine, event: JSON, name: str | None, error: str, cause: str) -> Result:
        if machine.known_to is not self.measurements:
            self._meet(machine)
        run = Run(self, machine, event, 0, self._sequence, self.monotonic_ns())
        run.name = name
        machine.tally.started += 1
        if self._watched:
            self._announce_start(run)
        return self._end(run, "FAILED", None, error, cause)

    def _meet(self, machine: Machine) -> None:
        """A machine that whoever measures here has not seen, or that another Runtime has measured since."""
        if self.measurements is None:
            machine.known_to = None
        else:
            self.measurements.meet(machine)

    # ------------------------------------------------------------------------------------------ running

    def run_here(self, run: Run) -> Result | None:
        """Run an execution as far as it goes without waiting. None: it counts as running now, conduct it."""
        try:
            if not advance(run):
                self._register(run)
                return None
        except StateError as error:
            forget_trace(error)
            return self._end(run, "FAILED", None, error.error, error.cause)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not take the application down
            return self._end_broken(run, error)
        except BaseException:
            # Somebody is leaving the program by way of a handler.
            self._end(run, "ABORTED", None, None, None)
            raise
        return self._succeed(run)

    async def conduct(self, run: Run, execution: Execution | None = None) -> Result:
        """Drive an execution that `run_here` has left unfinished to its end, in the current task.

        Raises CancelledError when that task is cancelled by others; `execution` learns the Result even then.
        """
        run.task = asyncio.current_task(self._loop)
        try:
            if run.stopping is not None:
                run.abandon()
                raise asyncio.CancelledError
            await drive(run)
        except StateError as error:
            forget_trace(error)
            result = self._end(run, "FAILED", None, error.error, error.cause)
        except asyncio.CancelledError as error:
            forget_trace(error)
            result = self._end(run, "ABORTED", None, None, None)
            if run.stopping is None:
                if execution is not None:
                    execution.finish(result)
                raise
        except Exception as error:  # noqa: BLE001 - a defect of ours must not take the application down
            result = self._end_broken(run, error)
        except BaseException:
            result = self._end(run, "ABORTED", None, None, None)
            if execution is not None:
                execution.finish(result)
            raise
        else:
            result = self._succeed(run)
        finally:
            self._deregister(run)
        if run.cancelled and _uncancel() > run.cancellations:
            if execution is not None:
                execution.finish(result)
            raise asyncio.CancelledError
        return result

    async def _conduct_started(self, run: Run, execution: Execution) -> None:
        run.task = asyncio.current_task(self._loop)
        try:
            # Many may have been started in one turn, by others than the task that stands by.
            has_time = self.monotonic_ns() <= self.slice_end or self.has_time()
            result = self.run_here(run) if has_time and run.stopping is None else None
        except BaseException:
            execution.finish(self._aborted(run))
            self._deregister(run)
            raise
        if result is None:
            result = await self.conduct(run, execution)
        else:
            self._deregister(run)
        execution.finish(result)

    def _aborted(self, run: Run) -> Result:
        """The Result of an execution whose end nobody could take."""
        duration = self.monotonic_ns() - run.started_ns
        return Result("ABORTED", None, None, None, run.name or run.sequence, self._names, duration, 0)

    def stop(self, run: Run, status: Status, error: str | None, cause: str | None) -> None:
        """End a running execution with `status` as soon as it can be interrupted."""
        if run.stopping is not None:
            return
        run.stopping, run.stop_error, run.stop_cause = status, error, cause
        if run.task is asyncio.current_task(self._loop):
            # Its own handler stops it: interrupt whatever it does next, if it does not end by itself.
            self._loop.call_soon(self._interrupt, run)
        else:
            self._interrupt(run)

    def _interrupt(self, run: Run) -> None:
        """Cancel the task of an execution that has begun and has not ended."""
        task = run.task
        # A task that is being cancelled already (a fork ends its branches) may be cleaning up: a second cancellation
        # would cut that short, and the execution looks at `stopping` next.
        if task is not None and run in self._running and not task.cancelling():
            run.cancelled = True
            run.cancellations = task.cancelling()
            task.cancel()

    # ------------------------------------------------------------------------------------------ deadlines

    def timeout_ns(self, machine: Machine) -> int:
        own = machine.timeout_seconds
        return self._timeout_ns if own is None else min(own * SECOND, self._timeout_ns)

    def _register(self, run: Run) -> None:
        """Count the execution as running and have its deadline watched, if it does not already."""
        if run in self._running:
            return
        machine = run.machine
        timer = None
        if machine.timeout_seconds is not None:
            timer = self._loop.call_later(self.timeout_ns(machine) / SECOND, self._time_out, run)
        elif self._watch is None:
            self._watch = self._loop.call_later(self.execution_timeout, self._expire)
        self._running[run] = timer

    def _deregister(self, run: Run) -> None:
        timer = self._running.pop(run, None)
        if timer is not None:
            timer.cancel()
        if self._waiting:
            self._admit()
        if not self._running and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _time_out(self, run: Run) -> None:
        self.stop(run, "TIMED_OUT", None, None)

    def _expire(self) -> None:
        """Time out every execution that is due; watch for the next."""
        self._watch = None
        now = self.monotonic_ns()
        for run, timer in self._running.items():
            if timer is not None or run.stopping is not None:
                continue
            left = run.deadline_ns - now
            if left > 0:
                self._watch = self._loop.call_later(left / SECOND, self._expire)
                return
            self._time_out(run)

    # ------------------------------------------------------------------------------------------ ends

    def _succeed(self, run: Run) -> Result:
        """`_end` for nearly all: an execution that has succeeded within one step of the bill, that nobody watches."""
        duration = self.monotonic_ns() - run.started_ns
        if duration > self._short_ns or run.fan_out or run.stopping is not None or self._waiting or self._watched:
            return self._end(run, "SUCCEEDED", run.data, None, None)
        machine = run.machine
        tally = machine.tally
        tally.succeeded += 1
        tally.duration_ns += duration
        durations = tally.durations
        if durations is not None:
            latest = durations.latest
            if latest.above < duration <= latest.bound:
                latest.count += 1
            else:
                durations.count(duration, run)
        run.run = run.task = None  # type: ignore[assignment]  # as in `_end`
        return Result(
            "SUCCEEDED", run.data, None, None, run.name or run.sequence, self._names, duration, machine.base_memory
        )

    def _end(self, run: Run, status: Status, output: JSON, error: str | None, cause: str | None) -> Result:
        """Fold the execution's numbers into its machine's tally."""
        duration = self.monotonic_ns() - run.started_ns
        machine = run.machine
        tally = machine.tally
        if run.stopping is not None:
            # Whatever a handler made of its cancellation, a stopped execution has been stopped.
            status, output, error, cause = run.stopping, None, run.stop_error, run.stop_cause
        elif duration > self._timeout_ns or (machine.timeout_seconds and duration > self.timeout_ns(machine)):
            status, output, error, cause = "TIMED_OUT", None, None, None
        memory = machine.base_memory
        if run.fan_out:
            memory = memory_bytes(machine.definition_bytes, run.data_bytes, run.fan_out)
            tally.more_bytes += memory - machine.base_memory
        tally.duration_ns += duration
        if tally.durations is not None:
            tally.durations.count(duration, run)
        if duration > DURATION_STEP_NS or memory > MEMORY_STEP_BYTES:
            duration_steps, memory_steps = billed_steps(duration, memory)
            tally.more_duration_steps += duration_steps - 1
            tally.more_memory_steps += memory_steps - 1
            tally.more_units += duration_steps * memory_steps - 1
        if status == "SUCCEEDED":
            tally.succeeded += 1
        elif status == "FAILED":
            tally.failed += 1
            tally.count_error(error)
        elif status == "TIMED_OUT":
            tally.timed_out += 1
            tally.count_error(TIMEOUT)
            error = TIMEOUT if machine.type == "EXPRESS" else None
        else:
            tally.aborted += 1
        result = Result(status, output, error, cause, run.name or run.sequence, self._names, duration, memory)
        if self._watched:
            self._announce_end(run, result)
        # The outermost frame points at itself, and a task keeps the exception it ends with and so this frame: without
        # this only the collector could free them.
        run.run = None  # type: ignore[assignment]
        run.task = None
        if run.paused is not None:
            run.let_go()
        if self._waiting:
            # It may have been given a place and never needed one.
            self._admit()
        return result

    def _end_broken(self, run: Run, error: Exception) -> Result:
        foreign = find_foreign(run.input)
        if foreign is not None:
            # A UUID or an Enum, which nothing looks for at the start.
            return self._end(run, "FAILED", None, RUNTIME, f"Invalid State Machine Execution Input: '{foreign}'")
        log.exception("execution %s broke the engine", run.execution_name)
        cause = f"Internal error of the runtime: {type(error).__name__}: {error}"
        return self._end(run, "FAILED", None, RUNTIME, cause)
