"""The table of intrinsic functions, and the decorator that fills it.

Each function is one ordinary Python function of its evaluated arguments; the decorator says how many it takes and
whether it is pure. What a function does not like it refuses with ArgumentsError; the caller knows the expression
around it and words the cause. The service checks arguments, their number included, only when the call runs
(observed: `States.Hash()` deploys and then fails with `States.Runtime`), so nothing here is a definition error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from express.errors import ExpressError
from express.types import JSON

Function = Callable[..., JSON]
F = TypeVar("F", bound=Function)

#: Every intrinsic function by its full name, `States.Array` and so on.
FUNCTIONS: Final[dict[str, Intrinsic]] = {}


class ArgumentsError(ExpressError):
    """Raised by an intrinsic function that cannot work with its arguments.

    `detail` is the whole sentence where the service says more than `Invalid arguments in States.<Name>`.
    """

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """One intrinsic function. `maximum` None means any number of arguments.

    `pure`: equal arguments give equal results, so a call of constants may be computed while compiling.
    `array_limit`: the first argument is an array that must fit a payload (256 KiB).
    `specialise`: given the text of a constant first argument between its quotes, makes a function of the others.
    """

    name: str
    function: Function
    minimum: int
    maximum: int | None
    pure: bool
    array_limit: bool
    specialise: Callable[[str], Function] | None

    def takes(self, count: int) -> bool:
        return self.minimum <= count and (self.maximum is None or count <= self.maximum)


def intrinsic(
    name: str,
    minimum: int,
    maximum: int | None = -1,
    *,
    pure: bool = True,
    array_limit: bool = False,
    specialise: Callable[[str], Function] | None = None,
) -> Callable[[F], F]:
    """Register the decorated function as `name`, with exactly `minimum` arguments unless `maximum` says otherwise."""

    def register(function: F) -> F:
        most = minimum if maximum == -1 else maximum
        FUNCTIONS[name] = Intrinsic(name, function, minimum, most, pure, array_limit, specialise)
        return function

    return register
