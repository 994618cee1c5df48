"""How executions begin: they are opened, and run until they first have to wait.

`begin` is the fast path that nearly all executions take. `open` and `run_here` are the same in two steps, for callers
that act between them and for what the fast path excludes: inputs that need a closer look, and executions with
observers. After a success on the fast path a machine keeps the Run for its next execution (`Machine.spare`), unless
something may still reference it. `begin_many` is `begin` for many events.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, RuntimeClosed
from express.foreign import NotJSON
from express.names import check_name
from express.parts import STRICT
from express.payload import dumps, encode, loads
from express.program import END, NO_VARIABLES, Machine, Run
from express.result import Result
from express.runtime.execution import advance, go_on, raised
from express.runtime.running import RunningExecutions, check_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableSequence

    from express.observe import Observer
    from express.runtime.redrive import Checkpoint
    from express.types import JSON


def closed() -> RuntimeClosed:
    return RuntimeClosed("the Runtime is closed or was not entered with `async with`")


@dataclass(slots=True)
class Unbegun:
    """An event that was taken from its source, and whose execution has to begin alone."""

    event: JSON


def take(events: Iterator[JSON]) -> Unbegun | BaseException:
    """The next event, or what the source has raised instead."""
    try:
        return Unbegun(next(events))
    except StopIteration:
        # Not the one caught, whose traceback references our frames.
        return StopIteration()
    except BaseException as error:  # noqa: BLE001 - handed to the caller
        return error


class BeginningExecutions(RunningExecutions):
    """The part of a Runtime that opens executions; for the arguments see `Runtime`."""

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

    @property
    def last_sequence(self) -> int:
        """The number of the execution opened last, if only to be refused."""
        return self._sequence

    def begin(  # noqa: C901 - in one piece, as is said below
        self, machine: Machine, event: JSON, name: str | None = None, kind: type[Result] = Result
    ) -> Run | Result:
        """`open` an execution and `run_here`; a returned Run waits and needs `conduct`.

        This method is those two and `_end` in one piece, without the checks that nearly all executions pass alike: no
        observer, a valid input, and a success within one billing step. `kind` is the class of the Result on this fast
        path.
        """
        self._row = None
        if self._watched or machine.known_to is not self.measurements or not self._open:
            return self._begin_anyhow(machine, event, name)
        try:
            text = dumps(event, None, STRICT)
            size = len(text)
            # orjson writes NaN as null.
            if size > self.payload_limit or (text.find(b"null") >= 0 and loads(text) != event):
                return self._begin_anyhow(machine, event, name)
        except Exception:  # noqa: BLE001 - comparing may call methods of derived classes
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
        step = run.step
        perform = step.run
        try:
            # The first step is often the last one, a chain for example, and `advance` would cost more than the step.
            try:
                following = perform(run)
            except BaseException as error:  # noqa: BLE001 - raised again if it is none of the engine's
                following = raised(run, error)
            if following is END:
                # The number of events does not matter any more.
                step.passed += 1
            elif not go_on(run, step, following) and (
                run.awaiting is not None or run.delay or not self._advance_again(run)
            ):
                if machine.timeout_seconds is None and self._watch is not None:
                    # `_register`, inlined for the case that no timer has to be set.
                    self._running[run] = None
                else:
                    self._register(run)
                self.looked_ns = now()
                return run
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the execution
            return self._end_raised(run, error, kind())
        self.looked_ns = ended = now()
        duration = ended - run.started_ns
        if duration > self._short_ns or run.stopping is not None or self._waiting:
            return self._end(run, "SUCCEEDED", run.data, None, None, kind())
        if run.fan_out:
            result = self._end(run, "SUCCEEDED", run.data, None, None, kind())
            run.fan_out = 0
        else:
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
            # The Run must keep nothing of this execution; members not reset here or above still have their initial
            # values.
            run.host = run.input = run.data = None  # type: ignore[assignment]  # unused until the next execution
            run.variables = NO_VARIABLES
            machine.spare = run
        return result

    def begin_many(  # noqa: C901 - in one piece, as `begin` is
        self,
        machine: Machine,
        events: Iterator[JSON],
        index: int,
        most: int,
        until_ns: int,
        results: MutableSequence[Any],
    ) -> Run | Unbegun | BaseException | None:
        """Begin a row of executions, for up to `most` events; append the Results of those that end here.

        This method is `begin` in a loop. What is the same for all executions is done once, and they share one Run:
        together that is a third of what a short execution costs. `index` is that of the first event. The row ends
        early at `until_ns` (monotonic nanoseconds), after an execution that waits, fails or takes long, and when a
        handler or the source has changed something in the Runtime: started or stopped executions, added an observer,
        closed it.

        Returns the Run that waits; an event that has to be begun alone; or an exception, after which no more events
        are to be taken: what `events` has raised, StopIteration at its end, or what an execution has raised to end more
        than itself. None if the row has ended for another reason.
        """
        if self._watched or machine.known_to is not self.measurements or not self._open or not machine.reuses_runs:
            return take(events)
        row = self._row = object()
        payload_limit, short_ns, now = self.payload_limit, self._short_ns, self.monotonic_ns
        names, memory = self._names, machine.base_memory
        tally, start, keep = machine.tally, machine.program.start, results.append
        run = machine.spare or Run(self, machine, None, 0, 0, 0)
        machine.spare = None
        run.run = run
        run.host = self
        run.name = None
        is_shared = True
        # Numbers of executions are added when the row ends; until then, one has started. `last`: the index of the last
        # that has begun. `longer`: those of more than one step, the first of which the execution loop has counted.
        # `forks`: those with a fan-out, which `_end` has counted. `last_differs`: it waits, or `_end` has counted it.
        first, last, longer, forks, last_differs = index, index - 1, 0, 0, 0
        ended_ns = self.looked_ns
        tally.started += 1
        try:
            for index, event in enumerate(islice(events, most), first):
                if self._row is not row:
                    return Unbegun(event)
                try:
                    text = dumps(event, None, STRICT)
                    size = len(text)
                    if size > payload_limit or (text.find(b"null") >= 0 and loads(text) != event):
                        return Unbegun(event)
                except Exception:  # noqa: BLE001 - as in `begin`
                    return Unbegun(event)
                last = index
                self._sequence = sequence = self._sequence + 1
                run.step = start
                run.input = run.data = event
                run.size = run.data_bytes = size
                run.sequence = sequence
                run.events = 1
                run.variables = NO_VARIABLES
                # Not the same for all: a chain may be broken up.
                perform = start.run
                run.started_ns = started_ns = now()
                try:
                    try:
                        following = perform(run)
                    except BaseException as error:  # noqa: BLE001 - raised again if it is none of the engine's
                        following = raised(run, error)
                    if following is not END:
                        if not go_on(run, start, following) and (
                            run.awaiting is not None or run.delay or not self._advance_again(run)
                        ):
                            longer += 1
                            last_differs = 1
                            is_shared = False
                            self._register(run)
                            self.looked_ns = now()
                            return run
                        longer += 1
                except BaseException as error:  # noqa: BLE001 - as in `begin`
                    longer += 1
                    last_differs = 1
                    is_shared = False
                    result = self._end_raised(run, error)
                    result.index = index
                    keep(result)
                    return None
                ended_ns = now()
                duration = ended_ns - started_ns
                if duration > short_ns or run.stopping is not None:
                    last_differs = 1
                    is_shared = False
                    result = self._end(run, "SUCCEEDED", run.data, None, None)
                    result.index = index
                    keep(result)
                    return None
                if run.fan_out:
                    forks += 1
                    tally.started += 1
                    result = self._end(run, "SUCCEEDED", run.data, None, None)
                    run.run = run
                    run.fan_out = 0
                else:
                    tally.duration_ns += duration
                    durations = tally.durations
                    if durations is not None:
                        latest = durations.latest
                        if latest.above < duration <= latest.bound:
                            latest.count += 1
                        else:
                            durations.count(duration, run)
                    result = Result()
                    result.status = "SUCCEEDED"
                    result.output = run.data
                    result.error = result.cause = None
                    result._given_name = sequence
                    result._names = names
                    result.duration_ns = duration
                    result.memory_bytes = memory
                result.index = index
                keep(result)
                if ended_ns > until_ns or self._row is not row:
                    return None
        except BaseException as error:  # noqa: BLE001 - the caller raises it, once it has passed on the results
            return error
        finally:
            begun = last + 1 - first
            tally.started += begun - 1 - forks
            tally.succeeded += begun - forks - last_differs
            start.passed += begun - longer
            if ended_ns > self.looked_ns:
                self.looked_ns = ended_ns
            if is_shared:
                run.variables = NO_VARIABLES
                run.fan_out = 0
                run.run = run.host = run.input = run.data = None  # type: ignore[assignment]  # as in `begin`
                machine.spare = run
        return StopIteration() if begun < most else None

    def _advance_again(self, run: Run) -> bool:
        """Run on an execution that only met the end of its time slice; whether it has ended.

        The slice may be that of a turn long past, because the caller has not read the clock.
        """
        return self.has_time() and advance(run)

    def _begin_anyhow(self, machine: Machine, event: JSON, name: str | None) -> Run | Result:
        if not self._open:
            raise closed()
        # Begin the time slice here: examining the input may use it up.
        self.has_time()
        opened = self.open(machine, event, name)
        if isinstance(opened, Result):
            return opened
        result = self.run_here(opened)
        self.looked_ns = self.monotonic_ns()
        return opened if result is None else result

    def open(self, machine: Machine, event: JSON, name: str | None = None) -> Run | Result:
        """A new Run, or the Result for an invalid input. Raises RuntimeClosed, or ValueError for an invalid name."""
        self._row = None
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
        """The Run of an execution redriven from its checkpoint. Raises RuntimeClosed."""
        self._row = None
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
        """Register a machine that is new to this Runtime's measurements, or that another Runtime has measured since."""
        if self.measurements is None:
            machine.known_to = None
        else:
            self.measurements.meet(machine)

    def run_here(self, run: Run, into: Result | None = None) -> Result | None:
        """Run an execution until it has to wait; None if it does: it is then registered as running, conduct it.

        `into` is the Result to fill in, if there is one.
        """
        result = self._run_on(run, into)
        if result is None:
            self._register(run)
        return result

    def _run_on(self, run: Run, into: Result | None) -> Result | None:
        """`run_here` for an execution that is already registered as running."""
        try:
            if not advance(run):
                return None
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the execution
            return self._end_raised(run, error, into)
        return self._end(run, "SUCCEEDED", run.data, None, None, into)
