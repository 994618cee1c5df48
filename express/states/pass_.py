"""Pass: outputs its input, a fixed Result, or the value of Parameters (ASL spec "Pass State").

`Result` is literal JSON: keys ending in `.$` inside it are not evaluated (recorded). Parameters are evaluated even if
a Result then replaces their value: a path in them that finds nothing still fails the state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from express.definition.fields import MISSING
from express.definition.lookalikes import warn_of_static_result
from express.expressions.templates import build_template, indexed_member
from express.payload import fresh, measure
from express.program import END
from express.states.chain import PassLink
from express.states.flow import DataFlow, name_bytes, single_name
from express.states.many import build_many_passes
from express.states.sizes import measured
from express.states.state import Linker, Node, Surroundings, read_flow, read_transition

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Frame, Step, StepRun
    from express.states.flow import Flow
    from express.types import JSON


@dataclass(slots=True)
class Pass(Node):
    TYPE: ClassVar[str] = "Pass"

    has_result: bool = False
    result: JSON = None

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_flow(
            fields,
            jsonpath=("InputPath", "Parameters", "ResultPath", "OutputPath", "Assign"),
            jsonata=("Output", "Assign"),
        )
        if not fields.is_jsonata:
            self._read_result(fields)
        read_transition(self, fields)

    def _read_result(self, fields: Fields) -> None:
        result = fields.payload("Result")
        self.has_result = result is not MISSING
        self.result = result if self.has_result else None
        warn_of_static_result(fields)

    def build(self, step: Step, link: Linker) -> None:
        following = self.following(link)
        if self.has_result:
            step.run = _build_constant(self.result, self.flow, step, following)
        else:
            step.run = self.flow.build_pass_through(step, following)
        if isinstance(self.flow, DataFlow):
            step.link = link_ = self._build_link(self.flow, following)
            if link_ is not None and following is END:
                step.build_many = partial(build_many_passes, step, link_)

    def _build_link(self, flow: DataFlow, following: Step) -> PassLink | None:
        """The link for chains, if the Pass costs next to nothing; otherwise None."""
        key = single_name(flow.result_path)
        if flow.result_path is not None and key is None:
            return None
        added = 0 if key is None else name_bytes(key)
        bare = DataFlow(result_path=flow.result_path)
        if self.has_result:
            if flow != bare or not (key or isinstance(self.result, dict)):
                return None
            copy = fresh(self.result)
            return PassLink(following, key, lambda data, scope: copy(), (0, measure(self.result) + added), frozenset())
        if flow == DataFlow():
            return PassLink(following, None, None, (1, 0), frozenset())
        template, path = flow.parameters, flow.input_path
        if template is not None and template.members is not None and flow == replace(bare, parameters=template):
            factor, constant = flow.growth()
            return PassLink(following, key, build_template(template), (factor, constant + added), template.members)
        member = None if path is None or key is None else indexed_member(path)
        if member is not None and flow == replace(bare, input_path=path):
            factor, constant = flow.growth()
            return PassLink(following, key, flow.build_prepare(), (factor, constant + added), frozenset((member,)))
        return None


def _build_constant(result: JSON, flow: Flow, step: Step, following: Step) -> StepRun:
    prepare = flow.build_prepare()
    leave = flow.build_leave(step, following)
    size = measure(result)
    copy = fresh(result)

    def run(frame: Frame) -> Step:
        raw = frame.data
        if prepare is not None:
            prepare(raw, frame)
        return leave(frame, raw, copy(), size)

    if not isinstance(flow, DataFlow) or flow != DataFlow(result_path=flow.result_path):
        return run
    key = single_name(flow.result_path)
    if key is None:
        return run
    added = size + name_bytes(key)

    def run_adding(frame: Frame) -> Step:
        """`leave_adding` and the constant in one call: the most common kind of Pass with a Result."""
        raw = frame.data
        if type(raw) is not dict:
            return run(frame)
        value = raw.copy()
        value[key] = copy()
        total = frame.size + added
        frame.size = total if total <= frame.run.host.payload_limit else measured(frame, value, step.name, total)
        frame.data = value
        return following

    return run_adding
