"""Tags of state machines and activities. Source: API reference of each action; answers as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, operation
from express.service.arns import is_activity_arn

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service
    from express.service.activities import Activities
    from express.service.catalogue import Catalogue


@operation("TagResource")
async def tag_resource(service: Service, request: Request) -> Answer:
    arn = request["resourceArn"]
    _owner(service, arn).tag(arn, request["tags"])
    return {}


@operation("UntagResource")
async def untag_resource(service: Service, request: Request) -> Answer:
    arn = request["resourceArn"]
    _owner(service, arn).untag(arn, request["tagKeys"])
    return {}


@operation("ListTagsForResource")
async def list_tags_for_resource(service: Service, request: Request) -> Answer:
    arn = request["resourceArn"]
    tags = _owner(service, arn).taggable(arn).tags
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _owner(service: Service, arn: str) -> Activities | Catalogue:
    """The registry of the ARN's resource type; the resource need not exist."""
    return service.activities if is_activity_arn(arn) else service.catalogue
