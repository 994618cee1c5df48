"""Anything at all is sent to a real server, and only what the API documents comes back.

The parameters of a call are made from botocore's model of the service, which knows every action and every shape: values
a shape allows, values just outside of it, values of other types, and names of what is there. The answers are read as
botocore reads them.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import botocore.session
import orjson
import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from express import Tasks
from express.api import Endpoint, HostPolicy, Limits, Server
from express.service import Service
from tests.api.exchanges import Answer, parse_answers, post
from tests.api.fuzzing import thorough

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botocore.model import Shape

    from express.types import JSON

pytestmark = pytest.mark.slow

MODEL = botocore.session.Session().get_service_model("stepfunctions")
ACTIONS = sorted(MODEL.operation_names)
BASE = "arn:aws:states:us-east-1:123456789012"
ROLE = "arn:aws:iam::123456789012:role/r"
#: What every action may answer with besides its own errors (API reference "Common Errors").
COMMON = {"ValidationException", "SerializationException", "ThrottlingException"}


def machine(**state: JSON) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"End": True, **state}}})


PASS = machine(Type="Pass")
TASK = machine(Type="Task", Resource="arn:aws:lambda:us-east-1:123456789012:function:f")
ACTIVITY = machine(Type="Task", Resource=f"{BASE}:activity:a", TimeoutSeconds=60)
WAIT = machine(Type="Wait", Seconds=1000)
FAIL = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E", "Cause": "C"}}})

#: By a part of a member's name, what might stand there.
SPEAKING: dict[str, list[JSON]] = {
    "Arn": [
        f"{BASE}:stateMachine:express",
        f"{BASE}:stateMachine:standard",
        f"{BASE}:stateMachine:express:1",
        f"{BASE}:stateMachine:express:01",
        f"{BASE}:stateMachine:express:PROD",
        f"{BASE}:stateMachine:express#Case",
        f"{BASE}:stateMachine:express/each",
        f"{BASE}:stateMachine:",
        f"{BASE}:execution:standard:one",
        f"{BASE}:execution:standard:waiting",
        f"{BASE}:express:express:one:one",
        f"{BASE}:activity:a",
        f"{BASE}:mapRun:standard/each:one",
        ROLE,
        "arn:aws:logs:us-east-1:123456789012:log-group:g:*",
    ],
    "definition": [PASS, TASK, ACTIVITY, WAIT, FAIL, "{}", "[]", "", '{"StartAt":"A","States":{}}', "[" * 5_000],
    "input": ["{}", "[1]", "null", '"text"', "nonsense", "", "1e400", '{"a":"\\ud800"}'],
    "output": ["{}", "nonsense"],
    "name": ["one", "express", "standard", "a", "PROD", "two words", "1", "waiting"],
    "Name": ["one", "A"],
    "mock": [{"result": "{}"}, {"errorOutput": {"error": "E"}}, {}],
    "variables": ['{"x":1}', "[]"],
    "context": ['{"Execution":{}}', "1"],
}


def values_of(shape: Shape, name: str = "") -> st.SearchStrategy[Any]:
    """Values for a member: mostly such as its shape has."""
    speaking = [value for part, values in SPEAKING.items() if part in name for value in values]
    own = _own_values(shape)
    usual = st.one_of(st.sampled_from(speaking), own) if speaking else own
    return st.one_of(usual, usual, usual, ANYTHING)


def _own_values(shape: Shape) -> st.SearchStrategy[Any]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if shape.type_name == "structure":
        required = {name: values_of(shape.members[name], name) for name in shape.required_members}
        optional = {name: values_of(member, name) for name, member in shape.members.items() if name not in required}
        whole = st.fixed_dictionaries(required, optional=optional)
        return st.one_of(whole, whole, whole, st.fixed_dictionaries({}, optional={**required, **optional}))
    if shape.type_name == "list":
        return st.lists(values_of(shape.member), max_size=min((most or 2) + 1, 3))
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name in ("integer", "long", "float", "double"):
        edges = [least - 1, least, least + 1] + ([most, most + 1] if most is not None else [])
        return st.one_of(st.sampled_from(edges), st.integers())
    if getattr(shape, "enum", None):
        return st.sampled_from([*shape.enum, shape.enum[0].lower(), ""])
    lengths = [
        length for length in (least - 1, least, most, (most or 0) + 1) if length is not None and 0 <= length < 5_000
    ]
    return st.one_of(st.text(max_size=20), st.sampled_from(lengths).map(lambda length: "x" * length))


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
PARAMETERS = {action: _own_values(MODEL.operation_model(action).input_shape) for action in ACTIONS}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Any]:
    action = draw(st.sampled_from(ACTIONS))
    return action, draw(PARAMETERS[action])


@asynccontextmanager
async def serving(limits: Limits | None = None) -> AsyncIterator[Server]:
    """An endpoint with two machines, an alias, an activity, and an execution that waits for long."""
    tasks = Tasks()
    tasks.add("f", lambda payload: payload)
    async with (
        Service(tasks, drain_timeout=0) as service,
        Server(Endpoint(service, HostPolicy()), limits=limits) as server,
    ):
        common = {"roleArn": ROLE, "publish": True}
        await ask(server, "CreateStateMachine", {**common, "name": "express", "definition": TASK, "type": "EXPRESS"})
        await ask(server, "CreateStateMachine", {**common, "name": "standard", "definition": WAIT})
        routes = [{"stateMachineVersionArn": f"{BASE}:stateMachine:express:1", "weight": 100}]
        await ask(server, "CreateStateMachineAlias", {"name": "PROD", "routingConfiguration": routes})
        await ask(server, "CreateActivity", {"name": "a"})
        await ask(server, "StartExecution", {"name": "waiting", "stateMachineArn": f"{BASE}:stateMachine:standard"})
        yield server
        await service.close(0)


async def ask(server: Server, action: str, parameters: Any) -> Answer:
    """A client that asks once, and does not wait where there is nothing to tell yet (GetActivityTask)."""
    (answer,) = await converse(server, post(dumps(parameters), b"X-Amz-Target: AWSStepFunctions." + action.encode()))
    return answer


async def converse(server: Server, data: bytes) -> list[Answer]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(data)
        writer.write_eof()
        return parse_answers(await reader.read(-1))
    finally:
        writer.close()


def dumps(parameters: Any) -> bytes:
    try:
        return orjson.dumps(parameters)
    except TypeError:
        return json.dumps(parameters).encode()


@thorough(150)
@given(st.lists(calls(), min_size=1, max_size=12))
def test_fuzz_calls_get_documented_answers(sequence: list[tuple[str, Any]]) -> None:
    async def scene() -> list[Answer]:
        async with serving() as server:
            return [await ask(server, action, parameters) for action, parameters in sequence]

    for (action, parameters), answer in zip(sequence, asyncio.run(scene()), strict=True):
        check(action, parameters, answer)


def check(action: str, parameters: Any, answer: Answer) -> None:
    """The answer is one of the API's, and botocore reads it."""
    model = MODEL.operation_model(action)
    raw = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    parsed = create_parser("json").parse(raw, model.output_shape)
    if answer.status == 200:
        body = orjson.loads(answer.body)
        assert body.keys() <= model.output_shape.members.keys()
        assert body.keys() >= set(model.output_shape.required_members), (action, parameters, body)
        return
    documented = COMMON | {shape.name for shape in model.error_shapes}
    assert parsed["Error"]["Code"] in documented, (action, parameters, answer)
    assert parsed["Error"]["Message"]
    assert answer.status == 400


def test_every_action_is_among_them() -> None:
    assert len(ACTIONS) == 37


# ---------------------------------------------------------------------------------------------------------- raw bytes

GOOD = post(b"{}", b"X-Amz-Target: AWSStepFunctions.ListStateMachines")
PIECES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            GOOD,
            GOOD[:-1],
            GOOD.replace(b"POST", b"GET"),
            GOOD.replace(b"localhost", b"evil.example"),
            GOOD.replace(b"{}", b"{]"),
            GOOD.replace(b"Length: 2", b"Length: 3"),
            GOOD.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
            b"2\r\n{}\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\n",
            b"\r\n",
            b"X-Amz-Target: AWSStepFunctions.MakeCoffee\r\n",
            b"Content-Length: 99999999999\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"x" * 2_000,
        ]
    ),
)


@thorough(150)
@given(st.lists(st.lists(PIECES, max_size=6).map(b"".join), min_size=1, max_size=10))
def test_fuzz_bytes_leave_the_server_in_order(connections: list[bytes]) -> None:
    async def scene() -> tuple[list[list[Answer]], Answer]:
        async with serving(Limits(head=1_000, body=1_000)) as server:
            answers = await asyncio.gather(*(converse(server, data) for data in connections))
            return answers, await ask(server, "ListStateMachines", {})

    answers, last = asyncio.run(scene())
    for answer in (answer for one in answers for answer in one):
        assert answer.status in (200, 400, 403, 404, 413, 431), answer
        assert answer.status == 200 or answer.error.endswith("Exception")
    assert [entry["name"] for entry in orjson.loads(last.body)["stateMachines"]] == ["express", "standard"]
