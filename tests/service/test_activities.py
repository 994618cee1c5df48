"""Activities and their workers, in virtual time: who gets which task, and that none is lost."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from express.service import Service, ServiceError, activities
from express.service.activities import POLL_SECONDS
from express.service.histories import history_of
from express.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.service.activities import Offer
    from express.service.records import ExecutionRecord
    from express.types import JSON

ROLE = "arn:aws:iam::123456789012:role/r"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:a"


class Scene:
    """A service with an activity, and a machine that has it do its input."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._machine = ""

    async def prepare(self, **fields: JSON) -> None:
        self.service.activities.create({"name": "a"})
        state = {"Type": "Task", "Resource": ACTIVITY, "End": True, **fields}
        definition = json.dumps({"StartAt": "A", "States": {"A": state}})
        machine, _ = await self.service.catalogue.create({"name": "m", "definition": definition, "roleArn": ROLE})
        self._machine = machine.arn

    async def start(self, value: JSON) -> ExecutionRecord:
        record = await self.service.executions.start(self._machine, None, json.dumps(value), None)
        await asyncio.sleep(0.1)
        return record

    async def offered(self) -> None:
        """Until a task waits for a worker, and no longer."""
        while not self.service.activities._lines[ACTIVITY]._offers:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    async def poll(self, worker: str | None = None, gone: asyncio.Future[None] | None = None) -> JSON:
        """The input of the next task, once its token is known to be good; None when there is none."""
        task = await self.service.activities.poll(ACTIVITY, worker, gone)
        if task is None:
            return None
        self.service.task_tokens.beat(task.token)
        return json.loads(task.input)

    async def work(self, worker: str | None = None) -> Offer:
        task = await self.service.activities.poll(ACTIVITY, worker)
        assert task is not None
        return task


def play(main: Callable[[Scene], Awaitable[Any]], tasks: Tasks | None = None, **fields: JSON) -> Any:
    async def within() -> Any:
        async with Service(tasks, drain_timeout=0) as service:
            scene = Scene(service)
            await scene.prepare(**fields)
            result = await main(scene)
        assert service.activities._lines == {}
        return result

    return run_virtual(within())


def now() -> float:
    return asyncio.get_running_loop().time()


async def settled(record: ExecutionRecord) -> tuple[str, str | None]:
    await asyncio.sleep(0.1)
    return record.status, record.output


# --------------------------------------------------------------------------------------------------------------
# polls


def test_a_poll_is_held_for_a_minute() -> None:
    async def main(scene: Scene) -> tuple[JSON, float]:
        began = now()
        return await scene.poll(), now() - began

    assert play(main) == (None, POLL_SECONDS)


def test_tasks_come_in_their_order_to_the_workers_in_theirs() -> None:
    async def main(scene: Scene) -> list[JSON]:
        early = [asyncio.ensure_future(scene.poll(f"w{number}")) for number in range(3)]
        await asyncio.sleep(1)
        for number in range(5):
            await scene.start(number)
        return [*(await asyncio.gather(*early)), await scene.poll(), await scene.poll()]

    assert play(main) == [0, 1, 2, 3, 4]


def test_each_task_goes_to_one_worker() -> None:
    async def main(scene: Scene) -> list[JSON]:
        done: list[JSON] = []

        async def worker() -> None:
            while (task := await scene.service.activities.poll(ACTIVITY, None)) is not None:
                done.append(json.loads(task.input))
                await asyncio.sleep(0.01)
                scene.service.task_tokens.succeed(task.token, task.input)

        workers = [asyncio.ensure_future(worker()) for _ in range(7)]
        records = [await scene.start(number) for number in range(100)]
        await asyncio.gather(*workers)
        assert [record.output for record in records] == [str(number) for number in range(100)]
        return sorted(done)

    assert play(main) == list(range(100))


def test_a_client_that_has_gone_gets_no_task() -> None:
    async def main(scene: Scene) -> list[JSON]:
        gone = asyncio.get_running_loop().create_future()
        poll = asyncio.ensure_future(scene.poll("gone", gone))
        await asyncio.sleep(1)
        gone.set_result(None)
        first = await poll
        await scene.start("task")
        return [first, await scene.poll("gone", gone), await scene.poll("there")]

    assert play(main) == [None, None, "task"]


def test_a_client_that_goes_when_a_task_is_there_for_it_leaves_it_to_the_next() -> None:
    async def main(scene: Scene) -> list[JSON]:
        gone = asyncio.get_running_loop().create_future()
        polls = [asyncio.ensure_future(scene.poll("gone", gone)), asyncio.ensure_future(scene.poll("there"))]
        await asyncio.sleep(1)
        starting = asyncio.ensure_future(scene.start("task"))
        await scene.offered()
        gone.set_result(None)
        await starting
        return await asyncio.gather(*polls)

    assert play(main) == [None, "task"]


def test_a_poll_that_is_cancelled_leaves_the_task_to_the_next() -> None:
    async def main(scene: Scene) -> JSON:
        polls = [asyncio.ensure_future(scene.poll()) for _ in range(2)]
        await asyncio.sleep(1)
        starting = asyncio.ensure_future(scene.start("task"))
        await scene.offered()
        polls[0].cancel()
        await starting
        return await polls[1]

    assert play(main) == "task"


def test_a_task_that_waits_no_longer_is_not_handed_out() -> None:
    async def main(scene: Scene) -> list[JSON]:
        stopped = await scene.start("stopped")
        await scene.start("waits")
        scene.service.executions.stop(stopped.arn, None, None)
        await asyncio.sleep(0.1)
        return [await scene.poll(), await scene.poll()]

    assert play(main) == ["waits", None]


def test_polls_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities, "MAX_POLLS", 2)

    async def main(scene: Scene) -> list[JSON]:
        polls = [asyncio.ensure_future(scene.poll()) for _ in range(2)]
        await asyncio.sleep(1)
        with pytest.raises(ServiceError, match=r"^ActivityWorkerLimitExceeded: "):
            await scene.poll()
        return await asyncio.gather(*polls)

    assert play(main) == [None, None]


def test_closing_ends_polls_and_tasks() -> None:
    async def main(scene: Scene) -> tuple[JSON, str, float]:
        record = await scene.start(1)
        await scene.work()
        poll = asyncio.ensure_future(scene.poll())
        await asyncio.sleep(1)
        began = now()
        await scene.service.close(5)
        return await poll, record.status, now() - began

    assert play(main) == (None, "ABORTED", 5)


# --------------------------------------------------------------------------------------------------------------
# tasks


def test_a_worker_does_a_task() -> None:
    async def main(scene: Scene) -> tuple[str, str | None]:
        record = await scene.start({"a": 1})
        task = await scene.work("w")
        assert task.input == '{"a":1}'
        scene.service.task_tokens.succeed(task.token, '{"b": 2}')
        return await settled(record)

    assert play(main) == ("SUCCEEDED", '{"b":2}')


def test_time_counts_from_the_moment_a_worker_takes_the_task() -> None:
    async def main(scene: Scene) -> tuple[str, str | None, float | None]:
        record = await scene.start(1)
        await asyncio.sleep(100)
        taken = scene.service.now()
        await scene.work()
        await asyncio.sleep(60)
        assert record.stopped is not None
        return record.status, record.error, round(record.stopped - taken, 3)

    assert play(main, TimeoutSeconds=20) == ("FAILED", "States.Timeout", 20)


def test_a_task_that_is_answered_before_a_worker_has_it_is_offered_no_longer() -> None:
    async def main(scene: Scene) -> tuple[tuple[str, str | None], JSON]:
        record = await scene.start(None)
        scheduled = next(entry.event for entry in history_of(record) if entry.event.type == "ActivityScheduled")
        assert scheduled.data is not None
        scene.service.task_tokens.succeed(scheduled.data[1]["token"], "1")
        return await settled(record), await scene.poll()

    assert play(main, Parameters={"token.$": "$$.Task.Token"}) == (("SUCCEEDED", "1"), None)


def test_a_task_outlives_its_activity() -> None:
    async def main(scene: Scene) -> list[Any]:
        taken, waiting = await scene.start("taken"), await scene.start("waiting")
        task = await scene.work()
        scene.service.activities.delete(ACTIVITY)
        with pytest.raises(ServiceError, match=r"^ActivityDoesNotExist: "):
            await scene.poll()
        refused = await scene.start("too late")
        scene.service.task_tokens.succeed(task.token, "1")
        scene.service.activities.create({"name": "a"})
        other = await scene.work()
        scene.service.task_tokens.succeed(other.token, "2")
        assert refused.cause is not None
        assert refused.cause.endswith(f"The activity {ACTIVITY} does not exist.")
        return [await settled(taken), await settled(waiting), (refused.status, refused.error)]

    assert play(main) == [("SUCCEEDED", "1"), ("SUCCEEDED", "2"), ("FAILED", "States.Runtime")]


def test_a_deleted_activity_without_a_worker_fails_no_other() -> None:
    async def main(scene: Scene) -> list[str]:
        scene.service.activities.create({"name": "b"})
        assert [activity.name for activity in scene.service.activities.all()] == ["a", "b"]
        scene.service.activities.delete(ACTIVITY)
        return [activity.name for activity in scene.service.activities.all()]

    assert play(main) == ["b"]


@pytest.mark.parametrize(
    ("registered", "by_handler"),
    [(ACTIVITY, True), ("arn:aws:states:*:activity:*", True), ("*:activity:*", True), ("*", False), ("other", False)],
)
def test_who_does_the_work_of_an_activity(registered: str, by_handler: bool) -> None:
    tasks = Tasks()
    tasks.add(registered, lambda payload: "handler")

    async def main(scene: Scene) -> tuple[str, str | None]:
        record = await scene.start(1)
        if not by_handler:
            scene.service.task_tokens.succeed((await scene.work()).token, '"worker"')
        return await settled(record)

    assert play(main, tasks) == ("SUCCEEDED", '"handler"' if by_handler else '"worker"')


# --------------------------------------------------------------------------------------------------------------
# administration


def test_activities_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities, "MAX_ACTIVITIES", 1)

    async def main(scene: Scene) -> None:
        assert scene.service.activities.create({"name": "a"}).arn == ACTIVITY
        with pytest.raises(ServiceError, match=r"^ActivityLimitExceeded: "):
            scene.service.activities.create({"name": "b"})

    play(main)


def test_tags_of_an_activity() -> None:
    async def main(scene: Scene) -> list[dict[str, str]]:
        found = scene.service.activities
        found.tag(ACTIVITY, [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
        before = found.taggable(ACTIVITY).tags
        found.untag(ACTIVITY, ["a", "c"])
        with pytest.raises(ServiceError, match=r"^TooManyTags: "):
            found.tag(ACTIVITY, [{"key": str(number), "value": ""} for number in range(50)])
        with pytest.raises(ServiceError, match=r"^ResourceNotFound: "):
            found.tag(ACTIVITY + "x", [])
        return [before, found.taggable(ACTIVITY).tags]

    assert play(main) == [{"a": "1", "b": "2"}, {"b": "2"}]


def test_the_arn_of_something_else() -> None:
    async def main(scene: Scene) -> list[str]:
        complaints = []
        for arn in ("arn:aws:states:us-east-1:123456789012:stateMachine:a", "x"):
            for call in (scene.service.activities.find, scene.service.activities.delete):
                with pytest.raises(ServiceError) as refused:
                    call(arn)
                complaints.append(refused.value.message)
        return complaints

    wrong = "Invalid Arn: 'Resource type not valid in this context: stateMachine'"
    assert play(main) == [wrong, wrong, "Invalid Arn: 'Invalid ARN prefix: x'", "Invalid Arn: 'Invalid ARN prefix: x'"]
