"""The result of compiling a part of an expression: Python code for its value, and the static knowledge of that value.

Knowing the possible types of a value at compile time keeps the generated code short: guards against impossible types
are not generated.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Sets of possible types of a value, as bits.
UNDEF, NULL, BOOL, INT, FLOAT, STR, LIST, DICT, FUNCTION = (1 << bit for bit in range(9))
NUMBER: Final = INT | FLOAT
ANY: Final = (1 << 9) - 1

_KINDS: Final[dict[type, int]] = {
    type(None): NULL,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: STR,
}


#: Python creates one object for each of these; all nodes share it here, too.
LOAD: Final = ast.Load()
STORE: Final = ast.Store()


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression, and the kinds its value may have.

    The expression is a name or a constant, so that it may be used more than once: an earlier statement assigned the
    result of any work. `sequence`: a list that is a JSONata sequence not collapsed yet (or UNDEFINED, if `kinds`
    includes it). `items`: the kinds of the list's items. `mixed`: it may be a `Sequence`.
    """

    expression: ast.expr
    kinds: int = ANY
    sequence: bool = False
    items: int = ANY
    mixed: bool = False

    def only(self, kinds: int) -> bool:
        """Whether the value can have no other kinds."""
        return not self.kinds & ~kinds

    def may(self, kinds: int) -> bool:
        return bool(self.kinds & kinds)


def name(identifier: str) -> ast.Name:
    return ast.Name(identifier, LOAD)


def target(identifier: str) -> ast.Name:
    """A name to assign to."""
    return ast.Name(identifier, STORE)


def constant(value: Any) -> ast.Constant:
    return ast.Constant(value)


def literal(value: Any) -> Code:
    """The code of a JSON scalar."""
    return Code(constant(value), _KINDS[type(value)])


def call(function: ast.expr, *arguments: ast.expr) -> ast.Call:
    return ast.Call(function, list(arguments), [])


def method(target: ast.expr, attribute: str, *arguments: ast.expr) -> ast.Call:
    return call(ast.Attribute(target, attribute, LOAD), *arguments)


def item(target: ast.expr, key: Any) -> ast.Subscript:
    return ast.Subscript(target, constant(key), LOAD)


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left, [operator], [right])


def same(left: ast.expr, right: ast.expr) -> ast.expr:
    """`left is right`; False for a literal other than None, true and false, about which Python would warn."""
    if _is_literal(left) or _is_literal(right):
        return constant(value=False)
    return compare(left, ast.Is(), right)


def differs(left: ast.expr, right: ast.expr) -> ast.expr:
    """`left is not right`."""
    if _is_literal(left) or _is_literal(right):
        return constant(value=True)
    return compare(left, ast.IsNot(), right)


def _is_literal(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not (value.value is None or isinstance(value.value, bool))


def type_of(value: ast.expr) -> ast.Call:
    return call(name("type"), value)


def is_type(value: ast.expr, *types: str) -> ast.expr:
    """`type(value) is ...`, for any of several types, by name."""
    return any_of([same(type_of(value), name(kind)) for kind in types])


def any_of(tests: Sequence[ast.expr]) -> ast.expr:
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), list(tests))


def all_of(tests: Sequence[ast.expr]) -> ast.expr:
    if not tests:
        return constant(value=True)
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), list(tests))


def negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def either(test: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.IfExp:
    return ast.IfExp(test, then, otherwise)


def list_of(*items: ast.expr) -> ast.List:
    return ast.List(list(items), LOAD)


def tuple_of(*items: ast.expr) -> ast.Tuple:
    return ast.Tuple(list(items), LOAD)


#: `UNDEFINED` in generated code.
UNDEFINED_NAME: Final = "UNDEFINED"


def undefined() -> ast.Name:
    return name(UNDEFINED_NAME)


def nothing() -> Code:
    return Code(undefined(), UNDEF)


def is_undefined(value: ast.expr) -> ast.expr:
    return same(value, undefined())


def is_defined(value: ast.expr) -> ast.expr:
    return differs(value, undefined())
