"""Lambda's side of the task edge: what a function is called with, what its answer looks like, how its failures read.

A function is called in two ways. Its ARN as Resource: the payload goes in, the result comes out. The service
integration `lambda:invoke`: `Parameters.Payload` goes in, and the result comes out wrapped (AWS guide "Invoke Lambda
with Step Functions"). Either way the function's result has to be JSON; what is not, Lambda's Python runtime refuses
with `Runtime.MarshalError` and the words of Python's `json` module, and so does this engine, for handlers of every
resource. A Decimal is refused too, as `json` refuses it, although newer Lambda runtimes write it as a number.
"""

from __future__ import annotations

import inspect
from json.encoder import encode_basestring
from random import getrandbits
from typing import TYPE_CHECKING, Any

from express.errors import RUNTIME, EngineError, StateError
from express.result import Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.foreign import Foreign, Trouble
    from express.types import JSON

#: What Lambda's Python runtime calls a return value that `json.dumps` refuses.
MARSHAL_ERROR = "Runtime.MarshalError"

#: The wrapping of `lambda:invoke` around a function's result, in bytes of JSON.
WRAPPING_BYTES = len(b'{"ExecutedVersion":"$LATEST","Payload":,"StatusCode":200}')

#: Lambda gives each invocation a random UUID. Ours share a random head: `uuid4` takes twenty times as long.
_REQUEST = Names(getrandbits(80)).name(0)[:-12]


def unwrap(parameters: JSON) -> JSON:
    """What a function gets from `lambda:invoke`: its Payload, whatever that is; without one an empty event."""
    return parameters.get("Payload", {}) if isinstance(parameters, dict) else parameters


def wrap(result: JSON) -> JSON:
    """What `lambda:invoke` returns for a function's result."""
    return {"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200}


def failure_document(message: str, error_type: str, trace: str = "[]") -> str:
    """The cause of a failed function, key by key as AWS writes it. Each has a request id of its own.

    `trace`: the frames it came through, as JSON: whoever knows some keeps them as text.
    """
    if not message.isascii():
        # A lone surrogate is no JSON.
        message = message.encode("utf-8", "replace").decode()
    return (
        f'{{"errorMessage":{encode_basestring(message)},"errorType":{encode_basestring(error_type)},'
        f'"requestId":"{_REQUEST}{getrandbits(48).to_bytes(6).hex()}","stackTrace":{trace}}}'
    )


def cancelled(exception: BaseException) -> StateError:
    """A function that was cancelled, though nobody had asked for that: it has awaited something that was."""
    name = type(exception).__name__
    return StateError(name, failure_document(str(exception), name))


def not_found(arn: str, function: str | None) -> StateError:
    """AWS's own error where a function does not exist; for other resources nothing to quote, so plain words."""
    if function is None:
        return EngineError(RUNTIME, f"No task handler is registered for the resource {arn}")
    return StateError(
        "Lambda.ResourceNotFoundException",
        f"Function not found: {function} (Service: AWSLambda; Status Code: 404; "
        "Error Code: ResourceNotFoundException; Proxy: null)",
    )


#: How Python's `json` refuses a value; what it would let pass is refused in words of our own.
_WORDS: dict[Trouble, Callable[[Any], str]] = {
    "type": lambda value: f"Object of type {type(value).__name__} is not JSON serializable",
    "key": lambda key: f"keys must be str, int, float, bool or None, not {type(key).__name__}",
    "number": lambda value: f"Out of range float values are not JSON compliant: {value}",
}


def marshal_error(foreign: Foreign) -> StateError:
    """A handler's result that is no JSON: Lambda's words, the place unless it is the result as a whole, and advice."""
    words = _WORDS.get(foreign.trouble)
    if words is None:
        text = str(foreign)
    else:
        text = words(foreign.value) + ("" if foreign.place == "$" else f" (at {foreign.place})")
    if inspect.isawaitable(foreign.value):
        text += ". Nobody has awaited it: a handler that calls `async def` functions must be `async def` and await them"
    if inspect.iscoroutine(foreign.value):
        foreign.value.close()
    return StateError(MARSHAL_ERROR, failure_document(f"Unable to marshal response: {text}", MARSHAL_ERROR))
