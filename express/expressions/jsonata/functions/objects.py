"""Object functions (JSONata docs), and those that the docs list under objects for lack of a better place.

Keys keep their order. (JavaScript would move keys that look like array indexes to the front.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import paced
from express.expressions.jsonata.functions.higher_order import calls
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.numerals import fifteen_digits
from express.expressions.jsonata.values import UNDEFINED, Function, Sequence, Undefined, Value, number, truth

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation

_TYPES: Final[dict[type, str]] = {
    type(None): "null",
    int: "number",
    float: "number",
    str: "string",
    bool: "boolean",
    list: "array",
    dict: "object",
}


@function("keys", "<x-:a<s>>", bounded=True, sequence=True, cost=4)
def keys(evaluation: Evaluation, value: Value) -> list[Value]:
    """The keys of an object, or of all objects in an array, each once, as a sequence."""
    if type(value) is dict:
        evaluation.spend(2)
        evaluation.gather(len(value))
        return list(value)
    if type(value) is not list:
        return []
    items = paced(evaluation, value, 3)
    return list(dict.fromkeys([key for item in items for key in keys(evaluation, item)]))


@function("lookup", "<x-s:x>", bounded=True, mixed=True)
def lookup(evaluation: Evaluation, value: Value, key: str | Undefined) -> Value:
    """The value of a key; for an array, the flattened sequence of this key's values in all its objects."""
    if type(value) is dict:
        return value.get(key, UNDEFINED)
    return Sequence(_looked_up(evaluation, value, key)) if type(value) is list else UNDEFINED


def _looked_up(evaluation: Evaluation, items: list[Value], key: str | Undefined) -> list[Value]:
    found: list[Value] = []
    for item in paced(evaluation, items, 4):
        result = _looked_up(evaluation, item, key) if type(item) is list else lookup(evaluation, item, key)
        if type(result) is list:
            evaluation.gather(len(result), len(found))
            found += result
        elif result is not UNDEFINED:
            found.append(result)
    return found


@function("spread", "<x-:a<o>>", bounded=True, mixed=True, cost=10)
def spread(evaluation: Evaluation, value: Value) -> Value:
    """An object split into objects of one key each; the objects of an array, into one array.

    An object gives a sequence, so that a single key gives that object itself; an array gives one only if it is empty.
    Other values stay unchanged, also in an array.
    """
    if type(value) is dict:
        return Sequence(_single_keys(evaluation, value))
    if type(value) is not list:
        return value
    defined = [item for item in value if item is not UNDEFINED]
    return _spread(evaluation, defined) if defined else Sequence()


def _spread(evaluation: Evaluation, items: list[Value]) -> list[Value]:
    apart: list[Value] = []
    for item in items:
        if type(item) is dict:
            apart += _single_keys(evaluation, item)
        elif type(item) is list:
            apart += _spread(evaluation, item)
        else:
            apart.append(item)
        evaluation.spend(3)
    return apart


def _single_keys(evaluation: Evaluation, value: dict[str, Value]) -> list[Value]:
    pairs = paced(evaluation, value.items(), 2)
    return [{key: item} for key, item in pairs]


@function("merge", "<a<o>:o>", bounded=True)
def merge(evaluation: Evaluation, objects: list[dict[str, Value]] | Undefined) -> Value:
    """One object with the keys of all; the last value of a key wins."""
    if isinstance(objects, Undefined):
        return UNDEFINED
    merged: dict[str, Value] = {}
    for item in objects:
        evaluation.spend(3 + (len(item) >> 1))
        merged.update(item)
    evaluation.gather(len(merged))
    return merged


@function("each", "<o-f:a>", bounded=True, sequence=True, cost=8)
def each(evaluation: Evaluation, value: dict[str, Value] | Undefined, mapping: Function) -> list[Value]:
    """The results of the function for each value, key and the object, as a sequence."""
    if isinstance(value, Undefined):
        return []
    evaluation.spend(len(value))
    results = calls(mapping, value.values(), value.keys(), value)
    return [result for result in results if result is not UNDEFINED]


@function("sift", "<o-f?:o>", bounded=True, cost=10)
def sift(evaluation: Evaluation, value: dict[str, Value] | Undefined, predicate: Function | Undefined) -> Value:
    """The keys for which the function's result for value, key and object is true; UNDEFINED if there are none.

    Raises T0410 for a missing function, which the signature allows and jsonata-js fails over.
    """
    if isinstance(value, Undefined) or not value:
        return UNDEFINED
    if isinstance(predicate, Undefined):
        raise JSONataError("T0410", index=2, value=UNDEFINED)
    evaluation.spend(len(value))
    answers = calls(predicate, value.values(), value.keys(), value)
    kept = {key: item for (key, item), answer in zip(value.items(), answers, strict=True) if truth(answer, evaluation)}
    return kept or UNDEFINED


@function("clone", "<(oa)-:o>", bounded=True)
def clone(evaluation: Evaluation, value: Value) -> Value:
    """A deep copy that shares no mutable parts, with `$string`'s conversions.

    Numbers have at most fifteen digits, and functions become empty strings.
    """
    return UNDEFINED if value is UNDEFINED else _copied(evaluation, value)


def _copied(evaluation: Evaluation, value: Value) -> Value:
    kind = type(value)
    if kind is dict:
        evaluation.spend(3)
        return {key: _copied(evaluation, item) for key, item in paced(evaluation, value.items(), 3)}
    if kind is list:
        evaluation.spend(3)
        return [_copied(evaluation, item) for item in paced(evaluation, value, 3)]
    if kind is int or kind is float:
        return number(fifteen_digits(value))
    if isinstance(value, Function):
        return ""
    return None if value is UNDEFINED else value  # UNDEFINED: a group that captured nothing


@function("type", "<x:s>", cost=2)
def type_(value: Value) -> Value:
    """`null`, `number`, `string`, `boolean`, `array`, `object` or `function`; UNDEFINED for UNDEFINED."""
    return UNDEFINED if value is UNDEFINED else _TYPES.get(type(value), "function")


@function("error", "<s?:x>")
def error(message: str | Undefined) -> Value:
    """Raises D3137 with the message."""
    raise JSONataError("D3137", message=message or "$error() function evaluated")


@function("assert", "<bs?:x>")
def assert_(condition: bool | Undefined, message: str | Undefined) -> Value:
    """UNDEFINED if the condition is true. Raises D3141 with the message if it is false or undefined."""
    if condition:
        return UNDEFINED
    raise JSONataError("D3141", message=message or "$assert() statement failed")
