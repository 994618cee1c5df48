"""Aliases of state machines. Source: API reference of each action; answers as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, members, operation

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service


@operation("CreateStateMachineAlias")
async def create_state_machine_alias(service: Service, request: Request) -> Answer:
    alias = service.aliases.create(request["name"], request["routingConfiguration"], request.get("description"))
    return {"stateMachineAliasArn": alias.arn, "creationDate": alias.created}


@operation("DescribeStateMachineAlias")
async def describe_state_machine_alias(service: Service, request: Request) -> Answer:
    machine, alias = service.aliases.find(request["stateMachineAliasArn"])
    routing = [
        {"stateMachineVersionArn": machine.version_arn(route.version), "weight": route.weight} for route in alias.routes
    ]
    return members(
        stateMachineAliasArn=alias.arn,
        name=alias.name,
        description=alias.description,
        routingConfiguration=routing,
        creationDate=alias.created,
        updateDate=alias.updated,
    )


@operation("UpdateStateMachineAlias")
async def update_state_machine_alias(service: Service, request: Request) -> Answer:
    alias = service.aliases.update(
        request["stateMachineAliasArn"], request.get("routingConfiguration"), request.get("description")
    )
    return {"updateDate": alias.updated}


@operation("DeleteStateMachineAlias")
async def delete_state_machine_alias(service: Service, request: Request) -> Answer:
    service.aliases.delete(request["stateMachineAliasArn"])
    return {}


@operation("ListStateMachineAliases")
async def list_state_machine_aliases(service: Service, request: Request) -> Answer:
    arn = request["stateMachineArn"]
    aliases, token = service.pager.page(
        service.aliases.of(arn),
        lambda alias: alias.sequence,
        of=f"ListStateMachineAliases {arn}",
        token=request.get("nextToken"),
        max_results=request.get("maxResults"),
    )
    entries = [{"stateMachineAliasArn": alias.arn, "creationDate": alias.created} for alias in aliases]
    return members(stateMachineAliases=entries, nextToken=token)
