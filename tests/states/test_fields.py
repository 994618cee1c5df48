"""The fields of each type of state: what they take and what is said about the rest, a row each.

What the states do is in tests/cases.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from express.compiler import check
from express.definition import messages
from express.definition.document import load_definition
from express.definition.render import render_text
from express.expressions.comparisons import OPERATORS
from express.states.registry import STATE_TYPES
from tests.runtime.machines import each, machine, parallel, state, task, wait

if TYPE_CHECKING:
    from express.definition.problems import Problem

CONSEQUENCES = ('State "B" is not reachable.', 'State "Z" is not reachable.', "Workflow has no terminal state")
INNER = machine(In=state("Pass"))
REQUIRED = "These fields are required: "


def only_one(*names: str) -> str:
    return messages.only_one_of(names)


def template(name: str, field: str) -> str:
    """What is said of a computed field whose value cannot be computed; AWS places it at the template."""
    return f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call at /{field}"


def service(action: str, **fields: Any) -> dict[str, Any]:
    return state("Task", Resource=f"arn:aws:states:::{action}", **fields)


MISSING = "The field '{}' is required but was missing"
TEST = {"Variable": "$", "IsNull": True}
KINDS = "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"
WAITS = ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")

#: (state A, what is wrong with it and where, from the state on).
WRONG: list[tuple[dict[str, Any], str]] = [
    # Wait
    (state("Wait"), f"This object should have only one of the following fields: [{', '.join(WAITS)}] at "),
    (wait(1, SecondsPath="$.s"), f"{only_one(*WAITS)} at "),
    (wait(-1), "Minimum value is 0 at /Seconds"),
    (wait(100_000_000), "Maximum value is 99999999 at /Seconds"),
    (state("Wait", Seconds="1"), "Expected value of type Integer at /Seconds"),
    (state("Wait", Seconds=True), "Expected value of type Integer at /Seconds"),
    (state("Wait", Timestamp="2025-01-01"), "String does not match RFC3339 timestamp at /Timestamp"),
    (state("Wait", SecondsPath="seconds"), "Value must be a valid JSONPath. at /SecondsPath"),
    # Fail
    (state("Fail", Error=1), "Expected value of type [STRING] at /Error"),
    (state("Fail", Error="x" * 257), "Maximum length is 256 at /Error"),
    (state("Fail", Error="X", ErrorPath="$.e"), f"{only_one('Error', 'ErrorPath')} at "),
    (state("Fail", Cause="X", CausePath="$.e"), f"{only_one('Cause', 'CausePath')} at "),
    (state("Fail", CausePath="cause"), "Value must be a valid JSONPath. at /CausePath"),
    (
        state("Fail", CausePath="States.Format("),
        "The value for the field 'CausePath' must be a valid JSONPath or a valid intrinsic function call at /CausePath",
    ),
    (state("Fail", ErrorPath="$["), "Value must be a valid JSONPath. at /ErrorPath"),
    (state("Fail", Cause="x" * 32_769), "Maximum length is 32768 at /Cause"),
    (state("Fail", End=True), "Field 'End' is not supported at "),
    (state("Fail", InputPath="$"), "Field 'InputPath' is not supported at "),
    # Succeed
    (state("Succeed", End=True), "Field 'End' is not supported at "),
    (state("Succeed", ResultPath="$.x"), "Field 'ResultPath' is not supported at "),
    # Choice
    (state("Choice"), f"{REQUIRED}[Choices] at "),
    (state("Choice", Choices=[]), "Value cannot be empty at /Choices"),
    (state("Choice", Choices={}), "Expected value of type [ARRAY] at /Choices"),
    (state("Choice", Choices=[{"Variable": "$", "IsNull": True}]), f"{REQUIRED}[Next] at /Choices[0]"),
    (
        state("Choice", Choices=[{"Next": "B"}]),
        "The object must have only one of the following fields, [And, Or, Not, Variable, Condition] at /Choices[0]",
    ),
    (state("Choice", Choices=[{"And": [], "Next": "B"}]), "Value cannot be empty at /Choices[0]/And"),
    (
        state("Choice", Choices=[{"Variable": "$", "NumericEquals": "1", "Next": "B"}]),
        "Expected value of type Number at /Choices[0]/NumericEquals",
    ),
    (
        state("Choice", Choices=[{"Variable": "$", "StringEquals": 1, "Next": "B"}]),
        "Expected value of type String at /Choices[0]/StringEquals",
    ),
    (
        state("Choice", Choices=[{"Variable": "$", "IsNull": "true", "Next": "B"}]),
        "Expected value of type Boolean at /Choices[0]/IsNull",
    ),
    (
        state("Choice", Choices=[{"Variable": "$[*]", "IsNull": True, "Next": "B"}]),
        "Value is not a Reference Path: '[' must be followed by ' or '[' at /Choices[0]/Variable",
    ),
    (
        state("Choice", Choices=[{"Not": {"Variable": "$", "IsNull": True, "Next": "B"}, "Next": "B"}]),
        "Field 'Next' is not supported at /Choices[0]/Not",
    ),
    (state("Choice", Choices=[1]), "Expected value of type [OBJECT] at /Choices[0]"),
    (state("Choice", Choices=[{**TEST, "And": []}]), f"{KINDS} at /Choices[0]"),
    (state("Choice", Choices=[{"IsNull": True, "Next": "B"}]), f"{KINDS} at /Choices[0]"),
    (state("Choice", Choices=[{**TEST, "Not": TEST, "Next": "B"}]), f"{KINDS} at /Choices[0]"),
    (
        state("Choice", Choices=[{"Variable": "$", "Next": "B"}]),
        f"{messages.exactly_one_of(OPERATORS)} at /Choices[0]",
    ),
    (
        state("Choice", Choices=[{"Variable": "a"}]),
        "Value is not a Reference Path: Reference path didn't start with '$' at /Choices[0]/Variable",
    ),
    (state("Choice", Choices=[{**TEST, "IsString": True}]), f"{only_one(*OPERATORS)} at /Choices[0]"),
    (state("Choice", Choices=[{"And": [TEST], "IsNull": True}]), "Field 'IsNull' is not supported at /Choices[0]"),
    (state("Choice", Choices=[{"And": TEST}]), "Expected value of type [ARRAY] at /Choices[0]/And"),
    (state("Choice", Choices=[{"Or": []}]), "Value cannot be empty at /Choices[0]/Or"),
    (state("Choice", Choices=[{"Or": [1]}]), "Expected value of type [OBJECT] at /Choices[0]/Or[0]"),
    (state("Choice", Choices=[{"Not": []}]), "Expected value of type [OBJECT] at /Choices[0]/Not"),
    (state("Choice", Choices=[{"Or": [{**TEST, "Next": "B"}]}]), "Field 'Next' is not supported at /Choices[0]/Or[0]"),
    (
        state("Choice", Choices=[{"Or": [{**TEST, "Assign": {}}]}]),
        "Field 'Assign' is not supported at /Choices[0]/Or[0]",
    ),
    (
        state("Choice", Choices=[{"Variable": "a", "IsNull": True}]),
        "Value is not a Reference Path: Reference path didn't start with '$' at /Choices[0]/Variable",
    ),
    (
        state("Choice", Choices=[{"Variable": "$", "StringEqualsPath": "a"}]),
        "Value is not a Reference Path: Reference path didn't start with '$' at /Choices[0]/StringEqualsPath",
    ),
    (
        state("Choice", Choices=[{"Variable": "$", "NumericEqualsPath": 1}]),
        "Expected value of type [STRING] at /Choices[0]/NumericEqualsPath",
    ),
    (
        state("Choice", Choices=[{"Variable": "$", "BooleanEquals": "true"}]),
        "Expected value of type Boolean at /Choices[0]/BooleanEquals",
    ),
    (
        state("Choice", Choices=[{"Variable": "$", "TimestampEquals": "noon"}]),
        "String does not match RFC3339 timestamp at /Choices[0]/TimestampEquals",
    ),
    (state("Choice", Choices=[TEST], Default=1), "Expected value of type [STRING] at /Default"),
    (state("Choice", Choices=[TEST], End=True), "Field 'End' is not supported at "),
    (state("Choice", Choices=[{"Variable": "$", "IsNull": True, "Next": "B"}], Next="B"), "Field 'Next' is not supported at "),
    # Task
    (state("Task", Resource=None), "Expected value of type [STRING] at /Resource"),
    (state("Task"), f"{REQUIRED}[Resource] at "),
    (state("Task", Resource="work"), "Value is not a valid resource ARN at /Resource"),
    (task("work", TimeoutSeconds=0), "Minimum value is 1 at /TimeoutSeconds"),
    (task("work", TimeoutSeconds=1.5), "Expected value of type Integer at /TimeoutSeconds"),
    (task("work", TimeoutSeconds=1, TimeoutSecondsPath="$.t"), f"{only_one('TimeoutSeconds', 'TimeoutSecondsPath')} at "),
    (
        task("work", HeartbeatSeconds=1, HeartbeatSecondsPath="$.t"),
        f"{only_one('HeartbeatSeconds', 'HeartbeatSecondsPath')} at ",
    ),
    (task("work", Credentials={}), "The field 'RoleArn' is required but was missing at /Credentials"),
    (task("work", Credentials="role"), "Expected value of type [OBJECT] at /Credentials"),
    (task("work", ResultPath="$$.x"), "Value is not a Reference Path at /ResultPath"),
    (task("work", Parameters={"x.$": "nothing"}), "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call at /Parameters"),
    (task("work", TimeoutSeconds=100_000_000), "Maximum value is 99999999 at /TimeoutSeconds"),
    (task("work", HeartbeatSeconds=0), "Minimum value is 1 at /HeartbeatSeconds"),
    (task("work", HeartbeatSeconds=100_000_000), "Maximum value is 99999999 at /HeartbeatSeconds"),
    (
        task("work", TimeoutSeconds=5, HeartbeatSeconds=5),
        "The value of 'HeartbeatSeconds' must be smaller than 'TimeoutSeconds' at /HeartbeatSeconds",
    ),
    (task("work", TimeoutSecondsPath="t"), "Value must be a valid JSONPath. at /TimeoutSecondsPath"),
    (task("work", HeartbeatSecondsPath="$..h"), "Value is not a Reference Path at /HeartbeatSecondsPath"),
    (task("work", ResultPath="$.a[*]"), "Value is not a Reference Path at /ResultPath"),
    (task("work", ResultPath="$variable"), "Value is not a Reference Path at /ResultPath"),
    (task("work", ResultPath=1), "Expected value of type [STRING] at /ResultPath"),
    (task("work", ResultSelector={"x.$": 1}), template("x.$", "ResultSelector")),
    (task("work", Credentials={"RoleArn.$": "role"}), template("RoleArn.$", "Credentials")),
    (service("sqs:sendMessage"), "Parameters field is required for resource ARN: arn:aws:states:::sqs:sendMessage at "),
    (
        service("aws-sdk:s3:listBuckets"),
        "Parameters field is required for resource ARN: arn:aws:states:::aws-sdk:s3:listBuckets at ",
    ),
    (service("sqs:sendMessage", Parameters={"QueueUrl": "q"}), f"{MISSING.format('MessageBody')} at /Parameters"),
    (service("dynamodb:getItem", Parameters={"Key": {}}), f"{MISSING.format('TableName')} at /Parameters"),
    (service("lambda:invoke", Parameters={"Payload": 1}), f"{MISSING.format('FunctionName')} at /Parameters"),
    # Pass
    (state("Pass", Seconds=1), "Field 'Seconds' is not supported at "),
    (state("Pass", Resource="r"), "Field 'Resource' is not supported at "),
    (state("Pass", InputPath="a"), "Value must be a valid JSONPath. at /InputPath"),
    (state("Pass", OutputPath=1), "Expected value of type [STRING] at /OutputPath"),
    (state("Pass", Parameters=[]), "Expected value of type [OBJECT] at /Parameters"),
    (state("Pass", Parameters={"a": 1, "a.$": "$"}), "The field 'a' is given both as 'a' and as 'a.$' at /Parameters"),
    (state("Pass", Parameters={"a.$": "States.Nothing()"}), template("a.$", "Parameters")),
    (state("Pass", Parameters={"a": [{"b.$": "$["}]}), template("b.$", "Parameters")),
    (state("Pass", Assign=1), "Expected value of type [OBJECT] at /Assign"),
    (state("Pass", Assign={"a.$": "b"}), template("a.$", "Assign")),
    ({"Type": "Pass", "End": "yes"}, "Expected value of type [BOOLEAN] at /End"),
    (state("Pass", Next=1), "Expected value of type [STRING] at /Next"),
    # Parallel
    (state("Parallel"), f"{REQUIRED}[Branches] at "),
    (state("Parallel", Branches=[]), "Value cannot be empty at /Branches"),
    (state("Parallel", Branches=[{}]), f"{REQUIRED}[States, StartAt] at /Branches[0]"),
    (state("Parallel", Branches={}), "Expected value of type [ARRAY] at /Branches"),
    (state("Parallel", Branches=[1]), "Expected value of type [OBJECT] at /Branches[0]"),
    (parallel({"StartAt": "B", "States": {}}), "Value cannot be empty at /Branches[0]/States"),
    (parallel({**INNER, "Version": "1.0"}), "Field 'Version' is not supported at /Branches[0]"),
    (parallel({**INNER, "ProcessorConfig": {}}), "Field 'ProcessorConfig' is not supported at /Branches[0]"),
    (parallel(INNER, TimeoutSeconds=1), "Field 'TimeoutSeconds' is not supported at "),
    (parallel(INNER, MaxConcurrency=1), "Field 'MaxConcurrency' is not supported at "),
    # Map
    (state("Map"), "This object should have only one of the following fields: [ItemProcessor, Iterator] at "),
    (state("Map", ItemProcessor=[]), "Expected value of type [OBJECT] at /ItemProcessor"),
    (state("Map", ItemProcessor={}), f"{REQUIRED}[States, StartAt] at /ItemProcessor"),
    (each(INNER, TimeoutSeconds=1), "Field 'TimeoutSeconds' is not supported at "),
    (each(INNER, MaxConcurrency=1.5), "Expected value of type Integer at /MaxConcurrency"),
    (each(INNER, MaxConcurrencyPath="$.a[*]"), "Value is not a Reference Path at /MaxConcurrencyPath"),
    (each(INNER, ItemsPath="items"), "Value must be a valid JSONPath. at /ItemsPath"),
    (each(INNER, ItemsPath="$.a[*]"), "Value is not a Reference Path at /ItemsPath"),
    (each(INNER, ItemSelector=[]), "Expected value of type [OBJECT] at /ItemSelector"),
    (each(INNER, ToleratedFailureCount=-1), "Minimum value is 0 at /ToleratedFailureCount"),
    (each(INNER, ToleratedFailurePercentage=101), "Maximum value is 100.0 at /ToleratedFailurePercentage"),
    (
        each(INNER, ToleratedFailurePercentage=1, ToleratedFailurePercentagePath="$.p"),
        f"{only_one('ToleratedFailurePercentage', 'ToleratedFailurePercentagePath')} at ",
    ),
    (each({**INNER, "TimeoutSeconds": 1}), "Field 'TimeoutSeconds' is not supported at /ItemProcessor"),
    (
        each({**INNER, "ProcessorConfig": {"Mode": "INLINE", "ExecutionType": "EXPRESS"}}),
        "Field 'ExecutionType' is not supported at /ItemProcessor/ProcessorConfig",
    ),
    (
        each({**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}),
        f"{REQUIRED}[ExecutionType] at /ItemProcessor/ProcessorConfig",
    ),
    (
        each({**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "FAST"}}),
        "Value should be one of the following: [STANDARD, EXPRESS] at /ItemProcessor/ProcessorConfig/ExecutionType",
    ),
    (each(INNER, Iterator=machine(Other=state("Pass"))), f"{only_one('ItemProcessor', 'Iterator')} at "),
    (each(INNER, MaxConcurrency=-1), "Minimum value is 0 at /MaxConcurrency"),
    (each(INNER, MaxConcurrency=1, MaxConcurrencyPath="$.m"), f"{only_one('MaxConcurrency', 'MaxConcurrencyPath')} at "),
    (each(INNER, ItemSelector={}, Parameters={}), f"{only_one('ItemSelector', 'Parameters')} at "),
    (
        each({**INNER, "ProcessorConfig": {"Mode": "SOMEWHERE"}}),
        "Value should be one of the following: [INLINE, DISTRIBUTED] at /ItemProcessor/ProcessorConfig/Mode",
    ),
    (each({**INNER, "ProcessorConfig": {"Speed": 1}}), "Field 'Speed' is not supported at /ItemProcessor/ProcessorConfig"),
    (each(INNER, ItemBatcher={}), "Field 'ItemBatcher' is not supported at "),
    (each(INNER, Label="l"), "Field 'Label' is not supported at "),
]  # fmt: skip


def found(definition: dict[str, Any], **options: Any) -> list[Problem]:
    """What is wrong with a machine, but for what follows from there being no way to the state B."""
    problems = check(load_definition(json.dumps(definition, indent=1)), **options)
    return [problem for problem in problems if problem.message not in CONSEQUENCES]


def problems(definition: dict[str, Any], **options: Any) -> list[str]:
    return [str(problem) for problem in found(definition, **options)]


@pytest.mark.parametrize(("wrong", "expected"), WRONG)
def test_what_is_wrong(wrong: dict[str, Any], expected: str) -> None:
    message, _, place = expected.rpartition(" at ")
    wanted = f"SCHEMA_VALIDATION_FAILED: {message} at /States/A{place}"
    told = {str(problem): problem for problem in found({"StartAt": "A", "States": {"A": wrong, "B": state("Succeed")}})}
    assert wanted in told
    frame = render_text([told[wanted]], source_name="w.json")
    assert re.search(r"^ *--> w\.json:\d+:\d+ \(", frame, re.MULTILINE)
    assert re.search(r"^ *\| +\^+$", frame, re.MULTILINE)


RIGHT: list[dict[str, Any]] = [
    wait(0),
    wait(99_999_999),
    state("Wait", Timestamp="2025-01-01T00:00:00.123456789+01:00"),
    state("Wait", SecondsPath="$$.Execution.Input.s"),
    state("Fail"),
    state("Fail", Error="E" * 256, Cause="c" * 32_768),
    state("Fail", ErrorPath="$.e", CausePath="States.Format('{}', $.c)"),
    state("Succeed", InputPath="$.a", OutputPath="$.b"),
    state("Pass", Result=None, ResultPath=None, InputPath=None, OutputPath=None),
    state("Pass", Parameters={"a.$": "$.b[0]['c d']", "b.$": "$$.State.Name", "c.$": "States.UUID()"}),
    task("work", TimeoutSeconds=99_999_999, HeartbeatSeconds=1),
    task("work", TimeoutSecondsPath="$.t", HeartbeatSecondsPath="$.h"),
    task("work", Credentials={"RoleArn.$": "$.r"}),
    parallel(INNER, Parameters={}, ResultSelector={}, ResultPath="$.x", Retry=[], Catch=[], Assign={}),
    each(INNER, ItemsPath="$.a['b c'][0]", ItemSelector={"i.$": "$$.Map.Item.Index"}, MaxConcurrency=0),
    each({**INNER, "ProcessorConfig": {}}),
    each({**INNER, "ProcessorConfig": {"Mode": "INLINE"}}),
    state("Map", Iterator=INNER, Parameters={}, MaxConcurrencyPath="$.m"),
    each(INNER, ToleratedFailureCount=1, ToleratedFailurePercentage=0.5),
]


STANDARD_PATTERNS: dict[str, dict[str, Any]] = {
    "ecs:runTask.sync": {"TaskDefinition": "t"},
    "states:startExecution.sync:2": {"StateMachineArn": "m"},
    "glue:startJobRun.sync": {"JobName.$": "$.job"},
    "sns:publish.waitForTaskToken": {"Message": "m"},
    "ecs:runTask.waitForTaskToken": {"TaskDefinition": "t"},
}


@pytest.mark.parametrize(("action", "parameters"), STANDARD_PATTERNS.items())
def test_patterns_of_standard_machines(action: str, parameters: dict[str, Any]) -> None:
    assert problems(machine(A=service(action, Parameters=parameters)), type="STANDARD") == []


def test_an_activity_takes_no_credentials() -> None:
    activity = "arn:aws:states:us-east-1:123456789012:activity:Work"
    definition = machine(A=state("Task", Resource=activity, Credentials={"RoleArn": "r"}))
    assert problems(definition, type="STANDARD") == [
        "SCHEMA_VALIDATION_FAILED: The field 'Credentials' is not supported for activities at /States/A/Credentials"
    ]


@pytest.mark.parametrize("right", RIGHT)
def test_what_is_right(right: dict[str, Any]) -> None:
    assert problems(machine(A=right)) == []


RESOURCES: dict[str, bool] = {
    "arn:aws:lambda:us-east-1:123456789012:function:F": True,
    "arn:aws:lambda:us-east-1:123456789012:function:F:7": True,
    "arn:aws:lambda:us-east-1:123456789012:function:F:$LATEST": True,
    "arn:aws-cn:lambda:cn-north-1:123456789012:function:F": True,
    "arn:aws:states:::lambda:invoke": True,
    "arn:aws:states:us-east-1:123456789012:lambda:invoke": True,
    "arn:aws:states:::dynamodb:getItem": True,
    "arn:aws:states:::aws-sdk:s3:getObject": True,
    "arn:aws:states:::http:invoke": True,
    "${WorkFunctionArn}": True,
    "arn:aws:lambda:${Region}:${Account}:function:F": True,
    "arn:aws:lambda:us-east-1:1:function:F": False,
    "arn:aws:lambda:us-east-1:123456789012:F": False,
    "arn:aws:states:::states:startExecution": True,
    "arn:aws:states:::lambda:fly": False,
    "arn:aws:states:::lambda:invoke.sync": False,
    "arn:aws:states:::http:invoke.sync": False,
    "arn:aws:states:::http:invoke.waitForTaskToken": False,
    "arn:aws:states:::aws-sdk:s3:getObject.sync": False,
    "arn:aws:states:::ecs:runTask.sync:2": False,
    "arn:aws:states:::glue:startJobRun.waitForTaskToken": False,
    "arn:aws:states:::nosuch:service": False,
    "arn:aws:states:::lambda:invoke.sync:3": False,
    "lambda:invoke": False,
    "": False,
}


@pytest.mark.parametrize(("resource", "known"), RESOURCES.items())
def test_resources(resource: str, known: bool) -> None:
    parameters = {"FunctionName": "F", "TableName": "T", "Key": {}, "StateMachineArn": "M"}
    told = problems(machine(A=state("Task", Resource=resource, Parameters=parameters)))
    if known:
        assert told == []
    else:
        [line] = told
        assert "is not recognized" in line or "Value is not a valid resource ARN" in line
        assert line.endswith(" at /States/A/Resource")


def test_the_eight_types_in_the_order_of_aws() -> None:
    assert list(STATE_TYPES) == ["Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map"]


COMMON = ("Comment", "QueryLanguage", "InputPath", "OutputPath", "Assign")
#: Which types have which of the fields several have (ASL spec, "State Types").
HAVE: dict[str, set[str]] = {
    "Task": {*COMMON, "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "Next"},
    "Parallel": {*COMMON, "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "Next"},
    "Map": {*COMMON, "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "Next"},
    "Pass": {*COMMON, "Parameters", "ResultPath", "Next"},
    "Wait": {*COMMON, "Next"},
    "Choice": {*COMMON},
    "Succeed": {*COMMON} - {"Assign"},
    "Fail": {"Comment", "QueryLanguage"},
}
VALUES: dict[str, Any] = {
    "Comment": "c",
    "QueryLanguage": "JSONPath",
    "InputPath": "$",
    "OutputPath": "$",
    "Assign": {},
    "Parameters": {},
    "ResultSelector": {},
    "ResultPath": "$",
    "Retry": [],
    "Catch": [],
    "Next": "Z",
}
BARE: dict[str, dict[str, Any]] = {
    "Task": task("work"),
    "Parallel": parallel(INNER),
    "Map": each(INNER),
    "Pass": state("Pass"),
    "Wait": wait(1),
    "Choice": state("Choice", Choices=[{"Variable": "$", "IsNull": True, "Next": "Z"}]),
    "Succeed": state("Succeed"),
    "Fail": state("Fail"),
}


@pytest.mark.parametrize("field", VALUES)
@pytest.mark.parametrize("kind", BARE)
def test_which_state_has_which_field(kind: str, field: str) -> None:
    definition = {**BARE[kind], field: VALUES[field]}
    if field == "Next" and field in HAVE[kind]:
        del definition["End"]
    told = problems({"StartAt": "A", "States": {"A": definition, "Z": state("Succeed")}})
    expected = f"SCHEMA_VALIDATION_FAILED: Field '{field}' is not supported at /States/A"
    assert told == ([] if field in HAVE[kind] else [expected])
