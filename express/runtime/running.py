"""The running executions: observers, admission, deadlines, stopping, and how they end.

They are kept in the order of their start, which is the order of their deadlines, so one timer watches them all (law
5); only an execution of a machine with a TimeoutSeconds has a timer of its own. While `max_in_flight` executions run,
further starts wait for a place, first come, first served.

Every execution ends in `_end`, which adds its numbers to the machine's tally and makes the Result, unless it has
taken the fast path (`beginning`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from express.errors import RUNTIME, TIMEOUT, StateError, forget_trace
from express.foreign import find_foreign, readable
from express.metering import DURATION_STEP_NS, MEMORY_STEP_BYTES, billed_steps, memory_bytes
from express.observe import EXECUTION_HOOKS, Observer, announcer, check_observer, has_hook
from express.result import Result
from express.runtime.host import SECOND, LoopHost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.program import Machine, Run
    from express.runtime.measurements import Measurements
    from express.types import JSON, Status

log = logging.getLogger("express")


#: Upper bound of every limit that may be set, in its own unit.
_MOST: Final = 1_000_000_000


def check_limit(name: str, value: float, *, whole: bool = False) -> None:
    """Raise TypeError for what is no number, ValueError for one that is not positive and finite."""
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise TypeError(f"{name} must be {'an integer' if whole else 'a number'}, not {value!r}")
    if not 0 < value <= _MOST:
        raise ValueError(f"{name} must be positive and at most {_MOST:,}, not {value!r}")


class RunningExecutions(LoopHost):
    """The part of a Runtime that tracks running executions; for the arguments see `Runtime`."""

    __slots__ = (
        "_announce_end",
        "_announce_start",
        "_idle",
        "_open",
        "_reserved",
        "_row",
        "_running",
        "_short_ns",
        "_timeout_ns",
        "_waiting",
        "_watch",
        "_watched",
        "execution_timeout",
        "max_in_flight",
        "measurements",
        "observers",
        "throttled",
    )

    def __init__(self, max_in_flight: int, execution_timeout: float, observers: Iterable[Observer]) -> None:
        check_limit("max_in_flight", max_in_flight, whole=True)
        check_limit("execution_timeout", execution_timeout)
        super().__init__()
        self.max_in_flight = max_in_flight
        self.execution_timeout = execution_timeout
        self.observers = tuple(map(check_observer, observers))
        self._prepare_announcements()
        #: Measurements that have a cost, None until `measure` is called.
        self.measurements: Measurements | None = None
        #: Starts that had to wait for a place.
        self.throttled = 0
        self._timeout_ns = int(execution_timeout * SECOND)
        #: An execution of at most this duration is neither late nor billed for more than one unit of time.
        self._short_ns = min(DURATION_STEP_NS, self._timeout_ns)
        self._running: dict[Run, asyncio.TimerHandle | None] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        #: Places reserved for starts that were woken and have not continued yet.
        self._reserved = 0
        self._idle: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._open = False
        #: The row of executions that is being run (`begin_many`), None once something may have changed for the next.
        self._row: object = None

    # ------------------------------------------------------------------------------------------ observers

    def add_observer(self, observer: Observer) -> None:
        """Add an observer of executions that start from now on. Raises TypeError for an invalid one."""
        self.observers = (*self.observers, check_observer(observer))
        self._prepare_announcements()
        self._row = None

    def _prepare_announcements(self) -> None:
        self._watched = any(has_hook(observer, *EXECUTION_HOOKS) for observer in self.observers)
        self._announce_start, self._announce_end = (announcer(self.observers, hook) for hook in EXECUTION_HOOKS)

    # ------------------------------------------------------------------------------------------ places

    @property
    def in_flight(self) -> int:
        """Executions running now."""
        return len(self._running)

    @property
    def runs(self) -> Iterable[Run]:
        """The executions running now, in the order of their start."""
        return tuple(self._running)

    @property
    def waiting(self) -> int:
        """Starts that wait for a place now."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._running) + self._reserved >= self.max_in_flight

    @property
    def must_wait(self) -> bool:
        """Whether a start has to `acquire` a place first."""
        return bool(self._waiting) or len(self._running) + self._reserved >= self.max_in_flight

    async def acquire(self) -> None:
        """Wait for a place, first come, first served; it is reserved until the caller continues."""
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
        """Reserve free places for the first waiting starts, and wake them."""
        while self._waiting and not self.is_full:
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._reserved += 1
                waiting.set_result(None)

    async def _until_idle(self) -> None:
        while self._running:
            if self._idle is None or self._idle.done():
                self._idle = self._loop.create_future()
            await asyncio.shield(self._idle)

    # ------------------------------------------------------------------------------------------ deadlines

    def timeout_ns(self, machine: Machine) -> int:
        own = machine.timeout_seconds
        return self._timeout_ns if own is None else min(own * SECOND, self._timeout_ns)

    def _register(self, run: Run) -> None:
        """Register the execution as running and watch its deadline, if that is not done yet."""
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
        """Time out every execution that is due, and set the timer for the next."""
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

    # ------------------------------------------------------------------------------------------ stopping

    def stop(self, run: Run, status: Status, error: str | None, cause: str | None) -> None:
        """End a running execution with `status` as soon as it can be interrupted."""
        self._row = None
        if run.stopping is not None:
            return
        run.stopping, run.stop_error, run.stop_cause = status, error, cause
        if run.task is asyncio.current_task(self._loop):
            # Its own handler stops it: interrupt whatever the execution does next, unless it ends by itself.
            self._loop.call_soon(self._interrupt, run)
        else:
            self._interrupt(run)

    def _interrupt(self, run: Run) -> None:
        """Cancel the task of an execution that has begun and has not ended."""
        task = run.task
        # A task that is already being cancelled (a fork ends its branches) may be cleaning up: a second cancellation
        # would interrupt that, and the execution checks `stopping` next.
        if task is not None and run in self._running and not run.called_off and not task.cancelling():
            run.cancelled = True
            run.cancellations = task.cancelling()
            task.cancel()

    # ------------------------------------------------------------------------------------------ ends

    def _end(
        self,
        run: Run,
        status: Status,
        output: JSON,
        error: str | None,
        cause: str | None,
        into: Result | None = None,
    ) -> Result:
        """End an execution: add its numbers to its machine's tally and make its Result.

        `into` is the Result to fill in, if there is one.
        """
        self.looked_ns = ended = self.monotonic_ns()
        duration = ended - run.started_ns
        machine = run.machine
        tally = machine.tally
        if run.stopping is not None:
            # A stopped execution ends as stopped, whatever a handler did with its cancellation.
            status, output, error, cause = run.stopping, None, run.stop_error, run.stop_cause
        elif duration > self._short_ns and duration > self.timeout_ns(machine):
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
        result = Result() if into is None else into
        result.status = status
        result.output = output
        result.error = error
        result.cause = cause
        result.index = None
        result._given_name = run.name or run.sequence
        result._names = self._names
        result.duration_ns = duration
        result.memory_bytes = memory
        if self._watched:
            self._announce_end(run, result)
        # The outermost frame references itself, and a task keeps the exception it ends with and so this frame:
        # without this only the garbage collector could free them.
        run.run = None  # type: ignore[assignment]  # unused after the end
        run.task = None
        if run.paused is not None:
            run.let_go()
        if self._waiting:
            # It may have been given a place that it did not need.
            self._admit()
        return result

    def _end_raised(self, run: Run, error: BaseException, into: Result | None = None) -> Result:
        """End an execution that has raised. Re-raises exceptions that are to end more than the execution."""
        if isinstance(error, StateError):
            forget_trace(error)
            return self._end(run, "FAILED", None, error.error, error.cause, into)
        if isinstance(error, Exception):
            # A defect of the engine must not end the application.
            return self._end_broken(run, error, into)
        # A handler has raised an exception that is to end the program.
        self._end(run, "ABORTED", None, None, None, into)
        try:
            raise error
        finally:
            # Its traceback references this frame.
            del error, run, into

    def _end_broken(self, run: Run, error: Exception, into: Result | None = None) -> Result:
        foreign = find_foreign(run.input)
        if foreign is not None:
            # For example a UUID or an Enum, for which the start does not check.
            cause = f"Invalid State Machine Execution Input: '{foreign}'"
            return self._end(run, "FAILED", None, RUNTIME, cause, into)
        log.exception("execution %s broke the engine", run.execution_name)
        cause = f"Internal error of the runtime: {type(error).__name__}: {readable(error, str)}"
        return self._end(run, "FAILED", None, RUNTIME, cause, into)

    def aborted(self, run: Run) -> Result:
        """The Result of an execution that ends with an exception that propagates further."""
        duration = self.monotonic_ns() - run.started_ns
        return Result.of(
            "ABORTED", None, None, None, run.name or run.sequence, self._names, duration, run.machine.base_memory
        )
