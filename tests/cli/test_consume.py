"""`express consume` as a process: what it consumes, how it ends, what a kill costs, what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.redis_server import RedisServer
from express.cli import main
from tests.consumers.brokers import needs_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ROOT = Path(__file__).resolve().parents[2]
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
TASK = {
    "StartAt": "A",
    "States": {"A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Work", "End": True}},
}
#: Says on stdout what begins and ends, and works until there is a file `done`. It polls because it has nothing to
#: share with the test but the directory.
HANDLERS = """
import asyncio, pathlib, express
tasks = express.Tasks()

@tasks.task("Work")
async def work(event, context):
    print("begin", event["id"], context.execution_name, flush=True)
    if event["id"] < 0:
        raise express.TaskError("Negative", "below zero")
    while event.get("waits") and not pathlib.Path("done").exists():
        await asyncio.sleep(0.01)
    print("end", event["id"], context.execution_name, flush=True)
"""
_SECONDS = 60


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(durable=False) as running:
        yield running


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "work.asl.json").write_text(json.dumps(TASK))
    (tmp_path / "handlers.py").write_text(HANDLERS)
    return tmp_path


class Consumer:
    """A running `express consume`; `said` is what it has said so far, on stdout and stderr."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        self.process = process
        self._said = said

    @property
    def said(self) -> str:
        return self._said.read_text()

    def ids(self, what: str) -> list[int]:
        """The messages that have begun, or ended."""
        return [int(id_) for id_ in re.findall(rf"^{what} (-?\d+) ", self.said, re.MULTILINE)]

    def names(self, id_: int) -> set[str]:
        return set(re.findall(rf"^begin {id_} (\S+)$", self.said, re.MULTILINE))

    def until(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(_SECONDS)


@contextmanager
def consume(directory: Path, url: str, *arguments: str) -> Iterator[Consumer]:
    command = [sys.executable, "-m", "express.cli", "consume", "work.asl.json", "--tasks", "handlers:tasks"]
    said = directory / f"said-{len(list(directory.glob('said-*')))}"
    with (
        said.open("wb") as output,
        subprocess.Popen(
            [*command, "--source", url, *arguments],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            yield Consumer(process, said)
        finally:
            process.kill()


def put(server: RedisServer, stream: str, *events: dict[str, Any] | str) -> None:
    with server.client() as client:
        for event in events:
            client.xadd(stream, {"body": event if isinstance(event, str) else json.dumps(event)})


def pending(server: RedisServer, stream: str) -> int:
    with server.client() as client:
        return int(client.xpending(stream, "workers")["pending"])


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


@needs_redis
@pytest.mark.slow
def test_messages_are_executed_and_the_page_tells(server: RedisServer, directory: Path) -> None:
    put(server, "told", *({"id": number} for number in range(20)), {"id": -1}, "{broken")
    with consume(directory, server.url("told"), "--metrics-port", "0", "--dead-letter", "graveyard") as consumer:
        consumer.until(lambda: len(consumer.ids("end")) == 20)
        (url,) = re.findall(r"metrics at (http://\S+)", consumer.said)
        consumer.until(lambda: 'express_source_dead_lettered_total{source="told.workers"} 2.0' in page(url))
        succeeded = 'express_source_messages_total{outcome="succeeded",source="told.workers"} 20.0'
        consumer.until(lambda: succeeded in page(url))
        consumer.until(lambda: not pending(server, "told"))
        assert consumer.end(signal.SIGTERM) == 0
        assert "express: consuming told.workers\n" in consumer.said
        assert "express: told.workers: 20 succeeded, 1 failed, 1 invalid, 2 dead letters\n" in consumer.said
    with server.client() as client:
        letters = [fields for _, fields in client.xrange("graveyard")]
        assert sorted((letter["x-error"], letter["body"]) for letter in letters) == [
            ("InvalidExecutionInput", "{broken"),
            ("Negative", '{"id": -1}'),
        ]
        assert {letter["x-original-stream"] for letter in letters} == {"told"}
        # It has left the group.
        assert client.xinfo_consumers("told", "workers") == []


@needs_redis
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_what_runs_end_and_leaves_the_rest(server: RedisServer, directory: Path, number: int) -> None:
    stream = f"drained-{number}"
    put(server, stream, *({"id": n, "waits": True} for n in range(30)))
    with consume(directory, server.url(stream), "--in-flight", "10") as consumer:
        consumer.until(lambda: len(consumer.ids("begin")) == 10)
        consumer.process.send_signal(number)
        consumer.until(lambda: "express: stopping" in consumer.said)
        (directory / "done").touch()
        assert consumer.process.wait(_SECONDS) == 0
        assert sorted(consumer.ids("begin")) == list(range(10))
        assert sorted(consumer.ids("end")) == list(range(10))
    assert pending(server, stream) == 0
    with server.client() as client:
        assert client.xinfo_groups(stream)[0]["lag"] == 20


@needs_redis
@pytest.mark.slow
def test_what_does_not_end_in_time_is_another_consumers(server: RedisServer, directory: Path) -> None:
    put(server, "slow", {"id": 1, "waits": True}, {"id": 2})
    url = server.url("slow", lease=1)
    with consume(directory, url, "--grace", "1") as consumer:
        consumer.until(lambda: consumer.ids("begin") == [1, 2] and pending(server, "slow") == 1)
        assert consumer.end(signal.SIGTERM) == 0
        assert "1 messages have not ended in time" in consumer.said
        assert "1 succeeded, 1 aborted" in consumer.said
        name = consumer.names(1)
    (directory / "done").touch()
    with consume(directory, url) as consumer:
        consumer.until(lambda: consumer.ids("end") == [1] and not pending(server, "slow"))
        assert consumer.names(1) == name


@needs_redis
@pytest.mark.slow
def test_a_consumer_that_is_killed_loses_nothing(server: RedisServer, directory: Path) -> None:
    put(server, "killed", *({"id": n, "waits": n % 2} for n in range(60)))
    url = server.url("killed", lease=1)
    ended: list[int] = []
    with consume(directory, url, "--in-flight", "20") as victim, consume(directory, url, "--in-flight", "5") as other:
        victim.until(lambda: len(victim.ids("begin")) >= 20 and len(other.ids("begin")) >= 5)
        assert victim.end(signal.SIGKILL) == -signal.SIGKILL
        begun, ended = victim.ids("begin"), victim.ids("end")
        unsettled = {*begun} - {*ended}
        assert unsettled
        (directory / "done").touch()
        other.until(lambda: not pending(server, "killed") and {*other.ids("end"), *ended} == {*range(60)})
        # What the other did again: what was under way, under the same name.
        assert unsettled <= {*other.ids("end")}
        assert len({*other.ids("end")} & {*begun}) <= 20
        assert all(other.names(id_) == victim.names(id_) for id_ in unsettled)
        assert other.end(signal.SIGTERM) == 0
    with server.client() as client:
        assert not client.exists("killed:dead")
        assert client.xinfo_groups("killed")[0]["lag"] == 0


@needs_redis
@pytest.mark.slow
def test_a_server_that_comes_back_is_found_again(directory: Path) -> None:
    with RedisServer() as own:
        put(own, "orders", *({"id": n} for n in range(10)))
        with consume(directory, own.url("orders", lease=1)) as consumer:
            consumer.until(lambda: len(consumer.ids("end")) == 10)
            own.stop()
            consumer.until(lambda: "Redis does not answer" in consumer.said)
            own.start()
            put(own, "orders", *({"id": n} for n in range(10, 20)))
            consumer.until(lambda: {*consumer.ids("end")} == {*range(20)} and not pending(own, "orders"))
            assert "source orders.workers: back after" in consumer.said
            assert consumer.end(signal.SIGTERM) == 0


# ------------------------------------------------------------------------------------------ what it refuses


@pytest.fixture
def definition(tmp_path: Path) -> str:
    path = tmp_path / "pass.asl.json"
    path.write_text(json.dumps(PASS))
    return str(path)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("orders", "'orders' is no source: its scheme must be one of redis, rediss"),
        ("kafka://u:secret@host/orders", "'kafka://host/orders' is no source: its scheme must be one of redis, rediss"),
        ("redis://u:secret@host/orders", "redis://host/orders: write redis://HOST:PORT/STREAM?group=GROUP"),
        ("redis://host?group=g", "redis://host: write redis://HOST:PORT/STREAM?group=GROUP"),
        ("redis://host/s?group=g&leese=3", "redis://host/s: unknown parameter leese"),
        ("redis://host/s?group=g&lease=x", "redis://host/s: could not convert string to float: 'x'"),
        ("redis://host/s?group=g&lease=0", "redis://host/s: the lease must be positive, and 30 days at most"),
        ("redis://host/s?group=g&lease=nan", "redis://host/s: the lease must be positive, and 30 days at most"),
        ("redis://host/s?group=g&lease=inf", "redis://host/s: the lease must be positive, and 30 days at most"),
        ("redis://u:secret@[::1/s?group=g", "the source is no URL: Invalid IPv6 URL"),
        ("redis://host:port/s?group=g", "redis://host:port/s: Port could not be cast to integer value as 'port'"),
        ("redis://127.0.0.1:1/s?group=g", "Redis does not answer: "),
    ],
)
def test_a_source_that_cannot_be(definition: str, url: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consume", definition, "--source", url]) == 2
    said = capsys.readouterr().err
    assert f"express: {message}" in said
    assert "secret" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("option", ["--in-flight", "--max-deliveries", "--grace"])
def test_too_much_of_anything(definition: str, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert main(["consume", definition, "--source", "redis://host/s?group=g", option, "1000000000000"]) == 2
    assert f"argument {option}: '1000000000000' is more than 1,000,000,000" in capsys.readouterr().err


def test_a_package_that_is_missing(
    definition: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "express.consumers.redis", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    assert main(["consume", definition, "--source", "redis://host/s?group=g"]) == 2
    expected = "express: redis:// needs the package redis: pip install redis\n"
    assert capsys.readouterr().err == expected


@needs_redis
@pytest.mark.slow
def test_a_key_that_is_no_stream(server: RedisServer, definition: str, capsys: pytest.CaptureFixture[str]) -> None:
    with server.client() as client:
        client.set("text", "no stream")
    assert main(["consume", definition, "--source", server.url("text")]) == 2
    assert "express: Redis cannot serve text.workers: WRONGTYPE" in capsys.readouterr().err


def test_a_definition_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.asl.json"
    path.write_text('{"StartAt": "B", "States": {"A": {"Type": "Pass", "End": true}}}')
    assert main(["consume", str(path), "--source", "redis://host/s?group=g"]) == 1
    assert "MISSING_TRANSITION_TARGET" in capsys.readouterr().err


@needs_redis
@pytest.mark.slow
def test_a_second_signal_stops_at_once(server: RedisServer, directory: Path) -> None:
    put(server, "twice", {"id": 1, "waits": True})
    with consume(directory, server.url("twice")) as consumer:
        consumer.until(lambda: consumer.ids("begin") == [1])
        consumer.process.send_signal(signal.SIGINT)
        consumer.until(lambda: "express: stopping" in consumer.said)
        assert consumer.end(signal.SIGINT) == 130
        assert "express: interrupted" in consumer.said
    assert pending(server, "twice") == 1
