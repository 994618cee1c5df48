"""Choice: takes the first rule that holds, or Default (ASL spec "Choice State").

Rules are read and compiled into one closure each: data tests (`Variable` and one operator), And, Or and Not. Where
no rule holds and there is no Default the specification names States.NoChoiceMatched; the service fails with
States.Runtime (two emulators checked it in us-east-1, and AWS's guide describes it so), which is followed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from express.definition import messages
from express.definition.lookalikes import warn_of_missing_path
from express.definition.problems import TOO_DEEPLY_NESTED
from express.errors import RUNTIME, EngineError
from express.expressions.comparisons import OPERATORS, Operator, build_and, build_not, build_or
from express.expressions.jsonpath import Path, build_path
from express.states.flow import (
    Assign,
    DataFlow,
    Leave,
    build_leave,
    build_prepare,
    prepare_growth,
    read_assign,
    read_data_flow,
    read_reference_field,
)
from express.states.state import Linker, Node, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.definition.fields import Fields
    from express.program import Frame, Step
    from express.types import JSON, Expr

#: Rules may nest in rules; deeper than this nobody writes by hand, and a hostile definition must not exhaust the stack.
MAX_RULE_DEPTH = 50

#: A rule is one of these: a combination, a test of a Variable, or (in JSONata) a Condition.
_KINDS = ("And", "Or", "Not", "Variable", "Condition")
_NO_MATCH = "Failed to transition out of the state. The state does not point to a next state."


@dataclass(slots=True)
class DataTest:
    """`Variable` and one operator. `operand` is a literal, or a Path where the operator's name ends so."""

    variable: Path
    operator: Operator
    operand: JSON


@dataclass(slots=True)
class Combination:
    """And, Or, Not over other rules."""

    combinator: str
    rules: list[Rule]


Rule = DataTest | Combination


@dataclass(slots=True)
class Branch:
    """A top-level rule: its test, where it leads, what it assigns."""

    rule: Rule | None
    next: str | None
    assign: Assign | None
    pointer: str


@dataclass(slots=True)
class Choice(Node):
    TYPE: ClassVar[str] = "Choice"
    TRANSITION: ClassVar[bool] = False

    choices: list[Branch] = field(default_factory=list)
    default: str | None = None

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.flow = read_data_flow(fields, "InputPath", "OutputPath", "Assign")
        for entry in fields.objects("Choices", required=True, allow_empty=False):
            rule = _read_rule(entry, 0)
            branch = Branch(rule, entry.text("Next", required=True), read_assign(entry), entry.pointer)
            entry.close()
            self.choices.append(branch)
        self.default = fields.text("Default")

    def targets(self) -> Iterable[tuple[str, str]]:
        for branch in self.choices:
            if branch.next is not None:
                yield branch.next, f"{branch.pointer}/Next"
        if self.default is not None:
            yield self.default, f"{self.pointer}/Default"

    def assigns(self) -> Iterable[Assign | None]:
        yield self.flow.assign
        for branch in self.choices:
            yield branch.assign

    def build(self, step: Step, link: Linker) -> None:
        prepare = build_prepare(self.flow)
        factor, constant = prepare_growth(self.flow)
        rules: list[tuple[Expr, Leave]] = []
        for branch in self.choices:
            flow = DataFlow(
                output_path=self.flow.output_path, discard_output=self.flow.discard_output, assign=branch.assign
            )
            if branch.rule is not None and branch.next is not None:
                rules.append((build_rule(branch.rule), build_leave(flow, step, link.step(branch.next))))
        otherwise = build_leave(self.flow, step, link.step(self.default)) if self.default is not None else None

        def run(frame: Frame) -> Step:
            raw = frame.data
            data = raw if prepare is None else prepare(raw, frame)
            for holds, leave in rules:
                if holds(data, frame):
                    return leave(frame, raw, data, factor * frame.size + constant)
            if otherwise is None:
                raise EngineError(RUNTIME, _NO_MATCH)
            return otherwise(frame, raw, data, factor * frame.size + constant)

        step.run = run


def _read_rule(fields: Fields, depth: int) -> Rule | None:
    """One rule, top-level or nested; a nested one has no Next, so there it is a field like any other unknown one."""
    if depth > MAX_RULE_DEPTH:
        fields.report(None, messages.rules_too_deep(MAX_RULE_DEPTH), code=TOO_DEEPLY_NESTED)
        return None
    # A Condition is refused at the end, as the field of another query language; one problem says enough.
    kinds = [name for name in _KINDS if fields.has(name) and name != "Condition"]
    if kinds == ["Variable"]:
        return _read_data_test(fields)
    if len(kinds) == 1:
        return _read_combination(fields, kinds[0], depth)
    for name in (*_KINDS, *OPERATORS):
        fields.json(name, None)
    if kinds or not fields.has("Condition"):
        fields.report(None, messages.rule_kind(_KINDS), at=fields.child(kinds[1]) if kinds else None, on_key=True)
    return None


def _read_combination(fields: Fields, combinator: str, depth: int) -> Rule | None:
    if combinator == "Not":
        inner = fields.object("Not", required=True)
        entries = [inner] if inner is not None else []
    else:
        entries = fields.objects(combinator, required=True, allow_empty=False)
    rules = []
    for entry in entries:
        rule = _read_rule(entry, depth + 1)
        entry.close()
        if rule is not None:
            rules.append(rule)
    return Combination(combinator, rules) if len(rules) == len(entries) and rules else None


def _read_data_test(fields: Fields) -> Rule | None:
    variable = read_reference_field(fields, "Variable", required=True)
    name = fields.exclusive(*OPERATORS, required=True)
    if name is None:
        return None
    operator = OPERATORS[name]
    operand: JSON
    if operator.operand == "path":
        operand = read_reference_field(fields, name, required=True)
        if operand is None:
            return None
    else:
        operand = fields.json(name)
        if f"{name}Path" in OPERATORS:
            warn_of_missing_path(fields, name)
        problem = operator.check_operand(operand)
        if problem is not None:
            fields.report(name, problem)
            return None
    return DataTest(variable, operator, operand) if variable is not None else None


def build_rule(rule: Rule) -> Expr:
    """The rule as a closure that gives true or false."""
    if isinstance(rule, Combination):
        parts = [build_rule(part) for part in rule.rules]
        if rule.combinator == "And":
            return build_and(parts)
        return build_or(parts) if rule.combinator == "Or" else build_not(parts[0])
    operand = build_path(rule.operand) if isinstance(rule.operand, Path) else rule.operand
    return rule.operator.build(build_path(rule.variable), operand)
