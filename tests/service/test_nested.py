"""Executions that start executions, in virtual time: what the parent gets, what becomes of the child, how deep it goes."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from express import TaskContext, Tasks
from express.service import Service
from express.service.nested import MAX_DEPTH
from express.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.service.records import ExecutionRecord
    from express.types import JSON, MachineType

ROLE = "arn:aws:iam::123456789012:role/r"
PREFIX = "arn:aws:states:us-east-1:123456789012"
CHILD = f"{PREFIX}:stateMachine:child"
START = "arn:aws:states:::states:startExecution"
SDK_START = "arn:aws:states:::aws-sdk:sfn:startExecution"
SDK_SYNC = "arn:aws:states:::aws-sdk:sfn:startSyncExecution"
#: 2025-03-01T12:00:00Z, where every scene begins.
NOW = 1_740_830_400_000

PASS = {"Type": "Pass", "End": True}
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def machine(**state: JSON) -> dict[str, JSON]:
    return {"StartAt": "A", "States": {"A": {"End": True, **state}}}


def starting(resource: str = START, arn: str = CHILD, **fields: JSON) -> dict[str, JSON]:
    """A machine of one Task that starts a child. `Parameters` are its further parameters."""
    parameters = {"StateMachineArn": arn, **fields.pop("Parameters", {})}
    return machine(Type="Task", Resource=resource, Parameters=parameters, **fields)


def waiting(seconds: int) -> dict[str, JSON]:
    return machine(Type="Wait", Seconds=seconds)


FAILING = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Boom", "Cause": "no reason"}}}
ECHO = machine(Type="Pass")


async def create(service: Service, name: str, definition: JSON, kind: MachineType = "STANDARD") -> str:
    request = {"name": name, "definition": json.dumps(definition), "roleArn": ROLE, "type": kind}
    created, _ = await service.catalogue.create(request)
    return created.arn


async def run(service: Service, arn: str, text: str = "{}") -> ExecutionRecord:
    record = await service.executions.start(arn, None, text, None)
    await service.executions.ended(record)
    return record


def scene(act: Callable[[Service], Awaitable[Any]], **options: Any) -> Any:
    async def main() -> Any:
        async with Service(**options) as service:
            return await act(service)

    return run_virtual(main(), now="2025-03-01T12:00:00Z")


def parent_of(
    child: JSON, parent: JSON, text: str = "{}", *, child_type: MachineType = "STANDARD", **options: Any
) -> ExecutionRecord:
    """The ended execution of a parent whose child is `child`."""

    async def act(service: Service) -> ExecutionRecord:
        await create(service, "child", child, child_type)
        return await run(service, await create(service, "parent", parent), text)

    record: ExecutionRecord = scene(act, **options)
    return record


# --------------------------------------------------------------------------------------------------------------
# what the parent gets

#: Resource, the child's definition and type, what it is started with beside its ARN, and the output.
OUTPUTS: dict[str, tuple[str, JSON, MachineType, dict[str, JSON], JSON]] = {
    "startExecution": (
        START,
        waiting(60),
        "STANDARD",
        {"Name": "one"},
        {"ExecutionArn": f"{PREFIX}:execution:child:one", "StartDate": NOW},
    ),
    "startExecution of the SDK": (
        SDK_START,
        waiting(60),
        "STANDARD",
        {"Name": "one"},
        {"ExecutionArn": f"{PREFIX}:execution:child:one", "StartDate": "2025-03-01T12:00:00Z"},
    ),
    ".sync": (
        f"{START}.sync",
        waiting(3),
        "STANDARD",
        {"Name": "one", "Input": {"a": [1]}},
        {
            "ExecutionArn": f"{PREFIX}:execution:child:one",
            "Input": '{"a":[1]}',
            "InputDetails": {"Included": True},
            "Name": "one",
            "Output": '{"a":[1]}',
            "OutputDetails": {"Included": True},
            "RedriveCount": 0,
            "RedriveStatus": "NOT_REDRIVABLE",
            "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
            "StartDate": NOW,
            "StateMachineArn": CHILD,
            "Status": "SUCCEEDED",
            "StopDate": NOW + 3000,
        },
    ),
    ".sync:2": (
        f"{START}.sync:2",
        ECHO,
        "STANDARD",
        {"Name": "one", "Input": None},
        {
            "ExecutionArn": f"{PREFIX}:execution:child:one",
            "Input": {},
            "InputDetails": {"Included": True},
            "Name": "one",
            "Output": {},
            "OutputDetails": {"Included": True},
            "RedriveCount": 0,
            "RedriveStatus": "NOT_REDRIVABLE",
            "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
            "StartDate": NOW,
            "StateMachineArn": CHILD,
            "Status": "SUCCEEDED",
            "StopDate": NOW,
        },
    ),
}


@pytest.mark.parametrize(("resource", "child", "child_type", "parameters", "output"), OUTPUTS.values(), ids=OUTPUTS)
def test_outputs(
    resource: str, child: JSON, child_type: MachineType, parameters: dict[str, JSON], output: JSON
) -> None:
    record = parent_of(child, starting(resource, Parameters=parameters), child_type=child_type)
    assert record.status == "SUCCEEDED", record.cause
    assert record.output == json.dumps(output, separators=(",", ":"))


def test_start_sync_execution() -> None:
    record = parent_of(waiting(2), starting(SDK_SYNC, Parameters={"Name": "one", "Input": "[1]"}), child_type="EXPRESS")
    assert record.output is not None
    answer = json.loads(record.output)
    assert re.fullmatch(f"{PREFIX}:express:child:one:{UUID}", answer.pop("ExecutionArn"))
    assert answer == {
        "BillingDetails": {"BilledDurationInMilliseconds": 2000, "BilledMemoryUsedInMB": 64},
        "Input": "[1]",
        "InputDetails": {"Included": True},
        "Name": "one",
        "Output": "[1]",
        "OutputDetails": {"Included": True},
        "StartDate": "2025-03-01T12:00:00Z",
        "StateMachineArn": CHILD,
        "Status": "SUCCEEDED",
        "StopDate": "2025-03-01T12:00:02Z",
    }
    assert list(answer) == sorted(answer)


def test_start_sync_execution_of_a_child_that_fails_is_an_answer() -> None:
    record = parent_of(FAILING, starting(SDK_SYNC), child_type="EXPRESS")
    assert (record.status, record.output is None) == ("SUCCEEDED", False)
    answer = json.loads(record.output or "")
    assert (answer["Status"], answer["Error"], answer["Cause"]) == ("FAILED", "Boom", "no reason")
    assert "Output" not in answer


#: The Input of the task, and the child's input as it arrives.
INPUTS: list[tuple[str, JSON, str]] = [
    (START, {"a": 1.5}, '{"a":1.5}'),
    (START, [], "[]"),
    (START, 7, "7"),
    (START, None, "{}"),
    (START, "plain", '"plain"'),
    (START, '{"from": "JsonToString"}', '{"from": "JsonToString"}'),
    (START, "[1", '"[1"'),
    (START, "7", '"7"'),
    (SDK_START, "7", "7"),
    (SDK_START, '"plain"', '"plain"'),
    (SDK_START, {"a": 1}, '{"a":1}'),
    (SDK_START, None, "{}"),
]


@pytest.mark.parametrize(("resource", "value", "text"), INPUTS)
def test_inputs(resource: str, value: JSON, text: str) -> None:
    async def act(service: Service) -> str:
        child = await create(service, "child", ECHO)
        await run(service, await create(service, "parent", starting(resource, Parameters={"Input": value})))
        [record] = service.executions.of(child)
        return record.input

    assert scene(act) == text


def test_no_input_is_an_empty_object() -> None:
    record = parent_of(ECHO, starting(f"{START}.sync:2", OutputPath="$.Output"))
    assert record.output == "{}"


def test_versions_and_aliases_are_told() -> None:
    async def act(service: Service) -> JSON:
        child = await create(service, "child", ECHO)
        service.catalogue.publish(child, None, None)
        routes = [{"stateMachineVersionArn": f"{child}:1", "weight": 100}]
        service.aliases.create("live", routes, None)
        parent = await create(service, "parent", starting(f"{START}.sync", f"{child}:live"))
        return json.loads((await run(service, parent)).output or "")

    output = scene(act)
    assert output["StateMachineAliasArn"] == f"{CHILD}:live"
    assert output["StateMachineVersionArn"] == f"{CHILD}:1"
    assert list(output) == sorted(output)


# --------------------------------------------------------------------------------------------------------------
# what goes wrong


@pytest.mark.parametrize("mode", [".sync", ".sync:2"])
@pytest.mark.parametrize(
    ("child", "told", "status", "milliseconds"),
    [
        (FAILING, {"Cause": "no reason", "Error": "Boom"}, "FAILED", 0),
        ({**waiting(60), "TimeoutSeconds": 5}, {}, "TIMED_OUT", 5000),
    ],
    ids=["failed", "timed out"],
)
def test_a_child_that_does_not_succeed_fails_the_task(
    mode: str, child: JSON, told: dict[str, str], status: str, milliseconds: int
) -> None:
    """Its cause is the child as DescribeExecution has it, its input as text in both modes (measured)."""
    record = parent_of(child, starting(f"{START}{mode}", Parameters={"Name": "one", "Input": {"k": 1}}))
    assert (record.status, record.error) == ("FAILED", "States.TaskFailed")
    described = {
        **told,
        "ExecutionArn": f"{PREFIX}:execution:child:one",
        "Input": '{"k":1}',
        "InputDetails": {"Included": True},
        "Name": "one",
        "RedriveCount": 0,
        "RedriveStatus": "REDRIVABLE",
        "StartDate": NOW,
        "StateMachineArn": CHILD,
        "Status": status,
        "StopDate": NOW + milliseconds,
    }
    assert record.cause == json.dumps(described, separators=(",", ":"))


def optimised(message: str, code: str) -> str:
    return (
        f"{re.escape(message)} \\(Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; "
        f"Request ID: {UUID}; Proxy: null\\)"
    )


def sdk(message: str) -> str:
    return f"{re.escape(message)} \\(Service: Sfn, Status Code: 400, Request ID: {UUID}\\)"


GONE = f"{PREFIX}:stateMachine:gone"
MISSING = f"State Machine Does Not Exist: '{GONE}'"
TAKEN = f"Execution Already Exists: '{PREFIX}:execution:child:taken'"
WRONG_TYPE = "This operation is not supported by this type of state machine"

#: Resource, machine, parameters, error, cause as a pattern.
REFUSALS: list[tuple[str, str, dict[str, JSON], str, str]] = [
    *(
        (f"{START}{mode}", GONE, {}, "StepFunctions.StateMachineDoesNotExistException", optimised(MISSING, "StateMachineDoesNotExist"))
        for mode in ("", ".sync", ".sync:2")
    ),
    (SDK_START, GONE, {}, "Sfn.StateMachineDoesNotExistException", sdk(MISSING)),
    (SDK_SYNC, GONE, {}, "Sfn.StateMachineDoesNotExistException", sdk(MISSING)),
    (SDK_SYNC, CHILD, {}, "Sfn.StateMachineTypeNotSupportedException", sdk(WRONG_TYPE)),
    (START, "nonsense", {}, "StepFunctions.InvalidArnException", optimised("Invalid Arn: 'Invalid ARN prefix: nonsense'", "InvalidArn")),
    (START, CHILD, {"Name": "a b"}, "StepFunctions.InvalidNameException", optimised("Invalid Name: 'a b'", "InvalidName")),
    (START, CHILD, {"Name": "taken"}, "StepFunctions.ExecutionAlreadyExistsException", optimised(TAKEN, "ExecutionAlreadyExists")),
    (SDK_START, CHILD, {"Name": "taken"}, "Sfn.ExecutionAlreadyExistsException", sdk(TAKEN)),
    (
        SDK_START,
        CHILD,
        {"Input": "nonsense"},
        "Sfn.InvalidExecutionInputException",
        sdk(
            "Invalid State Machine Execution Input: 'Unrecognized token 'nonsense': was expecting (JSON String, Number, "
            "Array, Object or token 'null', 'true' or 'false')'"
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "arn", "parameters", "error", "cause"), REFUSALS)
def test_refusals(resource: str, arn: str, parameters: dict[str, JSON], error: str, cause: str) -> None:
    async def act(service: Service) -> ExecutionRecord:
        child = await create(service, "child", ECHO)
        await service.executions.start(child, "taken", "[]", None)
        return await run(service, await create(service, "parent", starting(resource, arn, Parameters=parameters)))

    record: ExecutionRecord = scene(act)
    assert (record.status, record.error) == ("FAILED", error)
    assert re.fullmatch(cause, record.cause or ""), record.cause


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ({"Name": 7}, "[The value for the field 'Name' must be a STRING]"),
        ({"StateMachineArn": ["x"]}, "[The value for the field 'StateMachineArn' must be a STRING]"),
    ],
)
def test_parameters_of_a_wrong_type(parameters: dict[str, JSON], cause: str) -> None:
    record = parent_of(ECHO, starting(Parameters=parameters))
    given = json.dumps({"StateMachineArn": CHILD, **parameters}, separators=(",", ":"))
    assert (record.status, record.error) == ("FAILED", "States.Runtime")
    assert record.cause == (
        "An error occurred while executing the state 'A' (entered at the event id #2). "
        f"The Parameters '{given}' could not be used to start the Task: {cause}"
    )


def test_the_sdk_misses_its_machine() -> None:
    record = parent_of(ECHO, machine(Type="Task", Resource=SDK_START, Parameters={}))
    assert record.error == "Sfn.ValidationException"


def test_an_express_child_cannot_be_waited_for() -> None:
    """AWS asks DescribeExecution, which does not know it. It runs all the same."""
    record = parent_of(ECHO, starting(f"{START}.sync"), child_type="EXPRESS")
    assert (record.status, record.error) == ("FAILED", "StepFunctions.InvalidArnException")
    assert "Resource type not valid in this context: express" in (record.cause or "")


def test_a_refusal_can_be_caught() -> None:
    parent = starting(
        START, GONE, Catch=[{"ErrorEquals": ["StepFunctions.StateMachineDoesNotExistException"], "Next": "B"}]
    )
    parent["States"]["B"] = PASS
    assert parent_of(ECHO, parent).status == "SUCCEEDED"


def test_an_error_of_the_child_is_caught_as_failed_task_only() -> None:
    parent = starting(
        f"{START}.sync",
        Catch=[
            {"ErrorEquals": ["Boom"], "Next": "ByName"},
            {"ErrorEquals": ["States.TaskFailed"], "Next": "AsFailedTask"},
        ],
    )
    for name in ("ByName", "AsFailedTask"):
        parent["States"][name] = {"Type": "Pass", "Result": name, "End": True}
    assert parent_of(FAILING, parent).output == '"AsFailedTask"'


# --------------------------------------------------------------------------------------------------------------
# what becomes of the child


@pytest.mark.parametrize("mode", [".sync", ".sync:2"])
def test_stopping_the_parent_aborts_the_child(mode: str) -> None:
    async def act(service: Service) -> list[str]:
        child = await create(service, "child", waiting(60))
        parent = await create(service, "parent", starting(f"{START}{mode}"))
        record = await service.executions.start(parent, None, None, None)
        await asyncio.sleep(10)
        service.executions.stop(record.arn, None, None)
        await service.executions.ended(record)
        [started] = service.executions.of(child)
        await service.executions.ended(started)
        assert started.stopped == NOW / 1000 + 10
        return [record.status, started.status]

    assert scene(act) == ["ABORTED", "ABORTED"]


@pytest.mark.parametrize(("kind", "resource"), [("STANDARD", f"{START}.sync"), ("EXPRESS", SDK_SYNC)])
def test_a_task_that_is_late_aborts_the_child(kind: MachineType, resource: str) -> None:
    async def act(service: Service) -> tuple[ExecutionRecord, ExecutionRecord]:
        child = await create(service, "child", waiting(60), kind)
        record = await run(service, await create(service, "parent", starting(resource, TimeoutSeconds=7)))
        [started] = service.executions.of(child)
        await service.executions.ended(started)
        return record, started

    record, started = scene(act)
    assert (record.status, record.error) == ("FAILED", "States.Timeout")
    assert (started.status, started.stopped) == ("ABORTED", NOW / 1000 + 7)


def test_a_branch_that_fails_aborts_the_child_of_another() -> None:
    async def act(service: Service) -> tuple[str, str]:
        child = await create(service, "child", waiting(60))
        failing = {
            "StartAt": "W",
            "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail", "Error": "Boom"}},
        }
        inner = {"StartAt": "C", "States": {"C": starting(f"{START}.sync")["States"]["A"]}}
        both = machine(Type="Parallel", Branches=[inner, failing])
        record = await run(service, await create(service, "parent", both))
        [started] = service.executions.of(child)
        await service.executions.ended(started)
        return record.status, started.status

    assert scene(act) == ("FAILED", "ABORTED")


def test_a_child_nobody_waits_for_lives_on() -> None:
    async def act(service: Service) -> tuple[str, str]:
        child = await create(service, "child", waiting(60))
        record = await run(service, await create(service, "parent", starting()))
        [started] = service.executions.of(child)
        await service.executions.ended(started)
        return record.status, started.status

    assert scene(act) == ("SUCCEEDED", "SUCCEEDED")


def test_closing_the_service_ends_parents_and_children() -> None:
    async def main() -> list[str]:
        service = Service(drain_timeout=5)
        async with service:
            child = await create(service, "child", waiting(3600))
            record = await run_until_waiting(service, await create(service, "parent", starting(f"{START}.sync")))
            [started] = service.executions.of(child)
        return [record.status, started.status]

    async def run_until_waiting(service: Service, arn: str) -> ExecutionRecord:
        record = await service.executions.start(arn, None, None, None)
        await asyncio.sleep(1)
        return record

    assert run_virtual(main()) == ["ABORTED", "ABORTED"]


# --------------------------------------------------------------------------------------------------------------
# how deep it goes


@pytest.mark.parametrize(("kind", "resource"), [("STANDARD", f"{START}.sync"), ("EXPRESS", SDK_SYNC)])
def test_a_machine_that_waits_for_itself_fails(kind: MachineType, resource: str) -> None:
    """One too deep is refused, and every parent fails of its child; the service goes on."""

    async def act(service: Service) -> tuple[int, ExecutionRecord, str | None]:
        itself = await create(service, "child", starting(resource, Retry=[]), kind)
        record = await run(service, itself)
        executions = service.executions.of(itself)
        innermost = executions[0]
        assert (await run(service, await create(service, "other", ECHO))).status == "SUCCEEDED"
        return len(executions), record, innermost.error

    count, record, innermost = scene(act)
    assert count == MAX_DEPTH + 1
    prefix = "StepFunctions" if kind == "STANDARD" else "Sfn"
    assert innermost == f"{prefix}.ExecutionLimitExceededException"
    if kind == "STANDARD":
        assert (record.status, record.error) == ("FAILED", "States.TaskFailed")
    else:
        assert json.loads(record.output)["Status"] == "SUCCEEDED"


def test_a_machine_that_starts_itself_for_ever_leaves_room_for_others() -> None:
    """The pattern "continue as new": no execution waits for another, and so none is too deep."""

    async def act(service: Service) -> None:
        itself = await create(service, "child", starting())
        other = await create(service, "other", ECHO)
        await run(service, itself)
        while len(service.executions.of(itself)) <= 2 * MAX_DEPTH:
            await asyncio.sleep(0)
            assert (await run(service, other)).status == "SUCCEEDED"
        *_, first = service.executions.of(itself)
        assert {record.error for record in service.executions.of(itself)} == {None}
        assert first.status == "SUCCEEDED"

    scene(act, drain_timeout=0.001)


def test_a_machine_that_multiplies_is_stopped_by_the_limit() -> None:
    task = starting()["States"]["A"]
    twice = machine(Type="Parallel", Branches=[{"StartAt": name, "States": {name: task}} for name in ("Left", "Right")])

    async def act(service: Service) -> set[str | None]:
        itself = await create(service, "child", twice)
        await run(service, itself)
        while True:
            await asyncio.sleep(0)
            errors = {record.error for record in service.executions.of(itself) if record.status == "FAILED"}
            if errors:
                return errors

    assert scene(act, max_in_flight=50, drain_timeout=0.001) == {"StepFunctions.ExecutionLimitExceededException"}


# --------------------------------------------------------------------------------------------------------------
# who does the work


@pytest.mark.parametrize(
    ("registered", "wins"),
    [
        (f"{START}.sync", True),
        ("arn:aws:states:::states:*", True),
        ("*sync", True),
        ("*", False),
        ("other", False),
    ],
)
def test_who_does_the_work(registered: str, wins: bool) -> None:
    tasks = Tasks()

    @tasks.task(registered)
    def mine(parameters: JSON, context: TaskContext) -> JSON:
        return ["mine", parameters["StateMachineArn"], context.resource]

    record = parent_of(ECHO, starting(f"{START}.sync"), tasks=tasks)
    output = json.loads(record.output or "")
    assert (output if wins else output["StateMachineArn"]) == (["mine", CHILD, f"{START}.sync"] if wins else CHILD)


def test_whoever_is_registered_for_everything_does_what_nobody_else_does() -> None:
    tasks = Tasks()
    tasks.add("*", lambda payload: ["last resort"])
    state = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues", "Parameters": {}}
    record = parent_of(ECHO, machine(**state), tasks=tasks)
    assert record.output == '["last resort"]'


def test_other_partitions() -> None:
    from express.service import Account

    async def act(service: Service) -> str | None:
        await create(service, "child", ECHO)
        arn = CHILD.replace("arn:aws:", "arn:aws-cn:")
        parent = starting("arn:aws-cn:states:::states:startExecution.sync:2", arn, OutputPath="$.Status")
        return (await run(service, await create(service, "parent", parent))).output

    assert scene(act, account=Account(partition="aws-cn")) == '"SUCCEEDED"'
