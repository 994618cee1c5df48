"""The pump: every message an execution, acknowledged when that has ended and never before. In virtual time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import express
from express.consumers import Backoff, MemoryQueue, MemorySource, Outcomes, Pump
from express.consumers.outcomes import EXHAUSTED, INVALID_INPUT
from express.errors import SourceError, SourceUnavailable
from tests.consumers.contract import fetched, until
from tests.runtime.machines import AGES, compiled, machine, run_clean, state, task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from express import TaskContext
    from express.consumers import Message
    from express.types import JSON

PASSING = compiled(machine(A=state("Pass")))


def working(handler: Callable[..., Any]) -> express.Workflow:
    return compiled(machine(A=task("work")), work=handler)


async def _nap(event: JSON) -> JSON:
    await asyncio.sleep(event)
    return event


@asynccontextmanager
async def pumping(workflow: express.Workflow, queue: MemoryQueue, **options: Any) -> AsyncIterator[Pump]:
    """A pump that runs; at the end it is told to stop and has to."""
    async with express.Runtime() as runtime:
        pump = Pump(runtime, workflow, MemorySource(queue), **options)
        running = asyncio.ensure_future(pump.run())
        try:
            yield pump
        finally:
            pump.stop()
            await running


def pumped(workflow: express.Workflow, queue: MemoryQueue, **options: Any) -> Pump:
    """The pump after it has seen the queue to its end."""

    async def main() -> Pump:
        queue.finish()
        async with express.Runtime() as runtime:
            pump = Pump(runtime, workflow, MemorySource(queue), **options)
            await pump.run()
            return pump

    return run_clean(main())


@pytest.mark.parametrize("workflow", [PASSING, working(_nap), working(lambda event: event)], ids=["pass", "nap", "def"])
def test_every_message_is_an_execution(workflow: express.Workflow) -> None:
    queue = MemoryQueue()
    queue.put(*(number % 7 for number in range(3_000)))
    pump = pumped(workflow, queue)
    assert pump.outcome_counts == {
        "succeeded": 3_000,
        "failed": 0,
        "timed_out": 0,
        "aborted": 0,
        "invalid": 0,
        "exhausted": 0,
    }
    assert (queue.unsettled, queue.dead_letters, pump.redelivered, pump.in_flight) == (0, [], 0, 0)


class _Watchful(MemorySource):
    """Knows which executions have ended when their messages are acknowledged."""

    def __init__(self, queue: MemoryQueue, ended: set[str]) -> None:
        super().__init__(queue)
        self.ended = ended
        self.acknowledged: list[int] = []

    async def ack(self, messages: Sequence[Message]) -> None:
        assert {message.id for message in messages} <= self.ended
        self.acknowledged.append(len(messages))
        await super().ack(messages)


def test_a_message_is_acknowledged_after_its_execution_has_ended_many_at_once() -> None:
    ended: set[str] = set()

    async def handler(event: JSON, context: TaskContext) -> None:
        await asyncio.sleep(event)
        ended.add(context.execution_name.removeprefix("memory-"))

    async def main() -> None:
        queue = MemoryQueue()
        queue.put(*(number % 5 for number in range(500)))
        queue.finish()
        source = _Watchful(queue, ended)
        async with express.Runtime() as runtime:
            await Pump(runtime, working(handler), source).run()
        assert sum(source.acknowledged) == 500
        assert len(source.acknowledged) <= 20

    run_clean(main())


@pytest.mark.parametrize("limit", [1, 7, 300])
def test_no_more_is_in_flight_than_allowed(limit: int) -> None:
    seen: list[int] = []

    async def main() -> None:
        queue = MemoryQueue()
        queue.put(*[1] * 1_000)
        queue.finish()

        async def handler(event: JSON) -> None:
            seen.append(1_000 - done[0] - queue.waiting)
            await asyncio.sleep(event)
            done[0] += 1

        done = [0]
        async with express.Runtime() as runtime:
            await Pump(runtime, working(handler), MemorySource(queue), in_flight=limit).run()

    run_clean(main())
    assert max(seen) == limit


def test_a_runtime_that_is_smaller_sets_the_pace() -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=3)
        queue.put(*[1] * 100)
        queue.finish()
        async with express.Runtime(max_in_flight=5) as runtime:
            pump = Pump(runtime, working(_nap), MemorySource(queue))
            await pump.run()
        assert pump.outcome_counts["succeeded"] == 100
        assert pump.redelivered == 0

    run_clean(main())


# ------------------------------------------------------------------------------------------ outcomes


def failing(error: str) -> express.Workflow:
    return compiled(machine(A=state("Fail", Error=error, Cause="It cannot be.")))


TIMING_OUT = compiled({**machine(A=state("Wait", Seconds=9)), "TimeoutSeconds": 2})


def test_a_failure_is_a_dead_letter_that_says_why() -> None:
    queue = MemoryQueue("orders")
    queue.put({"id": 7})
    pump = pumped(failing("Nonsense"), queue)
    (letter,) = queue.dead_letters
    assert letter.body == b'{"id":7}'
    assert letter.headers == {
        "x-error": "Nonsense",
        "x-cause": "It cannot be.",
        "x-delivery-count": "1",
        "x-execution-arn": "arn:aws:states:us-east-1:123456789012:express:workflow:orders-1",
    }
    assert (pump.outcome_counts["failed"], pump.dead_lettered, queue.unsettled) == (1, 1, 0)


def test_a_long_cause_is_cut() -> None:
    queue = MemoryQueue()
    queue.put({})
    pumped(compiled(machine(A=state("Fail", Error="E", Cause="long " * 5_000))), queue)
    assert len(queue.dead_letters[0].headers["x-cause"]) == 4_096


def test_a_time_out_is_a_dead_letter() -> None:
    queue = MemoryQueue()
    queue.put({})
    pump = pumped(TIMING_OUT, queue)
    assert [letter.headers["x-error"] for letter in queue.dead_letters] == ["States.Timeout"]
    assert pump.outcome_counts["timed_out"] == 1


@pytest.mark.parametrize(
    ("workflow", "outcomes"),
    [
        (failing("Lambda.TooManyRequestsException"), Outcomes()),
        (failing("Busy"), Outcomes(retryable=frozenset({"Busy"}))),
        (failing("Anything"), Outcomes(retryable=frozenset({"States.ALL"}))),
        (failing("Anything"), Outcomes(failed="retry")),
        (TIMING_OUT, Outcomes(timed_out="retry")),
        (TIMING_OUT, Outcomes(retryable=frozenset({"States.Timeout"}))),
    ],
)
def test_what_may_pass_is_tried_again_until_it_has_been_delivered_too_often(
    workflow: express.Workflow, outcomes: Outcomes
) -> None:
    queue = MemoryQueue(lease=AGES)
    queue.put({})
    pump = pumped(workflow, queue, outcomes=outcomes, max_deliveries=3)
    (letter,) = queue.dead_letters
    assert letter.headers["x-delivery-count"] == "3"
    assert pump.redelivered == 2
    assert sum(pump.outcome_counts.values()) == 3


@pytest.mark.parametrize(("action", "dead", "unsettled"), [("ack", 0, 0), ("dead-letter", 1, 0), ("leave", 0, 1)])
def test_what_becomes_of_a_failure_can_be_chosen(action: Any, dead: int, unsettled: int) -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=AGES)
        queue.put({})
        async with pumping(failing("E"), queue, outcomes=Outcomes(failed=action)) as pump:
            await until(lambda: pump.outcome_counts["failed"] and not pump.in_flight)
        assert (len(queue.dead_letters), queue.unsettled) == (dead, unsettled)

    run_clean(main())


def test_tries_are_further_and_further_apart_and_have_one_name() -> None:
    tries: list[tuple[float, str]] = []

    async def handler(event: JSON, context: TaskContext) -> str:
        tries.append((asyncio.get_running_loop().time(), context.execution_name))
        if len(tries) < 5:
            raise express.TaskError("Busy")
        return "done"

    queue = MemoryQueue("a/b", lease=AGES)
    queue.put({})
    pump = pumped(working(handler), queue, outcomes=Outcomes(retryable=frozenset({"Busy"})), retries=Backoff(2.0, 10.0))
    times = [at for at, _ in tries]
    assert [round(later - before) for before, later in pairwise(times)] == [2, 4, 8, 10]
    assert len({name for _, name in tries}) == 1
    assert pump.outcome_counts["succeeded"] == 1
    assert queue.dead_letters == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN"])
def test_what_is_no_json_is_a_dead_letter_at_once(body: bytes) -> None:
    queue = MemoryQueue()
    queue.put_bytes(body, b"{}")
    pump = pumped(PASSING, queue)
    (letter,) = queue.dead_letters
    assert (letter.body, letter.headers["x-error"]) == (body, INVALID_INPUT)
    assert letter.headers["x-cause"].startswith("The message cannot be read: ")
    assert "x-execution-arn" not in letter.headers
    assert (pump.outcome_counts["invalid"], pump.outcome_counts["succeeded"], pump.dead_lettered) == (1, 1, 1)


def test_a_body_that_trips_its_decoder_harms_no_other() -> None:
    queue = MemoryQueue()
    queue.put_bytes(b"{}", b'{"id": 1}')
    pump = pumped(PASSING, queue, decode=lambda body: orjson.loads(body)["id"])
    assert [letter.headers["x-cause"] for letter in queue.dead_letters] == ["The message cannot be read: 'id'"]
    assert pump.outcome_counts["succeeded"] == 1


def test_other_bodies_can_be_read_too() -> None:
    queue = MemoryQueue()
    queue.put_bytes(b"3", b"x")
    pump = pumped(working(_nap), queue, decode=int)
    assert (pump.outcome_counts["succeeded"], pump.outcome_counts["invalid"]) == (1, 1)


class _Undecided(Outcomes):
    def of(self, result: express.Result) -> Any:
        if result.status == "FAILED":
            raise LookupError("no rule for this")
        return "nack" if result.output == 3 else super().of(result)


@pytest.mark.parametrize("handler", [_nap, lambda event: event + 0], ids=["later", "at-once"])
def test_a_result_that_nobody_can_decide_about_is_a_dead_letter(handler: Callable[..., Any]) -> None:
    queue = MemoryQueue()
    queue.put("no number", 2, 3)
    pump = pumped(working(handler), queue, outcomes=_Undecided())
    untold = "What becomes of the message cannot be told: "
    assert [(letter.body, letter.headers["x-error"], letter.headers["x-cause"]) for letter in queue.dead_letters] == [
        (b'"no number"', "LookupError", f"{untold}no rule for this"),
        (b"3", "ValueError", f"{untold}'nack' is no action: ack, retry, dead-letter, leave"),
    ]
    assert (pump.outcome_counts["failed"], pump.outcome_counts["succeeded"], pump.in_flight) == (1, 2, 0)
    assert queue.unsettled == 0


def test_what_becomes_of_a_message_is_one_of_four() -> None:
    with pytest.raises(ValueError, match="'acknowledge' is no action: ack, retry, dead-letter, leave"):
        Outcomes(succeeded="acknowledge")  # type: ignore[arg-type]


def test_headers_are_text_that_can_be_written() -> None:
    """A handler may name what it likes, half a surrogate pair included (from a file's name, for one)."""

    def fails(event: JSON) -> JSON:
        raise express.TaskError("Missing\ud800", "no file x\udcff" + "!" * 9_999)

    queue = MemoryQueue()
    queue.put(1)
    pumped(working(fails), queue)
    (letter,) = queue.dead_letters
    assert letter.headers["x-error"] == "Missing?"
    assert letter.headers["x-cause"] == "no file x?" + "!" * 4_086


def test_a_message_that_kills_its_consumers_is_not_tried_for_ever() -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=1)
        queue.put({"id": "poison"})
        for _ in range(5):
            # A consumer that dies: it never tells what became of it.
            await fetched(MemorySource(queue), 1)
        async with pumping(PASSING, queue) as pump:
            await until(lambda: queue.dead_letters)
        (letter,) = queue.dead_letters
        assert letter.headers["x-error"] == EXHAUSTED
        assert letter.headers["x-cause"] == "The message was delivered 5 times and has not ended well."
        assert pump.outcome_counts["exhausted"] == 1
        assert pump.outcome_counts["succeeded"] == 0

    run_clean(main())


# ------------------------------------------------------------------------------------------ leases


def test_work_that_takes_many_leases_is_done_once() -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=3)
        queue.put(100, 200)
        async with pumping(working(_nap), queue) as one, pumping(working(_nap), queue) as other:
            await until_settled(queue)
            assert one.outcome_counts["succeeded"] + other.outcome_counts["succeeded"] == 2
            assert one.redelivered + other.redelivered == 0

    run_clean(main())


async def until_settled(queue: MemoryQueue) -> None:
    async with asyncio.timeout(AGES):
        while queue.unsettled:  # noqa: ASYNC110 - the queue tells nobody
            await asyncio.sleep(0.1)


class _CutOff(MemorySource):
    """A consumer that its broker cannot be reached by, while others reach it."""

    is_cut_off = False

    def _reach(self) -> MemoryQueue:
        if self.is_cut_off:
            raise SourceUnavailable("no route")
        return super()._reach()


@pytest.mark.parametrize(("fails", "left"), [(True, 1), (False, 0)])
def test_who_has_lost_a_message_can_only_tell_that_it_is_done(fails: bool, left: int) -> None:
    async def handler(event: JSON) -> None:
        await asyncio.sleep(event)
        if fails:
            raise express.TaskError("Late")

    async def main() -> None:
        queue = MemoryQueue(lease=3)
        queue.put(20)
        source, other = _CutOff(queue), MemorySource(queue)
        async with express.Runtime() as runtime:
            pump = Pump(runtime, working(handler), source, in_flight=1)
            running = asyncio.ensure_future(pump.run())
            await until(lambda: pump.in_flight)
            source.is_cut_off = True
            taken = await fetched(other, 1)
            source.is_cut_off = False
            while pump.in_flight:
                assert await other.extend(taken) == []
                await asyncio.sleep(0.5)
            pump.stop()
            await running
        assert (queue.dead_letters, queue.unsettled) == ([], left)

    run_clean(main())


# ------------------------------------------------------------------------------------------ stopping


def test_stopping_lets_what_runs_end_and_fetches_no_more() -> None:
    async def main() -> None:
        queue = MemoryQueue()
        queue.put(5, 10, 20)
        async with pumping(working(_nap), queue, in_flight=3) as pump:
            await until(lambda: pump.in_flight == 3)
            pump.stop()
            pump.stop()
            queue.put(1)
        assert pump.outcome_counts["succeeded"] == 3
        assert queue.unsettled == queue.waiting == 1

    run_clean(main())


def test_what_has_not_ended_within_the_grace_is_another_consumers() -> None:
    names: list[str] = []

    async def handler(event: JSON, context: TaskContext) -> None:
        names.append(context.execution_name)
        await asyncio.sleep(event)

    async def main() -> None:
        queue = MemoryQueue(lease=40)
        queue.put(5, 60)
        loop = asyncio.get_running_loop()
        async with pumping(working(handler), queue, grace=25) as pump:
            await until(lambda: pump.in_flight == 2)
            begun = loop.time()
        assert loop.time() - begun == pytest.approx(25, abs=2)
        assert (pump.outcome_counts["succeeded"], pump.outcome_counts["aborted"]) == (1, 1)
        assert queue.unsettled == 1
        async with pumping(working(handler), queue) as other:
            await until_settled(queue)
            assert other.redelivered == 1
        assert names[-1] == names[1]

    run_clean(main())


def test_what_waits_for_a_place_when_the_grace_is_over_is_left() -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=AGES)
        queue.put(*[50] * 10)
        async with express.Runtime(max_in_flight=3) as runtime:
            pump = Pump(runtime, working(_nap), MemorySource(queue), grace=2)
            running = asyncio.ensure_future(pump.run())
            await until(lambda: pump.in_flight == 10)
            pump.stop()
            await running
        assert pump.outcome_counts["aborted"] == 3
        assert pump.in_flight == 0
        assert queue.unsettled == 10

    run_clean(main())


@pytest.mark.parametrize("before", [True, False])
def test_a_pump_without_work_stops_at_once(before: bool) -> None:
    async def main() -> None:
        async with express.Runtime() as runtime:
            pump = Pump(runtime, PASSING, MemorySource(MemoryQueue()))
            if before:
                pump.stop()
            running = asyncio.ensure_future(pump.run())
            await asyncio.sleep(0)
            pump.stop()
            await asyncio.wait_for(running, 2)
            pump.stop()

    run_clean(main())


def test_cancelling_acknowledges_nothing_that_has_not_ended() -> None:
    async def main() -> None:
        queue = MemoryQueue()
        queue.put(1, 50)
        async with express.Runtime() as runtime:
            pump = Pump(runtime, working(_nap), MemorySource(queue))
            running = asyncio.ensure_future(pump.run())
            await until(lambda: queue.unsettled == 1)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert runtime.in_flight == 0
        assert queue.unsettled == 1
        assert not pump.is_running

    run_clean(main())


# ------------------------------------------------------------------------------------------ a broker that goes away


def test_a_broker_that_goes_away_and_comes_back_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    runs: dict[int, int] = {}

    async def handler(event: JSON) -> None:
        runs[event] = runs.get(event, 0) + 1
        await asyncio.sleep(event % 4)

    async def main() -> None:
        queue = MemoryQueue(lease=30)
        queue.put(*range(2_000))
        async with pumping(working(handler), queue, in_flight=100) as pump:
            for outage in (1, 20, 90):
                await until(lambda: pump.in_flight == 100 and pump.is_connected)
                queue.is_down = True
                await asyncio.sleep(outage)
                assert not pump.is_connected
                assert pump.in_flight <= 100
                queue.is_down = False
            await until_settled(queue)
            assert pump.reconnections == 3
            assert pump.outcome_counts["succeeded"] == 2_000
        assert set(runs.values()) == {1}

    with caplog.at_level(logging.WARNING, "express"):
        run_clean(main())
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if text == "source memory: memory is down; trying again"]) == 3
    assert len([text for text in told if "back after" in text]) == 3


def test_dead_letters_that_have_to_wait_hold_up_nothing_else() -> None:
    """A broker without memory takes no dead letters, and acknowledgements all the same."""

    async def main() -> None:
        queue = MemoryQueue(lease=AGES)
        source = MemorySource(queue)
        letters, full = source.dead_letter, True

        async def dead_letter(messages: Any) -> None:
            if full:
                raise SourceUnavailable("out of memory")
            await letters(messages)

        source.dead_letter = dead_letter  # type: ignore[method-assign]
        queue.put("broken", *[1] * 20)
        async with express.Runtime() as runtime:
            pump = Pump(runtime, working(_nap), source, in_flight=5)
            running = asyncio.ensure_future(pump.run())
            await until(lambda: queue.unsettled == 1)
            assert (pump.in_flight, pump.is_connected, queue.dead_letters) == (1, False, [])
            full = False
            await until_settled(queue)
            pump.stop()
            await running
        assert (len(queue.dead_letters), pump.dead_lettered, pump.reconnections) == (1, 1, 1)

    run_clean(main())


def test_a_broker_that_is_away_is_asked_less_and_less_often() -> None:
    asked: list[float] = []

    class _Counting(MemorySource):
        async def fetch(self, most: int) -> Sequence[Message] | None:
            asked.append(asyncio.get_running_loop().time())
            return await super().fetch(most)

    async def main() -> None:
        queue = MemoryQueue()
        async with express.Runtime() as runtime:
            pump = Pump(runtime, PASSING, _Counting(queue))
            running = asyncio.ensure_future(pump.run())
            await until(lambda: asked)
            queue.is_down = True
            await asyncio.sleep(100)
            pump.stop()
            await running
        gaps = [later - before for before, later in pairwise(asked)]
        assert len(gaps) < 25
        assert max(gaps) == pytest.approx(10)

    run_clean(main())


def test_a_broker_that_stays_away_does_not_keep_it_from_stopping() -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=AGES)
        queue.put(1, 2)
        loop = asyncio.get_running_loop()
        async with pumping(working(_nap), queue, grace=5) as pump:
            await until(lambda: pump.in_flight == 2)
            queue.is_down = True
            await asyncio.sleep(3)
            begun = loop.time()
        assert loop.time() - begun <= 7
        assert pump.outcome_counts["succeeded"] == 2
        assert queue.unsettled == 2

    run_clean(main())


def test_a_broker_that_is_not_there_at_the_start_is_told() -> None:
    async def main() -> None:
        queue = MemoryQueue()
        queue.is_down = True
        async with express.Runtime() as runtime:
            with pytest.raises(SourceUnavailable, match="memory is down"):
                await Pump(runtime, PASSING, MemorySource(queue)).run()

    run_clean(main())


@pytest.mark.parametrize("method", ["fetch", "ack", "extend", "lag"])
def test_a_source_that_cannot_be_used_ends_the_pump(method: str) -> None:
    async def refuse(*_: object) -> None:
        raise SourceError("no permission")

    async def main() -> None:
        queue = MemoryQueue(lease=3)
        queue.put(1, 50)
        source = MemorySource(queue)
        setattr(source, method, refuse)
        async with express.Runtime() as runtime:
            pump = Pump(runtime, working(_nap), source)
            with pytest.raises(SourceError, match="no permission"):
                await pump.run()
            assert runtime.in_flight == 0
        assert queue.unsettled >= 1

    run_clean(main())


def test_a_runtime_that_is_closed_ends_the_pump() -> None:
    async def main() -> None:
        queue = MemoryQueue()
        queue.put(1)
        runtime = express.Runtime()
        with pytest.raises(express.RuntimeClosed):
            await Pump(runtime, PASSING, MemorySource(queue)).run()
        assert queue.unsettled == 1

    run_clean(main())


# ------------------------------------------------------------------------------------------ what it shows


def test_what_is_in_flight_and_for_how_long() -> None:
    async def main() -> None:
        queue = MemoryQueue(lease=AGES)
        queue.put(50, *[1] * 20)
        async with pumping(working(_nap), queue, in_flight=4) as pump:
            assert (pump.oldest_in_flight_ns, pump.lag) == (0, None)
            await asyncio.sleep(12)
            assert pump.oldest_in_flight_ns == pytest.approx(12e9, abs=1e9)
            assert pump.name == "memory"
            assert pump.commit_gap == 0
            assert pump.lag == 0
            assert pump.is_connected
            await until_settled(queue)
            assert pump.oldest_in_flight_ns == 0

    run_clean(main())


@pytest.mark.parametrize("options", [{"in_flight": 0}, {"max_deliveries": 0}, {"grace": -1}])
def test_limits_must_let_something_through(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Pump(express.Runtime(), PASSING, MemorySource(MemoryQueue()), **options)
