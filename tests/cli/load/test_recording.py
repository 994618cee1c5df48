"""What is counted where: slices, lateness, errors by name, the bill; and that recordings travel and add up."""

from __future__ import annotations

import pickle

import pytest

from express.cli.load.recording import LATE_NS, MAX_SLICES, Recorder, Recording, slice_length
from express.cli.tally import MAX_ERROR_NAMES, OTHER
from tests.cli.load.recordings import MS, SECOND, result


@pytest.mark.parametrize(
    ("duration", "length"),
    [
        (200 * MS, 20 * MS), (SECOND, 20 * MS), (10 * SECOND, 200 * MS), (30 * SECOND, 500 * MS),
        (60 * SECOND, SECOND), (3_600 * SECOND, 60 * SECOND), (86_400 * 30 * SECOND, 43_200 * SECOND),
    ],
)  # fmt: skip
def test_slices_are_few_and_of_round_length(duration: int, length: int) -> None:
    assert slice_length(duration) == length
    assert len(Recording.of_length(duration).slices) <= MAX_SLICES


def test_the_last_slice_may_be_cut_short() -> None:
    recording = Recording.of_length(50 * MS)
    assert (len(recording.slices), len(recording.full_slices())) == (3, 2)


def test_an_execution_is_counted_when_it_ended_and_measured_from_when_it_was_due() -> None:
    recorder = Recorder(100 * MS, 1_000 * MS)
    for due, now in ((900, 950), (900, 1_010), (1_000, 1_030), (1_010, 1_099), (1_090, 1_150)):
        recorder.started(due * MS, due * MS)
        recorder.ended(due * MS, now * MS, result())
    recording = recorder.close(1_200 * MS)
    assert [piece.succeeded for piece in recording.slices] == [1, 1, 0, 0, 1]
    assert recording.after.succeeded == 1
    assert recording.rate == 30
    assert [count for _, count in recording.latencies().buckets()] == [1, 1, 1]
    assert recording.latencies().maximum == 89 * MS
    assert (recording.started, recording.ended, recording.unfinished, recording.length) == (3, 3, 0, 100 * MS)


def test_late_starts() -> None:
    recorder = Recorder(SECOND, SECOND)
    for due, delay in ((0, 5 * LATE_NS), (SECOND, LATE_NS - 1), (SECOND, LATE_NS), (SECOND, 3 * LATE_NS)):
        recorder.started(due, due + delay)
    recording = recorder.close(2 * SECOND)
    assert (recording.late, recording.latest_ns, recording.unfinished) == (2, 3 * LATE_NS, 4)


def test_what_ends_when_it_is_over_has_not_finished() -> None:
    recorder = Recorder(SECOND, 0)
    recorder.started(0, 0)
    recorder.started(0, 0)
    recorder.ended(0, MS, result())
    recording = recorder.close(2 * SECOND)
    recorder.ended(0, 2 * SECOND, result("ABORTED"))
    assert (recording.ended, recording.unfinished, recording.errors) == (1, 1, {})
    assert recorder.close(3 * SECOND) is recording
    assert recording.billed_ms == 100


def test_errors_by_name_with_an_example_of_their_cause() -> None:
    recorder = Recorder(SECOND, 0)
    results = [
        result("FAILED", "A", "first"), result("FAILED", "A", "second"), result("TIMED_OUT", "States.Timeout"),
        result("ABORTED"), result("FAILED", "Long", "x" * 1_000),
    ]  # fmt: skip
    for number, one in enumerate(results):
        recorder.started(number, number)
        recorder.ended(number, number + 1, one)
    recording = recorder.close(SECOND)
    assert recording.errors == {"A": 2, "States.Timeout": 1, "(no error name, ABORTED)": 1, "Long": 1}
    assert recording.causes["A"] == "first"
    assert len(recording.causes["Long"]) == 200
    assert (recording.failures.count, recording.succeeded, recording.error_share) == (5, 0, 1.0)
    assert sum(piece.failed for piece in recording.slices) == 5


def test_names_of_errors_are_bounded_also_when_recordings_add_up() -> None:
    recordings = []
    for part in range(2):
        recorder = Recorder(SECOND, 0)
        for number in range(MAX_ERROR_NAMES + 10):
            recorder.started(0, 0)
            recorder.ended(0, 1, result("FAILED", f"E{part}.{number}"))
        recordings.append(recorder.close(SECOND))
    first, second = recordings
    assert len(first.errors) == MAX_ERROR_NAMES + 1
    assert first.errors[OTHER] == 10
    first.add(second)
    assert len(first.errors) == MAX_ERROR_NAMES + 1
    assert first.errors.total() == first.failures.count == 2 * (MAX_ERROR_NAMES + 10)


def test_the_bill_is_that_of_each_execution() -> None:
    recorder = Recorder(SECOND, 0)
    for duration in (MS, 100 * MS, 100 * MS + 1, 950 * MS):
        recorder.started(0, 0)
        recorder.ended(0, 1, result(duration=duration))
    recording = recorder.close(SECOND)
    assert (recording.billed_ms, recording.billed_mb) == (100 + 100 + 200 + 1_000, 4 * 64)
    assert recording.billed_mb_ms == 1_400 * 64


def test_a_recording_travels_between_processes() -> None:
    recorder = Recorder(SECOND, 0)
    recorder.started(0, 0)
    recorder.ended(0, 5 * MS, result())
    recording = recorder.close(SECOND)
    assert pickle.loads(pickle.dumps(recording)).latencies().maximum == recording.latencies().maximum == 5 * MS


def test_of_nothing() -> None:
    recording = Recorder(SECOND, 0).close(0)
    assert (recording.rate, recording.error_share, recording.dropped_share) == (0.0, 0.0, 0.0)
    assert recording.full_slices() == []
