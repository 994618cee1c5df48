"""The task edge: values cross it by value unless the handler is trusted, are proven to be JSON, and are measured."""

from __future__ import annotations

import asyncio
import datetime
import json
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import express
from tests.runtime.machines import (
    FUNCTION,
    calling,
    catching,
    compiled,
    each,
    executed,
    machine,
    parallel,
    run_clean,
    state,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

#: How a handler answers, and with which fields and options: every path through the edge.
KINDS = ("inline", "async", "later", "thread", "informed", "limited", "retried", "dynamic")


def answering(answer: Callable[[JSON], JSON], kind: str, *, isolate: bool = True, **fields: Any) -> express.Workflow:
    """A machine of one Task whose handler gives `answer(payload)`, called in one of the ways there are."""

    async def at_once(payload: JSON) -> JSON:
        return answer(payload)

    async def later(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        return answer(payload)

    async def informed(payload: JSON, context: express.TaskContext) -> JSON:
        return answer(payload)

    if kind == "limited":
        fields["TimeoutSeconds"] = 50
    if kind == "retried":
        fields["Retry"] = [{"ErrorEquals": ["Never"]}]
    handler: Callable[..., Any] = {"async": at_once, "later": later, "informed": informed, "limited": later}.get(
        kind, lambda payload: answer(payload)
    )
    options = {"isolate": isolate, "blocking": kind == "thread"}
    if kind == "dynamic":
        tasks = express.Tasks()
        tasks.add("work", handler, **options)
        parameters = {"FunctionName.$": "States.Format('work')", "Payload.$": "$"}
        fields = {"ResultSelector": {"out.$": "$.Payload"}, "OutputPath": "$.out", **fields}
        definition = machine(
            Work=state("Task", Resource="arn:aws:states:::lambda:invoke", Parameters=parameters, **fields)
        )
        return express.compile(definition, tasks)
    return calling(handler, options, **fields)


# --------------------------------------------------------------------------------------------------------------
# by value


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_changes_its_payload_changes_nothing_else(kind: str) -> None:
    def vandal(payload: JSON) -> str:
        payload["items"].append("vandal")
        payload.clear()
        return "done"

    workflow = answering(vandal, kind, ResultPath="$.result") if kind != "dynamic" else answering(vandal, kind)
    event = {"items": [1, {"a": 2}]}
    result = run_clean(executed(workflow, event))
    assert event == {"items": [1, {"a": 2}]}
    assert result.output == ("done" if kind == "dynamic" else {"items": [1, {"a": 2}], "result": "done"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_keeps_its_result_can_change_it(kind: str) -> None:
    kept: dict[str, JSON] = {"a": [1]}

    def answer(payload: JSON) -> JSON:
        return kept

    def spoil(payload: JSON) -> JSON:
        kept["a"].append("spoilt")
        return payload

    definition = answering(answer, kind)._definition.document.value
    definition["States"]["Work"] |= {"Next": "Spoil"}
    del definition["States"]["Work"]["End"]
    definition["States"]["Spoil"] = task("spoil")
    tasks = express.Tasks()
    tasks.add("work", answer, blocking=kind == "thread")
    tasks.add("spoil", spoil)
    output = run_clean(executed(express.compile(definition, tasks), {})).output
    assert output == {"a": [1]}


def test_branches_do_not_see_what_others_do_to_their_payload() -> None:
    async def vandal(payload: JSON) -> JSON:
        payload["seen"] = payload.get("seen", 0) + 1
        await asyncio.sleep(1)
        return payload["seen"]

    branches = [machine(**{f"B{index}": task("vandal")}) for index in range(3)]
    assert run_clean(executed(compiled(machine(A=parallel(*branches)), vandal=vandal), {})).output == [1, 1, 1]


@pytest.mark.parametrize("kind", ["inline", "async", "later", "informed", "limited", "retried"])
def test_a_trusted_handler_shares(kind: str) -> None:
    seen: list[JSON] = []

    def share(payload: JSON) -> JSON:
        seen.append(payload)
        return payload

    definition = answering(share, kind, isolate=False)._definition.document.value
    tasks = express.Tasks()
    tasks.add("work", share, isolate=False)
    definition["States"]["Work"] |= {"Next": "Again"}
    del definition["States"]["Work"]["End"]
    definition["States"]["Again"] = task("work")
    result = run_clean(executed(express.compile(definition, tasks), {"items": [1]}))
    assert seen[0] is seen[1] is result.output


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1,
        1.5,
        1e300,
        10**30,
        -(2**64),
        {"big": [2**70, None]},
        "",
        "ünï \u2028 😀",
        [],
        {},
        {"": {"": []}},
        {"a": None},
    ],
)
def test_json_survives(value: JSON, kind: str) -> None:
    result = run_clean(executed(answering(lambda payload: payload, kind), value))
    assert json.dumps(result.unwrap()) == json.dumps(value)


def nested(levels: int) -> JSON:
    value: JSON = []
    for _ in range(levels - 1):
        value = [value]
    return value


def circular() -> JSON:
    value: list[JSON] = []
    value.append(value)
    return value


class Colour(Enum):
    RED = 1


class Text(str):
    pass


class Mapping(dict[str, Any]):
    pass


class float_of_its_own(float):
    pass


@dataclass
class Point:
    x: int = 1


#: (what a handler returns, what the text must name).
FOREIGN: list[tuple[Callable[[], Any], str]] = [
    (lambda: float("nan"), "$ is nan, which is not a JSON number"),
    (lambda: {"a": [1, float("-inf")]}, "$.a[1] is -inf, which is not a JSON number"),
    (lambda: b"bytes", "$ is a bytes, which is not JSON"),
    (lambda: {"a": {1, 2}}, "$.a is a set, which is not JSON"),
    (lambda: object(), "$ is a object, which is not JSON"),
    (lambda: [datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)], "$[0] is a datetime, which is not JSON"),
    (lambda: datetime.date(2025, 1, 1), "$ is a date, which is not JSON"),
    (lambda: Decimal("1.5"), "$ is a Decimal, which is not JSON"),
    (lambda: Point(), "$ is a Point, which is not JSON"),
    (lambda: MappingProxyType({}), "$ is a mappingproxy, which is not JSON"),
    (lambda: (item for item in ()), "$ is a generator, which is not JSON"),
    (lambda: {1: 2}, "$ has a key that is no string: 1"),
    (lambda: {"a": {None: 2}}, "$.a has a key that is no string: None"),
    (lambda: "half \ud800", "$ is a string with a lone surrogate, which is not valid Unicode"),
    (lambda: nested(300), "is nested deeper than 254 levels"),
    (circular, "is nested deeper than 254 levels"),
    (lambda: 10**5000, "cannot be written as JSON"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, 1),
        ((1, (2, 3)), [1, [2, 3]]),
        ({"a": (None,)}, {"a": [None]}),
        (Text("text"), "text"),
        (Mapping(a=1), {"a": 1}),
        (float_of_its_own(1.5), 1.5),
    ],
)
def test_what_becomes_json_on_the_way(value: Any, expected: JSON, kind: str) -> None:
    """Tuples, subclasses, what orjson writes by itself: the workflow gets plain JSON values."""
    output = run_clean(executed(answering(lambda payload: value, kind))).unwrap()
    assert output == expected
    assert type(output) is type(expected)


def test_a_marshal_error_can_be_caught_and_retried() -> None:
    answers: list[JSON] = [{1, 2}, float("nan"), "good"]
    retry = [{"ErrorEquals": ["Runtime.MarshalError"], "IntervalSeconds": 1}]
    workflow = answering(lambda payload: answers.pop(0), "inline", Retry=retry)
    assert run_clean(executed(workflow)).output == "good"


def test_254_levels_are_allowed() -> None:
    assert run_clean(executed(answering(lambda payload: nested(254), "inline"))).succeeded


@pytest.mark.parametrize("foreign", [float("nan"), {1, 2}])
def test_a_trusted_result_that_is_no_json_never_gets_out_of_hand(foreign: JSON) -> None:
    """It promised not to; the next edge refuses it, in words and not with a traceback."""
    tasks = express.Tasks()
    tasks.add("liar", lambda payload: foreign, isolate=False)
    tasks.add("next", lambda payload: payload)
    workflow = express.compile(machine(A=task("liar", Next="B"), B=task("next")), tasks)
    result = run_clean(executed(workflow))
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert result.cause is not None
    assert "The input of the task is not valid JSON" in result.cause


# --------------------------------------------------------------------------------------------------------------
# limits

LIMIT = 1_000
TEXT = "x" * (LIMIT - 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_the_size_of_a_result(kind: str, size: int) -> None:
    result = run_clean(executed(answering(lambda payload: "x" * (size - 2), kind), {}, payload_limit=LIMIT))
    if size <= LIMIT and kind != "dynamic":
        assert result.succeeded
    elif size > LIMIT:
        assert result.error == "States.DataLimitExceeded"
        who = "lambda" if kind == "dynamic" else f"{FUNCTION}work"
        assert result.cause == (
            f"The state/task '{who}' returned a result with a size exceeding the maximum number of bytes service limit."
        )


@pytest.mark.parametrize(
    ("definition", "who"),
    [
        pytest.param(
            machine(A=task("work", Parameters={"a.$": "$", "b.$": "$"})),
            f"The input of the state/task '{FUNCTION}work' has a size",
            id="task input",
        ),
        pytest.param(
            machine(A=state("Pass", Parameters={"a.$": "$", "b.$": "$"})), "The state/task 'A' returned", id="Pass"
        ),
        pytest.param(
            machine(A=state("Pass", Result="x", ResultPath="$.result")), "The state/task 'A' returned", id="ResultPath"
        ),
        pytest.param(machine(A=task("work", ResultPath="$.again")), "The state/task 'A' returned", id="task output"),
        pytest.param(
            machine(A=task("work", ResultSelector={"a.$": "$", "b.$": "$"})),
            "The state/task 'A' returned",
            id="ResultSelector",
        ),
        pytest.param(
            machine(A=parallel(machine(B=state("Pass")), machine(C=state("Pass")))),
            "The state/task 'A' returned",
            id="branches",
        ),
        pytest.param(
            machine(
                A=each(machine(B=state("Pass", Parameters={"a.$": "$$.Execution.Input", "b": 1})), ItemsPath="$.i")
            ),
            "The state/task 'B' returned",
            id="inside an iteration",
        ),
        pytest.param(
            machine(A=state("Pass", Assign={"v.$": "$", "w.$": "$"})), "The size of the assigned variables", id="Assign"
        ),
        pytest.param(
            machine(A=task("fail", Catch=catching("X", to="B", ResultPath="$.error")), B=state("Pass")),
            "The state/task 'A' returned",
            id="Catch",
        ),
    ],
)
@pytest.mark.parametrize("waiting", [False, True])
def test_every_edge_has_the_limit(definition: dict[str, Any], who: str, waiting: bool) -> None:
    def fail(payload: JSON) -> None:
        raise express.TaskError("X", "y" * 100)

    async def work(payload: JSON) -> JSON:
        await asyncio.sleep(waiting)
        return payload

    event = {"i": [1], "x": "x" * (LIMIT - 20)}
    workflow = compiled(definition, work=work, fail=fail)
    result = run_clean(executed(workflow, event, payload_limit=LIMIT))
    assert (result.status, result.error) == ("FAILED", "States.DataLimitExceeded")
    assert result.cause is not None
    assert result.cause.startswith(who)
    assert result.cause.endswith("the maximum number of bytes service limit.") or "Assign" in repr(definition)
    assert run_clean(executed(workflow, event)).error in (None, "X")


def test_sizes_are_carried_on_without_measuring_everything() -> None:
    """A state that cannot make data grow does not measure it: a thousand Passes over the limit's worth are quick."""
    states = {f"S{index}": state("Pass", Next=f"S{index + 1}") for index in range(1_000)} | {"S1000": state("Pass")}
    result = run_clean(executed(compiled(machine(**states)), "x" * 262_142))
    assert result.succeeded


def test_a_size_that_shrinks_may_grow_again() -> None:
    definition = machine(
        A=state("Pass", Parameters={"a.$": "$.big", "b.$": "$.small"}, Next="B"),
        B=state("Pass", OutputPath="$.b", Next="C"),
        C=state("Pass", Parameters={"x.$": "$", "y.$": "$", "z.$": "$"}),
    )
    event = {"big": "x" * 500, "small": "y" * 200}
    result = run_clean(executed(compiled(definition), event, payload_limit=LIMIT))
    assert result.output == dict.fromkeys("xyz", "y" * 200)


# --------------------------------------------------------------------------------------------------------------
# time limits by path


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("5", 'The TimeoutSecondsPath parameter cannot be parsed as a long value: $.t == "5"'),
        (1.5, "The TimeoutSecondsPath parameter cannot be parsed as a long value: $.t == 1.5"),
        (True, "The TimeoutSecondsPath parameter cannot be parsed as a long value: $.t == true"),
        (None, "The TimeoutSecondsPath parameter cannot be parsed as a long value: $.t == null"),
        (0, "The TimeoutSecondsPath parameter references a non-positive value: $.t == 0"),
        (-3, "The TimeoutSecondsPath parameter references a non-positive value: $.t == -3"),
    ],
)
def test_a_limit_that_is_none(value: JSON, cause: str) -> None:
    async def work(payload: JSON) -> JSON:
        return payload

    result = run_clean(executed(calling(work, TimeoutSecondsPath="$.t"), {"t": value}))
    assert result.error == "States.Runtime"
    assert result.cause is not None
    assert result.cause.endswith(cause)


@pytest.mark.parametrize("kind", ["inline", "async"])
def test_credentials_that_cannot_be_computed_fail_the_state(kind: str) -> None:
    workflow = answering(lambda payload: payload, kind, Credentials={"RoleArn.$": "$.role"})
    assert run_clean(executed(workflow, {"role": "arn"})).succeeded
    assert run_clean(executed(workflow, {})).error == "States.Runtime"
