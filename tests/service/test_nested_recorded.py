"""Executions that AWS recorded starting others: the same with the children there, nothing replayed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from express.service import Account, Service
from express.testing import run_virtual
from tests.conformance.comparison import Expectation
from tests.expressions.recorded import case_params, recorded

if TYPE_CHECKING:
    from express.service.records import ExecutionRecord
    from express.types import JSON

ROLE = "arn:aws:iam::111111111111:role/r"
SUCCEEDING = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"Arg1": "argument1"}, "End": True}}}
FAILING = {
    "StartAt": "A",
    "States": {
        "A": {"Type": "Fail", "Error": "SomeFailure", "Cause": "This state machines raises a 'SomeFailure' failure."}
    },
}
LATE = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:111111111111:function:Hang",
            "TimeoutSeconds": 5,
            "End": True,
        }
    },
}
#: The children, by what the id of a case says of them.
CHILDREN = {"delegate_failure": FAILING, "delegate_timeout": LATE}
#: What AWS has sent along since November 2023, and what of its answers is about HTTP.
NEWER = ("RedriveCount", "RedriveStatus", "RedriveStatusReason")
METADATA = ("SdkHttpMetadata", "SdkResponseMetadata")


def starts_another(case: dict[str, Any]) -> bool:
    """Whether its only state starts an execution of a machine the input names, without another token or account."""
    text = json.dumps(case["definition"])
    return (
        ("states:startExecution" in text or "sfn:start" in text)
        and "StateMachineArn" in (case["input"] or {})
        and "Task.Token" not in text
        and "Credentials" not in text
    )


def hanging() -> Tasks:
    tasks = Tasks()

    @tasks.task("Hang")
    async def hang(payload: JSON) -> None:
        await asyncio.get_running_loop().create_future()

    return tasks


def run(case: dict[str, Any]) -> ExecutionRecord:
    """Its execution, once its child has been created."""
    context = case["context"]
    child = next((child for word, child in CHILDREN.items() if word in case["id"]), SUCCEEDING)

    async def create(service: Service, arn: str, definition: JSON) -> None:
        request = {"name": arn.rpartition(":")[2], "definition": json.dumps(definition), "roleArn": ROLE}
        await service.catalogue.create({**request, "type": "STANDARD"})

    async def main() -> ExecutionRecord:
        async with Service(hanging(), account=Account("111111111111")) as service:
            await create(service, case["input"]["StateMachineArn"], child)
            arn = context["state_machine_arn"]
            await create(service, arn, case["definition"])
            record = await service.executions.start(arn, None, json.dumps(case["input"]), None)
            await service.executions.ended(record)
            return record

    return run_virtual(main())


def without(document: str | None, names: tuple[str, ...]) -> JSON:
    value = json.loads(document or "null")
    return {name: member for name, member in value.items() if name not in names}


@pytest.mark.parametrize("case", case_params([case for case in recorded("execution/*.json") if starts_another(case)]))
def test_recorded_case(case: dict[str, Any]) -> None:
    record = run(case)
    expectation = Expectation(case)
    expected = expectation.expected
    assert (record.status, record.error) == (expected["status"], expected.get("error")), record
    if record.status == "SUCCEEDED":
        left_out = tuple(name for name in (*NEWER, *METADATA) if name not in expected["output"])
        for name in METADATA:
            expected["output"].pop(name, None)
        assert expectation.differences("output", without(record.output, left_out)) == []
    else:
        told = json.loads(expected["cause"])
        shown = without(record.cause, tuple(name for name in NEWER if name not in told))
        dates = {"StartDate": "start-date", "StopDate": "stop-date"}
        assert json.dumps({**shown, **dates}) == json.dumps(told)
