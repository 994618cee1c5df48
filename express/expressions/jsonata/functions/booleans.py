"""Boolean functions (JSONata docs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.values import UNDEFINED, Value, truth

if TYPE_CHECKING:
    from express.expressions.jsonata.evaluation import Evaluation


@function("boolean", "<x-:b>", bounded=True, cost=2)
def boolean(evaluation: Evaluation, value: Value) -> Value:
    """The effective boolean value: empty, zero, null and functions are false, arrays are true if an item is."""
    return UNDEFINED if value is UNDEFINED else truth(value, evaluation)


@function("not", "<x-:b>", bounded=True)
def not_(evaluation: Evaluation, value: Value) -> Value:
    """The opposite of `$boolean`; UNDEFINED for UNDEFINED."""
    return UNDEFINED if value is UNDEFINED else not truth(value, evaluation)


@function("exists", "<x:b>", cost=1)
def exists(value: Value) -> bool:
    """Whether the value is defined; null is."""
    return value is not UNDEFINED
