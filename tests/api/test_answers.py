"""The check that every answer here goes through finds what is wrong with one."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from tests.api.answers import complaints

MODEL = botocore.session.Session().get_service_model("stepfunctions")
MACHINE = {"stateMachineArn": "arn", "name": "m", "type": "EXPRESS", "creationDate": 1.001}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, None),
        ({"name": None}, "machines.stateMachines[].name: null"),
        ({"name": 1}, "machines.stateMachines[].name: 1 is no string"),
        ({"type": "FAST"}, "machines.stateMachines[].type: 'FAST' is none of the values"),
        ({"creationDate": 1.0001}, "machines.stateMachines[].creationDate: 1.0001 is no whole millisecond"),
        ({"speed": 1}, "machines.stateMachines[]: speed is no member"),
    ],
)
def test_what_is_wrong_with_an_answer(change: dict[str, Any], complaint: str | None) -> None:
    shape = MODEL.operation_model("ListStateMachines").output_shape
    found = list(complaints(shape, {"stateMachines": [{**MACHINE, **change}]}, "machines"))
    assert found == ([] if complaint is None else [complaint])


def test_what_is_missing_in_an_answer() -> None:
    shape = MODEL.operation_model("ListStateMachines").output_shape
    assert list(complaints(shape, {}, "machines")) == ["machines: has no stateMachines"]
