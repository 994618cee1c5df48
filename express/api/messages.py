"""Requests and responses of the endpoint, between the wire and the application: one HTTP exchange as plain data."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import orjson

from express.service.errors import ServiceError

if TYPE_CHECKING:
    import asyncio

#: The body of every answer: AWS JSON 1.0.
CONTENT_TYPE: Final = b"application/x-amz-json-1.0"


class Client(Protocol):
    """The client that waits for a response."""

    def gone(self) -> asyncio.Future[None]:
        """Done once the client has left or is to be disconnected: an action must then stop delaying its answer."""
        ...


@dataclass(slots=True)
class Request:
    """One request.

    Header names are in lower case; of a repeated header the last value is kept. `target` is the path, with the query if
    there is one. `client` is set where the client's departure can be detected.
    """

    method: bytes
    headers: dict[bytes, bytes]
    body: bytes
    target: bytes = b"/"
    client: Client | None = None


@dataclass(slots=True)
class Response:
    """One answer: a status and a JSON body."""

    status: int
    body: bytes


#: Answers a request. It raises nothing: every error becomes a response.
Application: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


def refusal(error: ServiceError) -> Response:
    """An error in AWS's form: `{"__type": name, "message": text}`, and the error's own members if it has any."""
    # A message may quote what the client sent, and that may contain a lone surrogate.
    message = error.message.encode("utf-8", "replace").decode()
    body = {"__type": error.code, "message": message}
    if error.reason is not None:
        body["reason"] = error.reason
    return Response(error.status, orjson.dumps(body))


def malformed(message: str) -> ServiceError:
    """The error for a request that is not valid HTTP (AWS "Common Error Types")."""
    return ServiceError("MalformedHttpRequestException", message)


def too_large(message: str, status: int = 413) -> ServiceError:
    return ServiceError("RequestEntityTooLargeException", message, status)


def timed_out() -> ServiceError:
    return ServiceError("RequestTimeoutException", "The request did not arrive in time.", 408)
