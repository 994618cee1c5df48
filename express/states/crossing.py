"""Copying payloads and results across the task edge, with AWS's error texts for those that cannot cross."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.errors import RUNTIME, EngineError
from express.foreign import NotJSON
from express.payload import cross, is_too_long
from express.states.lambda_function import marshal_error
from express.states.sizes import data_limit_exceeded

if TYPE_CHECKING:
    from express.types import JSON


def cross_in(payload: JSON) -> tuple[JSON, int]:
    """A copy of a payload and its size in bytes. Raises EngineError if it is not JSON."""
    try:
        return cross(payload)
    except NotJSON as error:
        raise EngineError(RUNTIME, f"The input of the task is not valid JSON: {error}") from None


def cross_out(result: JSON, limit: int, who: str) -> tuple[JSON, int]:
    """A copy of the result of a handler of the resource `who`, and its size in bytes. Raises StateError: the one of
    Lambda's runtime if the result is not JSON, States.DataLimitExceeded if it is longer than `limit`."""
    if is_too_long(result, limit):
        raise data_limit_exceeded(who)
    try:
        copy, size = cross(result, limit)
    except NotJSON as error:
        raise marshal_error(error.foreign) from None
    if size > limit:
        raise data_limit_exceeded(who)
    return copy, size
