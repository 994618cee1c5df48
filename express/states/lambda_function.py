"""Lambda's side of the task edge: the event of a function, the shape of its answer, the text of its failures.

A function is called in two ways. With its ARN as Resource, the payload is the event and the function's result is the
task's. Through the service integration `lambda:invoke`, `Parameters.Payload` is the event and the result is wrapped
(AWS guide "Invoke Lambda with Step Functions"). Either way the function's result must be JSON: Lambda's Python runtime
refuses anything else with `Runtime.MarshalError` and the text of Python's `json` module, and so does this engine, for
handlers of every resource. It also refuses a Decimal, as `json` does, although newer Lambda runtimes write it as a
number.
"""

from __future__ import annotations

import inspect
from json.encoder import encode_basestring
from random import getrandbits
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from express.errors import RUNTIME, EngineError, StateError
from express.foreign import type_name
from express.result import Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.foreign import Foreign, Trouble
    from express.types import JSON

#: The error name of Lambda's Python runtime for a return value that `json.dumps` refuses.
MARSHAL_ERROR = "Runtime.MarshalError"

#: Bytes of JSON that `lambda:invoke` wraps around a function's result.
WRAPPING_BYTES = len(b'{"ExecutedVersion":"$LATEST","Payload":,"StatusCode":200}')

#: Lambda gives each invocation a random UUID as request id. Here they share a random prefix, because `uuid4` takes
#: twenty times as long.
_REQUEST = Names(getrandbits(80)).name(0)[:-12]


def unwrap(parameters: JSON) -> JSON:
    """The event of a function called through `lambda:invoke`: its Payload, or an empty object without one."""
    return parameters.get("Payload", {}) if isinstance(parameters, dict) else parameters


def wrap(result: JSON) -> JSON:
    """What `lambda:invoke` returns for a function's result."""
    return {"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200}


def failure_document(message: str, error_type: str, trace: str = "[]") -> str:
    """The cause of a failed function, key by key as AWS writes it, with a new request id.

    `trace`: the stack frames as a JSON text, because callers that have frames keep them as text.
    """
    if not message.isascii():
        # JSON cannot carry a lone surrogate.
        message = message.encode("utf-8", "replace").decode()
    return (
        f'{{"errorMessage":{encode_basestring(message)},"errorType":{encode_basestring(error_type)},'
        f'"requestId":"{_REQUEST}{getrandbits(48).to_bytes(6).hex()}","stackTrace":{trace}}}'
    )


def cancelled(exception: BaseException) -> StateError:
    """The error of a function that was cancelled without a request: it has awaited something that was cancelled."""
    name = type(exception).__name__
    return StateError(name, failure_document(str(exception), name))


def not_found(arn: str, function: str | None) -> StateError:
    """AWS's error for a function that does not exist; other resources have no AWS text, so they get one of our own."""
    if function is None:
        return EngineError(RUNTIME, f"No task handler is registered for the resource {arn}")
    return StateError(
        "Lambda.ResourceNotFoundException",
        f"Function not found: {function} (Service: AWSLambda; Status Code: 404; "
        "Error Code: ResourceNotFoundException; Proxy: null)",
    )


#: The texts of Python's `json` for values it refuses; values that it would accept are refused with our own text.
_WORDS: dict[Trouble, Callable[[Any], str]] = {
    "type": lambda value: f"Object of type {type_name(value)} is not JSON serializable",
    "key": lambda key: f"keys must be str, int, float, bool or None, not {type_name(key)}",
    "number": lambda value: f"Out of range float values are not JSON compliant: {float.__repr__(value)}",
}


def marshal_error(foreign: Foreign) -> StateError:
    """A handler's result that is not JSON: Lambda's text, the place within the result if it is not the whole, and
    advice."""
    words = _WORDS.get(foreign.trouble)
    if words is None:
        text = str(foreign)
    else:
        text = words(foreign.value) + ("" if foreign.place == "$" else f" (at {foreign.place})")
    if _is_awaitable(foreign.value):
        text += ". Nobody has awaited it: a handler that calls `async def` functions must be `async def` and await them"
    if type(foreign.value) is CoroutineType:
        foreign.value.close()
    return StateError(MARSHAL_ERROR, failure_document(f"Unable to marshal response: {text}", MARSHAL_ERROR))


def _is_awaitable(value: object) -> bool:
    try:
        return inspect.isawaitable(value)
    except Exception:  # noqa: BLE001 - its class may do anything
        return False
