"""Connections without a network: what a client sends is fed in, what it would get is collected and parsed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httptools
import orjson

from express.api.messages import Request, Response
from express.api.wire import Connection, Limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass
class Answer:
    """One response as a client sees it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def error(self) -> str:
        found: str = orjson.loads(self.body)["__type"]
        return found


class _Answers:
    """Collects responses from httptools' callbacks."""

    def __init__(self) -> None:
        self.complete: list[Answer] = []
        self._answer = Answer()
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        self._answer = Answer()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._answer.body += body

    def on_message_complete(self) -> None:
        self._answer.status = self.parser.get_status_code()
        self.complete.append(self._answer)


def parse_answers(data: bytes) -> list[Answer]:
    """Every response in what a server wrote; it must be nothing but responses."""
    answers = _Answers()
    while data.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
        data = data.partition(b"\r\n\r\n")[2]
    answers.parser.feed_data(data)
    assert data == b"" or answers.complete
    return answers.complete


class Transport(asyncio.Transport):
    """Keeps what is written. `paused`: whether the connection reads; `closed` and `aborted` how it was ended."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.paused = self.closed = self.half_closed = self.aborted = False

    def write(self, data: Any) -> None:
        assert not self.closed
        assert not self.half_closed
        self.written += data

    def write_eof(self) -> None:
        self.half_closed = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Wire:
    """A connection to `application`, connected."""

    def __init__(
        self,
        application: Callable[[Request], Awaitable[Response]],
        limits: Limits | None = None,
        pool: set[Connection] | None = None,
    ) -> None:
        self.pool: set[Connection] = set() if pool is None else pool
        self.transport = Transport()
        self.requests: list[Request] = []
        numbers = iter(range(10_000))

        async def record(request: Request) -> Response:
            self.requests.append(request)
            return await application(request)

        self.connection = Connection(record, limits or Limits(), self.pool, lambda: b"id-%d" % next(numbers))
        self.connection.connection_made(self.transport)

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.connection.data_received(part)

    def reads(self) -> bool:
        """Whether the connection takes what the client sends."""
        return not self.transport.paused

    def closed(self) -> bool:
        """Whether the connection has been ended."""
        return self.transport.closed

    async def answers(self) -> list[Answer]:
        """What has been answered once nothing is left to do."""
        for _ in range(50):
            await asyncio.sleep(0)
        return parse_answers(self.transport.written)


async def echo(request: Request) -> Response:
    """Answers at once with what it got."""
    return Response(200, request.body or b"{}")


def post(body: bytes = b"{}", *headers: bytes, host: bytes = b"localhost") -> bytes:
    """A request with these headers."""
    lines = [b"POST / HTTP/1.1", b"Host: " + host, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
