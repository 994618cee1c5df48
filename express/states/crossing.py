"""Copying payloads and results across the task edge, with AWS's error texts for those that cannot cross.

Nearly all cross by one orjson round trip. What that does not copy faithfully, integers beyond 64 bits or tuples, takes
several times as long, and if it is long as well, a thread copies it (`deferral`). The thread may use a payload as it
is, because nobody changes the data of an execution. A result may be changed by its handler, so it is first kept as it
is now (`Kept`), which takes a fifth of the time. Results with objects of derived classes, such as named tuples, cross
on the loop, however long they are: to keep them takes as long. So do results that are short when kept, because they
refer to the same parts many times.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any, Final, Self, cast

from express.deferral import OutOfTime, deferrable
from express.errors import RUNTIME, EngineError
from express.foreign import NotJSON
from express.payload import PAYLOAD_LIMIT, cross_quickly, cross_thoroughly, is_too_long
from express.states.lambda_function import marshal_error
from express.states.sizes import data_limit_exceeded

if TYPE_CHECKING:
    from express.program import Frame
    from express.types import JSON, Expr

#: Bytes up to which a value is copied on the loop, and an upper bound of the nanoseconds that each further one takes.
_SHORT: Final = 50_000
_BYTE_NS: Final = 100


class _Keeper(pickle.Pickler):
    """Pickles values of the very types that Python has for JSON; other objects' classes might do anything."""

    def reducer_override(self, value: object) -> Any:
        raise pickle.PicklingError


class Kept:
    """A value as it was at one moment; `size` is about that of its JSON text, less for a value that shares parts."""

    __slots__ = ("_blob",)

    def __init__(self, blob: bytes) -> None:
        self._blob = blob

    @classmethod
    def of(cls, value: JSON) -> Self | None:
        """None for a short value, and for one with objects of other classes: it has to cross at once."""
        file = io.BytesIO()
        try:
            _Keeper(file, pickle.HIGHEST_PROTOCOL).dump(value)
        except (pickle.PicklingError, RecursionError):
            return None
        return cls(file.getvalue()) if file.tell() > _SHORT else None

    @property
    def size(self) -> int:
        return len(self._blob)

    def value(self) -> JSON:
        return cast("JSON", pickle.loads(self._blob))


def _copy_payload(payload: JSON, scope: Frame) -> JSON:
    """`cross_thoroughly`, to which a long payload comes in a thread."""
    if scope.size > _SHORT:
        scope.look(_BYTE_NS * min(scope.size, PAYLOAD_LIMIT))
    return cross_thoroughly(payload, look=scope.look)


def _copy_result(result: Kept, scope: Frame) -> JSON:
    """`cross_thoroughly`, to which the result comes in a thread."""
    scope.look(_BYTE_NS * result.size)
    return cross_thoroughly(result.value(), scope.run.host.payload_limit, scope.look)


_copied_payload: Final = deferrable(cast("Expr", _copy_payload))
_copied_result: Final = deferrable(cast("Expr", _copy_result))


def cross_in(payload: JSON, frame: Frame) -> tuple[JSON, int]:
    """A copy of a payload and its size in bytes.

    Raises EngineError if it is not JSON, OutOfTime if a thread has to copy it.
    """
    deferral = frame.deferral
    try:
        crossed = None if deferral is not None and _copied_payload in deferral.answers else cross_quickly(payload)
        return cast("tuple[JSON, int]", crossed or _copied_payload(payload, frame))
    except NotJSON as error:
        raise EngineError(RUNTIME, f"The input of the task is not valid JSON: {error}") from None


def cross_out(result: JSON | Kept, frame: Frame, who: str) -> tuple[JSON, int]:
    """A copy of the result of a handler of the resource `who`, and its size in bytes.

    Raises StateError: the one of Lambda's runtime if the result is not JSON, States.DataLimitExceeded if it is too
    long; OutOfTime if a thread has to copy it, with the result to come back with.
    """
    limit = frame.run.host.payload_limit
    try:
        copy, size = _crossed(result, frame, limit)
    except NotJSON as error:
        raise marshal_error(error.foreign) from None
    if size > limit:
        raise data_limit_exceeded(who)
    return copy, size


def _crossed(result: JSON | Kept, frame: Frame, limit: int) -> tuple[JSON, int]:
    # `type`, because a result may be of any class.
    kept = result if type(result) is Kept else None
    if kept is None:
        if is_too_long(result, limit):
            return None, limit + 1
        if (crossed := cross_quickly(result, limit)) is not None:
            return crossed
        kept = Kept.of(result)
        if kept is None:
            return cross_thoroughly(result, limit)
    try:
        return cast("tuple[JSON, int]", _copied_result(cast("JSON", kept), frame))
    except OutOfTime as late:
        late.given = (cast("JSON", kept),)
        raise
