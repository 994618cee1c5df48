"""Values that are no JSON: whether an expression may give them, and what becomes of them in a result.

A function is a value in JSONata but no JSON. Nor is nothing, which jsonata-js lets into an array where a filter says
yes to what is not there (`items.gone[1 = 1]`), and which is null in the JSON of such an array. Looking through every
result would cost as much as making it; looking at the expression costs nothing while it runs. Most expressions cannot
give either, and only the others have their results looked through.

Functions come from few places: a literal one, a partial application, a regular expression, a transform, the name of a
built-in. Where those are only called, or only handed to a built-in that calls them, none can come out; but what a
regular expression gives when it is called holds a function itself. Nothing comes from a filter that does not look at
the item, from a group of a regular expression, and from `@` where there is no context item.
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
from express.expressions.jsonata.traversal import children, operands
from express.expressions.jsonata.values import UNDEFINED, Function, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

#: Built-ins that search with a regular expression, and the places of arguments that they call. The first is called
#: where it is the only one, since the context item stands in for the text.
_SEARCHERS: Final[Mapping[str, tuple[int, ...]]] = {"contains": (1,), "match": (1,), "replace": (1, 2), "split": (1,)}
#: Others that call the functions they are given and keep none.
_CALLERS: Final[Mapping[str, tuple[int, ...]]] = dict.fromkeys(
    ("each", "filter", "map", "reduce", "sift", "single", "sort"), (1,)
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
        return [*_unless_regex(node.procedure), *_called_arguments(node)]
    if isinstance(node, Apply):
        return _unless_regex(node.right)
    if isinstance(node, Block):
        return node.expressions[:-1]
    return _unless_regex(node.value) if isinstance(node, Bind) else ()


def _unless_regex(function: Node) -> Iterable[Node]:
    return () if isinstance(function, Regex) else (function,)


def _called_arguments(call: Call) -> Iterator[Node]:
    name = call.procedure.name if isinstance(call.procedure, Variable) else ""
    if name in _SEARCHERS:
        places = _SEARCHERS[name] if len(call.arguments) > 1 else (0,)
        yield from (argument for place, argument in enumerate(call.arguments) if place in places)
    elif name in _CALLERS:
        for place in _CALLERS[name]:
            for argument in call.arguments[place : place + 1]:
                yield from _unless_regex(argument)


# nothing --------------------------------------------------------------------------------------------------------


def may_hold_nothing(tree: Node) -> bool:
    """Whether some filter may let pass what is not there, or a group of a regular expression may capture nothing."""
    return any(_lets_nothing_in(node) for node in _all(tree))


def _lets_nothing_in(node: Node) -> bool:
    if node.focus is not None or (isinstance(node, Regex) and "(" in node.pattern):
        return True
    stages = (*node.predicates, *node.stages)
    return any(isinstance(stage, Filter) and not _looks_at_item(stage.expression) for stage in stages)


def _looks_at_item(predicate: Node) -> bool:
    """Whether the predicate cannot be true of nothing: it compares or reads the item, or is an index."""
    if isinstance(predicate, Literal):
        return predicate.value is not True and not isinstance(predicate.value, str)
    if isinstance(predicate, Binary):
        if predicate.operator == "and":
            return any(map(_looks_at_item, operands(predicate)))
        if predicate.operator == "or":
            return all(map(_looks_at_item, operands(predicate)))
    return _reads_item(predicate)


def _reads_item(node: Node) -> bool:
    """Whether the node gives nothing when the context item is nothing."""
    if node.group is not None:
        return False
    if isinstance(node, Path):
        return _reads_item(node.steps[0])
    if isinstance(node, Binary):
        return node.operator in _STRICT and any(map(_reads_item, operands(node)))
    return isinstance(node, Name) or (isinstance(node, Variable) and not node.name)


# results --------------------------------------------------------------------------------------------------------


def as_json(value: Value) -> Value:
    """A result without values that are no JSON, as `JSON.stringify` leaves them out.

    Nothing and functions become null in arrays and drop out of objects. A function that is the result stays one.
    Raises RecursionError where the result is nested too deeply.
    """
    return _without(value, lambda part: part is UNDEFINED or isinstance(part, Function), {})


def without_nothing(value: Value) -> Value:
    """The same, but functions stay where they are."""
    return _without(value, lambda part: part is UNDEFINED, {})


def _without(value: Value, unwanted: Callable[[Value], bool], done: dict[int, Value]) -> Value:
    """A copy without certain parts. `done` are the containers copied already: a value may share its parts."""
    kind = type(value)
    if kind is not list and kind is not dict:
        return value
    copied = done.get(id(value))
    if copied is None:
        if kind is list:
            copied = [None if unwanted(item) else _without(item, unwanted, done) for item in value]
        else:
            copied = {key: _without(item, unwanted, done) for key, item in value.items() if not unwanted(item)}
        done[id(value)] = copied
    return copied
