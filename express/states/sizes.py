"""Sizes of data: upper bounds, exact measurement, and the errors of exceeding the payload limit.

A frame carries an upper bound of its data's size (`Frame.size`). The data is measured only when the bound exceeds the
limit (`measured`). An unknown bound is `unknown_size`, which exceeds every limit and also encodes how many copies of
the same data the value may hold: shared data is serialised once for each occurrence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, EngineError, StateError
from express.foreign import NotJSON
from express.payload import MANY_COPIES, measure, measure_array, outweighs

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.program import Frame
    from express.types import JSON

#: A size that no payload has, so any bound that includes it forces measuring.
UNKNOWN_SIZE = 1 << 40

#: The bound of a fork's results that far exceed the limit. Expressions may still select from them, but they must not
#: be serialised.
TOO_LONG = UNKNOWN_SIZE * UNKNOWN_SIZE

#: A fork's results are measured completely up to this multiple of the limit. For nearly all that are too long for an
#: output, measuring stops earlier.
_LONG_RESULTS = 2


def unknown_size(copies: int) -> int:
    """The bound of a value about which only an approximate number of copies of the same data is known: with too many
    copies, `measured` does not serialise the value unchecked."""
    return UNKNOWN_SIZE * copies


def measured(frame: Frame, value: JSON, name: str, bound: int) -> int:
    """The exact size of a state's output, known to be at most `bound`. Raises DataLimitExceeded above the limit.

    The bound encodes how many copies of the same data the output may hold: an output that might fill the memory if
    serialised is weighed first.
    """
    return _measured(frame, value, name, bound, data_limit_exceeded, "output")


def measured_input(frame: Frame, value: JSON, name: str, bound: int) -> int:
    """`measured` for the input that a Parallel makes for its branches.

    (Inputs of iterations are not measured one by one: each may hold all of the Map's input.)
    """
    return _measured(frame, value, name, bound, input_limit_exceeded, "input")


def _measured(
    frame: Frame, value: JSON, name: str, bound: int, exceeded: Callable[[str], StateError], what: str
) -> int:
    limit = frame.run.host.payload_limit
    if holds_many_copies(bound, limit) and outweighs(value, limit):
        raise exceeded(name)
    try:
        size = measure(value)
    except NotJSON as error:
        raise EngineError(RUNTIME, f"The {what} of the state is not valid JSON: {error}") from None
    if size > limit:
        raise exceeded(name)
    return size


def holds_many_copies(bound: int, limit: int) -> bool:
    """Whether a value of at most `bound` bytes may hold data within the limit so many times that it must be weighed
    before it is serialised."""
    return bound // (UNKNOWN_SIZE if bound >= UNKNOWN_SIZE else limit) > MANY_COPIES


def size_of_results(results: list[JSON], limit: int) -> int:
    """The size of a fork's results, each of which is within the limit; a bound where the size far exceeds the limit or
    the results are not JSON."""
    most = _LONG_RESULTS * limit
    try:
        size = measure_array(results, most)
    except NotJSON:
        # Measuring the output will raise the proper error.
        return UNKNOWN_SIZE
    return size if size <= most else TOO_LONG


def data_limit_exceeded(who: str) -> StateError:
    """`who` is the state's name, a function's ARN or a service, as recorded."""
    return StateError(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{who}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )


def input_limit_exceeded(who: str) -> StateError:
    """A state's input after Parameters exceeds the limit. AWS names the error; its text is recorded nowhere."""
    return StateError(
        DATA_LIMIT_EXCEEDED,
        f"The input of the state/task '{who}' has a size exceeding the maximum number of bytes service limit.",
    )
