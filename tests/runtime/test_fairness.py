"""Nobody holds the loop up: law 8 allows 10 ms. Time is counted by a clock that moves a little at every reading, and
turns of the loop by a ticker that comes back each turn; so these tests say the same on every machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.observe import Observer
from express.testing import VirtualTimeLoop
from tests.runtime.machines import SECOND, compiled, each, endless, machine, parallel, run_clean, state, task, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from express.types import JSON

MILLISECOND = 1_000_000
#: What law 8 allows.
LONGEST = 10 * MILLISECOND


class Ticker:
    """Comes back in every turn of the loop; remembers the longest turn, in nanoseconds of the loop's clock."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        self.loop = loop
        self.turns = 0
        self.longest = 0
        self.last = loop.express_clock.monotonic_ns()
        self.handle = loop.call_soon(self.tick)

    def tick(self) -> None:
        now = self.loop.express_clock.monotonic_ns()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        self.turns += 1
        self.handle = self.loop.call_soon(self.tick)

    def stop(self) -> None:
        self.handle.cancel()


def longest_turn(work: Callable[[express.Runtime], Coroutine[Any, Any, None]], tick_ns: int) -> tuple[int, int]:
    """How long the longest turn was while `work` ran, and how many there were."""

    async def main() -> tuple[int, int]:
        async with express.Runtime() as runtime:
            ticker = Ticker()
            await work(runtime)
            ticker.stop()
            ticker.tick()
            ticker.stop()
            return ticker.longest, ticker.turns

    return run_clean(main(), tick_ns=tick_ns)


def chain(length: int) -> dict[str, Any]:
    """Pass and Choice by turns."""
    states: dict[str, Any] = {}
    for index in range(0, length, 2):
        states[f"S{index}"] = state("Pass", Next=f"S{index + 1}")
        choices = [{"Variable": "$", "IsNull": True, "Next": "End"}]
        states[f"S{index + 1}"] = state("Choice", Choices=choices, Default=f"S{index + 2}")
    states[f"S{length}"] = state("Pass", Next="End")
    states["End"] = state("Succeed")
    return machine(**states)


ITEMS = list(range(10_000))
HEAVY = "x" * 20_000


async def answer(payload: JSON) -> JSON:
    return payload


LONG_RUNS: dict[str, tuple[dict[str, Any], JSON]] = {
    "a long chain": (chain(5_000), 1),
    "a long chain on heavy data": (chain(2_000), HEAVY),
    "a plain Map": (machine(A=each(machine(B=state("Pass")))), ITEMS),
    "a plain Map in a Map": (machine(A=each(machine(B=each(machine(C=state("Pass")))))), [ITEMS[:100]] * 100),
    "a plain Map in a Parallel": (machine(A=parallel(machine(B=each(machine(C=state("Pass")))))), ITEMS),
    "a Map of chains": (machine(A=each(chain(100))), ITEMS[:200]),
    "a Map of tasks": (machine(A=each(machine(B=task("answer")))), ITEMS),
    "a Map of Waits of no time": (machine(A=each(machine(B=wait(0)))), ITEMS),
    "branches": (machine(A=parallel(*(machine(**{f"B{n}": wait(0)}) for n in range(1_000)))), 1),
}


@pytest.mark.parametrize("way", ["execute", "start"])
@pytest.mark.parametrize(("definition", "event"), LONG_RUNS.values(), ids=LONG_RUNS.keys())
def test_one_long_execution(definition: dict[str, Any], event: JSON, way: str) -> None:
    workflow = compiled(definition, answer=answer)

    async def work(runtime: express.Runtime) -> None:
        if way == "execute":
            result = await runtime.execute(workflow, event)
        else:
            result = await (await runtime.start(workflow, event))
        assert result.succeeded, result

    longest, turns = longest_turn(work, 100_000)
    assert longest <= LONGEST
    assert turns > 5


async def meet(payload: JSON) -> JSON:
    await asyncio.sleep(0.2)
    return payload


def toil(payload: JSON) -> JSON:
    """A tenth of a millisecond of work."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.express_clock.advance(MILLISECOND // 10)
    return payload


def toil_twice(payload: JSON, context: express.TaskContext) -> JSON:
    """The same work, in vain at first."""
    toil(payload)
    if not context.attempt:
        raise ValueError("in vain")
    return payload


def after_a_wait(definition: dict[str, Any]) -> dict[str, Any]:
    """All become ready in one turn of the loop."""
    states = {"Meet": task("meet", Next=definition["StartAt"]), **definition["States"]}
    return {"StartAt": "Meet", "States": states}


TOIL = machine(A=task("toil", Next="B"), B=task("toil", Next="C"), C=task("toil"))
CROWDS: dict[str, tuple[dict[str, Any], JSON]] = {
    "short ones": (chain(20), 1),
    "long ones": (chain(200), 1),
    "those that wait first": (after_a_wait(chain(60)), 1),
    "heavy data": (after_a_wait(chain(10)), HEAVY),
    "handlers that answer together": (after_a_wait(machine(A=task("answer", Next="B"), B=task("answer"))), 1),
    "handlers that toil": (TOIL, 1),
    "handlers that toil when all have met": (after_a_wait(TOIL), 1),
    "handlers that toil in vain": (machine(A=task("toil_twice", Retry=[{"ErrorEquals": ["ValueError"]}])), 1),
    "branches that toil": (after_a_wait(machine(P=parallel(TOIL, machine(D=wait(0))))), 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["execute", "start", "map", "unordered map"])
@pytest.mark.parametrize(("definition", "event"), CROWDS.values(), ids=CROWDS.keys())
def test_a_thousand_that_are_busy_at_once(definition: dict[str, Any], event: JSON, way: str) -> None:
    """Those the slice of this turn does not reach go on in the next."""
    workflow = compiled(definition, answer=answer, meet=meet, toil=toil, toil_twice=toil_twice)

    async def work(runtime: express.Runtime) -> None:
        if way == "execute":
            async with asyncio.TaskGroup() as group:
                for _ in range(1_000):
                    group.create_task(runtime.execute(workflow, event))
        elif way == "start":
            executions = [await runtime.start(workflow, event) for _ in range(1_000)]
            for execution in executions:
                assert (await execution).succeeded
        else:
            async for result in runtime.map(workflow, [event] * 1_000, ordered=way == "map"):
                assert result.succeeded

    longest, turns = longest_turn(work, 1_000)
    assert longest <= LONGEST
    assert turns > 2


class Onlooker(Observer):
    def execution_started(self, run: Any) -> None:
        pass


WAITING = machine(A=state("Pass", Next="B"), B=task("meet"))
RETRYING = machine(A=task("toil_twice", Retry=[{"ErrorEquals": ["ValueError"]}]))


@pytest.mark.slow
@pytest.mark.parametrize("observers", [(), (Onlooker(),)], ids=["unseen", "seen"])
@pytest.mark.parametrize("event", [{"a": 1}, {"a": None}], ids=["plain", "null"])
@pytest.mark.parametrize("definition", [WAITING, RETRYING], ids=["waiting", "retrying"])
def test_starting_many_lets_the_loop_turn(
    definition: dict[str, Any], event: JSON, observers: tuple[Observer, ...]
) -> None:
    """`start` of something that waits comes back at once, and still not for ever without a turn."""
    workflow = compiled(definition, meet=meet, toil_twice=toil_twice)

    async def work(runtime: express.Runtime) -> None:
        for observer in observers:
            runtime.add_observer(observer)
        executions = [await runtime.start(workflow, event) for _ in range(2_000)]
        for execution in executions:
            await execution

    longest, turns = longest_turn(work, 10_000)
    assert longest <= LONGEST
    assert turns > 10


@pytest.mark.parametrize("event", [{"a": 1}, {"a": None}], ids=["plain", "null"])
@pytest.mark.parametrize("way", ["execute", "start"])
def test_one_after_another_is_run_at_once(way: str, event: JSON) -> None:
    """The slice of a turn long past is nobody's: whoever comes when all is quiet has one of his own."""
    workflow = compiled(chain(30), toil=toil)

    async def work(runtime: express.Runtime) -> None:
        ticker = Ticker()
        for _ in range(10):
            await asyncio.sleep(0.005)
            before = ticker.turns
            if way == "execute":
                await runtime.execute(workflow, event)
            else:
                assert (await runtime.start(workflow, event)).done
            assert ticker.turns == before
        ticker.stop()

    longest_turn(work, 1_000)


def test_whoever_was_called_up_has_the_turn_s_only_slice() -> None:
    """What he begins when it is over waits for another turn, although nobody else has asked for this one."""

    async def main() -> tuple[bool, bool]:
        async with express.Runtime() as runtime:
            await runtime.breathe()
            called_up = runtime.has_time()
            await asyncio.sleep(1)
            return called_up, runtime.has_time()

    assert run_clean(main(), tick_ns=MILLISECOND) == (False, True)


def test_an_input_that_is_long_looked_at_takes_its_time_from_the_turn() -> None:
    """Of its first task nothing happens before the loop has turned."""
    calls: list[int] = []

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            ticker = Ticker()
            workflow = compiled(machine(A=task("count")), count=lambda payload: calls.append(ticker.turns))
            result = await runtime.execute(workflow, [2**70] + [1.5] * 20_000)
            ticker.stop()
            return result

    assert run_clean(main(), tick_ns=2 * MILLISECOND).succeeded
    assert calls
    assert calls[0] > 0


@pytest.mark.parametrize("handler", ["at once", "later"])
def test_after_a_long_result_the_loop_turns(handler: str) -> None:
    """It has taken a millisecond or more to cross, whatever the clock says."""
    turns: list[int] = []

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            ticker = Ticker()

            async def note(payload: JSON) -> JSON:
                turns.append(ticker.turns)
                if handler == "later":
                    await asyncio.sleep(0)
                    turns[-1] = ticker.turns
                return "x" * 60_000

            result = await runtime.execute(compiled(machine(A=task("note", Next="B"), B=task("note")), note=note))
            ticker.stop()
            return result

    assert run_clean(main()).succeeded
    assert turns[0] < turns[1]


@pytest.mark.parametrize("way", ["start", "map"])
@pytest.mark.parametrize("answer", [list, tuple], ids=["list", "tuple"])
def test_results_that_arrive_together_are_what_they_were(way: str, answer: Callable[[list[JSON]], JSON]) -> None:
    """The turn has no time for any but the first; the others wait, and their handler's list has grown by then."""
    items: list[JSON] = []

    async def main() -> list[JSON]:
        answered = asyncio.Event()

        async def collect(number: int) -> JSON:
            if number == 9:
                asyncio.get_running_loop().call_soon(answered.set)
            await answered.wait()
            items.append(number)
            return {"items": items, "copy": answer(items)}

        workflow = compiled(machine(A=task("collect")), collect=collect)
        async with express.Runtime() as runtime:
            if way == "map":
                return [result.output async for result in runtime.map(workflow, range(10))]
            return [(await execution).output for execution in [await runtime.start(workflow, n) for n in range(10)]]

    outputs = run_clean(main(), tick_ns=MILLISECOND)
    # Each as far as its own number; they need not arrive in the order in which they were started.
    expected = [items[: items.index(number) + 1] for number in range(10)]
    assert outputs == [{"items": numbers, "copy": numbers} for numbers in expected]


@pytest.mark.parametrize("way", ["start", "map"])
@pytest.mark.parametrize("fields", [{}, {"TimeoutSeconds": 60}], ids=["plain", "limited"])
def test_handlers_woken_together_go_on_in_many_turns(way: str, fields: dict[str, Any]) -> None:
    """Also what they do themselves is divided among the turns, before there is any result."""
    longest = 0

    async def main() -> list[JSON]:
        nonlocal longest
        woken = asyncio.Event()
        ticker = Ticker()

        async def work(number: int) -> JSON:
            if number == 199:
                asyncio.get_running_loop().call_later(1, woken.set)
            await woken.wait()
            ticker.longest = 0
            for _ in range(20):
                # Takes a millisecond.
                ticker.loop.express_clock.monotonic_ns()
            return number

        workflow = compiled(machine(A=task("work", **fields)), work=work)
        async with express.Runtime(max_in_flight=200) as runtime:
            if way == "map":
                outputs = [result.output async for result in runtime.map(workflow, range(200))]
            else:
                started = [await runtime.start(workflow, n) for n in range(200)]
                outputs = [(await execution).output for execution in started]
        ticker.stop()
        longest = ticker.longest
        return outputs

    assert run_clean(main(), tick_ns=50_000) == list(range(200))
    assert longest < 3 * MILLISECOND


@pytest.mark.parametrize("fields", [{}, {"TimeoutSeconds": 60}], ids=["plain", "limited"])
def test_a_handler_that_waits_for_its_turn_can_be_stopped(fields: dict[str, Any]) -> None:
    ended: list[str] = []

    async def main() -> list[str]:
        woken = asyncio.Event()

        async def work(number: int) -> JSON:
            try:
                await woken.wait()
                ended.append("went on")
            except asyncio.CancelledError:
                await asyncio.sleep(1)
                ended.append("cleaned up")
                raise
            return number

        workflow = compiled(machine(A=task("work", **fields)), work=work)
        async with express.Runtime() as runtime:
            started = [await runtime.start(workflow, n) for n in range(100)]
            await asyncio.sleep(1)
            woken.set()
            # The next turn wakes all of them; only a few go on in it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for execution in started:
                execution.stop()
            return [(await execution).status for execution in started]

    statuses = run_clean(main(), tick_ns=20_000)
    assert statuses.count("ABORTED") == ended.count("cleaned up") > 50
    assert statuses.count("SUCCEEDED") == ended.count("went on") > 0


def test_refusing_many_lets_the_loop_turn() -> None:
    async def work(runtime: express.Runtime) -> None:
        workflow = compiled(machine(A=wait(1)))
        for _ in range(2_000):
            assert not (await runtime.execute(workflow, float("nan"))).succeeded

    longest, turns = longest_turn(work, 10_000)
    assert longest <= LONGEST
    assert turns > 10


def test_others_work_beside_an_endless_loop() -> None:
    async def main() -> tuple[str, float]:
        async with express.Runtime(execution_timeout=2) as runtime:
            busy = await runtime.start(compiled(endless("A")))
            beside = await runtime.execute(compiled(machine(A=wait(1))))
            assert not busy.done
            return (await busy).status, beside.billing.duration_ns / SECOND

    status, seconds = run_clean(main(), tick_ns=100_000)
    assert status == "TIMED_OUT"
    assert 1 <= seconds < 1.02


@pytest.mark.slow
async def test_a_ticker_on_the_real_loop() -> None:
    """In real time: a busy thousand beside an application that wants every millisecond. Generous, for slow machines."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    workflow = compiled(machine(A=each(chain(20))))
    async with express.Runtime() as runtime:
        ticker = asyncio.create_task(tick())
        results = await asyncio.gather(*(runtime.execute(workflow, [1] * 100) for _ in range(50)))
        ticker.cancel()
    assert all(result.succeeded for result in results)
    assert ticks > 10
