"""The counts of both Runtimes of a Service and of its endpoint's requests, as those of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.metrics import Metrics, Pushing, families
from express.metrics.collecting import SnapshotCollector
from express.metrics.pushing import EVERY
from express.metrics.snapshot import Snapshot

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from express.service.service import Service


class ServiceMetrics(SnapshotCollector):
    """A prometheus_client collector of the counts of a Service. Create it in the thread of the Service.

    answers: requests answered, by action and HTTP status, counted elsewhere.
    """

    def __init__(self, service: Service, answers: Mapping[tuple[str, int], int] | None = None) -> None:
        self._metrics = tuple(Metrics(runtime) for runtime in service.runtimes)
        self._answers = {} if answers is None else answers

    def snapshot(self) -> Snapshot:
        """Everything counted up to now."""
        snapshot = Snapshot()
        for metrics in self._metrics:
            snapshot.merge(metrics.snapshot())
        # `list` copies in one call of C, during which no entry is added.
        for (action, status), count in list(self._answers.items()):
            snapshot.add(families.HTTP_REQUESTS, (action, str(status)), count)
        return snapshot

    def push(self, path: str | os.PathLike[str], *, every: float = EVERY) -> Pushing:
        """Push snapshots to the Gathering at `path`, every `every` seconds."""
        return Pushing(self.snapshot, path, every)
