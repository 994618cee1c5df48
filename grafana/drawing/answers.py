"""What Prometheus answered to a panel, with the names its legend gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana.drawing.svg import Point
    from grafana.prometheus import Sample, Series

#: What a series is called, and its points: (seconds since the epoch, value).
Named: TypeAlias = "tuple[str, list[Point]]"


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to a panel's targets, in their order: `instants` to a table's, `ranges` to all others.

    Times are in seconds since the epoch, `step` is the distance of two points. `exemplars`: moment and value of
    single executions.
    """

    start: float
    end: float
    step: float
    ranges: Sequence[Sequence[Series]] = ()
    instants: Sequence[Sequence[Sample]] = ()
    exemplars: Sequence[Point] = ()


def named_series(panel: dict[str, Any], answers: Answers) -> list[Named]:
    """All series of a panel, those of each target in the order of their names."""
    named: list[Named] = []
    for target, series in zip(panel["targets"], answers.ranges, strict=True):
        of_target = [(_legend_text(target["legendFormat"], labels), points) for labels, points in series]
        named += sorted(of_target, key=lambda one: one[0])
    return named


def _legend_text(form: str, labels: Mapping[str, str]) -> str:
    if form == "__auto":
        return ", ".join(labels.values()) or "Value"
    for label, value in labels.items():
        form = form.replace("{{" + label + "}}", value)
    return form
