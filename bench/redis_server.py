"""A temporary redis-server: on a free loopback port, with its data in a directory of its own that is removed at exit.

For `bench.consume` and for the tests of the Redis source.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from typing import Any, Self

_START_SECONDS = 20.0
_POLL_SECONDS = 0.02


def installed() -> bool:
    """Whether there is a `redis-server` to start (Debian package `redis-server`)."""
    return shutil.which("redis-server") is not None


class RedisServer:
    """A context manager; `stop` and `start` take the server down and bring it back with its data, on its port."""

    def __init__(self, *, durable: bool = True) -> None:
        #: Whether confirmed writes are on disk, so that they survive `stop` and `start`.
        self._durable = durable
        self._resources = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._directory = self._resources.enter_context(tempfile.TemporaryDirectory(prefix="express-redis-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()
        self._resources.callback(self.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def url(self, stream: str, **parameters: object) -> str:
        query = "&".join(f"{name}={value}" for name, value in {"group": "workers", **parameters}.items())
        return f"redis://127.0.0.1:{self.port}/{stream}?{query}"

    def start(self) -> None:
        """Start the server. Raises AssertionError if it does not answer in time."""
        kept = ("--appendonly", "yes", "--appendfsync", "always") if self._durable else ()
        arguments = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._directory, "--save", "", *kept)
        self._process = subprocess.Popen(
            ["redis-server", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            assert self._process.poll() is None, "redis-server ended"
            time.sleep(_POLL_SECONDS)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_START_SECONDS)
            self._process = None

    def client(self) -> Any:
        """A blocking client, for tests to inspect the server's data."""
        import redis

        return redis.Redis(port=self.port, decode_responses=True)
