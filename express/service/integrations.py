"""Integrations that an endpoint has by itself, and who comes before them.

Who does the work of a task is decided when its machine is compiled, in this order:

1. a handler registered for it: its name, its ARN, or a pattern with a character that is no wildcard,
2. what the endpoint does itself: activities are left to their workers, `states:startExecution` and the actions of
   `aws-sdk:sfn` start and answer executions here,
3. a handler registered for `*`, which is for what nobody else does.

A refusal of the API is the error of the task that has asked. The optimised integrations word it as version 1 of the SDK
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
#: here); for any other they have one that is called like the service.
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
    """Who does the work: the handlers of `tasks`, and the endpoint's `own`. See the head of this module."""
    return Layers(Explicit(tasks), *own, tasks)


def refusal(error: ServiceError, integration: Integration) -> StateError:
    """A refusal of the API as the error of a task."""
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
    """Raise the refusals of what is called within as errors of the task."""
    try:
        yield
    except ServiceError as error:
        raise refusal(error, integration) from None


def missing(parameter: str) -> ServiceError:
    """The refusal of a request without a parameter it must have; named as an integration has it, `StateMachineArn`."""
    member = f"{parameter[0].lower()}{parameter[1:]}"
    return validation(
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )
