"""HTTP/1.1 on a socket: bytes in, requests out, answers back in the order of their requests.

Theory of operation. httptools parses what arrives; each complete request waits in a queue, and one task of the
connection answers them one after another, which keeps pipelined answers in order. The task ends when the queue is
empty, and the next request starts another: a connection that is idle costs no task.

Nothing a client does can take more than its share. Sizes of head and body are limited, and so are the time a request
may take to arrive, the time a connection may idle and the time a client may refuse to read; a Server looks at the
deadlines of all its connections now and then (`overdue`), so no request sets a timer. What is no HTTP gets an answer
in AWS's form and the connection is closed behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httptools

from express.api.messages import CONTENT_TYPE, Request, malformed, refusal, timed_out, too_large
from express.runtime.loops import spawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.api.messages import Application, Response
    from express.service.errors import ServiceError

#: Answers in a row after which a connection lets the others have a turn.
_FAIR: Final = 16

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_HEADS: Final = {
    status.value: (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE.decode()}\r\nx-amzn-RequestId: "
    ).encode()
    for status in HTTPStatus
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may use. Sizes in bytes, times in seconds; AWS takes requests of 1 MB (guide "Service quotas")."""

    head: int = 32_768
    body: int = 1_048_576
    connections: int = 1_000
    #: From the first byte of a request to its last.
    arrival: float = 30.0
    #: Between the end of an answer and the next request.
    idle: float = 75.0
    #: For a client to take the answers that are waiting for it.
    reading: float = 30.0


class Connection(asyncio.Protocol):
    """One client. `pool` is where it registers; `request_id` makes the id of each answer."""

    def __init__(
        self, application: Application, limits: Limits, pool: set[Connection], request_id: Callable[[], bytes]
    ) -> None:
        self._application = application
        self._limits = limits
        self._pool = pool
        self._request_id = request_id
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._queue: deque[Request | ServiceError] = deque()
        self._task: asyncio.Task[None] | None = None
        self._deadline = 0.0
        #: What has arrived of the request that is being read.
        self._headers: dict[bytes, bytes] = {}
        self._head_size = 0
        self._head_done = False
        self._body: list[bytes] = []
        self._body_size = 0
        self._error: ServiceError | None = None
        #: Set while the client does not read.
        self._reading: asyncio.Future[None] | None = None
        self._closing = False

    # ------------------------------------------------------------------------------------------ asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if len(self._pool) >= self._limits.connections:
            self._closing = True
            transport.close()
            return
        self._pool.add(self)
        self._deadline = self._loop.time() + self._limits.arrival

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.discard(self)
        self._closing = True
        self._queue.clear()
        self.resume_writing()

    def eof_received(self) -> bool:
        """A client may close its side and still wait for its answers."""
        self._closing = True
        return self._task is not None

    def data_received(self, data: bytes) -> None:
        if self._closing or self._error is not None:
            return
        if self._task is None and not self._queue and not self._head_size:
            self._deadline = self._loop.time() + self._limits.arrival
        if not self._head_done:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(malformed("The endpoint does not change protocols."))
        except httptools.HttpParserError as error:
            if self._error is None:
                self._refuse(malformed(f"The request is not valid HTTP: {error}"))
        if not self._head_done and self._head_size > self._limits.head and self._error is None:
            self._refuse(too_large("The head of the request is too large.", 431))

    def pause_writing(self) -> None:
        if self._reading is None:
            self._reading = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._reading is not None:
            if not self._reading.done():
                self._reading.set_result(None)
            self._reading = None

    # ------------------------------------------------------------------------------------------ httptools

    def on_message_begin(self) -> None:
        self._headers, self._body, self._body_size = {}, [], 0

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"host" and name in self._headers and self._error is None:
            self._refuse(malformed("The request has more than one Host header."))
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        self._head_done = True
        size = sum(len(name) + len(value) + 4 for name, value in self._headers.items())
        if size > self._limits.head and self._error is None:
            self._refuse(too_large("The head of the request is too large.", 431))
        declared = self._headers.get(b"content-length", b"0")
        if self._error is None and declared.isdigit() and int(declared[:16]) > self._limits.body:
            self._refuse(self._body_too_large())
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and self._may_continue():
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._error is not None:
            return
        if self._body_size > self._limits.body:
            self._refuse(self._body_too_large())
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._head_done, self._head_size = False, 0
        if self._error is None:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._put(Request(self._parser.get_method(), self._headers, body))
            if not self._parser.should_keep_alive():
                self._closing = True

    def _may_continue(self) -> bool:
        """Whether the client waits for leave to send the body; before other answers it would be out of order."""
        return self._error is None and not self._queue and self._task is None

    def _body_too_large(self) -> ServiceError:
        return too_large(f"The body of a request has {self._limits.body} bytes at most.")

    # ------------------------------------------------------------------------------------------ answering

    def _refuse(self, error: ServiceError) -> None:
        """The last answer of this connection: nothing that comes behind it can be understood."""
        self._error = error
        self._transport.pause_reading()
        self._put(error)

    def _put(self, entry: Request | ServiceError) -> None:
        self._queue.append(entry)
        if self._task is None:
            self._task = spawn(self._loop, self._answer_all())
            if self._task.done():
                self._task = None

    async def _answer_all(self) -> None:
        answered = 0
        while self._queue:
            entry = self._queue.popleft()
            response = await self._application(entry) if isinstance(entry, Request) else refusal(entry)
            last = not isinstance(entry, Request) or (self._closing and not self._queue)
            self._write(response, last=last)
            answered += 1
            if self._reading is not None:
                self._deadline = self._loop.time() + self._limits.reading
                await self._reading
            elif answered % _FAIR == 0:
                await asyncio.sleep(0)
        self._task = None
        self._deadline = self._loop.time() + self._limits.idle

    def _write(self, response: Response, *, last: bool) -> None:
        if self._transport.is_closing():
            return
        body = response.body
        ending = b"\r\nConnection: close\r\n\r\n" if last else b"\r\n\r\n"
        length = str(len(body)).encode()
        head = _HEADS[response.status]
        self._transport.write(b"".join((head, self._request_id(), b"\r\nContent-Length: ", length, ending, body)))
        if last:
            self._transport.close()

    # ------------------------------------------------------------------------------------------ the Server's side

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._task is not None

    def overdue(self, now: float) -> None:
        """Called now and then: end what has taken too long. A request that is being answered may take its time."""
        if now < self._deadline or (self._task is not None and self._reading is None):
            return
        if self._head_size and self._task is None and self._error is None:
            self._refuse(timed_out())
        elif self._reading is not None:
            self._transport.abort()
        else:
            self._transport.close()

    def finish(self) -> None:
        """Take no further request: close now, or behind the answers that are being made."""
        self._closing = True
        if self._task is None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is lost."""
        self._transport.abort()
