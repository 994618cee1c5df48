"""Resolution of each `%` to the step it means.

`%` is the value that the enclosing step was applied to. A value does not record its origin, so that step must
remember its input while it runs. The step is found at compile time: every `%` owns a `Slot`, which climbs the tree
while the second pass builds it from the leaves up. A node that contains an unresolved `%` lists its slot in
`seeking_parent`; when the node becomes a step of a path, the steps before it are asked, nearest first. A step that
selects from its input (a name, `*`) takes one level off the slot; a `%` on the way adds one. The step at which no
level is left is marked `ancestor`, and it and all steps that lead to it become `tuple` steps, which carry bindings
along.

This is jsonata-js 2.0.6 (`seekParent`, `pushAncestry`, `resolveAncestry`) with its quirks: nodes share lists of slots
on purpose, because a slot added for one must be visible to the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata import syntax
from express.expressions.jsonata.errors import TIMEOUT, JSONataError
from express.expressions.jsonata.syntax import Block, Name, Node, Parent, Path, Slot, Wildcard

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Upper bound of the steps asked for all `%` of an expression. Every `%` may have to walk past every other one.
_MAX_WALK: Final = 1_000_000

_KINDS: Final[Mapping[type[Node], str]] = {
    syntax.Name: "name",
    syntax.Wildcard: "wildcard",
    syntax.Descendant: "descendant",
    syntax.Parent: "parent",
    syntax.Variable: "variable",
    syntax.Regex: "regex",
    syntax.Negation: "unary",
    syntax.ArrayConstructor: "unary",
    syntax.ObjectConstructor: "unary",
    syntax.Binary: "binary",
    syntax.Condition: "condition",
    syntax.Block: "block",
    syntax.Bind: "bind",
    syntax.Lambda: "lambda",
    syntax.Call: "function",
    syntax.Partial: "partial",
    syntax.Placeholder: "operator",
    syntax.Apply: "apply",
    syntax.Transform: "transform",
    syntax.Sort: "sort",
    syntax.Path: "path",
}


class Ancestry:
    """Resolves the `%` of one expression."""

    __slots__ = ("_count", "_walked")

    def __init__(self) -> None:
        self._count = 0
        self._walked = 0

    def open_slot(self, parent: Parent) -> None:
        """Give a `%` its slot."""
        parent.slot = Slot(f"!{self._count}", 1)
        self._count += 1

    def resolve_path(self, path: Path) -> None:
        """Resolve the `%` of the last step within the path; unresolved ones are passed to outer paths."""
        for slot in _sought_by(path.steps[-1]):
            self._resolve(path, slot)

    def _resolve(self, path: Path, slot: Slot) -> None:
        steps = path.steps
        index = len(steps) - 2
        while slot.level > 0:
            if index < 0:
                path.seeking_parent.append(slot)
                return
            step = steps[index]
            index -= 1
            # Consecutive steps that bind names with @ all start from the same context.
            while index >= 0 and step.focus and steps[index].focus:
                self._walk(step)
                step = steps[index]
                index -= 1
            self.seek(step, slot)

    def resolve_predicate(self, step: Node, predicate: Node) -> None:
        """Resolve the `%` of a filter, in which the first level up is the filtered step."""
        if not predicate.seeking_parent:
            return
        for slot in predicate.seeking_parent:
            if slot.level == 1:
                self.seek(step, slot)
            else:
                slot.level -= 1
        pass_up(step, predicate)

    def seek(self, node: Node, slot: Slot) -> None:
        """Apply `node` to the slot, which may resolve it; raises S0217 for a node whose input cannot be determined."""
        self._walk(node)
        if isinstance(node, Name | Wildcard):
            _descend(node, slot)
        elif isinstance(node, Parent):
            slot.level += 1
        elif isinstance(node, Block):
            if node.expressions:
                node.tuple = True
                self.seek(node.expressions[-1], slot)
        elif isinstance(node, Path):
            node.tuple = True
            index = len(node.steps) - 1
            self.seek(node.steps[index], slot)
            while slot.level > 0 and index > 0:
                index -= 1
                self.seek(node.steps[index], slot)
        else:
            raise underivable(node)

    def _walk(self, node: Node) -> None:
        self._walked += 1
        if self._walked > _MAX_WALK:
            raise JSONataError(TIMEOUT, node.position)


def _descend(step: Node, slot: Slot) -> None:
    slot.level -= 1
    if slot.level == 0:
        if step.ancestor is not None:
            slot.label = step.ancestor.label
        step.ancestor = slot
        step.tuple = True


def pass_up(outer: Node, inner: Node) -> None:
    """Add the unresolved slots of `inner` to `outer`, which contains it."""
    slots = _sought_by(inner)
    if not slots:
        return
    if outer.seeking_parent:
        outer.seeking_parent.extend(slots)
    else:
        outer.seeking_parent = slots


def _sought_by(node: Node) -> list[Slot]:
    slots = node.seeking_parent
    if isinstance(node, Parent):
        slots = slots or []
        slots.append(node.slot)
    return slots


def underivable(node: Node) -> JSONataError:
    """S0217, without a position for paths and `%`, which have none in jsonata-js."""
    return JSONataError("S0217", None if isinstance(node, Path | Parent) else node.position, token=_kind(node))


def _kind(node: Node) -> str:
    """The name of this kind of node in jsonata-js."""
    if isinstance(node, syntax.Literal):
        if isinstance(node.value, str):
            return "string"
        return "value" if node.value is None or isinstance(node.value, bool) else "number"
    return _KINDS[type(node)]
