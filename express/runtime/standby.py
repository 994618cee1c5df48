"""Starting an execution at once, in a task that is used up only if the execution waits (law 3).

Theory of operation. To its handlers, a started execution must appear to run in a task of its own: asyncio's timeouts,
task groups and cancellation apply to the current task. But most executions never wait, and for those a task costs
more than the execution. So one parked task stands by. While the execution runs without waiting, `start` makes the
parked task the current one (as asyncio's eager tasks do; for others it documents `_enter_task` and `_leave_task`,
"Extending asyncio") and calls the execution in a copy of the caller's context, as a task would. An execution that
ends there has cost no task and no turn of the loop, and the next one uses the same task. One that waits for its
handler is handed to the parked task, which continues it as if it had run it from the start; another task then stands
by. One that waits for its next attempt takes a nap (`naps`) and comes back the same way.

Eager tasks (Python 3.12) save the turn of the loop but not the task; this saves both, on 3.11 too.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

_Arguments = TypeVarTuple("_Arguments")
_Outcome = TypeVar("_Outcome")


def _enter_and_leave(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None) -> asyncio.Task[Any] | None:
    before = tasks.current_task(loop)
    if before is not None:
        tasks._leave_task(loop, before)
    if task is not None:
        tasks._enter_task(loop, task)
    return before


def _swap_in_dict(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None) -> asyncio.Task[Any] | None:
    """The same with the dict in which Python 3.11 keeps current tasks.

    asyncio's functions take five calls there, a tenth of a short execution; and 3.11 no longer changes.
    """
    current: dict[asyncio.AbstractEventLoop, asyncio.Task[Any]] = tasks._current_tasks  # type: ignore[attr-defined]
    before = current.get(loop)
    if task is None:
        current.pop(loop, None)
    else:
        current[loop] = task
    return before


#: Makes a task the current one of a loop, None for none; returns the previous one.
make_current: Callable[[asyncio.AbstractEventLoop, asyncio.Task[Any] | None], asyncio.Task[Any] | None]
if sys.version_info >= (3, 12):
    # The function that eager tasks use: one call instead of four.
    make_current = getattr(tasks, "_swap_current_task", _enter_and_leave)
else:
    make_current = _swap_in_dict


class Standby:
    """A task that stands by. `ready` tells whether it is parked and may be used.

    `_work` is the coroutine handed to it, suspended at `_wish`: what that yielded to the event loop.
    """

    __slots__ = ("_call", "_context", "_loop", "_wish", "_work", "ready", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ready = False
        self._loop = loop
        self._call: asyncio.Future[None] = loop.create_future()
        self._context: Context
        self._work: Coroutine[Any, Any, object] | None = None
        self._wish: Any = None
        # Never eager: if all executions wait, one task per turn of the loop is enough to find that out.
        self.task = loop.create_task(self._stand_by(), context=Context())

    def perform(self, act: Callable[[*_Arguments], _Outcome], *arguments: *_Arguments) -> _Outcome:
        """Call `act` with the task as the current one; while it runs, the task is not `ready`.

        `Runtime.start` has these lines in place of a call.
        """
        self.ready = False
        loop, task = self._loop, self.task
        caller = make_current(loop, task)
        try:
            return act(*arguments)
        finally:
            make_current(loop, caller)
            self.ready = not task.cancelling()

    def take_over(self, work: Coroutine[Any, Any, object], wish: Any, context: Context) -> None:
        """Continue a coroutine that was begun in `perform`."""
        self._work, self._wish, self._context = work, wish, context
        self.ready = False
        if not self._call.done():
            self._call.set_result(None)

    async def dismiss(self) -> None:
        """End the task, to which nothing was handed."""
        self.ready = False
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _stand_by(self) -> None:
        self.ready = True
        interruption: tuple[Any, ...] | None = None
        try:
            await self._call
        except asyncio.CancelledError as error:
            if self._work is None:
                self.ready = False
                return
            interruption = error.args
        work, self._work = self._work, None
        assert work is not None
        await _Continued(self._context, work, self._wish, interruption)


class _Continued:
    """Awaiting this continues a suspended coroutine in its own context, as its task would have done.

    `interruption`: the arguments of a CancelledError that arrived while it was suspended, None if none did.
    """

    __slots__ = ("_context", "_interruption", "_wish", "_work")

    def __init__(
        self, context: Context, work: Coroutine[Any, Any, object], wish: Any, interruption: tuple[Any, ...] | None
    ) -> None:
        self._context = context
        self._work = work
        self._wish = wish
        self._interruption = interruption

    def __await__(self) -> Generator[Any, Any, None]:
        run, work, wish = self._context.run, self._work, self._wish
        self._wish = None
        try:
            if self._interruption is not None:
                # As a task does: cancel the future it waits for, else raise CancelledError in the coroutine.
                if not (asyncio.isfuture(wish) and wish.cancel(*self._interruption)):
                    wish = run(work.throw, asyncio.CancelledError(*self._interruption))
            elif wish is None:
                # It waited only for a turn of the loop, which has passed.
                wish = run(work.send, None)
            while True:
                try:
                    sent = yield wish
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001 - a task passes on whatever comes
                    wish = run(work.throw, error)
                else:
                    wish = run(work.send, sent)
        except StopIteration:
            return
        finally:
            work.close()
