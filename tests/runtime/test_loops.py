"""Loops: uvloop where it is installed, asyncio where not, and the one an application already runs."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

import express
from express.runtime import loops
from express.runtime.clock import SystemClock, clock_of
from express.testing import VirtualTimeLoop
from tests.runtime.machines import catching, compiled, each, machine, parallel, state, task, turns, wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON


async def later(payload: JSON) -> JSON:
    await asyncio.sleep(0.001)
    return payload


async def fails(payload: JSON) -> None:
    await asyncio.sleep(0)
    raise express.TaskError("X", "c")


FORKS = machine(
    A=parallel(machine(B=task("later")), machine(C=each(machine(D=task("later")))), machine(N=wait(0)), Next="E"),
    E=parallel(machine(F=task("fails")), machine(G=wait(100)), Catch=catching("X", to="H", ResultPath="$[2]")),
    H=wait(0, Next="I"),
    I=state("Pass", Parameters={"all.$": "$"}),
)
EXPECTED = {"all": [[1, 2], [1, 2], {"Error": "X", "Cause": "c"}]}


def workflow() -> express.Workflow:
    return compiled(FORKS, later=later, fails=fails)


async def everything() -> list[JSON]:
    """Each way once."""
    outputs = []
    async with express.Runtime() as runtime:
        outputs.append((await runtime.execute(workflow(), [1, 2])).unwrap())
        outputs.append((await (await runtime.start(workflow(), [1, 2]))).unwrap())
        outputs += [result.unwrap() async for result in runtime.map(workflow(), [[1, 2]] * 3)]
    return outputs


@pytest.mark.parametrize(
    "new_loop",
    [uvloop.new_event_loop, asyncio.new_event_loop, VirtualTimeLoop],
    ids=["uvloop", "asyncio", "virtual"],
)
@pytest.mark.parametrize("debug", [False, True], ids=["plain", "debug"])
def test_every_loop(new_loop: Callable[[], asyncio.AbstractEventLoop], debug: bool) -> None:
    with asyncio.Runner(loop_factory=new_loop, debug=debug) as runner:
        assert runner.run(everything()) == [EXPECTED] * 5


def test_run_is_on_uvloop() -> None:
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert express.run(main()) == "uvloop"


async def test_run_in_a_running_loop_is_refused_without_warnings() -> None:
    """Any warning would be an error here: of a coroutine that nobody has awaited, or of the loop's own."""
    begun = False

    async def main() -> None:
        nonlocal begun
        begun = True

    coroutine = main()
    with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
        express.run(coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
    gc.collect()
    assert not begun


def test_run_is_on_asyncio_where_there_is_no_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__

    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert express.run(main()).startswith("asyncio")


@pytest.mark.parametrize("eager", [False, True] if loops.EAGER else [False])
def test_tasks_start_at_once_where_they_can(eager: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "EAGER", eager)
    started: list[str] = []

    async def job() -> None:
        started.append("started")

    async def main() -> list[str]:
        spawned = loops.spawn(asyncio.get_running_loop(), job())
        before = [*started]
        await spawned
        return before

    assert asyncio.run(main()) == (["started"] if eager else [])


async def test_inside_the_loop_of_an_application() -> None:
    """The application's own tasks go on beside it."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticker = asyncio.create_task(tick())
    async with express.Runtime() as runtime:
        result = await runtime.execute(workflow(), [1, 2])
    ticker.cancel()
    await turns()
    assert result.output == EXPECTED
    assert ticks > 1


async def test_under_an_eager_task_factory() -> None:
    if not loops.EAGER:
        pytest.skip("eager tasks came with Python 3.12")
    loop = asyncio.get_running_loop()
    factory: Any = asyncio.eager_task_factory  # type: ignore[attr-defined,unused-ignore]
    loop.set_task_factory(factory)
    try:
        async with express.Runtime() as runtime:
            results = await asyncio.gather(*(runtime.execute(workflow(), [1, 2]) for _ in range(3)))
    finally:
        loop.set_task_factory(None)
    assert [result.output for result in results] == [EXPECTED] * 3


def test_several_runtimes_in_one_loop() -> None:
    async def main() -> list[JSON]:
        async with express.Runtime() as one, express.Runtime(max_in_flight=1) as other:
            shared = workflow()
            results = await asyncio.gather(*(runtime.execute(shared, [1, 2]) for runtime in (one, other, one, other)))
            return [result.output for result in results]

    assert express.run(main()) == [EXPECTED] * 4


def test_the_clock_is_the_loop_s_own_or_the_system_s() -> None:
    loop = VirtualTimeLoop()
    assert clock_of(loop) is loop.express_clock
    loop.close()
    other = asyncio.new_event_loop()
    assert isinstance(clock_of(other), SystemClock)
    other.close()
