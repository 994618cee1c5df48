"""What the service remembers of one execution, while it runs and after its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from express.program import Run
    from express.result import Result
    from express.service.machines import Revision
    from express.types import MachineType

RUNNING: Final = "RUNNING"


@dataclass(slots=True)
class ExecutionRecord:
    """One execution. Texts are JSON as it came in or goes out; times are seconds since the epoch.

    `sequence` counts executions in the order of their start. `run` is there while it runs. `version_arn` and
    `alias_arn` tell by which of them it was started, None where it was started by neither.
    """

    arn: str
    name: str
    machine_arn: str
    type: MachineType
    revision: Revision
    sequence: int
    started: float
    input: str
    trace_header: str | None = None
    version_arn: str | None = None
    alias_arn: str | None = None
    run: Run | None = None
    status: str = RUNNING
    stopped: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None

    def end(self, result: Result, stopped: float, output: str | None) -> None:
        self.run = None
        self.status = result.status
        self.stopped = stopped
        self.output = output
        self.error = result.error
        self.cause = result.cause
