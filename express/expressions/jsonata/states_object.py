"""Reads of `$states`, the object that Step Functions adds to every evaluation.

Sources: AWS guide "Transforming data with JSONata", "Reserved variable: $states"; ASL spec "Reserved Variable".

`input` and `context` exist in every field, `result` after the work of a Task, Parallel or Map, `errorOutput` in a
catcher. Reading a member that does not exist is refused at compile time (measured:
`Field '$states.errorOutput' does not exist.`). The reads also tell which sections of the context object must be made,
in most cases none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from express.expressions.jsonata.syntax import Name, Node, Path, Variable
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names of the members that `$states` has in a field.
Members: TypeAlias = frozenset[str]

BEFORE_WORK: Final[Members] = frozenset(("input", "context"))
AFTER_WORK: Final[Members] = BEFORE_WORK | {"result"}
AFTER_ERROR: Final[Members] = BEFORE_WORK | {"errorOutput"}

STATES: Final = "states"


@dataclass(frozen=True, slots=True)
class Use:
    """One read of `$states`: `path` are the names that follow it, `position` the end of the first of them.

    An empty `path` reads the object as a whole, or in a way that does not show which part.
    """

    path: tuple[str, ...]
    position: int


def uses_of(tree: Node) -> tuple[Use, ...]:
    """Every place in the expression that reads `$states`."""
    return tuple(_uses(tree))


def _uses(node: Node) -> Iterator[Use]:
    if isinstance(node, Variable) and node.name == STATES:
        yield Use((), node.position)
    inner = list(children(node))
    if isinstance(node, Path) and _is_states(node.steps[0]):
        names = tuple(_leading_names(node.steps[1:]))
        if names:
            yield Use(names, node.steps[1].position)
            inner.remove(node.steps[0])
    for child in inner:
        yield from _uses(child)


def _is_states(head: Node) -> bool:
    return isinstance(head, Variable) and head.name == STATES and not (head.predicates or head.stages or head.group)


def _leading_names(steps: list[Node]) -> Iterator[str]:
    for step in steps:
        if not isinstance(step, Name):
            return
        yield step.name
        if step.stages or step.predicates or step.group:
            return


def sections_read(uses: tuple[Use, ...]) -> frozenset[str] | None:
    """The sections of the context object that an expression reads; None if this cannot be decided."""
    sections = set()
    for use in uses:
        if not use.path or use.path == ("context",):
            return None
        if use.path[0] == "context":
            sections.add(use.path[1])
    return frozenset(sections)
