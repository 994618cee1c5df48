"""The table of built-in functions.

A function is one decorated Python function in the module of its family; the compiler resolves a call of a built-in at
compile time. Implementations are pure, get arguments already checked against the signature (a missing optional one is
UNDEFINED, and so may be any other: the signature lets undefined pass), and return a value or UNDEFINED. One marked
`sequence` returns a list that is a JSONata sequence, which the caller collapses; one marked `mixed` may return a
`Sequence` or another value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Implementation = TypeVar("Implementation", bound="Callable[..., Any]")


#: Steps of a call of most functions.
USUAL_COST: Final = 3


@dataclass(frozen=True, slots=True)
class Builtin:
    """`$name`: `signature` as JSONata writes it (docs, "Function signatures"), `arity` its number of arguments.

    As in JavaScript, parameters with a default and `*parameters` do not count; so `$map` passes one argument to
    `$string`.

    `bounded`: takes the `Evaluation` first. `sequence`: returns a sequence; `mixed`: that or a value. `aws`: added by
    Step Functions. `cost`: the steps of a call with almost nothing to do.
    """

    name: str
    signature: str
    implementation: Callable[..., Any]
    arity: int
    bounded: bool = False
    sequence: bool = False
    mixed: bool = False
    aws: bool = False
    cost: int = USUAL_COST

    @property
    def may_give_sequence(self) -> bool:
        return self.sequence or self.mixed


BUILTINS: Final[dict[str, Builtin]] = {}


def function(
    name: str,
    signature: str,
    *,
    bounded: bool = False,
    sequence: bool = False,
    mixed: bool = False,
    aws: bool = False,
    cost: int = USUAL_COST,
) -> Callable[[Implementation], Implementation]:
    """Register `$name`; the implementation's positional parameters are the function's own, after the evaluation."""

    def register(implementation: Implementation) -> Implementation:
        defaults: tuple[Any, ...] = getattr(implementation, "__defaults__", None) or ()
        arity = implementation.__code__.co_argcount - bounded - len(defaults)
        BUILTINS[name] = Builtin(name, signature, implementation, arity, bounded, sequence, mixed, aws, cost)
        return implementation

    return register
