"""Running many jobs with as few tasks as the jobs really need.

Theory of operation. A task costs one to three microseconds, and most jobs of an Express workflow never suspend: a Map
over items whose handlers answer at once, a stream of short executions. So one worker runs job after job in its own
task, and schedules a cheap `call_soon` callback, the takeover, which can only run when the worker has yielded to the
loop because its job waits. If no job is taken during a whole turn of the loop, the current jobs really wait, and more
workers are hired for the next ones: their number doubles each time, up to the limit. Jobs that only pass through the
loop are thus finished before others begin, and a worker that yields only for fairness says so (`is_yielding`) and
causes no hiring.

`Crew` is that mechanism; `FanOut` uses it for Parallel and Map, `Stream` for `Runtime.map`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.runtime.loops import spawn

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine
    from typing import Any


class Crew:
    """Workers and the takeover. `limit` is the upper bound of `working`, the number of workers at work."""

    __slots__ = ("_seen", "_takeover", "limit", "loop", "members", "taken", "working")

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int) -> None:
        self.loop = loop
        self.limit = limit
        #: The workers with a task of their own, and whether they have been dismissed.
        self.members: dict[asyncio.Task[None], bool] = {}
        self.working = 0
        #: How many jobs have been taken so far; the workers increment it.
        self.taken = 0
        self._seen = 0
        self._takeover: asyncio.Handle | None = None

    def work(self) -> Coroutine[Any, Any, None]:
        """A worker: takes jobs until none is left; calls `watch` when one has suspended."""
        raise AssertionError(self)

    def wanted(self) -> int:
        """How many more workers the remaining jobs could use; 0 for none."""
        raise AssertionError(self)

    def is_yielding(self) -> bool:
        """Whether the worker watched last yields only for fairness."""
        raise AssertionError(self)

    def watch(self) -> None:
        """Arm the takeover: if this job keeps its worker waiting, others are hired for the next ones."""
        if self._takeover is None and self.working < self.limit:
            self._takeover = self.loop.call_soon(self._take_over)

    def unwatch(self) -> None:
        """Disarm the takeover: no more workers are needed."""
        if self._takeover is not None:
            self._takeover.cancel()
            self._takeover = None

    def _take_over(self) -> None:
        self._takeover = None
        wanted = self.wanted()
        if not wanted:
            return
        if self._seen != self.taken or self.is_yielding():
            self._seen = self.taken
            self.watch()
            return
        for _ in range(min(wanted, self.limit - self.working, max(self.working, 1))):
            self.hire()

    def hire(self) -> None:
        """Start one more worker, in a task of its own."""
        self.working += 1
        task = spawn(self.loop, self.work())
        if task.done():
            self._retire(task)
        else:
            self.members[task] = False
            task.add_done_callback(self._retire)

    def _retire(self, task: asyncio.Task[None]) -> None:
        self.working -= 1
        self.members.pop(task, None)
        self.retired(task)

    def retired(self, task: asyncio.Task[None]) -> None:
        """Called when a worker's task has ended."""

    def dismiss(self, but: asyncio.Task[Any] | None = None) -> None:
        """Cancel every worker that has a task of its own, except `but`.

        Each is cancelled once and then left to clean up. A cancellation by a timeout of its own does not count,
        because the timeout takes it back.
        """
        self.unwatch()
        for task, is_dismissed in self.members.items():
            if not is_dismissed and task is not but:
                self.members[task] = True
                self.cancel(task)

    def cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel one worker."""
        task.cancel()
