"""Looking for the knee of machines made up for it, whose capacity is known."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from express.cli.load.page import render_page
from express.cli.load.recording import Recorder, Recording
from express.cli.load.summary import render
from express.cli.load.sweep import DOUBLINGS, Step, Sweep, climb, holds, latency_chart, render_sweep, sections
from tests.cli.load.recordings import LENGTH, MS, SECOND, recording_of, result, steady

if TYPE_CHECKING:
    from collections.abc import Callable

#: A step's length in these tests.
SHORT = SECOND // 10


def queue(capacity: float, *, service_ms: float = 1.0) -> Callable[[Fraction], Recording]:
    """A machine with a queue: below its capacity a little slower with load, beyond it a hundred times, and behind."""

    def measure(rate: Fraction) -> Recording:
        if rate < capacity:
            milliseconds = service_ms / (1 - float(rate) / (capacity * 1.1))
        else:
            milliseconds = 100 * service_ms
        recording = recording_of([(n / 2_000, milliseconds) for n in range(100)], length=SHORT)
        if rate >= capacity:
            recording.dropped = int(100 * (float(rate) / capacity - 1)) + 1
        return recording

    return measure


@pytest.mark.parametrize("capacity", [1_500, 50_000, 333_333])
def test_the_knee_is_found(capacity: float) -> None:
    sweep = climb(queue(capacity), Fraction(1_000))
    assert sweep.knee is not None
    # Latency is ten times that of the quiet steps at 99 % of the capacity; the span is an eighth of a doubling.
    assert 0.99 * capacity / 2 ** (1 / 8) * 0.999 <= sweep.knee <= capacity
    assert sweep.has_end
    assert [step.rate for step in sweep.by_rate()] == sorted(step.rate for step in sweep.steps)


def test_a_first_rate_that_is_too_high() -> None:
    sweep = climb(queue(100), Fraction(1_000))
    assert (sweep.knee, len(sweep.steps), sweep.has_end) == (None, 1, True)
    assert "begin lower with --rate" in render(sections(sweep, SHORT), bold=False)


def test_a_machine_without_an_end() -> None:
    sweep = climb(queue(1e12), Fraction(1_000))
    assert (sweep.knee, len(sweep.steps), sweep.has_end) == (1_000 * 2 ** (DOUBLINGS - 1), DOUBLINGS, False)
    assert "no end was found" in render(sections(sweep, SHORT), bold=False)


def test_a_bad_moment_is_given_a_second_chance() -> None:
    machine = queue(5_000)
    calls: list[Fraction] = []

    def measure(rate: Fraction) -> Recording:
        calls.append(rate)
        return machine(Fraction(9_000)) if len(calls) == 2 else machine(rate)

    sweep = climb(measure, Fraction(1_000))
    assert calls[:3] == [1_000, 2_000, 2_000]
    assert sweep.knee is not None
    assert sweep.knee >= 4_000


@pytest.mark.parametrize("after", [0, 2, 4])
def test_an_interruption_keeps_the_steps_so_far(after: int) -> None:
    machine = queue(3_000)
    answers = iter(range(100))
    sweep = climb(lambda rate: machine(rate) if next(answers) < after else None, Fraction(1_000))
    assert sweep.interrupted
    assert len(sweep.steps) == min(after, 3)


def test_what_holds() -> None:
    assert holds(steady(1), None)
    assert holds(steady(4.9), MS // 10), "the moments of a machine are no queue"
    assert holds(steady(9.9), MS)
    assert not holds(steady(10.5), MS)
    dropped = steady(1)
    dropped.dropped = 60
    assert not holds(dropped, None)
    failing = Recorder(LENGTH, 0)
    failing.started(0, 0)
    failing.ended(0, MS, result("FAILED", "E"))
    assert not holds(failing.close(LENGTH), None)


def test_reports_of_a_sweep() -> None:
    sweep = climb(queue(5_000), Fraction(1_000))
    text = render(sections(sweep, SHORT), bold=False)
    assert text.count("too high") == sum(not step.held for step in sweep.steps)
    page = render_sweep(sweep, "Load on <order>", SHORT)
    assert page.count("<svg") == 2
    # Its many columns have the width of the page.
    assert '<section class="wide"><h2>Latency against load' in page
    assert "<section><h2>Knee" in page
    assert "Load on &lt;order&gt;" in page
    assert latency_chart(Sweep([Step(Fraction(1), steady(1), held=True)])) == ""
    assert "<svg" not in render_page("", sections(Sweep(), SHORT), [latency_chart(Sweep())])
