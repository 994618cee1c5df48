"""Functions over HTTP, against a real server: what is sent, what comes back, how what fails is told."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import threading
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

import express
from express.errors import InvalidTasks
from tests.runtime.machines import FUNCTION, executed, machine, parallel, state, task
from tests.tasks.lambdas import Answer, Call, emulator, raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON
    from tests.tasks.lambdas import Lambdas

INVOKE = "arn:aws:states:::lambda:invoke"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def server() -> Iterator[Lambdas]:
    with emulator() as lambdas:
        yield lambdas


@pytest.fixture
def lambdas(server: Lambdas) -> Lambdas:
    server.answers.clear()
    server.calls.clear()
    return server


def registry(url: str, resource: str = "*", **options: Any) -> express.Tasks:
    tasks = express.Tasks()
    tasks.http(resource, url, **options)
    return tasks


def run(definition: JSON, tasks: express.Tasks, event: JSON = None) -> express.Result:
    """On the loop that users have."""
    return express.run(executed(express.compile(definition, tasks), event))


def invoke(**parameters: JSON) -> dict[str, Any]:
    return state("Task", Resource=INVOKE, Parameters=parameters)


# --------------------------------------------------------------------------------------------------------------
# what is sent and what comes back


def test_a_function_by_its_arn(lambdas: Lambdas) -> None:
    lambdas.answers["Pay"] = lambda call: Answer({"paid": call.payload["total"]})
    result = run(machine(Pay=task("Pay")), registry(lambdas.url), {"total": 7, "for": "späte Gäste"})
    assert result.output == {"paid": 7}
    [call] = lambdas.calls
    assert call.path == "/2015-03-31/functions/Pay/invocations"
    assert call.payload == {"total": 7, "for": "späte Gäste"}
    assert call.headers["content-type"] == "application/json"
    assert "x-amz-invocation-type" not in call.headers


def test_a_qualifier(lambdas: Lambdas) -> None:
    lambdas.answers["Pay"] = lambda call: Answer(call.qualifier)
    assert run(machine(Pay=task("Pay:live")), registry(lambdas.url)).output == "live"


@pytest.mark.parametrize("name", ["Pay", "function:Pay", f"{FUNCTION}Pay", "123456789012:function:Pay"])
def test_lambda_invoke(lambdas: Lambdas, name: str) -> None:
    lambdas.answers["Pay"] = lambda call: Answer(call.payload, headers={"X-Amz-Executed-Version": "3"})
    result = run(machine(Pay=invoke(**{"FunctionName": name, "Payload.$": "$"})), registry(lambdas.url), [1])
    assert result.output == {"ExecutedVersion": "3", "Payload": [1], "StatusCode": 200}
    [call] = lambdas.calls
    assert call.headers["x-amz-invocation-type"] == "RequestResponse"


def test_the_request_of_lambda_invoke(lambdas: Lambdas) -> None:
    lambdas.answers["Pay"] = raw("", 202)
    work = invoke(FunctionName="Pay", InvocationType="Event", Qualifier="4", ClientContext="e30=")
    assert run(machine(Pay=work), registry(lambdas.url)).output == {"Payload": "", "StatusCode": 202}
    [call] = lambdas.calls
    assert (call.payload, call.qualifier) == ({}, "4")
    assert call.headers["x-amz-invocation-type"] == "Event"
    assert call.headers["x-amz-client-context"] == "e30="


def test_a_function_that_only_the_data_names(lambdas: Lambdas) -> None:
    lambdas.answers["Pay"] = Answer("remote")
    tasks = registry(lambdas.url)
    tasks.add("Pack", lambda payload: "here")
    definition = machine(
        Do=state("Task", Resource=INVOKE, Parameters={"FunctionName.$": "$.name"}, OutputPath="$.Payload")
    )
    assert [run(definition, tasks, {"name": name}).output for name in ("Pay", "Pack")] == ["remote", "here"]


def test_the_most_specific_registration_wins(lambdas: Lambdas) -> None:
    lambdas.answers["PayLater"] = Answer("remote")
    tasks = registry(lambdas.url, "Pay*")
    tasks.add("PayNow", lambda payload: "here")
    outputs = [run(machine(Do=task(name)), tasks).output for name in ("PayLater", "PayNow")]
    assert outputs == ["remote", "here"]
    with pytest.raises(express.DefinitionError, match="No task handler matches"):
        run(machine(Do=task("Other")), tasks)


def test_all_functions_are_those_nothing_else_is_registered_for(lambdas: Lambdas) -> None:
    lambdas.answers["Other"] = Answer("remote")
    tasks = registry(lambdas.url)
    for resource in ("Pay*", "arn:aws:lambda:*:function:Pack", "*"):
        tasks.add(resource, lambda payload, resource=resource: resource)
    service = state("Task", Resource="arn:aws:states:::sns:publish", Parameters={"Message": "m"})
    definition = machine(
        All=parallel(*(machine(**{name: task(name)}) for name in ("Pay", "Pack", "Other")), machine(Publish=service))
    )
    assert run(definition, tasks).output == ["Pay*", "arn:aws:lambda:*:function:Pack", "remote", "*"]


def test_the_whole_url_of_one_function(lambdas: Lambdas) -> None:
    """The runtime interface emulator runs one function, and calls it `function` whatever its name is."""
    lambdas.answers["function"] = Answer("from the container")
    url = f"{lambdas.url}/2015-03-31/functions/function/invocations"
    assert run(machine(Pay=task("Pay")), registry(url, "Pay")).output == "from the container"


@pytest.mark.parametrize(
    "value", [None, True, "text", 1.5, 12345678901234567890123, [], {"errorMessage": "only"}, {"errorType": 1}]
)
def test_any_json_comes_back(lambdas: Lambdas, value: JSON) -> None:
    lambdas.answers["Pay"] = Answer(value)
    assert run(machine(Pay=task("Pay")), registry(lambdas.url)).output == value


def test_numbers_keep_their_digits_on_the_way_out(lambdas: Lambdas) -> None:
    lambdas.answers["Pay"] = lambda call: Answer(call.payload["n"])
    assert run(machine(Pay=task("Pay")), registry(lambdas.url), {"n": 12345678901234567}).output == 12345678901234567


# --------------------------------------------------------------------------------------------------------------
# what fails

ERROR = {"errorMessage": "no money", "errorType": "Declined", "requestId": "1", "stackTrace": ["  File ...\n"]}
NODE = {"errorType": "TypeError", "errorMessage": "x is not a function", "trace": ["TypeError: x", "    at y"]}
UNHANDLED = {"X-Amz-Function-Error": "Unhandled"}


def unknown(payload: str) -> str:
    return re.escape(
        f"The cause could not be determined because Lambda did not return an error type. Returned payload: {payload}"
    )


def refusal(message: str, status: int, code: str, request_id: str = UUID) -> str:
    return (
        f"{re.escape(message)} \\(Service: AWSLambda; Status Code: {status}; Error Code: {code}; "
        f"Request ID: {request_id}; Proxy: null\\)"
    )


#: What the server answers, the error, its cause as a pattern.
FAILURES: dict[str, tuple[Answer | None, str, str]] = {
    "the function has failed": (Answer(ERROR, headers=UNHANDLED), "Declined", re.escape(json.dumps(ERROR))),
    "the emulator does not say so": (Answer(ERROR), "Declined", re.escape(json.dumps(ERROR))),
    "in Node.js": (Answer(NODE), "TypeError", re.escape(json.dumps(NODE))),
    "the emulator's container has gone": (
        Answer({"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}, 502),
        "Runtime.ExitError",
        ".*exit status 1.*",
    ),
    "the error has no type": (
        raw('{"errorMessage":"Task timed out after 3.00 seconds"}', headers=UNHANDLED),
        "Lambda.Unknown",
        unknown('{"errorMessage":"Task timed out after 3.00 seconds"}'),
    ),
    "the emulator's timeout": (
        raw("Task timed out after 3.00 seconds"),
        "Sandbox.Timedout",
        '\\{"errorMessage":"Error: Task timed out after 3.00 seconds","errorType":"Sandbox.Timedout",.*',
    ),
    "no JSON": (raw("<html>hello</html>"), "Lambda.Unknown", unknown("<html>hello</html>")),
    "nothing": (raw(""), "Lambda.Unknown", unknown("")),
    "no function": (
        None,
        "Lambda.ResourceNotFoundException",
        refusal(
            "Function not found: arn:aws:lambda:us-west-2:012345678901:function:Pay",
            404,
            "ResourceNotFoundException",
            "7",
        ),
    ),
    "no function, and no words": (
        raw("", 404),
        "Lambda.ResourceNotFoundException",
        refusal("The call of the function Pay was answered with HTTP status 404.", 404, "ResourceNotFoundException"),
    ),
    "too many": (
        Answer({"message": "Rate Exceeded."}, 429),
        "Lambda.TooManyRequestsException",
        refusal("Rate Exceeded.", 429, "TooManyRequestsException"),
    ),
    "the service is broken": (
        Answer({"Message": "oops"}, 500, {"x-amzn-errortype": "ServiceException:http://internal.amazon.com/"}),
        "Lambda.ServiceException",
        refusal("oops", 500, "ServiceException"),
    ),
    "a proxy is broken": (raw("Bad Gateway", 502), "Lambda.ServiceException", refusal("Bad Gateway", 502, "ServiceException")),
    "a bad request": (Answer([], 400), "Lambda.AWSLambdaException", refusal("[]", 400, "AWSLambdaException")),
    "it has moved": (
        raw("", 307, {"Location": "http://127.0.0.1:1/"}),
        "Lambda.AWSLambdaException",
        refusal("The call of the function Pay was answered with HTTP status 307.", 307, "AWSLambdaException"),
    ),
    "more than Lambda returns": (
        raw('"' + "x" * 6_291_556 + '"'),
        "Function.ResponseSizeTooLarge",
        ".*Response payload size exceeded maximum allowed payload size \\(6291556 bytes\\).*",
    ),
    "more than a workflow takes": (
        raw('"' + "x" * 300_000 + '"'),
        "States.DataLimitExceeded",
        re.escape(f"The state/task '{FUNCTION}Pay' returned a result with a size exceeding the maximum number of bytes "
                  "service limit."),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "error", "cause"), FAILURES.values(), ids=FAILURES)
def test_failures(lambdas: Lambdas, answer: Answer | None, error: str, cause: str) -> None:
    if answer is not None:
        lambdas.answers["Pay"] = answer
    result = run(machine(Pay=task("Pay")), registry(lambdas.url))
    assert (result.status, result.error) == ("FAILED", error)
    assert re.fullmatch(cause, result.cause or "", re.DOTALL), result.cause


def test_the_error_document_of_lambda_invoke_is_compact(lambdas: Lambdas) -> None:
    """Recorded: of a function's ARN the cause is the text that came, of `lambda:invoke` it is written anew."""
    lambdas.answers["Pay"] = raw(json.dumps(ERROR, indent=1), headers=UNHANDLED)
    result = run(machine(Pay=invoke(FunctionName="Pay")), registry(lambdas.url))
    assert (result.error, result.cause) == ("Declined", json.dumps(ERROR, separators=(",", ":")))


@pytest.mark.slow
def test_failures_are_retried(lambdas: Lambdas) -> None:
    answers = iter([raw("", 500), raw("", 429), Answer("third")])
    lambdas.answers["Pay"] = lambda call: next(answers)
    retry = [
        {
            "ErrorEquals": ["Lambda.ServiceException", "Lambda.TooManyRequestsException"],
            "IntervalSeconds": 1,
            "MaxDelaySeconds": 1,
        }
    ]
    assert run(machine(Pay=task("Pay", Retry=retry)), registry(lambdas.url)).output == "third"


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_nobody_listens(closed_port: int) -> None:
    result = run(machine(Pay=task("Pay")), registry(f"http://127.0.0.1:{closed_port}"))
    assert result.error == "Lambda.SdkClientException"
    assert result.cause is not None
    assert result.cause.startswith(f"Unable to execute HTTP request: Connect to 127.0.0.1:{closed_port} failed: ")


def test_a_server_that_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        result = run(machine(Pay=task("Pay")), registry(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        thread.join(30)
    assert result.error == "Lambda.SdkClientException"
    assert result.cause is not None
    assert result.cause.startswith("Unable to execute HTTP request: ")


def test_a_server_that_speaks_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def babble() -> None:
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.sendall(b"220 mail.example.com ready\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=babble)
        thread.start()
        result = run(machine(Pay=task("Pay")), registry(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        thread.join(30)
    assert result.error == "Lambda.SdkClientException"


@pytest.mark.slow
def test_a_task_that_is_late_hangs_up() -> None:
    """TimeoutSeconds is the engine's; the server sees the connection closed."""
    hung_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def keep_waiting() -> None:
            connection, _ = listening.accept()
            connection.settimeout(30)
            while connection.recv(65536):
                pass
            hung_up.set()
            connection.close()

        thread = threading.Thread(target=keep_waiting)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        result = run(machine(Pay=task("Pay", TimeoutSeconds=1)), registry(url))
        assert hung_up.wait(30)
        thread.join(30)
    assert (result.status, result.error) == ("FAILED", "States.Timeout")


# --------------------------------------------------------------------------------------------------------------
# connections


def test_connections_are_kept_and_bounded() -> None:
    with emulator() as lambdas:
        barrier = threading.Barrier(3)

        def together(call: Call) -> Answer:
            barrier.wait(30)
            return Answer(call.name)

        names = [f"F{index}" for index in range(9)]
        lambdas.answers.update(dict.fromkeys(names, together))
        definition = machine(All=parallel(*(machine(**{name: task(name)}) for name in names)))
        result = run(definition, registry(lambdas.url, connections=3))
        assert result.output == names
        assert (lambdas.most, lambdas.connections) == (3, 3)


def test_every_event_loop_has_its_own(lambdas: Lambdas) -> None:
    lambdas.answers["Pay"] = Answer(1)
    workflow = express.compile(machine(Pay=task("Pay")), registry(lambdas.url))
    assert [workflow.run({}).output for _ in range(3)] == [1, 1, 1]


@pytest.mark.slow
def test_connections_go_with_the_registry(lambdas: Lambdas) -> None:
    """Also where the loop goes on: nothing is left open behind it."""
    lambdas.answers["Pay"] = Answer(1)

    async def main() -> None:
        workflow = express.compile(machine(Pay=task("Pay")), registry(lambdas.url))
        assert (await executed(workflow)).output == 1
        assert len(pools()) == 1
        del workflow
        gc.collect()
        while pools():  # noqa: ASYNC110 - nothing tells when they are closed
            await asyncio.sleep(0)

    express.run(main())


def pools() -> list[aiohttp.BaseConnector]:
    return [found for found in gc.get_objects() if isinstance(found, aiohttp.BaseConnector) and not found.closed]


# --------------------------------------------------------------------------------------------------------------
# registering


@pytest.mark.parametrize(
    ("resource", "url", "options", "complaint"),
    [
        ("Pay", "127.0.0.1:3001", {}, "is no URL of a server: write http://HOST:PORT"),
        ("Pay", "ftp://127.0.0.1", {}, "is no URL of a server"),
        ("Pay", "http://", {}, "is no URL of a server"),
        ("Pay", "http://127.0.0.1/?a=b", {}, "is no URL of a server"),
        ("Pay", "http://127.0.0.1:99999", {}, "is no URL of a server"),
        ("Pay", "http://[::1", {}, "is no URL of a server"),
        ("Pay", 5, {}, "5 is no URL of a server"),
        ("Pay", "http://127.0.0.1", {"connections": 0}, "one connection or more"),
        ("arn:aws:states:::sqs:sendMessage", "http://127.0.0.1", {}, "is no Lambda function"),
        ("", "http://127.0.0.1", {}, "a task is registered for a name"),
    ],
)
def test_wrong_registrations(resource: str, url: Any, options: dict[str, int], complaint: str) -> None:
    with pytest.raises(InvalidTasks, match=complaint):
        express.Tasks().http(resource, url, **options)


def test_a_second_registration_is_an_error() -> None:
    tasks = registry("http://127.0.0.1:3001", "Pay")
    with pytest.raises(InvalidTasks, match="is registered already"):
        tasks.add("Pay", lambda payload: payload)
    with pytest.raises(InvalidTasks, match="is registered already"):
        tasks.http("Pay", "http://127.0.0.1:3001")


def test_without_the_package_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "express.tasks.http", None)
    with pytest.raises(InvalidTasks, match=r"need the package aiohttp: pip install aiohttp"):
        express.Tasks().http("Pay", "http://127.0.0.1:3001")
