"""Sums the counts of several worker processes on one page.

Theory of operation. The parent listens on a Unix socket. Each worker keeps one connection to it and sends its whole
snapshot about once a second (`pushing`); the last one received is the one that counts. When a connection ends, for
whatever reason (the kernel closes the socket even of a killed worker), the worker's gauges vanish and its counters
stay, because counters must never go down. A worker that reconnects under its id continues from its counters.

prometheus_client's own multiprocess mode is not used: it keeps files, which outlive their workers, makes every
increment five times as expensive, and does not support exemplars.
"""

from __future__ import annotations

import errno
import os
import socket
import socketserver
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from express.metrics import families
from express.metrics.collecting import SnapshotCollector
from express.metrics.families import BY_NAME
from express.metrics.labels import MAX_LABEL_VALUES, Caps
from express.metrics.snapshot import Labels, Snapshot
from express.metrics.wire import MAX_LINE, decode

if TYPE_CHECKING:
    from io import BufferedIOBase


#: The reply to each line of a worker.
TAKEN = b"+"
REFUSED = b"-"
#: Upper bound on disconnected workers that may still return; beyond it the oldest are merged for good.
MAX_GONE = 256
MAX_CONNECTIONS = 1_024
#: Seconds between two checks for a shutdown.
_POLL = 0.05


class Gathering(SnapshotCollector):
    """A prometheus_client collector of the sum of what workers push to `path`, the path of a Unix socket.

        with express.metrics.Gathering("/run/app/metrics.sock") as gathering, gathering.serve(port=9464):
            ...                                             # start workers: express.metrics.Metrics(runtime).push(path)

    It listens from its construction on, for its own user only. Raises OSError when the path cannot be listened on, or
    another process listens there already; a socket on which no process listens is replaced.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_label_values: int = MAX_LABEL_VALUES) -> None:
        self.path = os.fspath(path)
        self._caps = Caps(max_label_values)
        self._live: dict[str, Snapshot] = {}
        self._gone: dict[str, Snapshot] = {}
        self._sum = Snapshot()
        self._refused = 0
        self._changing = threading.Lock()
        self._is_closed = False
        self._server = _listen(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="express-gathering", daemon=True
        )
        self._thread.start()

    # ------------------------------------------------------------------------------------------ what comes in

    def receive(self, lines: BufferedIOBase, answers: BufferedIOBase) -> None:
        """Accept what one connection sends, until it ends. Runs in a thread of its own."""
        worker: str | None = None
        line = b""
        try:
            # A line without a newline is too long, or its worker was cut off.
            while (line := lines.readline(MAX_LINE)).endswith(b"\n"):
                worker, answer = self._take(line, worker)
                answers.write(answer)
        except OSError:
            # The worker has disconnected and needs no reply.
            pass
        finally:
            self._hung_up(worker, cut_off=not line.endswith(b"\n") and line != b"")

    def _take(self, line: bytes, known: str | None) -> tuple[str | None, bytes]:
        """Accept a line as its worker's snapshot, unless it is broken, names another worker or lowers a counter."""
        try:
            worker, snapshot = decode(line)
        except ValueError:
            worker, snapshot = "", Snapshot()
        with self._changing:
            before = self._live.get(worker) if worker == known else self._gone.get(worker)
            taken_by_another = worker != known and (known is not None or worker in self._live)
            if not worker or taken_by_another or (before is not None and not _goes_on(before, snapshot)):
                self._refused += 1
                return known, REFUSED
            self._gone.pop(worker, None)
            self._live[worker] = snapshot
        return worker, TAKEN

    def _hung_up(self, worker: str | None, *, cut_off: bool) -> None:
        """Keep the counters of the worker whose connection has ended."""
        with self._changing:
            self._refused += cut_off
            if worker is None:
                return
            self._gone[worker] = self._live.pop(worker).without("gauge")
            while len(self._gone) > MAX_GONE:
                self._sum.merge(self._gone.pop(next(iter(self._gone))))

    # ------------------------------------------------------------------------------------------ what goes out

    def snapshot(self) -> Snapshot:
        """Return the sum of all workers, disconnected ones included."""
        with self._changing:
            snapshot = Snapshot()
            for part in (self._sum, *self._gone.values(), *self._live.values()):
                snapshot.merge(self._capped(part))
            snapshot.add(families.WORKERS, (), len(self._live))
            snapshot.add(families.REFUSED_PUSHES, (), self._refused)
            for label, family in families.CAPPED.items():
                snapshot.add(families.OVERFLOW, (family.name,), self._caps[label].overflow)
            return snapshot

    def _capped(self, snapshot: Snapshot) -> Snapshot:
        """Bound the label sets again: each worker bounds its own, but their union may be larger."""
        capped = Snapshot()
        for name, of_family in snapshot.series.items():
            family = BY_NAME[name]
            for labels, numbers in of_family.items():
                capped.add(family, self._closed(family.labels, labels), *numbers)
        for workflow, exemplars in snapshot.exemplars.items():
            capped.add_exemplars(self._caps["workflow"].label(workflow), exemplars)
        return capped

    def _closed(self, names: tuple[str, ...], values: Labels) -> Labels:
        return tuple(self._caps[name].label(value) for name, value in zip(names, values, strict=True))

    # ------------------------------------------------------------------------------------------ life

    def close(self) -> None:
        """Stop listening; the gathered counts stay readable."""
        if self._is_closed:
            return
        self._is_closed = True
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
        os.unlink(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _goes_on(before: Snapshot, after: Snapshot) -> bool:
    """Return whether every counter is still present and none has gone down."""
    for name, of_family in before.without("gauge").series.items():
        now = after.series.get(name, {})
        for labels, numbers in of_family.items():
            if any(new < old for old, new in zip(numbers, now.get(labels, ()), strict=False)) or labels not in now:
                return False
    return True


# --------------------------------------------------------------------------------------------------------------
# the socket


class _Connection(socketserver.StreamRequestHandler):
    server: _Listener

    def handle(self) -> None:
        if len(self.server.open) >= MAX_CONNECTIONS:
            return
        self.server.open[threading.current_thread()] = self.request
        try:
            self.server.gathering.receive(self.rfile, self.wfile)
        finally:
            self.server.open.pop(threading.current_thread(), None)


class _Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.open: dict[threading.Thread, socket.socket] = {}
        super().__init__(gathering.path, _Connection)

    def server_bind(self) -> None:
        super().server_bind()
        # The socket does not listen yet, so other users cannot connect before its mode is set.
        os.chmod(self.gathering.path, stat.S_IRUSR | stat.S_IWUSR)

    def hang_up(self) -> None:
        """End every connection and wait until its worker's counts are stored."""
        for thread, connection in list(self.open.items()):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()


def _listen(gathering: Gathering) -> _Listener:
    path = gathering.path
    try:
        if _is_deserted(path):
            os.unlink(path)
        return _Listener(gathering)
    except OSError as error:
        # The error for a path that is too long has no errno.
        reason = error.strerror or error
        raise OSError(error.errno or errno.ENAMETOOLONG, f"metrics cannot be gathered at {path}: {reason}") from None


def _is_deserted(path: str) -> bool:
    """Return whether the path is a socket on which no process listens any more."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED
