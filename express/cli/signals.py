"""The signals that end a command: Ctrl-C, SIGTERM and SIGHUP, which all unwind it alike.

Python makes an exception of Ctrl-C only. The others would end the process where it stands, with temporary files left
behind and the cursor of the terminal hidden. Here they do what Ctrl-C does at that moment, whoever has decided about
that: Python's own handler, asyncio's, or a verb's. The exit status tells which signal it was.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import express
from express.cli.streams import second_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from types import FrameType

T = TypeVar("T")

#: The signals that end a command, where the system has them.
ENDING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
#: Seconds in which a signal that comes again is the same: `timeout` sends one to the process, then to its group.
_SAME_S: Final = 0.1
#: Seconds after which whoever has asked for the end is told what it waits for.
_PATIENCE_S: Final = 0.5


class _Latest:
    """The signal that came last, and when, in seconds of the monotonic clock."""

    number: int = signal.SIGINT
    at = float("-inf")

    def note(self, number: int) -> bool:
        """Note a signal; return whether it is another one than the last."""
        now = time.monotonic()
        is_new = number != self.number or now - self.at > _SAME_S
        self.number, self.at = number, now
        return is_new


_latest = _Latest()


def say_ended() -> int:
    """Say that the command was interrupted, if by a person, and return the exit status for the signal."""
    if _latest.number == signal.SIGINT:
        print("express: interrupted", file=sys.stderr)
    return 128 + _latest.number


@contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGTERM and SIGHUP inside do what Ctrl-C does, except where they are ignored (nohup) or handled otherwise."""
    _latest.number = signal.SIGINT
    with _handled(_unwind, (number for number in ENDING[1:] if signal.getsignal(number) is signal.SIG_DFL)):
        yield


def _unwind(number: int, frame: FrameType | None) -> None:
    if not _latest.note(number):
        return
    interrupt = signal.getsignal(signal.SIGINT)
    if callable(interrupt):
        interrupt(number, frame)
    else:
        # Ctrl-C is ignored: the shell does so for what it starts in the background.
        raise KeyboardInterrupt


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], Any], numbers: Iterable[int]) -> Iterator[None]:
    """Handle signals inside; only in the main thread (elsewhere nothing changes)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def on_first_signal(stop: Callable[[], None]) -> None:
    """Call `stop` in the running loop at the first signal that ends a command; a second one has its default effect.

    A SIGHUP that is ignored (nohup) stays so.
    """
    loop = asyncio.get_running_loop()
    numbers = [number for number in ENDING if number in ENDING[:2] or signal.getsignal(number) is not signal.SIG_IGN]

    def heed() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)
        stop()

    for number in numbers:
        loop.add_signal_handler(number, heed)


class Ending:
    """What becomes of an event loop that runs handlers: the first signal cancels its main task, a second one leaves.

    Handlers that have begun may clean up after a cancellation, and some do not heed it at all. The second signal
    ends the process at once, after `last_words`: unwinding would wait for the same handlers.
    """

    def __init__(self) -> None:
        #: Called before the process ends at a second signal.
        self.last_words: Callable[[], None] = lambda: None
        self.requested = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    async def watch(self, main: Coroutine[Any, Any, T]) -> T:
        """Await `main` in the task that the first signal cancels."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await main

    def heed(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if not _latest.note(number):
            return
        if self.requested:
            try:
                sys.stderr = second_stderr()
                self.last_words()
                say_ended()
            finally:
                os._exit(128 + number)
        if self._loop is None or self._loop.is_closed():
            raise KeyboardInterrupt
        self.requested = True
        self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        assert self._loop is not None
        assert self._task is not None
        self._task.cancel()
        self._loop.call_later(_PATIENCE_S, self._explain)

    def _explain(self) -> None:
        again = "Ctrl-C" if _latest.number == signal.SIGINT else "signal"
        print(f"express: waiting for running handlers to end; a second {again} leaves them", file=sys.stderr)


def run_handlers(main: Callable[[Ending], Coroutine[Any, Any, T]]) -> T:
    """`express.run` for a coroutine that runs handlers; raises KeyboardInterrupt if a signal has ended it."""
    ending = Ending()
    heeded = (number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None))
    with _handled(ending.heed, heeded):
        try:
            value = express.run(ending.watch(main(ending)))
        except asyncio.CancelledError:
            if not ending.requested:
                raise
    if ending.requested:
        raise KeyboardInterrupt
    return value
