"""The context object, `$$`.

It is built when an expression reads it. A Standard execution has a RedriveCount, and so has an Express one started by
StartExecution (recorded); a synchronous one has none (recorded), and in-process executions are synchronous.
`State.RetryCount` is present in states of the types that can be retried, whether they have a Retry or not (recorded of
a Task with one in an execution, of Tasks and Maps without one in tests of states, of a Pass that it has none);
`Map.Item` only while a Map selects an item; `Task.Token` in a Task that can be answered from outside: one that waits
for a callback, an activity, and (recorded) one that runs a job.

Sources: ASL spec "The Context Object"; AWS guide "Accessing execution data from the Context object".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.timestamps import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.program import Frame, Run
    from express.types import JSON

_MILLISECOND = 1_000_000
#: State types that can be retried.
RECOVERING = frozenset(("Task", "Parallel", "Map"))


def build_context(frame: Frame, section: str | None = None) -> dict[str, JSON]:
    """The current context object, in the order in which AWS prints it; or one section of it, empty if it does not
    exist."""
    if section is None:
        return {name: make(frame) for name, make in SECTIONS.items() if name in _ALWAYS or _is_there(frame, name)}
    make = SECTIONS.get(section)
    return {} if make is None or (section not in _ALWAYS and not _is_there(frame, section)) else {section: make(frame)}


def _is_there(frame: Frame, section: str) -> bool:
    """Whether an optional section is present now."""
    if section == "Map":
        return frame.item is not None
    return frame.step.has_token and hasattr(frame, "callback")


def _execution(frame: Frame) -> dict[str, JSON]:
    run = frame.run
    execution: dict[str, JSON] = {
        "Id": run.execution_arn,
        "Input": run.input,
        "Name": run.execution_name,
        "RoleArn": run.machine.role_arn,
        "StartTime": _timestamp(run, run.started_ns if run.redrive is None else run.redrive.first_ns),
    }
    if run.redrive is not None:
        execution["RedriveCount"] = run.redrive.count
        execution["RedriveTime"] = format_timestamp(run.redrive.time_ns // _MILLISECOND * _MILLISECOND)
    elif run.machine.type == "STANDARD" or hasattr(run, "asynchronous"):
        execution["RedriveCount"] = 0
    return execution


def _state(frame: Frame) -> dict[str, JSON]:
    state: dict[str, JSON] = {
        "Name": frame.step.name,
        "EnteredTime": _timestamp(frame.run, frame.entered_ns or frame.run.host.monotonic_ns()),
    }
    if frame.step.type in RECOVERING:
        state["RetryCount"] = sum(frame.attempts) if frame.attempts else 0
    return state


def _state_machine(frame: Frame) -> dict[str, JSON]:
    machine = frame.run.machine
    return {"Id": machine.arn, "Name": machine.name}


def _map(frame: Frame) -> dict[str, JSON]:
    return {"Item": frame.item}


def _task(frame: Frame) -> dict[str, JSON]:
    return {"Token": frame.callback.token}


#: The sections of the context object and the functions that build them.
SECTIONS: dict[str, Callable[[Frame], dict[str, JSON]]] = {
    "Execution": _execution,
    "StateMachine": _state_machine,
    "State": _state,
    "Map": _map,
    "Task": _task,
}
_ALWAYS = frozenset(("Execution", "StateMachine", "State"))


def _timestamp(run: Run, monotonic_ns: int) -> str:
    """A reading of the monotonic clock as wall time, in whole milliseconds as in AWS."""
    host = run.host
    moment = host.time_ns() - (host.monotonic_ns() - monotonic_ns)
    return format_timestamp(moment // _MILLISECOND * _MILLISECOND)
