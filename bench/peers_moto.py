"""The side of `bench.peers` that runs in moto's own environment: one workload on its interpreter, through boto3.

A job arrives on stdin as JSON: {definition, events, seconds, patience}. The answer is {rate, output} or {error}. moto
runs an execution in a thread and is polled for its end, as tests do. Nothing of express is imported here.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

import boto3  # type: ignore[import-untyped,unused-ignore]  # has no types; may be installed nowhere else
from moto import mock_aws  # type: ignore[import-not-found,import-untyped,unused-ignore]  # only in its own environment

CONFIG = {"stepfunctions": {"execute_state_machine": True}, "core": {"mock_credentials": True}}
KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
ROLE = "arn:aws:iam::123456789012:role/bench"


class Failed(Exception):
    """An execution did not succeed; the text gives its status."""


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Run batches of all events for the job's `seconds`."""
    with mock_aws(config=CONFIG):
        client = boto3.client("stepfunctions", **KEYS)
        made = client.create_state_machine(name="bench", definition=json.dumps(job["definition"]), roleArn=ROLE)
        machine, events, patience = made["stateMachineArn"], job["events"], job["patience"]
        output = run_batch(client, machine, events[:1], patience)[0]
        begin, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() - begin < job["seconds"]:
            done += len(run_batch(client, machine, events, patience))
        return {"rate": done / (time.perf_counter() - begin), "output": output}


def run_batch(client: Any, machine: str, events: list[Any], patience: float) -> list[Any]:
    """Start an execution for each event, then wait for each; return the outputs."""
    end = time.monotonic() + patience
    started = [
        client.start_execution(stateMachineArn=machine, name=str(uuid.uuid4()), input=json.dumps(event))["executionArn"]
        for event in events
    ]
    return [wait_for(client, execution, end) for execution in started]


def wait_for(client: Any, execution: str, end: float) -> Any:
    """Poll an execution until it ends, because moto sends no notification; return its output."""
    while True:
        described = client.describe_execution(executionArn=execution)
        if described["status"] == "SUCCEEDED":
            return json.loads(described["output"])
        if described["status"] != "RUNNING":
            raise Failed(f"{described['status']}: {described.get('error')}: {described.get('cause')}")
        if time.monotonic() > end:
            raise Failed("no end in time")
        time.sleep(0.001)


if __name__ == "__main__":
    try:
        answer = measure(json.load(sys.stdin))
    except Failed as failure:
        answer = {"error": str(failure)}
    print(json.dumps(answer))
