"""`express run`: what is printed where, with which exit status, for one execution and for a stream."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.cli import main
from express.cli.jsonl import Event
from express.cli.stream import run_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Container

ROOT = Path(__file__).resolve().parents[2]


def task(name: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:123456789012:function:{name}", **fields}


#: Beyond 64 bits.
HUGE = "123456789012345678901234567890"

DEFINITIONS: dict[str, dict[str, Any]] = {
    "pass": {"StartAt": "Keep", "States": {"Keep": {"Type": "Pass", "End": True}}},
    "fail": {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Refused", "Cause": "too late"}}},
    "silent": {"StartAt": "No", "States": {"No": {"Type": "Fail"}}},
    "double": {"StartAt": "Double", "States": {"Double": task("Double", End=True)}},
    "huge": {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": int(HUGE), "End": True}}},
    "wrong": {"StartAt": "Kep", "States": {"Keep": {"Type": "Pass", "End": True}}},
}

HANDLERS = """
import express

tasks = express.Tasks()


class NotANumber(Exception):
    pass


@tasks.task("Double")
async def double(n):
    if not isinstance(n, int):
        raise NotANumber(f"{n!r} is no number")
    return {"n": n, "double": 2 * n}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a definition of each kind and a module of handlers."""
    for name, definition in DEFINITIONS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(definition, indent=2))
    (tmp_path / "run_handlers.py").write_text(HANDLERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "run_handlers", raising=False)
    return tmp_path


TASKS = ["--tasks", "run_handlers:tasks"]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["pass.json"], {}),
        (["pass.json", "--input", '{"a": [1, null]}'], {"a": [1, None]}),
        (["pass.json", "--input", "false"], False),
        (["pass.json", "--input", f'{{"a": {HUGE}}}'], {"a": int(HUGE)}),
        (["huge.json"], int(HUGE)),
        (["double.json", *TASKS, "--input", "21"], {"n": 21, "double": 42}),
        (["double.json", *TASKS, "--input", "21", "--query", "output.double"], 42),
        (["double.json", *TASKS, "--input", "21", "--query", "[status, billing.billed_memory_mb]"], ["SUCCEEDED", 64]),
        (["pass.json", "--query", "keys(billing)"], sorted(
            ["duration_ms", "memory_bytes", "billed_duration_ms", "billed_memory_mb", "cost_usd"]
        )),
        (["pass.json", "--query", "nothing.there"], None),
        (["pass.json", "--name", "mine", "--query", "name"], "mine"),
    ],
)  # fmt: skip
def test_a_success_prints_its_output(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], printed: object
) -> None:
    assert main(["run", *arguments]) == 0
    captured = capsys.readouterr()
    value = json.loads(captured.out)
    assert (sorted(value) if arguments[-1] == "keys(billing)" else value) == printed
    assert captured.out.endswith("\n")
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "printed", "message"),
    [
        (
            ["fail.json"],
            {"status": "FAILED", "error": "Refused", "cause": "too late"},
            "express: execution FAILED: Refused: too late\n",
        ),
        (["silent.json"], {"status": "FAILED"}, "express: execution FAILED\n"),
        (["fail.json", "--query", "error"], "Refused", "express: execution FAILED: Refused: too late\n"),
    ],
)
def test_a_failure_prints_the_result_and_exits_with_1(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], printed: object, message: str
) -> None:
    assert main(["run", *arguments]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == printed
    assert captured.err == message


def test_an_error_of_a_handler_is_a_result_without_a_traceback(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "double.json", *TASKS, "--input", '"x"']) == 1
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert (result["status"], result["error"]) == ("FAILED", "NotANumber")
    assert "'x' is no number" in result["cause"]
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "the following arguments are required: DEFINITION"),
        (["pass.json", "--input", "{}", "--events", "-"], 2, "not allowed with argument"),
        (["pass.json", "--events", "-", "--max-in-flight", "0"], 2, "'0' is not a whole number of 1 or more"),
        (["pass.json", "--events", "-", "--max-in-flight", "x"], 2, "'x' is not a whole number of 1 or more"),
        (["pass.json", "--events", "-", "--max-in-flight", "1000000000000"], 2, "is more than 1,000,000,000"),
        (["pass.json", "--events", "-", "--name", "mine"], 2, "--name is for one execution"),
        (["-", "--input", "-"], 2, "cannot both come from stdin"),
        (["pass.json", "--input", "{"], 2, "is not valid JSON"),
        (["pass.json", "--query", "a..b"], 2, "--query is not valid JMESPath"),
        (["pass.json", "--query", "[" * 3_000], 2, "--query is nested too deeply"),
        (["pass.json", "--query", f"output{' | a' * 900}"], 2, "--query is nested too deeply"),
        (["pass.json", "--query", "length(`1`)"], 2, "--query failed"),
        (["pass.json", "--tasks", "nowhere:tasks"], 2, "no module named nowhere"),
        (["pass.json", "--events", "absent.jsonl"], 2, "cannot read absent.jsonl: No such file or directory"),
        (["pass.json", "--events", "."], 2, "cannot read .: Is a directory"),
        (["pass.json", "--events", "pass.json", "--output", "pass.json"], 2, "would overwrite the events"),
        (["pass.json", "--events", "pass.json", "--output", "no/where"], 2, "cannot write no/where: No such file"),
        (["wrong.json"], 1, "wrong.json:2:14"),
        (["wrong.json"], 1, "Keep"),
        (["absent.json"], 2, "Cannot read 'absent.json': No such file or directory"),
        (["."], 2, "Cannot read '.': Is a directory"),
        (["pass.json", "--name", "a b/c"], 2, "Invalid Name: 'a b/c'"),
        (["pass.json", "--name", ""], 2, "Invalid Name: ''"),
        (["double.json"], 1, "function:Double"),
        (["double.json"], 1, "hint: the handlers of a workflow's resources come from --tasks MODULE:REGISTRY"),
    ],
)
def test_what_cannot_be_run(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    assert main(["run", *arguments]) == status
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_debug_shows_the_traceback(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--debug", "run", "pass.json", "--input", "{"], ["run", "pass.json", "--input", "{", "--debug"]):
        assert main(arguments) == 2
        assert "Traceback" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------------------
# a stream

MIXED = b'1\n\nnope\n"x"\n4\n'
MIXED_RESULTS = [
    {"line": 1, "status": "SUCCEEDED", "output": {"n": 1, "double": 2}},
    {"line": 3, "status": "INVALID", "error": "InvalidExecutionInput"},
    {"line": 4, "status": "FAILED", "error": "NotANumber"},
    {"line": 5, "status": "SUCCEEDED", "output": {"n": 4, "double": 8}},
]


def without_cause(text: str | bytes) -> list[dict[str, Any]]:
    results = [json.loads(line) for line in text.splitlines()]
    return [{key: value for key, value in result.items() if key != "cause"} for result in results]


@pytest.mark.parametrize("order", [[], ["--unordered"]])
@pytest.mark.parametrize("to_file", [False, True])
def test_every_line_has_its_result(
    here: Path, capsys: pytest.CaptureFixture[str], order: list[str], to_file: bool
) -> None:
    (here / "events.jsonl").write_bytes(MIXED)
    output = ["--output", "results.jsonl"] if to_file else []
    assert main(["run", "double.json", *TASKS, "--events", "events.jsonl", *order, *output]) == 3
    captured = capsys.readouterr()
    text = (here / "results.jsonl").read_text() if to_file else captured.out
    results = without_cause(text)
    assert (sorted(results, key=lambda result: result["line"]) if order else results) == MIXED_RESULTS
    assert captured.err.startswith("express: line 3: not valid JSON: ")
    assert captured.err.endswith("express: 2 SUCCEEDED, 1 FAILED, 1 INVALID\n")
    assert not to_file or captured.out == ""


@pytest.mark.parametrize(
    ("events", "status", "message"),
    [
        ("1\n2\n", 0, ""),
        ("", 0, ""),
        ('1\n"x"\n', 1, "express: 1 SUCCEEDED, 1 FAILED\n"),
    ],
)
def test_status_of_a_stream(
    here: Path, capsys: pytest.CaptureFixture[str], events: str, status: int, message: str
) -> None:
    (here / "events.jsonl").write_text(events)
    assert main(["run", "double.json", *TASKS, "--events", "events.jsonl"]) == status
    assert capsys.readouterr().err == message


def test_only_the_first_broken_lines_are_listed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "events.jsonl").write_text("broken\n" * 25)
    assert main(["run", "pass.json", "--events", "events.jsonl"]) == 3
    captured = capsys.readouterr()
    assert [result["line"] for result in without_cause(captured.out)] == list(range(1, 26))
    assert captured.err.count("not valid JSON") == 20
    assert "express: 5 more lines are broken\nexpress: 25 INVALID\n" in captured.err


def test_a_stream_keeps_every_digit(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "events.jsonl").write_text(f"-{HUGE}\n")
    assert main(["run", "pass.json", "--events", "events.jsonl"]) == 0
    assert capsys.readouterr().out == f'{{"line":1,"status":"SUCCEEDED","output":-{HUGE}}}\n'


def test_query_on_each_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "events.jsonl").write_text("1\n2\n")
    assert main(["run", "double.json", *TASKS, "--events", "events.jsonl", "--query", "[line, output.double]"]) == 0
    assert capsys.readouterr().out == "[1,2]\n[2,4]\n"


def test_a_query_that_fails_on_a_result_loses_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "events.jsonl").write_text('"text"\n1\n')
    assert main(["run", "pass.json", "--events", "events.jsonl", "--query", "length(output)"]) == 2
    captured = capsys.readouterr()
    first, second = captured.out.splitlines()
    assert first == "4"
    assert json.loads(second)["status"] == "SUCCEEDED"
    assert "length" in json.loads(second)["query_error"]
    assert captured.err == "express: --query failed on 1 results (query_error)\n"


LEAVING = """
import express, sys

tasks = express.Tasks()
answers = iter([[1], {2}, "x\\ud800"])


@tasks.task("Double", isolate=False)
async def double(what):
    if what == "exit":
        sys.exit(3)
    if what == "leave":
        raise GeneratorExit
    if what == "fail":
        raise express.TaskError("Odd", "half \\ud800 a pair")
    return next(answers)
"""


@pytest.mark.parametrize("option", ["--output results", "--unordered", "--billing", "--metrics-port 0"])
def test_options_of_streams_are_refused_for_one_execution(
    here: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert main(["run", "pass.json", "--input", "1", *option.split()]) == 2
    assert capsys.readouterr().err == f"express: {option.split()[0]} is for the executions of --events\n"
    assert not (here / "results").exists()


def test_an_input_file_may_begin_with_a_byte_order_mark(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "input.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert main(["run", "pass.json", "--input", "input.json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_what_handlers_may_do_loses_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They leave the program, break their promise of JSON, or say what no JSON can carry."""
    (here / "run_handlers.py").write_text(LEAVING)
    (here / "events.jsonl").write_text('1\n2\n"exit"\n"fail"\n3\n"leave"\n')
    assert main(["run", "double.json", *TASKS, "--events", "events.jsonl"]) == 1
    captured = capsys.readouterr()
    good, foreign, left, odd, half, closed = (json.loads(line) for line in captured.out.splitlines())
    assert good == {"line": 1, "status": "SUCCEEDED", "output": [1]}
    no_json = "the result is no JSON: $.output is a"
    assert foreign == {"line": 2, "status": "SUCCEEDED", "unwritable": f"{no_json} set, which is not JSON"}
    assert (left["status"], left["error"]) == ("FAILED", "Runtime.ExitError")
    assert odd == {"line": 4, "status": "FAILED", "error": "Odd", "cause": "half ? a pair"}
    assert half["unwritable"].startswith(f"{no_json} string with a lone surrogate")
    assert (closed["status"], closed["error"]) == ("FAILED", "GeneratorExit")
    assert captured.err == "express: 2 results are no JSON (unwritable)\nexpress: 3 SUCCEEDED, 3 FAILED\n"


def test_progress_goes_to_stderr_only(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "events.jsonl").write_text("1\n" * 100)
    assert main(["run", "pass.json", "--events", "events.jsonl", "--progress"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 100
    assert all(json.loads(line)["status"] == "SUCCEEDED" for line in captured.out.splitlines())


# ---------------------------------------------------------------------------------------------------------------
# order and bounds, below the command line


class Collected:
    """A sink that remembers what it got, in order, and can be full."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.room = asyncio.Event()
        self.room.set()

    async def ready(self) -> None:
        await self.room.wait()

    def result(self, line: int, result: express.Result) -> None:
        assert result.status == "SUCCEEDED"
        self.lines.append(line)

    def broken(self, event: Event) -> None:
        self.lines.append(-event.line)


class Source:
    """Events 1 to `count` that count how many were asked for; every tenth is broken."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[Event]:
        for line in range(1, self.count + 1):
            self.taken = line
            yield Event(line, None, "broken") if line % 10 == 0 else Event(line, line)


def gated_workflow(gate: asyncio.Event, held: Container[int]) -> express.Workflow:
    """A workflow that lets every input pass at once but those in `held`, which wait for the gate."""
    tasks = express.Tasks()

    @tasks.task("Gate")
    async def wait(number: int) -> int:
        if number in held:
            await gate.wait()
        return number

    return express.compile({"StartAt": "Gate", "States": {"Gate": task("Gate", End=True)}}, tasks)


async def settle() -> None:
    """Let everything run that can run."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_results_come_in_input_order_whatever_ends_first() -> None:
    gate, sink = asyncio.Event(), Collected()
    workflow = gated_workflow(gate, held={1})
    async with express.Runtime(max_in_flight=50) as runtime:
        stream = asyncio.create_task(run_stream(runtime, workflow, Source(25), sink, ordered=True))
        await settle()
        assert sink.lines == []
        gate.set()
        await stream
    assert sink.lines == [-line if line % 10 == 0 else line for line in range(1, 26)]


async def test_unordered_results_overtake() -> None:
    gate, sink = asyncio.Event(), Collected()
    workflow = gated_workflow(gate, held={1})
    async with express.Runtime(max_in_flight=50) as runtime:
        stream = asyncio.create_task(run_stream(runtime, workflow, Source(25), sink, ordered=False))
        await settle()
        assert len(sink.lines) == 24
        assert 1 not in sink.lines
        gate.set()
        await stream
    assert sink.lines[-1] == 1
    assert sorted(map(abs, sink.lines)) == list(range(1, 26))


@pytest.mark.parametrize(
    ("ordered", "held"),
    [
        pytest.param(True, range(1, 10_001), id="every execution waits"),
        pytest.param(True, {1}, id="the first holds back the results of the others"),
        pytest.param(False, range(1, 10_001), id="every execution waits, unordered"),
    ],
)
async def test_the_source_is_read_only_as_far_as_there_is_room(ordered: bool, held: Container[int]) -> None:
    gate, sink, source = asyncio.Event(), Collected(), Source(10_000)
    workflow = gated_workflow(gate, held)
    async with express.Runtime(max_in_flight=8) as runtime:
        stream = asyncio.create_task(run_stream(runtime, workflow, source, sink, ordered=ordered))
        await settle()
        assert 8 <= source.taken <= 8 + 2
        gate.set()
        await stream
    assert sorted(map(abs, sink.lines)) == list(range(1, 10_001))


async def test_broken_lines_do_not_pile_up_behind_a_slow_execution() -> None:
    gate, sink = asyncio.Event(), Collected()
    taken = 0

    async def source() -> AsyncIterator[Event]:
        nonlocal taken
        for taken in range(1, 5_001):
            yield Event(taken, taken) if taken == 1 else Event(taken, None, "broken")

    async with express.Runtime(max_in_flight=8) as runtime:
        stream = asyncio.create_task(run_stream(runtime, gated_workflow(gate, {1}), source(), sink, ordered=True))
        await settle()
        assert taken <= 2 * 8 + 1
        gate.set()
        await stream
    assert sink.lines == [1, *(-line for line in range(2, 5_001))]


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_full_sink_stops_the_reading(ordered: bool) -> None:
    sink, source = Collected(), Source(1_000)
    sink.room.clear()
    workflow = gated_workflow(asyncio.Event(), held=())
    async with express.Runtime(max_in_flight=8) as runtime:
        stream = asyncio.create_task(run_stream(runtime, workflow, source, sink, ordered=ordered))
        await settle()
        assert source.taken <= 1
        sink.room.set()
        await stream
    assert sorted(map(abs, sink.lines)) == list(range(1, 1_001))


async def test_an_error_of_the_sink_ends_the_stream() -> None:
    class Gone(Collected):
        def result(self, line: int, result: express.Result) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    workflow = gated_workflow(asyncio.Event(), held=())
    for ordered in (True, False):
        async with express.Runtime(max_in_flight=8) as runtime:
            with pytest.raises(BrokenPipeError):
                await run_stream(runtime, workflow, Source(1_000), Gone(), ordered=ordered)


# ---------------------------------------------------------------------------------------------------------------
# the process


def command(*arguments: str) -> subprocess.Popen[bytes]:
    """Start `express` with pipes; the tree under test is importable from any working directory."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    pipe = subprocess.PIPE
    line = [sys.executable, "-m", "express.cli", *arguments]
    return subprocess.Popen(line, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.mark.slow
def test_stdin_to_stdout(here: Path) -> None:
    with command("run", "double.json", *TASKS, "--events", "-") as process:
        out, err = process.communicate(MIXED, timeout=30)
    assert process.returncode == 3
    assert without_cause(out) == MIXED_RESULTS
    assert b"express: line 3: " in err


@pytest.mark.slow
def test_a_definition_on_stdin(here: Path) -> None:
    with command("run", "-", "--input", "7") as process:
        out, err = process.communicate((here / "pass.json").read_bytes(), timeout=30)
    assert (process.returncode, out, err) == (0, b"7\n", b"")


@pytest.mark.slow
def test_results_appear_while_the_input_stays_open(here: Path) -> None:
    with command("run", "pass.json", "--events", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (b"1", b"2"):
            process.stdin.write(number + b"\n")
            process.stdin.flush()
            assert process.stdout.readline().endswith(b'"output":' + number + b"}\n")
        process.stdin.close()
        assert process.wait(timeout=30) == 0


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_traceback(here: Path) -> None:
    (here / "events.jsonl").write_bytes(b'{"some": "event"}\n' * 50_000)
    with command("run", "pass.json", "--events", "events.jsonl") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 141


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_a_stream_whose_input_is_silent(here: Path) -> None:
    with command("run", "pass.json", "--events", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"1\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr.read() == (
            b"express: 1 result lines are written; 0 more executions had begun, and have none\nexpress: interrupted\n"
        )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_stream_that_is_terminated_says_how_far_it_has_come(here: Path) -> None:
    """Handlers that have begun can clean up; those that ignore it end with the process."""
    (here / "run_handlers.py").write_text(CLEANING_UP)
    with command("run", "double.json", *TASKS, "--events", "-", "--unordered") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"1\n2\n3\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["output"] == 1
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (143, b"")
    assert err.endswith(b"express: 1 result lines are written; 2 more executions had begun, and have none\n")
    assert err.count(b"cleaned up") == 2


CLEANING_UP = """
import asyncio, express, sys

tasks = express.Tasks()


@tasks.task("Double")
async def double(number):
    try:
        if number > 1:
            await asyncio.Event().wait()
        return number
    except asyncio.CancelledError:
        print("cleaned up", file=sys.stderr)
        raise
"""

WORKING_FOR_EVER = """
import express, sys, threading

tasks = express.Tasks()


@tasks.task("Double", blocking=True)
def double(what):
    print("working", file=sys.stderr, flush=True)
    threading.Event().wait()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_termination_waits_for_no_thread(here: Path) -> None:
    (here / "run_handlers.py").write_text(WORKING_FOR_EVER)
    with command("run", "double.json", *TASKS, "--events", "-") as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"1\n")
        process.stdin.flush()
        assert process.stderr.readline() == b"working\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
        lines = b"0 result lines are written; 1 more executions had begun, and have none"
        assert process.stderr.read() == b"express: " + lines + b"\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_waits_for_no_thread(here: Path) -> None:
    (here / "run_handlers.py").write_text(WORKING_FOR_EVER)
    with command("run", "double.json", *TASKS, "--input", "1") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"working\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stderr.read() == b"express: interrupted\n"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which `$express` is the command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    line = line.replace("$express", '"$PYTHON" -m express.cli')
    return subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("printf '1\\n' | $express run pass.json --events - --output /dev/full", "/dev/full"),
        ("printf '1\\n' | $express run pass.json --events - > /dev/full", "stdout"),
        ("$express run pass.json > /dev/full", "stdout"),
        ("$express check pass.json > /dev/full", "stdout"),
    ],
)
def test_a_full_disk_is_named(here: Path, line: str, name: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stderr) == (2, f"express: cannot write {name}: No space left on device\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize(
    ("line", "status", "out", "err"),
    [
        ("$express run pass.json --input 7 0<&-", 0, "7\n", ""),
        ("$express run pass.json --input 7 1>&-", 2, "", "express: cannot write stdout: Bad file descriptor\n"),
        ("$express run pass.json --input 7 2>&-", 0, "7\n", ""),
        ("$express run fail.json 0<&- 1>&- 2>&-", 2, "", ""),
        ("$express check - 0<&-", 2, "", "express: cannot read stdin: it is closed\n"),
        ("$express run - 0<&-", 2, "", "express: cannot read stdin: it is closed\n"),
        ("$express run pass.json --input - 0<&-", 2, "", "express: cannot read stdin: it is closed\n"),
        ("$express run pass.json --events - 0<&-", 2, "", "express: cannot read stdin: it is closed\n"),
    ],
)
def test_closed_standard_streams(here: Path, line: str, status: int, out: str, err: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stdout, done.stderr) == (status, out, err)
