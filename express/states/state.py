"""What all states share: their fields, the environment they are read in, and the lookup of neighbouring states.

A state type is a `Node` class: `read` takes its fields and reports their problems, `build` makes the step's closure.
Nodes know neither the compiler nor each other: nested `States` objects and task handlers come through `Surroundings`,
steps of the same scope through a `Linker`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

from express.definition import messages
from express.definition.fields import JSONPATH
from express.program import END
from express.states.flow import DataFlow, Flow, read_data_flow
from express.states.jsonata_flow import read_query_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from express.definition.fields import Fields
    from express.errors import StateError
    from express.program import Program, Step
    from express.states.recovery import Catcher, Retrier
    from express.states.variables import Assign
    from express.states.witness import Witness
    from express.types import MachineType

#: `worker`: the work is offered to workers outside this process (activities).
HandlerKind: TypeAlias = Literal["async", "inline", "thread", "worker"]


@dataclass(frozen=True, slots=True)
class Handler:
    """The handler of a Task, as resolved by the registry.

    `call(payload)` or, with `wants_context`, `call(payload, context)`. `isolate`: payload and result cross by value.
    `for_function`: registered for a Lambda function, so it gets the function's payload however the function is called.
    `failures` are the exceptions that mean the task has failed, including a cancellation that the handler itself
    caused; `failure` converts one into the StateError that the workflow sees. `named_by_class`: that error has the
    name of the exception's class, except for StateErrors, which keep their own name.

    `answers`: its result is the task's even where AWS waits for a callback, as a mock's is. For a `worker`,
    `call(token, payload)` raises StateError if the task cannot be offered, or returns an awaitable that offers the
    task until a worker takes it and gives that worker's name, None if it has none.
    """

    call: Callable[..., Any]
    kind: HandlerKind
    isolate: bool
    wants_context: bool
    for_function: bool
    failures: tuple[type[BaseException], ...]
    failure: Callable[[BaseException], StateError]
    answers: bool = False
    named_by_class: bool = False


class Resolver(Protocol):
    """Finds the handler of a Task: the task registry, as the states see it.

    `has_functions`: at least one registration is for a Lambda function, so a function name known only at run time may
    have a handler. `names`: the registered names, for suggestions.
    """

    @property
    def has_functions(self) -> bool: ...

    @property
    def names(self) -> Iterable[str]: ...

    def handler(self, resource: str, function: str | None = None) -> Handler | None:
        """The most specific registration for a resource ARN, or for a Lambda function named in the Parameters."""
        ...


class Linker(Protocol):
    """Resolves the names that a state refers to while it is built."""

    @property
    def witness(self) -> Witness | None:
        """Weaves the machine's observers into the steps; None if no observer has a hook there."""
        ...

    def step(self, name: str) -> Step:
        """The step of a state in the same `States` object."""
        ...

    def program(self, branch: Any) -> Program:
        """The program of a nested `States` object that `Surroundings.read_branch` has read."""
        ...


@dataclass(slots=True)
class Surroundings:
    """The environment in which a definition is read: the machine's type, its handlers, and the reader of nested
    states."""

    machine_type: MachineType
    resolver: Resolver | None
    read_branch: Callable[[Fields, Surroundings], Any]
    #: Handlers of mocked Task states, by state name.
    mocks: Mapping[str, Handler] = field(default_factory=dict)
    #: The machine's own query language.
    query_language: str = JSONPATH
    #: (JSON pointer, resource or function) of every Task without a handler.
    unresolved: list[tuple[str, str]] = field(default_factory=list)
    #: The labels of distributed Maps, unique in the machine.
    labels: set[str] = field(default_factory=set)
    #: Number of `States` objects that enclose the one being read.
    depth: int = 0


@dataclass(slots=True)
class Node:
    """One state as defined. Subclasses add their fields, `read` and `build`.

    Not every type uses all fields: Fail has no data flow, only Task, Parallel and Map recover from errors.
    """

    TYPE: ClassVar[str] = ""
    #: Whether states of this type always end their scope.
    TERMINAL: ClassVar[bool] = False

    name: str
    pointer: str
    flow: Flow = field(default_factory=DataFlow)
    next: str | None = None
    end: bool = False
    retriers: list[Retrier] = field(default_factory=list)
    catchers: list[Catcher] = field(default_factory=list)

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        """Read the type's own fields. Problems are reported, never raised."""
        raise AssertionError(self)

    def build(self, step: Step, link: Linker) -> None:
        """Set the step's closure."""
        raise AssertionError(self)

    def targets(self) -> Iterable[tuple[str, str]]:
        """(name, JSON pointer) of every transition of the state, for the graph rules."""
        if self.next is not None:
            yield self.next, f"{self.pointer}/Next"
        for catcher in self.catchers:
            if catcher.next is not None:
                yield catcher.next, f"{catcher.pointer}/Next"

    def assigns(self) -> Iterable[Assign | None]:
        """Every Assign of the state: its own and its catchers'."""
        yield self.flow.assign
        for catcher in self.catchers:
            yield catcher.assign

    def branches(self) -> Iterable[Any]:
        """The nested `States` objects, as `Surroundings.read_branch` returned them."""
        return ()

    def following(self, link: Linker) -> Step:
        return END if self.next is None else link.step(self.next)


def read_flow(fields: Fields, *, jsonpath: tuple[str, ...], jsonata: tuple[str, ...]) -> Flow:
    """The data flow of a state in its query language, from the fields that its type has in each language."""
    return read_query_flow(fields, *jsonata) if fields.is_jsonata else read_data_flow(fields, *jsonpath)


def read_transition(node: Node, fields: Fields) -> None:
    """`Next` or `"End": true`, exactly one of them (ASL spec "Transitions")."""
    node.end = fields.flag("End", False)
    node.next = fields.text("Next")
    if fields.has("Next") and node.end:
        fields.report(None, messages.only_one_of(("Next", "End")), at=fields.child("End"), on_key=True)
    elif not fields.has("Next") and (not fields.has("End") or fields.value["End"] is False):
        fields.report(None, messages.exactly_one_of(("Next", "End")), suggestion='add "Next": "<state>" or "End": true')
