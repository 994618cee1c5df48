"""Executions started by executions of the same endpoint.

The integrations are `states:startExecution` and `aws-sdk:sfn:start(Sync)Execution`. The optimised one and the SDK's
differ in the wording of errors (`integrations`), in dates, and in Input: the SDK's is the text of the execution's
input, the optimised one's the value itself.

A child that its parent waits for (`.sync`, StartSyncExecution) is aborted with it: when the parent is stopped, when the
task times out, when another branch has failed. Any other child is independent. Executions that wait for each other are
counted, and a start beyond the limit is refused: a machine that starts itself fails and affects no other.

Sources: AWS guide "Start workflow executions from a task state in Step Functions"; recorded histories; what they mask,
dates above all, as measured in floci-io/floci. SdkHttpMetadata and SdkResponseMetadata are omitted.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from express.errors import MAX_CAUSE, RUNTIME, TASK_FAILED, EngineError, StateError
from express.parsing import parse_json
from express.payload import loads, text_of
from express.service.errors import ServiceError, execution_limit, wrong_resource_type
from express.service.integrations import missing, refusal, refused_as

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from express.metering import Billing
    from express.service.arns import Account
    from express.service.executions import Executions
    from express.service.integrations import Integration
    from express.service.records import ExecutionRecord
    from express.states.task_context import TaskContext
    from express.tasks import Tasks
    from express.types import JSON

T = TypeVar("T")

#: The upper bound of a chain of executions, each of which waits for the next.
MAX_DEPTH: Final = 100
#: The number of executions that wait for the present one.
_depth: ContextVar[int] = ContextVar("express_nested_depth", default=0)


def add_nested_executions(tasks: Tasks, account: Account, executions: Executions) -> None:
    """Register the integrations that start executions of this endpoint."""
    nested = _Nested(executions)
    states = f"arn:{account.partition}:states:::states:startExecution"
    tasks.add(states, nested.start)
    tasks.add(f"{states}.waitForTaskToken", nested.start)
    tasks.add(f"{states}.sync", nested.run)
    tasks.add(f"{states}.sync:2", nested.run_and_read)
    sdk = f"arn:{account.partition}:states:::aws-sdk:sfn"
    tasks.add(f"{sdk}:startExecution", nested.start_by_sdk)
    tasks.add(f"{sdk}:startSyncExecution", nested.start_sync)


@dataclass(frozen=True, slots=True)
class _Request:
    """The parameters of StartExecution."""

    arn: str
    name: str | None
    input: str
    trace_header: str | None


class _Nested:
    """The handlers. Each makes its call in a task of its own, so that a chain of executions adds no stack frames."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    async def start(self, parameters: JSON) -> JSON:
        """`states:startExecution`: returns once the child has started."""
        record = await _apart(self._start(_read(parameters, "optimised"), "optimised"), 0)
        return {"ExecutionArn": record.arn, "StartDate": _milliseconds(record.started)}

    async def start_by_sdk(self, parameters: JSON) -> JSON:
        """`aws-sdk:sfn:startExecution`: the same with the SDK's errors and dates."""
        record = await _apart(self._start(_read(parameters, "sdk"), "sdk"), 0)
        return {"ExecutionArn": record.arn, "StartDate": _instant(record.started)}

    async def run(self, parameters: JSON, context: TaskContext) -> JSON:
        """`.sync`: returns once the child has succeeded, with its input and output as JSON text."""
        return self._describe(await self._finished(parameters, context.task_token), lambda text: text)

    async def run_and_read(self, parameters: JSON, context: TaskContext) -> JSON:
        """`.sync:2`: the same with input and output as values."""
        return self._describe(await self._finished(parameters, context.task_token), _value)

    async def start_sync(self, parameters: JSON) -> JSON:
        """`aws-sdk:sfn:startSyncExecution`: returns once an Express child has ended, successfully or not."""
        request = _read(parameters, "sdk")
        depth = _deeper("sdk")
        record, billing = await _apart(self._start_sync(request), depth)
        return _sync_answer(record, billing)

    async def _finished(self, parameters: JSON, token: str | None) -> ExecutionRecord:
        request = _read(parameters, "optimised")
        depth = _deeper("optimised")
        record = await _apart(self._run(request, token), depth)
        if record.status == "SUCCEEDED":
            return record
        # The cause quotes the child's, whose quotes are escaped once more: without a limit its length would double each
        # time.
        raise StateError(TASK_FAILED, text_of(self._describe(record, lambda text: text))[:MAX_CAUSE])

    def _describe(self, record: ExecutionRecord, read: Callable[[str], JSON]) -> dict[str, JSON]:
        return describe(record, read, self._executions.redrive_obstacle(record))

    async def _start(self, request: _Request, integration: Integration) -> ExecutionRecord:
        with refused_as(integration):
            return await self._executions.start(request.arn, request.name, request.input, request.trace_header)

    async def _start_sync(self, request: _Request) -> tuple[ExecutionRecord, Billing]:
        with refused_as("sdk"):
            return await self._executions.start_sync(request.arn, request.name, request.input, request.trace_header)

    async def _run(self, request: _Request, token: str | None) -> ExecutionRecord:
        """Start a child and wait for its end; stop it when cancelled."""
        record = await self._start(request, "optimised")
        if record.type == "EXPRESS":
            # AWS polls for the end with DescribeExecution, which refuses Express executions.
            raise refusal(wrong_resource_type("express"), "optimised")
        try:
            await self._executions.ended(record, token)
        except asyncio.CancelledError:
            # Its record may be gone already, together with its machine.
            with suppress(ServiceError):
                self._executions.stop(record.arn, None, None)
            raise
        return record


async def _apart(call: Coroutine[Any, Any, T], depth: int) -> T:
    """The result of a call in a task of its own, cancelled with the caller; `depth` is for the executions it starts."""
    context = copy_context()
    context.run(_depth.set, depth)
    return await asyncio.get_running_loop().create_task(call, context=context)


def _deeper(integration: Integration) -> int:
    """The depth of one more waiting execution. Raises the error for one too many."""
    depth = _depth.get() + 1
    if depth > MAX_DEPTH:
        raise refusal(execution_limit(MAX_DEPTH), integration)
    return depth


# ---------------------------------------------------------------------------------------------------- what comes in


def _read(parameters: JSON, integration: Integration) -> _Request:
    if not isinstance(parameters, dict):
        raise _unusable(parameters, "must be an object")
    for name in ("StateMachineArn", "Name", "TraceHeader"):
        if not isinstance(parameters.get(name), str | None):
            raise _unusable(parameters, f"The value for the field '{name}' must be a STRING")
    arn = parameters.get("StateMachineArn")
    if arn is None:
        raise refusal(missing("StateMachineArn"), integration)
    text = _input_text(parameters.get("Input"), integration)
    return _Request(arn, parameters.get("Name"), text, parameters.get("TraceHeader"))


def _input_text(value: JSON, integration: Integration) -> str:
    """The input of the child as text; for the SDK a string is that text.

    The optimised integration encodes a string as a JSON string (recorded), except for one made by States.JsonToString,
    which stands for the object it was made of; here any text of an object or array does.
    """
    if value is None:
        return "{}"
    if isinstance(value, str) and (integration == "sdk" or _is_structure(value)):
        return value
    return text_of(value)


def _is_structure(text: str) -> bool:
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return False
    try:
        loads(text)
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------------------------------------------- what goes out


def describe(record: ExecutionRecord, read: Callable[[str], JSON], obstacle: str | None) -> dict[str, JSON]:
    """An ended execution as DescribeExecution gives it, with the SDK's names in alphabetical order.

    Dates are in milliseconds since the epoch. `read` converts the texts of input and output; `obstacle` is why the
    execution cannot be redriven, None if it can.
    """
    return _present(
        Cause=record.cause,
        Error=record.error,
        ExecutionArn=record.arn,
        Input=read(record.input),
        InputDetails={"Included": True},
        Name=record.name,
        **({} if record.output is None else {"Output": read(record.output), "OutputDetails": {"Included": True}}),
        RedriveCount=0 if record.redrives is None else record.redrives.count,
        RedriveStatus="REDRIVABLE" if obstacle is None else "NOT_REDRIVABLE",
        RedriveStatusReason=obstacle,
        StartDate=_milliseconds(record.started),
        StateMachineAliasArn=record.alias_arn,
        StateMachineArn=record.machine_arn,
        StateMachineVersionArn=record.version_arn,
        Status=record.status,
        StopDate=None if record.stopped is None else _milliseconds(record.stopped),
        TraceHeader=record.trace_header,
    )


def _sync_answer(record: ExecutionRecord, billing: Billing) -> dict[str, JSON]:
    """The answer of StartSyncExecution in the same form, with the SDK's dates."""
    return _present(
        BillingDetails={
            "BilledDurationInMilliseconds": billing.billed_duration_ms,
            "BilledMemoryUsedInMB": billing.billed_memory_mb,
        },
        Cause=record.cause,
        Error=record.error,
        ExecutionArn=record.arn,
        Input=record.input,
        InputDetails={"Included": True},
        Name=record.name,
        **({} if record.output is None else {"Output": record.output}),
        OutputDetails={"Included": True},
        StartDate=_instant(record.started),
        StateMachineArn=record.machine_arn,
        Status=record.status,
        StopDate=None if record.stopped is None else _instant(record.stopped),
        TraceHeader=record.trace_header,
    )


def _present(**members: JSON) -> dict[str, JSON]:
    """The members that are not None; Input and Output even as None."""
    return {name: value for name, value in members.items() if value is not None or name in ("Input", "Output")}


def _value(text: str) -> JSON:
    return parse_json(text.encode())


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _instant(seconds: float) -> str:
    """A date as Java's Instant formats it, without a fraction of zero."""
    moment = datetime.fromtimestamp(_milliseconds(seconds) // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = _milliseconds(seconds) % 1000
    return f"{moment}.{fraction:03d}Z" if fraction else f"{moment}Z"


# ---------------------------------------------------------------------------------------------------- what goes wrong


def _unusable(parameters: JSON, why: str) -> StateError:
    return EngineError(RUNTIME, f"The Parameters '{text_of(parameters)}' could not be used to start the Task: [{why}]")
