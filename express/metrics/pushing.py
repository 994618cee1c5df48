"""Pushes the counts of a worker process to the process that gathers them."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import uuid
from typing import TYPE_CHECKING, Self

from express.metrics.gathering import TAKEN
from express.metrics.wire import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.metrics.snapshot import Snapshot

log = logging.getLogger("express")

#: Default for the seconds between two pushes: what a killed worker can lose.
EVERY = 1.0
#: Timeout in seconds of the socket.
_PATIENCE = 5.0


class Pushing:
    """Sends the snapshots of `read` to the socket at `path` until it is closed, and a last one then or at exit.

    A missing listener is no error: it is logged once, and the push is retried. Made by `Metrics.push`.
    """

    def __init__(self, read: Callable[[], Snapshot], path: str | os.PathLike[str], every: float = EVERY) -> None:
        if every <= 0:
            raise ValueError("every must be positive")
        self._read = read
        self._path = os.fspath(path)
        self._every = every
        self._worker = uuid.uuid4().hex
        self._process = os.getpid()
        self._connection: socket.socket | None = None
        self._told = False
        self._pushing = threading.Lock()
        self._closing = threading.Event()
        atexit.register(self.close)
        self._thread = threading.Thread(target=self._keep_pushing, name="express-push", daemon=True)
        self._thread.start()

    def flush(self) -> bool:
        """Push now; return whether the gathering process accepted the snapshot."""
        if os.getpid() != self._process:
            # In a fork: the parent process pushes these counts.
            return False
        with self._pushing:
            try:
                taken = self._push()
            except OSError as error:
                self._hang_up()
                if not self._told:
                    log.warning("metrics cannot be pushed to %s: %s", self._path, error)
                self._told = True
                return False
        self._told = False
        return taken

    def _push(self) -> bool:
        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._connection.settimeout(_PATIENCE)
            self._connection.connect(self._path)
        self._connection.sendall(encode(self._worker, self._read()))
        answer = self._connection.recv(1)
        if not answer:
            raise ConnectionResetError("the connection was closed")
        return answer == TAKEN

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _keep_pushing(self) -> None:
        self.flush()
        while not self._closing.wait(self._every):
            self.flush()

    def close(self) -> None:
        """Push for the last time."""
        if self._closing.is_set():
            return
        self._closing.set()
        atexit.unregister(self.close)
        if os.getpid() == self._process:
            self._thread.join()
            self.flush()
            self._hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
