"""Handlers that have suspended: they go on in turns of the event loop that have time.

Thousands of handlers may be woken in one turn of the loop, by one event or by one answer from a server. Each would do
the rest of its work and return a result that has to be taken at once, because it may be changed afterwards. So a
handler is resumed only in a turn that has time for it, like any other execution; with an exception as well, unless its
task is being cancelled.
"""

from __future__ import annotations

from asyncio import CancelledError, isfuture
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from express.states.conversation import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from express.runtime.host import LoopHost
    from express.states.conversation import Line
    from express.types import JSON


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
        line, yielded = self._line, self._first
        self._first = None
        try:
            if self._is_interrupted:
                # As a task does: nobody waits for that future any more.
                if isfuture(yielded):
                    yielded.cancel()
                yielded = line.throw(CancelledError())
            answer = yield from _converse(self._host, line, yielded)
            if type(answer) is Refusal:
                raise answer.take()
            return answer.take()
        finally:
            line.close()


class Work:
    """A coroutine that has not begun; awaiting this object runs it, in turns of the loop that have time. `within`:
    another one, which the first will await."""

    __slots__ = ("_coroutine", "_host", "_within")

    def __init__(self, host: LoopHost, coroutine: Coroutine[Any, Any, JSON], within: object = None) -> None:
        self._host = host
        self._coroutine = coroutine
        self._within = within

    def __await__(self) -> Generator[Any, Any, JSON]:
        try:
            return (yield from _converse(self._host, self._coroutine, self._coroutine.send(None)))
        except StopIteration as end:
            return end.value
        finally:
            self._coroutine.close()

    def close(self) -> None:
        """Close the coroutine, which nobody will await."""
        self._coroutine.close()
        if isinstance(self._within, CoroutineType):
            self._within.close()


def _converse(host: LoopHost, work: Line | Coroutine[Any, Any, JSON], yielded: Any) -> Generator[Any, Any, Any]:
    """Pass what `work` yields on to the event loop, and what comes back on to `work`, in turns that have time; until
    `work` ends, or yields an Answer."""
    while not isinstance(yielded, Answer):
        sent, error = None, None
        # `error` is thrown outside of the `except` clauses, within which the handler would see it as being handled.
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
            return end.value
        finally:
            # Its traceback holds this frame.
            error = None
    return yielded
