"""From a request to an answer, without a network: which errors come back, whatever is sent."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from express import Tasks
from express.api import Endpoint, HostPolicy
from express.api.messages import Request
from express.errors import StateError
from express.service import Service

if TYPE_CHECKING:
    from express.types import JSON

ROLE = "arn:aws:iam::123456789012:role/r"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


def request(action: str, body: bytes, **changes: Any) -> Request:
    headers = {b"host": b"localhost", b"x-amz-target": f"AWSStepFunctions.{action}".encode()}
    return Request(changes.get("method", b"POST"), {**headers, **changes.get("headers", {})}, body)


async def answered(asked: Request) -> tuple[int, Any]:
    async with Service() as service:
        response = await Endpoint(service, HostPolicy())(asked)
        return response.status, orjson.loads(response.body)


ASKED_WRONGLY = [
    ("no JSON", request("ListStateMachines", b"{"), 400, "SerializationException"),
    ("no body", request("ListStateMachines", b""), 400, "SerializationException"),
    ("no UTF-8", request("ListStateMachines", b'{"a":"\xff"}'), 400, "SerializationException"),
    ("too deep", request("ListStateMachines", b"[" * 100_000), 400, "SerializationException"),
    ("no object", request("ListStateMachines", b"[]"), 400, "SerializationException"),
    ("wrong type", request("ListStateMachines", b'{"maxResults":"5"}'), 400, "SerializationException"),
    ("endless number", request("ListStateMachines", b'{"maxResults":1e400}'), 400, "SerializationException"),
    ("constraint", request("ListStateMachines", b'{"maxResults":-1}'), 400, "ValidationException"),
    ("missing", request("DescribeStateMachine", b"{}"), 400, "ValidationException"),
    ("unknown action", request("MakeCoffee", b"{}"), 404, "UnknownOperationException"),
    ("no action", Request(b"POST", {b"host": b"localhost"}, b"{}"), 404, "UnknownOperationException"),
    ("wrong method", request("ListStateMachines", b"", method=b"GET"), 404, "UnknownOperationException"),
    (
        "wrong service",
        request("", b"{}", headers={b"x-amz-target": b"DynamoDB_20120810.ListTables"}),
        404,
        "UnknownOperationException",
    ),
    (
        "wrong case",
        request("", b"{}", headers={b"x-amz-target": b"awsstepfunctions.ListStateMachines"}),
        404,
        "UnknownOperationException",
    ),
    (
        "foreign host",
        request("ListStateMachines", b"{}", headers={b"host": b"evil.example"}),
        403,
        "AccessDeniedException",
    ),
    (
        "no host",
        Request(b"POST", {b"x-amz-target": b"AWSStepFunctions.ListStateMachines"}, b"{}"),
        403,
        "AccessDeniedException",
    ),
    (
        "lone surrogate",
        request("DescribeStateMachine", b'{"stateMachineArn":"\\ud800"}'),
        400,
        "SerializationException",
    ),
]


@pytest.mark.parametrize(
    ("asked", "status", "error"), [row[1:] for row in ASKED_WRONGLY], ids=[r[0] for r in ASKED_WRONGLY]
)
async def test_what_is_asked_wrongly(asked: Request, status: int, error: str) -> None:
    found, answer = await answered(asked)
    assert (found, answer["__type"]) == (status, error)
    assert isinstance(answer["message"], str)


async def test_a_defect_is_an_internal_failure_that_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        @property
        def pager(self) -> Any:
            raise ZeroDivisionError("secret")

    with caplog.at_level(logging.ERROR, "express"):
        response = await Endpoint(Broken(), HostPolicy())(request("ListStateMachines", b"{}"))  # type: ignore[arg-type]  # no Service
    assert response.status == 500
    assert orjson.loads(response.body)["__type"] == "InternalFailure"
    assert b"secret" not in response.body
    assert "ZeroDivisionError" in caplog.text


async def test_half_a_surrogate_pair_in_an_error_still_makes_an_answer() -> None:
    tasks = Tasks()

    async def fail(payload: JSON) -> JSON:
        raise StateError("Odd", "half: \ud83d")

    tasks.add("*", fail)
    state = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": True}
    definition = json.dumps({"StartAt": "A", "States": {"A": state}})
    async with Service(tasks) as service:
        machine, _ = await service.catalogue.create(
            {"name": "m", "definition": definition, "roleArn": ROLE, "type": "EXPRESS"}
        )
        body = orjson.dumps({"stateMachineArn": machine.arn})
        response = await Endpoint(service, HostPolicy())(request("StartSyncExecution", body))
    assert response.status == 200
    assert json.loads(response.body)["cause"] == "half: \ud83d"
