"""Location paths over values: the cases that generated code does not handle inline.

A step applied to many items gives a sequence: only UNDEFINED is left out, and arrays are flattened into it by one
level. At the end of a path the sequence collapses: to UNDEFINED, its only item, or an array. One exception keeps
arrays of one item (jsonata-js `evaluateStep`): if the last step gives a single result and that is an array, it is the
result itself.

Generated code first tries plain indexing (`data["a"]["b"]`) and calls this module when that fails, which means that
something is missing or is an array; it collects lists of results itself and passes them here to be joined.

`evaluation` is charged for every item visited; it may be None (`evaluation.spend`).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.evaluation import budget, gather, paced, spend
from express.expressions.jsonata.values import UNDEFINED, Sequence, Value, truth

if TYPE_CHECKING:
    from collections.abc import Sequence as Items

    from express.expressions.jsonata.evaluation import Evaluation

#: Steps of a failed attempt at plain indexing.
_MISS_COST: Final = 15
#: The errors raised by indexing with a string where the key is absent.
MISSING: Final = (KeyError, TypeError)


class Marks:
    """Marks of lists: sequences, those kept as arrays whatever their length (`[]`), and constructed arrays.

    Constructed arrays are made by a step of a path and are not flattened. Lists are identified by `id` and held here
    so that their ids stay valid.
    """

    __slots__ = ("constructed", "kept", "sequences")

    def __init__(self) -> None:
        self.sequences: dict[int, list[Value]] = {}
        self.constructed: dict[int, list[Value]] = {}
        self.kept: set[int] = set()

    def sequence(self, value: Value) -> Value:
        """Mark a list as a sequence."""
        if type(value) is list:
            self.sequences[id(value)] = value
        return value

    def mixed(self, result: Value) -> Value:
        """The result of a built-in that returns a `Sequence` or another value, with a Sequence marked."""
        return self.sequence(list(result)) if type(result) is Sequence else result

    def follow(self, result: Value, argument: Value) -> Value:
        """Mark the result as a sequence if the argument is one."""
        return self.sequence(result) if id(argument) in self.sequences else result


def settle(value: Value, marks: Marks, keep: bool) -> Value:
    """The end of jsonata-js `evaluate`: a sequence of one item becomes that item, an empty one UNDEFINED."""
    if type(value) is not list or id(value) not in marks.sequences:
        return value
    if keep:
        marks.kept.add(id(value))
    if len(value) > 1 or (value and id(value) in marks.kept):
        return value
    return value[0] if value else UNDEFINED


def construct(items: list[Value], marks: Marks) -> list[Value]:
    """Mark an array as constructed, so that it is not flattened."""
    marks.constructed[id(items)] = items
    return items


def collapse(sequence: Value) -> Value:
    """The value of a sequence; UNDEFINED stays UNDEFINED."""
    if sequence is UNDEFINED or len(sequence) > 1:
        return sequence
    return sequence[0] if sequence else UNDEFINED


def unmixed(result: Value, keep: bool = False) -> Value:
    """The result of a built-in that returns a `Sequence` or another value, with a Sequence collapsed."""
    if type(result) is not Sequence:
        return result
    return (list(result) or UNDEFINED) if keep else collapse(list(result))


def loosened(result: Value) -> Value:
    """The same, but a Sequence becomes a plain list."""
    return list(result) if type(result) is Sequence else result


def join(results: list[Value], evaluation: Evaluation | None) -> list[Value]:
    """The results of a step for each item, joined to one sequence."""
    if list not in map(type, results):
        return results
    gather(evaluation, len(results) + sum([len(result) for result in results if type(result) is list]))
    return list(chain.from_iterable([result if type(result) is list else (result,) for result in results]))


def only_array(arrays: list[Value]) -> Value:
    """The only array that a last step constructed, or all of them if there are several."""
    return arrays[0] if len(arrays) == 1 else arrays


def last(results: list[Value], evaluation: Evaluation | None) -> Value:
    """The value of a path whose last step gave these results."""
    if len(results) == 1:
        return results[0]
    if list in map(type, results):
        return collapse(join(results, evaluation))
    return results or UNDEFINED


def last_kept(results: list[Value], evaluation: Evaluation | None) -> Value:
    """The same for a path with `[]`."""
    if len(results) == 1:
        only = results[0]
        return only if type(only) is list else results
    return join(results, evaluation) or UNDEFINED


def join_picked(results: list[Value], evaluation: Evaluation | None) -> list[Value]:
    """`join` for the results of a literal index, which are UNDEFINED where the index is out of range."""
    return join([result for result in results if result is not UNDEFINED], evaluation)


def last_picked(results: list[Value], evaluation: Evaluation | None) -> Value:
    """`last` for results of a literal index."""
    return results[0] if len(results) == 1 else collapse(join_picked(results, evaluation))


def last_picked_kept(results: list[Value], evaluation: Evaluation | None) -> Value:
    """`last_kept` for results of a literal index."""
    if len(results) == 1 and type(results[0]) is list:
        return results[0]
    return join_picked(results, evaluation) or UNDEFINED


def field(value: Value, name: str, evaluation: Evaluation | None) -> Value:
    """`name` as a step on one item; on an array it selects the field of every item."""
    spend(evaluation, _MISS_COST)
    return _field(value, name, evaluation)


def _field(value: Value, name: str, evaluation: Evaluation | None) -> Value:
    kind = type(value)
    if kind is dict:
        return value.get(name, UNDEFINED)
    if kind is not list:
        return UNDEFINED
    found: list[Value] = []
    _gather(value, name, found, evaluation)
    return collapse(found)


def _gather(items: list[Value], name: str, found: list[Value], evaluation: Evaluation | None) -> None:
    for item in paced(evaluation, items, 2):
        kind = type(item)
        if kind is list:
            _gather(item, name, found, budget(evaluation))
        elif kind is dict and name in item:
            value = item[name]
            if type(value) is list:
                gather(evaluation, len(value), len(found))
                found += value
            else:
                found.append(value)


def fields(items: Items[Value], name: str, evaluation: Evaluation | None) -> list[Value]:
    """`name` of each item, where there is one."""
    try:
        return [item[name] for item in items]
    except MISSING:
        found = [_field(item, name, evaluation) for item in paced(evaluation, items, 2)]
        return [value for value in found if value is not UNDEFINED]


def items_of(value: Value) -> Items[Value]:
    """The items a step is applied to: those of an array, or the value itself."""
    return value if type(value) is list else (value,)


def walk(value: Value, names: tuple[str, ...], evaluation: Evaluation | None) -> Value:
    """The value of a path of names, applied to the items of an array or to one value."""
    return last(_walk_from(items_of(value), names, evaluation), evaluation)


def walk_kept(value: Value, names: tuple[str, ...], evaluation: Evaluation | None) -> Value:
    return last_kept(_walk_from(items_of(value), names, evaluation), evaluation)


def walk_on(value: Value, names: tuple[str, ...], evaluation: Evaluation | None) -> list[Value]:
    """The sequence that the next step is applied to."""
    return join(_walk_from(items_of(value), names, evaluation), evaluation)


def walk_input(value: Value, names: tuple[str, ...], evaluation: Evaluation | None) -> Value:
    """`walk` from the input of the expression, which is one item even if it is an array."""
    return last(_walk_from((value,), names, evaluation), evaluation)


def walk_input_kept(value: Value, names: tuple[str, ...], evaluation: Evaluation | None) -> Value:
    return last_kept(_walk_from((value,), names, evaluation), evaluation)


def walk_input_on(value: Value, names: tuple[str, ...], evaluation: Evaluation | None) -> list[Value]:
    return join(_walk_from((value,), names, evaluation), evaluation)


def _walk_from(items: Items[Value], names: tuple[str, ...], evaluation: Evaluation | None) -> list[Value]:
    spend(evaluation, _MISS_COST)
    results: Any = items
    for number, name in enumerate(names, 1):
        spend(evaluation, len(results) >> 2)
        results = fields(results, name, evaluation)
        if number < len(names):
            results = join(results, evaluation)
    return list(results)


def by_length(value: Value) -> Items[Value]:
    """The items after a first step that jsonata-js assumes to be an array.

    If it is none, jsonata-js iterates by its length, which strings have too.
    """
    if type(value) is list:
        return value
    return list(value) if type(value) is str else []


def at_index(value: Value, index: int) -> Value:
    """`value[index]`, counted from the end if negative; a value that is no array is an array of one."""
    if type(value) is list:
        return value[index] if -len(value) <= index < len(value) else UNDEFINED
    return value if index in (0, -1) else UNDEFINED


def picked(answer: Value, index: int, count: int, evaluation: Evaluation | None) -> int:
    """How many times a predicate's result for item `index` of `count` selects it.

    A number is an index, rounded down, and counted from the end if negative; an array of numbers is a list of
    indexes; any other result selects by its truth.
    """
    kind = type(answer)
    if kind is int or kind is float:
        return _floored(answer, count) == index
    if kind is list:
        spend(evaluation, 2 * len(answer))
        if all(type(each) is int or type(each) is float for each in answer):
            return sum(_floored(each, count) == index for each in answer)
    return truth(answer, evaluation)


def _floored(number: float, count: int) -> int:
    whole = int(number // 1)
    return whole + count if whole < 0 else whole


def wildcard(value: Value, evaluation: Evaluation | None) -> tuple[list[Value], bool]:
    """`*`: the values of an object or the items of an array, with nested arrays flattened completely.

    Also returns whether the result is a sequence: in jsonata-js it is not if one of the values was an array.
    """
    found: list[Value] = []
    sequence = True
    kind = type(value)
    if kind is dict or kind is list:
        values = value.values() if kind is dict else value
        for each in paced(evaluation, values, 1):
            if type(each) is list:
                sequence = False
                _flatten(each, found, budget(evaluation))
            else:
                found.append(each)
    return found, sequence


def wildcard_value(value: Value, evaluation: Evaluation | None) -> Value:
    """`*` as a value."""
    found, sequence = wildcard(value, evaluation)
    return collapse(found) if sequence else found


def _flatten(items: list[Value], found: list[Value], evaluation: Evaluation) -> None:
    evaluation.spend(2)
    for item in paced(evaluation, items, 1):
        if type(item) is list:
            _flatten(item, found, evaluation)
        else:
            found.append(item)


def descendants(value: Value, evaluation: Evaluation) -> list[Value]:
    """`**`: the value and everything inside it; arrays are replaced by their items."""
    found: list[Value] = []
    if value is not UNDEFINED:
        _descend(value, found, evaluation)
    return found


def _descend(value: Value, found: list[Value], evaluation: Evaluation) -> None:
    kind = type(value)
    if kind is not list:
        found.append(value)
    if kind is list or kind is dict:
        evaluation.spend(2)
        for each in paced(evaluation, value.values() if kind is dict else value, 2):
            _descend(each, found, evaluation)
