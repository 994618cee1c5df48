"""The one table of actions: what an action is called, how its request is read, who answers it.

An action is one coroutine: it takes the Service and the request, whose parameters have been read by the action's
shape, and returns the members of the answer. Members that are None are left out of it, as AWS leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from express.api.constraints import Reader, reader
from express.api.shapes import REQUESTS
from express.service import Service

Request: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]
Action: TypeAlias = Callable[[Service, Request], Coroutine[Any, Any, Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An action of the API: `read` makes the request of a JSON value, `perform` answers it."""

    name: str
    read: Reader
    perform: Action


OPERATIONS: Final[dict[str, Operation]] = {}

#: Actions of the API that this endpoint does not answer yet.
UNSUPPORTED: Final = frozenset(
    (
        "CreateActivity",
        "DeleteActivity",
        "DescribeActivity",
        "GetActivityTask",
        "GetExecutionHistory",
        "ListActivities",
        "RedriveExecution",
        "SendTaskFailure",
        "SendTaskHeartbeat",
        "SendTaskSuccess",
        "TestState",
    )
)


def operation(name: str) -> Callable[[Action], Action]:
    """Enter a coroutine in the table as the answer to an action."""

    def register(perform: Action) -> Action:
        OPERATIONS[name] = Operation(name, reader(REQUESTS[name]), perform)
        return perform

    return register


def members(**values: Any) -> Answer:
    """An answer without the members that are None."""
    return {name: value for name, value in values.items() if value is not None}
