"""The state of one compilation, and the processing common to all nodes.

A node is compiled by the function that `COMPILERS` has for its type, which returns the bare value; then follow the
node's filters, its grouping and the collapsing of sequences, in the order of jsonata-js `evaluate`.

Most expressions cannot distinguish a sequence from an array (`marking` decides that); in those, sequences are plain
lists that are collapsed where they are made. The others are compiled *exactly*: lists that are sequences are recorded
at run time in `marks`, which the code queries where the difference matters.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

from express.expressions.jsonata import paths, sequences, syntax, values
from express.expressions.jsonata.evaluation import FREE, PORTION, paced
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation import (
    constructors,
    control,
    filters,
    functions,
    intrinsics,
    locations,
    operations,
)
from express.expressions.jsonata.generation.code import BOOL, LIST, UNDEF, Code
from express.expressions.jsonata.generation.costs import weight
from express.expressions.jsonata.generation.dependence import is_local
from express.expressions.jsonata.generation.emitter import MAX_NESTED_LOOPS, parameters
from express.expressions.jsonata.generation.handed_over import filtered_stream
from express.expressions.jsonata.generation.variables import Lexical, Settings
from express.expressions.jsonata.syntax import Lambda, Node, Path, Transform
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Context:
    """The context item; `root`: it is the input of the whole expression, which is one item even if it is a list.

    `listed`: jsonata-js evaluates this part on an array of the item, which only `*` can observe.
    """

    code: Code
    root: bool = False
    listed: bool = False


class Generator(Lexical):
    """Compiles one syntax tree: `value` of its root."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.exact = settings.exact
        self.context = Context(Code(c.name("data")), root=True)
        #: The token that errors of operators report instead of their own.
        self.token: str | None = None

    # ------------------------------------------------------------------ nodes

    def value(self, node: Node) -> Code:
        """The value of a node."""
        return self.finish(self.decorated(node), node)

    def stream(self, node: Node) -> Code:
        """The value of a step; a tuple stream if it produces one."""
        return self.decorated(node) if _gives_tuples(node) else self.value(node)

    def decorated(self, node: Node) -> Code:
        """The value of a node with its filters and grouping, not collapsed."""
        result = COMPILERS[type(node)](self, node)
        if _gives_tuples(node) and node.predicates:
            return filtered_stream(self, node, result)
        if node.predicates or node.group is not None:
            result = self.loosened(result)
        for number, predicate in enumerate(node.predicates):
            if number and not result.sequence and not self.exact:
                result = filters.listed(self, result)
            result = filters.filtered(self, result, predicate.expression)
        if node.group is not None and not isinstance(node, Path):
            result = constructors.grouped(self, result, node.group)
        return result

    def finish(self, result: Code, node: Node) -> Code:
        """The end of jsonata-js `evaluate`: a sequence of one item becomes that item, an empty one UNDEFINED."""
        if _gives_tuples(node):
            marks = self.marks() or [c.constant(None)]
            keep = c.constant(node.keep_array)
            return Code(self.assign(self.support(paths.unstreamed, result.expression, *marks, keep)))
        if self.exact:
            never = isinstance(node, syntax.ArrayConstructor) and not node.predicates and node.group is None
            if never or not result.may(LIST):
                return result
            keep = c.constant(node.keep_array)
            return Code(self.assign(self.support(sequences.settle, result.expression, c.name("marks"), keep)))
        if result.mixed:
            return Code(self.assign(self.support(sequences.unmixed, result.expression, c.constant(node.keep_array))))
        if result.sequence:
            return self.kept(result) if node.keep_array else self.collapsed(result)
        if node.keep_array and node.predicates:
            return self.kept_value(result)
        return result

    def loosened(self, result: Code) -> Code:
        """A possible `Sequence` as an array that is not collapsed."""
        return Code(self.assign(self.support(sequences.loosened, result.expression))) if result.mixed else result

    def collapsed(self, result: Code) -> Code:
        value = result.expression
        if result.may(UNDEF):
            return Code(self.assign(self.support(sequences.collapse, value)))
        single = c.compare(c.call(c.name("len"), value), ast.Eq(), c.constant(1))
        rest = ast.BoolOp(ast.Or(), [value, c.undefined()])
        return Code(self.assign(c.either(single, c.item(value, 0), rest)))

    def array_argument(self, node: Node) -> Code:
        """The value of a node for a function that takes an array: a sequence may stay uncollapsed.

        This requires that none of its items is an array, since a single such item would be the argument itself.
        """
        result = self.decorated(node)
        if self.exact or node.keep_array or not result.sequence or result.items & LIST:
            return self.finish(result, node)
        array = self.assign(ast.BoolOp(ast.Or(), [result.expression, c.undefined()]))
        return Code(array, LIST | UNDEF, items=result.items)

    def kept(self, result: Code) -> Code:
        """A sequence that stays an array even with one item."""
        return Code(self.assign(ast.BoolOp(ast.Or(), [result.expression, c.undefined()])), LIST | UNDEF)

    def kept_value(self, result: Code) -> Code:
        """The result of an index as an array."""
        value = result.expression
        as_it_is = c.any_of([c.is_type(value, "list"), c.is_undefined(value)])
        return Code(self.assign(c.either(as_it_is, value, c.list_of(value))), LIST | UNDEF)

    def test(self, node: Node) -> ast.expr:
        """A Python condition with the truth of the node's effective boolean value."""
        if isinstance(node, syntax.Binary) and not node.predicates and node.group is None:
            condition = operations.condition(self, node)
            if condition is not None:
                return condition
        return self.truth(self.value(node))

    def chosen(self, node: syntax.Condition, write: Callable[[Node], Code]) -> Code:
        """`condition ? then : otherwise`; `write` compiles the branches."""
        result = self.fresh()
        with self.maybe(), self.when(self.test(node.condition)) as otherwise:
            then = write(node.then)
            self.store(result, then.expression)
        with self.maybe(), self.inside(otherwise):
            other = c.nothing() if node.otherwise is None else write(node.otherwise)
            self.store(result, other.expression)
        return Code(c.name(result), then.kinds | other.kinds)

    def truth(self, result: Code) -> ast.expr:
        if result.only(BOOL | c.NULL | c.STR | c.INT | c.DICT | UNDEF):
            return result.expression
        whole = self.support(values.truth, result.expression, c.name("evaluation"))
        return c.either(c.is_type(result.expression, "bool"), result.expression, whole)

    # ------------------------------------------------------------------ budget

    def turns(self, items: ast.expr, node: Node) -> ast.expr:
        """The items of a loop with the body `node`, charged.

        An outermost loop that reads only its items is charged only if it is long, so that most expressions need no
        budget. A very long loop is charged while it runs.
        """
        cost = c.constant(weight(node))
        turns = self.store(self.fresh(), items)
        count = c.call(c.name("len"), items)
        if self.runs_once and is_local(node):
            with self.when(c.compare(count, ast.Gt(), c.constant(FREE))):
                self.store(turns.id, self.support(paced, c.name("evaluation"), items, cost))
            return turns
        evaluation = self.evaluation()
        steps = self.store(self.fresh(), ast.BinOp(count, ast.Mult(), cost))
        with self.when(c.compare(steps, ast.Gt(), c.constant(PORTION))) as short:
            self.store(turns.id, self.support(paced, evaluation, items, cost))
        with self.inside(short):
            self.spend(steps)
        return turns

    def spend(self, steps: ast.expr) -> None:
        """Charge steps at this point of the code."""
        budget = ast.Attribute(self.evaluation(), "steps", c.LOAD)
        left = self.fresh()
        targets = [c.target(left), ast.Attribute(c.name("evaluation"), "steps", c.STORE)]
        self.emit(ast.Assign(list[ast.expr](targets), ast.BinOp(budget, ast.Sub(), steps)))
        with self.when(c.compare(c.name(left), ast.Lt(), c.constant(0))):
            self.do(c.method(c.name("evaluation"), "draw"))

    # ------------------------------------------------------------------ context and loops

    @contextmanager
    def on(self, item: Code, *, root: bool = False, listed: bool = False) -> Iterator[None]:
        """Make `item` the context."""
        before, self.context = self.context, Context(item, root, listed)
        try:
            yield
        finally:
            self.context = before

    def body(self, names: tuple[str, ...], node: Node, write: Callable[[Node], Code] | None = None) -> str:
        """Define a nested function for the code that `write` makes of a node; return its name. It charges its calls."""
        identifier = self.fresh("part")
        with self.maybe(), self.nowhere(), self.define(identifier, parameters(*names)):
            self.spend(c.constant(weight(node)))
            self.give((write or self.value)(node).expression)
        return identifier

    def each(
        self, item: str, source: ast.expr, node: Node, turn: Callable[[], None], *, index: str | None = None
    ) -> None:
        """A loop over `source` with the body `node`, written by `turn`.

        The body moves to a function of its own if necessary: closures made in it must keep the variables of their own
        turn, and Python limits the nesting of loops.
        """
        names = (item,) if index is None else (index, item)
        outline = self.function.loops >= MAX_NESTED_LOOPS or self.creates_closures(node)
        if outline:
            identifier = self.fresh("turn")
            with self.maybe(), self.nowhere(), self.define(identifier, parameters(*names)):
                turn()
                self.give(c.constant(None))
        targets: list[ast.expr] = [c.target(each) for each in names]
        target = targets[0] if index is None else ast.Tuple(targets, c.STORE)
        iterable = source if index is None else c.call(c.name("enumerate"), source)
        with self.maybe(), self.loop(target, iterable):
            if outline:
                self.do(c.call(c.name(identifier), *map(c.name, names)))
            else:
                turn()

    def creates_closures(self, node: Node) -> bool:
        """Whether evaluating `node` may make a closure over the surrounding variables."""
        if isinstance(node, Lambda | Transform):
            return True
        pending = [node]
        while pending:
            inner = pending.pop()
            if isinstance(inner, Lambda | Transform):
                return True
            inlined = self._inlined(inner)
            pending += [inlined.body if child is inlined else child for child in children(inner)]
        return False

    def _inlined(self, node: Node) -> Lambda | None:
        """The literal lambda of a call that is compiled to a loop, or None."""
        if not isinstance(node, syntax.Call):
            return None
        builtin = functions.builtin_of(self, node)
        inlined = builtin is not None and builtin.name in intrinsics.INLINED
        return intrinsics.literal_function(node) if inlined else None

    def scoped_body(self, names: tuple[str, ...], node: Node, write: Callable[[Node], Code] | None = None) -> str:
        """The same as `body`, with a frame of its own."""
        identifier = self.fresh("part")
        with self.maybe(), self.nowhere(), self.define(identifier, parameters(*names)), self.scope(node):
            self.spend(c.constant(weight(node)))
            self.give((write or self.value)(node).expression)
        return identifier

    def inline(self, function: Lambda, arguments: list[Code]) -> Code:
        """The value of a literal lambda, called inline."""
        with self.scope(function.body, known=tuple(function.parameters)) as variables:
            for number, parameter in enumerate(function.parameters):
                argument = arguments[number] if number < len(arguments) else c.nothing()
                variable = variables[parameter]
                self.store(variable.identifier, argument.expression)
                if variable.bindings == 1 and len(set(function.parameters)) == len(function.parameters):
                    variable.kinds = argument.kinds
            return functions.tail(self, function.body)


def _gives_tuples(node: Node) -> TypeGuard[syntax.Block]:
    return isinstance(node, syntax.Block) and node.tuple


Compiler: TypeAlias = "Callable[[Generator, Any], Code]"

#: The compile function for each type of node.
COMPILERS: Final[Mapping[type[Node], Compiler]] = {
    syntax.Literal: control.literal,
    syntax.Name: locations.marked_field,
    syntax.Wildcard: locations.wildcard,
    syntax.Descendant: locations.descendant,
    syntax.Parent: locations.parent,
    syntax.Variable: control.variable,
    syntax.Regex: control.regex,
    syntax.Negation: operations.negation,
    syntax.ArrayConstructor: constructors.array,
    syntax.ObjectConstructor: constructors.constructed,
    syntax.Binary: operations.binary,
    syntax.Condition: control.condition,
    syntax.Block: control.block,
    syntax.Bind: control.bind,
    syntax.Lambda: functions.function,
    syntax.Call: functions.call,
    syntax.Partial: functions.partial,
    syntax.Apply: functions.apply,
    syntax.Transform: functions.transform,
    syntax.Path: locations.path,
}
