"""`express check`: what it prints, in which format, and its exit status."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from express.cli import check
from express.cli.status import CommandError

if TYPE_CHECKING:
    from express.types import JSON

GOOD = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
EMPTY = "{}"
UNKNOWN_TYPE = '{\n  "StartAt": "A",\n  "States": {"A": {"Type": "Pas", "End": true}}\n}'
TWICE = '{"StartAt": "A", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
#: Five mistakes on five lines, and a value that only looks computed.
SEVERAL = """{
  "StartAt": "Charge",
  "States": {
    "Charge": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:F", "Retrys": [], "Next": "Wiat"},
    "Wait": {"Type": "Wait", "Seconds": -1, "Next": "Pick"},
    "Pick": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "Done"}]},
    "Done": {"Type": "Pass", "Parameters": {"id": "$.id", "é": "ö"}, "InputPath": "$[", "End": true}
  }
}"""
WARNED = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"id.$": "$.id"}, "End": true}}}'
QUERY = """{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Output": {"total": "{% $sum($states.input.items.) %}"}, "End": true}
  }
}"""
BROKEN = '{"StartAt": "A",\n "States": {]}'


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Definitions of every kind, in the working directory."""
    for name, text in [
        ("good", GOOD),
        ("empty", EMPTY),
        ("unknown", UNKNOWN_TYPE),
        ("twice", TWICE),
        ("broken", BROKEN),
        ("several", SEVERAL),
        ("warned", WARNED),
        ("query", QUERY),
    ]:
        (tmp_path / f"{name}.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    check.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["check", *arguments])
    status: int = parsed.handler(parsed)
    return status


@pytest.mark.parametrize(
    ("files", "status", "summary"),
    [
        (["good.json"], 0, "no problems in 1 file"),
        (["good.json", "good.json"], 0, "no problems in 2 files"),
        (["twice.json"], 0, "1 warning in 1 file"),
        (["warned.json"], 0, "1 warning in 1 file"),
        (["several.json", "warned.json"], 1, "5 errors, 2 warnings in 2 files"),
        (["empty.json"], 1, "1 error in 1 file"),
        (["broken.json"], 1, "1 error in 1 file"),
        (["empty.json", "twice.json", "broken.json", "good.json"], 1, "2 errors, 1 warning in 4 files"),
        (["missing.json"], 2, "1 error in 1 file"),
        (["missing.json", "empty.json"], 2, "2 errors in 2 files"),
        (["."], 2, "1 error in 1 file"),
    ],
)
def test_status_and_summary(files: list[str], status: int, summary: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*files) == status
    assert capsys.readouterr().out.splitlines()[-1] == summary


def test_frames(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("unknown.json", "empty.json", "broken.json") == 1
    assert capsys.readouterr().out == (
        "error[SCHEMA_VALIDATION_FAILED]: The field 'Type' should have one of these values: "
        "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]\n"
        " --> unknown.json:3:28 (/States/A/Type)\n"
        "  |\n"
        '3 |   "States": {"A": {"Type": "Pas", "End": true}}\n'
        "  |                            ^^^^^\n"
        "  = help: did you mean `Pass`?\n"
        "\n"
        "error[SCHEMA_VALIDATION_FAILED]: These fields are required: [States, StartAt]\n"
        " --> empty.json:1:1 (/)\n"
        "  |\n"
        "1 | {}\n"
        "  | ^\n"
        "\n"
        "error[INVALID_JSON_DESCRIPTION]: "
        "Unexpected character (']' (code 93)): was expecting double-quote to start field name\n"
        " --> broken.json:2:13\n"
        "  |\n"
        '2 |  "States": {]}\n'
        "  |             ^\n"
        "\n"
        "3 errors in 3 files\n"
    )


def test_a_frame_inside_an_expression(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("query.json") == 1
    assert capsys.readouterr().out == (
        'error[INVALID_JSONATA_EXPRESSION]: The symbol ")" cannot be used as a unary operator\n'
        " --> query.json:5:76 (/States/A/Output/total)\n"
        "  |\n"
        '5 |     "A": {"Type": "Pass", "Output": {"total": "{% $sum($states.input.items.) %}"}, "End": true}\n'
        "  |                                                                            ^\n"
        "\n"
        "1 error in 1 file\n"
    )


#: Severity, code, location, line, characters underlined and help of all that is wrong with SEVERAL, in its order.
FOUND = [
    ("ERROR", "SCHEMA_VALIDATION_FAILED", "/States/Charge", 4, '"Retrys"', "did you mean `Retry`?"),
    ("ERROR", "MISSING_TRANSITION_TARGET", "/States/Charge/Next", 4, '"Wiat"', "did you mean `Wait`?"),
    ("ERROR", "SCHEMA_VALIDATION_FAILED", "/States/Wait/Seconds", 5, "-1", None),
    ("ERROR", "SCHEMA_VALIDATION_FAILED", "/States/Pick/Choices[0]", 6, '"Condition"', None),
    ("WARNING", "NO_DOLLAR", "/States/Done/Parameters", 7, '"$.id"', None),
    ("ERROR", "SCHEMA_VALIDATION_FAILED", "/States/Done/InputPath", 7, "[", None),
]


def test_every_problem_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The same problems in each format, with the characters they are about."""
    assert run("several.json") == 1
    text = capsys.readouterr().out
    assert run("several.json", "--format", "json") == 1
    diagnostics = json.loads(capsys.readouterr().out)["diagnostics"]
    assert run("several.json", "--format", "github") == 1
    annotations = capsys.readouterr().out.splitlines()
    assert len(diagnostics) == len(annotations) == len(FOUND)
    lines = SEVERAL.split("\n")
    for found, diagnostic, annotation in zip(FOUND, diagnostics, annotations, strict=True):
        severity, code, location, line, marked, suggestion = found
        column = diagnostic["column"]
        assert (diagnostic["severity"], diagnostic["code"], diagnostic["location"]) == (severity, code, location)
        assert (diagnostic["line"], diagnostic.get("suggestion")) == (line, suggestion)
        assert lines[line - 1][column - 1 :][: diagnostic["length"]] == marked
        frame = f"{severity.lower()}[{code}]: {diagnostic['message']}\n --> several.json:{line}:{column} ({location})\n"
        assert frame in text
        assert annotation.startswith(f"::{severity.lower()} file=several.json,line={line},col={column},")


def test_json_is_one_line_for_each_definition(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--format", "json", "empty.json", "good.json") == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == {
        "file": "empty.json",
        "result": "FAIL",
        "diagnostics": [
            {
                "severity": "ERROR",
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": "These fields are required: [States, StartAt]",
                "location": "/",
                "line": 1,
                "column": 1,
                "length": 1,
            }
        ],
        "truncated": False,
    }
    assert second == {"file": "good.json", "result": "OK", "diagnostics": [], "truncated": False}


def test_github(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--format", "github", "empty.json", "twice.json", "good.json") == 1
    assert capsys.readouterr().out.splitlines() == [
        (
            "::error file=empty.json,line=1,col=1,endColumn=2,title=SCHEMA_VALIDATION_FAILED"
            "::These fields are required: [States, StartAt] (/)"
        ),
        (
            "::warning file=twice.json,line=1,col=18,endColumn=27,title=DUPLICATE_FIELD"
            "::Field 'StartAt' appears more than once; only the last one counts (/StartAt)"
        ),
    ]


@pytest.mark.parametrize(("text", "status"), [(GOOD, 0), (f"\ufeff{GOOD}", 0), (EMPTY, 1), ("", 1)])
def test_stdin(text: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run("--format", "json", "-") == status
    result: JSON = json.loads(capsys.readouterr().out)
    assert result["file"] == "stdin"


def test_stdin_cannot_be_read_twice() -> None:
    with pytest.raises(CommandError, match="only once"):
        run("-", "good.json", "-")


def test_the_type_decides_what_is_allowed(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    parameters = {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}
    states = {"A": {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}}
    (directory / "token.json").write_text(json.dumps({"StartAt": "A", "States": states}))
    assert run("token.json", "--format", "json") == 1
    (diagnostic,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert diagnostic["message"] == "Express state machine does not support '.waitForTaskToken' service integration "
    assert run("token.json", "--type", "STANDARD") == 0


HANDLERS = """import express

tasks = express.Tasks()
for name in ("ChargePayment", "ValidateOrder"):
    tasks.add(name, lambda payload: payload)
"""
INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"


@pytest.mark.parametrize(
    ("fields", "location", "marked", "meant"),
    [
        (
            {"Resource": INVOKE, "Parameters": {"FunctionName": "ChargePaymnt"}},
            "/States/A/Parameters/FunctionName",
            "ChargePaymnt",
            "ChargePayment",
        ),
        ({"Resource": f"{FUNCTION}ValidateOrdr"}, "/States/A/Resource", f"{FUNCTION}ValidateOrdr", "ValidateOrder"),
    ],
)
def test_a_function_that_nobody_serves(
    fields: dict[str, JSON],
    location: str,
    marked: str,
    meant: str,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (directory / "check_handlers.py").write_text(HANDLERS)
    monkeypatch.syspath_prepend(directory)
    text = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", **fields, "End": True}}})
    (directory / "call.json").write_text(text)
    assert run("call.json", "--tasks", "check_handlers:tasks", "--format", "json") == 1
    (diagnostic,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert diagnostic["location"] == location
    assert text[diagnostic["column"] - 1 :][: diagnostic["length"]] == f'"{marked}"'
    assert diagnostic["suggestion"] == f"did you mean `{meant}`?"


def test_declaring_the_verb_imports_nothing_heavy() -> None:
    code = "import sys, express.cli.check; print(*{'orjson', 'express.compiler', 'rich', 'asyncio'} & {*sys.modules})"
    root = Path(check.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "\n"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_where_stdout_cannot_show_everything_the_rest_is_shown(directory: Path, encoding: str) -> None:
    comment = "ü" * 150
    text = f'{{"StartAt": "A", "States": {{"A": {{"Type": "Pass", "Comment": "{comment}", "ResultPth": 1, "End": true}}}}}}'
    (directory / "long.json").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "express", "check", "long.json"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"")
    *_, source, carets, _, _, _ = done.stdout.decode(encoding).splitlines()
    assert source[4] == "?"
    assert source[carets.index("^") : carets.rindex("^") + 1] == '"ResultPth"'


def test_a_file_name_that_is_no_text_is_shown_in_every_format() -> None:
    for output_format in ("text", "github", "json"):
        command: list[str | bytes] = [sys.executable, "-m", "express", "check", b"\xff.json"]
        command += ["--format", output_format]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        assert done.returncode == 2
        assert b"MISSING_DESCRIPTION" in done.stdout
        assert not done.stderr
