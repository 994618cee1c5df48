"""Talking to coroutine handlers: one that answers at once costs no task, no exception and hardly a call.

Theory of operation. Whoever sends into a coroutine from outside gets its answer as a StopIteration, and making, raising
and catching that costs more than many handlers. A generator that delegates to the coroutine (`yield from`) gets the
answer as a plain value. So a `Line` is kept open for each Task state: a generator that takes a coroutine, lets it run,
and yields what it returned as `Answer`, what it raised as `Refusal`. Everything else that it yields comes from the
coroutine, which has suspended then. The line is engaged from then on and goes with the coroutine as `Suspended`; the
state opens another one. (A chain's line, `states.chain`, calls the handlers by itself, and is sent the data.)
"""

from __future__ import annotations

from inspect import CO_COROUTINE
from types import FunctionType, MethodType, coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from express.types import JSON

#: Sent a coroutine, it runs it and yields its Answer or Refusal, or what the coroutine wants of the event loop.
Line: TypeAlias = "Generator[Any, Any, None]"


class Answer:
    """What a coroutine has returned. Who takes it leaves None there: a line keeps nobody's data."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Any = None

    def take(self) -> Any:
        value, self.value = self.value, None
        return value


class Refusal(Answer):
    """What a coroutine has raised."""

    __slots__ = ()


@coroutine
def _line() -> Line:
    answer, refusal = Answer(), Refusal()
    said = answer
    while True:
        try:
            answer.value = yield from (yield said)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its refusal
            refusal.value = error
            said = refusal
        else:
            said = answer


#: What a line runs: an exception that was raised on one has come through a frame of this.
LINE = _line.__code__


def open_line() -> Line:
    """A line that waits for its first coroutine."""
    line: Line = _line()
    line.send(None)
    return line


def in_coroutines(call: Callable[..., Awaitable[JSON]]) -> Callable[..., Coroutine[Any, Any, JSON]]:
    """A handler whose calls give coroutines, as those of an `async def` do already; others give what can be awaited."""
    code = getattr(call, "__code__", None) if isinstance(call, FunctionType | MethodType) else None
    if code is not None and code.co_flags & CO_COROUTINE:
        return call  # type: ignore[return-value]  # so it is by its flag

    async def called(awaitable: Awaitable[JSON]) -> JSON:
        return await awaitable

    return lambda *arguments: called(call(*arguments))


class Suspended:
    """A coroutine that was started and has suspended once: awaiting this goes on with it, as `await` would have."""

    __slots__ = ("_first", "_line")

    def __init__(self, line: Line, first: Any) -> None:
        self._line = line
        self._first = first

    def __await__(self) -> Generator[Any, Any, JSON]:
        line, yielded = self._line, self._first
        self._first = None
        try:
            while not isinstance(yielded, Answer):
                try:
                    sent = yield yielded
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001 - `await` passes on whatever comes
                    yielded = line.throw(error)
                else:
                    yielded = line.send(sent)
            if type(yielded) is Refusal:
                raise yielded.take()
            return yielded.take()
        finally:
            line.close()
