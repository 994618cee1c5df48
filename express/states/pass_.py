"""Pass: hands its input on, or a fixed Result, or what Parameters make of it (ASL spec "Pass State").

`Result` is literal JSON: keys ending in `.$` inside it are not evaluated (recorded). Parameters are evaluated even
beside a Result, which then replaces them: a path they miss still fails the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from express.definition.fields import MISSING
from express.definition.lookalikes import warn_of_static_result
from express.payload import fresh, measure
from express.states.flow import DataFlow, build_leave, build_pass_through, build_prepare, read_data_flow
from express.states.state import Linker, Node, Surroundings, read_transition

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Frame, Step, StepRun
    from express.types import JSON


@dataclass(slots=True)
class Pass(Node):
    TYPE: ClassVar[str] = "Pass"

    has_result: bool = False
    result: JSON = None

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_data_flow(fields, "InputPath", "Parameters", "ResultPath", "OutputPath", "Assign")
        result = fields.payload("Result")
        self.has_result = result is not MISSING
        self.result = result if self.has_result else None
        warn_of_static_result(fields)
        read_transition(self, fields)

    def build(self, step: Step, link: Linker) -> None:
        following = self.following(link)
        if self.has_result:
            step.run = _build_constant(self.result, self.flow, step, following)
        else:
            step.run = build_pass_through(self.flow, step, following)


def _build_constant(result: JSON, flow: DataFlow, step: Step, following: Step) -> StepRun:
    prepare = build_prepare(flow)
    leave = build_leave(flow, step, following)
    size = measure(result)
    copy = fresh(result)

    def run(frame: Frame) -> Step:
        raw = frame.data
        if prepare is not None:
            prepare(raw, frame)
        return leave(frame, raw, copy(), size)

    return run
