"""Draw the boards from real answers: `python -m grafana.render` (about seven minutes, needs `prometheus`).

Two processes run `grafana.load`, a real Prometheus scrapes them, and when the load is in its second trouble every
target of every panel in dashboards/*.json is asked as Grafana would ask it. The pictures in pictures/ are the answers.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grafana.boards import DIRECTORY
from grafana.drawing import CANVAS, FAINT, PANEL, TEXT, Answers, Area, Svg, draw_panel, draw_row, text_width
from grafana.load import loaded
from grafana.prometheus import Prometheus, interpolate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana.drawing.svg import Point

PICTURES = Path(__file__).parent / "pictures"

#: What is chosen at the top of the boards.
VARIABLES = {"job": ".+", "instance": ".+", "workflow": "orders"}
_SHOWN = {"job": "All", "instance": "All", "workflow": "orders"}

_INSTANCES = ("worker-1", "worker-2")
#: Periods of load that are shown: they end within the second trouble.
_PERIODS = 1.92
#: Points of each line.
_POINTS = 90
_WIDTH, _UNIT, _GAP, _MARGIN, _TOP = 1_320, 32, 6, 12, 46


def ask_panel(prometheus: Prometheus, panel: dict[str, Any], start: float, end: float, step: float) -> Answers:
    """Ask a panel's targets as Grafana asks them: over the time range, or at its end for a table."""

    def question(target: dict[str, Any]) -> str:
        return interpolate(target["expr"], VARIABLES, step=step, span=end - start)

    targets = panel["targets"]
    if panel["type"] == "table":
        return Answers(start, end, step, instants=[prometheus.instant(question(target), end) for target in targets])
    exemplars: list[Point] = [
        (at, value)
        for target in targets
        if target["exemplar"]
        for _, at, value in prometheus.exemplars(question(target), start, end)
    ]
    ranges = [
        prometheus.range(question(target), start, end, step) if target["range"]
        # One point, so that both kinds of answer can be drawn alike.
        else [(labels, [(end, value)]) for labels, value in prometheus.instant(question(target), end)]
        for target in targets
    ]  # fmt: skip
    return Answers(start, end, step, ranges=ranges, exemplars=exemplars)


def draw_board(prometheus: Prometheus, board: dict[str, Any], start: float, end: float) -> str:
    """The board's picture, from Prometheus's answers for the time from start to end."""
    step = max(1.0, round((end - start) / _POINTS))
    # Grafana starts at a multiple of the step, so that a point stays where it is when the board is refreshed.
    start, end = start - start % step, end - end % step
    column = (_WIDTH - 2 * _MARGIN + _GAP) / 24
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    svg = Svg(_WIDTH, _TOP + bottom * _UNIT + _MARGIN, CANVAS, board["title"])
    _draw_head(svg, board, start, end)
    for panel in board["panels"]:
        grid = panel["gridPos"]
        place = Area(
            _MARGIN + grid["x"] * column,
            _TOP + grid["y"] * _UNIT,
            grid["w"] * column - _GAP,
            grid["h"] * _UNIT - _GAP,
        )
        if panel["type"] == "row":
            draw_row(svg, panel["title"], place)
        else:
            draw_panel(svg, panel, place, ask_panel(prometheus, panel, start, end, step))
    return svg.render()


def _draw_head(svg: Svg, board: dict[str, Any], start: float, end: float) -> None:
    """The board's title, what is chosen in its variables, and the time it shows."""
    svg.text(_MARGIN + 2, 29, board["title"], TEXT, 16, weight=500)
    x = _MARGIN + 30 + text_width(board["title"], 16)
    for variable in board["templating"]["list"]:
        if variable["type"] != "query":
            continue
        label, value = variable["label"], _SHOWN[variable["name"]]
        width = text_width(label, 11) + text_width(value, 11) + 26
        svg.box(Area(x, 13, width, 23), PANEL, stroke="#34363c", radius=2)
        svg.text(x + 8, 28.5, label, FAINT, 11)
        svg.text(x + 18 + text_width(label, 11), 28.5, value, TEXT, 11, weight=500)
        x += width + 8
    times = (time.strftime(form, time.gmtime(at)) for form, at in (("%Y-%m-%d %H:%M:%S", start), ("%H:%M:%S", end)))
    svg.text(_WIDTH - _MARGIN - 2, 28.5, f"{' to '.join(times)} UTC", FAINT, 11, anchor="end")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m grafana.render", description="Draw the boards from a real load.")
    parser.add_argument("--period", type=float, default=210, metavar="SECONDS", help="of the load; default: 210")
    parser.add_argument("--output", type=Path, default=PICTURES, metavar="DIRECTORY", help="default: grafana/pictures")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    with loaded(_INSTANCES, period=chosen.period) as targets, Prometheus(targets) as prometheus:
        began = time.time()
        print(f"two periods of {chosen.period:g} s of load; Prometheus answers at {prometheus.url}", flush=True)
        prometheus.wait_until(
            lambda _: time.time() - began > _PERIODS * chosen.period, 3 * chosen.period, "enough data"
        )
        for path in sorted(DIRECTORY.glob("*.json")):
            picture = chosen.output / f"{path.stem}.svg"
            board = json.loads(path.read_text(encoding="utf-8"))
            picture.write_text(draw_board(prometheus, board, began + 10, time.time()), encoding="utf-8")
            print(f"{picture.name}: {picture.stat().st_size / 1_024:.0f} KiB")


if __name__ == "__main__":
    main()
