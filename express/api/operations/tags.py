"""Tags of state machines. Source: API reference of each action; answers as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, operation

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service


@operation("TagResource")
async def tag_resource(service: Service, request: Request) -> Answer:
    service.catalogue.tag(request["resourceArn"], request["tags"])
    return {}


@operation("UntagResource")
async def untag_resource(service: Service, request: Request) -> Answer:
    service.catalogue.untag(request["resourceArn"], request["tagKeys"])
    return {}


@operation("ListTagsForResource")
async def list_tags_for_resource(service: Service, request: Request) -> Answer:
    tags = service.catalogue.taggable(request["resourceArn"]).tags
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
