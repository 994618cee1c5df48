"""The listening side with real sockets: addresses, many clients, and a shutdown that loses no answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from express.api import Limits, Server
from express.api.messages import Request, Response
from tests.api.exchanges import Answer, echo, parse_answers, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    (answer,) = parse_answers(head + await reader.readexactly(length))
    return answer


async def test_clients_side_by_side() -> None:
    async def talk(server: Server, number: int) -> list[bytes]:
        async with connected(server) as (reader, writer):
            bodies = []
            for turn in range(20):
                writer.write(post(b"%d-%d" % (number, turn)))
                bodies.append((await read_answer(reader)).body)
            return bodies

    async with Server(echo) as server:
        found = await asyncio.gather(*(talk(server, number) for number in range(50)))
    assert found == [[b"%d-%d" % (number, turn) for turn in range(20)] for number in range(50)]


async def test_a_big_answer_reaches_a_slow_reader_whole() -> None:
    async def big(request: Request) -> Response:
        return Response(200, b"x" * 5_000_000)

    async with Server(big) as server, connected(server) as (reader, writer):
        writer.write(post() + post())
        assert len((await read_answer(reader)).body) == 5_000_000
        assert len((await read_answer(reader)).body) == 5_000_000


async def test_a_refused_client_that_sends_on_still_gets_its_answer() -> None:
    async with Server(echo, limits=Limits(body=1000)) as server, connected(server) as (reader, writer):
        writer.write(post(b"x" * 500_000))
        answer = await read_answer(reader)
        assert (answer.status, answer.error) == (413, "RequestEntityTooLargeException")
        assert await reader.read() == b""


async def test_draining_answers_what_has_arrived_and_takes_nothing_more() -> None:
    gate = asyncio.Event()
    begun = asyncio.Event()

    async def wait(request: Request) -> Response:
        begun.set()
        await gate.wait()
        return Response(200, request.body)

    async with Server(wait) as server, connected(server) as (reader, writer), connected(server) as (idle, _):
        writer.write(post(b"1"))
        await begun.wait()
        closing = asyncio.create_task(server.close(30))
        assert await idle.read() == b""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(server.host, server.port)
        gate.set()
        answer = await read_answer(reader)
        assert (answer.body, answer.headers["connection"]) == (b"1", "close")
        await closing


async def test_draining_ends_when_its_time_is_up() -> None:
    begun = asyncio.Event()

    async def never(request: Request) -> Response:
        begun.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")

    async with Server(never) as server, connected(server) as (reader, writer):
        writer.write(post(b"1"))
        await begun.wait()
        assert server.connections == 1
        await server.close(0.01)
        assert await reader.read() == b""


async def test_an_address_in_use_is_an_error_of_the_system() -> None:
    async with Server(echo) as server:
        with pytest.raises(OSError, match="in use"):
            await Server(echo, port=server.port).__aenter__()


def test_urls() -> None:
    assert Server(echo, "::1", 80).url == "http://[::1]:80"
    assert Server(echo, "127.0.0.1", 8083).url == "http://127.0.0.1:8083"
