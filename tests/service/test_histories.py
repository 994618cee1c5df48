"""Histories put together from what an execution has written and what its record says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from express.history import EVENT_LIMIT, Chronicle, Entry, History, read_entry, split
from express.service import Service
from express.service.histories import history_of
from express.states.history import Known
from express.tasks import Tasks
from express.testing import VirtualTimeLoop, run_virtual
from tests.service.test_redrive import ROLE, Work, ended, machine, started, task

if TYPE_CHECKING:
    from express.observe import Observer
    from express.service.records import ExecutionRecord
    from express.states.history import Visit
    from express.types import JSON, MachineType


async def executed(
    service: Service, definition: dict[str, Any], machine_type: MachineType, value: JSON
) -> ExecutionRecord:
    record = await started(service, definition, value, type=machine_type)
    await ended(record)
    return record


MACHINES = {
    "one after another": machine(A={"Type": "Pass", "Assign": {"v": 1}}, B=task("ok"), C={"Type": "Succeed"}),
    "caught": machine(A=task("bad", Catch=[{"ErrorEquals": ["Bad"], "Next": "B"}]), B={"Type": "Pass"}),
    "a task that fails": machine(A=task("bad")),
    "branches": machine(P={"Type": "Parallel", "Branches": [machine(A=task("ok")), machine(B={"Type": "Pass"})]}),
    "iterations": machine(M={"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": machine(A=task("ok"))}),
}


@pytest.mark.slow
@pytest.mark.parametrize("machine_type", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("definition", MACHINES.values(), ids=MACHINES)
def test_it_is_the_one_that_a_history_keeps(definition: dict[str, Any], later: bool, machine_type: MachineType) -> None:
    """`History`, which is told every event as it happens, has the same."""
    history = History()

    async def main() -> None:
        async with Service(Work(later=later).tasks, observers=[history]) as service:
            record = await executed(service, definition, machine_type, {"items": [1, 2]})
            kept = history.of(record.arn)
            assert kept is not None
            found = history_of(record)
            assert [entry.event for entry in found] == [entry.event for entry in kept]
            times = [entry.time_ns // 1_000_000 for entry in found]
            assert times == [entry.time_ns // 1_000_000 for entry in kept]

    run_virtual(main())


@pytest.mark.parametrize("machine_type", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("definition", MACHINES.values(), ids=MACHINES)
def test_it_is_the_same_where_nobody_else_is_told(
    definition: dict[str, Any], later: bool, machine_type: MachineType
) -> None:
    """Then states that are done in one go are written as Visits."""
    found = []

    async def main(*observers: Observer) -> None:
        async with Service(Work(later=later).tasks, observers=observers) as service:
            record = await executed(service, definition, machine_type, {"items": [1, 2]})
            found.append(history_of(record))

    run_virtual(main())
    run_virtual(main(History()))
    told, alone = found
    assert told == alone


def test_what_an_execution_takes_and_gives_is_kept_once() -> None:
    """As text, in its record; all else that has passed its states is kept as it is."""

    async def main() -> None:
        async with Service() as service:
            definition = machine(A={"Type": "Pass"}, B={"Type": "Pass", "Result": [1]}, C={"Type": "Pass"})
            record = await executed(service, definition, "EXPRESS", {"v": 1})
            assert record.written is not None
            payloads = [(visit[3], visit[8]) for visit in cast("list[Visit]", record.written)]
            assert payloads == [(Known.INPUT, Known.INPUT), (Known.INPUT, [1]), ([1], Known.OUTPUT)]
            shown = [entry.event.data for entry in history_of(record)]
            assert shown[:3] == [("input", {"v": 1}), ("input", {"v": 1}), ("output", {"v": 1})]
            assert shown[-3:] == [("input", [1]), ("output", [1]), ("output", [1])]

    run_virtual(main())


def test_an_execution_that_is_late_at_its_very_end_has_the_output_of_its_last_state() -> None:
    """It has none of its own, and so nothing that stands for it."""

    def late(payload: JSON) -> JSON:
        cast("VirtualTimeLoop", asyncio.get_running_loop()).express_clock.advance(400 * 1_000_000_000)
        return {"v": payload}

    async def main() -> None:
        tasks = Tasks()
        tasks.add("late", late)
        async with Service(tasks) as service:
            record = await executed(service, machine(A=task("late")), "EXPRESS", 1)
            assert (record.status, record.output) == ("TIMED_OUT", None)
            assert history_of(record)[-2].event.data == ("output", {"v": 1})

    run_virtual(main())


def test_what_a_running_execution_has_come_to() -> None:
    async def main() -> None:
        async with Service() as service:
            record = await started(service, machine(A={"Type": "Wait", "Seconds": 5}), "x")
            await asyncio.sleep(1)
            assert [entry.event.type for entry in history_of(record)] == ["ExecutionStarted", "WaitStateEntered"]
            await ended(record)
            assert [entry.event.id for entry in history_of(record)] == [1, 2, 3, 4]

    run_virtual(main())


def test_a_standard_execution_ends_with_event_25_000_and_stays_so() -> None:
    choice = {"Type": "Choice", "Default": "A", "Choices": [{"Variable": "$", "IsNull": False, "Next": "B"}]}
    endless = {"StartAt": "A", "States": {"A": choice, "B": {"Type": "Succeed"}}}

    async def main() -> None:
        async with Service() as service:
            record = await executed(service, endless, "STANDARD", None)
            found = history_of(record)
            assert [entry.event.id for entry in found] == list(range(1, EVENT_LIMIT + 1))
            assert (found[-1].event.type, found[-1].event.previous) == ("ExecutionFailed", EVENT_LIMIT - 1)
            assert service.executions.redrive_obstacle(record) == "Execution history event limit exceeded"

    run_virtual(main())


def test_following_aws_to_the_letter_costs_an_express_execution_nothing() -> None:
    async def main() -> None:
        async with Service(extended=False) as service:
            machine_, _ = await service.catalogue.create(
                {"name": "m", "definition": json.dumps(machine(A={"Type": "Pass"})), "roleArn": ROLE, "type": "EXPRESS"}
            )
            record, _ = await service.executions.start_sync(machine_.arn, None, None, None)
            assert record.written is None
            express, _ = service.runtimes
            assert not any(isinstance(observer, Chronicle) for observer in express.observers)
            workflow = machine_.revision.workflow
            assert workflow.machine(express.observers) is workflow.machine(())

    run_virtual(main())


def test_an_event_in_parts_is_read_as_an_event() -> None:
    entry, _ = in_parts()
    assert (entry.event.id, entry.event.previous, entry.event.type) == (2, 0, "PassStateEntered")
    assert (entry.event.details, entry.event.data) == ({"name": "A"}, ("input", "x"))
    assert read_entry(entry, {}) == entry


def in_parts() -> list[Entry]:
    """What is written of an execution of one Pass, none of it as an Entry, read."""
    entries: list[Entry] = []

    async def main() -> None:
        async with Service() as service:
            record = await executed(service, machine(A={"Type": "Pass"}), "EXPRESS", "x")
            assert record.written is not None
            assert not any(isinstance(written, Entry) for written in record.written)
            known: dict[Known, JSON] = {Known.INPUT: "x", Known.OUTPUT: "x"}
            entries.extend(read_entry(event, known) for event in split(record.written))

    run_virtual(main())
    return entries
