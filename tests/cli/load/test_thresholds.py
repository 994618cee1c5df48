"""Thresholds: what is read, whether it was kept, what is refused and in which words."""

from __future__ import annotations

import pytest

from express.cli.load.recording import Recorder
from express.cli.load.thresholds import parse_thresholds
from express.cli.status import USAGE, CommandError
from tests.cli.load.recordings import MS, SECOND, recording_of, result

#: 1,000 in ten seconds, of 1 ms to 1 s.
RECORDING = recording_of((number / 100, number + 1) for number in range(1_000))


@pytest.mark.parametrize(
    ("text", "kept", "shown"),
    [
        ("p99<1s", True, "992 ms"), ("p99<900ms", False, "992 ms"), ("p50<=502ms", True, "500 ms"),
        ("p99.9<=1s", True, "1.00 s"), ("p100>=1s", True, "1.00 s"), ("p0.1<2ms", True, "1.00 ms"),
        ("mean<=500.5ms", True, "500 ms"), ("mean<500.5ms", False, "500 ms"), ("max<=1s", True, "1.00 s"),
        ("max<1s", False, "1.00 s"), ("min>0.9ms", True, "996 us"), ("rate>=90", True, "90.9/s"),
        ("rate>=0.1k/s", False, "90.9/s"), ("rate > 5400/m", True, "90.9/s"), ("errors<=0", True, "0.00%"),
        ("errors<0.1%", True, "0.00%"), ("dropped<=0", True, "0.00%"), (" p99 < 1s ", True, "992 ms"),
    ],
)  # fmt: skip
def test_verdicts(text: str, kept: bool, shown: str) -> None:
    (threshold,) = parse_thresholds([text])
    verdict = threshold.verdict(RECORDING)
    assert (verdict.kept, verdict.text) == (kept, text.strip())
    assert verdict.shown.split()[-1] == shown.split()[-1]
    assert float(verdict.shown.split()[0].rstrip("/s%")) == pytest.approx(
        float(shown.split()[0].rstrip("/s%")), rel=0.01
    )


def test_several_in_one_text() -> None:
    assert [one.text for one in parse_thresholds(["p99<5ms, rate>=10", "errors<1%"])] == [
        "p99<5ms", "rate>=10", "errors<1%",
    ]  # fmt: skip
    assert parse_thresholds([]) == []


@pytest.mark.parametrize("text", ["p99<1h", "mean<1h", "min<1h", "max<1h"])
def test_without_successes_there_is_no_latency_to_keep(text: str) -> None:
    recorder = Recorder(SECOND, 0)
    recorder.started(0, 0)
    recorder.ended(0, MS, result("FAILED", "E"))
    (threshold,) = parse_thresholds([text])
    verdict = threshold.verdict(recorder.close(SECOND))
    assert (verdict.kept, verdict.value, verdict.shown) == (False, None, "no execution succeeded")


def test_errors_are_failures_and_what_did_not_end() -> None:
    recorder = Recorder(SECOND, 0)
    for one in (result(), result(), result("FAILED", "E"), None):
        recorder.started(0, 0)
        if one is not None:
            recorder.ended(0, MS, one)
    recording = recorder.close(SECOND)
    kept, missed = (one.verdict(recording) for one in parse_thresholds(["errors<=50%", "errors<50%"]))
    assert (kept.kept, missed.kept, missed.shown) == (True, False, "50.00%")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p99", "'p99' does not parse: it is TERM<VALUE"),
        ("", "'' does not parse"),
        ("p99=5ms", "'p99=5ms' does not parse"),
        ("p99<", "'p99<' does not parse"),
        ("<5ms", "'<5ms' does not parse"),
        ("latency<5ms", "unknown term 'latency'; the terms are p50, p99, p99.9 (any percentile), mean, min, max, rate"),
        ("p101<5ms", "unknown term 'p101'"),
        ("p0<5ms", "unknown term 'p0'"),
        ("P99<5ms", "unknown term 'P99'"),
        ("p99<5", "'5' is no duration; write 500us, 5ms"),
        ("p99<<5ms", "'<5ms' is no duration"),
        ("rate>=fast", "'fast' is no rate; write 1000, 5k"),
        ("errors<5", "'5' is no share; write a percentage"),
        ("p50<1ms,oops<3", "'oops<3': unknown term 'oops'"),
        ("p50<1ms,", "'' does not parse"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(CommandError) as refusal:
        parse_thresholds([text])
    assert message in refusal.value.message
    assert refusal.value.message.startswith("--threshold ")
    assert refusal.value.status == USAGE
    assert "p99<5ms" in (refusal.value.hint or "")
