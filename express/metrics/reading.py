"""Reads the counts of a Runtime and of its machines into a snapshot.

The Runtime is described by a protocol: metrics depend on what it counts, not on how it works. The counts are written
by another thread than the one that reads them; each is a value from some moment of the reading, and none goes down.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from express.counting import OTHER, Histogram
from express.metering import MEMORY_STEP_BYTES
from express.metrics import families
from express.metrics.labels import RESERVED_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from express.counting import Tally
    from express.metrics.labels import Caps
    from express.metrics.snapshot import Snapshot
    from express.observe import Observer
    from express.program import Machine, Step


class Measurements(Protocol):
    """What a Runtime counts on request (`Runtime.measure`)."""

    @property
    def machines(self) -> Mapping[int, Machine]: ...
    @property
    def admission_wait(self) -> Histogram: ...
    @property
    def loop_lag(self) -> Histogram: ...
    def meet(self, machine: Machine) -> None: ...
    def part(self, machine: Machine) -> None: ...


class Runtime(Protocol):
    """The part of a Runtime that metrics use."""

    @property
    def max_in_flight(self) -> int: ...
    @property
    def throttled(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def loop_name(self) -> str: ...
    @property
    def map_iterations(self) -> Mapping[str, int]: ...
    @property
    def observers(self) -> tuple[Observer, ...]: ...
    def measure(self) -> Measurements: ...
    def add_observer(self, observer: Observer) -> None: ...


class Workflow(Protocol):
    """The part of a workflow that metrics use: its machine for each set of observers."""

    def machine(self, observers: tuple[Observer, ...] = ()) -> Machine: ...


class Pump(Protocol):
    """The part of a pump that metrics use."""

    @property
    def name(self) -> str: ...
    @property
    def outcome_counts(self) -> Mapping[str, int]: ...
    @property
    def redelivered(self) -> int: ...
    @property
    def dead_lettered(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def lag(self) -> int | None: ...
    @property
    def commit_gap(self) -> int: ...
    @property
    def oldest_in_flight_ns(self) -> int: ...


def read_machines(snapshot: Snapshot, machines: Iterable[Machine], caps: Caps) -> None:
    """Add the counts of the machines. Those of one workflow, built for different observers, share a tally."""
    tallies: dict[int, Machine] = {}
    for machine in machines:
        workflow = caps["workflow"].label(machine.name)
        tallies.setdefault(id(machine.tally), machine)
        _read_steps(snapshot, workflow, machine.all_steps)
        _read_tasks(snapshot, machine.all_steps, caps)
    compiling = Histogram()
    for machine in tallies.values():
        workflow = caps["workflow"].label(machine.name)
        _read_executions(snapshot, workflow, machine.tally)
        _read_errors(snapshot, workflow, machine.tally, caps)
        _read_bill(snapshot, workflow, machine.tally, machine.base_memory)
        compiling.observe(machine.compile_ns)
    snapshot.add_histogram(families.COMPILE, (), compiling)
    snapshot.add(families.DEFINITIONS, (), len(tallies))


def _read_executions(snapshot: Snapshot, workflow: str, tally: Tally) -> None:
    ended = {
        "SUCCEEDED": tally.succeeded,
        "FAILED": tally.failed,
        "TIMED_OUT": tally.timed_out,
        "ABORTED": tally.aborted,
    }
    # Read after the counts of ends, so that it is never less than their sum.
    started = tally.started
    snapshot.add(families.STARTED, (workflow,), started)
    for status, count in ended.items():
        snapshot.add(families.EXECUTIONS, (workflow, status), count)
    snapshot.add(families.IN_FLIGHT, (workflow,), started - sum(ended.values()))
    durations = tally.durations
    if durations is not None:
        snapshot.add(families.DURATION, (workflow,), tally.duration_ns - durations.before_ns, *durations.counts)
        snapshot.add_exemplars(workflow, durations.exemplars())


def _read_errors(snapshot: Snapshot, workflow: str, tally: Tally, caps: Caps) -> None:
    for error in RESERVED_ERRORS:
        snapshot.add(families.ERRORS, (workflow, error), 0)
    # `list` is a single C call, so no error is added meanwhile.
    for error, count in list(tally.errors.items()):
        snapshot.add(families.ERRORS, (workflow, caps["error"].label(error)), count)


def _read_bill(snapshot: Snapshot, workflow: str, tally: Tally, base_memory: int) -> None:
    ended, units = tally.ended, tally.billed_units
    cost = tally.started * families.PARTS_PER_REQUEST + units * families.PARTS_PER_UNIT
    snapshot.add(families.BILLED_SECONDS, (workflow,), tally.billed_duration_steps)
    snapshot.add(families.BILLED_GIGABYTE_SECONDS, (workflow,), units)
    snapshot.add(families.COST, (workflow,), cost)
    snapshot.add(families.MEMORY, (workflow,), ended, tally.memory_bytes(base_memory))
    snapshot.add(families.BILLED_MEMORY, (workflow,), ended, tally.billed_memory_steps * MEMORY_STEP_BYTES)


def _read_steps(snapshot: Snapshot, workflow: str, steps: Sequence[Step]) -> None:
    by_type: Counter[str] = Counter()
    retried = caught = items = 0
    for step in steps:
        by_type[step.type] += step.attempts
        retried += step.retried
        caught += step.caught
        items += step.items
    for type_, attempts in by_type.items():
        snapshot.add(families.TRANSITIONS, (workflow, type_), attempts)
    snapshot.add(families.RETRIES, (workflow,), retried)
    snapshot.add(families.CATCHES, (workflow,), caught)
    snapshot.add(families.MAP_ITEMS, (workflow,), items)
    snapshot.add(families.MAP_ITERATIONS, (workflow,), 0)


def _read_tasks(snapshot: Snapshot, steps: Sequence[Step], caps: Caps) -> None:
    for step in steps:
        if step.type == "Task":
            resource = caps["resource"].label(step.resource)
            snapshot.add(families.TASK_ATTEMPTS, (resource, "succeeded"), step.went_through + step.resumed)
            snapshot.add(families.TASK_ATTEMPTS, (resource, "failed"), step.failures)
            snapshot.add(families.TASK_ATTEMPTS, (resource, "timed_out"), step.timed_out)


def read_runtime(snapshot: Snapshot, runtime: Runtime, measurements: Measurements, caps: Caps) -> None:
    """Add what the Runtime itself counts."""
    for name, running in runtime.map_iterations.items():
        snapshot.add(families.MAP_ITERATIONS, (caps["workflow"].label(name),), running)
    snapshot.add(families.THROTTLED, (), runtime.throttled)
    snapshot.add(families.LIMIT, (), runtime.max_in_flight)
    snapshot.add(families.WAITING, (), runtime.waiting)
    snapshot.add_histogram(families.ADMISSION_WAIT, (), measurements.admission_wait)
    snapshot.add_histogram(families.LOOP_LAG, (), measurements.loop_lag)


def read_pumps(snapshot: Snapshot, pumps: Iterable[Pump], caps: Caps) -> None:
    """Add the counts of the pumps. An unknown lag is omitted, because no number would be true."""
    for pump in pumps:
        source = caps["source"].label(pump.name)
        for outcome, count in pump.outcome_counts.items():
            snapshot.add(families.SOURCE_MESSAGES, (source, outcome), count)
        snapshot.add(families.SOURCE_REDELIVERED, (source,), pump.redelivered)
        snapshot.add(families.SOURCE_DEAD_LETTERED, (source,), pump.dead_lettered)
        snapshot.add(families.SOURCE_IN_FLIGHT, (source,), pump.in_flight)
        snapshot.add(families.SOURCE_COMMIT_GAP, (source,), pump.commit_gap)
        snapshot.add(families.SOURCE_OLDEST, (source,), pump.oldest_in_flight_ns)
        lag = pump.lag
        if lag is not None:
            snapshot.add(families.SOURCE_LAG, (source,), lag)


def read_overflow(snapshot: Snapshot, caps: Caps, machines: Iterable[Machine]) -> None:
    """Add how many label values share the series `other`, and how many errors the engine counted as `other`."""
    unnamed = sum({id(machine.tally): machine.tally.errors.get(OTHER, 0) for machine in machines}.values())
    for label, family in families.CAPPED.items():
        snapshot.add(families.OVERFLOW, (family.name,), caps[label].overflow + (unnamed if label == "error" else 0))
