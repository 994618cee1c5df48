"""The reason a definite path found nothing, in Jayway's words.

Paths are evaluated by plain indexing, which costs nothing on success. On failure this module walks the same steps
again, slowly, to find where they stopped: AWS quotes the text in its causes (recorded:
`Invalid path '$.x' : No results for path: $['x']`, and `Missing property in path $['no']` when a parent is missing).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from express.expressions.jsonpath.syntax import Index, Name, canonical_text, fragments
from express.expressions.values import java_text
from express.types import JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.expressions.jsonpath.syntax import Step

#: Java's classes behind JSON values, as Jayway's default provider makes them.
_JAVA_CLASSES: dict[type, str] = {
    str: "java.lang.String",
    bool: "java.lang.Boolean",
    float: "java.lang.Double",
    list: "net.minidev.json.JSONArray",
    dict: "java.util.LinkedHashMap",
}


class Miss(NamedTuple):
    """The point where a path stopped. `text` is Jayway's message.

    `kind` has the distinctions that indefinite paths make: a `missing` field or parent, an index `beyond` the end of
    its array, and an index applied to an `unfit` value, which is not an array.
    """

    text: str
    kind: Literal["missing", "beyond", "unfit"] = "missing"


#: Explains why the path it was built for finds nothing in a value.
Explain: TypeAlias = Callable[[JSON], Miss]


def build_explain(steps: tuple[Step, ...]) -> Explain:
    """The explanation for `steps`; it examines only the leading names and indexes.

    Texts that do not depend on the data are made here, in advance: a missing field is routine where a Choice rule
    asks `IsPresent`.
    """
    plan: list[tuple[str | int, str, Miss]] = []
    nothing = Miss(no_results(steps))
    at = "$"
    for position, step in enumerate(steps):
        if isinstance(step, Name):
            behind = f"{at}['{step.name}']"
            last = position == len(steps) - 1
            plan.append((step.name, at, nothing if last else Miss(f"Missing property in path {behind}")))
        elif isinstance(step, Index):
            behind = at + step.fragment
            plan.append((step.index, at, Miss(nothing.text, "beyond")))
        else:
            break
        at = behind

    def explain(value: JSON) -> Miss:
        for position, (key, at, miss) in enumerate(plan):
            if isinstance(key, str):
                if type(value) is not dict:
                    return Miss(expected_object(steps[position].fragment, at, value))
                if key not in value:
                    return miss
            else:
                if type(value) is not list:
                    return Miss(expected_array(steps[position:], at, value), "missing" if value is None else "unfit")
                if not -len(value) <= key < len(value):
                    return miss
            value = value[key]
        return nothing

    return explain


def location(steps: Sequence[Name | Index]) -> str:
    """The place that definite steps have reached, in Jayway's notation."""
    return "$" + "".join(f"['{step.name}']" if isinstance(step, Name) else step.fragment for step in steps)


def no_results(steps: tuple[Step, ...]) -> str:
    return f"No results for path: {canonical_text(steps)}"


def expected_object(fragment: str, at: str, value: JSON) -> str:
    return (
        f"Expected to find an object with property {fragment} in path {at} but found '{_java_class(value)}'. "
        "This is not a json object according to the JsonProvider: "
        "'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'."
    )


def expected_array(steps: tuple[Step, ...], at: str, value: JSON) -> str:
    """The error of a step that needs an array: `steps` begins with it; Jayway prints them all."""
    if value is None:
        return f"The path {at} is null"
    return f"Filter: {fragments(steps)} can only be applied to arrays. Current context is: {java_text(value)}"


def expected_container(steps: tuple[Step, ...], value: JSON) -> str:
    """The same for a filter, which accepts objects as well."""
    return f"Filter: {fragments(steps)} can not be applied to primitives. Current context is: {java_text(value)}"


def _java_class(value: JSON) -> str:
    if value is None:
        return "null"
    if type(value) is int:
        bits = value.bit_length()
        return "java.lang.Integer" if bits < 32 else "java.lang.Long" if bits < 64 else "java.math.BigInteger"
    return _JAVA_CLASSES[type(value)]
