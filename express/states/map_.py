"""Map: runs its item processor once for each item of an array.

The result is the array of the iterations' outputs in item order. MaxConcurrency 0 means as many as the host allows, 40
in Express. `items` has the sources of the items and the inputs of iterations, `distributed` the distributed mode.

Sources: ASL spec "Map State"; AWS guide "Using Map state in Inline mode".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from express.deferral import OutOfTime, Patiently
from express.definition import messages
from express.errors import RUNTIME, EngineError, StateError, ends_at_once, forget_trace
from express.program import Frame
from express.states.distributed import (
    MAX_CONCURRENCY,
    Children,
    Distribution,
    build_children,
    flattened,
    read_distribution,
    read_tolerance,
)
from express.states.fork import NOBODY_CUT, Siblings, build_fork, build_reading_fork
from express.states.items import Items, read_items, select_item, select_items
from express.states.numbers import Number, read_number
from express.states.recovery import give_recovery, read_catch, read_retry
from express.states.sizes import UNKNOWN_SIZE, size_of_results
from express.states.state import Linker, Node, Surroundings, read_flow, read_transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from express.definition.fields import Fields
    from express.program import Many, Program, Run, RunMany, Step
    from express.types import JSON, Expr


@dataclass(slots=True)
class Map(Node):
    TYPE: ClassVar[str] = "Map"

    items: Items = field(default_factory=lambda: Items(None, None, jsonata=False))
    processor: Any = None
    distribution: Distribution | None = None
    max_concurrency: Number = field(default_factory=lambda: Number("MaxConcurrency", "integer"))

    # ---------------------------------------------------------------------------------------------- read

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_flow(
            fields,
            jsonpath=("InputPath", "ResultSelector", "ResultPath", "OutputPath", "Assign"),
            jsonata=("Items", "Output", "Assign"),
        )
        self._read_processor(fields, surroundings)
        self.items = read_items(fields, distributed=self.distribution is not None)
        self.max_concurrency = read_number(fields, "MaxConcurrency", "integer", minimum=0)
        if self.distribution is None:
            # Documented for the distributed mode only; whether AWS refuses them inline is unknown, so they are
            # accepted.
            read_tolerance(fields)
        self.retriers = read_retry(fields)
        self.catchers = read_catch(fields)
        read_transition(self, fields)

    def _read_processor(self, fields: Fields, surroundings: Surroundings) -> None:
        name = fields.exclusive("ItemProcessor", "Iterator", required=True)
        processor = None if name is None else fields.object(name)
        if processor is None:
            return
        config = processor.object("ProcessorConfig")
        if config is not None:
            mode = config.one_of("Mode", ("INLINE", "DISTRIBUTED"), default="INLINE")
            distributed = mode == "DISTRIBUTED"
            if distributed:
                config.one_of("ExecutionType", ("STANDARD", "EXPRESS"), required=True)
                self.distribution = read_distribution(fields, surroundings)
                if surroundings.machine_type == "EXPRESS":
                    config.report("Mode", messages.EXPRESS_DISTRIBUTED)
            config.close()
        self.processor = surroundings.read_branch(processor, surroundings)

    def branches(self) -> Iterable[Any]:
        return () if self.processor is None else (self.processor,)

    # ---------------------------------------------------------------------------------------------- build

    def build(self, step: Step, link: Linker) -> None:
        program = link.program(self.processor)
        select = self.flow.build_select()
        items_of = self.items.build_source(objects=self.distribution is not None)
        limit_of = _build_limit(self.max_concurrency, None if self.distribution is None else MAX_CONCURRENCY)
        selector, size_of = self.items.build_selector(), self.items.size_of_items
        factor, constant = self.flow.growth()
        leave = self.flow.build_leave(step, self.following(link))
        give_recovery(step, self.retriers, self.catchers, link, exit_events=2)
        # Observers must see every iteration.
        build_many = program.start.build_many if link.witness is None and self.distribution is None else None
        many = None if build_many is None else build_many()
        # A failed Pass may run again, because it has no side effects.
        is_plain = link.witness is None and [state.type for state in program.steps] == ["Pass"]

        def begin(frame: Frame) -> _Iterations:
            data = frame.data if select is None else select(frame.data, frame)
            items = items_of(data, frame)
            limit = limit_of(data, frame)
            step.items += len(items)
            frame.run.events += 1
            size = size_of(factor * frame.size + constant)
            return _Iterations(frame, program, data, items, selector, limit, size, many, is_plain)

        def finish(frame: Frame, iterations: _Iterations) -> Step:
            results, size, limit = iterations.results, iterations.total, frame.run.host.payload_limit
            return leave(frame, frame.data, results, size if size <= limit else size_of_results(results, limit))

        if self.distribution is None:
            build_fork(step, (program,), begin, finish, link.witness)
            return
        flattens = self.distribution.writer.flattens
        children, read_children = build_children(self.distribution, program, step, link.witness)

        def begin_children(frame: Frame) -> Children:
            data = frame.data if select is None else select(frame.data, frame)
            chosen = None if selector is None else partial(select_items, selector, data, frame)
            items, limit = items_of(data, frame), limit_of(data, frame)
            step.items += len(items)
            with Patiently(frame):
                return children(frame, data, items, chosen, limit)

        async def begin_reading(frame: Frame) -> Children:
            assert read_children is not None
            data = frame.data if select is None else select(frame.data, frame)
            chosen = None if selector is None else partial(select_items, selector, data, frame)
            return await read_children(frame, data, chosen, limit_of(data, frame))

        def finish_children(frame: Frame, found: Children) -> Step:
            found.succeed(frame)
            outputs = flattened(found.outputs) if flattens else found.outputs
            size = size_of_results(outputs, frame.run.host.payload_limit)
            with Patiently(frame):
                return leave(frame, frame.data, outputs, size)

        if read_children is not None:
            build_reading_fork(step, begin_reading, finish_children)
        else:
            build_fork(step, (program,), begin_children, finish_children)


class _Iterations(Siblings):
    """The iterations of one visit. The frame of an ended iteration is reused for the next. `total` is an upper bound
    of the bytes of the results."""

    __slots__ = (
        "begun",
        "chosen",
        "data",
        "items",
        "many",
        "output_bytes",
        "run",
        "selector",
        "size",
        "spare",
        "start",
        "total",
    )

    def __init__(
        self,
        parent: Frame,
        program: Program,
        data: JSON,
        items: list[JSON],
        selector: Expr | None,
        limit: int,
        size: int,
        many: Many | None,
        is_plain: bool,
    ) -> None:
        super().__init__(parent, len(items), limit)
        self.run: Run = parent.run
        self.start = program.start
        self.data = data
        self.items = items
        self.selector = selector
        self.size = size
        #: The bound is known only for a Pass: results of trusted handlers are not measured.
        self.total = 2 if is_plain else UNKNOWN_SIZE
        self.many: RunMany | None = None
        self.output_bytes = 0
        if many is not None:
            run_many, (factor, constant) = many
            self.output_bytes = factor * size + constant
            # Otherwise each output has to be measured.
            self.many = run_many if self.output_bytes <= self.run.host.payload_limit else None
        self.sweeps = is_plain or self.many is not None
        #: The inputs selected ahead for the next iterations.
        self.chosen: list[JSON] = []
        #: The outcome of the next iteration's handler, if it has been called already.
        self.begun: Any = None
        self.spare: Frame | None = None

    def sweep(self, first: int, last: int) -> int:
        if not self.sweeps or (self.parent.deferral is not None and not self.parent.deferral.is_patient):
            # Deferred answers belong to the next iteration and must be there when it is entered.
            return first
        many = self.many
        if many is None:
            return self._sweep_plainly(first, last)
        inputs = self.items[first:last] if self.selector is None else self._selected(first, last)
        outputs, self.begun = many(inputs, self.parent)
        del self.chosen[: len(outputs)]
        done = first + len(outputs)
        self.results[first:done] = outputs
        self.total += len(outputs) * (self.output_bytes + 1)
        # Each iteration counts Started, the events of its state, and Succeeded.
        self.run.events += len(outputs) * (self.start.events + 2)
        return done

    def _sweep_plainly(self, first: int, last: int) -> int:
        """Run iterations of a single Pass, up to one that fails, which will be entered and run again to raise its
        error."""
        run, parent, step = self.run, self.parent, self.start
        perform, size, variables, selector, items = step.run, self.size, parent.variables, self.selector, self.items
        results, total = self.results, self.total
        frame = self.spare = self.spare or Frame(run, step, None, size, variables)
        frame.step = step
        done = first
        try:
            for index in range(first, last):
                item = items[index]
                frame.data = item if selector is None else select_item(selector, self.data, parent, index, item)
                frame.size = size
                frame.variables = variables
                perform(frame)
                results[index] = frame.data
                total += frame.size + 1
                done = index + 1
        except StateError as error:
            forget_trace(error)
        except OutOfTime as late:
            forget_trace(late)
        self.total = total
        step.passed += done - first
        run.events += (done - first) * (step.events + 2)
        return done

    def _selected(self, first: int, last: int) -> list[JSON]:
        """The inputs of some iterations, up to one whose ItemSelector fails or takes too long: `enter` will raise that
        error. Unused inputs are kept, because where every handler suspends each sweep uses only one."""
        selector, data, parent, items, chosen = self.selector, self.data, self.parent, self.items, self.chosen
        assert selector is not None
        rest = range(first + len(chosen), last)
        try:
            chosen.extend(select_item(selector, data, parent, index, items[index]) for index in rest)
        except (StateError, OutOfTime) as error:
            forget_trace(error)
        return chosen

    def enter(self, index: int) -> Frame:
        """An iteration starts once its input is made: a failing ItemSelector is the Map's own failure and writes no
        iteration event (as in floci-io/floci, which does not say whether that was measured)."""
        item = self.items[index]
        parent = self.parent
        if self.chosen:
            item = self.chosen.pop(0)
        elif self.selector is not None:
            item = select_item(self.selector, self.data, parent, index, item)
        self.run.events += 1
        frame = self.spare
        if frame is None:
            frame = Frame(self.run, self.start, item, self.size, parent.variables)
        else:
            self.spare = None
            frame.step = self.start
            frame.data = item
            frame.size = self.size
            frame.variables = parent.variables
        frame.paused, self.begun = self.begun, None
        return frame

    def leave(self, index: int, frame: Frame) -> None:
        self.results[index] = frame.data
        self.total += frame.size + 1
        self.run.events += 1
        self.spare = frame

    def tie(self, parent: Frame | None) -> None:
        super().tie(parent)
        self.run = None if parent is None else parent.run  # type: ignore[assignment]  # as in `Siblings.tie`
        self.spare = None

    def fail(self, index: int, frame: Frame | None, error: StateError, cut: Mapping[int, Frame] = NOBODY_CUT) -> None:
        if not ends_at_once(error):
            self.run.events += len(cut) + (frame is not None)
        super().fail(index, frame, error, cut)


def build_max_concurrency(node: Number) -> Callable[[JSON, Frame], int]:
    """MaxConcurrency of a visit; 0 where the definition sets none."""
    number = node.build()

    def max_concurrency(data: JSON, frame: Frame) -> int:
        value = int(number(data, frame) or 0)
        if value < 0:
            raise EngineError(RUNTIME, "MaxConcurrency cannot be negative.")
        return value

    return max_concurrency


def _build_limit(node: Number, most: int | None) -> Callable[[JSON, Frame], int]:
    """Maximum number of concurrent iterations: MaxConcurrency, or else `most`, or what the host allows."""
    if node.path is None and node.query is None:
        fixed = int(node.constant or 0) or most
        if fixed:
            return lambda data, frame: fixed
        return lambda data, frame: frame.run.host.map_concurrency
    max_concurrency = build_max_concurrency(node)
    return lambda data, frame: max_concurrency(data, frame) or most or frame.run.host.map_concurrency
