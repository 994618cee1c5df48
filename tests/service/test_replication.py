"""Machines made of images: what can be started of the original can be started of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from express.service import MemoryStore, Service, ServiceError
from express.service.replication import Replica, ReplicatedStore, image

ROLE = "arn:aws:iam::123456789012:role/r"


def constant(value: int) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": value, "End": True}}})


async def create(service: Service, **more: Any) -> str:
    request = {"name": "m", "definition": constant(1), "roleArn": ROLE, "type": "EXPRESS", **more}
    machine, _ = await service.catalogue.create(request)
    return machine.arn


async def output(service: Service, arn: str) -> str | None:
    record, _ = await service.executions.start_sync(arn, None, None, None)
    return record.output


async def test_a_replica_starts_what_the_original_starts() -> None:
    store, copies = MemoryStore(), MemoryStore()
    async with Service(store=store) as original, Service(store=copies, extended=False) as copy:
        replica = Replica(copies, copy.catalogue)
        arn = await create(original, publish=True)
        await original.catalogue.update(arn, {"definition": constant(2), "publish": True})
        await original.catalogue.update(arn, {"definition": constant(3)})
        routes = [{"stateMachineVersionArn": f"{arn}:2", "weight": 100}]
        original.aliases.create("LIVE", routes, None)
        machine = original.catalogue.machine(arn)
        await replica.put(json.loads(json.dumps(image(machine))))
        for name in ("", ":1", ":2", ":LIVE"):
            assert await output(copy, arn + name) == await output(original, arn + name)
        with pytest.raises(ServiceError, match="StateMachineDoesNotExist"):
            await output(copy, f"{arn}:3")
        replica.delete(arn)
        with pytest.raises(ServiceError, match="StateMachineDoesNotExist"):
            await output(copy, arn)


async def test_an_image_that_comes_again_changes_nothing() -> None:
    store, copies = MemoryStore(), MemoryStore()
    async with Service(store=store) as original, Service(store=copies, extended=False) as copy:
        replica = Replica(copies, copy.catalogue)
        arn = await create(original, publish=True)
        machine = original.catalogue.machine(arn)
        await replica.put(image(machine))
        revision = copy.catalogue.machine(arn).revision
        await replica.put(image(machine))
        assert copy.catalogue.machine(arn).revision is revision
        assert copy.catalogue.machine(arn).versions[1].revision is revision
        await original.catalogue.update(arn, {"definition": constant(2)})
        await replica.put(image(machine))
        assert copy.catalogue.machine(arn).revision is not revision
        assert copy.catalogue.machine(arn).versions[1].revision is revision


async def test_every_change_is_told() -> None:
    store = ReplicatedStore()
    told: list[str] = []
    async with Service(store=store) as service:
        first = await create(service, name="first")
        store.changed = told.append
        arn = await create(service)
        await service.catalogue.update(arn, {"definition": constant(2), "publish": True})
        service.aliases.create("LIVE", [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}], None)
        service.aliases.update(f"{arn}:LIVE", None, "described")
        service.aliases.delete(f"{arn}:LIVE")
        service.catalogue.delete_version(f"{arn}:1")
        service.catalogue.tag(arn, [{"key": "k", "value": "v"}])
        service.executions.delete_machine(arn)
        assert told == [arn] * 8
        service.executions.delete_machine(first)
        assert told[8:] == [first]
