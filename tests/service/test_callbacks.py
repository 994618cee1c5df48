"""Answers to waiting tasks in the API's terms, and those that workflows give each other."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from express.service import Service, ServiceError
from express.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.service.records import ExecutionRecord
    from express.types import JSON

ROLE = "arn:aws:iam::123456789012:role/r"
MACHINES = "arn:aws:states:us-east-1:123456789012:stateMachine"
SQS = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
START = "arn:aws:states:::states:startExecution.waitForTaskToken"
SDK = "arn:aws:states:::aws-sdk:sfn"


async def run(service: Service, name: str, state: JSON, value: JSON = None) -> ExecutionRecord:
    """Start a machine of one Task."""
    definition = {"StartAt": "A", "States": {"A": {"Type": "Task", "End": True, **state}}}
    request = {"name": name, "definition": json.dumps(definition), "roleArn": ROLE}
    machine, _ = await service.catalogue.create(request)
    record = await service.executions.start(machine.arn, None, json.dumps(value), None)
    await asyncio.sleep(0.1)
    return record


def play(main: Callable[[Service], Awaitable[Any]], tasks: Tasks | None = None) -> Any:
    async def within() -> Any:
        async with Service(tasks, drain_timeout=0) as service:
            return await main(service)

    return run_virtual(within())


def test_outputs_that_are_no_json() -> None:
    tokens: list[str] = []
    tasks = Tasks()
    tasks.add(SQS, lambda payload: tokens.append(payload["MessageBody"]))

    async def main(service: Service) -> tuple[list[str], str | None]:
        record = await run(
            service, "m", {"Resource": SQS, "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}}
        )
        complaints = []
        for text in ("", "{", "'a'", '"\ud800"'):
            with pytest.raises(ServiceError) as refused:
                service.task_tokens.succeed(tokens[0], text)
            assert refused.value.code == "InvalidOutput"
            complaints.append(refused.value.message)
        service.task_tokens.succeed(tokens[0], " 1 ")
        await asyncio.sleep(0.1)
        return complaints, record.output

    complaints, output = play(main, tasks)
    assert complaints[0] == "Invalid Output: 'Invalid output.'"
    assert all(complaint.startswith("Invalid Output: '") for complaint in complaints)
    assert output == "1"


#: What the child does with its parent's token, and how the parent ends.
CHILDREN: dict[str, tuple[JSON, JSON]] = {
    "succeeds with text": (
        {"Resource": f"{SDK}:sendTaskSuccess", "Parameters": {"TaskToken.$": "$.token", "Output": '{"a":1}'}},
        ("SUCCEEDED", '{"a":1}', None, None),
    ),
    "succeeds with a value": (
        {"Resource": f"{SDK}:sendTaskSuccess", "Parameters": {"TaskToken.$": "$.token", "Output": {"a": 1}}},
        ("SUCCEEDED", '{"a":1}', None, None),
    ),
    "fails": (
        {
            "Resource": f"{SDK}:sendTaskFailure",
            "Parameters": {"TaskToken.$": "$.token", "Error": "Sad", "Cause": "rain"},
        },
        ("FAILED", None, "Sad", "rain"),
    ),
    "fails without words": (
        {"Resource": f"{SDK}:sendTaskFailure", "Parameters": {"TaskToken.$": "$.token"}},
        ("FAILED", None, None, None),
    ),
    "beats": (
        {"Resource": f"{SDK}:sendTaskHeartbeat", "Parameters": {"TaskToken.$": "$.token"}},
        ("RUNNING", None, None, None),
    ),
}


@pytest.mark.parametrize("way", CHILDREN)
def test_a_child_answers_the_task_of_its_parent(way: str) -> None:
    child, expected = CHILDREN[way]
    parent = {
        "Resource": START,
        "Parameters": {"StateMachineArn": f"{MACHINES}:child", "Input": {"token.$": "$$.Task.Token"}},
    }

    async def main(service: Service) -> JSON:
        await run(service, "child", child, {"token": "x"})
        record = await run(service, "parent", parent)
        (started,) = list(service.executions.of(f"{MACHINES}:child"))[:-1]
        assert (started.status, started.output) == ("SUCCEEDED", "{}")
        return (record.status, record.output, record.error, record.cause)

    assert play(main) == expected


REFUSALS: dict[str, tuple[str, JSON, str, str]] = {
    "unknown": ("sendTaskHeartbeat", {"TaskToken": "x"}, "Sfn.InvalidTokenException", r"Invalid Token: 'Invalid token' \(Service: Sfn, Status Code: 400, Request ID: [\w-]{36}\)"),
    "no JSON": ("sendTaskSuccess", {"TaskToken": "x", "Output": "x"}, "Sfn.InvalidOutputException", r"Invalid Output: 'Unrecognized token 'x': .*"),
    "no token": ("sendTaskFailure", {}, "Sfn.ValidationException", r"1 validation error detected: Value null at 'taskToken' .*"),
    "no output": ("sendTaskSuccess", {"TaskToken": "x"}, "Sfn.ValidationException", r".*Value null at 'output' .*"),
    "no text": ("sendTaskFailure", {"TaskToken": 1}, "States.Runtime", r".*The value for the field 'TaskToken' must be a STRING: .*"),
    "no object": ("sendTaskHeartbeat", [], "Sfn.ValidationException", r".*Value null at 'taskToken' .*"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_the_error_of_the_task(name: str) -> None:
    action, parameters, error, cause = REFUSALS[name]
    state = {"Resource": f"{SDK}:{action}", "QueryLanguage": "JSONata", "Arguments": "{% $states.input %}"}

    async def main(service: Service) -> ExecutionRecord:
        return await run(service, "m", state, parameters)

    record = play(main)
    assert (record.status, record.error) == ("FAILED", error)
    assert re.fullmatch(cause, record.cause, re.DOTALL)


# --------------------------------------------------------------------------------------------------------------
# the end

WAIT: dict[str, JSON] = {"Type": "Wait", "Seconds": 5}
SUBMIT: dict[str, JSON] = {
    "Type": "Task",
    "Resource": SQS,
    "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
}
LATE: dict[str, JSON] = {**SUBMIT, "TimeoutSeconds": 7}
OFFER: dict[str, JSON] = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"}
SYNC = "arn:aws:states:::states:startExecution.sync"
CHILD: dict[str, JSON] = {"Type": "Task", "Resource": SYNC, "Parameters": {"StateMachineArn": f"{MACHINES}:child"}}
ANSWER: dict[str, JSON] = {
    "Type": "Task",
    "Resource": f"{SDK}:sendTaskSuccess",
    "Parameters": {"TaskToken.$": "$[0]", "Output": "1"},
}
SLOW: dict[str, JSON] = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:slow"}


def states(*several: dict[str, JSON], prefix: str = "") -> dict[str, JSON]:
    """States one after another."""
    names = [f"{prefix}{number}" for number in range(len(several))]
    following: list[dict[str, JSON]] = [*({"Next": name} for name in names[1:]), {"End": True}]
    return {
        "StartAt": names[0],
        "States": {name: {**state, **go} for name, state, go in zip(names, several, following, strict=True)},
    }


def parallel(*branches: dict[str, JSON]) -> dict[str, JSON]:
    return {
        "Type": "Parallel",
        "Branches": [states(branch, prefix=f"B{number}.") for number, branch in enumerate(branches)],
    }


#: Two machines, how long the end takes in seconds, and how their executions end.
ENDS: dict[str, tuple[JSON, JSON, float, tuple[str, str]]] = {
    "a token": (states(SUBMIT), states({"Type": "Pass"}), 0, ("ABORTED", "SUCCEEDED")),
    "a token that somebody may have": (states(SUBMIT), states(WAIT), 5, ("ABORTED", "SUCCEEDED")),
    "a token that is answered": (states(SUBMIT), states(WAIT, ANSWER), 5, ("SUCCEEDED", "SUCCEEDED")),
    "a token that comes too late": (states(LATE), states({"Type": "Pass"}), 7, ("FAILED", "SUCCEEDED")),
    "a worker": (states(OFFER), states(OFFER), 0, ("ABORTED", "ABORTED")),
    "branches": (states(parallel(SUBMIT, OFFER)), states(OFFER), 0, ("ABORTED", "ABORTED")),
    "a branch that moves": (states(parallel(SUBMIT, WAIT)), states(OFFER), 5, ("ABORTED", "ABORTED")),
    "a child that waits": (states(CHILD), states(SUBMIT), 0, ("ABORTED", "ABORTED")),
    "a child that moves": (states(CHILD), states(WAIT), 5, ("SUCCEEDED", "SUCCEEDED")),
    "a handler": (states(SUBMIT), states(SLOW), 9, ("ABORTED", "SUCCEEDED")),
    "a machine that is late": (
        {**states(SUBMIT), "TimeoutSeconds": 3},
        states(SUBMIT),
        3,
        ("TIMED_OUT", "ABORTED"),
    ),
    "a retry that is due": (
        states(OFFER),
        states({**SLOW, "TimeoutSeconds": 2, "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3, "MaxAttempts": 1}]}),
        7,
        ("ABORTED", "FAILED"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_nobody_waits_for_answers_that_cannot_come(name: str) -> None:
    first, second, seconds, ends = ENDS[name]
    tokens: list[str] = []
    tasks = Tasks()
    tasks.add(SQS, lambda payload: tokens.append(payload["MessageBody"]))

    @tasks.task("slow")
    async def slow(payload: JSON) -> None:
        await asyncio.sleep(9)

    async def main() -> tuple[float, list[str]]:
        service = Service(tasks)
        async with service:
            service.activities.create({"name": "a"})
            records = []
            for machine, definition in (("child", second), ("parent", first)):
                request = {"name": machine, "definition": json.dumps(definition), "roleArn": ROLE}
                await service.catalogue.create(request)
            # A machine that starts the other has started it by itself.
            starts = ("parent",) if first == states(CHILD) else ("parent", "child")
            for machine in starts:
                arn = f"{MACHINES}:{machine}"
                records.append(await service.executions.start(arn, None, json.dumps(tokens), None))
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            records.extend(service.executions.of(f"{MACHINES}:child") if len(starts) == 1 else ())
            begin = asyncio.get_running_loop().time()
            await service.close(25, is_cut_off=True)
            return asyncio.get_running_loop().time() - begin, [record.status for record in records]

    taken, statuses = run_virtual(main())
    assert statuses == list(ends)
    assert seconds <= taken < seconds + 0.5
