"""Reports for people: what the text says, what the plots show, that the page is whole and safe."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from express.cli.load.charts import histogram_chart, latency_over_time_chart, linear_axis, percentile_chart
from express.cli.load.comparison import Comparison, Difference
from express.cli.load.page import render_measurement
from express.cli.load.plots import bar, curve, latency_rows, log_bins
from express.cli.load.recording import Recorder, Recording
from express.cli.load.summary import align, render, sections
from express.cli.load.thresholds import parse_thresholds
from tests.cli.load.recordings import LENGTH, MS, SECOND, measurement_of, recording_of, result, steady

NASTY = '<script>alert("x")</script>'


def mixed() -> Recording:
    """600 successes of 1 to 600 ms, 400 failures with a cause full of markup, one that never ended."""
    recorder = Recorder(LENGTH, 0)
    for number in range(1_000):
        due = number * LENGTH // 1_000
        recorder.started(due, due)
        failed = number % 5 in (1, 3)
        one = result("FAILED", "Refused", NASTY) if failed else result()
        recorder.ended(due, due + (number % 600 + 1) * MS, one)
    recorder.started(0, 20 * MS)
    return recorder.close(LENGTH)


def rows_of(text: str) -> dict[str, str]:
    """The last line of each name, with single spaces."""
    lines = (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in text.splitlines() if line.startswith("  "))
    return {line[0]: " ".join(line[-1].split()) for line in lines}


def test_the_text_says_what_went_well_and_what_did_not() -> None:
    recording = mixed()
    recording.dropped = 9
    rows = rows_of(render(sections(measurement_of(recording, rate=Fraction(100))), bold=False))
    assert rows["workflow"] == "order (order.asl.json)"
    assert rows["load"] == "open loop, 100/s, at most 100 in flight"
    assert rows["measured"] == "10 s after 1 s of warm-up, 1 process"
    assert rows["succeeded"] == "600 59.94%"
    assert rows["failed"] == "400 39.96%"
    assert rows["Refused"] == f"400 39.96% {NASTY}"
    assert rows["unfinished"] == "1 0.10% still running 5 s after the end"
    assert rows["started late"] == "1 0.10% more than 10 ms late, at most 20 ms"
    assert rows["never started"] == "9 0.89% of the schedule: the rate is too high"
    assert rows["billed each"] == "100 ms, 64 MB"


def test_headings_of_nothing_are_left_out() -> None:
    titles = [title for title, _ in sections(measurement_of(steady(1)))]
    assert titles == [
        "Load", "Outcomes", "Latency of those that succeeded", "Where they lie", "Throughput over time", "On AWS",
    ]  # fmt: skip
    assert [title for title, _ in sections(measurement_of(Recorder(SECOND, 0).close(0)))] == ["Load", "Outcomes"]


def test_an_interruption_is_said() -> None:
    recording = Recorder(LENGTH, 0)
    recording.started(0, 0)
    rows = rows_of(render(sections(measurement_of(recording.close(3 * SECOND), interrupted=True)), bold=False))
    assert rows["measured"] == "interrupted after 3.0 s of 10 s, 1 process"
    assert rows["unfinished"] == "1 100.00% still running when it was interrupted"


def test_thresholds_and_comparisons_in_words() -> None:
    recording = steady(2)
    differences = (
        Difference("rate", 100.0, 150.0, 40.0, 60.0),
        Difference("p50", 2 * MS, 3 * MS, 0.5 * MS, 1.5 * MS),
        Difference("p99", 4 * MS, 4 * MS, -MS, MS),
        Difference("p99.9", 0, 4 * MS, 3 * MS, 5 * MS),
    )
    measurement = replace(
        measurement_of(recording),
        verdicts=tuple(one.verdict(recording) for one in parse_thresholds(["max<1ms", "rate>1"])),
        comparison=Comparison("before.json", differences, ("cpus: 2 then, 4 now",)),
    )
    rows = rows_of(render(sections(measurement), bold=False))
    assert (rows["max<1ms"], rows["rate>1"]) == ("2 ms MISSED", "100/s kept")
    assert rows["rate"] == "100/s 150/s +50.0% +40.0% .. +60.0% better"
    assert rows["p50"] == "2 ms 3 ms +50.0% +25.0% .. +75.0% worse" or rows["p50"].endswith("worse")
    assert rows["p99"].endswith("-25.0% .. +25.0% no difference shown")
    assert "n/a" in rows["p99.9"]
    assert rows["not alike"] == "cpus: 2 then, 4 now"


def test_figures_are_aligned_on_the_right_and_words_on_the_left() -> None:
    assert align([("a", "1", "one"), ("bb", "10,000", "ten thousand"), ("c",)]) == [
        "  a        1  one", "  bb  10,000  ten thousand", "  c",
    ]  # fmt: skip
    assert align([]) == []


def test_bars_show_whatever_is_not_nothing() -> None:
    assert [bar(fraction, 4) for fraction in (0, 1e-9, 0.5, 0.53125, 1)] == ["", "▏", "██", "██▏", "████"]


def test_curves_are_as_high_as_their_values() -> None:
    assert curve([0, 1, 2, 4], rows=2) == ["   █", " ▄██"]
    assert curve([]) == curve([0, 0]) == []


@pytest.mark.parametrize("latencies", [[5], [0], [1_000_000, 1_000_001], [3, 1_000, 10**11], list(range(1, 5_000))])
def test_bins_hold_everything(latencies: list[int]) -> None:
    recording = recording_of([(0, value / MS) for value in latencies])
    buckets = [*recording.latencies().buckets()]
    bins = log_bins(buckets, 12)
    assert sum(count for _, _, count in bins) == len(latencies)
    assert 1 <= len(bins) <= 12
    assert all(low < high for low, high, _ in bins)
    assert len(latency_rows(buckets)) == len(bins)


@pytest.mark.parametrize("highest", [0, 0.3, 1, 7, 99, 100, 12_345])
def test_axes_have_a_few_ticks_within(highest: float) -> None:
    axis = linear_axis(highest, "", str)
    assert 2 <= len(axis.ticks) <= 7
    assert all(0 <= value <= axis.high * (1 + 1e-9) for value, _ in axis.ticks)


def test_plots_need_something_to_show() -> None:
    nothing = Recorder(SECOND, 0).close(0)
    assert histogram_chart(nothing.latencies()) == percentile_chart(nothing.latencies()) == ""
    assert latency_over_time_chart(nothing) == ""


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_safe_and_needs_nothing_from_elsewhere() -> None:
    page = render_measurement(measurement_of(mixed(), workflow=NASTY))
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    names = {tag for tag, _ in tags.seen}
    assert {"table", "svg", "style", "polyline", "rect"} <= names
    assert not names & {"script", "link", "img", "iframe", "object"}
    assert not {name for _, attributes in tags.seen for name in attributes} & {"src", "href", "onload"}
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page
    assert page.count("<svg") == 4


def test_every_row_of_a_table_is_as_long_as_the_others() -> None:
    """Rows of the text report may end early; the rules between rows of the page must not."""
    page = render_measurement(measurement_of(mixed()))
    for table in re.findall(r"<table>.*?</table>", page):
        assert len({row.count("<td") for row in re.findall(r"<tr.*?</tr>", table)}) == 1


def test_curves_are_named_beside_the_heading_where_no_line_can_cross_them() -> None:
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", render_measurement(measurement_of(mixed())))
    assert [re.sub("<.*?>", " ", caption).split() for caption in captions] == [
        ["Latency", "of", "executions", "that", "succeeded"],
        ["Latency", "by", "percentile"],
        ["Executions", "per", "second", "succeeded", "failed"],
        ["Latency", "over", "time", "p99", "p50"],
    ]


def test_every_coordinate_of_the_plots_lies_within_them() -> None:
    page = render_measurement(measurement_of(mixed()))
    for svg in re.findall(r"<svg.*?</svg>", page):
        for element in ElementTree.fromstring(svg).iter():
            if element.tag == "polyline":
                points = [tuple(map(float, pair.split(","))) for pair in element.attrib["points"].split()]
                assert all(0 <= x <= 640 and 0 <= y <= 260 for x, y in points)
            if element.tag == "rect":
                assert float(element.attrib["height"]) >= 0
