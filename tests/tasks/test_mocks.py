"""Mock configurations: what they answer, how they count, and what is wrong with those that are wrong."""

from __future__ import annotations

import gc
import json
import os
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.errors import InvalidMocks
from express.tasks.mocks import MockFile
from express.testing import Mocks, run_virtual
from tests.runtime.machines import FUNCTION, each, executed, machine, parallel, run_clean, state, task

if TYPE_CHECKING:
    from pathlib import Path

    from express.types import JSON

INVOKE = "arn:aws:states:::lambda:invoke"
SQS = "arn:aws:states:::sqs:sendMessage"


def returning(value: JSON) -> dict[str, JSON]:
    return {"Return": value}


def throwing(error: str, cause: str = "because") -> dict[str, JSON]:
    return {"Throw": {"Error": error, "Cause": cause}}


def configuration(responses: JSON, **states: str) -> dict[str, JSON]:
    """One machine `orders` with one test case `Case`."""
    return {"StateMachines": {"orders": {"TestCases": {"Case": states}}}, "MockedResponses": responses}


def mocked(definition: JSON, responses: JSON, tasks: express.Tasks | None = None, **states: str) -> express.Workflow:
    case = Mocks(configuration(responses, **states)).case("orders", "Case")
    return express.compile(definition, tasks, mocks=case, type="STANDARD")


def service(resource: str, **fields: Any) -> dict[str, Any]:
    return state("Task", Resource=resource, **fields)


def retrying(times: int) -> list[dict[str, Any]]:
    return [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": times}]


# --------------------------------------------------------------------------------------------------------------
# what it answers

#: What the task is, its mocked response, what the execution comes to: (output) or (error, cause).
ANSWERS: dict[str, tuple[dict[str, Any], JSON, JSON]] = {
    "a function by its ARN returns its payload": (task("Pay"), returning({"paid": True}), {"paid": True}),
    "any JSON will do": (task("Pay"), returning(None), None),
    "lambda:invoke returns the whole response": (
        service(INVOKE, Parameters={"FunctionName": "Pay"}, OutputPath="$.Payload"),
        returning({"StatusCode": 200, "Payload": 7}),
        7,
    ),
    "a function that only the data names": (
        service(INVOKE, Parameters={"FunctionName.$": "$.name"}),
        returning({"Payload": 7}),
        {"Payload": 7},
    ),
    "an integration": (
        service(SQS, Parameters={"QueueUrl": "q", "MessageBody": "m"}, ResultPath="$.sent"),
        returning({"MessageId": "1"}),
        {"name": "Pay", "sent": {"MessageId": "1"}},
    ),
    "a job": (
        service("arn:aws:states:::ecs:runTask.sync", Parameters={"TaskDefinition": "t"}),
        returning({"done": 1}),
        {"done": 1},
    ),
    "a callback: the output that would have been sent": (
        service(f"{SQS}.waitForTaskToken", Parameters={"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}),
        returning("approved"),
        "approved",
    ),
    "an activity": (service("arn:aws:states:us-east-1:123456789012:activity:pack"), returning("packed"), "packed"),
    "an error": (task("Pay"), throwing("Broke", "no money"), ("Broke", "no money")),
    "an error without a cause": (task("Pay"), {"Throw": {"Error": "Broke"}}, ("Broke", None)),
    "an error of a callback": (
        service(f"{SQS}.waitForTaskToken", Parameters={"QueueUrl": "q", "MessageBody": "m"}),
        throwing("Denied", "by the boss"),
        ("Denied", "by the boss"),
    ),
    "what is too long, as from anybody": (
        task("Pay"),
        returning("x" * 300_000),
        (
            "States.DataLimitExceeded",
            (
                f"The state/task '{FUNCTION}Pay' returned a result with a size exceeding the maximum number of bytes "
                "service limit."
            ),
        ),
    ),
}


@pytest.mark.parametrize(("work", "answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answers(work: dict[str, Any], answer: JSON, expected: JSON) -> None:
    workflow = mocked(machine(Work=work), {"Answer": {"0": answer}}, Work="Answer")
    result = run_clean(executed(workflow, {"name": "Pay"}))
    if isinstance(expected, tuple):
        assert (result.status, result.error, result.cause) == ("FAILED", *expected)
    else:
        assert (result.status, result.output) == ("SUCCEEDED", expected)


def test_errors_go_through_retry_and_catch() -> None:
    """The example of the guide: thrown at, thrown at twice more, then answered."""
    responses = {"Path": {"0": throwing("Busy"), "1-2": throwing("Busy", "still"), "3": returning("paid")}}
    definition = machine(Pay=task("Pay", Retry=retrying(3)))
    assert run_clean(executed(mocked(definition, responses, Pay="Path"))).output == "paid"

    definition = machine(
        Pay=task("Pay", Retry=retrying(2), Catch=[{"ErrorEquals": ["Busy"], "Next": "Give up"}]),
        **{"Give up": state("Pass")},
    )
    result = run_clean(executed(mocked(definition, responses, Pay="Path")))
    assert result.output == {"Error": "Busy", "Cause": "still"}


# --------------------------------------------------------------------------------------------------------------
# how it counts


def test_a_loop_goes_on_in_the_responses() -> None:
    again = state("Choice", Choices=[{"Variable": "$", "StringEquals": "done", "Next": "End"}], Default="Poll")
    definition = machine(Poll=task("Poll", Next="Again"), Again=again, End=state("Succeed"))
    responses = {"Polls": {"0-1": returning("running"), "2": returning("done")}}
    workflow = mocked(definition, responses, Poll="Polls")
    assert run_clean(executed(workflow)).output == "done"
    assert workflow.state_entries["Poll"] == 3


def test_iterations_of_a_map_share_the_count() -> None:
    """As Step Functions Local was measured to do: the second iteration goes on where the first has stopped."""
    definition = machine(
        All=each(machine(Call=task("Call", Retry=retrying(1))), MaxConcurrency=1),
    )
    responses = {"Calls": {"0": throwing("Busy"), "1": returning("one"), "2": returning("two")}}
    assert run_clean(executed(mocked(definition, responses, Call="Calls"), [1, 2])).output == ["one", "two"]


def test_states_are_counted_by_themselves() -> None:
    definition = machine(Both=parallel(machine(A=task("A")), machine(B=task("B"))))
    workflow = mocked(definition, {"Same": {"0": returning(0), "1": returning(1)}}, A="Same", B="Same")
    assert run_clean(executed(workflow)).output == [0, 0]


def test_executions_are_counted_by_themselves() -> None:
    """Also those that have the same name, and those that run at the same time."""
    responses = {"Tries": {"0": throwing("Busy"), "1": returning("second")}}
    workflow = mocked(machine(Pay=task("Pay", Retry=retrying(1))), responses, Pay="Tries")

    async def main() -> list[JSON]:
        async with express.Runtime() as runtime:
            started = [await runtime.start(workflow, {}, name="same") for _ in range(3)]
            return [(await execution).output for execution in started]

    assert run_virtual(main()) == ["second"] * 3


@pytest.mark.slow
def test_counting_keeps_no_execution() -> None:
    seen: list[weakref.ref[object]] = []

    def look(payload: JSON, context: express.TaskContext) -> JSON:
        seen.append(weakref.ref(context.execution))
        return payload

    tasks = express.Tasks()
    tasks.add("Look", look)
    definition = machine(Pay=task("Pay", Next="Look"), Look=task("Look"))
    workflow = mocked(definition, {"R": {"0": returning(1)}}, tasks, Pay="R")
    assert [workflow.run({}).output for _ in range(3)] == [1, 1, 1]
    gc.collect()
    assert [execution() for execution in seen] == [None, None, None]


@pytest.mark.parametrize(
    ("answers", "invocation"),
    [({}, 0), ({"1": returning(1)}, 0), ({"0-1": throwing("Busy"), "5": returning(1)}, 2)],
    ids=["none at all", "not for the first", "a gap"],
)
def test_an_invocation_without_an_answer_ends_the_execution(answers: JSON, invocation: int) -> None:
    """Nothing catches it: States.Runtime."""
    work = task("Pay", Retry=retrying(9), Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}])
    workflow = mocked(machine(Pay=work, Caught=state("Pass")), {"R": answers}, Pay="R")
    result = run_clean(executed(workflow))
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert result.cause == (
        "An error occurred while executing the state 'Pay' (entered at the event id #2). The mocked response 'R' of the "
        f"state 'Pay' has no answer for invocation {invocation}."
    )


def test_states_left_out_go_to_their_handlers() -> None:
    tasks = express.Tasks()
    tasks.add("Pack", lambda payload: f"{payload} and packed")
    tasks.add("Pay", lambda payload: "not mocked")
    definition = machine(Pay=task("Pay", Next="Pack"), Pack=task("Pack"))
    assert run_clean(executed(mocked(definition, {"R": {"0": returning("paid")}}, tasks, Pay="R"))).output == (
        "paid and packed"
    )


def test_what_a_task_changes_stays_its_own() -> None:
    """A handler that changes what the mock before it has returned does not change the mock."""
    tasks = express.Tasks()
    tasks.add("Spoil", lambda payload: payload["items"].append(1) or payload, isolate=False)
    definition = machine(Get=task("Get", Next="Spoil"), Spoil=task("Spoil"))
    workflow = mocked(definition, {"R": {"0": returning({"items": []})}}, tasks, Get="R")
    assert [workflow.run({}).output for _ in range(2)] == [{"items": [1]}] * 2


# --------------------------------------------------------------------------------------------------------------
# what is wrong


def test_mocked_states_have_to_be_there() -> None:
    with pytest.raises(InvalidMocks) as caught:
        mocked(machine(Payment=task("Pay")), {"R": {"0": returning(1)}}, Paymnet="R")
    assert str(caught.value) == (
        "mock configuration: /StateMachines/orders/TestCases/Case/Paymnet: the state machine has no Task state 'Paymnet' "
        "(did you mean `Payment`?)"
    )


def test_only_tasks_can_be_mocked() -> None:
    inner = machine(Inner=task("Inner", Next="Wait"), Wait=state("Pass"))
    definition = machine(All=each(inner))
    mocked(definition, {"R": {"0": returning(1)}}, Inner="R")
    with pytest.raises(InvalidMocks, match=r"has no Task state 'Wait' \(there is 'Inner'\)"):
        mocked(definition, {"R": {"0": returning(1)}}, Inner="R", Wait="R")


#: A document, and what is said of it.
WRONG: dict[str, tuple[JSON, str]] = {
    "no object": ([], "mocks.json: /: must be an object"),
    "no machines": ({"MockedResponses": {}}, "mocks.json: /: the field 'StateMachines' is missing"),
    "no responses": ({"StateMachines": {}}, "mocks.json: /: the field 'MockedResponses' is missing"),
    "responses that are none": (
        {"StateMachines": {}, "MockedResponses": []},
        "mocks.json: /MockedResponses: must be an object",
    ),
    "a machine without cases": (
        {"StateMachines": {"a/b": {}}, "MockedResponses": {}},
        "mocks.json: /StateMachines/a~1b: the field 'TestCases' is missing",
    ),
    "a case that is none": (
        {"StateMachines": {"m": {"TestCases": {"C": 1}}}, "MockedResponses": {}},
        "mocks.json: /StateMachines/m/TestCases/C: must be an object",
    ),
    "a state that names no response": (
        configuration({}, Pay="Gone"),
        "mocks.json: /StateMachines/orders/TestCases/Case/Pay: /MockedResponses has no response 'Gone'",
    ),
    "a state that nearly names one": (
        configuration({"PaidWell": {}}, Pay="PaidWel"),
        (
            "mocks.json: /StateMachines/orders/TestCases/Case/Pay: /MockedResponses has no response 'PaidWel' "
            "(did you mean `PaidWell`?)"
        ),
    ),
    "a state with something else": (
        {"StateMachines": {"m": {"TestCases": {"C": {"S": {}}}}}, "MockedResponses": {}},
        "mocks.json: /StateMachines/m/TestCases/C/S: must be the name of a mocked response",
    ),
    "an invocation that is no number": (
        configuration({"R": {"first": returning(1)}}),
        "mocks.json: /MockedResponses/R/first: an invocation is a number counted from 0, or a range like '1-2'",
    ),
    "a negative one": (
        configuration({"R": {"-1": returning(1)}}),
        "mocks.json: /MockedResponses/R/-1: an invocation is a number counted from 0, or a range like '1-2'",
    ),
    "a range backwards": (
        configuration({"R": {"3-1": returning(1)}}),
        "mocks.json: /MockedResponses/R/3-1: the range ends before it begins",
    ),
    "ranges that overlap": (
        configuration({"R": {"0-3": returning(1), "2": returning(1)}}),
        "mocks.json: /MockedResponses/R: there are two answers for invocation 2",
    ),
    "an answer that is none": (
        configuration({"R": {"0": 1}}),
        "mocks.json: /MockedResponses/R/0: must be an object",
    ),
    "both at once": (
        configuration({"R": {"0": {**returning(1), **throwing("E")}}}),
        "mocks.json: /MockedResponses/R/0: must have exactly one field, 'Return' or 'Throw'",
    ),
    "neither": (
        configuration({"R": {"0": {"return": 1}}}),
        "mocks.json: /MockedResponses/R/0: must have exactly one field, 'Return' or 'Throw'",
    ),
    "an error without a name": (
        configuration({"R": {"0": {"Throw": {"Cause": "c"}}}}),
        "mocks.json: /MockedResponses/R/0/Throw: the field 'Error' is missing",
    ),
    "an error that is no text": (
        configuration({"R": {"0": {"Throw": {"Error": 1, "Cause": "c"}}}}),
        "mocks.json: /MockedResponses/R/0/Throw/Error: must be a string",
    ),
    "an error with more": (
        configuration({"R": {"0": {"Throw": {"Error": "E", "cause": "c"}}}}),
        "mocks.json: /MockedResponses/R/0/Throw/cause: an error has the fields 'Error' and 'Cause'",
    ),
}


@pytest.mark.parametrize(("document", "complaint"), WRONG.values(), ids=WRONG)
def test_wrong_configurations(document: JSON, complaint: str) -> None:
    with pytest.raises(InvalidMocks) as caught:
        Mocks(document, "mocks.json")
    assert str(caught.value) == complaint


def test_unknown_machines_and_cases() -> None:
    mocks = Mocks(configuration({}), "mocks.json")
    with pytest.raises(
        InvalidMocks, match=r"^mocks.json: /StateMachines has no state machine 'order' \(did you mean `orders`\?\)$"
    ):
        mocks.case("order", "Case")
    with pytest.raises(
        InvalidMocks, match=r"^mocks.json: /StateMachines/orders/TestCases has no test case 'Sad' \(there is 'Case'\)$"
    ):
        mocks.case("orders", "Sad")


# --------------------------------------------------------------------------------------------------------------
# files


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "MockConfigFile.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(configuration({"R": {"0": returning(1)}}, Pay="R")).encode())
    assert list(Mocks.load(path).case("orders", "Case").handlers) == ["Pay"]


@pytest.mark.parametrize(
    ("text", "place"),
    [(b'{"StateMachines":\n  nothing}', ":2:3 is not valid JSON: Unrecognized token"), (b"\xff", "is not valid JSON")],
)
def test_files_that_are_no_json(text: bytes, place: str, tmp_path: Path) -> None:
    path = tmp_path / "mocks.json"
    path.write_bytes(text)
    with pytest.raises(InvalidMocks) as caught:
        Mocks.load(path)
    assert str(caught.value).startswith(str(path))
    assert place in str(caught.value)


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "mocks.json"
    path.write_text(json.dumps(configuration({"R": {}}, Pay="R")))
    file = MockFile(path)
    first = file.current()
    assert file.current() is first
    path.write_text(json.dumps(configuration({"R": {}}, Pay="R", Pack="R")))
    assert list(file.current().case("orders", "Case").handlers) == ["Pay", "Pack"]
    path.write_text("no longer")
    os.utime(path, ns=(1, 1))
    for _ in range(2):
        with pytest.raises(InvalidMocks, match="is not valid JSON"):
            file.current()
