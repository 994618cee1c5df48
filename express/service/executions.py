"""The executions of an endpoint: started, awaited, stopped, described, listed.

Theory of operation. There are two Runtimes, because the two types have different limits: Express executions end within
five minutes and are refused with ThrottlingException when too many run at once, Standard ones may take a year and are
refused with ExecutionLimitExceeded. No queue holds executions: each either begins at once or is refused, so an accepted
execution is never lost.

A synchronous execution runs in the task of its request; any other has a task of its own, held here until it ends.
Express executions are recorded only when the endpoint is `extended`; AWS keeps no record of them.

Sources: API reference StartExecution (idempotency), StartSyncExecution, StopExecution, ListExecutions; AWS guide
"Standard and Express workflows types"; errors recorded.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from express.errors import RUNTIME
from express.foreign import NotJSON
from express.history import EVENT_LIMIT, Entry, keep_output, last_event, started
from express.names import check_name, execution_arn
from express.payload import text_of
from express.result import Names, Result
from express.runtime.loops import spawn
from express.runtime.redrive import Checkpoint
from express.runtime.standstill import stands_still
from express.service import errors
from express.service.arns import ExecutionKind, read_execution_arn, read_machine_arn
from express.service.histories import end_of
from express.service.inputs import read_input
from express.service.records import RUNNING, ExecutionRecord
from express.states.history import Trail

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from express.metering import Billing
    from express.program import Run
    from express.runtime import Runtime
    from express.service.catalogue import Catalogue
    from express.service.machines import StateMachine, Target
    from express.service.store import Store
    from express.types import JSON, MachineType

_MILLISECOND: Final = 1_000_000
_NO_INPUT: Final = "{}"

#: Starts an execution with the parameters of StartExecution; returns its ARN and start time. Raises ServiceError.
Starter: TypeAlias = "Callable[[str, str | None, str, str | None], Coroutine[Any, Any, tuple[str, float]]]"
#: How long after its end an execution may be redriven, and how long after its start, in seconds (API reference
#: RedriveExecution).
REDRIVABLE_PERIOD: Final = 14 * 24 * 60 * 60
MAX_OPEN_TIME: Final = 365 * 24 * 60 * 60
#: Seconds between two checks in `until_still`.
_LOOK: Final = 0.1
_NEVER_BEGUN: Final = "Execution was refused its input and has not begun"
#: The most events an execution may have at its redrive: ExecutionRedriven and one more must fit.
_MOST_EVENTS: Final = EVENT_LIMIT - 2


class Executions:
    """The executions of both types.

    express, standard: the Runtimes of the two types; each has a Chronicle if its executions are recorded. extended:
    record Express executions too.
    """

    def __init__(
        self, store: Store, catalogue: Catalogue, express: Runtime, standard: Runtime, *, extended: bool
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._runtimes: dict[MachineType, Runtime] = {"EXPRESS": express, "STANDARD": standard}
        self._extended = extended
        #: Set where Standard executions run in another process.
        self.elsewhere: Starter | None = None
        self._loop: asyncio.AbstractEventLoop
        self._closed = False
        self._sequence = 0
        self._tasks: dict[MachineType, set[asyncio.Task[None]]] = {"EXPRESS": set(), "STANDARD": set()}
        #: The executions that tasks have started and only wait for, by the tokens of the tasks.
        self._awaited: dict[str | None, ExecutionRecord] = {}

    def enter(self) -> None:
        """Bind to the running event loop."""
        self._loop = asyncio.get_running_loop()

    # ------------------------------------------------------------------------------------------ starting

    async def start_sync(
        self, arn: str, name: str | None, text: str | None, trace_header: str | None
    ) -> tuple[ExecutionRecord, Billing]:
        """StartSyncExecution: run an Express execution from start to end. Raises ServiceError."""
        target = self._catalogue.target(arn)
        if target.machine.type != "EXPRESS":
            raise errors.type_not_supported()
        text, value = _read(name, text)
        runtime = self._runtimes["EXPRESS"]
        # The first request of a turn of the event loop begins its time slice. Later requests do not wait for another
        # slice: a client has one request at a time, and the remainder of a long execution yields by itself.
        if runtime.monotonic_ns() > runtime.slice_end:
            runtime.has_time()
        self._check_room(runtime, "EXPRESS")
        record, opened = self._open(runtime, target, name, text, value, trace_header)
        if isinstance(opened, Result):
            return record, self._close(runtime, record, opened)
        if opened.machine.program.blocks:
            # The loop is passed because looking it up takes a system call on Python 3.11.
            opened.task = asyncio.current_task(self._loop)
        try:
            result = runtime.run_here(opened) if opened.stopping is None else None
            if result is None:
                result = await runtime.conduct(opened)
        except asyncio.CancelledError:
            # The client has gone, and its execution ends with it.
            self._close(runtime, record, _abandoned(record, runtime.monotonic_ns() - opened.started_ns))
            raise
        return record, self._close(runtime, record, result)

    async def start(self, arn: str, name: str | None, text: str | None, trace_header: str | None) -> ExecutionRecord:
        """StartExecution. For a Standard machine the same name and input return the same execution while it runs."""
        target = self._catalogue.target(arn)
        machine_type = target.machine.type
        text, value = _read(name, text)
        if machine_type == "STANDARD" and self.elsewhere is not None:
            made, began = await self.elsewhere(arn, name, text, trace_header)
            return ExecutionRecord(target, "", "", 0, began, text, arn=made)
        runtime = self._runtimes[machine_type]
        await runtime.be_fair()
        # There is no await from here on, so what these checks find stays true.
        target = self._catalogue.target(arn)
        if machine_type == "STANDARD":
            running = self._running_twin(target.machine, name, text)
            if running is not None:
                return running
        self._check_room(runtime, machine_type)
        record, opened = self._open(runtime, target, name, text, value, trace_header)
        if isinstance(opened, Result):
            self._close(runtime, record, opened)
        else:
            if machine_type == "EXPRESS":
                opened.asynchronous = True
            self._begin(runtime, opened, record)
        return record

    def _begin(self, runtime: Runtime, run: Run, record: ExecutionRecord) -> None:
        """Run an opened execution in a task of its own."""
        tasks = self._tasks[record.type]
        task = spawn(self._loop, self._conduct(runtime, run, record))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def ended(self, record: ExecutionRecord, token: str | None = None) -> None:
        """Wait for the end of an execution started here, on behalf of the task with this token, if there is one."""
        self._awaited[token] = record
        try:
            await self._ended(record)
        finally:
            self._awaited.pop(token, None)

    async def _ended(self, record: ExecutionRecord) -> None:
        while (run := record.run) is not None:
            if run.task is None:
                # Before Python 3.12 a new task begins with the next turn of the loop.
                await asyncio.sleep(0)
                continue
            await asyncio.wait((run.task,))
            if record.run is run:
                return

    def _running_twin(self, machine: StateMachine, name: str | None, text: str) -> ExecutionRecord | None:
        """The running execution of this name and input; None if the name is new. Raises ServiceError for any other."""
        if name is None:
            return None
        record = self._store.execution(execution_arn(machine.arn, "STANDARD", name))
        if record is None:
            return None
        if record.status != RUNNING or record.input != text:
            raise errors.execution_exists(record.arn)
        return record

    def _check_room(self, runtime: Runtime, machine_type: MachineType) -> None:
        """Raise ServiceError after `close`, or when too many executions run; a task created just now counts too."""
        if self._closed:
            raise errors.unavailable()
        if runtime.must_wait or len(self._tasks[machine_type]) >= runtime.max_in_flight:
            runtime.throttled += 1
            if machine_type == "STANDARD":
                raise errors.execution_limit(runtime.max_in_flight)
            raise errors.throttled()

    def _open(
        self, runtime: Runtime, target: Target, name: str | None, text: str, value: JSON, trace_header: str | None
    ) -> tuple[ExecutionRecord, Run | Result]:
        opened = runtime.open(target.revision.workflow.machine(runtime.observers), value, name)
        now = runtime.time_ns()
        run: Run | None = None
        if isinstance(opened, Result):
            name, unique = opened.name, runtime.unique_id(runtime.last_sequence)
        else:
            run = opened
            now -= runtime.monotonic_ns() - run.started_ns
            name, unique = run.execution_name, runtime.unique_id(run.sequence)
        self._sequence = sequence = self._sequence + 1
        record = ExecutionRecord(target, name, unique, sequence, now // _MILLISECOND / 1000, text, trace_header)
        record.run = run
        if self._extended or target.machine.type == "STANDARD":
            record.written = []
            if run is not None:
                run.history, run.trail = record.written, Trail()
            self._store.open_execution(record)
        return record, opened

    async def _conduct(self, runtime: Runtime, run: Run, record: ExecutionRecord) -> None:
        """Run an opened execution to its end in the current task; if stopped before it began, it is aborted."""
        run.task = asyncio.current_task(self._loop)
        result = runtime.run_here(run) if run.stopping is None else None
        self._close(runtime, record, await runtime.conduct(run) if result is None else result)

    def _close(self, runtime: Runtime, record: ExecutionRecord, result: Result) -> Billing:
        """Record the end of an execution; returns its billing."""
        billing = result.billing
        # Read from the clock that timestamps events, so that no event is later than the end. It may be set back.
        stopped, begun = runtime.time_ns() // _MILLISECOND / 1000, record.begun
        if stopped <= begun:
            stopped = begun
        output = None
        if result.status == "SUCCEEDED":
            try:
                output = text_of(result.output)
            except NotJSON as error:
                # States have nested a value too deep for JSON.
                result = _failed(result, f"The output of the execution cannot be written as JSON: {error}")
        if record.written is None:
            record.end(result, stopped, output)
            return billing
        run, is_standard = record.run, record.target.machine.type == "STANDARD"
        if run is not None:
            record.counted, record.last = run.events, last_event(run)
            if output is None:
                keep_output(record.written, run.data)
            if is_standard and result.status != "SUCCEEDED":
                record.checkpoint = Checkpoint(run, result)
        record.end(result, stopped, output)
        self._store.close_execution(record)
        # The deletion of a machine does not wait for Express executions.
        machine = self._store.machine(record.machine_arn) if is_standard else None
        if machine is not None and machine.deleting and not self._running(machine):
            self._store.delete_machine(machine.arn)
        return billing

    # ------------------------------------------------------------------------------------------ redriving

    async def redrive(self, arn: str, token: str | None) -> float:
        """RedriveExecution: the date of the redrive, or of an earlier one with this `token`. Raises ServiceError."""
        kind = read_execution_arn(arn)
        if kind == "express":
            raise errors.wrong_resource_type(kind)
        runtime = self._runtimes["STANDARD"]
        await runtime.be_fair()
        record = self.find(arn)
        if record.redrives is not None:
            before = record.redrives.answered(token, runtime.time_ns() / 1e9)
            if before is not None:
                return before
        obstacle = self.redrive_obstacle(record)
        if obstacle is not None:
            raise errors.not_redrivable(arn, obstacle)
        assert record.checkpoint is not None
        assert record.written is not None
        self._check_room(runtime, "STANDARD")
        record.written.append(end_of(record))
        run = runtime.reopen(record.checkpoint)
        now = runtime.time_ns()
        record.written.append(Entry(started(run), now))
        run.history = record.written
        record.go_on(run, now // _MILLISECOND / 1000, token)
        self._store.reopen_execution(record)
        self._begin(runtime, run, record)
        return record.begun

    def redrive_obstacle(self, record: ExecutionRecord) -> str | None:
        """Why an execution cannot be redriven, None if it can (API reference DescribeExecution,
        `redriveStatusReason`)."""
        now = self._runtimes[record.type].time_ns() / 1e9
        machine = self._store.machine(record.machine_arn)
        if machine is not None and machine.deleting:
            return "State machine is in DELETING status"
        if record.status in (RUNNING, "SUCCEEDED"):
            return f"Execution is {record.status} and cannot be redriven"
        if record.counted + 1 > _MOST_EVENTS:
            return "Execution history event limit exceeded"
        if now - record.started > MAX_OPEN_TIME:
            return "Execution has exceeded the max execution time"
        if now - (record.stopped or now) > REDRIVABLE_PERIOD:
            return "Execution redrivable period exceeded"
        return None if record.checkpoint is not None else _NEVER_BEGUN

    # ------------------------------------------------------------------------------------------ looking and stopping

    def find(self, arn: str) -> ExecutionRecord:
        """A recorded execution by its ARN. Raises ServiceError."""
        self._check_kind(arn)
        record = self._store.execution(arn)
        if record is None:
            raise errors.execution_missing(arn)
        return record

    def _check_kind(self, arn: str) -> ExecutionKind:
        """The kind of an execution's ARN. AWS refuses Express ARNs here (recorded), an extended endpoint does not."""
        kind = read_execution_arn(arn)
        if kind == "express" and not self._extended:
            raise errors.wrong_resource_type(kind)
        return kind

    def stop(self, arn: str, error: str | None, cause: str | None) -> float:
        """StopExecution: the time of the stop, or of an earlier end. Express executions cannot be stopped."""
        kind = read_execution_arn(arn)
        if kind == "express":
            raise errors.wrong_resource_type(kind)
        record = self.find(arn)
        if record.run is None:
            return record.started if record.stopped is None else record.stopped
        runtime = self._runtimes[record.type]
        runtime.stop(record.run, "ABORTED", error, cause)
        return runtime.time_ns() // _MILLISECOND / 1000

    def of(self, arn: str, status: str | None = None) -> list[ExecutionRecord]:
        """The executions of a machine, a version or an alias, newest first, with `status` if one is given."""
        parts = read_machine_arn(arn)
        if parts.label is not None:
            raise errors.labelled_arn(arn)
        machine = self._catalogue.machine(parts.base)
        if machine.type == "EXPRESS" and not self._extended:
            raise errors.type_not_supported()
        is_alias = parts.qualifier in machine.aliases
        if parts.qualifier is not None and not is_alias and self._catalogue.version(arn) is None:
            raise errors.machine_missing(arn)
        return [
            record
            for record in self._store.executions(machine.arn)
            if (parts.qualifier is None or arn in (record.version_arn, record.alias_arn))
            and (status is None or record.status == status)
        ]

    def _running(self, machine: StateMachine) -> Iterable[ExecutionRecord]:
        return [record for record in self._store.executions(machine.arn) if record.run is not None]

    def delete_machine(self, arn: str) -> None:
        """DeleteStateMachine: with its versions, aliases and executions, once none of them runs any more.

        Running Standard executions are aborted; Express ones continue unseen (API reference). A missing machine is no
        error (recorded).
        """
        if read_machine_arn(arn).label is not None:
            raise errors.labelled_arn(arn)
        machine = self._store.machine(arn)
        if machine is None or machine.deleting:
            return
        running = self._running(machine) if machine.type == "STANDARD" else []
        if not running:
            self._store.delete_machine(arn)
            return
        machine.deleting = True
        self._store.save_machine(machine)
        for record in running:
            self.stop(record.arn, None, None)

    # ------------------------------------------------------------------------------------------ the end

    async def close(self) -> None:
        """Refuse further starts. All accepted executions have begun when this returns."""
        self._closed = True
        # Before Python 3.12 a new task begins with the next turn of the loop.
        await asyncio.sleep(0)

    async def until_still(self, seconds: float) -> None:
        """Wait, for at most `seconds`, until nothing but answers to their tasks can advance the Standard executions.

        Each may give another its answer (`aws-sdk:sfn:sendTaskSuccess`), so all of them must stand still.
        """
        runtime = self._runtimes["STANDARD"]
        end = self._loop.time() + seconds
        while (left := end - self._loop.time()) > 0:
            idle = {token for token, record in self._awaited.items() if record.run is not None}
            if all(stands_still(run, left, idle) for run in runtime.runs):
                return
            await asyncio.sleep(min(left, _LOOK))

    async def settle(self) -> None:
        """Wait for all tasks started here."""
        for tasks in self._tasks.values():
            while tasks:
                await asyncio.wait(tasks)


def _failed(result: Result, cause: str) -> Result:
    """The same execution's result as FAILED."""
    billing = result.billing
    return Result.of("FAILED", None, RUNTIME, cause, result.name, Names(0), billing.duration_ns, billing.memory_bytes)


def _abandoned(record: ExecutionRecord, duration_ns: int) -> Result:
    """The result of an execution that was cancelled because its client had gone."""
    return Result.of("ABORTED", None, None, None, record.name, Names(0), duration_ns, 0)


def _read(name: str | None, text: str | None) -> tuple[str, JSON]:
    """The input as text and as value, after a check of the name. Raises ServiceError."""
    if name is not None:
        try:
            check_name(name)
        except ValueError:
            raise errors.invalid_name(name) from None
    if text is None:
        return _NO_INPUT, {}
    return text, read_input(text)
