"""Several workers behind one port: whichever of them a client talks to, the answers are those of one endpoint."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from express.api import Endpoint, HostPolicy
from express.api.workers import Owner, Plan
from express.api.workers.owner import WorkersFailed
from express.service.replication import ReplicatedStore
from tests.api.workers.processes import (
    ARN,
    Client,
    clients_of_all,
    constant,
    fail_to_start,
    make_service,
    owning,
    task,
    until,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


async def outputs(clients: list[Client], arn: str, action: str = "StartSyncExecution") -> list[Any]:
    answers = await asyncio.gather(*(client.ask(action, stateMachineArn=arn, input="{}") for client in clients))
    return [json.loads(orjson.loads(a.body)["output"]) if a.status == 200 else a.error for a in answers]


async def test_what_one_worker_has_answered_all_of_them_know() -> None:
    async with owning(3) as owner, clients_of_all(owner) as clients:
        assert len(clients) == 3
        for round_ in range(5):
            name = f"m{round_}"
            changer = clients[round_ % 3]
            arn = await changer.create(name, constant(1))
            assert await outputs(clients, arn) == [1, 1, 1]
            await changer.call(
                "UpdateStateMachine", stateMachineArn=arn, definition=json.dumps(constant(2)), publish=True
            )
            assert await outputs(clients, arn) == [2, 2, 2]
            await changer.call(
                "UpdateStateMachine", stateMachineArn=arn, definition=json.dumps(constant(3)), publish=True
            )
            assert await outputs(clients, f"{arn}:1") == [2, 2, 2]
            routes = [{"stateMachineVersionArn": f"{arn}:2", "weight": 100}]
            alias = await changer.call("CreateStateMachineAlias", name="LIVE", routingConfiguration=routes)
            assert await outputs(clients, alias["stateMachineAliasArn"]) == [3, 3, 3]
            await changer.call("DeleteStateMachine", stateMachineArn=arn)
            assert await outputs(clients, arn) == ["StateMachineDoesNotExist"] * 3
            assert await changer.create(name, constant(4)) == arn
            assert await outputs(clients, arn) == [4, 4, 4]


async def test_many_changes_at_once_leave_every_replica_with_the_last() -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        arn = await clients[0].create("m", constant(0))

        async def change(client: Client, values: range) -> None:
            for value in values:
                definition = json.dumps(constant(value))
                await client.call("UpdateStateMachine", stateMachineArn=arn, definition=definition)
                assert all(isinstance(output, int) for output in await outputs([client], arn))

        await asyncio.gather(change(clients[0], range(1, 30)), change(clients[1], range(101, 130)))
        described = await clients[0].call("DescribeStateMachine", stateMachineArn=arn)
        last = json.loads(described["definition"])["States"]["A"]["Result"]
        assert await outputs(clients, arn) == [last, last]


async def test_standard_executions_are_the_same_for_all() -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        arn = await clients[0].create("s", task("Pid"), type="STANDARD")
        first = await clients[0].call("StartExecution", stateMachineArn=arn, name="one")
        arns = [(await client.call("StartExecution", stateMachineArn=arn))["executionArn"] for client in clients]
        for client in clients:
            listed = await client.call("ListExecutions", stateMachineArn=arn)
            assert {entry["executionArn"] for entry in listed["executions"]} == {first["executionArn"], *arns}
            described = await client.call("DescribeExecution", executionArn=first["executionArn"])
            assert described["output"] == str(os.getpid())
            assert (
                await client.ask("StartExecution", stateMachineArn=arn, name="one")
            ).error == "ExecutionAlreadyExists"
        assert await outputs(clients, arn) == ["StateMachineTypeNotSupported"] * 2
        page = await clients[0].call("ListExecutions", stateMachineArn=arn, maxResults=1)
        rest = await clients[1].call("ListExecutions", stateMachineArn=arn, nextToken=page["nextToken"])
        assert len(rest["executions"]) == 2


async def test_express_executions_run_in_the_worker_and_are_not_remembered() -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        assert await outputs(clients, f"{ARN}:pid") == sorted(owner.processes)
        started = await clients[0].call("StartExecution", stateMachineArn=f"{ARN}:pid")
        for client in clients:
            assert (await client.ask("DescribeExecution", executionArn=started["executionArn"])).error == "InvalidArn"


async def test_an_express_execution_starts_a_standard_one_where_all_can_see_it() -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        child = await clients[0].create("child", constant(1), type="STANDARD")
        resource, parameters = "arn:aws:states:::states:startExecution", {"StateMachineArn": child, "Name.$": "$.name"}
        state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
        parent = await clients[1].create("parent", {"StartAt": "A", "States": {"A": state}})
        for number, client in enumerate(clients):
            request = {"stateMachineArn": parent, "input": json.dumps({"name": f"n{number}"})}
            started = json.loads((await client.call("StartSyncExecution", **request))["output"])
            assert started["ExecutionArn"] == f"{child.replace('stateMachine', 'execution')}:n{number}"
            failed = await clients[1 - number].call("StartSyncExecution", **request)
            assert failed["error"] == "StepFunctions.ExecutionAlreadyExistsException"
        listed = await clients[0].call("ListExecutions", stateMachineArn=child)
        assert [entry["name"] for entry in listed["executions"]] == ["n1", "n0"]


async def test_activities_are_one_line_for_all(tmp_path: Path) -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        activity = (await clients[0].call("CreateActivity", name="a"))["activityArn"]
        state = {"Type": "Task", "Resource": activity, "End": True}
        machine = await clients[1].create("m", {"StartAt": "A", "States": {"A": state}}, type="STANDARD")
        leaving = await Client.to(owner)
        poll = asyncio.create_task(leaving.ask("GetActivityTask", activityArn=activity))
        await asyncio.sleep(0)
        leaving.close()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await poll
        # The poll that has been left would else be the first to be served; news of it come through a worker.
        for client in clients * 5:
            await client.call("ListActivities")
        execution = (await clients[0].call("StartExecution", stateMachineArn=machine, input="[1]"))["executionArn"]
        task_ = await clients[1].call("GetActivityTask", activityArn=activity)
        assert task_["input"] == "[1]"
        await clients[0].call("SendTaskSuccess", taskToken=task_["taskToken"], output="[2]")
        described = await clients[1].call("DescribeExecution", executionArn=execution)
        assert (described["status"], described["output"]) == ("SUCCEEDED", "[2]")


async def test_express_executions_answer_tasks_that_wait_with_the_owner() -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        activity = (await clients[0].call("CreateActivity", name="a"))["activityArn"]
        state = {"Type": "Task", "Resource": activity, "End": True}
        machine = await clients[0].create("m", {"StartAt": "A", "States": {"A": state}}, type="STANDARD")
        resource, fields = "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", {"TaskToken.$": "$", "Output": {"a": 1}}
        state = {"Type": "Task", "Resource": resource, "Parameters": fields, "End": True}
        answering = await clients[0].create("answering", {"StartAt": "A", "States": {"A": state}})
        for client in clients:
            execution = (await client.call("StartExecution", stateMachineArn=machine))["executionArn"]
            task_ = await client.call("GetActivityTask", activityArn=activity)
            request = {"stateMachineArn": answering, "input": json.dumps(task_["taskToken"])}
            assert (await client.call("StartSyncExecution", **request))["output"] == "{}"
            described = await client.call("DescribeExecution", executionArn=execution)
            assert (described["status"], described["output"]) == ("SUCCEEDED", '{"a":1}')
            failed = await client.call("StartSyncExecution", **request)
            assert failed["error"] == "Sfn.TaskTimedOutException"


async def test_what_is_no_request_for_the_endpoint_never_reaches_the_owner() -> None:
    async with owning(1, keys={"AKID": "secret"}) as owner:
        client = await Client.to(owner)
        assert (await client.ask("ListStateMachines")).error == "MissingAuthenticationTokenException"
        assert (await client.ask("StartSyncExecution")).error == "MissingAuthenticationTokenException"
        client.close()
    async with owning(1) as owner:
        reader, writer = await asyncio.open_connection(owner.host, owner.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: evil\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\n\r\n")
        assert (await reader.readline()) == b"HTTP/1.1 403 Forbidden\r\n"
        writer.close()


async def test_a_worker_that_dies_is_replaced_by_one_that_knows_everything(caplog: pytest.LogCaptureFixture) -> None:
    async with owning(2) as owner:
        async with clients_of_all(owner) as clients:
            arn = await clients[0].create("m", constant(7))
            await clients[0].create("die", task("Die"))
        before = set(owner.processes)
        victim = max(before)
        os.kill(victim, signal.SIGKILL)
        await until(lambda: len(set(owner.processes) - {victim}) == 2)
        assert len(set(owner.processes) & before) == 1
        assert f"worker {victim} was ended by signal 9: another takes its place" in caplog.text
        async with clients_of_all(owner) as clients:
            assert await outputs(clients, arn) == [7, 7]
            with pytest.raises(asyncio.IncompleteReadError):
                await clients[0].ask("StartSyncExecution", stateMachineArn=f"{ARN}:die")
            assert await outputs(clients[1:], arn) == [7]
            # It waits in the socket of the one that is gone, or is taken by the other.
            patient = await Client.to(owner)
            assert await outputs([patient], arn) == [7]
            patient.close()
    assert "ended with status 3: another takes its place" in caplog.text


async def test_a_worker_that_is_held_up_is_replaced_before_its_answers_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        await clients[0].create("block", task("Block"))
        begun = tmp_path / "begun"
        request = {"stateMachineArn": f"{ARN}:block", "input": json.dumps(str(begun))}
        held_up = asyncio.create_task(clients[0].ask("StartSyncExecution", **request))
        await until(begun.exists)
        (victim, survivor) = sorted(owner.processes)
        monkeypatch.setattr("express.api.workers.owner.TAKE_SECONDS", 0.1)
        arn = await clients[1].create("m", constant(7))
        assert f"worker {victim} takes no changes: it is replaced" in caplog.text
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await held_up
        monkeypatch.undo()
        await until(lambda: len(set(owner.processes) - {victim}) == 2)
        assert survivor in owner.processes
        async with clients_of_all(owner) as now:
            assert await outputs(now, arn) == [7, 7]


async def test_closing_answers_what_has_arrived(tmp_path: Path) -> None:
    async with owning(2) as owner, clients_of_all(owner) as clients:
        await clients[0].create("wait", task("Wait"))
        paths = [tmp_path / f"{number}" for number in range(2)]
        waiting = [
            asyncio.create_task(
                client.call("StartSyncExecution", stateMachineArn=f"{ARN}:wait", input=json.dumps(str(path)))
            )
            for client, path in zip(clients, paths, strict=True)
        ]
        await until(lambda: all(path.with_suffix(".begun").exists() for path in paths))
        processes = owner.processes
        closing = asyncio.create_task(owner.close(30))
        with pytest.raises(ConnectionError):
            while True:
                (await Client.to(owner)).close()
        for path in paths:
            path.touch()
        found = [json.loads((await one)["output"]) for one in waiting]
        assert found == sorted(processes)
        await closing


async def test_closing_under_load_breaks_no_answer_off() -> None:
    answered: list[int] = []
    partial: list[bytes] = []

    async def load(owner: Owner) -> None:
        client = await Client.to(owner)
        try:
            while True:
                answered.append((await client.ask("StartSyncExecution", stateMachineArn=f"{ARN}:pid")).status)
        except asyncio.IncompleteReadError as error:
            partial.append(error.partial)
        except ConnectionError:
            pass
        finally:
            client.close()

    async with owning(2, max_in_flight=1_000) as owner:
        async with clients_of_all(owner):
            pass
        clients = [asyncio.create_task(load(owner)) for _ in range(50)]
        await until(lambda: len(answered) > 500)
        await owner.close(20)
        await asyncio.gather(*clients)
    assert set(answered) == {200}
    assert set(partial) <= {b""}


async def test_closing_ends_when_its_time_is_up(tmp_path: Path) -> None:
    async with owning(1) as owner, clients_of_all(owner) as clients:
        await clients[0].create("wait", task("Wait"))
        never = json.dumps(str(tmp_path / "never"))
        waiting = asyncio.create_task(clients[0].ask("StartSyncExecution", stateMachineArn=f"{ARN}:wait", input=never))
        await until((tmp_path / "never.begun").exists)
        (process,) = owner.processes
        await owner.close(0)
        with pytest.raises(asyncio.IncompleteReadError):
            await waiting
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


async def test_workers_that_do_not_come_up_are_an_error() -> None:
    store = ReplicatedStore()
    async with make_service(10, store) as service:
        owner = Owner(Endpoint(service, HostPolicy()), store, lambda path: Plan(fail_to_start, path), count=2)
        with pytest.raises(WorkersFailed, match="a worker ended with status 1"):
            await owner.__aenter__()
        assert owner.processes == []


async def test_a_worker_refuses_what_is_too_much_for_it(tmp_path: Path) -> None:
    async with owning(1, max_in_flight=1) as owner, clients_of_all(owner) as clients:
        await clients[0].create("wait", task("Wait"))
        path = tmp_path / "one"
        request = {"stateMachineArn": f"{ARN}:wait", "input": json.dumps(str(path))}
        waiting = asyncio.create_task(clients[0].call("StartSyncExecution", **request))
        await until(path.with_suffix(".begun").exists)
        other = await Client.to(owner)
        assert (await other.ask("StartSyncExecution", **request)).error == "ThrottlingException"
        path.touch()
        assert (await waiting)["status"] == "SUCCEEDED"
        assert (await other.call("StartSyncExecution", **request))["status"] == "SUCCEEDED"
        other.close()
