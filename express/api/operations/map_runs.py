"""Map Runs: the endpoint has none, so every request for one gets AWS's answer for a missing Map Run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.registry import Answer, operation
from express.service.arns import check_map_run_arn
from express.service.errors import resource_missing

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service


@operation("ListMapRuns")
async def list_map_runs(service: Service, request: Request) -> Answer:
    service.executions.find(request["executionArn"])
    return {"mapRuns": []}


@operation("DescribeMapRun")
async def describe_map_run(service: Service, request: Request) -> Answer:
    check_map_run_arn(request["mapRunArn"])
    raise resource_missing()


@operation("UpdateMapRun")
async def update_map_run(service: Service, request: Request) -> Answer:
    check_map_run_arn(request["mapRunArn"])
    raise resource_missing()
