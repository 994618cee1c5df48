"""Branches and iterations that wait: how many at once, in which order they start, and what the first failure does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import express
from tests.runtime.machines import (
    AGES,
    SECOND,
    catching,
    compiled,
    each,
    endless,
    executed,
    machine,
    parallel,
    run_clean,
    state,
    task,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from express.types import JSON

WORK = machine(Work=task("work"))


class Workers:
    """Handlers that take as many seconds as their payload says, and a record of who worked when."""

    def __init__(self) -> None:
        self.started: list[JSON] = []
        self.running = 0
        self.peak = 0

    async def work(self, payload: JSON) -> JSON:
        self.started.append(payload)
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            await asyncio.sleep(payload if isinstance(payload, int) else 1)
        finally:
            self.running -= 1
        return payload


def ran(definition: dict[str, Any], event: JSON, **limits: Any) -> tuple[express.Result, Workers]:
    workers = Workers()
    return run_clean(executed(compiled(definition, work=workers.work), event, **limits)), workers


# --------------------------------------------------------------------------------------------------------------
# how many, in which order


@pytest.mark.parametrize(
    ("fields", "limits", "expected"),
    [
        ({}, {}, 40),
        ({"MaxConcurrency": 0}, {}, 40),
        ({}, {"map_concurrency": 7}, 7),
        ({"MaxConcurrency": 1}, {}, 1),
        ({"MaxConcurrency": 3}, {}, 3),
        ({"MaxConcurrency": 60}, {}, 60),
        ({"MaxConcurrency": 1_000}, {}, 100),
        ({"MaxConcurrencyPath": "$[0]"}, {}, 5),
    ],
)
def test_a_map_runs_exactly_as_many_as_it_may(fields: dict[str, Any], limits: dict[str, Any], expected: int) -> None:
    result, workers = ran(machine(A=each(WORK, **fields)), [5] * 100, execution_timeout=AGES, **limits)
    assert result.output == [5] * 100
    assert workers.peak == expected
    assert result.billing.duration_ns == -(-100 // expected) * 5 * SECOND


@pytest.mark.parametrize("concurrency", [1, 2, 7, 40])
def test_iterations_start_in_order(concurrency: int) -> None:
    items = [(index * 7) % 5 * 100 + index for index in range(60)]
    result, workers = ran(machine(A=each(WORK, MaxConcurrency=concurrency)), items, execution_timeout=AGES**2)
    assert workers.started == items
    assert result.output == items


def test_a_parallel_has_no_limit() -> None:
    branches = [machine(**{f"Work{index}": task("work")}) for index in range(100)]
    result, workers = ran(machine(A=parallel(*branches)), 3)
    assert result.output == [3] * 100
    assert workers.peak == 100
    assert result.billing.duration_ns == 3 * SECOND


def test_forks_in_forks_in_forks() -> None:
    """A Map in a Parallel in a Map; the limits hold for each visit by itself."""
    inner = each(WORK, MaxConcurrency=2, ItemsPath="$.inner", ResultPath="$.done")
    middle = parallel(machine(M=inner), machine(P=state("Pass")))
    result, workers = ran(machine(A=each(machine(B=middle), MaxConcurrency=3)), [{"inner": [1, 1, 1]}] * 6)
    assert result.output == [[{"inner": [1, 1, 1], "done": [1, 1, 1]}, {"inner": [1, 1, 1]}]] * 6
    assert workers.peak == 6
    assert result.billing.duration_ns == 4 * SECOND


def test_iterations_that_answer_at_once_cost_no_task() -> None:
    """Law 4: no more than the execution's own task until one really waits."""
    peak = 0

    async def work(payload: JSON) -> JSON:
        nonlocal peak
        peak = max(peak, len(asyncio.all_tasks()))
        return payload

    workflow = compiled(machine(A=each(WORK)), work=work)
    assert run_clean(executed(workflow, list(range(1_000)))).output == list(range(1_000))
    assert peak == 1


def test_some_wait_and_some_do_not() -> None:
    async def work(payload: JSON) -> JSON:
        if payload % 3:
            await asyncio.sleep(payload % 3)
        return payload

    workflow = compiled(machine(A=each(WORK, MaxConcurrency=4)), work=work)
    assert run_clean(executed(workflow, list(range(200)))).output == list(range(200))


# --------------------------------------------------------------------------------------------------------------
# the first failure


def failing(seconds: int, error: str = "Boom", name: str = "Bad") -> dict[str, Any]:
    """A branch that fails after so many seconds."""
    if not seconds:
        return machine(**{name: state("Fail", Error=error, Cause="on purpose")})
    return machine(**{f"{name}Wait": wait(seconds, Next=name), name: state("Fail", Error=error, Cause="on purpose")})


def cleaning(events: list[str], *, swallow: bool = False) -> Callable[[JSON], Coroutine[Any, Any, JSON]]:
    """A handler that takes ages, and two seconds to clean up."""

    async def work(payload: JSON) -> JSON:
        try:
            await asyncio.sleep(AGES)
        except asyncio.CancelledError:
            if not swallow:
                raise
        finally:
            await asyncio.sleep(2)
            events.append("cleaned up")
        return payload

    return work


WORKING = machine(Work=task("work"))
SIDES = {
    "the execution's own task fails": lambda seconds: parallel(failing(seconds), WORKING),
    "a hired one fails": lambda seconds: parallel(WORKING, failing(seconds)),
    "one of several hired ones fails": lambda seconds: parallel(
        WORKING, machine(W=wait(AGES)), failing(seconds), machine(X=wait(AGES))
    ),
    "inside another fork": lambda seconds: parallel(
        machine(P=parallel(WORKING, failing(seconds))), machine(W=wait(AGES))
    ),
    "beside another fork": lambda seconds: parallel(
        machine(P=parallel(WORKING, machine(W=wait(AGES)))), failing(seconds)
    ),
}


@pytest.mark.parametrize("swallow", [False, True], ids=["cancelled", "swallowing"])
@pytest.mark.parametrize("seconds", [1, 5])
@pytest.mark.parametrize("fork", SIDES.values(), ids=SIDES.keys())
def test_the_first_failure_cancels_and_awaits_the_others(
    fork: Callable[[int], dict[str, Any]], seconds: int, swallow: bool
) -> None:
    """The Catch goes on only when every other branch has cleaned up."""
    events: list[str] = []

    def after(payload: JSON) -> JSON:
        return [*events, payload["Error"]]

    definition = machine(A=fork(seconds) | {"Catch": catching("Boom", to="B")}, B=task("after"))
    workflow = compiled(definition, work=cleaning(events, swallow=swallow), after=after)
    result = run_clean(executed(workflow))
    assert result.output == ["cleaned up", "Boom"]
    assert result.billing.duration_ns == (seconds + 2) * SECOND


@pytest.mark.parametrize("own", [True, False], ids=["own task", "hired"])
def test_a_branch_that_swallows_its_cancellation_goes_no_further(own: bool) -> None:
    """What comes after the handler in the branch must not run: the Parallel has failed."""
    events: list[str] = []
    swallowing = machine(Work=task("work", Next="Then"), Then=task("then"))
    branches = [swallowing, failing(1)] if own else [failing(1), swallowing]
    workflow = compiled(machine(A=parallel(*branches)), work=cleaning(events, swallow=True), then=events.append)
    result = run_clean(executed(workflow))
    assert (result.error, events) == ("Boom", ["cleaned up"])
    assert workflow.state_entries["Then"] == 0


@pytest.mark.parametrize("fork", SIDES.values(), ids=SIDES.keys())
def test_a_failure_at_once(fork: Callable[[int], dict[str, Any]]) -> None:
    events: list[str] = []
    workflow = compiled(machine(A=fork(0)), work=cleaning(events))
    result = run_clean(executed(workflow))
    assert (result.status, result.error, result.cause) == ("FAILED", "Boom", "on purpose")


def test_of_two_failures_the_first_counts() -> None:
    """Also where the second comes while the first is being cleaned up after."""

    async def work(payload: JSON) -> None:
        try:
            await asyncio.sleep(AGES)
        finally:
            raise express.TaskError("WhileCleaningUp")

    definition = machine(A=parallel(WORKING, failing(1, "First"), failing(2, "Second", "Worse")))
    assert run_clean(executed(compiled(definition, work=work))).error == "First"


def test_two_failures_in_the_same_moment() -> None:
    definition = machine(A=parallel(failing(1, "First"), failing(1, "Second", "Worse")))
    assert run_clean(executed(compiled(definition))).error == "First"


@pytest.mark.parametrize("concurrency", [1, 2, 40])
def test_no_iteration_starts_after_a_failure(concurrency: int) -> None:
    started: list[JSON] = []

    async def work(payload: JSON) -> None:
        started.append(payload)
        await asyncio.sleep(1)
        if payload == 3:
            raise express.TaskError("Third")
        await asyncio.sleep(3)

    workflow = compiled(machine(A=each(WORK, MaxConcurrency=concurrency)), work=work)
    result = run_clean(executed(workflow, list(range(100))))
    assert result.error == "Third"
    assert len(started) <= max(3 + concurrency, 40)
    assert started == list(range(len(started)))


def test_a_retry_starts_with_clean_branches() -> None:
    """Each attempt awaits the end of the one before: never more at work than branches."""
    attempts = running = peak = 0

    async def work(payload: JSON) -> str:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        try:
            await asyncio.sleep(AGES)
        finally:
            await asyncio.sleep(4)
            running -= 1
        return "never"

    async def flaky(payload: JSON) -> None:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(1)
        raise express.TaskError("Again")

    retry = [{"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}]
    definition = machine(A=parallel(WORKING, machine(F=task("flaky")), Retry=retry))
    result = run_clean(executed(compiled(definition, work=work, flaky=flaky)))
    assert (result.error, attempts, peak, running) == ("Again", 3, 1, 0)
    assert result.billing.duration_ns == (3 * (1 + 4) + 2) * SECOND


# --------------------------------------------------------------------------------------------------------------
# cancellations that meet


@pytest.mark.parametrize("fork", SIDES.values(), ids=SIDES.keys())
@pytest.mark.parametrize("first", ["stop", "failure"])
def test_a_stop_in_the_moment_of_a_failure(fork: Callable[[int], dict[str, Any]], first: str) -> None:
    """Either may win, but somebody does, and the task that ran it all is not left cancelled."""
    workflow = compiled(machine(A=fork(5)), work=cleaning([]))

    async def main() -> express.Result:
        loop = asyncio.get_running_loop()
        execution: express.Execution
        async with express.Runtime() as runtime:
            if first == "stop":
                loop.call_at(loop.time() + 5, lambda: execution.stop("Stopped"))
            execution = await runtime.start(workflow)
            if first == "failure":
                loop.call_at(loop.time() + 5, lambda: execution.stop("Stopped"))
            return await execution

    result = run_clean(main())
    assert (result.status, result.error) in {("ABORTED", "Stopped"), ("FAILED", "Boom")}


@pytest.mark.parametrize("fork", SIDES.values(), ids=SIDES.keys())
@pytest.mark.parametrize("early", [True, False])
def test_a_cancelled_caller_in_the_moment_of_a_failure(fork: Callable[[int], dict[str, Any]], early: bool) -> None:
    """The cancellation is the caller's and is never swallowed for the failure's sake."""
    workflow = compiled(machine(A=fork(5) | {"Catch": catching("Boom", to="B")}, B=wait(AGES)), work=cleaning([]))

    async def main() -> int:
        loop = asyncio.get_running_loop()
        caller: asyncio.Task[express.Result]
        async with express.Runtime() as runtime:
            if early:
                loop.call_at(loop.time() + 5, lambda: caller.cancel())
            caller = asyncio.create_task(runtime.execute(workflow))
            await asyncio.sleep(0)
            if not early:
                loop.call_at(loop.time() + 5, caller.cancel)
            with pytest.raises(asyncio.CancelledError):
                await caller
            assert caller.cancelled()
            return caller.cancelling()

    assert run_clean(main()) == 1


@pytest.mark.parametrize("fork", SIDES.values(), ids=SIDES.keys())
def test_the_task_that_ran_a_failed_fork_is_not_left_cancelled(fork: Callable[[int], dict[str, Any]]) -> None:
    workflow = compiled(machine(A=fork(1)), work=cleaning([]))

    async def main() -> int:
        async with express.Runtime() as runtime:
            for _ in range(3):
                assert (await runtime.execute(workflow)).error == "Boom"
            task = asyncio.current_task()
            assert task is not None
            await asyncio.sleep(1)
            async with asyncio.timeout(10):
                await asyncio.sleep(1)
            return task.cancelling()

    assert run_clean(main()) == 0


def test_stopping_while_a_fork_cleans_up() -> None:
    """The stop does not cut the cleaning up short, and is not forgotten over it."""
    events: list[str] = []
    definition = machine(A=parallel(failing(5), WORKING, Catch=catching("Boom", to="B")), B=wait(AGES))
    workflow = compiled(definition, work=cleaning(events))

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow)
            await asyncio.sleep(6)
            execution.stop("Stopped")
            return await execution

    result = run_clean(main())
    assert (result.status, result.billing.duration_ns) == ("ABORTED", 7 * SECOND)
    assert events == ["cleaned up"]


@pytest.mark.parametrize(
    "branches",
    [
        pytest.param([machine(W=wait(AGES)), endless("Loop")], id="a hired worker never waits"),
        pytest.param([endless("Loop"), machine(W=wait(AGES))], id="the own task never waits"),
        pytest.param([endless("Loop"), endless("Other")], id="nobody waits"),
        pytest.param([machine(W=wait(AGES)), machine(P=parallel(endless("Loop"), machine(X=wait(AGES))))], id="nested"),
    ],
)
def test_an_execution_times_out_whoever_notices_first(branches: list[dict[str, Any]]) -> None:
    workflow = compiled(machine(A=parallel(*branches)))
    result = run_clean(executed(workflow, execution_timeout=3), tick_ns=1_000_000)
    assert result.status == "TIMED_OUT"
    assert 3 * SECOND <= result.billing.duration_ns < 3.1 * SECOND


# --------------------------------------------------------------------------------------------------------------
# defects


@pytest.mark.parametrize("own", [True, False], ids=["own task", "hired"])
def test_a_defect_in_a_branch_ends_the_execution(own: bool, caplog: pytest.LogCaptureFixture) -> None:
    workflow = compiled(machine(A=parallel(machine(B=wait(1, Next="C"), C=state("Pass")), machine(D=wait(AGES)))))
    if not own:
        workflow = compiled(machine(A=parallel(machine(D=wait(AGES)), machine(B=wait(1, Next="C"), C=state("Pass")))))
    [step] = [step for step in workflow.machine().all_steps if step.name == "C"]

    def broken(frame: object) -> Any:
        raise LookupError("lost")

    step.run = broken
    result = run_clean(executed(workflow))
    assert (result.status, result.billing.duration_ns) == ("FAILED", SECOND)
    assert result.cause == "Internal error of the runtime: LookupError: lost"
    assert "broke the engine" in caplog.text
