"""The messages between owner and worker: JSON with a length prefix, each acknowledged with one byte.

The worker sends the same byte once when it has started. A channel ends when either process does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

if TYPE_CHECKING:
    import socket

#: `{"put": image}`, `{"delete": arn}`, `{"listen": true}`, `{"stop": seconds}`.
Message: TypeAlias = dict[str, Any]

_LENGTH: Final = 8
_TAKEN: Final = b"+"


class Channel:
    """One end of the channel."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Channel:
        return cls(*await asyncio.open_unix_connection(sock=end))

    # ------------------------------------------------------------------------------------------ the owner's side

    async def tell(self, message: Message) -> None:
        """Send a message and wait for its acknowledgement. Raises EOFError when the worker has ended."""
        try:
            self._writer.write(framed(message))
            await self._writer.drain()
        except ConnectionError as error:
            raise EOFError from error
        await self.taken()

    async def taken(self) -> None:
        """Wait for an acknowledgement. Raises EOFError when the worker has ended."""
        try:
            await self._reader.readexactly(1)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EOFError from error

    # ------------------------------------------------------------------------------------------ the worker's side

    async def hear(self) -> Message | None:
        """The next message; None when the owner has ended."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH), "big")
            message: Message = orjson.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        return message

    def take(self) -> None:
        """Acknowledge the last message as carried out, or report that this worker has started."""
        self._writer.write(_TAKEN)

    def close(self) -> None:
        self._writer.close()


def framed(message: Message) -> bytes:
    body = orjson.dumps(message)
    return len(body).to_bytes(_LENGTH, "big") + body
