"""`[...]` and `{...}`: arrays, objects and grouping."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from express.expressions.jsonata import grouping, sequences
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import DICT, LIST, UNDEF, Code
from express.expressions.jsonata.generation.dependence import uses_context
from express.expressions.jsonata.syntax import ArrayConstructor, Binary, Group, Literal, Node, ObjectConstructor

if TYPE_CHECKING:
    from express.expressions.jsonata.generation.generator import Generator


def array(generator: Generator, node: ArrayConstructor) -> Code:
    """`[a, b]`: UNDEFINED is left out; an array is flattened into it, unless it is a nested array constructor."""
    items = [(item, generator.value(item)) if not is_range(item) else _range(generator, item) for item in node.items]
    made = array_of(generator, items)
    if generator.exact and node.cons_array:
        return Code(generator.assign(generator.support(sequences.construct, made, c.name("marks"))), LIST)
    return Code(made, LIST)


def is_range(item: Node) -> bool:
    return isinstance(item, Binary) and item.operator == ".." and not item.predicates and item.group is None


def _range(generator: Generator, item: Node) -> tuple[Node, Code]:
    """A range is extended into the array, so it need not be collapsed first."""
    return item, Code(generator.decorated(item).expression, LIST)


def array_of(generator: Generator, items: list[tuple[Node, Code]]) -> ast.expr:
    """A list display of the leading items whose presence is certain; the rest is appended."""
    certain: list[ast.expr] = []
    rest = list(items)
    while rest and _is_one(*rest[0]):
        certain.append(rest.pop(0)[1].expression)
    made = generator.store(generator.fresh(), c.list_of(*certain))
    for node, item in rest:
        if _is_one(node, item):
            generator.append(made, item.expression)
        else:
            _append(generator, made, node, item)
    return made


def _is_one(node: Node, item: Code) -> bool:
    return not item.may(UNDEF) and (_is_nested(node) or not item.may(LIST))


def _is_nested(node: Node) -> bool:
    """Whether an item is not flattened; jsonata-js checks only the token, so the string "[" counts as well."""
    return isinstance(node, ArrayConstructor) or (isinstance(node, Literal) and node.value == "[")


def _append(generator: Generator, made: ast.expr, node: Node, item: Code) -> None:
    value = item.expression
    if _is_nested(node) or not item.may(LIST):
        with generator.when(c.is_defined(value)):
            generator.append(made, value)
        return
    if item.only(LIST):
        _extend(generator, made, value)
        return
    with generator.when(c.is_type(value, "list")) as otherwise:
        _extend(generator, made, value)
    with generator.inside(otherwise):
        if item.may(UNDEF):
            with generator.when(c.is_defined(value)):
                generator.append(made, value)
        else:
            generator.append(made, value)


def _extend(generator: Generator, made: ast.expr, value: ast.expr) -> None:
    generator.pay_for(value)
    generator.do(c.method(made, "extend", value))


# ---------------------------------------------------------------------------------------- objects


def constructed(generator: Generator, node: ObjectConstructor) -> Code:
    """`{k: v}`: grouping of the context by keys, which are usually literals."""
    context = generator.context
    # The input of the whole expression counts as one item here, even if it is an array.
    single = context.root or not context.code.may(LIST)
    if _has_plain_keys(node.pairs):
        return _literal_keys(generator, node.pairs, context.code, single=single)
    items = c.tuple_of(context.code.expression) if single else None
    return _grouped(generator, node.pairs, context.code.expression, items, node.position)


def grouped(generator: Generator, items: Code, group: Group) -> Code:
    """`expression{k: v}`."""
    return _grouped(generator, group.pairs, items.expression, None, group.position)


def _has_plain_keys(pairs: list[tuple[Node, Node]]) -> bool:
    keys = [key.value if isinstance(key, Literal) and not key.predicates else None for key, _ in pairs]
    return all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys)


def _literal_keys(generator: Generator, pairs: list[tuple[Node, Node]], context: Code, *, single: bool) -> Code:
    """Every item has every key, so each value is evaluated once, on all items together."""
    whole = context
    if not single and any(uses_context(value) for _, value in pairs):
        joined = generator.support(grouping.together, context.expression)
        whole = Code(generator.assign(c.either(c.is_type(context.expression, "list"), joined, context.expression)))
    with generator.on(whole):
        values = [generator.value(value) for _, value in pairs]
    keys = [c.constant(_text(key)) for key, _ in pairs]
    made = generator.store(generator.fresh(), ast.Dict(list[ast.expr | None](keys), [v.expression for v in values]))
    for key, value in zip(keys, values, strict=True):
        if value.may(UNDEF):
            with generator.when(c.is_undefined(value.expression)):
                generator.emit(ast.Delete([ast.Subscript(made, key, ast.Del())]))
    return Code(made, DICT)


def _text(key: Node) -> str:
    assert isinstance(key, Literal)
    return str(key.value)


def _grouped(
    generator: Generator,
    pairs: list[tuple[Node, Node]],
    value: ast.expr,
    items: ast.expr | None,
    position: int,
) -> Code:
    """The general case, in which keys and values become functions of the item."""
    functions = tuple_functions(generator, pairs)
    with generator.nowhere():
        source = items if items is not None else generator.support(sequences.items_of, value)
        made = generator.support(grouping.group, source, functions, c.constant(position), generator.evaluation())
        return Code(generator.assign(made), DICT)


def tuple_functions(generator: Generator, pairs: list[tuple[Node, Node]]) -> ast.expr:
    """`((key function, value function), ...)`, functions of one item each."""
    return c.tuple_of(*[c.tuple_of(_of_item(generator, key), _of_item(generator, value)) for key, value in pairs])


def _of_item(generator: Generator, node: Node) -> ast.expr:
    item = generator.fresh("x")
    with generator.on(Code(c.name(item))):
        return c.name(generator.body((item,), node))
