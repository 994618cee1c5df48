"""The second pass of the parser: converts the output of the grammar to the tree of `syntax`.

Dots and brackets disappear: a chain of them becomes one `Path` whose steps carry their predicates, bindings, flags
and the ancestors that a `%` needs. Errors that depend on the context of a construct are found here (S0207 to S0217),
after all grammar errors, so that an expression with two mistakes reports the same one as jsonata-js 2.0.6
(`processAST`, whose order of work this follows, because the numbering of ancestors and the choice among errors depend
on it).

Nodes are finished in place. Left-associative operators (`a.b.c`, `1 + 2 + 3`) are followed in a loop, not by
recursion: such chains may be as long as the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.ancestry import Ancestry, pass_up
from express.expressions.jsonata.errors import STACK_OVERFLOW, JSONataError
from express.expressions.jsonata.phrases import (
    Bracket,
    Dot,
    End,
    FocusBinding,
    Grouping,
    OrderBy,
    PositionBinding,
)
from express.expressions.jsonata.syntax import (
    Apply,
    ArrayConstructor,
    Binary,
    Bind,
    Block,
    Call,
    Condition,
    Filter,
    Group,
    IndexBinding,
    Lambda,
    Literal,
    Name,
    Negation,
    Node,
    ObjectConstructor,
    Parent,
    Partial,
    Path,
    Sort,
    Transform,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LeansLeft = Dot | Bracket | Grouping | OrderBy | FocusBinding | PositionBinding | Binary | Apply


class Flattening:
    """One run of the second pass."""

    __slots__ = ("_ancestry", "_depth")

    def __init__(self, max_depth: int) -> None:
        self._ancestry = Ancestry()
        self._depth = max_depth

    def flatten(self, node: Node) -> Node:
        """The finished tree of `node`, which must not be used any more."""
        if self._depth == 0:
            raise JSONataError(STACK_OVERFLOW, node.position)
        self._depth -= 1
        leaning: list[_LeansLeft] = []
        while isinstance(node, _LeansLeft):
            leaning.append(node)
            node = node.left
        finish = _FINISHING.get(type(node))
        tree = node if finish is None else finish(self, node)
        while leaning:
            operator = leaning.pop()
            tree = _JOINING[type(operator)](self, operator, tree)
            if operator.keep_array:
                tree.keep_array = True
        self._depth += 1
        return tree

    def _flatten_all(self, outer: Node, inner: list[Node]) -> None:
        """Flatten in place nodes inside `outer`; their unresolved `%` are passed on to it."""
        # A loop: before Python 3.12 a comprehension costs a Python frame per level of nesting.
        for index, node in enumerate(inner):
            inner[index] = tree = self.flatten(node)
            pass_up(outer, tree)

    # Operands.

    def _finish_end(self, node: End) -> Node:
        raise JSONataError("S0207", node.position, token="(end)")

    def _finish_name(self, node: Name) -> Node:
        return Path(
            steps=[node], position=node.position, keep_array=node.keep_array, keep_singleton_array=node.keep_array
        )

    def _finish_parent(self, node: Parent) -> Node:
        self._ancestry.open_slot(node)
        return node

    def _finish_negation(self, node: Negation) -> Node:
        operand = self.flatten(node.operand)
        if isinstance(operand, Literal) and type(operand.value) in (int, float):
            operand.value = -operand.value
            return operand
        node.operand = operand
        pass_up(node, operand)
        return node

    def _finish_array(self, node: ArrayConstructor) -> Node:
        self._flatten_all(node, node.items)
        return node

    def _finish_object(self, node: ObjectConstructor) -> Node:
        for index, (key, value) in enumerate(node.pairs):
            node.pairs[index] = pair = self.flatten(key), self.flatten(value)
            pass_up(node, pair[0])
            pass_up(node, pair[1])
        return node

    def _finish_condition(self, node: Condition) -> Node:
        node.condition = self.flatten(node.condition)
        pass_up(node, node.condition)
        node.then = self.flatten(node.then)
        pass_up(node, node.then)
        if node.otherwise is not None:
            node.otherwise = self.flatten(node.otherwise)
            pass_up(node, node.otherwise)
        return node

    def _finish_block(self, node: Block) -> Node:
        self._flatten_all(node, node.expressions)
        node.cons_array = any(map(_gives_cons_array, node.expressions))
        return node

    def _finish_bind(self, node: Bind) -> Node:
        node.value = self.flatten(node.value)
        pass_up(node, node.value)
        return node

    def _finish_lambda(self, node: Lambda) -> Node:
        node.body = self.flatten(node.body)
        _mark_tail_calls(node.body)
        return node

    def _finish_call(self, node: Call | Partial) -> Node:
        self._flatten_all(node, node.arguments)
        node.procedure = self.flatten(node.procedure)
        return node

    def _finish_transform(self, node: Transform) -> Node:
        node.pattern = self.flatten(node.pattern)
        node.update = self.flatten(node.update)
        if node.delete is not None:
            node.delete = self.flatten(node.delete)
        return node

    # Left-associative operators: `left` is finished already.

    def _join_dot(self, dot: Dot, left: Node) -> Node:
        path = _as_path(left)
        if isinstance(left, Parent):
            path.seeking_parent = [left.slot]
        right = self.flatten(dot.right)
        steps = path.steps
        first_new = _first_unnamed(steps)
        if isinstance(right, Path):
            steps.extend(right.steps)
        else:
            _predicates_to_stages(right)
            steps.append(right)
        for index in range(first_new, len(steps)):
            steps[index] = _as_step(steps[index])
            if steps[index].keep_array:
                path.keep_singleton_array = True
        for end in (steps[0], steps[-1]):
            if isinstance(end, ArrayConstructor):
                end.cons_array = True
        self._ancestry.resolve_path(path)
        return path

    def _join_bracket(self, bracket: Bracket, left: Node) -> Node:
        step = left.steps[-1] if isinstance(left, Path) else left
        if step.group is not None:
            raise JSONataError("S0209", bracket.position)
        predicate = self.flatten(bracket.predicate)
        self._ancestry.resolve_predicate(step, predicate)
        found = Filter(predicate, bracket.position)
        if isinstance(left, Path):
            step.stages.append(found)
        else:
            step.predicates.append(found)
        return left

    def _join_grouping(self, grouping: Grouping, left: Node) -> Node:
        if left.group is not None:
            raise JSONataError("S0210", grouping.position)
        left.group = group = Group([], grouping.position)
        for key, value in grouping.pairs:
            group.pairs.append((self.flatten(key), self.flatten(value)))
        return left

    def _join_order_by(self, order_by: OrderBy, left: Node) -> Node:
        path = _as_path(left)
        sort = Sort(terms=order_by.terms, position=order_by.position)
        for term in sort.terms:
            term.expression = self.flatten(term.expression)
            pass_up(sort, term.expression)
        path.steps.append(sort)
        self._ancestry.resolve_path(path)
        return path

    def _join_focus(self, binding: FocusBinding, left: Node) -> Node:
        step = left.steps[-1] if isinstance(left, Path) else left
        if step.stages or step.predicates:
            raise JSONataError("S0215", binding.position)
        if isinstance(step, Sort):
            raise JSONataError("S0216", binding.position)
        if binding.keep_array:
            step.keep_array = True
        step.focus = binding.name
        step.tuple = True
        return left

    def _join_position(self, binding: PositionBinding, left: Node) -> Node:
        if not isinstance(left, Path):
            _predicates_to_stages(left)
        path = _as_path(left)
        step = path.steps[-1]
        if step.stages:
            step.stages.append(IndexBinding(binding.name, binding.position))
        else:
            step.index = binding.name
        step.tuple = True
        return path

    def _join_binary(self, binary: Binary, left: Node) -> Node:
        binary.left = left
        binary.right = self.flatten(binary.right)
        pass_up(binary, left)
        pass_up(binary, binary.right)
        return binary

    def _join_apply(self, apply: Apply, left: Node) -> Node:
        apply.left = left
        apply.right = self.flatten(apply.right)
        apply.keep_array = left.keep_array or apply.right.keep_array
        return apply


_FINISHING: Final[Mapping[type[Node], Callable[[Flattening, Any], Node]]] = {
    End: Flattening._finish_end,
    Name: Flattening._finish_name,
    Parent: Flattening._finish_parent,
    Negation: Flattening._finish_negation,
    ArrayConstructor: Flattening._finish_array,
    ObjectConstructor: Flattening._finish_object,
    Condition: Flattening._finish_condition,
    Block: Flattening._finish_block,
    Bind: Flattening._finish_bind,
    Lambda: Flattening._finish_lambda,
    Call: Flattening._finish_call,
    Partial: Flattening._finish_call,
    Transform: Flattening._finish_transform,
}

_JOINING: Final[Mapping[type[Node], Callable[[Flattening, Any, Node], Node]]] = {
    Dot: Flattening._join_dot,
    Bracket: Flattening._join_bracket,
    Grouping: Flattening._join_grouping,
    OrderBy: Flattening._join_order_by,
    FocusBinding: Flattening._join_focus,
    PositionBinding: Flattening._join_position,
    Binary: Flattening._join_binary,
    Apply: Flattening._join_apply,
}


def _as_path(node: Node) -> Path:
    return node if isinstance(node, Path) else Path(steps=[node], position=node.position)


def _predicates_to_stages(step: Node) -> None:
    step.stages, step.predicates = [*step.predicates], []


def _first_unnamed(steps: list[Node]) -> int:
    """The first step that a dot must still examine: earlier ones are done, trailing sorts are steps already."""
    index = len(steps) - 1
    while index > 0 and isinstance(steps[index], Sort):
        index -= 1
    return index


def _as_step(node: Node) -> Node:
    """A string as a step is a name; other literals are not allowed as steps."""
    if not isinstance(node, Literal):
        return node
    if not isinstance(node.value, str):
        raise JSONataError("S0213", node.position, value=node.value)
    return Name(name=node.value, **{slot: getattr(node, slot) for slot in Node.__slots__})


def _gives_cons_array(node: Node) -> bool:
    return node.cons_array or (isinstance(node, Path) and node.steps[0].cons_array)


def _mark_tail_calls(body: Node) -> None:
    """Mark the calls whose value is the value of the body; a call with a predicate is not in tail position."""
    if isinstance(body, Call):
        body.tail = not body.predicates
    elif isinstance(body, Condition):
        _mark_tail_calls(body.then)
        if body.otherwise is not None:
            _mark_tail_calls(body.otherwise)
    elif isinstance(body, Block) and body.expressions:
        _mark_tail_calls(body.expressions[-1])
