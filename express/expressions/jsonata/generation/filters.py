"""Predicates `[...]`.

The result of a predicate decides its meaning: a number is an index, a boolean selects. A literal number is certainly
an index; an operator that returns booleans compiles to a plain condition; only a predicate that could be either is
checked per item (`sequences.picked`).
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from express.expressions.jsonata import paths, sequences
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import ANY, LIST, NUMBER, UNDEF, Code
from express.expressions.jsonata.syntax import Binary, Literal, Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.expressions.jsonata.generation.generator import Generator

#: Operators whose result is true, false or UNDEFINED.
_DECIDING = frozenset(("=", "!=", "<", "<=", ">", ">=", "and", "or", "in"))


def index_of(predicate: Node) -> int | None:
    """The index of a literal number, rounded down; None for any other predicate."""
    if isinstance(predicate, Literal) and type(predicate.value) in (int, float):
        return int(predicate.value // 1)
    return None


def filtered(generator: Generator, items: Code, predicate: Node) -> Code:
    """The items, or the single value, that a predicate selects."""
    index = index_of(predicate)
    if generator.exact:
        return _exactly(generator, items, predicate, index)
    if index is not None:
        return _at_index(generator, items, index)
    return _selected(generator, items, predicate)


def listed(generator: Generator, value: Code, nothing: Sequence[ast.expr] = ()) -> Code:
    """A value as the next predicate or step iterates it: UNDEFINED becomes an empty list, or a list of `nothing`."""
    empty = c.either(c.is_undefined(value.expression), c.list_of(*nothing), value.expression)
    return Code(generator.assign(empty), ANY & ~UNDEF)


def _at_index(generator: Generator, items: Code, index: int) -> Code:
    found = generator.support(sequences.at_index, items.expression, c.constant(index))
    if index == 0 and items.may(LIST):
        value = items.expression
        first = c.all_of([c.is_type(value, "list"), value])
        found = c.either(first, c.item(value, 0), found)  # type: ignore[assignment]
    return Code(generator.assign(found))


def _exactly(generator: Generator, items: Code, predicate: Node, index: int | None) -> Code:
    if index is not None:
        found = generator.support(paths.index, items.expression, c.constant(index), c.name("marks"))
        return Code(generator.assign(found))
    item = generator.fresh("x")
    with generator.on(Code(c.name(item))):
        identifier = generator.body((item,), predicate)
    with generator.nowhere():
        chosen = generator.support(
            paths.select, items.expression, c.name(identifier), c.name("marks"), generator.evaluation()
        )
        return Code(generator.assign(chosen), LIST, sequence=True)


def turns(items: Code) -> ast.expr:
    """The iterable of a loop over a value: the items of an array, or the value itself, even if UNDEFINED."""
    if items.only(LIST):
        return items.expression
    if not items.may(LIST):
        return c.tuple_of(items.expression)
    return c.either(c.is_type(items.expression, "list"), items.expression, c.tuple_of(items.expression))


def _selected(generator: Generator, items: Code, predicate: Node) -> Code:
    source = generator.assign(turns(items))
    chosen = generator.store(generator.fresh(), c.list_of())
    select(generator, source, predicate, chosen)
    return Code(chosen, LIST, sequence=True)


def select(generator: Generator, source: ast.expr, predicate: Node, chosen: ast.expr) -> None:
    """Append to `chosen` the items of the list or tuple `source` that a predicate selects."""
    items = generator.turns(source, predicate)
    deciding = isinstance(predicate, Binary) and predicate.operator in _DECIDING and not predicate.predicates
    item, index = generator.fresh("x"), generator.fresh("i")

    def one_turn() -> None:
        context = Code(c.name(item))
        with generator.on(context):
            if deciding:
                with generator.when(generator.test(predicate)):
                    generator.append(chosen, c.name(item))
            else:
                _pick(generator, predicate, c.name(item), c.name(index), source, chosen)

    if deciding:
        generator.each(item, items, predicate, one_turn)
    else:
        generator.each(item, items, predicate, one_turn, index=index)


def _pick(
    generator: Generator, predicate: Node, item: ast.expr, index: ast.expr, source: ast.expr, chosen: ast.expr
) -> None:
    answer = generator.value(predicate)
    value = answer.expression
    if not answer.may(NUMBER | LIST):
        with generator.when(generator.truth(answer)):
            generator.append(chosen, item)
        return
    generator.emit(ast.If(c.same(value, c.constant(value=True)), [], []))
    decided = generator.block[-1]
    assert isinstance(decided, ast.If)
    with generator.inside(decided.body):
        generator.append(chosen, item)
    with generator.inside(decided.orelse), generator.when(_undecided(answer)):
        count = c.call(c.name("len"), source)
        times = generator.support(sequences.picked, value, index, count, c.name("evaluation"))
        picked = ast.BinOp(c.list_of(item), ast.Mult(), times)
        generator.do(c.method(chosen, "extend", picked))


def _undecided(answer: Code) -> ast.expr:
    test = c.differs(answer.expression, c.constant(value=False))
    return c.all_of([test, c.is_defined(answer.expression)]) if answer.may(UNDEF) else test
