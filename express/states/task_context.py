"""What a handler may know about the task it does, if it takes a second argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from express.program import Frame, Heartbeat

_SECOND = 1_000_000_000


class TaskContext:
    """One attempt of a task, as its handler sees it. Good for as long as the handler keeps it.

    `attempt` is 0 for the first try and counts the retries after it. `deadline` is when the attempt will be given up,
    in seconds since the epoch: the end of the execution's time or of the state's TimeoutSeconds. It does not move:
    whoever reads it again gets the same. `task_token` is the token of a task that can be answered from outside
    (`$$.Task.Token`), None for any other.
    """

    __slots__ = ("_deadline", "_heartbeat", "_run", "_until_ns", "attempt", "resource", "state_name", "task_token")

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
        #: When TimeoutSeconds are over, in monotonic nanoseconds.
        self._until_ns = None if timeout is None else run.host.monotonic_ns() + int(timeout * _SECOND)
        self._deadline: float | None = None
        self._heartbeat = pulse
        self.state_name = state_name
        self.resource = resource
        self.task_token = task_token
        self.attempt = sum(frame.attempts) if frame.attempts else 0

    @property
    def execution(self) -> object:
        """What tells this execution from every other, whatever their names: a key for a WeakKeyDictionary."""
        return self._run

    @property
    def execution_name(self) -> str:
        return self._run.execution_name

    @property
    def execution_arn(self) -> str:
        return self._run.execution_arn

    @property
    def deadline(self) -> float:
        if self._deadline is None:
            # Two clocks are read here, and they drift: so it is done once.
            run = self._run
            until = run.deadline_ns if self._until_ns is None else min(run.deadline_ns, self._until_ns)
            self._deadline = (run.host.time_ns() + until - run.host.monotonic_ns()) / _SECOND
        return self._deadline

    def heartbeat(self) -> None:
        """Tell that the work is still going on: the next HeartbeatSeconds begin now."""
        if self._heartbeat is not None and self._heartbeat.renew is not None:
            self._heartbeat.renew()
