"""Validates mocked results against the models of AWS's APIs: `fieldValidationMode` (API reference MockInput).

The models are botocore's. Where botocore is not installed, or has no model for an integration, every result is valid;
so it is for a Lambda function's ARN, an activity, an HTTP endpoint, and the `.sync` and `.waitForTaskToken` patterns,
whose results are not the answer of the call they begin with.

Step Functions writes the names of members with a capital letter and timestamps as strings. Unknown members are
accepted, `required` counts only in STRICT mode, and only the first violation is reported; all as recorded. Patterns are
not checked: a recorded ARN matches none.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from express.service.errors import ServiceError, validation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.states.resource import Resource
    from express.types import JSON

#: Services that Step Functions names differently from botocore: the optimised integrations and the AWS SDK for Java,
#: whose names `aws-sdk` integrations have (AWS guide "Supported AWS SDK service integrations").
_ALIASES: Final = {
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticmapreduce": "emr",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}
#: Members that optimised integrations return as parsed JSON, whatever the model declares.
_PARSED: Final = {("lambda", "invoke"): "Payload"}
#: Limits recorded from Step Functions, whose models are older than botocore's, by service and shape.
_MEASURED: Final[dict[tuple[str, str], dict[str, int]]] = {("lambda", "MemorySize"): {"max": 10_240}}

_KINDS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "structure": ((dict,), "an object"),
    "map": ((dict,), "an object"),
    "list": ((list,), "an array"),
    "boolean": ((bool,), "a boolean"),
    **dict.fromkeys(("integer", "long", "float", "double"), ((int, float), "a number")),
    **dict.fromkeys(("string", "timestamp", "blob", "character"), ((str,), "a string")),
}


def check_result(resource: Resource, result: JSON, *, strict: bool) -> None:
    """Raise ServiceError ValidationException for a result that the API of the integration cannot return."""
    if resource.kind != "service" or resource.pattern:
        return
    service, action = resource.name, resource.arn.rpartition(":")[2]
    model = _model(service.removeprefix("aws-sdk:"))
    name = action[:1].upper() + action[1:]
    if model is None or name not in model.operation_names:
        return
    shape = model.operation_model(name).output_shape
    if shape is None:
        return
    if not isinstance(result, dict):
        raise _refusal("The result must be an object")
    answer = {key: value for key, value in result.items() if key != _PARSED.get((service, action))}
    for complaint in _Checker(model.service_name, strict).structure(shape, answer):
        raise _refusal(complaint)


def _refusal(complaint: str) -> ServiceError:
    return validation(f"Mock result schema validation error: {complaint}")


@lru_cache(maxsize=8)
def _model(service: str) -> Any:
    """botocore's model of a service, or None."""
    try:
        from botocore.loaders import Loader
        from botocore.model import ServiceModel
    except ImportError:
        return None
    loader = Loader()
    wanted = _ALIASES.get(service, service)
    for name in loader.list_available_services("service-2"):
        if name == wanted or name.replace("-", "") == wanted:
            return ServiceModel(loader.load_service_model(name, "service-2"), name)
    return None


class _Checker:
    """Finds the violations in a value of a shape; each names the innermost field."""

    def __init__(self, service: str, strict: bool) -> None:
        self._service = service
        self._strict = strict

    def structure(self, shape: Any, value: dict[str, JSON]) -> Iterator[str]:
        """`shape` is a botocore structure."""
        if self._strict:
            for member in shape.required_members:
                if _written(member) not in value:
                    yield f"Required field '{_written(member)}' is missing"
        for member, inner in shape.members.items():
            if _written(member) in value:
                yield from self._field(inner, value[_written(member)], _written(member))

    def _field(self, shape: Any, value: JSON, name: str) -> Iterator[str]:
        types, kind = _KINDS[shape.type_name]
        if type(value) not in types:
            yield f"Field '{name}' must be {kind}"
        elif shape.type_name == "structure":
            yield from () if shape.is_document_type else self.structure(shape, value)
        elif shape.type_name == "list":
            for member in value:
                yield from self._field(shape.member, member, name)
        elif shape.type_name == "map":
            for member in value.values():
                yield from self._field(shape.value, member, name)
        else:
            yield from self._limits(shape, value, name)

    def _limits(self, shape: Any, value: JSON, name: str) -> Iterator[str]:
        limits = {**shape.metadata, **_MEASURED.get((self._service, shape.name), {})}
        least, most = limits.get("min"), limits.get("max")
        if isinstance(value, str):
            size = _bytes_in(value) if shape.type_name == "blob" else len(value)
            if least is not None and size < least:
                yield f"Field '{name}' is smaller than the minimum length"
            if most is not None and size > most:
                yield f"Field '{name}' exceeds the maximum length"
            if limits.get("enum") and value not in limits["enum"]:
                yield f"Field '{name}' is not an expected value"
        elif not isinstance(value, bool):
            if least is not None and value < least:
                yield f"Field '{name}' is less than the minimum value"
            if most is not None and value > most:
                yield f"Field '{name}' exceeds the maximum value"


def _written(member: str) -> str:
    """A member's name as Step Functions writes it."""
    return member[:1].upper() + member[1:]


def _bytes_in(text: str) -> int:
    """The length of a blob, which is written in Base64."""
    try:
        return len(b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return len(text)
