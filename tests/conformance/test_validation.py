"""Definitions that AWS refused, as recorded from CreateStateMachine and ValidateStateMachineDefinition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from express.compiler import check
from express.definition.document import load_definition
from express.errors import DefinitionError
from tests.expressions.recorded import case_params, recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.types import Diagnostic


def diagnostics(case: dict[str, Any]) -> list[dict[str, str]]:
    """The errors of the case's definition as the API shapes them. The API's default severity leaves warnings out."""
    text = case["definition_raw"] if "definition_raw" in case else json.dumps(case["definition"])
    problems: Sequence[Diagnostic]
    try:
        problems = check(load_definition(text), type=case["type"])
    except DefinitionError as error:
        problems = error.problems
    found = []
    for problem in problems:
        if problem.severity == "ERROR":
            entry = {"severity": problem.severity, "code": problem.code, "message": problem.message}
            found.append(entry if problem.location is None else {**entry, "location": problem.location})
    return found


@pytest.mark.parametrize("case", case_params(recorded("validation/*.json")))
def test_recorded_answer(case: dict[str, Any]) -> None:
    expected, found = case["expected"], diagnostics(case)
    if case["call"] == "CreateStateMachine":
        first = found[0]
        text = f"{first['code']}: {first['message']} at {first.get('location', 'null')}"
        assert f"Invalid State Machine Definition: '{text}'" == expected["message"]
    else:
        assert found == expected["diagnostics"]
        assert ("FAIL" if found else "OK") == expected["result"]
