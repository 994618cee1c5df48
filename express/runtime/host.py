"""The services that running steps use, on an event loop: time, waiting, threads, limits, branches.

Implements `program.Host` except for the limits, which are arguments of the Runtime. Turns: all executions of a
Runtime share one time slice in each turn of the loop, so a thousand that become ready together cannot block it for a
thousand slices. An execution that finds the slice used up joins a queue, and each turn calls a few from its head:
none is overtaken, and none waits for more than those before it. An entry of the queue is a future, or a Nap: an
execution that needs no task to wait.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

from express.deferral import OutOfTime
from express.result import Names
from express.runtime.branches import FanOut, Led
from express.runtime.callbacks import Callback, Callbacks
from express.runtime.clock import Clock, SystemClock
from express.runtime.conversations import Suspended, Work
from express.runtime.execution import advance
from express.runtime.naps import Nap

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from express.deferral import Deferral
    from express.program import Branches, Frame, Heartbeat
    from express.states.conversation import Line
    from express.types import JSON

SECOND = 1_000_000_000
#: How long the engine may run before the loop turns. One slice and the longest single step (an orjson pass over
#: 256 KiB takes up to 3 ms) stay below the 10 ms that design law 8 allows.
SLICE_NS = 500_000
#: How much longer the loop waits for an expression under evaluation.
PATIENCE_NS = 1_000_000
#: Handlers registered with blocking=True that may be called at once.
MAX_THREADS = 32
#: How many naps may be called at once; a future counts as several. One that the turn has no time for has woken its task
#: in vain, a nap keeps its place at no cost.
_CALLED = 128
_NAPS_FOR_A_FUTURE = 8

#: An entry of the queue: an awaited future, or an execution without a task.
Place: TypeAlias = "asyncio.Future[None] | Nap"


#: Stand-ins, with the same names, for exceptions that do not leave a thread unchanged: no future takes a
#: StopIteration, and asyncio replaces a TimeoutError by a new one without its traceback.
_CARRIED = {kind: type(kind.__name__, (Exception,), {}) for kind in (StopIteration, TimeoutError)}


def _carry(call: Callable[..., JSON], *arguments: Any) -> JSON:
    try:
        return call(*arguments)
    except (StopIteration, TimeoutError) as error:
        carried = _CARRIED.get(type(error))
        if carried is None:
            raise
        raise carried(*error.args).with_traceback(error.__traceback__) from None


async def _outcome(work: asyncio.Future[JSON]) -> JSON:
    return await work


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _never() -> int:
    """The cancellation requests where there is no task."""
    return 0


def elsewhere() -> RuntimeError:
    return RuntimeError("the Runtime belongs to another event loop")


class LoopHost:
    """The services of one event loop. `Runtime.__aenter__` binds it to the loop; before that only the clock works."""

    # Slots, in the subclasses too: CPython shares the names of at most 30 attributes between the instances of a
    # class; those of a Runtime would need a hash lookup for each access.
    __slots__ = (
        "__weakref__",
        "_again",
        "_calculator",
        "_called",
        "_executor",
        "_fan_outs",
        "_is_taken",
        "_led",
        "_line",
        "_loop",
        "_names",
        "_thread",
        "_turn",
        "advance",
        "callbacks",
        "looked_ns",
        "max_threads",
        "monotonic_ns",
        "slice_end",
        "time_ns",
    )

    def __init__(self) -> None:
        self.max_threads = MAX_THREADS
        self.advance = advance
        self.slice_end = 0
        #: The time when an execution was last started, or ended, or began to wait: recent enough to tell whether the
        #: slice is over.
        self.looked_ns = 0
        self._names = Names(random.SystemRandom().getrandbits(80))
        self._turn: asyncio.Handle | None = None
        self._line: deque[Place] = deque()
        #: Whether one of the places called for this turn has gone on in it.
        self._is_taken = False
        self._again: deque[asyncio.Future[None]] = deque()
        #: The naps that were called and have not ended yet, in the order of the queue.
        self._called: deque[Nap] = deque()
        self._executor: ThreadPoolExecutor | None = None
        #: One thread for all expressions: two would only alternate with each other.
        self._calculator: ThreadPoolExecutor | None = None
        #: The running fan-outs, for `map_iterations`.
        self._fan_outs: set[FanOut] = set()
        self._led: Led = {}
        self.callbacks = Callbacks()
        self._loop: asyncio.AbstractEventLoop
        #: The thread of the loop; 0 outside of the `async with`.
        self._thread = 0
        self._use(SystemClock())

    def _use(self, clock: Clock) -> None:
        self.monotonic_ns = clock.monotonic_ns
        self.time_ns = clock.time_ns

    def is_elsewhere(self) -> bool:
        """Whether this is not called from the Runtime's event loop, but from another thread or another loop."""
        return threading.get_ident() != self._thread or not self._loop.is_running()

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> None:
        """Call `callback` in the event loop, from any thread. Does nothing once the loop is closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(partial(callback, *arguments))

    def suspended(self, line: Line, yielded: Any) -> Suspended:
        return Suspended(self, line, yielded)

    def in_turns(self, work: Coroutine[Any, Any, JSON] | Work) -> Work:
        return work if isinstance(work, Work) else Work(self, work)

    def new_future(self) -> asyncio.Future[None]:
        return self._loop.create_future()

    def _shut(self) -> None:
        """Cancel the timer, release the queue and shut down the threads, whose current calls run to their end."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        for place in (*self._again, *self._line):
            if not isinstance(place, Nap) and not place.done():
                place.set_result(None)
        self._again.clear()
        self._line.clear()
        self._called.clear()
        self.slice_end = self.monotonic_ns() + SLICE_NS
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        if self._calculator is not None:
            self._calculator.shutdown(wait=False, cancel_futures=True)
            self._calculator = None
        self._thread = 0

    def default_name(self, sequence: int) -> str:
        return self._names.name(sequence)

    def unique_id(self, sequence: int) -> str:
        return self._names.unique(sequence)

    def cancelling_here(self) -> Callable[[], int]:
        task = asyncio.current_task(self._loop)
        return _never if task is None else task.cancelling

    def cancelling(self) -> int:
        # The loop is passed because looking it up takes a system call on Python 3.11.
        task = asyncio.current_task(self._loop)
        return 0 if task is None else task.cancelling()

    def has_time(self) -> bool:
        """Whether this turn of the loop has time for one more; the first call in a turn begins its slice."""
        if self._line or self._again or self._called:
            return False
        now = self.monotonic_ns()
        if self._turn is None:
            self._turn = self._loop.call_soon(self._next_turn)
            self.slice_end = now + SLICE_NS
            return True
        return now <= self.slice_end

    async def breathe(self) -> None:
        """Queue for a place in one of the next turns, first come, first served."""
        await self.place()
        await self.take_turn()

    def place(self) -> asyncio.Future[None]:
        """A place at the end of the queue, to be awaited."""
        place = self._loop.create_future()
        # `line_up`, inlined.
        self._line.append(place)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._next_turn)
        return place

    @coroutine
    def take_turn(self) -> Generator[Any, None, None]:
        """Called when the place was called: while others have used up the turn, wait at the head of the queue.

        The first of a turn goes on in any case: a virtual clock may move by more than a slice at every reading.
        """
        while self._is_taken and self.monotonic_ns() > self.slice_end:
            place = self._loop.create_future()
            self._again.append(place)
            self.keep_slice()
            yield from place
        self._is_taken = True
        self.keep_slice()

    async def be_fair(self) -> None:
        """Wait, if necessary, for a turn of the loop that has time."""
        if not self._loop.is_running():
            # `start` and `execute` look only for what may block.
            raise elsewhere()
        if self.monotonic_ns() > self.slice_end and not self.has_time():
            await self.breathe()

    def line_up(self, place: Place) -> None:
        """Append an entry to the queue."""
        self._line.append(place)
        self.keep_slice()

    def keep_slice(self) -> None:
        """Let the next slice begin with the next turn; otherwise the next `has_time` would begin one in this turn."""
        if self._turn is None:
            self._turn = self._loop.call_soon(self._next_turn)

    def use_up(self) -> None:
        if self._turn is None:
            # No slice has begun in this turn.
            self.looked_ns = now = self.monotonic_ns()
            self.slice_end = min(self.slice_end, now - 1)
            self.keep_slice()

    def _next_turn(self) -> None:
        """Begin a new slice, and call a few entries from the head of the queue to share it."""
        self.slice_end = self.monotonic_ns() + SLICE_NS
        self._is_taken = False
        again, line, naps = self._again, self._line, self._called
        # Entries called now run in the turn after this one, which has to begin with a slice of its own.
        self._turn = self._loop.call_soon(self._next_turn) if again or line or naps else None
        left = _CALLED - len(naps)
        while left > 0 and (again or line):
            place = (again or line).popleft()
            left -= 1
            if isinstance(place, Nap):
                naps.append(place)
            elif not place.done():
                place.set_result(None)
                left -= _NAPS_FOR_A_FUTURE - 1
        if naps:
            self._loop.call_soon(self.rouse)

    def rouse(self) -> None:
        """Resume executions whose naps have been called."""
        raise AssertionError(self)

    async def sleep(self, seconds: float) -> None:
        """Sleep at least this long: uvloop's timers tick in milliseconds and may be early."""
        now = self.monotonic_ns
        until = now() + int(seconds * SECOND)
        while (left := until - now()) > 0:  # noqa: ASYNC110 - there is no event to wait for but the time
            await asyncio.sleep(max(left / SECOND, 0.001))

    def wake_later(self, nap: Nap, seconds: float) -> None:
        """`sleep` for an execution that has no task."""
        nap.until_ns = self.monotonic_ns() + int(seconds * SECOND)
        nap.timer = self._loop.call_later(max(seconds, 0.001), self._ring, nap)

    def _ring(self, nap: Nap) -> None:
        left = nap.until_ns - self.monotonic_ns()
        if left > 0:
            nap.timer = self._loop.call_later(max(left / SECOND, 0.001), self._ring, nap)
        else:
            self.wake(nap)

    def wake(self, nap: Nap) -> None:
        """Queue an execution whose nap is over."""
        nap.timer = None
        # `line_up`, inlined.
        self._line.append(nap)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._next_turn)

    async def call_in_thread(
        self,
        call: Callable[..., JSON],
        *arguments: Any,
        seconds: float | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> JSON:
        """Call a handler registered as blocking. A thread cannot be interrupted: after a timeout it runs on, and is
        not free before the handler returns."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.max_threads, thread_name_prefix="express-task")
        context = contextvars.copy_context()
        if seconds is None and heartbeat is None:
            return await self._loop.run_in_executor(self._executor, context.run, _carry, call, *arguments)
        # The time of the task begins when a thread is free for it.
        begun = self._loop.create_future()

        def begin() -> JSON:
            self.call_soon(_set, begun)
            return _carry(call, *arguments)

        work = self._loop.run_in_executor(self._executor, context.run, begin)
        try:
            await begun
        except BaseException:
            if not work.cancel() and not work.cancelled():
                # It has ended meanwhile, which nobody asks about any more: asyncio must not report its exception.
                work.exception()
            raise
        return await self.within(_outcome(work), seconds, heartbeat)

    def look(self, ahead_ns: int) -> None:
        if self.monotonic_ns() + ahead_ns <= self.slice_end + PATIENCE_NS:
            return
        if ahead_ns > PATIENCE_NS or not self.has_time():
            raise OutOfTime

    async def work_out(self, late: OutOfTime, deferral: Deferral) -> None:
        if self._calculator is None:
            self._calculator = ThreadPoolExecutor(1, thread_name_prefix="express-expression")
        assert late.job is not None
        try:
            await self._loop.run_in_executor(self._calculator, late.job.work, deferral)
        except BaseException:
            # A thread cannot be interrupted, but it checks this.
            deferral.is_left = True
            raise

    def within(self, call: Coroutine[Any, Any, JSON], seconds: float | None, heartbeat: Heartbeat | None) -> Work:
        if heartbeat is None:
            return Work(self, call, asyncio.timeout(seconds))
        return Work(self, self._while_beating(call, seconds, heartbeat), call=call)

    async def _while_beating(
        self, call: Coroutine[Any, Any, JSON], seconds: float | None, heartbeat: Heartbeat
    ) -> JSON:
        loop = self._loop
        end = None if seconds is None else loop.time() + seconds

        def due() -> float:
            beat = loop.time() + heartbeat.seconds
            return beat if end is None else min(beat, end)

        def renew() -> None:
            # The heartbeat may arrive when the handler has just returned, or too late.
            if heartbeat.renew is not None and not scope.expired():
                scope.reschedule(due())

        scope = asyncio.timeout_at(due())
        # The handler may send heartbeats from another thread.
        heartbeat.renew = lambda: loop.call_soon_threadsafe(renew)
        try:
            return await Work(self, call, scope)
        finally:
            heartbeat.renew = None

    def open_callback(self) -> Callback:
        return self.callbacks.open()

    async def run_side_by_side(self, frame: Frame, branches: Branches) -> None:
        fan_out = FanOut(frame, branches, self._loop, self._led)
        self._fan_outs.add(fan_out)
        try:
            await fan_out.run()
        finally:
            self._fan_outs.discard(fan_out)

    @property
    def map_iterations(self) -> Counter[str]:
        """Running iterations of Map states, by workflow name. May be read from any thread.

        Only Maps that may wait are counted: the iterations of others are over within a turn of the loop.
        """
        running: Counter[str] = Counter()
        for fan_out in tuple(self._fan_outs):
            if fan_out.step.type == "Map":
                running[fan_out.workflow] += fan_out.working
        return running
