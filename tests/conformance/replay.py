"""Replaying the task results of a recorded case: through a handler registered for everything, through the callbacks
of tasks that wait for one, through a worker of an activity."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from express import StateError, TaskContext, TaskError, Tasks
from tests.conformance.comparison import payload_differences

if TYPE_CHECKING:
    from express import Runtime
    from express.service import Service
    from express.types import JSON

Attempt = dict[str, Any]


class Replay:
    """Answers every task attempt of one execution with what AWS recorded for it.

    `unexpected` tells of payloads other than the recorded ones, and of attempts for which nothing is recorded.
    """

    def __init__(self, case: dict[str, Any]) -> None:
        self._in_order: dict[str, list[Attempt]] = {}
        self._by_input: dict[str, list[tuple[JSON, Attempt]]] = {}
        for state, attempts in case["tasks"].items():
            if isinstance(attempts, dict):
                self._by_input[state] = [(data, attempt) for data, attempt in attempts["by_input"]]
            else:
                self._in_order[state] = list(attempts)
        #: What is in S3.
        self._objects: list[dict[str, Any]] = case.get("s3_objects", [])
        self.unexpected: list[str] = []
        #: Where the case runs: who takes the answers to its callback tasks.
        self.runtime: Runtime | None = None

    @property
    def tasks(self) -> Tasks:
        tasks = Tasks()
        # The first takes integrations that an endpoint has by itself.
        for resource in ("arn:aws:states:::*", "*"):
            tasks.add(resource, self._perform)
        return tasks

    @property
    def left(self) -> list[str]:
        """The states with recorded attempts that nobody asked for."""
        return [state for state, rest in {**self._in_order, **self._by_input}.items() if rest]

    async def _perform(self, payload: JSON, context: TaskContext) -> JSON:
        if self._objects and context.resource.startswith("arn:aws:states:::s3:"):
            return self._read(context.resource, payload)
        attempt = self._take(context.state_name, payload)
        if context.resource.endswith(".waitForTaskToken"):
            return self._submit(attempt, context.task_token or "")
        if attempt.get("timed_out"):
            await asyncio.get_running_loop().create_future()
        if "output" in attempt:
            return attempt["output"]
        raise TaskError(attempt["error"], attempt.get("cause"))

    def _read(self, resource: str, request: JSON) -> JSON:
        """What S3 answers to an ItemReader."""
        found = [entry for entry in self._objects if entry["Bucket"] == request["Bucket"]]
        if resource.endswith("getObject"):
            (entry,) = [entry for entry in found if entry["Key"] == request["Key"]]
            return {"Body": entry["Body"]}
        listed = {"ETag": "etag", "LastModified": 1, "StorageClass": "STANDARD", "Owner": {}}
        return {"Contents": [{"Key": entry["Key"], "Size": len(entry["Body"]), **listed} for entry in found]}

    def _submit(self, attempt: Attempt, token: str) -> JSON:
        """What submitting the task gave, once its callback is under way; one that has timed out gets none."""
        assert self.runtime is not None
        if "output" in attempt:
            self.runtime.send_task_success(token, attempt["output"])
        elif not attempt.get("timed_out"):
            self.runtime.send_task_failure(token, attempt["error"], attempt.get("cause"))
        return attempt["submitted"]

    async def work(self, service: Service, activity: str, worker: str | None) -> None:
        """Do the tasks of an activity, as its worker."""
        while (task := await service.activities.poll(activity, worker)) is not None:
            (state,) = self._in_order
            try:
                attempt = self._take(state, json.loads(task.input))
            except StateError as error:
                service.task_tokens.fail(task.token, error.error, error.cause)
            else:
                service.task_tokens.succeed(task.token, json.dumps(attempt["output"]))

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
