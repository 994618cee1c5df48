"""Retry and Catch: which error matches what, how long a retry waits, and what may stand in their fields.

What they do to an execution is in tests/cases/recovery.json.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.observe import Observer
from express.states.numbers import MAX_SECONDS
from express.states.recovery import Retrier, build_matcher
from tests.runtime.machines import (
    SECOND,
    WAYS,
    Way,
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
    from express.types import JSON

NAMES = ("X", "Y", "States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout", "States.Runtime", None)
MATCHES: list[tuple[list[str], set[str | None]]] = [
    (["X"], {"X"}),
    (["X", "Y"], {"X", "Y"}),
    (["x"], set()),
    (["States.ALL"], {"X", "Y", "States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout", None}),
    (["States.TaskFailed"], {"X", "Y", "States.TaskFailed", "States.HeartbeatTimeout", None}),
    (["States.TaskFailed", "States.Timeout"], set(NAMES) - {"States.Runtime"}),
    (["States.Timeout"], {"States.Timeout", "States.HeartbeatTimeout"}),
    (["States.HeartbeatTimeout"], {"States.Timeout", "States.HeartbeatTimeout"}),
    (["States.Runtime"], set()),
    (["States.Runtime", "X"], {"X"}),
    (["States.Permissions"], set()),
]


@pytest.mark.parametrize(("errors", "expected"), MATCHES)
def test_who_matches_what(errors: list[str], expected: set[str | None]) -> None:
    matches = build_matcher(errors)
    assert {name for name in NAMES if matches(name)} == expected


@pytest.mark.parametrize(
    ("fields", "delays"),
    [
        ({"interval": 3}, [3, 6, 12, 24]),
        ({"interval": 3, "max_delay": 5}, [3, 5, 5, 5]),
        ({"interval": 1, "backoff": 1.0}, [1, 1, 1, 1]),
        ({"interval": 2, "backoff": 1.5}, [2, 3, 4.5, 6.75]),
        ({"interval": 0}, [0, 0, 0, 0]),
        ({"interval": MAX_SECONDS}, [MAX_SECONDS] * 4),
        ({"interval": 1, "backoff": 1e300}, [1, MAX_SECONDS, MAX_SECONDS, MAX_SECONDS]),
    ],
)
def test_delays(fields: dict[str, Any], delays: list[float]) -> None:
    retrier = Retrier(errors=["X"], **{"max_attempts": 9, "backoff": 2.0, "max_delay": None, "jitter": False, **fields})
    assert [retrier.delay(attempt) for attempt in range(4)] == delays
    assert 0 <= retrier.delay(100_000) <= MAX_SECONDS


class Watcher(Observer):
    """Somebody who wants to know of every error, so that none is known by its name alone."""

    def task_ended(self, frame: Any, name: str, error: express.StateError | None) -> None: ...


def retrying(*errors: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"ErrorEquals": list(errors), **fields}]


RETRIES: dict[str, list[dict[str, Any]]] = {
    "by its class": retrying("LookupError"),
    "once": retrying("LookupError", MaxAttempts=1),
    "never": retrying("LookupError", MaxAttempts=0),
    "of everything": retrying("States.ALL"),
    "another one": retrying("KeyError"),
    "the second retrier": [*retrying("KeyError"), *retrying("States.TaskFailed", IntervalSeconds=2, BackoffRate=3)],
    "two in turn": [*retrying("LookupError", MaxAttempts=1), *retrying("Named", MaxAttempts=2)],
    "timeouts": retrying("States.Timeout", "LookupError", MaxAttempts=2),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("caught", [False, True])
@pytest.mark.parametrize("script", [["plain"], ["plain"] * 3, ["plain"] * 4, ["named", "plain"], ["plain", "timeout"]])
@pytest.mark.parametrize("retry", RETRIES.values(), ids=RETRIES.keys())
def test_an_error_that_is_tried_again_is_known_by_its_name(
    retry: list[dict[str, Any]], script: list[str], caught: bool, wrapped: bool, way: Way
) -> None:
    """It makes no difference whether anybody wants to know more of it."""

    def outcome(*observers: Observer) -> tuple[Any, ...]:
        left = list(script)

        async def work(payload: JSON) -> JSON:
            match left.pop(0) if left else "":
                case "plain":
                    raise LookupError("plain")
                case "named":
                    raise express.TaskError("Named", "by itself")
                case "timeout":
                    raise express.TaskError("States.Timeout", "by itself")
            return "done"

        catch = {"Catch": catching("States.ALL", to="Caught", ResultPath=None)} if caught else {}
        states = {"Work": task("work", Retry=retry, Next="Tell", **catch), "Tell": state("Pass", InputPath="$.nowhere")}
        if caught:
            states["Caught"] = state("Pass", InputPath="$.nowhere.either")
        inner = machine(**states)
        workflow = compiled(machine(Each=each(inner)) if wrapped else inner, work=work)

        async def main() -> express.Result:
            async with express.Runtime(observers=observers) as runtime:
                return await way(runtime, workflow, [1] if wrapped else 1)

        result = run_clean(main())
        counts = [
            (step.name, step.attempts, step.entries, step.failed_at_once, step.failures, step.timed_out, step.retried)
            for step in workflow.machine(observers).all_steps
        ]
        # The request of a failed function has an id of its own.
        cause = None if result.cause is None else re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", result.cause)
        return result.status, result.error, cause, result.billing.duration_ms, counts

    assert outcome() == outcome(Watcher())


def test_jitter_is_spread_over_the_whole_delay() -> None:
    retrier = Retrier(errors=["X"], interval=2, max_attempts=9, backoff=2.0, max_delay=None, jitter=True)
    for attempt, most in enumerate((2, 4, 8)):
        delays = [retrier.delay(attempt) for _ in range(300)]
        assert all(0 <= delay <= most for delay in delays)
        assert min(delays) < most * 0.1
        assert max(delays) > most * 0.9


def test_a_jittered_retry_waits_no_longer_than_that() -> None:
    def work(payload: JSON) -> None:
        raise express.TaskError("X")

    retry = [{"ErrorEquals": ["X"], "IntervalSeconds": 10, "MaxAttempts": 1, "JitterStrategy": "FULL"}]
    result = run_clean(executed(calling(work, Retry=retry)))
    assert 0 <= result.billing.duration_ns <= 10 * SECOND


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda retry: machine(A=task("work", Retry=retry)), id="Task"),
        pytest.param(lambda retry: machine(A=parallel(machine(B=task("work")), Retry=retry)), id="Parallel"),
        pytest.param(
            lambda retry: machine(A=each(machine(B=task("work")), ItemsPath="$.items", Retry=retry)), id="Map"
        ),
    ],
)
def test_a_retry_of_no_delay_is_at_once(wrap: Any, waiting: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full jitter may come out as no delay at all."""
    monkeypatch.setattr("random.uniform", lambda low, high: low)
    attempts = 0

    def work(payload: JSON) -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            raise express.TaskError("X")
        return "fourth"

    async def work_later(payload: JSON) -> str:
        await asyncio.sleep(0)
        return work(payload)

    retry = [{"ErrorEquals": ["X"], "JitterStrategy": "FULL"}]
    workflow = compiled(wrap(retry), work=work_later if waiting else work)
    result = run_clean(executed(workflow, {"items": [1]}))
    assert result.unwrap() in ("fourth", ["fourth"])
    assert (attempts, result.billing.duration_ns) == (4, 0)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"Retry": [{}]}, "These fields are required: [ErrorEquals] at /States/A/Retry[0]"),
        ({"Retry": [{"ErrorEquals": []}]}, "Value cannot be empty at /States/A/Retry[0]/ErrorEquals"),
        ({"Retry": [{"ErrorEquals": "X"}]}, "Expected value of type [ARRAY] at /States/A/Retry[0]/ErrorEquals"),
        ({"Retry": [{"ErrorEquals": [1]}]}, "Expected value of type [STRING] at /States/A/Retry[0]/ErrorEquals[0]"),
        ({"Retry": {}}, "Expected value of type [ARRAY] at /States/A/Retry"),
        ({"Retry": ["X"]}, "Expected value of type [OBJECT] at /States/A/Retry[0]"),
        (
            {"Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1.0}]},
            "Expected value of type Integer at /States/A/Retry[0]/MaxAttempts",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "MaxAttempts": -1}]},
            "Minimum value is 0 at /States/A/Retry[0]/MaxAttempts",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 100_000_000}]},
            "Maximum value is 99999999 at /States/A/Retry[0]/MaxAttempts",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "IntervalSeconds": 0}]},
            "Minimum value is 1 at /States/A/Retry[0]/IntervalSeconds",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "BackoffRate": "2"}]},
            "Expected value of type Double at /States/A/Retry[0]/BackoffRate",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "MaxDelaySeconds": 0}]},
            "Minimum value is 1 at /States/A/Retry[0]/MaxDelaySeconds",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "Next": "B"}]},
            "Field 'Next' is not supported at /States/A/Retry[0]",
        ),
        (
            {"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}]},
            "States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "BackoffRate": 0.5}]},
            "Minimum value is 1.0 at /States/A/Retry[0]/BackoffRate",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "MaxDelaySeconds": 31_622_401}]},
            "Maximum value is 31622400 at /States/A/Retry[0]/MaxDelaySeconds",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "IntervalSeconds": 100_000_000}]},
            "Maximum value is 99999999 at /States/A/Retry[0]/IntervalSeconds",
        ),
        (
            {"Retry": [{"ErrorEquals": ["X"], "JitterStrategy": "HALF"}]},
            "Value should be one of the following: [NONE, FULL] at /States/A/Retry[0]/JitterStrategy",
        ),
        (
            {"Retry": [{"ErrorEquals": ["States.ALL", "X"]}]},
            "States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals",
        ),
        (
            {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}, {"ErrorEquals": ["X"], "Next": "B"}]},
            "States.ALL must appear alone and at end of list at /States/A/Catch[0]/ErrorEquals",
        ),
        ({"Catch": [{"Next": "B"}]}, "These fields are required: [ErrorEquals] at /States/A/Catch[0]"),
        ({"Catch": [{"ErrorEquals": [], "Next": "B"}]}, "Value cannot be empty at /States/A/Catch[0]/ErrorEquals"),
        (
            {"Catch": [{"ErrorEquals": ["X"], "Next": "B", "ResultPath": "$.a[*]"}]},
            "Value is not a Reference Path at /States/A/Catch[0]/ResultPath",
        ),
        (
            {"Catch": [{"ErrorEquals": ["X"], "Next": "B", "Assign": []}]},
            "Expected value of type [OBJECT] at /States/A/Catch[0]/Assign",
        ),
        ({"Catch": [{"ErrorEquals": ["X"]}]}, "These fields are required: [Next] at /States/A/Catch[0]"),
        (
            {"Catch": [{"ErrorEquals": ["X"], "Next": "B", "OutputPath": "$"}]},
            "Field 'OutputPath' is not supported at /States/A/Catch[0]",
        ),
    ],
)
def test_fields(fields: dict[str, Any], text: str) -> None:
    definition = machine(A=task("work", Next="B", **fields), B=state("Pass"))
    with pytest.raises(express.DefinitionError) as raised:
        compiled(definition, work=lambda payload: payload)
    assert str(raised.value) == f"SCHEMA_VALIDATION_FAILED: {text}"


@pytest.mark.parametrize("fields", [{"Retry": []}, {"Catch": []}, {"Retry": [], "Catch": []}])
def test_empty_lists_mean_none(fields: dict[str, Any]) -> None:
    def work(payload: JSON) -> None:
        raise express.TaskError("X")

    assert run_clean(executed(calling(work, **fields))).error == "X"


@pytest.mark.parametrize("kind", ["Pass", "Wait", "Choice", "Succeed", "Fail"])
@pytest.mark.parametrize("field", ["Retry", "Catch"])
def test_only_some_states_recover(kind: str, field: str) -> None:
    definition = machine(A=state(kind, **{field: []}))
    with pytest.raises(express.DefinitionError, match=f"Field '{field}' is not supported at /States/A"):
        express.compile(definition)
