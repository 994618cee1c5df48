"""AWS's words, compared with answers of the service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from express.definition import messages

#: what we say, what the service was seen to say
MEASURED = [
    (messages.required(["StartAt", "States"]), "These fields are required: [States, StartAt]"),
    (messages.unsupported_field("Catch"), "Field 'Catch' is not supported"),
    (messages.only_one_of(["End", "Next"]), "There should only be one of the following fields: [Next, End]"),
    (
        messages.only_one_of(["Seconds", "SecondsPath", "Timestamp", "TimestampPath"]),
        "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
    ),
    (
        messages.exactly_one_of(["Iterator", "ItemProcessor"]),
        "This object should have only one of the following fields: [ItemProcessor, Iterator]",
    ),
    (
        messages.rule_kind(["And", "Or", "Not", "Variable", "Condition"]),
        "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]",
    ),
    (messages.expected_type("STRING"), "Expected value of type [STRING]"),
    (messages.expected_number("Integer"), "Expected value of type Integer"),
    (messages.allowed_values(["JSONPath", "JSONata"]), "Value should be one of the following: [JSONPath, JSONata]"),
    (
        messages.state_type(),
        "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
    ),
    (
        messages.no_allowed_value("Resource"),
        "The field 'Resource' does not match any of the allowed values",
    ),
    (messages.minimum(0), "Minimum value is 0"),
    (messages.minimum(0.0), "Minimum value is 0.0"),
    (messages.maximum(100.0), "Maximum value is 100.0"),
    (messages.maximum(99_999_999), "Maximum value is 99999999"),
    (messages.missing_target("pass3"), "Missing 'Next' target: pass3"),
    (messages.unreachable("pass2"), 'State "pass2" is not reachable.'),
    (messages.duplicate_state("Add"), "Duplicate State name: Add"),
    (messages.duplicate_label("L"), "Duplicate Label name: L"),
    (
        messages.other_query_language("Output", language="JSONPath", needed="JSONata"),
        "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage",
    ),
    (messages.top_level_reference("phone"), "Reference to 'phone' at the top level is not supported."),
    (
        messages.invalid_variable("a b"),
        "Invalid variable name 'a b': the variable name contains invalid characters.",
    ),
    (
        messages.not_a_template_value("parsed.$"),
        "The value for the field 'parsed.$' must be a valid JSONPath or a valid intrinsic function call",
    ),
    (
        messages.EXPRESS_DISTRIBUTED,
        "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
    ),
    (
        messages.parameters_required("arn:aws:states:::sqs:sendMessage"),
        "Parameters field is required for resource ARN: arn:aws:states:::sqs:sendMessage",
    ),
    (messages.allowed_values(["NONE", "FULL"]), "Value should be one of the following: [NONE, FULL]"),
    # Quoted in the API reference, "ValidateStateMachineDefinition".
    (
        messages.no_dollar("a", "a JSONPath"),
        "The value of 'a' looks like a JSONPath. Instead of 'a', use 'a.$' to evaluate it as a JSONPath at runtime.",
    ),
    (
        messages.no_path("Error", "a JSONPath"),
        (
            "The value of 'Error' looks like a JSONPath. Instead of 'Error', use 'ErrorPath' to evaluate it as a "
            "JSONPath at runtime."
        ),
    ),
    (
        messages.static_result("c.$"),
        (
            "The value of 'c.$' will not evaluate as a JSONPath or Intrinsic Function at runtime. Instead of 'Result', "
            "use 'Parameters' to evaluate it as a JSONPath or Intrinsic Function at runtime."
        ),
    ),
    (messages.express_pattern(".sync"), "Express state machine does not support '.sync' service integration"),
]


@pytest.mark.parametrize(("ours", "theirs"), MEASURED)
def test_measured(ours: str, theirs: str) -> None:
    assert ours == theirs


#: one text of ours for each kind of answer kept in the recordings
RECORDED = [
    messages.NOT_AN_OBJECT,
    messages.required(["States"]),
    messages.required(["StartAt"]),
    messages.required_field("RoleArn"),
    messages.NOT_A_TIMESTAMP,
    messages.EMPTY,
    messages.express_pattern(".sync"),
    messages.express_pattern(".waitForTaskToken"),
    messages.unknown_resource("arn:aws:states:::dynamodb:query"),
]


@pytest.mark.parametrize("message", RECORDED)
def test_recorded(message: str) -> None:
    cases = Path(__file__).resolve().parents[2] / "../shared/aws-cases"
    if not cases.is_dir():
        pytest.skip("the recorded answers (../shared/aws-cases) are not here")
    quoted = json.dumps(message)[1:-1]
    endings = (f"{quoted} at /", f'{quoted}"')
    texts = (
        file.read_text() for folder in ("validation", "test_state", "api") for file in (cases / folder).glob("*.json")
    )
    assert any(ending in text for text in texts for ending in endings)


@pytest.mark.parametrize(
    ("name", "candidates", "suggestion"),
    [
        ("Resultpath", ["ResultPath", "OutputPath"], "did you mean `ResultPath`?"),
        ("nextt", ["Next", "End"], "did you mean `Next`?"),
        ("NEXT", ["Next"], "did you mean `Next`?"),
        ("Colour", ["Next", "End"], None),
        ("", ["Next"], None),
        ("Next", [], None),
    ],
)
def test_did_you_mean(name: str, candidates: list[str], suggestion: str | None) -> None:
    assert messages.did_you_mean(name, candidates) == suggestion
