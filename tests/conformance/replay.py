"""Replaying the task results of a recorded case through a handler registered for everything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from express import TaskContext, TaskError, Tasks
from tests.conformance.comparison import payload_differences

if TYPE_CHECKING:
    from express.types import JSON

Attempt = dict[str, Any]


class Replay:
    """Answers every task attempt of one execution with what AWS recorded for it.

    `unexpected` tells of payloads other than the recorded ones, and of attempts for which nothing is recorded.
    """

    def __init__(self, recorded: dict[str, Any]) -> None:
        self._in_order: dict[str, list[Attempt]] = {}
        self._by_input: dict[str, list[tuple[JSON, Attempt]]] = {}
        for state, attempts in recorded.items():
            if isinstance(attempts, dict):
                self._by_input[state] = [(data, attempt) for data, attempt in attempts["by_input"]]
            else:
                self._in_order[state] = list(attempts)
        self.unexpected: list[str] = []

    @property
    def tasks(self) -> Tasks:
        tasks = Tasks()
        tasks.add("*", self._perform)
        return tasks

    @property
    def left(self) -> list[str]:
        """The states with recorded attempts that nobody asked for."""
        return [state for state, rest in {**self._in_order, **self._by_input}.items() if rest]

    async def _perform(self, payload: JSON, context: TaskContext) -> JSON:
        attempt = self._take(context.state_name, payload)
        if attempt.get("timed_out"):
            await asyncio.get_running_loop().create_future()
        if "output" in attempt:
            return attempt["output"]
        raise TaskError(attempt["error"], attempt.get("cause"))

    def _take(self, state: str, payload: JSON) -> Attempt:
        if state in self._by_input:
            for index, (data, attempt) in enumerate(self._by_input[state]):
                if not payload_differences(data, payload):
                    del self._by_input[state][index]
                    return attempt
        elif self._in_order.get(state):
            attempt = self._in_order[state].pop(0)
            if "input" in attempt:
                found = payload_differences(attempt["input"], payload)
                self.unexpected += [f"{state}: {difference}" for difference in found]
            return attempt
        self.unexpected.append(f"{state}: nothing is recorded for {payload}")
        raise TaskError("Replay.NothingRecorded", f"{state} with {payload}")
