"""The service without a network, in virtual time: what takes long, what ends, what is left when it closes."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from express.service import Service, ServiceError, aliases, catalogue
from express.service.definitions import validate_definition
from express.service.histories import history_of
from express.testing import run_virtual

if TYPE_CHECKING:
    from express.service.machines import StateMachine
    from express.types import JSON

ROLE = "arn:aws:iam::123456789012:role/r"


def definition(**state: JSON) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True, **state}}})


PASS = definition()


def wait(seconds: int) -> str:
    return definition(Type="Wait", Seconds=seconds)


async def create(service: Service, text: str = PASS, **changes: Any) -> StateMachine:
    machine, _ = await service.catalogue.create({"name": "m", "definition": text, "roleArn": ROLE, **changes})
    return machine


def scene(run: Callable[[Service], Awaitable[None]], **options: Any) -> None:
    """Run a scene with a service of its own."""

    async def main() -> None:
        async with Service(**options) as service:
            await run(service)

    run_virtual(main(), now="2025-03-01T12:00:00Z")


def test_a_synchronous_execution_is_dated_and_metered_to_the_millisecond() -> None:
    async def run(service: Service) -> None:
        machine = await create(service, wait(3), type="EXPRESS")
        record, billing = await service.executions.start_sync(machine.arn, None, None, None)
        assert (record.started, record.stopped) == (1740830400.0, 1740830403.0)
        assert billing.billed_duration_ms == 3000

    scene(run)


def test_an_express_execution_knows_that_it_was_not_redriven_where_nobody_waits_for_it() -> None:
    async def run(service: Service) -> None:
        text = definition(Parameters={"execution.$": "$$.Execution"}, OutputPath="$.execution")
        machine = await create(service, text, type="EXPRESS")
        synchronous, _ = await service.executions.start_sync(machine.arn, None, None, None)
        asynchronous = await service.executions.start(machine.arn, None, None, None)
        await service.executions.ended(asynchronous)
        assert "RedriveCount" not in json.loads(synchronous.output or "")
        assert json.loads(asynchronous.output or "")["RedriveCount"] == 0

    scene(run, extended=True)


def test_no_event_is_younger_than_the_end() -> None:
    """However the parts of milliseconds fall: 0.9 ms past one it begins, 0.1 ms past the next it ends."""
    tasks = Tasks()

    @tasks.task("Brief")
    async def brief(_: object) -> None:
        await asyncio.sleep(0.0002)

    async def run(service: Service) -> None:
        text = definition(Type="Task", Resource="arn:aws:lambda:us-east-1:123456789012:function:Brief")
        machine = await create(service, text)
        await asyncio.sleep(0.0009)
        record = await service.executions.start(machine.arn, None, None, None)
        await service.executions.ended(record)
        times = [entry.time_ns // 1_000_000 for entry in history_of(record)]
        assert times == sorted(times)
        assert (record.started, record.stopped) == (1740830400.0, 1740830400.001)

    scene(run, tasks=tasks)


def test_express_executions_end_after_five_minutes_standard_ones_may_take_a_year() -> None:
    async def run(service: Service) -> None:
        machine = await create(service, wait(301), type="EXPRESS")
        record, _ = await service.executions.start_sync(machine.arn, None, None, None)
        assert (record.status, record.error) == ("TIMED_OUT", "States.Timeout")
        standard = await create(service, wait(360 * 24 * 3600), name="s")
        started = await service.executions.start(standard.arn, "long", None, None)
        await asyncio.sleep(359 * 24 * 3600)
        assert started.status == "RUNNING"
        await asyncio.sleep(2 * 24 * 3600)
        assert (started.status, started.output) == ("SUCCEEDED", "{}")

    scene(run)


def test_closing_waits_for_executions_and_aborts_those_that_take_too_long() -> None:
    records = []

    async def main() -> None:
        async with Service(drain_timeout=10) as service:
            for name, seconds, kind in (
                ("a", 5, "EXPRESS"),
                ("b", 20, "EXPRESS"),
                ("c", 5, "STANDARD"),
                ("d", 20, "STANDARD"),
            ):
                machine = await create(service, wait(seconds), name=name, type=kind)
                records.append(await service.executions.start(machine.arn, None, None, None))
        with pytest.raises(ServiceError, match="ServiceUnavailable"):
            await service.executions.start(machine.arn, None, None, None)

    run_virtual(main())
    assert [record.status for record in records] == ["SUCCEEDED", "ABORTED", "SUCCEEDED", "ABORTED"]


def test_an_execution_stopped_before_it_began_is_aborted() -> None:
    async def run(service: Service) -> None:
        machine = await create(service, wait(5))
        record = await service.executions.start(machine.arn, None, None, None)
        service.executions.stop(record.arn, "E", None)
        await asyncio.sleep(1)
        assert (record.status, record.error, record.run) == ("ABORTED", "E", None)

    scene(run)


def test_an_alias_shares_the_starts_by_weight() -> None:
    async def run(service: Service) -> None:
        machine = await create(service, publish=True)
        await service.catalogue.update(machine.arn, {"definition": definition(Comment="2"), "publish": True})
        routing = [
            {"stateMachineVersionArn": f"{machine.arn}:{number}", "weight": weight}
            for number, weight in ((1, 20), (2, 80))
        ]
        alias = service.aliases.create("PROD", routing, None)
        chosen = [service.catalogue.target(alias.arn).version_arn for _ in range(1000)]
        assert 150 < chosen.count(f"{machine.arn}:1") < 250
        assert chosen.count(f"{machine.arn}:1") + chosen.count(f"{machine.arn}:2") == 1000

    scene(run, random=Random(1))


def test_an_execution_keeps_the_revision_it_began_with() -> None:
    async def run(service: Service) -> None:
        machine = await create(
            service,
            json.dumps(
                {
                    "StartAt": "W",
                    "States": {
                        "W": {"Type": "Wait", "Seconds": 5, "Next": "P"},
                        "P": {"Type": "Pass", "Result": "old", "End": True},
                    },
                }
            ),
        )
        record = await service.executions.start(machine.arn, None, None, None)
        await service.catalogue.update(machine.arn, {"definition": definition(Result="new")})
        newer = await service.executions.start(machine.arn, None, None, None)
        await asyncio.sleep(10)
        assert (record.output, newer.output) == ('"old"', '"new"')

    scene(run)


def test_the_context_object_names_the_execution_as_the_answer_does() -> None:
    async def run(service: Service) -> None:
        text = definition(
            Parameters={"id.$": "$$.Execution.Id", "name.$": "$$.Execution.Name", "role.$": "$$.Execution.RoleArn"}
        )
        for kind in ("EXPRESS", "STANDARD"):
            machine = await create(service, text, name=kind, type=kind)
            for name in (None, "named"):
                record = await service.executions.start(machine.arn, name, None, None)
                await asyncio.sleep(1)
                assert record.output is not None
                assert json.loads(record.output) == {"id": record.arn, "name": record.name, "role": ROLE}

    scene(run)


def test_long_definitions_are_compiled_aside_and_what_happened_meanwhile_counts() -> None:
    long = json.dumps(
        {
            "StartAt": "S0",
            "States": {
                f"S{n}": {"Type": "Pass", **({"Next": f"S{n + 1}"} if n < 399 else {"End": True})} for n in range(400)
            },
        }
    )

    async def run(service: Service) -> None:
        assert len(long) > 16_384
        made = await asyncio.gather(*(create(service, long) for _ in range(3)))
        assert made[0] is made[1] is made[2]
        updating = asyncio.ensure_future(service.catalogue.update(made[0].arn, {"definition": long + " "}))
        await asyncio.sleep(0)
        service.executions.delete_machine(made[0].arn)
        with pytest.raises(ServiceError, match="StateMachineDoesNotExist"):
            await updating
        with pytest.raises(ServiceError, match=r"InvalidDefinition: .*MISSING_TRANSITION_TARGET"):
            await create(service, long.replace('"S0", "States"', '"X", "States"'))

    scene(run)


def test_an_output_too_deep_to_be_written_fails_the_execution() -> None:
    wrapped: JSON = {"x.$": "$"}
    for _ in range(10):
        wrapped = {"y": wrapped}

    async def run(service: Service) -> None:
        for kind in ("EXPRESS", "STANDARD"):
            machine = await create(service, definition(Parameters=wrapped), name=kind, type=kind)
            record = await service.executions.start(machine.arn, None, "[" * 250 + "]" * 250, None)
            await asyncio.sleep(1)
            assert (record.status, record.error, record.output) == ("FAILED", "States.Runtime", None)
            assert record.cause is not None
            assert "nested deeper than 254 levels" in record.cause

    scene(run)


def test_unregistered_resources_fail_when_they_are_reached() -> None:
    async def run(service: Service) -> None:
        text = definition(Type="Task", Resource="arn:aws:lambda:us-east-1:123456789012:function:Nobody")
        machine = await create(service, text, type="EXPRESS")
        record, _ = await service.executions.start_sync(machine.arn, None, None, None)
        assert record.status == "FAILED"

    scene(run)


def test_an_input_that_cannot_be_kept_is_a_failed_execution() -> None:
    async def run(service: Service) -> None:
        for kind in ("EXPRESS", "STANDARD"):
            machine = await create(service, name=kind, type=kind)
            record = await service.executions.start(machine.arn, None, "[" * 300 + "]" * 300, None)
            assert (record.status, record.run) == ("FAILED", None)
            assert record.arn.count(record.name) == 1

    scene(run)


CONFIGURATIONS: list[tuple[dict[str, Any], str]] = [
    ({"loggingConfiguration": {"level": "ALL"}}, "InvalidLoggingConfiguration"),
    ({"loggingConfiguration": {"level": "ALL", "destinations": []}}, "InvalidLoggingConfiguration"),
    ({"loggingConfiguration": {"destinations": [{}, {}]}}, "InvalidLoggingConfiguration"),
    ({"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}}, "InvalidEncryptionConfiguration"),
    ({"encryptionConfiguration": {"type": "AWS_OWNED_KEY", "kmsKeyId": "k"}}, "InvalidEncryptionConfiguration"),
]


@pytest.mark.parametrize(("configuration", "code"), CONFIGURATIONS)
def test_wrong_configurations(configuration: dict[str, Any], code: str) -> None:
    async def run(service: Service) -> None:
        with pytest.raises(ServiceError) as refused:
            await create(service, **configuration)
        assert refused.value.code == code

    scene(run)


@pytest.mark.parametrize(
    ("destination", "complaint"),
    [
        ({}, "Must specify exactly one Log Destination."),
        ({"cloudWatchLogsLogGroup": {}}, "Must specify exactly one Log Destination."),
        ({"cloudWatchLogsLogGroup": {"logGroupArn": "logs"}}, "Log Destination not found."),
        (
            {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/m"}},
            "Log Group ARN must be provided with '*' qualifier.",
        ),
    ],
)
def test_where_nothing_can_be_logged(destination: dict[str, Any], complaint: str) -> None:
    async def run(service: Service) -> None:
        with pytest.raises(ServiceError) as refused:
            await create(service, loggingConfiguration={"level": "ALL", "destinations": [destination]})
        assert refused.value.message == f"Invalid Logging Configuration: {complaint}"

    scene(run)


def test_what_is_shown_of_a_configuration() -> None:
    async def run(service: Service) -> None:
        key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}
        machine = await create(service, encryptionConfiguration=key, tracingConfiguration={})
        configuration = machine.revision.configuration
        assert (configuration.encryption, configuration.tracing) == (key, {"enabled": False})

    scene(run)


def test_a_long_definition_is_checked_aside() -> None:
    async def main() -> dict[str, Any]:
        text = definition(Comment="x" * 20_000, Next="B")
        return await validate_definition(text, "EXPRESS", severity="ERROR", max_results=None)

    assert run_virtual(main())["result"] == "FAIL"


Refused = Callable[["Service", "StateMachine"], Any]

REFUSED: list[tuple[str, Refused]] = [
    ("StateMachineLimitExceeded", lambda service, machine: create(service, name="n")),
    ("ServiceQuotaExceededException", lambda service, machine: service.catalogue.publish(machine.arn, None, None)),
    ("ServiceQuotaExceededException", lambda service, machine: service.aliases.create("B", route(machine), None)),
]


def route(*machines: StateMachine) -> list[dict[str, Any]]:
    weight = 100 // len(machines)
    return [{"stateMachineVersionArn": machine.version_arn(1), "weight": weight} for machine in machines]


@pytest.mark.parametrize(("code", "attempt"), REFUSED)
def test_limits(code: str, attempt: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MAX_MACHINES", 1)
    monkeypatch.setattr(catalogue, "MAX_VERSIONS", 1)
    monkeypatch.setattr(aliases, "MAX_ALIASES", 1)

    async def run(service: Service) -> None:
        machine = await create(service, publish=True)
        service.aliases.create("A", route(machine), None)
        await service.catalogue.update(machine.arn, {"definition": wait(1)})
        with pytest.raises(ServiceError) as refused:
            answer = attempt(service, machine)
            if inspect.isawaitable(answer):
                await answer
        assert refused.value.code == code

    scene(run)


WHILE_DELETING: list[Refused] = [
    lambda service, machine: service.catalogue.update(machine.arn, {"definition": PASS}),
    lambda service, machine: service.catalogue.publish(machine.arn, None, None),
    lambda service, machine: service.catalogue.target(f"{machine.arn}:1"),
    lambda service, machine: service.aliases.create("B", route(machine), None),
    lambda service, machine: service.aliases.update(f"{machine.arn}:A", None, "d"),
    lambda service, machine: service.aliases.of(machine.arn),
]


@pytest.mark.parametrize("attempt", WHILE_DELETING)
def test_a_machine_that_is_being_deleted_is_not_to_be_changed(attempt: Refused) -> None:
    async def run(service: Service) -> None:
        machine = await create(service, wait(5), publish=True)
        service.aliases.create("A", route(machine), None)
        await service.executions.start(machine.arn, None, None, None)
        service.executions.delete_machine(machine.arn)
        service.executions.delete_machine(machine.arn)
        with pytest.raises(ServiceError, match="StateMachineDeleting"):
            answer = attempt(service, machine)
            if inspect.isawaitable(answer):
                await answer

    scene(run)


def test_a_distributed_map_is_no_machine() -> None:
    async def run(service: Service) -> None:
        machine = await create(service)
        with pytest.raises(ServiceError, match="ValidationException"):
            await service.executions.start(f"{machine.arn}/each", None, None, None)
        with pytest.raises(ServiceError, match="ValidationException"):
            service.executions.delete_machine(f"{machine.arn}/each")
        with pytest.raises(ServiceError, match="ValidationException") as refused:
            service.executions.of(f"{machine.arn}/each")
        assert refused.value.reason == "API_DOES_NOT_SUPPORT_LABELED_ARNS"

    scene(run)


def test_an_alias_leads_to_versions_of_one_machine() -> None:
    async def run(service: Service) -> None:
        machines = [await create(service, name=name, publish=True) for name in "ab"]
        with pytest.raises(
            ServiceError, match="ValidationException: Routing configuration must contain versions of one"
        ):
            service.aliases.create("A", route(*machines), None)

    scene(run)
