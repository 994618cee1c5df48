"""Values that are not JSON: whether an expression may return them, and how a result drops them.

A function is a value in JSONata but not JSON. Neither is UNDEFINED, which jsonata-js lets into an array where a
filter is true for a missing item (`items.gone[1 = 1]`), and which is null in the JSON of such an array. Searching
every result would cost as much as making it; analysing the expression costs nothing at run time. Most expressions can
return neither, and only the results of the others are searched.

Functions have few sources: a lambda, a partial application, a regular expression, a transform, the name of a
built-in. If those are only called, or only passed to a built-in that calls them, no function can be returned; but the
match that a regular expression returns contains a function itself. UNDEFINED comes from a filter that does not depend
on the item, from a group of a regular expression, and from `@` where there is no context item.
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

#: Built-ins that search with a regular expression, and the positions of the arguments that they call. A single
#: argument is called, since the context item replaces the text.
_SEARCHERS: Final[Mapping[str, tuple[int, ...]]] = {"contains": (1,), "match": (1,), "replace": (1, 2), "split": (1,)}
#: Other built-ins that call their function arguments and keep none.
_CALLERS: Final[Mapping[str, tuple[int, ...]]] = dict.fromkeys(
    ("each", "filter", "map", "reduce", "sift", "single", "sort"), (1,)
)
#: Operators that return UNDEFINED or false if an operand is UNDEFINED.
_STRICT: Final = frozenset(("=", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"))


def may_be_foreign(tree: Node) -> bool:
    """Whether the value may be or contain a function, or contain UNDEFINED; True if this cannot be decided."""
    return may_give_function(tree) or may_hold_nothing(tree)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _all(child)


# functions ------------------------------------------------------------------------------------------------------


def may_give_function(tree: Node) -> bool:
    """Whether some function in the expression is used other than by a call."""
    bound = frozenset(node.name for node in _all(tree) if isinstance(node, Bind) and _could_be(node.value))
    return _is_function(tree, bound) or _has_loose_function(tree, bound)


def _could_be(value: Node) -> bool:
    return isinstance(value, Lambda | Partial | Regex | Transform | Variable | Apply | Bind | Block | Call)


def _is_function(node: Node, bound: frozenset[str]) -> bool:
    """Whether the node itself is a function, not a call of one; `bound` are the variables that may hold functions."""
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
    """The parts of a node whose values it only calls, binds to a name or discards."""
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
    """Whether some filter may let UNDEFINED pass, or a group of a regular expression may capture nothing."""
    return any(_lets_nothing_in(node) for node in _all(tree))


def _lets_nothing_in(node: Node) -> bool:
    if node.focus is not None or (isinstance(node, Regex) and "(" in node.pattern):
        return True
    stages = (*node.predicates, *node.stages)
    return any(isinstance(stage, Filter) and not _looks_at_item(stage.expression) for stage in stages)


def _looks_at_item(predicate: Node) -> bool:
    """Whether the predicate cannot select UNDEFINED: it compares or reads the item, or is an index."""
    if isinstance(predicate, Literal):
        return predicate.value is not True and not isinstance(predicate.value, str)
    if isinstance(predicate, Binary):
        if predicate.operator == "and":
            return any(map(_looks_at_item, operands(predicate)))
        if predicate.operator == "or":
            return all(map(_looks_at_item, operands(predicate)))
    return _reads_item(predicate)


def _reads_item(node: Node) -> bool:
    """Whether the node is UNDEFINED or false when the context item is UNDEFINED."""
    if node.group is not None:
        return False
    if isinstance(node, Path):
        return _reads_item(node.steps[0])
    if isinstance(node, Binary):
        return node.operator in _STRICT and any(map(_reads_item, operands(node)))
    return isinstance(node, Name) or (isinstance(node, Variable) and not node.name)


# results --------------------------------------------------------------------------------------------------------


def as_json(value: Value) -> Value:
    """A result without non-JSON values, as `JSON.stringify` writes it.

    UNDEFINED and functions become null in arrays and are dropped from objects. A function that is the result itself
    stays. Raises RecursionError if the result is nested too deeply.
    """
    return _without(value, lambda part: part is UNDEFINED or isinstance(part, Function), {})


def without_nothing(value: Value) -> Value:
    """The same, but functions stay in place."""
    return _without(value, lambda part: part is UNDEFINED, {})


def _without(value: Value, unwanted: Callable[[Value], bool], done: dict[int, Value]) -> Value:
    """A copy without unwanted parts; `done` caches copied containers, since a value may share its parts."""
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
