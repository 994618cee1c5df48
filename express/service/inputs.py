"""Parses the input of an execution; text that is not JSON is refused in AWS's words.

Recorded: `Unrecognized token 'not': was expecting (JSON String, Number, …)`, which is Jackson's message without its
position, and `Invalid execution input.` where Jackson has no message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from express.definition.outline import outline
from express.definition.syntax import JSONSyntaxError
from express.parsing import parse_json
from express.payload import PAYLOAD_LIMIT
from express.service.errors import invalid_input, validation

if TYPE_CHECKING:
    from express.types import JSON


def read_input(text: str) -> JSON:
    """The value of an input. Raises ServiceError InvalidExecutionInput, or ValidationException when it is too long."""
    try:
        encoded = text.encode()
        if len(encoded) > PAYLOAD_LIMIT:
            raise validation(
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {PAYLOAD_LIMIT}"
            )
        return parse_json(encoded)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise invalid_input(complaint(text) or "Invalid execution input.") from None


def complaint(text: str) -> str | None:
    """Jackson's message for text that is not JSON; None where Jackson has none."""
    if text.strip(" \t\r\n"):
        try:
            outline(text)
        except JSONSyntaxError as error:
            return error.message
    return None
