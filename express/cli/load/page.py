"""A measurement or a sweep as one self-contained HTML file: the text report's tables, and plots in SVG.

It has no scripts and no links, so it can be attached to a ticket and opened in ten years. Everything that comes from
the measurement is escaped: the user's handlers choose the names of errors and their causes.
"""

from __future__ import annotations

from html import escape
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from express.cli.load.charts import histogram_chart, latency_over_time_chart, percentile_chart, throughput_chart
from express.cli.load.summary import numeric_columns, sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from express.cli.load.measurement import Measurement
    from express.cli.report import Row

_STYLE: Final = """
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --soft: #667; --rule: #dde1e6;
        --accent: #0b6bcb; --warning: #c2410c; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171c; --ink: #e4e7eb; --soft: #98a2b0; --rule: #2c323b; --accent: #58a6ff; --warning: #ff9b63; }
}
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
       max-width: 84rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1rem; }
p, figcaption { color: var(--soft); margin: 0; }
main { column-gap: 3rem; columns: 3 24rem; margin-top: 1.6rem; }
section { break-inside: avoid; overflow-x: auto; padding-bottom: 1.6rem; }
section.wide { column-span: all; }
h2, figure { margin: 0 0 .3rem; }
.plots { display: grid; gap: 1.6rem 3rem; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); }
figcaption span { margin-left: .8rem; }
svg { display: block; height: auto; width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td { border-top: 1px solid var(--rule); padding: .15rem 1.2rem .15rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child, td.n { white-space: nowrap; }
td:first-child { max-width: 16rem; overflow: hidden; text-overflow: ellipsis; }
td.n { text-align: right; }
.wide td { white-space: nowrap; }
tr.bad td { color: var(--warning); font-weight: 600; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .x { text-anchor: middle; } svg .y { text-anchor: end; }
svg .grid { stroke: var(--rule); } svg .bar { fill: var(--accent); }
svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
"""
#: Headings of the text report that the page replaces with plots.
_DRAWN: Final = ("Where they lie", "Throughput over time")
#: A table with at least this many columns spans the page.
_WIDE: Final = 5
#: A row with one of these words is highlighted.
_ALARMS: Final = frozenset({"MISSED", "worse", "never started", "unfinished", "failed"})


def render_measurement(measurement: Measurement) -> str:
    """The page of one measurement."""
    latencies, recording = measurement.latencies, measurement.recording
    plots = (
        histogram_chart(latencies),
        percentile_chart(latencies),
        throughput_chart(recording),
        latency_over_time_chart(recording),
    )
    tables = ((title, rows) for title, rows in sections(measurement) if title not in _DRAWN)
    return render_page(f"Load on {measurement.setting.workflow}", tables, plots)


def render_page(title: str, sections: Iterable[tuple[str, Sequence[Row]]], plots: Iterable[str]) -> str:
    """A page of tables with headings, and of plots."""
    tables = "".join(_section(heading, rows) for heading, rows in sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>express bench</p>"
        f'<main>{tables}</main><div class="plots">{"".join(plots)}</div></body></html>\n'
    )


def _section(heading: str, rows: Sequence[Row]) -> str:
    numeric = numeric_columns(rows)
    lines = []
    for row in rows:
        kind = ' class="bad"' if _ALARMS.intersection(row) else ""
        cells = (cell for cell, _ in zip_longest(row, numeric, fillvalue=""))
        lines.append(f"<tr{kind}>{''.join(map(_cell, cells, numeric))}</tr>")
    wide = ' class="wide"' if len(numeric) >= _WIDE else ""
    return f"<section{wide}><h2>{escape(heading)}</h2><table>{''.join(lines)}</table></section>"


def _cell(text: str, is_number: bool) -> str:
    return f'<td class="n">{escape(text)}</td>' if is_number else f"<td>{escape(text)}</td>"
