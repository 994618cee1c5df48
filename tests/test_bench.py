"""The benchmarks run: each script once with tiny numbers. What they measure is nobody's business here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import consume, endpoint, latency, memory, scaling, throughput
from bench.handwritten import TWINS
from bench.workload import load_workloads

ROOT = Path(__file__).resolve().parents[1]
WORKLOADS = ("W1", "W2", "W3", "W4", "W5", "W6p", "W6t", "W7", "W8", "W9")


def test_workloads_are_complete() -> None:
    workloads = load_workloads()
    assert tuple(workloads) == WORKLOADS == tuple(TWINS)
    assert {w.id for w in workloads.values() if w.has_tasks} == {"W4", "W6t", "W7", "W9"}
    assert [event["n"] for event in workloads["W7"].events(3)] == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("id_", WORKLOADS)
def test_throughput(id_: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    throughput.main(["--quick", "--only", id_, "--json", str(figures)])
    document = json.loads(figures.read_text())["workloads"][id_]
    assert document["rates"].keys() >= {document["twin"], "start", "map"}
    assert document["ratios"][document["twin"]] == 1
    assert "hand-written" in capsys.readouterr().out


def test_throughput_refuses_an_unknown_workload() -> None:
    with pytest.raises(SystemExit, match=r"unknown workload W10; there are W1, W2"):
        throughput.main(["--only", "W1,W10"])


@pytest.mark.slow
def test_memory(capsys: pytest.CaptureFixture[str]) -> None:
    memory.main(["--quick"])
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in memory.WAITING)


@pytest.mark.slow
def test_soak(capsys: pytest.CaptureFixture[str]) -> None:
    memory.main(["--soak", "1000"])
    assert "resident:" in capsys.readouterr().out


@pytest.mark.parametrize(("rises_by", "slope"), [(0, 0.0), (3, 3.0)])
def test_slope_is_of_the_settled_part(rises_by: int, slope: float) -> None:
    warming_up = [(100, 0), (200, 500_000)]
    samples = warming_up + [(done, 600_000 + rises_by * done) for done in range(300, 900, 100)]
    assert memory.slope_of(samples) == pytest.approx(slope)


@pytest.mark.slow
def test_scaling(capsys: pytest.CaptureFixture[str]) -> None:
    scaling.main(["--quick"])
    assert "in flight" in capsys.readouterr().out


@pytest.mark.slow
def test_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.main(["--quick"])
    assert "endpoint / handwritten" in capsys.readouterr().out


@pytest.mark.slow
def test_latency(capsys: pytest.CaptureFixture[str]) -> None:
    latency.main(["--quick"])
    shown = capsys.readouterr().out
    assert all(name in shown for name, *_ in latency.SCENARIOS)


@pytest.mark.slow
def test_micro_benchmarks() -> None:
    """In a process of their own: they have their own options and fixtures."""
    command = [sys.executable, "-m", "pytest", "bench", "--benchmark-disable", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_consume(capsys: pytest.CaptureFixture[str]) -> None:
    consume.main(["--quick"])
    shown = capsys.readouterr().out
    assert shown.count("memory, pump") == 2
    assert "Redis, pump" in shown or "no redis-server here" in shown
