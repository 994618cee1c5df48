"""Whether an expression looks at the context item at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.signatures import compile_signature
from express.expressions.jsonata.syntax import (
    Call,
    Descendant,
    Literal,
    Name,
    Path,
    Variable,
    Wildcard,
)
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from express.expressions.jsonata.syntax import Node


def uses_context(node: Node) -> bool:
    """Whether the value of `node` may depend on the context item. May say yes where it does not."""
    if isinstance(node, Name | Wildcard | Descendant):
        return True
    if isinstance(node, Variable):
        return not node.name
    if isinstance(node, Path):
        # Later steps have the context the first one gives them.
        return uses_context(node.steps[0])
    if isinstance(node, Literal):
        return False
    if isinstance(node, Call) and _takes_context(node):
        return True
    return any(map(uses_context, children(node)))


def _takes_context(call: Call) -> bool:
    if not isinstance(call.procedure, Variable):
        return True
    builtin = BUILTINS.get(call.procedure.name)
    if builtin is None:
        return True
    parameters = compile_signature(builtin.signature).parameters
    return any(parameter.context for parameter in parameters) and len(call.arguments) < len(parameters)
