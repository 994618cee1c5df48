"""Reads of an expression from outside: variables, and its context item.

Step Functions evaluates expressions without a context item and refuses reads from one when a definition is created: a
name or `$` at the top, and `$$` anywhere (ASL spec, "JSONata"). The tree alone shows them, and the workflow variables
that the expression needs.

Scopes are JSONata's: a block or a function body has its own names, bound from `:=` on; `@` and `#` bind for the rest
of their path. A function body runs later than its definition and therefore sees all names of the enclosing blocks,
including its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from express.expressions.jsonata.syntax import (
    Bind,
    Block,
    Descendant,
    IndexBinding,
    Lambda,
    Name,
    Node,
    Parent,
    Path,
    Transform,
    Variable,
    Wildcard,
)
from express.expressions.jsonata.traversal import decorations, parts

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The names bound so far, per scope, innermost last. The sets are shared and grow during the walk.
_Scopes: TypeAlias = tuple[set[str], ...]

_SELECTORS: Final[Mapping[type[Node], str]] = {Wildcard: "*", Descendant: "**", Parent: "%"}


@dataclass(frozen=True, slots=True)
class References:
    """An expression's reads from outside, each with the position of its first occurrence, in that order.

    `variables`: names of variables it does not bind itself, including functions, without `$`. `context`: its reads
    from its own context item: names of fields, and `$`, `*`, `**` and `%`; reads from the items of a path, in later
    steps, filters, order-by and grouping, do not count. `root`: the first `$$`, or None.
    """

    variables: Mapping[str, int]
    context: Mapping[str, int]
    root: int | None


def find_references(tree: Node) -> References:
    """The references of a whole expression, as returned by `parse`."""
    search = _Search()
    search.visit(tree, (set(),), on_context=True)
    search.visit_bodies()
    return References(
        _first_occurrences(search.variables),
        _first_occurrences(search.context),
        min(search.roots, default=None),
    )


def _first_occurrences(found: list[tuple[int, str]]) -> dict[str, int]:
    first: dict[str, int] = {}
    for position, name in sorted(found):
        first.setdefault(name, position)
    return first


@dataclass(slots=True)
class _Search:
    """One walk over a tree; `on_context`: the node is evaluated on the context item of the whole expression."""

    variables: list[tuple[int, str]] = field(default_factory=list)
    context: list[tuple[int, str]] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    bodies: list[tuple[Lambda, _Scopes, bool]] = field(default_factory=list)

    def visit(self, node: Node, scopes: _Scopes, *, on_context: bool) -> None:
        if isinstance(node, Path):
            scopes = self._visit_path(node, scopes, on_context)
        elif isinstance(node, Lambda):
            self.bodies.append((node, (*scopes, set(node.parameters)), on_context))
        else:
            self._visit_leaf(node, scopes, on_context)
            inner = (*scopes, set()) if isinstance(node, Block) else scopes
            # The parts of a transform are evaluated on the value it is applied to.
            inner_on_context = on_context and not isinstance(node, Transform)
            for part in parts(node):
                self.visit(part, inner, on_context=inner_on_context)
            if isinstance(node, Bind):
                scopes[-1].add(node.name)
        for decoration in decorations(node):
            self.visit(decoration, scopes, on_context=False)

    def visit_bodies(self) -> None:
        """Visit the functions' bodies, including nested ones, after all names around them are known."""
        for function, scopes, on_context in self.bodies:
            self.visit(function.body, scopes, on_context=on_context)

    def _visit_path(self, path: Path, scopes: _Scopes, on_context: bool) -> _Scopes:
        """Visit the steps; return the scopes after the last one, with the names that `@` and `#` bind."""
        first = path.steps[0]
        bound: set[str] = set()
        scopes = (bound, *scopes)
        for step in path.steps:
            # A step's filters follow its bindings, except for those of #, which may be among them.
            bound.update(_names_bound_by(step))
            self.visit(step, scopes, on_context=on_context and step is first)
        return scopes

    def _visit_leaf(self, node: Node, scopes: _Scopes, on_context: bool) -> None:
        if isinstance(node, Variable):
            if node.name == "$":
                self.roots.append(node.position)
            elif node.name:
                if not _is_bound(node.name, scopes):
                    self.variables.append((node.position, node.name))
            elif on_context:
                self.context.append((node.position, "$"))
        elif on_context:
            name = node.name if isinstance(node, Name) else _SELECTORS.get(type(node))
            if name is not None:
                self.context.append((node.position, name))


def _names_bound_by(step: Node) -> set[str]:
    names = {stage.name for stage in step.stages if isinstance(stage, IndexBinding)}
    return names | {name for name in (step.focus, step.index) if name is not None}


def _is_bound(name: str, scopes: _Scopes) -> bool:
    return any(name in scope for scope in scopes)
