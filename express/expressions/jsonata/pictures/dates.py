"""Date pictures: `[Y0001]-[M01]-[D01] [h]:[m01] [PN]` (XPath 3.1 F&O 9.8.4; JSONata docs, `$fromMillis`).

A picture is parsed once into literals and markers. The contents of a marker are checked no more than in jsonata-js
2.0.6: an unknown component is an error (D3132) only if it has no presentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.pictures.calendar import date
from express.expressions.jsonata.pictures.integers import Digits, parse_int, read_picture
from express.expressions.jsonata.pictures.markers import HalfDay, Literal, Marker, Name, Number, Offset, Word, Zone
from express.expressions.jsonata.pictures.words import BLANK

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation

_BLANKS: Final = re.compile(f"[{BLANK}]+")
#: The default presentation of each component.
_PRESENTATIONS: Final = {
    **dict.fromkeys("YMDdWwXxHhf", "1"),
    **dict.fromkeys("FPCE", "n"),
    **dict.fromkeys("ms", "01"),
    **dict.fromkeys("Zz", "01:01"),
}
_NUMERIC: Final = "YMDdFWwXxHhmsf"


@dataclass(frozen=True, slots=True)
class DatePicture:
    """A parsed date picture."""

    parts: tuple[Literal | Marker, ...]

    def write(self, evaluation: Evaluation, millis: float, offset: Offset) -> str:
        """The text of a date in milliseconds since 1970 UTC, in the time zone with this offset."""
        when = date(millis + offset.millis)
        texts = []
        for part in self.parts:
            text = part.write(when, offset)
            evaluation.make(len(text))
            texts.append(text)
        return "".join(texts)


@lru_cache(maxsize=256)
def read_date_picture(picture: str) -> DatePicture:
    """Parse a picture. Raises D3131, D3132 and D3135."""
    parts: list[Literal | Marker] = []
    start = position = 0

    def add_literal(end: int) -> None:
        if end > start:
            parts.append(Literal(picture[start:end].replace("]]", "]")))

    while (opening := picture.find("[", position)) >= 0:
        add_literal(opening)
        if picture.startswith("[[", opening):
            parts.append(Literal("["))
            start = position = opening + 2
            continue
        closing = picture.find("]", opening)
        if closing < 0:
            raise JSONataError("D3135")
        parts.append(_read_marker(_BLANKS.sub("", picture[opening + 1 : closing])))
        start = position = closing + 1
    add_literal(len(picture))
    return DatePicture(tuple(parts))


@dataclass(frozen=True, slots=True)
class _Width:
    """`,2-4`: None for a missing bound."""

    least: float | None = None
    most: float | None = None


def _read_marker(text: str) -> Marker:
    """The contents of brackets, without whitespace: component, presentation, modifier, width."""
    component = text[:1]
    presentation, comma, width_text = text.rpartition(",")
    if comma:
        width = _read_width(width_text)
        # A comma in the component's position counts as a presentation, too.
        presentation = presentation[1:] if presentation else text[:1]
    else:
        width, presentation = _Width(), text[1:]
    modifier = ""
    if len(presentation) > 1 and presentation[-1] in "atco":
        presentation, modifier = presentation[:-1], presentation[-1]
    if not presentation:
        if component not in _PRESENTATIONS:
            raise JSONataError("D3132", value=component)
        presentation = _PRESENTATIONS[component]
    return _marker(component, presentation, modifier, width)


def _marker(component: str, presentation: str, modifier: str, width: _Width) -> Marker:
    if component in ("Z", "z"):
        return Zone(component, read_picture(presentation), modifier == "t")
    named = presentation[0] in "nN"
    if component == "P":
        return HalfDay(upper=presentation[0] == "N" and presentation[1:2] != "n")
    if component not in _NUMERIC:
        return Word(component)
    if named:
        case = "lower" if presentation[0] == "n" else "title" if presentation[1:2] == "n" else "upper"
        return Name(component, case, width.most)
    return _number(component, f"{presentation};{modifier}" if modifier else presentation, width)


def _number(component: str, picture: str, width: _Width) -> Number:
    form = read_picture(picture)
    fixed: float = -1
    if isinstance(form, Digits):
        if width.least is not None and form.mandatory < width.least:
            form = replace(form, mandatory=width.least)
        if form.mandatory + form.optional >= 2:
            fixed = form.mandatory + form.optional
    if component not in "YMD":
        return Number(component, form, -1)
    if width.most is not None:
        fixed = width.most
        form = replace(form, mandatory=fixed) if isinstance(form, Digits) else form
    return Number(component, form, fixed)


def _read_width(text: str) -> _Width:
    least, dash, most = text.partition("-")
    return _Width(_read_bound(least), _read_bound(most) if dash else None)


def _read_bound(text: str) -> float | None:
    return None if text == "*" else parse_int(text)
