"""How large data is, as far as somebody needs to know.

A frame carries a bound of its data's size (`Frame.size`). Only when the bound passes the limit is the data measured
(`measured`). Where a bound cannot be known it is `unknown_size`, which no limit reaches, and which also tells how often
the value may hold the same data: written down, what is shared counts as often as it stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, EngineError, StateError
from express.foreign import NotJSON
from express.payload import MANY_COPIES, measure, measure_array, outweighs

if TYPE_CHECKING:
    from express.program import Frame
    from express.types import JSON

#: A size no payload has: whoever adds to it gets measured.
UNKNOWN_SIZE = 1 << 40

#: The bound of a fork's results that are many times as long as an output may be. They can still be selected from, but
#: not written down.
TOO_LONG = UNKNOWN_SIZE * UNKNOWN_SIZE

#: How many times the limit the results of a fork may have to be measured to their end: nearly all that are too long to
#: be an output are found out sooner.
_LONG_RESULTS = 2


def unknown_size(copies: int) -> int:
    """The bound of what nothing is known of but that it may hold the same data so many times, about: where that is too
    often, `measured` will not write it down unseen."""
    return UNKNOWN_SIZE * copies


def measured(frame: Frame, value: JSON, name: str, bound: int) -> int:
    """The exact size of a state's output, of which only a bound is known; DataLimitExceeded when it is over the limit.

    The bound tells how often the output may hold the same data: what might fill the memory if it were written down is
    weighed first.
    """
    limit = frame.run.host.payload_limit
    if holds_many_copies(bound, limit) and outweighs(value, limit):
        raise data_limit_exceeded(name)
    try:
        size = measure(value)
    except NotJSON as error:
        raise EngineError(RUNTIME, f"The output of the state is not valid JSON: {error}") from None
    if size > limit:
        raise data_limit_exceeded(name)
    return size


def holds_many_copies(bound: int, limit: int) -> bool:
    """Whether a value of no more than `bound` bytes can hold what is within the limit so often that it is better not
    written down unseen."""
    return bound // (UNKNOWN_SIZE if bound >= UNKNOWN_SIZE else limit) > MANY_COPIES


def size_of_results(results: list[JSON], limit: int) -> int:
    """The size of a fork's results, each of which is within the limit; a bound where that is many times the limit."""
    most = _LONG_RESULTS * limit
    try:
        size = measure_array(results, most)
    except NotJSON:
        # Whoever measures the output has the words for it.
        return UNKNOWN_SIZE
    return size if size <= most else TOO_LONG


def data_limit_exceeded(who: str) -> StateError:
    """`who` is the state's name, a function's ARN or a service, as recorded."""
    return StateError(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{who}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )


def input_limit_exceeded(who: str) -> StateError:
    """A task's input after Parameters is over the limit. AWS names the error; its text is recorded nowhere."""
    return StateError(
        DATA_LIMIT_EXCEEDED,
        f"The input of the state/task '{who}' has a size exceeding the maximum number of bytes service limit.",
    )
