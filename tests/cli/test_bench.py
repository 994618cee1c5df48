"""`express bench` as a command: real workers, real reports, every way it can end. Nothing here measures speed."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from express.cli import main
from express.cli.load.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

ROOT = Path(__file__).resolve().parents[2]

HANDLERS = """
import asyncio
import os
import time

import express

tasks = express.Tasks()


@tasks.task("Quick")
async def quick(event):
    print("handlers may print")
    return {"n": event.get("n")}


@tasks.task("Odd")
async def odd(event):
    if event["n"] % 2:
        raise LookupError(f"{event['n']} is odd")
    return event


@tasks.task("Fail")
async def fail(event):
    raise LookupError("nothing [there]")


@tasks.task("Never")
async def never(event):
    await asyncio.get_running_loop().create_future()


@tasks.task("Stubborn")
async def stubborn(event):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass


@tasks.task("Block")
def block(event):
    time.sleep(3600)


@tasks.task("Die")
async def die(event):
    os._exit(7)


@tasks.task("Kill")
async def kill(event):
    os.kill(os.getpid(), 9)
"""

SHORT = ("--duration", "200ms", "--warmup", "50ms", "--drain", "200ms", "--no-progress")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with handlers and a definition for each of them: `quick.json` and so on."""
    (tmp_path / "bench_handlers.py").write_text(HANDLERS)
    for name in ("Quick", "Odd", "Fail", "Never", "Stubborn", "Block", "Die", "Kill"):
        state = {"Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:123456789012:function:{name}", "End": True}
        (tmp_path / f"{name.lower()}.json").write_text(json.dumps({"StartAt": "A", "States": {"A": state}}))
    (tmp_path / "numbers.jsonl").write_text('{"n": 0}\n\n{"n": 1}\n')
    monkeypatch.chdir(tmp_path)
    # The handlers of another test must not be found in place of these.
    monkeypatch.delitem(sys.modules, "bench_handlers", raising=False)
    return tmp_path


def bench(name: str, *arguments: str, short: Sequence[str] = SHORT) -> int:
    return main(["bench", f"{name}.json", "--tasks", "bench_handlers:tasks", *short, *arguments])


def document_of(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    return document


@pytest.mark.slow
def test_a_closed_loop(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bench("quick", "--in-flight", "3", "--threshold", "errors<=0,max<1h", "--threshold", "rate>1") == 0
    captured = capfd.readouterr()
    assert "closed loop, 3 in flight" in captured.out
    assert captured.out.count(" kept\n") == 3
    assert "handlers may print" not in captured.out
    assert set(captured.err.splitlines()) <= {"handlers may print"}


@pytest.mark.slow
def test_an_open_loop_of_two_workers(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """100 a second for 200 ms after 50 ms: the starts due at 50, 60, ... 240 ms, whoever makes them."""
    assert bench("odd", "--input", "numbers.jsonl", "--rate", "100", "--workers", "2", "--format", "json") == 0
    document = document_of(capfd)
    assert (document["inputs"], document["workers"], document["load"]["loop"]) == (2, 2, "open")
    assert document["started"] + document["dropped"] == 20
    assert document["succeeded"] + document["failed"] + document["unfinished"] == document["started"]
    assert document["failed"] > 0
    assert document["errors"][0]["error"] == "LookupError"
    assert "is odd" in document["errors"][0]["cause"]
    assert sum(piece["succeeded"] for piece in document["slices"]) > 0


@pytest.mark.slow
def test_the_definition_may_come_from_stdin(place: Path) -> None:
    command = [sys.executable, "-m", "express.cli", "bench", "-", "--tasks", "bench_handlers:tasks", *SHORT]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    definition = (place / "quick.json").read_bytes()
    done = subprocess.run(
        [*command, "--format", "json"], input=definition, capture_output=True, cwd=place, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["definition"] == "stdin"


@pytest.mark.slow
def test_reports_and_comparisons(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bench("quick", "--report", "before.json", "--report", "before.html") == 0
    assert json.loads(Path("before.json").read_text())["report"] == "express bench"
    assert Path("before.html").read_text().startswith("<!doctype html>")
    capfd.readouterr()
    assert bench("quick", "--compare", "before.json", "--in-flight", "7", "--format", "json") == 0
    comparison = document_of(capfd)["comparison"]
    assert comparison["with"] == "before.json"
    assert "in flight: 100 then, 7 now" in comparison["remarks"]
    assert comparison["differences"][0]["figure"] == "rate"


@pytest.mark.slow
def test_a_missed_threshold_is_an_exit_status(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bench("quick", "--threshold", "p50<=0ns") == 1
    captured = capfd.readouterr()
    assert "MISSED" in captured.out
    assert "express: threshold missed: p50<=0ns (measured: " in captured.err


@pytest.mark.slow
def test_a_handler_that_always_fails(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bench("fail", "--in-flight", "2") == 1
    captured = capfd.readouterr()
    assert "LookupError" in captured.out
    assert "nothing [there]" in captured.out
    assert "Latency of those that failed" in captured.out
    assert "Latency of those that succeeded" not in captured.out
    assert "express: no execution succeeded: " in captured.err


@pytest.mark.slow
@pytest.mark.parametrize("handler", ["never", "stubborn"])
def test_a_handler_that_never_returns(place: Path, capfd: pytest.CaptureFixture[str], handler: str) -> None:
    assert bench(handler, "--in-flight", "4") == 1
    captured = capfd.readouterr()
    assert "still running 200 ms after the end" in captured.out
    assert "express: no execution succeeded: none of the 4 that were started has ended in time" in captured.err


@pytest.mark.slow
def test_a_handler_that_holds_up_the_loop(
    place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("express.cli.load.crew.GRACE_S", 0.5)
    assert bench("block") == 1
    assert "express: worker 1 did not deliver: something holds up its event loop" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("handler", "how"), [("die", "exit status 7"), ("kill", "killed by SIGKILL")])
def test_a_worker_that_dies_fails_the_measurement(
    place: Path, capfd: pytest.CaptureFixture[str], handler: str, how: str
) -> None:
    assert bench(handler, "--workers", "2", "--report", "none.json") == 1
    error = capfd.readouterr().err
    assert f"died ({how})" in error
    assert error.startswith("express: worker ")
    assert not Path("none.json").exists()


@pytest.mark.slow
def test_a_worker_that_cannot_do_its_work_says_why(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Handlers that can be imported here and not there."""
    guard = "import multiprocessing\nif multiprocessing.parent_process():\n    raise RuntimeError('not twice')\n"
    (place / "bench_handlers.py").write_text(guard + HANDLERS)
    assert bench("quick", "--debug") == 2
    error = capfd.readouterr().err
    assert "express: worker 1 gave up: importing bench_handlers failed: RuntimeError: not twice" in error
    # With --debug, where it happened in the other process.
    assert "load_tasks" in error


@pytest.mark.slow
def test_a_rate_beyond_reach_is_said(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert bench("never", "--rate", "1k", "--max-in-flight", "5", "--threshold", "dropped<50%") == 1
    captured = capfd.readouterr()
    assert "of the schedule: the rate is too high" in captured.out
    assert "threshold missed: dropped<50%" in captured.err


@pytest.mark.slow
def test_a_sweep(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Five places in handlers that never return: not even the first rate holds, twice."""
    arguments = ("--sweep", "--rate", "100", "--max-in-flight", "5", "--report", "sweep.html", "--format", "json")
    assert bench("never", *arguments) == 1
    captured = capfd.readouterr()
    document = json.loads(captured.out)
    assert (document["knee"], [step["held"] for step in document["steps"]]) == (None, [False])
    assert "<svg" not in Path("sweep.html").read_text()
    assert "express: no execution succeeded" in captured.err


@pytest.mark.slow
def test_an_interruption_prints_what_there_is(place: Path) -> None:
    """Ctrl-C goes to the workers too, as from a terminal."""
    command = [sys.executable, "-m", "express.cli", "bench", "odd.json", "--tasks", "bench_handlers:tasks"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*command, "--warmup", "0s", "--duration", "60s", "--in-flight", "2", "--format", "json", "--input", '{"n": 0}'],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=place, env=environment, start_new_session=True, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    # The first line of progress: the load is on.
    while "done" not in (line := process.stderr.readline()):
        assert line, "it has ended by itself"
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    document = json.loads(output)
    assert document["interrupted"] is True
    assert document["succeeded"] > 0
    assert 0 < document["measured_s"] < 60
    assert "express: interrupted" in errors
    assert "Traceback" not in errors


@pytest.fixture
def scrapes(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[CollectorRegistry]:
    """What the metrics page showed each time the workers had delivered."""
    pages: list[CollectorRegistry] = []
    gather = Crew.gather
    told: list[str] = []

    def gather_and_scrape(crew: Crew, *arguments: Any) -> Any:
        recording = gather(crew, *arguments)
        told.append(capfd.readouterr().err)
        url = re.search(r"express: metrics at (\S+)", "".join(told))
        assert url is not None
        with urlopen(url[1], timeout=30) as answer:
            pages.append(registry_of(answer.read().decode()))
        return recording

    monkeypatch.setattr(Crew, "gather", gather_and_scrape)
    return pages


def registry_of(page: str) -> CollectorRegistry:
    class Page(Collector):
        def collect(self) -> Iterator[Metric]:
            return iter(text_string_to_metric_families(page))

    registry = CollectorRegistry()
    registry.register(Page())
    return registry


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_one_page_shows_the_sum_of_all_workers(
    place: Path, capfd: pytest.CaptureFixture[str], scrapes: list[CollectorRegistry], workers: int
) -> None:
    """Ten starts of each parity in 200 ms, whoever makes them; none is lost on the way, none counted twice."""
    short = ("--duration", "200ms", "--warmup", "0s", "--drain", "10s", "--no-progress", "--input", "numbers.jsonl")
    arguments = ("--rate", "100", "--workers", str(workers), "--format", "json", "--metrics-port", "0")
    assert bench("odd", *arguments, short=short) == 0
    document = document_of(capfd)
    [page] = scrapes
    assert page.get_sample_value("express_pushes_refused_total") == 0
    counted = [
        page.get_sample_value("express_executions_total", {"workflow": "odd", "status": status})
        for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
    ]
    assert counted == [document["succeeded"], document["failed"], 0, 0] == [10, 10, 0, 0]
    assert page.get_sample_value("express_executions_started_total", {"workflow": "odd"}) == 20


@pytest.mark.slow
def test_the_page_goes_on_through_a_sweep(place: Path, scrapes: list[CollectorRegistry]) -> None:
    """Five places in handlers that never return: a first try, then a second by a new process."""
    bench("never", "--sweep", "--rate", "100", "--max-in-flight", "5", "--metrics-port", "0")
    started = [page.get_sample_value("express_executions_started_total", {"workflow": "never"}) for page in scrapes]
    assert started == [5, 10]


def test_a_metrics_port_in_use(place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(Crew, "__enter__", never)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert bench("quick", "--metrics-port", str(port)) == 2
    error = capfd.readouterr().err
    assert f"express: metrics cannot be served on 127.0.0.1:{port}: Address already in use" in error
    assert "--metrics-port 0 takes a free one" in error


def test_metrics_that_cannot_be_gathered(
    place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for the socket."""

    def refuse(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("express.cli.watching.TemporaryDirectory", refuse)
    assert bench("quick", "--metrics-port", "0") == 2
    assert "express: cannot gather metrics: No space left on device" in capfd.readouterr().err


WRONG: list[tuple[list[str], str]] = [
    (["--threshold", "p99<5"], "--threshold 'p99<5': '5' is no duration"),
    (["--threshold", "speed>5"], "unknown term 'speed'; the terms are p50, p99"),
    (["--rate", "fast"], "'fast' is no rate"),
    (["--rate", "0"], "'0' is no rate: nothing would ever start"),
    (["--rate", "5", "--in-flight", "5"], "not allowed with argument"),
    (["--in-flight", "0"], "'0' is not a whole number of 1 or more"),
    (["--in-flight", "2000000"], "'2000000' is more than 1,000,000 at once"),
    (["--in-flight", "2", "--workers", "3"], "--in-flight 2 is less than one for each of 3 workers"),
    (["--workers", "1000"], "'1000' is more than 256 processes"),
    (["--duration", "10"], "'10' is no duration"),
    (["--duration", "0s"], "'0s' leaves no time to measure"),
    (["--warmup=-1s"], "is no duration"),
    (["--report", "report.txt"], "--report report.txt: what should it be?"),
    (["--report", "no/where.json"], "--report no/where.json: there is no directory no"),
    (["--compare", "no.json"], "cannot read no.json: No such file"),
    (["--compare", "quick.json"], '--compare quick.json: it has no "report": "express bench"'),
    (["--input", "no.json"], "--input no.json is no file and is not valid JSON"),
    (["--input", "broken.jsonl"], "nor is line 2, if it is meant to be JSON Lines"),
    (["--input", "empty.jsonl"], "empty.jsonl is not valid JSON"),
    (["--sweep", "--in-flight", "5"], "--sweep looks for a rate; --in-flight is for one measurement"),
    (["--sweep", "--threshold", "p99<5ms"], "--sweep looks for a rate; --threshold is for one measurement"),
    (["--sweep", "--compare", "x.json"], "--sweep looks for a rate; --compare is for one measurement"),
    (["--metrics-port", "http"], "'http' is no port, which is a number from 0 to 65535"),
    (["--tasks", "nowhere:tasks"], "no module named nowhere"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_what_is_wrong_is_said_before_anything_runs(
    place: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr("express.cli.load.crew.Crew.__enter__", never)
    (place / "broken.jsonl").write_text('{"n": 1}\n{"n": 2\n')
    (place / "empty.jsonl").write_text("\n")
    assert bench("quick", *arguments, short=()) == 2
    captured = capfd.readouterr()
    assert message in " ".join(captured.err.split())
    assert captured.out == ""


def test_a_wrong_definition_is_shown_in_its_place(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "wrong.json").write_text('{"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}')
    assert bench("wrong") == 1
    assert "wrong.json cannot be run" in capfd.readouterr().err


@pytest.mark.slow
def test_no_process_is_left_behind(place: Path) -> None:
    import multiprocessing

    bench("stubborn", "--workers", "2", "--in-flight", "2")
    assert multiprocessing.active_children() == []
