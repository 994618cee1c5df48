"""A real endpoint on a real socket, in a thread of its own: what blocking clients talk to."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from express.api import Endpoint, HostPolicy, Limits, Server
from express.runtime.loops import run
from express.service import Account, Service

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from express.api.messages import Request, Response
    from express.tasks import Tasks

#: The account of the recordings.
ACCOUNT = Account("111111111111")


class Served:
    """An endpoint and what a test needs of it. `renew` gives it a new, empty service."""

    def __init__(self) -> None:
        self.url = ""
        self.service: Service
        self.server: Server
        self._endpoint: Endpoint
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    async def __call__(self, request: Request) -> Response:
        return await self._endpoint(request)

    async def serve(self, ready: threading.Event, limits: Limits | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with Server(self, limits=limits) as server:
            self.server, self.url = server, server.url
            ready.set()
            await self._stop.wait()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the endpoint's own loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    @contextmanager
    def renew(self, tasks: Tasks | None = None, **options: Any) -> Iterator[Service]:
        """A service for one test; it is closed behind it, its executions aborted."""
        service = Service(tasks, account=ACCOUNT, **options)
        self.call(service.__aenter__())
        self.service, self._endpoint = service, Endpoint(service, HostPolicy())
        try:
            yield service
        finally:
            self.call(service.close(0))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)


@contextmanager
def serving(limits: Limits | None = None) -> Iterator[Served]:
    """An endpoint, listening."""
    served, ready = Served(), threading.Event()
    thread = threading.Thread(target=lambda: run(served.serve(ready, limits)), name="endpoint")
    thread.start()
    assert ready.wait(30)
    try:
        yield served
    finally:
        served.stop()
        thread.join(30)


def make_client(url: str) -> Any:
    """boto3 as a user has it, save that nothing is tried twice."""
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1}, max_pool_connections=4)
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name=ACCOUNT.region,
        aws_access_key_id="dummy",
        aws_secret_access_key="dummy",
        config=config,
    )
