"""The counts of several worker processes on one page, as their sum.

Theory of operation. The parent listens on a Unix socket, each worker keeps one connection to it and sends its whole
snapshot about once a second (`pushing`). What a worker sent last is what it counts for. When its connection ends, for
whatever reason (a worker that is killed has no time to say goodbye, but the kernel closes its socket), its gauges
vanish and its counters stay: counters never go back. A worker that comes again under its id goes on where it was.

Prometheus client's own multiprocess mode is not used: it keeps files, which outlive their workers, makes every
increment five times as dear, and knows no exemplars.
"""

from __future__ import annotations

import errno
import os
import socket
import socketserver
import stat
import threading
from typing import TYPE_CHECKING, BinaryIO, Self

from express.metrics import families
from express.metrics.collector import MAX_LABEL_VALUES
from express.metrics.families import BY_NAME
from express.metrics.labels import Cap
from express.metrics.server import Server, serve_collector
from express.metrics.snapshot import Labels, Snapshot, declarations
from express.metrics.wire import MAX_LINE, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

#: What a worker gets for each line.
TAKEN = b"+"
REFUSED = b"-"
#: Workers that have gone and might come again, beyond which the oldest are added up for good.
MAX_GONE = 256
MAX_CONNECTIONS = 1_024
#: Families whose other labels are not those of `MAX_LABEL_VALUES`.
_POLL = 0.05


class Gathering:
    """A prometheus_client collector of the sum of what workers push to `path`, the path of a Unix socket.

        with express.metrics.Gathering("/run/app/metrics.sock") as gathering, gathering.serve(port=9464):
            ...                                             # start workers: express.metrics.Metrics(runtime).push(path)

    It listens as soon as it is made, for its own user only. Raises OSError when the path cannot be listened on, or
    somebody does already; a socket that nobody listens on any more is replaced.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_label_values: int = MAX_LABEL_VALUES) -> None:
        self.path = os.fspath(path)
        self._limit = max_label_values
        self._caps: dict[str, Cap] = {}
        self._live: dict[str, Snapshot] = {}
        self._gone: dict[str, Snapshot] = {}
        self._sum = Snapshot()
        self._refused = 0
        self._changing = threading.Lock()
        self._closed = False
        self._server = _listen(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="express-gathering", daemon=True
        )
        self._thread.start()

    # ------------------------------------------------------------------------------------------ what comes in

    def receive(self, lines: BinaryIO, answers: BinaryIO) -> None:
        """Take what one connection sends, to its end. Called in a thread of its own."""
        worker: str | None = None
        try:
            while line := lines.readline(MAX_LINE):
                worker, answer = self._take(line, worker)
                answers.write(answer)
                if answer == REFUSED and not line.endswith(b"\n"):
                    # Too long, or cut off: what follows would be the rest of it.
                    break
        except OSError:
            pass
        finally:
            if worker is not None:
                self._part(worker)

    def _take(self, line: bytes, known: str | None) -> tuple[str | None, bytes]:
        """Let a line count for its worker, unless it is broken, of another worker, or would make a counter go back."""
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

    def _part(self, worker: str) -> None:
        """The worker's connection has ended: keep its counters."""
        with self._changing:
            self._gone[worker] = self._live.pop(worker).without("gauge")
            while len(self._gone) > MAX_GONE:
                self._sum.merge(self._gone.pop(next(iter(self._gone))))

    # ------------------------------------------------------------------------------------------ what goes out

    def snapshot(self) -> Snapshot:
        """The sum of all workers, those that are gone included."""
        with self._changing:
            snapshot = Snapshot()
            for part in (self._sum, *self._gone.values(), *self._live.values()):
                snapshot.merge(self._capped(part))
            snapshot.add(families.WORKERS, (), len(self._live))
            snapshot.add(families.REFUSED_PUSHES, (), self._refused)
            for label, cap in self._caps.items():
                if cap.overflow:
                    snapshot.add(families.OVERFLOW, (label,), cap.overflow)
            return snapshot

    def _capped(self, snapshot: Snapshot) -> Snapshot:
        """Every worker has closed its sets of labels; together they are to be no larger."""
        capped = Snapshot()
        for name, of_family in snapshot.series.items():
            family = BY_NAME[name]
            for labels, numbers in of_family.items():
                capped.add(family, self._closed_labels(family.labels, labels), *numbers)
        for workflow, exemplars in snapshot.exemplars.items():
            capped.add_exemplars(self._cap("workflow").label(workflow), exemplars)
        return capped

    def _closed_labels(self, names: tuple[str, ...], values: Labels) -> Labels:
        return tuple(self._cap(name).label(value) for name, value in zip(names, values, strict=True))

    def _cap(self, label: str) -> Cap:
        cap = self._caps.get(label)
        if cap is None:
            cap = self._caps[label] = Cap(self._limit, RESERVED_ERRORS if label == "error" else ())
        return cap

    def collect(self) -> Iterator[Metric]:
        """The families with the sum of their values now, as prometheus_client asks for them."""
        return self.snapshot().metrics()

    def describe(self) -> list[Metric]:
        """The families alone: a registry refuses two collectors with the same names."""
        return declarations()

    def serve(self, port: int = 0, host: str = "127.0.0.1") -> Server:
        """Serve the sum at `/metrics`, with the metrics of this process. 0 picks a free port. Raises OSError."""
        return serve_collector(self, port, host)

    # ------------------------------------------------------------------------------------------ life

    def close(self) -> None:
        """Listen no more; what was gathered can still be read."""
        if self._closed:
            return
        self._closed = True
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
        os.unlink(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
