"""An endpoint with real worker processes, and what their handlers do."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from express import Tasks
from express.api import Endpoint, HostPolicy
from express.api.workers import Owner, Plan
from express.service import Service
from express.service.replication import ReplicatedStore
from tests.api.exchanges import Answer, parse_answers, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from express.service.store import MemoryStore
    from express.types import JSON

ROLE = "arn:aws:iam::123456789012:role/r"
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine"


def task(function: str) -> dict[str, Any]:
    """A machine of one task."""
    resource = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
    return {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": resource, "End": True}}}


def constant(value: JSON) -> dict[str, Any]:
    """A machine that answers with a value."""
    return {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": value, "End": True}}}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does. It is looked for, hence the sleep: a file or a process tells nobody."""
    while not condition():  # noqa: ASYNC110 - as said above
        await asyncio.sleep(0.01)


async def pid(payload: JSON) -> JSON:
    return os.getpid()


async def wait_for_file(payload: Any) -> JSON:
    """Tell that it has begun, by making `PATH.begun`, and wait until there is `PATH`."""
    path = Path(payload)
    path.with_suffix(".begun").touch()
    await until(path.exists)
    return os.getpid()


async def block(payload: Any) -> JSON:
    """Hold up the loop."""
    Path(payload).touch()  # noqa: ASYNC240 - it blocks anyway
    time.sleep(600)  # noqa: ASYNC251 - what a handler must not do
    return None


async def die(payload: JSON) -> JSON:
    os._exit(3)


def make_service(max_in_flight: int, store: MemoryStore) -> Service:
    tasks = Tasks()
    for name, handler in (("Pid", pid), ("Wait", wait_for_file), ("Die", die), ("Block", block)):
        tasks.add(name, handler)
    return Service(tasks, store=store, extended=False, max_in_flight=max_in_flight)


def fail_to_start(store: MemoryStore) -> Service:
    raise ZeroDivisionError("no service")


@asynccontextmanager
async def owning(
    count: int,
    *,
    keys: Mapping[str, str] | None = None,
    max_in_flight: int = 100,
) -> AsyncIterator[Owner]:
    """An Owner that serves, on a free port."""
    store = ReplicatedStore()
    make = partial(make_service, max_in_flight)
    async with (
        make(store) as service,
        Owner(
            Endpoint(service, HostPolicy()), store, lambda path: Plan(make, path, ("localhost",), keys), count=count
        ) as owner,
    ):
        yield owner


class Client:
    """One connection; the kernel chooses the worker at its other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, owner: Owner) -> Client:
        return cls(*await asyncio.open_connection(owner.host, owner.port))

    async def ask(self, action: str, **parameters: Any) -> Answer:
        self._writer.write(post(orjson.dumps(parameters), b"X-Amz-Target: AWSStepFunctions." + action.encode()))
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        (answer,) = parse_answers(head + await self._reader.readexactly(length))
        return answer

    async def call(self, action: str, **parameters: Any) -> Any:
        answer = await self.ask(action, **parameters)
        assert answer.status == 200, answer.body
        return orjson.loads(answer.body)

    async def create(self, name: str, definition: dict[str, Any], **more: Any) -> str:
        request = {"name": name, "definition": json.dumps(definition), "roleArn": ROLE, "type": "EXPRESS", **more}
        arn: str = (await self.call("CreateStateMachine", **request))["stateMachineArn"]
        return arn

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def clients_of_all(owner: Owner) -> AsyncIterator[list[Client]]:
    """A client for each worker, in the order of the workers' process ids; there is a machine `pid` afterwards."""
    found: dict[int, Client] = {}
    try:
        first = await Client.to(owner)
        arn = await first.create("pid", task("Pid"))
        first.close()
        while len(found) < len(owner.processes):
            client = await Client.to(owner)
            at = int((await client.call("StartSyncExecution", stateMachineArn=arn))["output"])
            if found.setdefault(at, client) is not client:
                client.close()
        yield [found[at] for at in sorted(found)]
    finally:
        for client in found.values():
            client.close()
