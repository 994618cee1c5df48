"""The children of a node, for passes over a whole tree.

A chain of operators such as `a + b + c` counts as one node with many parts: its tree is as deep as the chain is long,
too deep for passes that recurse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.syntax import (
    Apply,
    ArrayConstructor,
    Binary,
    Bind,
    Block,
    Call,
    Condition,
    Filter,
    Lambda,
    Negation,
    Node,
    ObjectConstructor,
    Partial,
    Path,
    Sort,
    Transform,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


def children(node: Node) -> Iterator[Node]:
    """All nodes directly inside `node`."""
    yield from parts(node)
    yield from decorations(node)


def parts(node: Node) -> Iterator[Node]:
    """The operands of a node, in text order."""
    parts_of = _PARTS.get(type(node))
    if parts_of is not None:
        for part in parts_of(node):
            if part is not None:
                yield part


def decorations(node: Node) -> Iterator[Node]:
    """The nodes in the filters and the grouping of `node`; they are evaluated per item of its value."""
    for stage in (*node.predicates, *node.stages):
        if isinstance(stage, Filter):
            yield stage.expression
    if node.group is not None:
        yield from _flat(node.group.pairs)


def _flat(pairs: list[tuple[Node, Node]]) -> Iterator[Node]:
    for key, value in pairs:
        yield key
        yield value


#: Operators that form one chain, which is left-associative: `a + b - c` and `a & b & c`, but not `a + b & c`.
_FAMILIES: Final[Mapping[str, str]] = {**dict.fromkeys("+-*/%", "arithmetic"), "&": "&", "and": "and", "or": "or"}


def operands(chain: Binary) -> list[Node]:
    """The operands of a chain, in text order: those of the operator and of its kind in the left operand.

    Generated definitions may chain thousands, too many for recursion.
    """
    found = links(chain)
    return [found[-1].left, *(link.right for link in reversed(found))]


def links(chain: Binary) -> list[Binary]:
    """The operators of a chain, the last one first."""
    family = _FAMILIES.get(chain.operator)
    found = [chain]
    while family is not None and isinstance(left := found[-1].left, Binary) and _FAMILIES.get(left.operator) == family:
        found.append(left)
    return found


_PARTS: Final[Mapping[type[Node], Callable[[Any], Iterable[Node | None]]]] = {
    Negation: lambda node: (node.operand,),
    ArrayConstructor: lambda node: node.items,
    ObjectConstructor: lambda node: _flat(node.pairs),
    Binary: operands,
    Condition: lambda node: (node.condition, node.then, node.otherwise),
    Block: lambda node: node.expressions,
    Bind: lambda node: (node.value,),
    Lambda: lambda node: (node.body,),
    Call: lambda node: (node.procedure, *node.arguments),
    Partial: lambda node: (node.procedure, *node.arguments),
    Apply: lambda node: (node.left, node.right),
    Transform: lambda node: (node.pattern, node.update, node.delete),
    Sort: lambda node: [term.expression for term in node.terms],
    Path: lambda node: node.steps,
}
