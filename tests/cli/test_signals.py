"""Signals that end a command: what is cleaned up, what is said, with which status. Processes, some on a terminal."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from express.cli.signals import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pty = pytest.importorskip("pty", reason="the system has no terminals like those of POSIX")

ROOT = Path(__file__).resolve().parents[2]
TASK = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Stay", "End": True}
STUBBORN = """
import asyncio, express, sys

tasks = express.Tasks()


@tasks.task("Stay")
async def stay(event):
    if event == 1:
        return event
    print("working", file=sys.stderr, flush=True)
    while True:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            pass
"""
HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"
ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
each_signal = pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "pass.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}')
    (tmp_path / "stay.json").write_text(json.dumps({"StartAt": "A", "States": {"A": TASK}}))
    (tmp_path / "signal_handlers.py").write_text(STUBBORN)
    (tmp_path / "tmp").mkdir()
    return tmp_path


def environment(directory: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(directory / "tmp"), "TERM": "xterm"}


class Terminal:
    """A command whose stderr is a terminal, in a session of its own; `said` is what it has written there."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._terminal, its_end = pty.openpty()
        line = [sys.executable, "-m", "express.cli", *arguments]
        self.process = subprocess.Popen(
            line, cwd=directory, env=environment(directory), stdout=subprocess.DEVNULL, stderr=its_end,
            start_new_session=True,
        )  # fmt: skip
        os.close(its_end)
        self.said = b""

    def _read(self) -> bool:
        try:
            text = os.read(self._terminal, 1 << 16)
        except OSError:  # nobody has the other end any more
            return False
        self.said += text
        return bool(text)

    def until(self, text: bytes) -> None:
        while text not in self.said:
            assert self._read(), self.said

    def end(self) -> int:
        while self._read():
            pass
        return self.process.wait(30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)


@contextmanager
def terminal(directory: Path, *arguments: str) -> Iterator[Terminal]:
    command = Terminal(directory, *arguments)
    try:
        yield command
    finally:
        command.close()


@each_signal
def test_the_demo_leaves_neither_files_nor_a_hidden_cursor(here: Path, number: signal.Signals) -> None:
    with terminal(here, "demo") as command:
        command.until(HIDE_CURSOR)
        assert [*(here / "tmp").iterdir()]
        command.process.send_signal(number)
        assert command.end() == 128 + number
    assert command.said.rindex(SHOW_CURSOR) > command.said.rindex(HIDE_CURSOR)
    assert [*(here / "tmp").iterdir()] == []


@each_signal
def test_bench_shows_the_cursor_and_what_it_has(here: Path, number: signal.Signals) -> None:
    """The signal goes to the workers too, as from a terminal or from `timeout`."""
    arguments = ("pass.json", "--duration", "60s", "--warmup", "0s", "--in-flight", "2", "--report", "report.json")
    with terminal(here, "bench", *arguments) as command:
        command.until(b" done")
        os.killpg(command.process.pid, number)
        assert command.end() == 128 + number
    assert command.said.rindex(SHOW_CURSOR) > command.said.rindex(HIDE_CURSOR)
    assert json.loads((here / "report.json").read_text())["interrupted"] is True


def test_a_signal_that_is_ignored_stays_so(here: Path) -> None:
    """As under nohup, and for Ctrl-C where a shell starts a command in the background."""
    line = 'trap "" INT HUP; exec "$PYTHON" -m express.cli run stay.json --tasks signal_handlers:tasks --input 2'
    with subprocess.Popen(
        ["sh", "-c", line], cwd=here, env={**environment(here), "PYTHON": sys.executable}, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"working\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.stderr.readline().endswith(b"a second signal leaves them\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143


class Interrupted(io.RawIOBase):
    """A file in the middle of whose first writing a signal comes."""

    def __init__(self, signal_comes: Callable[[], None]) -> None:
        self._signals = [signal_comes]

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        while self._signals:
            self._signals.pop()()
        return len(data)


def test_a_second_signal_while_something_is_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A print within a print is refused; the last words are not lost for that."""
    ending = Ending()
    ending.requested = True
    ending.last_words = lambda: print("the counts", file=sys.stderr)
    raw = Interrupted(lambda: ending.heed(signal.SIGINT, None))
    monkeypatch.setattr("os._exit", sys.exit)
    monkeypatch.setattr("express.cli.signals._latest.at", float("-inf"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True))
    with pytest.raises(SystemExit) as ended:
        print("waiting", file=sys.stderr)
    assert ended.value.code == 130
    assert capfd.readouterr().err == "the counts\nexpress: interrupted\n"


@each_signal
@pytest.mark.parametrize("source", ["--events", "--input"])
def test_a_second_signal_leaves_handlers_that_do_not_end(here: Path, number: signal.Signals, source: str) -> None:
    (here / "events.jsonl").write_text("1\n2\n")
    given = "events.jsonl" if source == "--events" else "2"
    line = [sys.executable, "-m", "express.cli", "run", "stay.json", "--tasks", "signal_handlers:tasks", source, given]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, cwd=here, env=environment(here), stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline() == b"working\n"
        if source == "--events":
            assert json.loads(process.stdout.readline())["line"] == 1
        process.send_signal(number)
        again = b"Ctrl-C" if number == signal.SIGINT else b"signal"
        waiting = b"express: waiting for running handlers to end; a second " + again + b" leaves them\n"
        assert process.stderr.readline() == waiting
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (128 + number, b"")
    counts = b"express: 1 result lines are written; 1 more executions had begun, and have none\n"
    interrupted = b"express: interrupted\n" if number == signal.SIGINT else b""
    assert err == (counts if source == "--events" else b"") + interrupted
