"""Forwards requests from a worker to its owner and returns the owner's responses.

Each request has a connection of its own, so that a long poll (GetActivityTask) delays no other request and the owner
learns when its client has left.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import orjson

from express.api.hosts import foreign_host
from express.api.messages import Request, Response, refusal
from express.payload import encode
from express.service.errors import ServiceError, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.api.hosts import HostPolicy
    from express.api.messages import Application, Client
    from express.types import JSON

_TARGET: Final = b"AWSStepFunctions."
_START: Final = _TARGET + b"StartExecution"
#: Actions that a worker answers from its replica of the machines.
_LOCAL: Final = frozenset((_START, _TARGET + b"StartSyncExecution", _TARGET + b"ValidateStateMachineDefinition"))


class Deputy:
    """The application of a worker. endpoint: answers from the replica. owner: the path of the owner's socket."""

    def __init__(self, endpoint: Application, hosts: HostPolicy, owner: str) -> None:
        self._endpoint = endpoint
        self._hosts = hosts
        self._owner = owner

    async def __call__(self, request: Request) -> Response:
        if request.headers.get(b"x-amz-target") in _LOCAL:
            return await self._endpoint(request)
        if not self._hosts.allows(request.headers.get(b"host", b"")):
            return refusal(foreign_host(request))
        try:
            return await ask(self._owner, request)
        except ServiceError as error:
            return refusal(error)


async def start(path: str, arn: str, name: str | None, text: str, trace_header: str | None) -> tuple[str, float]:
    """Have the owner start a Standard execution; returns its ARN and start time. Raises ServiceError."""
    asked = {"stateMachineArn": arn, "name": name, "input": text, "traceHeader": trace_header}
    answer = await call(path, "StartExecution", asked)
    return answer["executionArn"], answer["startDate"]


async def call(path: str, action: str, parameters: dict[str, JSON]) -> dict[str, Any]:
    """Have the owner carry out an action; returns its answer. Raises ServiceError."""
    response = await ask(path, Request(b"POST", {b"x-amz-target": _TARGET + action.encode()}, encode(parameters)))
    answer: dict[str, Any] = orjson.loads(response.body)
    if response.status != HTTPStatus.OK:
        raise ServiceError(answer["__type"], answer["message"], response.status, answer.get("reason"))
    return answer


async def ask(path: str, request: Request) -> Response:
    """The response of the endpoint at a Unix socket. Raises ServiceError when there is none."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
        with closing(writer):
            writer.write(_written(request))
            with _leaving_with(request.client, writer):
                return _read(await reader.read(-1))
    except OSError:
        raise _no_owner() from None


@contextmanager
def _leaving_with(client: Client | None, writer: asyncio.StreamWriter) -> Iterator[None]:
    """While inside, tell the owner when the client leaves, by closing the write side: a response can still arrive."""
    if client is None:
        yield
        return

    def leave(gone: asyncio.Future[None]) -> None:
        writer.write_eof()

    gone = client.gone()
    gone.add_done_callback(leave)
    try:
        yield
    finally:
        gone.remove_done_callback(leave)


def _written(request: Request) -> bytes:
    target = request.headers.get(b"x-amz-target", b"")
    head = b"%s / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return head % (request.method, target, len(request.body)) + request.body


def _read(answer: bytes) -> Response:
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        raise _no_owner()
    return Response(int(head.split(b" ", 2)[1]), body)


def _no_owner() -> ServiceError:
    return unavailable("The endpoint is shutting down: nobody is left to answer this.")
