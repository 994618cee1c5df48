"""The static cost, in steps, of evaluating a part of an expression once.

Loops and lambdas are charged by it for each turn and each call. The figures are measured and rounded, so that no
construct takes much longer than its charge. Work that depends on the data (the length of a string, the items of an
inner loop) is charged where the data is known; here a call of a built-in costs what it takes with almost nothing to
do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.evaluation import CALL_COST
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.syntax import (
    Apply,
    ArrayConstructor,
    Binary,
    Call,
    Descendant,
    Filter,
    Lambda,
    Node,
    ObjectConstructor,
    Partial,
    Path,
    Sort,
    Transform,
    Variable,
    Wildcard,
)
from express.expressions.jsonata.traversal import children, links

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Nodes with a special cost, in half steps.
_HALVES: Final[Mapping[type[Node], int]] = {
    Apply: 8,
    ArrayConstructor: 2,
    Descendant: 6,
    Lambda: 10,
    ObjectConstructor: 3,
    Partial: 20,
    Path: 0,
    Sort: 20,
    Transform: 20,
    Wildcard: 6,
}
#: Operators executed by a function of the runtime support, in half steps.
_OPERATORS: Final[Mapping[str, int]] = {"/": 5, "%": 5, "=": 4, "!=": 4, "in": 10, "&": 4, "..": 6}
_FILTER: Final = 6
_GROUPING: Final = 20


def weight(node: Node) -> int:
    """The minimum steps of one evaluation of `node`."""
    halves = 2
    pending = [node]
    while pending:
        inner = pending.pop()
        halves += _halves(inner)
        pending += children(inner)
    return halves >> 1


def _halves(node: Node) -> int:
    """The cost of a node without its children."""
    halves = _HALVES.get(type(node), 1)
    if isinstance(node, Binary):
        halves = sum(_OPERATORS.get(link.operator, 1) for link in links(node))
    elif isinstance(node, Call):
        builtin = BUILTINS.get(node.procedure.name) if isinstance(node.procedure, Variable) else None
        halves = 2 * (CALL_COST if builtin is None else builtin.cost)
    if node.predicates or node.stages or node.group is not None:
        halves += _FILTER * sum(isinstance(stage, Filter) for stage in (*node.predicates, *node.stages))
        halves += _GROUPING * (node.group is not None)
    return halves
