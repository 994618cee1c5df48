"""Functions as values: creation, calls, partial application, chaining.

A lambda is a generated Python function. A function in tail position is not called there but returned as a `TailCall`,
which the lambda's caller executes: a loop by recursion needs no stack (JSONata docs, "Tail call optimization").

A lambda that ends in a call of a built-in may return a sequence that is not collapsed yet. jsonata-js collapses it
where the lambda was called by name, but not where a higher-order function called it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import CALL_COST, Credit
from express.expressions.jsonata.sequences import settle, unmixed
from express.expressions.jsonata.signatures import Signature, compile_signature
from express.expressions.jsonata.values import UNDEFINED, Function, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.expressions.jsonata.evaluation import Evaluation
    from express.expressions.jsonata.functions.registry import Builtin
    from express.expressions.jsonata.sequences import Marks


#: Built-ins whose result is a sequence if their argument is one.
FOLLOWING: Final = frozenset(("distinct",))


class TailCall:
    """A pending call in tail position of a lambda."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Value, *arguments: Value) -> None:
        self.function = function
        self.arguments = arguments


class Checked(Function):
    """A function with a signature; `body` is called with arguments already completed."""

    __slots__ = ("body", "checks")

    def __init__(self, body: Callable[..., Value], arity: int, name: str, checks: Signature) -> None:
        super().__init__(self._call, arity, name, checks.text)
        self.body = body
        self.checks = checks

    def _call(self, *arguments: Value) -> Value:
        """The call by another function, which passes no context item."""
        return finished(self.body(*self.checks.validate(arguments, None)))


class Looping(Function):
    """A lambda whose `body` may return a `TailCall`."""

    __slots__ = ("body",)

    def __init__(self, body: Callable[..., Value], arity: int) -> None:
        super().__init__(lambda *arguments: finished(body(*arguments)), arity)
        self.body = body


def checked(body: Callable[..., Value], arity: int, checks: Signature) -> Function:
    """A lambda with a signature."""
    return Checked(body, arity, "", checks)


def builtin_value(builtin: Builtin, evaluation: Evaluation, marks: Marks | None = None) -> Function:
    """A built-in function as a value."""
    implementation = builtin.implementation

    def body(*arguments: Value) -> Value:
        evaluation.spend(CALL_COST + builtin.cost)
        result = implementation(evaluation, *arguments) if builtin.bounded else implementation(*arguments)
        if marks is None:
            return unmixed(result)
        if builtin.sequence:
            return marks.sequence(result)
        if builtin.name in FOLLOWING:
            return marks.follow(result, *arguments)
        return marks.mixed(result)

    return Checked(body, builtin.arity, builtin.name, compile_signature(builtin.signature))


def call_builtin(builtin: Builtin, evaluation: Evaluation | None, context: Value, *arguments: Value) -> Value:
    """Call a built-in after checking its arguments; without a budget, a bounded one gets a new Credit."""
    if evaluation is not None:
        evaluation.spend(CALL_COST + builtin.cost)
    completed = compile_signature(builtin.signature).validate(arguments, context)
    if not builtin.bounded:
        return builtin.implementation(*completed)
    return builtin.implementation(evaluation or Credit(), *completed)


def finished(result: Value) -> Value:
    """The result after executing all pending tail calls."""
    while type(result) is TailCall:
        result = _begin(result.function, result.arguments, None)
    return result


def invoke(function: Value, context: Value, *arguments: Value) -> Value:
    """Call a function from an expression, where the context item may replace a missing argument."""
    result = _begin(function, arguments, context)
    while type(result) is TailCall:
        result = _begin(result.function, result.arguments, context)
    return result


def _begin(function: Value, arguments: Sequence[Value], context: Value) -> Value:
    if type(function) is Looping:
        return function.body(*arguments)
    if type(function) is Checked:
        return function.body(*function.checks.validate(arguments, context))
    if isinstance(function, Function):
        return function.call(*arguments)
    raise JSONataError("T1006")


def check_procedure(function: Value, name: str | None, code: str, position: int) -> None:
    """Raise an error if an undefined procedure has the name of a known function: a `$` was probably forgotten."""
    if function is UNDEFINED and name is not None:
        raise JSONataError(code, position, token=name)


#: Stands for `?` among the arguments of a partial application.
PLACEHOLDER: Final = object()


def partial(function: Value, position: int, name: str | None, *arguments: Any) -> Function:
    """A function of the open arguments; missing ones of the others are UNDEFINED, surplus ones are dropped.

    A built-in still checks its arguments, unlike in jsonata-js, which fails on wrong ones.
    """
    if not isinstance(function, Function):
        raise JSONataError("T1008", position, token=name)
    target, count = function.call, function.arity
    if type(function) is Checked and function.name:
        count = len(function.checks.parameters)
    elif type(function) is Checked:
        # A lambda's own signature is not checked any more (jsonata-js `partialApplyProcedure`).
        target = function.body
    given = [*arguments[:count], *[UNDEFINED] * (count - len(arguments))]
    places = [place for place, argument in enumerate(given) if argument is PLACEHOLDER]

    def call(*missing: Value) -> Value:
        completed = given.copy()
        for number, place in enumerate(places):
            completed[place] = missing[number] if number < len(missing) else UNDEFINED
        return finished(target(*completed))

    return Function(call, len(places))


def apply(value: Value, function: Value, position: int, marks: Marks | None) -> Value:
    """`value ~> function`; two functions are composed, the left one being applied first."""
    if not isinstance(function, Function):
        raise JSONataError("T2006", position, value=function)
    if not isinstance(value, Function):
        return invoke(function, None, value)
    first, then = value, function

    def both(argument: Value = UNDEFINED, *_: Value) -> Value:
        between = invoke(first, None, argument)
        return invoke(then, None, between if marks is None else settle(between, marks, keep=False))

    return Function(both, 1)


def are_numbers(value: Value) -> bool:
    """Whether a value is an array of numbers only."""
    return type(value) is list and _NUMBERS.issuperset(map(type, value))


def are_strings(value: Value) -> bool:
    """Whether a value is an array of strings only."""
    return type(value) is list and _STRINGS.issuperset(map(type, value))


_NUMBERS: Final = frozenset((int, float))
_STRINGS: Final = frozenset((str,))
