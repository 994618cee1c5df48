"""The edges of the command line: help, versions, and what becomes of every kind of error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import express
from express.cli import VERBS, main
from express.cli.status import CommandError
from express.errors import InvalidTasks
from tests.cli.test_streams import shell

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).resolve().parents[2]


def test_help_names_the_verbs_and_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for expected in (*VERBS, "exit statuses:", "  3    some lines of the events were no JSON", "  130  interrupted"):
        assert expected in text
    for verb in VERBS:
        assert main([verb, "--help"]) == 0
        assert f"usage: express {verb}" in capsys.readouterr().out


def test_without_a_verb_the_help_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: express" in captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"express {express.__version__}\n"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (CommandError("no such thing"), 2, "express: no such thing\n"),
        (CommandError("no", status=1, hint="try yes"), 1, "express: no\n  hint: try yes\n"),
        (InvalidTasks("not a registry"), 2, "express: not a registry\n"),
        (KeyboardInterrupt(), 130, "express: interrupted\n"),
        (
            SystemExit(0),
            70,
            ("express: internal error: SystemExit: 0\n  hint: run the same command with --debug for the traceback\n"),
        ),
        (
            ZeroDivisionError("division by zero"),
            70,
            (
                "express: internal error: ZeroDivisionError: division by zero\n"
                "  hint: run the same command with --debug for the traceback\n"
            ),
        ),
    ],
)
def test_every_error_is_a_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    message: str,
) -> None:
    def fail(arguments: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr("express.cli.demo.run", fail)
    assert main(["demo"]) == status
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", message)


def test_help_loads_nothing_heavy() -> None:
    """Cold `express --help` takes less than 80 ms as long as this holds; asyncio alone costs about as much."""
    program = (
        "import sys; from express.cli import main; main(['--help']); "
        "print(*{'asyncio', 'inspect', 'orjson', 'rich', 'uvloop', 'jmespath'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.split() == []


HANDLERS = """
import express

tasks = express.Tasks()


@tasks.task("Price")
async def price(order):
    return {"total": 7, **order}
"""
ORDER_TASK = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Price", "End": True}
MOCKS = {
    "StateMachines": {"order": {"TestCases": {"HappyPath": {"A": "Priced"}}}},
    "MockedResponses": {"Priced": {"0": {"Return": {"total": 8}}}},
}


@pytest.mark.slow
def test_the_commands_of_the_readme_work_one_after_the_other(tmp_path: Path) -> None:
    """Those that end by themselves and measure nothing."""
    (tmp_path / "order.asl.json").write_text(json.dumps({"StartAt": "A", "States": {"A": ORDER_TASK}}))
    (tmp_path / "my_module.py").write_text(HANDLERS)
    (tmp_path / "orders.jsonl").write_text('{"order_id": "1"}\n{"order_id": "2"}\n')
    (tmp_path / "MockConfigFile.json").write_text(json.dumps(MOCKS))
    block = (ROOT / "README.md").read_text().partition("## Command line\n\n```sh\n")[2].partition("```")[0]
    commands = [
        line for line in block.splitlines() if line.startswith(("express run", "express check", "express cost"))
    ]
    printed = []
    for command in commands:
        done = shell(f'express() {{ $express "$@"; }}; {command}', tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
        printed.append(done.stdout)
    assert len(commands) == 5
    assert printed[0] == "7\n"
    assert "50,000,000" in printed[3]
    assert json.loads(printed[4]) == {"total": 8}
