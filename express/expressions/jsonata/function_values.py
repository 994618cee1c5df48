"""Whether an expression may give a function, or a value that holds one.

A function is a value in JSONata but no JSON, so a state cannot have it as its output. Looking through every result
would cost as much as making it; looking at the expression costs nothing while it runs. Functions come from few places:
a literal one, a partial application, a regular expression, a transform, the name of a built-in. Where those are only
called, or only handed to a built-in that calls them, none can come out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.syntax import (
    Apply,
    Bind,
    Block,
    Call,
    Lambda,
    Node,
    Partial,
    Regex,
    Transform,
    Variable,
)
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Built-ins that call the functions they are given and keep none.
_CALLERS: Final = frozenset(
    ("contains", "each", "filter", "map", "match", "reduce", "replace", "sift", "single", "sort", "split")
)


def may_give_function(tree: Node) -> bool:
    """Whether some function in the expression is more than called. True where that cannot be told."""
    bound = frozenset(node.name for node in _all(tree) if isinstance(node, Bind) and _could_be(node.value))
    return _is_function(tree, bound) or _has_loose_function(tree, bound)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _all(child)


def _could_be(value: Node) -> bool:
    return isinstance(value, Lambda | Partial | Regex | Transform | Variable | Apply | Bind | Block | Call)


def _is_function(node: Node, bound: frozenset[str]) -> bool:
    """Whether the node itself is a function, not a call of one. `bound` are the names that may be."""
    if isinstance(node, Bind):
        return _is_function(node.value, bound)
    if isinstance(node, Variable):
        return node.name in BUILTINS or node.name in bound
    return isinstance(node, Lambda | Partial | Regex | Transform)


def _has_loose_function(node: Node, bound: frozenset[str]) -> bool:
    used = {id(child) for child in _only_used(node)}
    return any(
        (id(child) not in used and _is_function(child, bound)) or _has_loose_function(child, bound)
        for child in children(node)
    )


def _only_used(node: Node) -> Iterable[Node]:
    """The parts of a node whose values it calls, names or throws away."""
    if isinstance(node, Call):
        function = node.procedure
        calls = isinstance(function, Variable) and function.name in _CALLERS
        return (function, *node.arguments) if calls else (function,)
    if isinstance(node, Apply):
        return (node.right,)
    if isinstance(node, Block):
        return node.expressions[:-1]
    return (node.value,) if isinstance(node, Bind) else ()
