"""Wakes consumers that wait for messages of an in-memory broker."""

from __future__ import annotations

import asyncio

#: Seconds `fetch` waits for a first message.
PATIENCE = 1.0


class Arrivals:
    """A notification: `tell` wakes every waiter."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None

    def tell(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def wait(self, due: float | None) -> None:
        """Wait for `tell`, until `due` on the event loop's clock, or for PATIENCE seconds, whichever comes first."""
        loop = asyncio.get_running_loop()
        if self._waiting is None or self._waiting.done():
            self._waiting = loop.create_future()
        seconds = PATIENCE if due is None else min(PATIENCE, due - loop.time())
        await asyncio.wait([self._waiting], timeout=max(seconds, 0))
