"""What running states get from the loop: time limits, heartbeats, threads, turns."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.testing import VirtualTimeLoop, run_virtual
from tests.runtime.machines import (
    AGES,
    SECOND,
    WAYS,
    Way,
    calling,
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
    turns,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

# --------------------------------------------------------------------------------------------------------------
# the time of an execution


@pytest.mark.parametrize(
    ("own", "limit", "seconds"),
    [(None, 300, 300), (10, 300, 10), (1_000, 300, 300), (None, 20, 20), (30, 20, 20), (300, 300, 300)],
)
@pytest.mark.parametrize("way", WAYS)
def test_the_smaller_timeout_ends_an_execution(own: int | None, limit: float, seconds: int, way: Way) -> None:
    definition = machine(A=wait(AGES))
    workflow = compiled(definition if own is None else {**definition, "TimeoutSeconds": own})

    async def main() -> express.Result:
        async with express.Runtime(execution_timeout=limit) as runtime:
            return await way(runtime, workflow, {})

    result = run_clean(main())
    assert (result.status, result.error, result.cause) == ("TIMED_OUT", "States.Timeout", None)
    assert result.billing.duration_ns == seconds * SECOND
    assert workflow.tally.timed_out == 1


def test_a_standard_execution_times_out_without_an_error() -> None:
    workflow = express.compile({**machine(A=wait(AGES)), "TimeoutSeconds": 5}, type="STANDARD")
    result = run_clean(executed(workflow))
    assert (result.status, result.error, result.cause) == ("TIMED_OUT", None, None)


@pytest.mark.slow
def test_one_timer_watches_ten_thousand_executions() -> None:
    """They started one after another and time out in that order, each after its own five minutes."""
    workflow = compiled(machine(A=wait(AGES)))
    ended: list[tuple[int, float]] = []

    async def main() -> int:
        loop = asyncio.get_running_loop()
        async with express.Runtime() as runtime:

            async def listen(number: int, execution: express.Execution) -> None:
                result = await execution
                assert result.status == "TIMED_OUT"
                ended.append((number, result.billing.duration_ns))

            async with asyncio.TaskGroup() as group:
                for number in range(10_000):
                    group.create_task(listen(number, await runtime.start(workflow)))
                    if number % 100 == 0:
                        await asyncio.sleep(1)
                await turns()
                # One timer for each Wait, one for them all.
                return len([t for t in loop._scheduled if not t.cancelled()])  # type: ignore[attr-defined]

    assert run_clean(main()) == 10_001
    assert ended == [(number, 300 * SECOND) for number in range(10_000)]


def test_timeouts_of_their_own_do_not_disturb_the_others() -> None:
    async def main() -> list[tuple[str, int]]:
        async with express.Runtime(execution_timeout=50) as runtime:
            executions = []
            for own in (None, 10, None, 70, None, 20):
                definition = machine(A=wait(AGES))
                workflow = compiled(definition if own is None else {**definition, "TimeoutSeconds": own})
                executions.append(await runtime.start(workflow))
                await asyncio.sleep(1)
            results = [await execution for execution in executions]
            return [(result.status, result.billing.duration_ns // SECOND) for result in results]

    assert run_clean(main()) == [("TIMED_OUT", seconds) for seconds in (50, 10, 50, 50, 50, 20)]


def test_the_watch_goes_on_after_an_idle_time() -> None:
    async def main() -> list[int]:
        seconds = []
        async with express.Runtime(execution_timeout=50) as runtime:
            for _ in range(3):
                result = await runtime.execute(compiled(machine(A=wait(AGES))))
                seconds.append(result.billing.duration_ns // SECOND)
                await asyncio.sleep(70)
                assert (await runtime.execute(compiled(machine(A=wait(1))))).succeeded
        return seconds

    assert run_clean(main()) == [50, 50, 50]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(endless("A"), id="states"),
        pytest.param(machine(A=each(endless("B"))), id="iterations"),
        pytest.param(machine(A=task("answer", Next="B"), B=task("answer", Next="A")), id="tasks"),
        pytest.param(machine(A=wait(0, Next="B"), B=wait(0, Next="A")), id="waits of no time"),
    ],
)
def test_what_never_waits_times_out(definition: dict[str, Any], way: Way) -> None:
    async def answer(payload: JSON) -> JSON:
        return payload

    if "A" in definition["States"] and definition["States"]["A"].get("Next") == "B":
        definition["States"]["C"] = state("Succeed")
        choices = [{"Variable": "$", "IsNull": True, "Next": "C"}]
        definition["States"]["B"] |= {"Next": "D"}
        definition["States"]["D"] = state("Choice", Choices=choices, Default="A")
    workflow = compiled(definition, answer=answer)

    async def main() -> express.Result:
        async with express.Runtime(execution_timeout=1) as runtime:
            return await way(runtime, workflow, [1, 2])

    result = run_clean(main(), tick_ns=100_000)
    assert result.status == "TIMED_OUT"
    assert SECOND <= result.billing.duration_ns < 1.1 * SECOND


def test_a_slow_clock_and_a_long_way() -> None:
    """A reading of the clock that takes longer than a slice does not keep an execution from its end."""
    states = {f"S{index}": state("Pass", Next=f"S{index + 1}") for index in range(1_000)} | {"S1000": state("Pass")}
    result = run_virtual(executed(compiled(machine(**states)), 1), tick_ns=5_000_000)
    assert result.status == "SUCCEEDED"


# --------------------------------------------------------------------------------------------------------------
# the time of a task


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"TimeoutSeconds": 5}, 5),
        ({"HeartbeatSeconds": 5}, 5),
        ({"TimeoutSeconds": 9, "HeartbeatSeconds": 5}, 5),
        ({"TimeoutSecondsPath": "$.limit"}, 7),
        ({"HeartbeatSecondsPath": "$.limit"}, 7),
        ({"TimeoutSeconds": 400}, 300),
    ],
)
def test_a_late_task(fields: dict[str, Any], seconds: int) -> None:
    async def work(payload: JSON) -> None:
        await asyncio.sleep(AGES)

    result = run_clean(executed(calling(work, **fields), {"limit": 7}))
    assert result.error == "States.Timeout"
    assert result.billing.duration_ns == seconds * SECOND
    assert result.status == ("TIMED_OUT" if seconds == 300 else "FAILED")


def test_heartbeats_keep_a_task_alive() -> None:
    async def work(payload: JSON, context: express.TaskContext) -> str:
        for _ in range(10):
            await asyncio.sleep(4)
            context.heartbeat()
        await asyncio.sleep(AGES)
        return "never"

    result = run_clean(executed(calling(work, HeartbeatSeconds=5)))
    assert result.error == "States.Timeout"
    assert result.billing.duration_ns == 45 * SECOND


def test_heartbeats_do_not_prolong_the_timeout() -> None:
    async def work(payload: JSON, context: express.TaskContext) -> None:
        while True:
            await asyncio.sleep(4)
            context.heartbeat()

    result = run_clean(executed(calling(work, HeartbeatSeconds=5, TimeoutSeconds=30)))
    assert (result.error, result.billing.duration_ns) == ("States.Timeout", 30 * SECOND)


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_heartbeat_just_before_the_end(seconds: int) -> None:
    """It comes too late to matter and must not disturb anybody."""

    async def work(payload: JSON, context: express.TaskContext) -> str:
        await asyncio.sleep(seconds)
        context.heartbeat()
        return "done"

    assert run_clean(executed(calling(work, HeartbeatSeconds=5))).output == "done"


def test_a_heartbeat_after_the_end_or_without_need() -> None:
    contexts: list[express.TaskContext] = []

    async def work(payload: JSON, context: express.TaskContext) -> str:
        context.heartbeat()
        contexts.append(context)
        return "done"

    assert run_clean(executed(calling(work))).output == "done"
    assert run_clean(executed(calling(work, HeartbeatSeconds=5))).output == "done"
    for context in contexts:
        context.heartbeat()


def test_a_timeout_of_the_handlers_own_is_its_own() -> None:
    """asyncio.timeout inside a handler raises TimeoutError, which is an error by that name."""

    async def work(payload: JSON) -> None:
        async with asyncio.timeout(3):
            await asyncio.sleep(AGES)

    unlimited: dict[str, Any] = {}
    for fields in (unlimited, {"TimeoutSeconds": 50}):
        result = run_clean(executed(calling(work, **fields)))
        assert (result.error, result.billing.duration_ns) == ("TimeoutError", 3 * SECOND)


def test_each_attempt_has_its_own_time() -> None:
    attempts: list[int] = []

    async def work(payload: JSON, context: express.TaskContext) -> str:
        attempts.append(context.attempt)
        await asyncio.sleep(4 if context.attempt == 2 else AGES)
        return "third"

    retry = [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "BackoffRate": 1.0}]
    result = run_clean(executed(calling(work, TimeoutSeconds=5, Retry=retry)))
    assert (result.output, attempts) == ("third", [0, 1, 2])
    assert result.billing.duration_ns == (5 + 1 + 5 + 1 + 4) * SECOND


def test_a_handler_that_makes_its_cancellation_another_error_is_still_late() -> None:
    async def work(payload: JSON) -> None:
        try:
            await asyncio.sleep(AGES)
        except asyncio.CancelledError:
            raise ValueError("not my fault") from None

    definition = machine(A=task("work", TimeoutSeconds=5, Catch=catching("States.Timeout", to="B")), B=state("Pass"))
    assert run_clean(executed(compiled(definition, work=work))).output == {"Error": "States.Timeout", "Cause": ""}


# --------------------------------------------------------------------------------------------------------------
# threads


def test_blocking_handlers_run_in_threads_with_their_context() -> None:
    order: contextvars.ContextVar[str] = contextvars.ContextVar("order")
    seen: list[tuple[str, bool]] = []

    def work(payload: JSON) -> JSON:
        seen.append((order.get(), threading.current_thread() is threading.main_thread()))
        order.set("changed in the thread")
        return payload

    async def main() -> tuple[JSON, str]:
        async with express.Runtime() as runtime:
            order.set("seven")
            output = (await runtime.execute(calling(work, {"blocking": True}), 7)).output
            return output, order.get()

    assert run_clean(main()) == (7, "seven")
    assert seen == [("seven", False)]


def test_blocking_handlers_run_side_by_side() -> None:
    together = threading.Barrier(3, timeout=10)

    def work(payload: JSON) -> JSON:
        together.wait()
        return payload

    workflow = compiled(machine(A=each(machine(B=task("work")))), {"blocking": True}, work=work)
    assert run_virtual(executed(workflow, [1, 2, 3])).output == [1, 2, 3]


@pytest.mark.slow
def test_a_thread_that_takes_too_long_is_left_alone() -> None:
    release = threading.Event()

    def work(payload: JSON) -> None:
        release.wait(10)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            result = await runtime.execute(calling(work, {"blocking": True}, TimeoutSeconds=1))
            release.set()
            return result

    assert express.run(main()).error == "States.Timeout"


class Kept:
    """A handler that keeps its thread from when it `begins` until `release`."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.release = threading.Event()

    def __call__(self, payload: JSON) -> None:
        self.begun.set()
        self.release.wait(10)

    async def begins(self) -> None:
        await asyncio.to_thread(self.begun.wait, 10)


@pytest.mark.slow
def test_the_time_of_a_task_begins_when_a_thread_is_free_for_it() -> None:
    keep = Kept()
    left: list[float] = []

    def work(payload: JSON, context: express.TaskContext) -> JSON:
        left.append(context.deadline - time.time())
        return payload

    async def main() -> list[str]:
        async with express.Runtime(max_threads=1) as runtime:
            keeping = await runtime.start(calling(keep, {"blocking": True}))
            await keep.begins()
            waiting = await runtime.start(calling(work, {"blocking": True}, TimeoutSeconds=1))
            asyncio.get_running_loop().call_later(1.1, keep.release.set)
            return [(await execution).status for execution in (keeping, waiting)]

    assert express.run(main()) == ["SUCCEEDED"] * 2
    assert 0.5 < left[0] < 1.1


@pytest.mark.parametrize("limits", [{}, {"TimeoutSeconds": 5}, {"HeartbeatSeconds": 5}])
def test_who_is_stopped_waiting_for_a_thread_is_not_called(limits: dict[str, int]) -> None:
    keep = Kept()
    called: list[JSON] = []

    async def main() -> list[str]:
        async with express.Runtime(max_threads=1) as runtime:
            keeping = await runtime.start(calling(keep, {"blocking": True}))
            await keep.begins()
            waiting = await runtime.start(calling(called.append, {"blocking": True}, **limits))
            await turns()
            waiting.stop()
            status = (await waiting).status
            keep.release.set()
            return [status, (await keeping).status]

    assert express.run(main()) == ["ABORTED", "SUCCEEDED"]
    assert not called


def test_a_heartbeat_from_a_thread() -> None:
    def work(payload: JSON, context: express.TaskContext) -> str:
        context.heartbeat()
        return "done"

    assert run_virtual(executed(calling(work, {"blocking": True}, HeartbeatSeconds=5))).output == "done"


@pytest.mark.parametrize(
    "error", [ValueError, StopIteration, StopAsyncIteration, KeyError, RecursionError, TimeoutError]
)
@pytest.mark.parametrize("kind", ["async", "inline", "thread"])
def test_every_exception_is_an_error_by_its_own_name(error: type[Exception], kind: str) -> None:
    def work(payload: JSON) -> None:
        raise error("x")

    async def work_async(payload: JSON) -> None:
        raise error("x")

    workflow = calling(work_async) if kind == "async" else calling(work, {"blocking": kind == "thread"})

    async def main() -> express.Result:
        async with express.Runtime() as runtime, asyncio.timeout(5):
            return await runtime.execute(workflow)

    # Python itself turns a StopIteration that leaves a coroutine into a RuntimeError (PEP 479).
    expected = "RuntimeError" if kind == "async" and "Stop" in error.__name__ else error.__name__
    if kind == "async" and error is StopAsyncIteration:
        expected = "StopAsyncIteration"
    result = express.run(main())
    assert (result.status, result.error) == ("FAILED", expected)
    cause = json.loads(result.cause or "")
    assert cause["errorMessage"] in ("x", "'x'", "coroutine raised StopIteration")
    assert expected == "RuntimeError" or "in work" in cause["stackTrace"][-1]


# --------------------------------------------------------------------------------------------------------------
# turns


def test_who_stands_in_line_when_the_runtime_closes_is_told() -> None:
    """Starting more than a slice holds: those whose turn has not come must not wait for ever."""
    workflow = compiled(machine(A=state("Pass")))

    async def main() -> list[str]:
        async with express.Runtime() as runtime:
            callers = [asyncio.create_task(runtime.execute(workflow)) for _ in range(3_000)]
            await turns(2)
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        return sorted({type(outcome).__name__ for outcome in outcomes})

    assert run_clean(main(), tick_ns=10_000) == ["Result", "RuntimeClosed"]


def test_who_is_cancelled_in_line_leaves_it() -> None:
    workflow = compiled(machine(A=state("Pass")))

    async def main() -> int:
        async with express.Runtime() as runtime:
            callers = [asyncio.create_task(runtime.execute(workflow)) for _ in range(1_000)]
            await turns(2)
            for caller in callers[::2]:
                caller.cancel()
            outcomes = await asyncio.gather(*callers, return_exceptions=True)
            return sum(isinstance(outcome, express.Result) for outcome in outcomes)

    assert run_clean(main(), tick_ns=10_000) >= 500


def test_sleep_is_never_shorter_than_asked() -> None:
    """uvloop's timers tick in milliseconds and may be early; metering reads nanoseconds."""

    async def main() -> int:
        async with express.Runtime() as runtime:
            before = runtime.monotonic_ns()
            await runtime.sleep(0.0101)
            return runtime.monotonic_ns() - before

    assert express.run(main()) >= 10_100_000


# --------------------------------------------------------------------------------------------------------------
# handlers and the task they run in


def identity(payload: JSON) -> JSON:
    return payload


async def same_task(payload: JSON) -> str:
    before = asyncio.current_task()
    await asyncio.sleep(0)
    between = asyncio.current_task()
    await asyncio.sleep(1)
    assert before is not None
    assert before is between is asyncio.current_task()
    return "same"


async def timeout_inside(payload: JSON) -> str:
    try:
        async with asyncio.timeout(2):
            await asyncio.sleep(AGES)
    except TimeoutError:
        return "timed out"
    return "never"


async def late_timeout_inside(payload: JSON) -> str:
    await asyncio.sleep(1)
    return await timeout_inside(payload)


async def wait_for_inside(payload: JSON) -> str:
    try:
        return await asyncio.wait_for(same_task(payload), 0.5)
    except TimeoutError:
        return "timed out"


async def task_group_inside(payload: JSON) -> str:
    done: list[int] = []

    async def part(number: int) -> None:
        await asyncio.sleep(number)
        done.append(number)

    async with asyncio.TaskGroup() as group:
        for number in (3, 1, 2):
            group.create_task(part(number))
    assert done == [1, 2, 3]
    return "grouped"


async def failing_group_inside(payload: JSON) -> str:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError

    failed = ""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.sleep(AGES)
    except* ValueError:
        failed = "group failed"
    return failed


async def anyio_inside(payload: JSON) -> str:
    import anyio

    with anyio.move_on_after(2) as scope:
        await anyio.sleep(AGES)
    assert scope.cancelled_caught
    with anyio.CancelScope() as other:
        other.cancel()
        await anyio.sleep(AGES)
    assert other.cancelled_caught
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, AGES)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    return "moved on"


HANDLERS: list[tuple[Callable[[JSON], Any], str]] = [
    (same_task, "same"),
    (timeout_inside, "timed out"),
    (late_timeout_inside, "timed out"),
    (wait_for_inside, "timed out"),
    (task_group_inside, "grouped"),
    (failing_group_inside, "group failed"),
    (anyio_inside, "moved on"),
]
PLACES: dict[str, Callable[[dict[str, Any]], tuple[dict[str, Any], Callable[[JSON], JSON]]]] = {
    "alone": lambda work: (machine(A=work), lambda output: output),
    "after a Wait": lambda work: (machine(W=wait(1, Next="A"), A=work), lambda output: output),
    "in the first branch": lambda work: (
        machine(P=parallel(machine(A=work), machine(W=wait(9)))),
        lambda output: output[0],
    ),
    "in another branch": lambda work: (
        machine(P=parallel(machine(W=wait(9)), machine(A=work))),
        lambda output: output[1],
    ),
    "in iterations": lambda work: (machine(M=each(machine(A=work))), lambda output: output[2]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("fields", [{}, {"TimeoutSeconds": 100}], ids=["unlimited", "limited"])
@pytest.mark.parametrize(("handler", "answer"), HANDLERS, ids=[handler.__name__ for handler, _ in HANDLERS])
def test_handlers_run_in_one_task_of_their_own(
    handler: Callable[[JSON], Any], answer: str, fields: dict[str, Any], place: Any, way: Way
) -> None:
    """The engine starts coroutines by hand; whatever looks at the current task finds one, and always the same."""
    definition, chosen = place(task("work", **fields))
    workflow = compiled(definition, work=handler)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await way(runtime, workflow, [1, 2, 3])

    result = run_clean(main())
    assert result.succeeded, result
    assert chosen(result.output) == answer


def test_the_clock_of_the_loop_is_used() -> None:
    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        async with express.Runtime() as runtime:
            return runtime.time_ns(), loop.express_clock.time_ns()

    mine, theirs = run_virtual(main(), now="2020-01-01T00:00:00Z")
    assert mine == theirs == 1_577_836_800 * SECOND
