"""What a compiled workflow is, and what one execution of it carries.

Theory of operation. A `Program` is one `States` object turned into steps: the whole machine, a Parallel branch or
a Map's item processor. A `Step` is one state; its `run` closure takes the `Frame` and returns the step to go on
with, so a transition is a function call and nothing is looked up by name while an execution runs (law 1).
`Frame.data` is the raw input of the step about to run and becomes the next input only when the step succeeds, so
a retry is simply another call of `run`.

Steps are synchronous, all of them (law 3). One that finds that it has to wait leaves an awaitable in
`frame.awaiting` and returns `WAITING`; whoever runs the frame awaits it and hands the outcome to `resume` or
`failed`. A handler that answers at once therefore costs no coroutine of ours, no task and no turn of the loop.

`Run` is the outermost frame. It also carries the numbers of the execution: history events counted so far (AWS's
error causes quote them), fan-out and payload bytes for the memory model, the clock readings. Whatever steps ask of
the world (time, waiting, a handler within its timeout, branches side by side) they ask of a `Host`, so neither
states nor programs know the scheduler.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from express.counting import Tally
from express.errors import StateError
from express.names import execution_arn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from express.deferral import Deferral, OutOfTime
    from express.types import JSON, MachineType, Status

#: What a step does; `WAITING` when it has to wait, `FAILED` when its work has failed.
StepRun: TypeAlias = "Callable[[Frame], Step]"

#: What a state does about an error: the step to go on with (Catch), or the seconds to wait before the next attempt
#: (Retry). Raises the error again when neither matches.
Recovery: TypeAlias = "Callable[[Frame, StateError], Step | float]"

#: Runs a program's only step for each of some inputs without a frame, and gives the outputs, each of which may have so
#: many bytes more than its input. They are fewer than the inputs when one of these does not answer at once: what became
#: of that one comes with them, and has to be in `Frame.paused` when the step is run for it. None: it was not begun.
RunMany: TypeAlias = "Callable[[list[JSON], int], tuple[list[JSON], Any]]"

#: How long to wait before the next attempt of a state that has failed with an error of this name, in seconds. None: the
#: state does not retry it, or not again.
Retry: TypeAlias = "Callable[[Frame, str | None], float | None]"


class Variables(dict[str, "JSON"]):
    """The variables of a frame, never changed: who assigns makes new ones.

    `sizes` has the bytes of each: a machine may keep 10 MiB of them, and to measure all that at every Assign would hold
    the loop for 30 ms.
    """

    __slots__ = ("sizes",)

    def __init__(self, values: Mapping[str, JSON], sizes: Mapping[str, int]) -> None:
        super().__init__(values)
        self.sizes = sizes

    def assigned(self, values: Mapping[str, JSON], sizes: Mapping[str, int]) -> Variables:
        """These variables after an Assign of others."""
        return Variables({**self, **values}, {**self.sizes, **sizes})


NO_VARIABLES = Variables({}, {})


@dataclass(slots=True)
class ChainCount:
    """Some steps that run as one (`states.chain`): how often they have all gone through like that. The first of them
    counts for itself."""

    passed: int = 0


class Step:
    """One state, compiled.

    `run` performs it: puts the next step's input into `frame.data` and returns that step. When it returns `WAITING`,
    `resume(frame, value)` goes on with what the awaitable gave, `failed(frame, exception)` words what it raised. It
    fails by raising a StateError or, which costs less, by leaving one in `frame.failure` and returning `FAILED`. If it
    has asked `retry` already, and will be tried again, it leaves the answer in `frame.delay` and None for the error.

    `events`: history events AWS would write for a pass through the state that did not wait; a step that counts some
    on the run itself leaves the id of its entry in `frame.entered`. `events_on_failure`: those it would write when
    the error of a child leaves the state for good (Parallel and Map: StateFailed). `blocks`: the step may wait, be it
    only for a retry. `halts` marks `END`, `WAITING` and `FAILED`, where a run of steps stops. `recover` is None where
    the state has neither Retry nor Catch, `retry` where it has no Retry; `retries`: it has one. `resource` is the short
    name of what a Task calls.
    `takes_at_once`: what it has waited for has to be taken in the turn of the loop in which it is there, because it can
    be changed afterwards. `is_written`: somebody wants the history of the machine. `has_token`: its task can be
    answered from outside.
    `lends_run`: its handler gets hold of the Run, by way of its context, and may keep it. `build_many`: makes what runs
    the step for many inputs in a row, given whether their sizes are known; None where it cannot be run like that.
    `link`: what there is to know of it for those who run it together with its neighbours, None for most. `span`: how
    many steps it performs, more than one for the head of a chain; `chains` are those it is part of behind their heads.

    The counts that follow only ever grow. An attempt of a state goes through in one go (`passed`, or in a chain),
    begins to wait (`waited`) and perhaps comes back with a result (`resumed`), or fails before it has waited
    (`failed_at_once`). `failures` and `timed_out` are its errors, whenever they came; `retried` and `caught` what
    became of them. `items` are those a Map was given.
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
        "retried",
        "retries",
        "retry",
        "run",
        "span",
        "takes_at_once",
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
        self.build_many: Callable[[bool], RunMany | None] | None = None
        self.link: Any = None
        self.span = 1
        self.chains: tuple[ChainCount, ...] = ()
        self.retries = self.is_written = self.has_token = self.lends_run = self.takes_at_once = False
        self.resource = ""
        self.passed = self.waited = self.resumed = self.failed_at_once = 0
        self.failures = self.timed_out = self.retried = self.caught = self.items = 0

    @property
    def went_through(self) -> int:
        """How many attempts have gone through in one go, by themselves or in chains."""
        return self.passed + sum(chain.passed for chain in self.chains)

    @property
    def attempts(self) -> int:
        """How often it was tried: what AWS counts as state transitions."""
        return self.went_through + self.waited + self.failed_at_once

    @property
    def entries(self) -> int:
        """How often it was entered; a retry is no entry."""
        return self.attempts - self.retried

    def __repr__(self) -> str:
        return f"<Step {self.type} {self.name!r}>"


def _never(frame: Frame) -> Step:
    raise AssertionError(f"step without a body reached in {frame!r}")


def _never_resumed(frame: Frame, value: JSON) -> Step:
    raise AssertionError(f"step resumed that never waits: {frame.step!r}")


def _as_it_is(frame: Frame, exception: BaseException) -> StateError:
    """What only waits or runs other steps raises StateErrors; anything else is a defect and goes through."""
    if isinstance(exception, StateError):
        return exception
    raise exception


#: Where every chain of steps ends: End, Succeed.
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

    `definition_bytes` is the size of its text, `base_memory` what an execution without fan-out is metered at, both in
    bytes. `timeout_seconds` is the machine's own TimeoutSeconds or None. `context` makes the context object (`$$`)
    for a frame. `compile_ns` is how long it took to read and build it, in nanoseconds. `known_to` is whoever counts
    what it comes to and has met it, None while nobody does. `reuses_runs`: nobody keeps hold of a Run beyond its end,
    so one that has ended well may stand for the next execution; `spare` is such a one.
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
    """What a running step may ask of whoever runs it. The runtime implements it."""

    payload_limit: int
    map_concurrency: int
    #: When the engine has had its share of this turn of the loop, in monotonic nanoseconds: yield then.
    slice_end: int

    def monotonic_ns(self) -> int: ...

    def timeout_ns(self, machine: Machine) -> int:
        """How long an execution of the machine may take."""
        ...

    def default_name(self, sequence: int) -> str:
        """The generated name of the execution with this number: unique, in the form of a UUID."""
        ...

    def unique_id(self, sequence: int) -> str:
        """What stands behind the name in the ARN of the Express execution with this number: another UUID."""
        ...

    def time_ns(self) -> int:
        """Nanoseconds since the epoch: what timestamps in definitions and the context object are compared with."""
        ...

    def cancelling(self) -> int:
        """How often the current task has been asked to stop."""
        ...

    def has_time(self) -> bool:
        """Whether this turn of the loop has room for an execution that has just come back from waiting."""
        ...

    def use_up(self) -> None:
        """What was just done has taken its time: there is no more in this turn of the loop."""
        ...

    async def breathe(self) -> None:
        """Let the loop turn once; a new slice begins with the new turn."""
        ...

    def stop(self, run: Run, status: Status, error: str | None, cause: str | None) -> None:
        """End a running execution with `status` as soon as it can be interrupted."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, never less than asked."""
        ...

    async def call_in_thread(self, call: Callable[..., JSON], *arguments: Any) -> JSON: ...

    def within(self, call: Awaitable[JSON], seconds: float | None, heartbeat: Heartbeat | None) -> Awaitable[JSON]:
        """Await a task's result; raises StateError States.Timeout when it or a heartbeat is late."""
        ...

    def open_callback(self) -> Callback:
        """What a task that can be answered from outside waits with; it has a token of its own."""
        ...

    def advance(self, frame: Frame) -> bool:
        """Run a frame that cannot block. False: its time slice is over, call again later; or `Frame.awaiting` is what
        it waits for after all, an expression that is worked out elsewhere."""
        ...

    def look(self, ahead_ns: int) -> None:
        """Whether the event loop can wait for the expression under evaluation, and for a piece of it that takes so
        long. Raises OutOfTime."""
        ...

    async def work_out(self, late: OutOfTime, deferral: Deferral) -> None:
        """Have an expression evaluated in a thread; its answer is in `deferral` then."""
        ...

    async def run_side_by_side(self, frame: Frame, branches: Branches) -> None:
        """Run branches side by side, at most `limit` at once; the first StateError aborts and awaits the others."""
        ...


class Branches(Protocol):
    """The branches of a Parallel or the iterations of a Map, as the runtime meets them: numbered from 0."""

    count: int
    limit: int

    def sweep(self, first: int, last: int) -> int:
        """Run branches from `first` to before `last` without entering them, as far as that can be done. Gives the
        next one, which has to be entered next."""
        ...

    def enter(self, index: int) -> Frame:
        """The frame of branch `index`, ready to run."""
        ...

    def leave(self, index: int, frame: Frame) -> None:
        """Branch `index` has ended well; keep its output."""
        ...

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame]) -> None:
        """Branch `index` has failed. Raises the error unless the Map tolerates it. `cut` are the branches that have
        begun and not ended, which are cancelled then."""
        ...


#: What a task with a token begins with. `job`: work whose result is the answer, unless the token brings one sooner.
#: `submission`: work that only hands the token on. `offer`: waiting for a worker, before the time of the task begins.
Opening: TypeAlias = Literal["job", "submission", "offer"]


class Callback(Protocol):
    """One attempt of a task that can be answered from outside, by whoever has its token."""

    @property
    def token(self) -> str: ...

    def answered(
        self,
        work: Callable[[], Awaitable[JSON]],
        opening: Opening,
        seconds: float | None,
        heartbeat: Heartbeat | None,
    ) -> Awaitable[JSON]:
        """Await the work, then the answer. The token is good from the start of this to its end.

        Raises what the work raises, the StateError the task was failed with, and StateError States.Timeout when the
        answer or a heartbeat is late.
        """
        ...


class Heartbeat:
    """The pulse of a task with HeartbeatSeconds: a handler beats it through its context, the host sets `renew`."""

    __slots__ = ("renew", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renew: Callable[[], object] | None = None


class Frame:
    """One activation of a `States` object: the machine itself, a branch or an iteration.

    `size` is an upper bound of the serialised bytes of `data`: states that only select leave it alone, states that
    can grow data raise it, and only when it passes the limit is the data measured (measuring 256 KiB
    takes 0.3 ms). `variables` is shared with the enclosing frame until something is assigned, then replaced.
    `attempts` holds the Retry counters of the current visit, None on the first attempt. `entered` is the id of the
    event that entered the current step, 0 while it is simply the next one; `entered_ns` when that was, 0 for now.
    `awaiting` is what a WAITING step waits for, `failure` the error of a FAILED one, `delay` the seconds before the
    next attempt of a failed one. `item` is `$$.Map.Item` while a Map selects an item, `paused` what a fork keeps
    between two time slices, or what became of a task that was begun without a frame (`RunMany`). `deferral` is what
    expressions of the current step were worked out to elsewhere, None while none is. `trail` is there only in machines
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

    def look(self, ahead_ns: int = 0) -> None:
        """See `types.Scope`."""
        deferral = self.deferral
        if deferral is not None and deferral.is_patient:
            deferral.look()
        else:
            self.run.host.look(ahead_ns)

    def apart(self) -> Frame:
        """See `types.Scope`. The moment the state was entered is settled by now."""
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
        """Forget the places of forks that were paused and will not go on: each points at its frame and back."""
        frame: Frame | None = self
        while frame is not None and frame.paused is not None:
            siblings, frame.paused = frame.paused, None
            frame = siblings.running


@dataclass(frozen=True, slots=True)
class Redrive:
    """What an execution that was taken up again knows of it (API reference RedriveExecution).

    `count` is how often that has been, `time_ns` when last, in nanoseconds since the epoch; `first_ns` when the
    execution was started, in monotonic ones.
    """

    count: int
    time_ns: int
    first_ns: int


class Run(Frame):
    """The outermost frame, and the numbers of the execution it stands for.

    `sequence` makes the default name. `events` is the id of the last history event AWS would have written.
    `fan_out` counts Parallel branches and Map iterations entered, `data_bytes` the largest payload measured: with
    the definition they make the memory model.
    `stopping` is the status to end with once someone stops the execution (with `stop_error` and `stop_cause`);
    `cancelled` tells that `task` was cancelled for it, which had been asked to `cancellations` times before.
    `yielding` is set while the execution waits for nothing and only gives the loop its turn. `redrive` is there once
    the execution has been taken up again; `started_ns` then is when. `history` are its events so far, None where
    nobody keeps them. `asynchronous` is set, and only there, where StartExecution has started an Express execution.
    """

    __slots__ = (
        "__weakref__",
        "asynchronous",
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
        self.cancelled = self.yielding = False

    @property
    def execution_name(self) -> str:
        """The name given at the start, or a generated one."""
        return self.name or self.host.default_name(self.sequence)

    @property
    def execution_arn(self) -> str:
        """AWS's form: an Express execution has a unique id behind its name (AWS guide "ARN formats")."""
        unique = self.host.unique_id(self.sequence)
        return execution_arn(self.machine.arn, self.machine.type, self.execution_name, unique)

    @property
    def deadline_ns(self) -> int:
        """When the execution's time is up, in monotonic nanoseconds."""
        return self.started_ns + self.host.timeout_ns(self.machine)

    def abandon(self) -> None:
        """Stopped before it could wait: close what nobody will await, so that nobody is warned of it."""
        awaiting, self.awaiting = self.awaiting, None
        if isinstance(awaiting, CoroutineType):
            awaiting.close()


class Paused(Exception):
    """Raised by a fork that keeps its place in `frame.paused`: yield to the loop, then run the step again."""
