"""Calls of the API recorded from AWS, made again with boto3 against the endpoint.

A recording stands in order: what one call answered, the next ones use. Ids in it are placeholders that are learnt as
the answers come in: `00000000-0000-4000-a000-…` the executions in the order of their start, `…-9000-…` the revisions.
"""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest

from express import TaskError, Tasks
from express.api.operations import OPERATIONS
from tests.api.activity_worker import ActivityWorker
from tests.expressions.recorded import case_params, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from express.types import JSON
    from tests.api.serving import Served

#: In the answers of AWS only since some time in 2023 and 2024, and so missing from older recordings.
NEWER_MEMBERS = frozenset({"encryptionConfiguration", "redriveCount"})

#: What a recording needs that this endpoint does not have.
OUT_OF_SCOPE = {
    "sfn_api_logs.deleted_log_group": "there is no CloudWatch Logs behind this endpoint: every log group exists",
}
#: Measured, there and here.
MEASURED = frozenset({"$.billingDetails.billedDurationInMilliseconds"})
_MASK = re.compile(r"<(?:uuid|next-token|request-id)[:\w-]*>|<(?P<name>[\w-]+)>|log_group_name")


class Placeholders:
    """What stands in a recording for what only the running endpoint can tell."""

    def __init__(self) -> None:
        self._actual: dict[str, str] = {}
        self._executions = 0
        self._token = ""

    def learn(self, call: str, expected: JSON, answer: dict[str, Any]) -> None:
        if call in ("StartExecution", "StartSyncExecution"):
            parts = answer["executionArn"].split(":")
            for part, group in zip(parts[7:], ("a000", "b000"), strict=False):
                self._actual[f"00000000-0000-4000-{group}-{self._executions:012x}"] = part
            self._executions += 1
        revision = expected.get("revisionId", "") if isinstance(expected, dict) else ""
        if revision.startswith("<uuid:"):
            number = int(revision[len("<uuid:") : -1])
            self._actual[f"00000000-0000-4000-9000-{number:012x}"] = answer["revisionId"]
        self._token = answer.get("nextToken", self._token)

    def fill(self, value: JSON) -> JSON:
        """The value as it must be here."""
        if isinstance(value, dict):
            return {name: self.fill(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.fill(member) for member in value]
        if not isinstance(value, str):
            return value
        if re.fullmatch(r"token-\d+-x+", value):
            return self._token
        for placeholder, actual in self._actual.items():
            value = value.replace(placeholder, actual)
        return value


def differences(expected: JSON, actual: JSON, place: str, wildcards: frozenset[str]) -> Iterator[str]:
    """Where an answer differs from the recorded one. JSON in strings was recorded as what it says."""
    if place in wildcards:
        return
    if isinstance(expected, dict | list) and isinstance(actual, str):
        actual = json.loads(actual)
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in expected.keys() | actual.keys():
            if name in expected and name in actual:
                yield from differences(expected[name], actual[name], f"{place}.{name}", wildcards)
            elif name in expected or name not in NEWER_MEMBERS:
                yield f"{place}.{name} is {'missing' if name in expected else 'too much'}"
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from differences(*pair, f"{place}[{index}]", wildcards)
    elif isinstance(expected, str) and _MASK.search(expected) and isinstance(actual, str):
        pattern = "".join(".*" if index % 2 else re.escape(part) for index, part in enumerate(_parts(expected)))
        if not re.fullmatch(pattern, actual, re.DOTALL):
            yield f"{place}: expected {expected!r}, got {actual!r}"
    elif expected != actual:
        yield f"{place}: expected {expected!r}, got {actual!r}"


def _parts(text: str) -> list[str]:
    """A masked text cut at its masks: plain parts and masks in turn."""
    parts, end = [], 0
    for match in _MASK.finditer(text):
        parts += [text[end : match.start()], match.group()]
        end = match.end()
    return [*parts, text[end:]]


def fragments(step: dict[str, Any], answer: dict[str, Any]) -> Iterator[str]:
    """Where the parts of an answer that a filtered recording has kept differ from it."""
    for mine, theirs in step["paired_paths"]:
        expected: JSON = step["expected_fragment"]
        actual: JSON = answer
        for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", mine):
            expected = expected[name or int(index)]
        for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", theirs):
            actual = actual[name or int(index)]
        yield from differences(expected, actual, "$", frozenset({"$.creationDate"}))


def failing_tasks(case: dict[str, Any]) -> Tasks:
    """Handlers that do what the recorded function did: raise."""
    tasks = Tasks()

    async def fail(payload: JSON) -> JSON:
        for step in case["steps"]:
            output = step.get("expected", {}).get("output")
            if isinstance(output, dict) and "Error" in output:
                raise TaskError(output["Error"], output["Cause"])
        raise TaskError("Exception", "{}")

    tasks.add("*", fail)
    return tasks


def await_end(client: Any, arn: str) -> None:
    """What the recorded polling of a history was for."""
    for _ in range(10_000):
        if client.describe_execution(executionArn=arn)["status"] != "RUNNING":
            return
    raise AssertionError(f"{arn} does not end")


class Replayed:
    """The steps of one case, made one after another. `left_out` names what could not be compared, and why."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._placeholders = Placeholders()
        self.compared = 0
        self.left_out: set[str] = set()

    def perform(self, step: dict[str, Any]) -> None:
        call, params = step["call"], self._placeholders.fill(step["params"])
        if call == "GetExecutionHistory" and "expected" not in step and "expected_error" not in step:
            await_end(self._client, params["executionArn"])
        if call not in OPERATIONS:
            self._leave_out(step, params)
        elif "expected_error" in step:
            self._expect_error(step, params)
        else:
            self._expect_answer(step, params)

    def _leave_out(self, step: dict[str, Any], params: dict[str, Any]) -> None:
        if step["call"] == "GetExecutionHistory" and "expected" not in step and "expected_error" not in step:
            await_end(self._client, params["executionArn"])
        else:
            self.left_out.add(step["call"])

    def _call(self, step: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client, botocore.xform_name(step["call"]))(**params)
        metadata = answer.pop("ResponseMetadata")
        assert metadata["HTTPStatusCode"] == step.get("http_status", 200)
        return answer

    def _expect_answer(self, step: dict[str, Any], params: dict[str, Any]) -> None:
        answer = self._call(step, params)
        self._placeholders.learn(step["call"], step.get("expected"), answer)
        if step["call"] == "StartExecution" and "expected_fragment" in step:
            self.left_out.add("CloudWatch Logs")
        elif "expected_fragment" in step:
            assert list(fragments(step, answer)) == []
            self.compared += 1
        elif "expected" in step:
            expected = self._placeholders.fill(step["expected"])
            assert list(differences(expected, answer, "$", MEASURED.union(step.get("wildcards", ())))) == []
            self.compared += 1

    def _expect_error(self, step: dict[str, Any], params: dict[str, Any]) -> None:
        expected = step["expected_error"]
        if step.get("client_side"):
            with pytest.raises(botocore.exceptions.ParamValidationError) as refused:
                self._call(step, params)
            assert str(refused.value) == expected["message"]
        else:
            with pytest.raises(botocore.exceptions.ClientError) as failed:
                self._call(step, params)
            error = {
                "code": failed.value.response["Error"]["Code"],
                "message": failed.value.response["Error"]["Message"],
            }
            wanted = {"code": expected["code"], "message": self._placeholders.fill(expected["message"])}
            assert list(differences(wanted, error, "$", frozenset())) == []
            assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == expected.get("http_status", 400)
        self.compared += 1


def working(case: dict[str, Any], client: Any) -> AbstractContextManager[object]:
    """The worker of the case's activity, if the recorded one had anything to do. It gives back what it is given."""
    history = [event for step in case["steps"] for event in step.get("expected", {}).get("events", ())]
    started = next((event for event in history if event["type"] == "ActivityStarted"), None)
    if started is None:
        return nullcontext()
    activity = next(event for event in history if event["type"] == "ActivityScheduled")
    return ActivityWorker(
        client.meta.endpoint_url,
        activity["activityScheduledEventDetails"]["resource"],
        lambda value: value,
        name=started["activityStartedEventDetails"].get("workerName"),
    )


@pytest.mark.parametrize("case", case_params(recorded("api/*.json")))
def test_recorded_calls(case: dict[str, Any], served: Served, shared_client: Any) -> None:
    if case["id"] in OUT_OF_SCOPE:
        pytest.skip(OUT_OF_SCOPE[case["id"]])
    if case["steps"][0]["call"] not in OPERATIONS:
        pytest.skip(f"needs {case['steps'][0]['call']}")
    replayed = Replayed(shared_client)
    with served.renew(failing_tasks(case)):
        first, *rest = case["steps"]
        replayed.perform(first)
        # An activity is made by the first call, or by none.
        with working(case, shared_client):
            for step in rest:
                replayed.perform(step)
    if replayed.left_out:
        pytest.skip(f"{replayed.compared} answers are as recorded; left out: {', '.join(sorted(replayed.left_out))}")
    assert replayed.compared


@pytest.mark.parametrize("case", case_params(recorded("validation/*.json")))
def test_recorded_validation(case: dict[str, Any], client: Any) -> None:
    text = case["definition_raw"] if "definition_raw" in case else json.dumps(case["definition"])
    expected = case["expected"]
    if case["call"] == "CreateStateMachine":
        with pytest.raises(client.exceptions.ClientError) as failed:
            client.create_state_machine(
                name="invalid", definition=text, roleArn="arn:aws:iam::111111111111:role/r", type=case["type"]
            )
        assert failed.value.response["Error"] == {"Code": expected["error_code"], "Message": expected["message"]}
    else:
        answer = client.validate_state_machine_definition(definition=text, type=case["type"])
        del answer["ResponseMetadata"]
        assert answer == expected
