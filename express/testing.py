"""Virtual time: five-minute workflows run in microseconds, with the durations and bills of real time.

    from express.testing import run_virtual

    def test_reminder():
        async def main():
            async with express.Runtime() as runtime:
                return await runtime.execute(workflow, {})

        result = run_virtual(main(), now="2025-03-01T12:00:00Z")
        assert result.billing.duration_ms == 240_000  # four minutes, to the nanosecond

When no callback is ready, a `VirtualTimeLoop` advances its clock to the next timer instead of waiting. The clock counts
whole nanoseconds, so a wait of one second takes exactly 1 000 000 000 of them, and it stands still while code runs. The
metering clock of the Runtime (law 6) and the wall clock of the workflow both follow it.

I/O takes real time, and the loop handles every event that has arrived before it advances the clock. While a thread of
the loop's executors runs, or inside `holding()`, the loop first waits for an event for the real duration of the next
timer; only then does the timer fire, so a hung thread still times out.

Tests need no real handlers: `Mocks` reads the mock configurations of Step Functions Local (`express.tasks.mocks`).

As a pytest fixture, for tests that drive the loop themselves:

    @pytest.fixture
    def virtual_loop():
        with contextlib.closing(VirtualTimeLoop()) as loop:
            yield loop
"""

from __future__ import annotations

import asyncio
import math
import selectors
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from express.expressions.timestamps import parse_timestamp
from express.tasks.mocks import Mocks

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Executor

__all__ = ["Deadlock", "Mocks", "VirtualClock", "VirtualTimeLoop", "run_virtual"]

T = TypeVar("T")

#: The default wall time at the start: a constant, for repeatable tests.
DEFAULT_NOW = "2025-01-01T00:00:00Z"

_SECOND = 1_000_000_000


class Deadlock(RuntimeError):
    """No callback is ready, no timer is set and no external work is pending: the tasks listed would wait forever."""


class VirtualClock:
    """A clock that advances only on request; its readings are integer nanoseconds.

    now: the wall time at the start, as ISO 8601 text with an offset or as nanoseconds since the epoch.
    tick_ns: how far each reading of the monotonic clock advances it. With 0, running code takes no time; with more,
        code that never waits takes time too, so that an endless loop of states reaches its time limit.
    """

    def __init__(self, now: str | int | None = None, *, tick_ns: int = 0) -> None:
        if now is None:
            now = DEFAULT_NOW
        start = now if isinstance(now, int) else parse_timestamp(now)
        if start is None:
            raise ValueError(f"now must be ISO 8601 text like {DEFAULT_NOW!r} or nanoseconds, not {now!r}")
        self._start_ns = start
        self._tick_ns = tick_ns
        # Like any real clock it never reads 0.
        self._monotonic_ns = _SECOND

    def monotonic_ns(self) -> int:
        """Nanoseconds of the monotonic clock, which each reading advances by a tick, if there is one."""
        self._monotonic_ns += self._tick_ns
        return self._monotonic_ns

    def time_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self._start_ns + self._monotonic_ns - _SECOND

    def advance(self, nanoseconds: int) -> None:
        """Let time pass, in nanoseconds."""
        self._monotonic_ns += nanoseconds

    def seconds(self) -> float:
        """The monotonic time in seconds, as asyncio counts it."""
        return self._monotonic_ns / _SECOND


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on a `VirtualClock`, exact to the nanosecond for the first eleven days."""

    #: True until asyncio's constructor has run, so that a loop whose construction failed is not reported as left open.
    _closed = True

    def __init__(self, now: str | int | None = None, *, tick_ns: int = 0) -> None:
        #: The Runtime's metering clock, which it reads from this attribute of its loop.
        self.express_clock = VirtualClock(now, tick_ns=tick_ns)
        self._waiting_room = _Selector(self.express_clock, self._deadlock)
        super().__init__(self._waiting_room)
        self._waiting_room.own = len(self._waiting_room.get_map())

    def time(self) -> float:
        return self.express_clock.seconds()

    @property
    def _clock_resolution(self) -> float:
        """How early asyncio runs a timer: by 1 ns, or by one float step where that is more (from 97 days on)."""
        return max(1e-9, math.ulp(self.time()))

    @_clock_resolution.setter
    def _clock_resolution(self, system: float) -> None:
        """Ignored: asyncio sets the resolution of the system clock, which is not in use here."""

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the clock while work outside the loop is pending: in a thread of your own, another process, a server."""
        self._waiting_room.holds += 1
        try:
            yield
        finally:
            self._waiting_room.holds -= 1

    def run_in_executor(  # type: ignore[override]  # typeshed spells the same thing with a TypeVarTuple
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """As in asyncio; while the function runs, the clock is held."""
        future = super().run_in_executor(executor, func, *args)
        self._waiting_room.holds += 1
        future.add_done_callback(self._release)
        return future

    def _release(self, future: asyncio.Future[Any]) -> None:
        self._waiting_room.holds -= 1

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        with self.holding():
            await super().shutdown_default_executor(*args, **options)

    def _deadlock(self) -> Deadlock:
        tasks = sorted(map(_describe, asyncio.all_tasks(self)))
        return Deadlock("\n  ".join(["nothing is ready, no timer is set, and these tasks wait:", *tasks]))


class _Selector(selectors.DefaultSelector):
    """The selector of the loop: where the loop would wait for a timer, it advances the clock.

    `holds` counts the pending external work, `own` the loop's own file descriptors, which wait for no external event.
    """

    def __init__(self, clock: VirtualClock, deadlock: Callable[[], Deadlock]) -> None:
        super().__init__()
        self.holds = 0
        self.own = 0
        self._clock = clock
        self._deadlock = deadlock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The events that have arrived; if none, and no callback is ready, the clock advances by `timeout` seconds."""
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            if not self.holds and len(self.get_map()) <= self.own:
                raise self._deadlock()
            return super().select()
        if self.holds:
            events = super().select(timeout)
            if events:
                return events
        self._clock.advance(max(round(timeout * _SECOND), 1))
        return []


def _describe(task: asyncio.Task[Any]) -> str:
    """A waiting task and the source line at which it is suspended."""
    awaited: Any = task.get_coro()
    place = ""
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        place = f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
        awaited = awaited.cr_await
    return f"{task.get_name()} in {place}"


def run_virtual(main: Coroutine[Any, Any, T], *, now: str | int | None = None, tick_ns: int = 0) -> T:
    """`asyncio.run` in virtual time; `now` and `tick_ns` as in `VirtualClock`. Raises Deadlock instead of hanging."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(now, tick_ns=tick_ns)) as runner:
        return runner.run(main)
