"""The endpoint's own integrations, and their precedence among task handlers.

The handler of a task is chosen when its machine is compiled, in this order:

1. a handler registered for it: its name, its ARN, or a pattern with a character that is no wildcard,
2. the endpoint itself: activities are offered to their workers, `states:startExecution` and the actions of
   `aws-sdk:sfn` start and answer executions here,
3. a handler registered for `*`, the fallback.

A refusal by the API becomes the error of the calling task. The optimised integrations word it as version 1 of the SDK
does, those behind `aws-sdk` as version 2 (recorded).
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from express.errors import StateError
from express.service.errors import ServiceError, validation
from express.tasks.registry import Explicit, Layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.states.state import Resolver
    from express.tasks import Tasks

Integration: TypeAlias = Literal["optimised", "sdk"]

#: The exceptions of the API that the SDKs know by name (API reference, "Errors" of the actions that are integrations
#: here); they name any other after the service.
_MODELLED: Final = frozenset(
    (
        "ExecutionAlreadyExists",
        "ExecutionLimitExceeded",
        "InvalidArn",
        "InvalidExecutionInput",
        "InvalidName",
        "InvalidOutput",
        "InvalidToken",
        "StateMachineDeleting",
        "StateMachineDoesNotExist",
        "StateMachineTypeNotSupported",
        "TaskDoesNotExist",
        "TaskTimedOut",
        "ValidationException",
    )
)


def in_order(tasks: Tasks, *own: Resolver) -> Layers:
    """The handlers of `tasks` and the endpoint's `own`, in the order of the module docstring."""
    return Layers(Explicit(tasks), *own, tasks)


def refusal(error: ServiceError, integration: Integration) -> StateError:
    """An error of the API as the error of a task."""
    name = error.code.removesuffix("Exception")
    modelled = error.code in _MODELLED
    if integration == "sdk":
        cause = f"{error.message} (Service: Sfn, Status Code: {error.status}, Request ID: {uuid.uuid4()})"
        return StateError(f"Sfn.{name if modelled else 'Sfn'}Exception", cause)
    cause = (
        f"{error.message} (Service: AWSStepFunctions; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {uuid.uuid4()}; Proxy: null)"
    )
    return StateError(f"StepFunctions.{name if modelled else 'AWSStepFunctions'}Exception", cause)


@contextmanager
def refused_as(integration: Integration) -> Iterator[None]:
    """Convert each ServiceError raised inside into the error of a task."""
    try:
        yield
    except ServiceError as error:
        raise refusal(error, integration) from None


def missing(parameter: str) -> ServiceError:
    """The error for a missing mandatory parameter, named as an integration names it: `StateMachineArn`."""
    member = f"{parameter[0].lower()}{parameter[1:]}"
    return validation(
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )
