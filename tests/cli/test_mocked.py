"""Mocked tasks and functions elsewhere, from the command line: `express run --test-case`, `express serve` with both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from express.cli import main
from tests.cli.test_serve import serve
from tests.tasks.lambdas import Answer, emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON
    from tests.tasks.lambdas import Lambdas

ROOT = Path(__file__).resolve().parents[2]
INVOKE = "arn:aws:states:::lambda:invoke"
ORDERS = {
    "StartAt": "Pay",
    "States": {
        "Pay": {
            "Type": "Task",
            "Resource": INVOKE,
            "Parameters": {"FunctionName": "Pay", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "Next": "Pack",
        },
        "Pack": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Pack", "End": True},
    },
}
MOCKS: dict[str, Any] = {
    "StateMachines": {
        "orders": {
            "TestCases": {
                "Happy": {"Pay": "Paid", "Pack": "Packed"},
                "Sad": {"Pay": "Broke"},
                "Hybrid": {"Pay": "Paid"},
                "Short": {"Pay": "Nothing"},
            }
        },
        "standing": {"TestCases": {"Happy": {"Pay": "Paid", "Pack": "Packed"}}},
    },
    "MockedResponses": {
        "Paid": {"0": {"Return": {"StatusCode": 200, "Payload": "paid"}}},
        "Packed": {"0": {"Return": "packed"}},
        "Broke": {"0-1": {"Throw": {"Error": "Broke", "Cause": "no money"}}},
        "Nothing": {},
    },
}
HANDLERS = """
import express
tasks = express.Tasks()

@tasks.task("Pack")
def pack(payload):
    return f"{payload} and packed"
"""
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a definition, a mock configuration and handlers."""
    (tmp_path / "orders.asl.json").write_text(json.dumps(ORDERS))
    (tmp_path / "mocks.json").write_text(json.dumps(MOCKS))
    (tmp_path / "mocked_handlers.py").write_text(HANDLERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SFN_MOCK_CONFIG", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def run(*arguments: str) -> int:
    return main(["run", "orders.asl.json", *arguments])


# --------------------------------------------------------------------------------------------------------------
# express run


@pytest.mark.parametrize(
    ("arguments", "status", "output"),
    [
        (["--test-case", "Happy"], 0, "packed"),
        (["--test-case", "Hybrid", "--tasks", "mocked_handlers:tasks"], 0, "paid and packed"),
        (
            ["--test-case", "Sad", "--tasks", "mocked_handlers:tasks"],
            1,
            {"status": "FAILED", "error": "Broke", "cause": "no money"},
        ),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_test_case(arguments: list[str], status: int, output: JSON, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--mock-config", "mocks.json", *arguments) == status
    assert json.loads(capsys.readouterr().out) == output


@pytest.mark.usefixtures("here")
def test_the_environment_names_the_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SFN_MOCK_CONFIG", "mocks.json")
    assert run("--test-case", "Happy") == 0
    assert json.loads(capsys.readouterr().out) == "packed"


def test_the_machine_may_be_called_otherwise(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "orders.asl.json").rename(here / "other.json")
    arguments = ["run", "other.json", "--mock-config", "mocks.json", "--test-case", "Happy"]
    assert main(arguments) == 2
    assert (
        "mocks.json: /StateMachines has no state machine 'other' (there are 'orders', 'standing')"
        in capsys.readouterr().err
    )
    assert main([*arguments, "--machine-name", "orders"]) == 0


def test_every_event_of_a_stream_is_counted_by_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "events.jsonl").write_text("1\n2\n3\n")
    assert run("--mock-config", "mocks.json", "--test-case", "Happy", "--events", "events.jsonl") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["output"] for line in lines] == ["packed"] * 3


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["--test-case", "Happy"], 2, "--test-case Happy: there is no mock configuration"),
        (["--mock-config", "mocks.json"], 2, "mocked responses belong to a test case"),
        (["--mock-config", "gone.json", "--test-case", "Happy"], 2, "cannot read gone.json: No such file or directory"),
        (["--mock-config", ".", "--test-case", "Happy"], 2, "cannot read .: Is a directory"),
        (
            ["--mock-config", "mocked_handlers.py", "--test-case", "Happy"],
            2,
            "mocked_handlers.py:2:1 is not valid JSON",
        ),
        (
            ["--mock-config", "mocks.json", "--test-case", "happy"],
            2,
            "mocks.json: /StateMachines/orders/TestCases has no test case 'happy' (did you mean `Happy`?)",
        ),
        (["--mock-config", "mocks.json", "--test-case", "Hybrid"], 1, "No task handler matches the resource"),
        (
            ["--mock-config", "mocks.json", "--test-case", "Short", "--tasks", "mocked_handlers:tasks"],
            1,
            "The mocked response 'Nothing' of the state 'Pay' has no answer for invocation 0.",
        ),
    ],
)
@pytest.mark.usefixtures("here")
def test_wrong_arguments(arguments: list[str], status: int, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == status
    assert complaint in capsys.readouterr().err


@pytest.mark.slow
def test_as_a_process(here: Path) -> None:
    command = [sys.executable, "-m", "express.cli", "run", "-", "--test-case", "Happy", "--machine-name", "orders"]
    done = subprocess.run(
        command,
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SFN_MOCK_CONFIG": "mocks.json"},
        input=json.dumps(ORDERS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, '"packed"\n', "")


# --------------------------------------------------------------------------------------------------------------
# express serve


@pytest.fixture
def lambdas() -> Iterator[Lambdas]:
    with emulator() as lambdas:
        yield lambdas


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_with_mocks_and_functions_elsewhere(here: Path, lambdas: Lambdas, workers: str) -> None:
    lambdas.answers["Pay"] = Answer("paid elsewhere")
    options = ("--definitions", "definitions", "--tasks", "mocked_handlers:tasks", "--workers", workers)
    (here / "definitions").mkdir()
    (here / "orders.asl.json").rename(here / "definitions" / "orders.asl.json")
    with serve(here, *options, "--mock-config", "mocks.json", "--lambda-endpoint", lambdas.url) as process:
        process.lines_until("  export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
        answers = {
            mark: process.call("StartSyncExecution", stateMachineArn=MACHINE + mark).get("output")
            for mark in ("", "#Happy", "#Hybrid", "#Sad")
        }
        assert answers == {
            "": '"paid elsewhere and packed"',
            "#Happy": '"packed"',
            "#Hybrid": '"paid and packed"',
            "#Sad": None,
        }
        with pytest.raises(urllib.error.HTTPError) as caught:
            process.call("StartSyncExecution", stateMachineArn=f"{MACHINE}#Nonsense")
        with caught.value as refusal:
            assert json.loads(refusal.read())["__type"] == "ValidationException"
        standard = {"name": "standing", "definition": json.dumps(ORDERS), "roleArn": "arn:aws:iam::123456789012:role/r"}
        arn = process.call("CreateStateMachine", **standard)["stateMachineArn"]
        execution = process.call("StartExecution", stateMachineArn=f"{arn}#Happy")["executionArn"]
        while (described := process.call("DescribeExecution", executionArn=execution))["status"] == "RUNNING":
            pass
        assert described["output"] == '"packed"'
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--mock-config", "gone.json"], "cannot read gone.json: No such file or directory"),
        (["--mock-config", "mocked_handlers.py"], "mocked_handlers.py:2:1 is not valid JSON"),
        (["--lambda-endpoint", "127.0.0.1:3001"], "is no URL of a server: write http://HOST:PORT"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_served(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", *arguments]) == 2
    assert complaint in capsys.readouterr().err
