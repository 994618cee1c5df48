"""The Runtime: how many run at once and who is next, closing, names, inputs, counters."""

from __future__ import annotations

import asyncio
import datetime
import re
from collections import Counter
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import express
from express.program import Run
from tests.obscure import Nameless, Number, Record, Row, Secretive, Unshowable, Unspeakable, Word
from tests.runtime.machines import (
    AGES,
    SECOND,
    WAYS,
    Way,
    calling,
    catching,
    compiled,
    each,
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
    from collections.abc import AsyncIterator, Callable

    from express.types import JSON, MachineType

PASSING = machine(A=state("Pass"))
SLOW = machine(A=wait(10))


# --------------------------------------------------------------------------------------------------------------
# how many at once


@pytest.mark.parametrize(
    "limits",
    [
        {"max_in_flight": 0},
        {"max_in_flight": -1},
        {"map_concurrency": 0},
        {"payload_limit": 0},
        {"execution_timeout": 0},
        {"execution_timeout": -1.0},
        {"execution_timeout": float("nan")},
        {"execution_timeout": float("inf")},
        {"execution_timeout": 10**400},
        {"drain_timeout": float("nan")},
    ],
)
def test_limits_are_positive(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        express.Runtime(**limits)


@pytest.mark.parametrize("limits", [{"max_in_flight": 1.5}, {"payload_limit": True}, {"execution_timeout": "5"}])
def test_limits_are_numbers(limits: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"^{next(iter(limits))} must be a"):
        express.Runtime(**limits)


def test_stopping_what_has_ended_at_once_does_nothing() -> None:
    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(machine(A=state("Pass"))), 7)
            execution.stop("Too", "late")
            await asyncio.to_thread(execution.stop)
            return await execution

    assert express.run(main()).output == 7


def test_an_execution_is_stopped_from_another_thread() -> None:
    async def wait_for_ever(payload: JSON) -> JSON:
        return await asyncio.get_running_loop().create_future()

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(machine(A=task("work")), work=wait_for_ever))
            await asyncio.to_thread(execution.stop, "Stopped", "elsewhere")
            return await execution

    result = express.run(main())
    assert (result.status, result.error, result.cause) == ("ABORTED", "Stopped", "elsewhere")


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("way", ["execute", "start", "map"])
def test_a_runtime_belongs_to_one_loop(way: str, is_full: bool) -> None:
    """Another thread is refused before anything happens."""

    async def later(payload: JSON) -> JSON:
        await asyncio.sleep(0)
        return payload

    async def main() -> int:
        workflow = compiled(machine(A=task("work")), work=later)
        async with express.Runtime(max_in_flight=1) as runtime:

            async def use() -> None:
                if way == "map":
                    [_ async for _ in runtime.map(workflow, [1])]
                else:
                    await getattr(runtime, way)(workflow, 1)

            running = await runtime.start(workflow, 1) if is_full else None
            with pytest.raises(RuntimeError, match="the Runtime belongs to another event loop"):
                await asyncio.to_thread(asyncio.run, use())
            if running is not None:
                assert (await running).succeeded
            assert (await asyncio.wait_for(runtime.execute(workflow, 2), 10)).succeeded
            return runtime.in_flight

    assert express.run(main()) == 0


def test_start_waits_while_the_runtime_is_full() -> None:
    async def main() -> list[tuple[int, float]]:
        loop = asyncio.get_running_loop()
        started = []
        async with express.Runtime(max_in_flight=2) as runtime:
            for seconds in (10, 4, 8, 1):
                await runtime.start(compiled(machine(A=wait(seconds))))
                started.append((runtime.in_flight, loop.time() - 1))
            fullness.append(runtime.is_full)
        fullness.append(runtime.is_full)
        return started

    fullness: list[bool] = []
    assert run_clean(main()) == [(1, 0), (2, 0), (2, 4), (2, 10)]
    assert fullness == [True, False]


@pytest.mark.parametrize("way", WAYS)
def test_never_more_in_flight_than_allowed(way: Way) -> None:
    """Whatever comes in at once and by whichever way, and the limit is really reached."""
    running = peak = 0

    async def work(payload: JSON) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(payload % 3)
        running -= 1

    workflow = calling(work)

    async def main() -> list[str]:
        async with express.Runtime(max_in_flight=7) as runtime:
            results = await asyncio.gather(*(way(runtime, workflow, number) for number in range(50)))
            return [result.status for result in results]

    assert run_clean(main()) == ["SUCCEEDED"] * 50
    assert peak == 7


def test_streams_and_starts_share_the_places() -> None:
    running = peak = 0

    async def work(payload: JSON) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(1)
        running -= 1

    workflow = calling(work)

    async def events() -> AsyncIterator[int]:
        for number in range(30):
            await asyncio.sleep(0)
            yield number

    async def main() -> list[int]:
        async with express.Runtime(max_in_flight=5) as runtime:

            async def stream(source: Any) -> int:
                return len([result async for result in runtime.map(workflow, source)])

            async def starts() -> int:
                return len([await (await runtime.start(workflow, number)) for number in range(10)])

            return list(await asyncio.gather(stream(events()), stream(range(30)), stream(events()), starts()))

    assert run_clean(main()) == [30, 30, 30, 10]
    assert peak == 5


@pytest.mark.parametrize("places", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(12))
def test_results_keep_their_order_while_others_start(seed: int, places: int) -> None:
    """Whichever worker of the stream gets its place first."""
    random = Random(seed)

    async def work(payload: Any) -> JSON:
        for _ in range(payload["turns"]):
            await asyncio.sleep(0)
        return payload

    workflow = calling(work)

    async def main() -> list[tuple[int | None, JSON]]:
        async with express.Runtime(max_in_flight=places) as runtime:

            async def compete() -> None:
                for _ in range(20):
                    started = [await runtime.start(workflow, {"turns": random.choice([0, 1, 2, 3])}) for _ in "ab"]
                    for execution in started:
                        await execution

            rivals = [asyncio.create_task(compete()) for _ in range(3)]
            events = [{"i": index, "turns": random.choice([0, 0, 1, 2, 5])} for index in range(60)]
            results = [(result.index, result.output["i"]) async for result in runtime.map(workflow, events)]
            await asyncio.gather(*rivals)
            return results

    assert run_clean(main()) == [(index, index) for index in range(60)]


def test_who_waits_first_is_served_first() -> None:
    order: list[int] = []

    async def main() -> None:
        async with express.Runtime(max_in_flight=1) as runtime:

            async def customer(number: int) -> None:
                execution = await runtime.start(compiled(SLOW))
                order.append(number)
                await execution

            async with asyncio.TaskGroup() as group:
                for number in range(10):
                    group.create_task(customer(number))

    run_clean(main())
    assert order == list(range(10))


@pytest.mark.parametrize("way", WAYS)
def test_nobody_jumps_the_queue(way: Way) -> None:
    """Two take turns at one place: who has just been served and comes again stands behind who waits already."""
    order: list[str] = []
    workflow = compiled(machine(A=wait(1)))

    async def main() -> None:
        async with express.Runtime(max_in_flight=1) as runtime:

            async def customer(name: str) -> None:
                for _ in range(4):
                    await way(runtime, workflow, {})
                    order.append(name)

            await asyncio.gather(customer("a"), customer("b"), customer("c"))

    run_clean(main())
    assert "".join(order) == "abc" * 4


def test_who_gives_up_waiting_leaves_the_queue() -> None:
    async def main() -> list[str]:
        order: list[str] = []
        async with express.Runtime(max_in_flight=1) as runtime:

            async def customer(name: str) -> None:
                await runtime.execute(compiled(SLOW))
                order.append(name)

            first, impatient, last = (asyncio.create_task(customer(name)) for name in ("first", "gone", "last"))
            await asyncio.sleep(5)
            impatient.cancel()
            await asyncio.wait([first, impatient, last])
            assert impatient.cancelled()
        return order

    assert run_clean(main()) == ["first", "last"]


def test_who_gives_up_when_it_is_his_turn_hands_his_place_on() -> None:
    async def main() -> int:
        async with express.Runtime(max_in_flight=1) as runtime:
            waiting: list[asyncio.Task[express.Execution]] = []

            async def leave() -> None:
                await runtime.execute(compiled(SLOW))
                # The first who waits has just been given the place, and has not run since.
                waiting[0].cancel()

            leaving = asyncio.create_task(leave())
            await turns()
            waiting.extend(asyncio.create_task(runtime.start(compiled(SLOW))) for _ in range(2))
            await leaving
            result = await (await waiting[1])
            assert waiting[0].cancelled()
            return result.billing.duration_ns

    assert run_clean(main()) == 10 * SECOND


@pytest.mark.slow
def test_thousands_in_flight() -> None:
    async def main() -> tuple[int, list[str]]:
        async with express.Runtime(max_in_flight=20_000) as runtime:
            workflow = compiled(machine(A=parallel(machine(B=wait(5)), machine(C=wait(6)))))
            executions = [await runtime.start(workflow, number) for number in range(20_000)]
            in_flight = runtime.in_flight
            return in_flight, [(await execution).status for execution in executions]

    in_flight, statuses = run_clean(main())
    assert in_flight == 20_000
    assert Counter(statuses) == {"SUCCEEDED": 20_000}


# --------------------------------------------------------------------------------------------------------------
# closing


def test_leaving_lets_executions_end() -> None:
    async def main() -> tuple[express.Result, float]:
        async with express.Runtime() as runtime:
            execution = await runtime.start(compiled(SLOW))
        assert execution.done
        return await execution, asyncio.get_running_loop().time() - 1

    result, seconds = run_clean(main())
    assert (result.status, seconds) == ("SUCCEEDED", 10)


@pytest.mark.parametrize(
    ("drain", "status", "seconds"), [(10.5, "SUCCEEDED", 10), (3, "ABORTED", 3), (0, "ABORTED", 0)]
)
def test_leaving_waits_no_longer_than_the_drain_timeout(drain: float, status: str, seconds: float) -> None:
    async def main() -> tuple[list[express.Result], float]:
        async with express.Runtime(drain_timeout=drain) as runtime:
            executions = [await runtime.start(compiled(SLOW)) for _ in range(3)]
        return [await execution for execution in executions], asyncio.get_running_loop().time() - 1

    results, took = run_clean(main())
    assert [result.status for result in results] == [status] * 3
    assert took == seconds


def test_leaving_by_an_exception_aborts_at_once() -> None:
    ended: list[express.Execution] = []

    async def main() -> float:
        with pytest.raises(ZeroDivisionError):
            async with express.Runtime() as runtime:
                ended.append(await runtime.start(compiled(SLOW)))
                await asyncio.sleep(1)
                raise ZeroDivisionError
        assert (await ended[0]).status == "ABORTED"
        return asyncio.get_running_loop().time() - 1

    assert run_clean(main()) == 1


def test_close_awaits_the_clean_up_of_handlers() -> None:
    events: list[str] = []

    async def work(payload: JSON) -> None:
        try:
            await asyncio.sleep(AGES)
        finally:
            await asyncio.sleep(2)
            events.append("cleaned up")

    async def main() -> float:
        async with express.Runtime(drain_timeout=0) as runtime:
            await runtime.start(calling(work))
            await asyncio.sleep(1)
        assert events == ["cleaned up"]
        return asyncio.get_running_loop().time() - 1

    assert run_clean(main()) == 3


def test_a_closer_who_is_cancelled_still_leaves_nothing_running() -> None:
    """A drain that is itself interrupted becomes an abort."""

    async def main() -> float:
        executions: list[express.Execution] = []

        async def serve() -> None:
            async with express.Runtime() as runtime:
                executions.append(await runtime.start(compiled(machine(A=wait(200)))))

        server = asyncio.create_task(serve())
        await asyncio.sleep(5)
        server.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server
        assert (await executions[0]).status == "ABORTED"
        return asyncio.get_running_loop().time() - 1

    assert run_clean(main()) == 5


@pytest.mark.parametrize("definition", [PASSING, SLOW], ids=["plain", "waiting"])
@pytest.mark.parametrize("way", WAYS)
def test_a_closed_runtime_starts_nothing(way: Way, definition: dict[str, Any]) -> None:
    workflow = compiled(definition)

    async def main() -> None:
        runtime = express.Runtime()
        with pytest.raises(express.RuntimeClosed, match="closed or was not entered"):
            await way(runtime, workflow, {})
        async with runtime:
            pass
        with pytest.raises(express.RuntimeClosed, match="closed or was not entered"):
            await way(runtime, workflow, {})

    run_clean(main())
    assert workflow.tally.started == 0


def test_who_waits_for_a_place_is_told_that_there_will_be_none() -> None:
    async def main() -> list[type[BaseException] | None]:
        async with express.Runtime(max_in_flight=1) as runtime:
            await runtime.start(compiled(SLOW))
            waiting = [asyncio.create_task(runtime.start(compiled(SLOW))) for _ in range(3)]
            await turns()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        return [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)]

    assert run_clean(main()) == [express.RuntimeClosed] * 3


def test_a_runtime_may_be_entered_again() -> None:
    async def main() -> list[str]:
        runtime = express.Runtime()
        statuses: list[str] = []
        for _ in range(2):
            async with runtime:
                statuses.append((await runtime.execute(compiled(SLOW))).status)
        return statuses

    assert run_clean(main()) == ["SUCCEEDED"] * 2


def test_a_runtime_is_not_entered_twice() -> None:
    """Neither in itself, nor from another loop, nor while it is being left; and goes on undisturbed."""
    refused: list[str] = []

    async def enter(runtime: express.Runtime) -> None:
        with pytest.raises(RuntimeError, match="in use already") as raised:
            async with runtime:
                raise AssertionError
        refused.append(str(raised.value))

    async def main() -> str:
        async with express.Runtime() as runtime:
            await enter(runtime)
            await asyncio.to_thread(asyncio.run, enter(runtime))
            execution = await runtime.start(compiled(SLOW))
            leaving = asyncio.create_task(runtime.close())
            await turns()
            await enter(runtime)
            await leaving
        return (await execution).status

    assert run_clean(main()) == "SUCCEEDED"
    assert len(refused) == 3


@pytest.mark.parametrize("way", WAYS)
def test_a_runtime_of_another_loop_in_this_thread(way: Way) -> None:
    """For example of a fixture with a wider scope than its test."""

    async def later(payload: JSON) -> JSON:
        await asyncio.sleep(0)
        return payload

    async def other(runtime: express.Runtime) -> None:
        with pytest.raises(RuntimeError, match="the Runtime belongs to another event loop"):
            await way(runtime, calling(later), 1)

    runtime = express.Runtime()
    own = asyncio.new_event_loop()
    try:
        own.run_until_complete(runtime.__aenter__())
        assert own.run_until_complete(way(runtime, calling(later), 1)).output == 1
        asyncio.run(other(runtime))
        own.run_until_complete(runtime.close())
    finally:
        own.close()


def test_what_cannot_block_is_refused_in_another_loop_where_it_has_to_wait() -> None:
    runtime = express.Runtime()
    own = asyncio.new_event_loop()

    async def other() -> None:
        with pytest.raises(RuntimeError, match="the Runtime belongs to another event loop"):
            while True:
                await runtime.execute(workflow)

    workflow = compiled(PASSING)
    try:
        own.run_until_complete(runtime.__aenter__())
        asyncio.run(other())
        assert own.run_until_complete(runtime.execute(workflow)).succeeded
        own.run_until_complete(runtime.close())
    finally:
        own.close()


# --------------------------------------------------------------------------------------------------------------
# names and inputs

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize("definition", [PASSING, SLOW, machine(A=state("Fail", Error="X"))])
def test_generated_names_are_unique_uuids(definition: dict[str, Any]) -> None:
    async def main() -> list[str]:
        names = []
        for _ in range(2):
            async with express.Runtime() as runtime:
                names += [(await runtime.execute(compiled(definition))).name for _ in range(20)]
                names += [result.name async for result in runtime.map(compiled(definition), range(20))]
        return names

    names = run_clean(main())
    assert len(set(names)) == 80
    assert all(map(UUID4.fullmatch, names))


@pytest.mark.parametrize("definition", [PASSING, SLOW])
def test_given_names(definition: dict[str, Any]) -> None:
    async def main() -> list[str]:
        async with express.Runtime() as runtime:
            workflow = compiled(definition)
            started = await runtime.start(workflow, {}, name="b")
            return [
                (await runtime.execute(workflow, {}, name="a")).name,
                started.name,
                (await started).name,
                (await runtime.execute(workflow, float("nan"), name="broken")).name,
            ]

    assert run_clean(main()) == ["a", "b", "b", "broken"]


def test_iterations_share_no_constant() -> None:
    inner = machine(B=state("Pass", Parameters={"v.$": "States.Array(1)", "w.$": "States.StringToJson('{\"x\":[1]}')"}))
    first, second = run_clean(executed(compiled(machine(A=each(inner))), [0, 0])).output
    first["v"].append(2)
    first["w"]["x"].append(2)
    assert second == {"v": [1], "w": {"x": [1]}}


@pytest.mark.parametrize("event", [None, True, 0, 1.5, "text", [], [1, None], {}, {"a": {"b": [1]}}, 10**30, ""])
@pytest.mark.parametrize("way", WAYS)
def test_any_json_is_an_input(way: Way, event: JSON) -> None:
    async def main() -> JSON:
        async with express.Runtime() as runtime:
            return [(await way(runtime, compiled(definition), event)).unwrap() for definition in (PASSING, SLOW)]

    assert run_clean(main()) == [event, event]


def test_without_an_input_it_is_an_empty_object() -> None:
    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            started = await runtime.start(compiled(PASSING))
            return [(await runtime.execute(compiled(PASSING))).output, (await started).output]

    assert run_clean(main()) == [{}, {}]


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(machine(A=state("Pass", Result={"a": [1]})), id="Result"),
        pytest.param(machine(A=state("Pass", Parameters={"a": [1]})), id="Parameters"),
        pytest.param(
            machine(A=state("Pass", Assign={"v": [1]}, Next="B"), B=state("Pass", Parameters={"a.$": "$v"})),
            id="Assign",
        ),
        pytest.param(machine(A=task("work")), id="a trusted handler's"),
        pytest.param(
            machine(
                A=each(machine(B=state("Pass", Result=[1])), ItemsPath="$$.Execution.Input", Next="C"),
                C=state("Pass", Parameters={"a.$": "$[0]"}),
            ),
            id="iterations",
        ),
        *(
            pytest.param(machine(A=state("Pass", Parameters={"a.$": expression})), id=expression)
            for expression in (
                "States.Array(1)",
                "States.StringToJson('[1]')",
                "States.ArrayRange(1, 1, 1)",
                "States.ArrayGetItem(States.StringToJson('[[1]]'), 0)",
            )
        ),
        pytest.param(
            machine(
                A=state("Pass", Parameters={"l": [0]}, Next="B"),
                B=state("Pass", Parameters={"l.$": '$.l.append({"a": [1]})'}, Next="C"),
                C=state("Pass", Parameters={"a.$": "$.l[1].a"}),
            ),
            id="an argument of a path's function",
        ),
    ],
)
def test_the_caller_may_change_a_result(definition: dict[str, Any]) -> None:
    """Parts of a definition come out as output; whoever changes that must not change the workflow."""
    workflow = compiled(definition, work=lambda payload: {"a": [1]})
    for _ in range(3):
        output = run_clean(executed(workflow, [0])).output
        assert output == {"a": [1]}
        output["a"].append(2)
        output["b"] = 3


LONG = "N" * 1_000

BROKEN = [
    (float("nan"), "$ is nan, which is not a JSON number"),
    ({"a": [1, {2}]}, "$.a[1] is a set, which is not JSON"),
    ({1: 2}, "$ has a key that is no string: 1"),
    ({"a": {Unshowable(): 2}}, "$.a has a key that is no string: a Unshowable that cannot be shown"),
    ({"a": Nameless("Mystery", (), {})()}, "$.a is a Mystery, which is not JSON"),
    ({"a": type(LONG, (), {})()}, f"$.a is a {'N' * 100}…, which is not JSON"),
    ({"a": Number("nan")}, "$.a is nan, which is not a JSON number"),
    ({Word("key"): {1}}, "$.key is a set, which is not JSON"),
    ({LONG: {1}}, f"$.{'N' * 100}… is a set, which is not JSON"),
    (Record(a=Row([{1}])), "$.a[0] is a set, which is not JSON"),
    ({Row: 2}, f"$ has a key that is no string: {Row!r}"),
    ({"a": {10**5_000: 2}}, "$.a has a key that is no string: a int that cannot be shown"),
    ({("k" * 200,): 2}, f"$ has a key that is no string: ('{'k' * 98}…"),
    ({"a": "\ud800"}, "$.a is a string with a lone surrogate, which is not valid Unicode"),
    (b"bytes", "$ is a bytes, which is not JSON"),
    ({"when": [datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)]}, "$.when[0] is a datetime, which is not JSON"),
    ({"price": Decimal(1)}, "$.price is a Decimal, which is not JSON"),
]


@pytest.mark.parametrize("definition", [PASSING, SLOW], ids=["plain", "waiting"])
@pytest.mark.parametrize(("event", "reason"), BROKEN)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_json_is_refused(way: Way, event: JSON, reason: str, definition: dict[str, Any]) -> None:
    workflow = compiled(definition)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await way(runtime, workflow, event)

    result = run_clean(main())
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert result.cause == f"Invalid State Machine Execution Input: '{reason}'"
    assert (workflow.tally.started, workflow.tally.failed) == (1, 1)
    assert workflow.state_entries == {"A": 0}


@pytest.mark.parametrize("way", WAYS)
def test_what_hides_its_class_is_refused(way: Way) -> None:
    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await way(runtime, compiled(PASSING), {"a": Secretive()})

    result = run_clean(main())
    assert result.cause == "Invalid State Machine Execution Input: '$.a is a Secretive, which is not JSON'"


@pytest.mark.parametrize("event", [[None, Word("a")], Record(a=None, b=Row([0.5]))])
@pytest.mark.parametrize("way", WAYS)
def test_methods_of_derived_classes_are_not_called(way: Way, event: JSON) -> None:
    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await way(runtime, compiled(PASSING), event)

    result = run_clean(main())
    assert result.succeeded
    assert result.output is event


#: What orjson writes and is not looked for: (input, InputPath, the output or the error it comes to).
NOT_LOOKED_FOR: list[tuple[JSON, str, JSON]] = [
    ({"pair": (1, 2)}, "$", {"pair": (1, 2)}),
    ({"pair": (1, 2)}, "$.pair", (1, 2)),
    ({"pair": (1, 2)}, "$.pair[0]", None),
    ({"pair": (1, 2)}, "$.pair[*]", []),
    ({"id": UUID(int=1)}, "$.id", UUID(int=1)),
    ({"id": UUID(int=1)}, "$.id.x", None),
]


@pytest.mark.parametrize(("event", "path", "output"), NOT_LOOKED_FOR)
def test_what_is_not_looked_for_stays_what_it_is(event: JSON, path: str, output: JSON) -> None:
    result = run_clean(executed(compiled(machine(A=state("Pass", InputPath=path))), event))
    assert (result.output, result.error) == (output, "States.Runtime" if output is None else None)
    assert type(result.output) is type(output)


def test_what_is_not_looked_for_is_found_at_the_task_edge() -> None:
    workflow = calling(lambda payload: payload)
    assert run_clean(executed(workflow, {"pair": (1, 2)})).output == {"pair": [1, 2]}
    result = run_clean(executed(workflow, {"id": UUID(int=1)}))
    assert result.cause == (
        "An error occurred while executing the state 'Work' (entered at the event id #2). "
        "The input of the task is not valid JSON: $.id is a UUID, which is not JSON"
    )


@pytest.mark.parametrize("way", WAYS)
def test_an_input_that_breaks_an_expression_is_blamed_for_it(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    workflow = compiled(machine(A=state("Pass", Parameters={"text.$": "States.Format('{}', $.id)"})))

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await way(runtime, workflow, {"id": UUID(int=1)})

    result = run_clean(main())
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert result.cause == "Invalid State Machine Execution Input: '$.id is a UUID, which is not JSON'"
    assert not caplog.records


@pytest.mark.parametrize(("limit", "size", "status"), [(262_144, 262_144, "SUCCEEDED"), (262_144, 262_145, "FAILED")])
@pytest.mark.parametrize("way", WAYS)
def test_the_input_has_a_size_limit(way: Way, limit: int, size: int, status: str) -> None:
    async def main() -> express.Result:
        async with express.Runtime(payload_limit=limit) as runtime:
            return await way(runtime, compiled(PASSING), "x" * (size - 2))

    result = run_clean(main())
    assert result.status == status
    if status == "FAILED":
        assert result.error == "States.DataLimitExceeded"
        assert result.cause == f"The execution input has {size} bytes, exceeding the service limit of {limit}."


def test_sizes_are_bytes_of_utf8() -> None:
    fits, too_long = "é" * 49, "é" * 50
    assert run_clean(executed(compiled(PASSING), fits, payload_limit=100)).succeeded
    assert run_clean(executed(compiled(PASSING), too_long, payload_limit=100)).error == "States.DataLimitExceeded"


# --------------------------------------------------------------------------------------------------------------
# defects


@pytest.mark.parametrize(
    ("defect", "shown"),
    [
        (LookupError("lost"), "LookupError: lost"),
        (Unspeakable(), "Unspeakable: a Unspeakable that cannot be shown"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_defect_of_the_engine_fails_the_execution_and_no_more(
    way: Way, defect: Exception, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Even where the exception cannot be shown."""
    workflow = compiled(machine(A=wait(1, Next="B"), B=state("Pass")))

    def broken(frame: object) -> Any:
        raise defect

    workflow.machine().all_steps[1].run = broken

    async def main() -> tuple[express.Result, int]:
        async with express.Runtime() as runtime:
            return await way(runtime, workflow, {}), runtime.in_flight

    result, in_flight = run_clean(main())
    assert (result.status, result.error, in_flight) == ("FAILED", "States.Runtime", 0)
    assert result.cause == f"Internal error of the runtime: {shown}"
    assert "broke the engine" in caplog.text


# --------------------------------------------------------------------------------------------------------------
# counters


def test_the_tally_counts_every_end() -> None:
    def outcomes(payload: JSON) -> JSON:
        if payload == "bad":
            raise ValueError
        return payload

    choices = [
        {"Variable": "$", "StringEquals": "slow", "Next": "Slow"},
        {"Variable": "$", "StringEquals": "late", "Next": "Late"},
    ]
    workflow = compiled(
        machine(
            A=task("outcomes", Next="B"),
            B=state("Choice", Choices=choices, Default="C"),
            C=state("Succeed"),
            Slow=wait(3),
            Late=wait(AGES),
        ),
        outcomes=outcomes,
    )

    async def main() -> None:
        async with express.Runtime(execution_timeout=100) as runtime:
            for event in ("good", "bad", "good", "slow", "late"):
                await runtime.execute(workflow, event)
            execution = await runtime.start(workflow, "late")
            await asyncio.sleep(2)
            execution.stop()

    run_clean(main())
    tally = workflow.tally
    assert (tally.started, tally.succeeded, tally.failed, tally.timed_out, tally.aborted) == (6, 3, 1, 1, 1)
    assert tally.ended == 6
    assert tally.duration_ns == (3 + 100 + 2) * SECOND
    # 100 ms x 64 MB each: three at once, then 3, 100 and 2 seconds.
    assert tally.billed_units == 3 + 30 + 1_000 + 20
    assert workflow.state_entries == {"A": 6, "B": 5, "C": 2, "Slow": 1, "Late": 2}


def flaky(times: int, waiting: bool) -> Callable[[JSON], Any]:
    """A handler that fails so often in a row, then answers."""
    failures = 0

    def work(payload: JSON) -> JSON:
        nonlocal failures
        failures += 1
        if failures <= times:
            raise express.TaskError("Flaky")
        failures = 0
        return payload

    async def work_later(payload: JSON) -> JSON:
        await asyncio.sleep(0)
        return work(payload)

    return work_later if waiting else work


RETRY = [{"ErrorEquals": ["Flaky"], "MaxAttempts": 3}]
INNER = machine(In=task("work", Retry=RETRY, Next="Out"), Out=state("Pass"))
COUNTED: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("a retry enters once", machine(A=task("work", Retry=RETRY)), {"A": 1}),
    (
        "a catch leads on",
        machine(A=task("work", Catch=catching("Flaky", to="B")), B=state("Pass")),
        {"A": 1, "B": 1},
    ),
    (
        "branches",
        machine(A=parallel(INNER, machine(C=state("Pass")))),
        {"A": 1, "In": 1, "Out": 1, "C": 1},
    ),
    ("iterations", machine(A=each(INNER, ItemsPath="$.items")), {"A": 1, "In": 4, "Out": 4}),
    (
        "plain iterations",
        machine(A=each(machine(B=state("Pass", Next="C"), C=state("Pass")), ItemsPath="$.items", Next="D"), D=wait(0)),
        {"A": 1, "B": 4, "C": 4, "D": 1},
    ),
]


class Idle(express.Observer):
    """Looks at every state and does nothing: the machine it watches is another, the counts are the same."""

    def state_entered(self, frame: Any, name: str, data: JSON) -> None: ...


@pytest.mark.parametrize("observers", [(), (Idle(),)], ids=["unwatched", "watched"])
@pytest.mark.parametrize("waiting", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize(("definition", "entries"), [case[1:] for case in COUNTED], ids=[case[0] for case in COUNTED])
def test_state_entries(
    definition: dict[str, Any], entries: dict[str, int], waiting: bool, observers: tuple[express.Observer, ...]
) -> None:
    failures = 1 if "iterations" not in repr(definition) else 0
    workflow = compiled(definition, work=flaky(failures, waiting))

    run_clean(executed(workflow, {"items": [1, 2, 3, 4]}, observers=observers))
    assert workflow.state_entries == entries
    assert workflow.tally.started == workflow.tally.succeeded == 1


@pytest.mark.parametrize("waiting", [False, True], ids=["at once", "later"])
def test_a_retry_is_a_transition_and_no_entry(waiting: bool) -> None:
    """Two executions, each of which is tried three times."""
    workflow = compiled(machine(A=task("work", Retry=RETRY, Next="B"), B=state("Pass")), work=flaky(2, waiting))
    for observers in ((), (Idle(),)):
        run_clean(executed(workflow, {}, observers=observers))
    assert workflow.state_entries == {"A": 2, "B": 2}
    assert workflow.state_transitions == 8


def test_machines_watched_by_others_count_together() -> None:
    workflow = compiled(PASSING)
    for observers in ((), (Idle(),), (Idle(), Idle())):
        run_clean(executed(workflow, {}, observers=observers))
    assert workflow.tally.started == 3
    assert workflow.state_entries == {"A": 3}


# --------------------------------------------------------------------------------------------------------------
# bills


@pytest.mark.parametrize(
    ("definition", "seconds", "billed_ms"),
    [
        pytest.param(machine(A=state("Pass")), 0, 100, id="nothing is billed as one step"),
        pytest.param(machine(A=wait(1)), 1, 1_000, id="a whole second is ten steps"),
        pytest.param(machine(A=wait(1, Next="B"), B=task("work")), 1.000000001, 1_100, id="a nanosecond more, eleven"),
        pytest.param(machine(A=task("work", TimeoutSeconds=5)), 0.000000001, 100, id="a nanosecond"),
    ],
)
def test_bills_are_exact(definition: dict[str, Any], seconds: float, billed_ms: int) -> None:
    async def work(payload: JSON) -> None:
        await asyncio.sleep(1e-9)

    billing = run_clean(executed(compiled(definition, work=work))).billing
    assert billing.duration_ns == round(seconds * SECOND)
    assert billing.billed_duration_ms == billed_ms
    assert billing.billed_memory_mb == 64


def test_fan_out_costs_memory() -> None:
    """50 MB + definition + data for each branch and iteration (AWS's estimate, see metering)."""
    definition = machine(A=each(machine(B=parallel(machine(C=state("Pass")), machine(D=state("Pass"))))))
    event = ["x" * 1_000] * 30
    workflow = compiled(definition)

    result = run_clean(executed(workflow, event))
    data = 30 * 1_003 + 1
    assert result.billing.memory_bytes == 50_000_000 + workflow.machine().definition_bytes + data * 90


def test_a_run_knows_its_arn() -> None:
    """An Express execution's ARN ends in an id of its own (AWS guide, "ARN formats"); a Standard one's does not."""
    arns: list[str] = []

    class Reader(express.Observer):
        def execution_started(self, run: Any) -> None:
            assert isinstance(run, Run)
            arns.append(run.execution_arn)

    kinds: tuple[MachineType, ...] = ("EXPRESS", "STANDARD")
    for kind in kinds:
        workflow = express.compile(PASSING, name="orders", type=kind)

        async def main(workflow: express.Workflow = workflow) -> None:
            async with express.Runtime(observers=[Reader()]) as runtime:
                await runtime.execute(workflow, {}, name="seven")

        run_clean(main())
    prefix = "arn:aws:states:us-east-1:123456789012"
    express_arn, standard_arn = arns
    assert re.fullmatch(rf"{prefix}:express:orders:seven:{UUID4.pattern}", express_arn)
    assert standard_arn == f"{prefix}:execution:orders:seven"
