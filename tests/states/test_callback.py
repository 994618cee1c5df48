"""Tasks that are answered from outside: what each of them begins with, what answers it, what its history says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.compiler import compile_document
from express.definition.document import load_definition
from express.errors import EngineError
from express.history import History, render_entry
from express.states.state import Handler
from express.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.program import Run
    from express.types import JSON

SQS = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
INVOKE = "arn:aws:states:::lambda:invoke.waitForTaskToken"
JOB = "arn:aws:states:::batch:submitJob.sync"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:a"

SUBMIT = {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}


class Recorder(History):
    """Keeps the history of the execution that has ended last."""

    events: list[dict[str, Any]]

    def execution_ended(self, run: Run, result: express.Result) -> None:
        entries = self.of(run.execution_arn)
        super().execution_ended(run, result)
        self.events = [render_entry(entry) for entry in entries or ()]

    @property
    def types(self) -> list[str]:
        """The types of the events between the state's entry and the end of the execution."""
        return [event["type"] for event in self.events[2:-1]]


def machine(tasks: express.Tasks, resource: str = SQS, **fields: JSON) -> express.Workflow:
    parameters = {"Parameters": SUBMIT} if resource == SQS and "Arguments" not in fields else {}
    state = {"Type": "Task", "Resource": resource, **parameters, "End": True, **fields}
    return express.compile({"StartAt": "A", "States": {"A": state}}, tasks, type="STANDARD")


class Scene:
    """A Runtime and a handler that keeps the tokens it is given and, unless told otherwise, only submits the task."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.tasks = express.Tasks()
        self.recorder = Recorder()
        self.runtime = express.Runtime(observers=[self.recorder], drain_timeout=0)

        async def submit(payload: JSON, context: express.TaskContext) -> JSON:
            assert context.task_token is not None
            self.tokens.append(context.task_token)
            return {"MessageId": len(self.tokens)}

        self.tasks.add(SQS, submit)

    def play(self, main: Callable[[], Awaitable[Any]]) -> Any:
        async def within() -> Any:
            async with self.runtime:
                return await main()

        return run_virtual(within())


# --------------------------------------------------------------------------------------------------------------
# callbacks


def test_the_token_reaches_the_parameters_and_the_answer_is_the_result() -> None:
    scene = Scene()
    seen: list[JSON] = []

    async def submit(payload: JSON) -> JSON:
        seen.append(payload["MessageBody"]["token"])
        return {"MessageId": "m"}

    tasks = express.Tasks()
    tasks.add(SQS, submit)
    workflow = machine(tasks, ResultSelector={"got.$": "$.n", "token.$": "$$.Task.Token"})

    async def main() -> express.Result:
        execution = await scene.runtime.start(workflow, {})
        await asyncio.sleep(3600)
        assert not execution.done
        scene.runtime.send_task_success(seen[0], {"n": 1})
        return await execution

    # The default limit of an execution is that of Express.
    scene.runtime = express.Runtime(execution_timeout=10_000, observers=[scene.recorder])
    assert scene.play(main).unwrap() == {"got": 1, "token": seen[0]}
    assert scene.recorder.types == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]
    assert [event["id"] for event in scene.recorder.events] == list(range(1, 9))
    submitted = scene.recorder.events[4]["taskSubmittedEventDetails"]
    assert submitted == {
        "resourceType": "sqs",
        "resource": "sendMessage.waitForTaskToken",
        "output": '{"MessageId":"m"}',
        "outputDetails": {"truncated": False},
    }


def test_the_token_in_jsonata() -> None:
    scene = Scene()
    workflow = machine(
        scene.tasks,
        QueryLanguage="JSONata",
        Arguments={"QueueUrl": "q", "MessageBody": "{% $states.context.Task.Token %}"},
        Output="{% [$states.result, $states.context.Task.Token] %}",
    )

    async def main() -> express.Result:
        execution = await scene.runtime.start(workflow, {})
        await asyncio.sleep(1)
        scene.runtime.send_task_success(scene.tokens[0], "done")
        return await execution

    assert scene.play(main).unwrap() == ["done", scene.tokens[0]]


#: How the answer is given, and the end of the execution: output, or error and cause.
ANSWERS: dict[str, tuple[Callable[[express.Runtime, str], None], JSON]] = {
    "success": (lambda runtime, token: runtime.send_task_success(token, [1]), [1]),
    "null": (lambda runtime, token: runtime.send_task_success(token), None),
    "failure": (lambda runtime, token: runtime.send_task_failure(token, "Sad", "rain"), ("Sad", "rain")),
    "error alone": (lambda runtime, token: runtime.send_task_failure(token, "Sad"), ("Sad", None)),
    "nothing": (lambda runtime, token: runtime.send_task_failure(token), (None, None)),
}


@pytest.mark.parametrize("kind", ["async", "inline", "thread"])
@pytest.mark.parametrize("way", ANSWERS)
def test_an_answer_may_come_before_the_handler_has_returned(kind: str, way: str) -> None:
    answer, expected = ANSWERS[way]
    scene = Scene()

    def submit(payload: JSON) -> JSON:
        answer(scene.runtime, payload["MessageBody"]["token"])
        return {"MessageId": "m"}

    async def submit_later(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        result = submit(payload)
        await asyncio.sleep(1)
        return result

    tasks = express.Tasks()
    tasks.add(SQS, submit_later if kind == "async" else submit, blocking=kind == "thread")
    result = scene.play(lambda: scene.runtime.execute(machine(tasks), {}))
    if isinstance(expected, tuple):
        assert (result.status, result.error, result.cause) == ("FAILED", *expected)
    else:
        assert result.unwrap() == expected
    outcome = ["TaskFailed"] if isinstance(expected, tuple) else ["TaskSucceeded", "TaskStateExited"]
    assert scene.recorder.types == ["TaskScheduled", "TaskStarted", "TaskSubmitted", *outcome]


@pytest.mark.parametrize(("hangs", "seconds"), [(False, 0), (True, 20)])
def test_an_answer_that_was_taken_is_not_lost_to_a_handler_that_fails_or_hangs(hangs: bool, seconds: float) -> None:
    """Nobody has to beat for a task that is answered: it is TimeoutSeconds that end the waiting for its handler."""
    scene = Scene()

    async def submit(payload: JSON) -> JSON:
        scene.runtime.send_task_success(payload["MessageBody"]["token"], "answer")
        if hangs:
            await asyncio.sleep(1000)
        raise ValueError("too late")

    tasks = express.Tasks()
    tasks.add(SQS, submit)

    async def main() -> tuple[JSON, float]:
        began = asyncio.get_running_loop().time()
        result = await scene.runtime.execute(machine(tasks, TimeoutSeconds=20, HeartbeatSeconds=5), {})
        return result.unwrap(), asyncio.get_running_loop().time() - began

    assert scene.play(main) == ("answer", seconds)


def test_a_handler_that_fails_has_submitted_nothing() -> None:
    scene = Scene()

    async def submit(payload: JSON) -> JSON:
        raise express.TaskError("Sad", "rain")

    tasks = express.Tasks()
    tasks.add(SQS, submit)
    result = scene.play(lambda: scene.runtime.execute(machine(tasks), {}))
    assert (result.error, result.cause) == ("Sad", "rain")
    assert scene.recorder.types == ["TaskScheduled", "TaskStarted", "TaskFailed"]
    assert len(scene.runtime.callbacks) == 0


#: Fields of the state, when heartbeats come, and after how many seconds the task has timed out.
LIMITS: dict[str, tuple[dict[str, JSON], list[float], float]] = {
    "timeout": ({"TimeoutSeconds": 20}, [5, 10], 20),
    "heartbeat": ({"HeartbeatSeconds": 5}, [], 5),
    "heartbeats": ({"HeartbeatSeconds": 5}, [4, 8, 12], 17),
    "both": ({"HeartbeatSeconds": 5, "TimeoutSeconds": 10}, [4, 8], 10),
    "by path": ({"HeartbeatSecondsPath": "$.beat", "TimeoutSecondsPath": "$.limit"}, [2], 5),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_task_that_nobody_answers_times_out(name: str) -> None:
    fields, beats, expected = LIMITS[name]
    scene = Scene()

    async def main() -> tuple[express.Result, float]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        execution = await scene.runtime.start(machine(scene.tasks, **fields), {"beat": 3, "limit": 30})
        for beat in beats:
            await asyncio.sleep(began + beat - loop.time())
            scene.runtime.send_task_heartbeat(scene.tokens[0])
        result = await execution
        with pytest.raises(express.TaskTimedOut):
            scene.runtime.send_task_heartbeat(scene.tokens[0])
        return result, loop.time() - began

    result, seconds = scene.play(main)
    assert (result.status, result.error, result.cause) == ("FAILED", "States.Timeout", None)
    assert seconds == expected
    assert scene.recorder.types == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskTimedOut"]


def test_each_attempt_has_a_token_of_its_own() -> None:
    scene = Scene()
    workflow = machine(scene.tasks, Retry=[{"ErrorEquals": ["Again"], "IntervalSeconds": 1}])

    async def main() -> express.Result:
        execution = await scene.runtime.start(workflow, {})
        await asyncio.sleep(0.5)
        scene.runtime.send_task_failure(scene.tokens[0], "Again")
        await asyncio.sleep(2)
        with pytest.raises(express.TaskTimedOut):
            scene.runtime.send_task_success(scene.tokens[0])
        scene.runtime.send_task_success(scene.tokens[1], "second")
        return await execution

    assert scene.play(main).unwrap() == "second"
    assert len(set(scene.tokens)) == 2
    assert [event["id"] for event in scene.recorder.events] == list(range(1, len(scene.recorder.events) + 1))


def test_a_branch_that_fails_takes_the_tokens_of_the_others_with_it() -> None:
    scene = Scene()
    task = {"Type": "Task", "Resource": SQS, "Parameters": SUBMIT, "End": True}
    branches = [{"StartAt": f"T{n}", "States": {f"T{n}": task}} for n in range(3)]
    definition = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": branches, "End": True}}}
    workflow = express.compile(definition, scene.tasks, type="STANDARD")

    async def main() -> express.Result:
        execution = await scene.runtime.start(workflow, {})
        await asyncio.sleep(1)
        scene.runtime.send_task_success(scene.tokens[0], 1)
        await asyncio.sleep(1)
        scene.runtime.send_task_failure(scene.tokens[1], "Sad", "rain")
        result = await execution
        with pytest.raises(express.TaskTimedOut):
            scene.runtime.send_task_success(scene.tokens[2])
        return result

    result = scene.play(main)
    assert (result.error, result.cause) == ("Sad", "rain")


def test_stopping_and_closing_end_what_waits() -> None:
    scene = Scene()

    async def main() -> list[express.Result]:
        stopped, closed = [await scene.runtime.start(machine(scene.tasks), {}) for _ in range(2)]
        await asyncio.sleep(1)
        stopped.stop("Enough", "of this")
        first = await stopped
        await scene.runtime.close(5)
        return [first, await closed]

    stopped, closed = scene.play(main)
    assert (stopped.status, stopped.error, stopped.cause) == ("ABORTED", "Enough", "of this")
    assert closed.status == "ABORTED"
    assert len(scene.runtime.callbacks) == 0


def test_of_a_lambda_function_the_submission_is_wrapped_and_the_answer_is_not() -> None:
    scene = Scene()

    async def approve(payload: JSON) -> JSON:
        scene.tokens.append(payload["token"])
        return "mail sent"

    tasks = express.Tasks()
    tasks.add("Approve", approve)
    for function in ({"FunctionName": "Approve"}, {"FunctionName.$": "$.function"}):
        parameters = {**function, "Payload": {"token.$": "$$.Task.Token"}}
        workflow = machine(tasks, INVOKE, Parameters=parameters)

        async def main(workflow: express.Workflow = workflow) -> express.Result:
            async with express.Runtime(observers=[scene.recorder]) as runtime:
                execution = await runtime.start(workflow, {"function": "Approve"})
                await asyncio.sleep(1)
                runtime.send_task_success(scene.tokens[-1], {"approved": True})
                return await execution

        assert run_virtual(main()).unwrap() == {"approved": True}
        submitted = scene.recorder.events[4]["taskSubmittedEventDetails"]
        assert submitted["output"] == '{"ExecutedVersion":"$LATEST","Payload":"mail sent","StatusCode":200}'


@pytest.mark.parametrize(
    ("result", "error"),
    [(object(), "Runtime.MarshalError"), ("x" * 300_000, "States.DataLimitExceeded")],
    ids=["no JSON", "too much"],
)
def test_what_was_submitted_must_be_json_within_the_limit(result: Any, error: str) -> None:
    scene = Scene()
    tasks = express.Tasks()
    tasks.add(SQS, lambda payload: result)
    ended = scene.play(lambda: scene.runtime.execute(machine(tasks), {}))
    assert ended.error == error
    assert scene.recorder.types == ["TaskScheduled", "TaskStarted", "TaskFailed"]


# --------------------------------------------------------------------------------------------------------------
# jobs


def test_a_job_is_answered_by_its_handler() -> None:
    scene = Scene()

    async def run_job(payload: JSON) -> JSON:
        await asyncio.sleep(10)
        return {"JobId": payload["JobName"]}

    tasks = express.Tasks()
    tasks.add(JOB, run_job)
    result = scene.play(lambda: scene.runtime.execute(machine(tasks, JOB, Parameters={"JobName": "j"}), {}))
    assert result.unwrap() == {"JobId": "j"}
    assert scene.recorder.types == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]


def test_a_job_may_be_answered_through_its_token_before_it_ends() -> None:
    scene = Scene()
    ended: list[str] = []

    async def run_job(payload: JSON) -> JSON:
        scene.tokens.append(payload["token"])
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return "too late"

    tasks = express.Tasks()
    tasks.add(JOB, run_job)
    workflow = machine(tasks, JOB, Parameters={"token.$": "$$.Task.Token"})

    async def main() -> tuple[express.Result, float]:
        began = asyncio.get_running_loop().time()
        execution = await scene.runtime.start(workflow, {})
        await asyncio.sleep(5)
        scene.runtime.send_task_success(scene.tokens[0], "sooner")
        return await execution, asyncio.get_running_loop().time() - began

    result, seconds = scene.play(main)
    assert (result.unwrap(), seconds, ended) == ("sooner", 5, ["cancelled"])


def test_limits_of_a_job() -> None:
    async def run_job(payload: JSON, context: express.TaskContext) -> JSON:
        for _ in range(3):
            await asyncio.sleep(4)
            context.heartbeat()
        await asyncio.sleep(100)

    tasks = express.Tasks()
    tasks.add(JOB, run_job)
    for fields, expected in (({"HeartbeatSeconds": 5}, 17), ({"TimeoutSeconds": 10}, 10)):

        async def main(fields: dict[str, JSON] = fields) -> tuple[express.Result, float]:
            async with express.Runtime() as runtime:
                began = asyncio.get_running_loop().time()
                result = await runtime.execute(machine(tasks, JOB, Parameters={}, **fields), {})
                return result, asyncio.get_running_loop().time() - began

        result, seconds = run_virtual(main())
        assert (result.error, seconds) == ("States.Timeout", expected)


# --------------------------------------------------------------------------------------------------------------
# activities


class Offered:
    """A task that is offered: it waits until the test takes it."""

    def __init__(self) -> None:
        self.taken: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def __await__(self) -> Any:
        return self.taken.__await__()


class Foreman:
    """Implements `Resolver`: its one handler offers every task to a worker, the test."""

    has_functions = False
    names = ()

    def __init__(self, error: express.StateError | None = None) -> None:
        self.offers: list[tuple[str, JSON, Offered]] = []
        self._error = error

    def _offer(self, token: str, payload: JSON) -> Offered:
        if self._error is not None:
            raise self._error
        offer = Offered()
        self.offers.append((token, payload, offer))
        return offer

    def handler(self, resource: str, function: str | None = None) -> Handler:
        return Handler(
            call=self._offer,
            kind="worker",
            isolate=True,
            wants_context=False,
            for_function=False,
            failures=(),
            failure=lambda error: express.StateError(type(error).__name__, str(error)),
        )


def activity(foreman: Foreman, **fields: JSON) -> express.Workflow:
    state = {"Type": "Task", "Resource": ACTIVITY, "End": True, **fields}
    document = load_definition({"StartAt": "A", "States": {"A": state}})
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    definition = compile_document(document, type="STANDARD", resolver=foreman, name="m", arn=arn, role_arn="")
    return express.Workflow(definition)


@pytest.mark.parametrize("worker", ["w", None])
def test_an_activity_waits_for_its_worker_and_then_for_his_answer(worker: str | None) -> None:
    scene, foreman = Scene(), Foreman()
    workflow = activity(
        foreman, HeartbeatSeconds=5, TimeoutSeconds=20, Parameters={"x.$": "$.n", "t.$": "$$.Task.Token"}
    )

    async def main() -> express.Result:
        execution = await scene.runtime.start(workflow, {"n": 7})
        # Neither limit counts before a worker has the task.
        await asyncio.sleep(200)
        ((token, payload, offer),) = foreman.offers
        assert payload == {"x": 7, "t": token}
        offer.taken.set_result(worker)
        await asyncio.sleep(4)
        scene.runtime.send_task_heartbeat(token)
        await asyncio.sleep(4)
        scene.runtime.send_task_success(token, "done")
        return await execution

    assert scene.play(main).unwrap() == "done"
    types = ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded", "TaskStateExited"]
    assert scene.recorder.types == types
    started = scene.recorder.events[3]["activityStartedEventDetails"]
    assert started == ({"workerName": "w"} if worker else {})
    scheduled = scene.recorder.events[2]["activityScheduledEventDetails"]
    assert (scheduled["resource"], scheduled["timeoutInSeconds"], scheduled["heartbeatInSeconds"]) == (ACTIVITY, 20, 5)


def test_a_worker_may_answer_in_the_moment_he_takes_the_task() -> None:
    scene, foreman = Scene(), Foreman()

    async def main() -> express.Result:
        execution = await scene.runtime.start(activity(foreman), {})
        await asyncio.sleep(1)
        ((token, _, offer),) = foreman.offers
        offer.taken.set_result("w")
        scene.runtime.send_task_success(token, "at once")
        return await execution

    assert scene.play(main).unwrap() == "at once"
    assert scene.recorder.types == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded", "TaskStateExited"]


@pytest.mark.parametrize(("limit", "seconds"), [("TimeoutSeconds", 20), ("HeartbeatSeconds", 5)])
def test_an_activity_times_out_after_its_start(limit: str, seconds: int) -> None:
    scene, foreman = Scene(), Foreman()

    async def main() -> tuple[express.Result, float]:
        execution = await scene.runtime.start(activity(foreman, **{limit: seconds}), {})
        await asyncio.sleep(30)
        foreman.offers[0][2].taken.set_result(None)
        began = asyncio.get_running_loop().time()
        return await execution, asyncio.get_running_loop().time() - began

    result, passed = scene.play(main)
    assert (result.error, passed) == ("States.Timeout", seconds)
    assert scene.recorder.types == ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut"]


def test_an_activity_that_fails_and_one_that_cannot_be_offered() -> None:
    scene, foreman = Scene(), Foreman()

    async def main() -> express.Result:
        execution = await scene.runtime.start(activity(foreman), {})
        await asyncio.sleep(1)
        foreman.offers[0][2].taken.set_result(None)
        scene.runtime.send_task_failure(foreman.offers[0][0], "Sad", "rain")
        return await execution

    assert scene.play(main).error == "Sad"
    assert scene.recorder.types == ["ActivityScheduled", "ActivityStarted", "ActivityFailed"]

    missing = activity(Foreman(EngineError("States.Runtime", "There is none.")))
    result = scene.play(lambda: scene.runtime.execute(missing, {}))
    assert (result.error, scene.recorder.types) == ("States.Runtime", [])
    assert (
        result.cause == "An error occurred while executing the state 'A' (entered at the event id #2). There is none."
    )


def test_a_task_that_is_too_large_cannot_be_scheduled() -> None:
    scene, foreman = Scene(), Foreman()
    workflow = activity(foreman, Parameters={"a.$": "$", "b.$": "$"}, Catch=[])
    result = scene.play(lambda: scene.runtime.execute(workflow, "x" * 200_000))
    assert result.error == "States.DataLimitExceeded"
    assert scene.recorder.types == ["ActivityScheduleFailed"]
    assert scene.recorder.events[2]["activityScheduleFailedEventDetails"]["error"] == "States.DataLimitExceeded"
    assert foreman.offers == []


def test_a_handler_registered_for_an_activity_does_its_work() -> None:
    scene = Scene()
    tasks = express.Tasks()
    tasks.add(ACTIVITY, lambda payload: payload + 1)
    assert scene.play(lambda: scene.runtime.execute(machine(tasks, ACTIVITY), 1)).unwrap() == 2
    assert scene.recorder.types == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded", "TaskStateExited"]


# --------------------------------------------------------------------------------------------------------------
# who has a token


def test_no_other_task_has_a_token() -> None:
    scene = Scene()
    tasks = express.Tasks()
    tasks.add("F", lambda payload, context: context.task_token)
    workflow = machine(tasks, "arn:aws:lambda:us-east-1:123456789012:function:F", Parameters={"context.$": "$$"})
    assert scene.play(lambda: scene.runtime.execute(workflow, {})).unwrap() is None

    workflow = machine(
        tasks, "arn:aws:lambda:us-east-1:123456789012:function:F", Parameters={"token.$": "$$.Task.Token"}
    )
    result = scene.play(lambda: scene.runtime.execute(workflow, {}))
    assert result.error == "States.Runtime"
    assert "The JSONPath '$$.Task.Token' specified for the field 'token.$' could not be found" in result.cause
