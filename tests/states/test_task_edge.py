"""The task edge: values cross it by value unless the handler is trusted, are proven to be JSON, and are measured."""

from __future__ import annotations

import asyncio
import datetime
import json
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

import express
from tests.obscure import Number, Record, Secretive, Word
from tests.runtime import machines
from tests.runtime.machines import (
    FUNCTION,
    calling,
    catching,
    compiled,
    each,
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
KINDS = ("inline", "async", "later", "thread", "informed", "limited", "retried", "invoke", "dynamic")
#: Those that go by `lambda:invoke`, with the function's name in the definition or in the data.
INVOKED: dict[str, dict[str, Any]] = {
    "invoke": {"FunctionName": "work"},
    "dynamic": {"FunctionName.$": "States.Format('work')"},
}


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
    coroutines: dict[str, Callable[..., Any]] = {
        "async": at_once,
        "later": later,
        "informed": informed,
        "limited": later,
    }
    handler = coroutines.get(kind, lambda payload: answer(payload))
    options = {"isolate": isolate, "blocking": kind == "thread"}
    if kind in INVOKED:
        fields["Parameters"] = {**INVOKED[kind], "Payload.$": "$"}
        fields["ResultSelector"] = {"out.$": "$.Payload"}
        fields["OutputPath"] = "$.out"
        work = state("Task", Resource="arn:aws:states:::lambda:invoke", **fields)
        return compiled(machine(Work=work), options, work=handler)
    return calling(handler, options, **fields)


async def executed(workflow: express.Workflow, event: JSON = "input", **limits: Any) -> express.Result:
    """Of null the template of `lambda:invoke` could make nothing."""
    return await machines.executed(workflow, event, **limits)


# --------------------------------------------------------------------------------------------------------------
# by value


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_that_changes_its_payload_changes_nothing_else(kind: str) -> None:
    def vandal(payload: JSON) -> str:
        payload["items"].append("vandal")
        payload.clear()
        return "done"

    workflow = answering(vandal, kind) if kind in INVOKED else answering(vandal, kind, ResultPath="$.result")
    event = {"items": [1, {"a": 2}]}
    result = run_clean(executed(workflow, event))
    assert event == {"items": [1, {"a": 2}]}
    assert result.output == ("done" if kind in INVOKED else {"items": [1, {"a": 2}], "result": "done"})


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
    result = run_clean(executed(answering(lambda payload: payload["v"], kind), {"v": value}))
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


class Level(IntEnum):
    HIGH = 3


class Text(str):
    pass


class Mapping(dict[str, Any]):
    pass


class Half(float):
    pass


@dataclass
class Point:
    x: int = 1


#: (what a handler returns, what Lambda's Python runtime says about it, with the place).
FOREIGN: dict[str, tuple[Callable[[], Any], str]] = {
    "UUID": (lambda: UUID(int=1), "Object of type UUID is not JSON serializable"),
    "UUID inside": (
        lambda: {"a": [{"id": UUID(int=1)}]},
        "Object of type UUID is not JSON serializable (at $.a[0].id)",
    ),
    "Enum": (lambda: Colour.RED, "Object of type Colour is not JSON serializable"),
    "Enum inside": (lambda: [None, Colour.RED], "Object of type Colour is not JSON serializable (at $[1])"),
    "dataclass": (lambda: Point(), "Object of type Point is not JSON serializable"),
    "datetime": (
        lambda: [datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)],
        "Object of type datetime is not JSON serializable (at $[0])",
    ),
    "date": (lambda: datetime.date(2025, 1, 1), "Object of type date is not JSON serializable"),
    "Decimal": (lambda: Decimal("1.5"), "Object of type Decimal is not JSON serializable"),
    "set": (lambda: {"a": {1, 2}}, "Object of type set is not JSON serializable (at $.a)"),
    "bytes": (lambda: b"bytes", "Object of type bytes is not JSON serializable"),
    "object": (object, "Object of type object is not JSON serializable"),
    "proxy": (lambda: MappingProxyType({}), "Object of type mappingproxy is not JSON serializable"),
    "no class": (Secretive, "Object of type Secretive is not JSON serializable"),
    "NaN of its own": (lambda: Number("nan"), "Out of range float values are not JSON compliant: nan"),
    "long key": (
        lambda: {10**5_000: {1}},
        "Object of type set is not JSON serializable (at $[a int that cannot be shown])",
    ),
    "derived object": (lambda: {"a": {1: Record(a=1)}}, "$ cannot be written as JSON: ZeroDivisionError"),
    "generator": (lambda: (item for item in ""), "Object of type generator is not JSON serializable"),
    "nan": (lambda: float("nan"), "Out of range float values are not JSON compliant: nan"),
    "infinity": (
        lambda: {"a": [1, float("-inf")]},
        "Out of range float values are not JSON compliant: -inf (at $.a[1])",
    ),
    "tuple as key": (lambda: {(1, 2): 3}, "keys must be str, int, float, bool or None, not tuple"),
    "Enum as key": (lambda: {"a": {Colour.RED: 3}}, "keys must be str, int, float, bool or None, not Colour (at $.a)"),
    "surrogate": (lambda: "half \ud800", "$ is a string with a lone surrogate, which is not valid Unicode"),
    "too deep": (lambda: nested(300), "$[0][0][0]… is nested deeper than 254 levels"),
    "circular": (circular, "$[0][0][0]… is nested deeper than 254 levels"),
}


@pytest.mark.parametrize("isolate", [True, False], ids=["by value", "trusted"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("make", "words"), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_result_that_is_no_json_cannot_be_marshalled(
    make: Callable[[], Any], words: str, kind: str, isolate: bool
) -> None:
    result = run_clean(executed(answering(lambda payload: make(), kind, isolate=isolate)))
    assert (result.status, result.error) == ("FAILED", "Runtime.MarshalError")
    assert result.cause is not None
    cause = json.loads(result.cause)
    assert list(cause) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert len(cause.pop("requestId")) == 36
    assert cause == {
        "errorMessage": f"Unable to marshal response: {words}",
        "errorType": "Runtime.MarshalError",
        "stackTrace": [],
    }


@pytest.mark.parametrize("isolate", [True, False], ids=["by value", "trusted"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_number_that_cannot_be_written_cannot_be_marshalled(kind: str, isolate: bool) -> None:
    result = run_clean(executed(answering(lambda payload: [10**5000], kind, isolate=isolate)))
    assert result.error == "Runtime.MarshalError"
    assert result.cause is not None
    assert "cannot be written as JSON" in json.loads(result.cause)["errorMessage"]


#: (what a handler returns, what the workflow gets): what Python's `json` writes.
CONVERTED: dict[str, tuple[Any, JSON]] = {
    "a text that cannot be compared": ([Word("a"), {"b": Word("c")}], ["a", {"b": "c"}]),
    "IntEnum": (Level.HIGH, 3),
    "tuple": ((1, (2, 3)), [1, [2, 3]]),
    "tuple inside": ({"a": (None,)}, {"a": [None]}),
    "str of its own": (Text("text"), "text"),
    "dict of its own": (Mapping(a=1), {"a": 1}),
    "float of its own": (Half(1.5), 1.5),
    "numbers as keys": ({1: {None: 2}}, {"1": {"null": 2}}),
}


@pytest.mark.parametrize("isolate", [True, False], ids=["by value", "trusted"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("value", "expected"), CONVERTED.values(), ids=CONVERTED.keys())
def test_what_becomes_json_on_the_way(value: Any, expected: JSON, kind: str, isolate: bool) -> None:
    """The workflow gets plain JSON values, as from a Lambda function, which hands on no more than text."""
    output = run_clean(executed(answering(lambda payload: value, kind, isolate=isolate))).unwrap()
    assert output == expected
    assert type(output) is type(expected)


@pytest.mark.parametrize("isolate", [True, False], ids=["by value", "trusted"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inside", [False, True])
def test_a_coroutine_that_nobody_awaited_is_told(inside: bool, kind: str, isolate: bool) -> None:
    """`def` where `async def` was meant, a lambda around a coroutine function, a forgotten `await`."""

    async def work() -> str:
        return "never"

    def answer(payload: JSON) -> Any:
        return {"a": work()} if inside else work()

    result = run_clean(executed(answering(answer, kind, isolate=isolate)))
    assert result.error == "Runtime.MarshalError"
    assert result.cause is not None
    assert json.loads(result.cause)["errorMessage"] == (
        f"Unable to marshal response: Object of type coroutine is not JSON serializable{' (at $.a)' if inside else ''}. "
        "Nobody has awaited it: a handler that calls `async def` functions must be `async def` and await them"
    )


def test_a_future_that_nobody_awaited_is_told() -> None:
    def answer(payload: JSON) -> Any:
        return asyncio.get_running_loop().create_future()

    result = run_clean(executed(answering(answer, "inline")))
    assert result.cause is not None
    assert "Nobody has awaited it" in result.cause


def test_a_marshal_error_can_be_caught_and_retried() -> None:
    answers: list[JSON] = [{1, 2}, float("nan"), "good"]
    retry = [{"ErrorEquals": ["Runtime.MarshalError"], "IntervalSeconds": 1}]
    workflow = answering(lambda payload: answers.pop(0), "inline", Retry=retry)
    assert run_clean(executed(workflow)).output == "good"


def test_254_levels_are_allowed() -> None:
    assert run_clean(executed(answering(lambda payload: nested(254), "inline"))).succeeded


# --------------------------------------------------------------------------------------------------------------
# trust

TRUSTED = ("inline", "async", "later", "informed", "limited", "retried", "invoke", "thread")


def outcomes(workflow: express.Workflow, count: int) -> list[express.Result]:
    """The results of so many executions, one after another."""

    async def main() -> list[express.Result]:
        async with express.Runtime() as runtime:
            return [await runtime.execute(workflow, {}) for _ in range(count)]

    return run_clean(main())


@pytest.mark.parametrize("kind", TRUSTED)
def test_every_64th_result_of_a_trusted_handler_is_looked_through(kind: str) -> None:
    """A slip in between goes through; once one has been caught, none does any more."""
    answers = iter([1, *[UUID(int=7)] * 70])
    results = outcomes(answering(lambda payload: next(answers), kind, isolate=False), 70)
    assert [result.error for result in results] == [None] * 64 + ["Runtime.MarshalError"] * 6
    assert results[63].output == UUID(int=7)


@pytest.mark.parametrize("kind", TRUSTED)
def test_a_handler_that_has_lost_its_trust_is_isolated(kind: str) -> None:
    kept: list[JSON] = []
    answers = iter([(1,), kept, kept])
    first, second, third = outcomes(answering(lambda payload: next(answers), kind, isolate=False), 3)
    assert first.output == [1]
    assert type(first.output) is list
    assert second.output == third.output == []
    assert second.output is not kept


@pytest.mark.parametrize("waits", ["never", "first", "second", "slipping", "after it", "always"])
def test_a_state_trusts_as_a_whole_however_its_handler_answers(waits: str) -> None:
    """The first result and every 64th are looked through, at once or later; after a slip none is shared."""
    slipping, moments = 64, {"never": (), "first": (0,), "second": (1,), "slipping": (64,), "after it": (65,)}

    async def work(payload: dict[str, int]) -> Any:
        if payload["n"] in moments.get(waits, range(200)):
            await asyncio.sleep(0)
        return [1] if payload["n"] == 0 else (1,)

    async def main() -> list[type]:
        workflow = calling(work, {"isolate": False})
        async with express.Runtime() as runtime:
            return [type((await runtime.execute(workflow, {"n": n})).output) for n in range(70)]

    assert run_clean(main()) == [list] + [tuple] * (slipping - 1) + [list] * (70 - slipping)


def test_states_trust_for_themselves() -> None:
    tasks = express.Tasks()
    tasks.add("work", lambda payload: {"a": (1,)} if payload == {} else payload, isolate=False)
    workflow = express.compile(machine(A=task("work", Next="B"), B=task("work")), tasks)
    for _ in range(3):
        assert run_clean(executed(workflow, {})).output == {"a": [1]}


# --------------------------------------------------------------------------------------------------------------
# limits

LIMIT = 1_000
TEXT = "x" * (LIMIT - 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_the_size_of_a_result(kind: str, size: int) -> None:
    result = run_clean(executed(answering(lambda payload: "x" * (size - 2), kind), {}, payload_limit=LIMIT))
    if size <= LIMIT and kind not in INVOKED:
        assert result.succeeded
        return
    assert result.error == "States.DataLimitExceeded"
    who = "lambda" if kind in INVOKED else f"{FUNCTION}work"
    assert result.cause == (
        f"The state/task '{who}' returned a result with a size exceeding the maximum number of bytes service limit."
    )


@pytest.mark.parametrize("kind", INVOKED)
@pytest.mark.parametrize(("size", "error"), [(LIMIT, None), (LIMIT + 1, "States.DataLimitExceeded")])
def test_the_wrapping_of_a_result_counts(kind: str, size: int, error: str | None) -> None:
    wrapping = len('{"ExecutedVersion":"$LATEST","Payload":"","StatusCode":200}')
    workflow = answering(lambda payload: "x" * (size - wrapping), kind)
    assert run_clean(executed(workflow, {}, payload_limit=LIMIT)).error == error


@pytest.mark.parametrize(
    ("definition", "who"),
    [
        pytest.param(
            machine(A=task("work", Parameters={"a.$": "$", "b.$": "$"})),
            f"The input of the state/task '{FUNCTION}work' has a size",
            id="task input",
        ),
        pytest.param(
            machine(
                A=state(
                    "Task",
                    Resource="arn:aws:states:::lambda:invoke",
                    Parameters={"FunctionName": "work", "Payload": 1, "Qualifier.$": "$", "ClientContext.$": "$"},
                )
            ),
            "The input of the state/task 'lambda' has a size",
            id="input of an invocation",
        ),
        pytest.param(
            machine(
                A=state(
                    "Task",
                    Resource="arn:aws:states:::lambda:invoke",
                    Parameters={"FunctionName.$": "States.Format('wor{}', 'k')", "Payload": 1, "A.$": "$", "B.$": "$"},
                )
            ),
            "The input of the state/task 'lambda' has a size",
            id="input of an invocation by a name made at run time",
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
        ("5s", "The TimeoutSecondsPath parameter cannot be parsed as a long value: $.t == 5s"),
        (1 << 63, f"The TimeoutSecondsPath parameter cannot be parsed as a long value: $.t == {1 << 63}"),
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
