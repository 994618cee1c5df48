"""The edges of the command line: help, versions, and what becomes of every kind of error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import express
from express.cli import VERBS, main
from express.cli.status import CommandError
from express.errors import InvalidTasks

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
