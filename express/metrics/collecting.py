"""The base of this package's collectors: each provides a snapshot, from which the metrics page is rendered.

prometheus_client asks a collector for its families when it is registered (`describe`) and for their values at each
scrape (`collect`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from express.metrics.server import Server, serve_collector
from express.metrics.snapshot import Snapshot, declarations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric


class SnapshotCollector(ABC):
    """A collector for any registry of prometheus_client, and a page of its own."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Everything counted up to now. Called from any thread."""

    def collect(self) -> Iterator[Metric]:
        """The families with their values now, as prometheus_client asks for them."""
        return self.snapshot().metrics()

    def describe(self) -> list[Metric]:
        """The families without values, so that a registry can refuse two collectors with the same names."""
        return declarations()

    def serve(self, port: int = 0, host: str = "127.0.0.1") -> Server:
        """Serve the metrics and those of the process at `/metrics`, from a separate thread; port 0 picks a free one.

        Raises OSError when the port is taken or the host is not one of this machine's.
        """
        return serve_collector(self, port, host)
