"""The parent of a benchmark's workers: starts them, begins the load in all of them at once, sums their recordings.

Every wait for a worker is bounded: it must become ready, and deliver, in time. A worker that dies or does not deliver
fails the measurement, because the remaining load would not be the one that was asked for.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection as pipes
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final, Self

from express.cli.load.generator import Progress
from express.cli.load.quantities import NS_PER_S
from express.cli.load.recording import Recording
from express.cli.load.worker import Assignment, Ready, Trouble, serve
from express.cli.status import FAILED, CommandError
from express.cli.streams import usable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from express.cli.load.interruption import Interruption

#: Seconds a worker may take to import the handlers and compile.
READY_S: Final = 60.0
#: Seconds it may take to deliver after its time is over.
GRACE_S: Final = 5.0
#: Seconds it may take to exit after that, before it is killed.
_END_S: Final = 0.5
#: Upper bound on the seconds between two calls of `look`.
_LOOK_S: Final = 0.1
_HELD_UP: Final = (
    "did not deliver: something holds up its event loop, perhaps a `def` handler that waits "
    "(register it with blocking=True, or make it `async def`)"
)
#: Nanoseconds between sending the start time and the start, so that it reaches every worker.
_NOTICE_NS: Final = NS_PER_S // 20


class WorkerFailed(Exception):
    """Carries a worker's traceback to the parent, where `--debug` prints it."""


@dataclass(slots=True)
class _Worker:
    number: int
    process: SpawnProcess
    connection: Connection
    ready: bool = False
    recording: Recording | None = None
    progress: Progress | None = None


class Crew:
    """A context manager around the workers of one measurement; leaving it ends them, by force if necessary."""

    def __init__(self, assignments: Sequence[Assignment], interruption: Interruption) -> None:
        self._assignments = assignments
        self._interruption = interruption
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        try:
            with _interrupts_ignored(), usable("start", f"{len(self._assignments)} workers"):
                for number, assignment in enumerate(self._assignments, 1):
                    self._workers.append(_start(number, assignment))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.connection.close()
        end = time.monotonic() + _END_S
        for worker in self._workers:
            worker.process.join(max(end - time.monotonic(), 0))
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()

    def begin(self) -> int:
        """Wait until all workers are ready and send them the start time; return it, on the monotonic clock.

        Raises KeyboardInterrupt if an interruption is requested before.
        """

        def look() -> bool:
            if self._interruption.wished:
                raise KeyboardInterrupt
            return False

        self._listen(
            lambda worker: worker.ready, READY_S, f"was not ready after {READY_S:.0f} s: importing takes long", look
        )
        begin = time.monotonic_ns() + _NOTICE_NS
        for worker in self._workers:
            self._say(worker, begin)
        return begin

    def gather(self, seconds: float, heard: Callable[[Sequence[Progress]], None]) -> Recording:
        """Return the sum of all recordings, due within `seconds`, or sooner after an interruption.

        `heard` gets the progress of all workers.
        """
        told = False

        def look() -> bool:
            nonlocal told
            reports = [worker.progress for worker in self._workers if worker.progress is not None]
            if len(reports) == len(self._workers):
                heard(reports)
            cut_short = self._interruption.wished and not told
            if cut_short:
                told = True
                for worker in self._workers:
                    self._say(worker, "enough")
            return cut_short

        self._listen(lambda worker: worker.recording is not None, seconds + GRACE_S, _HELD_UP, look)
        first, *others = (worker.recording for worker in self._workers)
        assert first is not None
        for other in others:
            assert other is not None
            first.add(other)
        return first

    def _listen(
        self,
        content: Callable[[_Worker], bool],
        seconds: float,
        reproach: str,
        look: Callable[[], bool],
    ) -> None:
        """Receive messages until `content` holds for every worker; raise CommandError if it does not in time.

        `look` is called periodically; once it returns True, only the grace period is left.
        """
        end = time.monotonic() + seconds
        while awaited := {worker.connection: worker for worker in self._workers if not content(worker)}:
            if look():
                end = min(end, time.monotonic() + GRACE_S)
            left = end - time.monotonic()
            if left <= 0:
                raise _complaint(next(iter(awaited.values())), reproach)
            # A process that ends closes its end of the pipe, so its death is noticed here as well.
            for pipe in pipes.wait(list(awaited), min(left, _LOOK_S)):
                self._hear(awaited[pipe])  # type: ignore[index]  # typeshed: anything that could be waited for

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(_END_S)
            raise _complaint(worker, f"died ({_describe_exit(worker.process.exitcode)})") from None
        self._take(worker, message)

    def _take(self, worker: _Worker, message: Any) -> None:
        match message:
            case Ready():
                worker.ready = True
            case Progress():
                worker.progress = message
            case Recording():
                worker.recording = message
            case Trouble():
                complaint = _complaint(worker, f"gave up: {message.message}", message.status, message.hint)
                raise complaint from WorkerFailed(message.trace)

    def _say(self, worker: _Worker, word: object) -> None:
        # `_hear` finds out that a worker has died.
        with suppress(OSError):
            worker.connection.send(word)


def _start(number: int, assignment: Assignment) -> _Worker:
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(theirs, assignment), name=f"express-bench-{number}", daemon=True)
    process.start()
    # Only the worker keeps its end open, so that the pipe closes when the worker ends.
    theirs.close()
    return _Worker(number, process, ours)


def _complaint(worker: _Worker, text: str, status: int = FAILED, hint: str | None = None) -> CommandError:
    return CommandError(f"worker {worker.number} {text}", status=status, hint=hint)


def _describe_exit(code: int | None) -> str:
    if code is None:
        return "it closed its pipe"
    if code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let processes started inside ignore Ctrl-C, which the terminal sends to them too: the parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
