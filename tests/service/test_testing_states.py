"""TestState without a network: what each type of state shows, what mocks stand for, what is refused.

The recorded calls are in tests/api/test_testing_states.py; here are the rules that they show, and those nobody recorded.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from express import Observer, TaskError, Tasks
from express.service import Service, ServiceError
from express.service.testing_states import models
from express.service.testing_states.models import check_result
from express.service.testing_states.state_tests import MAX_TESTS
from express.states.resource import parse_resource
from express.testing import run_virtual

if TYPE_CHECKING:
    from express.types import JSON

ROLE = "arn:aws:iam::123456789012:role/r"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:"
PUT_ITEM = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "End": True}
PUT_ITEM_PARAMETERS = {"TableName": "t", "Item": {}}


def handlers() -> Tasks:
    tasks = Tasks()

    @tasks.task("echo")
    async def echo(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        return {"echo": payload}

    @tasks.task("decline")
    def decline(payload: JSON) -> JSON:
        raise TaskError("Declined", "no funds")

    @tasks.task("arn:aws:states:::http:invoke")
    def call(payload: JSON) -> JSON:
        return {"StatusCode": 201, "StatusText": "Created", "Headers": {"etag": ["7"]}, "ResponseBody": {"id": 7}}

    return tasks


def request(state: dict[str, JSON], **members: Any) -> dict[str, Any]:
    """A request as a client sends it: JSON in texts, save for what is text already."""
    sent = {"definition": state, "inspectionLevel": "DEBUG", **members}
    for name in ("definition", "input", "variables", "context"):
        if name in sent and not isinstance(sent[name], str):
            sent[name] = json.dumps(sent[name])
    mock = sent.get("mock", {})
    if "result" in mock and not isinstance(mock["result"], str):
        sent["mock"] = {**mock, "result": json.dumps(mock["result"])}
    return sent


def send(sent: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The answer of a service with these options."""

    async def main() -> dict[str, Any]:
        async with Service(handlers(), **options) as service:
            return await service.tests.test(sent)

    return run_virtual(main(), now="2025-03-01T12:00:00Z")


def perform(sent: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The answer, with the JSON in its texts read."""
    answer = send(sent, **options)
    if "output" in answer:
        answer["output"] = json.loads(answer["output"])
    for name, value in answer.get("inspectionData", {}).items():
        if isinstance(value, str):
            answer["inspectionData"][name] = json.loads(value)
    return answer


def distributed(**fields: JSON) -> dict[str, JSON]:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Each",
        "States": {"Each": {"Type": "Pass", "End": True}},
    }
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **fields}


# --------------------------------------------------------------------------------------------------------------
# what is shown

#: (state, request members, inspectionData without `input`), for input {"a": {"b": 1}}.
SHOWN: list[tuple[dict[str, JSON], dict[str, Any], dict[str, JSON]]] = [
    ({"Type": "Succeed", "InputPath": "$.a", "OutputPath": "$.b"}, {}, {"afterInputPath": {"b": 1}}),
    ({"Type": "Succeed", "QueryLanguage": "JSONata", "Output": 1}, {}, {}),
    ({"Type": "Wait", "Seconds": 2, "InputPath": None, "End": True}, {}, {"afterInputPath": {}}),
    (
        {"Type": "Choice", "Choices": [{"Variable": "$.b", "IsPresent": True, "Next": "X"}], "InputPath": "$.a"},
        {},
        {"afterInputPath": {"b": 1}},
    ),
    (
        {"Type": "Pass", "Result": 3, "ResultPath": None, "End": True},
        {},
        {"result": 3, "afterResultSelector": 3, "afterResultPath": {"a": {"b": 1}}},
    ),
    (
        {"Type": "Pass", "InputPath": "$.a", "Parameters": {"c.$": "$.nowhere"}, "End": True},
        {},
        {"afterInputPath": {"b": 1}},
    ),
    (
        {
            "Type": "Task",
            "Resource": f"{LAMBDA}echo",
            "InputPath": "$.a",
            "Parameters": {"p.$": "$.b"},
            "ResultSelector": {"s.$": "$.echo.p"},
            "ResultPath": "$.r",
            "OutputPath": "$.r",
            "End": True,
        },
        {"roleArn": ROLE},
        {
            "afterInputPath": {"b": 1},
            "afterParameters": {"p": 1},
            "result": {"echo": {"p": 1}},
            "afterResultSelector": {"s": 1},
            "afterResultPath": {"a": {"b": 1}, "r": {"s": 1}},
        },
    ),
    (
        {
            "Type": "Task",
            "QueryLanguage": "JSONata",
            "Resource": f"{LAMBDA}echo",
            "Arguments": "{% $states.input.a %}",
            "Assign": {"w": "{% $v + $states.result.echo.b %}"},
            "Output": None,
            "End": True,
        },
        {"roleArn": ROLE, "variables": {"v": 2}},
        {"afterArguments": {"b": 1}, "result": {"echo": {"b": 1}}, "variables": {"v": 2, "w": 3}},
    ),
    (
        distributed(
            ItemsPath="$$.Execution.Input.a",
            ItemSelector={"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Key"},
            ItemBatcher={"MaxItemsPerBatch": 5, "BatchInput": {"all.$": "$.a.b"}},
            MaxConcurrency=3,
            ToleratedFailurePercentage=12.5,
        ),
        {"mock": {"result": ["x"]}},
        {
            "afterInputPath": {"a": {"b": 1}},
            "afterItemsPath": {"b": 1},
            "afterItemSelector": [{"n": 0, "v": "b"}],
            "afterItemBatcher": [{"BatchInput": {"all": 1}, "Items": [{"n": 0, "v": "b"}]}],
            "afterResultSelector": ["x"],
            "afterResultPath": ["x"],
            "maxConcurrency": 3,
            "toleratedFailurePercentage": 12.5,
        },
    ),
    (
        distributed(
            QueryLanguage="JSONata",
            Items=[5, 6],
            ItemSelector={"v": "{% $states.context.Map.Item.Value %}"},
        ),
        {"mock": {"result": []}},
        {"afterItemSelector": [{"v": 5}, {"v": 6}], "maxConcurrency": 0},
    ),
]


@pytest.mark.parametrize(("state", "members", "shown"), SHOWN, ids=lambda value: str(value)[:40])
def test_each_type_of_state_shows_its_stages(
    state: dict[str, JSON], members: dict[str, Any], shown: dict[str, JSON]
) -> None:
    answer = perform(request(state, input={"a": {"b": 1}}, **members))
    assert answer["inspectionData"] == {"input": {"a": {"b": 1}}, **shown}


def test_the_level_says_how_much_is_shown() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {
            "ApiEndpoint": "https://api.example.com/orders",
            "Method": "POST",
            "QueryParameters": {"dry": "run", "tag": ["a", "b"]},
            "Headers": {"X-Id": "7"},
            "RequestBody": {"item": 1},
            "Authentication": {"ConnectionArn": "c"},
        },
        "End": True,
    }
    answers = {level: send(request(state, roleArn=ROLE, inspectionLevel=level)) for level in ("INFO", "DEBUG", "TRACE")}
    assert "inspectionData" not in answers["INFO"]
    assert not {"request", "response"} & answers["DEBUG"]["inspectionData"].keys()
    traced = answers["TRACE"]["inspectionData"]
    assert traced["request"] == {
        "protocol": "https",
        "method": "POST",
        "url": "https://api.example.com/orders?dry=run&tag=a&tag=b",
        "headers": "[X-Id: 7]",
        "body": '{"item":1}',
    }
    assert traced["response"] == {
        "protocol": "https",
        "statusCode": "201",
        "statusMessage": "Created",
        "headers": "[etag: 7]",
        "body": '{"id":7}',
    }


# --------------------------------------------------------------------------------------------------------------
# how it ends

RETRY: list[JSON] = [
    {"ErrorEquals": ["Other"]},
    {"ErrorEquals": ["Declined"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 3, "MaxDelaySeconds": 10},
]
CATCH: list[JSON] = [
    {"ErrorEquals": ["Other"], "Next": "Never"},
    {"ErrorEquals": ["States.TaskFailed"], "Next": "Sorry", "ResultPath": "$.error"},
]
DECLINED = {"errorOutput": {"error": "Declined", "cause": "no funds"}}
BEFORE: dict[str, JSON] = {"input": {}, "afterInputPath": {}, "afterParameters": {}}

#: (fields of a Task, retries before, the answer without what is shown before the error).
ENDS: list[tuple[dict[str, JSON], int | None, dict[str, JSON], dict[str, JSON]]] = [
    ({}, None, {"status": "FAILED"}, {}),
    ({"Retry": RETRY}, None, {"status": "RETRIABLE"}, {"retryIndex": 1, "retryBackoffIntervalSeconds": 3}),
    ({"Retry": RETRY}, 1, {"status": "RETRIABLE"}, {"retryIndex": 1, "retryBackoffIntervalSeconds": 6}),
    ({"Retry": RETRY}, 2, {"status": "RETRIABLE"}, {"retryIndex": 1, "retryBackoffIntervalSeconds": 10}),
    ({"Retry": RETRY}, 3, {"status": "FAILED"}, {}),
    (
        {"Retry": RETRY, "Catch": CATCH},
        3,
        {
            "status": "CAUGHT_ERROR",
            "nextState": "Sorry",
            "output": {"error": {"Error": "Declined", "Cause": "no funds"}},
        },
        {"catchIndex": 1},
    ),
    ({"Retry": RETRY[:1], "Catch": CATCH[:1]}, None, {"status": "FAILED"}, {}),
]


@pytest.mark.parametrize(("fields", "retries", "ending", "details"), ENDS)
def test_retry_and_catch_tell_what_they_would_do(
    fields: dict[str, JSON], retries: int | None, ending: dict[str, JSON], details: dict[str, JSON]
) -> None:
    state: dict[str, JSON] = {"Type": "Task", "Resource": f"{LAMBDA}decline", "End": True, **fields}
    shown = {**BEFORE, "errorDetails": details} if details else BEFORE
    expected = {"error": "Declined", "cause": "no funds", **ending, "inspectionData": shown}
    configuration = {} if retries is None else {"stateConfiguration": {"retrierRetryCount": retries}}
    assert perform(request(state, mock=DECLINED, **configuration)) == expected
    if retries is None:
        assert perform(request(state, roleArn=ROLE)) == expected


def test_a_state_leads_where_it_would_go() -> None:
    looping = {"Type": "Pass", "Next": "StateName"}
    assert perform(request(looping))["nextState"] == "StateName"
    assert "nextState" not in perform(request({"Type": "Pass", "End": True}))


def test_a_test_takes_five_minutes_at_most() -> None:
    answer = perform(request({"Type": "Wait", "Seconds": 301, "End": True}))
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Timeout")
    assert perform(request({"Type": "Wait", "Seconds": 299, "End": True}))["status"] == "SUCCEEDED"


def test_nothing_is_too_deep_to_be_answered() -> None:
    deep = "[" * 300 + "]" * 300
    assert "is nested deeper than 254 levels" in send(request(PASS, input=deep))["cause"]
    into: dict[str, JSON] = {"Type": "Pass", "ResultPath": "$" + ".a" * 250, "End": True}
    answer = perform(request(into, input='{"b":' * 200 + "1" + "}" * 200))
    assert (answer["status"], answer["error"]) == ("FAILED", "States.Runtime")


def test_a_state_starts_executions_of_the_machines_beside_it() -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m", "Name": "n"},
        "End": True,
    }

    async def main() -> str:
        async with Service() as service:
            machine = {"StartAt": "A", "States": {"A": PASS}}
            await service.catalogue.create({"name": "m", "definition": json.dumps(machine), "roleArn": ROLE})
            answer = await service.tests.test(request(state, roleArn=ROLE))
        return str(json.loads(answer["output"])["ExecutionArn"])

    assert run_virtual(main()) == "arn:aws:states:us-east-1:123456789012:execution:m:n"


def test_causes_have_no_place_before_them() -> None:
    answer = perform(request({"Type": "Task", "Resource": f"{LAMBDA}nobody", "End": True}, roleArn=ROLE))
    assert answer["cause"] == f"No task handler is registered for the resource {LAMBDA}nobody"


MACHINE: dict[str, JSON] = {
    "QueryLanguage": "JSONata",
    "StartAt": "All",
    "States": {
        "All": {
            "Type": "Map",
            "ItemProcessor": {
                "StartAt": "Inner",
                "States": {"Inner": {"Type": "Pass", "Output": "{% $states.context.State.Name %}", "End": True}},
            },
            "Next": "Last",
        },
        "Last": {"Type": "Succeed"},
    },
}


def test_a_state_of_a_machine_is_found_at_any_depth() -> None:
    assert perform(request(MACHINE, stateName="Inner"))["output"] == "Inner"
    answer = perform(request(MACHINE, stateName="All", input=[1], mock={"result": [2]}))
    assert (answer["output"], answer["nextState"]) == ([2], "Last")


# --------------------------------------------------------------------------------------------------------------
# mocks

#: (fields of the Map, stateConfiguration, its items, its error).
FAILING: list[tuple[dict[str, JSON], dict[str, Any], str | None]] = [
    ({}, {"mapIterationFailureCount": 4}, None),
    ({"ToleratedFailureCount": 2}, {"mapIterationFailureCount": 2}, None),
    ({"ToleratedFailureCount": 2}, {"mapIterationFailureCount": 3}, "States.ExceedToleratedFailureThreshold"),
    ({"ToleratedFailurePercentage": 50}, {"mapIterationFailureCount": 2}, None),
    ({"ToleratedFailurePercentage": 49.9}, {"mapIterationFailureCount": 2}, "States.ExceedToleratedFailureThreshold"),
    ({"ToleratedFailurePercentagePath": "$[0]"}, {"mapIterationFailureCount": 4}, "States.Runtime"),
]


@pytest.mark.parametrize(("fields", "configuration", "error"), FAILING)
def test_iterations_that_fail_count_against_the_thresholds(
    fields: dict[str, JSON], configuration: dict[str, Any], error: str | None
) -> None:
    sent = request(distributed(**fields), input=["a", 2, 3, 4], mock={"result": []}, stateConfiguration=configuration)
    assert perform(sent).get("error") == error


READ: JSON = [{"k": "1", "v": "x"}, {"k": "2", "v": ""}]
#: (ReaderConfig, data in its original form, the items).
READERS: list[tuple[dict[str, JSON], str, JSON]] = [
    ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "k,v\n1,x\n2\n", READ),
    ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["k", "v"]}, "1,x\n\n2,,9", READ),
    ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "TAB"}, "k\tv\n1\tx\n2\t\n", READ),
    ({"InputType": "JSONL"}, '{"k":"1","v":"x"}\n\n{"k":"2","v":""}\n', READ),
    ({"InputType": "JSON"}, json.dumps(READ), READ),
    ({"InputType": "JSON", "MaxItems": 1}, "[1, 2]", [1]),
    ({"InputType": "JSON", "ItemsPointer": "/a~1b/1"}, '{"a/b": [0, [7, 8]]}', [7, 8]),
]


@pytest.mark.parametrize(("config", "data", "items"), READERS)
def test_items_are_read_as_the_reader_would_find_them(config: dict[str, JSON], data: str, items: JSON) -> None:
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "Parameters": {"Bucket": "b", "Key": "k"},
        "ReaderConfig": config,
    }
    sent = request(distributed(ItemReader=reader), mock={"result": []}, stateConfiguration={"mapItemReaderData": data})
    shown = perform(sent)["inspectionData"]
    assert shown["afterItemsPath"] == items
    assert shown.get("afterItemsPointer") == (items if "ItemsPointer" in config else None)


def test_a_map_whose_reader_is_not_told_of_shows_no_items() -> None:
    reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}
    answer = perform(request(distributed(ItemReader=reader), mock={"result": [1]}))
    assert (answer["status"], "afterItemsPath" in answer["inspectionData"]) == ("SUCCEEDED", False)


#: (integration, mode, result, complaint about it).
RESULTS: list[tuple[str, str, JSON, str | None]] = [
    ("sqs:sendMessage", "STRICT", {"MessageId": "1", "Anything": 1}, None),
    ("sqs:sendMessage", "STRICT", [], "The result must be an object"),
    ("sqs:sendMessage", "STRICT", {"MessageId": None}, "Field 'MessageId' must be a string"),
    ("lambda:invoke", "STRICT", {"Payload": [1], "StatusCode": 200}, None),
    ("lambda:invoke", "STRICT", {"StatusCode": "200"}, "Field 'StatusCode' must be a number"),
    ("aws-sdk:lambda:invoke", "STRICT", {"Payload": [1]}, "Field 'Payload' must be a string"),
    ("aws-sdk:sfn:startSyncExecution", "STRICT", {}, "Required field 'ExecutionArn' is missing"),
    ("aws-sdk:sfn:startSyncExecution", "PRESENT", {}, None),
    (
        "aws-sdk:cloudwatchlogs:describeLogGroups",
        "STRICT",
        {"LogGroups": [{"StoredBytes": True}]},
        ("Field 'StoredBytes' must be a number"),
    ),
    ("aws-sdk:s3:getObject", "STRICT", {"DeleteMarker": 1}, "Field 'DeleteMarker' must be a boolean"),
    ("aws-sdk:s3:getObject", "STRICT", {"Metadata": {"k": 1}}, "Field 'Metadata' must be a string"),
    ("aws-sdk:s3:getObject", "STRICT", {"Metadata": []}, "Field 'Metadata' must be an object"),
    (
        "aws-sdk:kms:encrypt",
        "STRICT",
        {"CiphertextBlob": "A" * 9000},
        ("Field 'CiphertextBlob' exceeds the maximum length"),
    ),
    ("aws-sdk:kms:encrypt", "STRICT", {"CiphertextBlob": "A" * 8000}, None),
    ("aws-sdk:kms:encrypt", "STRICT", {"CiphertextBlob": "no Base64"}, None),
    ("aws-sdk:nosuchservice:call", "STRICT", 1, None),
    ("aws-sdk:s3:noSuchCall", "STRICT", 1, None),
    ("sqs:sendMessage.waitForTaskToken", "STRICT", "anything", None),
    ("http:invoke", "STRICT", 1, None),
]


@pytest.mark.parametrize(("integration", "mode", "result", "complaint"), RESULTS)
def test_results_are_held_against_the_model_of_their_api(
    integration: str, mode: str, result: JSON, complaint: str | None
) -> None:
    resource = parse_resource(f"arn:aws:states:::{integration}")
    assert resource is not None
    if complaint is None:
        check_result(resource, result, strict=mode == "STRICT")
        return
    with pytest.raises(ServiceError) as refused:
        check_result(resource, result, strict=mode == "STRICT")
    assert refused.value.message == f"Mock result schema validation error: {complaint}"


def test_without_botocore_every_result_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    models._model.cache_clear()
    monkeypatch.setitem(sys.modules, "botocore.loaders", None)
    resource = parse_resource("arn:aws:states:::sqs:sendMessage")
    assert resource is not None
    check_result(resource, {"MessageId": 1}, strict=True)
    models._model.cache_clear()


# --------------------------------------------------------------------------------------------------------------
# the context object


CONTEXT: JSON = {"Execution": {"Id": "e"}, "State": {"Name": "s"}, "Other": 1}


def dump(**fields: JSON) -> dict[str, JSON]:
    return {
        "Type": "Task",
        "QueryLanguage": "JSONata",
        "Resource": f"{LAMBDA}echo",
        "Output": "{% $states.context %}",
        "End": True,
        **fields,
    }


def test_a_given_context_is_all_there_is() -> None:
    assert perform(request(dump(), context=CONTEXT, mock={"result": 1}))["output"] == CONTEXT


def test_a_context_is_made_as_in_an_express_execution() -> None:
    sent = request(
        dump(), input={"i": 1}, roleArn=ROLE, mock={"result": 1}, stateConfiguration={"retrierRetryCount": 2}
    )
    made = perform(sent)["output"]
    machine, name = made["StateMachine"]["Name"], made["Execution"]["Name"]
    assert made["Execution"] == {
        "Id": f"arn:aws:states:us-east-1:123456789012:express:{machine}:{name}",
        "Input": {"i": 1},
        "Name": name,
        "RoleArn": ROLE,
        "StartTime": "2025-03-01T12:00:00Z",
    }
    assert made["StateMachine"]["Id"] == f"arn:aws:states:us-east-1:123456789012:stateMachine:{machine}"
    assert made["State"] == {"Name": "StateName", "EnteredTime": "2025-03-01T12:00:00Z", "RetryCount": 2}
    assert "Task" not in made


def test_a_task_that_is_answered_from_outside_has_a_token() -> None:
    waiting = dump(
        Resource="arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        Arguments={"QueueUrl": "q", "MessageBody": "{% $states.context.Task.Token %}"},
    )
    answer = perform(request(waiting, mock={"result": 1}))
    assert answer["inspectionData"]["afterArguments"]["MessageBody"] == answer["output"]["Task"]["Token"]


# --------------------------------------------------------------------------------------------------------------
# what is refused

VALIDATION = "ValidationException"
INVALID = "InvalidDefinition"
PASS: dict[str, JSON] = {"Type": "Pass", "End": True}
TASK: dict[str, JSON] = {"Type": "Task", "Resource": f"{LAMBDA}echo", "End": True}
OK = {"result": "1"}
BAD_CONTEXT = "Invalid Context object provided: "

#: (state, request members, error code, message or the beginning of it).
REFUSED: list[tuple[Any, dict[str, Any], str, str]] = [
    ("", {}, INVALID, "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON"),
    ("{", {}, INVALID, "Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: "),
    ("{}}", {}, INVALID, "Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: "),
    (
        {},
        {},
        INVALID,
        (
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [Type] at"
            " /States/StateName'"
        ),
    ),
    (
        MACHINE,
        {},
        INVALID,
        ("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [Type] at"),
    ),
    (
        PASS,
        {"stateName": "A"},
        INVALID,
        (
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are "
            "required: [States, StartAt] at /"
        ),
    ),
    (MACHINE, {"stateName": "Nope"}, VALIDATION, "State not found in definition"),
    (PASS, {"roleArn": "role"}, "InvalidArn", "Invalid Role Arn: 'role'"),
    (PASS, {"input": "{"}, "InvalidExecutionInput", "Invalid State Machine Execution Input: "),
    (PASS, {"variables": "[]"}, VALIDATION, "Variables must be a valid JSON object."),
    (PASS, {"variables": "{"}, VALIDATION, "Variables must be a valid JSON object."),
    (PASS, {"context": {}}, VALIDATION, "TestState does not support Context when a mock is not specified."),
    (
        PASS,
        {"stateConfiguration": {"retrierRetryCount": 0}},
        VALIDATION,
        ("TestState does not support RetrierRetryCount when a mock is not specified."),
    ),
    (TASK, {}, VALIDATION, "RoleArn must be specified when testing a Task state"),
    (
        {**TASK, "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": "a"}},
        {"roleArn": ROLE},
        INVALID,
        "TestState API does not support the '.sync' service integration pattern",
    ),
    (
        {**TASK, "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"},
        {"roleArn": ROLE},
        INVALID,
        "TestState API does not support Activity tasks",
    ),
    (
        TASK,
        {"mock": {}},
        VALIDATION,
        "A test mock should have only one of the following fields: [result, errorOutput].",
    ),
    (
        TASK,
        {"mock": {**OK, **DECLINED}},
        VALIDATION,
        ("A test mock should have only one of the following fields: [result, errorOutput]."),
    ),
    (TASK, {"mock": {"errorOutput": {"cause": "c"}}}, VALIDATION, "A mocked errorOutput must have an error."),
    (
        TASK,
        {"mock": OK, "revealSecrets": True},
        VALIDATION,
        ("TestState does not support RevealSecrets when a mock is specified."),
    ),
    (TASK, {"mock": {"result": "{"}}, VALIDATION, "Mocked result must be valid JSON"),
    (
        {**PUT_ITEM, "Parameters": PUT_ITEM_PARAMETERS},
        {"mock": {"result": {"Attributes": 1}}},
        VALIDATION,
        "Mock result schema validation error: Field 'Attributes' must be an object",
    ),
    (TASK, {"mock": OK, "context": "{"}, VALIDATION, f"{BAD_CONTEXT}Context object must be valid JSON"),
    (TASK, {"mock": OK, "context": []}, VALIDATION, f"{BAD_CONTEXT}Context object must be a JSON object"),
    (TASK, {"mock": OK, "context": {"State": 1}}, VALIDATION, f"{BAD_CONTEXT}State must be an object"),
    (
        TASK,
        {"mock": OK, "context": {"State": {"RetryCount": "1"}}},
        VALIDATION,
        (f"{BAD_CONTEXT}State.RetryCount must be a number"),
    ),
    (
        TASK,
        {"mock": OK, "context": {"State": {"RetryCount": True}}},
        VALIDATION,
        (f"{BAD_CONTEXT}State.RetryCount must be a number"),
    ),
    (
        distributed(),
        {"mock": DECLINED, "stateConfiguration": {"errorCausedByState": "Nope"}},
        VALIDATION,
        "ErrorCausedByState must be the name of a state within the state under test.",
    ),
    (
        distributed(
            ItemReader={
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON", "ItemsPointer": "/a"},
            }
        ),
        {"mock": {"result": []}, "stateConfiguration": {"mapItemReaderData": "{}"}},
        VALIDATION,
        "MapItemReaderData is not what the ItemReader reads: The data has nothing at the ItemsPointer '/a'",
    ),
    (
        distributed(ItemReader={"Resource": "arn:aws:states:::s3:getObject"}),
        {"mock": {"result": []}, "stateConfiguration": {"mapItemReaderData": "a,b"}},
        VALIDATION,
        "MapItemReaderData is not what the ItemReader reads: The data is not valid JSON",
    ),
]


@pytest.mark.parametrize(("state", "members", "code", "message"), REFUSED)
def test_requests_that_make_no_sense_are_refused(state: Any, members: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ServiceError) as refused:
        perform(request(state, **members))
    assert refused.value.code == code
    assert refused.value.message.startswith(message)


# --------------------------------------------------------------------------------------------------------------
# beside executions


class Watching(Observer):
    def __init__(self) -> None:
        self.seen = 0

    def execution_started(self, run: Any) -> None:
        self.seen += 1


def test_nobody_takes_a_test_for_an_execution() -> None:
    watching = Watching()
    perform(request(PASS), observers=(watching,))
    assert watching.seen == 0


def test_tests_are_bounded_and_end_with_the_service() -> None:
    waiting = request({"Type": "Wait", "Seconds": 200, "End": True})
    refusals = []

    async def main() -> None:
        async with Service(drain_timeout=10) as service:
            running = [asyncio.ensure_future(service.tests.test(waiting)) for _ in range(MAX_TESTS)]
            await asyncio.sleep(1)
            with pytest.raises(ServiceError) as throttled:
                await service.tests.test(waiting)
            refusals.append(throttled.value.code)
        ends = await asyncio.gather(*running, return_exceptions=True)
        refusals.extend({end.code for end in ends if isinstance(end, ServiceError)})
        with pytest.raises(ServiceError) as closed:
            await service.tests.test(waiting)
        refusals.append(closed.value.code)

    run_virtual(main())
    assert refusals == ["ThrottlingException", "ServiceUnavailable", "ServiceUnavailable"]


def test_a_long_definition_is_read_in_a_thread() -> None:
    assert perform(request({**PASS, "Comment": "c" * 20_000}))["status"] == "SUCCEEDED"
