"""`bench.peers`: what is said about engines that cannot run here, and the table. None of them needs to be installed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from bench import peers
from bench.workload import load_workloads

if TYPE_CHECKING:
    from pathlib import Path

    from express.types import JSON


def program(directory: Path, name: str, script: str) -> str:
    """An executable that does so; its path."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def node_that_says(directory: Path, answer: str) -> str:
    return program(directory, "node", answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("echo v20.20.2", "it needs Node 22 or later and `{node}` is v20.20.2 (--node PATH)"),
        ("exit 1", "it needs Node 22 or later and `{node}` is something else (--node PATH)"),
        ("echo v22.1.0", "not installed in {modules}: npm install aws-local-stepfunctions (--node-modules DIRECTORY)"),
    ],
)
def test_why_node_cannot_run_it(tmp_path: Path, answer: str, reason: str) -> None:
    node = node_that_says(tmp_path, answer)
    with pytest.raises(peers.Unable) as unable:
        peers.LocalStepFunctions(node, tmp_path).ready()
    assert str(unable.value) == reason.format(node=node, modules=tmp_path)


def test_without_any_node(tmp_path: Path) -> None:
    with pytest.raises(peers.Unable, match=r"there is no `no-node-here`: it needs Node 22 or later"):
        peers.LocalStepFunctions("no-node-here", tmp_path).ready()


def test_with_node_and_the_package(tmp_path: Path) -> None:
    manifest = tmp_path / "node_modules" / "aws-local-stepfunctions" / "package.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"version": "3.0.0"}')
    peer = peers.LocalStepFunctions(node_that_says(tmp_path, "echo v22.1.0"), tmp_path)
    assert peer.ready() == "aws-local-stepfunctions 3.0.0, Node v22.1.0"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('cat > /dev/null; echo \'{"error": "StatesRuntimeError: no"}\'', "StatesRuntimeError: no"),
        ("cat > /dev/null; echo oops >&2; exit 3", "exit status 3: oops"),
        ("cat > /dev/null", "exit status 0: it said nothing"),
    ],
)
def test_what_a_script_that_fails_says(tmp_path: Path, answer: str, reason: str) -> None:
    peer = peers.LocalStepFunctions(node_that_says(tmp_path, answer), tmp_path)
    with pytest.raises(peers.Unable) as unable:
        peer.measure(load_workloads()["W1"], 0)
    assert str(unable.value) == reason


class Fake:
    def __init__(self, name: str, rate: float, output: JSON = None, reason: str | None = None) -> None:
        self.name = name
        self._figure = peers.Figure(rate, output)
        self._reason = reason

    def ready(self) -> str:
        return self.name

    def measure(self, workload: object, seconds: float) -> peers.Figure:
        if self._reason is not None:
            raise peers.Unable(self._reason)
        return self._figure


def test_the_table() -> None:
    output = {"err": {"Error": "E", "Cause": "ours"}}
    theirs = {"err": {"Error": "E", "Cause": "theirs"}}
    engines = [
        Fake("express", 50_000, output),
        Fake("slow", 1_000, theirs),
        Fake("near", 20_000, output),
        Fake("wrong", 1e6, {"err": "E"}),
        Fake("unable", 0, reason="no Docker"),
    ]
    workloads = load_workloads()
    rows = [(workloads[name], peers.compare(workloads[name], engines, 0, 1)) for name in ("W1", "W4")]
    assert peers.table(rows, [engine.name for engine in engines[1:]]).splitlines() == [
        "| workload | express | slow | express is | near | express is | wrong | express is | unable | express is |",
        "|---|---|---|---|---|---|---|---|---|---|",
        "| W1 pass | 50,000/s | 1,000/s | 50 times | 20,000/s | 2.5 times | - |  | - |  |",
        "| W4 order | 50,000/s | 1,000/s | 50 times | 20,000/s | 2.5 times | - |  | - |  |",
        "",
        '- not run: wrong: another output: {"err": "E"} (W1, W4)',
        "- not run: unable: no Docker (W1, W4)",
    ]


def test_engines_take_turns_and_the_median_counts() -> None:
    turns: list[str] = []

    class Turning(Fake):
        def measure(self, workload: object, seconds: float) -> peers.Figure:
            turns.append(self.name)
            return peers.Figure(len(turns) ** 2, None)

    figures = peers.compare(load_workloads()["W1"], [Turning("express", 0), Turning("other", 0)], 0, 3)
    assert turns == ["express", "other"] * 3
    assert figures == {"express": peers.Figure(9, None), "other": peers.Figure(16, None)}


def test_express_alone(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--only",
        "W1,W7",
        "--seconds",
        "0",
        "--rounds",
        "1",
        "--node",
        "no-node-here",
        "--python",
        "no-python",
    ]
    peers.main(arguments)
    shown = capsys.readouterr().out
    assert shown.count("/s |\n") == 2
    assert "- moto not run: there is no `no-python` (--python PATH)" in shown
    assert "- aws-local-stepfunctions not run: there is no `no-node-here`: it needs Node 22 or later" in shown
    assert f"Made with `python -m bench.peers {' '.join(arguments)}`." in shown


def test_an_unknown_workload() -> None:
    with pytest.raises(SystemExit, match=r"unknown workload W10; there are W1, W2"):
        peers.main(["--only", "W10"])


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exit 1", "not installed: pip install 'moto[stepfunctions]' (--python PATH)"), ("echo 5.2.5 3.13.0", None)],
)
def test_a_python_with_or_without_moto(tmp_path: Path, script: str, reason: str | None) -> None:
    moto = peers.Moto(program(tmp_path, "python", script))
    if reason is None:
        assert moto.ready() == "moto 5.2.5, Python 3.13.0"
        return
    with pytest.raises(peers.Unable) as unable:
        moto.ready()
    assert str(unable.value) == reason


def test_what_moto_answers(tmp_path: Path) -> None:
    moto = peers.Moto(program(tmp_path, "python", 'cat > /dev/null; echo \'{"rate": 68.5, "output": {"a": 1}}\''))
    assert moto.measure(load_workloads()["W1"], 0) == peers.Figure(68.5, {"a": 1})


@pytest.mark.parametrize(
    ("npm", "message"),
    [("echo no network >&2; exit 7", "failed:\nno network"), (None, "npm cannot be run: No such file or directory")],
)
def test_what_cannot_be_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npm: str | None, message: str
) -> None:
    (tmp_path / "python" / "bin").mkdir(parents=True)
    monkeypatch.setattr("sys.executable", program(tmp_path / "python" / "bin", "python", "exit 0"))
    monkeypatch.setenv("PATH", str(tmp_path))
    if npm is not None:
        program(tmp_path, "npm", npm)
    with pytest.raises(SystemExit, match=message):
        peers.install(tmp_path)


def test_what_was_installed_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("bench.peers.subprocess.run", run)
    assert peers.install(tmp_path) == (f"{tmp_path}/python/bin/python", f"{tmp_path}/node_modules/.bin/node")
    assert [command[-1] for command in ran] == [f"{tmp_path}/python", "moto[stepfunctions]", "aws-local-stepfunctions"]


def test_moto_leaves_out_tasks() -> None:
    with pytest.raises(peers.Unable, match="Lambda functions need Docker"):
        peers.Moto().measure(load_workloads()["W4"], 0)
