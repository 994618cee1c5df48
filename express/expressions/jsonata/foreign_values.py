"""Whether the value of an expression may be something other than JSON.

A function is a value in JSONata but no JSON. Nor is nothing, which jsonata-js lets into an array where a filter says
yes to what is not there (`items.gone[1 = 1]`), and which is null in the JSON of such an array. Looking through every
result would cost as much as making it; looking at the expression costs nothing while it runs. Most expressions cannot
give either, and only the others have their results looked through.

Functions come from few places: a literal one, a partial application, a regular expression, a transform, the name of a
built-in. Where those are only called, or only handed to a built-in that calls them, none can come out. A filter can
say yes to nothing only if it does not look at the item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.syntax import (
    Apply,
    Binary,
    Bind,
    Block,
    Call,
    Filter,
    Lambda,
    Literal,
    Name,
    Node,
    Partial,
    Path,
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
#: Operators that give nothing, or false, when an operand is nothing.
_STRICT: Final = frozenset(("=", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"))


def may_be_foreign(tree: Node) -> bool:
    """Whether the value may be or hold a function, or hold nothing. True where that cannot be told."""
    return may_give_function(tree) or may_hold_nothing(tree)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _all(child)


# functions ------------------------------------------------------------------------------------------------------


def may_give_function(tree: Node) -> bool:
    """Whether some function in the expression is more than called."""
    bound = frozenset(node.name for node in _all(tree) if isinstance(node, Bind) and _could_be(node.value))
    return _is_function(tree, bound) or _has_loose_function(tree, bound)


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


# nothing --------------------------------------------------------------------------------------------------------


def may_hold_nothing(tree: Node) -> bool:
    """Whether some filter may let pass what is not there, or a group of a regular expression may capture nothing."""
    return any(isinstance(node, Regex) and "(" in node.pattern for node in _all(tree)) or any(
        isinstance(stage, Filter) and not _looks_at_item(stage.expression)
        for node in _all(tree)
        for stage in (*node.predicates, *node.stages)
    )


def _looks_at_item(predicate: Node) -> bool:
    """Whether the predicate cannot be true of nothing: it compares or reads the item, or is an index."""
    if isinstance(predicate, Literal):
        return predicate.value is not True and not isinstance(predicate.value, str)
    if isinstance(predicate, Binary):
        left, right = _looks_at_item(predicate.left), _looks_at_item(predicate.right)
        if predicate.operator == "and":
            return left or right
        if predicate.operator == "or":
            return left and right
        return predicate.operator in _STRICT and (_reads_item(predicate.left) or _reads_item(predicate.right))
    return _reads_item(predicate)


def _reads_item(node: Node) -> bool:
    """Whether the node gives nothing when the context item is nothing."""
    if isinstance(node, Path):
        return _reads_item(node.steps[0])
    if isinstance(node, Binary):
        return node.operator in _STRICT and (_reads_item(node.left) or _reads_item(node.right))
    return isinstance(node, Name) or (isinstance(node, Variable) and not node.name)
