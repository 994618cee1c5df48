"""Load in virtual time, where every latency is known to the nanosecond: closed, open, overloaded, hung, interrupted."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.cli.load.generator import LoadGenerator
from express.cli.load.schedule import Load, Schedule
from express.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.cli.load.recording import Recording

SECOND = 1_000_000_000

WAIT = {"Type": "Wait", "Seconds": 1, "End": True}
HANDLED = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Handle", "End": True}
#: Waits a second if the input says so, fails at once if not.
SPLIT: dict[str, Any] = {
    "StartAt": "Good?",
    "States": {
        "Good?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.good", "BooleanEquals": True, "Next": "Wait"}],
            "Default": "Refuse",
        },
        "Wait": WAIT,
        "Refuse": {"Type": "Fail", "Error": "Refused", "Cause": "not good"},
    },
}


def single(state: dict[str, Any], tasks: express.Tasks | None = None) -> express.Workflow:
    return express.compile({"StartAt": "A", "States": {"A": state}}, tasks)


def handled(handler: Any) -> express.Workflow:
    tasks = express.Tasks()
    tasks.add("Handle", handler)
    return single(HANDLED, tasks)


def load(
    rate: float | None = None, in_flight: int = 1, *, warmup: float = 0, duration: float, drain: float = 0
) -> Load:
    exact = None if rate is None else Fraction(rate)
    return Load(exact, in_flight, *(int(length * SECOND) for length in (warmup, duration, drain)))


def measure(
    workflow: express.Workflow,
    wanted: Load,
    *,
    inputs: Sequence[Any] = ({},),
    worker: int = 0,
    workers: int = 1,
    interrupt_after: float | None = None,
) -> Recording:
    async def main() -> Recording:
        loop = asyncio.get_running_loop()
        schedule = None if wanted.rate is None else Schedule(wanted.rate, worker, workers)
        begin = round(loop.time() * SECOND)
        generator = LoadGenerator(workflow, inputs, wanted, schedule, begin, spin_ns=0)
        if interrupt_after is not None:
            loop.call_later(interrupt_after, generator.interrupt)
        delivered: list[Recording] = []
        await generator.run(delivered.append)
        (recording,) = delivered
        return recording

    return run_virtual(main())


def latencies(recording: Recording) -> list[tuple[int, int]]:
    """(tenths of a second, count), as finely as the histogram tells them apart."""
    return [(round(value / (SECOND / 10)), count) for value, count in recording.latencies().buckets()]


def test_a_closed_loop_starts_when_the_last_has_ended() -> None:
    recording = measure(single(WAIT), load(in_flight=3, warmup=2, duration=10, drain=5))
    assert (recording.ended, recording.unfinished, recording.dropped, recording.late) == (30, 0, 0, 0)
    assert recording.rate == 3
    assert recording.latencies().maximum == recording.latencies().mean == SECOND
    assert recording.length == 10 * SECOND


def test_an_open_loop_starts_on_schedule() -> None:
    recording = measure(single(WAIT), load(2, 100, duration=5, drain=2))
    assert (recording.ended, recording.unfinished, recording.dropped, recording.late) == (10, 0, 0, 0)
    assert recording.latencies().maximum == recording.latencies().mean == SECOND
    # What is due at 4.0 and at 4.5 ends after the measured time: it has a latency and is no throughput.
    assert recording.rate == 8 / 5
    assert recording.after.succeeded == 2


def test_warmup_is_not_measured() -> None:
    recording = measure(single(WAIT), load(2, 100, warmup=3, duration=5, drain=2))
    assert recording.ended == 10
    # Those of the warm-up that end while measuring are throughput.
    assert recording.rate == 2


def test_a_full_runtime_does_not_hide_latency() -> None:
    """One at a time, a second each, two due per second: number k starts at k seconds and was due at k/2."""
    recording = measure(single(WAIT), load(2, 1, duration=5, drain=2.5))
    assert latencies(recording) == [(10 + 5 * k, 1) for k in range(7)]
    assert (recording.ended, recording.unfinished, recording.dropped) == (7, 1, 2)
    assert (recording.late, recording.latest_ns) == (7, 3_500_000_000)
    assert recording.dropped_share == pytest.approx(2 / 10)
    assert recording.error_share == pytest.approx(1 / 8)


def test_failures_are_no_fast_successes() -> None:
    workflow = express.compile(SPLIT)
    recording = measure(
        workflow, load(4, 100, duration=3, drain=2), inputs=({"good": True}, {"good": False}, {"good": True})
    )
    assert (recording.succeeded, recording.failures.count) == (8, 4)
    assert recording.latencies().percentiles((0.1, 100)) == [SECOND, SECOND]
    assert recording.failures.maximum == 0
    assert recording.errors == {"Refused": 4}
    assert recording.causes == {"Refused": "not good"}


def test_callers_share_one_cycle_of_inputs() -> None:
    """Quick inputs are not executed more often than the others."""
    workflow = express.compile(SPLIT)
    inputs = ({"good": True}, {"good": False})
    recording = measure(workflow, load(in_flight=2, duration=10, drain=2), inputs=inputs)
    assert abs(recording.succeeded - recording.failures.count) <= 2


async def never(payload: Any) -> None:
    await asyncio.get_running_loop().create_future()


async def stubborn(payload: Any) -> None:
    """Goes on for a minute whatever is done to it."""
    until = asyncio.get_running_loop().time() + 60
    while (left := until - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize("handler", [never, stubborn])
@pytest.mark.parametrize("warmup", [0, 1])
def test_a_handler_that_never_returns_is_unfinished(handler: Any, warmup: float) -> None:
    recording = measure(handled(handler), load(in_flight=5, warmup=warmup, duration=2, drain=3))
    assert (recording.started, recording.ended, recording.unfinished) == (5, 0, 5)
    assert recording.error_share == 1.0
    assert recording.latencies().count == 0


@pytest.mark.parametrize("handler", [never, stubborn])
def test_an_open_loop_is_not_stopped_by_one_either(handler: Any) -> None:
    recording = measure(handled(handler), load(10, 5, duration=2, drain=3))
    assert (recording.unfinished, recording.dropped) == (5, 15)


def test_a_handler_that_fails() -> None:
    async def fail(payload: Any) -> None:
        await asyncio.sleep(0.1)
        raise LookupError("nothing there")

    recording = measure(handled(fail), load(in_flight=2, duration=1, drain=1))
    assert (recording.succeeded, recording.failures.count, recording.rate) == (0, 20, 0)
    assert recording.errors == {"LookupError": 20}
    assert "nothing there" in recording.causes["LookupError"]


@pytest.mark.parametrize("rate", [None, 2])
def test_an_interruption_keeps_what_there_is(rate: float | None) -> None:
    recording = measure(single(WAIT), load(rate, 2, warmup=1, duration=1_000, drain=1_000), interrupt_after=4.5)
    assert recording.length == 3_500_000_000
    # Due at 1.0, 1.5, ..., or twice at 1, 2, ...: what ends up to 4.5.
    assert 5 <= recording.ended <= 6
    assert recording.dropped == 0


def test_an_interruption_of_the_warmup_has_measured_nothing() -> None:
    recording = measure(single(WAIT), load(2, 10, warmup=5, duration=5), interrupt_after=2)
    assert (recording.length, recording.ended, recording.rate) == (0, 0, 0.0)


def test_workers_add_up_to_one() -> None:
    """Two halves of a load, measured apart, are the whole of it."""
    wanted = load(6, 100, warmup=1, duration=4, drain=2)
    inputs = ({"good": True},)
    whole = measure(express.compile(SPLIT), wanted, inputs=inputs)
    parts = [measure(express.compile(SPLIT), wanted, inputs=inputs, worker=n, workers=2) for n in range(2)]
    parts[0].add(parts[1])
    assert [*parts[0].latencies().buckets()] == [*whole.latencies().buckets()]
    assert [piece.succeeded for piece in parts[0].slices] == [piece.succeeded for piece in whole.slices]
    assert (parts[0].ended, parts[0].rate, parts[0].billed_mb_ms) == (whole.ended, whole.rate, whole.billed_mb_ms)
    assert (parts[0].transitions, parts[0].transitions_of) == (whole.transitions, whole.transitions_of)


def test_what_is_metered() -> None:
    recording = measure(single(WAIT), load(1, 10, duration=4, drain=2))
    assert (recording.billed_ms, recording.billed_mb, recording.billed_mb_ms) == (4_000, 256, 4 * 1_000 * 64)
    assert (recording.transitions, recording.transitions_of) == (4, 4)
    quick = measure(express.compile(SPLIT), load(1, 10, duration=4, drain=2), inputs=({"good": False},))
    assert (quick.billed_ms, quick.billed_mb, quick.billed_mb_ms) == (400, 256, 4 * 100 * 64)
    assert (quick.transitions, quick.transitions_of) == (8, 4)


def test_each_retry_is_a_transition() -> None:
    async def fail(event: Any) -> None:
        raise LookupError

    retry = [{"ErrorEquals": ["LookupError"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}]
    tasks = express.Tasks()
    tasks.add("Handle", fail)
    recording = measure(single({**HANDLED, "Retry": retry}, tasks), load(1, 10, duration=4, drain=2))
    assert (recording.transitions, recording.transitions_of) == (12, 4)
