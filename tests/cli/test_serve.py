"""`express serve` as a process: what it prints, what it serves, how it ends, what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from express.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
TASK = {
    "StartAt": "A",
    "States": {"A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Slow", "End": True}},
}
HANDLERS = """
import asyncio, express
tasks = express.Tasks()

@tasks.task("Slow")
async def slow(payload):
    print("working", flush=True)
    await asyncio.sleep(0.3)
    return payload
"""


class Process:
    """A running `express serve` on a free port."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.lines = process.stdout
        self.url = self.line().rpartition(" ")[2]

    def line(self) -> str:
        return self.lines.readline().rstrip("\n")

    def lines_until(self, last: str) -> list[str]:
        found = []
        while (line := self.line()) != last:
            assert line, f"never came to {last!r}"
            found.append(line)
        return found

    def call(self, action: str, **parameters: Any) -> Any:
        body = json.dumps(parameters).encode()
        headers = {"X-Amz-Target": f"AWSStepFunctions.{action}", "Content-Type": "application/x-amz-json-1.0"}
        with urllib.request.urlopen(urllib.request.Request(self.url, body, headers), timeout=60) as response:
            return json.loads(response.read())


@contextmanager
def serve(directory: Path, *arguments: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "express.cli", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Process(process)
        finally:
            process.kill()


@pytest.mark.slow
def test_machines_of_a_directory_are_served(tmp_path: Path) -> None:
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "orders.asl.json").write_text(json.dumps(PASS))
    (tmp_path / "definitions" / "notes.txt").write_text("no definition")
    with serve(tmp_path, "--definitions", "definitions", "--region", "eu-west-1", "--account", "1") as process:
        machine = "arn:aws:states:eu-west-1:1:stateMachine:orders"
        assert process.lines_until("for its clients:") == [f"  EXPRESS  {machine}"]
        assert process.line() == f"  export AWS_ENDPOINT_URL_SFN={process.url}"
        assert process.line() == "  export AWS_DISABLE_HOST_PREFIX_INJECTION=true"
        assert process.call("StartSyncExecution", stateMachineArn=machine, input="[1]")["output"] == "[1]"
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(30) == 0


@pytest.mark.slow
def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    (tmp_path / "slow.json").write_text(json.dumps(TASK))
    (tmp_path / "handlers.py").write_text(HANDLERS)
    with serve(tmp_path, "--definitions", ".", "--tasks", "handlers:tasks", "--strict-aws") as process:
        process.lines_until("  export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
        machine = "arn:aws:states:us-east-1:123456789012:stateMachine:slow"
        with ThreadPoolExecutor(1) as client:
            answer = client.submit(process.call, "StartSyncExecution", stateMachineArn=machine, input="7")
            assert process.line() == "working"
            process.process.send_signal(signal.SIGTERM)
            assert answer.result(60)["output"] == "7"
        assert process.line() == "express: stopping; a second signal stops at once"
        assert process.process.wait(30) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com"])
def test_an_address_others_can_reach_needs_consent(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", host]) == 2
    assert f"--host {host} can be reached by others" in capsys.readouterr().err


def test_a_wrong_definition_is_shown_in_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wrong.json").write_text('{"StartAt": "B",\n "States": {"A": {"Type": "Pass", "End": true}}}')
    assert main(["serve", "--port", "0", "--definitions", str(tmp_path)]) == 1
    complaint = capsys.readouterr().err
    assert "wrong.json cannot be served" in complaint
    assert "wrong.json:1:13" in complaint


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["--definitions", "/no/such/directory"], 2, "/no/such/directory"),
        (["--tasks", "nonsense"], 2, "write module:registry"),
        (["--max-in-flight", "0"], 2, "is not a whole number of 1 or more"),
        (["--host", "127.0.0.256"], 2, "can be reached by others"),
    ],
)
def test_wrong_arguments(arguments: list[str], status: int, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", *arguments]) == status
    assert complaint in capsys.readouterr().err


def test_a_machine_that_cannot_be_named_after_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two words.json").write_text(json.dumps(PASS))
    assert main(["serve", "--port", "0", "--definitions", str(tmp_path)]) == 1
    assert "Invalid Name: 'two words'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(tmp_path) as process:
        port = process.url.rpartition(":")[2]
        assert main(["serve", "--port", port]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err
