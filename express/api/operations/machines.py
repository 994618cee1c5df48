"""State machines: create, update, describe, list, delete, and validate a definition.

Source: API reference of each action; the members of the answers as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.api.operations.registry import Answer, members, operation
from express.service.definitions import validate_definition

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service
    from express.service.machines import Revision

#: The `definition` of an answer without data (API reference, DescribeStateMachine: `definition`).
_NO_DEFINITION: Final = "{}"


@operation("CreateStateMachine")
async def create_state_machine(service: Service, request: Request) -> Answer:
    machine, version = await service.catalogue.create(request)
    return members(
        stateMachineArn=machine.arn,
        creationDate=machine.created,
        stateMachineVersionArn=None if version is None else version.arn,
    )


@operation("UpdateStateMachine")
async def update_state_machine(service: Service, request: Request) -> Answer:
    machine, version = await service.catalogue.update(request["stateMachineArn"], request)
    return members(
        updateDate=service.now(),
        revisionId=machine.revision.shown_id,
        stateMachineVersionArn=None if version is None else version.arn,
    )


@operation("DescribeStateMachine")
async def describe_state_machine(service: Service, request: Request) -> Answer:
    arn = request["stateMachineArn"]
    found = service.catalogue.version(arn)
    machine, version = found if found is not None else (service.catalogue.machine(arn), None)
    revision = machine.revision if version is None else version.revision
    return members(
        stateMachineArn=arn,
        name=machine.name,
        status="DELETING" if machine.deleting else "ACTIVE",
        type=machine.type,
        creationDate=machine.created if version is None else version.created,
        description=None if version is None else version.description,
        **described(revision, request),
    )


def described(revision: Revision, request: Request) -> Answer:
    """The members of an answer that describe one revision."""
    whole = request.get("includedData") != "METADATA_ONLY"
    return {
        "definition": revision.definition if whole else _NO_DEFINITION,
        "roleArn": revision.role_arn,
        "loggingConfiguration": revision.configuration.logging,
        "tracingConfiguration": revision.configuration.tracing,
        "encryptionConfiguration": revision.configuration.encryption,
        "revisionId": revision.shown_id,
        "variableReferences": revision.variables if whole and revision.variables else None,
    }


@operation("ListStateMachines")
async def list_state_machines(service: Service, request: Request) -> Answer:
    machines, token = service.pager.page(
        service.catalogue.machines(),
        lambda machine: machine.arn,
        of="ListStateMachines",
        token=request.get("nextToken"),
        max_results=request.get("maxResults"),
    )
    entries = [
        {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "type": machine.type,
            "creationDate": machine.created,
        }
        for machine in machines
    ]
    return members(stateMachines=entries, nextToken=token)


@operation("DeleteStateMachine")
async def delete_state_machine(service: Service, request: Request) -> Answer:
    service.executions.delete_machine(request["stateMachineArn"])
    return {}


@operation("ValidateStateMachineDefinition")
async def validate_state_machine_definition(service: Service, request: Request) -> Answer:
    return await validate_definition(
        request["definition"],
        request.get("type", "STANDARD"),
        severity=request.get("severity", "ERROR"),
        max_results=request.get("maxResults"),
    )
