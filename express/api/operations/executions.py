"""Executions: start, start and wait, stop, redrive, describe, list.

Source: API reference of each action; the members of the answers as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.api.operations.machines import described
from express.api.operations.registry import Answer, members, operation
from express.service.arns import check_map_run_arn
from express.service.errors import resource_missing, validation
from express.service.records import RUNNING

if TYPE_CHECKING:
    from express.api.operations.registry import Request
    from express.service import Service
    from express.service.records import ExecutionRecord


@operation("StartSyncExecution")
async def start_sync_execution(service: Service, request: Request) -> Answer:
    """A failed execution is a normal answer, not an error."""
    record, billing = await service.executions.start_sync(
        request["stateMachineArn"], request.get("name"), request.get("input"), request.get("traceHeader")
    )
    whole = _whole(request)
    answer = {
        "executionArn": record.arn,
        "stateMachineArn": record.target.machine.arn,
        "name": record.name,
        "startDate": record.started,
        "stopDate": record.stopped,
        "status": record.status,
        "inputDetails": {"included": whole},
        "outputDetails": {"included": whole},
        "billingDetails": {
            "billedMemoryUsedInMB": billing.billed_memory_mb,
            "billedDurationInMilliseconds": billing.billed_duration_ms,
        },
    }
    if record.trace_header is not None:
        answer["traceHeader"] = record.trace_header
    if whole:
        _add_data(answer, record)
    return answer


@operation("StartExecution")
async def start_execution(service: Service, request: Request) -> Answer:
    record = await service.executions.start(
        request["stateMachineArn"], request.get("name"), request.get("input"), request.get("traceHeader")
    )
    return {"executionArn": record.arn, "startDate": record.started}


@operation("StopExecution")
async def stop_execution(service: Service, request: Request) -> Answer:
    stopped = service.executions.stop(request["executionArn"], request.get("error"), request.get("cause"))
    return {"stopDate": stopped}


@operation("RedriveExecution")
async def redrive_execution(service: Service, request: Request) -> Answer:
    redriven = await service.executions.redrive(request["executionArn"], request.get("clientToken"))
    return {"redriveDate": redriven}


@operation("DescribeExecution")
async def describe_execution(service: Service, request: Request) -> Answer:
    record = service.executions.find(request["executionArn"])
    answer = members(
        executionArn=record.arn,
        stateMachineArn=record.machine_arn,
        name=record.name,
        status=record.status,
        startDate=record.started,
        stopDate=record.stopped,
        traceHeader=record.trace_header,
        stateMachineVersionArn=record.version_arn,
        stateMachineAliasArn=record.alias_arn,
        inputDetails={"included": _whole(request)},
        outputDetails=None if record.output is None else {"included": _whole(request)},
    )
    if _whole(request):
        _add_data(answer, record)
    return {**answer, **_redrive(service, record)}


def _whole(request: Request) -> bool:
    """Whether the answer includes the execution's data."""
    return request.get("includedData") != "METADATA_ONLY"


def _add_data(answer: Answer, record: ExecutionRecord) -> None:
    """Add input, output, error and cause."""
    answer["input"] = record.input
    if record.output is not None:
        answer["output"] = record.output
    if record.error is not None:
        answer["error"] = record.error
    if record.cause is not None:
        answer["cause"] = record.cause


def _redrive(service: Service, record: ExecutionRecord) -> Answer:
    """Whether the execution can be redriven; nothing for Express executions, as at AWS: they never can."""
    if record.type == "EXPRESS":
        return {}
    obstacle = service.executions.redrive_obstacle(record)
    status = "REDRIVABLE" if obstacle is None else "NOT_REDRIVABLE"
    return members(**_redriven(record), redriveStatus=status, redriveStatusReason=obstacle)


def _redriven(record: ExecutionRecord) -> Answer:
    """How often a Standard execution was redriven, and when last."""
    if record.redrives is None:
        return {"redriveCount": 0}
    return {"redriveCount": record.redrives.count, "redriveDate": record.redrives.date}


@operation("DescribeStateMachineForExecution")
async def describe_state_machine_for_execution(service: Service, request: Request) -> Answer:
    """The machine as it was when the execution began."""
    record = service.executions.find(request["executionArn"])
    return members(
        stateMachineArn=record.machine_arn,
        name=record.machine_arn.rpartition(":")[2],
        updateDate=record.revision.created,
        **described(record.revision, request),
    )


@operation("ListExecutions")
async def list_executions(service: Service, request: Request) -> Answer:
    """Newest first.

    `redriveFilter` applies to Map Runs only (measured, radkawar/stackd `redrive_execution.json`), which do not exist
    here.
    """
    arn, status = request.get("stateMachineArn"), request.get("statusFilter")
    if (arn is None) == ("mapRunArn" not in request):
        raise validation("1 validation error detected: Must provide a StateMachine ARN or MapRun ARN")
    if arn is None:
        check_map_run_arn(request["mapRunArn"])
        raise resource_missing()
    if "redriveFilter" in request:
        raise validation("RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN")
    page, token = service.pager.page(
        service.executions.of(arn, status),
        lambda record: -record.sequence,
        of=f"ListExecutions {arn} {status}",
        token=request.get("nextToken"),
        max_results=request.get("maxResults"),
    )
    return members(executions=[_entry(record) for record in page], nextToken=token)


def _entry(record: ExecutionRecord) -> Answer:
    return members(
        executionArn=record.arn,
        stateMachineArn=record.machine_arn,
        name=record.name,
        status=record.status,
        startDate=record.started,
        stopDate=None if record.status == RUNNING else record.stopped,
        stateMachineVersionArn=record.version_arn,
        stateMachineAliasArn=record.alias_arn,
        **({} if record.type == "EXPRESS" else _redriven(record)),
    )
