"""Grafana's dark theme, and how a panel's JSON chooses from its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CANVAS, PANEL, BORDER, GRID = "#111217", "#181b1f", "#26282d", "#27292e"
TEXT, FAINT, LINK = "#ccccdc", "#8e8e9a", "#6e9fff"
COLOURS: Final = {
    "green": "#73bf69",
    "yellow": "#fade2a",
    "orange": "#ff9830",
    "red": "#f2495c",
    "blue": "#5794f2",
    "purple": "#b877d9",
}
#: `palette-classic`: the colours of series that have none of their own.
PALETTE: Final = (
    *("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42"),
    *("#1f78c1", "#ba43a9", "#705da0", "#508642", "#cca300"),
)
#: The heatmap scheme "Turbo", from few to many.
TURBO: Final = (
    *("#30123b", "#4145ab", "#4675ed", "#39a2fc", "#1bcfd4", "#24eca6", "#61fc6c", "#a4fc3c"),
    *("#d1e834", "#f3c63a", "#fe9b2d", "#f36315", "#d93806", "#b11901", "#7a0402"),
)

#: Sizes of text.
SMALL, NORMAL = 10.0, 11.5


def override_of(panel: dict[str, Any], name: str, property_: str) -> Any:
    """What the panel's overrides say of a series or column, or None."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            for one in override["properties"]:
                if one["id"] == property_:
                    return one["value"]
    return None


def series_colour(panel: dict[str, Any], name: str, index: int) -> str:
    """The colour of a series: its own, or that of its place."""
    fixed = override_of(panel, name, "color")
    return COLOURS[fixed["fixedColor"]] if fixed else PALETTE[index % len(PALETTE)]


def threshold_colour(steps: Sequence[dict[str, Any]], value: float) -> str:
    """The colour of the last step that the value has reached."""
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLOURS[reached[-1]]
