"""Requests and responses of the endpoint, between the wire and the application: one HTTP exchange as plain data."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from express.service.errors import ServiceError

#: The body of every answer: AWS JSON 1.0.
CONTENT_TYPE: Final = b"application/x-amz-json-1.0"


@dataclass(slots=True)
class Request:
    """One request. Header names are in lower case; of a repeated header the last value is kept."""

    method: bytes
    headers: dict[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: a status and a JSON body."""

    status: int
    body: bytes


#: Answers a request. It raises nothing: whatever goes wrong is an answer too.
Application: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


def refusal(error: ServiceError) -> Response:
    """An error in AWS's form: `{"__type": name, "message": text}`."""
    # A message may quote what the client sent, and that may hold half a surrogate pair.
    message = error.message.encode("utf-8", "replace").decode()
    return Response(error.status, orjson.dumps({"__type": error.code, "message": message}))


def malformed(message: str) -> ServiceError:
    """No request in HTTP's terms (AWS "Common Error Types")."""
    return ServiceError("MalformedHttpRequestException", message)


def too_large(message: str, status: int = 413) -> ServiceError:
    return ServiceError("RequestEntityTooLargeException", message, status)


def timed_out() -> ServiceError:
    return ServiceError("RequestTimeoutException", "The request did not arrive in time.", 408)
