"""Event loops and tasks: uvloop where it is installed, asyncio elsewhere; eager tasks where Python has them.

Eager tasks (Python 3.12) run up to their first suspension inside the call that makes them, which halves the cost of
one that never suspends. They are constructed directly: asyncio's eager factory together with uvloop fails on 3.13.0.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context

T = TypeVar("T")

EAGER = sys.version_info >= (3, 12)
_EAGERLY: dict[str, Any] = {"eager_start": True} if EAGER else {}


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on uvloop when it is installed; in a running loop it raises RuntimeError and closes `main`."""
    if _is_running():
        # Without this a new loop would be made and closed, of which Python warns, as it would of `main`.
        main.close()
        raise RuntimeError("express.run() cannot be called from a running event loop; there, await the coroutine")
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def spawn(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], context: Context | None = None
) -> asyncio.Task[T]:
    """A task for the coroutine, started eagerly where the interpreter can.

    `context` defaults to a copy of the current one.
    """
    if EAGER:
        return asyncio.Task(coroutine, loop=loop, context=context, **_EAGERLY)
    return loop.create_task(coroutine, context=context)
