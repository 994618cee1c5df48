"""The JSON report: its figures, its way there and back as a baseline, and what is refused as one."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from express.cli.load.comparison import samples_of
from express.cli.load.document import document_of, read_baseline, sweep_document_of
from express.cli.load.recording import Recorder
from express.cli.load.sweep import Step, Sweep
from express.cli.load.thresholds import parse_thresholds
from express.cli.status import USAGE, CommandError
from tests.cli.load.recordings import MS, SECOND, measurement_of, result, steady

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, document: dict[str, Any]) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def test_the_figures_of_a_measurement() -> None:
    recording = steady(2)
    recording.transitions, recording.transitions_of = 3_000, 1_000
    recording.dropped = 250
    verdicts = tuple(one.verdict(recording) for one in parse_thresholds(["p99<5ms,rate>1k"]))
    document = document_of(measurement_of(recording, rate=Fraction(125), verdicts=verdicts))
    assert document["report"] == "express bench"
    assert document["version"] == 1
    assert document["load"] == {
        "loop": "open", "rate": 125.0, "in_flight": 100, "warmup_s": 1.0, "duration_s": 10.0, "drain_s": 5.0,
    }  # fmt: skip
    assert (document["started"], document["succeeded"], document["failed"], document["dropped"]) == (
        1_000,
        1_000,
        0,
        250,
    )
    assert document["rate"] == 100
    latency = document["latency_ms"]
    assert list(latency) == ["mean", "min", "p50", "p75", "p90", "p99", "p99.9", "p99.99", "max"]
    assert [latency["mean"], latency["max"]] == [2.0, 2.0]
    assert document["failed_latency_ms"] is None
    assert sum(count for _, count in document["histogram"]) == 1_000
    assert document["billing"] == {
        "billed_duration_ms": 100, "billed_memory_mb": 64, "transitions": 3,
        "express_usd_per_million": pytest.approx(1.104, abs=1e-3), "standard_usd_per_million": 75.0,
    }  # fmt: skip
    assert [(one["threshold"], one["kept"]) for one in document["thresholds"]] == [
        ("p99<5ms", True),
        ("rate>1k", False),
    ]
    json.dumps(document)


def test_errors_come_with_a_cause() -> None:
    recorder = Recorder(SECOND, 0)
    recorder.started(0, 0)
    recorder.ended(0, 3 * MS, result("FAILED", "E", "why"))
    document = document_of(measurement_of(recorder.close(SECOND)))
    assert document["errors"] == [{"error": "E", "count": 1, "cause": "why"}]
    assert document["latency_ms"] is None
    assert document["failed_latency_ms"]["max"] == 3.0
    assert document["load"]["rate"] is None


def test_a_baseline_is_read_back_as_it_was_measured(tmp_path: Path) -> None:
    before = measurement_of(steady(2, wobble=0.1))
    baseline = read_baseline(written(tmp_path / "before.json", document_of(before)))
    assert [sample.name for sample in baseline.samples] == [one.name for one in samples_of(before.recording)]
    for read, made in zip(baseline.samples, samples_of(before.recording), strict=True):
        assert read.values == made.values
    same = baseline.compare(before)
    assert not any(one.shown for one in same.differences)
    assert same.remarks == ()


def test_a_comparison_says_what_differs_and_what_was_not_alike(tmp_path: Path) -> None:
    before = measurement_of(steady(2, wobble=0.1))
    path = written(tmp_path / "before.json", document_of(before))
    now = measurement_of(steady(3, wobble=0.1), workflow="invoice", rate=Fraction(100))
    comparison = read_baseline(path).compare(now)
    assert comparison.other == path
    assert comparison.remarks == ("workflow: order then, invoice now", "rate: none then, 100 now")
    document = document_of(replace(now, comparison=comparison))["comparison"]
    p50 = next(one for one in document["differences"] if one["figure"] == "p50_ms")
    assert (p50["shown"], p50["before"], p50["now"]) == (True, pytest.approx(2, rel=0.01), pytest.approx(3, rel=0.01))
    assert (p50["low"], p50["high"]) == (pytest.approx(1, rel=0.01), pytest.approx(1, rel=0.01))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not valid JSON"),
        ("[" * 100_000, "it is not valid JSON"),
        ("[]", 'it has no "report": "express bench"'),
        ('{"StartAt": "A"}', 'it has no "report": "express bench"'),
        ('{"report": "express bench --sweep"}', "it is a sweep"),
        ('{"report": "express bench", "version": 2}', "its version is 2, this express reads 1"),
        ('{"report": "express bench", "version": 1}', "its samples are no lists of numbers"),
        ('{"report": "express bench", "version": 1, "samples": {"rate": "fast"}}', "no lists of numbers"),
        ('{"report": "express bench", "version": 1, "samples": {"rate": [1, null]}}', "no lists of numbers"),
        ('{"report": "express bench", "version": 1, "samples": {"rate": [1, 2, 3]}}', "fewer than 5 slices"),
        ('{"report": "express bench", "version": 1, "samples": {}}', "fewer than 5 slices"),
    ],
)
def test_files_of_another_shape_are_no_baselines(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(CommandError) as refusal:
        read_baseline(str(path))
    assert refusal.value.message.startswith(f"--compare {path}: ")
    assert reason in refusal.value.message
    assert (refusal.value.status, "--report FILE.json" in (refusal.value.hint or "")) == (USAGE, True)


def test_a_baseline_that_is_not_there() -> None:
    with pytest.raises(CommandError, match=r"cannot read no\.json: No such file"):
        read_baseline("no.json")


def test_the_figures_of_a_sweep() -> None:
    steps = [Step(Fraction(200), steady(9), held=False), Step(Fraction(100), steady(2), held=True)]
    document = sweep_document_of(Sweep(steps), measurement_of(steady(1), rate=Fraction(100)).setting)
    assert document["report"] == "express bench --sweep"
    assert [(step["rate"], step["held"], step["latency_ms"]["max"]) for step in document["steps"]] == [
        (100.0, True, 2.0), (200.0, False, 9.0),
    ]  # fmt: skip
    assert document["knee"] == 100.0
    assert sweep_document_of(Sweep(), measurement_of(steady(1)).setting)["knee"] is None
