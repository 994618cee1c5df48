"""Workers and callbacks through a real endpoint: what happens when somebody goes away, or the endpoint does."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from express import Tasks
from tests.api.serving import make_client, serving
from tests.api.test_boto3 import ACTIVITY, BY_WORKER, MACHINE, create, definition, ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON
    from tests.api.serving import Served

SQS = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
CALLBACK = definition(
    Type="Task",
    Resource=SQS,
    Parameters={"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token", "order.$": "$"}},
    TimeoutSeconds=60,
)


def poll_and_leave(url: str, held: Callable[[], None], *, half: bool) -> None:
    """A worker that asks for a task and goes away when its poll is `held`; `half`: by closing only its own side."""
    host, port = url.removeprefix("http://").split(":")
    body = json.dumps({"activityArn": ACTIVITY}).encode()
    head = f"POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AWSStepFunctions.GetActivityTask\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        held()
        if half:
            connection.shutdown(socket.SHUT_WR)
            # It is answered at once, and not after the minute that a poll may take.
            assert b'"taskToken":null' in connection.recv(65_536)


@pytest.mark.parametrize("half", [False, True])
def test_a_worker_that_goes_away_while_it_waits_takes_no_task_with_it(
    half: bool, served: Served, shared_client: Any
) -> None:
    client = shared_client
    with served.renew() as service:

        def until(polls: int) -> None:
            while len(service.activities._lines) != polls:
                client.list_activities()

        client.create_activity(name="a")
        create(client, BY_WORKER)
        for _ in range(3):
            poll_and_leave(served.url, lambda: until(1), half=half)
            until(0)
        arn = client.start_execution(stateMachineArn=MACHINE, input="1")["executionArn"]
        task = client.get_activity_task(activityArn=ACTIVITY)
        client.send_task_success(taskToken=task["taskToken"], output=task["input"])
        assert ended(client, arn)["output"] == "1"


def test_callbacks_of_many_executions(served: Served, shared_client: Any) -> None:
    """As users have it: the handler puts the token into a queue, somebody else answers, some of them at once."""
    client = shared_client
    tasks, queue, put = Tasks(), [], threading.Event()

    async def send(payload: JSON) -> JSON:
        queue.append(payload["MessageBody"])
        put.set()
        return {"MessageId": "m"}

    tasks.add(SQS, send)

    def answer() -> None:
        other, answered = make_client(served.url), 0
        while answered < 20:
            put.wait(30)
            put.clear()
            for message in queue[answered:]:
                number = message["order"]
                if number % 5 == 4:
                    other.send_task_failure(taskToken=message["token"], error="Refused", cause=str(number))
                else:
                    other.send_task_heartbeat(taskToken=message["token"])
                    other.send_task_success(taskToken=message["token"], output=str(number * 2))
                answered += 1
        other.close()

    thread = threading.Thread(target=answer, daemon=True)
    with served.renew(tasks):
        create(client, CALLBACK)
        thread.start()
        arns = [
            client.start_execution(stateMachineArn=MACHINE, input=str(number))["executionArn"] for number in range(20)
        ]
        results = [ended(client, arn) for arn in arns]
        thread.join(30)
    for number, result in enumerate(results):
        if number % 5 == 4:
            assert (result["status"], result["error"], result["cause"]) == ("FAILED", "Refused", str(number))
        else:
            assert result["output"] == str(number * 2)


def test_the_history_of_a_callback(served: Served, shared_client: Any) -> None:
    client, tokens = shared_client, []
    tasks = Tasks()
    tasks.add(SQS, lambda payload: tokens.append(payload["MessageBody"]["token"]))
    with served.renew(tasks):
        create(client, CALLBACK)
        arn = client.start_execution(stateMachineArn=MACHINE, input="1")["executionArn"]
        while not tokens:
            client.list_activities()
        client.send_task_success(taskToken=tokens[0], output="2")
        ended(client, arn)
        events = client.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert tokens[0] in events[2]["taskScheduledEventDetails"]["parameters"]


def test_an_endpoint_that_shuts_down_holds_no_poll() -> None:
    """`Server.close` answers what has arrived: a poll too, and at once."""
    answers: list[Any] = []
    with serving() as served, served.renew() as service:
        client = make_client(served.url)
        client.create_activity(name="a")
        thread = threading.Thread(target=lambda: answers.append(client.get_activity_task(activityArn=ACTIVITY)))
        thread.start()
        other = make_client(served.url)
        while not service.activities._lines:
            other.list_activities()
        other.close()
        served.call(served.server.close(20))
        thread.join(5)
        assert not thread.is_alive()
        client.close()
    assert "taskToken" not in answers[0]
