"""Higher-order functions (JSONata docs) on arrays; those on objects, `$sift` and `$each`, are with the objects.

A function passed to one of these gets the item, its index and the whole array, but no more arguments than it
declares: a built-in would refuse the others. All turns of a loop are charged before the first.
"""

from __future__ import annotations

from itertools import compress, repeat
from typing import TYPE_CHECKING

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.values import UNDEFINED, Function, Undefined, Value, truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from express.expressions.jsonata.evaluation import Evaluation


def calls(applied: Function, values: Iterable[Value], places: Iterable[Value], whole: Value) -> Iterator[Value]:
    """The results of `applied` for each value, called with as many of value, place and whole as it declares."""
    if applied.arity >= 3:
        return map(applied.call, values, places, repeat(whole))
    if applied.arity == 2:
        return map(applied.call, values, places)
    return map(applied.call, values)


@function("map", "<af>", bounded=True, sequence=True, cost=6)
def map_(evaluation: Evaluation, items: list[Value] | Undefined, mapping: Function) -> list[Value]:
    """The results of the function for each item, as a sequence without UNDEFINED."""
    if isinstance(items, Undefined):
        return []
    evaluation.spend(len(items))
    results = calls(mapping, items, range(len(items)), items)
    return [result for result in results if result is not UNDEFINED]


@function("filter", "<af>", bounded=True, sequence=True, cost=6)
def filter_(evaluation: Evaluation, items: list[Value] | Undefined, predicate: Function) -> list[Value]:
    """The items for which the function's result is true, as a sequence."""
    if isinstance(items, Undefined):
        return []
    evaluation.spend(len(items))
    answers = calls(predicate, items, range(len(items)), items)
    return list(compress(items, (truth(answer, evaluation) for answer in answers)))


@function("single", "<af?>", bounded=True, cost=8)
def single(evaluation: Evaluation, items: list[Value] | Undefined, predicate: Function | Undefined) -> Value:
    """The one item for which the function's result is true; without a function, the only item.

    Raises D3138 at the second such item and D3139 if there is none.
    """
    if isinstance(items, Undefined):
        return UNDEFINED
    evaluation.spend(len(items))
    answers = repeat(True) if isinstance(predicate, Undefined) else calls(predicate, items, range(len(items)), items)
    found: list[Value] = []
    for index, (item, answer) in enumerate(zip(items, answers, strict=False)):
        if truth(answer, evaluation):
            if found:
                raise JSONataError("D3138", index=index)
            found.append(item)
    if not found:
        raise JSONataError("D3139")
    return found[0]


@function("reduce", "<afj?:j>", bounded=True, cost=6)
def reduce(evaluation: Evaluation, items: list[Value] | Undefined, folding: Function, initial: Value) -> Value:
    """The items folded into one value, left to right, starting with `initial` or the first item.

    The function gets the accumulated value, the item and, if it declares them, its index and the array. Raises D3050
    for a function of fewer than two parameters.
    """
    if isinstance(items, Undefined):
        return UNDEFINED
    if folding.arity < 2:
        raise JSONataError("D3050", index=1)
    evaluation.spend(len(items))
    further = (range(len(items)), repeat(items))[: max(folding.arity - 2, 0)]
    rows = zip(items, *further, strict=False)
    result = initial
    if initial is UNDEFINED and items:
        (result, *_) = next(rows)
    for row in rows:
        result = folding.call(result, *row)
    return result
