"""Why a definite path found nothing, in Jayway's words.

Paths are evaluated by plain indexing, which costs nothing when it works. When it fails this module walks the same
steps again, slowly, and says where they stopped: AWS quotes the text in its causes (recorded: `Invalid path '$.x' :
No results for path: $['x']`, and `Missing property in path $['no']` when a parent is missing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from express.expressions.jsonpath.syntax import Index, Name, Names, canonical_text, fragments
from express.expressions.values import java_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.expressions.jsonpath.syntax import Step
    from express.types import JSON

#: Java's classes behind JSON values, as Jayway's default provider makes them.
_JAVA_CLASSES: dict[type, str] = {
    str: "java.lang.String",
    bool: "java.lang.Boolean",
    float: "java.lang.Double",
    list: "net.minidev.json.JSONArray",
    dict: "java.util.LinkedHashMap",
}


class Miss(NamedTuple):
    """Where a path stopped: `text` is Jayway's message; `unfit` when an index met a value that is no array."""

    text: str
    unfit: bool = False


def find_miss(steps: tuple[Step, ...], value: JSON) -> Miss:
    """Why `steps` lead nowhere in `value`; looks no further than the names and indexes in front."""
    at = "$"
    for position, step in enumerate(steps):
        match step:
            case Name(name):
                if type(value) is not dict:
                    return Miss(expected_object(step, at, value))
                at += f"['{name}']"
                if name not in value:
                    last = position == len(steps) - 1
                    return Miss(no_results(steps) if last else f"Missing property in path {at}")
                value = value[name]
            case Index(index):
                if type(value) is not list:
                    return Miss(expected_array(steps[position:], at, value), unfit=value is not None)
                if not -len(value) <= index < len(value):
                    break
                at += f"[{index}]"
                value = value[index]
            case _:
                break
    return Miss(no_results(steps))


def location(steps: Sequence[Name | Index]) -> str:
    """The place that definite steps have reached, as Jayway names it while it walks."""
    return "$" + "".join(f"['{step.name}']" if isinstance(step, Name) else step.fragment for step in steps)


def no_results(steps: tuple[Step, ...]) -> str:
    return f"No results for path: {canonical_text(steps)}"


def expected_object(step: Name | Names, at: str, value: JSON) -> str:
    return (
        f"Expected to find an object with property {step.fragment} in path {at} but found '{_java_class(value)}'. "
        "This is not a json object according to the JsonProvider: "
        "'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'."
    )


def expected_array(steps: tuple[Step, ...], at: str, value: JSON) -> str:
    """`steps` begin with the one that needs an array; Jayway prints them all."""
    if value is None:
        return f"The path {at} is null"
    return f"Filter: {fragments(steps)} can only be applied to arrays. Current context is: {java_text(value)}"


def expected_container(steps: tuple[Step, ...], value: JSON) -> str:
    """The same for a filter, which takes objects as well."""
    return f"Filter: {fragments(steps)} can not be applied to primitives. Current context is: {java_text(value)}"


def _java_class(value: JSON) -> str:
    if value is None:
        return "null"
    if type(value) is int:
        bits = value.bit_length()
        return "java.lang.Integer" if bits < 32 else "java.lang.Long" if bits < 64 else "java.math.BigInteger"
    return _JAVA_CLASSES[type(value)]
