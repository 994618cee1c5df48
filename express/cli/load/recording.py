"""The results of a measurement: how executions ended, how long they took, how they would be billed.

Time is divided into slices of equal length. A slice counts the executions that ended in it, which is the throughput.
The latency of an execution counts if it was due during the measurement, even if it ended only in the drain period
(the slice after the last). Failures have latencies of their own, because failing fast must not look like being fast.

Recordings of several processes on the same slices add up exactly.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from express.cli.histogram import Histogram, sum_of
from express.cli.load.quantities import NS_PER_MS, NS_PER_S
from express.cli.tally import MAX_ERROR_NAMES, OTHER
from express.metering import DURATION_STEP_MS, DURATION_STEP_NS, MEMORY_STEP_BYTES, MEMORY_STEP_MB

if TYPE_CHECKING:
    from express.result import Result

#: Possible lengths of a slice; the shortest that gives at most MAX_SLICES is used.
_SLICE_LENGTHS: Final = tuple(
    length * NS_PER_MS
    for length in (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000)
)
MAX_SLICES: Final = 60
#: Delay from which a start of an open loop counts as late: more than a garbage collection pause.
LATE_NS: Final = 10 * NS_PER_MS
#: Characters of a cause that are kept as an example of its error.
_CAUSE_LENGTH: Final = 200


def slice_length(duration: int) -> int:
    """Nanoseconds of a slice for a measurement of this duration."""
    return next((length for length in _SLICE_LENGTHS if length * MAX_SLICES >= duration), -(-duration // MAX_SLICES))


@dataclass(slots=True)
class Slice:
    """Executions that ended in one slice of time: their numbers, and the latencies of those that succeeded."""

    succeeded: int = 0
    failed: int = 0
    latencies: Histogram = field(default_factory=Histogram)

    def add(self, other: Slice) -> None:
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.latencies.add(other.latencies)


@dataclass(slots=True)
class Recording:
    """Everything that was measured.

    length: nanoseconds that were measured: the requested duration, or less after an interruption.
    slices: those of the measured time; `after` is the one for the drain period that follows.
    ended: executions that were due during the measurement and ended. `unfinished`: executions still running when the
    wait for them ended, whenever they were due, because they were part of the load.
    late: executions that started LATE_NS or more after they were due, the latest `latest_ns` after it; `dropped`
    never started, because the Runtime stayed full until the wait ended.
    failures: latencies of executions that did not succeed; `errors` counts them by name, `causes` has an example of
    each.
    transitions: states entered and retried by all executions of the load, warm-up included; `transitions_of` is the
    number of these.
    """

    slice_ns: int
    length: int
    slices: list[Slice]
    after: Slice = field(default_factory=Slice)
    ended: int = 0
    unfinished: int = 0
    late: int = 0
    latest_ns: int = 0
    dropped: int = 0
    failures: Histogram = field(default_factory=Histogram)
    errors: Counter[str] = field(default_factory=Counter)
    causes: dict[str, str] = field(default_factory=dict)
    billed_ms: int = 0
    billed_mb: int = 0
    billed_mb_ms: int = 0
    transitions: int = 0
    transitions_of: int = 0

    @classmethod
    def of_length(cls, length: int) -> Recording:
        """An empty recording for a measurement of `length` nanoseconds."""
        slice_ns = slice_length(length)
        return cls(slice_ns, length, [Slice() for _ in range(-(-length // slice_ns))])

    @property
    def started(self) -> int:
        return self.ended + self.unfinished

    @property
    def succeeded(self) -> int:
        return self.ended - self.failures.count

    @property
    def rate(self) -> float:
        """Executions per second that succeeded within the measured time."""
        return sum(one.succeeded for one in self.slices) * NS_PER_S / self.length if self.length else 0.0

    @property
    def error_share(self) -> float:
        """The fraction of the started executions that failed or did not end; 0 if none started."""
        return (self.failures.count + self.unfinished) / self.started if self.started else 0.0

    @property
    def dropped_share(self) -> float:
        """The fraction of the due executions that never started; 0 if none was due."""
        due = self.started + self.dropped
        return self.dropped / due if due else 0.0

    def latencies(self) -> Histogram:
        """Latencies of all executions that succeeded, in nanoseconds."""
        return sum_of(one.latencies for one in (*self.slices, self.after))

    def full_slices(self) -> list[Slice]:
        """The slices that were measured completely."""
        return self.slices[: self.length // self.slice_ns]

    def add(self, other: Recording) -> None:
        """Add the recording of another process for the same time."""
        self.length = max(self.length, other.length)
        for mine, theirs in zip(self.slices, other.slices, strict=True):
            mine.add(theirs)
        self.after.add(other.after)
        self.latest_ns = max(self.latest_ns, other.latest_ns)
        self.failures.add(other.failures)
        for name, count in other.errors.items():
            self.errors[known_error(self.errors, name)] += count
        self.causes = {**other.causes, **self.causes}
        self.ended += other.ended
        self.unfinished += other.unfinished
        self.late += other.late
        self.dropped += other.dropped
        self.billed_ms += other.billed_ms
        self.billed_mb += other.billed_mb
        self.billed_mb_ms += other.billed_mb_ms
        self.transitions += other.transitions
        self.transitions_of += other.transitions_of


def known_error(errors: Counter[str], name: str) -> str:
    """The name to count an error under: OTHER for new names once there are too many, as they may be made from data."""
    return name if name in errors or len(errors) < MAX_ERROR_NAMES else OTHER


class Recorder:
    """Fills a Recording while the load is on; `begin` is when measuring starts, on the Runtime's clock.

    `started` and `ended` are called for each execution and written for speed: measuring costs it about a microsecond.
    """

    def __init__(self, length: int, begin: int) -> None:
        self.recording = Recording.of_length(length)
        self.begin = begin
        self.end = begin + length
        self._slices = self.recording.slices
        self._slice_ns = self.recording.slice_ns
        self._small = 0
        self._ended = 0
        self._closed = False
        #: Executions started so far, the warm-up's included.
        self.opened = 0
        #: The slice of the latest execution, for the display.
        self.newest = self._slices[0]

    def started(self, due: int, now: int) -> None:
        """Record that an execution due at `due` starts now."""
        self.opened += 1
        delay = now - due
        if delay >= LATE_NS and due >= self.begin:
            recording = self.recording
            recording.late += 1
            if delay > recording.latest_ns:
                recording.latest_ns = delay

    def ended(self, due: int, now: int, result: Result) -> None:
        """Record that an execution due at `due` has ended now."""
        if self._closed:
            return
        self._ended += 1
        if now < self.begin:
            return
        if now < self.end:
            self.newest = piece = self._slices[(now - self.begin) // self._slice_ns]
        else:
            piece = self.recording.after
        succeeded = result.status == "SUCCEEDED"
        if succeeded:
            piece.succeeded += 1
        else:
            piece.failed += 1
        if due < self.begin:
            return
        self.recording.ended += 1
        if succeeded:
            piece.latencies.record(now - due)
        else:
            self._failed(now - due, result)
        billing = result.billing
        if billing.duration_ns <= DURATION_STEP_NS and billing.memory_bytes <= MEMORY_STEP_BYTES:
            self._small += 1
        else:
            self._bill(1, billing.billed_duration_ms, billing.billed_memory_mb)

    def _failed(self, latency: int, result: Result) -> None:
        recording = self.recording
        recording.failures.record(latency)
        name = known_error(recording.errors, result.error or f"(no error name, {result.status})")
        recording.errors[name] += 1
        if name not in recording.causes:
            recording.causes[name] = (result.cause or "")[:_CAUSE_LENGTH]

    def _bill(self, executions: int, milliseconds: int, megabytes: int) -> None:
        recording = self.recording
        recording.billed_ms += executions * milliseconds
        recording.billed_mb += executions * megabytes
        recording.billed_mb_ms += executions * milliseconds * megabytes

    def close(self, now: int) -> Recording:
        """Count executions that still run as unfinished; a `now` before the end shortens the measurement."""
        if not self._closed:
            self._closed = True
            self._bill(self._small, DURATION_STEP_MS, MEMORY_STEP_MB)
            self.recording.unfinished = self.opened - self._ended
            self.recording.length = max(min(now - self.begin, self.recording.length), 0)
        return self.recording
