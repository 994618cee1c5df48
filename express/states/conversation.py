"""Calling coroutine handlers so that one that answers at once costs no task, no exception and hardly a call.

Theory of operation. `coroutine.send` delivers the return value as a StopIteration, and creating, raising and catching
that costs more than many handlers. A generator that delegates to the coroutine (`yield from`) gets the return value as
a plain value. So each Task state keeps a `Line` open: a generator that is sent a coroutine, runs it, and yields its
return value as `Answer` or its exception as `Refusal`. Anything else it yields comes from the coroutine, which has
then suspended. From then on the line belongs to that coroutine (`Host.suspended`), and the state opens another one;
after its outcome, any state may use the line (`leave_line`). (A chain's line, `states.chain`, calls the handlers itself
and is sent the data.)
"""

from __future__ import annotations

from inspect import CO_COROUTINE
from types import FunctionType, MethodType, coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from express.program import Host
    from express.states.state import Handler
    from express.types import JSON

#: Runs the coroutine sent to it; yields its Answer or Refusal, or what the coroutine yields to the event loop.
Line: TypeAlias = "Generator[Any, Any, None]"


class Answer:
    """The return value of a coroutine. Taking it resets `value` to None, so that an idle line keeps no data alive."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Any = None

    def take(self) -> Any:
        value, self.value = self.value, None
        return value


class Refusal(Answer):
    """The exception that a coroutine has raised."""

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


#: The code of a line: the traceback of an exception raised in a line contains a frame of it.
LINE = _line.__code__


#: Lines that have been used by coroutines that suspended. Opening one takes longer than many handlers do.
_idle: list[Line] = []
_MOST_IDLE = 1000


def open_line() -> Line:
    """A line ready for its first coroutine."""
    try:
        return _idle.pop()
    except IndexError:
        line: Line = _line()
        line.send(None)
        return line


def leave_line(line: Line) -> None:
    """Keep a line that has yielded the outcome of a coroutine that had suspended, for another state; or close it."""
    if line.gi_code is LINE and len(_idle) < _MOST_IDLE:  # type: ignore[attr-defined]  # every generator has one
        _idle.append(line)
    else:
        line.close()


def in_coroutines(call: Callable[..., Awaitable[JSON]]) -> Callable[..., Coroutine[Any, Any, JSON]]:
    """A handler whose calls return coroutines. An `async def` is returned unchanged; other handlers, whose calls
    return awaitables, are wrapped."""
    code = getattr(call, "__code__", None) if isinstance(call, FunctionType | MethodType) else None
    if code is not None and code.co_flags & CO_COROUTINE:
        return call  # type: ignore[return-value]  # its code flag says that it is one

    async def called(awaitable: Awaitable[JSON]) -> JSON:
        return await awaitable

    return lambda *arguments: called(call(*arguments))


async def outcome_of(handler: Handler, host: Host, *arguments: Any) -> Any:
    """Call a handler of any kind but a worker, and await its result. Raises what it raises."""
    if handler.kind == "thread":
        return await host.call_in_thread(handler.call, *arguments)
    result = handler.call(*arguments)
    return await result if handler.kind == "async" else result
