"""Waiting for what a broker in memory has to give."""

from __future__ import annotations

import asyncio

#: Seconds `fetch` waits for a first message.
PATIENCE = 1.0


class Arrivals:
    """Those who wait are woken by `tell`."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None

    def tell(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def wait(self, due: float | None) -> None:
        """Until somebody tells, until `due` on the clock of the loop, or until the patience is over."""
        loop = asyncio.get_running_loop()
        if self._waiting is None or self._waiting.done():
            self._waiting = loop.create_future()
        seconds = PATIENCE if due is None else min(PATIENCE, due - loop.time())
        await asyncio.wait([self._waiting], timeout=max(seconds, 0))
