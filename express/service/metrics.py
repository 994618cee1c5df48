"""What both Runtimes of a Service count, and the requests its endpoint has answered, as the counts of one process."""

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
    """A prometheus_client collector of what runs in a Service. Make it in the thread of the Service.

    answers: requests answered, by action and HTTP status, which somebody else counts.
    """

    def __init__(self, service: Service, answers: Mapping[tuple[str, int], int] | None = None) -> None:
        self._metrics = tuple(Metrics(runtime) for runtime in service.runtimes)
        self._answers = {} if answers is None else answers

    def snapshot(self) -> Snapshot:
        """Everything counted up to now."""
        snapshot = Snapshot()
        for metrics in self._metrics:
            snapshot.merge(metrics.snapshot())
        # One call of C: nothing is added meanwhile.
        for (action, status), count in list(self._answers.items()):
            snapshot.add(families.HTTP_REQUESTS, (action, str(status)), count)
        return snapshot

    def push(self, path: str | os.PathLike[str], *, every: float = EVERY) -> Pushing:
        """Tell them to the Gathering that listens at `path`."""
        return Pushing(self.snapshot, path, every)
