"""The context object, `$$`.

Sources: ASL spec "The Context Object"; AWS guide "Accessing execution data from the Context object".

It is made when an expression asks for it. A Standard execution knows its RedriveCount; a synchronous Express one
has none (recorded), and executions in process are synchronous. `State.RetryCount` is there on states that can
retry, `Map.Item` only while a Map selects an item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.timestamps import format_timestamp

if TYPE_CHECKING:
    from express.program import Frame, Run
    from express.types import JSON

_MILLISECOND = 1_000_000


def build_context(frame: Frame) -> dict[str, JSON]:
    """The context object as it is now, in the order in which AWS prints it."""
    run = frame.run
    machine = run.machine
    context: dict[str, JSON] = {
        "Execution": _execution(run),
        "StateMachine": {"Id": machine.arn, "Name": machine.name},
        "State": _state(frame),
    }
    if frame.item is not None:
        context["Map"] = {"Item": frame.item}
    return context


def _execution(run: Run) -> dict[str, JSON]:
    execution: dict[str, JSON] = {
        "Id": run.execution_arn,
        "Input": run.input,
        "Name": run.execution_name,
        "RoleArn": run.machine.role_arn,
        "StartTime": _timestamp(run, run.started_ns),
    }
    if run.machine.type == "STANDARD":
        execution["RedriveCount"] = 0
    return execution


def _state(frame: Frame) -> dict[str, JSON]:
    state: dict[str, JSON] = {
        "Name": frame.step.name,
        "EnteredTime": _timestamp(frame.run, frame.entered_ns or frame.run.host.monotonic_ns()),
    }
    if frame.step.retries:
        state["RetryCount"] = sum(frame.attempts) if frame.attempts else 0
    return state


def _timestamp(run: Run, monotonic_ns: int) -> str:
    """A reading of the metering clock as wall time, in whole milliseconds as AWS gives it."""
    host = run.host
    moment = host.time_ns() - (host.monotonic_ns() - monotonic_ns)
    return format_timestamp(moment // _MILLISECOND * _MILLISECOND)
