"""The owner: supervises the workers, keeps their replicas current and answers what they forward. See the package."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from time import monotonic
from typing import TYPE_CHECKING, Final, Self

from express.api.server import Server
from express.api.wire import Limits
from express.api.workers.channel import Channel
from express.api.workers.sockets import BACKLOG, listening_sockets
from express.api.workers.worker import work
from express.errors import ExpressError
from express.service.replication import ReplicatedStore, image

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from express.api.messages import Application, Request, Response
    from express.api.workers.channel import Message
    from express.api.workers.worker import Plan

log = logging.getLogger("express")

#: Seconds a worker may take to start.
START_SECONDS: Final = 30.0
#: Seconds a worker may take to apply a batch of changes.
TAKE_SECONDS: Final = 30.0
#: Seconds a worker may take to end after its time to drain.
_GRACE: Final = 1.0
#: Delays in seconds before a worker that died is replaced: none for the first in a row, then longer ones.
_PAUSES: Final = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
#: A worker that has run for this many seconds ends the row.
_PROVEN: Final = 30.0
#: The workers forward over connections of their own; the workers' own limits bound the clients.
_LIMITS: Final = Limits(connections=100_000)


class WorkersFailed(ExpressError):
    """A worker failed to start; its stderr tells why."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    channel: Channel
    started: float = field(default_factory=monotonic)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Owner:
    """Serves an endpoint on one port through `count` workers.

    endpoint: answers what the workers forward. store: the store behind it. make_plan: makes the workers' Plan from the
    path of the owner's socket. Use it as an asynchronous context manager: inside, the port is being served. Entering
    raises OSError when the address cannot be bound, WorkersFailed when a worker does not start.
    """

    def __init__(
        self,
        endpoint: Application,
        store: ReplicatedStore,
        make_plan: Callable[[str], Plan],
        *,
        count: int,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._endpoint = endpoint
        self._store = store
        self._make_plan = make_plan
        self._count = count
        self.host = host
        self.port = port
        #: ARNs of the machines changed since the last update of the workers.
        self._changed: dict[str, None] = {}
        self._telling = asyncio.Lock()
        self._listening: list[socket.socket] = []
        #: The worker in each place, None while there is none.
        self._workers: list[_Worker | None] = [None] * count
        self._keepers: list[asyncio.Task[None]] = []
        self._publisher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def processes(self) -> list[int]:
        """The process ids of the workers that run."""
        return [worker.process.pid or 0 for worker in self._workers if worker is not None]

    # ------------------------------------------------------------------------------------------ answering

    async def __call__(self, request: Request) -> Response:
        """Answer a forwarded request, once all workers have the changes it has made."""
        response = await self._endpoint(request)
        if self._changed or self._telling.locked():
            await self._publish()
        return response

    def _note(self, arn: str) -> None:
        self._changed[arn] = None
        if self._publisher is None or self._publisher.done():
            # Changes outside requests, such as the end of a deleted machine's last execution, are published too.
            self._publisher = asyncio.get_running_loop().create_task(self._publish())

    async def _publish(self) -> None:
        """Bring every replica up to date."""
        async with self._telling:
            while self._changed:
                messages = [self._message(arn) for arn in self._changed]
                self._changed.clear()
                workers = [worker for worker in self._workers if worker is not None]
                await asyncio.gather(*(self._tell(worker, messages) for worker in workers))

    def _message(self, arn: str) -> Message:
        machine = self._store.machine(arn)
        return {"delete": arn} if machine is None else {"put": image(machine)}

    async def _tell(self, worker: _Worker, messages: list[Message]) -> None:
        """Send messages to a worker. One that has ended is skipped; its successor starts with all machines."""
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                for message in messages:
                    await worker.channel.tell(message)
        except EOFError:
            pass
        except TimeoutError:
            log.error("worker %s takes no changes: it is replaced", worker.process.pid)
            worker.process.kill()

    # ------------------------------------------------------------------------------------------ workers

    async def __aenter__(self) -> Self:
        self._listening = listening_sockets(self.host, self.port, self._count)
        self.port = self._listening[0].getsockname()[1]
        self._directory = tempfile.TemporaryDirectory(prefix="express-")
        path = os.path.join(self._directory.name, "owner")
        self._server = Server(self, limits=_LIMITS, listening=_unix_socket(path))
        self._plan = self._make_plan(path)
        try:
            await self._server.__aenter__()
            self._store.changed = self._note
            starts = [self._start(place) for place in range(self._count)]
            for failure in filter(None, await asyncio.gather(*starts, return_exceptions=True)):
                raise failure
        except BaseException:
            await self.close(0)
            raise
        loop = asyncio.get_running_loop()
        self._keepers = [loop.create_task(self._keep(place)) for place in range(self._count)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(0)

    async def _start(self, place: int) -> None:
        """Start a worker in a place; it listens when this returns. Raises WorkersFailed."""
        worker = await self._spawn(place)
        try:
            async with asyncio.timeout(START_SECONDS):
                await worker.channel.taken()
                async with self._telling:
                    for machine in list(self._store.machines()):
                        await worker.channel.tell(self._message(machine.arn))
                    await worker.channel.tell({"listen": True})
                    self._workers[place] = worker
        except TimeoutError:
            await self._kill(worker, 0)
            raise WorkersFailed("a worker took too long to come up") from None
        except EOFError:
            await self._kill(worker, _GRACE)
            raise WorkersFailed(f"a worker {_ending(worker.process)}") from None
        except BaseException:
            await self._kill(worker, 0)
            raise

    async def _spawn(self, place: int) -> _Worker:
        mine, theirs = socket.socketpair()
        process = get_context("spawn").Process(target=work, args=(self._plan, self._listening[place], theirs))
        with closing(theirs):
            try:
                process.start()
            except OSError as error:
                mine.close()
                raise WorkersFailed(f"a worker cannot be started: {error.strerror or error}") from None
        mine.setblocking(False)
        try:
            worker = _Worker(process, await Channel.over(mine))
        except BaseException:
            mine.close()
            process.kill()
            process.join()
            raise
        asyncio.get_running_loop().add_reader(process.sentinel, self._has_ended, worker)
        return worker

    def _has_ended(self, worker: _Worker) -> None:
        asyncio.get_running_loop().remove_reader(worker.process.sentinel)
        worker.process.join()
        worker.channel.close()
        worker.ended.set()

    async def _keep(self, place: int) -> None:
        """Replace the worker of a place whenever it ends. Cancelled when the endpoint is closed."""
        in_a_row = 0
        while True:
            worker = self._workers[place]
            if worker is not None:
                await worker.ended.wait()
                self._workers[place] = None
                in_a_row = 0 if monotonic() - worker.started > _PROVEN else in_a_row + 1
                log.error("worker %s %s: another takes its place", worker.process.pid, _ending(worker.process))
            await asyncio.sleep(_PAUSES[min(max(in_a_row - 1, 0), len(_PAUSES) - 1)])
            try:
                await self._start(place)
            except WorkersFailed as error:
                in_a_row += 1
                log.error("%s", error)

    # ------------------------------------------------------------------------------------------ the end

    async def close(self, drain: float) -> None:
        """Let the workers answer the requests that have arrived, for at most `drain` seconds, then end them."""
        if self._stopping:
            return
        self._stopping = True
        for one in self._listening:
            one.close()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        deadline = monotonic() + drain
        await asyncio.gather(*(self._end(worker, drain) for worker in self._workers if worker is not None))
        self._store.changed = lambda arn: None
        if self._publisher is not None:
            await self._publisher
        await self._server.close(max(deadline - monotonic(), 0))
        self._directory.cleanup()

    async def _end(self, worker: _Worker, drain: float) -> None:
        deadline = monotonic() + drain + _GRACE
        with suppress(EOFError, TimeoutError):
            async with asyncio.timeout(drain + _GRACE):
                await worker.channel.tell({"stop": drain})
        await self._kill(worker, deadline - monotonic())

    async def _kill(self, worker: _Worker, patience: float) -> None:
        """Kill a worker that does not end by itself within `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                await worker.ended.wait()
        except TimeoutError:
            worker.process.kill()
            await worker.ended.wait()


def _unix_socket(path: str) -> socket.socket:
    """A listening socket for this user alone, by the permissions of its directory."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    one.bind(path)
    one.listen(BACKLOG)
    one.setblocking(False)
    return one


def _ending(process: BaseProcess) -> str:
    code = process.exitcode
    return f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
