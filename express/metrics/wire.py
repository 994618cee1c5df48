"""Snapshots as lines of JSON, from a worker process to the one that gathers them.

A line is `{"worker": id, "series": {family: [[labels, numbers], ...]}, "exemplars": {workflow: [[bucket, execution,
duration_ns, time_ns], ...]}}`. Any process that can open the socket can send anything, so a line is accepted as a
whole or not at all, and only if every series belongs to a declared family, with as many labels and numbers as the
family has. Numbers may exceed 64 bits: the nanoseconds of ten thousand concurrent executions do so within days.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from express.counting import BUCKETS, Exemplar
from express.metrics.families import BY_NAME, Family
from express.metrics.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Upper bounds on bytes and series of a line, and characters of a label or worker id, far above real use.
MAX_LINE = 16 << 20
MAX_SERIES = 200_000
MAX_TEXT = 256


def encode(worker: str, snapshot: Snapshot) -> bytes:
    """The line for a worker's snapshot, newline included."""
    document = {
        "worker": worker,
        "series": {
            name: [[[_text(label) for label in labels], numbers] for labels, numbers in of_family.items()]
            for name, of_family in snapshot.series.items()
        },
        "exemplars": {
            _text(workflow): [[bucket, *exemplar] for bucket, exemplar in enumerate(exemplars) if exemplar is not None]
            for workflow, exemplars in snapshot.exemplars.items()
        },
    }
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _text(label: str) -> str:
    return label.encode("utf-8", "replace").decode()


def decode(line: bytes) -> tuple[str, Snapshot]:
    """The worker's id and its snapshot. Raises ValueError for a line that `encode` cannot have written."""
    try:
        document = json.loads(line)
        worker, series, exemplars = document["worker"], document["series"], document["exemplars"]
        if not _is_text(worker) or sum(map(len, series.values())) > MAX_SERIES:
            raise ValueError("no worker, or too much of one")
        snapshot = Snapshot()
        for name, entries in series.items():
            _take_series(snapshot, BY_NAME[name], entries)
        for workflow, shown in exemplars.items():
            snapshot.add_exemplars(_checked(workflow), _exemplars(shown))
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"no snapshot: {error!r}") from None
    return worker, snapshot


def _take_series(snapshot: Snapshot, family: Family, entries: Iterable[Any]) -> None:
    of_family = snapshot.series.setdefault(family.name, {})
    for labels, numbers in entries:
        if len(labels) != len(family.labels) or len(numbers) != family.width:
            raise ValueError(f"{family.name} has other labels or numbers")
        if not all(map(_is_count, numbers)):
            raise ValueError(f"{family.name} counts what is no count")
        of_family[tuple(map(_checked, labels))] = numbers


def _exemplars(shown: Iterable[Any]) -> list[Exemplar | None]:
    exemplars: list[Exemplar | None] = [None] * BUCKETS
    for bucket, execution, duration_ns, time_ns in shown:
        if not (_is_count(duration_ns) and _is_count(time_ns)):
            raise ValueError("an exemplar without times")
        exemplars[bucket] = Exemplar(_checked(execution), duration_ns, time_ns)
    return exemplars


def _is_count(number: object) -> bool:
    return type(number) is int and number >= 0


def _is_text(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MAX_TEXT


def _checked(text: object) -> str:
    if not _is_text(text):
        raise ValueError("a label that is no text, or too long")
    return text  # type: ignore[return-value]
