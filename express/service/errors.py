"""The errors of the service, with AWS's names and messages.

An operation raises ServiceError in place of a result: the name of a modelled exception (API reference, "Errors" of each
action) or of a common one ("Common Error Types"), a message, and the HTTP status. The messages are as recorded from
AWS, where there is a recording.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.errors import ExpressError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.types import Diagnostic

BAD_REQUEST: Final = 400

#: Problems quoted in one InvalidDefinition message; as many as ValidateStateMachineDefinition returns at most.
MAX_PROBLEMS: Final = 100


class ServiceError(ExpressError):
    """An operation was refused.

    `code` is the exception's shape name, `status` the HTTP status it is sent with, `reason` the member of that name,
    which only a ValidationException may have.
    """

    def __init__(self, code: str, message: str, status: int = BAD_REQUEST, reason: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.reason = reason


def validation(message: str, reason: str | None = None) -> ServiceError:
    """reason: the value of ValidationExceptionReason that applies, if any (API reference)."""
    return ServiceError("ValidationException", message, reason=reason)


def labelled_arn(arn: str) -> ServiceError:
    """The error for the ARN of a Distributed Map where that of a machine is required."""
    return validation(
        f"State machine ARN must not name a Distributed Map: '{arn}'", "API_DOES_NOT_SUPPORT_LABELED_ARNS"
    )


def invalid_routing(message: str) -> ServiceError:
    """The error for an invalid routing configuration of an alias."""
    return validation(message, "INVALID_ROUTING_CONFIGURATION")


def invalid_arn(detail: str) -> ServiceError:
    return ServiceError("InvalidArn", f"Invalid Arn: '{detail}'")


def wrong_resource_type(kind: str) -> ServiceError:
    """The error for the ARN of a resource type that the operation does not work on."""
    return invalid_arn(f"Resource type not valid in this context: {kind}")


def invalid_role_arn(arn: str) -> ServiceError:
    return ServiceError("InvalidArn", f"Invalid Role Arn: '{arn}'")


def invalid_name(name: str) -> ServiceError:
    return ServiceError("InvalidName", f"Invalid Name: '{name}'")


def invalid_token() -> ServiceError:
    return ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")


def invalid_definition(problems: Iterable[Diagnostic]) -> ServiceError:
    """The errors of a definition, at most the first hundred, in the form `CODE: message at /location`."""
    errors = [str(problem) for problem in problems if problem.severity == "ERROR"][:MAX_PROBLEMS]
    return ServiceError("InvalidDefinition", f"Invalid State Machine Definition: '{', '.join(errors)}'")


def invalid_input(detail: str) -> ServiceError:
    return ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{detail}'")


def invalid_logging(detail: str) -> ServiceError:
    return ServiceError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {detail}")


def machine_exists(arn: str) -> ServiceError:
    return ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")


def machine_missing(arn: str) -> ServiceError:
    return ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def machine_deleting(arn: str) -> ServiceError:
    return ServiceError("StateMachineDeleting", f"State Machine is being deleted: '{arn}'")


def machine_limit(limit: int) -> ServiceError:
    return ServiceError("StateMachineLimitExceeded", f"State machine limit exceeded: {limit}")


def type_not_supported() -> ServiceError:
    return ServiceError("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")


def execution_exists(arn: str) -> ServiceError:
    return ServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")


def execution_missing(arn: str) -> ServiceError:
    return ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def not_redrivable(arn: str, reason: str) -> ServiceError:
    return ServiceError("ExecutionNotRedrivable", f"Execution {arn} invalid for redrive as: {reason}")


def execution_limit(limit: int) -> ServiceError:
    return ServiceError("ExecutionLimitExceeded", f"The maximum number of running executions has been reached: {limit}")


def activity_missing(arn: str) -> ServiceError:
    return ServiceError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")


def activity_exists(arn: str) -> ServiceError:
    """The error for an activity with another encryption, which cannot be changed (API reference CreateActivity)."""
    return ServiceError("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'")


def activity_limit(limit: int) -> ServiceError:
    return ServiceError("ActivityLimitExceeded", f"The maximum number of activities has been reached: {limit}")


def worker_limit(limit: int) -> ServiceError:
    return ServiceError(
        "ActivityWorkerLimitExceeded", f"The maximum number of workers polling at once has been reached: {limit}"
    )


def invalid_output(detail: str) -> ServiceError:
    return ServiceError("InvalidOutput", f"Invalid Output: '{detail}'")


def resource_missing() -> ServiceError:
    """The error for a missing resource with an ARN of its own: an alias, a Map Run."""
    return ServiceError("ResourceNotFound", "Request references a resource that does not exist.")


def untaggable(arn: str) -> ServiceError:
    return ServiceError("ResourceNotFound", f"Resource not found: '{arn}'")


def too_many_tags(arn: str, limit: int) -> ServiceError:
    return ServiceError("TooManyTags", f"Too many tags on '{arn}': a resource has {limit} at most")


def quota(message: str) -> ServiceError:
    return ServiceError("ServiceQuotaExceededException", message)


def conflict(message: str) -> ServiceError:
    return ServiceError("ConflictException", message)


def missing_parameter(message: str) -> ServiceError:
    return ServiceError("MissingRequiredParameter", message)


def throttled() -> ServiceError:
    """The error when the limit of running executions is reached; every AWS SDK retries it by itself."""
    return ServiceError("ThrottlingException", "Rate exceeded")


def unavailable(message: str = "The endpoint is shutting down.") -> ServiceError:
    return ServiceError("ServiceUnavailable", message, 503)
