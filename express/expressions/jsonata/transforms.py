"""`| pattern | update, delete |`: a function that changes a copy (JSONata docs, "Transform").

The copy is made first, and the pattern is evaluated on it; the matches are parts of the copy, changed in place one
after the other, so that a later match sees the changes to an earlier one.

A pattern may also match other values (`$$`, a variable). jsonata-js changes those too, including the caller's data;
here only the copy is ever changed, even if the expression has redefined `$clone` so that it returns no copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.expressions.jsonata.errors import STACK_OVERFLOW, JSONataError
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.signatures import compile_signature
from express.expressions.jsonata.values import UNDEFINED, Function, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.expressions.jsonata.evaluation import Evaluation

#: Steps to change one matched object.
_MATCH_COST: Final = 6


def transform(
    clone: Value,
    pattern: Callable[[Value], Value],
    update: Callable[[Value], Value],
    delete: Callable[[Value], Value] | None,
    positions: tuple[int, int, int],
    evaluation: Evaluation,
) -> Function:
    """The function of a transform.

    `clone` is the value of `$clone` here, UNDEFINED for the built-in; `positions` are those of the transform, of its
    update and of its delete clause.
    """
    position, update_position, delete_position = positions

    def changed(value: Value) -> Value:
        if value is UNDEFINED:
            return UNDEFINED
        own: set[int] = set()
        copy = _copy(_cloned(value, clone, position, evaluation), own, evaluation)
        matches = pattern(copy)
        if matches is UNDEFINED:
            return copy
        for match in list(matches) if type(matches) is list else [matches]:
            evaluation.spend(_MATCH_COST)
            target = match if id(match) in own else {}
            _update(target, update(match), update_position)
            if delete is not None:
                _delete(target, delete(match), delete_position)
        _check_ends(copy, set(), set(), position)
        return copy

    signature = compile_signature("<(oa):o>")

    def call(*arguments: Value) -> Value:
        return changed(*signature.validate(arguments, None))

    return Function(call, 1, signature=signature.text)


def _cloned(value: Value, clone: Value, position: int, evaluation: Evaluation) -> Value:
    if clone is UNDEFINED:
        return BUILTINS["clone"].implementation(evaluation, value)
    if isinstance(clone, Function):
        return clone.call(value)
    raise JSONataError("T2013", position)


def _copy(value: Value, own: set[int], evaluation: Evaluation) -> Value:
    """A deep copy; the ids of copied objects are added to `own`."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return value
    evaluation.spend(4 + 2 * len(value))
    if kind is list:
        return [_copy(item, own, evaluation) for item in value]
    copied = {key: _copy(item, own, evaluation) for key, item in value.items()}
    own.add(id(copied))
    return copied


def _check_ends(value: Value, outer: set[int], done: set[int], position: int) -> None:
    """Refuse an object that contains itself, as after `|$|{'self': $}|`, which has no JSON text in jsonata-js either.

    `outer` are the ids of the containers around `value`, `done` those already checked.
    """
    if type(value) is not dict and type(value) is not list:
        return
    place = id(value)
    if place in outer:
        raise JSONataError(STACK_OVERFLOW, position)
    if place in done:
        return
    outer.add(place)
    for item in value.values() if type(value) is dict else value:
        _check_ends(item, outer, done, position)
    outer.remove(place)
    done.add(place)


def _update(match: dict[str, Value], update: Value, position: int) -> None:
    if update is UNDEFINED:
        return
    if type(update) is not dict:
        raise JSONataError("T2011", position, value=update)
    match.update(update)


def _delete(match: dict[str, Value], names: Value, position: int) -> None:
    if names is UNDEFINED:
        return
    listed = names if type(names) is list else [names]
    if not all(type(name) is str for name in listed):
        raise JSONataError("T2012", position, value=names)
    for name in listed:
        match.pop(name, None)
