"""HTTP/1.1 on a socket: bytes in, requests out, answers back in the order of their requests.

Theory of operation. httptools parses what arrives; each complete request waits in a queue, and one task of the
connection answers them one after another, which keeps pipelined answers in order. The task ends when the queue is
empty, and the next request starts another: a connection that is idle costs no task.

Nothing a client does can take more than its share. Sizes of head and body are limited, and so are the time a request
may take to arrive, the time a connection may idle and the time a client may refuse to read; a Server looks at the
deadlines of all its connections now and then (`overdue`), so no request sets a timer. While requests wait behind one
that is being answered, nothing more is read. What is no HTTP gets an answer in AWS's form, and the connection is closed
behind it: half of it first, for a client that is still sending would lose an answer to a connection that is gone.

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

#: Answers in a row after which a connection lets the others have a turn.
_FAIR: Final = 16
#: Seconds a client may go on sending what nobody reads, so that it finds the answer it was given.
_LINGER: Final = 2.0
#: How much more than its body a request may take on the way, by its cutting into chunks.
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
        self._arrived = 0
        #: Bytes of the data now being parsed, and of those in which the present request began.
        self._chunk = self._first_chunk = 0
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_done = False
        self._body: list[bytes] = []
        self._body_size = 0
        #: Why nothing more is read from this client.
        self._error: ServiceError | None = None
        #: The last request has been read.
        self._closing = False
        #: Requests of the data now being parsed that were answered at once, without a turn of the loop.
        self._at_once = 0
        #: There while the client does not take its answers.
        self._untaken: asyncio.Future[None] | None = None
        #: The client has left, or is to leave; the future is there once somebody wants to know.
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
        """A client may close its side and still wait for its answers, but hardly for one that is held back."""
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
            return  # a trailer: nothing here has a use for one
        name = name.lower()
        if name == b"host" and name in self._headers:
            self._refuse(malformed("The request has more than one Host header."))
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        self._head_done = True
        # Where all that can belong to it is no more than a head may have, there is nothing to count.
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
        """Whether the client waits for leave to send the body; behind other requests the leave would be out of order,
        and such a client sends it after a while anyway."""
        return self._error is None and self._task is None and self._headers[b"expect"].lower() == b"100-continue"

    def _body_too_large(self) -> ServiceError:
        return too_large(f"The body of a request has {self._limits.body} bytes at most.")

    # ------------------------------------------------------------------------------------------ answering

    def _refuse(self, error: ServiceError) -> None:
        """The last answer of this connection: nothing that comes behind it can be understood."""
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
                # A client that asked for the head alone would take the body for the next answer.
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
        """Called now and then: end what has taken too long. A request that is being answered may take its time."""
        if now < self._deadline or (self._task is not None and self._untaken is None):
            return
        if self._untaken is not None or self._transport.is_closing():
            self._transport.abort()
        elif self._arrived and not self._closing:
            self._refuse(timed_out())
        else:
            self._transport.close()

    def finish(self) -> None:
        """Take no further request: close now, or behind the answers that are being made."""
        self._closing = True
        self._leave()
        if self._task is None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is lost."""
        self._transport.abort()


def _head_too_large() -> ServiceError:
    return too_large("The head of the request is too large.", 431)
