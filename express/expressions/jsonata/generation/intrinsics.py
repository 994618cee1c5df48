"""Built-ins that are compiled inline.

Higher-order ones with a literal function become loops around the function's body; a few others are one Python
expression for their usual arguments. A call that an intrinsic declines (None) is compiled as an ordinary call.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeAlias

from express.expressions.jsonata import calls, operators
from express.expressions.jsonata.evaluation import SHORT
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import ANY, BOOL, DICT, INT, LIST, STR, UNDEF, Code
from express.expressions.jsonata.generation.constructors import array_of, is_range
from express.expressions.jsonata.generation.operations import for_text
from express.expressions.jsonata.syntax import ArrayConstructor, Call, Lambda, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from express.expressions.jsonata.generation.generator import Generator

Intrinsic: TypeAlias = "Callable[[Generator, Call], Code | None]"

#: Functions whose last argument, a literal lambda, is inlined into the loop.
INLINED: Final = frozenset(("map", "filter", "reduce"))


def literal_function(node: Call) -> Lambda | None:
    """The literal lambda argument of a higher-order function, if it can be inlined."""
    if len(node.arguments) < 2:
        return None
    given = node.arguments[1]
    plain = isinstance(given, Lambda) and given.signature is None and not given.predicates and given.group is None
    return given if plain else None  # type: ignore[return-value]


def _as_list(value: Code) -> ast.expr:
    if value.only(LIST):
        return value.expression
    if not value.may(LIST):
        return c.list_of(value.expression)
    return c.either(c.is_type(value.expression, "list"), value.expression, c.list_of(value.expression))


def _loop(
    generator: Generator,
    node: Call,
    write: Callable[[ast.expr, Code, ast.expr], None],
) -> Code | None:
    """`$map` and `$filter` with a literal function; `write` gets the item and the function's result for it.

    It appends to a list, which is the resulting sequence; an UNDEFINED source gives UNDEFINED.
    """
    function = literal_function(node)
    if function is None or len(node.arguments) != 2:
        return None
    known: list[int] = []
    source = generator.value(node.arguments[0])
    with generator.at(node.position, called=node_name(node), pin=True):
        result = generator.store(generator.fresh(), c.undefined())
        with generator.when(c.is_defined(source.expression)):
            items = generator.assign(_as_list(source))
            turns = generator.turns(items, function.body)
            generator.store(result.id, c.list_of())
            item, index = generator.fresh("x"), generator.fresh("i")
            wants_index = len(function.parameters) >= 2

            def one_turn() -> None:
                whole = [Code(c.name(item)), Code(c.name(index), INT), Code(items, LIST)]
                answer = generator.inline(function, whole)
                known.append(answer.kinds)
                write(c.name(item), answer, result)

            generator.each(item, turns, function.body, one_turn, index=index if wants_index else None)
        if generator.exact:
            generator.do(c.method(c.name("marks"), "sequence", result))
    items_kinds = known[-1] & ~UNDEF if node_name(node) == "map" else ANY
    return Code(result, LIST | UNDEF if source.may(UNDEF) else LIST, sequence=True, items=items_kinds)


def node_name(node: Call) -> str:
    name = getattr(node.procedure, "name", "")
    return name if isinstance(name, str) else ""


def _map(generator: Generator, node: Call) -> Code | None:
    def write(item: ast.expr, answer: Code, result: ast.expr) -> None:
        if answer.may(UNDEF):
            with generator.when(c.is_defined(answer.expression)):
                generator.append(result, answer.expression)
        else:
            generator.append(result, answer.expression)

    return _loop(generator, node, write)


def _filter(generator: Generator, node: Call) -> Code | None:
    def write(item: ast.expr, answer: Code, result: ast.expr) -> None:
        with generator.when(generator.truth(answer)):
            generator.append(result, item)

    return _loop(generator, node, write)


def _reduce(generator: Generator, node: Call) -> Code | None:
    function = literal_function(node)
    if function is None or not 2 <= len(function.parameters) <= 4 or len(node.arguments) > 3:
        return None
    if len(node.arguments) == 3 and not isinstance(node.arguments[2], Literal):
        return None
    source = generator.value(node.arguments[0])
    with generator.at(node.position, called=node_name(node), pin=True):
        result = generator.store(generator.fresh(), c.undefined())
        with generator.when(c.is_defined(source.expression)):
            items = generator.assign(_as_list(source))
            _fold(generator, node, function, items, result)
    return Code(result)


def _fold(generator: Generator, node: Call, function: Lambda, items: ast.expr, result: ast.Name) -> None:
    """The loop of `$reduce`; without an initial value it starts with the first item."""
    item, index = generator.fresh("x"), generator.fresh("i")
    source = items
    if len(node.arguments) == 3:
        generator.store(result.id, generator.value(node.arguments[2]).expression)
    else:
        with generator.when(items):
            generator.store(result.id, c.item(items, 0))
        rest = ast.Subscript(items, ast.Slice(c.constant(1), None, None), c.LOAD)
        source = generator.assign(rest)
    wants_index = len(function.parameters) >= 3
    # In an outlined loop the result would be another function's variable, so it is kept in a list.
    kept = generator.store(generator.fresh(), c.list_of(result))

    def one_turn() -> None:
        so_far = Code(generator.store(generator.fresh(), c.item(kept, 0)))
        place: ast.expr = c.name(index)
        if len(node.arguments) != 3:
            place = ast.BinOp(place, ast.Add(), c.constant(1))
        arguments = [so_far, Code(c.name(item))]
        if wants_index:
            arguments += [Code(generator.assign(place), INT), Code(items, LIST)]
        answer = generator.inline(function, arguments)
        target = ast.Subscript(kept, c.constant(0), c.STORE)
        generator.emit(ast.Assign([target], answer.expression))

    turns = generator.turns(source, function.body)
    generator.each(item, turns, function.body, one_turn, index=index if wants_index else None)
    generator.store(result.id, c.item(kept, 0))


def _exists(generator: Generator, node: Call) -> Code | None:
    if len(node.arguments) != 1:
        return None
    return Code(generator.assign(c.is_defined(generator.value(node.arguments[0]).expression)), BOOL)


def _boolean(generator: Generator, node: Call) -> Code | None:
    if len(node.arguments) != 1:
        return None
    return _truth(generator, generator.value(node.arguments[0]), negated=False)


def _not(generator: Generator, node: Call) -> Code | None:
    if len(node.arguments) != 1:
        return None
    return _truth(generator, generator.value(node.arguments[0]), negated=True)


def _truth(generator: Generator, value: Code, *, negated: bool) -> Code:
    """`$boolean` and `$not`; UNDEFINED for UNDEFINED."""
    yes, no = c.constant(value=not negated), c.constant(value=negated)
    answer: ast.expr = c.either(generator.truth(value), yes, no)
    if value.may(UNDEF):
        answer = c.either(c.is_undefined(value.expression), c.undefined(), answer)
    return Code(generator.assign(answer), BOOL | (UNDEF & value.kinds))


def _count(generator: Generator, node: Call) -> Code | None:
    if len(node.arguments) != 1:
        return None
    value = generator.array_argument(node.arguments[0])
    items = value.expression
    length: ast.expr = c.call(c.name("len"), items)
    if not value.only(LIST):
        other: ast.expr = c.constant(1)
        if value.may(UNDEF):
            other = c.either(c.is_undefined(items), c.constant(0), other)
        length = c.either(c.is_type(items, "list"), length, other)
    return Code(generator.assign(length), INT)


def _string(generator: Generator, node: Call) -> Code | None:
    if len(node.arguments) != 1:
        return None
    value = for_text(generator, node.arguments[0])
    with generator.at(node.position, called="string"):
        general = generator.support(operators.string, value.expression, c.name("evaluation"))
        text = c.either(c.is_type(value.expression, "str"), value.expression, general)
        return Code(generator.assign(text), STR | (UNDEF & value.kinds))


def _of_text(method: str) -> Intrinsic:
    """A function of one string that is a method of `str` for short ASCII strings."""

    def intrinsic(generator: Generator, node: Call) -> Code | None:
        if len(node.arguments) != 1:
            return None
        value = generator.value(node.arguments[0])
        text = value.expression
        name = node_name(node)
        with generator.at(node.position, called=name):
            short = c.compare(c.call(c.name("len"), text), ast.Lt(), c.constant(SHORT))
            tests = [c.is_type(text, "str"), c.method(text, "isascii"), short]
            builtin = generator.bind(BUILTINS[name], "b")
            general = generator.support(
                calls.call_builtin, builtin, c.name("evaluation"), generator.context.code.expression, text
            )
            result = c.either(c.all_of(tests), c.method(text, method), general)
            return Code(generator.assign(result), STR | (UNDEF & value.kinds))

    return intrinsic


def _merge(generator: Generator, node: Call) -> Code | None:
    """`$merge([a, b])`, the usual way to extend an object: one dict display if all items are small objects."""
    given = node.arguments[0] if len(node.arguments) == 1 else None
    if not isinstance(given, ArrayConstructor) or given.predicates or given.group is not None or generator.exact:
        return None
    if not given.items or any(is_range(item) or isinstance(item, ArrayConstructor) for item in given.items):
        return None
    objects = [generator.value(item) for item in given.items]
    tests = []
    for item in objects:
        if not item.only(DICT):
            length = c.call(c.name("len"), item.expression)
            short = c.compare(length, ast.Lt(), c.constant(SHORT))
            tests += [c.is_type(item.expression, "dict"), short]
    merged = ast.Dict([None] * len(objects), [item.expression for item in objects])
    if not tests:
        return Code(generator.assign(merged), DICT)
    with generator.at(node.position, called="merge"):
        result = generator.store(generator.fresh(), c.undefined())
        with generator.when(c.all_of(tests)) as otherwise:
            generator.store(result.id, merged)
        with generator.inside(otherwise):
            array = array_of(generator, list(zip(given.items, objects, strict=True)))
            builtin = generator.bind(BUILTINS["merge"], "b")
            context = generator.context.code.expression
            general = generator.support(calls.call_builtin, builtin, c.name("evaluation"), context, array)
            generator.store(result.id, general)
    return Code(result, DICT)


INTRINSICS: Final[Mapping[str, Intrinsic]] = {
    "map": _map,
    "filter": _filter,
    "reduce": _reduce,
    "exists": _exists,
    "boolean": _boolean,
    "not": _not,
    "count": _count,
    "merge": _merge,
    "string": _string,
    "uppercase": _of_text("upper"),
    "lowercase": _of_text("lower"),
}
