"""The aws CLI, unchanged and in a process of its own, with what `express env` prints as its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from express.cli.env import environment

if TYPE_CHECKING:
    from express.service import Service
    from tests.api.serving import Served

pytestmark = pytest.mark.slow

AWS = Path(sys.executable).with_name("aws")
MACHINE = "arn:aws:states:us-east-1:111111111111:stateMachine:m"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


def aws(served: Served, *arguments: str) -> Any:
    """What a command prints, as JSON; its error text when it fails."""
    variables = {
        **os.environ,
        **environment(served.url),
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "thing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [str(AWS), "stepfunctions", *arguments, "--output", "json"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        return done.stderr.strip()
    return json.loads(done.stdout) if done.stdout else None


def test_the_classic_commands(served: Served, service: Service) -> None:
    if not AWS.exists():
        pytest.skip(f"no aws CLI beside {sys.executable}")
    role = "arn:aws:iam::111111111111:role/r"
    made = aws(
        served, "create-state-machine", "--name", "m", "--definition", PASS, "--role-arn", role, "--type", "EXPRESS"
    )
    assert made["stateMachineArn"] == MACHINE
    ran = aws(served, "start-sync-execution", "--state-machine-arn", MACHINE, "--input", '{"a": 1}')
    assert (ran["status"], ran["output"]) == ("SUCCEEDED", '{"a":1}')
    started = aws(served, "start-execution", "--state-machine-arn", MACHINE)
    described = aws(served, "describe-execution", "--execution-arn", started["executionArn"])
    assert described["stateMachineArn"] == MACHINE
    names = aws(served, "list-state-machines", "--query", "stateMachines[].name")
    assert names == ["m"]
    checked = aws(served, "validate-state-machine-definition", "--definition", "{}", "--query", "result")
    assert checked == "FAIL"
    refused = aws(served, "start-sync-execution", "--state-machine-arn", MACHINE, "--input", "nonsense")
    assert "(InvalidExecutionInput) when calling the StartSyncExecution operation" in refused
    aws(served, "delete-state-machine", "--state-machine-arn", MACHINE)
    assert "StateMachineDoesNotExist" in aws(served, "describe-state-machine", "--state-machine-arn", MACHINE)


def test_what_has_failed_in_an_execution(served: Served, service: Service) -> None:
    if not AWS.exists():
        pytest.skip(f"no aws CLI beside {sys.executable}")
    role = "arn:aws:iam::111111111111:role/r"
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"MessageBody": "m", "QueueUrl": "q"},
    }
    text = json.dumps({"StartAt": "A", "States": {"A": {**task, "End": True}}})
    aws(served, "create-state-machine", "--name", "m", "--definition", text, "--role-arn", role)
    arn = aws(served, "start-execution", "--state-machine-arn", MACHINE)["executionArn"]
    query = "events[?type=='TaskFailed' || type=='ExecutionFailed'].type"
    command = ("get-execution-history", "--execution-arn", arn, "--query", query)
    assert aws(served, *command) == ["TaskFailed", "ExecutionFailed"]
    aws(served, "redrive-execution", "--execution-arn", arn)
    assert aws(served, *command) == ["TaskFailed", "ExecutionFailed"] * 2
    assert aws(served, "describe-execution", "--execution-arn", arn, "--query", "redriveCount") == 1


def test_what_runs_is_listed_changed_and_stopped(served: Served, service: Service) -> None:
    if not AWS.exists():
        pytest.skip(f"no aws CLI beside {sys.executable}")
    role = "arn:aws:iam::111111111111:role/r"
    waiting = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 9_999, "End": True}}})
    aws(served, "create-state-machine", "--name", "m", "--definition", waiting, "--role-arn", role)
    arn = aws(served, "start-execution", "--state-machine-arn", MACHINE, "--name", "slow")["executionArn"]
    listing = ("list-executions", "--state-machine-arn", MACHINE, "--query", "executions[].[name,status]")
    assert aws(served, *listing) == [["slow", "RUNNING"]]
    aws(served, "update-state-machine", "--state-machine-arn", MACHINE, "--definition", PASS)
    described = aws(served, "describe-state-machine", "--state-machine-arn", MACHINE)
    assert (described["definition"], described["status"]) == (PASS, "ACTIVE")
    aws(served, "stop-execution", "--execution-arn", arn, "--error", "Enough", "--cause", "it was slow")
    assert aws(served, *listing) == [["slow", "ABORTED"]]
    stopped = aws(served, "describe-execution", "--execution-arn", arn)
    assert (stopped["error"], stopped["cause"]) == ("Enough", "it was slow")


def test_a_state_by_itself(served: Served, service: Service) -> None:
    if not AWS.exists():
        pytest.skip(f"no aws CLI beside {sys.executable}")
    state = json.dumps({"Type": "Pass", "Parameters": {"b.$": "$.a"}, "Next": "B"})
    command = ("test-state", "--definition", state, "--input", '{"a": 1}', "--inspection-level", "DEBUG")
    tested = aws(served, *command)
    assert (tested["status"], tested["output"], tested["nextState"]) == ("SUCCEEDED", '{"b":1}', "B")
    assert tested["inspectionData"]["afterParameters"] == '{"b":1}'
