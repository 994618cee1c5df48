"""TestState through the endpoint: every recorded call made again with boto3, and the aws CLI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest

from tests.api.test_aws_cli import AWS, aws
from tests.api.test_recorded import differences
from tests.expressions.recorded import case_params, recorded

if TYPE_CHECKING:
    from express.service import Service
    from express.types import JSON
    from tests.api.serving import Served


def as_sent(request: dict[str, Any]) -> dict[str, Any]:
    """A recorded request in the form in which it was sent: its definition and input are texts."""
    return {name: json.dumps(value) if name in ("definition", "input") else value for name, value in request.items()}


def read(value: JSON) -> JSON:
    """A value with JSON in its strings read: recordings have objects there as objects, arrays as other text."""
    if isinstance(value, dict):
        return {name: read(member) for name, member in value.items()}
    if isinstance(value, list):
        return [read(member) for member in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        return read(json.loads(value))
    return value


@pytest.mark.parametrize("case", case_params(recorded("test_state/*.json")))
def test_recorded_tests_of_states(case: dict[str, Any], client: Any) -> None:
    request, expected = as_sent(case["request"]), case["expected"]
    if expected.get("error_code") == "ParamValidationError":
        with pytest.raises(botocore.exceptions.ParamValidationError) as refused:
            client.test_state(**request)
        assert str(refused.value) == expected["message"]
    elif "error_code" in expected:
        with pytest.raises(botocore.exceptions.ClientError) as failed:
            client.test_state(**request)
        assert failed.value.response["Error"] == {"Code": expected["error_code"], "Message": expected["message"]}
    else:
        answer = client.test_state(**request)
        del answer["ResponseMetadata"]
        assert list(differences(read(expected), read(answer), "$", frozenset(case["wildcards"]))) == []


def test_boto3_reads_every_member(client: Any) -> None:
    """What botocore's own model of the answer makes of it: numbers as numbers, nothing left over."""
    answer = client.test_state(
        definition=json.dumps(
            {
                "Type": "Map",
                "MaxConcurrency": 2,
                "ToleratedFailureCount": 0,
                "ToleratedFailurePercentage": 1.5,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                    "StartAt": "A",
                    "States": {"A": {"Type": "Pass", "End": True}},
                },
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 7}],
                "End": True,
            }
        ),
        input="[1]",
        inspectionLevel="DEBUG",
        variables='{"v":1}',
        mock={"result": "[1]"},
        stateConfiguration={"mapIterationFailureCount": 1},
    )
    del answer["ResponseMetadata"]
    assert answer == {
        "status": "RETRIABLE",
        "error": "States.ExceedToleratedFailureThreshold",
        "cause": "The specified tolerated failure threshold was exceeded",
        "inspectionData": {
            "input": "[1]",
            "afterInputPath": "[1]",
            "afterItemsPath": "[1]",
            "maxConcurrency": 2,
            "toleratedFailureCount": 0,
            "toleratedFailurePercentage": 1.5,
            "variables": '{"v":1}',
            "errorDetails": {"retryIndex": 0, "retryBackoffIntervalSeconds": 7},
        },
    }


@pytest.mark.slow
def test_the_aws_cli_tests_a_state(served: Served, service: Service) -> None:
    if not AWS.exists():
        pytest.skip(f"no aws CLI beside {AWS.parent}")
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}}
    command = ("test-state", "--definition", json.dumps({**state, "Next": "After"}))
    answer = aws(served, *command, "--inspection-level", "DEBUG", "--mock", '{"result": "{\\"Payload\\": [1]}"}')
    assert (answer["status"], answer["output"], answer["nextState"]) == ("SUCCEEDED", '{"Payload":[1]}', "After")
    assert answer["inspectionData"]["afterParameters"] == '{"FunctionName":"f"}'
    refused = aws(served, *command)
    assert refused.endswith(
        "(ValidationException) when calling the TestState operation: RoleArn must be specified when testing a Task state"
    )
