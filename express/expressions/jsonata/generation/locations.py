"""Location paths: `a.b[c > 1].(d * e)`.

The input of each step is known statically as one of two: a value, of which an array stands for its items (`Flow`), or
a list of results collected by a loop. Consecutive names are looked up by one expression, `data["a"]["b"]`; only if
that raises, the runtime support examines the value. Every other step becomes an inline loop.

Paths with bindings (`%`, `@`, `#`), and those in expressions that distinguish sequences from arrays, are passed, as
functions of their steps, to the runtime support (`paths`), which follows jsonata-js line by line.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from express.expressions.jsonata import ordering, paths, sequences
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import ANY, DICT, LIST, UNDEF, Code
from express.expressions.jsonata.generation.constructors import grouped
from express.expressions.jsonata.generation.filters import filtered, index_of, listed, select, turns
from express.expressions.jsonata.generation.handed_over import HandedOver
from express.expressions.jsonata.syntax import (
    ArrayConstructor,
    Block,
    Descendant,
    Filter,
    Name,
    Node,
    Parent,
    Path,
    Sort,
    Variable,
    Wildcard,
)

if TYPE_CHECKING:
    from express.expressions.jsonata.generation.generator import Generator

_WALKS: Final = {
    # (from the input of the expression, how the path goes on)
    (False, "on"): sequences.walk_on,
    (False, "last"): sequences.walk,
    (False, "kept"): sequences.walk_kept,
    (True, "on"): sequences.walk_input_on,
    (True, "last"): sequences.walk_input,
    (True, "kept"): sequences.walk_input_kept,
}


#: Maximum names looked up by one Python expression, whose nesting Python limits.
_NAMES_AT_ONCE: Final = 50

#: Runtime functions for the results of a step, by its ending: for its values, and for those of a literal index.
_VALUES: Final = {"on": sequences.join, "last": sequences.last, "kept": sequences.last_kept}
_PICKED: Final = {"on": sequences.join_picked, "last": sequences.last_picked, "kept": sequences.last_picked_kept}


@dataclass(frozen=True, slots=True)
class Flow:
    """The input of the next step: the items of an array, or another value itself.

    `one`: even an array is one item. `results`: certainly a list of items.
    """

    code: Code
    one: bool = False
    results: bool = False


def path(generator: Generator, node: Path) -> Code:
    """A whole path."""
    if generator.exact or any(step.tuple for step in node.steps):
        return HandedOver(generator, node).run()
    result = _Steps(generator, node).run()
    return result if node.group is None else grouped(generator, result, node.group)


class _Steps:
    """One path being compiled."""

    def __init__(self, generator: Generator, node: Path) -> None:
        self.generator = generator
        self.node = node
        self.steps = node.steps
        context = generator.context
        absolute = isinstance(node.steps[0], Variable)
        self.flow = Flow(context.code, one=absolute or context.root)

    def run(self) -> Code:
        """The value of the path; an uncollapsed sequence if it is grouped."""
        first = self.steps[0]
        constructed = isinstance(first, ArrayConstructor | Block) and first.cons_array
        start = 0
        result = self.flow.code
        if constructed:
            context = self.generator.context
            with self.generator.on(context.code, root=context.root, listed=True):
                array = self.generator.value(first)
            result = self._constructed(array)
            start = 1
        while start < len(self.steps):
            names = self._names_from(start)
            end = start + max(len(names), 1)
            is_last = end == len(self.steps)
            step = self.steps[start]
            result = self._walk(names, step, is_last=is_last) if names else self._step(step, is_last=is_last)
            start = end
        return self._unless_empty(array, result) if constructed else result

    def _unless_empty(self, array: Code, result: Code) -> Code:
        """If a leading array constructor gives an empty array, that is the value of the path, not UNDEFINED."""
        generator = self.generator
        value = generator.collapsed(result) if result.sequence and self.node.group is None else result
        empty: ast.expr = c.negated(array.expression)
        if not array.only(LIST):
            empty = c.all_of([c.is_type(array.expression, "list"), empty])
        whole = array.expression
        if self.node.keep_singleton_array and self.node.group is None:
            whole = c.list_of(whole)
        either = c.either(empty, whole, value.expression)
        return Code(generator.assign(either), value.kinds | LIST)

    def _names_from(self, start: int) -> list[str]:
        names = []
        for step in self.steps[start : start + _NAMES_AT_ONCE]:
            if not isinstance(step, Name) or step.stages or step.predicates or step.group:
                break
            names.append(step.name)
        return names

    # -------------------------------------------------------------- the end of a step

    def _ending(self, *, is_last: bool) -> str:
        """How a step ends: "on" for the input of the next step, "last" or "kept" for the value of the path."""
        if not is_last or self.node.group is not None:
            return "on"
        if not self.node.keep_singleton_array and _is_constructed(self.steps[-1]):
            return "last"
        return "kept" if self.node.keep_singleton_array or self.node.keep_array else "last"

    def _go_on(self, code: Code, *, results: bool = False) -> Code:
        self.flow = Flow(code, results=results)
        return code

    def _finish(self, value: Code, *, is_last: bool) -> Code:
        """End a step that gave one value."""
        generator = self.generator
        ending = self._ending(is_last=is_last)
        if ending == "last":
            return value
        if not value.may(UNDEF) and (ending == "on" or value.only(LIST)):
            return self._go_on(value)
        expression = value.expression
        if ending == "on":
            return self._go_on(value)
        undefined_or_list = c.any_of([c.is_undefined(expression), c.is_type(expression, "list")])
        kept = c.either(undefined_or_list, expression, c.list_of(expression))
        return Code(generator.assign(kept), LIST | UNDEF)

    def _finish_results(self, results: ast.expr, item: Code, step: Node, *, is_last: bool) -> Code:
        """End a step whose results per item were collected in a list; `item` describes one of them."""
        generator = self.generator
        if item.sequence or not item.may(LIST | UNDEF) or (not item.may(LIST) and not step.stages):
            return self._finish_sequence(results, item.items if item.sequence else item.kinds & ~UNDEF, is_last=is_last)
        ending = self._ending(is_last=is_last)
        function = (_PICKED if step.stages else _VALUES)[ending]
        finished = generator.assign(generator.support(function, results, c.name("evaluation")))
        if ending == "on":
            return self._go_on(Code(finished, LIST), results=True)
        return Code(finished)

    def _finish_sequence(self, sequence: ast.expr, items: int = ANY, *, is_last: bool) -> Code:
        """End a step whose results are a sequence, already flat."""
        generator = self.generator
        ending = self._ending(is_last=is_last)
        code = Code(sequence, LIST, sequence=True, items=items)
        if ending == "on":
            if is_last and _is_constructed(self.steps[-1]):
                # Grouping applies to the items of a single array.
                sequence = generator.assign(generator.support(sequences.only_array, sequence))
            return self._go_on(Code(sequence, LIST), results=True)
        if ending == "kept":
            return generator.kept(code)
        # A single constructed array is not wrapped in another.
        return generator.collapsed(code) if _is_constructed(self.steps[-1]) and not generator.exact else code

    # -------------------------------------------------------------- steps

    def _constructed(self, value: Code) -> Code:
        """An array constructor as the first step: the path continues with its items."""
        if not value.only(LIST):
            items = self.generator.support(sequences.by_length, value.expression)
            value = Code(self.generator.assign(items), LIST)
        return self._go_on(value, results=True)

    def _walk(self, names: list[str], step: Node, *, is_last: bool) -> Code:
        generator, flow = self.generator, self.flow
        ending = self._ending(is_last=is_last)
        keys = generator.bind(tuple(names))
        value = flow.code.expression
        fallback = generator.support(
            _WALKS[flow.one and generator.context.root, ending], value, keys, c.name("evaluation")
        )
        if flow.results and len(names) == 1:
            return self._field_of_each(names[0], step, ending)
        if flow.results or not flow.code.may(DICT):
            return self._walked(generator.assign(fallback), ending)
        direct = value
        for name in names:
            direct = c.item(direct, name)
        target = generator.fresh()
        found = generator.attempt(target, direct, generator.bind(sequences.MISSING, "missing"), fallback)
        if ending == "kept":
            kept = c.either(c.any_of([c.is_type(found, "list"), c.is_undefined(found)]), found, c.list_of(found))
            found = generator.store(target, kept)
        return self._walked(found, ending)

    def _field_of_each(self, name: str, step: Node, ending: str) -> Code:
        """One name, for each item of a list."""
        generator, items = self.generator, self.flow.code.expression
        item = generator.fresh("x")
        turn = ast.comprehension(c.target(item), generator.turns(items, step), [], 0)
        direct = ast.ListComp(c.item(c.name(item), name), [turn])
        fallback = generator.support(sequences.fields, items, c.constant(name), c.name("evaluation"))
        found = generator.attempt(generator.fresh(), direct, generator.bind(sequences.MISSING, "missing"), fallback)
        function = _VALUES[ending]
        return self._walked(generator.assign(generator.support(function, found, c.name("evaluation"))), ending)

    def _walked(self, found: ast.expr, ending: str) -> Code:
        if ending == "on":
            return self._go_on(Code(found, ANY & ~UNDEF))
        return Code(found, LIST | UNDEF if ending == "kept" else ANY)

    def _step(self, step: Node, *, is_last: bool) -> Code:
        if not self.flow.one and self.flow.code.may(UNDEF):
            # The first step is evaluated even without a context item.
            nothing = [c.undefined()] if step is self.steps[0] else []
            self.flow = Flow(listed(self.generator, self.flow.code, nothing))
        if isinstance(step, Sort):
            return self._sorted(step, is_last=is_last)
        if self.flow.one or not self.flow.code.may(LIST):
            return self._once(step, is_last=is_last)
        return self._for_each(step, is_last=is_last)

    def _once(self, step: Node, *, is_last: bool) -> Code:
        """A step applied to a single item."""
        generator = self.generator
        with generator.on(self.flow.code):
            value = self._value_of(step)
        return self._staged(value, step, is_last=is_last)

    def _value_of(self, step: Node) -> Code:
        """The value of a step for the context item."""
        generator = self.generator
        if isinstance(step, Name) and not step.predicates and step.group is None:
            return field(generator, step)
        return generator.value(step)

    def _staged(self, value: Code, step: Node, *, is_last: bool) -> Code:
        if _is_constructed(step) and self._ending(is_last=is_last) != "last":
            value = Code(self.generator.assign(c.list_of(value.expression)), LIST, sequence=True)
        for number, stage in enumerate(step.stages):
            assert isinstance(stage, Filter)
            if number and not value.sequence:
                value = listed(self.generator, value)
            value = filtered(self.generator, value, stage.expression)
        if value.sequence:
            return self._finish_sequence(value.expression, is_last=is_last)
        return self._finish(value, is_last=is_last)

    def _for_each(self, step: Node, *, is_last: bool) -> Code:
        """A step applied to every item, as a loop."""
        generator = self.generator
        source = generator.assign(turns(self.flow.code))
        results = generator.store(generator.fresh(), c.list_of())
        turns_taken = generator.turns(source, step)
        item = generator.fresh("x")
        known: list[Code] = []

        def one_turn() -> None:
            with generator.on(Code(c.name(item))):
                known.append(self._one_turn(step, results))

        generator.each(item, turns_taken, step, one_turn)
        return self._finish_results(results, known[-1], step, is_last=is_last)

    def _one_turn(self, step: Node, results: ast.expr) -> Code:
        """Emit one turn of the loop; return the code of one result. Items of a sequence are separate results."""
        generator = self.generator
        predicates = [stage.expression for stage in step.stages if isinstance(stage, Filter)]
        value = self._value_of(step)
        for number, predicate in enumerate(predicates):
            if number and not value.sequence:
                value = listed(generator, value)
            if predicate is predicates[-1] and index_of(predicate) is None:
                select(generator, generator.assign(turns(value)), predicate, results)
                return Code(results, LIST, sequence=True)
            value = filtered(generator, value, predicate)
        if predicates:
            generator.append(results, value.expression)
        else:
            self._collect(value, results)
        # Arrays constructed here are results themselves.
        return Code(value.expression, LIST, sequence=True) if _is_constructed(step) else value

    def _collect(self, value: Code, results: ast.expr) -> None:
        generator = self.generator
        if value.may(UNDEF):
            with generator.when(c.is_defined(value.expression)):
                generator.append(results, value.expression)
        else:
            generator.append(results, value.expression)

    def _sorted(self, step: Sort, *, is_last: bool) -> Code:
        generator = self.generator
        source = generator.support(sequences.items_of, self.flow.code.expression)
        terms = sort_terms(generator, step)
        with generator.nowhere():
            ordered = generator.support(ordering.sort, source, terms, c.constant(step.position), generator.evaluation())
            value = Code(generator.assign(ordered), LIST, sequence=True)
        for stage in step.stages:
            assert isinstance(stage, Filter)
            value = filtered(generator, value if value.sequence else listed(generator, value), stage.expression)
        if value.sequence:
            return self._finish_sequence(value.expression, is_last=is_last)
        return self._finish(value, is_last=is_last)


def _is_constructed(step: Node) -> bool:
    """Whether the step gives arrays that are not flattened."""
    return isinstance(step, ArrayConstructor) and step.cons_array and not (step.stages or step.predicates or step.group)


def sort_terms(generator: Generator, step: Sort) -> ast.expr:
    """`((key function, descending), ...)`."""
    terms = []
    for term in step.terms:
        item = generator.fresh("x")
        with generator.on(Code(c.name(item))):
            key = generator.body((item,), term.expression)
        terms.append(c.tuple_of(c.name(key), c.constant(term.descending)))
    return c.tuple_of(*terms)


# ---------------------------------------------------------------------------------------- steps as expressions


def field(generator: Generator, node: Name) -> Code:
    """A field of the context item by plain indexing, with the runtime support as fallback."""
    value = generator.context.code.expression
    fallback = generator.support(sequences.field, value, c.constant(node.name), c.name("evaluation"))
    missing = generator.bind(sequences.MISSING, "missing")
    if not generator.context.code.may(DICT):
        return Code(generator.assign(fallback))
    return Code(generator.attempt(generator.fresh(), c.item(value, node.name), missing, fallback))


def marked_field(generator: Generator, node: Name) -> Code:
    """The same, where the results from an array must be marked as a sequence."""
    if not generator.exact:
        return field(generator, node)
    value = generator.context.code.expression
    found = generator.support(paths.field, value, c.constant(node.name), c.name("marks"), c.name("evaluation"))
    return Code(generator.assign(found))


def wildcard(generator: Generator, node: Wildcard) -> Code:
    """`*`"""
    value = generator.context.code.expression
    if generator.context.listed:
        # JavaScript lists a sequence's own mark, which is true, among the values.
        listed = c.list_of(value, c.constant(value=True))
        value = generator.assign(c.either(c.is_type(value, "list"), value, listed))
    evaluation = c.name("evaluation")
    if generator.exact:
        return Code(generator.assign(generator.support(paths.wildcard, value, c.name("marks"), evaluation)))
    return Code(generator.assign(generator.support(sequences.wildcard_value, value, evaluation)))


def descendant(generator: Generator, node: Descendant) -> Code:
    """`**`"""
    found = generator.support(sequences.descendants, generator.context.code.expression, generator.evaluation())
    if generator.exact:
        found = generator.support(paths.sequence, found, c.name("marks"))
    return Code(generator.assign(found), LIST, sequence=True)


def parent(generator: Generator, node: Parent) -> Code:
    """`%`: a binding carried by the tuple stream."""
    return generator.variable(node.slot.label)
