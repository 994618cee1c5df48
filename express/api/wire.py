"""HTTP/1.1 on a socket: parses requests and sends the responses in the order of the requests.

Theory of operation. httptools parses the input; each complete request is queued, and one task of the connection answers
the queue in order, which keeps pipelined responses in order. The task ends when the queue is empty, and the next
request starts another: an idle connection costs no task.

Every resource that a client uses is bounded: the sizes of head and body, the time a request may take to arrive, the
time a connection may idle and the time a client may leave responses unread. A Server checks the deadlines of all its
connections periodically (`overdue`), so no request sets a timer. While requests wait behind one that is being answered,
reading is paused. Input that is not HTTP gets a response in AWS's form, after which the connection is closed, its write
side first: a client that is still sending would lose the response if the whole connection closed.

Why not ASGI: under uvicorn, with the same parser and loop, the same endpoint answers 0.6 times as many requests
(`python -m bench.endpoint` measures both).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

import httptools

from express.api.messages import CONTENT_TYPE, Request, malformed, refusal, timed_out, too_large
from express.runtime.loops import spawn
from express.service.errors import unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.api.messages import Application, Response
    from express.service.errors import ServiceError

#: Responses in a row after which a connection yields to the others.
_FAIR: Final = 16
#: Seconds during which a client may keep sending input that is ignored, so that it reads the final response.
_LINGER: Final = 2.0
#: The upper bound of a body's size on the wire, in multiples of the body limit: chunked encoding adds overhead.
_OVERHEAD: Final = 4

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_HEADS: Final = {
    status.value: (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE.decode()}\r\nx-amzn-RequestId: "
    ).encode()
    for status in HTTPStatus
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for clients. Sizes in bytes, times in seconds; AWS accepts requests of 1 MB (guide "Service quotas")."""

    head: int = 32_768
    body: int = 1_048_576
    connections: int = 1_000
    #: From the first byte of a request to its last.
    arrival: float = 30.0
    #: Between the end of an answer and the next request.
    idle: float = 75.0
    #: For a client to read the responses that wait for it.
    reading: float = 30.0


class Connection(asyncio.Protocol):
    """A client's connection. `pool` is the set it registers in; `request_id` makes the id of each response."""

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
        #: Bytes received of the request that is being read.
        self._arrived = 0
        #: The sizes of the data now being parsed and of the data in which the present request began.
        self._chunk = self._first_chunk = 0
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_done = False
        self._body: list[bytes] = []
        self._body_size = 0
        #: The error after which nothing more is read from this client.
        self._error: ServiceError | None = None
        #: No further request is accepted.
        self._closing = False
        #: Requests of the data now being parsed that started at once, in the same turn of the event loop.
        self._at_once = 0
        #: Pending while the client does not read its responses; None otherwise.
        self._untaken: asyncio.Future[None] | None = None
        #: Whether the client has left or is to leave; the future is created on the first call of `gone`.
        self._left = False
        self._gone: asyncio.Future[None] | None = None

    # ------------------------------------------------------------------------------------------ asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if len(self._pool) >= self._limits.connections:
            self._closing = True
            self._write(refusal(unavailable("The endpoint has too many connections.")), last=True)
            return
        self._pool.add(self)
        self._deadline = self._loop.time() + self._limits.arrival

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.discard(self)
        self._closing = True
        self._queue.clear()
        self.resume_writing()
        self._leave()

    def eof_received(self) -> bool:
        """A client that closes its side may still wait for pending responses; long polls are ended."""
        self._closing = True
        self._leave()
        return self._task is not None

    def data_received(self, data: bytes) -> None:
        if self._closing or self._error is not None:
            return
        if not self._arrived:
            self._deadline = self._loop.time() + self._limits.arrival
        self._chunk = len(data)
        self._arrived += self._chunk
        self._at_once = 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(malformed("The endpoint does not change protocols."))
        except httptools.HttpParserError as error:
            self._refuse(malformed(f"The request is not valid HTTP: {error}"))
        if self._arrived > self._limits.head:
            if not self._head_done:
                self._refuse(_head_too_large())
            elif self._arrived > self._limits.head + _OVERHEAD * self._limits.body:
                self._refuse(self._body_too_large())

    def pause_writing(self) -> None:
        if self._untaken is None:
            self._untaken = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._untaken is not None:
            if not self._untaken.done():
                self._untaken.set_result(None)
            self._untaken = None

    # ------------------------------------------------------------------------------------------ httptools

    def on_message_begin(self) -> None:
        self._target, self._headers, self._head_done = b"", {}, False
        self._body, self._body_size = [], 0
        self._first_chunk = self._chunk

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # a trailer, which is ignored
        name = name.lower()
        if name == b"host" and name in self._headers:
            self._refuse(malformed("The request has more than one Host header."))
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        self._head_done = True
        # The data received bounds the head's size; where that is within the limit, the exact size is not needed.
        if self._first_chunk + self._arrived > self._limits.head and self._head_size() > self._limits.head:
            self._refuse(_head_too_large())
        declared = self._headers.get(b"content-length", b"0")
        if len(declared) > 15 or int(declared) > self._limits.body:
            self._refuse(self._body_too_large())
        if b"expect" in self._headers and self._may_continue():
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self._limits.body:
            self._refuse(self._body_too_large())
        elif self._error is None:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._arrived = 0
        if self._error is not None or self._closing:
            return
        self._closing = not self._parser.should_keep_alive()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._put(Request(self._parser.get_method(), self._headers, body, self._target, self))

    def _head_size(self) -> int:
        return len(self._target) + sum(len(name) + len(value) for name, value in self._headers.items())

    def _may_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body.

        Behind other requests that response would be out of order; such a client sends the body after a while anyway.
        """
        return self._error is None and self._task is None and self._headers[b"expect"].lower() == b"100-continue"

    def _body_too_large(self) -> ServiceError:
        return too_large(f"The body of a request has {self._limits.body} bytes at most.")

    # ------------------------------------------------------------------------------------------ answering

    def _refuse(self, error: ServiceError) -> None:
        """Queue the last response of this connection: the input after it cannot be parsed."""
        if self._error is None and not self._closing:
            self._error = error
            self._put(error)

    def _put(self, entry: Request | ServiceError) -> None:
        self._queue.append(entry)
        if self._task is not None:
            if self._error is None and not self._transport.is_closing():
                self._transport.pause_reading()
            return
        if self._at_once < _FAIR:
            self._at_once += 1
            task = spawn(self._loop, self._answer_all())
        else:
            task = self._loop.create_task(self._answer_all())
        self._task = None if task.done() else task

    async def _answer_all(self) -> None:
        answered = 0
        while self._queue:
            entry = self._queue.popleft()
            if isinstance(entry, Request):
                response = await self._application(entry)
                # The client of a HEAD request would take the body for the next response.
                last = (self._closing and not self._queue) or entry.method == b"HEAD"
            else:
                response, last = refusal(entry), True
            self._write(response, last=last)
            answered += 1
            if self._untaken is not None:
                self._deadline = self._loop.time() + self._limits.reading
                await self._untaken
            elif answered % _FAIR == 0:
                await asyncio.sleep(0)
        self._task = None
        if self._error is None and not self._closing:
            self._deadline = self._loop.time() + self._limits.idle
            self._transport.resume_reading()

    def _write(self, response: Response, *, last: bool) -> None:
        transport, body = self._transport, response.body
        if transport.is_closing():
            return
        ending = b"\r\nConnection: close\r\n\r\n" if last else b"\r\n\r\n"
        length = str(len(body)).encode()
        head = _HEADS[response.status]
        transport.write(b"".join((head, self._request_id(), b"\r\nContent-Length: ", length, ending, body)))
        if not last:
            return
        self._closing = True
        self._deadline = self._loop.time() + _LINGER
        if self._error is None:
            transport.close()
        else:
            transport.write_eof()
        self._queue.clear()

    def gone(self) -> asyncio.Future[None]:
        """See `messages.Client`."""
        if self._gone is None:
            self._gone = self._loop.create_future()
            if self._left:
                self._leave()
        return self._gone

    def _leave(self) -> None:
        self._left = True
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    # ------------------------------------------------------------------------------------------ the Server's side

    def overdue(self, now: float) -> None:
        """Called periodically: end what has passed its deadline. There is no deadline for answering a request."""
        if now < self._deadline or (self._task is not None and self._untaken is None):
            return
        if self._untaken is not None or self._transport.is_closing():
            self._transport.abort()
        elif self._arrived and not self._closing:
            self._refuse(timed_out())
        else:
            self._transport.close()

    def finish(self) -> None:
        """Accept no further request: close now, or after the pending responses."""
        self._closing = True
        self._leave()
        if self._task is None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once and drop pending responses."""
        self._transport.abort()


def _head_too_large() -> ServiceError:
    return too_large("The head of the request is too large.", 431)
