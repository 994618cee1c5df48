"""GetExecutionHistory with boto3: the histories recorded from AWS, through the server; pages, data, who has one."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from express.api.operations.history import PAGE_CHARACTERS
from tests.api.test_boto3 import MACHINE, PASS, ROLE, create, definition, ended, refused
from tests.conformance.histories import history_differences
from tests.conformance.replay import Replay
from tests.conformance.test_history import EXPECTED
from tests.expressions.recorded import case_params, recorded

if TYPE_CHECKING:
    from express.types import JSON
    from tests.api.serving import Served

#: What takes its time, and the server lives in real time; `tests/conformance` replays these on a virtual clock.
_SLOW = re.compile(r'"Wait"|"Retry"|Timeout|waitForTaskToken')


def cases() -> list[dict[str, Any]]:
    """The recorded executions that have a history and do not wait."""
    return [
        case
        for case in recorded("execution/*.json")
        if "history" in case and not case.get("needs") and not _SLOW.search(json.dumps(case["definition"]))
    ]


def events(client: Any, arn: str, **parameters: Any) -> list[dict[str, Any]]:
    """All events, page by page."""
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn, **parameters)
    return [event for page in pages for event in page["events"]]


@pytest.mark.parametrize("case", case_params(cases()))
def test_recorded_history(case: dict[str, Any], served: Served, shared_client: Any) -> None:
    context = case.get("context") or {}
    replay = Replay(case)
    with served.renew(replay.tasks):
        arn = shared_client.create_state_machine(
            name=context.get("state_machine_name") or "m",
            definition=json.dumps(case["definition"]),
            roleArn=context.get("role_arn") or ROLE,
            type=case["type"],
        )["stateMachineArn"]
        name = {"name": context["execution_name"]} if context.get("execution_name") else {}
        started = shared_client.start_execution(stateMachineArn=arn, input=json.dumps(case["input"]), **name)
        ended(shared_client, started["executionArn"])
        found = events(shared_client, started["executionArn"])
    assert replay.unexpected == []
    differences = history_differences(case["history"], found)
    exception = EXPECTED.get(case["id"])
    assert [text for text in differences if exception is None or not re.fullmatch(exception, text)] == []


# --------------------------------------------------------------------------------------------------------------
# the answer


def run(client: Any, *, name: str = "one", **parameters: Any) -> str:
    """The ARN of an execution that has ended."""
    arn: str = client.start_execution(stateMachineArn=MACHINE, name=name, **parameters)["executionArn"]
    ended(client, arn)
    return arn


def passes(count: int) -> str:
    """A machine of so many states that do nothing."""
    names = [f"S{number}" for number in range(count)]
    states = {name: {"Type": "Pass", "Next": following} for name, following in pairwise(names)}
    return json.dumps({"StartAt": "S0", "States": {**states, names[-1]: {"Type": "Pass", "End": True}}})


def test_pages_in_both_directions(client: Any) -> None:
    create(client, passes(10))
    arn = run(client)
    forth = list(range(1, 23))
    for size in (1, 5, 22, 1000):
        config = {"PageSize": size}
        assert [event["id"] for event in events(client, arn, PaginationConfig=config)] == forth
        back = events(client, arn, PaginationConfig=config, reverseOrder=True)
        assert [event["id"] for event in back] == forth[::-1]
    assert len(client.get_execution_history(executionArn=arn, maxResults=3, reverseOrder=True)["events"]) == 3
    token = client.get_execution_history(executionArn=arn, maxResults=3)["nextToken"]
    wrong: list[dict[str, Any]] = [
        {"executionArn": arn, "nextToken": token, "reverseOrder": True},
        {"executionArn": arn, "nextToken": token, "includeExecutionData": False},
        {"executionArn": arn, "nextToken": "x"},
        {"executionArn": run(client, name="two"), "nextToken": token},
    ]
    for parameters in wrong:
        assert refused(client, "get_execution_history", **parameters)[0] == "InvalidToken"
    too_many = refused(client, "get_execution_history", executionArn=arn, maxResults=1001)
    assert too_many[0] == "ValidationException"
    assert too_many[1].endswith("Member must have value less than or equal to 1000")


def test_a_hundred_events_unless_told_otherwise(client: Any) -> None:
    create(client, passes(60))
    answer = client.get_execution_history(executionArn=run(client))
    assert len(answer["events"]) == 100
    assert answer["nextToken"]


def test_long_payloads_make_short_pages(client: Any) -> None:
    create(client, passes(10))
    arn = run(client, input=json.dumps("x" * 200_000))
    page = client.get_execution_history(executionArn=arn)["events"]
    assert 1 < len(page) <= PAGE_CHARACTERS // 200_000 + 1
    assert [event["id"] for event in events(client, arn)] == list(range(1, 23))
    assert len(client.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]) == 22


@pytest.mark.parametrize("selector", [{}, {"ItemSelector": {"v.$": "$$.Map.Item.Value"}}])
def test_what_the_engine_cannot_tell_the_size_of_is_no_long_payload(client: Any, selector: JSON) -> None:
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    create(client, definition(Type="Map", ItemProcessor=processor, **selector))
    assert len(client.get_execution_history(executionArn=run(client, input=json.dumps([0] * 20)))["events"]) == 86
    # Neither drives it out of memory: not the bound of an item, which is that of all items, nor that there is none.
    items = json.dumps(["x" * 100] * 1000)
    assert client.describe_execution(executionArn=run(client, name="two", input=items))["status"] == "SUCCEEDED"


def test_the_events_with_and_without_data(client: Any) -> None:
    create(client, definition(Assign={"v": 1}))
    arn = run(client, input='{"a":1}')
    started, entered, exited, succeeded = client.get_execution_history(executionArn=arn)["events"]
    truncated = {"truncated": False}
    assert started["executionStartedEventDetails"] == {"input": '{"a":1}', "inputDetails": truncated, "roleArn": ROLE}
    data = {"name": "A", "input": '{"a":1}', "inputDetails": truncated}
    assert entered["stateEnteredEventDetails"] == data
    assert exited["stateExitedEventDetails"] == {
        "name": "A",
        "output": '{"a":1}',
        "outputDetails": truncated,
        "assignedVariables": {"v": "1"},
        "assignedVariablesDetails": truncated,
    }
    assert succeeded["executionSucceededEventDetails"] == {"output": '{"a":1}', "outputDetails": truncated}
    described = client.describe_execution(executionArn=arn)
    assert (started["timestamp"], succeeded["timestamp"]) == (described["startDate"], described["stopDate"])
    assert started["timestamp"] <= entered["timestamp"] <= exited["timestamp"] <= succeeded["timestamp"]
    bare = client.get_execution_history(executionArn=arn, includeExecutionData=False)["events"]
    details = [{key: value for key, value in event.items() if key.endswith("Details")} for event in bare]
    assert details == [
        {"executionStartedEventDetails": {"roleArn": ROLE}},
        {"stateEnteredEventDetails": {"name": "A"}},
        {"stateExitedEventDetails": {"name": "A"}},
        {"executionSucceededEventDetails": {}},
    ]


def test_by_which_version_and_alias_it_was_started(client: Any) -> None:
    version = create(client, publish=True)["stateMachineVersionArn"]
    routing = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = client.create_state_machine_alias(name="PROD", routingConfiguration=routing)["stateMachineAliasArn"]
    arn = client.start_execution(stateMachineArn=alias)["executionArn"]
    details = client.get_execution_history(executionArn=arn)["events"][0]["executionStartedEventDetails"]
    assert (details["stateMachineVersionArn"], details["stateMachineAliasArn"]) == (version, alias)


def test_a_running_execution_shows_what_it_has_come_to(client: Any) -> None:
    create(client, definition(Type="Wait", Seconds=100))
    arn = client.start_execution(stateMachineArn=MACHINE)["executionArn"]
    types = [event["type"] for event in events(client, arn)]
    assert types in (["ExecutionStarted"], ["ExecutionStarted", "WaitStateEntered"])
    client.stop_execution(executionArn=arn, error="E", cause="c")
    ended(client, arn)
    last = events(client, arn)[-1]
    assert (last["type"], last["previousEventId"]) == ("ExecutionAborted", 0)
    assert last["executionAbortedEventDetails"] == {"error": "E", "cause": "c"}


def test_express_executions_have_one_unless_aws_is_followed_to_the_letter(served: Served, shared_client: Any) -> None:
    client = shared_client
    with served.renew():
        create(client, PASS, type="EXPRESS")
        for arn in (client.start_sync_execution(stateMachineArn=MACHINE, input="1")["executionArn"], run(client)):
            assert [event["type"] for event in events(client, arn)] == [
                "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
            ]  # fmt: skip
    with served.renew(extended=False):
        create(client, PASS, type="EXPRESS")
        arn = client.start_sync_execution(stateMachineArn=MACHINE)["executionArn"]
        assert refused(client, "get_execution_history", executionArn=arn) == (
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: express'",
        )


def test_the_children_of_a_distributed_map_are_not_in_its_history(served: Served, shared_client: Any) -> None:
    tasks = Tasks()
    tasks.add("Double", double)
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        **json.loads(definition(Type="Task", Resource="arn:aws:lambda:us-east-1:111111111111:function:Double")),
    }
    machine = {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}}
    with served.renew(tasks):
        create(shared_client, json.dumps(machine))
        arn = run(shared_client, input="[1, 2]")
        found = events(shared_client, arn)
    assert [event["type"] for event in found if "Task" in event["type"] or "Lambda" in event["type"]] == []
    assert [event["id"] for event in found] == list(range(1, len(found) + 1))
    assert found[-1]["executionSucceededEventDetails"]["output"] == "[2,4]"


def double(payload: int) -> int:
    return 2 * payload


def test_a_history_goes_with_its_execution(client: Any) -> None:
    create(client)
    arn = run(client)
    client.delete_state_machine(stateMachineArn=MACHINE)
    assert refused(client, "get_execution_history", executionArn=arn) == (
        "ExecutionDoesNotExist",
        f"Execution Does Not Exist: '{arn}'",
    )


def test_a_redriven_execution_has_one_history(served: Served, shared_client: Any) -> None:
    client, broken = shared_client, [True]
    tasks = Tasks()

    async def work(payload: JSON) -> JSON:
        if broken:
            raise RuntimeError("broken")
        return payload

    tasks.add("Work", work)
    with served.renew(tasks):
        create(client, definition(Type="Task", Resource="arn:aws:lambda:us-east-1:111111111111:function:Work"))
        arn = run(client)
        broken.clear()
        redriven = client.redrive_execution(executionArn=arn)["redriveDate"]
        assert ended(client, arn)["status"] == "SUCCEEDED"
        found = events(client, arn)
    assert [(event["id"], event["previousEventId"], event["type"]) for event in found[5:8]] == [
        (6, 5, "ExecutionFailed"),
        (7, 6, "ExecutionRedriven"),
        (8, 2, "LambdaFunctionScheduled"),
    ]
    assert found[6]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert found[6]["timestamp"] == redriven
    assert "broken" in found[5]["executionFailedEventDetails"]["cause"]
