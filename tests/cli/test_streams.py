"""Standard streams that are full, closed, gone or non-blocking: nothing is lost in silence, whatever prints."""

from __future__ import annotations

import fcntl
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from express.cli import main
from express.cli.status import CommandError
from express.cli.streams import ExpendableFile, WholeFile, read_some

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ROOT = Path(__file__).resolve().parents[2]
PASS = {"StartAt": "Keep", "States": {"Keep": {"Type": "Pass", "End": True}}}
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
either_buffering = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
#: More than a pipe holds.
LONG = "x" * 200_000


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "pass.json").write_text(json.dumps(PASS))
    (tmp_path / "long.json").write_text(json.dumps(LONG))
    (tmp_path / "many.jsonl").write_text("".join(f'{{"number": {number}}}\n' for number in range(1_300)))
    (tmp_path / "mixed.jsonl").write_text("1\n" * 10 + "nope\n" * 25 + "2\n" * 10)
    return tmp_path


def environment(unbuffered: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable, "PYTHONUNBUFFERED": unbuffered}


def shell(line: str, directory: Path, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `$express` is the command."""
    line = line.replace("$express", '"$PYTHON" -m express.cli')
    return subprocess.run(
        ["bash", "-c", line],
        cwd=directory,
        env=environment(unbuffered),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
@either_buffering
@pytest.mark.parametrize("source", ["--events many.jsonl", "--input long.json"])
def test_results_that_do_not_fit_on_the_disk_are_no_success(here: Path, unbuffered: str, source: str) -> None:
    """A file may grow to 32 KiB: the last write is a short one, which is an error only for who writes the rest."""
    done = shell(f"ulimit -f 32; $express run pass.json {source} > results", here, unbuffered)
    assert (done.returncode, done.stderr) == (2, "express: cannot write stdout: File too large\n")
    assert (here / "results").stat().st_size == 32 * 1024


@pytest.mark.slow
@either_buffering
@pytest.mark.parametrize("source", [["--events", "many.jsonl"], ["--input", "long.json"]], ids=["events", "input"])
def test_a_pipe_set_to_non_blocking_is_waited_for(here: Path, unbuffered: str, source: list[str]) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "express.cli", "run", "pass.json", *source]
    with (
        subprocess.Popen(command, cwd=here, env=environment(unbuffered), stdout=writing) as process,
        open(reading, "rb") as results,
    ):
        os.close(writing)
        lines = results.readlines()
    assert process.returncode == 0
    if source[0] == "--input":
        assert json.loads(lines[0]) == LONG
    else:
        assert [json.loads(line)["line"] for line in lines] == list(range(1, 1_301))


@pytest.mark.slow
@needs_full
@either_buffering
@pytest.mark.parametrize("command", ["demo --events 20", "env", "check pass.json", "--help"])
@pytest.mark.parametrize(
    ("target", "reason"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_every_command_says_that_stdout_cannot_be_written(
    here: Path, unbuffered: str, command: str, target: str, reason: str
) -> None:
    done = shell(f"$express {command} {target}", here, unbuffered)
    assert done.returncode == 2
    assert done.stderr.endswith(f"express: cannot write stdout: {reason}\n")
    assert "Exception" not in done.stderr


@pytest.mark.slow
@either_buffering
def test_a_reader_that_has_seen_enough_of_the_demo_is_no_error(here: Path, unbuffered: str) -> None:
    done = shell("$express demo --events 20 | true; exit ${PIPESTATUS[0]}", here, unbuffered)
    assert done.returncode == 141
    assert "error" not in done.stderr


@pytest.mark.slow
@needs_full
@either_buffering
def test_messages_that_cannot_be_shown_cost_no_results(here: Path, unbuffered: str) -> None:
    done = shell("$express run pass.json --events mixed.jsonl 2> /dev/full", here, unbuffered)
    assert done.returncode == 3
    assert [json.loads(line)["line"] for line in done.stdout.splitlines()] == list(range(1, 46))
    assert shell("$express run absent.json 2> /dev/full", here, unbuffered).returncode == 2


@pytest.mark.slow
@needs_full
@pytest.mark.parametrize("events", ["mixed.jsonl", "one.jsonl"])
def test_a_log_that_cannot_be_written_is_named(here: Path, events: str) -> None:
    (here / "one.jsonl").write_text("1\n")
    done = shell(f"$express run pass.json --events {events} --log-level ALL --log-file /dev/full", here)
    assert done.returncode == 2
    assert done.stderr.endswith("express: cannot write /dev/full: No space left on device\n")
    assert done.stdout.count("SUCCEEDED") == (here / events).read_text().count("\n") - (25 if "mixed" in events else 0)


class Late(io.FileIO):
    """A pipe set to non-blocking; what it holds is written to it once it was found empty."""

    def __init__(self, content: bytes) -> None:
        reading, self._writing = os.pipe()
        os.set_blocking(reading, False)
        super().__init__(reading)
        self._content = content

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        count = super().readinto(buffer)
        if self._content and count is None:
            os.write(self._writing, self._content)
            os.close(self._writing)
            self._content = b""
        return count


@pytest.mark.parametrize(
    ("command", "given", "shown"),
    [
        ("run pass.json --input -", "7", "7\n"),
        ("run - --input 8", json.dumps(PASS), "8\n"),
        ("check -", json.dumps(PASS), "no problems in 1 file\n"),
    ],
)
def test_a_stdin_that_has_nothing_yet_is_waited_for(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    given: str,
    shown: str,
) -> None:
    monkeypatch.chdir(here)
    with io.TextIOWrapper(io.BufferedReader(Late(given.encode()))) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(command.split()) == 0
    assert capsys.readouterr().out == shown


def test_a_whole_file_waits_until_there_is_room() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    file = WholeFile(writing, "the pipe")
    writer = threading.Thread(target=file.write, args=(LONG.encode() * 4,))
    writer.start()
    taken = 0
    while taken < 4 * len(LONG):
        taken += len(os.read(reading, 1 << 16))
    writer.join()
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        file.write(b"more")
    assert ExpendableFile(writing, "the pipe").write(b"more") == 4
    os.close(writing)


def test_what_is_there_is_read_and_what_is_not_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(reading, "rb") as file:
        reader = threading.Thread(target=lambda: pieces.append(read_some(file, 2)))
        pieces: list[bytes] = []
        reader.start()
        os.write(writing, b"12")
        reader.join()
        os.close(writing)
        assert pieces == [b"12"]
        assert read_some(file, 2) == b""


@needs_full
def test_an_error_of_a_file_names_it() -> None:
    with WholeFile("/dev/full", "the results") as file:
        with pytest.raises(CommandError, match=r"cannot write the results: No space left on device"):
            file.write(b"1")
        assert file.write(b"") == 0
    with pytest.raises(CommandError, match=r"cannot write no/where: No such file or directory"):
        WholeFile("no/where", "no/where")


def test_a_stdout_that_nobody_else_refers_to(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", open(here / "said.txt", "w"))  # noqa: SIM115 - its last reference is replaced
    assert main(["run", str(here / "pass.json"), "--input", "[7]"]) == 0
    sys.stdout.flush()
    file = cast("Any", sys.stdout.buffer).raw
    file.replaced.close()
    assert json.loads((here / "said.txt").read_text()) == [7]
