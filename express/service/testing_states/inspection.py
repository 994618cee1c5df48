"""Inspection: the data of a state after each stage of its flow, as a test shows it.

The stages that AWS shows depend on the type of state (recorded): a Pass with a Result shows none before the Result,
Parallel and Map show no result of their own, a JSONata state shows little but its Arguments. The tables list them; the
flows record every stage as it is passed, so that a state that fails shows how far it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from express.states.flow import DataFlow
from express.states.jsonata_flow import QueryFlow
from express.states.pass_ import Pass

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.errors import StateError
    from express.program import Frame, Step
    from express.service.testing_states.tested import StateUnderTest
    from express.states.flow import Flow, Leave
    from express.types import JSON, Expr

_RESULTS: Final = ("afterResultSelector", "afterResultPath")
_OF_MAPS: Final = ("afterItemsPointer", "afterItemSelector", "afterItemBatcher")
#: The stages of a JSONPath state by its type, where they are not only `afterInputPath`.
_BY_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "Task": ("afterInputPath", "afterParameters", "result", *_RESULTS),
    "Pass": ("afterInputPath", "afterParameters", *_RESULTS),
    "Parallel": _RESULTS,
    "Map": ("afterInputPath", "afterItemsPath", *_OF_MAPS, *_RESULTS),
}
_OF_A_CONSTANT: Final = ("result", *_RESULTS)
#: The stages of a JSONata state by its type, if there are any.
_BY_QUERIES: Final[dict[str, tuple[str, ...]]] = {"Task": ("afterArguments", "result"), "Map": _OF_MAPS}


class Inspection:
    """What a test has recorded of its state.

    `data` holds the stages by their names in inspectionData, `numbers` its numeric members. `failure` is the error
    given to Retry and Catch; `catcher` or `retrier` is the index of the one that handled it, `delay` the seconds before
    the next attempt. `iterations` is how many iterations a Map would have.
    """

    def __init__(self, shown: tuple[str, ...] = ()) -> None:
        self._shown = shown
        self.data: dict[str, JSON] = {}
        self.numbers: dict[str, float] = {}
        self.failure: StateError | None = None
        self.catcher: int | None = None
        self.retrier: int | None = None
        self.delay = 0.0
        self.iterations: int | None = None

    def note(self, stage: str, value: JSON) -> None:
        """Record the value of a stage, if that stage is shown."""
        if stage in self._shown:
            self.data[stage] = value

    def noting(self, stage: str, expr: Expr | None) -> Expr:
        """`expr`, or the identity where it is None, with its result recorded as `stage`."""

        def noted(data: JSON, scope: Any) -> JSON:
            value = data if expr is None else expr(data, scope)
            self.note(stage, value)
            return value

        return noted


def inspect(state: StateUnderTest) -> Inspection:
    """Replace the flow of a state by one that records its stages."""
    inspection = Inspection(_stages(state))
    state.node.flow = _inspected(state.node.flow, inspection)
    return inspection


def _stages(state: StateUnderTest) -> tuple[str, ...]:
    if state.is_jsonata:
        return _BY_QUERIES.get(state.type, ())
    if isinstance(state.node, Pass) and state.node.has_result:
        return _OF_A_CONSTANT
    return _BY_PATHS.get(state.type, ("afterInputPath",))


def _inspected(flow: Flow, inspection: Inspection) -> Flow:
    """The same flow with its stages recorded."""
    if isinstance(flow, QueryFlow):
        return InspectedQueries(flow.arguments, flow.output, flow.assign, flow.works, inspection)
    assert isinstance(flow, DataFlow)
    known = {entry.name: getattr(flow, entry.name) for entry in fields(flow)}
    known["discard_result"] = False
    return InspectedPaths(**known, inspection=inspection, discards=flow.discard_result)


def _noting_result(leave: Leave, inspection: Inspection) -> Leave:
    def noted(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
        inspection.note("result", result)
        return leave(frame, raw, result, size)

    return noted


@dataclass(eq=False)
class InspectedPaths(DataFlow):
    """A JSONPath flow that records its stages. `discards`: its ResultPath is null.

    It compares unequal to every other flow, so that none of its stages is optimised away.
    """

    inspection: Inspection = field(default_factory=Inspection)
    discards: bool = False
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def build_select(self) -> Expr | None:
        return self.inspection.noting("afterInputPath", super().build_select())

    def build_prepare(self) -> Expr | None:
        return self.inspection.noting("afterParameters", super().build_prepare())

    def build_selector(self) -> Expr | None:
        return self.inspection.noting("afterResultSelector", super().build_selector())

    def build_merge(self) -> Callable[[JSON, JSON], JSON]:
        merge, discards = super().build_merge(), self.discards

        def noted(raw: JSON, result: JSON) -> JSON:
            value = raw if discards else result if merge is None else merge(raw, result)
            self.inspection.note("afterResultPath", value)
            return value

        return noted

    def build_leave(self, step: Step, following: Step) -> Leave:
        return _noting_result(super().build_leave(step, following), self.inspection)


@dataclass(eq=False)
class InspectedQueries(QueryFlow):
    """A JSONata flow that records its stages."""

    inspection: Inspection = field(default_factory=Inspection)
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def build_prepare(self) -> Expr | None:
        return self.inspection.noting("afterArguments", super().build_prepare())

    def build_leave(self, step: Step, following: Step) -> Leave:
        return _noting_result(super().build_leave(step, following), self.inspection)
