"""Intrinsics for JSON data (AWS guide, "Intrinsics for JSON data manipulation") and the UUID."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from express.expressions.intrinsics.registry import ArgumentsError, intrinsic
from express.expressions.values import json_text
from express.parsing import parse_json

if TYPE_CHECKING:
    from express.types import JSON


@intrinsic("States.StringToJson", 1, writes=True, walks=True)
def string_to_json(text: JSON) -> JSON:
    """The value of a JSON text with all digits of its integers; blank text gives null (recorded)."""
    if type(text) is not str:
        raise ArgumentsError
    try:
        return parse_json(text.encode(errors="surrogatepass"))
    except ValueError:
        if not text.strip():
            return None
        raise ArgumentsError from None


@intrinsic("States.JsonToString", 1, writes=True, walks=True)
def json_to_string(value: JSON) -> str:
    """The compact JSON text of a value."""
    return json_text(value)


@intrinsic("States.JsonMerge", 3)
def json_merge(first: JSON, second: JSON, deep: JSON) -> JSON:
    """The fields of both objects, the second's winning; the service merges only shallowly and refuses `true`."""
    if type(first) is not dict or type(second) is not dict or deep is True:
        raise ArgumentsError
    return first | second


@intrinsic("States.UUID", 0, pure=False)
def uuid_() -> str:
    """A random UUID, version 4."""
    return str(uuid.uuid4())
