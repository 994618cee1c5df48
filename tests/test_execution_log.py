"""Execution logs: the records AWS writes, at its levels, without ever holding up an execution."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.errors import StateError
from express.execution_log import LEVELS, MAX_PAYLOAD, ExecutionLog, cut, is_error
from express.observe import has_hook
from tests.conformance.replay import Replay
from tests.conformance.test_execution import replayed
from tests.expressions.recorded import case_params, recorded
from tests.runtime.machines import (
    AGES,
    WAYS,
    Way,
    catching,
    compiled,
    each,
    executed,
    machine,
    parallel,
    run_clean,
    state,
    task,
    wait,
)

if TYPE_CHECKING:
    from pathlib import Path

    from express.observe import Event
    from express.types import JSON

#: What a recording masks.
SCRUBBED = {"event_timestamp": "timestamp", "execution_arn": "arn"}


def records(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def logged(
    workflow: express.Workflow, event: JSON = None, level: Any = "ALL", *, data: bool = False, **limits: Any
) -> list[dict[str, Any]]:
    """The records of one execution."""
    stream = io.BytesIO()
    with ExecutionLog(level, include_execution_data=data, stream=stream) as log:
        run_clean(executed(workflow, {} if event is None else event, observers=[log], **limits))
    return records(stream)


def lines(found: list[dict[str, Any]]) -> list[str]:
    """Records as `id<-previous type`."""
    return [f"{record['id']}<-{record['previous_event_id']} {record['type']}" for record in found]


# --------------------------------------------------------------------------------------------------------------
# recorded


def as_recorded(value: JSON) -> JSON:
    """Recordings have parsed texts that look like objects."""
    if isinstance(value, dict):
        return {name: as_recorded(member) for name, member in value.items()}
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    return value


def logged_cases() -> list[Any]:
    return case_params([case for case in recorded("execution/*.json") if case.get("log_events")])


@pytest.mark.parametrize("case", logged_cases())
def test_recorded_logs(case: dict[str, Any]) -> None:
    """The id of such a case ends in its level and in whether data was included: `..._ALL_True]`."""
    level, data = case["id"].rstrip("]").split("_")[-2:]
    stream = io.BytesIO()
    with ExecutionLog(level, include_execution_data=data == "True", stream=stream) as log:
        replayed(case, Replay(case), log)
    found = [as_recorded(record) for record in records(stream)]
    expected = case["log_events"]
    role = case.get("context", {}).get("role_arn", "")
    for record in (*found, *expected):
        assert set(SCRUBBED) <= set(record)
        record.update(SCRUBBED)
    for record in expected:
        if "roleArn" in record["details"]:
            record["details"]["roleArn"] = role
    assert found == expected


# --------------------------------------------------------------------------------------------------------------
# events


class Declined(Exception):
    """What a handler raises."""


def now(payload: JSON) -> JSON:
    return payload


async def later(payload: JSON) -> JSON:
    await asyncio.sleep(1)
    return payload


def declines(payload: JSON) -> JSON:
    raise Declined


async def declines_later(payload: JSON) -> JSON:
    await asyncio.sleep(1)
    raise Declined


async def hangs(payload: JSON) -> JSON:
    await asyncio.sleep(AGES)


HANDLERS: dict[str, Any] = {
    "now": now,
    "later": later,
    "declines": declines,
    "declines_later": declines_later,
    "hangs": hangs,
}
INVOKE = "arn:aws:states:::lambda:invoke"

SUCCESS = ["2<-0 TaskStateEntered", "3<-2 LambdaFunctionScheduled", "4<-3 LambdaFunctionStarted"]
WRITTEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    **{
        f"a task {name}": (
            machine(A=task(name)),
            [*SUCCESS, "5<-4 LambdaFunctionSucceeded", "6<-5 TaskStateExited", "7<-6 ExecutionSucceeded"],
        )
        for name in ("now", "later")
    },
    **{
        f"a task that {name}, retried": (
            machine(A=task(name, Retry=[{"ErrorEquals": ["Declined"], "MaxAttempts": 1}])),
            [
                *SUCCESS,
                "5<-4 LambdaFunctionFailed",
                "6<-5 LambdaFunctionScheduled",
                "7<-6 LambdaFunctionStarted",
                "8<-7 LambdaFunctionFailed",
                "9<-8 ExecutionFailed",
            ],
        )
        for name in ("declines", "declines_later")
    },
    "a timeout that is caught": (
        machine(A=task("hangs", TimeoutSeconds=2, Catch=catching("States.Timeout", to="B")), B=state("Pass")),
        [
            *SUCCESS,
            "5<-4 LambdaFunctionTimedOut",
            "6<-5 TaskStateExited",
            "7<-6 PassStateEntered",
            "8<-7 PassStateExited",
            "9<-8 ExecutionSucceeded",
        ],
    ),
    "a result that is too long": (
        machine(A=state("Task", Resource="arn:aws:lambda:us-east-1:123456789012:function:huge")),
        [*SUCCESS, "5<-4 LambdaFunctionFailed", "6<-5 ExecutionFailed"],
    ),
    "a result that does not fit": (
        machine(A=task("now", ResultSelector={"x.$": "$.nope"})),
        [*SUCCESS, "5<-4 LambdaFunctionSucceeded", "6<-5 ExecutionFailed"],
    ),
    "parameters that are wrong": (
        machine(A=task("now", Parameters={"x.$": "$.nope"})),
        ["2<-0 TaskStateEntered", "3<-2 ExecutionFailed"],
    ),
    "an integration": (
        machine(A=state("Task", Resource=INVOKE, Parameters={"FunctionName": "now", "Payload": 1})),
        [
            "2<-0 TaskStateEntered",
            "3<-2 TaskScheduled",
            "4<-3 TaskStarted",
            "5<-4 TaskSucceeded",
            "6<-5 TaskStateExited",
            "7<-6 ExecutionSucceeded",
        ],
    ),
    "an integration whose function comes from data": (
        machine(A=state("Task", Resource=INVOKE, Parameters={"FunctionName.$": "$.function", "Payload": 1})),
        [
            "2<-0 TaskStateEntered",
            "3<-2 TaskScheduled",
            "4<-3 TaskStarted",
            "5<-4 TaskSucceeded",
            "6<-5 TaskStateExited",
            "7<-6 ExecutionSucceeded",
        ],
    ),
    "a Map that fails in a task": (
        machine(A=each(machine(B=task("declines")), ItemsPath="$.items")),
        [
            "2<-0 MapStateEntered",
            "3<-2 MapStateStarted",
            "4<-3 MapIterationStarted",
            "5<-4 TaskStateEntered",
            "6<-5 LambdaFunctionScheduled",
            "7<-6 LambdaFunctionStarted",
            "8<-7 LambdaFunctionFailed",
            "9<-8 MapIterationFailed",
            "10<-8 TaskStateAborted",
            "11<-8 MapStateFailed",
            "12<-11 ExecutionFailed",
        ],
    ),
    "a Parallel of waits": (
        machine(A=parallel(machine(B=wait(1)), machine(C=wait(2)))),
        [
            "2<-0 ParallelStateEntered",
            "3<-2 ParallelStateStarted",
            "4<-3 WaitStateEntered",
            "5<-3 WaitStateEntered",
            "6<-4 WaitStateExited",
            "7<-5 WaitStateExited",
            "8<-7 ParallelStateSucceeded",
            "9<-7 ParallelStateExited",
            "10<-9 ExecutionSucceeded",
        ],
    ),
}


def of_children(level: Any, *items: JSON) -> tuple[list[str], list[list[str]]]:
    """What is logged of a distributed Map of a Choice that fails for 0: of the execution, and of each child."""
    inner = machine(
        B=state("Choice", Choices=[{"Variable": "$", "NumericEquals": 0, "Next": "C"}], Default="D"),
        C=state("Fail", Error="Refused", Cause="why"),
        D=state("Succeed"),
    )
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {**inner, "ProcessorConfig": config}
    definition = machine(A=each(processor, MaxConcurrency=1, Label="L", ToleratedFailureCount=1))
    workflow = express.compile(definition, name="m", type="STANDARD")
    by_arn: dict[str, list[dict[str, Any]]] = {}
    for record in logged(workflow, list(items), level):
        by_arn.setdefault(record["execution_arn"], []).append(record)
    children = {arn: found for arn, found in by_arn.items() if ":execution:m/L:" in arn}
    assert all(arn in children or ":execution:m:" in arn for arn in by_arn)
    [own] = [lines(found) for arn, found in by_arn.items() if arn not in children] or [[]]
    return own, [lines(found) for found in children.values()]


def test_a_child_execution_is_logged_like_any_other() -> None:
    own, children = of_children("ALL", 1, 0)
    assert own == [
        "1<-0 ExecutionStarted",
        "2<-0 MapStateEntered",
        "3<-2 MapStateStarted",
        "4<-3 MapRunStarted",
        "5<-4 MapRunSucceeded",
        "6<-5 MapStateSucceeded",
        "7<-4 MapStateExited",
        "8<-7 ExecutionSucceeded",
    ]
    begin = ["1<-0 ExecutionStarted", "2<-0 ChoiceStateEntered", "3<-2 ChoiceStateExited"]
    assert children == [
        [*begin, "4<-3 SucceedStateEntered", "5<-4 SucceedStateExited", "6<-5 ExecutionSucceeded"],
        [*begin, "4<-3 FailStateEntered", "5<-4 ExecutionFailed"],
    ]


@pytest.mark.parametrize(
    ("level", "own", "child"),
    [
        ("ERROR", ["5<-4 MapRunFailed", "6<-5 MapStateFailed", "7<-6 ExecutionFailed"], ["4<-3 FailStateEntered"]),
        ("FATAL", ["7<-6 ExecutionFailed"], []),
    ],
)
def test_child_executions_that_fail(level: Any, own: list[str], child: list[str]) -> None:
    failed = [*child, "5<-4 ExecutionFailed"]
    assert of_children(level, 0, 0, 1) == (own, [failed, failed])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("definition", "expected"), WRITTEN.values(), ids=WRITTEN.keys())
def test_what_is_written(definition: dict[str, Any], expected: list[str], way: Way) -> None:
    workflow = compiled(definition, huge=lambda payload: "x" * 300_000, **HANDLERS)
    stream = io.BytesIO()

    async def main(log: ExecutionLog) -> None:
        async with express.Runtime(observers=[log]) as runtime:
            await way(runtime, workflow, {"items": [1, 2], "function": "now"})

    with ExecutionLog(stream=stream) as log:
        run_clean(main(log))
    assert lines(records(stream)) == ["1<-0 ExecutionStarted", *expected]


def test_executions_that_are_given_up() -> None:
    workflow = compiled(machine(A=wait(AGES)))
    [*_, last] = logged(workflow, execution_timeout=5)
    assert (last["type"], last["details"]) == ("ExecutionTimedOut", {"error": "States.Timeout"})

    async def main(log: ExecutionLog) -> None:
        async with express.Runtime(observers=[log]) as runtime:
            execution = await runtime.start(workflow)
            await asyncio.sleep(1)
            execution.stop("Enough", "no more")

    stream = io.BytesIO()
    with ExecutionLog(stream=stream) as log:
        run_clean(main(log))
    [*_, last] = records(stream)
    assert (last["type"], last["details"]) == ("ExecutionAborted", {"error": "Enough", "cause": "no more"})


def test_the_time_of_an_event_is_when_it_happened() -> None:
    found = logged(compiled(machine(A=wait(2))))
    times = [int(record["event_timestamp"]) for record in found]
    assert [time - times[0] for time in times] == [0, 0, 2000, 2000]


def test_watching_changes_nothing() -> None:
    """Neither what becomes of an execution nor how its events are counted."""
    for definition, _ in WRITTEN.values():
        workflow = compiled(definition, huge=lambda payload: "x" * 300_000, **HANDLERS)
        event = {"items": [1, 2], "function": "now"}
        counts = []
        for others in ([], [Reading()]):
            counting = Counting()
            result = run_clean(executed(workflow, event, observers=[counting, *others]))
            counts.append((result.status, result.output, result.error, counting.events))
        assert counts[0] == counts[1]


class Reading(express.Observer):
    """Has every event written."""

    def history_event(self, frame: Any, event: Event) -> None:
        assert event.id > 1


class Counting(express.Observer):
    events = 0

    def execution_ended(self, run: Any, result: Any) -> None:
        self.events = run.events


# --------------------------------------------------------------------------------------------------------------
# levels

FAILING = machine(A=state("Pass", Next="B"), B=task("declines", Catch=catching("Declined", to="C")), C=state("Fail"))


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("ERROR", ["7<-6 LambdaFunctionFailed", "9<-8 FailStateEntered", "10<-9 ExecutionFailed"]),
        ("FATAL", ["10<-9 ExecutionFailed"]),
        ("OFF", []),
    ],
)
def test_levels(level: Any, expected: list[str]) -> None:
    assert lines(logged(compiled(FAILING, **HANDLERS), level=level)) == expected


def test_a_success_is_no_news_to_the_higher_levels() -> None:
    for level in ("ERROR", "FATAL"):
        assert logged(compiled(machine(A=state("Pass"))), level=level) == []


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("ExecutionFailed", True),
        ("ExecutionTimedOut", True),
        ("ExecutionAborted", True),
        ("TaskStateAborted", True),
        ("MapIterationFailed", True),
        ("LambdaFunctionTimedOut", True),
        ("FailStateEntered", True),
        ("EvaluationFailed", True),
        ("PassStateEntered", False),
        ("ExecutionSucceeded", False),
        ("TaskScheduled", False),
    ],
)
def test_what_an_error_is(event: str, expected: bool) -> None:
    assert is_error(event) is expected


@pytest.mark.parametrize(
    ("level", "woven", "called"),
    [("ALL", True, True), ("ERROR", True, True), ("FATAL", False, True), ("OFF", False, False)],
)
def test_what_a_level_does_not_need_is_not_woven_in(level: Any, woven: bool, called: bool) -> None:
    with ExecutionLog(level, stream=io.BytesIO()) as log:
        assert has_hook(log, "history_event") is woven
        assert has_hook(log, "execution_ended") is called


# --------------------------------------------------------------------------------------------------------------
# data


def test_data_is_there_when_asked_for() -> None:
    workflow = compiled(
        machine(A=state("Pass", Assign={"x": 1, "y.$": "$.a"}, Next="B"), B=task("now", Parameters={"p.$": "$.a"})),
        **HANDLERS,
    )
    details = {record["type"]: record["details"] for record in logged(workflow, {"a": "ä"}, data=True)}
    assert details["ExecutionStarted"]["input"] == '{"a":"ä"}'
    assert details["PassStateExited"] == {
        "name": "A",
        "output": '{"a":"ä"}',
        "outputDetails": {"truncated": False},
        "assignedVariables": {"x": "1", "y": '"ä"'},
        "assignedVariablesDetails": {"truncated": False},
    }
    assert details["LambdaFunctionScheduled"] == {
        "resource": "arn:aws:lambda:us-east-1:123456789012:function:now",
        "input": '{"p":"ä"}',
        "inputDetails": {"truncated": False},
    }
    assert details["LambdaFunctionSucceeded"]["output"] == '{"p":"ä"}'
    assert details["ExecutionSucceeded"] == {"output": '{"p":"ä"}', "outputDetails": {"truncated": False}}


def test_no_data_unless_asked_for() -> None:
    workflow = compiled(machine(A=state("Pass", Assign={"x": "SECRET"}, Next="B"), B=task("now")), **HANDLERS)
    assert "SECRET" not in json.dumps(logged(workflow, {"a": "SECRET"}))


def test_a_long_payload_is_cut() -> None:
    [started, *_] = logged(compiled(machine(A=state("Pass"))), ["x" * 260_000], data=True)
    assert started["details"]["inputDetails"] == {"truncated": True}
    assert len(json.dumps(started["details"]["input"])) - 2 == MAX_PAYLOAD


@pytest.mark.parametrize("character", ["x", '"', "ä", "\x01", "\U0001f600"])
def test_how_much_is_kept(character: str) -> None:
    text, truncated = cut(character * 300_000)
    size = len(json.dumps(text, ensure_ascii=False).encode()) - 2
    assert truncated
    assert MAX_PAYLOAD - 6 < size <= MAX_PAYLOAD
    assert cut(text) == (text, False)


def test_half_a_surrogate_pair_is_written() -> None:
    def raises(payload: JSON) -> JSON:
        raise StateError("\ud800")

    [*_, last] = logged(compiled(machine(A=task("raises")), raises=raises))
    assert last["details"]["error"] == "\ud800"


def test_an_input_that_is_no_json() -> None:
    found = logged(compiled(machine(A=state("Pass"))), float("nan"), data=True)
    assert lines(found) == ["1<-0 ExecutionStarted", "2<-1 ExecutionFailed"]
    assert "input" not in found[0]["details"]


# --------------------------------------------------------------------------------------------------------------
# writing


class Slow(io.BytesIO):
    """A stream that writes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = threading.Event()
        self.go_on = threading.Event()

    def write(self, data: Any) -> int:
        self.busy.set()
        self.go_on.wait()
        return super().write(data)


def test_what_cannot_be_kept_up_with_is_dropped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    stream = Slow()
    workflow = compiled(machine(A=state("Pass")))

    async def main(log: ExecutionLog) -> None:
        async with express.Runtime(observers=[log]) as runtime:
            await runtime.execute(workflow)
            stream.busy.wait()
            for _ in range(100):
                assert (await runtime.execute(workflow)).succeeded

    with ExecutionLog(stream=stream, queue_bytes=20_000) as log:
        run_clean(main(log))
        stream.go_on.set()
    written = len(records(stream))
    assert 0 < log.dropped < 404
    assert written + log.dropped == 404
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"{log.dropped} records of the execution log were dropped: it cannot be written as fast"]


class Broken(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with ExecutionLog(stream=Broken()) as log:
        assert run_clean(executed(compiled(machine(A=state("Pass"))), observers=[log])).succeeded
    assert log.dropped == 4
    assert all("could not be written: [Errno 28] No space left on device" in r.getMessage() for r in caplog.records)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("mine\n")
    for _ in range(2):
        with ExecutionLog(path=path) as log:
            run_clean(executed(compiled(machine(A=state("Pass"))), observers=[log]))
    written = path.read_text().splitlines()
    assert written[0] == "mine"
    assert len(written) == 1 + 2 * 4


def test_a_text_stream_will_do(capfd: pytest.CaptureFixture[str]) -> None:
    with ExecutionLog() as log:
        run_clean(executed(compiled(machine(A=state("Pass"))), observers=[log]))
    assert len(capfd.readouterr().out.splitlines()) == 4


def test_a_log_that_is_closed_writes_no_more() -> None:
    stream = io.BytesIO()
    log = ExecutionLog(stream=stream)
    log.close()
    log.close()
    run_clean(executed(compiled(machine(A=state("Pass"))), observers=[log]))
    assert stream.getvalue() == b""
    assert log.dropped == 4
    assert not [thread for thread in threading.enumerate() if thread.name == "express-log"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"level": "DEBUG"}, f"level must be one of {', '.join(LEVELS)}, not 'DEBUG'"),
        ({"path": "x", "stream": io.BytesIO()}, "a log is written to a path or to a stream, not to both"),
        ({"queue_bytes": 0}, "queue_bytes must be positive"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ExecutionLog(**options)
