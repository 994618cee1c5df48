"""Starting at once: a handler sees a task of its own from its first line to its last, whether or not it waits."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.runtime.standby import Standby, _enter_and_leave
from tests.runtime.machines import AGES, calling, catching, compiled, machine, run_clean, state, task, turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.types import JSON

#: Ways to wait: a turn of the loop, a timer, a future, another task.
WAITS: dict[str, Callable[[], Awaitable[Any]]] = {
    "a turn": lambda: asyncio.sleep(0),
    "a timer": lambda: asyncio.sleep(1),
    "a task": lambda: asyncio.create_task(asyncio.sleep(1)),
    "two turns": lambda: turns(2),
}


async def warmed(runtime: express.Runtime) -> express.Runtime:
    """The Runtime once a task stands by: the first start of all finds none."""

    async def nothing(payload: JSON) -> None: ...

    await (await runtime.start(calling(nothing)))
    await turns()
    return runtime


async def started(workflow: express.Workflow, event: JSON = None) -> express.Result:
    async with express.Runtime() as runtime:
        return await (await (await warmed(runtime)).start(workflow, event))


def test_the_current_task_is_swapped_where_asyncio_has_no_call_for_it() -> None:
    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        mine, other = asyncio.current_task(), asyncio.create_task(asyncio.sleep(0))
        swapped = [_enter_and_leave(loop, other) is mine, asyncio.current_task() is other]
        swapped += [_enter_and_leave(loop, None) is other, asyncio.current_task() is None]
        swapped += [_enter_and_leave(loop, mine) is None, asyncio.current_task() is mine]
        await other
        return swapped

    assert all(run_clean(main()))


def test_the_caller_is_the_current_task_again_whoever_it_was() -> None:
    """A callback of the loop is nobody's task, and what is performed may raise."""

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        standby = Standby(loop)
        await turns()
        seen: list[Any] = []

        def perform() -> None:
            before = asyncio.current_task()
            with pytest.raises(ZeroDivisionError):
                standby.perform(lambda: 1 // 0)
            seen.append(standby.perform(asyncio.current_task) is standby.task and standby.ready)
            seen.append(asyncio.current_task() is before)

        perform()
        loop.call_soon(perform)
        await turns()
        await standby.dismiss()
        return seen

    assert run_clean(main()) == [True] * 4


def test_who_does_not_wait_has_ended_when_start_returns() -> None:
    async def work(payload: JSON) -> JSON:
        return payload

    async def main() -> list[bool]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            return [(await runtime.start(calling(work), number)).done for number in range(5)]

    assert run_clean(main()) == [True] * 5


def test_no_task_is_used_up() -> None:
    seen: list[asyncio.Task[Any] | None] = []

    async def work(payload: JSON) -> None:
        seen.append(asyncio.current_task())

    async def main() -> None:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            before = asyncio.all_tasks()
            for _ in range(5):
                await runtime.start(calling(work))
            assert asyncio.all_tasks() == before

    run_clean(main())
    assert len(set(seen)) == 1


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_the_task_stays_the_same(wait: Callable[[], Awaitable[Any]]) -> None:
    seen: list[asyncio.Task[Any] | None] = []

    async def work(payload: JSON) -> None:
        seen.append(asyncio.current_task())
        await wait()
        seen.append(asyncio.current_task())

    async def main() -> asyncio.Task[Any] | None:
        result = await started(calling(work))
        assert result.succeeded, result
        return asyncio.current_task()

    caller = run_clean(main())
    assert len(seen) == 2
    assert seen[0] is seen[1] is not None
    assert seen[0] is not caller


def test_those_who_wait_have_tasks_of_their_own() -> None:
    seen: list[asyncio.Task[Any] | None] = []

    async def work(payload: JSON) -> None:
        seen.append(asyncio.current_task())
        await asyncio.sleep(1)

    async def main() -> None:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            for _ in range(5):
                await runtime.start(calling(work))
                await turns()

    run_clean(main())
    assert len(set(seen)) == 5


who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_context_variables_are_the_callers_and_stay_inside(wait: Callable[[], Awaitable[Any]]) -> None:
    async def work(payload: JSON) -> list[str]:
        before = who.get()
        who.set(f"{before}'s handler")
        if payload:
            await wait()
        return [before, who.get()]

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            who.set("caller")
            results = [await (await runtime.start(calling(work), waits)) for waits in (False, True, False, True)]
            assert who.get() == "caller"
            return [result.output for result in results]

    assert run_clean(main()) == [["caller", "caller's handler"]] * 4


def test_branches_inherit_the_context() -> None:
    async def work(payload: JSON) -> str:
        await asyncio.sleep(1)
        return who.get()

    processor = machine(B=task("work"))
    workflow = compiled(machine(A=state("Map", ItemProcessor=processor)), work=work)

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            who.set("caller")
            return (await (await runtime.start(workflow, [1, 2, 3]))).output

    assert run_clean(main()) == ["caller"] * 3


@pytest.mark.parametrize("moment", [0, 1, 2, 5])
@pytest.mark.parametrize("wait", [*WAITS.values(), lambda: asyncio.sleep(AGES)], ids=[*WAITS.keys(), "ages"])
def test_a_stop_reaches_the_handler_wherever_it_is(wait: Callable[[], Awaitable[Any]], moment: int) -> None:
    """Stopped before the task has taken over, just then, and later: the handler can clean up, what it awaits ends."""
    events: list[str] = []

    async def work(payload: JSON) -> None:
        try:
            await wait()
            await asyncio.sleep(AGES)
        except asyncio.CancelledError:
            events.append("cancelled")
            await asyncio.sleep(1)
            events.append("cleaned up")
            raise

    async def main() -> tuple[str, str | None]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            execution = await runtime.start(calling(work))
            await turns(moment)
            execution.stop("Enough", "of it")
            result = await execution
            return result.status, result.error

    assert run_clean(main()) == ("ABORTED", "Enough")
    assert events == ["cancelled", "cleaned up"]


def test_a_timeout_of_the_handlers_own_interrupts_only_the_handler() -> None:
    async def work(payload: JSON) -> str:
        try:
            async with asyncio.timeout(3):
                await asyncio.sleep(AGES)
        except TimeoutError:
            return "late"
        return "in time"

    async def main() -> tuple[JSON, float]:
        result = await started(calling(work))
        return result.output, asyncio.get_running_loop().time() - 1

    assert run_clean(main()) == ("late", 3)


def test_a_timeout_that_is_over_before_the_task_takes_over() -> None:
    async def work(payload: JSON) -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(AGES)
        except TimeoutError:
            return "late"
        return "in time"

    async def main() -> JSON:
        return (await started(calling(work))).output

    assert run_clean(main()) == "late"


def test_a_task_group_of_the_handlers_own() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def work(payload: JSON) -> str:
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.sleep(AGES)
        assert [type(error) for error in raised.value.exceptions] == [ZeroDivisionError]
        return "failed"

    async def main() -> JSON:
        return (await started(calling(work))).output

    assert run_clean(main()) == "failed"


@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_that_cancels_its_own_task(waits: bool) -> None:
    """It hurts nobody else, and those who start later find a task again."""

    async def work(payload: JSON) -> str:
        if payload:
            current = asyncio.current_task()
            assert current is not None
            current.cancel()
            if waits:
                await asyncio.sleep(1)
        return "ended"

    fields = {"Catch": catching("States.ALL", to="B")}
    workflow = compiled(
        machine(A=task("work", Next="C", **fields), B=state("Pass", Result="caught"), C=state("Pass")), work=work
    )

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            outputs = []
            for event in (True, False, True, False):
                outputs.append((await (await runtime.start(workflow, event))).output)
                await turns()
            execution = await runtime.start(workflow, False)
            assert execution.done
            return outputs

    first = "caught" if waits else "ended"
    assert run_clean(main()) == [first, "ended", first, "ended"]


def test_a_handler_may_start_others() -> None:
    runtimes: list[express.Runtime] = []

    async def count_down(payload: int) -> list[int]:
        if not payload:
            return [0]
        execution = await runtimes[0].start(workflow, payload - 1)
        return [payload, *(await execution).unwrap()]

    workflow = compiled(machine(A=task("count_down")), count_down=count_down)

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            runtimes.append(await warmed(runtime))
            return (await (await runtime.start(workflow, 5))).output

    assert run_clean(main()) == [5, 4, 3, 2, 1, 0]


def test_somebody_leaving_the_program_leaves_the_runtime_in_order() -> None:
    class Leaving(BaseException):
        pass

    async def work(payload: JSON) -> str:
        if payload:
            raise Leaving
        return "ended"

    workflow = calling(work)

    async def main() -> tuple[bool, int]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            caller = asyncio.current_task()
            with pytest.raises(Leaving):
                await runtime.start(workflow, True)
            assert asyncio.current_task() is caller
            execution = await runtime.start(workflow, False)
            return execution.done, runtime.in_flight

    assert run_clean(main()) == (True, 0)
    assert (workflow.tally.aborted, workflow.tally.succeeded) == (1, 1)


def test_a_runtime_that_is_closed_at_once_leaves_no_task() -> None:
    """Before the first task has come to stand by, too: `run_clean` counts what is left."""

    async def work(payload: JSON) -> JSON:
        return payload

    async def main() -> str:
        async with express.Runtime() as runtime:
            execution = await runtime.start(calling(work))
        return (await execution).status

    assert run_clean(main()) == "SUCCEEDED"
