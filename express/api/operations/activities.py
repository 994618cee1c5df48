"""Activities: create, describe, list, delete, and the long poll of their workers.

Source: API reference of each action; answers as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, long_poll, members, operation

if TYPE_CHECKING:
    from express.api.messages import Client
    from express.api.operations.registry import Request
    from express.service import Service


@operation("CreateActivity")
async def create_activity(service: Service, request: Request) -> Answer:
    activity = service.activities.create(request)
    return {"activityArn": activity.arn, "creationDate": activity.created}


@operation("DescribeActivity")
async def describe_activity(service: Service, request: Request) -> Answer:
    activity = service.activities.find(request["activityArn"])
    return {
        "activityArn": activity.arn,
        "name": activity.name,
        "creationDate": activity.created,
        "encryptionConfiguration": activity.encryption,
    }


@operation("DeleteActivity")
async def delete_activity(service: Service, request: Request) -> Answer:
    service.activities.delete(request["activityArn"])
    return {}


@operation("ListActivities")
async def list_activities(service: Service, request: Request) -> Answer:
    activities, token = service.pager.page(
        service.activities.all(),
        lambda activity: activity.arn,
        of="ListActivities",
        token=request.get("nextToken"),
        max_results=request.get("maxResults"),
    )
    entries = [
        {"activityArn": activity.arn, "name": activity.name, "creationDate": activity.created}
        for activity in activities
    ]
    return members(activities=entries, nextToken=token)


@long_poll("GetActivityTask")
async def get_activity_task(service: Service, request: Request, client: Client | None) -> Answer:
    """The next task, or nulls when none arrived during the long poll."""
    task = await service.activities.poll(
        request["activityArn"], request.get("workerName"), None if client is None else client.gone()
    )
    if task is None:
        return {"taskToken": None, "input": None}
    return {"taskToken": task.token, "input": task.input}
