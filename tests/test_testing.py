"""Virtual time: exact waits, an unhurried outside world, deadlocks told instead of suffered."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

import express
from express.testing import Deadlock, VirtualTimeLoop, run_virtual

if TYPE_CHECKING:
    from express.types import JSON

SECOND = 1_000_000_000
#: Real seconds that a thread here takes: enough to notice, too few to annoy.
SOON = 0.02


def waiting(seconds: int, count: int = 1) -> express.Workflow:
    """A workflow of `count` Wait states in a row."""
    states: dict[str, dict[str, object]] = {
        f"Wait{i}": {"Type": "Wait", "Seconds": seconds, "Next": f"Wait{i + 1}"} for i in range(count - 1)
    }
    states[f"Wait{count - 1}"] = {"Type": "Wait", "Seconds": seconds, "End": True}
    return express.compile({"StartAt": "Wait0", "States": states}, type="STANDARD")


async def executed(workflow: express.Workflow, *, limit: float = 99_999_999) -> express.Result:
    async with express.Runtime(execution_timeout=limit) as runtime:
        return await runtime.execute(workflow, {})


# --------------------------------------------------------------------------------------------------------------
# exactness


@pytest.mark.parametrize("delay", [1e-9, 1e-6, 0.001, 1 / 3, 0.1, 1, 59.999999999, 299.7, 86_400])
def test_sleep_takes_exactly_what_was_asked(virtual_loop: VirtualTimeLoop, delay: float) -> None:
    clock = virtual_loop.express_clock
    virtual_loop.run_until_complete(asyncio.sleep(0.1))  # so that the start is no round number
    before = clock.monotonic_ns()
    virtual_loop.run_until_complete(asyncio.sleep(delay))
    assert clock.monotonic_ns() - before == round(delay * SECOND)


def test_many_small_sleeps_add_up(virtual_loop: VirtualTimeLoop) -> None:
    async def tenths() -> None:
        for _ in range(3000):
            await asyncio.sleep(0.1)

    clock = virtual_loop.express_clock
    before = clock.monotonic_ns()
    virtual_loop.run_until_complete(tenths())
    assert clock.monotonic_ns() - before == 300 * SECOND


@pytest.mark.parametrize(("seconds", "count"), [(1, 1), (7, 40), (299, 1), (86_400, 3), (31_536_000, 1)])
def test_workflow_waits_are_metered_exactly(seconds: int, count: int) -> None:
    result = run_virtual(executed(waiting(seconds, count)))
    assert result.succeeded
    assert result.billing.duration_ns == seconds * count * SECOND


def test_jsonata_reads_the_clock_of_the_workflow() -> None:
    states = {
        "A": {"Type": "Wait", "Timestamp": "{% $fromMillis($millis() + 2000) %}", "Next": "B"},
        "B": {"Type": "Pass", "Output": "{% $now() %}", "End": True},
    }
    workflow = express.compile({"StartAt": "A", "QueryLanguage": "JSONata", "States": states})
    result = run_virtual(executed(workflow), now="2025-01-01T00:00:00Z")
    assert result.output == "2025-01-01T00:00:02.000Z"
    assert result.duration_ns == 2 * SECOND


def test_a_year_of_timers_ends(virtual_loop: VirtualTimeLoop) -> None:
    async def yearly() -> None:
        for _ in range(3):
            await asyncio.sleep(31_536_000.1)

    virtual_loop.run_until_complete(yearly())
    assert virtual_loop.time() == pytest.approx(1 + 3 * 31_536_000.1, abs=1e-6)


def test_timers_run_in_their_order(virtual_loop: VirtualTimeLoop) -> None:
    order: list[float] = []

    async def main() -> None:
        for delay in (3, 1, 2, 0.5):
            virtual_loop.call_later(delay, order.append, delay)
        virtual_loop.call_later(1.5, virtual_loop.call_soon, order.append, 1.5)
        virtual_loop.call_later(2.5, order.append, 2.5).cancel()
        await asyncio.sleep(4)

    virtual_loop.run_until_complete(main())
    assert order == [0.5, 1, 1.5, 2, 3]


def test_an_execution_times_out_after_its_five_minutes() -> None:
    result = run_virtual(executed(waiting(1000), limit=300))
    assert result.status == "TIMED_OUT"
    assert result.billing.duration_ns == 300 * SECOND


def test_running_code_takes_no_time() -> None:
    passing = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "End": True}}}
    assert run_virtual(executed(express.compile(passing))).billing.duration_ns == 0


def test_ticks_let_an_endless_loop_time_out() -> None:
    start = {"Type": "Wait", "Seconds": 1, "Next": "A"}
    loop = {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "End"}], "Default": "A"}
    machine = express.compile(
        {"StartAt": "Start", "States": {"Start": start, "A": loop, "End": {"Type": "Succeed"}}}, type="STANDARD"
    )
    result = run_virtual(executed(machine, limit=2), tick_ns=1_000_000)
    assert result.status == "TIMED_OUT"


# --------------------------------------------------------------------------------------------------------------
# wall time


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (None, "2025-01-01T00:00:05Z"),
        ("2020-02-29T23:59:58Z", "2020-03-01T00:00:03Z"),
        ("2020-03-01T00:59:58.5+01:00", "2020-03-01T00:00:03.500Z"),
        (1_700_000_000 * SECOND, "2023-11-14T22:13:25Z"),
    ],
)
def test_wall_time_starts_at_now_and_follows(now: str | int | None, expected: str) -> None:
    states = {
        "W": {"Type": "Wait", "Seconds": 5, "Next": "P"},
        "P": {"Type": "Pass", "Parameters": {"at.$": "$$.State.EnteredTime"}, "End": True},
    }
    workflow = express.compile({"StartAt": "W", "States": states})
    assert run_virtual(executed(workflow, limit=300), now=now).output == {"at": expected}


def test_now_must_be_a_time() -> None:
    with pytest.raises(ValueError, match="now must be ISO 8601"):
        VirtualTimeLoop("yesterday")


# --------------------------------------------------------------------------------------------------------------
# the outside world


def test_time_stands_still_while_a_thread_works() -> None:
    async def main() -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        asyncio.get_running_loop().call_later(1, lambda: None)
        before = loop.express_clock.monotonic_ns()
        await asyncio.to_thread(time.sleep, SOON)
        return "done", loop.express_clock.monotonic_ns() - before

    assert run_virtual(main()) == ("done", 0)


def test_a_blocking_handler_takes_no_time_and_waits_are_still_exact() -> None:
    tasks = express.Tasks()

    @tasks.task("work", blocking=True)
    def work(payload: JSON) -> JSON:
        time.sleep(SOON)
        return payload

    states = {
        "Work": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:work", "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 2, "End": True},
    }
    result = run_virtual(executed(express.compile({"StartAt": "Work", "States": states}, tasks), limit=300))
    assert result.output == {}
    assert result.billing.duration_ns == 2 * SECOND


def test_a_thread_that_outlasts_a_timer_loses() -> None:
    release = threading.Event()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON):
                await asyncio.to_thread(release.wait)
        release.set()

    run_virtual(main())


def test_call_soon_threadsafe_from_a_thread_of_ones_own() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        answer: asyncio.Future[str] = loop.create_future()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(answer.set_result, "here"))
        with loop.holding():
            thread.start()
            return await answer

    assert run_virtual(main()) == "here"


def test_streams_work_and_arrive_before_time_moves() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()

    async def main() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            async with asyncio.timeout(60):
                line = await reader.read()
            writer.close()
            await writer.wait_closed()
            return line

    assert run_virtual(main()) == b"hello\n"


# --------------------------------------------------------------------------------------------------------------
# deadlocks


def test_a_deadlock_names_who_waits_and_where() -> None:
    async def forgotten() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        waiting = asyncio.create_task(forgotten(), name="the forgotten one")
        await waiting

    with pytest.raises(Deadlock, match=r"the forgotten one in .*forgotten \(.*test_testing\.py:\d+\)"):
        run_virtual(main())


def test_a_timer_is_no_deadlock(virtual_loop: VirtualTimeLoop) -> None:
    future: asyncio.Future[str] = virtual_loop.create_future()
    virtual_loop.call_later(3600, future.set_result, "late")
    assert virtual_loop.run_until_complete(future) == "late"
