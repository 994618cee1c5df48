"""Choice: takes the first rule that holds, or Default (ASL spec "Choice State").

Each rule compiles into one closure: data tests (`Variable` and one operator), And, Or and Not. Where no rule holds and
there is no Default, the specification names States.NoChoiceMatched; the service fails with States.Runtime (two
emulators checked it in us-east-1, and AWS's guide describes it so), and so does this engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from express.deferral import deferrable
from express.definition import messages
from express.definition.fields import MISSING
from express.definition.lookalikes import warn_of_missing_path
from express.definition.problems import TOO_DEEPLY_NESTED
from express.errors import RUNTIME, EngineError
from express.expressions.comparisons import OPERATORS, Operator, build_and, build_not, build_or
from express.expressions.jsonata.fields import Query, build_typed, is_query
from express.expressions.jsonpath import ABSENT, Path, Root, build_path
from express.expressions.jsonpath.syntax import Name
from express.states.chain import ChoiceLink
from express.states.flow import DataFlow, Flow, read_assign, read_reference_field
from express.states.jsonata_fields import read_query_field
from express.states.jsonata_flow import read_query_flow
from express.states.state import Linker, Node, Surroundings, read_flow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.definition.fields import Fields
    from express.expressions.comparisons import Compare, Kinds
    from express.program import Frame, Step, StepRun
    from express.states.variables import Assign
    from express.types import JSON, Expr, Scope

#: Maximum nesting of rules: no hand-written definition is deeper, and a hostile one must not exhaust the stack.
MAX_RULE_DEPTH = 50

#: Rules evaluated between two time checks: a comparison of long strings takes up to a millisecond.
_LOOK_EVERY = 32

#: A rule is one of these: a combination, a test of a Variable, or (in JSONata) a Condition.
_KINDS = ("And", "Or", "Not", "Variable", "Condition")
_NO_MATCH = "Failed to transition out of the state. The state does not point to a next state."


@dataclass(slots=True)
class DataTest:
    """`Variable` and one operator. `operand` is a literal, or a Path for an operator whose name ends in `Path`."""

    variable: Path
    operator: Operator
    operand: JSON


@dataclass(slots=True)
class Combination:
    """And, Or, Not over other rules."""

    combinator: str
    rules: list[Rule]


@dataclass(slots=True)
class Condition:
    """The test of a rule in JSONata: true, false or an expression."""

    value: bool | Query


Rule = DataTest | Combination | Condition


@dataclass(slots=True)
class ChoiceRule:
    """A top-level rule: its test, its target, and the data flow when it holds."""

    rule: Rule | None
    next: str | None
    flow: Flow
    pointer: str


@dataclass(slots=True)
class Choice(Node):
    TYPE: ClassVar[str] = "Choice"

    choices: list[ChoiceRule] = field(default_factory=list)
    default: str | None = None

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        flow = self.flow = read_flow(
            fields, jsonpath=("InputPath", "OutputPath", "Assign"), jsonata=("Output", "Assign")
        )
        for entry in fields.objects("Choices", required=True, allow_empty=False):
            rule = _read_condition(entry) if fields.is_jsonata else _read_rule(entry, 0)
            following = entry.text("Next", required=True)
            self.choices.append(ChoiceRule(rule, following, _read_rule_flow(entry, flow), entry.pointer))
            entry.close()
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
            yield branch.flow.assign

    def build(self, step: Step, link: Linker) -> None:
        prepare = self.flow.build_prepare()
        factor, constant = self.flow.growth()
        tests = [
            (build_rule(branch.rule), branch.flow, link.step(branch.next))
            for branch in self.choices
            if branch.rule is not None and branch.next is not None
        ]
        default = link.step(self.default) if self.default is not None else None
        if len(tests) > _LOOK_EVERY:
            self._build_long(tests, default, step)
            return
        if all(flow == type(flow)() for flow in (self.flow, *(flow for _, flow, _ in tests))):
            switch = [(holds, target) for holds, _, target in tests]
            members = [test for branch in self.choices if (test := _member_test(branch.rule)) is not None]
            if len(members) == len(switch):
                step.run = _build_member_switch(members, switch, default)
            else:
                step.run = _build_switch(switch, default)
            if isinstance(self.flow, DataFlow):
                # Reference Paths, the only ones a rule in JSONPath has, are never deferred.
                targets = [target for _, target in switch]
                step.link = ChoiceLink(frozenset(targets if default is None else (*targets, default)))
            return
        rules = [(holds, flow.build_leave(step, target)) for holds, flow, target in tests]
        otherwise = self.flow.build_leave(step, default) if default is not None else None

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

    def _build_long(self, tests: list[tuple[Expr, Flow, Step]], default: Step | None, step: Step) -> None:
        """Build a Choice with many rules, whose evaluation may take long: finding the first rule that holds is one
        deferrable expression."""
        prepare = self.flow.build_prepare()
        factor, constant = self.flow.growth()
        leaves = [flow.build_leave(step, target) for _, flow, target in tests]
        leaves += [] if default is None else [self.flow.build_leave(step, default)]

        def first(data: JSON, scope: Scope) -> JSON:
            for number, (holds, _, _) in enumerate(tests):
                if holds(data, scope):
                    return number
                if not number % _LOOK_EVERY:
                    scope.look()
            return len(tests)

        first_to_hold = deferrable(first)

        def run(frame: Frame) -> Step:
            raw = frame.data
            data = raw if prepare is None else prepare(raw, frame)
            number = first_to_hold(data, frame)
            if number == len(leaves):
                raise EngineError(RUNTIME, _NO_MATCH)
            leave = leaves[number]
            return leave(frame, raw, data, factor * frame.size + constant)

        step.run = run


def _build_switch(rules: list[tuple[Expr, Step]], default: Step | None) -> StepRun:
    """A Choice whose output is its input, the most common kind."""

    def run(frame: Frame) -> Step:
        data = frame.data
        for holds, target in rules:
            if holds(data, frame):
                return target
        if default is None:
            raise EngineError(RUNTIME, _NO_MATCH)
        return default

    return run


#: A member of the input, or one of a member of it (else None), and its comparison with a literal.
MemberTest: TypeAlias = "tuple[str, str | None, Kinds | None, Compare, JSON]"


def _member_test(rule: Rule | None) -> MemberTest | None:
    """The rule as a MemberTest; None if it is anything else."""
    if not isinstance(rule, DataTest) or rule.operator.test is None or rule.variable.root is not Root.DATA:
        return None
    match rule.variable.steps:
        case (Name(name),):
            return name, None, *rule.operator.test(rule.operand)
        case (Name(outer), Name(name)):
            return outer, name, *rule.operator.test(rule.operand)
    return None


def _build_member_switch(tests: list[MemberTest], rules: list[tuple[Expr, Step]], default: Step | None) -> StepRun:
    """`_build_switch` for rules that are MemberTests: their closures are called only to say what is missing."""
    cases = [(*test, *rule) for test, rule in zip(tests, rules, strict=True)]

    def run(frame: Frame) -> Step:
        data = frame.data
        for outer, name, kinds, compare, constant, holds, target in cases:
            try:
                value = data[outer] if name is None else data[outer][name]
            except ABSENT:
                # The closure finds nothing, either, and raises the state's error.
                holds(data, frame)
                raise
            if (kinds is None or type(value) in kinds) and compare(value, constant):
                return target
        if default is None:
            raise EngineError(RUNTIME, _NO_MATCH)
        return default

    return run


def _read_rule_flow(fields: Fields, flow: Flow) -> Flow:
    """The data flow of a rule that holds: in JSONata its own Output, in JSONPath the state's OutputPath; in both its
    own Assign."""
    if isinstance(flow, DataFlow):
        return DataFlow(output_path=flow.output_path, discard_output=flow.discard_output, assign=read_assign(fields))
    return read_query_flow(fields, "Output", "Assign")


def _read_condition(fields: Fields) -> Condition | None:
    """The Condition of a rule in JSONata."""
    value = fields.json("Condition")
    if value is MISSING:
        if not any(fields.has(kind) for kind in _KINDS):
            fields.report(None, messages.rule_kind(_KINDS))
        # A JSONPath rule is reported on close; its operators are marked as read because one problem is enough.
        for name in OPERATORS:
            fields.json(name)
        return None
    if is_query(value):
        query = read_query_field(fields, "Condition")
        return None if query is None else Condition(query)
    if not isinstance(value, bool):
        fields.report("Condition", messages.expected_type("BOOLEAN"))
        return None
    return Condition(value)


def _read_rule(fields: Fields, depth: int) -> Rule | None:
    """Read one rule, top-level or nested. A nested rule has no Next, so there Next is reported as an unknown field."""
    if depth > MAX_RULE_DEPTH:
        fields.report(None, messages.rules_too_deep(MAX_RULE_DEPTH), code=TOO_DEEPLY_NESTED)
        return None
    # A Condition is reported on close, as a field of the other query language: one problem is enough.
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
    if isinstance(rule, Condition):
        return _build_condition(rule.value)
    if isinstance(rule, Combination):
        parts = [build_rule(part) for part in rule.rules]
        if rule.combinator == "And":
            return build_and(parts)
        return build_or(parts) if rule.combinator == "Or" else build_not(parts[0])
    operand = build_path(rule.operand) if isinstance(rule.operand, Path) else rule.operand
    return rule.operator.build(build_path(rule.variable), operand)


def _build_condition(value: bool | Query) -> Expr:
    if isinstance(value, bool):
        return lambda data, scope: value
    holds = build_typed(value, "boolean")
    return lambda data, scope: holds({"input": data}, scope)
