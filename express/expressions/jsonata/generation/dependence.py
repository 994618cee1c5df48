"""Whether an expression reads the context item, and whether it reads anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.signatures import compile_signature
from express.expressions.jsonata.syntax import (
    Binary,
    Block,
    Call,
    Condition,
    Descendant,
    Literal,
    Name,
    Negation,
    Path,
    Variable,
    Wildcard,
)
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from express.expressions.jsonata.syntax import Node


def uses_context(node: Node) -> bool:
    """Whether the value of `node` may depend on the context item; a conservative approximation."""
    if isinstance(node, Name | Wildcard | Descendant):
        return True
    if isinstance(node, Variable):
        return not node.name
    if isinstance(node, Path):
        # A path visits all items of the context, unless it begins with a variable. Later steps have the context that
        # the first one gives them.
        first = node.steps[0]
        return not isinstance(first, Variable) or uses_context(first)
    if isinstance(node, Literal):
        return False
    if isinstance(node, Call) and _takes_context(node):
        return True
    return any(map(uses_context, children(node)))


#: Nodes whose value is composed of the values of their children.
_TRANSPARENT: Final = (Binary, Block, Condition, Literal, Name, Negation)


def is_local(node: Node) -> bool:
    """Whether the value of `node` depends only on the context item, visiting each part of it at most once."""
    if isinstance(node, Path):
        return isinstance(node.steps[0], Name) and all(map(is_local, children(node)))
    return isinstance(node, _TRANSPARENT) and all(map(is_local, children(node)))


def _takes_context(call: Call) -> bool:
    if not isinstance(call.procedure, Variable):
        return True
    builtin = BUILTINS.get(call.procedure.name)
    if builtin is None:
        return True
    parameters = compile_signature(builtin.signature).parameters
    return any(parameter.context for parameter in parameters) and len(call.arguments) < len(parameters)
