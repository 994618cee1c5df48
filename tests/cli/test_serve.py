"""`express serve` as a process: what it prints, what it serves, how it ends, what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
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
#: Works until there is a file `done`. It polls because it has nothing to share with the test but the directory.
HANDLERS = """
import asyncio, pathlib, express
tasks = express.Tasks()

@tasks.task("Slow")
async def slow(payload):
    print("working", flush=True)
    while not pathlib.Path("done").exists():
        await asyncio.sleep(0.01)
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
def serve(directory: Path, *arguments: str, **variables: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "express.cli", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Process(process)
        finally:
            # Workers end with the process that owns them.
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_machines_of_a_directory_are_served(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "orders.asl.json").write_text(json.dumps(PASS))
    (tmp_path / "definitions" / "notes.txt").write_text("no definition")
    with serve(
        tmp_path, "--definitions", "definitions", "--region", "eu-west-1", "--account", "000000000001"
    ) as process:
        machine = "arn:aws:states:eu-west-1:000000000001:stateMachine:orders"
        assert process.lines_until("for its clients:") == [f"  EXPRESS  {machine}"]
        assert process.line() == f"  export AWS_ENDPOINT_URL_SFN={process.url}"
        assert process.line() == "  export AWS_DISABLE_HOST_PREFIX_INJECTION=true"
        assert process.call("StartSyncExecution", stateMachineArn=machine, input="[1]")["output"] == "[1]"
        process.process.send_signal(number)
        assert process.process.wait(30) == 0


@pytest.mark.slow
@pytest.mark.parametrize("manner", [("--strict-aws",), ("--workers", "2")], ids=["one process", "workers"])
def test_a_request_under_way_is_answered_before_the_end(manner: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "slow.json").write_text(json.dumps(TASK))
    (tmp_path / "handlers.py").write_text(HANDLERS)
    with serve(tmp_path, "--definitions", ".", "--tasks", "handlers:tasks", *manner) as process:
        process.lines_until("  export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
        machine = "arn:aws:states:us-east-1:123456789012:stateMachine:slow"
        with ThreadPoolExecutor(1) as client:
            answer = client.submit(process.call, "StartSyncExecution", stateMachineArn=machine, input="7")
            assert process.line() == "working"
            process.process.send_signal(signal.SIGTERM)
            assert process.line() == "express: stopping; a second signal stops at once"
            (tmp_path / "done").touch()
            assert answer.result(60)["output"] == "7"
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


# -------------------------------------------------------------------------------------------------------- access keys


def aws(url: str, secret: str) -> str:
    """What the aws CLI prints, or its error."""
    command = [str(Path(sys.executable).with_name("aws")), "stepfunctions", "list-state-machines"]
    variables = {
        **os.environ,
        "AWS_ENDPOINT_URL_SFN": url,
        "AWS_ACCESS_KEY_ID": "AKIDONE",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": "a session token",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command += ["--query", "stateMachines[].name", "--output", "json"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    return (done.stderr or done.stdout).strip()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_only_what_is_signed_is_answered(workers: int, tmp_path: Path) -> None:
    if not Path(sys.executable).with_name("aws").exists():
        pytest.skip(f"no aws CLI beside {sys.executable}")
    (tmp_path / "m.json").write_text(json.dumps(PASS))
    (tmp_path / "access.keys").write_text("# the keys of this endpoint\nAKIDONE:se/cr+et\n")
    arguments = ["--host", "0.0.0.0", "--auth", "access.keys", "--definitions", ".", "--workers", str(workers)]
    with serve(tmp_path, *arguments) as process:
        process.url = process.url.replace("0.0.0.0", "127.0.0.1")
        assert json.loads(aws(process.url, "se/cr+et")) == ["m"]
        assert "(InvalidSignatureException) when calling the ListStateMachines operation" in aws(process.url, "secret")
        with pytest.raises(urllib.error.HTTPError) as caught:
            process.call("ListStateMachines")
        refused = json.loads(caught.value.read())
        assert refused == {"__type": "MissingAuthenticationTokenException", "message": "Missing Authentication Token"}


@pytest.mark.slow
def test_keys_may_come_from_the_environment(tmp_path: Path) -> None:
    with (
        serve(tmp_path, EXPRESS_ACCESS_KEYS="AKIDONE:secret,AKIDTWO:two") as process,
        pytest.raises(urllib.error.HTTPError) as caught,
    ):
        process.call("ListStateMachines")
    assert json.loads(caught.value.read())["__type"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        (None, "access.keys"),
        ("", "access.keys: there is no key in it"),
        ("AKID s3cr3t", "access.keys: line 1: an entry is not of the form ID:SECRET"),
    ],
)
def test_keys_that_cannot_be_used(
    keys: str | None, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "access.keys"
    if keys is not None:
        path.write_text(keys)
    assert main(["serve", "--port", "0", "--auth", str(path)]) == 2
    shown = capsys.readouterr().err
    assert complaint in shown
    assert "s3cr3t" not in shown


# ------------------------------------------------------------------------------------------------ workers and metrics


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:
        text: str = response.read().decode()
        return text


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_one_page_of_metrics_shows_what_all_workers_did(workers: int, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(PASS))
    arguments = ["--definitions", ".", "--workers", str(workers), "--metrics-port", "0"]
    with serve(tmp_path, *arguments) as process:
        machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
        (shown,) = [line for line in process.lines_until("for its clients:") if line.startswith("metrics at ")]
        for number in range(40):
            answer = process.call("StartSyncExecution", stateMachineArn=machine, input=str(number))
            assert answer["output"] == str(number)
        # Workers tell what they have counted about once a second; it is never too much.
        series = 'express_executions_started_total{workflow="m"} '
        count = 0.0
        while count < 40:
            page = read(shown.removeprefix("metrics at ")).splitlines()
            count = sum(float(line.removeprefix(series)) for line in page if line.startswith(series))
            assert count <= 40
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(30) == 0


@pytest.mark.slow
def test_workers_do_not_outlive_their_owner(tmp_path: Path) -> None:
    with serve(tmp_path, "--workers", "2") as process:
        process.lines_until("  export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
        process.process.kill()
        # They hold the other end of the pipe: it ends with the last of them.
        while process.lines.readline():
            pass


def test_an_address_of_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    # TEST-NET-1 belongs to nobody (RFC 5737).
    assert main(["serve", "--host", "192.0.2.1", "--port", "0", "--unauthenticated"]) == 2
    said = capsys.readouterr().err
    assert "cannot listen on 192.0.2.1:0: Cannot assign requested address" in said
    assert "give it an address of this machine" in said


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--account", "1", "'1' is not the id of an AWS account: 12 digits"),
        ("--account", "123456789012:x", "is not the id of an AWS account"),
        ("--region", "", "'' is not the name of a region"),
        ("--region", "us east", "is not the name of a region"),
        ("--region", "us-east-1:1", "is not the name of a region"),
    ],
)
def test_what_can_be_no_part_of_an_arn(
    option: str, value: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", option, value]) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ports_that_are_taken(workers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(tmp_path, "--workers", workers) as process:
        port = process.url.rpartition(":")[2]
        assert main(["serve", "--port", port, "--workers", workers]) == 2
        said = capsys.readouterr().err
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said
        assert "choose one with --port" in said
        assert main(["serve", "--port", "0", "--workers", workers, "--metrics-port", port]) == 2
        assert f"metrics cannot be served on 127.0.0.1:{port}" in capsys.readouterr().err
