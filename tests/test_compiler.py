"""The compiler: every rule that takes more than one state, several mistakes at once, and definitions meant to hurt.

Rules of single fields are in tests/states and tests/definition; how they are printed is in tests/definition.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.compiler import check
from express.definition import messages
from express.definition.document import MAX_COMPARISONS, load_definition
from express.definition.render import render_text
from tests.runtime.machines import (
    catching,
    compiled,
    each,
    executed,
    machine,
    parallel,
    run_clean,
    state,
    task,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.definition.problems import Problem


def problems(definition: Any, **options: Any) -> list[Problem]:
    """What `check` says about a definition, given as text so that it has lines and columns."""
    text = definition if isinstance(definition, str) else json.dumps(definition, indent=1)
    return check(load_definition(text), **options)


def lines(definition: Any, **options: Any) -> list[str]:
    return [str(problem) for problem in problems(definition, **options)]


# --------------------------------------------------------------------------------------------------------------
# the graph

GRAPH: dict[str, tuple[dict[str, Any], list[str]]] = {
    "StartAt names no state": (
        {"StartAt": "Nowhere", "States": {"A": state("Pass")}},
        ["MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere at /StartAt"],
    ),
    "Next names no state": (
        machine(A=state("Pass", Next="B"), C=state("Pass")),
        ["MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next"],
    ),
    "Default names no state": (
        machine(
            A=state("Choice", Choices=[{"Variable": "$", "IsNull": True, "Next": "B"}], Default="C"), B=state("Pass")
        ),
        ["MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Default"],
    ),
    "a rule names no state": (
        machine(
            A=state("Choice", Choices=[{"Variable": "$", "IsNull": True, "Next": "C"}], Default="B"), B=state("Pass")
        ),
        ["MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Choices[0]/Next"],
    ),
    "a catcher names no state": (
        machine(A=task("work", Catch=catching("States.ALL", to="B"))),
        ["MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Catch[0]/Next"],
    ),
    "a branch cannot leave": (
        machine(A=parallel(machine(B=state("Pass", Next="C"))), C=state("Pass")),
        [
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Branches[0]/States/B/Next",
            'MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C',
        ],
    ),
    "nobody can enter a branch": (
        machine(A=state("Pass", Next="B"), P=parallel(machine(B=state("Pass")))),
        ["MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next"],
    ),
    "an iteration cannot leave": (
        machine(A=each(machine(B=state("Pass", Next="A")))),
        ["MISSING_TRANSITION_TARGET: Missing 'Next' target: A at /States/A/ItemProcessor/States/B/Next"],
    ),
    "a state nobody leads to": (
        machine(A=state("Pass"), B=state("Pass")),
        ['MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B'],
    ),
    "states that only lead to each other": (
        machine(A=state("Pass"), B=state("Pass", Next="C"), C=state("Pass", Next="B")),
        [
            'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B',
            'MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/C',
        ],
    ),
    "a state nobody leads to in a branch": (
        machine(A=parallel(machine(B=state("Pass"), C=state("Pass")))),
        ['MISSING_TRANSITION_TARGET: State "C" is not reachable. at /States/A/Branches[0]/States/C'],
    ),
    "what stands behind a mistake is not judged": (
        machine(A=state("Pass", Next="B"), B={"Type": "Pass"}, C=state("Pass")),
        [
            "SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [Next, End] at /States/B"
        ],
    ),
    "no end, and a target is missing": (
        machine(A=state("Pass", Next="B")),
        [
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next",
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ],
    ),
    "where there is no end, nobody asks what can be reached": (
        machine(A=state("Pass", Next="A"), B=state("Pass", Next="A")),
        ["MISSING_END_STATE: Workflow has no terminal state at null"],
    ),
    "an end nobody leads to": (
        machine(A=state("Pass", Next="A"), B=state("Pass")),
        ['MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B'],
    ),
    "an end inside is no end of the machine": (
        machine(A=parallel(machine(B=state("Pass")), Next="A")),
        ["MISSING_END_STATE: Workflow has no terminal state at null"],
    ),
    "a Choice alone is no end": (
        machine(A=state("Choice", Choices=[{"Variable": "$", "IsNull": True, "Next": "A"}])),
        ["MISSING_END_STATE: Workflow has no terminal state at null"],
    ),
    "a Fail is an end": (machine(A=state("Pass", Next="B"), B=state("Fail")), []),
    "a branch may go round for ever": (machine(A=parallel(machine(B=state("Pass", Next="B")))), []),
    "no end": (
        machine(A=state("Pass", Next="B"), B=state("Pass", Next="A")),
        ["MISSING_END_STATE: Workflow has no terminal state at null"],
    ),
    "the same name in two branches": (
        machine(A=parallel(machine(B=state("Pass")), machine(B=state("Pass")))),
        ["DUPLICATE_STATE_NAME: Duplicate State name: B at /States/A/Branches[1]/States/B"],
    ),
    "the same name inside and outside": (
        machine(A=each(machine(A=state("Pass")))),
        ["DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A/ItemProcessor/States/A"],
    ),
    "names are case-sensitive": (machine(A=state("Pass", Next="a"), a=state("Pass")), []),
    "a name too long": (
        {"StartAt": "x" * 81, "States": {"x" * 81: state("Pass")}},
        [
            (
                f"INVALID_STATE_NAME: Invalid State name: {'x' * 81} exceeds the 80-character limit allowed by the service "
                f"at /States/{'x' * 81}"
            )
        ],
    ),
    "eighty characters are allowed": ({"StartAt": "é" * 80, "States": {"é" * 80: state("Pass")}}, []),
    "no states": (
        {"StartAt": "A", "States": {}},
        ["SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States"],
    ),
    "nothing": ({}, ["SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /"]),
    "empty branches and their own StartAt": (
        machine(A=parallel({"States": {}})),
        [
            "SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt] at /States/A/Branches[0]",
            "SCHEMA_VALIDATION_FAILED: Value cannot be empty at /States/A/Branches[0]/States",
        ],
    ),
    "States of the wrong type": (
        {"StartAt": "A", "States": [state("Pass")]},
        ["SCHEMA_VALIDATION_FAILED: Expected value of type [OBJECT] at /States"],
    ),
    "a state of the wrong type": (
        {"StartAt": "A", "States": {"A": "Pass"}},
        ["SCHEMA_VALIDATION_FAILED: Expected value of type [OBJECT] at /States/A"],
    ),
    "StartAt of the wrong type": (
        {"StartAt": 1, "States": {"A": state("Pass")}},
        ["SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /StartAt"],
    ),
    "no Type": (
        machine(A={"End": True}),
        ["SCHEMA_VALIDATION_FAILED: These fields are required: [Type] at /States/A"],
    ),
    "Type of the wrong type": (
        machine(A={"Type": 1, "End": True}),
        ["SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/A/Type"],
    ),
    "a state that could not be read is still there": (
        machine(A=state("Pass", Next="B"), B={"Type": "Paas", "End": True}),
        [
            (
                "SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: "
                "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/B/Type"
            )
        ],
    ),
}


@pytest.mark.parametrize(("definition", "expected"), GRAPH.values(), ids=GRAPH.keys())
def test_graph(definition: dict[str, Any], expected: list[str]) -> None:
    assert lines(definition) == expected


@pytest.mark.parametrize(("definition", "expected"), GRAPH.values(), ids=GRAPH.keys())
def test_compile_refuses_what_check_does(definition: dict[str, Any], expected: list[str]) -> None:
    """Law 9: valid means it compiles."""
    if not expected:
        express.compile(definition, express.Tasks(), unresolved="fail-at-run")
        return
    with pytest.raises(express.DefinitionError) as raised:
        express.compile(definition, express.Tasks(), unresolved="fail-at-run")
    assert sorted(str(raised.value).split("\n")) == sorted(expected)


def test_a_warning_does_not_hide_that_there_is_no_end() -> None:
    text = '{"Comment": "a", "Comment": "b", "StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}'
    assert {problem.code for problem in problems(text)} == {"DUPLICATE_FIELD", "MISSING_END_STATE"}
    with pytest.raises(express.DefinitionError):
        express.compile(text)


# --------------------------------------------------------------------------------------------------------------
# variables of outer scopes


def assigning(name: str, **fields: Any) -> dict[str, Any]:
    return state("Pass", Assign={name: 1}, **fields)


VARIABLES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a branch shadows": (
        machine(A=assigning("x", Next="B"), B=parallel(machine(C=assigning("x")))),
        ["Variable 'x' is already assigned in an outer scope at /States/B/Branches[0]/States/C/Assign/x"],
    ),
    "an iteration shadows": (
        machine(A=assigning("x", Next="B"), B=each(machine(C=assigning("x")))),
        ["Variable 'x' is already assigned in an outer scope at /States/B/ItemProcessor/States/C/Assign/x"],
    ),
    "whoever assigns first": (
        machine(B=parallel(machine(C=assigning("x")), Next="A"), A=assigning("x")),
        ["Variable 'x' is already assigned in an outer scope at /States/B/Branches[0]/States/C/Assign/x"],
    ),
    "two levels up": (
        machine(A=assigning("x", Next="B"), B=parallel(machine(C=each(machine(D=assigning("x")))))),
        [
            (
                "Variable 'x' is already assigned in an outer scope "
                "at /States/B/Branches[0]/States/C/ItemProcessor/States/D/Assign/x"
            )
        ],
    ),
    "from a catcher": (
        machine(
            A=parallel(machine(B=assigning("x")), Catch=catching("States.ALL", to="C", Assign={"x": 1})),
            C=state("Pass"),
        ),
        [],
    ),
    "from a catcher of another": (
        machine(
            A=each(machine(D=state("Pass")), Catch=catching("States.ALL", to="C", Assign={"x": 1}), Next="C"),
            C=parallel(machine(B=assigning("x"))),
        ),
        ["Variable 'x' is already assigned in an outer scope at /States/C/Branches[0]/States/B/Assign/x"],
    ),
    "from a rule": (
        machine(
            A=state(
                "Choice", Choices=[{"Variable": "$", "IsNull": True, "Next": "B", "Assign": {"x": 1}}], Default="B"
            ),
            B=each(machine(C=assigning("x"))),
        ),
        ["Variable 'x' is already assigned in an outer scope at /States/B/ItemProcessor/States/C/Assign/x"],
    ),
    "with a path": (
        machine(A=state("Pass", Assign={"x.$": "$"}, Next="B"), B=each(machine(C=assigning("x")))),
        ["Variable 'x' is already assigned in an outer scope at /States/B/ItemProcessor/States/C/Assign/x"],
    ),
    "siblings do not shadow": (machine(A=parallel(machine(B=assigning("x")), machine(C=assigning("x")))), []),
    "the same scope may assign again": (machine(A=assigning("x", Next="B"), B=assigning("x")), []),
    "of an inner scope nothing remains": (
        machine(A=parallel(machine(B=assigning("x")), Next="C"), C=parallel(machine(D=assigning("x")))),
        [],
    ),
}


@pytest.mark.parametrize(("definition", "expected"), VARIABLES.values(), ids=VARIABLES.keys())
def test_inner_scopes_do_not_shadow(definition: dict[str, Any], expected: list[str]) -> None:
    assert lines(definition) == [f"SCHEMA_VALIDATION_FAILED: {line}" for line in expected]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("states", "RESERVED_VARIABLE_NAME"),
        ("a.b", "INVALID_VARIABLE_NAME"),
        ("1a", "INVALID_VARIABLE_NAME"),
        ("a-b", "INVALID_VARIABLE_NAME"),
        ("", "INVALID_VARIABLE_NAME"),
        ("a b", "INVALID_VARIABLE_NAME"),
        ("$a", "INVALID_VARIABLE_NAME"),
        ("x" * 81, "INVALID_VARIABLE_NAME"),
        ("x" * 80, None),
        ("größe", None),
        ("a_1", None),
    ],
)
def test_names_of_variables(name: str, code: str | None) -> None:
    found = [problem.code for problem in problems(machine(A=state("Pass", Assign={name: 1})))]
    assert found == ([] if code is None else [code])


# --------------------------------------------------------------------------------------------------------------
# fields

FIELDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown at the top": (
        {**machine(A=state("Pass")), "StartsAt": "A"},
        ["SCHEMA_VALIDATION_FAILED: Field 'StartsAt' is not supported at /"],
    ),
    "unknown in a state": (
        machine(A=state("Pass", Paramaters={})),
        ["SCHEMA_VALIDATION_FAILED: Field 'Paramaters' is not supported at /States/A"],
    ),
    "of another type of state": (
        machine(A=state("Pass", Seconds=1)),
        ["SCHEMA_VALIDATION_FAILED: Field 'Seconds' is not supported at /States/A"],
    ),
    "of another query language": (
        machine(A=state("Pass", Output={})),
        [
            (
                "SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' "
                "is only supported for the 'JSONata' QueryLanguage at /States/A"
            )
        ],
    ),
    "a top-level field in a branch": (
        machine(A=parallel({**machine(B=state("Pass")), "TimeoutSeconds": 3})),
        ["SCHEMA_VALIDATION_FAILED: Field 'TimeoutSeconds' is not supported at /States/A/Branches[0]"],
    ),
    "comments everywhere": (
        {
            **machine(A=parallel({**machine(B=state("Pass", Comment="c")), "Comment": "c"}, Comment="c")),
            "Comment": "c",
            "Version": "1.0",
        },
        [],
    ),
    "an old version": (
        {**machine(A=state("Pass")), "Version": "2.0"},
        ["SCHEMA_VALIDATION_FAILED: Value should be one of the following: [1.0] at /Version"],
    ),
    "a version that is no text": (
        {**machine(A=state("Pass")), "Version": 1.0},
        ["SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /Version"],
    ),
    "no query language of ours": (
        {**machine(A=state("Pass")), "QueryLanguage": "jsonpath"},
        ["SCHEMA_VALIDATION_FAILED: Value should be one of the following: [JSONPath, JSONata] at /QueryLanguage"],
    ),
    "a timeout of nothing": ({**machine(A=state("Pass")), "TimeoutSeconds": 0}, []),
    "a timeout below nothing": (
        {**machine(A=state("Pass")), "TimeoutSeconds": -1},
        ["SCHEMA_VALIDATION_FAILED: Minimum value is 0 at /TimeoutSeconds"],
    ),
    "a timeout beyond all measure": (
        {**machine(A=state("Pass")), "TimeoutSeconds": 100_000_000},
        ["SCHEMA_VALIDATION_FAILED: Maximum value is 99999999 at /TimeoutSeconds"],
    ),
    "a query language of a branch": (
        machine(A=parallel({**machine(B=state("Pass")), "QueryLanguage": "JSONPath"})),
        ["SCHEMA_VALIDATION_FAILED: Field 'QueryLanguage' is not supported at /States/A/Branches[0]"],
    ),
    "a timeout that is none": (
        {**machine(A=state("Pass")), "TimeoutSeconds": "10"},
        ["SCHEMA_VALIDATION_FAILED: Expected value of type Integer at /TimeoutSeconds"],
    ),
    "neither Next nor End": (
        machine(A={"Type": "Pass"}, B=state("Pass")),
        [
            "SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [Next, End] at /States/A"
        ],
    ),
    "End false": (
        machine(A={"Type": "Pass", "End": False}),
        [
            "SCHEMA_VALIDATION_FAILED: This object should have only one of the following fields: [Next, End] at /States/A"
        ],
    ),
    "Next and End": (
        machine(A={"Type": "Pass", "Next": "B", "End": True}, B=state("Pass")),
        ["SCHEMA_VALIDATION_FAILED: There should only be one of the following fields: [Next, End] at /States/A"],
    ),
    "Next where there is none": (
        machine(A={"Type": "Succeed", "Next": "B"}, B=state("Pass")),
        ["SCHEMA_VALIDATION_FAILED: Field 'Next' is not supported at /States/A"],
    ),
    "an unknown query language": (
        machine(A=state("Pass", QueryLanguage="XPath")),
        [
            "SCHEMA_VALIDATION_FAILED: Value should be one of the following: [JSONPath, JSONata] at /States/A/QueryLanguage"
        ],
    ),
    "JSONPath in a JSONata machine": (
        {**machine(A=state("Pass", QueryLanguage="JSONPath")), "QueryLanguage": "JSONata"},
        [
            (
                "SCHEMA_VALIDATION_FAILED: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' "
                "for whole state machine at /States/A"
            )
        ],
    ),
}


@pytest.mark.parametrize(("definition", "expected"), FIELDS.values(), ids=FIELDS.keys())
def test_fields(definition: dict[str, Any], expected: list[str]) -> None:
    found = [line for line in lines(definition) if "not reachable" not in line]
    assert found == expected


@pytest.mark.parametrize(
    ("definition", "suggestion"),
    [
        (machine(A=state("Pass", Paramaters={})), "did you mean `Parameters`?"),
        (machine(A=state("Pass", resultpath="$.a")), "did you mean `ResultPath`?"),
        (machine(A=state("Pass", Banana=1)), None),
        (machine(A={"Type": "pass", "End": True}), "did you mean `Pass`?"),
        (machine(A={"Type": "Tsak", "End": True}), "did you mean `Task`?"),
        (machine(Charge=state("Pass", Next="Refnd"), Refund=state("Pass")), "did you mean `Refund`?"),
        ({"StartAt": "charge", "States": {"Charge": state("Pass")}}, "did you mean `Charge`?"),
        (machine(A={"Type": "Pass"}), 'add "Next": "<state>" or "End": true'),
    ],
)
def test_suggestions(definition: dict[str, Any], suggestion: str | None) -> None:
    assert next(problem.suggestion for problem in problems(definition)) == suggestion


# --------------------------------------------------------------------------------------------------------------
# fields of the other query language, names and functions


def beside_z(definition: dict[str, Any], name: str = "A") -> list[str]:
    """The problems of a machine that starts with this state; `Z` is there to go to."""
    return lines({"StartAt": name, "States": {name: definition, "Z": state("Succeed")}})


def other_language(field: str, location: str) -> str:
    return (
        f"SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field '{field}' "
        f"is only supported for the 'JSONata' QueryLanguage at {location}"
    )


TEST = {"Variable": "$.a", "IsNull": True}


@pytest.mark.parametrize(
    ("definition", "expected"),
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
def test_fields_of_the_other_query_language(definition: dict[str, Any], expected: str) -> None:
    consequences = ("MISSING_END_STATE", "MISSING_TRANSITION_TARGET")
    assert [problem for problem in beside_z(definition) if not problem.startswith(consequences)] == [expected]


def test_only_where_the_other_language_has_them() -> None:
    definition = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}],
        "Retry": [{"ErrorEquals": ["States.ALL"], "Output": {}}],
        "Next": "Z",
    }
    assert beside_z(definition) == ["SCHEMA_VALIDATION_FAILED: Field 'Output' is not supported at /States/A/Retry[0]"]


def test_the_empty_state_name() -> None:
    (problem,) = beside_z({"Type": "Pass", "Next": "Z"}, name="")
    assert problem.startswith("INVALID_STATE_NAME: Invalid State name: a name has at least one character at /States")


@pytest.mark.parametrize("comment", [5, None, ["x"]])
def test_a_comment_is_text(comment: object) -> None:
    definition = {"Type": "Pass", "Comment": comment, "Next": "Z"}
    assert beside_z(definition) == ["SCHEMA_VALIDATION_FAILED: Expected value of type [STRING] at /States/A/Comment"]


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
    found = lines(definition)
    refusal = (
        f"SCHEMA_VALIDATION_FAILED: The intrinsic function {call.partition('(')[0]} is not supported in '{field}', "
        "which allows only [States.Format, States.JsonToString, States.ArrayGetItem, States.Base64Encode, "
        f"States.Base64Decode, States.Hash, States.UUID] at /States/F/{field}"
    )
    assert found == ([] if allowed else [refusal])


# --------------------------------------------------------------------------------------------------------------
# places and order


def test_problems_have_their_place_and_come_in_the_order_of_the_text() -> None:
    text = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Task", "Resource": "nonsense", "Retry": [{"ErrorEquals": []}], "Next": "B"},
    "B": {"Type": "Wait", "Seconds": -1, "Timestamp": "tomorrow", "Next": "C"},
    "C": {"Type": "Choice", "Choices": [{"Variable": "x", "IsNull": true, "Next": "Nowhere"}]},
    "D": {"Type": "Pass", "Assign": {"states": 1}, "End": true}
  },
  "Extra": 1
}"""
    found = problems(text)
    assert [(problem.line, problem.source_line[problem.column - 1 :][: problem.length]) for problem in found] == [
        (4, '"nonsense"'),
        (4, '"ErrorEquals"'),
        (5, "-1"),
        (5, '"Timestamp"'),
        (5, '"tomorrow"'),
        (6, '"x"'),
        (6, '"Nowhere"'),
        (7, '"states"'),
        (9, '"Extra"'),
    ]


def test_a_dict_has_no_lines() -> None:
    with pytest.raises(express.DefinitionError) as raised:
        express.compile(machine(A=state("Pass", Next="B"), C=state("Pass")))
    [problem] = raised.value.problems
    assert (problem.line, problem.column) == (0, 0)
    assert problem.location == "/States/A/Next"


@pytest.mark.parametrize("definition", [row[0] for table in (GRAPH, VARIABLES, FIELDS) for row in table.values()])
def test_every_problem_with_a_location_has_a_frame(definition: dict[str, Any]) -> None:
    """A line, a column and a caret under the characters at fault."""
    for problem in problems(definition):
        frame = render_text([problem], source_name="w.json")
        if problem.location is None:
            assert frame.endswith(" --> w.json\n")
        else:
            assert f" --> w.json:{problem.line}:{problem.column} ({problem.location})\n" in frame
            assert frame.split("\n")[4].rpartition("| ")[2].strip("^ ") == ""
            assert "^" in frame


def test_names_with_special_characters_are_located() -> None:
    definition = {"StartAt": "a/b~c", "States": {"a/b~c": state("Pass", Next="nowhere"), 'q"[0]': state("Pass")}}
    assert [problem.code for problem in problems(definition)] == ["MISSING_TRANSITION_TARGET"]


# --------------------------------------------------------------------------------------------------------------
# warnings


def looks_like(name: str, likeness: str, computed: str, location: str) -> str:
    advice = f"Instead of '{name}', use '{computed}' to evaluate it as {likeness} at runtime."
    return f"The value of '{name}' looks like {likeness}. {advice} at {location}"


def no_dollar(name: str, location: str, likeness: str = "a JSONPath") -> str:
    return "NO_DOLLAR: " + looks_like(name, likeness, f"{name}.$", location)


def no_path(name: str, location: str) -> str:
    return "NO_PATH: " + looks_like(name, "a JSONPath", f"{name}Path", location)


def static(name: str) -> str:
    return (
        f"PASS_RESULT_IS_STATIC: The value of '{name}' will not evaluate as a JSONPath or Intrinsic Function at "
        "runtime. Instead of 'Result', use 'Parameters' to evaluate it as a JSONPath or Intrinsic Function at runtime. "
        "at /States/A/Result"
    )


#: (state A, warnings and the text underlined for each). The first four are those of the API reference.
WARNINGS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "a template": (state("Pass", Parameters={"a": "$.b"}), [(no_dollar("a", "/States/A/Parameters"), '"$.b"')]),
    "a Result": (state("Pass", Result={"c.$": "$.d"}), [(static("c.$"), '"$.d"')]),
    "an Error": (state("Fail", Error="$.error"), [(no_path("Error", "/States/A/Error"), '"$.error"')]),
    "a Cause": (state("Fail", Cause="$.cause"), [(no_path("Cause", "/States/A/Cause"), '"$.cause"')]),
    "deep in a template": (
        state("Pass", Parameters={"a": [{"b": {"c": "$$.State.Name", "d.$": "$.x"}}]}),
        [(no_dollar("c", "/States/A/Parameters"), '"$$.State.Name"')],
    ),
    "an intrinsic call": (
        state("Pass", Parameters={"a": "States.UUID()"}),
        [(no_dollar("a", "/States/A/Parameters", "an Intrinsic Function"), '"States.UUID()"')],
    ),
    "a field of a variable": (
        state("Pass", Assign={"a": "$order.id"}),
        [(no_dollar("a", "/States/A/Assign"), '"$order.id"')],
    ),
    "what a task gives": (
        task("work", ResultSelector={"a": "$"}),
        [(no_dollar("a", "/States/A/ResultSelector"), '"$"')],
    ),
    "what an iteration gets": (
        each(machine(B=state("Pass")), ItemSelector={"a": "$$.Map.Item.Value"}),
        [(no_dollar("a", "/States/A/ItemSelector"), '"$$.Map.Item.Value"')],
    ),
    "credentials": (
        task("work", Credentials={"RoleArn": "$.role"}),
        [(no_dollar("RoleArn", "/States/A/Credentials"), '"$.role"')],
    ),
    "a Result that is a path": (state("Pass", Result="$.a"), [(static("Result"), '"$.a"')]),
    "paths deep in a Result": (
        state("Pass", Result=[{"a": "$.b"}, {"c": {"d.$": 5}}]),
        [(static("a"), '"$.b"'), (static("d.$"), "5")],
    ),
    "a text to compare with": (
        state("Choice", Choices=[{"Variable": "$.a", "StringEquals": "$.b", "Next": "Z"}]),
        [(no_path("StringEquals", "/States/A/Choices[0]/StringEquals"), '"$.b"')],
    ),
    "prices, versions, words and patterns are no paths": (
        state("Pass", Parameters={"a": "$5.00", "b": "$LATEST", "c": "${x}", "d": "States.", "e": "cost: $.a"}),
        [],
    ),
    "a computed value": (state("Pass", Parameters={"a.$": "$.b", "c": {"d.$": "States.UUID()"}}), []),
    "a Result of plain text": (state("Pass", Result={"a": "b", "price": "$1"}), []),
    "a pattern": (
        state("Choice", Choices=[{"Variable": "$.a", "StringMatches": "$.*", "Next": "Z"}]),
        [],
    ),
}


@pytest.mark.parametrize(("warned", "expected"), WARNINGS.values(), ids=WARNINGS.keys())
def test_warnings(warned: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """They are told with their place, and no machine is refused for them."""
    choosing = {"Default": "Z"} if warned["Type"] == "Choice" else {}
    going = {"End": False, "Next": "Z"} if "End" in warned else choosing
    definition = {"StartAt": "A", "States": {"A": {**warned, **going}, "Z": state("Succeed")}}
    if warned["Type"] == "Fail":
        del definition["States"]["Z"]  # type: ignore[attr-defined]
    found = problems(definition)
    assert [(str(problem), underlined(problem)) for problem in found] == expected
    assert {problem.severity for problem in found} <= {"WARNING"}
    assert express.compile(definition, unresolved="fail-at-run").name == "workflow"


def underlined(problem: Problem) -> str:
    return problem.source_line[problem.column - 1 :][: problem.length]


#: (state A with a path where a number must be, field): an error, and the warning that says what to write instead.
NUMBERS: list[tuple[dict[str, Any], str]] = [
    (state("Wait", Seconds="$.s"), "Seconds"),
    (state("Wait", Timestamp="$.t"), "Timestamp"),
    (task("work", TimeoutSeconds="$.t"), "TimeoutSeconds"),
    (task("work", HeartbeatSeconds="$.h"), "HeartbeatSeconds"),
    (each(machine(B=state("Pass")), MaxConcurrency="$.m"), "MaxConcurrency"),
    (each(machine(B=state("Pass")), ToleratedFailureCount="$.c"), "ToleratedFailureCount"),
    (each(machine(B=state("Pass")), ToleratedFailurePercentage="$.p"), "ToleratedFailurePercentage"),
]


@pytest.mark.parametrize(("definition", "field"), NUMBERS)
def test_a_path_where_a_number_must_be(definition: dict[str, Any], field: str) -> None:
    error, warning = problems(machine(A=definition))
    assert (error.severity, error.location) == ("ERROR", f"/States/A/{field}")
    assert (warning.severity, str(warning)) == ("WARNING", no_path(field, f"/States/A/{field}"))


# --------------------------------------------------------------------------------------------------------------
# Express and Standard

RUN_A_JOB = state("Task", Resource="arn:aws:states:::ecs:runTask.sync", Parameters={"TaskDefinition": "t"})
EXPRESS_REFUSES: dict[str, tuple[dict[str, Any], str]] = {
    ".sync": (
        machine(A=RUN_A_JOB),
        "Express state machine does not support '.sync' service integration at /States/A/Resource",
    ),
    ".sync:2": (
        machine(
            A=state(
                "Task",
                Resource="arn:aws:states:::states:startExecution.sync:2",
                Parameters={"StateMachineArn": "m"},
            )
        ),
        "Express state machine does not support '.sync' service integration at /States/A/Resource",
    ),
    ".waitForTaskToken": (
        machine(
            A=state(
                "Task",
                Resource="arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                Parameters={"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
            )
        ),
        "Express state machine does not support '.waitForTaskToken' service integration  at /States/A/Resource",
    ),
    "an activity": (
        machine(A=state("Task", Resource="arn:aws:states:us-east-1:123456789012:activity:Work")),
        "Express state machine does not support Activity ARN at /States/A/Resource",
    ),
    "a distributed Map": (
        machine(
            A=each({**machine(B=state("Pass")), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}})
        ),
        (
            "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines "
            "at /States/A/ItemProcessor/ProcessorConfig/Mode"
        ),
    ),
    "in a branch": (
        machine(A=parallel(machine(B=RUN_A_JOB))),
        (
            "Express state machine does not support '.sync' service integration "
            "at /States/A/Branches[0]/States/B/Resource"
        ),
    ),
}


@pytest.mark.parametrize(("definition", "refusal"), EXPRESS_REFUSES.values(), ids=EXPRESS_REFUSES.keys())
def test_what_express_refuses_standard_takes(definition: dict[str, Any], refusal: str) -> None:
    [line] = lines(definition)
    assert line == f"SCHEMA_VALIDATION_FAILED: {refusal}"
    assert lines(definition, type="STANDARD") == []
    assert express.compile(definition, express.Tasks(), type="STANDARD", unresolved="fail-at-run").type == "STANDARD"


# --------------------------------------------------------------------------------------------------------------
# definitions meant to hurt


def nest(levels: int, wrap: Any, innermost: Any) -> Any:
    value = innermost
    for level in range(levels):
        value = wrap(value, level)
    return value


def in_branches(levels: int) -> dict[str, Any]:
    inner = machine(Innermost=state("Pass"))
    return nest(levels, lambda value, level: machine(**{f"P{level}": parallel(value)}), inner)  # type: ignore[no-any-return]


def in_maps(levels: int) -> dict[str, Any]:
    inner = machine(Innermost=state("Pass"))
    return nest(levels, lambda value, level: machine(**{f"M{level}": each(value)}), inner)  # type: ignore[no-any-return]


def in_rules(levels: int) -> dict[str, Any]:
    rule = nest(levels, lambda value, level: {"Not": value}, {"Variable": "$", "IsNull": True})
    return machine(A=state("Choice", Choices=[{**rule, "Next": "B"}], Default="B"), B=state("Succeed"))


def in_and(levels: int) -> dict[str, Any]:
    rule = nest(
        levels,
        lambda value, level: {"And": [value, value]} if level < 8 else {"And": [value]},
        {"Variable": "$", "IsNull": True},
    )
    return machine(A=state("Choice", Choices=[{**rule, "Next": "B"}], Default="B"), B=state("Succeed"))


def in_template(levels: int) -> dict[str, Any]:
    return machine(A=state("Pass", Parameters=nest(levels, lambda value, level: {"a": value}, {"x.$": "$"})))


def in_template_arrays(levels: int) -> dict[str, Any]:
    return machine(A=state("Pass", Parameters={"a": nest(levels, lambda value, level: [value], {"x.$": "$"})}))


def in_literal(levels: int) -> dict[str, Any]:
    return machine(A=state("Pass", Parameters={"a": nest(levels, lambda value, level: [value], 1)}))


def in_result(levels: int) -> dict[str, Any]:
    return machine(A=state("Pass", Result=nest(levels, lambda value, level: [value], 1)))


def in_intrinsic(levels: int) -> dict[str, Any]:
    call = nest(levels, lambda value, level: f"States.Array({value})", "$")
    return machine(A=state("Pass", Parameters={"x.$": call}))


def in_path(levels: int) -> dict[str, Any]:
    return machine(A=state("Pass", InputPath="$" + ".a" * levels))


def in_filter(levels: int) -> dict[str, Any]:
    return machine(A=state("Pass", InputPath="$[?(" + "(" * levels + "@.a == 1" + ")" * levels + ")]"))


NESTERS = [
    in_branches, in_maps, in_rules, in_and, in_template, in_template_arrays, in_literal, in_result, in_intrinsic,
    in_path, in_filter,
]  # fmt: skip


@pytest.mark.parametrize("levels", [5, 12, 39, 60, 120, 240, 300, 480, 5_000])
@pytest.mark.parametrize("nester", NESTERS)
def test_nesting_never_breaks_the_compiler(nester: Any, levels: int) -> None:
    """It compiles (and then runs without breaking the engine), or is refused in words."""
    try:
        text = json.dumps(nester(levels))
    except RecursionError:
        return
    try:
        workflow = express.compile(text)
    except express.DefinitionError:
        assert levels > 5
        return
    result = run_clean(executed(workflow, {"a": []}))
    assert "Internal error" not in (result.cause or "")


@pytest.mark.parametrize("depth", [500, 2_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_text_that_is_only_brackets(depth: int, brackets: tuple[str, str]) -> None:
    opening, closing = brackets
    with pytest.raises(express.DefinitionError):
        express.compile(opening * depth + "1" + closing * depth)
    with pytest.raises(express.DefinitionError):
        express.compile(opening * depth)


@pytest.mark.slow
def test_ten_thousand_states() -> None:
    states = {f"S{index}": state("Pass", Next=f"S{index + 1}") for index in range(10_000)} | {
        "S10000": state("Succeed")
    }
    workflow = express.compile(machine(**states))
    assert run_clean(executed(workflow, 1)).output == 1
    assert len(workflow.state_entries) == 10_001


@pytest.mark.slow
def test_a_circle_of_ten_thousand_states() -> None:
    choices = [{"Variable": "$", "IsNull": True, "Next": "End"}]
    states: dict[str, Any] = {f"S{index}": state("Pass", Next=f"S{index + 1}") for index in range(10_000)}
    states["S10000"] = state("Choice", Choices=choices, Default="S0")
    states["End"] = state("Succeed")
    assert len(express.compile(machine(**states)).state_entries) == 10_002


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda index: state("Pass", Next=f"Stat{index}"), id="missing targets"),
        pytest.param(lambda index: {"Type": f"Paas{index}", "End": True}, id="unknown types"),
        pytest.param(lambda index: state("Pass", **{f"Parameter{index}": 1}), id="unknown fields"),
        pytest.param(lambda index: state("Pass", InputPath="$.["), id="bad paths"),
        pytest.param(lambda index: state("Pass"), id="unreachable"),
        pytest.param(lambda index: task("nobody"), id="unresolved tasks"),
    ],
)
def test_thousands_of_mistakes(make: Any) -> None:
    """All are told, and the work stays within bounds: `express.definition.document.MAX_COMPARISONS`."""
    definition = machine(**{f"State{index}": make(index) for index in range(3_000)})
    tasks = express.Tasks()
    for index in range(100):
        tasks.add(f"function{index}", lambda payload: payload)
    with pytest.raises(express.DefinitionError) as raised:
        express.compile(json.dumps(definition), tasks)
    assert len(raised.value.problems) >= 2_999


def test_suggestions_end_before_they_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each missing target is compared with the names of all states, until there were comparisons enough."""
    compared = 0

    def close_matches(word: str, candidates: Iterable[str], **options: Any) -> list[str]:
        nonlocal compared
        compared += len(list(candidates))
        return []

    monkeypatch.setattr(messages, "get_close_matches", close_matches)
    definition = machine(**{f"State{index}": state("Pass", Next=f"Nowhere{index}") for index in range(1_000)})
    assert len(problems(definition)) == 1_001
    assert compared == MAX_COMPARISONS


#: Values that belong nowhere, somewhere.
JUNK: list[Any] = [None, True, -1, 1.5, 10**30, "", "$", "$[", "States.UUID()", "x" * 300, [], [[None]], {}, {"a.$": 1}]
NAMES = ["Next", "Type", "Assign", "Choices", "Retry", "Condition", "States", "x.$", "", "a/b~"]


def mutilated(definition: Any, chance: random.Random) -> Any:
    """The definition with one member replaced, dropped or copied to another name."""
    containers = [definition]
    for container in containers:
        members = container.values() if isinstance(container, dict) else container
        containers.extend(member for member in members if isinstance(member, dict | list) and member)
    container = chance.choice(containers)
    key = chance.choice(list(container) if isinstance(container, dict) else range(len(container)))
    match chance.randrange(3):
        case 0:
            container[key] = chance.choice(JUNK)
        case 1 if container is not definition:
            del container[key]
        case _ if isinstance(container, dict):
            container[chance.choice(NAMES)] = container[key]
    return json.loads(json.dumps(definition))


@pytest.mark.parametrize("seed", range(8))
def test_mutilated_definitions_are_judged_in_words(seed: int) -> None:
    """Never a traceback, and a place for each problem; what has no error builds (`check` runs the whole compiler)."""
    chance = random.Random(seed)
    files = sorted((Path(__file__).parent / "cases").glob("*.json"))
    definitions = [case["definition"] for file in files for case in json.loads(file.read_text())]
    for definition in chance.sample(definitions, 40):
        value = json.loads(json.dumps(definition))
        for _ in range(3):
            value = mutilated(value, chance) if value else value
            for problem in problems(value):
                assert problem.line or problem.code == "MISSING_END_STATE"


def test_many_branches() -> None:
    branches = [machine(**{f"B{index}": state("Pass", Result=index)}) for index in range(2_000)]
    workflow = express.compile(machine(A=parallel(*branches)))
    assert run_clean(executed(workflow)).output == list(range(2_000))


def test_a_definition_that_is_too_large() -> None:
    definition = {**machine(A=state("Pass")), "Comment": "x" * 1_048_576}
    with pytest.raises(express.DefinitionError, match="the maximum is 1048576"):
        express.compile(definition)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "[]",
        '"text"',
        "{",
        "{}",
        '{"StartAt": }',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        "\x00",
        "{'a': 1}",
    ],
)
def test_what_is_no_definition(text: str) -> None:
    with pytest.raises(express.DefinitionError) as raised:
        express.compile(text if text.strip()[:1] in ("{", "[", '"', "") else text.encode())
    assert raised.value.problems


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": {1, 2}}, {"a": b""}])
def test_a_dict_that_is_no_json(value: dict[str, Any]) -> None:
    with pytest.raises(express.DefinitionError, match="Definition is not JSON"):
        express.compile(value)


def test_everything_compiles_together() -> None:
    """One machine with each type of state, compiled and run."""
    definition = machine(
        Start=state("Pass", Result={"items": [1, 2], "n": 0}, Next="Each"),
        Each=each(
            machine(Double=state("Pass", Parameters={"v.$": "$"})),
            ItemsPath="$.items",
            ResultPath="$.done",
            Next="Both",
        ),
        Both=parallel(machine(L=wait(1)), machine(R=task("work")), ResultPath="$.both", Next="Pick"),
        Pick=state("Choice", Choices=[{"Variable": "$.n", "NumericEquals": 0, "Next": "Good"}], Default="Bad"),
        Good=state("Succeed", OutputPath="$.done"),
        Bad=state("Fail", Error="Bad"),
    )
    workflow = compiled(definition, work=lambda payload: 1)
    assert run_clean(executed(workflow)).output == [{"v": 1}, {"v": 2}]


@pytest.mark.parametrize("argument", ["[1e999]", '["\\ud800"]', "[" * 300 + "]" * 300])
def test_arguments_of_path_functions_that_no_payload_can_hold(argument: str) -> None:
    """They compile, and fail the state that would put them out."""
    path = f'$.a.append({{"k": {argument}}})'
    workflow = express.compile(
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"x.$": path}, "End": True}}}
    )
    assert workflow.run({"a": []}).error == "States.Runtime"
