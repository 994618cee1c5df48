"""Map, distributed: each item, or batch of items, runs in a child execution of its own.

Standard machines only; Express refuses the mode. Differences from an inline Map: children count their own history
events, do not see the machine's variables, may fail up to a threshold, and may get items in batches; the items may
also be the members of an object, or be read from S3 (`item_reader`). A ResultWriter that would write to S3 compiles
but fails the state when it is reached.

Source: AWS guide "Using Map state in Distributed mode".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

from express.definition import messages
from express.definition.problems import DUPLICATE_LABEL_NAME, INVALID_LABEL_NAME
from express.errors import (
    EXCEED_TOLERATED_FAILURE_THRESHOLD,
    RUNTIME,
    EngineError,
    StateError,
    forget_trace,
)
from express.expressions.jsonata.fields import build_template as build_query_template
from express.expressions.templates import Template, build_template
from express.names import execution_arn
from express.payload import measure
from express.program import NO_VARIABLES, Frame, Run
from express.states.flow import read_template
from express.states.fork import NOBODY_CUT, Siblings
from express.states.item_reader import ItemReader, ResultWriter, read_item_reader, read_result_writer
from express.states.items import STATE_DATA
from express.states.jsonata_fields import read_template_field
from express.states.numbers import Number, read_number
from express.states.sizes import UNKNOWN_SIZE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from express.definition.fields import Fields
    from express.expressions.jsonata.fields import Template as QueryTemplate
    from express.program import Program, Step
    from express.states.history import HistoryWriter
    from express.states.state import Surroundings
    from express.states.witness import Witness
    from express.types import JSON, Expr

#: Maximum number of concurrent child executions where MaxConcurrency sets none.
MAX_CONCURRENCY = 10_000
#: Maximum length of a Map's label, in characters.
MAX_LABEL = 40
#: Maximum of MaxInputBytesPerBatch: the payload limit, in bytes.
MAX_BATCH_BYTES = 262_144
#: An ItemBatcher has at least one of these (AWS guide "ItemBatcher (Map)").
_BATCH_LIMITS = ("MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath")
_FORBIDDEN_IN_LABELS = re.compile(r"[\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]")

#: Bytes of a batch besides its items: braces, names, commas.
_BATCH_BYTES = 40


@dataclass(slots=True)
class Distribution:
    """The fields only a distributed Map has."""

    tolerated_count: Number
    tolerated_percentage: Number
    batch_items: Number | None
    batch_bytes: Number | None
    batch_input: Template | QueryTemplate | None
    reader: ItemReader | None
    writer: ResultWriter
    label: str | None


def read_distribution(fields: Fields, surroundings: Surroundings) -> Distribution:
    label = _read_label(fields, surroundings.labels)
    reader = read_item_reader(fields, surroundings)
    writer = read_result_writer(fields)
    batcher = fields.object("ItemBatcher")
    items = size = batch_input = None
    if batcher is not None:
        if not any(batcher.has(name) for name in _BATCH_LIMITS):
            batcher.report(None, messages.at_least_one_of(_BATCH_LIMITS))
        items = read_number(batcher, "MaxItemsPerBatch", "integer", minimum=1)
        size = read_number(batcher, "MaxInputBytesPerBatch", "integer", minimum=1, maximum=MAX_BATCH_BYTES)
        read = read_template_field if batcher.is_jsonata else read_template
        batch_input = read(batcher, "BatchInput")
        batcher.close()
    count, percentage = read_tolerance(fields)
    return Distribution(count, percentage, items, size, batch_input, reader, writer, label)


def read_tolerance(fields: Fields) -> tuple[Number, Number]:
    """ToleratedFailureCount and ToleratedFailurePercentage, in both forms."""
    return (
        read_number(fields, "ToleratedFailureCount", "integer", minimum=0),
        read_number(fields, "ToleratedFailurePercentage", "float", minimum=0, maximum=100),
    )


def _read_label(fields: Fields, labels: set[str]) -> str | None:
    label = fields.text("Label")
    if label is None:
        return None
    if len(label) > MAX_LABEL:
        fields.report("Label", messages.label_too_long(label), code=INVALID_LABEL_NAME)
    elif not label or _FORBIDDEN_IN_LABELS.search(label):
        fields.report("Label", messages.invalid_label(label), code=INVALID_LABEL_NAME)
    elif label in labels:
        fields.report("Label", messages.duplicate_label(label), code=DUPLICATE_LABEL_NAME)
    labels.add(label)
    return label


#: Applies ItemSelector to all items, which come from a source.
Select: TypeAlias = "Callable[[JSON, str], list[JSON]]"
#: `children(frame, data, items, select, limit)`: the child executions of one visit. `select` is None without
#: ItemSelector.
ChildrenOf: TypeAlias = "Callable[[Frame, JSON, JSON, Select | None, int], Children]"
#: The same for items that have yet to be read.
ReadChildren: TypeAlias = "Callable[[Frame, JSON, Select | None, int], Awaitable[Children]]"


def build_children(
    node: Distribution, program: Program, step: Step, witness: Witness | None
) -> tuple[ChildrenOf, ReadChildren | None]:
    """How a visit makes its children; the second for a Map with an ItemReader."""
    tolerance_of = build_tolerance(node)
    batches_of = build_batches(node)
    history = None if witness is None else witness.history
    watching = witness if witness is not None and witness.watches_children else None
    label = node.label or step.name

    def start(frame: Frame, data: JSON, length: int) -> tuple[float | None, float | None]:
        # MapStateStarted is written before the thresholds are evaluated (recorded).
        frame.run.events += 1
        if history is not None:
            history.fork_started(frame, step, length)
        if node.writer.exports:
            raise EngineError(RUNTIME, "The ResultWriter of a distributed Map is not available in this runtime.")
        return tolerance_of(data, frame)

    def start_run(frame: Frame) -> None:
        frame.run.events += 1
        if history is not None:
            history.map_run_started(frame, step, node.label)

    def children(frame: Frame, data: JSON, items: JSON, select: Select | None, limit: int) -> Children:
        count, percentage = start(frame, data, len(items))
        inputs = batches_of(listed(items) if select is None else select(items, STATE_DATA), data, frame)
        start_run(frame)
        return Children(frame, program, inputs, limit, count, percentage, label, history, watching)

    if node.reader is None:
        return children, None
    read = node.reader.build()

    async def read_children(frame: Frame, data: JSON, select: Select | None, limit: int) -> Children:
        count, percentage = start(frame, data, 0)
        start_run(frame)
        try:
            items, source = await read(data, frame)
            step.items += len(items)
            inputs = batches_of(listed(items) if select is None else select(items, source), data, frame)
        except StateError as error:
            frame.run.events += 1
            if history is not None:
                history.map_run_failed(frame, error)
            raise
        return Children(frame, program, inputs, limit, count, percentage, label, history, watching)

    return children, read_children


def build_tolerance(node: Distribution) -> Callable[[JSON, Frame], tuple[float | None, float | None]]:
    """The thresholds of a visit: tolerated failures as a count and as a percentage; None where not given."""
    count_of = node.tolerated_count.build()
    percentage_of = node.tolerated_percentage.build()

    def tolerance(data: JSON, frame: Frame) -> tuple[float | None, float | None]:
        count = count_of(data, frame)
        if count is not None and count < 0:
            raise EngineError(RUNTIME, "ToleratedFailureCount cannot be negative.")
        percentage = percentage_of(data, frame)
        if percentage is not None and not 0 <= percentage <= 100:
            raise EngineError(RUNTIME, "ToleratedFailurePercentage must be between 0 and 100.")
        return count, percentage

    return tolerance


def is_tolerated(failures: int, iterations: int, count: float | None, percentage: float | None) -> bool:
    """Whether this number of failed iterations is within both thresholds; exceeding either fails the Map."""
    within_count = count is None or failures <= count
    return within_count and (percentage is None or failures * 100 <= percentage * iterations)


def threshold_exceeded() -> StateError:
    """More iterations have failed than the Map tolerates (recorded)."""
    return StateError(EXCEED_TOLERATED_FAILURE_THRESHOLD, "The specified tolerated failure threshold was exceeded")


def listed(items: JSON) -> list[JSON]:
    """The items of a Map as a list; an object's members become Key/Value pairs."""
    return [{"Key": key, "Value": value} for key, value in items.items()] if isinstance(items, dict) else items


def flattened(outputs: list[JSON]) -> list[JSON]:
    """The outputs, with the members of arrays in place of these."""
    flat: list[JSON] = []
    for output in outputs:
        if isinstance(output, list):
            flat += output
        else:
            flat.append(output)
    return flat


def build_batches(node: Distribution) -> Callable[[list[JSON], JSON, Frame], list[JSON]]:
    """ItemBatcher: groups items into child inputs `{"BatchInput": …, "Items": […]}`; without one, items are the
    inputs."""
    if node.batch_items is None or node.batch_bytes is None:
        return lambda items, data, frame: items
    most_items, most_bytes = _build_positive(node.batch_items), _build_positive(node.batch_bytes)
    shared = _build_batch_input(node.batch_input)

    def batches(items: list[JSON], data: JSON, frame: Frame) -> list[JSON]:
        head = {} if shared is None else {"BatchInput": shared(data, frame)}
        count = most_items(data, frame) or len(items) or 1
        size = most_bytes(data, frame) or frame.run.host.payload_limit
        room = size - measure(head) - _BATCH_BYTES
        made: list[JSON] = []
        batch: list[JSON] = []
        used = 0
        for item in items:
            weight = measure(item) + 1
            if batch and (len(batch) >= count or used + weight > room):
                made.append({**head, "Items": batch})
                batch, used = [], 0
            batch.append(item)
            used += weight
        return [*made, {**head, "Items": batch}] if batch else made

    return batches


def _build_positive(limit: Number) -> Callable[[JSON, Frame], float | None]:
    """A limit of a batch. The error text follows `field MaxItems must be positive`, recorded for an ItemReader."""
    number = limit.build()

    def positive(data: JSON, frame: Frame) -> float | None:
        value = number(data, frame)
        if value is not None and value <= 0:
            raise EngineError(RUNTIME, f"field {limit.name} must be positive")
        return value

    return positive


def _build_batch_input(template: Template | QueryTemplate | None) -> Expr | None:
    if template is None or isinstance(template, Template):
        return None if template is None else build_template(template)
    shared = build_query_template(template)
    return lambda data, scope: shared({"input": data}, scope)


class ChildRun(Run):
    """A child execution, with a name of its own and an ARN that contains the `label` of its Map."""

    __slots__ = ("label",)

    def __init__(self, parent: Run, data: JSON, label: str) -> None:
        host = parent.host
        super().__init__(host, parent.machine, data, UNKNOWN_SIZE, parent.sequence, host.monotonic_ns())
        self.label = label

    @property
    def execution_name(self) -> str:
        name = self.name
        if name is None:
            name = self.name = str(uuid4())
        return name

    @property
    def execution_arn(self) -> str:
        """`arn:...:execution:machine/label:name` (AWS guide, "Viewing Map Runs")."""
        return execution_arn(f"{self.machine.arn}/{self.label}", "STANDARD", self.execution_name)

    def let_go(self) -> None:
        super().let_go()
        # A Run refers to itself; without this only the garbage collector could free it.
        self.run = None  # type: ignore[assignment]  # not read after the end


class Children(Siblings):
    """The child executions of one visit of a distributed Map.

    Each child has its own history events. The machine's history has events for the Map Run as a whole: MapRunStarted,
    then MapRunSucceeded or MapRunFailed (recorded).
    """

    __slots__ = ("_count", "_failed", "_failures", "_history", "_inputs", "_label", "_percentage", "_start", "_witness")

    def __init__(
        self,
        parent: Frame,
        program: Program,
        inputs: list[JSON],
        limit: int,
        count: float | None,
        percentage: float | None,
        label: str,
        history: HistoryWriter | None,
        witness: Witness | None,
    ) -> None:
        super().__init__(parent, len(inputs), limit)
        self._start = program.start
        self._inputs = inputs
        self._count = count
        self._percentage = percentage
        self._failures: set[int] = set()
        self._failed = False
        self._label = label
        self._history = history
        self._witness = witness

    def enter(self, index: int) -> Frame:
        child = ChildRun(self.parent.run, self._inputs[index], self._label)
        child.step = self._start
        child.variables = NO_VARIABLES
        if self._witness is not None:
            self._witness.child_started(self.parent, child, index)
        return child

    def leave(self, index: int, frame: Frame) -> None:
        self.results[index] = frame.data
        if self._witness is not None:
            self._witness.child_ended(frame, None)
        # A Run refers to itself; without this only the garbage collector could free it.
        frame.run = None  # type: ignore[assignment]

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame] = NOBODY_CUT) -> None:
        self._failures.add(index)
        # The error becomes the context of the Map's failure, and its traceback refers to the child.
        forget_trace(error)
        if frame is not None:
            if self._witness is not None:
                self._witness.child_ended(frame, error)
            frame.run = None  # type: ignore[assignment]
        if self._is_tolerated(len(self._failures)):
            return
        failure = threshold_exceeded()
        if not self._failed:
            self._failed = True
            self.parent.run.events += 1
            if self._history is not None:
                self._history.map_run_failed(self.parent, failure)
        raise failure from None

    def succeed(self, frame: Frame) -> None:
        """All children have ended, with failures within the thresholds. The Map's own success has just been counted."""
        frame.run.events += 1
        if self._history is not None:
            self._history.map_run_succeeded(frame)

    def _is_tolerated(self, failures: int) -> bool:
        """Whether the failures are within the thresholds; with neither threshold given, no failure is tolerated."""
        if self._count is None and self._percentage is None:
            return False
        return is_tolerated(failures, self.count, self._count, self._percentage)

    @property
    def outputs(self) -> list[JSON]:
        """The outputs of the children that succeeded, in item order."""
        return [output for index, output in enumerate(self.results) if index not in self._failures]
