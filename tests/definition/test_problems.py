"""The one-line form of a problem."""

from __future__ import annotations

import pytest

from express.definition.problems import MISSING_END_STATE, SCHEMA_VALIDATION_FAILED, Problem
from express.errors import DefinitionError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            Problem(SCHEMA_VALIDATION_FAILED, "Value cannot be empty", "/States/S/Branches"),
            "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/S/Branches",
        ),
        (
            Problem(MISSING_END_STATE, "Workflow has no terminal state"),
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            Problem(SCHEMA_VALIDATION_FAILED, "x", "/", "WARNING", "do y", 3, 4, 1, "line"),
            "SCHEMA_VALIDATION_FAILED: x at /",
        ),
    ],
)
def test_text(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_a_definition_error_tells_every_problem() -> None:
    error = DefinitionError([Problem("A", "a", "/x"), Problem("B", "b", "/y")])
    assert str(error) == "A: a at /x\nB: b at /y"
