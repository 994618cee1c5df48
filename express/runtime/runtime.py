"""The Runtime: starts executions, bounds them, stops them, counts them.

Theory of operation. A machine that cannot block runs to its end inside the call that starts it. Any other execution
is conducted (`conduct`) by exactly one task: one made by `start`, the caller's own in `execute`, a worker of a stream
in `map`. Running executions are kept in the order of their start, which is the order of their deadlines, so one
timer watches them all (law 5); only a machine with a TimeoutSeconds of its own has its own.

Ends. Every execution ends in `_end`, which folds its numbers into the machine's tally and makes the Result. Nothing
an execution does raises out of here, save the cancellation of the caller.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, Self

from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, TIMEOUT, RuntimeClosed, StateError
from express.metering import DURATION_STEP_NS, MEMORY_STEP_BYTES, billed_units, memory_bytes
from express.observe import Observer, has_hook, notify
from express.payload import NotJSON, encode
from express.program import PAYLOAD_LIMIT, SLICE_NS, Branches, Frame, Heartbeat, Machine, Run
from express.result import Names, Result
from express.runtime.branches import FanOut
from express.runtime.clock import Clock, SystemClock, clock_of
from express.runtime.execution import advance, drive
from express.runtime.loops import spawn
from express.runtime.stream import Stream

if TYPE_CHECKING:
    from types import TracebackType

    from express.types import JSON, Status

log = logging.getLogger("express")

#: An Express execution may take five minutes (AWS guide "Quotas").
EXECUTION_TIMEOUT = 300.0
#: Iterations an inline Map runs at once when its MaxConcurrency is 0 (AWS guide "Map state in Inline mode").
MAP_CONCURRENCY = 40

_SECOND = 1_000_000_000


class Workflow(Protocol):
    """What a Runtime runs: something that has a machine for each set of observers."""

    def machine(self, observers: tuple[Observer, ...] = ()) -> Machine: ...


class Execution:
    """A started execution. Await it for its Result; awaiting again gives the same one.

    Cancelling whoever awaits it does not stop the execution: `stop` does, and leaving the Runtime.
    """

    __slots__ = ("_result", "_run", "_runtime", "_waiters")

    def __init__(self, runtime: Runtime, run: Run | None, result: Result | None) -> None:
        self._runtime = runtime
        self._run = run
        self._result = result
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def name(self) -> str:
        return self._result.name if self._run is None and self._result is not None else self._running.execution_name

    @property
    def done(self) -> bool:
        return self._result is not None

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Abort it (API reference StopExecution); its Result is ABORTED with this error and cause."""
        if self._result is None:
            self._runtime.stop(self._running, "ABORTED", error, cause)

    @property
    def _running(self) -> Run:
        assert self._run is not None
        return self._run

    def _finish(self, result: Result) -> None:
        self._result = result
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def __await__(self) -> Generator[Any, None, Result]:
        while self._result is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        return self._result


class Runtime:
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
        self.max_in_flight = max_in_flight
        self.execution_timeout = execution_timeout
        self.map_concurrency = map_concurrency
        self.payload_limit = payload_limit
        self.observers = tuple(observers)
        self.drain_timeout = execution_timeout if drain_timeout is None else drain_timeout
        self.advance = advance
        self._watched = tuple(o for o in self.observers if has_hook(o, "execution_started", "execution_ended"))
        self._timeout_ns = int(execution_timeout * _SECOND)
        self._names = Names(random.SystemRandom().getrandbits(80))
        self._sequence = 0
        self._running: dict[Run, asyncio.TimerHandle | None] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._slice_end = 0
        self._open = False
        self._loop: asyncio.AbstractEventLoop
        self._clock: Clock = SystemClock()
        self.monotonic_ns = self._clock.monotonic_ns
        self.time_ns = self._clock.time_ns

    # ------------------------------------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._clock = clock_of(self._loop)
        self.monotonic_ns = self._clock.monotonic_ns
        self.time_ns = self._clock.time_ns
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(0 if kind is not None else self.drain_timeout)

    async def close(self, drain: float | None = None) -> None:
        """Start nothing more; wait up to `drain` seconds for running executions to end, then abort the rest."""
        self._open = False
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
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            if self._executor is not None:
                self._executor.shutdown(wait=False, cancel_futures=True)
                self._executor = None
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_result(None)

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
    def is_full(self) -> bool:
        return len(self._running) >= self.max_in_flight

    # ------------------------------------------------------------------------------------------ starting

    async def start(self, workflow: Workflow, input: JSON = None, *, name: str | None = None) -> Execution:  # noqa: A002
        """Start an execution and return at once; wait first while the Runtime is full.

        An input of None stands for `{}`, as at AWS. A workflow that cannot block has ended when this returns.
        """
        machine = workflow.machine(self.observers)
        if self.is_full or self._waiting:
            await self.acquire()
        opened = self.open(machine, {} if input is None else input, name)
        if isinstance(opened, Result):
            return Execution(self, None, opened)
        if not machine.program.blocks:
            result = self.run_here(opened)
            if result is not None:
                await self._be_fair()
                return Execution(self, None, result)
        self._register(opened)
        execution = Execution(self, opened, None)
        opened.task = spawn(self._loop, self._conduct_started(opened, execution))
        return execution

    async def execute(self, workflow: Workflow, input: JSON = None, *, name: str | None = None) -> Result:  # noqa: A002
        """Run an execution to its end, in the caller's own task. Cancelling the caller aborts it."""
        machine = workflow.machine(self.observers)
        if self.is_full or self._waiting:
            await self.acquire()
        opened = self.open(machine, {} if input is None else input, name)
        if isinstance(opened, Result):
            return opened
        opened.task = asyncio.current_task(self._loop)
        result = self.run_here(opened)
        if result is None:
            return await self.conduct(opened)
        await self._be_fair()
        return result

    async def map(
        self, workflow: Workflow, events: Iterable[JSON] | AsyncIterable[JSON], *, ordered: bool = True
    ) -> AsyncIterator[Result]:
        """The results of one execution for each event, in the order of the events or, unordered, as they end.

        At most `max_in_flight` events are taken ahead of the consumer. Broken events (no JSON, over the limit) give
        FAILED results; an exception of the source is raised after the results of what it gave.
        """
        machine = workflow.machine(self.observers)
        if machine.program.blocks:
            stream = Stream(self, machine, events, ordered, self._loop)
            async for result in stream.results():
                yield result
        elif isinstance(events, AsyncIterable):
            async for event in events:
                opened = self.open(machine, event)
                if isinstance(opened, Run):
                    yield self.run_here(opened) or await self.conduct(opened)
                else:
                    yield opened
                await self._be_fair()
        else:
            now, slice_end = self.monotonic_ns, 0
            for event in events:
                opened = self.open(machine, event)
                if isinstance(opened, Run):
                    yield self.run_here(opened) or await self.conduct(opened)
                else:
                    yield opened
                if now() > slice_end:
                    await asyncio.sleep(0)
                    slice_end = now() + SLICE_NS

    async def _be_fair(self) -> None:
        """Give the loop its turn when this task has had its slice."""
        now = self.monotonic_ns()
        if now > self._slice_end:
            await asyncio.sleep(0)
            self._slice_end = now + SLICE_NS

    async def acquire(self) -> None:
        """Wait for a free place, first come first served."""
        while self._open and self.is_full:
            waiting = self._loop.create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled():
                    self._admit()
                raise
            finally:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)

    def _admit(self) -> None:
        """A place is free: wake the first who waits."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return

    def open(self, machine: Machine, event: JSON, name: str | None = None) -> Run | Result:
        """A new Run, or the Result of refusing its input."""
        if not self._open:
            raise RuntimeClosed("the Runtime is closed or was not entered with `async with`")
        self._sequence = sequence = self._sequence + 1
        try:
            size = len(encode(event))
        except NotJSON as error:
            return self._refuse(machine, event, name, RUNTIME, f"Invalid State Machine Execution Input: '{error}'")
        if size > self.payload_limit:
            cause = f"The execution input has {size} bytes, exceeding the service limit of {self.payload_limit}."
            return self._refuse(machine, None, name, DATA_LIMIT_EXCEEDED, cause)
        run = Run(self, machine, event, size, sequence, self.monotonic_ns())
        machine.tally.started += 1
        if name is not None:
            run.name = name
        if self._watched:
            notify(self._watched, "execution_started", run)
        return run

    def _refuse(self, machine: Machine, event: JSON, name: str | None, error: str, cause: str) -> Result:
        run = Run(self, machine, event, 0, self._sequence, self.monotonic_ns())
        run.name = name
        machine.tally.started += 1
        if self._watched:
            notify(self._watched, "execution_started", run)
        return self._end(run, "FAILED", None, error, cause)

    # ------------------------------------------------------------------------------------------ running

    def run_here(self, run: Run) -> Result | None:
        """Run an execution as far as it goes without waiting. None: it counts as running now, conduct it."""
        try:
            if not advance(run):
                self._register(run)
                return None
        except StateError as error:
            return self._end(run, "FAILED", None, error.error, error.cause)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not take the application down
            return self._end_broken(run, error)
        return self._end(run, "SUCCEEDED", run.data, None, None)

    async def conduct(self, run: Run) -> Result:
        """Drive an execution that `run_here` has left unfinished to its end, in the current task."""
        task = run.task = asyncio.current_task(self._loop)
        assert task is not None
        try:
            if run.stopping is not None:
                raise asyncio.CancelledError
            await drive(run)
        except StateError as error:
            result = self._end(run, "FAILED", None, error.error, error.cause)
        except asyncio.CancelledError:
            status = run.stopping
            if status is None:
                self._end(run, "ABORTED", None, None, None)
                raise
            result = self._end(run, status, None, run.stop_error, run.stop_cause)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not take the application down
            result = self._end_broken(run, error)
        else:
            result = self._end(run, "SUCCEEDED", run.data, None, None)
        finally:
            self._deregister(run)
        if run.cancelled and task.uncancel() > run.cancellations:
            raise asyncio.CancelledError
        return result

    async def _conduct_started(self, run: Run, execution: Execution) -> None:
        run.task = asyncio.current_task(self._loop)
        try:
            result = None if run.stopping is not None else self.run_here(run)
            if result is None:
                result = await self.conduct(run)
            else:
                self._deregister(run)
            execution._finish(result)
        except asyncio.CancelledError:
            # The loop is shutting down: the execution has ended as ABORTED, and says so to whoever still listens.
            execution._finish(self._result(run, "ABORTED", None, None, None))
            raise

    def stop(self, run: Run, status: Status, error: str | None, cause: str | None) -> None:
        """End a running execution with `status` as soon as it can be interrupted."""
        if run.stopping is not None:
            return
        run.stopping, run.stop_error, run.stop_cause = status, error, cause
        task = run.task
        if task is not None and task is not asyncio.current_task(self._loop):
            run.cancelled = True
            run.cancellations = task.cancelling()
            task.cancel()

    # ------------------------------------------------------------------------------------------ deadlines

    def timeout_ns(self, machine: Machine) -> int:
        own = machine.timeout_seconds
        return self._timeout_ns if own is None else min(own * _SECOND, self._timeout_ns)

    def _register(self, run: Run) -> None:
        """Count the execution as running and have its deadline watched, if it does not already."""
        if run in self._running:
            return
        machine = run.machine
        timer = None
        if machine.timeout_seconds is not None:
            timer = self._loop.call_later(self.timeout_ns(machine) / _SECOND, self._time_out, run)
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
                self._watch = self._loop.call_later(left / _SECOND, self._expire)
                return
            self._time_out(run)

    # ------------------------------------------------------------------------------------------ ends

    def _end(self, run: Run, status: Status, output: JSON, error: str | None, cause: str | None) -> Result:
        """Fold the execution's numbers into its machine's tally."""
        duration = self.monotonic_ns() - run.started_ns
        machine = run.machine
        tally = machine.tally
        memory = machine.base_memory
        if run.fan_out:
            memory = memory_bytes(machine.definition_bytes, run.data_bytes, run.fan_out)
        tally.duration_ns += duration
        small = duration <= DURATION_STEP_NS and memory <= MEMORY_STEP_BYTES
        tally.billed_units += 1 if small else billed_units(duration, memory)
        if status == "SUCCEEDED":
            tally.succeeded += 1
        elif status == "FAILED":
            tally.failed += 1
        elif status == "TIMED_OUT":
            tally.timed_out += 1
            error = TIMEOUT if machine.type == "EXPRESS" else None
        else:
            tally.aborted += 1
        result = Result(status, output, error, cause, run.name or run.sequence, self._names, duration, memory)
        # The outermost frame points at itself; without this only the collector could free it.
        run.run = None  # type: ignore[assignment]
        if self._watched:
            notify(self._watched, "execution_ended", run, result)
        return result

    def _end_broken(self, run: Run, error: Exception) -> Result:
        log.exception("execution %s broke the engine", run.execution_name)
        cause = f"Internal error of the runtime: {type(error).__name__}: {error}"
        return self._end(run, "FAILED", None, RUNTIME, cause)

    # ------------------------------------------------------------------------------------------ what steps ask for

    def default_name(self, sequence: int) -> str:
        return self._names.name(sequence)

    async def sleep(self, seconds: float) -> None:
        """At least as long as asked: uvloop's timers tick in milliseconds and may be early."""
        now = self.monotonic_ns
        until = now() + int(seconds * _SECOND)
        while (left := until - now()) > 0:
            await asyncio.sleep(max(left / _SECOND, 0.001))

    async def call_in_thread(self, call: Callable[..., JSON], *arguments: Any) -> JSON:
        """A handler registered as blocking. A thread cannot be interrupted: on a timeout it is left to its end."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(thread_name_prefix="express-task")
        context = contextvars.copy_context()
        return await self._loop.run_in_executor(self._executor, context.run, call, *arguments)

    async def within(self, call: Awaitable[JSON], seconds: float | None, heartbeat: Heartbeat | None) -> JSON:
        loop = self._loop
        end = None if seconds is None else loop.time() + seconds

        def due() -> float | None:
            beat = None if heartbeat is None else loop.time() + heartbeat.seconds
            return min((moment for moment in (end, beat) if moment is not None), default=None)

        try:
            async with asyncio.timeout_at(due()) as scope:
                if heartbeat is not None:
                    # The handler may beat from a thread of its own.
                    heartbeat.renew = lambda: loop.call_soon_threadsafe(lambda: scope.reschedule(due()))
                return await call
        except TimeoutError:
            if scope.expired():
                raise StateError(TIMEOUT) from None
            raise
        finally:
            if heartbeat is not None:
                heartbeat.renew = None

    async def fan_out(self, frame: Frame, branches: Branches) -> None:
        await FanOut(frame, branches, self._loop).run()
