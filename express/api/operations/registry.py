"""The one table of actions: what an action is called, how its request is read, who answers it.

An action is one coroutine: it takes the Service and the request, whose parameters have been read by the action's
shape, and returns the members of the answer. Members that are None are left out of it, as AWS leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from express.api.constraints import Reader, reader
from express.api.messages import Client
from express.api.shapes import REQUESTS
from express.service import Service

Request: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]
Action: TypeAlias = Callable[[Service, Request], Coroutine[Any, Any, Answer]]
#: An action that may hold its answer back for long, and wants to know who waits for it.
Poll: TypeAlias = Callable[[Service, Request, Client | None], Coroutine[Any, Any, Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An action of the API: `read` makes the request of a JSON value, `perform` answers it, of a long poll `poll`."""

    name: str
    read: Reader
    perform: Action
    poll: Poll | None = None


OPERATIONS: Final[dict[str, Operation]] = {}


def operation(name: str) -> Callable[[Action], Action]:
    """Enter a coroutine in the table as the answer to an action."""

    def register(perform: Action) -> Action:
        OPERATIONS[name] = Operation(name, reader(REQUESTS[name]), perform)
        return perform

    return register


def long_poll(name: str) -> Callable[[Poll], Poll]:
    """The same for an action that holds its answer back until there is something to tell."""

    def register(poll: Poll) -> Poll:
        async def perform(service: Service, request: Request) -> Answer:
            return await poll(service, request, None)

        OPERATIONS[name] = Operation(name, reader(REQUESTS[name]), perform, poll)
        return poll

    return register


def members(**values: Any) -> Answer:
    """An answer without the members that are None."""
    return {name: value for name, value in values.items() if value is not None}
