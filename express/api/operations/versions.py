"""Versions of state machines: publish, list, delete. Source: API reference of each action; answers as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, members, operation
from express.service.arns import read_machine_arn
from express.service.errors import ServiceError

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service
    from express.service.machines import StateMachine


@operation("PublishStateMachineVersion")
async def publish_state_machine_version(service: Service, request: Request) -> Answer:
    version = service.catalogue.publish(
        request["stateMachineArn"], request.get("revisionId"), request.get("description")
    )
    return {"creationDate": version.created, "stateMachineVersionArn": version.arn}


@operation("ListStateMachineVersions")
async def list_state_machine_versions(service: Service, request: Request) -> Answer:
    """Newest first. A missing machine has no versions: the action has no error for it."""
    arn = request["stateMachineArn"]
    machine = _machine(service, arn)
    versions = [] if machine is None else [*machine.versions.values()]
    page, token = service.pager.page(
        sorted(versions, key=lambda version: -version.number),
        lambda version: -version.number,
        of=f"ListStateMachineVersions {arn}",
        token=request.get("nextToken"),
        max_results=request.get("maxResults"),
    )
    entries = [{"stateMachineVersionArn": version.arn, "creationDate": version.created} for version in page]
    return members(stateMachineVersions=entries, nextToken=token)


def _machine(service: Service, arn: str) -> StateMachine | None:
    read_machine_arn(arn)
    try:
        return service.catalogue.machine(arn)
    except ServiceError:
        return None


@operation("DeleteStateMachineVersion")
async def delete_state_machine_version(service: Service, request: Request) -> Answer:
    service.catalogue.delete_version(request["stateMachineVersionArn"])
    return {}
