"""A measurement as text: aligned rows under headings, and two plots in characters.

A terminal adds only colour. The HTML page takes its tables from here, so the rows are the same everywhere.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from express.cli.load.measurement import RANKS
from express.cli.load.plots import curve, latency_rows
from express.cli.load.quantities import NS_PER_S, render_duration, render_latency, render_rate, render_share
from express.cli.load.recording import LATE_NS
from express.cli.report import dollars

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from express.cli.histogram import Histogram
    from express.cli.load.comparison import Comparison, Difference
    from express.cli.load.measurement import Measurement
    from express.cli.report import Row

#: Upper bound on the characters of a cause shown beside its error.
_CAUSE: Final = 60


def render(sections: Iterable[tuple[str, Sequence[Row]]], *, bold: bool) -> str:
    """Headings with their rows below them, columns aligned: numbers to the right, words to the left."""
    blocks = []
    for title, rows in sections:
        heading = [f"\x1b[1m{title}\x1b[0m" if bold else title] if title else []
        blocks.append("\n".join([*heading, *align(rows)]))
    return "\n\n".join(blocks) + "\n"


def align(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of text."""
    widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    numeric = numeric_columns(rows)
    lines = []
    for row in rows:
        columns = zip(row, widths, numeric, strict=False)
        cells = [cell.rjust(width) if is_number else cell.ljust(width) for cell, width, is_number in columns]
        lines.append("  ".join(["", *cells]).rstrip())
    return lines


def numeric_columns(rows: Sequence[Row]) -> list[bool]:
    """Which columns hold figures, to be aligned on the right: never the first; the first row may be a heading."""
    columns = zip_longest(*(rows[1:] or rows), fillvalue="")
    numeric = [all(not cell or cell[0] in "+-$.0123456789" for cell in column) for column in columns]
    numeric += [False] * (max(map(len, rows), default=0) - len(numeric))
    return [index > 0 and is_number for index, is_number in enumerate(numeric)]


def sections(measurement: Measurement) -> Iterator[tuple[str, list[Row]]]:
    """Headings with the rows below them; headings without rows are left out."""
    recording = measurement.recording
    everything: list[tuple[str, list[Row]]] = [
        ("Load", load_rows(measurement)),
        ("Outcomes", outcome_rows(measurement)),
        ("Latency of those that succeeded", percentile_rows(measurement.latencies)),
        ("Where they lie", [*latency_rows(measurement.latencies.buckets())]),
        ("Latency of those that failed", percentile_rows(recording.failures)),
        ("Throughput over time", throughput_rows(measurement)),
        ("On AWS", cost_rows(measurement)),
        ("Thresholds", [(v.text, v.shown, "kept" if v.kept else "MISSED") for v in measurement.verdicts]),
    ]
    if measurement.comparison is not None:
        everything.append((f"Compared with {measurement.comparison.other}", comparison_rows(measurement.comparison)))
    yield from ((title, rows) for title, rows in everything if rows)


def load_rows(measurement: Measurement) -> list[Row]:
    """What was measured, how and on what."""
    setting, recording = measurement.setting, measurement.recording
    load = setting.load
    if load.rate is not None:
        how = f"open loop, {render_rate(load.rate)}, at most {load.in_flight:,} in flight"
    else:
        how = f"closed loop, {load.in_flight:,} in flight"
    length = f"{render_duration(load.duration)} after {render_duration(load.warmup)} of warm-up"
    if measurement.interrupted:
        length = f"interrupted after {recording.length / NS_PER_S:.1f} s of {render_duration(load.duration)}"
    workers = "1 process" if setting.workers == 1 else f"{setting.workers} processes"
    return [
        ("workflow", f"{setting.workflow} ({setting.definition})"),
        ("load", how),
        ("measured", f"{length}, {workers}"),
        ("on", ", ".join(f"{name} {value}" for name, value in setting.machine.items())),
    ]


def outcome_rows(measurement: Measurement) -> list[Row]:
    """Throughput and counts; a problem has a row only if it occurred."""
    recording = measurement.recording
    rows: list[Row] = [("throughput", render_rate(recording.rate), "", "succeeded while measuring")]
    rows.append(("succeeded", *_part(recording.succeeded, recording.started)))
    if recording.failures.count:
        rows.append(("failed", *_part(recording.failures.count, recording.started)))
    for name, count in recording.errors.most_common():
        cause = " ".join(recording.causes.get(name, "").split())
        shortened = cause if len(cause) <= _CAUSE else f"{cause[: _CAUSE - 3]}..."
        rows.append((f"  {name}", *_part(count, recording.started), shortened))
    if recording.unfinished:
        waited = "when it was interrupted" if measurement.interrupted else (
            f"{render_duration(measurement.setting.load.drain)} after the end"
        )  # fmt: skip
        rows.append(("unfinished", *_part(recording.unfinished, recording.started), f"still running {waited}"))
    if recording.late:
        latest = f"more than {render_duration(LATE_NS)} late, at most {render_latency(recording.latest_ns)}"
        rows.append(("started late", *_part(recording.late, recording.started), latest))
    if recording.dropped:
        due = recording.started + recording.dropped
        rows.append(("never started", *_part(recording.dropped, due), "of the schedule: the rate is too high"))
    return rows


def _part(count: int, whole: int) -> tuple[str, str]:
    return f"{count:,}", render_share(count, whole)


def percentile_rows(histogram: Histogram) -> list[Row]:
    """Mean, extremes and percentiles; no rows for an empty histogram."""
    if not histogram.count:
        return []
    values = zip((f"p{rank:g}" for rank in RANKS), histogram.percentiles(RANKS), strict=True)
    named = [("mean", histogram.mean), ("min", histogram.minimum), *values, ("max", histogram.maximum)]
    return [(name, render_latency(value)) for name, value in named]


def throughput_rows(measurement: Measurement) -> list[Row]:
    """A curve of the successes of each slice, with its scale."""
    recording = measurement.recording
    rates = [piece.succeeded * NS_PER_S / recording.slice_ns for piece in recording.full_slices()]
    lines = curve(rates)
    if len(rates) < 2 or not lines:
        return []
    scale = [render_rate(max(rates)), *[""] * (len(lines) - 2), "0/s"]
    rows: list[Row] = [(label, line) for label, line in zip(scale, lines, strict=True)]
    rows.append(("", f"{render_duration(recording.slice_ns)} each, lowest {render_rate(min(rates))}"))
    return rows


def cost_rows(measurement: Measurement) -> list[Row]:
    """What an execution would be billed as, and what a million like it would cost."""
    recording, express = measurement.recording, measurement.million_express()
    if express is None:
        return []
    duration, memory = recording.billed_ms / recording.ended, recording.billed_mb / recording.ended
    rows: list[Row] = [
        ("billed each", f"{duration:,.0f} ms, {memory:,.0f} MB"),
        ("Express", f"{dollars(express)} a million"),
    ]
    standard = measurement.million_standard()
    if standard is not None:
        rows.append(("Standard", f"{dollars(standard)} a million"))
    return rows


def comparison_rows(comparison: Comparison) -> list[Row]:
    """Each figure then and now, the interval of the difference, and what it shows."""
    rows: list[Row] = [("", "then", "now", "difference", "95 % interval", "")]
    for one in comparison.differences:
        interval = f"{_relative(one, one.low)} .. {_relative(one, one.high)}"
        then, now = (show_figure(one.name, value) for value in (one.before, one.now))
        rows.append((one.name, then, now, _relative(one, one.now - one.before), interval, conclusion(one)))
    if len(rows) == 1:
        rows = [("too short", "there are not enough slices to compare")]
    return [*rows, *(("not alike", remark) for remark in comparison.remarks)]


def conclusion(one: Difference) -> str:
    """What an interval shows, in words."""
    if not one.shown:
        return "no difference shown"
    return "better" if one.better else "worse"


def show_figure(name: str, value: float) -> str:
    return render_rate(value) if name == "rate" else render_latency(value)


def _relative(one: Difference, value: float) -> str:
    relative = one.relative(value)
    return "n/a" if relative is None else f"{relative:+.1%}"
