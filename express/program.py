"""A compiled workflow, and the state of one execution of it.

Theory of operation. A `Program` is one `States` object turned into steps: the whole machine, a Parallel branch or a
Map's item processor. A `Step` is one state; its `run` closure takes the `Frame` and returns the next step, so a
transition is a function call and nothing is looked up by name while an execution runs (law 1). `Frame.data` is the
raw input of the step about to run and becomes the next input only when the step succeeds, so a retry is simply
another call of `run`.

All steps are synchronous (law 3). One that has to wait leaves an awaitable in `frame.awaiting` and returns `WAITING`;
the runtime awaits it and passes the outcome to `resume` or `failed`. A handler that answers at once therefore costs
no coroutine of the engine, no task and no turn of the loop.

`Run` is the outermost frame. It also carries the numbers of the execution: history events counted so far (AWS's error
causes quote them), fan-out and payload bytes for the memory model, the clock readings. Steps access the outside
(time, waiting, a handler within its timeout, concurrent branches) only through a `Host`, so neither states nor
programs know the scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from express.counting import Tally
from express.errors import StateError
from express.names import execution_arn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping

    from express.deferral import Deferral, OutOfTime
    from express.types import JSON, MachineType, Status

#: Performs a step and returns the next one; `WAITING` when it has to wait, `FAILED` when its work has failed.
StepRun: TypeAlias = "Callable[[Frame], Step]"

#: Handles the error of a state: returns the next step (Catch), or the seconds to wait before the next attempt
#: (Retry). Raises the error again when neither matches.
Recovery: TypeAlias = "Callable[[Frame, StateError], Step | float]"

#: Runs a program's only step for several inputs without a frame of their own, that of the Map at hand, and returns the
#: outputs. There are fewer outputs than inputs when one of these fails or does not answer at once: the outcome of that
#: one comes with them, and has to be in `Frame.paused` when the step is run for it; None: it was not begun.
RunMany: TypeAlias = "Callable[[list[JSON], Frame], tuple[list[JSON], Any]]"

#: Seconds to wait before the next attempt of a state that has failed with an error of this name. None: the state does
#: not retry it, or not again.
Retry: TypeAlias = "Callable[[Frame, str | None], float | None]"


class Variables(dict[str, "JSON"]):
    """The variables of a frame, never changed: an Assign makes new ones.

    `sizes` has the bytes of each: a machine may keep 10 MiB of them, and measuring all at every Assign would block
    the loop for 30 ms.
    """

    __slots__ = ("sizes",)

    def __init__(self, values: Mapping[str, JSON], sizes: Mapping[str, int]) -> None:
        super().__init__(values)
        self.sizes = sizes

    def assigned(self, values: Mapping[str, JSON], sizes: Mapping[str, int]) -> Variables:
        """These variables after an Assign of `values`."""
        return Variables({**self, **values}, {**self.sizes, **sizes})


NO_VARIABLES = Variables({}, {})


@dataclass(slots=True)
class ChainCount:
    """How often some steps that run as one (`states.chain`) went through together. The first counts for itself."""

    passed: int = 0


class Many(NamedTuple):
    """How to run a step for several inputs.

    growth: (factor, constant): an output has at most factor * size of its input + constant bytes, in which results of
        trusted handlers count nothing. `run` may be used only if that is within the payload limit.
    """

    run: RunMany
    growth: tuple[int, int]


class Step:
    """One compiled state.

    `run` performs it: puts the next step's input into `frame.data` and returns that step. After `WAITING`,
    `resume(frame, value)` continues with the awaited value, and `failed(frame, exception)` makes a StateError of what
    the awaitable raised. `run` fails by raising a StateError or, which costs less, by leaving one in `frame.failure`
    and returning `FAILED`. If it has called `retry` already, and another attempt follows, it leaves the delay in
    `frame.delay` and None for the error.

    `events`: history events AWS would write for a pass through the state that did not wait; a step that counts some
    on the run itself leaves the id of its entry in `frame.entered`. `events_on_failure`: those it would write when
    the error of a child leaves the state for good (Parallel and Map: StateFailed). `blocks`: the step may wait, if
    only for a retry. `halts` marks `END`, `WAITING` and `FAILED`, at which a run of steps stops. `recover` is None
    where the state has neither Retry nor Catch, `retry` where it has no Retry; `retries`: it has one. `resource` is
    the short name of what a Task calls.
    `resumes_in_turn`: what it waits for continues only in turns of the loop that have time, and its value must be taken
    at once, because it can be changed afterwards. `is_written`: the history of the machine is written. `has_token`: its
    task can be answered from outside.
    `lends_run`: its handler gets access to the Run through its context, and may keep it. `build_many`: makes a `Many`
    of the step; None where it cannot be run like that.
    `link`: the data needed to run it together with its neighbours, None for most. `span`: how many steps it performs,
    more than one for the head of a chain; `chains` are those it is part of without being the head.

    The counts that follow only ever grow. An attempt of a state goes through without waiting (`passed`, or in a
    chain), begins to wait (`waited`) and perhaps comes back with a result (`resumed`), or fails before it has waited
    (`failed_at_once`). `failures` and `timed_out` are its errors, whenever they occurred; `retried` and `caught` how
    they were handled. `items` are those a Map was given.
    """

    __slots__ = (
        "blocks",
        "build_many",
        "caught",
        "chains",
        "events",
        "events_on_failure",
        "failed",
        "failed_at_once",
        "failures",
        "halts",
        "has_token",
        "is_written",
        "items",
        "lends_run",
        "link",
        "name",
        "passed",
        "recover",
        "resource",
        "resume",
        "resumed",
        "resumes_in_turn",
        "retried",
        "retries",
        "retry",
        "run",
        "span",
        "timed_out",
        "type",
        "waited",
    )

    def __init__(self, name: str, type: str) -> None:  # noqa: A002 - ASL's own word for it
        self.name = name
        self.type = type
        self.run: StepRun = _never
        self.resume: Callable[[Frame, JSON], Step] = _never_resumed
        self.failed: Callable[[Frame, BaseException], StateError] = _as_it_is
        self.blocks = False
        self.halts = False
        self.events = 2
        self.events_on_failure = 0
        self.recover: Recovery | None = None
        self.retry: Retry | None = None
        self.build_many: Callable[[], Many] | None = None
        self.link: Any = None
        self.span = 1
        self.chains: tuple[ChainCount, ...] = ()
        self.retries = self.is_written = self.has_token = self.lends_run = False
        self.resumes_in_turn = False
        self.resource = ""
        self.passed = self.waited = self.resumed = self.failed_at_once = 0
        self.failures = self.timed_out = self.retried = self.caught = self.items = 0

    @property
    def went_through(self) -> int:
        """Attempts that went through without waiting, alone or in chains."""
        return self.passed + sum(chain.passed for chain in self.chains)

    @property
    def attempts(self) -> int:
        """Attempts, which AWS counts as state transitions."""
        return self.went_through + self.waited + self.failed_at_once

    @property
    def entries(self) -> int:
        """Entries of the state; a retry is no entry."""
        return self.attempts - self.retried

    def __repr__(self) -> str:
        return f"<Step {self.type} {self.name!r}>"


def _never(frame: Frame) -> Step:
    raise AssertionError(f"step without a body reached in {frame!r}")


def _never_resumed(frame: Frame, value: JSON) -> Step:
    raise AssertionError(f"step resumed that never waits: {frame.step!r}")


def _as_it_is(frame: Frame, exception: BaseException) -> StateError:
    """`failed` of steps that only wait or run other steps: anything but a StateError is a defect and propagates."""
    if isinstance(exception, StateError):
        return exception
    raise exception


#: The end of every sequence of steps: End, Succeed.
END = Step("", "End")
#: Returned by a step that has left an awaitable in `frame.awaiting`.
WAITING = Step("", "Waiting")
#: Returned by a step that has left its error in `frame.failure`.
FAILED = Step("", "Failed")
END.halts = WAITING.halts = FAILED.halts = True


@dataclass(slots=True)
class Program:
    """One compiled `States` object: where it starts, its steps, and whether any of them may block."""

    start: Step
    steps: tuple[Step, ...]
    blocks: bool


@dataclass(slots=True)
class Machine:
    """A compiled state machine: its identity, its program and its counters.

    `definition_bytes` is the size of its text, `base_memory` the metered memory of an execution without fan-out, both
    in bytes. `timeout_seconds` is the machine's own TimeoutSeconds or None. `context` makes the context object (`$$`)
    for a frame. `compile_ns` is how long reading and building took, in nanoseconds. `known_to` are the measurements
    that the machine is registered with, None for none. `reuses_runs`: no reference to a Run outlives its execution,
    so the Run of a successful one can be used for the next; `spare` is such a Run.
    """

    name: str
    arn: str
    role_arn: str
    type: MachineType
    definition_bytes: int
    timeout_seconds: int | None
    base_memory: int
    program: Program
    context: Callable[[Frame, str | None], dict[str, JSON]]
    tally: Tally = field(default_factory=Tally)

    #: Every step of the machine in definition order, those of nested branches and iterations included.
    all_steps: tuple[Step, ...] = ()
    compile_ns: int = 0
    known_to: object = None
    reuses_runs: bool = False
    spare: Run | None = None


class Host(Protocol):
    """The services a running step may use. The runtime implements it."""

    payload_limit: int
    map_concurrency: int
    #: The end of the time slice in this turn of the loop, in monotonic nanoseconds: yield then.
    slice_end: int

    def monotonic_ns(self) -> int: ...

    def timeout_ns(self, machine: Machine) -> int:
        """How long an execution of the machine may take, in nanoseconds."""
        ...

    def default_name(self, sequence: int) -> str:
        """The generated name of the execution with this number: unique, in the form of a UUID."""
        ...

    def unique_id(self, sequence: int) -> str:
        """The id after the name in the ARN of the Express execution with this number: another UUID."""
        ...

    def time_ns(self) -> int:
        """Nanoseconds since the epoch: what timestamps in definitions and the context object are compared with."""
        ...

    def cancelling(self) -> int:
        """The number of pending cancellation requests of the current task."""
        ...

    def cancelling_here(self) -> Callable[[], int]:
        """`cancelling`, for callers that stay in the current task."""
        ...

    def has_time(self) -> bool:
        """Whether this turn of the loop has time for an execution that has just returned from waiting."""
        ...

    def use_up(self) -> None:
        """The work just done has used up this turn of the loop, unless a slice has begun in it."""
        ...

    async def breathe(self) -> None:
        """Yield to the loop; a new slice begins with its next turn."""
        ...

    def suspended(self, line: Generator[Any, Any, None], yielded: Any) -> Awaitable[JSON]:
        """Await the coroutine in a line (`states.conversation`) that has yielded something to the event loop. It is
        resumed only in turns of the loop that have time."""
        ...

    def in_turns(self, work: Coroutine[Any, Any, JSON]) -> Awaitable[JSON]:
        """Await a coroutine that has not begun, or what `within` returns; it is resumed only in turns of the loop that
        have time."""
        ...

    def stop(self, run: Run, status: Status, error: str | None, cause: str | None) -> None:
        """End a running execution with `status` as soon as it can be interrupted."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait at least this long."""
        ...

    async def call_in_thread(
        self,
        call: Callable[..., JSON],
        *arguments: Any,
        seconds: float | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> JSON:
        """Call a blocking function in a thread, once one is free: `seconds` and `heartbeat`, as in `within`, begin
        with the call."""
        ...

    def within(
        self, call: Coroutine[Any, Any, JSON], seconds: float | None, heartbeat: Heartbeat | None
    ) -> Awaitable[JSON]:
        """Await a task's result; raises StateError States.Timeout when it or a heartbeat is late."""
        ...

    def open_callback(self) -> Callback:
        """The callback, with a token of its own, for a task that can be answered from outside."""
        ...

    def advance(self, frame: Frame) -> bool:
        """Run a frame that cannot block; False if it has not ended.

        Then its time slice is over, call again later; or `Frame.awaiting` is an expression that is evaluated in a
        thread.
        """
        ...

    def look(self, ahead_ns: int) -> None:
        """Raises OutOfTime unless the loop can wait for the expression under evaluation.

        `ahead_ns` is the time that the next piece of the expression takes.
        """
        ...

    async def work_out(self, late: OutOfTime, deferral: Deferral) -> None:
        """Evaluate an expression in a thread, which leaves the answer in `deferral`."""
        ...

    async def run_side_by_side(self, frame: Frame, branches: Branches) -> None:
        """Run branches concurrently, at most `limit` at once; the first StateError aborts and awaits the others."""
        ...


class Branches(Protocol):
    """The branches of a Parallel or the iterations of a Map, as the runtime sees them: numbered from 0.

    `index` is the first that has not ended, `running` its frame, which has to wait.
    """

    count: int
    limit: int
    index: int
    running: Frame | None

    def sweep(self, first: int, last: int) -> int:
        """Run branches from `first` to before `last` without entering them, as far as possible.

        Returns the next branch, which has to be entered.
        """
        ...

    def enter(self, index: int) -> Frame:
        """The frame of branch `index`, ready to run."""
        ...

    def leave(self, index: int, frame: Frame) -> None:
        """Branch `index` has succeeded; keep its output."""
        ...

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame]) -> None:
        """Branch `index` has failed. Raises the error unless the Map tolerates it.

        `cut` are the branches that have begun and not ended, which are cancelled then.
        """
        ...


#: How a task with a token begins. `job`: work whose result is the answer, unless the token brings one sooner.
#: `submission`: work that only passes the token on. `offer`: waiting for a worker, before the task's timeout begins.
Opening: TypeAlias = Literal["job", "submission", "offer"]


class Callback(Protocol):
    """One attempt of a task that can be answered from outside with its token."""

    @property
    def token(self) -> str: ...

    def answered(
        self,
        work: Callable[[], Awaitable[JSON]],
        opening: Opening,
        seconds: float | None,
        heartbeat: Heartbeat | None,
    ) -> Coroutine[Any, Any, JSON]:
        """Await the work, then the answer. The token is valid from the start of this call to its end.

        Raises what the work raises, the StateError the task was failed with, and StateError States.Timeout when the
        answer or a heartbeat is late.
        """
        ...


class Heartbeat:
    """The heartbeat of a task with HeartbeatSeconds: a handler beats through its context, the host sets `renew`."""

    __slots__ = ("renew", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renew: Callable[[], object] | None = None


class Frame:
    """One activation of a `States` object: the machine itself, a branch or an iteration.

    `size` is an upper bound of the serialised bytes of `data`: states that only select leave it unchanged, states
    that can grow data raise it, and only when it exceeds the limit is the data measured (measuring 256 KiB takes 0.3
    ms). `variables` is shared with the enclosing frame until something is assigned, then replaced. `attempts` holds
    the Retry counters of the current visit, None on the first attempt. `entered` is the id of the event that entered
    the current step, 0 while it is simply the next one; `entered_ns` the time of entry, 0 for now. `awaiting` is what
    a WAITING step waits for, `failure` the error of a FAILED one, `delay` the seconds before the next attempt of a
    failed one. `item` is `$$.Map.Item` while a Map selects an item, `paused` what a fork keeps between two time
    slices, or the outcome of a task that was begun without a frame (`RunMany`). `deferral` has the answers of
    expressions of the current step evaluated in a thread, None if there are none. `trail` exists only in machines
    whose history is written, `callback` only once the frame has come to a task with a token.
    """

    __slots__ = (
        "attempts",
        "awaiting",
        "callback",
        "data",
        "deferral",
        "delay",
        "entered",
        "entered_ns",
        "failure",
        "item",
        "paused",
        "run",
        "size",
        "step",
        "trail",
        "variables",
    )

    def __init__(self, run: Run, step: Step, data: JSON, size: int, variables: Variables) -> None:
        self.run = run
        self.step = step
        self.data = data
        self.size = size
        self.variables = variables
        self.attempts: list[int] | None = None
        self.awaiting: Awaitable[JSON] | None = None
        self.failure: StateError | None
        self.trail: Any
        self.callback: Callback
        self.delay = 0.0
        self.entered = 0
        self.entered_ns = 0
        self.item: dict[str, JSON] | None = None
        self.paused: Any = None
        self.deferral: Deferral | None = None

    def time_ns(self) -> int:
        """See `types.Scope`."""
        return self.run.host.time_ns()

    def look(self, ahead_ns: int = 0) -> None:
        """See `types.Scope`."""
        deferral = self.deferral
        if deferral is not None and deferral.is_patient:
            deferral.look()
        else:
            self.run.host.look(ahead_ns)

    def apart(self) -> Frame:
        """See `types.Scope`. This also fixes the time at which the state was entered."""
        self.entered_ns = self.entered_ns or self.run.host.monotonic_ns()
        frame = Frame(self.run, self.step, self.data, self.size, self.variables)
        for name in Frame.__slots__:
            if hasattr(self, name):
                setattr(frame, name, getattr(self, name))
        return frame

    def context(self, section: str | None = None) -> dict[str, JSON]:
        """The context object (`$$`) as it is now, or only one section of it."""
        return self.run.machine.context(self, section)

    def let_go(self) -> None:
        """Drop the state of paused forks that will not continue: it and its frame reference each other."""
        frame: Frame | None = self
        while frame is not None and frame.paused is not None:
            siblings, frame.paused = frame.paused, None
            frame = siblings.running


@dataclass(frozen=True, slots=True)
class Redrive:
    """The redrives of an execution (API reference RedriveExecution).

    `count` is their number, `time_ns` the time of the last one, in nanoseconds since the epoch; `first_ns` is the
    time at which the execution was started, in monotonic nanoseconds.
    """

    count: int
    time_ns: int
    first_ns: int


class Run(Frame):
    """The outermost frame, and the numbers of its execution.

    `sequence` makes the default name. `events` is the id of the last history event AWS would have written. `fan_out`
    counts Parallel branches and Map iterations entered, `data_bytes` is the largest payload measured: with the
    definition they make the memory model. `stopping` is the status to end with once the execution is being stopped
    (with `stop_error` and `stop_cause`); `cancelled`: `task` was cancelled for that, and had `cancellations` requests
    before; `called_off`: it was stopped before it could wait, and need not be cancelled. `yielding` is set while the
    execution waits for nothing and only yields to the loop. `redrive` is set once the execution was redriven, at
    `started_ns`. `history` are its events so far, None if they are not kept.
    `asynchronous` exists only, and is set, where StartExecution has started an Express execution.
    """

    __slots__ = (
        "__weakref__",
        "asynchronous",
        "called_off",
        "cancellations",
        "cancelled",
        "data_bytes",
        "events",
        "fan_out",
        "history",
        "host",
        "input",
        "machine",
        "name",
        "redrive",
        "sequence",
        "started_ns",
        "stop_cause",
        "stop_error",
        "stopping",
        "task",
        "yielding",
    )

    def __init__(self, host: Host, machine: Machine, data: JSON, size: int, sequence: int, now: int) -> None:
        self.run = self
        self.host = host
        self.machine = machine
        self.step = machine.program.start
        self.input = self.data = data
        self.size = self.data_bytes = size
        self.sequence = sequence
        self.started_ns = now
        self.variables = NO_VARIABLES
        self.events = 1
        self.fan_out = 0
        self.redrive: Redrive | None
        self.history: list[Any] | None
        self.asynchronous: bool
        self.attempts = self.awaiting = self.item = self.paused = self.deferral = self.redrive = self.history = None
        self.delay = self.entered = self.entered_ns = 0
        self.name: str | None = None
        self.task: Any = None
        self.stop_error: str | None
        self.stop_cause: str | None
        self.cancellations: int
        self.stopping: Status | None = None
        self.cancelled = self.called_off = self.yielding = False

    @property
    def execution_name(self) -> str:
        """The name given at the start, or a generated one."""
        return self.name or self.host.default_name(self.sequence)

    @property
    def execution_arn(self) -> str:
        """AWS's form: that of an Express execution ends with a unique id (AWS guide "ARN formats")."""
        unique = self.host.unique_id(self.sequence)
        return execution_arn(self.machine.arn, self.machine.type, self.execution_name, unique)

    @property
    def deadline_ns(self) -> int:
        """The deadline of the execution, in monotonic nanoseconds."""
        return self.started_ns + self.host.timeout_ns(self.machine)


class Paused(Exception):
    """Raised by a fork that keeps its place in `frame.paused`: yield to the loop, then run the step again."""
