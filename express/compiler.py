"""Compiles a definition into a Machine: checks the rules that concern several states, and links the steps.

Theory of operation. Compiling has two halves. Reading goes through the document once; every state type reads its own
fields, and no mistake stops it: problems collect in the document. The graph rules follow: transitions lead to states
of the same scope, every state can be reached, names are unique in the whole machine, the machine can end, inner
scopes assign no variable of an outer one. Building then makes one Step for each state, empty at first so that states
can refer to each other in cycles, and lets each node fill in its closure.

Law 9: valid means it compiles. `check` runs this very compiler and discards the Machine.

Observers of states are woven in while building (`Witness`); a machine built without observers has no Witness.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from express.definition import messages
from express.definition.fields import JSONATA, JSONPATH
from express.definition.pointer import value_at
from express.definition.problems import (
    DUPLICATE_STATE_NAME,
    INVALID_RESOURCE,
    INVALID_STATE_NAME,
    MISSING_END_STATE,
    MISSING_TRANSITION_TARGET,
    SCHEMA_VALIDATION_FAILED,
    TOO_DEEPLY_NESTED,
    Problem,
)
from express.errors import DefinitionError
from express.metering import memory_bytes
from express.observe import WOVEN_HOOKS, Observer, has_hook
from express.program import Machine, Program, Step
from express.states.chain import build_chains
from express.states.context import build_context
from express.states.numbers import MAX_SECONDS
from express.states.registry import STATE_TYPES
from express.states.resource import short_name
from express.states.state import Handler, Node, Resolver, Surroundings
from express.states.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from express.definition.document import Document
    from express.definition.fields import Fields
    from express.types import MachineType

#: The default: no state is mocked.
NO_MOCKS: Mapping[str, Handler] = {}
#: Longest name of a state, in characters.
MAX_STATE_NAME = 80
#: How deep branches and item processors may nest here. AWS has a limit too (TOO_DEEPLY_NESTED) but gives no number.
MAX_SCOPES = 40


@dataclass(slots=True)
class States:
    """One `States` object as read: the machine's, a branch's or an item processor's."""

    pointer: str
    start_at: str | None
    nodes: dict[str, Node] = field(default_factory=dict)

    def within(self) -> Iterator[States]:
        """This scope and all inside it, outer before inner, in document order."""
        yield self
        for node in self.nodes.values():
            for branch in node.branches():
                yield from branch.within()


@dataclass(slots=True)
class Definition:
    """A definition without problems, ready to be built as often as needed: once for each set of observers."""

    document: Document
    type: MachineType
    name: str
    arn: str
    role_arn: str
    timeout_seconds: int | None
    states: States
    #: How long reading took, in nanoseconds.
    read_ns: int = 0

    def build(self, observers: tuple[Observer, ...] = ()) -> Machine:
        """Build the machine, with the `observers` that have hooks in steps woven in."""
        begin = time.perf_counter_ns()
        builder = _Builder(tuple(o for o in observers if has_hook(o, *WOVEN_HOOKS)))
        program = builder.program(self.states)
        return Machine(
            name=self.name,
            arn=self.arn,
            role_arn=self.role_arn,
            type=self.type,
            definition_bytes=self.document.size,
            timeout_seconds=self.timeout_seconds,
            base_memory=memory_bytes(self.document.size, 0, 0),
            program=program,
            context=build_context,
            all_steps=tuple(builder.steps),
            reuses_runs=not observers and not any(step.lends_run for step in builder.steps),
            compile_ns=self.read_ns + time.perf_counter_ns() - begin,
        )


def compile_document(
    document: Document,
    *,
    type: MachineType = "EXPRESS",  # noqa: A002 - the API's own word for it
    resolver: Resolver | None = None,
    mocks: Mapping[str, Handler] = NO_MOCKS,
    fail_unresolved: bool = True,
    connected: bool = True,
    name: str,
    arn: str,
    role_arn: str,
) -> Definition:
    """Read a definition. Raises DefinitionError with all its problems.

    mocks: handlers of mocked Task states, by state, in place of those of `resolver`.
    connected: if False, the states stand alone: they need not lead to each other, and the resources of states in
        their branches are not checked.
    """
    begin = time.perf_counter_ns()
    surroundings = Surroundings(type, resolver, _read_states, mocks)
    states, timeout = _read_machine(document, surroundings, fail_unresolved=fail_unresolved, connected=connected)
    if document.has_errors:
        raise DefinitionError(sorted_problems(document))
    definition = Definition(document, type, name, arn, role_arn, timeout, states)
    definition.read_ns = time.perf_counter_ns() - begin
    return definition


def check(
    document: Document,
    *,
    type: MachineType = "EXPRESS",  # noqa: A002 - the API's own word for it
    tasks: Resolver | None = None,
) -> list[Problem]:
    """Every problem of a definition, warnings included. Without `tasks`, missing handlers are not reported."""
    surroundings = Surroundings(type, tasks, _read_states, NO_MOCKS)
    states, timeout = _read_machine(document, surroundings, fail_unresolved=tasks is not None)
    if not document.has_errors:
        Definition(document, type, "check", "", "", timeout, states).build()
    return sorted_problems(document)


def sorted_problems(document: Document) -> list[Problem]:
    """The problems in the order of the text; those without a position come last, as in AWS's answers."""
    return sorted(document.problems, key=lambda problem: (not problem.line, problem.line, problem.column))


# --------------------------------------------------------------------------------------------------------------
# read


def _read_machine(
    document: Document, surroundings: Surroundings, *, fail_unresolved: bool, connected: bool = True
) -> tuple[States, int | None]:
    """Read the states and TimeoutSeconds of a machine, which are usable only if the document has no errors."""
    fields = document.root
    fields.one_of("Version", ("1.0",))
    surroundings.query_language = fields.one_of("QueryLanguage", (JSONPATH, JSONATA), default=JSONPATH) or JSONPATH
    timeout = fields.integer("TimeoutSeconds", minimum=0, maximum=MAX_SECONDS) or None
    states = _read_states(fields, surroundings)
    fields.close()
    if connected:
        _check_graph(document, states)
    else:
        document.problems[:] = [problem for problem in document.problems if not _is_about_inner_resource(problem)]
    if fail_unresolved:
        _report_unresolved(document, surroundings)
    return states, timeout


def _is_about_inner_resource(problem: Problem) -> bool:
    location = problem.location or ""
    return location.endswith("/Resource") and location.count("/States/") > 1


def _read_states(fields: Fields, surroundings: Surroundings) -> States:
    """A `States` object with its StartAt: the machine itself or a nested one (which the caller does not close)."""
    nested = fields.pointer != ""
    fields.require("States", "StartAt")
    states = States(fields.pointer, fields.text("StartAt"))
    surroundings.depth += 1
    members = fields.object("States")
    if members is not None and surroundings.depth > MAX_SCOPES:
        fields.report("States", messages.scopes_too_deep(MAX_SCOPES), code=TOO_DEEPLY_NESTED)
    elif members is not None:
        if not members.value:
            fields.report("States", messages.EMPTY)
        for name, member in members.items():
            node = _read_state(name, member, surroundings)
            if node is not None:
                states.nodes[name] = node
    surroundings.depth -= 1
    if nested:
        fields.close()
    return states


def _read_state(name: str, fields: Fields, surroundings: Surroundings) -> Node | None:
    if not name:
        fields.report(None, messages.EMPTY_STATE_NAME, code=INVALID_STATE_NAME, on_key=True)
    if len(name) > MAX_STATE_NAME:
        fields.report(None, messages.state_name_too_long(name), code=INVALID_STATE_NAME, on_key=True)
    _begin_state(fields, surroundings)
    if not fields.require("Type"):
        return None
    type_name = fields.text("Type")
    if type_name is None:
        return None
    node_type = STATE_TYPES.get(type_name)
    if node_type is None:
        suggestion = fields.document.did_you_mean(type_name, STATE_TYPES)
        fields.report("Type", messages.state_type(), suggestion=suggestion)
        return None
    node = node_type(name, fields.pointer)
    node.read(fields, surroundings)
    fields.close()
    return node


def _begin_state(fields: Fields, surroundings: Surroundings) -> None:
    """Set the query language of a state: its own, or the machine's.

    A Map or Parallel does not pass its own on to inner states. Any value but the two names means JSONata, as at AWS
    (measured); JSONPath in a state of a JSONata machine is reported, and the state is then read as JSONPath
    (measured).
    """
    machine = surroundings.query_language
    fields.one_of("QueryLanguage", (JSONPATH, JSONATA))
    declared = fields.value.get("QueryLanguage", machine)
    language = JSONPATH if declared == JSONPATH else JSONATA
    if language == JSONPATH and machine == JSONATA:
        fields.report(None, messages.MIXED_QUERY_LANGUAGE, on_key=True)
    fields.begin_state(language)


def _report_unresolved(document: Document, surroundings: Surroundings) -> None:
    resolver = surroundings.resolver
    # Whole ARNs are all alike.
    known = tuple(map(short_name, resolver.names)) if resolver is not None else ()
    for pointer, what in surroundings.unresolved:
        document.report(
            INVALID_RESOURCE,
            f"No task handler matches the resource {what}",
            pointer,
            suggestion=document.did_you_mean(short_name(what), known) or "register one with `@tasks.task(...)`",
        )


# --------------------------------------------------------------------------------------------------------------
# graph rules


def _check_graph(document: Document, machine: States) -> None:
    """Check the rules that concern more than one state, in the order of AWS's answers.

    Measured (floci-io/floci pull request 2786): missing targets and a missing end are reported together; a machine
    without an end is not searched for unreachable states. A missing end is not reported if reading has found errors,
    because a state that could not be read may have been the end.
    """
    has_end = any(_is_terminal(node) for node in machine.nodes.values())
    end_is_missing = bool(machine.nodes) and not has_end and not document.has_errors
    scopes = tuple(machine.within())
    _check_names(document, scopes)
    for scope in scopes:
        _check_targets(document, scope)
    if end_is_missing:
        document.report(MISSING_END_STATE, messages.NO_TERMINAL_STATE, None)
    for scope in scopes if has_end else ():
        _check_reachability(document, scope)
    _check_variables(document, machine, frozenset())


def _is_terminal(node: Node) -> bool:
    return node.end or node.TERMINAL


def _check_names(document: Document, scopes: tuple[States, ...]) -> None:
    """No two states of the machine have the same name, whatever their scopes (ASL spec "States")."""
    seen: set[str] = set()
    for scope in scopes:
        for name, node in scope.nodes.items():
            if name in seen:
                document.report(DUPLICATE_STATE_NAME, messages.duplicate_state(name), node.pointer, on_key=True)
            seen.add(name)


def _check_targets(document: Document, scope: States) -> None:
    """StartAt and every transition name a state of the scope."""
    if not scope.nodes:
        return
    if scope.start_at is not None and scope.start_at not in scope.nodes:
        _report_missing(document, scope, scope.start_at, f"{scope.pointer}/StartAt")
    for node in scope.nodes.values():
        for target, pointer in node.targets():
            if target not in scope.nodes:
                _report_missing(document, scope, target, pointer)


def _check_reachability(document: Document, scope: States) -> None:
    """Report the states that a walk from StartAt does not reach.

    If the walk meets a missing state, or one without a transition that is no end, the scope is not checked.
    """
    reached: set[str] = set()
    pending = [scope.start_at]
    while pending:
        name = pending.pop()
        if name in reached:
            continue
        node = scope.nodes.get(name or "")
        targets = () if node is None else tuple(target for target, _ in node.targets())
        if node is None or not (targets or _is_terminal(node)):
            return
        reached.add(node.name)
        pending.extend(targets)
    for name, node in scope.nodes.items():
        if name not in reached:
            document.report(MISSING_TRANSITION_TARGET, messages.unreachable(name), node.pointer, on_key=True)


def _report_missing(document: Document, scope: States, target: str, pointer: str) -> None:
    if _was_unreadable(document, scope, target):
        return
    suggestion = document.did_you_mean(target, scope.nodes)
    document.report(MISSING_TRANSITION_TARGET, messages.missing_target(target), pointer, suggestion=suggestion)


def _was_unreadable(document: Document, scope: States, name: str) -> bool:
    """Whether the target exists but could not be read, in which case its own problem is enough."""
    return name in value_at(scope.pointer, document.value).get("States", {})


def _check_variables(document: Document, scope: States, outer: frozenset[str]) -> None:
    """An inner scope must not assign a variable of an outer one (AWS guide "Passing data … with variables").

    A Parallel or Map makes its own assignments after its inner scopes have ended, so these may use the same names
    (recorded).
    """
    assigned: Counter[str] = Counter()
    own: dict[str, set[str]] = {}
    for node in scope.nodes.values():
        names = [entry for assign in node.assigns() if assign is not None for entry in assign.names]
        for name, pointer in names:
            if name in outer:
                document.report(SCHEMA_VALIDATION_FAILED, messages.shadowed_variable(name), pointer, on_key=True)
        own[node.name] = {name for name, _ in names}
        assigned.update(own[node.name])
    for node in scope.nodes.values():
        for branch in node.branches():
            others = (name for name, states in assigned.items() if states > (name in own[node.name]))
            _check_variables(document, branch, outer.union(others))


# --------------------------------------------------------------------------------------------------------------
# build


class _Builder:
    """Builds the programs of one machine; collects all its steps."""

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self.witness = Witness(observers) if observers else None
        self.steps: list[Step] = []

    def program(self, states: States) -> Program:
        steps = {name: Step(name, node.TYPE) for name, node in states.nodes.items()}
        is_written = self.witness is not None and self.witness.history is not None
        self.steps.extend(steps.values())
        link = _Link(self, steps)
        for name, node in states.nodes.items():
            step = steps[name]
            step.is_written = is_written
            node.build(step, link)
            if self.witness is not None:
                self.witness.watch_state(step)
        if self.witness is None:
            build_chains(steps.values())
        blocks = any(step.blocks for step in steps.values())
        assert states.start_at is not None
        return Program(steps[states.start_at], tuple(steps.values()), blocks)


@dataclass(slots=True)
class _Link:
    """Implements `states.state.Linker` for one scope."""

    builder: _Builder
    steps: dict[str, Step]

    @property
    def witness(self) -> Witness | None:
        return self.builder.witness

    def step(self, name: str) -> Step:
        return self.steps[name]

    def program(self, branch: States) -> Program:
        return self.builder.program(branch)


def default_arn(name: str) -> str:
    """The ARN of a machine that has no other: AWS's documentation account in us-east-1."""
    return f"arn:aws:states:us-east-1:123456789012:stateMachine:{name}"


DEFAULT_ROLE_ARN = "arn:aws:iam::123456789012:role/express"
