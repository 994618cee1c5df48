"""Which variable a `$name` is.

jsonata-js keeps variables in frames made at run time: one for the expression, one for every block evaluated, one for
every call of a lambda. `:=` binds in the innermost frame, and a frame does not have a variable before it is bound:
in `($x := 1; ($y := $x; $x := 2; $y))` the first `$x` inside is the outer one. Here every frame is known when the
expression is compiled and its variables are variables of the generated Python functions, found by Python's own
closures. Where it cannot be told whether a binding has happened yet, the generated code looks (`UNBOUND`).
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

#: What a variable holds before it is bound, where that can be seen.
UNBOUND_NAME: Final = "UNBOUND"


@dataclass(slots=True, eq=False)
class Variable:
    """A variable of a frame: its Python name and the Python function that owns it.

    `kinds`: what its value may be, as far as known. `bindings`: how many `:=` there are for it. `seen_unbound`:
    somebody may look at it before it is bound.
    """

    identifier: str
    owner: PythonFunction
    bindings: int = 1
    kinds: int | None = None
    seen_unbound: bool = False


@dataclass(slots=True, eq=False)
class Frame:
    """The variables of a block, a lambda or the expression. `entry` stands where the frame begins."""

    outer: Frame | None
    variables: dict[str, Variable] = field(default_factory=dict)
    entry: ast.Pass = field(default_factory=ast.Pass)


@dataclass(slots=True, eq=False)
class TupleFrame(Frame):
    """The bindings a tuple stream carries along: `source` names the dict they are in at run time."""

    source: str = ""
    names: frozenset[str] = frozenset()


def bound_names(*nodes: Node) -> dict[str, int]:
    """The names that `:=` binds in the frame these nodes are evaluated in, with how often they are bound."""
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
    """Every name that a tuple stream of this path may carry, those of paths inside it included."""
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
