"""Executions recorded from AWS, replayed: status, output, error, cause, states entered, history events counted."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.history import render_entry
from express.service import Account, Service
from express.service.histories import history_of
from express.testing import run_virtual
from tests.conformance.comparison import Expectation
from tests.conformance.replay import Replay
from tests.expressions.recorded import case_params, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON

#: Standard workflows may take a year: in seconds, the longest a wait can be.
LONG_ENOUGH = 99_999_999


def params() -> list[Any]:
    """All cases by id."""
    return case_params(recorded("execution/*.json"))


def child_states(definition: JSON, *, within: bool = False) -> Iterator[str]:
    """The states inside DISTRIBUTED Maps: they run in executions of their own, with a history of their own."""
    if isinstance(definition, list):
        for member in definition:
            yield from child_states(member, within=within)
    elif isinstance(definition, dict):
        within = within or definition.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"
        if within:
            yield from definition.get("States", ())
        for member in definition.values():
            yield from child_states(member, within=within)


class Witness(express.Observer):
    """What the history of an execution shows: the states entered and how many events there are."""

    def __init__(self, ignored: frozenset[str]) -> None:
        self.ignored = ignored
        self.entered: list[str] = []
        self.events = 0

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        if name not in self.ignored:
            self.entered.append(name)

    def execution_ended(self, run: Any, result: Any) -> None:
        self.events = run.events


def replayed(case: dict[str, Any], replay: Replay, witness: express.Observer) -> express.Result:
    """Run the case as AWS did: same names, same clock, the recorded answers of its tasks."""
    if needs_worker(case):
        result, _ = run_virtual(worked(case, replay, witness), now=case.get("now"))
        return result
    context = case.get("context") or {}
    workflow = express.compile(
        case["definition"],
        replay.tasks,
        name=context.get("state_machine_name"),
        arn=context.get("state_machine_arn"),
        role_arn=context.get("role_arn", ""),
        type=case["type"],
    )

    async def main() -> express.Result:
        async with express.Runtime(execution_timeout=LONG_ENOUGH, observers=[witness]) as runtime:
            replay.runtime = runtime
            return await runtime.execute(workflow, case["input"], name=context.get("execution_name"))

    return run_virtual(main(), now=case.get("now"))


def needs_worker(case: dict[str, Any]) -> bool:
    return "activity" in case.get("needs", ())


async def worked(
    case: dict[str, Any], replay: Replay, *observers: express.Observer
) -> tuple[express.Result, list[dict[str, Any]]]:
    """The same for a case of an activity, with its history: the tasks are a worker's, if the activity is there."""
    context = case["context"]
    name = context["state_machine_name"]
    results: list[express.Result] = []

    class Ends(express.Observer):
        def execution_ended(self, run: Any, result: express.Result) -> None:
            results.append(result)

    account = Account(context["state_machine_arn"].split(":")[4])
    async with asyncio.TaskGroup() as workers, Service(account=account, observers=[*observers, Ends()]) as service:
        (state,) = case["definition"]["States"].values()
        activity = state["Resource"]
        if replay.left:
            service.activities.create({"name": activity.rpartition(":")[2]})
            details = [event.get("activityStartedEventDetails", {}) for event in case["history"]]
            worker = next((entry["workerName"] for entry in details if entry), None)
            workers.create_task(replay.work(service, activity, worker))
        request = {"name": name, "definition": json.dumps(case["definition"]), "roleArn": context["role_arn"]}
        machine, _ = await service.catalogue.create(request)
        record = await service.executions.start(machine.arn, context["execution_name"], json.dumps(case["input"]), None)
        await service.executions.ended(record)
        history = [render_entry(entry) for entry in history_of(record)]
    return results[0], history


@pytest.mark.parametrize("case", params())
def test_replayed_case(case: dict[str, Any]) -> None:
    expectation, replay = Expectation(case), Replay(case)
    witness = Witness(frozenset(child_states(case["definition"])))

    result = replayed(case, replay, witness)

    expected = expectation.expected
    assert replay.unexpected == []
    assert (result.status, result.error) == (expected["status"], expected.get("error")), result
    assert expectation.differences("output", result.output) == []
    assert expectation.differences_of_cause(result.cause) == []
    assert replay.left == []
    if "transitions" in case:
        entered = sorted(witness.entered) if case["concurrent"] else witness.entered
        assert entered == case["transitions"]
        final = case["history"][-1]["id"]
        assert witness.events == final - 1, "history events before the final one"


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("case", params())
def test_replayed_case_worked_out_elsewhere(case: dict[str, Any]) -> None:
    test_replayed_case(case)
