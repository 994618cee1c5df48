"""JSON Pointers (RFC 6901), which this package uses to address values of a definition, and AWS's notation for them.

A pointer is a string: `/States/A~1B/Choices/0/Next`, and `""` for the root. AWS escapes nothing and writes array
indexes in brackets, `/States/A/B/Choices[0]/Next`. That form cannot be parsed back, so it is rendered only when a
problem is reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from express.types import JSON


def escape_key(key: str) -> str:
    """An object key escaped as a step of a pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def steps_of(pointer: str) -> list[str]:
    """The keys and indexes of a pointer, unescaped."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def value_at(pointer: str, value: JSON) -> Any:
    """The value a pointer leads to, which must exist."""
    for step in steps_of(pointer):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def render_location(pointer: str, value: JSON) -> str:
    """A pointer into `value` in AWS's notation: `/States/C/Choices[0]/Next`, and `/` for the root."""
    location = ""
    for step in steps_of(pointer):
        if isinstance(value, list):
            location += f"[{step}]"
            value = value[int(step)] if step.isdecimal() and int(step) < len(value) else None
        else:
            location += f"/{step}"
            value = value.get(step) if isinstance(value, dict) else None
    return location or "/"
