"""Literals, variables, blocks, conditions and regular expressions.

Little code is generated here: a variable is a Python variable, a block is the statements of its expressions in
sequence, in a frame of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.jsonata import regexes, values
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import FUNCTION, Code

if TYPE_CHECKING:
    import ast

    from express.expressions.jsonata.generation.generator import Generator
    from express.expressions.jsonata.syntax import Bind, Block, Condition, Literal, Regex, Variable


def literal(generator: Generator, node: Literal) -> Code:
    """A string, number, true, false or null."""
    value = node.value
    assert value is None or isinstance(value, str | int | float)
    return c.literal(values.number(value) if type(value) in (int, float) else value)  # type: ignore[arg-type]


def variable(generator: Generator, node: Variable) -> Code:
    """`$name`; `$` alone is the context item, `$$` the input of the expression."""
    return generator.variable(node.name) if node.name else generator.context.code


def bind(generator: Generator, node: Bind) -> Code:
    """`$name := value`"""
    return generator.bind_variable(node.name, generator.value(node.value))


def block(generator: Generator, node: Block) -> Code:
    """`(a; b; c)`: the value of the last."""
    result = c.nothing()
    with generator.scope(*node.expressions):
        for expression in node.expressions:
            last = expression is node.expressions[-1]
            result = generator.stream(expression) if last and node.tuple else generator.value(expression)
    return result


def condition(generator: Generator, node: Condition) -> Code:
    """`condition ? then : otherwise`"""
    return generator.chosen(node, generator.value)


def regex(generator: Generator, node: Regex) -> Code:
    """`/pattern/flags`, compiled at compile time."""
    compiled = compiled_regex(generator, node)
    return Code(generator.assign(c.method(compiled, "within", generator.evaluation())), FUNCTION)


def compiled_regex(generator: Generator, node: Regex) -> ast.expr:
    """A regular expression for a built-in, which charges its searches itself."""
    return generator.bind(regexes.compile_regex(node.pattern, node.flags, node.position), "regex")
