"""Prometheus metrics: what runs, how fast, what fails and why, and what AWS would have charged.

    metrics = express.metrics.Metrics(runtime)
    server = metrics.serve(port=9464)           # http://127.0.0.1:9464/metrics

`families` declares every metric; `Metrics` reads them from a Runtime; `Gathering` sums those of worker processes,
each of which pushes its own with `Metrics.push`.
"""

from __future__ import annotations

from express.metrics.collector import Metrics
from express.metrics.gathering import Gathering
from express.metrics.pushing import Pushing
from express.metrics.server import Server

__all__ = ["Gathering", "Metrics", "Pushing", "Server"]
