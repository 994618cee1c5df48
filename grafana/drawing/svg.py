"""A small writer of SVG: shapes in, text out, coordinates kept short so that a board fits into a README.

Own code of a page instead of a plotting library: the pictures shall look like Grafana's panels, which no library draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Point: TypeAlias = tuple[float, float]

_FONT = "Inter,Roboto,Helvetica,Arial,sans-serif"
#: Width of an average character, as a share of the font's size: close enough to keep texts apart.
_CHARACTER = 0.56


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle, in pixels from the top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def inset(self, left: float, top: float, right: float, bottom: float) -> Area:
        return Area(self.x + left, self.y + top, self.width - left - right, self.height - top - bottom)


def text_width(text: str, size: float) -> float:
    """About how many pixels the text takes."""
    return len(text) * size * _CHARACTER


def fit(text: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it would be wider."""
    room = int(width / (size * _CHARACTER))
    return text if len(text) <= room else text[: max(room - 1, 1)] + "…"


def _short(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".").replace("-0.", "-.") if number else "0"


def line_path(points: Sequence[Point]) -> str:
    """The path through the points, each told from the last."""
    if not points:
        return ""
    # Rounded positions, not rounded distances: errors must not add up.
    rounded = [(round(x, 1), round(y, 1)) for x, y in points]
    steps = (f"l{_short(x - before_x)} {_short(y - before_y)}" for (before_x, before_y), (x, y) in pairwise(rounded))
    return f"M{_short(rounded[0][0])} {_short(rounded[0][1])}" + "".join(steps)


def box_path(boxes: Iterable[Area]) -> str:
    """One path of many rectangles: far shorter than as many elements."""
    return "".join(
        f"M{_short(box.x)} {_short(box.y)}h{_short(box.width)}v{_short(box.height)}h{_short(-box.width)}z"
        for box in boxes
    )


class Svg:
    """A picture under construction."""

    def __init__(self, width: float, height: float, background: str, title: str) -> None:
        self._head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_short(width)}" height="{_short(height)}" '
            f'viewBox="0 0 {_short(width)} {_short(height)}" font-family="{_FONT}" role="img">'
            f"<title>{escape(title)}</title>"
        )
        self._parts: list[str] = []
        self.box(Area(0, 0, width, height), background)

    def box(self, area: Area, fill: str, *, stroke: str = "none", radius: float = 0) -> None:
        self._parts.append(
            f'<rect x="{_short(area.x)}" y="{_short(area.y)}" width="{_short(area.width)}" '
            f'height="{_short(area.height)}" fill="{fill}" stroke="{stroke}"'
            + (f' rx="{radius}"' if radius else "")
            + "/>"
        )

    def path(
        self,
        path: str,
        *,
        fill: str = "none",
        stroke: str = "none",
        width: float = 1,
        opacity: float = 1,
        dash: str = "",
    ) -> None:
        if not path:
            return
        attributes = f'fill="{fill}"'
        if stroke != "none":
            attributes += f' stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round"'
        if opacity != 1:
            attributes += f' opacity="{opacity}"'
        if dash:
            attributes += f' stroke-dasharray="{dash}"'
        self._parts.append(f'<path d="{path}" {attributes}/>')

    def text(
        self, x: float, y: float, text: str, fill: str, size: float, *, anchor: str = "start", weight: int = 400
    ) -> None:
        """One line of text; `y` is its base line, `anchor` says which end `x` is: start, middle or end."""
        attributes = f'x="{_short(x)}" y="{_short(y)}" fill="{fill}" font-size="{_short(size)}"'
        if anchor != "start":
            attributes += f' text-anchor="{anchor}"'
        if weight != 400:
            attributes += f' font-weight="{weight}"'
        self._parts.append(f"<text {attributes}>{escape(text)}</text>")

    def render(self) -> str:
        return "\n".join([self._head, *self._parts, "</svg>\n"])
