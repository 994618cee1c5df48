"""Resolution of each `$name` to a variable.

jsonata-js keeps variables in frames made at run time: one for the expression, one per evaluated block, one per call
of a lambda. `:=` binds in the innermost frame, and a frame does not have a variable before it is bound: in
`($x := 1; ($y := $x; $x := 2; $y))` the first `$x` inside is the outer one. Here every frame is known at compile time
and its variables are variables of the generated Python functions, resolved by Python's own closures. Where it cannot
be decided whether a binding has already happened, the generated code tests for `UNBOUND`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.syntax import Bind, Block, Lambda, Node, Transform
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.expressions.jsonata.generation.emitter import PythonFunction

#: The value of a variable before it is bound, where code may read it.
UNBOUND_NAME: Final = "UNBOUND"


@dataclass(slots=True, eq=False)
class Variable:
    """A variable of a frame: its Python name and the Python function that owns it.

    `kinds`: the possible kinds of its value, if known. `bindings`: the number of its `:=`. `seen_unbound`: code may
    read it before it is bound.
    """

    identifier: str
    owner: PythonFunction
    bindings: int = 1
    kinds: int | None = None
    seen_unbound: bool = False


@dataclass(slots=True, eq=False)
class Frame:
    """The variables of a block, a lambda or the expression; `entry` marks the start of the frame in the code."""

    outer: Frame | None
    variables: dict[str, Variable] = field(default_factory=dict)
    entry: ast.Pass = field(default_factory=ast.Pass)


@dataclass(slots=True, eq=False)
class TupleFrame(Frame):
    """The bindings carried by a tuple stream; `source` names the dict that holds them at run time."""

    source: str = ""
    names: frozenset[str] = frozenset()


def bound_names(*nodes: Node) -> dict[str, int]:
    """The names that `:=` binds in the frame of these nodes, with the number of bindings."""
    names: dict[str, int] = {}
    for node in nodes:
        for inner in _same_frame(node):
            if isinstance(inner, Bind):
                names[inner.name] = names.get(inner.name, 0) + 1
    return names


def _same_frame(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Block | Lambda | Transform):
        return
    for child in children(node):
        yield from _same_frame(child)


def tuple_names(node: Node) -> frozenset[str]:
    """Every name that a tuple stream of this path may carry, including those of nested paths."""
    return frozenset(_tuple_names(node))


def _tuple_names(node: Node) -> Iterator[str]:
    if node.focus is not None:
        yield node.focus
    if node.index is not None:
        yield node.index
    if node.ancestor is not None:
        yield node.ancestor.label
    for stage in node.stages:
        bound = getattr(stage, "name", None)
        if bound is not None:
            yield bound
    for child in children(node):
        yield from _tuple_names(child)
