"""Serves the page Prometheus reads, `GET /metrics`, from a separate thread, because the event loop may be busy.

prometheus_client renders the page, compresses it and negotiates its format: OpenMetrics, which alone has exemplars,
if the client asks for it.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import ThreadingWSGIServer, make_wsgi_app
from prometheus_client.registry import Collector, CollectorRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATH = "/metrics"
#: Seconds between two checks for a shutdown.
_POLL = 0.05


class _Handler(WSGIRequestHandler):
    #: Seconds a client may take to send its request.
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Log nothing: scrapes come every few seconds."""


class Server:
    """A served metrics page and a context manager: `port` is the port in use, `url` the page's address."""

    def __init__(self, registry: CollectorRegistry, port: int, host: str) -> None:
        self._closed = False
        try:
            self._server = make_server(host, port, _only_metrics(registry), _server_class(host, port), _Handler)
        except OSError as error:
            reason = error.strerror or error
            raise OSError(error.errno, f"metrics cannot be served on {host}:{port}: {reason}") from None
        self.port: int = self._server.server_port
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}{PATH}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="express-metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving; a response being written is not interrupted."""
        if not self._closed:
            self._closed = True
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def serve_collector(collector: Collector, port: int, host: str) -> Server:
    """Serve a collector with prometheus_client's process, platform and memory metrics. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return Server(registry, port, host)


def _server_class(host: str, port: int) -> type[ThreadingWSGIServer]:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return type("_Server", (ThreadingWSGIServer,), {"address_family": family})


def _only_metrics(registry: CollectorRegistry) -> Callable[..., Iterable[bytes]]:
    page = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            return page(environ, start_response)  # type: ignore[no-any-return]
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"There is only {PATH} here.\n".encode()]

    return application
