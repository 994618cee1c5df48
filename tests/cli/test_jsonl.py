"""Lines in and out: cutting, numbering, refusing, bounds, and errors of the files themselves."""

from __future__ import annotations

import asyncio
import io
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.cli.jsonl import CHUNK, FAIRNESS, MAX_LINE, ROOM, Event, EventReader, LineSplitter, LineWriter
from express.cli.status import CommandError


class Pieces:
    """A file that gives its content in the pieces it was made of, and counts them."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        self.taken += 1
        return self.pieces.pop(0) if self.pieces else b""

    def fileno(self) -> int:
        raise AssertionError("only a file that has nothing yet is waited for")


async def events_of(*pieces: bytes) -> list[Event]:
    return [event async for event in EventReader(Pieces(*pieces))]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([b'{"a":1}\n[2]\n"x"\n'], [(1, {"a": 1}), (2, [2]), (3, "x")], id="any JSON value"),
        pytest.param([b'{"a":', b"1}", b"\n2"], [(1, {"a": 1}), (2, 2)], id="cut anywhere, no last newline"),
        pytest.param([b"\n\n 1\n  \n2\n\n"], [(3, 1), (5, 2)], id="blank lines count but give nothing"),
        pytest.param([b"1\r\n2\r\n"], [(1, 1), (2, 2)], id="CRLF"),
        pytest.param([b"\xef\xbb\xbf1\n2\n"], [(1, 1), (2, 2)], id="byte order mark"),
        pytest.param([b"\xef", b"\xbb\xbf1\n2\n"], [(1, 1), (2, 2)], id="byte order mark cut"),
        pytest.param([b"\xef\xbb\xbf\n2\n"], [(2, 2)], id="byte order mark and nothing more on its line"),
        pytest.param(['"é'.encode()[:2], 'é"\n'.encode()[1:]], [(1, "é")], id="cut inside a character"),
        pytest.param([b"null\nfalse\n"], [(1, None), (2, False)], id="null is a value"),
        pytest.param([], [], id="empty"),
    ],
)
async def test_lines(pieces: list[bytes], expected: list[tuple[int, object]]) -> None:
    events = await events_of(*pieces)
    assert [(event.line, event.value) for event in events] == expected
    assert all(event.problem is None for event in events)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "not valid JSON: "),
        (b'{"a": nope}', "column 7"),
        (b"{'a': 1}", "column 2"),
        (b"NaN", "not valid JSON: "),
        (b"1 2", "column 3"),
        (b'"\xff"', "UTF-8"),
        (b"[" * 100_000, "not valid JSON: "),
        (b"x" * (MAX_LINE + 1), f"longer than {MAX_LINE} bytes"),
    ],
)
async def test_a_broken_line_is_reported_and_the_next_is_read(line: bytes, problem: str) -> None:
    first, second = await events_of(line + b"\n", b"2\n")
    assert first.line == 1
    assert first.problem is not None
    assert problem in first.problem
    assert second == Event(2, 2)


@given(st.binary(max_size=60), st.lists(st.integers(1, 8), max_size=30))
def test_where_the_chunks_end_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    def cut(max_line: int) -> list[bytes | None]:
        splitter, rest, lines = LineSplitter(max_line), data, []
        for size in cuts:
            lines += splitter.feed(rest[:size])
            rest = rest[size:]
        return [*lines, *splitter.feed(rest), *splitter.finish()]

    whole: list[bytes | None] = [*data.split(b"\n")]
    if whole[-1] == b"":
        whole.pop()
    assert cut(1_000) == whole
    assert cut(5) == [None if line is None or len(line) > 5 else line for line in whole]


async def test_a_long_line_is_not_kept() -> None:
    splitter = LineSplitter(10)
    for _ in range(1_000):
        assert splitter.feed(b"x" * 100) == []
        assert splitter._rest == b""
    assert splitter.feed(b"x\n1\n") == [None, b"1"]


async def test_the_reader_stays_two_chunks_ahead() -> None:
    file = Pieces(*(b"1\n" for _ in range(100)))
    reader = aiter(EventReader(file))
    for _ in range(10):
        await anext(reader)
    assert file.taken <= 12
    await reader.aclose()  # type: ignore[attr-defined]


async def test_a_chunk_of_many_short_lines_does_not_hold_up_the_loop() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    assert len(await events_of(b"x\n" * (CHUNK // 2))) == CHUNK // 2
    counting.cancel()
    assert turns >= CHUNK // 2 // FAIRNESS


async def test_an_error_of_the_file_reaches_the_consumer() -> None:
    class Failing(Pieces):
        def read(self, size: int, /) -> bytes:
            assert size == CHUNK
            raise OSError(5, "Input/output error")

    with pytest.raises(CommandError, match=r"cannot read orders\.jsonl: Input/output error"):
        await anext(aiter(EventReader(Failing(), "orders.jsonl")))


async def test_a_pipe_set_to_non_blocking_is_waited_for() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with io.FileIO(reading) as file, io.FileIO(writing, "w") as other_end:
        events = aiter(EventReader(file))
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        other_end.write(b"1\n2")
        assert await first == Event(1, 1)
        other_end.close()
        assert await anext(events) == Event(2, 2)


class Target:
    """A file that can be held up."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.open = threading.Event()
        self.open.set()

    def write(self, data: bytes, /) -> object:
        self.open.wait(5)
        self.writes.append(data)
        return len(data)

    def flush(self) -> object:
        return None


async def test_lines_gather_into_batches_and_none_is_lost() -> None:
    target = Target()
    async with LineWriter(target) as writer:
        for number in range(1_000):
            writer.write(b"%d\n" % number)
            if number % 100 == 0:
                await asyncio.sleep(0)
    assert b"".join(target.writes) == b"".join(b"%d\n" % number for number in range(1_000))
    assert len(target.writes) < 20


async def test_a_slow_target_makes_the_producer_wait() -> None:
    """One batch is stuck in the target, one more may gather; then there is no more room."""
    target = Target()
    target.open.clear()
    async with LineWriter(target) as writer:
        for _ in range(2):
            while not writer.full:
                writer.write(b"x" * 1_023 + b"\n")
            assert writer._size <= ROOM + 1_024
            drained = asyncio.create_task(writer.drain())
            await asyncio.sleep(0)
        assert not drained.done()
        target.open.set()
        await drained
        assert not writer.full


async def test_a_target_that_went_away_is_reported_by_drain_and_on_leaving() -> None:
    class Gone(Target):
        def write(self, data: bytes, /) -> object:
            raise BrokenPipeError(32, "Broken pipe")

    writer = await LineWriter(Gone()).__aenter__()
    writer.write(b"x" * (ROOM + 1))
    with pytest.raises(BrokenPipeError):
        await writer.drain()
    assert writer.full
    with pytest.raises(BrokenPipeError):
        await writer.__aexit__(None, None, None)


async def test_a_target_that_fails_is_reported_to_who_waits_for_something_else() -> None:
    class Full(Target):
        def write(self, data: bytes, /) -> object:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        async with LineWriter(Full()) as writer:
            writer.write(b"1\n")
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
