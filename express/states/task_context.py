"""What a handler that takes a second argument may know about its task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.program import Frame, Heartbeat
    from express.types import JSON

_SECOND = 1_000_000_000


class TaskContext:
    """One attempt of a task, as its handler sees it. It remains usable as long as the handler keeps it.

    `state_name` is the name of the Task state, `resource` its Resource as written. `attempt` is 0 for the first attempt
    and counts the retries. `deadline` is when the attempt will be given up, in seconds since the epoch: the end of the
    execution's time or of the state's TimeoutSeconds. It is constant across reads. `task_token` is the token of a task
    that can be answered from outside (`$$.Task.Token`), None for any other.
    """

    __slots__ = (
        "_deadline",
        "_heartbeat",
        "_run",
        "_timeout",
        "_until_ns",
        "attempt",
        "resource",
        "state_name",
        "task_token",
    )

    def __init__(
        self,
        frame: Frame,
        state_name: str,
        resource: str,
        timeout: float | None,
        pulse: Heartbeat | None,
        task_token: str | None = None,
    ) -> None:
        self._run = run = frame.run
        self._timeout = timeout
        #: When TimeoutSeconds end, in monotonic nanoseconds.
        self._until_ns = None if timeout is None else run.host.monotonic_ns() + int(timeout * _SECOND)
        self._deadline: float | None = None
        self._heartbeat = pulse
        self.state_name = state_name
        self.resource = resource
        self.task_token = task_token
        self.attempt = sum(frame.attempts) if frame.attempts else 0

    @property
    def execution(self) -> object:
        """An object unique to this execution, whatever its name: a key for a WeakKeyDictionary."""
        return self._run

    @property
    def execution_name(self) -> str:
        """The name given at the start, or a generated UUID (`$$.Execution.Name`)."""
        return self._run.execution_name

    @property
    def execution_arn(self) -> str:
        """The ARN of the execution (`$$.Execution.Id`)."""
        return self._run.execution_arn

    @property
    def deadline(self) -> float:
        """When the attempt will be given up, in seconds since the epoch."""
        if self._deadline is None:
            # Computed once, because the two clocks read here drift.
            run = self._run
            until = run.deadline_ns if self._until_ns is None else min(run.deadline_ns, self._until_ns)
            self._deadline = (run.host.time_ns() + until - run.host.monotonic_ns()) / _SECOND
        return self._deadline

    def heartbeat(self) -> None:
        """Report that the work is still in progress: HeartbeatSeconds start again now."""
        if self._heartbeat is not None and self._heartbeat.renew is not None:
            self._heartbeat.renew()


def beginning_now(call: Callable[[JSON, TaskContext], JSON]) -> Callable[[JSON, TaskContext], JSON]:
    """A handler that is called later than its context was made: its TimeoutSeconds begin with the call."""

    def call_now(payload: JSON, context: TaskContext) -> JSON:
        if context._timeout is not None:
            context._until_ns = context._run.host.monotonic_ns() + int(context._timeout * _SECOND)
        return call(payload, context)

    return call_now
