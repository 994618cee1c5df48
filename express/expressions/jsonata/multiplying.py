"""Results whose JSON is much larger than their memory.

Values share their parts: `$x := [[$x], [$x]]`, repeated sixty times, is sixty small arrays whose JSON text fits into
no computer; `items.{"all": $order}` holds the order once in memory but once per item in JSON. The budget of an
evaluation does not notice, since nothing is copied, but serialising such a result exhausts the memory of the process.
Therefore a result's expanded size is checked before it is returned.

The check takes about as long as serialising. Most expressions cannot repeat the data more often than their text
mentions it: they mention outside values only outside loops and use none of their own variables twice. A static
analysis of the expression finds those, and skips the check.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.errors import MEMORY, JSONataError
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.syntax import (
    Apply,
    Binary,
    Bind,
    Call,
    Condition,
    Descendant,
    Filter,
    Lambda,
    Negation,
    Node,
    Parent,
    Partial,
    Path,
    Sort,
    Transform,
    Variable,
)
from express.expressions.jsonata.traversal import parts

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation
    from express.expressions.jsonata.values import Value

#: This many characters of a string weigh as much as one item.
_CHARACTERS_AN_ITEM: Final = 16
#: Functions whose results are numbers, booleans and texts only, which are charged when they are made.
_SCALAR_FUNCTIONS: Final = frozenset(
    (
        *("abs", "average", "boolean", "ceil", "contains", "count", "exists", "floor", "formatNumber", "fromMillis"),
        *("join", "length", "lowercase", "max", "min", "not", "number", "pad", "power", "replace", "round", "string"),
        *("substring", "substringAfter", "substringBefore", "sum", "toMillis", "trim", "type", "uppercase"),
    )
)


def weighed(value: Value, evaluation: Evaluation) -> Value:
    """The value, if its expanded size is within the limit of an array's items; raises U1002 otherwise."""
    most = evaluation.limits.items
    weight = 0
    pending = [value]
    while pending:
        part = pending.pop()
        kind = type(part)
        if kind is str:
            weight += len(part) // _CHARACTERS_AN_ITEM
        elif kind is list or kind is dict:
            weight += len(part)
            evaluation.spend(1 + len(part) >> 1)
            pending += part if kind is list else part.values()
        if weight > most:
            raise JSONataError(MEMORY)
    return value


def may_multiply(tree: Node) -> bool:
    """Whether the result may expand to much more than the data and the expression; True if this cannot be decided."""
    return _Search().multiplies(tree)


class _Search:
    """One traversal of a tree; depths count the loops and functions around a node."""

    def __init__(self) -> None:
        #: The depths at which names are bound; all other names come from outside.
        self.bound: dict[str, int] = {}
        #: Names whose new value may contain their old one.
        self.growing: set[str] = set()
        self.uses: Counter[str] = Counter()

    def multiplies(self, tree: Node) -> bool:
        return self._visit(tree, 0, kept=True) or any(self.uses[name] > 1 for name in self.growing)

    def _visit(self, node: Node, depth: int, *, kept: bool) -> bool:
        """Record bindings and uses; True if the expression may multiply. `kept`: the value may go into the result."""
        if isinstance(node, Parent | Descendant | Transform | Partial) or node.focus is not None:
            return True
        if isinstance(node, Variable) and node.name and kept:
            self.uses[node.name] += 1
            if depth > self.bound.get(node.name, 0):
                return True
        if isinstance(node, Bind):
            self.bound[node.name] = min(depth, self.bound.get(node.name, depth))
            self.growing.add(node.name)
            kept = True
        return self._visit_decorations(node, depth) or self._visit_parts(node, depth, kept=kept)

    def _visit_decorations(self, node: Node, depth: int) -> bool:
        for stage in (*node.predicates, *node.stages):
            if isinstance(stage, Filter) and self._visit(stage.expression, depth + 1, kept=False):
                return True
        pairs = [] if node.group is None else node.group.pairs
        return any(self._visit(part, depth + 1, kept=True) for pair in pairs for part in pair)

    def _visit_parts(self, node: Node, depth: int, *, kept: bool) -> bool:
        if isinstance(node, Path):
            return any(self._visit(step, depth + bool(number), kept=kept) for number, step in enumerate(node.steps))
        if isinstance(node, Lambda):
            return self._visit_lambda(node, depth + 1, kept=kept)
        if isinstance(node, Apply) and not isinstance(node.right, Call) and not _is_builtin(node.right):
            return True
        if isinstance(node, Call):
            return self._visit_call(node, depth, kept=kept)
        if isinstance(node, Condition) and self._visit(node.condition, depth, kept=False):
            return True
        kept = kept and not isinstance(node, Binary | Negation | Sort)
        return any(self._visit(part, depth, kept=kept) for part in parts(node))

    def _visit_lambda(self, function: Lambda, depth: int, *, kept: bool) -> bool:
        outside = self.bound
        self.bound = {**outside, **dict.fromkeys(function.parameters, depth)}
        settled = self._visit(function.body, depth, kept=kept)
        self.bound = outside
        return settled

    def _visit_call(self, call: Call, depth: int, *, kept: bool) -> bool:
        name = call.procedure.name if isinstance(call.procedure, Variable) else ""
        if name not in BUILTINS or name in self.bound:
            return True
        folding = call.arguments[1] if name == "reduce" and len(call.arguments) > 1 else None
        if isinstance(folding, Lambda) and folding.parameters:
            # The accumulator is passed to itself on every turn.
            self.growing.add(folding.parameters[0])
        kept = kept and name not in _SCALAR_FUNCTIONS
        return any(self._visit(argument, depth, kept=kept) for argument in call.arguments)


def _is_builtin(node: Node) -> bool:
    return isinstance(node, Variable) and node.name in BUILTINS
