"""What the pictures are made with: units, ticks, stacks, SVG, and panels drawn from answers made by hand."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest

from grafana.drawing import Answers, Area, Svg, draw_panel
from grafana.drawing.heatmap import buckets_over_time
from grafana.drawing.plotting import Scale, Timeline, nice_step, runs_of_numbers, scale_for, stack
from grafana.drawing.svg import box_path, fit, line_path
from grafana.drawing.table import table_rows
from grafana.drawing.units import format_value
from grafana.panels import Column, Heatmap, Panel, Query, Stat, Table, Threshold, TimeSeries
from grafana.prometheus import Series, interpolate

_AREA = Area(0, 0, 400, 300)


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0, "s", None, "0 s"),
        (1.5e-8, "s", None, "15 ns"),
        (8.75e-6, "s", None, "8.75 µs"),
        (0.0125, "s", None, "12.5 ms"),
        (1, "s", None, "1 s"),
        (90, "s", None, "1.5 mins"),
        (7_200, "s", None, "2 hours"),
        (172_800, "s", None, "2 days"),
        (999, "short", None, "999"),
        (1_234, "short", None, "1.23 K"),
        (2_500_000, "short", None, "2.5 Mil"),
        (12.345, "ops", None, "12.3 ops/s"),
        (1_440, "ops", None, "1.44K ops/s"),
        (67_108_864, "bytes", None, "64 MiB"),
        (64_000_000, "decbytes", None, "64 MB"),
        (0.97968, "percentunit", 2, "97.97%"),
        (1, "percentunit", None, "100%"),
        (1.315, "currencyUSD", 2, "$1.31"),
        (12_345, "currencyUSD", 0, "$12K"),
        (0.0498, "currencyUSD", None, "$0.0498"),
        (14.4, "none", 1, "14.4"),
        (math.nan, "s", None, "-"),
        (math.inf, "ops", None, "-"),
    ],
)
def test_numbers_are_written_as_grafana_writes_them(value: float, unit: str, decimals: int | None, text: str) -> None:
    assert format_value(value, unit, decimals) == text


@pytest.mark.parametrize(
    ("step", "base", "nice"),
    [
        (0.3, 10, 0.5),
        (1, 10, 1),
        (1.1, 10, 2),
        (2.2, 10, 2.5),
        (60, 10, 100),
        (0, 10, 1),
        (11 * 1024**2, 1024, 20 * 1024**2),
    ],
)
def test_steps_of_axes_are_round(step: float, base: float, nice: float) -> None:
    assert nice_step(step, base) == pytest.approx(nice)


def test_linear_scale_starts_at_zero_and_ends_at_a_tick() -> None:
    scale = scale_for([3, 87], _AREA)
    assert (scale.low, scale.high) == (0, 100)
    assert scale.ticks() == [0, 25, 50, 75, 100]
    assert (scale.y(0), scale.y(50), scale.y(100), scale.y(1_000)) == (300, 150, 0, 0)


def test_logarithmic_scale_covers_whole_decades() -> None:
    scale = scale_for([0.002, 0.9, 0], _AREA, logarithmic=True)
    assert (scale.low, scale.high) == pytest.approx((0.001, 1))
    assert scale.ticks() == pytest.approx([0.001, 0.01, 0.1, 1])
    assert scale.y(0.1) == pytest.approx(100)
    assert scale.y(0) == 300


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0]])
def test_scale_of_nothing_has_a_height(values: list[float]) -> None:
    for logarithmic in (False, True):
        scale = scale_for(values, _AREA, logarithmic=logarithmic)
        assert scale.low < scale.high


def test_timeline_has_round_moments() -> None:
    timeline = Timeline(61, 661, _AREA)
    assert timeline.ticks() == [(300, "00:05"), (600, "00:10")]
    assert (timeline.x(61), timeline.x(661)) == (0, 400)


def test_gaps_break_lines() -> None:
    nan = math.nan
    assert runs_of_numbers([(1, nan), (2, 5), (3, 6), (4, nan), (5, nan), (6, 7)]) == [[(2, 5), (3, 6)], [(6, 7)]]


def test_series_are_stacked_at_their_moments() -> None:
    layers = stack([[(1, 10), (2, 20)], [(2, 5), (3, math.nan)]])
    assert layers == [[(1, 0, 10), (2, 0, 20)], [(2, 20, 25), (3, 0, 0)]]


def test_paths_are_relative_and_do_not_drift() -> None:
    assert line_path([(0.04, 0), (0.13, 0.5), (10, -2)]) == "M0 0l0.1 0.5l9.9 -2.5"
    assert line_path([]) == ""
    assert box_path([Area(1, 2, 3, 4)]) == "M1 2h3v4h-3z"


def test_long_texts_are_cut() -> None:
    assert fit("short", 10, 100) == "short"
    assert fit("a name that is far too long", 10, 60) == "a name th…"


def test_buckets_are_told_apart() -> None:
    series = [({"le": "0.1"}, [(1.0, 4.0)]), ({"le": "+Inf"}, [(1.0, 7.0)]), ({"le": "1.0"}, [(1.0, 6.0)])]
    assert buckets_over_time(series) == {1.0: {0.1: 4.0, 1.0: 2.0, math.inf: 1.0}}


def test_table_joins_its_columns_by_label() -> None:
    rows = table_rows("workflow", [[({"workflow": "a"}, 1.0), ({"workflow": "b"}, 2.0)], [({"workflow": "a"}, 3.0)]])
    assert rows[0][0] == "b"
    assert math.isnan(rows[0][1][1])
    assert rows[1] == ("a", [1.0, 3.0])


@pytest.mark.parametrize(
    ("expression", "step", "asked"),
    [
        ('rate(a{job=~"$job"}[$__rate_interval])', 2, 'rate(a{job=~".+"}[4s])'),
        ("rate(a[$__rate_interval])", 60, "rate(a[61s])"),
        ("increase(a[$__range])", 2, "increase(a[3600s])"),
    ],
)
def test_variables_are_replaced_as_grafana_does(expression: str, step: float, asked: str) -> None:
    assert interpolate(expression, {"job": ".+"}, step=step, span=3_600) == asked


def _draw(panel: Panel, answers: Answers) -> str:
    svg = Svg(400, 300, "#000", "a board")
    draw_panel(svg, panel.render(1, 0, 0), _AREA, answers)
    picture = svg.render()
    ElementTree.fromstring(picture)  # well-formed
    return picture


def _texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter() if element.tag.endswith("}text")]


_TALK: dict[str, Any] = {"title": "A <panel> & more", "description": "What it shows."}
_POINTS = [(60.0, 2.0), (120.0, 4.0), (180.0, 3.0)]


def test_time_series_shows_names_and_numbers() -> None:
    panel = TimeSeries(**_TALK, unit="ops", queries=(Query("q", "{{status}}"),), stacked=True)
    series = [({"status": "FAILED"}, [(60.0, 1.0), (120.0, 1.0)]), ({"status": "SUCCEEDED"}, _POINTS)]
    picture = _draw(panel, Answers(60, 180, 60, ranges=[series]))
    texts = _texts(picture)
    assert texts[0] == "A <panel> & more"
    assert texts.index("SUCCEEDED") < texts.index("FAILED")  # the larger one first
    assert {"Mean", "Max", "3 ops/s", "4 ops/s", "1 ops/s"} <= set(texts)
    assert "#f2495c" in picture  # FAILED is red


def test_time_series_draws_objectives_and_thresholds_dashed() -> None:
    queries = (Query("q", "p99"), Query("o", "objective"))
    panel = TimeSeries(**_TALK, unit="s", queries=queries, dashed=("objective",), thresholds=(Threshold(3, "orange"),))
    objective: list[Series] = [({}, [(60.0, 5.0), (180.0, 5.0)])]
    picture = _draw(
        panel, Answers(60, 180, 60, ranges=[[({}, _POINTS)], objective], exemplars=[(100.0, 2.5), (100.0, 99.0)])
    )
    assert picture.count('stroke-dasharray="8 6"') == 2
    assert picture.count("l3 3-3 3-3-3z") == 1  # the one within the axis


@pytest.mark.parametrize(
    ("value", "text", "colour"),
    [(0.97, "97.00%", "#fade2a"), (0.5, "50.00%", "#f2495c"), (math.nan, "100.00%", "#73bf69")],
)
def test_stat_takes_the_colour_of_its_threshold(value: float, text: str, colour: str) -> None:
    thresholds = (Threshold(0.95, "yellow"), Threshold(0.99, "green"))
    panel = Stat(**_TALK, unit="percentunit", decimals=2, queries=(Query("q"),), colour="red", thresholds=thresholds)
    picture = _draw(panel, Answers(60, 120, 60, ranges=[[({}, [(60.0, 1.0), (120.0, value)])]]))
    assert text in _texts(picture)  # the last number there is
    assert f'fill="{colour}"' in picture


def test_heatmap_draws_each_bucket_that_was_hit() -> None:
    panel = Heatmap(**_TALK, unit="s", queries=(Query("q", "{{le}}"),))
    series = [
        ({"le": le}, [(120.0, count)]) for le, count in (("0.01", 0.0), ("0.1", 3.0), ("1.0", 9.0), ("+Inf", 9.0))
    ]
    picture = _draw(panel, Answers(60, 180, 60, ranges=[series], exemplars=[(100.0, 0.5)]))
    assert {"10 ms", "100 ms", "1 s", "6"} <= set(_texts(picture))
    assert picture.count("#7a0402") == 2  # the fullest cell, and the scale of colours


def test_table_shows_cells_in_their_units() -> None:
    columns = (Column("Rate", "q", "ops"), Column("Errors", "e", "percentunit", 1, (Threshold(0.05, "red"),)))
    panel = Table(**_TALK, row="workflow", row_title="Workflow", columns=columns, link="/d/x")
    labels = {"workflow": "orders"}
    picture = _draw(panel, Answers(60, 120, 60, instants=[[(labels, 12.0)], [(labels, 0.1)]]))
    assert _texts(picture)[1:] == ["Workflow", "Rate", "Errors", "orders", "12 ops/s", "10.0%"]
    assert 'fill="#f2495c"' in picture


@pytest.mark.parametrize(
    "panel",
    [
        TimeSeries(**_TALK, unit="s", queries=(Query("q"),), logarithmic=True),
        TimeSeries(**_TALK, unit="ops", queries=(Query("q", "{{a}}"),), stacked=True, bars=True),
        Stat(**_TALK, unit="s", queries=(Query("q"),)),
        Heatmap(**_TALK, unit="s", queries=(Query("q"),)),
    ],
    ids=lambda panel: panel.type,
)
def test_panel_without_data_is_drawn_empty(panel: Panel) -> None:
    assert "A <panel> & more" in _texts(_draw(panel, Answers(60, 120, 60, ranges=[[]])))


def test_scale_keeps_what_lies_beyond_at_its_edge() -> None:
    assert Scale(0, 10, _AREA).y(-5) == 300
