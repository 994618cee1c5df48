"""The counts of worker processes as one: added up, never going back, whatever becomes of a worker or of what it sends."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from prometheus_client import CollectorRegistry

import express
from express.counting import BUCKETS, Exemplar
from express.metrics import Gathering, Metrics
from express.metrics import gathering as gathering_module
from express.metrics.families import BY_NAME, DURATION, FAMILIES, IN_FLIGHT, STARTED
from express.metrics.gathering import REFUSED, TAKEN
from express.metrics.snapshot import Snapshot
from express.metrics.wire import MAX_TEXT, decode, encode
from tests.runtime.machines import compiled, machine, run_clean, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON

ROOT = Path(__file__).resolve().parent.parent

#: A worker process: runs as many executions as each line of its stdin says, pushes, and tells how it went.
WORKER = """
import sys
import express

definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}

async def main(path):
    workflow = express.compile(definition)
    async with express.Runtime() as runtime:
        pushing = express.metrics.Metrics(runtime).push(path, every=3600)
        for line in sys.stdin:
            for _ in range(int(line)):
                await runtime.execute(workflow, {})
            print(pushing.flush(), flush=True)

express.run(main(sys.argv[1]))
"""


class Worker:
    """A real process that pushes when told to."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def execute(self, count: int) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "True\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def leave(self, count: int) -> None:
        """Run some more and end as programs do, without another word."""
        self.process.communicate(f"{count}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "metrics.sock")


@pytest.fixture
def gathering(path: str) -> Iterator[Gathering]:
    with Gathering(path) as gathering:
        yield gathering


def value(gathering: Gathering, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(gathering)
    return registry.get_sample_value(name, labels)


def started(gathering: Gathering) -> float | None:
    return value(gathering, "express_executions_started_total", workflow="workflow")


def until_workers_are(gathering: Gathering, count: int) -> None:
    """The kernel closes the socket of a process that is gone; the thread that reads from it takes notice soon."""
    while value(gathering, "express_workers") != count:
        pass


def settled(gathering: Gathering, connection: Connection) -> None:
    """The connection is over and its worker accounted for."""
    connection.close()
    until_workers_are(gathering, 0)


# --------------------------------------------------------------------------------------------------------------
# processes


@pytest.mark.slow
def test_workers_that_are_killed_and_come_anew(gathering: Gathering, path: str) -> None:
    seen: list[float | None] = []
    with Worker(path) as one, Worker(path) as other:
        one.execute(3)
        other.execute(4)
        seen.append(started(gathering))
        assert value(gathering, "express_workers") == 2
        assert value(gathering, "express_executions_in_flight_limit") == 20_000
        one.kill()
        until_workers_are(gathering, 1)
        seen.append(started(gathering))
        assert value(gathering, "express_executions_in_flight_limit") == 10_000
        with Worker(path) as new:
            new.execute(10)
            seen.append(started(gathering))
            new.kill()
            other.kill()
            until_workers_are(gathering, 0)
            seen.append(started(gathering))
    assert seen == [7, 7, 17, 17]
    assert value(gathering, "express_executions_total", workflow="workflow", status="SUCCEEDED") == 17
    assert value(gathering, "express_execution_duration_seconds_count", workflow="workflow") == 17
    assert value(gathering, "express_executions_in_flight_limit") is None
    assert value(gathering, "express_pushes_refused_total") == 0


@pytest.mark.slow
def test_a_worker_that_leaves_tells_its_last_counts(gathering: Gathering, path: str) -> None:
    with Worker(path) as worker:
        worker.leave(5)
        assert worker.process.returncode == 0
    until_workers_are(gathering, 0)
    assert started(gathering) == 5


@pytest.mark.slow
def test_a_page_of_workers(gathering: Gathering, path: str) -> None:
    import urllib.request

    with Worker(path) as worker, gathering.serve() as server:
        worker.execute(2)
        with urllib.request.urlopen(server.url, timeout=30) as response:
            page = response.read().decode()
    assert 'express_executions_started_total{workflow="workflow"} 2.0' in page
    assert "process_resident_memory_bytes" in page


# --------------------------------------------------------------------------------------------------------------
# one process


def measured(count: int) -> Metrics:
    async def main() -> Metrics:
        async with express.Runtime() as runtime:
            metrics = Metrics(runtime)
            for _ in range(count):
                await runtime.execute(compiled(machine(A=state("Pass"))))
        return metrics

    return run_clean(main())


def test_pushing_until_it_is_closed(gathering: Gathering, path: str) -> None:
    with measured(3).push(path, every=3600) as pushing:
        assert pushing.flush()
        assert started(gathering) == 3
        assert value(gathering, "express_workers") == 1
    until_workers_are(gathering, 0)
    assert started(gathering) == 3
    assert not [thread for thread in threading.enumerate() if thread.name == "express-push"]


def test_a_gathering_that_starts_late_and_again(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """The worker tells that nobody listens, once, and is there as soon as somebody does."""
    with measured(3).push(path, every=3600) as pushing:
        assert [pushing.flush(), pushing.flush()] == [False, False]
        for _ in range(2):
            with Gathering(path) as gathering:
                while not pushing.flush():
                    # The first attempt finds out that the old connection is gone.
                    pass
                assert started(gathering) == 3
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings[0].startswith(f"metrics cannot be pushed to {path}: ")


def test_a_worker_whose_connection_breaks_is_not_counted_twice(gathering: Gathering, path: str) -> None:
    metrics = measured(3)
    first, second = Connection(path), Connection(path)
    line = encode("w", metrics.snapshot())
    assert first.send(line) == TAKEN
    settled(gathering, first)
    assert started(gathering) == 3
    assert second.send(line) == TAKEN
    assert started(gathering) == 3
    settled(gathering, second)


def test_many_workers_that_are_gone_are_added_up(
    gathering: Gathering, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering_module, "MAX_GONE", 2)
    line = measured(3).snapshot()
    for worker in range(5):
        connection = Connection(path)
        assert connection.send(encode(f"w{worker}", line)) == TAKEN
        settled(gathering, connection)
    assert started(gathering) == 15
    assert value(gathering, "express_compile_seconds_count") == 15


def test_who_forks_does_not_push_for_the_child(
    gathering: Gathering, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with measured(1).push(path, every=3600) as pushing:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert not pushing.flush()
        monkeypatch.undo()


def test_exemplars_come_along(gathering: Gathering, path: str) -> None:
    metrics = measured(1)
    connection = Connection(path)
    connection.send(encode("w", metrics.snapshot()))
    [shown] = [exemplar for exemplar in gathering.snapshot().exemplars["workflow"] if exemplar is not None]
    assert shown.duration_ns == 0
    settled(gathering, connection)


def test_names_of_all_workers_together_are_closed(path: str) -> None:
    with Gathering(path, max_label_values=2) as gathering:
        connections = []
        for name in ("a", "b", "c", "d"):
            snapshot = Snapshot()
            snapshot.add(STARTED, (name,), 1)
            connections.append(Connection(path))
            connections[-1].send(encode(name, snapshot))
        assert gathering.snapshot().series[STARTED.name] == {("a",): [1], ("b",): [1], ("other",): [2]}
        assert value(gathering, "express_label_overflow_total", family="express_executions_total") == 2
        for connection in connections:
            connection.close()


# --------------------------------------------------------------------------------------------------------------
# what is sent by others


class Connection:
    """Somebody on the other side of the socket."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(path)

    def send(self, data: bytes) -> bytes:
        """Send, and read the answer; nothing where the connection is closed instead."""
        self._socket.sendall(data)
        return self._socket.recv(1)

    def close(self) -> None:
        self._socket.close()


def line(**changes: Any) -> bytes:
    document: dict[str, Any] = {"worker": "w", "series": {STARTED.name: [[["workflow"], [1]]]}, "exemplars": {}}
    return json.dumps({**document, **changes}).encode() + b"\n"


HOSTILE: dict[str, bytes] = {
    "nothing": b"\n",
    "no JSON": b"{\n",
    "no text": b"\xff\xfe\n",
    "no object": b"[1, 2]\n",
    "very deep": b"[" * 100_000 + b"\n",
    "a huge number": b'{"worker": "w", "series": ' + b"9" * 10_000 + b"}\n",
    "no worker": line(worker=None),
    "an empty worker": line(worker=""),
    "a long worker": line(worker="x" * (MAX_TEXT + 1)),
    "series that are none": line(series=[]),
    "an unknown family": line(series={"up": [[[], [1]]]}),
    "too few labels": line(series={STARTED.name: [[[], [1]]]}),
    "too many labels": line(series={STARTED.name: [[["a", "b"], [1]]]}),
    "a label that is no text": line(series={STARTED.name: [[[1], [1]]]}),
    "a long label": line(series={STARTED.name: [[["x" * (MAX_TEXT + 1)], [1]]]}),
    "too few numbers": line(series={STARTED.name: [[["a"], []]]}),
    "too few buckets": line(series={DURATION.name: [[["a"], [1] * BUCKETS]]}),
    "a number that is none": line(series={STARTED.name: [[["a"], ["1"]]]}),
    "true": line(series={STARTED.name: [[["a"], [True]]]}),
    "a negative number": line(series={STARTED.name: [[["a"], [-1]]]}),
    "a fraction": line(series={STARTED.name: [[["a"], [0.5]]]}),
    "not a number": line(series={STARTED.name: [[["a"], [float("nan")]]]}),
    "infinity": line(series={STARTED.name: [[["a"], [float("inf")]]]}),
    "exemplars that are none": line(exemplars=[1]),
    "an exemplar of no bucket": line(exemplars={"a": [[99, "x", 1, 1]]}),
    "an exemplar without a name": line(exemplars={"a": [[0, None, 1, 1]]}),
    "an exemplar without a time": line(exemplars={"a": [[0, "x", 1, None]]}),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_push_is_dropped(gathering: Gathering, path: str, data: bytes) -> None:
    connection = Connection(path)
    assert connection.send(line()) == TAKEN
    assert connection.send(data) == REFUSED
    assert started(gathering) == 1
    assert value(gathering, "express_pushes_refused_total") == 1
    assert connection.send(line(series={STARTED.name: [[["workflow"], [2]]]})) == TAKEN
    assert started(gathering) == 2
    settled(gathering, connection)


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("series", [{}, {STARTED.name: [[["workflow"], [4]]]}, {STARTED.name: [[["other"], [9]]]}])
def test_a_counter_that_would_go_back_is_dropped(
    gathering: Gathering, path: str, series: dict[str, JSON], gone: bool
) -> None:
    connection = Connection(path)
    assert connection.send(line(series={STARTED.name: [[["workflow"], [5]]]})) == TAKEN
    if gone:
        settled(gathering, connection)
        connection = Connection(path)
    assert connection.send(line(series=series)) == REFUSED
    assert started(gathering) == 5
    connection.close()


def test_a_gauge_may_go_down(gathering: Gathering, path: str) -> None:
    connection = Connection(path)
    for number in (5, 3):
        assert connection.send(line(series={IN_FLIGHT.name: [[["workflow"], [number]]]})) == TAKEN
        assert value(gathering, IN_FLIGHT.name, workflow="workflow") == number
    settled(gathering, connection)


def test_nobody_speaks_for_another(gathering: Gathering, path: str) -> None:
    one, other = Connection(path), Connection(path)
    assert one.send(line(worker="one")) == TAKEN
    assert other.send(line(worker="one")) == REFUSED
    assert other.send(line(worker="other")) == TAKEN
    assert other.send(line(worker="third")) == REFUSED
    assert started(gathering) == 2
    one.close()
    other.close()


def test_a_line_without_an_end(gathering: Gathering, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "MAX_LINE", 1000)
    connection = Connection(path)
    assert connection.send(b"x" * 1000) == b""
    assert value(gathering, "express_pushes_refused_total") == 1
    connection.close()


def test_too_many_connections(gathering: Gathering, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "MAX_CONNECTIONS", 1)
    first, second = Connection(path), Connection(path)
    assert first.send(line()) == TAKEN
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        # Closed before it has said anything: the reset may come with the answer or before it.
        if second.send(line()) == b"":
            raise ConnectionResetError
    second.close()
    settled(gathering, first)


def test_snapshots_come_through_unchanged() -> None:
    snapshot = Snapshot()
    for family in FAMILIES:
        snapshot.add(family, ("ä",) * len(family.labels), *range(2**70, 2**70 + family.width))
    snapshot.add_exemplars("ä", [None, Exemplar("x", 5, 2**62), *[None] * (BUCKETS - 2)])
    assert decode(encode("w", snapshot)) == ("w", snapshot)
    assert set(snapshot.series) == set(BY_NAME)


# --------------------------------------------------------------------------------------------------------------
# the socket


def test_only_its_user_may_push(gathering: Gathering, path: str) -> None:
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_it_cleans_up(path: str) -> None:
    gathering = Gathering(path)
    gathering.close()
    gathering.close()
    assert not os.path.exists(path)
    assert not [thread for thread in threading.enumerate() if thread.name == "express-gathering"]


def test_workers_that_still_push_do_not_hold_up_the_end(path: str) -> None:
    connection = Connection((gathering := Gathering(path)).path)
    assert connection.send(line()) == TAKEN
    gathering.close()
    assert started(gathering) == 1
    assert value(gathering, "express_workers") == 0
    connection.close()


def test_a_socket_left_behind_is_replaced(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deserted:
        deserted.bind(path)
    with Gathering(path) as gathering:
        assert started(gathering) is None


def test_a_path_in_use(gathering: Gathering, path: str) -> None:
    with pytest.raises(OSError, match=f"metrics cannot be gathered at {path}: Address already in use"):
        Gathering(path)
    assert os.path.exists(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("file", "Address already in use"), ("no/such/place", "No such file or directory"), ("x" * 200, "too long")],
)
def test_a_path_that_cannot_be_listened_on(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match=rf"metrics cannot be gathered at .*: .*{reason}"):
        Gathering(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"


def test_how_often_is_a_time(path: str) -> None:
    with pytest.raises(ValueError, match="every must be positive"):
        measured(1).push(path, every=0)
