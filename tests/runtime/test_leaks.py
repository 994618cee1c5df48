"""Memory: whatever becomes of an execution, reference counting alone frees it when the last who cares has gone.

A cycle would be found by the garbage collector, later; with thousands of executions a second, later is too late.
"""

from __future__ import annotations

import asyncio
import gc
import pickle
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

import express
from tests.runtime.machines import (
    AGES,
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
    reference_counting_alone,
    run_clean,
    state,
    task,
    turns,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from express.types import JSON

RETRY = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}]
FAIL = machine(F=state("Fail", Error="X"))
LATE = machine(L=wait(1, Next="F"), F=state("Fail", Error="X"))
HANG = machine(H=wait(AGES))

#: Every way to end, of every kind of state.
ENDS: dict[str, dict[str, Any]] = {
    "passes": machine(A=state("Pass")),
    "waits": machine(A=wait(1)),
    "fails": machine(A=state("Fail", Error="X")),
    "fails later": LATE,
    "is the engine's own error": machine(A=state("Pass", InputPath="$.nope")),
    "answers": machine(A=task("answer")),
    "answers later": machine(A=task("answer_later")),
    "raises": machine(A=task("broken")),
    "raises later": machine(A=task("broken_later")),
    "names its error": machine(A=task("named", Retry=RETRY)),
    "names its error and is caught": machine(A=task("named", Catch=catching("Named", to="B")), B=state("Pass")),
    "raises and is caught": machine(A=task("broken", Catch=catching("States.ALL", to="B")), B=state("Pass")),
    "raises later and is caught": machine(
        A=task("broken_later", Catch=catching("States.ALL", to="B")), B=state("Pass")
    ),
    "retries": machine(A=task("broken", Retry=RETRY)),
    "retries later": machine(A=task("broken_later", Retry=RETRY)),
    "is late": machine(A=task("hang", TimeoutSeconds=1)),
    "misses a heartbeat": machine(A=task("informed", HeartbeatSeconds=1)),
    "no JSON": machine(A=task("no_json")),
    "plain branches": machine(A=parallel(machine(B=state("Pass")), machine(C=state("Pass")))),
    "waiting branches": machine(A=parallel(machine(B=wait(1)), machine(C=wait(2)))),
    "a branch fails": machine(A=parallel(machine(B=state("Pass")), FAIL)),
    "a branch fails later": machine(A=parallel(HANG, LATE)),
    "a branch fails and is caught": machine(A=parallel(HANG, LATE, Catch=catching("X", to="B")), B=state("Pass")),
    "a branch fails and is retried": machine(A=parallel(HANG, LATE, Retry=RETRY)),
    "two branches fail": machine(A=parallel(LATE, machine(M=wait(1, Next="G"), G=state("Fail", Error="Y")))),
    "plain iterations": machine(A=each(machine(B=state("Pass")))),
    "waiting iterations": machine(A=each(machine(B=wait(1)))),
    "an iteration fails": machine(A=each(FAIL)),
    "an iteration fails later": machine(A=each(LATE, Catch=catching("X", to="B")), B=state("Pass")),
    "iterations answer": machine(A=each(machine(B=task("answer_later")))),
    "an iteration raises": machine(A=each(machine(B=task("broken")), Retry=RETRY)),
    "iterations are late together": machine(A=each(machine(B=task("hang", TimeoutSeconds=1)))),
    "iterations raise together": machine(A=each(machine(B=task("broken_later")))),
    "branches are late together": machine(
        A=parallel(machine(B=task("hang", TimeoutSeconds=1)), machine(C=task("hang", TimeoutSeconds=1)))
    ),
    "a branch is late as another fails": machine(A=parallel(LATE, machine(B=task("hang", TimeoutSeconds=1)))),
    "branches within are late as another fails": machine(
        A=parallel(
            LATE,
            machine(B=parallel(machine(C=task("hang", TimeoutSeconds=1)), machine(D=task("broken_later")))),
        )
    ),
    "branches within branches are late together": machine(
        A=parallel(
            machine(B=parallel(machine(C=task("hang", TimeoutSeconds=1)), machine(D=task("hang", TimeoutSeconds=1)))),
            machine(E=parallel(machine(F=task("hang", TimeoutSeconds=1)), machine(G=task("hang", TimeoutSeconds=1)))),
        )
    ),
    "times out": HANG,
    "times out in a branch": machine(A=parallel(HANG, machine(B=wait(AGES)))),
    "times out in a loop": endless("A"),
    "times out in a loop in an iteration": machine(
        A=each(machine(B=each(endless("C"), ItemsPath="$$.Execution.Input")))
    ),
    "times out in a loop in a branch": machine(A=parallel(machine(B=each(endless("C"))), HANG)),
}


def answer(payload: JSON) -> JSON:
    return payload


async def answer_later(payload: JSON) -> JSON:
    await asyncio.sleep(1)
    return payload


def broken(payload: JSON) -> None:
    raise ValueError("broken")


async def named(payload: JSON) -> None:
    error = express.TaskError("Named")
    raise error


async def broken_later(payload: JSON) -> None:
    await asyncio.sleep(1)
    raise ValueError("broken")


async def hang(payload: JSON) -> None:
    await asyncio.sleep(AGES)


async def informed(payload: JSON, context: express.TaskContext) -> str:
    context.heartbeat()
    await asyncio.sleep(AGES)
    return context.execution_name


def no_json(payload: JSON) -> JSON:
    return {1, 2}


def built(definition: dict[str, Any]) -> express.Workflow:
    handlers: tuple[Callable[..., Any], ...] = (
        answer,
        answer_later,
        broken,
        broken_later,
        named,
        hang,
        informed,
        no_json,
    )
    return compiled(definition, None, **{handler.__name__: handler for handler in handlers})


@pytest.fixture(scope="module", autouse=True)
def _rest_of_the_suite() -> Iterator[None]:
    """Whatever thousands of other tests keep alive is not looked at again by each collection here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _collected() -> None:
    """What other tests have left must not be counted here."""
    gc.collect()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("definition", ENDS.values(), ids=ENDS.keys())
def test_an_execution_that_has_ended_is_gone(definition: dict[str, Any], way: Way) -> None:
    workflow = built(definition)
    statuses: list[str] = []

    async def main() -> None:
        async with express.Runtime(execution_timeout=5) as runtime:
            for _ in range(3):
                statuses.append((await way(runtime, workflow, [1, 2])).status)
            await turns()

    with reference_counting_alone():
        run_clean(main(), tick_ns=1_000_000 if "Again" in repr(definition) else 0)
    assert len(set(statuses)) == 1


@pytest.mark.parametrize("definition", [HANG, machine(A=parallel(HANG, machine(B=task("hang")))), endless("A")])
def test_a_stopped_execution_is_gone(definition: dict[str, Any]) -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:
            for _ in range(3):
                execution = await runtime.start(built(definition))
                await turns()
                execution.stop("Enough")
                assert (await execution).status == "ABORTED"
                del execution
            await turns()

    with reference_counting_alone():
        run_clean(main(), tick_ns=1_000_000 if "Again" in repr(definition) else 0)


@pytest.mark.parametrize("definition", [HANG, machine(A=parallel(HANG, machine(B=task("hang"))))])
def test_an_execution_whose_caller_gave_up_is_gone(definition: dict[str, Any]) -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(runtime.execute(built(definition), [1, 2]), 1)
            await turns()

    with reference_counting_alone():
        run_clean(main())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("definition", [HANG, machine(A=parallel(HANG, machine(B=task("hang"))))])
def test_an_execution_whose_task_was_cancelled_is_gone(definition: dict[str, Any], way: Way) -> None:
    """A task keeps the exception it ended with, that the frames it came through, and one of them knows the task."""

    async def main() -> None:
        async with express.Runtime(drain_timeout=0) as runtime:
            for _ in range(3):
                caller = asyncio.ensure_future(way(runtime, built(definition), [1, 2]))
                await asyncio.sleep(1)
                caller.cancel()
                await asyncio.wait([caller])
                assert caller.cancelled()
                del caller
            await turns()

    with reference_counting_alone():
        run_clean(main())


def test_a_result_keeps_no_execution() -> None:
    results: list[express.Result] = []

    async def main() -> None:
        async with express.Runtime() as runtime:
            for definition in (ENDS["raises later"], ENDS["a branch fails later"], ENDS["waits"]):
                results.append(await runtime.execute(built(definition), [1]))

    with reference_counting_alone():
        run_clean(main())
    assert [result.status for result in results] == ["FAILED", "FAILED", "SUCCEEDED"]


@pytest.mark.parametrize("seconds", [None, 0, 1])
def test_handles_of_executions_started_in_one_turn_are_gone(seconds: int | None) -> None:
    """Most get a task of their own, in which they end at once where tasks are eager and the handler does not wait."""

    async def work(payload: JSON) -> JSON:
        if seconds is not None:
            await asyncio.sleep(seconds)
        return payload

    async def main() -> None:
        async with express.Runtime() as runtime:
            workflow = calling(work)
            started = [await runtime.start(workflow, n) for n in range(10)]
            for execution in started:
                assert (await execution).succeeded
                assert execution.task is None
                assert pickle.loads(pickle.dumps(execution)).output == execution.output
            del started, execution
            await turns()
            assert not [thing for thing in gc.get_objects() if isinstance(thing, express.Execution)]

    with reference_counting_alone():
        run_clean(main())


def test_a_handle_that_is_kept_keeps_no_execution() -> None:
    executions: list[express.Execution] = []

    async def main() -> None:
        async with express.Runtime() as runtime:
            executions.append(await runtime.start(built(machine(A=wait(1)))))

    with reference_counting_alone():
        run_clean(main())
    assert executions[0].name


@pytest.mark.slow
def test_memory_stays_level_over_many_executions() -> None:
    workflow = built(
        machine(A=task("answer_later", Next="B"), B=parallel(machine(C=wait(1)), machine(D=state("Pass"))))
    )

    async def main() -> list[int]:
        sizes = []
        async with express.Runtime(max_in_flight=100) as runtime:
            for _ in range(4):
                async for _ in runtime.map(workflow, range(500)):
                    pass
                sizes.append(tracemalloc.get_traced_memory()[0])
        return sizes

    gc.disable()
    tracemalloc.start()
    try:
        sizes = run_clean(main())
    finally:
        tracemalloc.stop()
        gc.enable()
    assert sizes[-1] - sizes[1] < 50_000


def test_a_failing_handler_s_traceback_is_not_kept() -> None:
    """An error that was retried or caught holds the handler's locals no longer than it is looked at."""

    class Big:
        pass

    def work(payload: JSON) -> None:
        big = Big()
        raise ValueError(str(type(big)))

    definition = machine(A=task("work", Retry=RETRY, Catch=catching("ValueError", to="B")), B=wait(1))
    with reference_counting_alone():
        run_clean(executed(compiled(definition, work=work)))
        assert not [thing for thing in gc.get_objects() if isinstance(thing, Big)]
