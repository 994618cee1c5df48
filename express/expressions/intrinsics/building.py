"""A Call node compiled to a closure.

Everything known at compile time is settled here: literals are plain values, the template in a literal is already
split, a pure call of constants is its result. The rest is specialised by the number of arguments, because most calls
in definitions have one or two. A call that cannot succeed still fails only when it runs, as on AWS.

The service quotes the whole expression in a cause, not the inner call that failed, so the text of the outermost call
is passed down while building.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from express.deferral import deferrable
from express.errors import RUNTIME, EngineError, PathNotFound
from express.expressions.intrinsics.parser import Call, Literal
from express.expressions.intrinsics.registry import ArgumentsError, Function
from express.expressions.jsonpath import Path, Root, build_path
from express.expressions.values import json_bytes, json_text
from express.payload import PAYLOAD_LIMIT, constant, outweighs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.types import JSON, Expr, Scope


#: Paths in one call, each of which may return all of the data, up to which their size is not checked.
_MANY_PATHS: Final = 8
#: Length from which a string needs a deadline check, and time per character: parse `[{},{},…]`, split `a,a,…`.
_LONG_TEXT: Final = 2000
_CHARACTER_NS: Final = 40
#: Values in all arguments of a call that take a few milliseconds to process; a float counts as `_FLOAT` more.
_MANY_VALUES: Final = 10_000
_FLOAT: Final = 10
#: Up to this many values are not worth a deadline check.
_FEW_VALUES: Final = 50
#: Longer than the event loop may be blocked: `Scope.look` with this defers the evaluation if that is possible.
_VERY_LONG_NS: Final = 10_000_000


def build_intrinsic(call: Call) -> Expr:
    """The closure that evaluates `call`.

    It raises EngineError `States.Runtime`, which no catcher matches, both for a path without a value and for
    arguments the function refuses. (The ASL spec has `States.IntrinsicFailure` for the latter; the service was never
    seen to use it.) Causes start with `The function '<call>' had the following error: `.
    """
    return deferrable(_build(call, call.text)) if _may_take_long(call) else _build(call, call.text)


def _may_take_long(call: Call) -> bool:
    """Whether the call, or a call nested in it, checks the deadline."""
    inner = any(isinstance(argument, Call) and _may_take_long(argument) for argument in call.arguments)
    return inner or _looks(call)


def _looks(call: Call) -> bool:
    """Whether the arguments may be large enough to be worth a deadline check."""
    return call.function.writes and call.paths > (0 if call.function.walks else _MANY_PATHS)


def _build(call: Call, whole: str) -> Expr:
    intrinsic = call.function
    if len(call.arguments) not in intrinsic.arity:
        return _always_fails(ArgumentsError(), call, whole)
    function, arguments = intrinsic.function, call.arguments
    if intrinsic.specialise is not None and isinstance(arguments[0], Literal) and arguments[0].raw is not None:
        function, arguments = intrinsic.specialise(arguments[0].raw), arguments[1:]
    constants = [argument.value for argument in arguments if isinstance(argument, Literal)]
    if intrinsic.pure and len(constants) == len(arguments):
        return _folded(call, function, constants, whole)
    if intrinsic.array_limit and (isinstance(arguments[0], Literal) or not _is_bounded(arguments[0])):
        function = _with_array_limit(function)
    if intrinsic.writes and (call.paths > _MANY_PATHS or not all(map(_is_bounded, arguments))):
        function = _with_weight_limit(function)
    return _by_arity(call, function, arguments, whole)


def _folded(call: Call, function: Function, constants: Sequence[JSON], whole: str) -> Expr:
    try:
        return _constant(function(*constants))
    except ArgumentsError as invalid:
        return _always_fails(invalid, call, whole)


def _constant(value: JSON) -> Expr:
    make = constant(value)
    return lambda _, __: make()


def _always_fails(invalid: ArgumentsError, call: Call, whole: str) -> Expr:
    def fails(data: JSON, _: Scope) -> JSON:
        _fail(invalid, call, whole, data)

    return fails


def _is_bounded(argument: Literal | Path | Call) -> bool:
    """Whether the argument is part of a payload or variable, and therefore within the payload limit already."""
    if isinstance(argument, Path):
        return argument.growth == 1 or argument.reference
    return isinstance(argument, Literal)


def _with_array_limit(function: Function) -> Function:
    def limited(items: JSON, *rest: JSON) -> JSON:
        if len(json_bytes(items)) > PAYLOAD_LIMIT:
            raise ArgumentsError
        return function(items, *rest)

    return limited


def _with_weight_limit(function: Function) -> Function:
    """`function` with a limit on its arguments' size, as writing shared values repeatedly could fill the memory.

    The service's own limit for values passed between calls is not known.
    """

    def limited(*arguments: JSON) -> JSON:
        if outweighs(list(arguments), 2 * PAYLOAD_LIMIT):
            raise ArgumentsError
        return function(*arguments)

    return limited


def _by_arity(call: Call, function: Function, arguments: Sequence[Literal | Path | Call], whole: str) -> Expr:
    operands = [_operand(argument, whole) for argument in arguments]
    if _looks(call):
        operands = [
            operand if isinstance(argument, Literal) else _looking(operand, _MANY_VALUES // call.paths)
            for operand, argument in zip(operands, arguments, strict=True)
        ]
    if len(operands) == 1:
        return _unary(call, function, operands[0], whole)
    if len(operands) == 2:
        left, right = arguments
        if isinstance(right, Literal):
            return _with_constant_right(call, function, operands[0], right.value, whole)
        if isinstance(left, Literal):
            return _with_constant_left(call, function, left.value, operands[1], whole)
        return _binary(call, function, operands[0], operands[1], whole)
    return _general(call, function, operands, whole)


def _operand(argument: Literal | Path | Call, whole: str) -> Expr:
    if isinstance(argument, Literal):
        return _constant(argument.value)
    if isinstance(argument, Call):
        return _build(argument, whole)
    return build_path(argument)


def _looking(operand: Expr, many: int) -> Expr:
    """The operand, with a deadline check before its value is processed."""

    def looking(data: JSON, scope: Scope) -> JSON:
        value = operand(data, scope)
        kind = type(value)
        if kind is list or kind is dict:
            count = _count(value, many)
            if count > _FEW_VALUES:
                scope.look(_VERY_LONG_NS if count > many else 0)
        elif kind is str and len(value) > _LONG_TEXT:
            scope.look(len(value) * _CHARACTER_NS)
        return value

    return looking


def _count(value: JSON, most: int) -> int:
    """The number of values in `value`; counting stops soon after `most`."""
    found = 0
    containers = [value]
    for container in containers:
        members = container.values() if type(container) is dict else container
        found += 1 + len(members)
        if found > most:
            break
        for member in members:
            kind = type(member)
            if kind is dict or kind is list:
                containers.append(member)
            elif kind is float:
                found += _FLOAT
    return found


def _unary(call: Call, function: Function, operand: Expr, whole: str) -> Expr:
    def unary(data: JSON, scope: Scope) -> JSON:
        try:
            return function(operand(data, scope))
        except (PathNotFound, ArgumentsError) as error:
            _fail(error, call, whole, data)

    return unary


def _binary(call: Call, function: Function, left: Expr, right: Expr, whole: str) -> Expr:
    def binary(data: JSON, scope: Scope) -> JSON:
        try:
            return function(left(data, scope), right(data, scope))
        except (PathNotFound, ArgumentsError) as error:
            _fail(error, call, whole, data)

    return binary


def _with_constant_right(call: Call, function: Function, left: Expr, right: JSON, whole: str) -> Expr:
    def with_constant_right(data: JSON, scope: Scope) -> JSON:
        try:
            return function(left(data, scope), right)
        except (PathNotFound, ArgumentsError) as error:
            _fail(error, call, whole, data)

    return with_constant_right


def _with_constant_left(call: Call, function: Function, left: JSON, right: Expr, whole: str) -> Expr:
    def with_constant_left(data: JSON, scope: Scope) -> JSON:
        try:
            return function(left, right(data, scope))
        except (PathNotFound, ArgumentsError) as error:
            _fail(error, call, whole, data)

    return with_constant_left


def _general(call: Call, function: Function, operands: Sequence[Expr], whole: str) -> Expr:
    def general(data: JSON, scope: Scope) -> JSON:
        try:
            return function(*[operand(data, scope) for operand in operands])
        except (PathNotFound, ArgumentsError) as error:
            _fail(error, call, whole, data)

    return general


def _fail(error: PathNotFound | ArgumentsError, call: Call, whole: str, data: JSON) -> NoReturn:
    if isinstance(error, ArgumentsError):
        reason = error.detail or f"Invalid arguments in {call.function.name}"
    else:
        # Captured from AWS: it quotes a context path with one `$`, and the state's input, not the context object.
        path = error.path.removeprefix("$") if error.path.startswith(Root.CONTEXT.value) else error.path
        reason = f"The JsonPath argument for the field '{path}' could not be found in the input '{json_text(data)}'"
    raise EngineError(RUNTIME, f"The function '{whole}' had the following error: {reason}") from None
