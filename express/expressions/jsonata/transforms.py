"""`| pattern | update, delete |`: a function that changes a copy (JSONata docs, "Transform").

The copy is made first, and the pattern is looked for in it; what it finds are parts of the copy, which are changed in
place one after the other, so that a later match sees what was done to an earlier one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.signatures import compile_signature
from express.expressions.jsonata.values import UNDEFINED, Function, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.expressions.jsonata.evaluation import Evaluation

#: A part of a transform as a function of the context item.
Part = "Callable[[Value], Value]"


def transform(
    clone: Value,
    pattern: Callable[[Value], Value],
    update: Callable[[Value], Value],
    delete: Callable[[Value], Value] | None,
    positions: tuple[int, int, int],
    evaluation: Evaluation,
) -> Function:
    """The function. `clone` is what `$clone` means here, UNDEFINED for the built-in; `positions` are those of the
    transform, of its update and of its delete clause."""
    position, update_position, delete_position = positions

    def changed(value: Value) -> Value:
        if value is UNDEFINED:
            return UNDEFINED
        if clone is UNDEFINED:
            copy = BUILTINS["clone"].implementation(evaluation, value)
        elif isinstance(clone, Function):
            copy = clone.call(value)
        else:
            raise JSONataError("T2013", position)
        matches = pattern(copy)
        if matches is UNDEFINED:
            return copy
        for match in list(matches) if type(matches) is list else [matches]:
            evaluation.spend(1)
            _update(match, update(match), update_position)
            if delete is not None:
                _delete(match, delete(match), delete_position)
        return copy

    signature = compile_signature("<(oa):o>")

    def call(*arguments: Value) -> Value:
        return changed(*signature.validate(arguments, None))

    return Function(call, 1, signature=signature.text)


def _update(match: Value, update: Value, position: int) -> None:
    if update is UNDEFINED:
        return
    if type(update) is not dict:
        raise JSONataError("T2011", position, value=update)
    if type(match) is dict:
        match.update(update)


def _delete(match: Value, names: Value, position: int) -> None:
    if names is UNDEFINED:
        return
    listed = names if type(names) is list else [names]
    if not all(type(name) is str for name in listed):
        raise JSONataError("T2012", position, value=names)
    if type(match) is dict:
        for name in listed:
            match.pop(name, None)
