"""Executions taken up again: where they go on, what is run again, what their histories say, and who may not.

What AWS writes was measured (radkawar/stackd `redrive_execution.json`): no state is entered twice, what a state does
next follows from its first entry, ExecutionRedriven from the end before it.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import weakref
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from express import Observer, TaskError, Tasks
from express.execution_log import ExecutionLog
from express.history import EVENT_LIMIT, History
from express.service import Service, ServiceError
from express.service.executions import MAX_OPEN_TIME, REDRIVABLE_PERIOD
from express.service.histories import history_of
from express.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.result import Result
    from express.service.records import ExecutionRecord
    from express.types import JSON
    from tests.hurry import Hurry

ROLE = "arn:aws:iam::123456789012:role/r"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:"
#: Longer than the slowest handler, shorter than a Wait.
A_WHILE = 5


class Work:
    """The handlers: `ok` gives back its payload, `bad` fails until it is mended, `slow` takes an hour until then.

    later: whether the first two suspend before they answer. calls: the payloads of each, in the order of the calls.
    """

    def __init__(self, *, later: bool = False) -> None:
        self.is_mended = False
        self.later = later
        self.calls: list[str] = []
        self.contexts: list[JSON] = []

    @property
    def tasks(self) -> Tasks:
        tasks = Tasks()
        for handler in (self.ok, self.bad, self.slow):
            tasks.add(handler.__name__, handler)
        return tasks

    async def ok(self, payload: JSON) -> JSON:
        self.calls.append("ok")
        if self.later:
            await asyncio.sleep(1)
        return payload

    async def bad(self, payload: JSON) -> JSON:
        self.calls.append("bad")
        self.contexts.append(payload)
        if self.later:
            await asyncio.sleep(2)
        if not self.is_mended:
            raise TaskError("Bad", "not mended")
        return "mended"

    async def slow(self, payload: JSON) -> JSON:
        self.calls.append("slow")
        await asyncio.sleep(1 if self.is_mended else 3600)
        return "done"


def machine(**states: JSON) -> dict[str, Any]:
    """States in a row, the last one without a way on."""
    names = list(states)
    for name, following in pairwise(names):
        if states[name]["Type"] != "Choice":
            states[name]["Next"] = following
    if states[names[-1]]["Type"] not in ("Succeed", "Fail", "Choice"):
        states[names[-1]]["End"] = True
    return {"StartAt": names[0], "States": states}


def task(function: str, **fields: JSON) -> dict[str, Any]:
    return {"Type": "Task", "Resource": LAMBDA + function, **fields}


def parallel(*branches: dict[str, Any], **fields: JSON) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), **fields}


def each(processor: dict[str, Any], **fields: JSON) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": processor, **fields}


def lines(record: ExecutionRecord) -> list[str]:
    """`13<-4 LambdaFunctionScheduled`: the number, what it follows from, the type and what it is about."""
    shown = []
    for entry in history_of(record):
        event = entry.event
        about = [str(event.details[key]) for key in ("name", "index", "error", "redriveCount") if key in event.details]
        shown.append(" ".join((f"{event.id}<-{event.previous}", event.type.removeprefix("LambdaFunction"), *about)))
    return shown


def scene(run: Callable[[Service], Awaitable[None]], work: Work, **options: Any) -> None:
    async def main() -> None:
        async with Service(work.tasks, **options) as service:
            await run(service)

    run_virtual(main(), now="2026-01-01T00:00:00Z")


async def started(service: Service, definition: dict[str, Any], value: JSON = None, **changes: Any) -> ExecutionRecord:
    request = {"name": "m", "definition": json.dumps(definition), "roleArn": ROLE, **changes}
    created, _ = await service.catalogue.create(request)
    return await service.executions.start(created.arn, "e", json.dumps(value), None)


async def ended(record: ExecutionRecord) -> str:
    while record.run is not None:  # noqa: ASYNC110 - on a virtual clock a second is a turn of the loop
        await asyncio.sleep(1)
    return record.status


def redriven(
    definition: dict[str, Any],
    value: JSON = None,
    *,
    later: bool = False,
    stop_after: float | None = None,
    times: int = 1,
    work: Work | None = None,
) -> tuple[ExecutionRecord, Work]:
    """An execution that failed, or was stopped, and was redriven `times` times, mended before the last."""
    work = work or Work(later=later)
    records: list[ExecutionRecord] = []

    async def run(service: Service) -> None:
        record = await started(service, definition, value)
        records.append(record)
        if stop_after is not None:
            await asyncio.sleep(stop_after)
            service.executions.stop(record.arn, "Stopped", None)
        assert await ended(record) != "SUCCEEDED"
        for number in range(times):
            work.is_mended = number == times - 1
            work.calls.clear()
            await asyncio.sleep(1)
            await service.executions.redrive(record.arn, None)
            await ended(record)
            assert record.redrives is not None
            assert record.redrives.count == number + 1

    scene(run, work)
    return records[0], work


RETRY = [{"ErrorEquals": ["Bad"], "IntervalSeconds": 1, "MaxAttempts": 1}]
TRIED = ["Scheduled", "Started", "Failed Bad"]
DONE = ["Scheduled", "Started", "Succeeded"]


def chain(first: int, previous: int, *events: str | tuple[int, str]) -> list[str]:
    """Events from number `first` on, each after the one before it unless it comes with the number of another."""
    found, last = [], previous
    for number, event in enumerate(events, start=first):
        before, text = event if isinstance(event, tuple) else (last, event)
        found.append(f"{number}<-{before} {text}")
        last = number
    return found


#: Machines, their input, and the events from the one that has ended them on. Handlers that suspend make no difference.
TOLD: dict[str, tuple[dict[str, Any], JSON, list[str]]] = {
    "task": (
        machine(A={"Type": "Pass"}, B=task("bad")),
        None,
        chain(8, 7, "ExecutionFailed Bad", "ExecutionRedriven 1", (4, "Scheduled"), *DONE[1:], "TaskStateExited B", "ExecutionSucceeded"),
    ),
    "retries begin anew": (
        machine(A=task("bad", Retry=RETRY)),
        None,
        chain(9, 8, "ExecutionFailed Bad", "ExecutionRedriven 1", (2, "Scheduled"), *DONE[1:], "TaskStateExited A", "ExecutionSucceeded"),
    ),
    "fail": (
        machine(A={"Type": "Fail", "Error": "E"}),
        None,
        chain(3, 2, "ExecutionFailed E", "ExecutionRedriven 1", "ExecutionFailed E"),
    ),
    "choice": (
        machine(A={"Type": "Choice", "Choices": [{"Variable": "$.no", "IsNull": True, "Next": "B"}]}, B={"Type": "Succeed"}),
        {},
        chain(3, 2, "ExecutionFailed States.Runtime", "ExecutionRedriven 1", (2, "ExecutionFailed States.Runtime")),
    ),
    "parallel": (
        machine(P=parallel(machine(A={"Type": "Pass"}), machine(B=task("bad")))),
        None,
        chain(12, 11, "ExecutionFailed Bad", "ExecutionRedriven 1", (6, "Scheduled"), *DONE[1:], "TaskStateExited B",
              "ParallelStateSucceeded", (17, "ParallelStateExited P"), "ExecutionSucceeded"),
    ),
    "map": (
        machine(M=each(machine(A=task("bad")), MaxConcurrency=1)),
        [1, 2],
        chain(12, 11, "ExecutionFailed Bad", "ExecutionRedriven 1", (5, "Scheduled"), *DONE[1:], "TaskStateExited A",
              "MapIterationSucceeded M 0", (17, "MapIterationStarted M 1"), "TaskStateEntered A", *DONE,
              "TaskStateExited A", "MapIterationSucceeded M 1", "MapStateSucceeded", (25, "MapStateExited M"),
              "ExecutionSucceeded"),
    ),
    "map in a parallel": (
        machine(P=parallel(machine(M=each(machine(A=task("bad")))))),
        [1],
        chain(16, 15, "ExecutionFailed Bad", "ExecutionRedriven 1", (7, "Scheduled"), *DONE[1:], "TaskStateExited A",
              "MapIterationSucceeded M 0", "MapStateSucceeded", (22, "MapStateExited M"), "ParallelStateSucceeded",
              (24, "ParallelStateExited P"), "ExecutionSucceeded"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(("definition", "value", "expected"), TOLD.values(), ids=TOLD)
def test_what_a_history_says(definition: dict[str, Any], value: JSON, expected: list[str], later: bool) -> None:
    record, _ = redriven(definition, value, later=later)
    assert [entry.event.id for entry in history_of(record)] == list(range(1, record.counted + 2))
    assert lines(record)[-len(expected) :] == expected


def test_it_goes_on_with_the_input_and_the_variables_it_had() -> None:
    definition = machine(
        A={"Type": "Pass", "Assign": {"v": 7}, "Result": {"a": 1}, "ResultPath": "$.made"},
        B=task("bad", Parameters={"in.$": "$", "execution.$": "$$.Execution", "state.$": "$$.State"}, ResultPath="$.b"),
        C={"Type": "Pass", "Parameters": {"v.$": "$v", "data.$": "$"}},
    )
    record, work = redriven(definition, {"x": 1}, times=3)
    data = {"x": 1, "made": {"a": 1}}
    assert json.loads(record.output or "") == {"v": 7, "data": {**data, "b": "mended"}}
    contexts: Any = work.contexts
    assert [context["in"] for context in contexts] == [data] * 4
    assert [context["execution"].get("RedriveCount") for context in contexts] == [0, 1, 2, 3]
    times = [context["execution"].get("RedriveTime") for context in contexts]
    assert times[0] is None
    assert times[1:] == sorted(set(times[1:]))
    assert {context["execution"]["StartTime"] for context in contexts} == {"2026-01-01T00:00:00Z"}
    assert len({context["state"]["EnteredTime"] for context in contexts}) == 1
    assert "A" not in [line.split()[-1] for line in lines(record)[10:]]


def test_retries_are_counted_from_none() -> None:
    fields = {"Parameters": {"n.$": "$$.State.RetryCount"}, "Retry": RETRY}
    _, work = redriven(machine(A=task("bad", **fields)), {}, times=2)
    assert work.contexts == [{"n": 0}, {"n": 1}] * 2 + [{"n": 0}]


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_only_what_has_not_ended_well_is_run_again(kind: str) -> None:
    """A branch that has ended keeps its result, one that had to stop goes on where it was."""
    good, failing = machine(A=task("ok")), machine(B=task("ok"), C=task("bad"))
    waiting = machine(D=task("ok"), E={"Type": "Wait", "Seconds": 60}, F=task("ok"))
    if kind == "Parallel":
        state = parallel(good, failing, waiting)
        value: JSON = "x"
    else:
        choice = {"Type": "Choice", "Default": "A", "Choices": [
            {"Variable": "$", "StringEquals": "fails", "Next": "B"}, {"Variable": "$", "StringEquals": "waits", "Next": "D"},
        ]}  # fmt: skip
        states = {"Q": choice, **good["States"], **failing["States"], **waiting["States"]}
        state, value = each({"StartAt": "Q", "States": states}), ["x", "fails", "waits"]
    record, work = redriven(machine(P=state), value, later=True)
    assert (record.status, work.calls) == ("SUCCEEDED", ["bad", "ok"])
    expected = ["x", "mended", "x"] if kind == "Parallel" else ["x", "mended", "waits"]
    assert json.loads(record.output or "") == expected
    entries = [line.split()[2] for line in lines(record) if "StateEntered" in line]
    assert len(entries) == len(set(entries)) + (0 if kind == "Parallel" else 2), "no state is entered twice"


def test_a_branch_that_fails_again_can_be_redriven_again() -> None:
    definition = machine(P=parallel(machine(A=task("ok")), machine(B=task("bad")), machine(C=task("slow"))))
    record, work = redriven(definition, "x", times=3)
    assert (record.status, json.loads(record.output or "")) == ("SUCCEEDED", ["x", "mended", "done"])
    assert sorted(work.calls) == ["bad", "slow"]
    assert [line.split()[-1] for line in lines(record) if "ExecutionRedriven" in line] == ["1", "2", "3"]


def test_of_a_fork_that_was_retried_the_last_attempt_goes_on() -> None:
    definition = machine(P=parallel(machine(A=task("ok")), machine(B=task("bad")), Retry=RETRY))
    record, work = redriven(definition, "x", times=2)
    assert (record.status, work.calls) == ("SUCCEEDED", ["bad"])
    # Of the second redrive's predecessor: its retry had begun the whole fork again.
    assert [line.split()[1] for line in lines(record)].count("ParallelStateStarted") == 3


def test_a_fork_that_had_run_out_of_input_is_run_from_its_beginning() -> None:
    """Nothing has been started yet: the items could not be found."""
    record, work = redriven(machine(M=each(machine(A=task("ok")), ItemsPath="$.none")), {})
    assert (record.status, record.error, work.calls) == ("FAILED", "States.Runtime", [])


def test_an_execution_that_was_stopped_by_its_last_state_has_nothing_left_to_do() -> None:
    calls: list[JSON] = []

    async def main() -> None:
        tasks = Tasks()

        async def stop(payload: JSON) -> JSON:
            calls.append(payload)
            service.executions.stop("arn:aws:states:us-east-1:123456789012:execution:m:e", None, None)
            return "stopped"

        tasks.add("stop", stop)
        async with Service(tasks) as service:
            record = await started(service, machine(A=task("stop")), "x")
            assert await ended(record) == "ABORTED"
            await service.executions.redrive(record.arn, None)
            assert await ended(record) == "SUCCEEDED"
            assert (record.output, calls) == ('"stopped"', ["x"])

    run_virtual(main())


@pytest.mark.parametrize("definition", [
    machine(A=task("slow")),
    machine(A=task("slow", Retry=[{"ErrorEquals": ["States.ALL"]}])),
    machine(P=parallel(machine(A=task("slow")), machine(B=task("slow")))),
    machine(M=each(machine(A=task("slow")))),
])  # fmt: skip
def test_an_execution_that_was_stopped_goes_on(definition: dict[str, Any]) -> None:
    record, work = redriven(definition, [1, 2], stop_after=A_WHILE)
    assert record.status == "SUCCEEDED"
    assert (record.error, record.cause) == (None, None)
    assert "done" in (record.output or "")
    told = [line.partition(" ")[2] for line in lines(record)]
    branches = len(work.calls)
    assert told.count("ExecutionAborted Stopped") == told.count("ExecutionRedriven 1") == 1
    assert told.count("TaskStateEntered A") + told.count("TaskStateEntered B") == branches
    assert told.count("Scheduled") == 2 * branches


def test_a_wait_is_waited_again() -> None:
    record, _ = redriven(machine(A={"Type": "Wait", "Seconds": 60}), stop_after=10)
    assert record.status == "SUCCEEDED"
    assert (record.stopped or 0) - record.begun == 60
    assert lines(record)[1:] == chain(2, 0, "WaitStateEntered A", (0, "ExecutionAborted Stopped"), "ExecutionRedriven 1",
                                      (2, "WaitStateExited A"), "ExecutionSucceeded")  # fmt: skip


def test_the_time_of_the_machine_begins_anew() -> None:
    definition = {**machine(A={"Type": "Wait", "Seconds": 5}, B=task("slow")), "TimeoutSeconds": 8}
    record, _ = redriven(definition)
    end = ["7<-0 ExecutionTimedOut States.Timeout", "8<-7 ExecutionRedriven 1", "9<-4 Scheduled"]
    assert lines(record)[6:9] == end
    assert (record.status, record.error) == ("SUCCEEDED", None)


def test_data_that_was_too_long_is_made_again() -> None:
    """The guide: a Parallel or Map that failed with States.DataLimitExceeded runs again with all its branches."""
    definition = machine(P=parallel(machine(A=task("ok")), machine(B=task("ok"))))
    record, work = redriven(definition, "x" * 200_000)
    assert (record.error, work.calls) == ("States.DataLimitExceeded", ["ok", "ok"])
    assert [line.split()[1] for line in lines(record)].count("ParallelStateStarted") == 2


def test_a_task_whose_output_was_too_long_has_its_own_input_again() -> None:
    record, work = redriven(machine(A=task("ok", ResultPath="$.again")), {"a": "x" * 200_000})
    assert (record.error, work.calls) == ("States.DataLimitExceeded", ["ok"])
    scheduled = [entry.event.data for entry in history_of(record) if entry.event.type == "LambdaFunctionScheduled"]
    assert scheduled == [("input", {"a": "x" * 200_000})] * 2


def test_a_distributed_map_runs_again_as_a_whole() -> None:
    config = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    choice = {"Type": "Choice", "Default": "A", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "B"}]}
    states = {"Q": choice, "A": task("ok", End=True), "B": task("bad", End=True)}
    record, work = redriven(machine(M=each({"StartAt": "Q", "States": states, **config}, MaxConcurrency=1)), [0, 1])
    assert (record.status, work.calls) == ("SUCCEEDED", ["ok", "bad"])
    assert [line.split()[1] for line in lines(record)].count("MapStateEntered") == 1


# --------------------------------------------------------------------------------------------------------------
# who may, and the record


def refusal(record_error: pytest.ExceptionInfo[ServiceError]) -> tuple[str, str]:
    return record_error.value.code, record_error.value.message


async def refused(service: Service, arn: str, token: str | None = None) -> str:
    """Why a redrive is refused."""
    with pytest.raises(ServiceError) as failed:
        await service.executions.redrive(arn, token)
    code, message = refusal(failed)
    assert code == "ExecutionNotRedrivable"
    intro = f"Execution {arn} invalid for redrive as: "
    assert message.startswith(intro)
    return message.removeprefix(intro)


def test_who_cannot_be_redriven() -> None:
    work = Work()

    async def run(service: Service) -> None:
        record = await started(service, machine(A={"Type": "Wait", "Seconds": 5}, B=task("bad")))
        assert await refused(service, record.arn) == "Execution is RUNNING and cannot be redriven"
        await ended(record)
        before = record.counted
        record.counted = EVENT_LIMIT - 2
        assert await refused(service, record.arn) == "Execution history event limit exceeded"
        record.counted = before
        await asyncio.sleep(REDRIVABLE_PERIOD - 10)
        assert service.executions.redrive_obstacle(record) is None
        await asyncio.sleep(20)
        assert await refused(service, record.arn) == "Execution redrivable period exceeded"
        await asyncio.sleep(MAX_OPEN_TIME)
        assert await refused(service, record.arn) == "Execution has exceeded the max execution time"
        done = await started(service, machine(A={"Type": "Pass"}), name="other")
        await ended(done)
        assert await refused(service, done.arn) == "Execution is SUCCEEDED and cannot be redriven"

    scene(run, work)


def test_nothing_is_redriven_while_its_machine_is_deleted() -> None:
    work = Work()

    async def run(service: Service) -> None:
        record = await started(service, machine(A=task("bad")))
        await ended(record)
        await service.executions.start(record.machine_arn, "other", None, None)
        service.catalogue.machine(record.machine_arn).deleting = True
        assert await refused(service, record.arn) == "State machine is in DELETING status"

    scene(run, work)


def test_a_token_is_answered_as_before_whatever_has_become_of_the_execution() -> None:
    work = Work()

    async def run(service: Service) -> None:
        record = await started(service, machine(A={"Type": "Wait", "Seconds": 5}, B=task("bad")))
        await ended(record)
        first = await service.executions.redrive(record.arn, "one")
        await ended(record)
        assert await service.executions.redrive(record.arn, "one") == first
        assert record.redrives is not None
        assert (record.status, record.redrives.count) == ("FAILED", 1)
        await asyncio.sleep(60)
        second = await service.executions.redrive(record.arn, "two")
        assert second > first
        assert await service.executions.redrive(record.arn, "one") == first
        await ended(record)
        await asyncio.sleep(15 * 60)
        assert await service.executions.redrive(record.arn, "one") > second, "fifteen minutes are over"
        await ended(record)
        for number in range(10):
            await service.executions.redrive(record.arn, f"n{number}")
            await ended(record)
        count = record.redrives.count
        await service.executions.redrive(record.arn, "n1")
        assert record.redrives.count == count
        await service.executions.redrive(record.arn, "two")
        assert record.redrives.count == count + 1, "ten tokens are remembered"

    scene(run, work)


def test_as_many_run_as_may() -> None:
    work = Work()

    async def run(service: Service) -> None:
        record = await started(service, machine(A=task("bad")))
        await ended(record)
        await asyncio.sleep(1)
        other = await started(service, machine(A={"Type": "Wait", "Seconds": 5}), name="other")
        with pytest.raises(ServiceError, match="ExecutionLimitExceeded"):
            await service.executions.redrive(record.arn, None)
        await ended(other)
        await asyncio.sleep(1)
        work.is_mended = True
        await service.executions.redrive(record.arn, None)
        assert await ended(record) == "SUCCEEDED"

    scene(run, work, max_in_flight=1)


def test_a_redriven_execution_is_stopped_awaited_and_forgotten_like_any_other() -> None:
    work = Work()

    async def run(service: Service) -> None:
        record = await started(service, machine(A=task("bad"), B={"Type": "Wait", "Seconds": 60}))
        await ended(record)
        work.is_mended = True
        await service.executions.redrive(record.arn, None)
        await asyncio.sleep(A_WHILE)
        service.executions.stop(record.arn, "E", "c")
        assert await ended(record) == "ABORTED"
        assert [line.split()[1] for line in lines(record) if "Execution" in line] == [
            "ExecutionStarted", "ExecutionFailed", "ExecutionRedriven", "ExecutionAborted",
        ]  # fmt: skip
        assert service.executions.of(record.machine_arn, "ABORTED") == [record]
        service.executions.delete_machine(record.machine_arn)
        with pytest.raises(ServiceError, match="ExecutionDoesNotExist"):
            service.executions.find(record.arn)

    scene(run, work)


def test_observers_see_another_part_of_the_same_execution() -> None:
    work, history, stream = Work(), History(), io.BytesIO()
    seen: list[str] = []

    class Ends(Observer):
        def execution_started(self, run: Any) -> None:
            seen.append(f"started {run.execution_name}")

        def execution_ended(self, run: Any, result: Result) -> None:
            seen.append(f"{result.status} {run.execution_name}")

    async def run(service: Service) -> None:
        record = await started(service, machine(A=task("bad")))
        await ended(record)
        work.is_mended = True
        await service.executions.redrive(record.arn, None)
        await ended(record)
        kept = history.of(record.arn)
        assert kept is not None
        assert [entry.event for entry in kept] == [entry.event for entry in history_of(record)]
        tally = record.revision.workflow.tally
        assert (tally.started, tally.failed, tally.succeeded) == (2, 1, 1)

    with ExecutionLog(stream=stream) as log:
        scene(run, work, observers=[history, Ends(), log])
    assert seen == ["started e", "FAILED e", "started e", "SUCCEEDED e"]
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(record["id"], record["type"]) for record in records[5:8]] == [
        ("6", "ExecutionFailed"), ("7", "ExecutionRedriven"), ("8", "LambdaFunctionScheduled"),
    ]  # fmt: skip
    assert [record["redrive_count"] for record in records] == ["0"] * 6 + ["1"] * 6
    assert records[6]["details"] == {"redriveCount": 1}


@pytest.mark.slow
def test_what_is_kept_of_an_execution_is_freed_with_its_record() -> None:
    work = Work(later=True)
    runs: list[weakref.ref[Any]] = []

    async def run(service: Service) -> None:
        definition = machine(P=parallel(machine(M=each(machine(A=task("bad")))), machine(B=task("slow"))))
        record = await started(service, definition, [1, 2])
        runs.append(weakref.ref(record.run))
        await ended(record)
        await service.executions.redrive(record.arn, None)
        await ended(record)
        gc.collect()
        gc.disable()
        try:
            arn = record.machine_arn
            del record
            assert runs[0]() is not None
            service.executions.delete_machine(arn)
            await asyncio.sleep(1)
            assert runs[0]() is None
        finally:
            gc.enable()

    scene(run, work)


@pytest.mark.slow
@pytest.mark.parametrize(
    "definition",
    [
        machine(P=parallel(machine(A=task("ok")), machine(B={"Type": "Pass"}))),
        machine(M=each(machine(A=task("ok")))),
        machine(
            P=parallel(machine(A=task("bad")), Catch=[{"ErrorEquals": ["Bad"], "Next": "Z"}]), Z={"Type": "Succeed"}
        ),
    ],
    ids=["branches", "iterations", "caught"],
)
def test_nothing_is_kept_of_an_execution_that_has_succeeded(definition: dict[str, Any]) -> None:
    work = Work(later=True)

    async def run(service: Service) -> None:
        record = await started(service, definition, [1, 2])
        run = weakref.ref(record.run)
        gc.collect()
        gc.disable()
        try:
            assert await ended(record) == "SUCCEEDED"
            assert run() is None
        finally:
            gc.enable()

    scene(run, work)


def test_the_error_of_a_catcher_is_not_caught_by_its_own_state() -> None:
    """Nor is anything settled twice: the step that stands for one taken up again settles for itself."""

    class Spoilt(Work):
        async def bad(self, payload: JSON) -> JSON:
            raise TaskError("Bad", "never mended")

    catchers = [
        {"ErrorEquals": ["Bad"], "Next": "C", "ResultPath": "$.a.b"},
        {"ErrorEquals": ["States.ALL"], "Next": "C"},
    ]
    definition = machine(B=task("bad", Catch=catchers), C={"Type": "Pass", "End": True})
    record, _ = redriven(definition, "text", work=Spoilt())
    assert (record.status, record.error) == ("FAILED", "States.ResultPathMatchFailure")


def test_one_that_was_stopped_while_an_expression_was_worked_out_elsewhere_goes_on(hurry: Hurry) -> None:
    definition = machine(A={"Type": "Pass", "Parameters": {"odd.$": "$.items[?(@ > 1)]"}})
    arn = "arn:aws:states:us-east-1:123456789012:execution:m:e"

    async def main() -> None:
        async with Service(Tasks()) as service:
            begun = asyncio.create_task(started(service, definition, {"items": [1, 2, 3]}))
            while not hurry.stops:  # noqa: ASYNC110 - it is a thread that begins
                await asyncio.sleep(0)
            service.executions.stop(arn, None, None)
            record = await begun
            assert await ended(record) == "ABORTED"
            await service.executions.redrive(record.arn, None)
            assert (await ended(record), record.output) == ("SUCCEEDED", '{"odd":[2,3]}')

    run_virtual(main())
