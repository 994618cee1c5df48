"""Aggregation functions (JSONata docs): one number from an array of numbers.

Numbers are added one after the other, as in JavaScript: Python's `sum` compensates rounding errors and would give
other last digits.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.numerals import as_double
from express.expressions.jsonata.values import MAX_SAFE_INTEGER, UNDEFINED, Undefined, Value, number

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation


@function("count", "<a:n>", cost=1)
def count(items: list[Value] | Undefined) -> int:
    """The number of items; 0 for UNDEFINED."""
    return 0 if isinstance(items, Undefined) else len(items)


@function("sum", "<a<n>:n>", bounded=True)
def sum_(evaluation: Evaluation, numbers: list[float] | Undefined) -> Value:
    """The sum of all numbers; 0 for an empty array. Raises D1001 if it is out of range."""
    if isinstance(numbers, Undefined):
        return UNDEFINED
    evaluation.spend(len(numbers) >> 2)
    return number(_total(numbers))


@function("average", "<a<n>:n>", bounded=True)
def average(evaluation: Evaluation, numbers: list[float] | Undefined) -> Value:
    """The mean of all numbers; UNDEFINED for an empty array. Raises D1001 if the sum is out of range."""
    if isinstance(numbers, Undefined) or not numbers:
        return UNDEFINED
    evaluation.spend(len(numbers) >> 2)
    return number(number(_total(numbers)) / len(numbers))


@function("max", "<a<n>:n>", bounded=True)
def max_(evaluation: Evaluation, numbers: list[float] | Undefined) -> Value:
    """The largest number; UNDEFINED for an empty array."""
    if isinstance(numbers, Undefined) or not numbers:
        return UNDEFINED
    evaluation.spend(len(numbers) >> 2)
    return number(max(numbers))


@function("min", "<a<n>:n>", bounded=True)
def min_(evaluation: Evaluation, numbers: list[float] | Undefined) -> Value:
    """The smallest number; UNDEFINED for an empty array."""
    if isinstance(numbers, Undefined) or not numbers:
        return UNDEFINED
    evaluation.spend(len(numbers) >> 2)
    return number(min(numbers))


def _total(numbers: list[float]) -> float:
    try:
        total = reduce(add, numbers, 0)
        if -MAX_SAFE_INTEGER <= total <= MAX_SAFE_INTEGER:
            return total
    except OverflowError:  # an integer beyond the largest float, next to a float
        pass
    return reduce(add, map(as_double, numbers), 0.0)  # where integers are no longer exact, JavaScript rounds each sum
