"""A worker of an activity as users write them: a thread that asks for tasks in a loop and answers them."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from tests.api.serving import make_client

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from express.types import JSON


class ActivityWorker:
    """Does `count` tasks of an activity with `work(input)`, beating before it answers. A ValueError fails the task.

    Use it as a context manager; leaving it waits until it has done them. `done` are the inputs it was given.
    """

    def __init__(
        self, url: str, activity: str, work: Callable[[JSON], JSON], *, name: str | None = None, count: int = 1
    ) -> None:
        self._client = make_client(url)
        self._activity = activity
        self._work = work
        self._name = {} if name is None else {"workerName": name}
        self._count = count
        self._thread = threading.Thread(target=self._run, name=f"worker {name}", daemon=True)
        self.done: list[JSON] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._thread.join(30)
            assert not self._thread.is_alive()

    def _run(self) -> None:
        while len(self.done) < self._count:
            task = self._client.get_activity_task(activityArn=self._activity, **self._name)
            if "taskToken" in task:
                self._perform(task["taskToken"], json.loads(task["input"]))
        self._client.close()

    def _perform(self, token: str, value: JSON) -> None:
        self.done.append(value)
        self._client.send_task_heartbeat(taskToken=token)
        try:
            answer = self._work(value)
        except ValueError as error:
            self._client.send_task_failure(taskToken=token, error=type(error).__name__, cause=str(error))
        else:
            self._client.send_task_success(taskToken=token, output=json.dumps(answer))
