"""`Runtime.map`: order, back-pressure, sources of every kind and their ends, consumers that leave early."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.testing import run_virtual
from tests.runtime.machines import (
    AGES,
    SECOND,
    calling,
    catching,
    compiled,
    each,
    endless,
    machine,
    run_clean,
    state,
    task,
    turns,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from express.types import JSON

#: Waits as many seconds as its input says.
WAITING = machine(A=state("Wait", SecondsPath="$"))
PASSING = machine(A=state("Pass"))
FAILING = machine(A=state("Choice", Choices=[{"Variable": "$", "IsNumeric": True, "Next": "B"}]), B=state("Succeed"))

ORDERED = pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "unordered"])
MACHINES = pytest.mark.parametrize("definition", [PASSING, WAITING], ids=["plain", "waiting"])


async def later(events: Iterable[JSON], seconds: float = 0) -> AsyncIterator[JSON]:
    for event in events:
        await asyncio.sleep(seconds)
        yield event


async def at_once(events: Iterable[JSON]) -> AsyncIterator[JSON]:
    for event in events:
        yield event


SOURCES: dict[str, Callable[[Iterable[JSON]], Any]] = {
    "list": list,
    "iterator": iter,
    "asynchronous, at once": at_once,
    "asynchronous, after a turn": later,
    "asynchronous, after a second": lambda events: later(events, 1),
}
EVERY_SOURCE = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())


def mapped(workflow: express.Workflow, source: Any, *, ordered: bool = True, **limits: Any) -> list[express.Result]:
    async def main() -> list[express.Result]:
        async with express.Runtime(**limits) as runtime:
            return [result async for result in runtime.map(workflow, source, ordered=ordered)]

    return run_clean(main())


# --------------------------------------------------------------------------------------------------------------
# order


@EVERY_SOURCE
@MACHINES
@pytest.mark.parametrize("max_in_flight", [1, 2, 100])
def test_results_come_in_the_order_of_the_events(
    definition: dict[str, Any], source: Callable[[Iterable[JSON]], Any], max_in_flight: int
) -> None:
    events = [7, 0, 3, 3, 12, 1, 0, 0, 5, 9]
    results = mapped(compiled(definition), source(events), max_in_flight=max_in_flight)
    assert [result.output for result in results] == events
    assert [result.index for result in results] == list(range(10))


@EVERY_SOURCE
@MACHINES
@pytest.mark.parametrize("max_in_flight", [1, 2, 100])
def test_unordered_every_event_has_its_result(
    definition: dict[str, Any], source: Callable[[Iterable[JSON]], Any], max_in_flight: int
) -> None:
    events = [7, 0, 3, 3, 12, 1, 0, 0, 5, 9]
    results = mapped(compiled(definition), source(events), ordered=False, max_in_flight=max_in_flight)
    assert sorted((result.index, result.output) for result in results) == list(enumerate(events))


def test_unordered_results_come_as_they_end() -> None:
    results = mapped(compiled(WAITING), [7, 0, 3, 12, 1], ordered=False)
    assert [result.output for result in results] == [0, 1, 3, 7, 12]


def test_executions_run_side_by_side() -> None:
    async def main() -> float:
        async with express.Runtime(max_in_flight=10) as runtime:
            async for _ in runtime.map(compiled(WAITING), [6] * 30):
                pass
        return asyncio.get_running_loop().time() - 1

    assert run_clean(main()) == 18


@EVERY_SOURCE
@MACHINES
@ORDERED
def test_an_empty_source(definition: dict[str, Any], source: Callable[[Iterable[JSON]], Any], ordered: bool) -> None:
    assert mapped(compiled(definition), source([]), ordered=ordered) == []


@ORDERED
@MACHINES
def test_broken_events_are_failed_results_in_their_place(definition: dict[str, Any], ordered: bool) -> None:
    events = [1, float("nan"), 2, {"a", "set"}, 0, "x" * 300]
    results = mapped(compiled(definition), events, ordered=ordered, payload_limit=100)
    found = {result.index: (result.status, result.error) for result in results}
    good, broken = ("SUCCEEDED", None), ("FAILED", "States.Runtime")
    assert found == dict(enumerate([good, broken, good, broken, good, ("FAILED", "States.DataLimitExceeded")]))
    if ordered:
        assert list(found) == list(range(6))


@ORDERED
def test_failures_are_results(ordered: bool) -> None:
    results = mapped(compiled(FAILING), [1, "a", 2], ordered=ordered)
    assert [result.status for result in results] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]


def test_what_is_no_source_is_refused() -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:
            for definition in (PASSING, WAITING):
                with pytest.raises(TypeError):
                    [result async for result in runtime.map(compiled(definition), 7)]  # type: ignore[arg-type]

    run_clean(main())


# --------------------------------------------------------------------------------------------------------------
# sources that fail


class Broken(Exception):
    pass


def breaking(events: list[JSON]) -> Iterator[JSON]:
    yield from events
    raise Broken


async def breaking_later(events: list[JSON]) -> AsyncIterator[JSON]:
    for event in events:
        await asyncio.sleep(0)
        yield event
    raise Broken


@MACHINES
@ORDERED
@pytest.mark.parametrize("source", [breaking, breaking_later])
@pytest.mark.parametrize("events", [[], [1], [2, 0, 1]])
def test_results_are_delivered_before_the_source_s_own_error(
    definition: dict[str, Any], ordered: bool, source: Callable[[list[JSON]], Any], events: list[JSON]
) -> None:
    outputs: list[JSON] = []

    async def main() -> None:
        async with express.Runtime() as runtime:
            with pytest.raises(Broken):
                async for result in runtime.map(compiled(definition), source(events), ordered=ordered):
                    outputs.append(result.output)

    run_clean(main())
    assert sorted(outputs) == sorted(events)
    if ordered:
        assert outputs == events


# --------------------------------------------------------------------------------------------------------------
# back-pressure


class Counting:
    """An endless source that knows how many events it has given."""

    def __init__(self, event: JSON = 1) -> None:
        self.event = event
        self.given = 0

    def __iter__(self) -> Iterator[JSON]:
        while True:
            self.given += 1
            yield self.event


class CountingLater(Counting):
    __iter__ = None  # type: ignore[assignment]

    async def __aiter__(self) -> AsyncIterator[JSON]:
        while True:
            await asyncio.sleep(0)
            self.given += 1
            yield self.event


@MACHINES
@ORDERED
@pytest.mark.parametrize("kind", [Counting, CountingLater])
@pytest.mark.parametrize("max_in_flight", [1, 3, 40])
def test_a_source_is_never_read_further_ahead_than_max_in_flight(
    definition: dict[str, Any], ordered: bool, kind: type[Counting], max_in_flight: int
) -> None:
    source = kind()
    ahead: list[int] = []

    async def main() -> None:
        async with express.Runtime(max_in_flight=max_in_flight) as runtime:
            results = runtime.map(compiled(definition), source, ordered=ordered)
            taken = 0
            async for _ in results:
                taken += 1
                await asyncio.sleep(5 if taken % 7 == 0 else 0)
                # The consumer holds the last one.
                ahead.append(source.given - taken)
                if taken == 200:
                    break
            await results.aclose()

    run_clean(main())
    assert max(ahead) <= max_in_flight
    if definition is WAITING and max_in_flight > 1:
        assert max(ahead) >= max_in_flight - 1


def test_a_full_runtime_holds_a_stream_back() -> None:
    """A place that others have taken is not there for the stream, and what it waits for is not lost."""

    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        ends = []
        async with express.Runtime(max_in_flight=1) as runtime:
            await runtime.start(compiled(WAITING), 50)
            async for _ in runtime.map(compiled(WAITING), later([1, 2, 3])):
                ends.append(loop.time() - 1)
        return ends

    assert run_clean(main()) == [51, 53, 56]


def test_a_source_that_is_read_by_one_at_a_time() -> None:
    """An asynchronous generator must not be asked again while it works."""
    reading = 0

    class Alone:
        def __init__(self) -> None:
            self.left = 50

        def __aiter__(self) -> Alone:
            return self

        async def __anext__(self) -> JSON:
            nonlocal reading
            assert reading == 0
            reading += 1
            await asyncio.sleep(self.left % 2)
            reading -= 1
            self.left -= 1
            if self.left < 0:
                raise StopAsyncIteration
            return self.left % 3

    assert len(mapped(compiled(WAITING), Alone(), max_in_flight=4)) == 50


# --------------------------------------------------------------------------------------------------------------
# consumers


@MACHINES
@ORDERED
@EVERY_SOURCE
def test_a_consumer_that_leaves_early_stops_and_awaits_everything(
    definition: dict[str, Any], ordered: bool, source: Callable[[Iterable[JSON]], Any]
) -> None:
    workflow = compiled(definition)

    async def main() -> int:
        async with express.Runtime() as runtime:
            results = runtime.map(workflow, source([0, 100, 100, 100, 1, 100]), ordered=ordered)
            async for _ in results:
                break
            await results.aclose()
            assert runtime.in_flight == 0
            left = asyncio.all_tasks() - {asyncio.current_task()}
            return len(left)

    assert run_clean(main()) == 0
    assert workflow.tally.started == workflow.tally.ended


def test_leaving_early_runs_the_clean_up_of_handlers() -> None:
    events: list[str] = []

    async def work(payload: JSON) -> JSON:
        try:
            await asyncio.sleep(payload)
        finally:
            await asyncio.sleep(1)
            events.append(f"cleaned up {payload}")
        return payload

    async def main() -> None:
        async with express.Runtime() as runtime:
            results = runtime.map(calling(work), [1, AGES, AGES])
            assert (await anext(results)).output == 1
            await results.aclose()
            assert events == ["cleaned up 1", f"cleaned up {AGES}", f"cleaned up {AGES}"]

    run_clean(main())


@ORDERED
def test_cancelling_the_consumer_aborts_what_it_has_started(ordered: bool) -> None:
    workflow = compiled(WAITING)

    async def main() -> int:
        async with express.Runtime(max_in_flight=5) as runtime:

            async def consume() -> None:
                async for _ in runtime.map(workflow, [AGES] * 50, ordered=ordered):
                    pass

            consumer = asyncio.create_task(consume())
            await asyncio.sleep(3)
            assert runtime.in_flight == 5
            consumer.cancel()
            with pytest.raises(asyncio.CancelledError):
                await consumer
            return runtime.in_flight

    assert run_clean(main()) == 0
    assert (workflow.tally.started, workflow.tally.aborted) == (5, 5)


def test_a_consumer_that_raises() -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:
            with pytest.raises(ZeroDivisionError):
                async for _ in runtime.map(compiled(WAITING), [0, AGES, AGES]):
                    raise ZeroDivisionError

    run_clean(main())


def test_a_stream_nobody_reads_starts_nothing() -> None:
    source = Counting()

    async def main() -> None:
        async with express.Runtime() as runtime:
            results = runtime.map(compiled(WAITING), source)
            await turns()
            await results.aclose()

    run_clean(main())
    assert source.given == 0


@MACHINES
@ORDERED
@pytest.mark.parametrize("kind", [Counting, CountingLater])
def test_a_stream_on_a_runtime_that_closes(definition: dict[str, Any], ordered: bool, kind: type[Counting]) -> None:
    """Whoever goes on reading is told, and does not wait for ever."""

    async def main() -> int:
        async with express.Runtime(max_in_flight=3) as runtime:
            results = runtime.map(compiled(definition), kind(), ordered=ordered)
            await anext(results)
        count = 0
        with pytest.raises(express.RuntimeClosed):
            async for _ in results:
                count += 1
        return count

    assert run_clean(main()) <= 6


def test_two_streams_at_once() -> None:
    async def main() -> list[list[JSON]]:
        async with express.Runtime(max_in_flight=4) as runtime:

            async def consume(events: Any) -> list[JSON]:
                return [result.output async for result in runtime.map(compiled(WAITING), events)]

            return list(await asyncio.gather(consume([3, 1, 2] * 5), consume(later([2, 0, 1] * 5))))

    assert run_clean(main()) == [[3, 1, 2] * 5, [2, 0, 1] * 5]


def test_timeouts_inside_a_stream() -> None:
    results = mapped(compiled(WAITING), [1, AGES, 2], execution_timeout=10)
    assert [result.status for result in results] == ["SUCCEEDED", "TIMED_OUT", "SUCCEEDED"]
    assert [result.billing.duration_ns for result in results] == [1 * SECOND, 10 * SECOND, 2 * SECOND]


def test_one_worker_is_enough_for_handlers_that_answer_at_once() -> None:
    """Law 4: tasks are for executions that wait."""
    peak = 0

    async def work(payload: JSON) -> JSON:
        nonlocal peak
        peak = max(peak, len(asyncio.all_tasks()))
        return payload

    results = mapped(calling(work), range(500))
    assert [result.output for result in results] == list(range(500))
    assert peak == 2


def test_an_execution_may_start_others_in_its_runtime() -> None:
    runtimes: list[express.Runtime] = []
    inner = compiled(WAITING)

    async def work(payload: JSON) -> JSON:
        return [result.output async for result in runtimes[0].map(inner, payload)]

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            runtimes.append(runtime)
            workflow = compiled(machine(A=task("work", Next="B"), B=wait(1)), work=work)
            return [result.output async for result in runtime.map(workflow, [[1, 2], [], [3]])]

    assert run_clean(main()) == [[1, 2], [], [3]]


# --------------------------------------------------------------------------------------------------------------
# executions in a row: a stream runs those that do not wait one after another, on the same Run

BY_KIND = state(
    "Choice",
    Choices=[
        {"Variable": "$.kind", "StringEquals": kind, "Next": kind}
        for kind in ("assigns", "reads", "maps", "fails", "breaks", "catches")
    ],
    Default="other",
)
#: What an execution leaves behind would show in the next: variables, a fan-out, attempts, an entry counted.
IN_A_ROW = {
    "assigns": state("Pass", Assign={"kept.$": "$.kind"}),
    "reads": state("Choice", Choices=[{"Variable": "$kept", "IsPresent": False, "Next": "other"}], Default="fails"),
    "maps": each(machine(I=state("Pass", Parameters={"v.$": "$"})), ItemsPath="$.items"),
    "fails": state("Fail", Error="Asked", Cause="for it"),
    "breaks": each(machine(J=state("Pass", InputPath="$.gone")), ItemsPath="$.items"),
    "catches": each(
        machine(K=state("Pass", InputPath="$.gone")),
        ItemsPath="$.items",
        Retry=[{"ErrorEquals": ["Other"], "IntervalSeconds": 1}],
        Catch=catching("States.ALL", to="other"),
    ),
    "other": state("Pass"),
}
KINDS_OF_EVENTS: list[JSON] = [
    *({"kind": kind, "items": [1, 2, 3]} for kind in ("assigns", "reads", "maps", "other", "fails", "reads", "maps")),
    {"kind": None},
    {"kind": float("nan")},
    *({"kind": kind, "items": [{}]} for kind in ("catches", "breaks", "other", "assigns", "other", "waits", "calls")),
    {"kind": "reads", "long": "x" * 400},
    *({"kind": kind, "items": []} for kind in ("fails", "maps", "waits", "assigns")),
]


@pytest.mark.parametrize("blocks", [False, True], ids=["plain", "blocking"])
def test_executions_in_a_row_are_as_if_each_ran_alone(blocks: bool) -> None:
    choice = BY_KIND
    states = IN_A_ROW
    if blocks:
        more = [{"Variable": "$.kind", "StringEquals": kind, "Next": kind} for kind in ("waits", "calls")]
        choice = {**BY_KIND, "Choices": [*BY_KIND["Choices"], *more]}
        states = {**IN_A_ROW, "waits": wait(1), "calls": task("answer")}

    async def answer(payload: JSON) -> JSON:
        return {"answer": payload}

    def figures(workflow: express.Workflow) -> Any:
        steps = [(step.name, step.attempts, step.went_through, step.failures) for step in workflow.machine().all_steps]
        tally = workflow.tally
        return steps, tally.started, tally.succeeded, tally.failed, tally.ended, tally.more_bytes, tally.errors

    async def main() -> None:
        in_a_row = compiled(machine(first=choice, **states), answer=answer)
        alone = compiled(machine(first=choice, **states), answer=answer)
        async with express.Runtime(payload_limit=300) as runtime:
            results = [result async for result in runtime.map(in_a_row, KINDS_OF_EVENTS)]
            expected = [await runtime.execute(alone, event) for event in KINDS_OF_EVENTS]
        assert [outcome(result) for result in results] == [outcome(result) for result in expected]
        assert [result.index for result in results] == list(range(len(KINDS_OF_EVENTS)))
        assert len({result.name for result in (*results, *expected)}) == 2 * len(KINDS_OF_EVENTS)
        assert figures(in_a_row) == figures(alone)

    run_clean(main())


def outcome(result: express.Result) -> Any:
    return result.status, result.output, result.error, result.cause, result.memory_bytes


@MACHINES
def test_the_time_a_source_takes_is_not_that_of_an_execution(definition: dict[str, Any]) -> None:
    def slow() -> Iterator[JSON]:
        clock = asyncio.get_running_loop().express_clock  # type: ignore[attr-defined]
        for _ in range(3):
            clock.advance(SECOND)
            yield 0

    results = mapped(compiled(definition), slow())
    assert [result.duration_ns for result in results] == [0, 0, 0]


@MACHINES
@ORDERED
def test_a_source_that_is_cancelled_by_itself(definition: dict[str, Any], ordered: bool) -> None:
    """Its CancelledError is a failure like any other: nobody has cancelled the stream."""

    def cancelled() -> Iterator[JSON]:
        yield from (0, 0)
        raise asyncio.CancelledError

    outputs: list[JSON] = []

    async def main() -> None:
        async with express.Runtime() as runtime:
            with pytest.raises(asyncio.CancelledError):
                async for result in runtime.map(compiled(definition), cancelled(), ordered=ordered):
                    outputs.append(result.output)

    run_clean(main())
    assert outputs == [0, 0]


def test_handlers_that_start_executions_leave_the_stream_its_places() -> None:
    """The places are counted again after each execution whose handler has started others."""
    in_flight: list[int] = []

    async def main() -> int:
        async with express.Runtime(max_in_flight=3) as runtime:
            waiting = compiled(WAITING)

            async def work(payload: JSON) -> JSON:
                await runtime.start(waiting, 1)
                in_flight.append(runtime.in_flight)
                return payload

            return len([_ async for _ in runtime.map(calling(work), range(20))])

    assert run_clean(main()) == 20
    assert max(in_flight) <= 3


def test_a_handler_that_closes_the_runtime_ends_the_row() -> None:
    called: list[JSON] = []

    async def main() -> None:
        async with express.Runtime() as runtime:

            async def work(payload: JSON) -> JSON:
                called.append(payload)
                if payload == 2:
                    closing = runtime.close(0)
                    with pytest.raises(StopIteration):
                        closing.send(None)
                return payload

            outputs = []
            with pytest.raises(express.RuntimeClosed):
                async for result in runtime.map(calling(work), range(9)):
                    outputs.append(result.output)

    run_clean(main())
    assert called == [0, 1, 2]


def test_an_exception_that_ends_the_program_leaves_the_row_counted() -> None:
    async def work(payload: JSON) -> JSON:
        if payload == 2:
            raise SystemExit(3)
        return payload

    workflow = calling(work)
    with pytest.raises(SystemExit):
        mapped(workflow, range(9))
    tally = workflow.tally
    assert (tally.started, tally.succeeded, tally.aborted) == (3, 2, 1)


def begin(runtime: express.Runtime, workflow: express.Workflow, event: JSON) -> None:
    """Start an execution where nothing can be awaited."""
    with pytest.raises(StopIteration):
        runtime.start(workflow, event).send(None)


def test_a_trust_that_is_lost_is_lost_for_the_rest_of_the_row() -> None:
    shared: dict[str, JSON] = {}

    async def one(payload: JSON) -> JSON:
        return 1

    async def two(payload: Any) -> Any:
        match payload["n"]:
            case 0:
                return (1,)
            case 2:
                return {1}
        shared["n"] = payload["n"]
        return shared

    chain = machine(A=task("one", ResultPath="$.a", Next="B"), B=task("two", ResultPath="$.b"))
    results = mapped(compiled(chain, {"isolate": False}, one=one, two=two), [{"n": n} for n in range(9)])
    assert [result.status for result in results] == ["SUCCEEDED", "SUCCEEDED", "FAILED", *["SUCCEEDED"] * 6]
    assert [result.output["b"]["n"] for result in results[3:]] == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("blocks", [False, True], ids=["plain", "blocking"])
def test_counts_are_right_in_the_middle_of_a_row(blocks: bool) -> None:
    seen: list[int] = []

    def work(payload: JSON) -> JSON:
        tally = workflow.tally
        seen.append(tally.started - tally.ended)
        return payload

    async def work_later(payload: JSON) -> JSON:
        return work(payload)

    definition = machine(A=each(machine(B=task("work")), ItemsPath="$"))
    workflow = compiled(definition, work=work_later if blocks else work)
    mapped(workflow, [[1]] * 20)
    assert seen == [1] * 20


@MACHINES
def test_a_source_that_starts_executions(definition: dict[str, Any]) -> None:
    """They have names of their own, and places that the stream does not take."""
    in_flight: list[int] = []
    begun: list[int] = []
    names: list[str] = []

    async def main() -> None:
        async with express.Runtime(max_in_flight=3) as runtime:

            def source() -> Iterator[JSON]:
                for _ in range(6):
                    if not runtime.is_full:
                        begin(runtime, compiled(WAITING), 5)
                        begun.append(runtime.last_sequence)
                    yield 1
                    in_flight.append(runtime.in_flight)

            names.extend([result.name async for result in runtime.map(compiled(definition), source())])
            assert runtime.last_sequence == len(names) + len(begun)

    run_clean(main())
    assert len(set(names)) == 6
    assert len(begun) >= 2
    assert max(in_flight) == 3


class Watching(express.Observer):
    def __init__(self) -> None:
        self.ended: list[JSON] = []

    def execution_ended(self, run: Any, result: express.Result) -> None:
        self.ended.append(result.output)


@pytest.mark.parametrize("blocks", [False, True], ids=["plain", "blocking"])
def test_who_begins_to_watch_in_the_middle_of_a_row_sees_the_rest(blocks: bool) -> None:
    watching = Watching()

    async def main() -> None:
        async with express.Runtime() as runtime:

            def work(payload: JSON) -> JSON:
                if payload == 3:
                    runtime.add_observer(watching)
                if payload == 5:
                    runtime.measure()
                return payload

            async def work_later(payload: JSON) -> JSON:
                return work(payload)

            workflow = calling(work_later if blocks else work)
            async for _ in runtime.map(workflow, range(9)):
                pass
            assert workflow.tally.durations is not None
            assert sum(workflow.tally.durations.counts) >= 3

    run_clean(main())
    assert set(watching.ended) >= set(range(4, 9))


@pytest.mark.parametrize("blocks", [False, True], ids=["plain", "blocking"])
def test_an_observer_sees_no_end_without_a_start(blocks: bool) -> None:
    """An execution that adds one has started unseen, and ends unseen."""
    seen: list[tuple[str, JSON]] = []

    class Both(express.Observer):
        def execution_started(self, run: Any) -> None:
            seen.append(("started", run.input))

        def execution_ended(self, run: Any, result: express.Result) -> None:
            seen.append(("ended", run.input))

    async def main() -> None:
        async with express.Runtime() as runtime:

            def work(payload: JSON) -> JSON:
                if payload == 3:
                    runtime.add_observer(Both())
                return payload

            async def work_later(payload: JSON) -> JSON:
                return work(payload)

            async for _ in runtime.map(calling(work_later if blocks else work), range(6)):
                pass

    run_clean(main())
    assert seen == [(what, n) for n in (4, 5) for what in ("started", "ended")]


def test_measuring_from_the_middle_of_a_row_sums_no_earlier_durations() -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:

            async def work(payload: Any) -> JSON:
                if payload == 3:
                    runtime.measure()
                    await runtime.execute(workflow, -1)
                return payload

            workflow = calling(work)
            results = [result async for result in runtime.map(workflow, range(6))]
            tally = workflow.tally
            assert tally.durations is not None
            assert sum(tally.durations.counts) == 1 + 3
            assert tally.durations.before_ns == sum(result.duration_ns for result in results[:3])

    run_clean(main(), tick_ns=1_000)


class Ending(BaseException):
    """Ends more than an execution."""


@pytest.mark.parametrize("kind", ["inline", "inline, by value", "async", "a broken input", "a broken input of a Pass"])
def test_a_state_that_was_not_passed_is_not_counted_as_passed(kind: str) -> None:
    """As many by `map` as by `execute`."""

    def raising(payload: Any) -> JSON:
        if payload == 3:
            raise Ending
        return payload

    async def raising_later(payload: Any) -> JSON:
        return raising(payload)

    def counts(way: str) -> list[tuple[int, int]]:
        events: list[Any] = list(range(6))
        if kind.startswith("a broken input"):
            events = [{"t": {"x": 1}}, {"t": (1,)}, {"t": (1,)}, {"t": {"x": 2}}]
            choice = state("Choice", Choices=[{"Variable": "$.t.x", "NumericEquals": 1, "Next": "B"}], Default="B")
            if kind.endswith("Pass"):
                choice = state("Choice", Choices=[{"Variable": "$.n", "NumericEquals": 1, "Next": "B"}], Default="B")
                events = [{"n": 1, **event} for event in events]
            workflow = compiled(machine(A=choice, B=state("Pass", InputPath="$.t.x", ResultPath="$.b")))
        else:
            handler = raising_later if kind == "async" else raising
            workflow = calling(handler, {"isolate": kind == "inline, by value"})

        async def main() -> None:
            async with express.Runtime() as runtime:
                with suppress(Ending):
                    if way == "map":
                        async for _ in runtime.map(workflow, events):
                            pass
                    else:
                        for event in events:
                            await runtime.execute(workflow, event)

        run_virtual(main())
        assert workflow.tally.started == workflow.tally.ended
        return [(step.attempts, step.entries) for step in workflow.machine().all_steps]

    assert counts("map") == counts("execute")


@ORDERED
@EVERY_SOURCE
@pytest.mark.parametrize("max_in_flight", [1, 2, 100])
@pytest.mark.parametrize("cancelling", [{0}, {5}, {1, 2}, set(range(6))])
def test_a_handler_that_cancels_its_task_aborts_its_own_execution_alone(
    source: Callable[[Iterable[JSON]], Any], cancelling: set[int], max_in_flight: int, ordered: bool
) -> None:
    """Its task is a worker's. Nothing is lost, and the stream goes on."""

    async def work(payload: Any) -> JSON:
        if payload in cancelling:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        await asyncio.sleep(0)
        return payload

    workflow = compiled(machine(W=wait(1, Next="A"), A=task("work")), work=work)
    results = mapped(workflow, source(range(6)), ordered=ordered, max_in_flight=max_in_flight)
    if not ordered:
        results.sort(key=lambda result: result.index or 0)
    assert [result.status == "ABORTED" for result in results] == [n in cancelling for n in range(6)]
    assert [result.index for result in results] == list(range(6))
    assert workflow.tally.started == workflow.tally.ended == 6


def test_results_do_not_wait_for_an_execution_that_takes_long() -> None:
    """A machine that cannot wait can go round and round until it is out of time."""
    slow = state("Choice", Choices=[{"Variable": "$", "NumericEquals": 2, "Next": "Round"}], Default="Done")
    definition = machine(A=slow, **endless("Round")["States"], Done=state("Pass"))
    assert not compiled(definition).machine().program.blocks
    ends: list[tuple[int | None, str, float]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with express.Runtime(execution_timeout=9) as runtime:
            async for result in runtime.map(compiled(definition), range(4)):
                ends.append((result.index, result.status, loop.time() // 9))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    async for result in runtime.map(compiled(definition), range(4)):
                        ends.append((result.index, result.status, loop.time() // 9))
            assert runtime.in_flight == 0

    run_clean(main(), tick_ns=SECOND // 100)
    first, second = (0, "SUCCEEDED", 0.0), (1, "SUCCEEDED", 0.0)
    assert ends[:4] == [first, second, (2, "TIMED_OUT", 1.0), (3, "SUCCEEDED", 1.0)]
    assert [end[:2] for end in ends[4:]] == [first[:2], second[:2]]


def test_results_come_before_the_exception_that_ends_the_program() -> None:
    def work(payload: JSON) -> JSON:
        if payload == 3:
            raise SystemExit
        return payload

    outputs: list[JSON] = []

    async def main() -> None:
        async with express.Runtime() as runtime:
            with pytest.raises(SystemExit):
                async for result in runtime.map(calling(work), range(9)):
                    outputs.append(result.output)

    run_clean(main())
    assert outputs == [0, 1, 2]


@MACHINES
def test_a_consumer_that_works_lets_the_loop_turn(definition: dict[str, Any]) -> None:
    """Its time counts: the results of a row are not all handed to it in one turn."""
    turned = 0

    async def turn() -> None:
        nonlocal turned
        while True:
            turned += 1
            await asyncio.sleep(0)

    async def main() -> None:
        clock = asyncio.get_running_loop().express_clock  # type: ignore[attr-defined]
        ticker = asyncio.create_task(turn())
        async with express.Runtime() as runtime:
            results, most = 0, 0
            before = turned
            async for _ in runtime.map(compiled(definition), [0] * 300):
                results = results + 1 if turned == before else 1
                most, before = max(most, results), turned
                clock.advance(SECOND // 2_000)
            assert most <= 16
        ticker.cancel()

    run_clean(main())
