"""`--metrics-port` and `--log-level`: looking on while the command line runs."""

from __future__ import annotations

import json
import socket
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from express.cli import main

if TYPE_CHECKING:
    from pathlib import Path

DEFINITION = {
    "StartAt": "Look",
    "States": {
        "Look": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Look", "Next": "No"},
        "No": {"Type": "Fail", "Error": "Refused", "Cause": "too late"},
    },
}
#: A handler that scrapes the page of its own process, whose address stands on stderr.
HANDLERS = """
import asyncio, re, sys, urllib.request, express

tasks = express.Tasks()

@tasks.task("Look", blocking=True)
def look(payload):
    url = re.search("http[^ ]*metrics", sys.stderr.getvalue())[0]
    with urllib.request.urlopen(url, timeout=30) as response:
        page = response.read().decode()
    print([line for line in page.splitlines() if line.startswith("express_executions_in_flight{")])
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a workflow, its handlers and one event."""
    (tmp_path / "workflow.json").write_text(json.dumps(DEFINITION))
    (tmp_path / "watched_handlers.py").write_text(textwrap.dedent(HANDLERS))
    (tmp_path / "events.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "watched_handlers", raising=False)
    return tmp_path


RUN = ["run", "workflow.json", "--tasks", "watched_handlers:tasks"]


def test_the_page_is_there_while_it_runs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*RUN, "--events", "events.jsonl", "--metrics-port", "0", "--output", "results"])
    captured = capsys.readouterr()
    assert captured.out == "['express_executions_in_flight{workflow=\"workflow\"} 1.0']\n"
    assert captured.err.startswith("express: metrics at http://127.0.0.1:")


@pytest.mark.parametrize("verb", [[*RUN, "--events", "events.jsonl"], ["demo", "--events", "10"]], ids=["run", "demo"])
def test_a_port_in_use(place: Path, verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main([*verb, "--metrics-port", str(port)]) != 0
    assert f"metrics cannot be served on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "65536", "x", ""])
def test_what_is_no_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--events", "-", "--metrics-port", port]) == 2
    assert f"{port!r} is no port, which is a number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("source", [["--input", "{}"], ["--events", "events.jsonl"]])
def test_a_log_of_what_is_executed(place: Path, source: list[str]) -> None:
    (place / "watched_handlers.py").write_text(
        "import express\ntasks = express.Tasks()\ntasks.add('Look', lambda p: p)\n"
    )
    main([*RUN, *source, "--log-level", "ERROR", "--log-file", "log.jsonl", "--log-execution-data"])
    found = [json.loads(line) for line in (place / "log.jsonl").read_text().splitlines()]
    assert [record["type"] for record in found] == ["FailStateEntered", "ExecutionFailed"]
    assert found[0]["details"] == {"name": "No", "input": "{}", "inputDetails": {"truncated": False}}
    assert found[1]["details"] == {"error": "Refused", "cause": "too late"}


def test_a_log_on_stderr(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "watched_handlers.py").write_text(
        "import express\ntasks = express.Tasks()\ntasks.add('Look', lambda p: p)\n"
    )
    main([*RUN, "--input", "{}", "--log-level", "FATAL"])
    assert '"type":"ExecutionFailed"' in capfd.readouterr().err


def test_a_log_that_cannot_be_written(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "watched_handlers.py").write_text(
        "import express\ntasks = express.Tasks()\ntasks.add('Look', lambda p: p)\n"
    )
    assert main([*RUN, "--input", "{}", "--log-level", "ALL", "--log-file", "no/such/place"]) != 0
    assert "cannot write no/such/place" in capsys.readouterr().err
