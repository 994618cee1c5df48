"""The totals of a stream of executions: counts, latencies and the figures a bill is made from.

Each result is added once; the progress display reads the tally during the run, and the report at the end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from express.cli.histogram import Histogram

if TYPE_CHECKING:
    from express.metering import Billing

#: Upper bound on error names counted separately; later ones count as OTHER, as names may be made from data.
MAX_ERROR_NAMES = 50
OTHER = "(other errors)"


class Ended(Protocol):
    """The part of an `express.Result` that is counted."""

    @property
    def status(self) -> str: ...
    @property
    def error(self) -> str | None: ...
    @property
    def billing(self) -> Billing: ...


@dataclass(slots=True)
class StreamTally:
    """`billed_mb_ms` sums billed memory times billed duration of each execution; durations are nanoseconds."""

    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    done: int = 0
    billed_ms: int = 0
    billed_mb_ms: int = 0
    peak_billed_mb: int = 0
    durations: Histogram = field(default_factory=Histogram)

    def add(self, result: Ended) -> None:
        """Count one result."""
        self.done += 1
        self.statuses[result.status] += 1
        if result.status != "SUCCEEDED":
            self._add_error(result.error or "(no error name)")
        billing = result.billing
        self.durations.record(billing.duration_ns)
        billed_ms, billed_mb = billing.billed_duration_ms, billing.billed_memory_mb
        self.billed_ms += billed_ms
        self.billed_mb_ms += billed_ms * billed_mb
        self.peak_billed_mb = max(self.peak_billed_mb, billed_mb)

    def _add_error(self, name: str) -> None:
        known = name in self.errors or len(self.errors) < MAX_ERROR_NAMES
        self.errors[name if known else OTHER] += 1

    @property
    def unsuccessful(self) -> int:
        """Executions that failed, timed out or were aborted."""
        return self.done - self.statuses["SUCCEEDED"]
