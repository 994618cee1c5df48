"""`stateMachineArn#TestCase`: which machine runs, with what mocked, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from express.service import Service, ServiceError
from express.tasks.mocks import MockFile
from express.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from express.types import JSON, MachineType

ROLE = "arn:aws:iam::123456789012:role/r"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:Pay"
ORDERS = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"
PAY: dict[str, Any] = {"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": FUNCTION, "End": True}}}
MOCKS: dict[str, Any] = {
    "StateMachines": {"orders": {"TestCases": {"Happy": {"Pay": "Paid"}, "Sad": {"Pay": "Broke"}, "None": {}}}},
    "MockedResponses": {
        "Paid": {"0": {"Return": "mocked"}},
        "Broke": {"0": {"Throw": {"Error": "Broke", "Cause": "no money"}}},
    },
}


def tasks() -> Tasks:
    found = Tasks()
    found.add("Pay", lambda payload: "real")
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "MockConfigFile.json"
    write(path, MOCKS)
    return path


def write(path: Path, document: JSON) -> None:
    path.write_text(json.dumps(document))


def scene(path: Path | None, act: Callable[[Service], Awaitable[Any]], *, kind: MachineType = "EXPRESS") -> Any:
    """`orders` and a test of it."""

    async def main() -> Any:
        async with Service(tasks(), mocks=None if path is None else MockFile(path)) as service:
            request = {"name": "orders", "definition": json.dumps(PAY), "roleArn": ROLE, "type": kind}
            await service.catalogue.create(request)
            return await act(service)

    return run_virtual(main())


async def outcome(service: Service, arn: str) -> JSON:
    record, _ = await service.executions.start_sync(arn, None, None, None)
    return record.output if record.error is None else (record.error, record.cause)


@pytest.mark.parametrize(
    ("mark", "expected"),
    [("#Happy", '"mocked"'), ("#Sad", ("Broke", "no money")), ("#None", '"real"'), ("#", '"real"'), ("", '"real"')],
)
def test_cases(mark: str, expected: JSON, path: Path) -> None:
    assert scene(path, lambda service: outcome(service, ORDERS + mark)) == expected


def test_executions_belong_to_the_machine(path: Path) -> None:
    async def act(service: Service) -> list[tuple[str, str | None]]:
        record = await service.executions.start(f"{ORDERS}#Happy", "one", None, None)
        await service.executions.ended(record)
        assert record.arn == f"{ORDERS.replace('stateMachine', 'execution')}:one"
        return [(found.machine_arn, found.output) for found in service.executions.of(ORDERS)]

    assert scene(path, act, kind="STANDARD") == [(ORDERS, '"mocked"')]


def test_versions_and_aliases_have_cases_too(path: Path) -> None:
    async def act(service: Service) -> list[JSON]:
        version = service.catalogue.publish(ORDERS, None, None)
        service.aliases.create("live", [{"stateMachineVersionArn": version.arn, "weight": 100}], None)
        other = {**PAY, "States": {"Pay": {"Type": "Pass", "Result": "changed", "End": True}}}
        await service.catalogue.update(ORDERS, {"definition": json.dumps(other)})
        return [await outcome(service, arn) for arn in (f"{ORDERS}:1#Happy", f"{ORDERS}:live#Happy", ORDERS)]

    assert scene(path, act) == ['"mocked"', '"mocked"', '"changed"']


def test_the_machine_is_compiled_once_for_a_case(path: Path) -> None:
    async def act(service: Service) -> list[Any]:
        return [service.catalogue.target(f"{ORDERS}#{case}").revision.workflow for case in ("Happy", "Happy", "Sad")]

    first, again, other = scene(path, act)
    assert first is again is not other


def test_a_machine_made_anew_is_compiled_anew(path: Path) -> None:
    async def act(service: Service) -> JSON:
        assert await outcome(service, f"{ORDERS}#Happy") == '"mocked"'
        service.executions.delete_machine(ORDERS)
        inner = {**PAY["States"]["Pay"], "ResultPath": "$.paid"}
        definition = json.dumps({**PAY, "States": {"Pay": inner}})
        request = {"name": "orders", "definition": definition, "roleArn": ROLE, "type": "EXPRESS"}
        await service.catalogue.create(request)
        return await outcome(service, f"{ORDERS}#Happy")

    assert scene(path, act) == '{"paid":"mocked"}'


def test_a_changed_configuration_counts_from_the_next_start(path: Path) -> None:
    changed = {**MOCKS, "MockedResponses": {**MOCKS["MockedResponses"], "Paid": {"0": {"Return": "mocked anew"}}}}

    async def act(service: Service) -> list[JSON]:
        before = await outcome(service, f"{ORDERS}#Happy")
        write(path, changed)
        return [before, await outcome(service, f"{ORDERS}#Happy")]

    assert scene(path, act) == ['"mocked"', '"mocked anew"']


def refused(path: Path | None, arn: str) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        scene(path, lambda service: outcome(service, arn))
    return caught.value.code, caught.value.message


def test_unknown_cases_are_refused(path: Path) -> None:
    code, message = refused(path, f"{ORDERS}#Hapy")
    assert code == "ValidationException"
    assert message == (
        f"The test case cannot be used: {path}: /StateMachines/orders/TestCases has no test case 'Hapy' "
        "(did you mean `Happy`?)"
    )


def test_states_the_machine_does_not_have_are_refused(path: Path) -> None:
    wrong = {**MOCKS, "StateMachines": {"orders": {"TestCases": {"Happy": {"Paid": "Paid"}}}}}
    write(path, wrong)
    code, message = refused(path, f"{ORDERS}#Happy")
    assert code == "ValidationException"
    assert "/StateMachines/orders/TestCases/Happy/Paid: the state machine has no Task state 'Paid'" in message


def test_a_configuration_that_is_gone_is_refused(path: Path) -> None:
    async def act(service: Service) -> None:
        path.rename(path.with_suffix(".gone"))  # noqa: ASYNC240 - in virtual time nobody waits for a disk
        with pytest.raises(ServiceError, match="The mock configuration cannot be read: "):
            await outcome(service, f"{ORDERS}#Happy")
        assert await outcome(service, ORDERS) == '"real"'

    scene(path, act)


def test_unknown_machines_are_told_as_such(path: Path) -> None:
    assert refused(path, f"{ORDERS}x#Happy") == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{ORDERS}x'",
    )


def test_without_a_configuration_the_mark_is_part_of_the_name() -> None:
    arn = f"{ORDERS}#Happy"
    assert refused(None, arn) == ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
