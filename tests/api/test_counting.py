"""Requests of the endpoint on the metrics page: each counted once, by action and status, whoever answers it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from express.api import Counted, Endpoint, HostPolicy, no_answers
from express.api.messages import Request
from express.api.operations import OPERATIONS
from express.service import Service
from express.service.metrics import ServiceMetrics
from tests.cli.test_serve import PASS, Process, serve

if TYPE_CHECKING:
    from pathlib import Path

LIST = b"AWSStepFunctions.ListStateMachines"

#: What is asked, as a header and a body, and what it counts as.
ASKED = [
    (LIST, b"{}", ("ListStateMachines", 200)),
    (LIST, b"{", ("ListStateMachines", 400)),
    (b"AWSStepFunctions.MakeCoffee", b"{}", ("unknown", 404)),
    (b"DynamoDB_20120810.ListTables", b"{}", ("unknown", 404)),
    (b"", b"{}", ("unknown", 404)),
]


@pytest.mark.parametrize(("target", "body", "counted"), ASKED, ids=[f"{row[0].decode()} {row[1]!r}" for row in ASKED])
async def test_what_a_request_counts_as(target: bytes, body: bytes, counted: tuple[str, int]) -> None:
    answers = no_answers()
    async with Service() as service:
        metrics = ServiceMetrics(service, answers)
        application = Counted(Endpoint(service, HostPolicy()), answers)
        for _ in range(2):
            await application(Request(b"POST", {b"host": b"localhost", b"x-amz-target": target}, body))
        registry = CollectorRegistry()
        registry.register(metrics)
    action, status = counted
    assert {answer: count for answer, count in answers.items() if count} == {counted: 2}
    labels = {"action": action, "code": str(status)}
    assert registry.get_sample_value("express_http_requests_total", labels) == 2
    assert registry.get_sample_value("express_definitions") == 0


async def test_every_action_has_its_series_before_it_is_asked_for() -> None:
    async with Service() as service:
        registry = CollectorRegistry()
        registry.register(ServiceMetrics(service, no_answers()))
        for action in OPERATIONS:
            labels = {"action": action, "code": "200"}
            assert registry.get_sample_value("express_http_requests_total", labels) == 0


def requests_shown(url: str) -> dict[tuple[str, str], float]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    [family] = [family for family in families if family.name == "express_http_requests"]
    return {(s.labels["action"], s.labels["code"]): s.value for s in family.samples if s.value}


def refused(process: Process, action: str, **parameters: Any) -> int:
    with pytest.raises(urllib.error.HTTPError) as error:
        process.call(action, **parameters)
    error.value.close()
    return error.value.code


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_page_of_a_served_endpoint(tmp_path: Path, workers: int) -> None:
    """Of several processes their sum; what one passes on to another is counted by the one that was asked."""
    role = "arn:aws:iam::123456789012:role/r"
    with serve(tmp_path, "--metrics-port", "0", "--workers", str(workers)) as process:
        url = re.sub("^metrics at ", "", process.line())
        process.call("CreateStateMachine", name="m", definition=json.dumps(PASS), roleArn=role, type="EXPRESS")
        for _ in range(3):
            process.call("ListStateMachines")
        assert refused(process, "DescribeStateMachine", stateMachineArn="x") == 400
        expected = {
            ("CreateStateMachine", "200"): 1,
            ("ListStateMachines", "200"): 3,
            ("DescribeStateMachine", "400"): 1,
        }
        # Workers tell about once a second.
        for _ in range(1_000):
            if (shown := requests_shown(url)) == expected:
                break
        assert shown == expected
