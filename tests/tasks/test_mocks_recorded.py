"""Recorded executions, with what AWS's tasks came to as a mock configuration: they take the same way to the same end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.testing import Mocks, run_virtual
from tests.conformance.comparison import Expectation
from tests.expressions.recorded import case_params, recorded

if TYPE_CHECKING:
    from express.types import JSON


def can_be_mocked(case: dict[str, Any]) -> bool:
    """Whether all its tasks ended by an answer, in an order, and nothing else is needed."""
    attempts = [attempt for found in case["tasks"].values() if isinstance(found, list) for attempt in found]
    return (
        all(isinstance(found, list) for found in case["tasks"].values())
        and bool(attempts)
        and not any(attempt.get("timed_out") or attempt.get("error", "") is None for attempt in attempts)
        and set(case.get("needs", ())) <= {"callback"}
        and not case.get("concurrent")
    )


def answer(attempt: dict[str, Any]) -> JSON:
    if "output" in attempt:
        return {"Return": attempt["output"]}
    return {"Throw": {name: attempt[name.lower()] for name in ("Error", "Cause") if name.lower() in attempt}}


def mocked(case: dict[str, Any]) -> express.Workflow:
    configuration = {
        "StateMachines": {"m": {"TestCases": {"Recorded": {state: state for state in case["tasks"]}}}},
        "MockedResponses": {
            state: {str(number): answer(attempt) for number, attempt in enumerate(attempts)}
            for state, attempts in case["tasks"].items()
        },
    }
    context = case.get("context") or {}
    return express.compile(
        case["definition"],
        mocks=Mocks(configuration).case("m", "Recorded"),
        name=context.get("state_machine_name"),
        arn=context.get("state_machine_arn"),
        role_arn=context.get("role_arn", ""),
        type=case["type"],
    )


@pytest.mark.parametrize("case", case_params([case for case in recorded("execution/*.json") if can_be_mocked(case)]))
def test_recorded_case(case: dict[str, Any]) -> None:
    workflow, expectation = mocked(case), Expectation(case)
    name = (case.get("context") or {}).get("execution_name")

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await runtime.execute(workflow, case["input"], name=name)

    result = run_virtual(main(), now=case.get("now"))
    expected = expectation.expected
    assert (result.status, result.error) == (expected["status"], expected.get("error")), result
    assert expectation.differences("output", result.output) == []
    assert expectation.differences_of_cause(result.cause) == []
    if "transitions" in case:
        entered = Counter({state: count for state, count in workflow.state_entries.items() if count})
        assert entered == Counter(case["transitions"])
