"""The table of intrinsic functions, and the decorator that fills it.

Each function is one ordinary Python function of its evaluated arguments; the decorator says how many it takes and
whether it is pure. What a function does not like it refuses with ArgumentsError; the caller knows the expression
around it and words the cause. The service checks arguments, their number included, only when the call runs
(observed: `States.Hash()` deploys and then fails with `States.Runtime`), so nothing here is a definition error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from express.types import JSON

Function = Callable[..., JSON]
F = TypeVar("F", bound=Function)

#: Every intrinsic function by its full name, `States.Array` and so on.
FUNCTIONS: Final[dict[str, Intrinsic]] = {}


class ArgumentsError(Exception):
    """Raised by an intrinsic function that cannot work with its arguments.

    `detail` is the whole sentence where the service says more than `Invalid arguments in States.<Name>`.
    """

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """One intrinsic function. `arity` holds the numbers of arguments it takes.

    `pure`: equal arguments give equal results, so a call of constants may be computed while compiling.
    `array_limit`: the first argument is an array that must fit a payload (256 KiB).
    `writes`: it goes through all of its arguments, and mostly writes them down. `walks`: it takes time for each value
    in them (up to 0.4 us, or ten times that for a float), or for each character.
    `specialise`: given the text of a constant first argument between its quotes, makes a function of the others.
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
