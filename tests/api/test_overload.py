"""More than an endpoint takes: what is accepted is answered with its result, everything else is refused in AWS's form."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from express import Tasks
from express.api import Endpoint, HostPolicy, Limits, Server
from express.api.descriptors import room_for_connections
from express.service import Service
from tests.api.exchanges import Answer, parse_answers, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from express.types import JSON

ROLE = "arn:aws:iam::123456789012:role/r"
RESOURCE = "arn:aws:lambda:us-east-1:123456789012:function:Work"
TASK = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": RESOURCE, "End": True}}})
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
TARGET = b"X-Amz-Target: AWSStepFunctions.StartSyncExecution"


class Gate:
    """A handler whose work ends when the gate is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.begun: list[JSON] = []
        self._wanted: list[tuple[int, asyncio.Event]] = []

    async def __call__(self, payload: JSON) -> JSON:
        self.begun.append(payload)
        for count, event in self._wanted:
            if len(self.begun) == count:
                event.set()
        await self.open.wait()
        return payload

    async def until(self, count: int) -> None:
        """Wait until so many executions have come to it."""
        event = asyncio.Event()
        self._wanted.append((count, event))
        if len(self.begun) < count:
            await event.wait()


@asynccontextmanager
async def serving(gate: Gate, max_in_flight: int, **limits: Any) -> AsyncIterator[tuple[Service, Server]]:
    tasks = Tasks()
    tasks.add("Work", gate.__call__)
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(Service(tasks, max_in_flight=max_in_flight))
        await service.catalogue.create({"name": "m", "definition": TASK, "roleArn": ROLE, "type": "EXPRESS"})
        endpoint = Endpoint(service, HostPolicy())
        yield service, await stack.enter_async_context(Server(endpoint, limits=Limits(**limits)))


def start(number: int) -> bytes:
    return post(orjson.dumps({"stateMachineArn": MACHINE, "input": str(number)}), TARGET)


async def answers_on(server: Server, request: bytes) -> list[Answer]:
    """Everything one connection gets until it is closed."""
    return await talk(*await asyncio.open_connection(server.host, server.port), request)


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> list[Answer]:
    writer.write(request)
    writer.write_eof()
    data = await reader.read(-1)
    writer.close()
    return parse_answers(data)


def outcomes(answers: list[Answer]) -> Counter[str]:
    """How many of each: `200 SUCCEEDED`, `400 ThrottlingException`."""
    bodies = [(answer.status, orjson.loads(answer.body)) for answer in answers]
    return Counter(f"{status} {body.get('status') or body['__type']}" for status, body in bodies)


@pytest.mark.slow
async def test_five_thousand_at_once_where_a_hundred_may_run() -> None:
    gate = Gate()
    clients = 5_000
    if room_for_connections(2 * clients) < 2 * clients:
        pytest.skip(f"{2 * clients} sockets are more than the system gives one process")
    async with serving(gate, 100, connections=clients) as (service, server):
        # No more of them knock at once than the kernel keeps waiting.
        opening = asyncio.Semaphore(200)

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            async with opening:
                return await asyncio.open_connection(server.host, server.port)

        connected = await asyncio.gather(*(connect() for _ in range(clients)))
        asked = [asyncio.create_task(talk(*one, start(number))) for number, one in enumerate(connected)]
        await gate.until(100)
        refused = asyncio.as_completed(asked)
        for _ in range(clients - 100):
            await next(refused)
        assert len(gate.begun) == 100
        gate.open.set()
        answers = [answer for one in await asyncio.gather(*asked) for answer in one]
        assert outcomes(answers) == {"200 SUCCEEDED": 100, "400 ThrottlingException": 4_900}
        succeeded = [orjson.loads(answer.body) for answer in answers if answer.status == 200]
        assert sorted(int(body["output"]) for body in succeeded) == sorted(map(int, gate.begun))
        assert len({body["executionArn"] for body in succeeded}) == 100
        assert service.runtimes[0].throttled == 4_900
        (answer,) = await answers_on(server, start(1))
        assert outcomes([answer]) == {"200 SUCCEEDED": 1}


async def test_a_throttled_request_is_what_the_sdks_retry() -> None:
    gate = Gate()
    async with serving(gate, 1) as (_, server):
        first = asyncio.create_task(answers_on(server, start(1)))
        await gate.until(1)
        (second,) = await answers_on(server, start(2))
        assert (second.status, second.headers["content-type"]) == (400, "application/x-amz-json-1.0")
        assert orjson.loads(second.body) == {"__type": "ThrottlingException", "message": "Rate exceeded"}
        gate.open.set()
        assert outcomes(await first) == {"200 SUCCEEDED": 1}


async def test_more_clients_than_there_is_room_for() -> None:
    gate = Gate()
    async with serving(gate, 100, connections=3) as (_, server):
        asked = [asyncio.create_task(answers_on(server, start(number))) for number in range(3)]
        await gate.until(3)
        for _ in range(5):
            (turned_away,) = await answers_on(server, b"")
            assert (turned_away.status, turned_away.error) == (503, "ServiceUnavailable")
        gate.open.set()
        answers = [answer for one in await asyncio.gather(*asked) for answer in one]
        assert outcomes(answers) == {"200 SUCCEEDED": 3}
        assert outcomes(await answers_on(server, start(9))) == {"200 SUCCEEDED": 1}


async def test_garbage_behind_good_requests_takes_nothing_from_them() -> None:
    gate = Gate()
    gate.open.set()
    async with serving(gate, 100) as (_, server):
        answers = await answers_on(server, start(1) + start(2) + b"\x00\xffgarbage\r\n\r\n" + start(3))
    assert outcomes(answers) == {"200 SUCCEEDED": 2, "400 MalformedHttpRequestException": 1}
    assert gate.begun == [1, 2]


@pytest.mark.parametrize("cut", [1, 30, -1], ids=["in the first line", "in the head", "in the body"])
async def test_a_request_that_breaks_off_is_never_carried_out(cut: int) -> None:
    gate = Gate()
    gate.open.set()
    async with serving(gate, 100) as (_, server):
        assert await answers_on(server, start(1) + start(2)[:cut]) != []
        assert gate.begun == [1]
        assert outcomes(await answers_on(server, start(3))) == {"200 SUCCEEDED": 1}
        while server.connections:  # noqa: ASYNC110 - the kernel tells of the end in its own time
            await asyncio.sleep(0)


@pytest.mark.slow
async def test_clients_that_send_slowly_are_ended_and_hold_up_nobody() -> None:
    gate = Gate()
    gate.open.set()
    async with serving(gate, 100, arrival=0.2) as (_, server):
        slow = [await asyncio.open_connection(server.host, server.port) for _ in range(50)]
        for number, (_, writer) in enumerate(slow):
            writer.write(start(number)[: 20 if number % 2 else -1])
        assert outcomes(await answers_on(server, start(1))) == {"200 SUCCEEDED": 1}
        ends = [parse_answers(await reader.read(-1)) for reader, _ in slow]
        for _, writer in slow:
            writer.close()
    assert outcomes([answer for answers in ends for answer in answers]) == {"408 RequestTimeoutException": 50}
    assert gate.begun == [1]


@pytest.mark.slow
async def test_stopping_under_load_answers_everything_that_was_accepted() -> None:
    """Clients go on asking while the endpoint is told to stop. Each request gets its whole answer, or none at all
    because it was never taken; as many were carried out as were answered."""
    gate = Gate()
    gate.open.set()
    answered: list[Answer] = []
    partial: list[bytes] = []

    async def client(server: Server, number: int) -> None:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        try:
            while True:
                writer.write(start(number))
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
                answered.extend(parse_answers(head + await reader.readexactly(length)))
        except asyncio.IncompleteReadError as error:
            partial.append(error.partial)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with serving(gate, 1_000) as (service, server):
        clients = [asyncio.create_task(client(server, number)) for number in range(200)]
        while len(answered) < 500:  # noqa: ASYNC110 - load goes on meanwhile
            await asyncio.sleep(0)
        await server.close(10)
        await service.close(10)
        await asyncio.gather(*clients)
    assert outcomes(answered) == {"200 SUCCEEDED": len(gate.begun)}
    assert len(answered) >= 500
    assert set(partial) <= {b""}
