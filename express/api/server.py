"""The server: listening sockets, connections, deadlines, and a shutdown that loses no answer.

`close` is the reaction to SIGTERM: it accepts no new connection or request, answers every request that has arrived, for
at most the time given, and then aborts the remaining connections.
"""

from __future__ import annotations

import asyncio
import random
import socket
from typing import TYPE_CHECKING, Final, Self

from express.api.wire import Connection, Limits
from express.result import Names

if TYPE_CHECKING:
    from types import TracebackType

    from express.api.messages import Application

#: Seconds between two checks of the connections' deadlines.
_SWEEP: Final = 1.0
#: The listen backlog: connections the kernel queues.
_BACKLOG: Final = 4096


class Server:
    """Serves an application on one address. Port 0 takes a free one, which `port` then holds.

    listening: a listening socket to serve instead, TCP or Unix; it is closed with the server. Use it as an asynchronous
    context manager.
    """

    def __init__(
        self,
        application: Application,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        *,
        listening: socket.socket | None = None,
    ) -> None:
        self._application = application
        self._limits = Limits() if limits is None else limits
        self._connections: set[Connection] = set()
        self._names = Names(random.SystemRandom().getrandbits(80))
        self._answers = 0
        self._closed = True
        self._listening = listening
        self._server: asyncio.Server
        self._sweeper: asyncio.TimerHandle
        self.host = host
        self.port = port

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def __aenter__(self) -> Self:
        """Start listening. Raises OSError when the address cannot be bound."""
        loop = asyncio.get_running_loop()
        self._server = await self._listen(loop)
        self._closed = False
        self._sweeper = loop.call_later(_SWEEP, self._sweep, loop)
        return self

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        one = self._listening
        if one is None:
            server = await loop.create_server(self._connection, self.host, self.port, backlog=_BACKLOG)
            self.port = server.sockets[0].getsockname()[1]
            return server
        if one.family == socket.AF_UNIX:
            return await loop.create_unix_server(self._connection, sock=one, backlog=_BACKLOG)
        return await loop.create_server(self._connection, sock=one, backlog=_BACKLOG)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(0)

    async def close(self, drain: float) -> None:
        """Answer the requests that have arrived, for at most `drain` seconds, and close every connection."""
        if self._closed:
            return
        self._closed = True
        self._sweeper.cancel()
        self._server.close()
        for connection in tuple(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(drain):
                while self._connections:  # noqa: ASYNC110 - a shutdown may look ten times a second
                    await asyncio.sleep(0.1)
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.abort()
        await self._server.wait_closed()

    def _connection(self) -> Connection:
        return Connection(self._application, self._limits, self._connections, self._request_id)

    def _request_id(self) -> bytes:
        self._answers += 1
        return self._names.name(self._answers).encode()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self._connections):
            connection.overdue(now)
        self._sweeper = loop.call_later(_SWEEP, self._sweep, loop)
