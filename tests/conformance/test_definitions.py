"""Workflows published by AWS, unresolved resources and all: each compiles as it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

import express
from tests.expressions.recorded import RECORDINGS

WORKFLOWS = RECORDINGS.parent / "definitions" / "workflows.json"

#: Where a definition is no definition yet but a template: a placeholder stands where a number must be.
TEMPLATES = {
    # An unquoted string in a filter, `[?(@.constraint_status==Failure)]`: Jayway refuses to parse it.
    "aws-stepfunctions-examples/sam/app-dataquality-using-lambda/statemachine/dataquality.asl.json": [
        "Value must be a valid JSONPath. at /States/FilterFailures/InputPath"
    ],
    "step-functions-workflows-collection/human-task-reminder/statemachine/statemachine.asl.yaml#": [
        "Expected value of type Integer at /States/Parallel w/ UUID/Branches[0]/States/Sleep for Reminder/Seconds"
    ],
}


def params() -> list[Any]:
    if not WORKFLOWS.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason="no ../shared/definitions beside the repository"))]
    return [pytest.param(entry, id=entry["id"]) for entry in json.loads(WORKFLOWS.read_text(encoding="utf-8"))]


def problems_of(definition: dict[str, Any]) -> list[str]:
    try:
        express.compile(definition, type="STANDARD", unresolved="fail-at-run")
    except express.DefinitionError as error:
        return [f"{problem.message} at {problem.location}" for problem in error.problems]
    return []


@pytest.mark.parametrize("entry", params())
def test_published_workflow_compiles(entry: dict[str, Any]) -> None:
    assert problems_of(entry["definition"]) == TEMPLATES.get(entry["id"], [])
