"""`Metrics` exposes the counts of a Runtime to Prometheus.

The engine counts in plain integers and does not know Prometheus; a scrape reads them. Attaching costs the engine a
few comparisons for each execution, to count its duration in a bucket, and a timer that measures the event loop's lag.
"""

from __future__ import annotations

import platform
import threading
from typing import TYPE_CHECKING

from express.metrics import families
from express.metrics.collecting import SnapshotCollector
from express.metrics.durations import Durations
from express.metrics.labels import MAX_LABEL_VALUES, Caps
from express.metrics.pushing import EVERY, Pushing
from express.metrics.reading import read_machines, read_overflow, read_pumps, read_runtime
from express.metrics.snapshot import Snapshot
from express.version import __version__

if TYPE_CHECKING:
    import os

    from express.metrics.reading import Pump, Runtime, Workflow
    from express.program import Machine


class Metrics(SnapshotCollector):
    """A prometheus_client collector of what a Runtime counts. Register it in any registry, or `serve` it.

        async with express.Runtime() as runtime:
            metrics = express.metrics.Metrics(runtime)
            with metrics.serve(port=9464):
                ...

    A workflow appears at its first start; `register` shows it earlier, with all counters at zero, so that a rate
    includes its first event. Counts belong to the workflow and cover all its executions in this process; durations
    are counted only from its appearance on. Create it in the Runtime's thread; scrape it from any.

    max_label_values: how many names of workflows, errors, resources and states, each, get series of their own; the
    others share `other` and are counted in `express_label_overflow_total`.
    task_durations, state_durations: also measure each attempt of a task, each visit of a state. This adds an observer
    to the workflows, which makes observed states a little slower; executions already running are not observed.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        max_label_values: int = MAX_LABEL_VALUES,
        task_durations: bool = False,
        state_durations: bool = False,
    ) -> None:
        self._caps = Caps(max_label_values)
        self._runtime = runtime
        self._measurements = runtime.measure()
        self._durations: Durations | None = None
        if task_durations or state_durations:
            self._durations = Durations(self._caps, tasks=task_durations, states=state_durations)
            runtime.add_observer(self._durations)
        self._pumps: list[Pump] = []
        #: The counts of machines that were forgotten.
        self._gone = Snapshot()
        self._leaving: list[Machine] = []
        self._reading = threading.Lock()

    def register(self, workflow: Workflow) -> None:
        """Show a workflow before its first start."""
        self._measurements.meet(workflow.machine(self._runtime.observers))

    def add_source(self, pump: Pump) -> None:
        """Show the metrics of a pump (`express.consumers.Pump`), even after it has stopped.

        Its counters are at zero before the first message.
        """
        self._pumps.append(pump)

    def forget(self, workflow: Workflow) -> None:
        """Release a workflow that will not be started again, once none of its executions runs; its counts stay."""
        tally = workflow.machine().tally
        self._leaving += [m for m in tuple(self._measurements.machines.values()) if m.tally is tally]

    def snapshot(self) -> Snapshot:
        """Everything counted up to now."""
        with self._reading:
            self._let_go()
            machines = tuple(self._measurements.machines.values())
            snapshot = Snapshot()
            snapshot.merge(self._gone)
            read_machines(snapshot, machines, self._caps)
            read_runtime(snapshot, self._runtime, self._measurements, self._caps)
            if self._durations is not None:
                self._durations.read(snapshot)
            read_pumps(snapshot, tuple(self._pumps), self._caps)
            read_overflow(snapshot, self._caps, machines)
            build = (__version__, platform.python_version(), self._runtime.loop_name)
            snapshot.add(families.BUILD_INFO, build, 1)
            return snapshot

    def _let_go(self) -> None:
        ended = [machine for machine in self._leaving if machine.tally.started == machine.tally.ended]
        if not ended:
            return
        counts = Snapshot()
        read_machines(counts, ended, self._caps)
        self._gone.merge(counts.without("gauge"))
        for machine in ended:
            self._leaving.remove(machine)
            self._measurements.part(machine)

    def push(self, path: str | os.PathLike[str], *, every: float = EVERY) -> Pushing:
        """Push the counts to the `Gathering` at `path`, every `every` seconds and at exit, from a separate thread."""
        return Pushing(self.snapshot, path, every)
