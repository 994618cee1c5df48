"""Whether an expression can distinguish a sequence from an array.

In jsonata-js a sequence is an array with a mark, and a few constructs read the mark of a value made elsewhere:
`$distinct`, the last step of a path, any construct that collapses a value again. For most expressions the marks make
no difference, since sequences of several items behave like arrays. They do if one of these constructs makes a list
that is special even with one item or none:

- `[]`, which keeps an array of one item;
- an array constructor as a step, whose arrays are not flattened;
- a built-in that returns a sequence, called at the end of a lambda, where it is not collapsed;

and the value then reaches a construct that reads marks. `$distinct` always reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.calls import FOLLOWING
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.generation.intrinsics import literal_function
from express.expressions.jsonata.syntax import (
    ArrayConstructor,
    Binary,
    Block,
    Call,
    Condition,
    Lambda,
    Name,
    Node,
    ObjectConstructor,
    Path,
    Variable,
)
from express.expressions.jsonata.traversal import children, decorations, operands

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Built-ins that read the mark of their argument.
_ASKING: Final = FOLLOWING
#: Built-ins whose results contain no parts of their arguments but text, numbers or booleans.
_OPAQUE: Final = frozenset(
    (
        *("abs", "average", "ceil", "count", "floor", "formatBase", "formatInteger", "formatNumber", "max", "min"),
        *("number", "power", "round", "sqrt", "sum"),
        *("assert", "boolean", "contains", "error", "exists", "not", "type"),
        *("base64decode", "base64encode", "encodeUrl", "encodeUrlComponent", "fromMillis", "hash", "join", "length"),
        *("lowercase", "pad", "split", "string", "substring", "substringAfter", "substringBefore", "toMillis", "trim"),
        "uppercase",
    )
)


@dataclass(frozen=True, slots=True)
class _Use:
    """The destination of a node's value.

    `looked_at`: marks matter there. `collapsed`: the value passes the end of jsonata-js `evaluate` again, which
    collapses a sequence that a lambda left uncollapsed.
    """

    looked_at: bool = False
    collapsed: bool = False


_RESULT: Final = _Use()
_THROUGH: Final = _Use(collapsed=True)
_LOOKED_AT: Final = _Use(looked_at=True, collapsed=True)


def tells_sequences(tree: Node) -> bool:
    """Whether `tree` must be compiled with marks."""
    return _tells(tree, _RESULT)


def _tells(node: Node, use: _Use) -> bool:
    if use.looked_at and _is_special(node):
        return True
    if isinstance(node, Path):
        return _path_tells(node, use)
    if node.predicates or node.stages or node.group:
        return _is_asking(node) or any(_tells(child, _LOOKED_AT) for child in children(node))
    rule = _RULES.get(type(node))
    return any(_tells(child, _LOOKED_AT) for child in children(node)) if rule is None else rule(node, use)


def _is_special(node: Node) -> bool:
    return node.keep_array or node.cons_array or (isinstance(node, Path) and node.keep_singleton_array)


def _is_asking(node: Node) -> bool:
    return isinstance(node, Variable) and _variable_tells(node, _RESULT)


def _path_tells(path: Path, use: _Use) -> bool:
    constructed = [step.cons_array for step in path.steps]
    if any(constructed) and (use.looked_at or any(step.tuple for step in path.steps)):
        return True
    if any(constructed[1:-1]):
        return True
    for step in path.steps:
        # A constructed array is the path's own result; the next step knows that it is constructed.
        parts = children(step) if step.cons_array or _is_plain_step(step) else (step,)
        if any(_tells(part, _LOOKED_AT) for part in parts):
            return True
    return any(_tells(part, _LOOKED_AT) for part in decorations(path))


def _is_plain_step(step: Node) -> bool:
    """A step whose own `[]` counts as that of the path."""
    return isinstance(step, Name) or (isinstance(step, Variable) and not step.predicates and not _is_asking(step))


def _constructor_tells(node: Node, use: _Use) -> bool:
    return any(_tells(child, _Use(looked_at=use.looked_at)) for child in children(node))


def _condition_tells(node: Condition, use: _Use) -> bool:
    branches = [node.then, *([] if node.otherwise is None else [node.otherwise])]
    through = _Use(use.looked_at, collapsed=True)
    return _tells(node.condition, _THROUGH) or any(_tells(branch, through) for branch in branches)


def _block_tells(node: Block, use: _Use) -> bool:
    through = _Use(use.looked_at, collapsed=True)
    before, last = node.expressions[:-1], node.expressions[-1:]
    return any(_tells(part, _THROUGH) for part in before) or any(_tells(part, through) for part in last)


def _binary_tells(node: Binary, use: _Use) -> bool:
    return any(_tells(operand, _THROUGH) for operand in operands(node))


def _variable_tells(node: Variable, use: _Use) -> bool:
    """A built-in as a value: its caller does not collapse the result."""
    return node.name in _ASKING or (node.name in BUILTINS and BUILTINS[node.name].may_give_sequence)


def _lambda_tells(node: Lambda, use: _Use) -> bool:
    return _ends_in_sequence(node.body) or _tells(node.body, _LOOKED_AT)


def _call_tells(node: Call, use: _Use) -> bool:
    name = node.procedure.name if isinstance(node.procedure, Variable) else ""
    if name in _ASKING:
        return True
    inside = _THROUGH if name in _OPAQUE else _LOOKED_AT
    arguments = list(node.arguments)
    if name in ("map", "filter") and (function := literal_function(node)) is not None:
        arguments.remove(function)
        if name == "map" and (use.looked_at or use.collapsed) and _ends_in_sequence(function.body):
            return True
        # The function's result is tested, or becomes an item of an array with the same destination as this call.
        if _tells(function.body, _THROUGH if name == "filter" else use):
            return True
    parts = arguments if isinstance(node.procedure, Variable) else [node.procedure, *arguments]
    return any(_tells(part, inside) for part in parts)


def _ends_in_sequence(body: Node) -> bool:
    """Whether a lambda's body may end in a call whose sequence is not collapsed."""
    if isinstance(body, Block) and body.expressions:
        return _ends_in_sequence(body.expressions[-1])
    if isinstance(body, Condition):
        return _ends_in_sequence(body.then) or (body.otherwise is not None and _ends_in_sequence(body.otherwise))
    if not isinstance(body, Call) or not body.tail:
        return False
    builtin = BUILTINS.get(body.procedure.name) if isinstance(body.procedure, Variable) else None
    return builtin is None or builtin.may_give_sequence


_RULES: Final[Mapping[type[Node], Callable[[Any, _Use], bool]]] = {
    ObjectConstructor: _constructor_tells,
    ArrayConstructor: _constructor_tells,
    Condition: _condition_tells,
    Block: _block_tells,
    Binary: _binary_tells,
    Variable: _variable_tells,
    Lambda: _lambda_tells,
    Call: _call_tells,
}
