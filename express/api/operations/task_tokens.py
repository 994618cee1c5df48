"""The SendTask actions, which answer waiting tasks by their tokens. Source: API reference of each action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, operation

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service


@operation("SendTaskSuccess")
async def send_task_success(service: Service, request: Request) -> Answer:
    service.task_tokens.succeed(request["taskToken"], request["output"])
    return {}


@operation("SendTaskFailure")
async def send_task_failure(service: Service, request: Request) -> Answer:
    service.task_tokens.fail(request["taskToken"], request.get("error"), request.get("cause"))
    return {}


@operation("SendTaskHeartbeat")
async def send_task_heartbeat(service: Service, request: Request) -> Answer:
    service.task_tokens.beat(request["taskToken"])
    return {}
