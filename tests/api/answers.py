"""Every answer a test gets, held against the model AWS publishes with botocore.

boto3 itself drops members that no shape knows and does without those that must be there; SDKs with types do not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}
#: Errors that every AWS service may answer with, and no model names.
_COMMON: Final = frozenset({"ValidationException", "SerializationException", "ThrottlingException"})
#: Nulls where no task has come (recorded), and parameters that are execution data (`includeExecutionData`).
_EXCEPTIONS: Final = frozenset(
    {
        "GetActivityTask.taskToken: null",
        "GetActivityTask.input: null",
        "GetExecutionHistory.events[].taskScheduledEventDetails: has no parameters",
    }
)


def check_answers(client: Any) -> None:
    """Have a boto3 client look at each answer. What is wrong with one fails the call that got it."""
    client.meta.events.register("after-call.sfn", _check)


def _check(http_response: Any, model: Any, **_: Any) -> None:
    answer = json.loads(http_response.content)
    if http_response.status_code == 200:
        wrong = set(complaints(model.output_shape, answer, model.name)) - _EXCEPTIONS
    else:
        known = _COMMON.union(shape.name for shape in model.error_shapes)
        wrong = set() if answer["__type"] in known else {f"{model.name}: has no {answer['__type']}"}
    assert not wrong, wrong


def complaints(shape: Any, value: Any, place: str) -> Iterator[str]:
    """What is wrong with a value of a botocore shape; `place` is where it stands."""
    if value is None:
        yield f"{place}: null"
    elif shape.type_name == "structure":
        yield from (f"{place}: has no {name}" for name in shape.required_members if name not in value)
        yield from (f"{place}: {name} is no member" for name in value if name not in shape.members)
        for name, member in shape.members.items():
            if name in value:
                yield from complaints(member, value[name], f"{place}.{name}")
    elif shape.type_name == "list":
        for member in value:
            yield from complaints(shape.member, member, f"{place}[]")
    elif shape.type_name == "map":
        for member in value.values():
            yield from complaints(shape.value, member, f"{place}{{}}")
    elif type(value) not in _TYPES[shape.type_name]:
        yield f"{place}: {value!r} is no {shape.type_name}"
    elif shape.type_name == "timestamp" and round(value, 3) != value:
        yield f"{place}: {value!r} is no whole millisecond"
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{place}: {value!r} is none of the values"
