"""Data flow of a state in JSONata (ASL spec "JSONata"; AWS guide "Transforming data with JSONata").

    state input → Arguments → (work) → Assign and Output, both against the variables at entry

Without Arguments the work gets the state's input. Without Output the work's result is the output, or the input if
there is no work (Pass, Wait, Choice, Succeed). Expressions see the input and, after the work, its result as
`$states.input` and `$states.result`. If both Assign and Output fail, the error of Assign is raised; AWS documents no
order.

The size bound is kept as in `flow`: an output that only selects and joins has a known bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from express.expressions.jsonata.fields import Template, build_template, copies_of_template, growth_of_template
from express.expressions.jsonata.states_object import AFTER_WORK, BEFORE_WORK, Members
from express.states.flow import DataFlow
from express.states.jsonata_fields import read_template_field
from express.states.sizes import measured, unknown_size
from express.states.variables import Assign, build_assign, read_variable_names

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Frame, Step, StepRun
    from express.states.flow import Leave
    from express.types import JSON, Expr


@dataclass(slots=True)
class QueryAssign(Assign):
    """An Assign field in JSONata: literal names, values with expressions in them."""

    values: Template

    @property
    def copies(self) -> int:
        return copies_of_template(self.values)

    def build(self) -> Expr:
        return build_template(self.values)


def read_query_assign(fields: Fields, members: Members) -> QueryAssign | None:
    """Assign: an object whose keys name variables, literally."""
    names = read_variable_names(fields)
    values = None if names is None else read_template_field(fields, "Assign", members)
    return None if names is None or values is None else QueryAssign(names, values)


@dataclass(slots=True)
class QueryFlow:
    """The parsed data flow fields of one JSONata state. `works`: the state has a result of its own."""

    arguments: Template | None = None
    output: Template | None = None
    assign: Assign | None = None
    works: bool = False

    def build_select(self) -> Expr | None:
        return None

    def build_prepare(self) -> Expr | None:
        """State input to the work's input. None if they are the same."""
        if self.arguments is None:
            return None
        arguments = build_template(self.arguments)
        return lambda data, scope: arguments({"input": data}, scope)

    def growth(self) -> tuple[int, int]:
        """Growth bound of the work's input relative to the state's input; if unknown, a bound that forces measuring."""
        if self.arguments is None:
            return 1, 0
        bound = growth_of_template(self.arguments)
        copies = copies_of_template(self.arguments)
        return (0, unknown_size(copies)) if bound is None else (bound.input, bound.constant)

    def build_leave(self, step: Step, following: Step) -> Leave:
        """The exit of a state: Assign and Output, the size check, the next step."""
        if self.output is None and self.assign is None:
            return DataFlow().build_leave(step, following)
        if self.output is None:
            return self._build_assigning_leave(step, following)
        output = build_template(self.output)
        assign = build_assign(self.assign, step)
        factor, per_result, constant = _coefficients(self.output)
        works, name = self.works, step.name

        def leave(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
            states = {"input": raw, "result": result} if works else {"input": raw}
            fresh = None if assign is None else assign(states, frame)
            value = output(states, frame)
            size = factor * frame.size + per_result * size + constant
            frame.size = size if size <= frame.run.host.payload_limit else measured(frame, value, name, size)
            frame.data = value
            if fresh is not None:
                frame.variables = fresh
            return following

        return leave

    def _build_assigning_leave(self, step: Step, following: Step) -> Leave:
        """The exit of a state with Assign and without Output: the result is the output."""
        assign = build_assign(self.assign, step)
        go_on = DataFlow().build_leave(step, following)
        works = self.works

        def leave(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
            assert assign is not None
            fresh = assign({"input": raw, "result": result} if works else {"input": raw}, frame)
            go_on(frame, raw, result, size)
            frame.variables = fresh
            return following

        return leave

    def build_pass_through(self, step: Step, following: Step) -> StepRun:
        """A state without work (Pass, Succeed)."""
        if self.output is None and self.assign is None:
            return lambda frame: following
        if self.output is None or self.assign is not None:
            leave = self.build_leave(step, following)
            return lambda frame: leave(frame, frame.data, frame.data, frame.size)
        output = build_template(self.output)
        factor, _, constant = _coefficients(self.output)
        name = step.name

        def run(frame: Frame) -> Step:
            value = output({"input": frame.data}, frame)
            size = factor * frame.size + constant
            frame.size = size if size <= frame.run.host.payload_limit else measured(frame, value, name, size)
            frame.data = value
            return following

        return run


def _coefficients(output: Template) -> tuple[int, int, int]:
    """(input, result, constant): growth bound of an output relative to the state's input and the work's result."""
    bound = growth_of_template(output)
    if bound is None:
        return 0, 0, unknown_size(copies_of_template(output))
    return bound.input, bound.result, bound.constant


def read_query_flow(fields: Fields, *names: str) -> QueryFlow:
    """Read the data flow fields named, those that the state type has. A type with Arguments has a result of its own,
    and so has a Map, which names `Items` instead."""
    works = "Arguments" in names or "Items" in names
    members = AFTER_WORK if works else BEFORE_WORK
    return QueryFlow(
        arguments=read_template_field(fields, "Arguments", BEFORE_WORK) if "Arguments" in names else None,
        output=read_template_field(fields, "Output", members) if "Output" in names else None,
        assign=read_query_assign(fields, members) if "Assign" in names else None,
        works=works,
    )
