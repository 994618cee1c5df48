"""The record of one execution, while it runs and after its end."""

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

#: The number of client tokens of redrives remembered, and their lifetime in seconds (API reference RedriveExecution).
_TOKENS: Final = 10
_TOKEN_LIFETIME: Final = 15 * 60


@dataclass(slots=True)
class Redrives:
    """The number of redrives of an execution; `date` is that of the last, `tokens` when each client token was used."""

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
        """The date given to an earlier request with this token, whatever the execution has done since (measured)."""
        date = None if token is None else self.tokens.get(token)
        return None if date is None or now - date > _TOKEN_LIFETIME else date


class ExecutionRecord:
    """One execution. Texts are JSON as received or sent; times are seconds since the epoch.

    `target` is what was started. `unique` is the unique id after the name of an Express execution. `sequence` numbers
    the executions in the order of their start. `run` is set while it runs. `written` holds the events of its states so
    far, None where they are not recorded; `counted` is their number at its end, the first event included; `last` is the
    event that the end event follows. `checkpoint` is where an execution that has not succeeded can be redriven,
    `redrives` holds its redrives. `characters` is the size for which a store accounts.

    An endpoint creates one for each start and keeps the last thousand of Express ones: when a record is freed it has
    left the processor's caches, so each of its bytes costs twice.
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
        """Built on each access unless it was given: hardly any is read twice."""
        return self.target.execution_arn(self.name, self.unique) if self._arn is None else self._arn

    @property
    def type(self) -> MachineType:
        return self.target.machine.type

    @property
    def machine_arn(self) -> str:
        return self.target.machine.arn

    @property
    def revision(self) -> Revision:
        """The revision that runs; the machine may have been changed since."""
        return self.target.revision

    @property
    def version_arn(self) -> str | None:
        """The version by which it was started, if any."""
        return self.target.version_arn

    @property
    def alias_arn(self) -> str | None:
        return self.target.alias_arn

    @property
    def begun(self) -> float:
        """The start of the execution, or of its last redrive."""
        return self.started if self.redrives is None or self.redrives.date is None else self.redrives.date

    def end(self, result: Result, stopped: float, output: str | None) -> None:
        self.run = None
        self.status = result.status
        self.stopped = stopped
        self.output = output
        self.error = result.error
        self.cause = result.cause

    def go_on(self, run: Run, date: float, token: str | None) -> None:
        """Mark the execution as redriven and running; reset what its end has set."""
        self.run, self.checkpoint, self.status = run, None, RUNNING
        self.stopped = self.output = self.error = self.cause = None
        if self.redrives is None:
            self.redrives = Redrives()
        self.redrives.note(date, token)
