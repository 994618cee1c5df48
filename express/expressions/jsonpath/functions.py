"""The path functions of Jayway json-path 2.10: `$.items.length()`, `$.sum($.items[*].price, 5)`.

Each is one decorated function, `(value, arguments) -> value`: the value the path has reached and the evaluated
arguments. None of them mutates its input, although Jayway's `append` does. Jayway's quirks are kept where data can
show them: `max` starts from the smallest positive double, `last` of a single element fails. Aggregation adds doubles
one after another (Python's own `sum` corrects rounding errors from 3.12 on); a result outside the range of a double,
which would be Infinity in Java and is not JSON, fails here.

AWS documents functions only as forbidden in Reference Paths; `length()` is widely used in payload templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isfinite, sqrt
from operator import add
from typing import TypeAlias

from express.expressions.jsonpath.outcomes import CallError
from express.expressions.jsonpath.syntax import Literal, Path
from express.expressions.values import java_text
from express.types import JSON

Evaluate: TypeAlias = Callable[[JSON, Sequence[JSON]], JSON]

_EMPTY = "Aggregation function attempted to calculate value using empty array"
_BEYOND_DOUBLES = "Aggregation function attempted to calculate value beyond the range of a double"
_SMALLEST_DOUBLE = 5e-324
#: Java's largest `int`. No array reaches that far, so it stands for every larger index.
_LARGEST_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Function:
    """A path function; `problem(arguments)` is the compile-time error in a call's arguments, or None."""

    evaluate: Evaluate
    problem: Callable[[Sequence[Literal | Path]], str | None]


FUNCTIONS: dict[str, Function] = {}


def _any_arguments(_: Sequence[Literal | Path]) -> None:
    return None


def _one_number(arguments: Sequence[Literal | Path]) -> str | None:
    usable = arguments and (isinstance(arguments[0], Path) or type(arguments[0].value) in (int, float))
    return None if usable else "needs an index"


def _paths(arguments: Sequence[Literal | Path]) -> str | None:
    return None if all(isinstance(argument, Path) for argument in arguments) else "takes a path"


def function(
    *names: str, problem: Callable[[Sequence[Literal | Path]], str | None] = _any_arguments
) -> Callable[[Evaluate], Evaluate]:
    """Register a function under its names."""

    def enter(evaluate: Evaluate) -> Evaluate:
        for name in names:
            FUNCTIONS[name] = Function(evaluate, problem)
        return evaluate

    return enter


@function("length", "size", problem=_paths)
def length(value: JSON, arguments: Sequence[JSON]) -> int | None:
    """Elements of an array or fields of an object; null for anything else, including strings.

    An argument that gives an array is measured instead; for its evaluation see `_length_arguments`.
    """
    if arguments and type(arguments[0]) is list:
        return len(arguments[0])
    return len(value) if type(value) is list or type(value) is dict else None


@function("keys")
def keys(value: JSON, arguments: Sequence[JSON]) -> list[str] | None:
    return list(value) if type(value) is dict else None


@function("sum")
def sum_(value: JSON, arguments: Sequence[JSON]) -> float:
    return _total(_numbers(value, arguments))


@function("avg")
def avg(value: JSON, arguments: Sequence[JSON]) -> float:
    numbers = _numbers(value, arguments)
    return _total(numbers) / len(numbers)


@function("min")
def min_(value: JSON, arguments: Sequence[JSON]) -> float:
    return min(_numbers(value, arguments))


@function("max")
def max_(value: JSON, arguments: Sequence[JSON]) -> float:
    return max(_SMALLEST_DOUBLE, *_numbers(value, arguments))


@function("stddev")
def stddev(value: JSON, arguments: Sequence[JSON]) -> float:
    """The standard deviation of the whole population, computed from the sum of squares."""
    numbers = _numbers(value, arguments)
    count = len(numbers)
    total = _total(numbers)
    squares = _total([number * number for number in numbers])
    return sqrt(max(0.0, squares / count - _finite(total * total) / count / count))


@function("first")
def first(value: JSON, arguments: Sequence[JSON]) -> JSON:
    return _element(value, 0)


@function("last")
def last(value: JSON, arguments: Sequence[JSON]) -> JSON:
    return _element(value, -1)


@function("index", problem=_one_number)
def index(value: JSON, arguments: Sequence[JSON]) -> JSON:
    position = next((item for item in _flat(arguments) if type(item) in (int, float)), None)
    if type(value) is list and position is None:
        raise CallError("Index 0 out of bounds for length 0")
    return _element(value, int(max(-_LARGEST_INT, min(position or 0, _LARGEST_INT))))


@function("append")
def append(value: JSON, arguments: Sequence[JSON]) -> JSON:
    return [*value, *arguments] if type(value) is list else value


@function("concat")
def concat(value: JSON, arguments: Sequence[JSON]) -> str:
    """The strings of an array, then every argument as Java prints it; an array argument contributes its elements."""
    parts = [item for item in value if type(item) is str] if type(value) is list else []
    parts.extend(java_text(item) for item in _flat(arguments) if item is not None)
    return "".join(parts)


def _flat(arguments: Sequence[JSON]) -> Iterable[JSON]:
    for argument in arguments:
        if type(argument) is list:
            yield from argument
        else:
            yield argument


def _numbers(value: JSON, arguments: Sequence[JSON]) -> list[float]:
    """Every number among the elements and the arguments, as Java doubles. Raises CallError when there is none."""
    elements = value if type(value) is list else ()
    try:
        numbers = [float(item) for item in (*elements, *_flat(arguments)) if type(item) is int or type(item) is float]
    except OverflowError:
        raise CallError(_BEYOND_DOUBLES) from None
    if not numbers:
        raise CallError(_EMPTY)
    return numbers


def _total(numbers: Sequence[float]) -> float:
    return _finite(reduce(add, numbers, 0.0))


def _finite(number: float) -> float:
    if not isfinite(number):
        raise CallError(_BEYOND_DOUBLES)
    return number


def _element(value: JSON, position: int) -> JSON:
    if type(value) is not list:
        raise CallError(_EMPTY)
    size = len(value)
    if position >= size:
        raise CallError(f"Index {position} out of bounds for length {size}")
    if position < 0 and position + size <= 0:
        raise CallError(f"Target index:{position} larger than object count:{size}")
    return value[position]
