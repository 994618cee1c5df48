"""The table of shapes against the service model AWS publishes with botocore: same actions, members, constraints."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, ServiceModel, StringShape, StructureShape

from express.api.constraints import Boolean, Integer, ListOf, Number, Shape, Structure, Text
from express.api.operations import OPERATIONS
from express.api.shapes import REQUESTS

MODEL: ServiceModel = botocore.session.Session().get_service_model("stepfunctions")


def described(shape: Shape) -> Any:
    """One of our shapes as plain data."""
    if isinstance(shape, Text):
        return ("string", shape.least, shape.most, shape.pattern, frozenset(shape.values), shape.sensitive)
    if isinstance(shape, Integer):
        return ("integer", shape.least, shape.most)
    if isinstance(shape, Number):
        return ("float", shape.least, shape.most)
    if isinstance(shape, Boolean):
        return ("boolean",)
    if isinstance(shape, ListOf):
        return ("list", shape.least, shape.most, described(shape.member))
    assert isinstance(shape, Structure)
    return ("structure", frozenset(shape.required), {name: described(member) for name, member in shape.members.items()})


def modelled(shape: Any) -> Any:
    """A shape of the model in the same form. botocore tells a least length of 0 and none apart, which is no matter."""
    limits = shape.metadata
    if shape.type_name == "string":
        enum = frozenset(shape.enum) if isinstance(shape, StringShape) else frozenset()
        bounds = (limits.get("min", 0), limits.get("max"))
        return ("string", *bounds, limits.get("pattern"), enum, bool(limits.get("sensitive")))
    if shape.type_name in ("integer", "long"):
        return ("integer", limits["min"], limits.get("max"))
    if shape.type_name == "float":
        return ("float", limits["min"], limits["max"])
    if shape.type_name == "boolean":
        return ("boolean",)
    if isinstance(shape, ListShape):
        return ("list", limits.get("min", 0), limits.get("max"), modelled(shape.member))
    assert isinstance(shape, StructureShape)
    members = {name: modelled(member) for name, member in shape.members.items()}
    return ("structure", frozenset(shape.required_members), members)


def test_every_action_of_the_model_is_answered_or_named() -> None:
    assert OPERATIONS.keys() == set(MODEL.operation_names)
    assert OPERATIONS.keys() == REQUESTS.keys()


@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_request_is_shaped_as_the_model_says(action: str) -> None:
    assert described(REQUESTS[action]) == modelled(MODEL.operation_model(action).input_shape)


def test_names_in_violations_are_those_of_the_model() -> None:
    routing = REQUESTS["CreateStateMachineAlias"].members["routingConfiguration"]
    assert isinstance(routing, ListOf)
    assert isinstance(routing.member, Structure)
    shape = MODEL.operation_model("CreateStateMachineAlias").input_shape.members["routingConfiguration"]
    assert routing.member.name == shape.member.name
