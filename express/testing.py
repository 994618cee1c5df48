"""Virtual time: five-minute workflows tested in microseconds, with the durations and bills they would have had.

    from express.testing import run_virtual

    def test_reminder():
        async def main():
            async with express.Runtime() as runtime:
                return await runtime.execute(workflow, {})

        result = run_virtual(main(), now="2025-03-01T12:00:00Z")
        assert result.billing.duration_ms == 240_000  # four minutes, to the nanosecond

When nothing is ready to run, a `VirtualTimeLoop` jumps to its next timer instead of waiting for it. Time is counted in
whole nanoseconds, so a wait of one second takes exactly 1 000 000 000 of them, and it stands still while code runs.
The metering clock of the Runtime (law 6) and the wall clock of the workflow both follow it.

The outside world keeps its own pace. I/O works, and whatever has arrived is always served before time moves. While a
thread of the loop's executors works, or inside `holding()`, time stands still until there is an answer; only when
there has been none for as long as the next timer really lasts does the timer win, so a hung thread still times out.

Tasks need not do real work in tests: `Mocks` reads the mock configurations of Step Functions Local
(`express.tasks.mocks`).

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

#: What the wall clock shows at the start unless a test says otherwise: always the same, for repeatable tests.
DEFAULT_NOW = "2025-01-01T00:00:00Z"

_SECOND = 1_000_000_000


class Deadlock(RuntimeError):
    """Nothing is ready, no timer is set and nobody outside works: the tasks listed would wait forever."""


class VirtualClock:
    """Time that only moves when told to. Readings are integer nanoseconds.

    now: the wall time at the start, as ISO 8601 text with an offset or as nanoseconds since the epoch.
    tick_ns: what every reading of the monotonic clock takes. With 0 running code takes no time at all; with more,
    time passes for code that never waits too, so that an endless loop of states reaches its time limit.
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
        self._monotonic_ns += self._tick_ns
        return self._monotonic_ns

    def time_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self._start_ns + self._monotonic_ns - _SECOND

    def advance(self, nanoseconds: int) -> None:
        self._monotonic_ns += nanoseconds

    def seconds(self) -> float:
        """The monotonic reading in the unit of asyncio."""
        return self._monotonic_ns / _SECOND


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop on a `VirtualClock`, exact to the nanosecond for the first eleven days."""

    #: Until asyncio has made it: a loop that never came to life is not reported as left open.
    _closed = True

    def __init__(self, now: str | int | None = None, *, tick_ns: int = 0) -> None:
        #: What the Runtime meters with; it asks its loop for it.
        self.express_clock = VirtualClock(now, tick_ns=tick_ns)
        self._waiting_room = _Selector(self.express_clock, self._deadlock)
        super().__init__(self._waiting_room)
        self._waiting_room.own = len(self._waiting_room.get_map())

    def time(self) -> float:
        return self.express_clock.seconds()

    @property
    def _clock_resolution(self) -> float:
        """How early asyncio runs a timer: a nanosecond, or one step of a float where that is more (97 days)."""
        return max(1e-9, math.ulp(self.time()))

    @_clock_resolution.setter
    def _clock_resolution(self, system: float) -> None:
        """asyncio sets the resolution of the system's clock, which is not the one in use here."""

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold time while somebody outside the loop works for it: a thread of your own, another process, a server."""
        self._waiting_room.holds += 1
        try:
            yield
        finally:
            self._waiting_room.holds -= 1

    def run_in_executor(  # type: ignore[override]  # typeshed spells the same thing with a TypeVarTuple
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
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
    """Where an event loop waits, and therefore where time jumps.

    `holds` counts who works outside; `own` the file descriptors of the loop itself, which nobody outside writes to.
    """

    def __init__(self, clock: VirtualClock, deadlock: Callable[[], Deadlock]) -> None:
        super().__init__()
        self.holds = 0
        self.own = 0
        self._clock = clock
        self._deadlock = deadlock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What has arrived; if nothing has and nothing is ready to run, `timeout` seconds pass in no time."""
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
    """A waiting task and the line it waits in."""
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
