"""HTTP on a connection: what is answered, in which order, what is refused, what ends the connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.api.messages import Request, Response
from express.api.wire import Connection, Limits
from tests.api.exchanges import Wire, echo, parse_answers, post
from tests.api.fuzzing import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A point in time at which every deadline has passed.
MUCH_LATER = 1e12
SMALL = Limits(head=300, body=100, connections=2)
CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_keep_alive_answers_one_request_after_another() -> None:
    wire = Wire(echo)
    wire.send(post(b'{"a":1}'))
    await wire.answers()
    wire.send(post(b'{"a":2}'))
    answers = await wire.answers()
    assert [answer.body for answer in answers] == [b'{"a":1}', b'{"a":2}']
    assert [answer.headers["x-amzn-requestid"] for answer in answers] == ["id-0", "id-1"]
    assert {answer.headers["content-type"] for answer in answers} == {"application/x-amz-json-1.0"}
    assert not wire.closed()


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_a_request_may_arrive_in_pieces(size: int) -> None:
    wire = Wire(echo)
    data = post(b'{"a":"' + b"x" * 50 + b'"}')
    wire.send(*(data[start : start + size] for start in range(0, len(data), size)))
    (answer,) = await wire.answers()
    assert answer.body == data.partition(b"\r\n\r\n")[2]


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    gates = {b"1": asyncio.Event(), b"2": asyncio.Event(), b"3": asyncio.Event()}
    running: list[bytes] = []

    async def wait(request: Request) -> Response:
        running.append(request.body)
        await gates[request.body].wait()
        return Response(200, request.body)

    wire = Wire(wait)
    wire.send(post(b"1") + post(b"2") + post(b"3"))
    for gate in reversed(gates.values()):
        gate.set()
    assert [answer.body for answer in await wire.answers()] == [b"1", b"2", b"3"]
    assert running == [b"1", b"2", b"3"]


async def test_nothing_is_read_while_requests_wait_their_turn() -> None:
    gate = asyncio.Event()

    async def wait(request: Request) -> Response:
        await gate.wait()
        return Response(200, request.body)

    wire = Wire(wait)
    wire.send(post(b"1"))
    await wire.answers()
    assert wire.reads()
    wire.send(post(b"2"))
    assert not wire.reads()
    gate.set()
    assert len(await wire.answers()) == 2
    assert wire.reads()


async def test_many_pipelined_requests_neither_nest_nor_hold_up_the_loop() -> None:
    wire = Wire(echo)
    wire.send(post(b"{}") * 800)
    turns = 0
    while wire.transport.written.count(b"HTTP/1.1 200 OK") < 800:
        await asyncio.sleep(0)
        turns += 1
    assert turns > 30


@pytest.mark.parametrize("sizes", [[5], [1, 2, 3], [40, 40]])
async def test_chunked_bodies(sizes: list[int]) -> None:
    wire = Wire(echo)
    chunks = [b"x" * size for size in sizes]
    wire.send(CHUNKED, *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks), b"0\r\nTrailer: ignored\r\n\r\n")
    (answer,) = await wire.answers()
    assert answer.body == b"".join(chunks)
    assert b"trailer" not in wire.requests[0].headers


async def test_a_client_that_waits_for_leave_gets_it() -> None:
    wire = Wire(echo)
    head, _, body = post(b'{"a":1}', b"Expect: 100-continue").partition(b"\r\n\r\n")
    wire.send(head + b"\r\n\r\n")
    assert wire.transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(body)
    assert [answer.body for answer in await wire.answers()] == [b'{"a":1}']


async def test_a_client_that_would_send_too_much_gets_no_leave() -> None:
    wire = Wire(echo, SMALL)
    wire.send(post(b"z" * 101, b"Expect: 100-continue").partition(b"z")[0])
    (answer,) = await wire.answers()
    assert (answer.status, answer.error) == (413, "RequestEntityTooLargeException")


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
        post(b"{}", b"Connection: close"),
        b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
async def test_a_last_answer_closes_the_connection(data: bytes) -> None:
    wire = Wire(echo)
    wire.send(data)
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.transport.written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in wire.transport.written
    assert wire.closed()


async def test_a_client_that_has_sent_all_still_gets_its_answers() -> None:
    wire = Wire(echo)
    gate = asyncio.Event()

    async def wait(request: Request) -> Response:
        await gate.wait()
        return Response(200, request.body)

    wire = Wire(wait)
    wire.send(post(b"1"))
    assert wire.connection.eof_received()
    gate.set()
    assert [answer.body for answer in await wire.answers()] == [b"1"]
    assert wire.closed()


async def test_an_idle_client_that_has_sent_all_is_let_go() -> None:
    assert not Wire(echo).connection.eof_received()


REFUSED = [
    (b"garbage\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "MalformedHttpRequestException"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", 400, "MalformedHttpRequestException"),
    (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"), 400, "MalformedHttpRequestException"),
    (CHUNKED + b"zz\r\n", 400, "MalformedHttpRequestException"),
    (post(b"{}", b"Upgrade: websocket", b"Connection: upgrade"), 400, "MalformedHttpRequestException"),
    (b"CONNECT evil:80 HTTP/1.1\r\nHost: evil:80\r\n\r\n", 400, "MalformedHttpRequestException"),
    (post(b"x" * 101), 413, "RequestEntityTooLargeException"),
    (post(b"{}").replace(b": 2", b": 9999999999999999"), 413, "RequestEntityTooLargeException"),
    (post(b"{}").replace(b": 2", b": 99999999999999999999"), 400, "MalformedHttpRequestException"),
    (CHUNKED + b"40\r\n" + b"x" * 64 + b"\r\n40\r\n" + b"x" * 64 + b"\r\n", 413, "RequestEntityTooLargeException"),
    (post(b"{}", b"X-Long: " + b"x" * 300), 431, "RequestEntityTooLargeException"),
    (b"POST / HTTP/1.1\r\nX-Endless: " + b"x" * 300, 431, "RequestEntityTooLargeException"),
    (b"POST /" + b"x" * 300, 431, "RequestEntityTooLargeException"),
    (CHUNKED + b"1\r\nx\r\n" * 90 + b"1;" + b"x" * 500, 413, "RequestEntityTooLargeException"),
]


@pytest.mark.parametrize("size", [1, 7, 150, 299, 10_000])
@pytest.mark.parametrize(("long", "refused"), [(150, False), (290, True)])
async def test_the_size_of_a_head_counts_however_it_arrives(size: int, long: int, refused: bool) -> None:
    """Also behind other requests, and cut in any place."""
    wire = Wire(echo, SMALL)
    data = post(b"1") * 3 + post(b"2", b"X-Long: " + b"x" * long)
    for start in range(0, len(data), size):
        wire.send(data[start : start + size])
        await wire.answers()
    *good, last = await wire.answers()
    assert [answer.body for answer in good] == [b"1"] * 3
    assert last.status == (431 if refused else 200)


@pytest.mark.parametrize(("data", "status", "error"), REFUSED)
async def test_what_is_refused_ends_the_connection(data: bytes, status: int, error: str) -> None:
    wire = Wire(echo, SMALL)
    wire.send(data, post())
    answers = await wire.answers()
    assert (answers[-1].status, answers[-1].error) == (status, error)
    assert answers[-1].headers["connection"] == "close"
    assert wire.transport.half_closed
    wire.connection.overdue(MUCH_LATER)
    assert wire.closed()


async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    wire = Wire(echo)
    wire.send(post(b"1") + b"garbage\r\n\r\n")
    answers = await wire.answers()
    assert [answer.status for answer in answers] == [200, 400]


async def test_more_connections_than_allowed_are_turned_away() -> None:
    pool: set[Connection] = set()
    kept = [Wire(echo, SMALL, pool) for _ in range(2)]
    turned_away = Wire(echo, SMALL, pool)
    (answer,) = await turned_away.answers()
    assert (answer.status, answer.error) == (503, "ServiceUnavailable")
    assert turned_away.transport.closed
    kept[0].connection.connection_lost(None)
    assert not Wire(echo, SMALL, pool).transport.closed


# ---------------------------------------------------------------------------------------------------------- deadlines


async def test_a_request_that_does_not_arrive_in_time_is_refused() -> None:
    wire = Wire(echo)
    wire.send(post(b"{}")[:-1])
    wire.connection.overdue(0)
    assert wire.transport.written == b""
    wire.connection.overdue(MUCH_LATER)
    (answer,) = await wire.answers()
    assert (answer.status, answer.error) == (408, "RequestTimeoutException")


async def test_a_connection_that_idles_is_closed() -> None:
    wire = Wire(echo)
    wire.send(post())
    await wire.answers()
    wire.connection.overdue(0)
    assert not wire.closed()
    wire.connection.overdue(MUCH_LATER)
    assert wire.closed()
    assert not wire.transport.aborted


async def test_a_request_that_is_being_answered_may_take_its_time() -> None:
    gate = asyncio.Event()

    async def wait(request: Request) -> Response:
        await gate.wait()
        return Response(200, b"{}")

    wire = Wire(wait)
    wire.send(post())
    await wire.answers()
    wire.connection.overdue(MUCH_LATER)
    assert not wire.closed()
    gate.set()
    assert len(await wire.answers()) == 1


async def test_a_client_that_does_not_read_its_answers_is_cut_off() -> None:
    wire = Wire(echo)
    wire.connection.pause_writing()
    wire.send(post(b"1") + post(b"2"))
    assert [answer.body for answer in await wire.answers()] == [b"1"]
    wire.connection.overdue(MUCH_LATER)
    assert wire.transport.aborted


async def test_a_client_that_reads_on_gets_the_rest() -> None:
    wire = Wire(echo)
    wire.connection.pause_writing()
    wire.send(post(b"1") + post(b"2"))
    await wire.answers()
    wire.connection.resume_writing()
    assert [answer.body for answer in await wire.answers()] == [b"1", b"2"]


async def test_a_client_that_has_gone_costs_nothing_more() -> None:
    gate = asyncio.Event()

    async def wait(request: Request) -> Response:
        await gate.wait()
        return Response(200, b"{}")

    wire = Wire(wait)
    wire.send(post() * 3)
    await wire.answers()
    wire.transport.close()
    wire.connection.connection_lost(None)
    gate.set()
    assert await wire.answers() == []
    assert len(wire.requests) == 1
    assert wire.pool == set()


@pytest.mark.parametrize("busy", [True, False])
async def test_finishing_answers_what_is_being_made(busy: bool) -> None:
    gate = asyncio.Event()

    async def wait(request: Request) -> Response:
        await gate.wait()
        return Response(200, b"{}")

    wire = Wire(wait)
    wire.send(post() if busy else post()[:-1])
    await wire.answers()
    wire.connection.finish()
    assert wire.closed() is not busy
    gate.set()
    assert len(await wire.answers()) == busy
    assert wire.closed()


# --------------------------------------------------------------------------------------------------------------- fuzz

PIECES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            post(b'{"a":1}'),
            post(b"{}", b"Connection: close"),
            CHUNKED,
            b"5\r\nhello\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\n",
            b"Host: localhost\r\n",
            b"Content-Length: 5\r\n",
            b"Expect: 100-continue\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"\r\n\r\n",
            b"HEAD / HTTP/1.1\r\n\r\n",
            b"x" * 400,
        ]
    ),
)


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    start = 0
    for place in sorted(place % (len(data) + 1) for place in places):
        yield data[start:place]
        start = place
    yield data[start:]


@pytest.mark.slow
@thorough(300)
@given(st.lists(PIECES, max_size=8).map(b"".join), st.lists(st.integers(0, 5000), max_size=6))
def test_whatever_arrives_is_answered_in_form_or_not_at_all(data: bytes, places: list[int]) -> None:
    async def scene() -> None:
        wire = Wire(echo, SMALL)
        wire.send(*filter(None, cut(data, places)))
        for _ in range(30):
            await asyncio.sleep(0)
        written = wire.transport.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        answers = parse_answers(written)
        assert {answer.status for answer in answers} <= {200, 400, 413, 431}
        for answer in answers:
            if answer.status != 200:
                assert answer.error in ("MalformedHttpRequestException", "RequestEntityTooLargeException")
        wire.connection.overdue(MUCH_LATER)
        await asyncio.sleep(0)
        wire.connection.overdue(MUCH_LATER)
        wire.connection.connection_lost(None)
        assert wire.closed()
        assert wire.pool == set()

    asyncio.run(scene())
