"""What the service remembers of one execution, while it runs and after its end."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from express.history import Written
    from express.program import Run
    from express.result import Result
    from express.runtime.redrive import Checkpoint
    from express.service.machines import Revision, Target
    from express.types import MachineType

RUNNING: Final = "RUNNING"

#: Client tokens of redrives that are remembered, and for how many seconds (API reference RedriveExecution).
_TOKENS: Final = 10
_TOKEN_LIFETIME: Final = 15 * 60


@dataclass(slots=True)
class Redrives:
    """How often an execution was redriven, `date` when last, `tokens` when each client token was used."""

    count: int = 0
    date: float | None = None
    tokens: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def note(self, date: float, token: str | None) -> None:
        self.count += 1
        self.date = date
        if token is not None:
            self.tokens[token] = date
            self.tokens.move_to_end(token)
            while len(self.tokens) > _TOKENS:
                self.tokens.popitem(last=False)

    def answered(self, token: str | None, now: float) -> float | None:
        """The date a request with this token was answered with, whatever has become of the execution (measured)."""
        date = None if token is None else self.tokens.get(token)
        return None if date is None or now - date > _TOKEN_LIFETIME else date


class ExecutionRecord:
    """One execution. Texts are JSON as it came in or goes out; times are seconds since the epoch.

    `target` is what was started. `unique` is the id behind the name of an Express execution, made for it alone.
    `sequence` counts executions in the order of their start. `run` is there while it runs. `written` are the events of
    its states so far, None where nobody wants them, `counted` how many there were at its end, what began it included,
    `last` which of them the end follows from. `checkpoint` is where one that has not succeeded can be taken up again,
    `redrives` what there is to know of its having been. `characters` are those a store has counted it with.

    An endpoint makes one for each request and keeps the last thousand: by the time one is thrown away it has left the
    processor's caches, so each byte of it is paid for twice.
    """

    __slots__ = (
        "_arn",
        "cause",
        "characters",
        "checkpoint",
        "counted",
        "error",
        "input",
        "last",
        "name",
        "output",
        "redrives",
        "run",
        "sequence",
        "started",
        "status",
        "stopped",
        "target",
        "trace_header",
        "unique",
        "written",
    )

    def __init__(
        self,
        target: Target,
        name: str,
        unique: str,
        sequence: int,
        started: float,
        text: str,
        trace_header: str | None = None,
        *,
        arn: str | None = None,
    ) -> None:
        self._arn = arn
        self.target = target
        self.name = name
        self.unique = unique
        self.sequence = sequence
        self.started = started
        self.input = text
        self.trace_header = trace_header
        self.status = RUNNING
        self.counted = self.last = 1
        self.characters = 0
        self.run: Run | None
        self.written: list[Written] | None
        self.stopped: float | None
        self.output: str | None
        self.error: str | None
        self.cause: str | None
        self.checkpoint: Checkpoint | None
        self.redrives: Redrives | None
        self.run = self.written = self.stopped = self.output = self.error = self.cause = None
        self.checkpoint = self.redrives = None

    @property
    def arn(self) -> str:
        """Made when asked for, unless it was given: nobody asks for most of them twice."""
        return self.target.execution_arn(self.name, self.unique) if self._arn is None else self._arn

    @property
    def type(self) -> MachineType:
        return self.target.machine.type

    @property
    def machine_arn(self) -> str:
        return self.target.machine.arn

    @property
    def revision(self) -> Revision:
        """What runs: the machine may have been changed since."""
        return self.target.revision

    @property
    def version_arn(self) -> str | None:
        """The version it was started by, if it was by one."""
        return self.target.version_arn

    @property
    def alias_arn(self) -> str | None:
        return self.target.alias_arn

    @property
    def begun(self) -> float:
        """When the execution, or the part of it that runs or ran last, has begun."""
        return self.started if self.redrives is None or self.redrives.date is None else self.redrives.date

    def end(self, result: Result, stopped: float, output: str | None) -> None:
        self.run = None
        self.status = result.status
        self.stopped = stopped
        self.output = output
        self.error = result.error
        self.cause = result.cause

    def go_on(self, run: Run, date: float, token: str | None) -> None:
        """It has been redriven: what its end had brought is gone."""
        self.run, self.checkpoint, self.status = run, None, RUNNING
        self.stopped = self.output = self.error = self.cause = None
        if self.redrives is None:
            self.redrives = Redrives()
        self.redrives.note(date, token)
