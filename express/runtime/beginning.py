"""How executions begin: they are opened, and run as far as they go without waiting.

`begin` is the short way that nearly all take. `open` and `run_here` are the same in two steps, for whoever has
something to do between them, and for what the short way does not take: inputs that want a closer look, executions that
somebody looks at. A machine's Run that has ended well on the short way stands for its next execution
(`Machine.spare`), if nobody can have kept hold of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, RuntimeClosed
from express.foreign import NotJSON
from express.names import check_name
from express.payload import STRICT, dumps, encode, loads
from express.program import NO_VARIABLES, Machine, Run
from express.result import Result
from express.runtime.execution import advance
from express.runtime.running import RunningExecutions, check_limit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.observe import Observer
    from express.runtime.redrive import Checkpoint
    from express.types import JSON


def closed() -> RuntimeClosed:
    return RuntimeClosed("the Runtime is closed or was not entered with `async with`")


def elsewhere() -> RuntimeError:
    return RuntimeError("the Runtime belongs to another event loop")


class BeginningExecutions(RunningExecutions):
    """The part of a Runtime that opens executions. Arguments as there."""

    __slots__ = ("_sequence", "map_concurrency", "payload_limit")

    def __init__(
        self,
        max_in_flight: int,
        execution_timeout: float,
        map_concurrency: int,
        payload_limit: int,
        observers: Iterable[Observer],
    ) -> None:
        check_limit("map_concurrency", map_concurrency, whole=True)
        check_limit("payload_limit", payload_limit, whole=True)
        super().__init__(max_in_flight, execution_timeout, observers)
        self.map_concurrency = map_concurrency
        self.payload_limit = payload_limit
        self._sequence = 0

    def begin(
        self, machine: Machine, event: JSON, name: str | None = None, kind: type[Result] = Result
    ) -> Run | Result:
        """`open` an execution and `run_here`. A Run waits, and wants to be conducted. `kind` is what the result is made
        as, where that is cheap.

        This is those two, and `_end`, in one piece and without the questions that nearly all executions answer alike:
        nobody looks on, the input is as it should be, and the end is a success within one step of the bill.
        """
        if self._watched or machine.known_to is not self.measurements or not self._open:
            return self._begin_anyhow(machine, event, name)
        try:
            text = dumps(event, None, STRICT)
            size = len(text)
            # A null may have been a NaN.
            if size > self.payload_limit or (text.find(b"null") >= 0 and loads(text) != event):
                return self._begin_anyhow(machine, event, name)
        except (TypeError, ValueError, RecursionError):
            return self._begin_anyhow(machine, event, name)
        if name is not None:
            check_name(name)
        self._sequence = sequence = self._sequence + 1
        tally = machine.tally
        tally.started += 1
        now = self.monotonic_ns
        run = machine.spare
        if run is None:
            run = Run(self, machine, event, size, sequence, now())
        else:
            machine.spare = None
            run.run = run
            run.host = self
            run.step = machine.program.start
            run.input = run.data = event
            run.size = run.data_bytes = size
            run.sequence = sequence
            run.events = 1
            run.started_ns = now()
        run.name = name
        try:
            if not advance(run) and (run.awaiting is not None or run.delay or not self._advance_again(run)):
                if machine.timeout_seconds is None and self._watch is not None:
                    # `_register`, where nothing has to be set up for it.
                    self._running[run] = None
                else:
                    self._register(run)
                self.looked_ns = now()
                return run
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the execution
            return self._end_raised(run, error)
        self.looked_ns = ended = now()
        duration = ended - run.started_ns
        if duration > self._short_ns or run.fan_out or run.stopping is not None or self._waiting:
            return self._end(run, "SUCCEEDED", run.data, None, None)
        tally.succeeded += 1
        tally.duration_ns += duration
        durations = tally.durations
        if durations is not None:
            latest = durations.latest
            if latest.above < duration <= latest.bound:
                latest.count += 1
            else:
                durations.count(duration, run)
        result = kind()
        result.status = "SUCCEEDED"
        result.output = run.data
        result.error = result.cause = result.index = None
        result._given_name = name or sequence
        result._names = self._names
        result.duration_ns = duration
        result.memory_bytes = machine.base_memory
        run.run = None  # type: ignore[assignment]  # as in `_end`
        if machine.reuses_runs:
            # It keeps nothing of this execution; what it does not set above is as it was at the beginning.
            run.host = run.input = run.data = None  # type: ignore[assignment]  # nobody asks it until it serves again
            run.variables = NO_VARIABLES
            machine.spare = run
        return result

    def _advance_again(self, run: Run) -> bool:
        """Whether it has ended after all. An execution that has only come to the end of the slice may have met that of
        a turn long past: whoever began it has looked at no clock."""
        return self.has_time() and advance(run)

    def _begin_anyhow(self, machine: Machine, event: JSON, name: str | None) -> Run | Result:
        if not self._open:
            raise closed()
        # The slice begins here: examining the input may use it up.
        self.has_time()
        opened = self.open(machine, event, name)
        if isinstance(opened, Result):
            return opened
        result = self.run_here(opened)
        self.looked_ns = self.monotonic_ns()
        return opened if result is None else result

    def open(self, machine: Machine, event: JSON, name: str | None = None) -> Run | Result:
        """A new Run, or the Result of refusing its input. Raises RuntimeClosed, or ValueError for an invalid name."""
        if not self._open:
            raise closed()
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

    def reopen(self, checkpoint: Checkpoint) -> Run:
        """The Run of an execution that is taken up again where it had come to. Raises RuntimeClosed."""
        if not self._open:
            raise closed()
        run = checkpoint.resume(self.monotonic_ns(), self.time_ns())
        if run.machine.known_to is not self.measurements:
            self._meet(run.machine)
        run.machine.tally.started += 1
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

    def run_here(self, run: Run, into: Result | None = None) -> Result | None:
        """Run an execution as far as it goes without waiting. None: it counts as running now, conduct it. `into` is
        the Result to fill in, if there is one."""
        result = self._run_on(run, into)
        if result is None:
            self._register(run)
        return result

    def _run_on(self, run: Run, into: Result | None) -> Result | None:
        """The same for one that counts as running already."""
        try:
            if not advance(run):
                return None
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the execution
            return self._end_raised(run, error, into)
        return self._end(run, "SUCCEEDED", run.data, None, None, into)
