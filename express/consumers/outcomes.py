"""Decides what becomes of a message when its execution has ended, and when it is retried.

Defaults: a success is acknowledged; a transient error is retried with growing delays; every other failure becomes a
dead letter, because the same input would fail again. An aborted execution says nothing about its message, so the
message is left to the next consumer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from express.errors import ALL

if TYPE_CHECKING:
    from express.result import Result

#: `leave`: neither acknowledge nor return the message; another consumer gets it when the lease expires.
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

#: Error names for messages that start no execution; the first is AWS's own.
INVALID_INPUT: Final = "InvalidExecutionInput"
EXHAUSTED: Final = "MaxDeliveriesExceeded"


def check_action(action: str) -> None:
    """Raise ValueError unless `action` is one of the four actions."""
    if action not in _ACTIONS:
        raise ValueError(f"{action!r} is no action: {', '.join(_ACTIONS)}")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Maps the Result of an execution to the action on its message.

    retryable: error names of FAILED and TIMED_OUT executions whose messages are delivered again; `States.ALL`: any.
    succeeded, failed, timed_out, aborted: the action otherwise, by status.
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
        """What becomes of a message whose execution has ended with this result."""
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
    """The delay in seconds before the next attempt: `first`, then doubled each time, up to `longest`."""

    first: float
    longest: float

    def after(self, attempts: int) -> float:
        """The delay after this many attempts, counted from 1."""
        return min(self.first * 2.0 ** min(attempts - 1, 60), self.longest)
