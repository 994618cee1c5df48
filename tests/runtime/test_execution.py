"""How an execution ends: well, in error, stopped by somebody, or given up by its caller. Whatever happens there is
one Result, and nothing is left on the loop."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import express
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
    through_execute,
    through_map,
    through_unordered_map,
    turns,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from express.types import JSON


def outcome(result: express.Result) -> tuple[str, str | None, str | None, float]:
    """Status, error, cause, seconds."""
    return result.status, result.error, result.cause, result.billing.duration_ns / SECOND


async def hang(payload: JSON) -> None:
    await asyncio.sleep(AGES)


# --------------------------------------------------------------------------------------------------------------
# stopping what waits somewhere

BUSY_BRANCH = machine(Slow=wait(AGES))
WAITING_SOMEWHERE: dict[str, dict[str, Any]] = {
    "in a Wait": machine(A=wait(AGES)),
    "in a handler": machine(A=task("hang")),
    "in a handler with a timeout": machine(A=task("hang", TimeoutSeconds=200)),
    "in a handler with a heartbeat": machine(A=task("hang", HeartbeatSeconds=200)),
    "in a handler named by the data": machine(
        A=state(
            "Task",
            Resource="arn:aws:states:::lambda:invoke",
            Parameters={"FunctionName.$": "States.Format('hang')", "Payload": {}},
        )
    ),
    "in a retry delay": machine(A=task("fail", Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": AGES}])),
    "in a Parallel": machine(A=parallel(BUSY_BRANCH, machine(Hang=task("hang")))),
    "in a Map": machine(A=each(BUSY_BRANCH, ItemsPath="$.items")),
    "in a Map one at a time": machine(A=each(BUSY_BRANCH, ItemsPath="$.items", MaxConcurrency=1)),
    "in a Map in a Parallel": machine(A=parallel(machine(B=each(machine(C=task("hang")), ItemsPath="$.items")))),
    "after a Parallel": machine(A=parallel(machine(B=task("answer"))), B2=wait(AGES)) | {"StartAt": "A"},
    "in an endless loop": endless("A"),
    "in an endless loop of a branch": machine(A=parallel(endless("B"), endless("C"))),
}
WAITING_SOMEWHERE["after a Parallel"]["States"]["A"] = parallel(machine(B=task("answer")), Next="B2")


def somewhere(definition: dict[str, Any]) -> express.Workflow:
    async def fail(payload: JSON) -> None:
        await asyncio.sleep(0)
        raise express.TaskError("Broken", "on purpose")

    async def answer(payload: JSON) -> str:
        await asyncio.sleep(0)
        return "here"

    return compiled(definition, hang=hang, fail=fail, answer=answer)


@pytest.mark.parametrize("definition", WAITING_SOMEWHERE.values(), ids=WAITING_SOMEWHERE.keys())
def test_stop_ends_it_at_once_wherever_it_waits(definition: dict[str, Any]) -> None:
    async def main() -> tuple[express.Result, int]:
        async with express.Runtime() as runtime:
            execution = await runtime.start(somewhere(definition), {"items": [1, 2, 3]})
            await asyncio.sleep(5)
            execution.stop("Enough", "I said so")
            result = await execution
            return result, runtime.in_flight

    result, in_flight = run_clean(
        main(), tick_ns=1_000_000 if "AAgain" in repr(definition) or "BAgain" in repr(definition) else 0
    )
    assert (result.status, result.error, result.cause) == ("ABORTED", "Enough", "I said so")
    assert round(result.billing.duration_ns / SECOND) == 5
    assert result.output is None
    assert in_flight == 0


@pytest.mark.parametrize("definition", WAITING_SOMEWHERE.values(), ids=WAITING_SOMEWHERE.keys())
def test_stop_before_the_first_turn(definition: dict[str, Any]) -> None:
    async def main() -> tuple[express.Result, int]:
        async with express.Runtime() as runtime:
            execution = await runtime.start(somewhere(definition), {"items": [1, 2, 3]})
            execution.stop("Early")
            result = await execution
            return result, runtime.in_flight

    result, in_flight = run_clean(main())
    assert outcome(result) == ("ABORTED", "Early", None, 0)
    assert in_flight == 0


@pytest.mark.parametrize("definition", WAITING_SOMEWHERE.values(), ids=WAITING_SOMEWHERE.keys())
def test_cancelling_the_caller_of_execute_aborts(definition: dict[str, Any]) -> None:
    workflow = somewhere(definition)

    async def main() -> int:
        async with express.Runtime() as runtime:
            caller = asyncio.create_task(runtime.execute(workflow, {"items": [1, 2, 3]}))
            await asyncio.sleep(5)
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
            assert caller.cancelled()
            return runtime.in_flight

    assert (
        run_clean(main(), tick_ns=1_000_000 if "AAgain" in repr(definition) or "BAgain" in repr(definition) else 0) == 0
    )
    assert workflow.tally.aborted == workflow.tally.started == 1


def test_stop_after_the_end_changes_nothing() -> None:
    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(machine(A=wait(1))))
            result = await execution
            execution.stop("Late")
            assert await execution is result
            assert execution.done
            return result

    assert outcome(run_clean(main())) == ("SUCCEEDED", None, None, 1)


def test_of_two_stops_the_first_counts() -> None:
    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(machine(A=wait(AGES))))
            await asyncio.sleep(1)
            execution.stop("First", "1")
            execution.stop("Second", "2")
            assert not execution.done
            return await execution

    assert outcome(run_clean(main())) == ("ABORTED", "First", "1", 1)


# --------------------------------------------------------------------------------------------------------------
# stopping itself


def stopping_itself(definition: dict[str, Any], way_out: Callable[[], Coroutine[Any, Any, JSON]]) -> express.Result:
    """Run a machine whose `work` stops its own execution and then goes `way_out`."""
    own: list[express.Execution] = []

    async def work(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        own[0].stop("Myself")
        return await way_out()

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            own.append(await runtime.start(compiled(definition, work=work)))
            return await own[0]

    return run_clean(main())


async def return_at_once() -> str:
    return "done"


async def go_on_for_ages() -> None:
    await asyncio.sleep(AGES)


@pytest.mark.parametrize("way_out", [return_at_once, go_on_for_ages])
@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(machine(A=task("work", Next="B"), B=wait(AGES)), id="then a Wait"),
        pytest.param(machine(A=task("work", Next="B"), B=task("work")), id="then a Task"),
        pytest.param(machine(A=task("work", Next="B"), B=parallel(machine(C=wait(AGES)))), id="then a Parallel"),
        pytest.param(machine(A=parallel(machine(B=task("work", Next="C"), C=wait(AGES)))), id="in a branch"),
        pytest.param(
            machine(A=parallel(machine(B=wait(AGES)), machine(C=task("work", Next="D"), D=wait(AGES)))),
            id="in another branch",
        ),
    ],
)
def test_a_handler_stops_its_own_execution(
    definition: dict[str, Any], way_out: Callable[[], Coroutine[Any, Any, JSON]]
) -> None:
    assert outcome(stopping_itself(definition, way_out)) == ("ABORTED", "Myself", None, 1)


def test_a_plain_handler_stops_its_own_execution() -> None:
    own: list[express.Execution] = []
    definition = machine(A=wait(1, Next="B"), B=task("work", Next="C"), C=wait(AGES))

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            own.append(await runtime.start(compiled(definition, work=lambda payload: own[0].stop("Myself"))))
            return await own[0]

    assert outcome(run_clean(main())) == ("ABORTED", "Myself", None, 1)


def test_a_handler_that_stops_its_execution_is_interrupted_and_may_clean_up() -> None:
    own: list[express.Execution] = []
    events: list[str] = []

    async def work(payload: JSON) -> None:
        await asyncio.sleep(1)
        own[0].stop()
        try:
            await asyncio.sleep(AGES)
        finally:
            await asyncio.sleep(1)
            events.append("cleaned up")

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            own.append(await runtime.start(calling(work)))
            return await own[0]

    assert run_clean(main()).status == "ABORTED"
    assert events == ["cleaned up"]


# --------------------------------------------------------------------------------------------------------------
# handlers and cancellation


def swallowing(events: list[str]) -> Callable[[JSON], Coroutine[Any, Any, str]]:
    async def work(payload: JSON) -> str:
        try:
            await asyncio.sleep(AGES)
        except asyncio.CancelledError:
            events.append("swallowed")
        await asyncio.sleep(2)
        events.append("returned")
        return "never mind"

    return work


def test_a_swallowed_cancellation_still_aborts() -> None:
    events: list[str] = []
    workflow = compiled(machine(A=task("work", Next="B"), B=wait(AGES)), work=swallowing(events))

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow)
            await asyncio.sleep(1)
            execution.stop("Stopped")
            return await execution

    assert outcome(run_clean(main())) == ("ABORTED", "Stopped", None, 3)
    assert events == ["swallowed", "returned"]
    assert workflow.state_entries == {"A": 1, "B": 0}


def test_a_swallowed_timeout_is_still_a_timeout() -> None:
    events: list[str] = []
    result = run_clean(executed(calling(swallowing(events), TimeoutSeconds=5)))
    assert outcome(result) == ("FAILED", "States.Timeout", None, 7)


def test_a_swallowed_execution_timeout_is_still_one() -> None:
    events: list[str] = []
    result = run_clean(executed(calling(swallowing(events)), execution_timeout=10))
    assert (result.status, result.billing.duration_ns) == ("TIMED_OUT", 12 * SECOND)


def test_a_branch_that_swallows_its_cancellation_is_awaited() -> None:
    events: list[str] = []
    failing = machine(Late=wait(1, Next="Fail"), Fail=state("Fail", Error="X"))
    workflow = compiled(
        machine(A=parallel(machine(B=task("work")), failing, Catch=catching("X", to="C")), C=state("Pass")),
        work=swallowing(events),
    )
    result = run_clean(executed(workflow))
    assert result.output == {"Error": "X", "Cause": ""}
    assert (events, result.billing.duration_ns) == (["swallowed", "returned"], 3 * SECOND)


def cancelled_inside(payload: JSON) -> Coroutine[Any, Any, None]:
    """A handler that awaits a task of its own which somebody cancels: nobody cancels the execution."""

    async def work() -> None:
        inner = asyncio.create_task(asyncio.sleep(AGES))
        asyncio.get_running_loop().call_later(1, inner.cancel)
        await inner

    return work()


async def cancelled_late(payload: JSON) -> None:
    await cancelled_inside(payload)


async def cancelled_at_once(payload: JSON) -> None:
    raise asyncio.CancelledError("by the handler itself")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("handler", [cancelled_late, cancelled_at_once])
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda inner: inner, id="plainly"),
        pytest.param(lambda inner: machine(P=parallel(inner)), id="in a branch"),
        pytest.param(lambda inner: machine(P=parallel(machine(W=wait(2)), inner)), id="in another branch"),
    ],
)
def test_a_cancellation_nobody_asked_for_is_an_error_of_the_task(
    way: Way, handler: Callable[[JSON], Coroutine[Any, Any, None]], wrap: Callable[[Any], dict[str, Any]]
) -> None:
    workflow = compiled(wrap(machine(Work=task("work"))), work=handler)

    async def main() -> express.Result:
        async with express.Runtime() as runtime, asyncio.timeout(60):
            return await way(runtime, workflow, {})

    result = run_clean(main())
    assert (result.status, result.error) == ("FAILED", "CancelledError")


# --------------------------------------------------------------------------------------------------------------
# awaiting


def test_many_tasks_await_one_execution() -> None:
    async def main() -> list[express.Result]:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(machine(A=wait(5))))

            async def listen() -> express.Result:
                return await execution

            impatient = asyncio.create_task(listen())
            listeners = [asyncio.create_task(listen()) for _ in range(5)]
            await asyncio.sleep(1)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(listen(), 1)
            assert not execution.done
            results = await asyncio.gather(*listeners)
            return [*results, await execution]

    results = run_clean(main())
    assert [result.status for result in results] == ["SUCCEEDED"] * 6
    assert len(set(map(id, results))) == 1


def test_asking_again_and_again_leaves_nothing_behind() -> None:
    """Each `wait_for` that gives up must not stay in the execution's list of listeners."""

    async def main() -> int:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(machine(A=wait(200))))

            async def listen() -> express.Result:
                return await execution

            for _ in range(100):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(listen(), 1)
            listening = len(execution._waiters or ())
            assert (await execution).succeeded
            return listening

    assert run_clean(main()) <= 1


def test_the_name_is_known_before_during_and_after() -> None:
    async def main() -> list[str]:
        async with express.Runtime() as runtime:
            given = await runtime.start(compiled(machine(A=wait(1))), {}, name="order-7")
            made = await runtime.start(compiled(machine(A=wait(1))))
            before = [given.name, made.name]
            results = [await given, await made]
            assert before == [given.name, made.name] == [result.name for result in results]
            return before

    given, made = run_clean(main())
    assert given == "order-7"
    assert len(made) == 36


# --------------------------------------------------------------------------------------------------------------
# base exceptions


class Interrupt(BaseException):
    """What a signal handler or a test tool may raise: no Exception, and no business of Retry and Catch."""


async def interrupt_at_once(payload: JSON) -> None:
    raise Interrupt


async def interrupt_late(payload: JSON) -> None:
    await asyncio.sleep(1)
    raise Interrupt


def interrupt_plainly(payload: JSON) -> None:
    raise Interrupt


INTERRUPTED = pytest.mark.parametrize("handler", [interrupt_at_once, interrupt_late, interrupt_plainly])
WRAPPED = pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda inner: inner, id="plainly"),
        pytest.param(lambda inner: machine(P=parallel(machine(W=wait(5)), inner)), id="in a branch"),
    ],
)


@INTERRUPTED
@WRAPPED
@pytest.mark.parametrize("way", [through_execute, through_map, through_unordered_map])
def test_a_base_exception_reaches_who_waits_and_the_runtime_still_closes(
    way: Way, handler: Callable[[JSON], Any], wrap: Callable[[Any], dict[str, Any]]
) -> None:
    workflow = compiled(wrap(machine(W1=wait(1, Next="Work"), Work=task("work"))), work=handler)

    async def main() -> int:
        async with express.Runtime() as runtime:
            with pytest.raises(Interrupt):
                async with asyncio.timeout(60):
                    await way(runtime, workflow, {})
            return runtime.in_flight

    assert run_clean(main()) == 0
    assert (workflow.tally.started, workflow.tally.ended) == (1, 1)


@pytest.mark.slow
@INTERRUPTED
@WRAPPED
def test_a_base_exception_of_a_started_execution_aborts_it_and_reaches_the_loop(
    handler: Callable[[JSON], Any], wrap: Callable[[Any], dict[str, Any]]
) -> None:
    workflow = compiled(wrap(machine(W1=wait(1, Next="Work"), Work=task("work"))), work=handler)
    told: list[object] = []

    async def main() -> tuple[express.Result, int]:
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: told.append(type(context.get("exception"))))
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow, {})
            async with asyncio.timeout(60):
                result = await execution
            await turns()
            in_flight = runtime.in_flight
        # asyncio tells of an exception nobody has taken when the task that holds it goes.
        gc.collect()
        loop.set_exception_handler(before)
        return result, in_flight

    result, in_flight = run_clean(main())
    assert (result.status, in_flight) == ("ABORTED", 0)
    assert told == [Interrupt]


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "SystemExit"])
@pytest.mark.parametrize("way", ["execute", "start", "map"])
@pytest.mark.parametrize("kind", ["async def", "def"])
@pytest.mark.slow
def test_leaving_the_program_from_a_handler_leaves_it(name: str, way: str, kind: str) -> None:
    """In a process of its own, which must end: by that exception, and soon."""
    script = f"""
import asyncio, express
tasks = express.Tasks()
@tasks.task("work")
{kind} work(payload):
    raise {name}("leaving")
workflow = express.compile({machine(W=wait(0, Next="Work"), Work=task("work"))!r}, tasks)
async def main():
    async with express.Runtime() as runtime:
        if "{way}" == "execute": await runtime.execute(workflow, {{}})
        if "{way}" == "start": await (await runtime.start(workflow, {{}}))
        if "{way}" == "map": [r async for r in runtime.map(workflow, [{{}}])]
try:
    express.run(main())
except {name} as error:
    print("left by", error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=10, check=False)
    assert done.stdout == "left by leaving\n", done.stderr


# --------------------------------------------------------------------------------------------------------------
# errors of errors


def test_an_error_in_a_catcher_says_where() -> None:
    """What fails in the Catch itself is an error of the state like one in its Parameters: placed, and not caught."""
    failing = task("work", Catch=catching("States.ALL", to="B", Assign={"x.$": "$.nope"}))

    def work(payload: JSON) -> None:
        raise express.TaskError("X", "c")

    result = run_clean(executed(compiled(machine(A=failing, B=state("Pass")), work=work)))
    assert result.error == "States.Runtime"
    assert result.cause == (
        "An error occurred while executing the state 'A' (entered at the event id #2). "
        "The JSONPath '$.nope' specified for the field 'x.$' could not be found in the input "
        """'{"Error":"X","Cause":"c"}'"""
    )


async def test_on_the_real_loop_too() -> None:
    """Everything above runs in virtual time; this much in real time: stop, and be done."""
    async with express.Runtime() as runtime:
        execution = await runtime.start(compiled(machine(A=wait(AGES))))
        await turns()
        execution.stop("Enough")
        result = await execution
    assert (result.status, result.error) == ("ABORTED", "Enough")
    assert result.billing.duration_ms < 1_000
