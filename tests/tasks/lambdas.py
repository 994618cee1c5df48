"""A server that speaks Lambda's Invoke API, in a thread of its own: what each function answers is written down."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from express.types import JSON


@dataclass(frozen=True)
class Call:
    """One request, as the function sees it."""

    name: str
    qualifier: str | None
    payload: JSON
    headers: dict[str, str]
    path: str


@dataclass
class Answer:
    """What goes back: `body` as JSON, or `text` as it is."""

    body: JSON = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None

    @property
    def encoded(self) -> bytes:
        return (json.dumps(self.body) if self.text is None else self.text).encode()


def raw(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(None, status, headers or {}, text)


class Lambdas:
    """`answers` by function; one that is not there is answered as `sam local start-lambda` does."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[Call], Answer]] = {}
        self.calls: list[Call] = []
        #: Connections made so far, and the most that were open at once.
        self.connections = 0
        self.most = 0
        self._open = 0
        self._lock = threading.Lock()
        self.url = ""

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        found = self.answers.get(call.name)
        if found is None:
            message = f"Function not found: arn:aws:lambda:us-west-2:012345678901:function:{call.name}"
            return Answer(
                {"Type": "User", "Message": message},
                404,
                {"x-amzn-errortype": "ResourceNotFound", "x-amzn-RequestId": "7"},
            )
        return found if isinstance(found, Answer) else found(call)

    def counted(self, change: int) -> None:
        with self._lock:
            self._open += change
            self.connections += change > 0
            self.most = max(self.most, self._open)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        lambdas = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                lambdas.counted(1)
                try:
                    super().handle()
                finally:
                    lambdas.counted(-1)

            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                call = Call(
                    unquote(parts.path.split("/")[-2]),
                    parse_qs(parts.query).get("Qualifier", [None])[0],
                    json.loads(body),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.path,
                )
                answer = lambdas.answer(call)
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer.encoded)))
                    self.end_headers()
                    self.wfile.write(answer.encoded)
                except OSError:
                    # The client did not want to hear it to the end.
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
                pass

        return Handler


@contextmanager
def emulator() -> Iterator[Lambdas]:
    """A listening server."""
    lambdas = Lambdas()
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambdas.handler())
    server.daemon_threads = True
    lambdas.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(0.05), name="lambdas")
    thread.start()
    try:
        yield lambdas
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
