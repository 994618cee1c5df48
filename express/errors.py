"""All errors of the package, in one tree.

    ExpressError
    ├── DefinitionError      a definition does not compile; carries every Problem at once
    ├── ExpressionError      a path, template or intrinsic does not parse (becomes a Problem with its place)
    ├── StateError           a state failed while running: an ASL error name and a cause (ASL spec, "Errors")
    │   ├── EngineError      raised by the language itself: AWS puts the state before its cause
    │   │   └── EvaluationFailed   a JSONata expression failed, or its value does not fit its field
    │   ├── TaskError        raised by a task handler to name the workflow error it means
    │   └── HandlerFailure   made from any other exception of a handler (defined in `tasks.functions`)
    ├── PathNotFound         a definite JSONPath met data without it; the field that evaluated it words the error
    ├── ExecutionFailed      `Result.unwrap()` of an execution that did not succeed
    ├── InvalidTasks         a task registration or a tasks module that cannot be used
    ├── TokenError           an answer to a task cannot be accepted
    │   ├── InvalidToken     its token was never issued
    │   ├── TaskTimedOut     its task no longer waits: it was answered, has timed out or was aborted
    │   └── InvalidOutput    its output is not JSON
    ├── JSONataError         an expression of `express.jsonata` cannot be compiled or evaluated (defined there)
    ├── InvalidMocks         a mock configuration that cannot be used
    ├── SourceError          a source of messages cannot be used, and a retry does not help
    │   └── SourceUnavailable   its broker does not answer: the operation may succeed later
    ├── ServiceError         the AWS-compatible service refuses an operation (defined in `service.errors`)
    ├── WorkersFailed        a worker process of `express serve` does not come up (defined in `api.workers`)
    └── RuntimeClosed        `start` on a Runtime that is shutting down

Law 10 of the design: closures raise, the execution turns a StateError into Retry or Catch, and the runtime returns a
Result. The exceptions here hold data; the text for users is made where it is printed. Exceptions that one part of the
package raises only for another (time is up, invalid arguments) are no ExpressErrors, and do not leave the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.types import Diagnostic

#: The reserved error names (ASL spec, "Reserved Error Names"; AWS guide, "Error names").
ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
PERMISSIONS = "States.Permissions"
RUNTIME = "States.Runtime"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
PARAMETER_PATH_FAILURE = "States.ParameterPathFailure"
INTRINSIC_FAILURE = "States.IntrinsicFailure"
NO_CHOICE_MATCHED = "States.NoChoiceMatched"
BRANCH_FAILED = "States.BranchFailed"
EXCEED_TOLERATED_FAILURE_THRESHOLD = "States.ExceedToleratedFailureThreshold"
ITEM_READER_FAILED = "States.ItemReaderFailed"
RESULT_WRITER_FAILED = "States.ResultWriterFailed"


#: Longest error name and cause AWS stores (botocore: SensitiveError, SensitiveCause), in characters.
MAX_ERROR = 256
MAX_CAUSE = 32_768


class ExpressError(Exception):
    """Base class of every error this package raises on purpose."""


class DefinitionError(ExpressError):
    """A state machine definition that AWS (or this runtime) would refuse.

    `problems` holds every diagnostic found, in document order; `str()` gives one line for each.
    """

    def __init__(self, problems: Sequence[Diagnostic]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ExpressionError(ExpressError):
    """The text of a path, payload template or intrinsic call cannot be compiled.

    `offset` is the index in the expression text where the mistake starts, in characters, from 0.
    """

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class StateError(ExpressError):
    """A state ended in error: `error` is the ASL error name, `cause` its text, or None where AWS gives none."""

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.error}: {self.cause}" if self.cause else str(self.error)


class EngineError(StateError):
    """An error of the language itself, whose cause AWS prefixes with the state and its event id.

    Raised with the tail of the cause; `place` adds the prefix once, at the innermost state it leaves.
    """

    placed = False
    #: The state named in the prefix.
    state: str | None = None
    #: History events that AWS writes for the failure itself, before the one that ends the state or the execution.
    events = 0

    def place(self, state: str, event_id: int) -> None:
        """Prefix the cause as AWS does: the state's name and the id of the history event that entered it."""
        if not self.placed:
            self.placed = True
            self.state = state
            self.cause = (
                f"An error occurred while executing the state '{state}' "
                f"(entered at the event id #{event_id}). {self.cause}"
            )


def ends_at_once(error: StateError) -> bool:
    """Whether no Catch can handle it; AWS then writes only the end of the execution, wherever the error occurred."""
    return isinstance(error, EngineError) and error.error == RUNTIME


class EvaluationFailed(EngineError):
    """A field in JSONata could not be evaluated: States.QueryEvaluationError.

    `location` is the field's place in its state, as the event EvaluationFailed gives it (`Output/items[0]`).
    `has_value`: the expression has a value, but the state could not use it.
    """

    events = 1

    def __init__(self, cause: str, location: str, *, has_value: bool = False) -> None:
        super().__init__(QUERY_EVALUATION_ERROR, cause)
        self.location = location
        self.has_value = has_value


class TaskError(StateError):
    """Raise this in a task handler to fail the task with an error name of your own.

    `TaskError("PaymentDeclined", "card expired")` is what Retry and Catch see as `PaymentDeclined`. A name or cause
    that is not a string is converted by `str`. A name is cut to 256 characters, a cause to 32,768 (API reference
    SendTaskFailure); a lone surrogate, which JSON cannot carry, becomes `?`.
    """

    def __init__(self, error: str | None, cause: object = None) -> None:
        super().__init__(
            None if error is None else _unicode(str(error)[:MAX_ERROR]),
            None if cause is None else _unicode(str(cause)[:MAX_CAUSE]),
        )


def _unicode(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def forget_trace(error: BaseException) -> None:
    """Release the frames an exception passed through.

    They reference it and it references them, so a failed execution would stay in memory until the garbage collector
    runs.
    """
    error.__traceback__ = error.__context__ = None


class PathNotFound(ExpressError):
    """A definite path has no value in the data. `detail` is Jayway's text, e.g. `No results for path: $['a']`."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail


class ExecutionFailed(ExpressError):
    """Raised by `Result.unwrap()`: the execution failed, timed out or was aborted."""

    def __init__(self, status: str, error: str | None, cause: str | None) -> None:
        super().__init__(": ".join(part for part in (status, error, cause) if part))
        self.status = status
        self.error = error
        self.cause = cause


class InvalidTasks(ExpressError):
    """A task registration or tasks module that cannot be used; the text names which and why."""


class InvalidMocks(ExpressError):
    """A mock configuration that cannot be used; the text names the file, the JSON pointer and what is wrong there."""


class TokenError(ExpressError):
    """`Runtime.send_task_success`, `send_task_failure` or `send_task_heartbeat` had no effect; the text is AWS's."""


class InvalidToken(TokenError):
    """This Runtime has not issued the token."""

    def __init__(self) -> None:
        super().__init__("Invalid Token: 'Invalid token'")


class TaskTimedOut(TokenError):
    """The task no longer waits: it was answered, has timed out, or its execution was stopped."""

    def __init__(self) -> None:
        super().__init__("Task Timed Out: 'Provided task does not exist anymore'")


class InvalidOutput(TokenError):
    """The output is not JSON; the text says where."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"Invalid Output: '{detail}'")


class RuntimeClosed(ExpressError):
    """The Runtime is shutting down or was never entered, and starts no executions."""


class SourceError(ExpressError):
    """A source of messages cannot be used: a wrong address, no permission, a key of another type."""


class SourceUnavailable(SourceError):
    """The broker of a source is gone or refuses for now. Nothing is lost: the operation can be repeated."""
