"""`express serve` with tasks that wait for an answer: it is told to stop while they do, and nobody can answer them any more."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_serve import serve

if TYPE_CHECKING:
    from pathlib import Path

HANDLERS = """
import express
tasks = express.Tasks()

@tasks.task("arn:aws:states:::sqs:sendMessage.waitForTaskToken")
async def send(payload):
    print(payload["MessageBody"], flush=True)
"""
CALLBACK = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
            "End": True,
        }
    },
}
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:approval"


@pytest.mark.slow
def test_tasks_that_wait_for_an_answer_do_not_hold_up_the_end(tmp_path: Path) -> None:
    (tmp_path / "approval.json").write_text(json.dumps(CALLBACK))
    (tmp_path / "handlers.py").write_text(HANDLERS)
    arguments = ("--definitions", ".", "--tasks", "handlers:tasks", "--type", "STANDARD", "--drain", "600")
    with serve(tmp_path, *arguments) as process:
        process.lines_until("  export AWS_DISABLE_HOST_PREFIX_INJECTION=true")
        first, second = [process.call("StartExecution", stateMachineArn=MACHINE)["executionArn"] for _ in range(2)]
        tokens = [process.line(), process.line()]
        process.call("SendTaskSuccess", taskToken=tokens[0], output='"approved"')
        ended = process.call("DescribeExecution", executionArn=first)
        assert (ended["status"], ended["output"]) == ("SUCCEEDED", '"approved"')
        assert process.call("DescribeExecution", executionArn=second)["status"] == "RUNNING"
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(30) == 0
