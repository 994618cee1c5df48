"""Readings of the gauge, their wording, and which display is chosen."""

from __future__ import annotations

import asyncio
import re

import pytest

from express.cli.progress import Gauge, LiveBar, PlainLines, Reading, choose_display, describe, displayed
from express.cli.tally import StreamTally


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_remaining_time() -> None:
    clock, tally, fraction = Clock(), StreamTally(), [0.0]
    gauge = Gauge(tally, lambda: tally.done, lambda: 7, lambda: fraction[0], clock)
    assert gauge.read() == Reading(0, 7, 0.0, 0.0, 0.0, 0.0, None)

    clock.now, tally.done, fraction[0] = 102.0, 1_000, 0.25
    tally.durations.record(2_000_000)
    reading = gauge.read()
    assert (reading.done, reading.rate) == (1_000, 500.0)
    assert reading.seconds_left == pytest.approx(6.056)
    assert reading.p50_ms == pytest.approx(2.0, rel=0.02)

    clock.now, tally.done, fraction[0] = 103.0, 2_000, 1.0
    reading = gauge.read()
    assert reading.rate == pytest.approx(500 + 0.3 * 500)
    assert reading.seconds_left == pytest.approx(3 * 7 / 2_000)


def test_what_has_ended_counts_also_where_it_waits_for_its_turn() -> None:
    """In order, 990 results wait for 10 executions that are slow; all of the input was read long ago."""
    clock, ended = Clock(), [0]
    gauge = Gauge(StreamTally(), lambda: ended[0], lambda: 10, lambda: 1.0, clock)
    clock.now, ended[0] = 101.0, 990
    reading = gauge.read()
    assert (reading.done, reading.rate, reading.fraction) == (990, 990, 0.99)
    assert reading.seconds_left == pytest.approx(1 / 99)


def test_wording() -> None:
    known = Reading(12_345, 678, 9_876.5, 0.25, 12.345, 0.5, 3.4)
    assert describe(known) == (
        "12,345 done, 678 in flight, 9,876/s, p50 0.25 ms, p99 12.35 ms, 50%, 3 s left"
    )  # fmt: skip
    unknown = Reading(1, 0, 1.0, 0.0, 0.0, None, None)
    assert describe(unknown) == "1 done, 0 in flight, 1/s, p50 0.00 ms, p99 0.00 ms"
    beginning = Reading(0, 9, 0.0, 0.0, 0.0, 0.0, None)
    assert describe(beginning, 55) == "0 done, 0/s, 0%"


EARLY = Reading(7, 1, 0.4, 0.01, 0.02, 0.0, 9.0)
LATE = Reading(12_345_678, 10_000, 123_456.0, 234.5, 345.6, 1.0, 999.0)


@pytest.mark.parametrize(
    ("room", "parts"),
    [
        (None, ["done", "in flight", "/s", "p50", "p99", "%", "left"]),
        (95, ["done", "in flight", "/s", "p50", "p99", "%", "left"]),
        (80, ["done", "in flight", "/s", "p99", "%", "left"]),
        (60, ["done", "/s", "p99", "%", "left"]),
        (55, ["done", "/s", "%", "left"]),
        (47, ["done", "/s", "%", "left"]),
        (20, ["%", "left"]),
        (1, []),
    ],
)
def test_of_too_much_for_a_line_the_rest_keeps_its_form(room: int | None, parts: list[str]) -> None:
    for reading in (EARLY, LATE):
        text = describe(reading, room)
        named = ["done", "in flight", "/s", "p50", "p99", "%", "left"]
        assert [part for part in named if part in text] == parts
        assert room is None or len(text) <= room


@pytest.mark.parametrize(("columns", "cells"), [(40, 12), (60, 12), (79, 12), (80, 24), (120, 24)])
def test_the_bar_keeps_its_length(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int, cells: int
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bar = LiveBar()
    for reading in (EARLY, LATE):
        bar.show(reading)
    bar.close()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    drawn, early, late, *_ = (line for line in re.split(r"[\r\n]+", text) if "left" in line or "━" in line)
    assert drawn.count("━") == cells
    for line, percent in ((early, "0%, 9 s left"), (late, "100%, 999 s left")):
        assert line.rstrip().endswith(percent)
        assert len(line) <= columns
        assert cells == len(line) - len(line.lstrip("━╸╺ ")) - 1


@pytest.mark.parametrize(
    ("terminal", "term", "wanted", "display"),
    [
        (True, "xterm", None, LiveBar),
        (True, "xterm", True, LiveBar),
        (True, "xterm", False, type(None)),
        (True, "dumb", None, type(None)),
        (True, "dumb", True, PlainLines),
        (False, "xterm", None, type(None)),
        (False, "xterm", True, PlainLines),
    ],
)
def test_choice(monkeypatch: pytest.MonkeyPatch, terminal: bool, term: str, wanted: bool | None, display: type) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    chosen = choose_display(wanted=wanted)
    assert type(chosen) is display
    if chosen is not None:
        chosen.close()


async def test_a_display_shows_readings_while_the_block_runs_and_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    class Often(PlainLines):
        interval_s = 0.0
        closed = False

        def close(self) -> None:
            self.closed = True

    display = Often()
    async with displayed(display, Gauge(StreamTally(), lambda: 0, lambda: 3, lambda: None)):
        for _ in range(5):
            await asyncio.sleep(0)
    captured = capsys.readouterr()
    assert "0 done, 3 in flight" in captured.err
    assert captured.out == ""
    assert display.closed


def test_the_bar_never_touches_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    bar = LiveBar()
    bar.show(Reading(1, 0, 1.0, 0.0, 0.0, 0.5, 1.0))
    bar.show(Reading(2, 0, 1.0, 0.0, 0.0, None, None))
    bar.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert " done" in captured.err
