"""What is inside a node, for those who walk a whole tree."""

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
    """The nodes a node is made of, in the order of the text."""
    parts_of = _PARTS.get(type(node))
    if parts_of is not None:
        for part in parts_of(node):
            if part is not None:
                yield part


def decorations(node: Node) -> Iterator[Node]:
    """The nodes in the filters and the grouping that hang on `node`; they are evaluated for each item of its value."""
    for stage in (*node.predicates, *node.stages):
        if isinstance(stage, Filter):
            yield stage.expression
    if node.group is not None:
        yield from _flat(node.group.pairs)


def _flat(pairs: list[tuple[Node, Node]]) -> Iterator[Node]:
    for key, value in pairs:
        yield key
        yield value


_PARTS: Final[Mapping[type[Node], Callable[[Any], Iterable[Node | None]]]] = {
    Negation: lambda node: (node.operand,),
    ArrayConstructor: lambda node: node.items,
    ObjectConstructor: lambda node: _flat(node.pairs),
    Binary: lambda node: (node.left, node.right),
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
