"""All counts of a process at one moment, as integers that can be added up, sent and shown.

Each series is a list of integers as wide as its family declares (`families`). The counts of several processes, of
several machines with one name, and of disconnected workers are therefore all merged element by element. Prometheus
output is always made from a snapshot, wherever it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import add
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.samples import Exemplar as ShownExemplar

from express.counting import BOUNDS_NS, BUCKETS
from express.metrics.families import BY_NAME, DURATION, FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from express.counting import Exemplar, Histogram

_NS = 1_000_000_000

Labels: TypeAlias = tuple[str, ...]
#: One for a counter or gauge, two for a summary, more for a histogram.
Numbers: TypeAlias = "list[int]"
#: Upper bound, cumulative count, and an exemplar if there is one.
Bucket: TypeAlias = "tuple[str, float] | tuple[str, float, ShownExemplar]"

#: The upper bound of each bucket as Prometheus writes it, in seconds.
BOUNDS = (*(repr(bound / _NS) for bound in BOUNDS_NS), "+Inf")


@dataclass(slots=True)
class Snapshot:
    """`series`: by family and labels. `exemplars`: by workflow, for each bucket of the duration histogram."""

    series: dict[str, dict[Labels, Numbers]] = field(default_factory=dict)
    exemplars: dict[str, list[Exemplar | None]] = field(default_factory=dict)

    def add(self, family: Family, labels: Labels, *numbers: int) -> None:
        """Add numbers to a series, created if necessary; zeros make it visible before its first event."""
        of_family = self.series.setdefault(family.name, {})
        known = of_family.get(labels)
        if known is None:
            of_family[labels] = list(numbers)
        else:
            join = max if family.merging == "most" else add
            of_family[labels] = [join(one, other) for one, other in zip(known, numbers, strict=True)]

    def add_histogram(self, family: Family, labels: Labels, histogram: Histogram) -> None:
        self.add(family, labels, histogram.total_ns, *histogram.counts)

    def add_exemplars(self, workflow: str, exemplars: Sequence[Exemplar | None]) -> None:
        """Keep the newest exemplar of each bucket."""
        known = self.exemplars.setdefault(workflow, [None] * BUCKETS)
        for bucket, exemplar in enumerate(exemplars):
            before = known[bucket]
            if exemplar is not None and (before is None or exemplar.time_ns > before.time_ns):
                known[bucket] = exemplar

    def merge(self, other: Snapshot) -> None:
        for name, of_family in other.series.items():
            family = BY_NAME[name]
            for labels, numbers in of_family.items():
                self.add(family, labels, *numbers)
        for workflow, exemplars in other.exemplars.items():
            self.add_exemplars(workflow, exemplars)

    def without(self, *kinds: str) -> Snapshot:
        """The same without the families of these kinds."""
        kept = {name: numbers for name, numbers in self.series.items() if BY_NAME[name].kind not in kinds}
        return Snapshot(kept, self.exemplars)

    def metrics(self) -> Iterator[Metric]:
        """Yield prometheus_client's metrics in the order of the declarations."""
        for family in FAMILIES:
            of_family = self.series.get(family.name)
            if of_family is not None:
                yield _metric(family, of_family.items(), self.exemplars)


def declarations() -> list[Metric]:
    """Every family without series, so that a registry can refuse a second collector of the same names."""
    return [_metric(family, (), {}) for family in FAMILIES]


def _metric(
    family: Family, series: Iterable[tuple[Labels, Numbers]], exemplars: dict[str, list[Exemplar | None]]
) -> Metric:
    name, text, labels = family.base_name, family.help, family.labels
    if family.kind == "counter":
        counter = CounterMetricFamily(name, text, labels=labels)
        for values, (value,) in series:
            counter.add_metric(_readable(values), value / family.divisor)
        return counter
    if family.kind == "gauge":
        gauge = GaugeMetricFamily(name, text, labels=labels)
        for values, (value,) in series:
            gauge.add_metric(_readable(values), value / family.divisor)
        return gauge
    if family.kind == "summary":
        summary = SummaryMetricFamily(name, text, labels=labels)
        for values, (count, total) in series:
            summary.add_metric(_readable(values), count_value=count, sum_value=total / family.divisor)
        return summary
    histogram = HistogramMetricFamily(name, text, labels=labels)
    for values, (total, *counts) in series:
        shown = exemplars.get(values[0], ()) if family is DURATION else ()
        histogram.add_metric(_readable(values), _buckets(counts, shown), total / family.divisor)
    return histogram


def _readable(values: Labels) -> Labels:
    """Replace lone surrogates, which a name may contain but no text can be encoded with."""
    return tuple(value.encode("utf-8", "replace").decode() for value in values)


def _buckets(counts: Sequence[int], exemplars: Sequence[Exemplar | None]) -> list[Bucket]:
    """Cumulative counts, as Prometheus requires, each with an exemplar from the bucket if there is one."""
    buckets: list[Bucket] = []
    below = 0
    for bucket, count in enumerate(counts):
        below += count
        exemplar = exemplars[bucket] if exemplars else None
        if exemplar is None:
            buckets.append((BOUNDS[bucket], below))
        else:
            shown = ShownExemplar({"execution": exemplar.execution}, exemplar.duration_ns / _NS, exemplar.time_ns / _NS)
            buckets.append((BOUNDS[bucket], below, shown))
    return buckets
