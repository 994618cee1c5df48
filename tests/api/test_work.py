"""Who does the work behind the endpoint, through boto3: mocks, other machines, functions elsewhere, nobody."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from express.tasks import Tasks
from express.tasks.mocks import MockFile
from tests.api.serving import ACCOUNT
from tests.tasks.lambdas import Answer, emulator

if TYPE_CHECKING:
    from pathlib import Path

    from express.types import JSON
    from tests.api.serving import Served

ROLE = f"arn:aws:iam::{ACCOUNT.id}:role/r"
START = "arn:aws:states:::states:startExecution"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT.id}:function:Pay"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def machine(**state: JSON) -> dict[str, JSON]:
    return {"StartAt": "A", "States": {"A": {"End": True, **state}}}


def task(resource: str, **fields: JSON) -> dict[str, JSON]:
    return machine(Type="Task", Resource=resource, **fields)


def create(client: Any, name: str, definition: JSON, kind: str = "STANDARD") -> str:
    created = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind)
    arn: str = created["stateMachineArn"]
    return arn


def run(client: Any, arn: str, **parameters: JSON) -> Any:
    """A Standard execution from its start to its end."""
    execution = client.start_execution(stateMachineArn=arn, **parameters)["executionArn"]
    while (described := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        pass
    return described


# --------------------------------------------------------------------------------------------------------------
# mocks

MOCKS = {
    "StateMachines": {"orders": {"TestCases": {"Happy": {"A": "Paid"}, "Sad": {"A": "Broke"}}}},
    "MockedResponses": {
        "Paid": {"0": {"Return": {"paid": True}}},
        "Broke": {"0": {"Throw": {"Error": "Broke", "Cause": "no money"}}},
    },
}


@pytest.fixture
def mocked(served: Served, shared_client: Any, tmp_path: Path) -> Any:
    """boto3 against a service with a mock configuration."""
    path = tmp_path / "MockConfigFile.json"
    path.write_text(json.dumps(MOCKS))
    with served.renew(mocks=MockFile(path)):
        yield shared_client


def test_a_test_case_of_an_express_machine(mocked: Any) -> None:
    arn = create(mocked, "orders", task(FUNCTION), "EXPRESS")
    happy = mocked.start_sync_execution(stateMachineArn=f"{arn}#Happy")
    assert (happy["status"], happy["output"], happy["stateMachineArn"]) == ("SUCCEEDED", '{"paid":true}', arn)
    sad = mocked.start_sync_execution(stateMachineArn=f"{arn}#Sad")
    assert (sad["status"], sad["error"], sad["cause"]) == ("FAILED", "Broke", "no money")


def test_a_test_case_of_a_standard_machine(mocked: Any) -> None:
    """An execution of the machine like any other, with the history it would have had."""
    arn = create(mocked, "orders", task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", Parameters={
        "QueueUrl": "q", "MessageBody.$": "$$.Task.Token"
    }))  # fmt: skip
    described = run(mocked, f"{arn}#Happy", name="one")
    assert (described["status"], described["output"]) == ("SUCCEEDED", '{"paid":true}')
    assert (described["stateMachineArn"], described["executionArn"]) == (
        arn,
        f"{arn.replace('stateMachine', 'execution')}:one",
    )
    assert [found["name"] for found in mocked.list_executions(stateMachineArn=arn)["executions"]] == ["one"]
    assert (run(mocked, f"{arn}#Sad")["error"]) == "Broke"


def test_what_cannot_be_mocked(mocked: Any) -> None:
    arn = create(mocked, "orders", task(FUNCTION), "EXPRESS")
    with pytest.raises(ClientError, match=r"has no test case 'Hapy' \(did you mean `Happy`\?\)") as caught:
        mocked.start_execution(stateMachineArn=f"{arn}#Hapy")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(mocked.exceptions.StateMachineDoesNotExist):
        mocked.start_execution(stateMachineArn=f"{arn}x#Happy")


def test_without_mocks_the_mark_is_part_of_the_name(client: Any) -> None:
    arn = create(client, "orders", task(FUNCTION))
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        client.start_execution(stateMachineArn=f"{arn}#Happy")


# --------------------------------------------------------------------------------------------------------------
# other machines


def test_a_machine_runs_another(client: Any) -> None:
    child = create(client, "child", machine(Type="Pass", Result={"Arg1": "argument1"}))
    parameters = {"StateMachineArn": child, "Name.$": "$.Name", "Input.$": "$.Input"}
    parent = create(client, "parent", task(f"{START}.sync:2", Parameters=parameters))
    described = run(client, parent, input='{"Name": "one", "Input": {"k": 1}}')
    output = json.loads(described["output"])
    assert (output["Input"], output["Output"], output["Status"]) == ({"k": 1}, {"Arg1": "argument1"}, "SUCCEEDED")
    execution = client.describe_execution(executionArn=output["ExecutionArn"])
    assert (execution["name"], execution["output"]) == ("one", '{"Arg1":"argument1"}')
    assert output["StartDate"] == round(execution["startDate"].timestamp() * 1000)


def test_a_standard_machine_runs_an_express_one(client: Any) -> None:
    child = create(client, "child", machine(Type="Pass", Result=[1]), "EXPRESS")
    resource = "arn:aws:states:::aws-sdk:sfn:startSyncExecution"
    parent = create(client, "parent", task(resource, Parameters={"StateMachineArn": child}, OutputPath="$.Output"))
    assert run(client, parent)["output"] == '"[1]"'


def test_an_express_machine_starts_a_standard_one(client: Any) -> None:
    child = create(client, "child", machine(Type="Pass"))
    parent = create(client, "parent", task(START, Parameters={"StateMachineArn": child}), "EXPRESS")
    answer = client.start_sync_execution(stateMachineArn=parent)
    assert answer["status"] == "SUCCEEDED", answer
    started = json.loads(answer["output"])["ExecutionArn"]
    assert [found["executionArn"] for found in client.list_executions(stateMachineArn=child)["executions"]] == [started]


def test_a_machine_that_is_not_there(client: Any) -> None:
    gone = f"arn:aws:states:us-east-1:{ACCOUNT.id}:stateMachine:gone"
    parent = create(client, "parent", task(START, Parameters={"StateMachineArn": gone}))
    described = run(client, parent)
    assert described["error"] == "StepFunctions.StateMachineDoesNotExistException"
    assert re.fullmatch(
        f"State Machine Does Not Exist: '{gone}' \\(Service: AWSStepFunctions; Status Code: 400; "
        f"Error Code: StateMachineDoesNotExist; Request ID: {UUID}; Proxy: null\\)",
        described["cause"],
    )


def test_stopping_the_parent_stops_the_child(client: Any) -> None:
    child = create(client, "child", machine(Type="Wait", Seconds=3600))
    parent = create(client, "parent", task(f"{START}.sync", Parameters={"StateMachineArn": child}))
    execution = client.start_execution(stateMachineArn=parent)["executionArn"]
    while not (started := client.list_executions(stateMachineArn=child)["executions"]):
        pass
    client.stop_execution(executionArn=execution)
    while client.describe_execution(executionArn=started[0]["executionArn"])["status"] == "RUNNING":
        pass
    statuses = [
        client.describe_execution(executionArn=arn)["status"] for arn in (execution, started[0]["executionArn"])
    ]
    assert statuses == ["ABORTED", "ABORTED"]


def test_a_callback_of_a_child(client: Any) -> None:
    """The child gets the token of its parent's task, and answers it."""
    child = create(client, "child", machine(Type="Wait", Seconds=3600))
    parameters = {"StateMachineArn": child, "Input": {"token.$": "$$.Task.Token"}}
    parent = create(client, "parent", task(f"{START}.waitForTaskToken", Parameters=parameters))
    execution = client.start_execution(stateMachineArn=parent)["executionArn"]
    while not (started := client.list_executions(stateMachineArn=child)["executions"]):
        pass
    token = json.loads(client.describe_execution(executionArn=started[0]["executionArn"])["input"])["token"]
    client.send_task_success(taskToken=token, output='"approved"')
    while (described := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        pass
    assert described["output"] == '"approved"'


# --------------------------------------------------------------------------------------------------------------
# functions elsewhere, and nobody


def test_functions_elsewhere(served: Served, shared_client: Any) -> None:
    with emulator() as lambdas:
        lambdas.answers["Pay"] = lambda call: Answer({"paid": call.payload})
        tasks = Tasks()
        tasks.http("*", lambdas.url)
        with served.renew(tasks):
            arn = create(shared_client, "orders", task(FUNCTION), "EXPRESS")
            answer = shared_client.start_sync_execution(stateMachineArn=arn, input="7")
            assert answer["output"] == '{"paid":7}'


#: A Task nobody is registered for: resource, parameters, error, cause as a pattern.
NOBODY: list[tuple[str, dict[str, JSON], str, str]] = [
    (
        FUNCTION,
        {},
        "States.Runtime",
        (r"An error occurred while executing the state 'A' \(entered at the event id #2\)\. "
        f"No task handler is registered for the resource {FUNCTION}"),
    ),
    (
        "arn:aws:states:::lambda:invoke",
        {"FunctionName": "Pay"},
        "Lambda.ResourceNotFoundException",
        r"Function not found: .*Pay.* \(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; .*",
    ),
    (
        "arn:aws:states:::sqs:sendMessage",
        {"QueueUrl": "q", "MessageBody": "m"},
        "States.Runtime",
        (r"An error occurred while executing the state 'A' \(entered at the event id #2\)\. "
        "No task handler is registered for the resource arn:aws:states:::sqs:sendMessage"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "parameters", "error", "cause"), NOBODY)
def test_work_for_nobody(client: Any, resource: str, parameters: dict[str, JSON], error: str, cause: str) -> None:
    fields = {"Parameters": parameters} if parameters else {}
    arn = create(client, "orders", task(resource, **fields), "EXPRESS")
    answer = client.start_sync_execution(stateMachineArn=arn)
    assert (answer["status"], answer["error"]) == ("FAILED", error)
    assert re.fullmatch(cause, answer["cause"]), answer["cause"]


# --------------------------------------------------------------------------------------------------------------
# items of a distributed Map


def test_a_distributed_map_reads_its_items(served: Served, shared_client: Any) -> None:
    """The handlers for S3 answer as boto3's client does, an object as a stream."""
    objects = {"orders.csv": b"id,total\n1,20\n2,30\n3,40\n"}
    tasks = Tasks()

    @tasks.task("arn:aws:states:::s3:getObject", blocking=True)
    def get_object(request: dict[str, str]) -> Any:
        content = objects[request["Key"]]
        return {"Body": StreamingBody(BytesIO(content), len(content)), "ContentLength": len(content)}

    @tasks.task("arn:aws:states:::s3:listObjectsV2")
    def list_objects(request: dict[str, str]) -> Any:
        found = [{"Key": key, "Size": len(content)} for key, content in objects.items()]
        return {"Contents": found, "IsTruncated": False, "KeyCount": len(found)}

    def items(action: str, parameters: dict[str, JSON], **config: JSON) -> Any:
        reader: JSON = {"Resource": f"arn:aws:states:::s3:{action}", "Parameters": parameters, "ReaderConfig": config}
        mode: JSON = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
        processor = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}, "ProcessorConfig": mode}
        each = machine(Type="Map", ItemReader=reader, ItemProcessor=processor)
        ended = run(shared_client, create(shared_client, action, each))
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    with served.renew(tasks):
        where: dict[str, JSON] = {"Bucket": "b", "Key": "orders.csv"}
        rows = items("getObject", where, InputType="CSV", CSVHeaderLocation="FIRST_ROW")
        assert rows == [{"id": str(number), "total": str(10 + 10 * number)} for number in (1, 2, 3)]
        assert [entry["Key"] for entry in items("listObjectsV2", {"Bucket": "b"})] == ["orders.csv"]
