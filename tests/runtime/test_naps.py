"""Waiting for the next attempt: no task, the same time, the same ends as in a task."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.runtime.naps import Nap
from tests.runtime.machines import (
    AGES,
    SECOND,
    WAYS,
    Way,
    calling,
    catching,
    compiled,
    endless,
    machine,
    run_clean,
    state,
    task,
    turns,
    wait,
)
from tests.runtime.test_standby import warmed

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON, Status

#: Two retries, after one second and after two.
RETRY = [{"ErrorEquals": ["ValueError"], "MaxAttempts": 2}]
FOR_AGES = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": AGES}]


async def answer(payload: JSON) -> JSON:
    return payload


def failing(times: int) -> Callable[[JSON, express.TaskContext], JSON]:
    """A handler that fails so often, then tells in which attempt it has not."""

    def work(payload: JSON, context: express.TaskContext) -> JSON:
        if context.attempt < times:
            raise ValueError("not yet")
        return context.attempt

    return work


def retrying(times: int = 1, **fields: Any) -> express.Workflow:
    return calling(failing(times), Retry=RETRY, **fields)


async def napping(runtime: express.Runtime, workflow: express.Workflow) -> express.Execution:
    """Started, and waiting without a task."""
    execution = await (await warmed(runtime)).start(workflow)
    assert not execution.done
    assert execution.task is None
    return execution


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("times", "expected", "seconds"),
    [(0, ("SUCCEEDED", 0), 0), (1, ("SUCCEEDED", 1), 1), (2, ("SUCCEEDED", 2), 3), (3, ("FAILED", None), 3)],
)
def test_attempts_come_when_they_are_due(way: Way, times: int, expected: tuple[str, JSON], seconds: int) -> None:
    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await way(await warmed(runtime), retrying(times), None)

    result = run_clean(main())
    assert (result.status, result.output) == expected
    assert result.billing.duration_ns == seconds * SECOND


def test_no_task_is_used_up() -> None:
    seen: list[asyncio.Task[Any] | None] = []

    async def work(payload: JSON, context: express.TaskContext) -> int:
        seen.append(asyncio.current_task())
        if context.attempt < 2:
            raise ValueError
        return context.attempt

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            before = asyncio.all_tasks()
            executions = [await runtime.start(calling(work, Retry=RETRY)) for _ in range(5)]
            assert runtime.in_flight == 5
            results = [await execution for execution in executions]
            assert asyncio.all_tasks() == before
            return [result.output for result in results]

    assert run_clean(main()) == [2] * 5
    assert len(seen) == 15
    assert len(set(seen)) == 1


def test_one_that_only_gives_the_loop_its_turn_needs_no_task_either() -> None:
    """A clock that takes a slice for every reading makes everybody yield."""
    states = {f"S{n}": state("Pass", Next=f"S{n + 1}") for n in range(100)} | {"S100": task("work")}

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            execution = await napping(runtime, compiled(machine(**states), work=answer))
            return (await execution).output

    assert run_clean(main(), tick_ns=1_000_000) == {}


def test_the_deadline_of_one_that_never_waits() -> None:
    loop = endless("A")
    loop["States"]["AOut"] = task("work")

    async def main() -> express.Result:
        async with express.Runtime(execution_timeout=1) as runtime:
            return await (await napping(runtime, compiled(loop, work=answer)))

    result = run_clean(main(), tick_ns=1_000_000)
    assert result.status == "TIMED_OUT"
    assert SECOND <= result.billing.duration_ns < 1.1 * SECOND


def test_a_handler_that_suspends_after_the_nap_gets_the_task() -> None:
    seen: list[asyncio.Task[Any] | None] = []

    async def work(payload: JSON, context: express.TaskContext) -> int:
        if context.attempt == 0:
            raise ValueError
        seen.append(asyncio.current_task())
        await asyncio.sleep(1)
        seen.append(asyncio.current_task())
        return context.attempt

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            executions = [await runtime.start(calling(work, Retry=RETRY)) for _ in range(40)]
            results = [await execution for execution in executions]
            assert {result.billing.duration_ns for result in results} == {2 * SECOND}
            return [result.output for result in results]

    assert run_clean(main()) == [1] * 40
    assert len(seen) == 80
    assert len(set(seen)) == 40


who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def test_all_attempts_share_a_context() -> None:
    def work(payload: JSON, context: express.TaskContext) -> str:
        if context.attempt == 0:
            who.set(f"{who.get()}'s handler")
            raise ValueError
        return who.get()

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            executions = []
            for name in ("Ada", "Bob"):
                who.set(name)
                executions.append(await runtime.start(calling(work, Retry=RETRY)))
            results = [await execution for execution in executions]
            assert who.get() == "Bob"
            return [result.output for result in results]

    assert run_clean(main()) == ["Ada's handler", "Bob's handler"]


@pytest.mark.parametrize("moment", [0, 1, 3])
def test_a_stop_ends_the_nap(moment: int) -> None:
    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await napping(runtime, calling(failing(9), Retry=FOR_AGES))
            await turns(moment)
            execution.stop("Enough", "of it")
            execution.stop("Too", "late")
            return await execution

    result = run_clean(main())
    assert (result.status, result.error, result.cause) == ("ABORTED", "Enough", "of it")
    assert result.billing.duration_ns == 0


def test_a_stop_by_the_handler_itself_which_then_fails() -> None:
    executions: list[express.Execution] = []

    def work(payload: JSON, context: express.TaskContext) -> None:
        if context.attempt:
            executions[0].stop("Enough")
        raise ValueError

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            executions.append(await napping(runtime, calling(work, Retry=RETRY)))
            return await executions[0]

    result = run_clean(main())
    assert (result.status, result.error) == ("ABORTED", "Enough")
    assert result.billing.duration_ns == SECOND


def test_who_is_stopped_in_line_is_not_tried_again() -> None:
    """One of those that become ready together stops the others before their turn has come."""
    executions: list[express.Execution] = []
    attempts: list[int] = []

    def work(payload: JSON, context: express.TaskContext) -> str:
        attempts.append(context.attempt)
        if not context.attempt:
            raise ValueError
        for execution in executions[1:]:
            execution.stop()
        return "first"

    async def main() -> list[str]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            executions.extend([await runtime.start(calling(work, Retry=RETRY)) for _ in range(100)])
            return [(await execution).status for execution in executions]

    assert run_clean(main()) == ["SUCCEEDED"] + ["ABORTED"] * 99
    assert attempts == [0] * 100 + [1]


@pytest.mark.parametrize(("limits", "own"), [({"execution_timeout": 5}, {}), ({}, {"TimeoutSeconds": 5})])
def test_a_timeout_ends_the_nap(limits: dict[str, Any], own: dict[str, Any]) -> None:
    definition = machine(A=task("work", Retry=FOR_AGES)) | own

    async def main() -> express.Result:
        async with express.Runtime(**limits) as runtime:
            return await (await napping(runtime, compiled(definition, work=failing(9))))

    result = run_clean(main())
    assert result.status == "TIMED_OUT"
    assert result.billing.duration_ns == 5 * SECOND


@pytest.mark.parametrize(("drain", "expected", "seconds"), [(None, "SUCCEEDED", 1), (0.5, "ABORTED", 0.5)])
def test_closing_the_runtime(drain: float | None, expected: str, seconds: float) -> None:
    async def main() -> express.Result:
        async with express.Runtime(drain_timeout=drain) as runtime:
            execution = await napping(runtime, retrying(1))
        assert execution.done
        return await execution

    result = run_clean(main())
    assert result.status == expected
    assert result.billing.duration_ns == seconds * SECOND


@pytest.mark.parametrize("way", WAYS[:2])
def test_a_handler_that_has_cancelled_its_own_task(way: Way) -> None:
    """Its execution ends where it would wait next, wherever it runs, and nobody else's does."""

    def work(payload: JSON, context: express.TaskContext) -> JSON:
        if payload:
            current = asyncio.current_task()
            assert current is not None
            current.cancel()
        if not context.attempt:
            raise ValueError
        return "second"

    workflow = calling(work, Retry=RETRY)

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            await warmed(runtime)
            other = await runtime.start(workflow, False)
            caller = asyncio.ensure_future(way(runtime, workflow, True))
            try:
                # In `execute` it is the caller's own task.
                statuses = [(await caller).status]
            except asyncio.CancelledError:
                statuses = ["ABORTED"]
            return [*statuses, (await other).output, (await way(runtime, workflow, False)).output]

    assert run_clean(main()) == ["ABORTED", "second", "second"]


def test_somebody_leaving_the_program_from_a_later_attempt() -> None:
    class Leaving(BaseException):
        pass

    def work(payload: JSON, context: express.TaskContext) -> str:
        if not context.attempt:
            raise ValueError
        if payload:
            raise Leaving
        return "second"

    async def main() -> tuple[list[Status], list[type[BaseException]]]:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with express.Runtime() as runtime:
            await warmed(runtime)
            executions = [await runtime.start(calling(work, Retry=RETRY), leaves) for leaves in (False, True, False)]
            statuses = [(await execution).status for execution in executions]
            return statuses, [type(complaint["exception"]) for complaint in complaints]

    assert run_clean(main()) == (["SUCCEEDED", "ABORTED", "SUCCEEDED"], [Leaving])


def test_a_catcher_after_the_last_attempt_and_a_wait() -> None:
    definition = machine(
        A=task("work", Retry=RETRY, Catch=catching("ValueError", to="W")), W=wait(4, Next="B"), B=state("Pass")
    )

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await (await napping(runtime, compiled(definition, work=failing(9))))

    result = run_clean(main())
    assert result.output["Error"] == "ValueError"
    assert result.billing.duration_ns == (1 + 2 + 4) * SECOND


def test_naps_end_in_the_order_of_the_queue() -> None:
    """However few of those that were called a turn has time for."""
    ended: list[int] = []
    napping: list[Nap] = []

    class Gathering(express.Runtime):
        def wake_later(self, nap: Nap, seconds: float) -> None:
            napping.append(nap)

    def work(payload: int, context: express.TaskContext) -> None:
        if context.attempt == 0:
            raise ValueError
        ended.append(payload)

    async def main() -> None:
        async with Gathering() as runtime:
            await warmed(runtime)
            workflow = calling(work, Retry=RETRY)
            executions = [await runtime.start(workflow, number) for number in range(600)]
            assert len(napping) > 500
            for nap in sorted(napping, key=lambda nap: nap.run.input):
                runtime.wake(nap)
            for execution in executions:
                await execution

    # About ten readings of the clock are a slice.
    run_clean(main(), tick_ns=50_000)
    assert ended == list(range(600))


def test_places_that_were_given_up_do_not_all_leave_the_queue_in_one_turn() -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:
            places = [runtime.place() for _ in range(1000)]
            for place in places[:-1]:
                place.cancel()
            turns_taken = 0
            while not places[-1].done():
                turns_taken += 1
                await asyncio.sleep(0)
            assert turns_taken > 5

    run_clean(main())


def test_a_nap_is_never_shorter_than_asked() -> None:
    """uvloop's timers tick in milliseconds and may be early; metering reads nanoseconds."""

    class Watching(express.Runtime):
        woken: asyncio.Future[int]

        def wake(self, nap: Nap) -> None:
            self.woken.set_result(self.monotonic_ns())

    async def main() -> int:
        async with Watching() as runtime:
            runtime.woken = asyncio.get_running_loop().create_future()
            before = runtime.monotonic_ns()
            runtime.wake_later(Nap(), 0.0101)
            return await runtime.woken - before

    assert express.run(main()) >= 10_100_000
