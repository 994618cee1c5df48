"""The application: finds the action of a request and turns its result or error into a response.

AWS JSON 1.0: every request is a POST, the header X-Amz-Target names the action, parameters and answer are JSON objects
(API reference, "Making API requests"). Credentials are checked in `signatures`, not here. Every exception of an action
becomes a response: a ServiceError as such, any other as an InternalFailure, logged but not shown.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

import orjson

from express.api.hosts import foreign_host
from express.api.messages import Request, Response, refusal
from express.api.operations import OPERATIONS, Operation
from express.service.errors import ServiceError

if TYPE_CHECKING:
    from express.api.hosts import HostPolicy
    from express.service import Service

log = logging.getLogger("express")

_BY_TARGET: Final = {b"AWSStepFunctions." + name.encode(): operation for name, operation in OPERATIONS.items()}


class Endpoint:
    """The application of the endpoint, called with each request."""

    def __init__(self, service: Service, hosts: HostPolicy) -> None:
        self._service = service
        self._hosts = hosts

    async def __call__(self, request: Request) -> Response:
        try:
            operation = self._operation(request)
            parameters = operation.read(_parameters(request.body))
            if operation.poll is None:
                answer = await operation.perform(self._service, parameters)
            else:
                answer = await operation.poll(self._service, parameters, request.client)
            return Response(200, _encode(answer))
        except ServiceError as error:
            return refusal(error)
        except Exception:
            log.exception("the endpoint failed to answer a request")
            return refusal(ServiceError("InternalFailure", "The request failed because of an internal error.", 500))

    def _operation(self, request: Request) -> Operation:
        if not self._hosts.allows(request.headers.get(b"host", b"")):
            raise foreign_host(request)
        target = request.headers.get(b"x-amz-target", b"")
        operation = _BY_TARGET.get(target)
        if operation is None or request.method != b"POST":
            raise _unknown(request.method, target)
        return operation


def _unknown(method: bytes, target: bytes) -> ServiceError:
    shown = target.decode("latin-1")
    message = f"Unknown operation '{shown}'." if method == b"POST" else "Requests are sent with POST."
    return ServiceError("UnknownOperationException", message, 404)


def _parameters(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ServiceError("SerializationException", f"The request body is not valid JSON: {error}") from None


def _encode(answer: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(answer)
    except TypeError:
        # A lone surrogate in an error's text: JSON can escape it, UTF-8 cannot encode it.
        return json.dumps(answer, separators=(",", ":")).encode()
