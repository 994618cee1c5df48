"""Paths that are not compiled to loops.

Such a path becomes a plan, which is data (`paths.Plan`), and functions for the expressions in it, compiled like all
others: functions of (item, tuple), where the tuple holds the bindings of `%`, `@` and `#`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.jsonata import paths, sequences
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import Code
from express.expressions.jsonata.generation.filters import index_of
from express.expressions.jsonata.generation.scopes import tuple_names
from express.expressions.jsonata.syntax import Block, Filter, IndexBinding, Node, Path, Sort, Variable

if TYPE_CHECKING:
    import ast

    from express.expressions.jsonata.generation.generator import Generator


def filtered_stream(generator: Generator, block: Block, stream: Code) -> Code:
    """A block with predicates that returns a tuple stream."""
    names = frozenset().union(*(tuple_names(expression) for expression in block.expressions))
    for predicate in block.predicates:
        index = index_of(predicate.expression)
        if index is not None:
            chosen = generator.support(paths.stream_index, stream.expression, c.constant(index))
        else:
            item, source = generator.fresh("x"), generator.fresh("b")
            with generator.on(Code(c.name(item))), generator.tuple_scope(source, names):
                test = c.name(generator.scoped_body((item, source), predicate.expression))
            chosen = generator.support(paths.stream_select, stream.expression, test, generator.evaluation())
        stream = Code(generator.assign(chosen))
    return stream


class HandedOver:
    """A path being compiled for the runtime support."""

    def __init__(self, generator: Generator, node: Path) -> None:
        self.generator = generator
        self.node = node
        self.names = tuple_names(node)
        self.functions: list[ast.expr] = []
        #: From the first step with bindings on, every item has a frame of its own.
        self.bound = False

    def run(self) -> Code:
        generator, node = self.generator, self.node
        steps = tuple(self._step(step, first=number == 0) for number, step in enumerate(node.steps))
        group = None
        if node.group is not None:
            pairs = tuple((self._function(key), self._function(value)) for key, value in node.group.pairs)
            group = paths.Grouping(pairs, node.group.position)
        plan = paths.Plan(steps, node.keep_singleton_array, node.keep_array, node.tuple, group)
        value = generator.context.code.expression
        single = generator.context.root or isinstance(node.steps[0], Variable)
        items = c.tuple_of(value) if single else generator.support(sequences.items_of, value)
        with generator.nowhere():
            result = generator.support(
                paths.run,
                generator.bind(plan, "plan"),
                items,
                value,
                c.tuple_of(*self.functions),
                *(generator.marks() or [c.constant(None)]),
                generator.evaluation(),
            )
            return Code(generator.assign(result))

    def _step(self, step: Node, *, first: bool) -> paths.Step:
        self.bound = self.bound or step.tuple
        stages = tuple(self._stage(stage) for stage in step.stages)
        terms = None
        evaluate = None
        if isinstance(step, Sort):
            terms = tuple((self._function(term.expression), term.descending) for term in step.terms)
        else:
            evaluate = self._function(step, constructed=first and step.cons_array, is_step=True)
        return paths.Step(
            evaluate=evaluate,
            terms=terms,
            stages=stages,
            constructed=first and step.cons_array,
            bound=step.tuple,
            focus=step.focus,
            index=step.index,
            ancestor=None if step.ancestor is None else step.ancestor.label,
            position=step.position,
        )

    def _stage(self, stage: Filter | IndexBinding) -> paths.Stage:
        if isinstance(stage, IndexBinding):
            return paths.Stage(name=stage.name)
        index = index_of(stage.expression)
        return paths.Stage(index=index) if index is not None else paths.Stage(test=self._function(stage.expression))

    def _function(self, node: Node, *, constructed: bool = False, is_step: bool = False) -> int:
        """Define a function of the item and its tuple; return its number."""
        generator = self.generator
        write = generator.stream if is_step else generator.value
        item, source = generator.fresh("x"), generator.fresh("b")
        # An array constructor as the first step has the context of the path.
        root = constructed and generator.context.root
        with generator.on(Code(c.name(item)), root=root, listed=constructed):
            if self.bound:
                with generator.tuple_scope(source, self.names):
                    identifier = generator.scoped_body((item, source), node, write)
            else:
                identifier = generator.body((item, source), node, write)
        self.functions.append(c.name(identifier))
        return len(self.functions) - 1
