"""What becomes of a message when its execution has ended, and when it is tried again.

The defaults: a success is acknowledged; an error that may pass is tried again,
later and later; every other failure is a dead letter, because trying the same input again gives the same failure; an
aborted execution says nothing about its message, which is left to the next consumer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from express.errors import ALL

if TYPE_CHECKING:
    from express.result import Result

#: `leave`: neither acknowledge nor give back; once the lease has run out another consumer gets it.
Action: TypeAlias = Literal["ack", "retry", "dead-letter", "leave"]
_ACTIONS: Final = get_args(Action)

#: Errors AWS advises to retry (Step Functions guide, "Handle transient Lambda service exceptions").
TRANSIENT: Final = frozenset(
    {
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    }
)

#: Names of the errors of messages that no execution could tell about; AWS's own word for the first.
INVALID_INPUT: Final = "InvalidExecutionInput"
EXHAUSTED: Final = "MaxDeliveriesExceeded"


def check_action(action: str) -> None:
    """Raise ValueError unless it is one of the four."""
    if action not in _ACTIONS:
        raise ValueError(f"{action!r} is no action: {', '.join(_ACTIONS)}")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """From the Result of an execution to what is done with its message.

    retryable: error names of FAILED and TIMED_OUT executions whose messages are delivered again; `States.ALL`: any.
    succeeded, failed, timed_out, aborted: what is done otherwise.
    """

    retryable: frozenset[str] = TRANSIENT
    succeeded: Action = "ack"
    failed: Action = "dead-letter"
    timed_out: Action = "dead-letter"
    aborted: Action = "leave"

    def __post_init__(self) -> None:
        for action in (self.succeeded, self.failed, self.timed_out, self.aborted):
            check_action(action)

    def of(self, result: Result) -> Action:
        status = result.status
        if status == "SUCCEEDED":
            return self.succeeded
        if status == "ABORTED":
            return self.aborted
        if result.error in self.retryable or ALL in self.retryable:
            return "retry"
        return self.failed if status == "FAILED" else self.timed_out


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before the next attempt: `first`, then twice as long each time, up to `longest`."""

    first: float
    longest: float

    def after(self, attempts: int) -> float:
        """How long to wait when there have been so many attempts, from 1."""
        return min(self.first * 2.0 ** min(attempts - 1, 60), self.longest)
