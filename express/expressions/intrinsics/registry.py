"""The table of intrinsic functions, and the decorator that fills it.

Each function is a plain Python function of its evaluated arguments; the decorator declares how many it takes and
whether it is pure. A function rejects its arguments with ArgumentsError; the caller, which knows the surrounding
expression, words the cause. The service checks arguments, including their number, only when the call runs (observed:
`States.Hash()` deploys and then fails with `States.Runtime`), so nothing here is a definition error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from express.types import JSON

Function = Callable[..., JSON]
F = TypeVar("F", bound=Function)

#: Every intrinsic function by its full name, such as `States.Array`.
FUNCTIONS: Final[dict[str, Intrinsic]] = {}


class ArgumentsError(Exception):
    """Raised by an intrinsic function that cannot process its arguments.

    `detail` is the whole sentence where the service says more than `Invalid arguments in States.<Name>`.
    """

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """One intrinsic function. `arity` holds the permitted numbers of arguments.

    `pure`: equal arguments give equal results, so a call of constants may be evaluated at compile time.
    `array_limit`: the first argument is an array that must fit into a payload (256 KiB).
    `writes`: the function traverses all of its arguments and mostly serialises them. `walks`: its run time grows with
    each value in them (up to 0.4 us, or ten times that for a float) or with each character.
    `specialise`: given the raw text of a constant first argument, returns a function of the other arguments.
    """

    name: str
    function: Function
    arity: range
    pure: bool
    array_limit: bool
    writes: bool
    walks: bool
    specialise: Callable[[str], Function] | None


def at_least(count: int) -> range:
    """The arity of a function that takes `count` arguments or more."""
    return range(count, sys.maxsize)


def intrinsic(
    name: str,
    arity: int | range,
    *,
    pure: bool = True,
    array_limit: bool = False,
    writes: bool = False,
    walks: bool = False,
    specialise: Callable[[str], Function] | None = None,
) -> Callable[[F], F]:
    """Register the decorated function as `name`; `arity` is the number of its arguments, or the range of them."""
    counts = range(arity, arity + 1) if isinstance(arity, int) else arity

    def register(function: F) -> F:
        FUNCTIONS[name] = Intrinsic(name, function, counts, pure, array_limit, writes, walks, specialise)
        return function

    return register
