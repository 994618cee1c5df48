"""The values JSONata computes with, as Python values.

JSON values are what they are everywhere in this project; nothing else is added but two things. `UNDEFINED` is
JSONata's "nothing", which is not null: a path that leads nowhere, a function that has no answer. `Function` is a
function as a value: a built-in, a lambda, a partial application, a regular expression.

Sequences (JSONata docs, "Sequences") are never values here. An expression that makes one collapses it at once:
nothing in it is UNDEFINED, one item is that item, more are a plain list. So a list is always a list, whoever looks.

Numbers are JSON's: JavaScript has one type for them, Python two. Equality must not tell 1 from 1.0 and must tell
both from true; results that are whole come out as int, as JavaScript writes them. What JavaScript would make infinite
or no number at all is an error (D1001), unless somebody wants it (`infinite_numbers`).
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import budget, paced, spend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from express.expressions.jsonata.evaluation import Evaluation

#: A JSON value, UNDEFINED or a Function.
Value: TypeAlias = Any

#: Beyond this JavaScript's numbers skip integers.
MAX_SAFE_INTEGER: Final = 2**53 - 1
#: The largest double below 2^63: integers up to here fit the machine's words.
_LONG: Final = 2.0**63 - 1024


@final
class Undefined:
    """The type of UNDEFINED, of which there is one."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNDEFINED"


#: Nothing: what an expression gives that has no value. Not null, which is a value.
UNDEFINED: Final = Undefined()


class Function:
    """A function as a value.

    `call` takes positional arguments, as many as there are, each a value or UNDEFINED; those beyond what it wants are
    dropped and those missing are UNDEFINED. `arity` is how many it declares: higher-order functions hand
    over no more. `signature` is JSONata's, `<s-:s>`, or None. `name` is for error texts.
    """

    __slots__ = ("arity", "call", "name", "signature")

    def __init__(self, call: Callable[..., Value], arity: int, name: str = "", signature: str | None = None) -> None:
        self.call = call
        self.arity = arity
        self.name = name
        self.signature = signature

    def __repr__(self) -> str:
        return f"<function ${self.name}>" if self.name else "<lambda>"


def number(value: float, position: int | None = None) -> int | float:
    """A result of arithmetic as JSONata's number: whole numbers as int, never infinite nor NaN (D1001).

    An integer too large for JavaScript to hold exactly is rounded as JavaScript would. Beyond 64 bits it stays a float,
    which is the same number and needs no hundreds of digits in JSON.
    """
    if type(value) is int:
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
        try:
            value = float(value)
        except OverflowError:
            raise JSONataError("D1001", position, value=None) from None
    if math.isfinite(value):
        return int(value) if value.is_integer() and -_LONG <= value <= _LONG else value
    if _numbers.may_be_infinite:
        return value
    raise JSONataError("D1001", position, value=None)


class _Numbers(threading.local):
    may_be_infinite = False


_numbers = _Numbers()


@contextmanager
def infinite_numbers() -> Iterator[None]:
    """What is evaluated meanwhile, in this thread, may compute with numbers that are infinite or none, as JavaScript
    does: only who takes one for a number again is refused (D1001)."""
    _numbers.may_be_infinite = True
    try:
        yield
    finally:
        _numbers.may_be_infinite = False


def may_be_infinite() -> bool:
    """Whether numbers may be infinite, or none, in what is evaluated now."""
    return _numbers.may_be_infinite


def spelled(value: Value) -> Value:
    """A value with the names of numbers that JSON has none for in their places, as Step Functions writes them."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if kind is dict:
        return {key: spelled(member) for key, member in value.items()}
    return [*map(spelled, value)] if kind is list else value


class Sequence(list[Any]):
    """A sequence as given by a function that may also give an array. Its caller makes a value of it."""

    __slots__ = ()


def collapse(sequence: list[Value]) -> Value:
    """A sequence as a value: nothing, its only item, or a list."""
    if len(sequence) == 1:
        return sequence[0]
    return sequence or UNDEFINED


def truth(value: Value, evaluation: Evaluation | None) -> bool:
    """`$boolean`: effective boolean value (JSONata docs, "Boolean functions"); UNDEFINED is false here.

    An array is true if an item is. Arrays may share their parts and stand for many more: they are paid for. Functions
    are false, as the docs have it; jsonata-js tells some of them from objects only where they are arguments.
    """
    kind = type(value)
    if kind is bool:
        answer: bool = value
        return answer
    if kind is not list:
        return bool(value) and not isinstance(value, Function)
    items = paced(evaluation, value, 2)
    return any(truth(item, budget(evaluation) if type(item) is list else None) for item in items)


def equal(left: Value, right: Value, evaluation: Evaluation | None) -> bool:
    """Deep equality as JSONata has it: numbers by value, booleans are no numbers, key order does not count."""
    kind, other = type(left), type(right)
    if kind is not other:
        return kind in _NUMBERS and other in _NUMBERS and bool(left == right)
    if kind not in _CONTAINERS:
        return bool(left == right)
    if left is right:
        return True
    if kind is list:
        return len(left) == len(right) and _all_equal(zip(paced(evaluation, left, 1), right, strict=True), evaluation)
    if left.keys() != right.keys():
        return False
    return _all_equal(((left[key], right[key]) for key in paced(evaluation, left, 3)), evaluation)


def _all_equal(pairs: Iterable[tuple[Value, Value]], evaluation: Evaluation | None) -> bool:
    spend(evaluation, _CONTAINER_COST)
    for left, right in pairs:
        inside = budget(evaluation) if type(left) in _CONTAINERS else None
        if not equal(left, right, inside):
            return False
    return True


#: Steps for looking at an array or object at all.
_CONTAINER_COST: Final = 4
_NUMBERS: Final = frozenset((int, float))
_CONTAINERS: Final = frozenset((list, dict))
