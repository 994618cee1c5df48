"""Every action of the endpoint with boto3, as a user would call it: one scene for each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from express.api.operations import OPERATIONS
from tests.api.activity_worker import ActivityWorker

if TYPE_CHECKING:
    from express.types import JSON
    from tests.api.serving import Served

Scene = Callable[[Any], None]

SCENES: dict[str, Scene] = {}

ROLE = "arn:aws:iam::111111111111:role/r"
MACHINE = "arn:aws:states:us-east-1:111111111111:stateMachine:m"


def scene(action: str) -> Callable[[Scene], Scene]:
    def register(function: Scene) -> Scene:
        SCENES[action] = function
        return function

    return register


def definition(**state: JSON) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True, **state}}})


PASS = definition()
WAIT = definition(Type="Wait", Seconds=100)
FAIL = json.dumps({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Sad", "Cause": "rain"}}})
TASK = definition(Type="Task", Resource="arn:aws:lambda:us-east-1:111111111111:function:Double")


def create(client: Any, text: str = PASS, **parameters: Any) -> Any:
    return client.create_state_machine(**{"name": "m", "definition": text, "roleArn": ROLE, **parameters})


def ended(client: Any, arn: str) -> Any:
    """The description of an execution once it has ended."""
    for _ in range(10_000):
        answer = client.describe_execution(executionArn=arn)
        if answer["status"] != "RUNNING":
            return answer
    raise AssertionError(f"{arn} does not end")


def refused(client: Any, action: str, **parameters: Any) -> tuple[str, str]:
    """The code and message of the error a call is answered with."""
    with pytest.raises(client.exceptions.ClientError) as failed:
        getattr(client, action)(**parameters)
    error = failed.value.response["Error"]
    return error["Code"], error["Message"]


@scene("CreateStateMachine")
def create_state_machine(client: Any) -> None:
    first = create(client, publish=True, versionDescription="one", type="EXPRESS")
    assert (first["stateMachineArn"], first["stateMachineVersionArn"]) == (MACHINE, f"{MACHINE}:1")
    again = create(
        client,
        publish=True,
        versionDescription="one",
        type="EXPRESS",
        roleArn="arn:aws:iam::111111111111:role/other",
        tags=[{"key": "k", "value": "v"}],
    )
    assert {**again, "ResponseMetadata": 0} == {**first, "ResponseMetadata": 0}
    assert client.describe_state_machine(stateMachineArn=MACHINE)["roleArn"] == ROLE
    exists = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{MACHINE}'")
    unlike: list[dict[str, Any]] = [
        {"text": PASS + " "},
        {"type": "STANDARD"},
        {"publish": False, "versionDescription": ""},
        {"versionDescription": "two"},
        {"tracingConfiguration": {"enabled": True}},
    ]
    for difference in unlike:
        with pytest.raises(client.exceptions.StateMachineAlreadyExists) as failed:
            create(client, **{"publish": True, "versionDescription": "one", "type": "EXPRESS", **difference})
        assert (failed.value.response["Error"]["Code"], failed.value.response["Error"]["Message"]) == exists
    rows = [
        ({"name": "a b"}, "InvalidName", "Invalid Name: 'a b'"),
        ({"roleArn": "role"}, "InvalidArn", "Invalid Role Arn: 'role'"),
        ({"versionDescription": "x"}, "ValidationException", "Version description can only be set when publish is true"),
        ({"definition": "{}"}, "InvalidDefinition", "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /'"),
    ]  # fmt: skip
    for wrong, code, message in rows:
        request = {"name": "n", "definition": PASS, "roleArn": ROLE, **wrong}
        assert refused(client, "create_state_machine", **request) == (code, message)


@scene("UpdateStateMachine")
def update_state_machine(client: Any) -> None:
    create(client)
    changed = client.update_state_machine(
        stateMachineArn=MACHINE, definition=WAIT, tracingConfiguration={"enabled": True}, publish=True
    )
    assert changed["stateMachineVersionArn"] == f"{MACHINE}:1"
    unchanged = client.update_state_machine(stateMachineArn=MACHINE, definition=WAIT)
    assert unchanged["revisionId"] == changed["revisionId"]
    described = client.describe_state_machine(stateMachineArn=MACHINE)
    assert (described["definition"], described["tracingConfiguration"]) == (WAIT, {"enabled": True})
    assert refused(client, "update_state_machine", stateMachineArn=MACHINE + "x", definition=PASS)[0] == "StateMachineDoesNotExist"  # fmt: skip
    assert refused(client, "update_state_machine", stateMachineArn=MACHINE, definition="[]")[0] == "InvalidDefinition"


@scene("DescribeStateMachine")
def describe_state_machine(client: Any) -> None:
    create(client, type="EXPRESS")
    answer = client.describe_state_machine(stateMachineArn=MACHINE)
    assert (answer["name"], answer["type"], answer["status"], answer["definition"]) == ("m", "EXPRESS", "ACTIVE", PASS)
    assert answer["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}
    metadata = client.describe_state_machine(stateMachineArn=MACHINE, includedData="METADATA_ONLY")
    assert metadata["definition"] == "{}"
    rows = [
        (f"{MACHINE}:9", "StateMachineDoesNotExist"),
        (f"{MACHINE}/label", "ValidationException"),
        ("arn:aws:states:us-east-1:111111111111:activity:m", "InvalidArn"),
    ]
    for arn, code in rows:
        assert refused(client, "describe_state_machine", stateMachineArn=arn)[0] == code


@scene("ListStateMachines")
def list_state_machines(client: Any) -> None:
    for name in "dacb":
        create(client, name=name)
    pages = client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 3})
    assert [[machine["name"] for machine in page["stateMachines"]] for page in pages] == [["a", "b", "c"], ["d"]]


@scene("DeleteStateMachine")
def delete_state_machine(client: Any) -> None:
    create(client)
    execution = client.start_execution(stateMachineArn=MACHINE)["executionArn"]
    ended(client, execution)
    client.delete_state_machine(stateMachineArn=MACHINE)
    assert client.list_state_machines()["stateMachines"] == []
    assert refused(client, "describe_execution", executionArn=execution) == (
        "ExecutionDoesNotExist",
        f"Execution Does Not Exist: '{execution}'",
    )
    client.delete_state_machine(stateMachineArn=MACHINE)


@scene("ValidateStateMachineDefinition")
def validate_state_machine_definition(client: Any) -> None:
    assert client.validate_state_machine_definition(definition=PASS)["result"] == "OK"
    wrong = definition(Next="B", Comment=1)
    answer = client.validate_state_machine_definition(definition=wrong, type="EXPRESS", maxResults=1)
    assert (answer["result"], len(answer["diagnostics"]), answer["truncated"]) == ("FAIL", 1, True)
    answer = client.validate_state_machine_definition(definition=wrong, type="EXPRESS", maxResults=0)
    assert (len(answer["diagnostics"]) > 1, answer["truncated"]) == (True, False)
    lookalike = definition(Parameters={"a": "$.b"})
    assert client.validate_state_machine_definition(definition=lookalike)["diagnostics"] == []
    (warning,) = client.validate_state_machine_definition(definition=lookalike, severity="WARNING")["diagnostics"]
    assert (warning["severity"], warning["code"]) == ("WARNING", "NO_DOLLAR")


@scene("PublishStateMachineVersion")
def publish_state_machine_version(client: Any) -> None:
    create(client)
    first = client.publish_state_machine_version(stateMachineArn=MACHINE, revisionId="INITIAL", description="d")
    again = client.publish_state_machine_version(stateMachineArn=MACHINE)
    assert first["stateMachineVersionArn"] == again["stateMachineVersionArn"] == f"{MACHINE}:1"
    client.update_state_machine(stateMachineArn=MACHINE, definition=WAIT)
    assert client.publish_state_machine_version(stateMachineArn=MACHINE)["stateMachineVersionArn"] == f"{MACHINE}:2"
    described = client.describe_state_machine(stateMachineArn=f"{MACHINE}:1")
    assert (described["definition"], described["description"]) == (PASS, "d")
    assert refused(client, "publish_state_machine_version", stateMachineArn=MACHINE, revisionId="INITIAL")[0] == "ConflictException"  # fmt: skip


@scene("ListStateMachineVersions")
def list_state_machine_versions(client: Any) -> None:
    create(client, publish=True)
    for text in (WAIT, FAIL):
        client.update_state_machine(stateMachineArn=MACHINE, definition=text, publish=True)
    first = client.list_state_machine_versions(stateMachineArn=MACHINE, maxResults=2)
    rest = client.list_state_machine_versions(stateMachineArn=MACHINE, nextToken=first["nextToken"])
    versions = [entry["stateMachineVersionArn"] for page in (first, rest) for entry in page["stateMachineVersions"]]
    assert versions == [f"{MACHINE}:3", f"{MACHINE}:2", f"{MACHINE}:1"]
    assert client.list_state_machine_versions(stateMachineArn=MACHINE + "x")["stateMachineVersions"] == []


@scene("DeleteStateMachineVersion")
def delete_state_machine_version(client: Any) -> None:
    create(client, publish=True)
    client.delete_state_machine_version(stateMachineVersionArn=f"{MACHINE}:1")
    assert client.list_state_machine_versions(stateMachineArn=MACHINE)["stateMachineVersions"] == []
    client.delete_state_machine_version(stateMachineVersionArn=f"{MACHINE}:1")
    assert client.publish_state_machine_version(stateMachineArn=MACHINE)["stateMachineVersionArn"] == f"{MACHINE}:2"


def route(*weights: int, machine: str = MACHINE) -> list[dict[str, Any]]:
    """Routing to versions 1, 2, … with these weights."""
    return [{"stateMachineVersionArn": f"{machine}:{n}", "weight": weight} for n, weight in enumerate(weights, 1)]


@scene("CreateStateMachineAlias")
def create_state_machine_alias(client: Any) -> None:
    create(client, FAIL, publish=True)
    client.update_state_machine(stateMachineArn=MACHINE, definition=PASS, publish=True)
    alias = client.create_state_machine_alias(name="PROD", routingConfiguration=route(0, 100))
    assert alias["stateMachineAliasArn"] == f"{MACHINE}:PROD"
    execution = ended(client, client.start_execution(stateMachineArn=f"{MACHINE}:PROD")["executionArn"])
    assert execution["status"] == "SUCCEEDED"
    assert execution["stateMachineArn"] == MACHINE
    assert execution["stateMachineAliasArn"] == f"{MACHINE}:PROD"
    assert execution["stateMachineVersionArn"] == f"{MACHINE}:2"
    rows: list[tuple[dict[str, Any], str]] = [
        ({"name": "PROD", "routingConfiguration": route(100)}, "ConflictException"),
        ({"name": "OTHER", "routingConfiguration": route(50, 25, 25)}, "ValidationException"),
        ({"name": "OTHER", "routingConfiguration": route(100, machine=MACHINE + "x")}, "ResourceNotFound"),
    ]
    for request, code in rows:
        assert refused(client, "create_state_machine_alias", **request)[0] == code


@scene("DescribeStateMachineAlias")
def describe_state_machine_alias(client: Any) -> None:
    create(client, publish=True)
    client.create_state_machine_alias(name="PROD", description="d", routingConfiguration=route(100))
    answer = client.describe_state_machine_alias(stateMachineAliasArn=f"{MACHINE}:PROD")
    assert (answer["name"], answer["description"], answer["routingConfiguration"]) == ("PROD", "d", route(100))
    assert refused(client, "describe_state_machine_alias", stateMachineAliasArn=f"{MACHINE}:NONE")[0] == "ResourceNotFound"  # fmt: skip


@scene("UpdateStateMachineAlias")
def update_state_machine_alias(client: Any) -> None:
    create(client, publish=True)
    client.update_state_machine(stateMachineArn=MACHINE, definition=WAIT, publish=True)
    client.create_state_machine_alias(name="PROD", description="d", routingConfiguration=route(100))
    arn = f"{MACHINE}:PROD"
    client.update_state_machine_alias(stateMachineAliasArn=arn, routingConfiguration=route(30, 70))
    answer = client.describe_state_machine_alias(stateMachineAliasArn=arn)
    assert (answer["description"], answer["routingConfiguration"]) == ("d", route(30, 70))
    client.update_state_machine_alias(stateMachineAliasArn=arn, description="e")
    assert client.describe_state_machine_alias(stateMachineAliasArn=arn)["description"] == "e"
    assert refused(client, "update_state_machine_alias", stateMachineAliasArn=arn)[0] == "ValidationException"
    create(client, name="n", publish=True)
    other = route(100, machine=MACHINE[:-1] + "n")
    assert refused(client, "update_state_machine_alias", stateMachineAliasArn=arn, routingConfiguration=other)[0] == "ValidationException"  # fmt: skip


@scene("DeleteStateMachineAlias")
def delete_state_machine_alias(client: Any) -> None:
    create(client, publish=True)
    client.create_state_machine_alias(name="PROD", routingConfiguration=route(100))
    assert refused(client, "delete_state_machine_version", stateMachineVersionArn=f"{MACHINE}:1")[0] == "ConflictException"  # fmt: skip
    client.delete_state_machine_alias(stateMachineAliasArn=f"{MACHINE}:PROD")
    assert refused(client, "start_execution", stateMachineArn=f"{MACHINE}:PROD")[0] == "StateMachineDoesNotExist"


@scene("ListStateMachineAliases")
def list_state_machine_aliases(client: Any) -> None:
    create(client, publish=True)
    client.update_state_machine(stateMachineArn=MACHINE, definition=WAIT, publish=True)
    for name, weights in {"B": (100,), "A": (10, 90), "C": (100,)}.items():
        client.create_state_machine_alias(name=name, routingConfiguration=route(*weights))
    first = client.list_state_machine_aliases(stateMachineArn=MACHINE, maxResults=2)
    rest = client.list_state_machine_aliases(stateMachineArn=MACHINE, maxResults=2, nextToken=first["nextToken"])
    aliases = [entry["stateMachineAliasArn"] for page in (first, rest) for entry in page["stateMachineAliases"]]
    assert aliases == [f"{MACHINE}:B", f"{MACHINE}:A", f"{MACHINE}:C"]
    of_version = client.list_state_machine_aliases(stateMachineArn=f"{MACHINE}:2")["stateMachineAliases"]
    assert [entry["stateMachineAliasArn"] for entry in of_version] == [f"{MACHINE}:A"]
    assert refused(client, "list_state_machine_aliases", stateMachineArn=MACHINE + "x")[0] == "StateMachineDoesNotExist"


@scene("TagResource")
def tag_resource(client: Any) -> None:
    create(client, tags=[{"key": "a", "value": "1"}])
    client.tag_resource(resourceArn=MACHINE, tags=[{"key": "a", "value": "2"}, {"key": "b", "value": ""}])
    tags = client.list_tags_for_resource(resourceArn=MACHINE)["tags"]
    assert tags == [{"key": "a", "value": "2"}, {"key": "b", "value": ""}]
    many = [{"key": str(number), "value": ""} for number in range(49)]
    assert refused(client, "tag_resource", resourceArn=MACHINE, tags=many)[0] == "TooManyTags"


@scene("UntagResource")
def untag_resource(client: Any) -> None:
    create(client, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    client.untag_resource(resourceArn=MACHINE, tagKeys=["a", "x"])
    assert client.list_tags_for_resource(resourceArn=MACHINE)["tags"] == [{"key": "b", "value": "2"}]
    assert refused(client, "untag_resource", resourceArn=MACHINE + "x", tagKeys=["a"])[0] == "ResourceNotFound"


@scene("ListTagsForResource")
def list_tags_for_resource(client: Any) -> None:
    create(client)
    assert client.list_tags_for_resource(resourceArn=MACHINE)["tags"] == []
    arn = f"{MACHINE}x"
    assert refused(client, "list_tags_for_resource", resourceArn=arn) == (
        "ResourceNotFound",
        f"Resource not found: '{arn}'",
    )
    assert refused(client, "list_tags_for_resource", resourceArn="x")[0] == "InvalidArn"


@scene("StartExecution")
def start_execution(client: Any) -> None:
    create(client, WAIT)
    first = client.start_execution(stateMachineArn=MACHINE, name="one", input='{"a": 1}')
    again = client.start_execution(stateMachineArn=MACHINE, name="one", input='{"a": 1}')
    assert first["executionArn"] == "arn:aws:states:us-east-1:111111111111:execution:m:one"
    assert {**again, "ResponseMetadata": 0} == {**first, "ResponseMetadata": 0}
    exists = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert refused(client, "start_execution", stateMachineArn=MACHINE, name="one", input='{"a": 2}') == exists
    client.stop_execution(executionArn=first["executionArn"])
    ended(client, first["executionArn"])
    assert refused(client, "start_execution", stateMachineArn=MACHINE, name="one", input='{"a": 1}') == exists
    assert refused(client, "start_execution", stateMachineArn=MACHINE, name="a b") == (
        "InvalidName",
        "Invalid Name: 'a b'",
    )
    create(client, TASK, name="x", type="EXPRESS")
    express = [client.start_execution(stateMachineArn=MACHINE[:-1] + "x", name="one", input="4") for _ in range(2)]
    assert express[0]["executionArn"] != express[1]["executionArn"]
    assert ended(client, express[0]["executionArn"])["output"] == "8"


@scene("StartSyncExecution")
def start_sync_execution(client: Any) -> None:
    create(client, TASK, type="EXPRESS")
    answer = client.start_sync_execution(stateMachineArn=MACHINE, name="one", input=" 21 ", traceHeader="Root=1")
    assert (answer["status"], answer["input"], answer["output"]) == ("SUCCEEDED", " 21 ", "42")
    assert (answer["name"], answer["traceHeader"]) == ("one", "Root=1")
    billing = answer["billingDetails"]
    assert billing["billedMemoryUsedInMB"] == 64
    assert billing["billedDurationInMilliseconds"] % 100 == 0
    metadata = client.start_sync_execution(stateMachineArn=MACHINE, input="1", includedData="METADATA_ONLY")
    assert (metadata["inputDetails"], metadata.get("output")) == ({"included": False}, None)
    create(client, FAIL, name="f", type="EXPRESS")
    failed = client.start_sync_execution(stateMachineArn=MACHINE[:-1] + "f")
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "Sad", "rain")
    assert "output" not in failed
    create(client, name="s")
    assert refused(client, "start_sync_execution", stateMachineArn=MACHINE[:-1] + "s") == (
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )
    assert refused(client, "start_sync_execution", stateMachineArn=MACHINE, input="not json") == (
        "InvalidExecutionInput",
        "Invalid State Machine Execution Input: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
    )
    assert refused(client, "start_sync_execution", stateMachineArn=MACHINE, input="") == (
        "InvalidExecutionInput",
        "Invalid State Machine Execution Input: 'Invalid execution input.'",
    )
    assert refused(client, "start_sync_execution", stateMachineArn=MACHINE, input='"' + "ä" * 140_000 + '"')[0] == "ValidationException"  # fmt: skip


@scene("StopExecution")
def stop_execution(client: Any) -> None:
    create(client, WAIT)
    arn = client.start_execution(stateMachineArn=MACHINE)["executionArn"]
    client.stop_execution(executionArn=arn, error="Enough", cause="of it")
    answer = ended(client, arn)
    assert (answer["status"], answer["error"], answer["cause"]) == ("ABORTED", "Enough", "of it")
    assert client.stop_execution(executionArn=arn)["stopDate"] == answer["stopDate"]
    assert client.describe_execution(executionArn=arn)["error"] == "Enough"
    assert refused(client, "stop_execution", executionArn=arn + "x")[0] == "ExecutionDoesNotExist"
    express = "arn:aws:states:us-east-1:111111111111:express:m:one:two"
    assert refused(client, "stop_execution", executionArn=express) == (
        "InvalidArn",
        "Invalid Arn: 'Resource type not valid in this context: express'",
    )


@scene("DescribeExecution")
def describe_execution(client: Any) -> None:
    create(client, FAIL)
    arn = client.start_execution(stateMachineArn=MACHINE, name="one", input='{"a":1}')["executionArn"]
    answer = ended(client, arn)
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "Sad", "rain")
    assert (answer["input"], answer["redriveStatus"], answer["redriveCount"]) == ('{"a":1}', "REDRIVABLE", 0)
    assert "outputDetails" not in answer
    assert "input" not in client.describe_execution(executionArn=arn, includedData="METADATA_ONLY")
    create(client, WAIT, name="w")
    running = client.start_execution(stateMachineArn=MACHINE[:-1] + "w")["executionArn"]
    answer = client.describe_execution(executionArn=running)
    assert answer["status"] == "RUNNING"
    assert answer["redriveStatusReason"] == "Execution is RUNNING and cannot be redriven"
    assert "stopDate" not in answer


@scene("GetExecutionHistory")
def get_execution_history(client: Any) -> None:
    create(client, FAIL)
    arn = client.start_execution(stateMachineArn=MACHINE, input='{"a":1}')["executionArn"]
    ended(client, arn)
    events = client.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in events] == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
    assert events[2]["executionFailedEventDetails"] == {"error": "Sad", "cause": "rain"}
    newest = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)
    assert [event["id"] for event in newest["events"]] == [3]
    assert refused(client, "get_execution_history", executionArn=arn + "x")[0] == "ExecutionDoesNotExist"
    assert refused(client, "get_execution_history", executionArn="nonsense")[0] == "InvalidArn"
    assert refused(client, "get_execution_history", executionArn=arn, nextToken="x")[0] == "InvalidToken"


@scene("RedriveExecution")
def redrive_execution(client: Any) -> None:
    create(client, FAIL)
    arn = client.start_execution(stateMachineArn=MACHINE)["executionArn"]
    before = ended(client, arn)
    redriven = client.redrive_execution(executionArn=arn, clientToken="one")["redriveDate"]
    answer = ended(client, arn)
    assert (answer["status"], answer["redriveCount"], answer["redriveDate"]) == ("FAILED", 1, redriven)
    assert (answer["startDate"], answer["redriveStatus"]) == (before["startDate"], "REDRIVABLE")
    assert client.redrive_execution(executionArn=arn, clientToken="one")["redriveDate"] == redriven
    (entry,) = client.list_executions(stateMachineArn=MACHINE)["executions"]
    assert (entry["redriveCount"], entry["redriveDate"]) == (1, redriven)
    create(client, PASS, name="p")
    done = client.start_execution(stateMachineArn=MACHINE[:-1] + "p")["executionArn"]
    ended(client, done)
    assert refused(client, "redrive_execution", executionArn=done) == (
        "ExecutionNotRedrivable",
        f"Execution {done} invalid for redrive as: Execution is SUCCEEDED and cannot be redriven",
    )
    assert refused(client, "redrive_execution", executionArn=arn + "x")[0] == "ExecutionDoesNotExist"
    express = "arn:aws:states:us-east-1:111111111111:express:m:one:two"
    assert refused(client, "redrive_execution", executionArn=express) == (
        "InvalidArn",
        "Invalid Arn: 'Resource type not valid in this context: express'",
    )


@scene("ListExecutions")
def list_executions(client: Any) -> None:
    create(client)
    for name in ("one", "two", "three"):
        ended(client, client.start_execution(stateMachineArn=MACHINE, name=name)["executionArn"])
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=MACHINE, PaginationConfig={"PageSize": 2})
    assert [[entry["name"] for entry in page["executions"]] for page in pages] == [["three", "two"], ["one"]]
    assert client.list_executions(stateMachineArn=MACHINE, statusFilter="RUNNING")["executions"] == []
    assert refused(client, "list_executions", stateMachineArn=MACHINE, redriveFilter="REDRIVEN") == (
        "ValidationException",
        "RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN",
    )
    token = client.list_executions(stateMachineArn=MACHINE, maxResults=1)["nextToken"]
    wrong_list = {"stateMachineArn": MACHINE, "statusFilter": "SUCCEEDED", "nextToken": token}
    assert refused(client, "list_executions", **wrong_list) == ("InvalidToken", "Invalid Token: 'Invalid token'")
    assert refused(client, "list_executions")[0] == "ValidationException"
    assert refused(client, "list_executions", stateMachineArn=f"{MACHINE}:1")[0] == "StateMachineDoesNotExist"
    map_run = "arn:aws:states:us-east-1:111111111111:mapRun:m/each:one"
    assert refused(client, "list_executions", mapRunArn=map_run)[0] == "ResourceNotFound"
    assert refused(client, "list_executions", mapRunArn="x") == ("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: x'")
    with pytest.raises(client.exceptions.ValidationException) as failed:
        client.list_executions(stateMachineArn=f"{MACHINE}/each")
    assert failed.value.response["reason"] == "API_DOES_NOT_SUPPORT_LABELED_ARNS"


@scene("DescribeStateMachineForExecution")
def describe_state_machine_for_execution(client: Any) -> None:
    create(client)
    arn = client.start_execution(stateMachineArn=MACHINE)["executionArn"]
    client.update_state_machine(stateMachineArn=MACHINE, definition=WAIT)
    answer = client.describe_state_machine_for_execution(executionArn=arn)
    assert (answer["definition"], answer["name"], answer["stateMachineArn"]) == (PASS, "m", MACHINE)


@scene("ListMapRuns")
def list_map_runs(client: Any) -> None:
    create(client)
    arn = client.start_execution(stateMachineArn=MACHINE)["executionArn"]
    assert client.list_map_runs(executionArn=arn)["mapRuns"] == []


@scene("DescribeMapRun")
def describe_map_run(client: Any) -> None:
    assert (
        refused(client, "describe_map_run", mapRunArn="arn:aws:states:us-east-1:1:mapRun:m/e:x")[0]
        == "ResourceNotFound"
    )
    assert refused(client, "describe_map_run", mapRunArn=MACHINE) == (
        "InvalidArn",
        "Invalid Arn: 'Resource type not valid in this context: stateMachine'",
    )


@scene("UpdateMapRun")
def update_map_run(client: Any) -> None:
    assert (
        refused(client, "update_map_run", mapRunArn="arn:aws:states:us-east-1:1:mapRun:m/e:x")[0] == "ResourceNotFound"
    )
    code, message = refused(client, "update_map_run", mapRunArn=MACHINE, toleratedFailurePercentage=100.5)
    assert code == "ValidationException"
    assert "Value '100.5' at 'toleratedFailurePercentage'" in message
    assert message.endswith("Member must have value less than or equal to 100")


ACTIVITY = "arn:aws:states:us-east-1:111111111111:activity:a"
BY_WORKER = definition(Type="Task", Resource=ACTIVITY, HeartbeatSeconds=20)


def take_task(client: Any, value: JSON = None, **parameters: Any) -> tuple[str, str]:
    """The ARN of an execution that waits for the worker of an activity, and the token of its task."""
    client.create_activity(name="a")
    create(client, BY_WORKER)
    arn = client.start_execution(stateMachineArn=MACHINE, input=json.dumps(value))["executionArn"]
    task = client.get_activity_task(activityArn=ACTIVITY, **parameters)
    assert json.loads(task["input"]) == value
    return arn, task["taskToken"]


@scene("CreateActivity")
def create_activity(client: Any) -> None:
    first = client.create_activity(name="a", tags=[{"key": "k", "value": "v"}])
    assert first["activityArn"] == ACTIVITY
    again = client.create_activity(name="a", tags=[{"key": "k", "value": "other"}])
    assert again["creationDate"] == first["creationDate"]
    assert client.list_tags_for_resource(resourceArn=ACTIVITY)["tags"] == [{"key": "k", "value": "v"}]
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/mine"}
    exists = ("ActivityAlreadyExists", f"Activity Already Exists: '{ACTIVITY}'")
    assert refused(client, "create_activity", name="a", encryptionConfiguration=key) == exists
    assert refused(client, "create_activity", name="a b") == ("InvalidName", "Invalid Name: 'a b'")
    assert refused(client, "create_activity", name="a" * 81)[0] == "ValidationException"


@scene("DescribeActivity")
def describe_activity(client: Any) -> None:
    created = client.create_activity(name="a")
    described = client.describe_activity(activityArn=ACTIVITY)
    del described["ResponseMetadata"]
    assert described == {
        "activityArn": ACTIVITY,
        "name": "a",
        "creationDate": created["creationDate"],
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    missing = ("ActivityDoesNotExist", f"Activity Does Not Exist: '{ACTIVITY}x'")
    assert refused(client, "describe_activity", activityArn=ACTIVITY + "x") == missing
    wrong = ("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: stateMachine'")
    assert refused(client, "describe_activity", activityArn=MACHINE) == wrong


@scene("DeleteActivity")
def delete_activity(client: Any) -> None:
    client.create_activity(name="a")
    for _ in range(2):
        client.delete_activity(activityArn=ACTIVITY)
    assert client.list_activities()["activities"] == []
    assert refused(client, "delete_activity", activityArn="a")[0] == "InvalidArn"


@scene("ListActivities")
def list_activities(client: Any) -> None:
    for name in "cab":
        client.create_activity(name=name)
    page = client.list_activities(maxResults=2)
    assert [activity["name"] for activity in page["activities"]] == ["a", "b"]
    rest = client.list_activities(nextToken=page["nextToken"])
    assert [activity["name"] for activity in rest["activities"]] == ["c"]
    assert refused(client, "list_activities", nextToken="x") == ("InvalidToken", "Invalid Token: 'Invalid token'")


@scene("GetActivityTask")
def get_activity_task(client: Any) -> None:
    """A worker in a thread of its own, with more than one task to do."""
    client.create_activity(name="a")
    create(client, BY_WORKER)

    def double(number: Any) -> JSON:
        if number == 3:
            raise ValueError("not three")
        return number * 2

    with ActivityWorker(client.meta.endpoint_url, ACTIVITY, double, name="doubler", count=4) as worker:
        arns = [
            client.start_execution(stateMachineArn=MACHINE, input=str(number))["executionArn"] for number in range(4)
        ]
        results = [ended(client, arn) for arn in arns]
    assert sorted(worker.done) == [0, 1, 2, 3]
    assert [result.get("output") for result in results] == ["0", "2", "4", None]
    assert (results[3]["error"], results[3]["cause"]) == ("ValueError", "not three")
    missing = ("ActivityDoesNotExist", f"Activity Does Not Exist: '{ACTIVITY}x'")
    assert refused(client, "get_activity_task", activityArn=ACTIVITY + "x") == missing


@scene("SendTaskSuccess")
def send_task_success(client: Any) -> None:
    arn, token = take_task(client, {"a": 1}, workerName="w")
    invalid = "Invalid Output: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'"
    assert refused(client, "send_task_success", taskToken=token, output="not JSON") == ("InvalidOutput", invalid)
    client.send_task_success(taskToken=token, output='{"b": 2}')
    assert ended(client, arn)["output"] == '{"b":2}'
    gone = ("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    assert refused(client, "send_task_success", taskToken=token, output="1") == gone
    unknown = ("InvalidToken", "Invalid Token: 'Invalid token'")
    assert refused(client, "send_task_success", taskToken="x" * 44, output="1") == unknown


@scene("SendTaskFailure")
def send_task_failure(client: Any) -> None:
    arn, token = take_task(client)
    client.send_task_failure(taskToken=token, error="Sad", cause="rain")
    result = ended(client, arn)
    assert (result["status"], result["error"], result["cause"]) == ("FAILED", "Sad", "rain")
    assert refused(client, "send_task_failure", taskToken=token)[0] == "TaskTimedOut"
    assert refused(client, "send_task_failure", taskToken="x")[0] == "InvalidToken"


@scene("SendTaskHeartbeat")
def send_task_heartbeat(client: Any) -> None:
    arn, token = take_task(client)
    client.send_task_heartbeat(taskToken=token)
    client.stop_execution(executionArn=arn)
    ended(client, arn)
    assert refused(client, "send_task_heartbeat", taskToken=token)[0] == "TaskTimedOut"
    assert refused(client, "send_task_heartbeat", taskToken="x")[0] == "InvalidToken"


@scene("TestState")
def try_a_state(client: Any) -> None:
    state = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:Double", "Next": "B"}
    answer = client.test_state(definition=json.dumps(state), roleArn=ROLE, input="4")
    assert (answer["status"], answer["output"], answer["nextState"]) == ("SUCCEEDED", "8", "B")
    answer = client.test_state(definition=TASK, roleArn=ROLE, input="4", stateName="A", inspectionLevel="DEBUG")
    assert (answer["inspectionData"]["result"], "nextState" in answer) == ("8", False)
    code, message = refused(client, "test_state", definition=json.dumps(state))
    assert (code, message) == ("ValidationException", "RoleArn must be specified when testing a Task state")


def test_every_action_has_a_scene() -> None:
    assert SCENES.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("action", sorted(SCENES))
def test_action(action: str, served: Served, shared_client: Any) -> None:
    tasks = Tasks()
    tasks.add("Double", lambda number: number * 2)
    with served.renew(tasks):
        SCENES[action](shared_client)


# ------------------------------------------------------------------------------------------------- strict or extended


def test_a_strict_endpoint_knows_no_express_executions(served: Served, shared_client: Any) -> None:
    client = shared_client
    with served.renew(extended=False):
        create(client, type="EXPRESS")
        arn = client.start_execution(stateMachineArn=MACHINE)["executionArn"]
        wrong_type = ("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'")
        assert refused(client, "describe_execution", executionArn=arn) == wrong_type
        assert refused(client, "describe_state_machine_for_execution", executionArn=arn) == wrong_type
        assert refused(client, "list_executions", stateMachineArn=MACHINE)[0] == "StateMachineTypeNotSupported"


def test_an_extended_endpoint_remembers_recent_express_executions(served: Served, shared_client: Any) -> None:
    client = shared_client
    with served.renew():
        create(client, type="EXPRESS")
        arns = [client.start_sync_execution(stateMachineArn=MACHINE, name=name)["executionArn"] for name in ("a", "b")]
        assert client.describe_execution(executionArn=arns[0])["name"] == "a"
        listed = client.list_executions(stateMachineArn=MACHINE)["executions"]
        assert [entry["executionArn"] for entry in listed] == arns[::-1]
        assert client.describe_state_machine_for_execution(executionArn=arns[0])["definition"] == PASS


def test_overload_is_throttled_and_nothing_accepted_is_lost(served: Served, shared_client: Any) -> None:
    client = shared_client
    gate = asyncio.Event()
    tasks = Tasks()

    async def wait(payload: JSON) -> JSON:
        await gate.wait()
        return payload

    tasks.add("Double", wait)
    with served.renew(tasks, max_in_flight=2):
        create(client, TASK, type="EXPRESS")
        create(client, TASK, name="s")
        accepted = []
        for arn, error in ((MACHINE, "ThrottlingException"), (MACHINE[:-1] + "s", "ExecutionLimitExceeded")):
            accepted += [client.start_execution(stateMachineArn=arn, input="1")["executionArn"] for _ in range(2)]
            assert refused(client, "start_execution", stateMachineArn=arn)[0] == error
        served.call(open_gate(gate))
        assert [ended(client, arn)["status"] for arn in accepted] == ["SUCCEEDED"] * 4


async def open_gate(gate: asyncio.Event) -> None:
    gate.set()


def test_a_machine_is_deleted_once_its_executions_are(served: Served, shared_client: Any) -> None:
    client = shared_client
    gate = asyncio.Event()
    tasks = Tasks()

    async def stubborn(payload: JSON) -> JSON:
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue
        return payload

    tasks.add("Double", stubborn)
    with served.renew(tasks):
        create(client, TASK)
        client.start_execution(stateMachineArn=MACHINE, name="one")
        client.delete_state_machine(stateMachineArn=MACHINE)
        assert client.describe_state_machine(stateMachineArn=MACHINE)["status"] == "DELETING"
        deleting = ("StateMachineDeleting", f"State Machine is being deleted: '{MACHINE}'")
        assert refused(client, "start_execution", stateMachineArn=MACHINE) == deleting
        assert refused(client, "create_state_machine", name="m", definition=PASS, roleArn=ROLE) == deleting
        served.call(open_gate(gate))
        for _ in range(10_000):
            if not client.list_state_machines()["stateMachines"]:
                break
        assert refused(client, "start_execution", stateMachineArn=MACHINE)[0] == "StateMachineDoesNotExist"
