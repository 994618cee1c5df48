"""The step of a state under test: the state's own, with its exits and its recovery replaced.

Every transition leads to a step that ends the run and has the name of the state it would have led to. Retry does not
wait and try again but reports what it would do; `retrierRetryCount` is how often it has done so before. Causes of
errors lack the place that AWS puts before them in an execution (recorded): a test has no history to point into.

A mock replaces a state's work: for a Task and a Parallel what lies between Parameters and ResultSelector; for a Map its
iterations, whose inputs the Map still makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from express.errors import EngineError, StateError
from express.program import END, Frame, Step
from express.states.distributed import build_batches, build_tolerance, is_tolerated, listed, threshold_exceeded
from express.states.items import STATE_DATA, select_items
from express.states.map_ import Map, build_max_concurrency
from express.states.recovery import build_matcher, build_recovery
from express.states.sizes import UNKNOWN_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.program import Program, Recovery, StepRun
    from express.service.testing_states.inspection import Inspection
    from express.service.testing_states.mocks import Mock
    from express.states.state import Node
    from express.states.witness import Witness
    from express.types import JSON


#: The type of the steps that transitions lead to.
EXIT: Final = "Exit"
_TOLERANCE: Final = ("toleratedFailureCount", "toleratedFailurePercentage")


@dataclass(frozen=True, slots=True)
class Situation:
    """The events that a test assumes (`stateConfiguration`).

    `retries`: earlier retries of the state; `failures`: failed iterations of the Map, if given; `items`: what the Map's
    ItemReader has read, as a tuple of one, empty if not given, None where there is no ItemReader.
    """

    retries: int = 0
    failures: int | None = None
    items: tuple[JSON, ...] | None = None


class _Exits:
    """The states around the one under test (implements `states.state.Linker`): each is an exit."""

    witness: Witness | None = None

    def step(self, name: str) -> Step:
        step = Step(name, EXIT)
        step.run = lambda frame: END
        return step

    def program(self, branch: Any) -> Program:
        raise AssertionError("branches and iterations are mocked")


def build_step(node: Node, mock: Mock | None, situation: Situation, inspection: Inspection) -> Step:
    """The step of a test, which runs once."""
    step, exits = Step(node.name, node.TYPE), _Exits()
    if mock is None:
        node.build(step, exits)
    elif isinstance(node, Map):
        step.run = _build_mocked_map(node, step, exits, mock, situation, inspection)
    else:
        step.run = _build_mocked_work(node, step, exits, mock)
    _leave_unplaced(step, _build_recovery(node, step, exits, situation.retries, inspection))
    return step


def _leave_unplaced(step: Step, recover: Recovery) -> None:
    """Set the step's recovery, and keep AWS's place out of the causes of its errors."""

    def unplaced(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            except EngineError as error:
                error.placed = True
                raise

        return called

    word_failure = step.failed

    def failed(frame: Frame, exception: BaseException) -> StateError:
        error = word_failure(frame, exception)
        if isinstance(error, EngineError):
            error.placed = True
        return error

    step.run, step.resume, step.failed = unplaced(step.run), unplaced(step.resume), failed
    step.recover = unplaced(recover)
    step.retry = None


def _build_recovery(node: Node, step: Step, exits: _Exits, retries: int, inspection: Inspection) -> Recovery:
    """Retry and Catch, one by one, so that the one that handles the error can be reported."""
    retriers = [(build_matcher(retrier.errors), retrier) for retrier in node.retriers]
    catches = [
        (build_matcher(catcher.errors), build_recovery(None, [catcher], step, exits)) for catcher in node.catchers
    ]

    def recover(frame: Frame, error: StateError) -> Step | float:
        inspection.failure = error
        index, retrier = next(((i, r) for i, (matches, r) in enumerate(retriers) if matches(error.error)), (0, None))
        if retrier is not None and retries < retrier.max_attempts:
            inspection.retrier, inspection.delay = index, retrier.delay(retries)
            raise error
        for index, (matches, catch) in enumerate(catches):
            if matches(error.error) and catch is not None:
                following = catch(frame, error)
                inspection.catcher = index
                return following
        raise error

    return recover


# --------------------------------------------------------------------------------------------------------------
# mocked work


def _build_mocked_work(node: Node, step: Step, exits: _Exits, mock: Mock) -> StepRun:
    """The mocked work of a Task or a Parallel."""
    prepare = node.flow.build_prepare()
    leave = node.flow.build_leave(step, node.following(exits))

    def run(frame: Frame) -> Step:
        raw = frame.data
        if prepare is not None:
            prepare(raw, frame)
        return leave(frame, raw, mock.outcome(), UNKNOWN_SIZE)

    return run


def _build_mocked_map(
    node: Map, step: Step, exits: _Exits, mock: Mock, situation: Situation, inspection: Inspection
) -> StepRun:
    """The mocked work of a Map: everything before its iterations, then their mocked outcome."""
    select = node.flow.build_select()
    inputs_of = _build_inputs(node, situation.items, inspection)
    leave = node.flow.build_leave(step, node.following(exits))
    failures = situation.failures

    def run(frame: Frame) -> Step:
        raw = frame.data
        tolerance = inputs_of(raw if select is None else select(raw, frame), frame)
        result = mock.outcome()
        if failures is not None and not is_tolerated(failures, inspection.iterations or 0, *tolerance):
            raise threshold_exceeded()
        return leave(frame, raw, result, UNKNOWN_SIZE)

    return run


def _build_inputs(
    node: Map, given: tuple[JSON, ...] | None, inspection: Inspection
) -> Callable[[JSON, Frame], tuple[float | None, float | None]]:
    """`inputs_of(data, frame)`, which makes and records the inputs of the iterations; returns the Map's tolerance."""
    distribution = node.distribution
    items_of = node.items.build_source(objects=distribution is not None)
    concurrency_of = build_max_concurrency(node.max_concurrency)
    tolerance_of = None if distribution is None else build_tolerance(distribution)
    selector = node.items.build_selector()
    batches_of = None if distribution is None or distribution.batch_items is None else build_batches(distribution)

    def inputs_of(data: JSON, frame: Frame) -> tuple[float | None, float | None]:
        items: JSON = []
        if given != ():
            items = items_of(data if given is None else given[0], frame)
            inspection.note("afterItemsPath", items)
        inspection.numbers["maxConcurrency"] = concurrency_of(data, frame)
        tolerance = (None, None) if tolerance_of is None else tolerance_of(data, frame)
        for name, number in zip(_TOLERANCE, tolerance, strict=True):
            if number is not None:
                inspection.numbers[name] = number
        inputs = listed(items)
        if selector is not None:
            inputs = select_items(selector, data, frame, items, STATE_DATA)
            inspection.note("afterItemSelector", inputs)
        if batches_of is not None:
            inputs = batches_of(inputs, data, frame)
            inspection.note("afterItemBatcher", inputs)
        inspection.iterations = None if given == () else len(inputs)
        return tolerance

    return inputs_of
