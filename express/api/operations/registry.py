"""The table of actions: the name of each, the reader of its request, and the coroutine that answers it.

An action takes the Service and the request, whose parameters have been read by the action's shape, and returns the
members of the answer. Members that are None are omitted, as AWS omits them.
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
#: An action that may delay its answer for long, and is given the client that waits for it.
Poll: TypeAlias = Callable[[Service, Request, Client | None], Coroutine[Any, Any, Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An action: `read` turns a JSON value into the request, `perform` or, for a long poll, `poll` answers it."""

    name: str
    read: Reader
    perform: Action
    poll: Poll | None = None


OPERATIONS: Final[dict[str, Operation]] = {}


def operation(name: str) -> Callable[[Action], Action]:
    """Register a coroutine function as the action `name`."""

    def register(perform: Action) -> Action:
        OPERATIONS[name] = Operation(name, reader(REQUESTS[name]), perform)
        return perform

    return register


def long_poll(name: str) -> Callable[[Poll], Poll]:
    """Register a coroutine function as a long poll, which delays its answer until there is a result."""

    def register(poll: Poll) -> Poll:
        async def perform(service: Service, request: Request) -> Answer:
            return await poll(service, request, None)

        OPERATIONS[name] = Operation(name, reader(REQUESTS[name]), perform, poll)
        return poll

    return register


def members(**values: Any) -> Answer:
    """An answer without the members that are None."""
    return {name: value for name, value in values.items() if value is not None}
