"""The Runtime: starts executions and runs them.

Theory of operation. Inside the call that starts it, an execution runs until it first waits (`beginning`); most end
there. One that waits is conducted (`conduct`) by exactly one task: after `start` by the standby task (`standby`) or
one made for it, in `execute` by the caller's own, in `map` by a worker of a stream. While a started execution waits
for its next attempt or for a turn of the loop it has no task (`naps`). `running` controls how many run, for how long,
and how they end.

No exception of an execution leaves the Runtime, except the cancellation of the caller and exceptions that are to end
the program (SystemExit).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextvars import copy_context
from enum import Enum
from threading import get_ident
from typing import TYPE_CHECKING, Final, Protocol, Self

from express.errors import StateError, forget_trace
from express.payload import PAYLOAD_LIMIT
from express.program import Machine, Run
from express.result import Result
from express.runtime.beginning import BeginningExecutions, Unbegun, closed
from express.runtime.clock import clock_of
from express.runtime.execution import advance, drive
from express.runtime.handle import Execution
from express.runtime.host import MAX_THREADS, elsewhere
from express.runtime.loops import spawn
from express.runtime.measurements import Measurements
from express.runtime.naps import Nap
from express.runtime.running import check_limit
from express.runtime.standby import Standby, make_current
from express.runtime.stream import Stream

if TYPE_CHECKING:
    from collections import deque
    from contextvars import Context
    from types import TracebackType

    from express.observe import Observer
    from express.types import JSON


#: An Express execution may take five minutes (AWS guide "Quotas").
EXECUTION_TIMEOUT = 300.0
#: Iterations an inline Map runs at once when its MaxConcurrency is 0 (AWS guide "Map state in Inline mode").
MAP_CONCURRENCY = 40
#: How far `map` runs a machine that cannot block ahead of its consumer: results, and nanoseconds. Further would save
#: little; and large results are made faster where those before them have been consumed.
_AHEAD = 32
_AHEAD_NS = 50_000


class _NoInput(Enum):
    NO_INPUT = "NO_INPUT"


#: The default of an execution's input, which means `{}`. None is an input like any other.
NO_INPUT: Final = _NoInput.NO_INPUT


class Workflow(Protocol):
    """What a Runtime runs: an object with a machine for each set of observers."""

    def machine(self, observers: tuple[Observer, ...] = ()) -> Machine: ...


def _refused(workflow: object, error: AttributeError) -> Exception:
    """What to raise after `workflow.machine` has failed: TypeError for what is no workflow, else its own error.

    Asked only then, so that starting an execution costs nothing more.
    """
    if callable(getattr(type(workflow), "machine", None)):
        return error
    return TypeError(f"workflow must be what express.compile returns, not a {type(workflow).__name__}")


def _uncancel() -> int:
    """Take back one cancellation of the current task; returns how many are left."""
    task = asyncio.current_task()
    return 0 if task is None else task.uncancel()


class Runtime(BeginningExecutions):
    """Runs workflows in the current event loop.

    Use it as an asynchronous context manager. Leaving it lets running executions end, for at most `drain_timeout`
    seconds (default: the execution timeout), then aborts them; leaving it by an exception aborts them at once.

    max_in_flight: executions running at once; `start` waits while as many run.
    execution_timeout: seconds an execution may take before it is TIMED_OUT; AWS's limit is 300.
    map_concurrency: iterations of an inline Map at once where the definition leaves it open.
    payload_limit: bytes of JSON at every edge; AWS's limit is 262 144.
    max_threads: handlers registered with `blocking=True` that are called at once. The others wait for a thread, and
    their TimeoutSeconds begin when they get one.

    Entering it raises RuntimeError while it is in use, in whatever loop.
    """

    __slots__ = ("_standby", "drain_timeout", "streams")

    def __init__(
        self,
        max_in_flight: int = 10_000,
        execution_timeout: float = EXECUTION_TIMEOUT,
        map_concurrency: int = MAP_CONCURRENCY,
        payload_limit: int = PAYLOAD_LIMIT,
        observers: Iterable[Observer] = (),
        *,
        drain_timeout: float | None = None,
        max_threads: int = MAX_THREADS,
    ) -> None:
        super().__init__(max_in_flight, execution_timeout, map_concurrency, payload_limit, observers)
        if drain_timeout:
            check_limit("drain_timeout", drain_timeout)
        check_limit("max_threads", max_threads, whole=True)
        self.max_threads = max_threads
        self.drain_timeout = execution_timeout if drain_timeout is None else drain_timeout
        #: The `map` calls in progress, to be closed with the Runtime.
        self.streams: set[Stream] = set()
        self._standby: Standby | None = None

    # ------------------------------------------------------------------------------------------ lifecycle

    async def __aenter__(self) -> Self:
        if self._thread:
            raise RuntimeError("the Runtime is in use already: it can be entered again when it has been left")
        self._loop = self.callbacks.loop = asyncio.get_running_loop()
        self._thread = get_ident()
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
        """Refuse further starts; wait up to `drain` seconds for running executions to end, then abort the rest."""
        self._open = False
        self._row = None
        for stream in self.streams:
            stream.cut()
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
                    if run in self._running:
                        self.stop(run, "ABORTED", None, None)
                    if self.monotonic_ns() > self.slice_end:
                        # Thousands of executions may be running.
                        await self.be_fair()
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

    def measure(self) -> Measurements:
        """Start the measurements that have a cost; all callers share one object."""
        if self.measurements is None:
            self.measurements = Measurements(self)
            self._row = None
            if self._open:
                self.measurements.watch(self._loop)
        return self.measurements

    @property
    def loop_name(self) -> str:
        """The package of the event loop: `uvloop`, `asyncio`; empty while the Runtime is not open."""
        return type(self._loop).__module__.partition(".")[0] if self._open else ""

    # ------------------------------------------------------------------------------------------ starting

    async def start(self, workflow: Workflow, input: JSON = NO_INPUT, *, name: str | None = None) -> Execution:  # noqa: A002
        """Start an execution; returns once it waits, has ended or has used up its time slice.

        Waits first while the Runtime is full, or if the turn of the loop has no time left.

        Without an input the execution gets `{}`, as at AWS. The input is not copied: it must not change until the
        Result is there. An input that is not JSON or too long gives a FAILED Result whose cause says why; tuples,
        UUIDs and Enums are not checked for and stay what they are.
        """
        if not self._open:
            raise closed()
        try:
            machine = workflow.machine(self.observers)
        except AttributeError as error:
            raise _refused(workflow, error) from None
        # `is_elsewhere`, inlined; what cannot block runs in another loop of this thread, too, until it has to wait.
        if get_ident() != self._thread or (machine.program.blocks and not self._loop.is_running()):
            raise elsewhere()
        if self.looked_ns > self.slice_end:
            await self.be_fair()
        if self._waiting or len(self._running) + self._reserved >= self.max_in_flight:
            await self.acquire()
        if input is NO_INPUT:
            input = {}  # noqa: A001 - ASL's own word for it
        if machine.program.blocks:
            standby = self._standby
            if standby is None or not standby.ready:
                return self._start_later(machine, input, name)
            # Run it until it has to wait, in place of the standby task: `Standby.perform`, inlined.
            context = copy_context()
            standby.ready = False
            loop, task = self._loop, standby.task
            caller = make_current(loop, task)
            try:
                begun = context.run(self.begin, machine, input, name, Execution)
            finally:
                make_current(loop, caller)
                standby.ready = not task.cancelling()
            if type(begun) is Execution:
                return begun
            if isinstance(begun, Run):
                return self._started(begun, standby, context)
        else:
            begun = self.begin(machine, input, name, Execution)
            if type(begun) is Execution:
                return begun
            if isinstance(begun, Run):
                return self._start_in_task(begun)
        return Execution.ended(begun)

    def _start_later(self, machine: Machine, event: JSON, name: str | None) -> Execution:
        """Start an execution in a task of its own, because no task stands by."""
        opened = self.open(machine, event, name)
        if isinstance(opened, Result):
            return Execution.ended(opened)
        if self._standby is None or self._standby.task.done():
            self._standby = Standby(self._loop)
        return self._start_in_task(opened)

    def _start_in_task(self, run: Run) -> Execution:
        self._register(run)
        self.looked_ns = self.monotonic_ns()
        execution = Execution.running(self, run, self._names)
        self._spawn(run, execution)
        return execution

    def _started(self, run: Run, standby: Standby, context: Context) -> Execution:
        """The handle of an execution that waits, after it ran in place of the standby task."""
        execution = Execution.running(self, run, self._names)
        if run.awaiting is None and standby.ready:
            nap = Nap()
            nap.host = self
            nap.run = run
            nap.execution = execution
            nap.context = context
            nap.timer = None
            self._rest(nap)
        else:
            self._hand_over(run, execution, standby, context)
        return execution

    def _rest(self, nap: Nap) -> None:
        """Let an execution without a task wait for its next attempt, or only for a turn of the loop."""
        run = nap.run
        run.task = nap
        if run.delay:
            delay, run.delay = run.delay, 0.0
            self.wake_later(nap, delay)
        else:
            run.yielding = True
            self.line_up(nap)

    def rouse(self) -> None:
        """Resume executions whose naps have been called, as far as this turn of the loop has time."""
        naps, standby = self._called, self._standby
        if not naps:
            return
        # There is a turn for the others, too.
        self.keep_slice()
        if standby is None or not standby.ready:
            while naps:
                nap = naps.popleft()
                nap.run.yielding = False
                self._spawn(nap.run, nap.execution, nap.context)
            if standby is None or standby.task.done():
                self._standby = Standby(self._loop)
            return
        left = standby.perform(self._go_on, naps, standby.task)
        if left is not None:
            self._hand_over(left.run, left.execution, standby, left.context)

    def _spawn(self, run: Run, execution: Execution, context: Context | None = None) -> None:
        """Run an execution in a task of its own, which may end it at once."""
        task = spawn(self._loop, self.conduct(run, execution, begins=True), context)
        if not execution.done:
            # The task's result is the execution: otherwise they would reference each other for ever.
            execution.task = task

    def _go_on(self, naps: deque[Nap], task: asyncio.Task[None]) -> Nap | None:
        """Resume executions in `task`, while there is time; returns the first that needs the task for itself."""
        now, run_on, rest = self.monotonic_ns, self._run_on, self._rest
        while naps:
            nap = naps.popleft()
            run, execution = nap.run, nap.execution
            if run.yielding:
                run.yielding = False
                if now() >= run.deadline_ns:
                    self.stop(run, "TIMED_OUT", None, None)
            try:
                if run.stopping is None:
                    run.task = task
                    result = nap.context.run(run_on, run, execution)
                else:
                    result = self._end(run, "ABORTED", None, None, None, execution)
            except BaseException:
                execution.finish(self.aborted(run))
                self._deregister(run)
                raise
            if result is not None:
                self._deregister(run)
                execution.finish(result)
            elif run.awaiting is None and not task.cancelling():
                rest(nap)
            else:
                return nap
            if now() > self.slice_end:
                return None
        return None

    def _hand_over(self, run: Run, execution: Execution, standby: Standby, context: Context) -> None:
        """Let the standby task conduct an execution to its end."""
        execution.task = standby.task
        work = self.conduct(run, execution)
        try:
            wish = standby.perform(context.run, work.send, None)
        except StopIteration:
            pass
        else:
            standby.take_over(work, wish, context)
            self._standby = Standby(self._loop)

    async def execute(self, workflow: Workflow, input: JSON = NO_INPUT, *, name: str | None = None) -> Result:  # noqa: A002
        """Run an execution to its end, in the caller's own task. Cancelling the caller aborts it."""
        if not self._open:
            raise closed()
        try:
            machine = workflow.machine(self.observers)
        except AttributeError as error:
            raise _refused(workflow, error) from None
        # `is_elsewhere`, inlined; what cannot block runs in another loop of this thread, too, until it has to wait.
        if get_ident() != self._thread or (machine.program.blocks and not self._loop.is_running()):
            raise elsewhere()
        if self.looked_ns > self.slice_end:
            await self.be_fair()
        if self._waiting or len(self._running) + self._reserved >= self.max_in_flight:
            await self.acquire()
        begun = self.begin(machine, {} if input is NO_INPUT else input, name)
        return await self.conduct(begun) if isinstance(begun, Run) else begun

    def map(
        self, workflow: Workflow, events: Iterable[JSON] | AsyncIterable[JSON], *, ordered: bool = True
    ) -> AsyncGenerator[Result, None]:
        """The results of one execution for each event, in the order of the events or, unordered, as they end.

        At most `max_in_flight` events are taken ahead of the consumer (a source that the consumer itself feeds needs a
        Runtime with 1). Invalid events (not JSON, over the limit) give
        FAILED results; an exception of the source is raised after the results of its earlier events. `Result.index`
        is the index of the event. A consumer that leaves early must close the generator (`aclose`,
        `contextlib.aclosing`): that stops running executions at once rather than when the garbage collector finds it.
        """
        try:
            machine = workflow.machine(self.observers)
        except AttributeError as error:
            raise _refused(workflow, error) from None
        if not self._open:
            raise closed()
        if self.is_elsewhere():
            raise elsewhere()
        if machine.program.blocks:
            return Stream(self, machine, events, ordered, self._loop).results()
        return self._map_plainly(machine, events)

    async def _map_plainly(
        self, machine: Machine, events: Iterable[JSON] | AsyncIterable[JSON]
    ) -> AsyncGenerator[Result, None]:
        """Run one execution after another: a machine that cannot block gains nothing from concurrency."""
        index = 0
        if isinstance(events, AsyncIterable):
            async for event in events:
                begun = self.begin(machine, event)
                result = await self.conduct(begun) if isinstance(begun, Run) else begun
                result.index = index
                index += 1
                yield result
                await self.be_fair()
            return
        source = iter(events)
        results: list[Result] = []
        most = 1
        while True:
            until_ns = min(self.monotonic_ns() + _AHEAD_NS, self.slice_end)
            last = self.begin_many(machine, source, index, most, until_ns, results)
            waiting = spawn(self._loop, self.conduct(last)) if isinstance(last, Run) else None
            try:
                for result in results:
                    yield result
                index += len(results)
                results.clear()
                if isinstance(last, BaseException):
                    if isinstance(last, StopIteration):
                        return
                    raise last
                if isinstance(last, Unbegun):
                    begun = self.begin(machine, last.event)
                    if isinstance(begun, Run):
                        waiting = spawn(self._loop, self.conduct(begun))
                    else:
                        begun.index = index
                        index += 1
                        yield begun
                if waiting is not None:
                    result = await waiting
                    result.index = index
                    index += 1
                    yield result
            finally:
                # An exception that is raised references this frame.
                last = None
                if waiting is not None and not waiting.done():
                    waiting.cancel()
                    await asyncio.wait([waiting])
            now = self.monotonic_ns()
            # The consumer's time counts, because the loop does not turn while it works.
            is_quick = now - self.looked_ns < _AHEAD_NS
            most = min(2 * most, _AHEAD, self.max_in_flight) if is_quick else 1
            if now > self.slice_end:
                await self.be_fair()

    # ------------------------------------------------------------------------------------------ task tokens

    def send_task_success(self, token: str, output: JSON = None) -> None:
        """Answer the task that waits with this token (`$$.Task.Token`; API reference SendTaskSuccess).

        `output` is the task's output, a JSON value. May be called from any thread, and before the task's handler has
        returned.

        Raises InvalidToken, TaskTimedOut when the task no longer waits, or InvalidOutput.
        """
        self.callbacks.succeed(token, output)

    def send_task_failure(self, token: str, error: str | None = None, cause: str | None = None) -> None:
        """Fail the task that waits with this token (API reference SendTaskFailure).

        Raises InvalidToken or TaskTimedOut.
        """
        self.callbacks.fail(token, error, cause)

    def send_task_heartbeat(self, token: str) -> None:
        """Restart the HeartbeatSeconds of the task that waits with this token (API reference SendTaskHeartbeat).

        Raises InvalidToken or TaskTimedOut.
        """
        self.callbacks.beat(token)

    # ------------------------------------------------------------------------------------------ running

    async def conduct(self, run: Run, execution: Execution | None = None, *, begins: bool = False) -> Result:
        """Run an execution to its end, in the current task, which must not have any other work.

        `begins`: it has only been opened, or had taken a nap; otherwise `run_here` has left it unfinished. `execution`
        gets the Result, even if the task is cancelled from elsewhere; CancelledError is raised then.
        """
        run.task = asyncio.current_task(self._loop)
        try:
            begins_now = (
                begins
                and run.stopping is None
                and run.awaiting is None
                # Many may have been started in one turn without the standby task.
                and (self.monotonic_ns() <= self.slice_end or self.has_time())
            )
            if not (begins_now and advance(run)):
                await drive(run)
        except StateError as error:
            forget_trace(error)
            result = self._end(run, "FAILED", None, error.error, error.cause, execution)
        except asyncio.CancelledError as error:
            forget_trace(error)
            result = self._end(run, "ABORTED", None, None, None, execution)
            if run.stopping is None:
                if execution is not None:
                    execution.finish(result)
                raise
        except Exception as error:  # noqa: BLE001 - a defect of the engine must not end the application
            result = self._end_broken(run, error, execution)
        except BaseException:
            result = self._end(run, "ABORTED", None, None, None, execution)
            if execution is not None:
                execution.finish(result)
            raise
        else:
            result = self._end(run, "SUCCEEDED", run.data, None, None, execution)
        finally:
            self._deregister(run)
        is_cancelled = run.cancelled and _uncancel() > run.cancellations
        if execution is not None:
            execution.finish(result)
        if is_cancelled:
            raise asyncio.CancelledError
        return result
