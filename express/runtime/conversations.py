"""Handlers that have suspended: they go on in turns of the event loop that have time.

Thousands of handlers may be woken in one turn of the loop, by one event or by one answer from a server. Each would do
the rest of its work and return a result that has to be taken at once, because it may be changed afterwards. So a
handler is resumed only in a turn that has time for it, like any other execution; with an exception as well, unless its
task is being cancelled.
"""

from __future__ import annotations

from asyncio import CancelledError, isfuture
from typing import TYPE_CHECKING, Any, Final

from express.errors import TIMEOUT, StateError
from express.states.conversation import Answer, Refusal, leave_line

if TYPE_CHECKING:
    from asyncio import Timeout
    from collections.abc import Coroutine, Generator

    from express.runtime.host import LoopHost
    from express.states.conversation import Line
    from express.types import JSON


#: What a coroutine that has not begun has yielded.
_NOTHING: Final = object()


class Suspended:
    """A coroutine that was started and has suspended once; awaiting this object resumes it, as `await` would, in turns
    of the loop that have time."""

    __slots__ = ("_first", "_host", "_is_interrupted", "_line")

    def __init__(self, host: LoopHost, line: Line, first: Any) -> None:
        self._host = host
        self._line = line
        self._first = first
        self._is_interrupted = False

    def interrupt(self) -> None:
        """Let the coroutine meet a CancelledError when this is awaited: its execution was stopped meanwhile."""
        self._is_interrupted = True

    def __await__(self) -> Generator[Any, Any, JSON]:
        yielded, self._first = self._first, None
        if self._is_interrupted:
            # As a task does: nobody waits for that future any more.
            if isfuture(yielded):
                yielded.cancel()
            yielded = self._line.throw(CancelledError())
        return _converse(self._host, self._line, yielded, None)


class Work:
    """A coroutine that has not begun; awaiting this object runs it, in turns of the loop that have time.

    `scope`: the time it may take. `call`: another coroutine, which the first will await.
    """

    __slots__ = ("_call", "_coroutine", "_host", "_scope")

    def __init__(
        self,
        host: LoopHost,
        coroutine: Coroutine[Any, Any, JSON],
        scope: Timeout | None = None,
        call: Coroutine[Any, Any, JSON] | None = None,
    ) -> None:
        self._host = host
        self._coroutine = coroutine
        self._scope = scope
        self._call = call

    def __await__(self) -> Generator[Any, Any, JSON]:
        # The scope refers to the task that awaits this, whose exception may refer back here.
        scope, self._scope = self._scope, None
        return _converse(self._host, self._coroutine, _NOTHING, scope)

    def close(self) -> None:
        """Close the coroutine, which nobody will await."""
        self._coroutine.close()
        if self._call is not None:
            self._call.close()


def _converse(  # noqa: C901 - in one piece, as is said below
    host: LoopHost, work: Line | Coroutine[Any, Any, JSON], yielded: Any, scope: Timeout | None
) -> Generator[Any, Any, JSON]:
    """Pass what `work` yields on to the event loop, and what comes back on to `work`, in turns that have time; until
    `work` ends, or yields an Answer.

    Raises StateError States.Timeout if `scope` has expired, whatever `work` then does. One generator does all of this,
    because a hundred thousand executions may wait in one.
    """
    answer: Any = None
    error: BaseException | None = None
    is_left = False
    try:
        if scope is not None:
            yield from scope.__aenter__().__await__()
        while not isinstance(yielded, Answer):
            sent = error = None
            # `error` is thrown outside of the `except` clauses, within which `work` would see it as being handled.
            if yielded is not _NOTHING:
                try:
                    sent = yield yielded
                except GeneratorExit:
                    raise
                except BaseException as raised:  # noqa: BLE001 - `await` passes on whatever comes
                    error = raised
                must_hurry = isinstance(error, CancelledError) and host.cancelling() > 0
                if not must_hurry and host.monotonic_ns() > host.slice_end and not host.has_time():
                    try:
                        yield from host.place()
                        yield from host.take_turn()
                    except GeneratorExit:
                        raise
                    except BaseException as raised:  # noqa: BLE001 - cancelled while it stood in line
                        error = raised
            try:
                yielded = work.send(sent) if error is None else work.throw(error)
            except StopIteration as end:
                answer = end.value
                break
        else:
            answer = yielded.take()
            is_left = True
            leave_line(work)  # type: ignore[arg-type]  # nothing else yields an Answer
            if type(yielded) is Refusal:
                raise answer
        error = None
    except BaseException as raised:
        # Of an error that is kept the traceback holds this frame.
        error = None
        if scope is None:
            raise
        error = raised
    finally:
        if not is_left:
            work.close()
        yielded = None
    if scope is None:
        return answer
    try:
        # It raises TimeoutError in place of its own cancellation.
        yield from scope.__aexit__(None if error is None else type(error), error, None).__await__()
        if error is not None and not (isinstance(error, Exception) and scope.expired()):
            raise error
    except TimeoutError:
        if not scope.expired():
            raise
    finally:
        error = None
    if scope.expired():
        raise StateError(TIMEOUT)
    return answer
