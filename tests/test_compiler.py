"""What reading a definition reports where a field is of the other query language, or a name or function is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from express.compiler import check
from express.definition.document import load_definition


def problems(state: dict[str, Any], name: str = "A") -> list[str]:
    """The problems of a machine that starts with this state; `Z` is there to go to."""
    states = {name: state, "Z": {"Type": "Succeed"}}
    return [str(problem) for problem in check(load_definition({"StartAt": name, "States": states}))]


def other_language(field: str, location: str) -> str:
    return (
        f"SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field '{field}' "
        f"is only supported for the 'JSONata' QueryLanguage at {location}"
    )


TEST = {"Variable": "$.a", "IsNull": True}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"Type": "Pass", "Output": 1, "Next": "Z"}, other_language("Output", "/States/A")),
        (
            {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "Z"}]},
            other_language("Condition", "/States/A/Choices[0]"),
        ),
        (
            {"Type": "Choice", "Choices": [{**TEST, "Output": 1, "Next": "Z"}]},
            other_language("Output", "/States/A/Choices[0]"),
        ),
        (
            {"Type": "Choice", "Choices": [{"And": [{"Condition": "{% true %}"}], "Next": "Z"}]},
            other_language("Condition", "/States/A/Choices[0]/And[0]"),
        ),
        (
            {"Type": "Choice", "Choices": [{"Not": {**TEST, "Condition": "{% true %}"}, "Next": "Z"}]},
            other_language("Condition", "/States/A/Choices[0]/Not"),
        ),
        (
            {
                "Type": "Parallel",
                "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z", "Output": {}}],
                "Next": "Z",
            },
            other_language("Output", "/States/A/Catch[0]"),
        ),
    ],
)
def test_fields_of_the_other_query_language(state: dict[str, Any], expected: str) -> None:
    found = problems(state)
    assert expected in found
    assert not [problem for problem in found if "is not supported at" in problem]


def test_only_where_the_other_language_has_them() -> None:
    state = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}],
        "Retry": [{"ErrorEquals": ["States.ALL"], "Output": {}}],
        "Next": "Z",
    }
    assert problems(state) == ["SCHEMA_VALIDATION_FAILED: Field 'Output' is not supported at /States/A/Retry[0]"]


def test_the_empty_state_name() -> None:
    (problem,) = problems({"Type": "Pass", "Next": "Z"}, name="")
    assert problem.startswith("INVALID_STATE_NAME: Invalid State name: a name has at least one character at /States")


@pytest.mark.parametrize("comment", [5, None, ["x"]])
def test_a_comment_is_text(comment: object) -> None:
    state = {"Type": "Pass", "Comment": comment, "Next": "Z"}
    assert problems(state) == ["SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/A/Comment"]


@pytest.mark.parametrize("field", ["ErrorPath", "CausePath"])
@pytest.mark.parametrize(
    ("call", "allowed"),
    [
        ("States.Format('{}', $.a)", True),
        ("States.JsonToString(States.Array($.a))", True),
        ("States.ArrayGetItem($.a, 0)", True),
        ("States.Base64Encode($.a)", True),
        ("States.Base64Decode($.a)", True),
        ("States.Hash($.a, 'MD5')", True),
        ("States.UUID()", True),
        ("States.Array($.a)", False),
        ("States.StringToJson($.a)", False),
        ("States.MathAdd($.a, 1)", False),
    ],
)
def test_functions_of_a_fail_state(field: str, call: str, allowed: bool) -> None:
    definition = {"StartAt": "F", "States": {"F": {"Type": "Fail", field: call}}}
    found = [str(problem) for problem in check(load_definition(definition))]
    refusal = (
        f"SCHEMA_VALIDATION_FAILED: The intrinsic function {call.partition('(')[0]} is not supported in '{field}', "
        "which allows only [States.Format, States.JsonToString, States.ArrayGetItem, States.Base64Encode, "
        f"States.Base64Decode, States.Hash, States.UUID] at /States/F/{field}"
    )
    assert found == ([] if allowed else [refusal])
