"""Who gets the work: names, ARNs, patterns, and which of them is the most specific."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import express
from tests.runtime.machines import executed, machine, run_clean, state

if TYPE_CHECKING:
    from express.types import JSON

ARN = "arn:aws:lambda:us-east-1:123456789012:function:Pay"
INVOKE = "arn:aws:states:::lambda:invoke"
PUT = "arn:aws:states:::dynamodb:putItem"
SDK = "arn:aws:states:::aws-sdk:dynamodb:putItem"


def registry(*registrations: str) -> express.Tasks:
    """A handler for each, which answers with what it was registered for."""
    tasks = express.Tasks()
    for registration in registrations:
        tasks.add(registration, lambda payload, registration=registration: registration)
    return tasks


#: (registrations, Resource, FunctionName or None, the registration that gets it).
CHOICES: list[tuple[list[str], str, str | None, str | None]] = [
    # names and ARNs
    (["Pay"], ARN, None, "Pay"),
    (["Pay"], f"{ARN}:7", None, "Pay"),
    (["Pay"], "arn:aws:lambda:eu-west-1:999999999999:function:Pay", None, "Pay"),
    (["Pay"], "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:Pay", None, "Pay"),
    (["Pay"], "arn:aws:lambda:us-east-1:123456789012:function:Payment", None, None),
    (["pay"], ARN, None, None),
    ([ARN], ARN, None, ARN),
    ([ARN], f"{ARN}:live", None, ARN),
    ([ARN], "arn:aws:lambda:eu-west-1:123456789012:function:Pay", None, None),
    (["Pay", ARN], ARN, None, ARN),
    (["Pay", "Pay:live"], f"{ARN}:live", None, "Pay:live"),
    (["Pay", "Pay:live"], f"{ARN}:test", None, "Pay"),
    (["Pay:live"], ARN, None, None),
    (["Pay", ARN, f"{ARN}:live", "Pay:live"], f"{ARN}:live", None, f"{ARN}:live"),
    ([ARN, "Pay:live"], f"{ARN}:live", None, ARN),
    # lambda:invoke by name, ARN, partial ARN
    (["Pay"], INVOKE, "Pay", "Pay"),
    (["Pay"], INVOKE, "Pay:live", "Pay"),
    (["Pay:live"], INVOKE, "Pay:live", "Pay:live"),
    (["Pay"], INVOKE, "Pay:$LATEST", "Pay"),
    (["Pay"], INVOKE, ARN, "Pay"),
    (["Pay"], INVOKE, "123456789012:function:Pay", "Pay"),
    (["Pay"], INVOKE, "function:Pay", "Pay"),
    ([ARN], INVOKE, "Pay", ARN),
    ([ARN], INVOKE, ARN, ARN),
    ([INVOKE], INVOKE, "Pay", INVOKE),
    (["Pay", INVOKE], INVOKE, "Pay", "Pay"),
    (["Other", INVOKE], INVOKE, "Pay", INVOKE),
    (["Pay"], INVOKE, "Other", None),
    # a function's name is none of a service's
    (["putItem"], PUT, None, None),
    ([PUT], PUT, None, PUT),
    ([PUT], SDK, None, None),
    ([SDK], SDK, None, SDK),
    # patterns: the one with more literal characters wins, whatever the order of registration
    (["Pay*"], ARN, None, "Pay*"),
    (["*ay"], ARN, None, "*ay"),
    (["P?y"], ARN, None, "P?y"),
    (["P*", "Pa*"], ARN, None, "Pa*"),
    (["Pa*", "P*"], ARN, None, "Pa*"),
    (["Pay*", "Pay"], ARN, None, "Pay"),
    (["arn:aws:lambda:*:function:Pay"], ARN, None, "arn:aws:lambda:*:function:Pay"),
    (["arn:aws:lambda:*"], INVOKE, "Pay", "arn:aws:lambda:*"),
    (["arn:aws:lambda:*", "Pay*"], ARN, None, "arn:aws:lambda:*"),
    (["arn:aws:states:::dynamodb:*"], PUT, None, "arn:aws:states:::dynamodb:*"),
    (["arn:aws:states:::dynamodb:*", "arn:aws:states:::*"], PUT, None, "arn:aws:states:::dynamodb:*"),
    (["arn:aws:states:::*"], INVOKE, "Pay", "arn:aws:states:::*"),
    (["Pay*"], INVOKE, "Payments", "Pay*"),
    (["Pay*"], PUT, None, None),
    # the last resort
    (["*"], ARN, None, "*"),
    (["*"], PUT, None, "*"),
    (["*"], INVOKE, "Pay", "*"),
    (["*", "P*"], ARN, None, "P*"),
    (["*", "Pay"], PUT, None, "*"),
    ([], ARN, None, None),
]


@pytest.mark.parametrize(("registrations", "resource", "function", "expected"), CHOICES)
def test_the_most_specific_registration_wins(
    registrations: list[str], resource: str, function: str | None, expected: str | None
) -> None:
    for order in (registrations, registrations[::-1]):
        handler = registry(*order).handler(resource, function)
        assert (handler.call({}) if handler is not None else None) == expected


@pytest.mark.parametrize(
    ("registrations", "expected"),
    [
        (["Pay"], True),
        ([ARN], True),
        (["Pay*"], True),
        ([PUT], False),
        ([INVOKE], False),
        (["*"], False),
        (["arn:aws:states:::*"], False),
        ([], False),
    ],
)
def test_has_functions(registrations: list[str], expected: bool) -> None:
    assert registry(*registrations).has_functions is expected


@pytest.mark.parametrize("resource", ["Pay", ARN, "Pay*", "*", PUT])
def test_a_second_registration_is_refused(resource: str) -> None:
    tasks = registry(resource)
    with pytest.raises(express.InvalidTasks) as raised:
        tasks.add(resource, lambda payload: payload)
    assert str(raised.value) == f"a handler for {resource!r} is registered already"


@pytest.mark.parametrize("resource", ["**", "?", "?*"])
def test_wildcards_alone_name_nothing(resource: str) -> None:
    with pytest.raises(express.InvalidTasks) as raised:
        express.Tasks().add(resource, lambda payload: payload)
    assert str(raised.value) == f"{resource!r} names nothing: write '*' for everything nobody else is registered for"


@pytest.mark.parametrize("resource", ["", None, 7, ["Pay"]])
def test_what_is_no_resource_is_refused(resource: Any) -> None:
    with pytest.raises(express.InvalidTasks, match="is registered for a name, an ARN or a pattern, not for"):
        express.Tasks().add(resource, lambda payload: payload)


def test_the_decorator_without_a_name_is_refused_at_once() -> None:
    with pytest.raises(
        express.InvalidTasks, match=r"the decorator needs the name of a function or an ARN: @tasks\.task\('pay'\)"
    ):

        @express.Tasks().task  # type: ignore[arg-type]
        def pay(payload: JSON) -> JSON:
            return payload


def test_the_decorator_gives_the_function_back() -> None:
    tasks = express.Tasks()

    def pay(payload: JSON) -> JSON:
        return payload

    assert tasks.task("Pay")(pay) is pay
    assert tasks.names == ("Pay",)


def test_names_in_the_order_of_what_they_are() -> None:
    tasks = registry("*", "Pay*", "Pay", "P*", ARN)
    assert tasks.names == ("Pay", ARN, "Pay*", "P*", "*")
    assert repr(tasks) == f"Tasks(Pay, {ARN}, Pay*, P*, *)"


# --------------------------------------------------------------------------------------------------------------
# through a workflow


def invoking(parameters: dict[str, Any]) -> dict[str, Any]:
    return machine(A=state("Task", Resource=INVOKE, Parameters=parameters))


@pytest.mark.parametrize(
    ("registration", "payload", "output"),
    [
        ("Pay", {"x": 1}, {"ExecutedVersion": "$LATEST", "Payload": "ok", "StatusCode": 200}),
        ("Pay*", {"x": 1}, {"ExecutedVersion": "$LATEST", "Payload": "ok", "StatusCode": 200}),
        (INVOKE, {"FunctionName": "Pay", "Payload": {"x": 1}}, "ok"),
        ("arn:aws:states:::lambda:*", {"FunctionName": "Pay", "Payload": {"x": 1}}, "ok"),
        ("*", {"FunctionName": "Pay", "Payload": {"x": 1}}, "ok"),
    ],
)
@pytest.mark.parametrize("dynamic", [False, True])
def test_what_a_handler_gets_depends_on_what_it_was_registered_for(
    registration: str, payload: JSON, output: JSON, dynamic: bool
) -> None:
    """A function gets its Payload and its result is wrapped; a service gets the whole Parameters."""
    payloads: list[JSON] = []
    tasks = express.Tasks()
    if dynamic and registration in (INVOKE, "*", "arn:aws:states:::lambda:*"):
        tasks.add("SomeFunction", lambda payload: payload)

    @tasks.task(registration)
    def handle(given: JSON) -> str:
        payloads.append(given)
        return "ok"

    name = {"FunctionName.$": "$.f"} if dynamic else {"FunctionName": "Pay"}
    workflow = express.compile(invoking({**name, "Payload": {"x": 1}}), tasks)
    assert run_clean(executed(workflow, {"f": "Pay"})).output == output
    assert payloads == [payload]


def test_a_function_name_from_the_data_is_looked_up_when_the_task_runs() -> None:
    workflow = express.compile(invoking({"FunctionName.$": "$.f"}), registry("Pay", "Refund"))
    for name in ("Pay", "Refund", "Pay:live", ARN):
        output = run_clean(executed(workflow, {"f": name})).output
        assert output["Payload"] == ("Refund" if name == "Refund" else "Pay")
    result = run_clean(executed(workflow, {"f": "Nobody"}))
    assert result.error == "Lambda.ResourceNotFoundException"
    assert result.cause is not None
    assert result.cause.startswith("Function not found: Nobody")


@pytest.mark.parametrize("kind", ["async", "inline", "thread"])
@pytest.mark.parametrize("fails", [None, ValueError, express.TaskError])
def test_a_function_found_late_works_like_any_other(kind: str, fails: type[Exception] | None) -> None:
    contexts: list[express.TaskContext] = []

    def work(payload: JSON, context: express.TaskContext) -> JSON:
        contexts.append(context)
        if fails is not None:
            raise fails("X")
        return payload

    async def work_async(payload: JSON, context: express.TaskContext) -> JSON:
        return work(payload, context)

    tasks = express.Tasks()
    tasks.add("Pay", work_async if kind == "async" else work, blocking=kind == "thread")
    workflow = express.compile(invoking({"FunctionName.$": "$.f", "Payload": {"x": 1}}), tasks)
    result = run_clean(executed(workflow, {"f": "Pay"}))
    if fails is None:
        assert result.unwrap()["Payload"] == {"x": 1}
    else:
        assert result.error == ("X" if fails is express.TaskError else "ValueError")
    assert contexts[0].state_name == "A"


UNRESOLVED = machine(A=state("Task", Resource=ARN))


def test_nobody_to_do_the_work_is_a_definition_error() -> None:
    with pytest.raises(express.DefinitionError) as raised:
        express.compile(UNRESOLVED, registry("Paid"))
    [problem] = raised.value.problems
    assert problem.code == "INVALID_RESOURCE"
    assert problem.message == f"No task handler matches the resource {ARN}"
    assert problem.location == "/States/A/Resource"


@pytest.mark.parametrize("registered", ["Payment", ARN.replace("Pay", "Payment")])
@pytest.mark.parametrize(
    ("definition", "location"),
    [
        (invoking({"FunctionName": "Paiment"}), "/States/A/Parameters/FunctionName"),
        (invoking({"FunctionName": ARN.replace("Pay", "Paiment")}), "/States/A/Parameters/FunctionName"),
        (
            machine(
                A=state("Task", QueryLanguage="JSONata", Resource=INVOKE, Arguments={"FunctionName": "Paiment"}),
            ),
            "/States/A/Arguments/FunctionName",
        ),
        (machine(A=state("Task", Resource=ARN.replace("Pay", "Paiment"))), "/States/A/Resource"),
    ],
)
def test_the_registered_name_that_may_be_meant_is_suggested(
    definition: dict[str, Any], location: str, registered: str
) -> None:
    with pytest.raises(express.DefinitionError) as raised:
        express.compile(definition, registry(registered, ARN.replace("Pay", "Somebody")))
    [problem] = raised.value.problems
    assert (problem.suggestion, problem.location) == ("did you mean `Payment`?", location)


@pytest.mark.parametrize("tasks", [None, express.Tasks()], ids=["no registry", "an empty registry"])
@pytest.mark.parametrize(
    ("definition", "what"),
    [
        (UNRESOLVED, ARN),
        (invoking({"FunctionName": "Pay"}), "Pay"),
        (invoking({"FunctionName": ARN}), ARN),
        (invoking({"FunctionName.$": "$.f"}), INVOKE),
    ],
)
def test_without_handlers_there_is_nobody_either(
    definition: dict[str, Any], what: str, tasks: express.Tasks | None
) -> None:
    with pytest.raises(express.DefinitionError, match=re.escape(f"No task handler matches the resource {what} ")):
        express.compile(definition, tasks)


@pytest.mark.parametrize("tasks", [None, express.Tasks()], ids=["no registry", "an empty registry"])
@pytest.mark.parametrize(
    ("definition", "error", "cause"),
    [
        (UNRESOLVED, "States.Runtime", f"No task handler is registered for the resource {ARN}"),
        (invoking({"FunctionName": "Pay"}), "Lambda.ResourceNotFoundException", "Function not found: Pay ("),
        (invoking({"FunctionName.$": "$.f"}), "Lambda.ResourceNotFoundException", "Function not found: Refund ("),
    ],
)
def test_at_run_time_the_error_names_the_function(
    definition: dict[str, Any], error: str, cause: str, tasks: express.Tasks | None
) -> None:
    result = run_clean(executed(express.compile(definition, tasks, unresolved="fail-at-run"), {"f": "Refund"}))
    assert result.error == error
    assert result.cause is not None
    assert cause in result.cause


@pytest.mark.parametrize("payload", [None, True, 7, 1.5, "text", [], [1, {"a": None}], {}, {"Payload": 1}])
@pytest.mark.parametrize("name", [{"FunctionName": "Pay"}, {"FunctionName.$": "$$.StateMachine.Name"}])
def test_a_function_gets_its_payload_whatever_that_is(payload: JSON, name: dict[str, str]) -> None:
    payloads: list[JSON] = []
    tasks = express.Tasks()
    tasks.add("Pay", payloads.append)
    by_path = express.compile(invoking({**name, "Payload.$": "$.p"}), tasks, name="Pay")
    assert run_clean(executed(by_path, {"p": payload})).succeeded
    constant = express.compile(invoking({**name, "Payload": payload}), tasks, name="Pay")
    assert run_clean(executed(constant, {})).succeeded
    by_arn = express.compile(machine(A=state("Task", Resource=ARN)), tasks)
    assert run_clean(executed(by_arn, payload)).succeeded
    assert payloads == [payload] * 3


@pytest.mark.parametrize("name", [{"FunctionName": "Pay"}, {"FunctionName.$": "$$.StateMachine.Name"}])
def test_a_function_without_a_payload_gets_an_empty_event(name: dict[str, str]) -> None:
    payloads: list[JSON] = []
    tasks = express.Tasks()
    tasks.add("Pay", payloads.append)
    assert run_clean(executed(express.compile(invoking(name), tasks, name="Pay"), [1])).succeeded
    assert payloads == [{}]


@pytest.mark.parametrize("resource", [ARN, PUT, INVOKE])
def test_it_may_be_left_to_fail_when_it_runs(resource: str) -> None:
    definition = machine(
        A=state("Task", Resource=resource, Parameters={"FunctionName": "Pay", "TableName": "T", "Item": {}})
    )
    workflow = express.compile(definition, express.Tasks(), unresolved="fail-at-run")
    result = run_clean(executed(workflow))
    assert result.status == "FAILED"
    if resource == PUT:
        assert result.error == "States.Runtime"
        assert result.cause == (
            "An error occurred while executing the state 'A' (entered at the event id #2). "
            f"No task handler is registered for the resource {PUT}"
        )
