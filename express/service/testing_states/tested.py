"""The state under test, found in the definition of a request.

The definition is that state, which AWS then calls `StateName` (recorded), or a whole machine from which `stateName`
picks one, nested ones included. A machine has to be valid as a whole; a single state is compiled in a machine made
around it, in which its transitions lead nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from express.compiler import compile_document
from express.definition.document import read_definition
from express.definition.fields import JSONATA
from express.definition.pointer import value_at
from express.errors import DefinitionError
from express.service.errors import invalid_definition, validation
from express.states.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.compiler import Definition, States
    from express.states.resource import Resource
    from express.states.state import Node, Resolver
    from express.types import JSON

#: The name of a state given without a machine (recorded).
STATE_NAME: Final = "StateName"


@dataclass(frozen=True, slots=True)
class StateUnderTest:
    """The state under test. `fields` is the state as defined, `characters` the length of the whole definition."""

    node: Node
    fields: dict[str, JSON]
    is_jsonata: bool
    characters: int

    @property
    def type(self) -> str:
        return self.node.TYPE

    @property
    def resource(self) -> Resource | None:
        """The resource that a Task calls; None for other states."""
        return self.node.resource if isinstance(self.node, Task) else None

    def within(self) -> Iterable[str]:
        """The names of the states in its branches or its item processor, at any depth."""
        for branch in self.node.branches():
            for scope in branch.within():
                yield from scope.nodes


def read_state(text: str, name: str | None, tasks: Resolver) -> StateUnderTest:
    """The state under test. Raises ServiceError InvalidDefinition, or ValidationException for its name."""
    try:
        definition = _compile(text, name, tasks)
    except DefinitionError as error:
        raise invalid_definition(error.problems) from None
    node = _find(definition.states, STATE_NAME if name is None else name)
    if node is None:
        raise validation("State not found in definition")
    fields: Any = definition.document.value
    language = fields.get("QueryLanguage")
    fields = value_at(node.pointer, fields)
    return StateUnderTest(node, fields, fields.get("QueryLanguage", language) == JSONATA, len(text))


def _compile(text: str, name: str | None, tasks: Resolver) -> Definition:
    document = read_definition(text)
    if name is None:
        document = read_definition(f'{{"StartAt":"{STATE_NAME}","States":{{"{STATE_NAME}":{document.text}}}}}')
    return compile_document(
        document,
        type="STANDARD",
        resolver=tasks,
        fail_unresolved=False,
        connected=name is not None,
        name=STATE_NAME,
        arn="",
        role_arn="",
    )


def _find(states: States, name: str) -> Node | None:
    for scope in states.within():
        if name in scope.nodes:
            return scope.nodes[name]
    return None
