"""No command writes over what it reads, by whatever name a file is called."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from express.cli import main
from express.cli.overwriting import refuse_overwriting
from express.cli.status import CommandError
from tests.cli.test_streams import shell

if TYPE_CHECKING:
    from pathlib import Path

TASK = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Double", "End": True}
HANDLERS = "import express\n\ntasks = express.Tasks()\ntasks.add('Double', lambda number: 2 * number)\n"
FILES = {
    "double.json": json.dumps({"StartAt": "A", "States": {"A": TASK}}),
    "mocks.json": '{"StateMachines": {"double": {"TestCases": {"Case": {}}}}, "MockedResponses": {}}',
    "overwriting_handlers.py": HANDLERS,
    "events.jsonl": "1\n2\n",
    "input.json": "3",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "link.json").symlink_to("double.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "overwriting_handlers", raising=False)
    return tmp_path


TASKS = "--tasks overwriting_handlers:tasks"
STREAM = f"run double.json {TASKS} --events events.jsonl"
LOG = "--log-level ALL --log-file"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"{STREAM} --output double.json", "--output double.json would overwrite the definition"),
        (f"{STREAM} --output link.json", "--output link.json would overwrite the definition"),
        (f"{STREAM} --output ./events.jsonl", "--output ./events.jsonl would overwrite the events"),
        (
            f"{STREAM} --output overwriting_handlers.py",
            "--output overwriting_handlers.py would overwrite the module of --tasks",
        ),
        (
            f"{STREAM} --mock-config mocks.json --test-case Case --output mocks.json",
            "--output mocks.json would overwrite the mock configuration",
        ),
        (f"{STREAM} {LOG} events.jsonl", "--log-file events.jsonl would overwrite the events"),
        (f"{STREAM} {LOG} double.json", "--log-file double.json would overwrite the definition"),
        (
            f"{STREAM} {LOG} overwriting_handlers.py",
            "--log-file overwriting_handlers.py would overwrite the module of --tasks",
        ),
        (f"{STREAM} --output new {LOG} ./new", "--log-file ./new would overwrite --output"),
        (
            f"run double.json {TASKS} --input input.json {LOG} input.json",
            "--log-file input.json would overwrite the input",
        ),
        (
            f"run double.json {TASKS} --input file://input.json {LOG} input.json",
            "--log-file input.json would overwrite the input",
        ),
        (
            f"consume double.json {TASKS} --source redis://127.0.0.1:1/s?group=g {LOG} double.json",
            "--log-file double.json would overwrite the definition",
        ),
        (f"bench double.json {TASKS} --report link.json", "--report link.json would overwrite the definition"),
        (
            f"bench double.json {TASKS} --input input.json --report input.json",
            "--report input.json would overwrite the input",
        ),
    ],
)
def test_what_is_read_is_not_overwritten(
    here: Path, capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    assert main(command.split()) == 2
    assert capsys.readouterr().err == f"express: {message}\n"
    assert {name: (here / name).read_text() for name in FILES} == FILES
    assert not (here / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            f"$express run double.json {TASKS} --events - --output events.jsonl < events.jsonl",
            "--output events.jsonl would overwrite the events",
        ),
        (
            f"$express run - {TASKS} --events events.jsonl --output double.json < double.json",
            "--output double.json would overwrite the definition",
        ),
        (f"$express {STREAM} >> events.jsonl", "stdout would overwrite the events"),
        (f"$express {STREAM} > new {LOG} new", "--log-file new would overwrite stdout"),
    ],
)
def test_a_redirected_stream_is_a_file_too(here: Path, line: str, message: str) -> None:
    done = shell(line, here)
    assert (done.returncode, done.stderr) == (2, f"express: {message}\n")
    assert {name: (here / name).read_text() for name in FILES} == FILES


def test_devices_and_absent_files_may_be_named_twice(here: Path) -> None:
    refuse_overwriting([("--output", os.devnull), ("--log-file", os.devnull)], {"the events": os.devnull})
    refuse_overwriting([("--output", "new"), ("--log-file", None)], {"the events": "absent", "the input": None})
    with pytest.raises(CommandError, match="--log-file new would overwrite --output"):
        refuse_overwriting([("--output", "new"), ("--log-file", "new")], {})


def test_a_log_that_is_off_is_not_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{STREAM} --log-file events.jsonl".split()) == 0
    assert (here / "events.jsonl").read_text() == FILES["events.jsonl"]


def test_what_the_caller_has_opened_may_be_named(here: Path) -> None:
    done = shell(f"$express {STREAM} --output /dev/stdout > out.jsonl", here)
    assert done.returncode == 0, done.stderr
    assert len((here / "out.jsonl").read_text().splitlines()) == len(FILES["events.jsonl"].splitlines())
