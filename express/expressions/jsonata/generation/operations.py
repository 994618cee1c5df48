"""Operators, compiled inline for their usual operands.

`a * b` becomes a plain multiplication guarded by a test that both are numbers; other operands are passed to the
runtime support (`operators`), which implements the remaining rules and the errors. A test that the known kinds of an
operand make redundant is left out.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from express.expressions.jsonata import operators
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import BOOL, INT, LIST, NUMBER, STR, UNDEF, Code
from express.expressions.jsonata.syntax import Binary, Negation, Node
from express.expressions.jsonata.traversal import links, operands
from express.expressions.jsonata.values import MAX_SAFE_INTEGER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.expressions.jsonata.generation.generator import Generator

_ARITHMETIC: Final[Mapping[str, type[ast.operator]]] = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult}
_ORDER: Final[Mapping[str, type[ast.cmpop]]] = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE}
#: Numbers beyond are checked by the runtime support.
_HUGE: Final = 1e300
#: Strings of more parts are joined in several steps, so that no string gets much too long before its size is checked.
_PARTS_AT_ONCE: Final = 8
#: Operators that accept unsettled operands, infinite or not.
_COMPUTES: Final = frozenset("+-*/%")


def binary(generator: Generator, node: Binary) -> Code:
    """Any binary operator."""
    sign = node.operator
    if sign in _COMPUTES:
        return _chain(generator, node, settle=True)
    if sign in _ORDER:
        return _ordering(generator, node)
    if sign == "&":
        return _concatenation(generator, node)
    if sign == "..":
        return _interval(generator, node)
    test = condition(generator, node)
    assert test is not None
    if sign in ("and", "or"):
        # The tested value need not be a boolean itself.
        test = c.either(test, c.constant(value=True), c.constant(value=False))
    return Code(generator.assign(test), BOOL)


def condition(generator: Generator, node: Binary) -> ast.expr | None:
    """A comparison or Boolean operator as a Python condition; None for the others."""
    sign = node.operator
    if sign in ("and", "or"):
        return _junction(generator, node)
    if sign in ("=", "!="):
        return _equality(generator, node)
    if sign == "in":
        left, right = _operands(generator, node)
        with generator.at(node.position):
            return generator.support(operators.includes, left.expression, right.expression, c.name("evaluation"))
    if sign in _ORDER:
        return _ordered(generator, node)
    return None


def _operands(generator: Generator, node: Binary) -> tuple[Code, Code]:
    return generator.value(node.left), generator.value(node.right)


def _token(generator: Generator, sign: str) -> ast.Constant:
    return c.constant(generator.token or sign)


# ---------------------------------------------------------------------------------------- arithmetic


def _number(generator: Generator, node: Node) -> tuple[Code, bool]:
    """A numeric operand, and whether it is an unsettled result of arithmetic, which may be of any size."""
    if _is_computed(node):
        return _computed(generator, node), True
    return generator.value(node), False


def for_text(generator: Generator, node: Node) -> Code:
    """The value of a node used as text, for which a number need not be settled."""
    return _number(generator, node)[0]


def _is_plain(node: Node) -> bool:
    return not node.predicates and node.group is None and not node.keep_array


def _is_computed(node: Node) -> TypeGuard[Binary]:
    return isinstance(node, Binary) and node.operator in _COMPUTES and _is_plain(node)


def _computed(generator: Generator, node: Binary) -> Code:
    """The result of arithmetic, not yet a settled number."""
    return _chain(generator, node, settle=False)


def _chain(generator: Generator, node: Binary, *, settle: bool) -> Code:
    """A chain of arithmetic operators, compiled in a loop; only the last result need be settled."""
    chain = links(node)
    result = generator.value(chain[-1].left)
    for link in reversed(chain):
        right = _number(generator, link.right)
        operation = _Arithmetic(generator, link, (result, link is not chain[-1]), right)
        result = operation.write(settle=settle and link is node)
    return result


class _Arithmetic:
    """One operation on two operands; for each it is known whether it is an unsettled result."""

    def __init__(self, generator: Generator, node: Binary, left: tuple[Code, bool], right: tuple[Code, bool]) -> None:
        self.generator = generator
        self.node = node
        self.operands = left, right
        self.values = left[0].expression, right[0].expression
        self.kinds = NUMBER | (UNDEF & (left[0].kinds | right[0].kinds))

    def write(self, *, settle: bool) -> Code:
        generator, operator = self.generator, self.node.operator
        with generator.at(self.node.position):
            token = _token(generator, operator)
            general: ast.expr = generator.support(operators.compute, c.constant(operator), *self.values, token)
            if settle:
                general = generator.support(operators.settled, general)
            result = generator.fresh()
            direct = _ARITHMETIC.get(operator)
            if direct is None or not all(operand.may(NUMBER) for operand, _ in self.operands):
                generator.store(result, general)
            else:
                self._branches(result, ast.BinOp(self.values[0], direct(), self.values[1]), general, settle=settle)
        return Code(c.name(result), self.kinds)

    def _branches(self, result: str, direct: ast.expr, general: ast.expr, *, settle: bool) -> None:
        """Branches for two ints, two numbers, and all other operands."""
        generator = self.generator
        ints, numbers = self._guards("int"), self._guards("float", "int")
        if not settle:
            guard = c.all_of(numbers)
            generator.store(result, c.either(guard, direct, general) if numbers else direct)
            return
        if ints is None:
            self._float_branch(result, direct, numbers, general)
            return
        with generator.when(c.all_of(ints)) as otherwise:
            generator.store(result, direct)
            with generator.when(c.negated(_is_safe(c.name(result)))):
                generator.store(result, generator.support(operators.settled, c.name(result)))
        with generator.inside(otherwise):
            self._float_branch(result, direct, numbers, general)

    def _float_branch(self, result: str, direct: ast.expr, numbers: list[ast.expr] | None, general: ast.expr) -> None:
        generator = self.generator
        number = c.name(result)
        with generator.when(c.all_of(numbers or [])) as otherwise:
            generator.store(result, direct)
            # Finite operands give no NaN here, but possibly infinity.
            whole = c.method(number, "is_integer")
            with generator.when(c.any_of([whole, c.negated(_is_finite(number))])):
                integer = c.call(c.name("int"), number)
                general_number = generator.support(operators.settled, number)
                generator.store(result, c.either(_is_safe(number), integer, general_number))
        with generator.inside(otherwise):
            generator.store(result, general)

    def _guards(self, *types: str) -> Any:
        """The tests that both operands have one of the types, and sizes that JavaScript holds exactly.

        None if they certainly do not.
        """
        guards = []
        for operand, computed in self.operands:
            value = operand.expression
            if isinstance(value, ast.Constant):
                if type(value.value).__name__ not in types:
                    return None
                continue
            if not operand.only(INT if types == ("int",) else NUMBER):
                guards.append(c.is_type(value, *types))
            if computed:
                guards.append(_is_safe(value))
        return guards


def _is_finite(number: ast.expr) -> ast.Compare:
    limits = c.constant(-_HUGE), c.constant(_HUGE)
    return ast.Compare(limits[0], [ast.Lt(), ast.Lt()], [number, limits[1]])


def _is_safe(number: ast.expr) -> ast.Compare:
    """A test that is false for infinity and NaN."""
    limits = c.constant(-MAX_SAFE_INTEGER), c.constant(MAX_SAFE_INTEGER)
    return ast.Compare(limits[0], [ast.LtE(), ast.LtE()], [number, limits[1]])


def negation(generator: Generator, node: Negation) -> Code:
    """Unary minus."""
    operand = generator.value(node.operand)
    with generator.at(node.position):
        negated = generator.support(operators.negate, operand.expression)
        direct = ast.UnaryOp(ast.USub(), operand.expression)
        either = c.either(c.is_type(operand.expression, "int", "float"), direct, negated)
        return Code(generator.assign(either), NUMBER | (UNDEF & operand.kinds))


# ---------------------------------------------------------------------------------------- comparison


def _ordering(generator: Generator, node: Binary) -> Code:
    """`<`, `<=`, `>` or `>=` as a value: true, false or UNDEFINED."""
    return Code(generator.assign(_ordered(generator, node)), BOOL | UNDEF)


def _ordered(generator: Generator, node: Binary) -> ast.expr:
    (left, _), (right, _) = _number(generator, node.left), _number(generator, node.right)
    with generator.at(node.position):
        general = generator.support(
            operators.ordered,
            c.constant(node.operator),
            left.expression,
            right.expression,
            _token(generator, node.operator),
        )
        if not (left.may(NUMBER) and right.may(NUMBER)):
            return generator.assign(general)
        direct = c.compare(left.expression, _ORDER[node.operator](), right.expression)
        if _is_limit(right) and not left.only(NUMBER) and generator.runs_once:
            return _compared_with_limit(generator, left, direct, node.operator, general)
        guard = _comparable(left, right)
        return generator.assign(direct if guard is None else c.either(guard, direct, general))


def _is_limit(operand: Code) -> bool:
    return isinstance(operand.expression, ast.Constant) and operand.only(NUMBER)


def _compared_with_limit(
    generator: Generator, left: Code, direct: ast.Compare, sign: str, general: ast.expr
) -> ast.expr:
    """`$states.input.total > 1000`: in Python only a number or a boolean can be compared with a number.

    This saves the type test at the price of an exception for other types, so it is not used in loops. If both
    booleans are on the same side of the limit, a value on the other side cannot be one.
    """
    value, (limit,) = left.expression, direct.comparators
    assert isinstance(limit, ast.Constant)
    assert isinstance(limit.value, int | float)
    no_boolean = c.all_of([c.differs(value, c.constant(value=True)), c.differs(value, c.constant(value=False))])
    sides = {operators.COMPARISONS[sign](boolean, limit.value) for boolean in (False, True)}
    yes, no = c.constant(value=True), c.constant(value=False)
    if sides == {False}:
        guarded = c.either(direct, yes, c.either(no_boolean, no, general))
    elif sides == {True}:
        guarded = c.either(direct, c.either(no_boolean, yes, general), no)
    else:
        guarded = c.either(no_boolean, direct, general)
    return generator.attempt(generator.fresh(), guarded, c.name("TypeError"), general)


def _comparable(left: Code, right: Code) -> ast.expr | None:
    unsure = [operand for operand in (left, right) if not operand.only(NUMBER)]
    return c.all_of([c.is_type(operand.expression, "int", "float") for operand in unsure]) if unsure else None


def _equality(generator: Generator, node: Binary) -> ast.expr:
    """`=` and `!=`; with a literal on one side Python's comparison suffices, if no boolean can pass for a number."""
    (left, _), (right, _) = _number(generator, node.left), _number(generator, node.right)
    equal = node.operator == "="
    if isinstance(left.expression, ast.Constant):
        left, right = right, left
    with generator.at(node.position):
        if isinstance(right.expression, ast.Constant):
            test = _equals_literal(left, right.expression)
            if equal:
                return generator.assign(test)
            unequal = c.negated(test)
            return generator.assign(c.all_of([c.is_defined(left.expression), unequal]) if left.may(UNDEF) else unequal)
        function = operators.equals if equal else operators.unequal
        general = generator.support(function, left.expression, right.expression, c.name("evaluation"))
        operator: ast.cmpop = ast.Eq() if equal else ast.NotEq()
        direct = c.compare(left.expression, operator, right.expression)
        guard = [c.is_type(each.expression, "str") for each in (left, right) if not each.only(STR)]
        if not (left.may(STR) and right.may(STR)):
            return generator.assign(general)
        return generator.assign(c.either(c.all_of(guard), direct, general) if guard else direct)


def _equals_literal(value: Code, literal: ast.Constant) -> ast.expr:
    if literal.value is None or isinstance(literal.value, bool):
        return c.same(value.expression, literal)
    test = c.compare(value.expression, ast.Eq(), literal)
    if literal.value in (0, 1) and value.may(BOOL):
        return c.all_of([test, c.differs(c.type_of(value.expression), c.name("bool"))])
    return test


def _junction(generator: Generator, node: Binary) -> ast.expr:
    """`and`, `or`; jsonata-js reports the operator for any error in its right operand."""
    chain = links(node)
    result = generator.fresh()
    generator.store(result, generator.test(chain[-1].left))
    for link in reversed(chain):
        test = c.name(result) if node.operator == "and" else c.negated(c.name(result))
        with generator.maybe(), generator.when(test), _blamed(generator, link):
            generator.store(result, generator.test(link.right))
    return c.name(result)


class _blamed:  # noqa: N801 - reads as a clause of `with`
    """Errors inside get the position and the token of an operator."""

    def __init__(self, generator: Generator, node: Binary) -> None:
        self.generator = generator
        self.place = generator.at(node.position, called=_Operator(node.operator), pin=True)
        self.token = generator.token
        self.mine = generator.token if generator.pinned else node.operator

    def __enter__(self) -> None:
        self.place.__enter__()
        self.generator.token = self.mine

    def __exit__(self, *error: object) -> None:
        self.generator.token = self.token
        self.place.__exit__(None, None, None)


class _Operator(str):
    """The token of an operator that errors inside its operand report instead of their own."""

    __slots__ = ()


# ---------------------------------------------------------------------------------------- strings and ranges


def _concatenation(generator: Generator, node: Binary) -> Code:
    """`a & b & c`, joined at once."""
    parts = operands(node)
    done: Code | None = None
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        codes = [] if done is None else [done]
        codes += [for_text(generator, part) for part in parts[start : start + _PARTS_AT_ONCE]]
        with generator.at(node.position):
            done = _joined(generator, codes)
    assert done is not None
    return done


def _joined(generator: Generator, parts: list[Code]) -> Code:
    pieces: list[ast.expr] = []
    for part in parts:
        if isinstance(part.expression, ast.Constant) and part.only(STR):
            pieces.append(part.expression)
        else:
            pieces.append(ast.FormattedValue(_as_text(generator, part), -1, None))
    joined = generator.assign(ast.JoinedStr(pieces))
    generator.pay_for(joined)
    return Code(joined, STR)


def _as_text(generator: Generator, part: Code) -> ast.expr:
    value = part.expression
    if part.only(STR):
        return value
    if part.only(STR | UNDEF):
        return c.either(c.is_undefined(value), c.constant(""), value)
    general = generator.support(operators.text, value, c.name("evaluation"))
    if part.only(INT):
        return general
    return c.either(c.is_type(value, "str"), value, general) if part.may(STR) else general


def _interval(generator: Generator, node: Binary) -> Code:
    left, right = _operands(generator, node)
    with generator.at(node.position):
        items = generator.support(
            operators.interval,
            left.expression,
            right.expression,
            _token(generator, ".."),
            generator.evaluation(),
        )
        return Code(generator.assign(items), LIST, sequence=True)
