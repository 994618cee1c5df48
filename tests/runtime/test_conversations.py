"""Handlers that have suspended go on as if they were awaited."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.runtime.conversations import Suspended
from express.states.conversation import open_line
from tests.runtime.machines import compiled, each, machine, parallel, run_clean, task, turns

if TYPE_CHECKING:
    from express.types import JSON


async def later(outcome: Any) -> Any:
    await asyncio.sleep(1)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


@pytest.mark.parametrize("outcome", [None, 5, [1], ValueError("x"), asyncio.CancelledError("y")])
def test_a_suspended_coroutine_ends_as_awaited(outcome: Any) -> None:
    async def main() -> Any:
        line = open_line()
        async with express.Runtime() as runtime:
            try:
                return await Suspended(runtime, line, line.send(later(outcome)))
            except BaseException as error:  # noqa: BLE001 - the outcome is what is asked for
                return error

    assert run_clean(main()) is outcome


def test_a_suspended_coroutine_meets_a_cancellation() -> None:
    events: list[str] = []

    async def careful() -> str:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            events.append("cancelled")
            await asyncio.sleep(1)
            events.append("cleaned up")
        return "kept it"

    async def main() -> str:
        async def work() -> str:
            line = open_line()
            async with express.Runtime() as runtime:
                return await Suspended(runtime, line, line.send(careful()))  # type: ignore[no-any-return]

        working = asyncio.create_task(work())
        await asyncio.sleep(1)
        working.cancel()
        return await working

    assert run_clean(main()) == "kept it"
    assert events == ["cancelled", "cleaned up"]


def test_a_suspended_coroutine_nobody_awaits_is_closed() -> None:
    events: list[str] = []

    async def careful() -> None:
        try:
            await asyncio.sleep(9)
        finally:
            events.append("closed")

    async def main() -> None:
        line = open_line()
        suspended = Suspended(express.Runtime(), line, line.send(careful()))
        del line, suspended

    run_clean(main())
    assert events == ["closed"]


@pytest.mark.parametrize("fields", [{}, {"TimeoutSeconds": 60}], ids=["plain", "limited"])
def test_a_handler_that_has_caught_an_exception_is_out_of_it(fields: dict[str, Any]) -> None:
    async def main() -> express.Result:
        async def work(payload: JSON) -> JSON:
            lost = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(1, lost.set_exception, ConnectionError("gone"))
            with contextlib.suppress(ConnectionError):
                await lost
            assert sys.exc_info()[1] is None
            return "went on"

        async with express.Runtime() as runtime:
            return await runtime.execute(compiled(machine(A=task("work", **fields)), work=work))

    assert run_clean(main()).output == "went on"


FORKS = {
    "a Task": lambda fields: machine(A=task("stop", Next="B"), B=task("work", **fields)),
    "a Map": lambda fields: machine(A=each(machine(B=task("stop", Next="C"), C=task("work", **fields)))),
    "a Parallel": lambda fields: machine(A=parallel(machine(B=task("stop", Next="C"), C=task("work", **fields)))),
    "nested": lambda fields: machine(
        A=parallel(machine(B=parallel(machine(C=task("stop", Next="D"), D=task("work", **fields)))))
    ),
}


@pytest.mark.parametrize("make", FORKS.values(), ids=FORKS.keys())
@pytest.mark.parametrize("way", ["start", "start again", "execute", "map"])
@pytest.mark.parametrize("fields", [{}, {"TimeoutSeconds": 60}], ids=["plain", "limited"])
def test_a_handler_meets_the_stop_of_its_own_execution(make: Any, way: str, fields: dict[str, Any]) -> None:
    """Stopped by an earlier handler, before the execution could wait: a handler that has begun may clean up, one that
    has not never begins."""
    events: list[str] = []

    async def main() -> str:
        async with express.Runtime() as runtime:

            def stop(payload: JSON, context: express.TaskContext) -> JSON:
                runtime.stop(context.execution, "ABORTED", None, None)  # type: ignore[arg-type]
                return [1]

            async def work(payload: JSON) -> JSON:
                events.append("began")
                try:
                    await asyncio.sleep(9)
                except asyncio.CancelledError:
                    await asyncio.sleep(1)
                    events.append("cleaned up")
                    raise
                return payload

            workflow = compiled(make(fields), stop=stop, work=work)
            if way == "execute":
                return (await runtime.execute(workflow, [1])).status
            if way == "map":
                (status,) = [result.status async for result in runtime.map(workflow, [[1]])]
                return status
            if way == "start again":
                # The first start of a Runtime makes the task that stands by.
                await (await runtime.start(compiled(machine(A=task("work")), work=lambda payload: payload)))
                await turns()
            return (await (await runtime.start(workflow, [1]))).status

    assert run_clean(main()) == "ABORTED"
    assert events == ([] if fields else ["began", "cleaned up"])


@pytest.mark.parametrize("way", ["start", "map"])
def test_handlers_woken_by_an_exception_stand_in_line(way: str) -> None:
    per_turn: dict[float, int] = {}

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        lost = loop.create_future()
        ticks = 0

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            if ticks < 10_000:
                loop.call_soon(tick)

        async def work(number: int) -> JSON:
            if number == 99:
                loop.call_later(1, lost.set_exception, ConnectionError("gone"))
                loop.call_later(1, tick)
            try:
                return await asyncio.shield(lost)
            except ConnectionError:
                per_turn[ticks] = per_turn.get(ticks, 0) + 1
                return "lost"

        workflow = compiled(machine(A=task("work")), work=work)
        async with express.Runtime(max_in_flight=100) as runtime:
            if way == "map":
                return [str(result.output) async for result in runtime.map(workflow, range(100))]
            started = [await runtime.start(workflow, number) for number in range(100)]
            return [str((await execution).output) for execution in started]

    assert run_clean(main(), tick_ns=50_000) == ["lost"] * 100
    assert max(per_turn.values()) < 10
