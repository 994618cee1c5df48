"""The values of JSONata as Python values.

JSON values are represented as everywhere in this project, with two additions. `UNDEFINED` is JSONata's "nothing",
which is not null: the value of a path without a match, or of a function without a result. `Function` is a function as
a value: a built-in, a lambda, a partial application, a regular expression.

Sequences (JSONata docs, "Sequences") are never values here. An expression that makes one collapses it at once: an
empty one is UNDEFINED, one item is that item, several are a plain list. So a list is always an array.

Numbers are JSON's: JavaScript has one type for them, Python two. Equality must not distinguish 1 from 1.0 and must
distinguish both from true; whole results become int, as JavaScript writes them. A result that would be infinite or
NaN in JavaScript is an error (D1001), unless the caller allows it (`infinite_numbers`).
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

#: Beyond this, numbers in JavaScript skip integers.
MAX_SAFE_INTEGER: Final = 2**53 - 1
#: The largest double below 2^63: integers up to here fit into 64 bits.
_LONG: Final = 2.0**63 - 1024


@final
class Undefined:
    """The type of UNDEFINED, its only instance."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNDEFINED"


#: The value of an expression that has none. Not null, which is a value.
UNDEFINED: Final = Undefined()


class Function:
    """A function as a value.

    `call` takes any number of positional arguments, each a value or UNDEFINED; surplus ones are dropped and missing
    ones are UNDEFINED. `arity` is the number it declares: higher-order functions pass no more. `signature` is
    JSONata's, `<s-:s>`, or None. `name` is for error texts.
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
    """An arithmetic result as a JSONata number, whole ones as int; D1001 for infinity and NaN, unless allowed.

    An integer too large for JavaScript to hold exactly is rounded as JavaScript would. Beyond 64 bits it stays a
    float, which is the same number and avoids hundreds of digits in JSON.
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
    """Let evaluations in this thread compute with infinite numbers and NaN, as JavaScript does.

    D1001 is raised only where such a value must be used as a number again.
    """
    _numbers.may_be_infinite = True
    try:
        yield
    finally:
        _numbers.may_be_infinite = False


def may_be_infinite() -> bool:
    """Whether the current evaluation allows infinite numbers and NaN."""
    return _numbers.may_be_infinite


def spelled(value: Value) -> Value:
    """A value in which numbers that JSON cannot express are replaced by their names, as Step Functions writes them."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if kind is dict:
        return {key: spelled(member) for key, member in value.items()}
    return [*map(spelled, value)] if kind is list else value


class Sequence(list[Any]):
    """A sequence returned by a function that may also return an array; the caller collapses it."""

    __slots__ = ()


def collapse(sequence: list[Value]) -> Value:
    """The value of a sequence: UNDEFINED, its only item, or a list."""
    if len(sequence) == 1:
        return sequence[0]
    return sequence or UNDEFINED


def truth(value: Value, evaluation: Evaluation | None) -> bool:
    """`$boolean`: effective boolean value (JSONata docs, "Boolean functions"); UNDEFINED is false here.

    An array is true if an item is. Arrays may share their parts and expand to many more: visits are charged.
    Functions are false, as the docs say; jsonata-js tells some of them from objects only where they are arguments.
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
    """Deep equality in JSONata: numbers by value, booleans differ from numbers, key order does not matter."""
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


#: Steps for visiting an array or object.
_CONTAINER_COST: Final = 4
_NUMBERS: Final = frozenset((int, float))
_CONTAINERS: Final = frozenset((list, dict))
