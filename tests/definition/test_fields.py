"""Reading an object field by field: what each method answers, and what it reports instead of stopping."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from express.definition.document import load_definition
from express.definition.fields import MISSING, Fields
from express.foreign import MAX_DEPTH
from express.payload import cross

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON


def fields(value: JSON) -> Fields:
    return load_definition(json.dumps(value)).root


def reported(of: Fields) -> list[tuple[str, str | None]]:
    return [(problem.message, problem.location) for problem in of.document.problems]


#: a value of the field `F`, how it is read, what is read, what is reported
CASES: list[tuple[str, JSON, Callable[[Fields], Any], Any, list[tuple[str, str]]]] = [
    ("text", "x", lambda f: f.text("F"), "x", []),
    ("text absent", MISSING, lambda f: f.text("F"), None, []),
    ("text default", MISSING, lambda f: f.text("F", default="d"), "d", []),
    ("text required", MISSING, lambda f: f.text("F", required=True), None, [("These fields are required: [F]", "/")]),
    ("text type", 5, lambda f: f.text("F", default="d"), "d", [("Expected value of type [STRING]", "/F")]),
    ("text null", None, lambda f: f.text("F"), None, [("Expected value of type [STRING]", "/F")]),
    ("text null allowed", None, lambda f: f.text("F", default="d", allow_null=True), None, []),
    ("text length", "abc", lambda f: f.text("F", max_length=3), "abc", []),
    ("text too long", "abcd", lambda f: f.text("F", max_length=3), "abcd", [("Maximum length is 3", "/F")]),
    ("integer", 7, lambda f: f.integer("F"), 7, []),
    ("integer zero", 0, lambda f: f.integer("F", minimum=0), 0, []),
    ("integer default", MISSING, lambda f: f.integer("F", default=3), 3, []),
    ("integer float", 3.0, lambda f: f.integer("F"), None, [("Expected value of type Integer", "/F")]),
    ("integer bool", True, lambda f: f.integer("F"), None, [("Expected value of type Integer", "/F")]),
    ("integer text", "3", lambda f: f.integer("F", default=1), 1, [("Expected value of type Integer", "/F")]),
    ("integer low", -1, lambda f: f.integer("F", minimum=0, default=9), 9, [("Minimum value is 0", "/F")]),
    ("integer high", 11, lambda f: f.integer("F", maximum=10), None, [("Maximum value is 10", "/F")]),
    (
        "integer required",
        MISSING,
        lambda f: f.integer("F", required=True),
        None,
        [("These fields are required: [F]", "/")],
    ),
    ("number", 1.5, lambda f: f.number("F"), 1.5, []),
    ("number whole", 2, lambda f: f.number("F"), 2, []),
    ("number low", 0.5, lambda f: f.number("F", minimum=1, default=2.0), 2.0, [("Minimum value is 1.0", "/F")]),
    ("number high", 101, lambda f: f.number("F", maximum=100), None, [("Maximum value is 100.0", "/F")]),
    ("number type", "1", lambda f: f.number("F"), None, [("Expected value of type Double", "/F")]),
    ("number bool", False, lambda f: f.number("F"), None, [("Expected value of type Double", "/F")]),
    ("flag", True, lambda f: f.flag("F"), True, []),
    ("flag absent", MISSING, lambda f: f.flag("F"), False, []),
    ("flag default", MISSING, lambda f: f.flag("F", True), True, []),
    ("flag type", 1, lambda f: f.flag("F"), False, [("Expected value of type [BOOLEAN]", "/F")]),
    ("one_of", "NONE", lambda f: f.one_of("F", ["NONE", "FULL"]), "NONE", []),
    ("one_of absent", MISSING, lambda f: f.one_of("F", ["NONE", "FULL"], "NONE"), "NONE", []),
    (
        "one_of case",
        "full",
        lambda f: f.one_of("F", ["NONE", "FULL"], "NONE"),
        "NONE",
        [("Value should be one of the following: [NONE, FULL]", "/F")],
    ),
    ("one_of type", 1, lambda f: f.one_of("F", ["1"], "1"), "1", [("Expected value of type [STRING]", "/F")]),
    (
        "one_of required",
        MISSING,
        lambda f: f.one_of("F", ["1"], required=True),
        None,
        [("These fields are required: [F]", "/")],
    ),
    ("json", None, lambda f: f.json("F"), None, []),
    ("json absent", MISSING, lambda f: f.json("F"), MISSING, []),
    ("json default", MISSING, lambda f: f.json("F", 5), 5, []),
    ("object", {"a": 1}, lambda f: f.object("F", required=True) and f.value["F"], {"a": 1}, []),
    ("object absent", MISSING, lambda f: f.object("F"), None, []),
    ("object type", [], lambda f: f.object("F"), None, [("Expected value of type [OBJECT]", "/F")]),
    (
        "object required",
        MISSING,
        lambda f: f.object("F", required=True),
        None,
        [("These fields are required: [F]", "/")],
    ),
    ("objects", [{}, {"a": 1}], lambda f: [o.pointer for o in f.objects("F")], ["/F/0", "/F/1"], []),
    ("objects absent", MISSING, lambda f: f.objects("F"), [], []),
    ("objects type", {}, lambda f: f.objects("F"), [], [("Expected value of type [ARRAY]", "/F")]),
    ("objects empty", [], lambda f: f.objects("F"), [], []),
    ("objects not empty", [], lambda f: f.objects("F", allow_empty=False), [], [("Value cannot be empty", "/F")]),
    (
        "objects item",
        [1, {}],
        lambda f: [o.pointer for o in f.objects("F")],
        ["/F/1"],
        [("Expected value of type [OBJECT]", "/F[0]")],
    ),
    ("texts", ["a", "b"], lambda f: f.texts("F"), ["a", "b"], []),
    ("texts item", ["a", None], lambda f: f.texts("F"), ["a"], [("Expected value of type [STRING]", "/F[1]")]),
    ("texts type", "a", lambda f: f.texts("F"), [], [("Expected value of type [ARRAY]", "/F")]),
    ("texts not empty", [], lambda f: f.texts("F", allow_empty=False), [], [("Value cannot be empty", "/F")]),
    ("texts required", MISSING, lambda f: f.texts("F", required=True), [], [("These fields are required: [F]", "/")]),
    ("has", None, lambda f: f.has("F"), True, []),
    ("has not", MISSING, lambda f: f.has("F"), False, []),
]


@pytest.mark.parametrize(
    ("value", "read", "result", "problems"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_reading(value: JSON, read: Callable[[Fields], Any], result: JSON, problems: list[tuple[str, str]]) -> None:
    of = fields({} if value is MISSING else {"F": value})
    found = read(of)
    assert found == result
    assert type(found) is type(result)
    assert reported(of) == problems
    if "has" not in str(read.__code__.co_names):
        of.close()
        assert reported(of) == problems


def nested(levels: int, innermost: JSON = 1) -> JSON:
    """An array in an array, so many of them."""
    for _ in range(levels):
        innermost = [innermost]
    return innermost


@pytest.mark.parametrize("value", [None, 1, {}, nested(MAX_DEPTH), nested(MAX_DEPTH, []), {"a": nested(MAX_DEPTH - 1)}])
def test_what_a_payload_can_hold(value: JSON) -> None:
    of = fields({"F": value})
    assert of.payload("F") == value
    assert reported(of) == []
    assert cross(value)[0] == value


@pytest.mark.parametrize(
    ("value", "before"),
    [
        (nested(MAX_DEPTH + 1), 0),
        (nested(450), 0),
        (nested(MAX_DEPTH + 1, {}), 0),
        ({"shallow": [[]], "deep": nested(MAX_DEPTH)}, len('{"shallow": [[]], "deep": ') - 1),
    ],
    ids=["one too many", "many too many", "another object", "beside others"],
)
def test_what_no_payload_can_hold(value: JSON, before: int) -> None:
    """The bracket underlined is the first that opens too deep a level."""
    of = fields({"F": value})
    assert of.payload("F") is MISSING
    (problem,) = of.document.problems
    assert (problem.code, problem.location) == ("TOO_DEEPLY_NESTED", "/F")
    assert problem.message == f"Value is nested more than {MAX_DEPTH} levels deep"
    assert problem.column == len('{"F": ') + before + MAX_DEPTH + 1


def test_pointers_are_escaped() -> None:
    of = fields({"States": {"a/b~": {"Choices": [{}]}}})
    states = of.object("States")
    assert states is not None
    ((name, state),) = states.items()
    assert (name, state.pointer) == ("a/b~", "/States/a~1b~0")
    assert state.child("x/y") == "/States/a~1b~0/x~1y"
    assert state.objects("Choices")[0].pointer == "/States/a~1b~0/Choices/0"


def test_items_are_all_known_and_all_objects() -> None:
    of = fields({"A": {"x": 1}, "B": 5, "C": {}})
    assert [(name, item.value) for name, item in of.items()] == [("A", {"x": 1}), ("C", {})]
    of.close()
    assert reported(of) == [("Expected value of type [OBJECT]", "/B")]


@pytest.mark.parametrize(
    ("value", "required", "answer", "problems"),
    [
        ({}, False, None, []),
        ({}, True, None, [("This object should have only one of the following fields: [Next, End]", "/")]),
        ({"End": True}, True, "End", []),
        (
            {"End": True, "Next": "A"},
            True,
            "Next",
            [("There should only be one of the following fields: [Next, End]", "/")],
        ),
        (
            {"End": True, "Next": "A"},
            False,
            "Next",
            [("There should only be one of the following fields: [Next, End]", "/")],
        ),
    ],
)
def test_exclusive(value: JSON, required: bool, answer: str | None, problems: list[tuple[str, str]]) -> None:
    of = fields(value)
    assert of.exclusive("Next", "End", required=required) == answer
    of.close()
    assert reported(of) == problems


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ({"StartAt": 1, "States": 2}, []),
        ({"StartAt": 1}, [("These fields are required: [States]", "/")]),
        ({}, [("These fields are required: [States, StartAt]", "/")]),
    ],
)
def test_require(value: JSON, problems: list[tuple[str, str]]) -> None:
    of = fields(value)
    assert of.require("States", "StartAt") == (not problems)
    assert reported(of) == problems


def test_forbid_reports_once_and_at_the_object() -> None:
    of = fields({"A": {"Retry": []}})
    state = of.object("A")
    assert state is not None
    assert [state.forbid("Retry", "no"), state.forbid("Retry", "no"), state.forbid("Catch", "no")] == [
        True,
        False,
        False,
    ]
    state.close()
    (problem,) = of.document.problems
    assert (problem.message, problem.location, problem.column, problem.length) == ("no", "/A", 8, 7)


def test_close_reports_what_nobody_asked_for_and_what_may_be_meant() -> None:
    of = fields({"A": {"Comment": "fine", "Type": "Pass", "Resultpath": "$", "Nxt": "B", "Colour": 1, "comment": "x"}})
    state = of.object("A")
    assert state is not None
    state.text("Type")
    state.text("Next")
    state.text("ResultPath")
    state.close()
    assert [(p.message, p.location, p.suggestion, p.column) for p in of.document.problems] == [
        ("Field 'Resultpath' is not supported", "/A", "did you mean `ResultPath`?", 43),
        ("Field 'Nxt' is not supported", "/A", "did you mean `Next`?", 62),
        ("Field 'Colour' is not supported", "/A", None, 74),
        ("Field 'comment' is not supported", "/A", None, 87),
    ]


def test_report_takes_everything_a_document_takes() -> None:
    of = fields({"Path": "$.a["})
    of.report("Path", "bad", code="NO_PATH", offset=3, length=1, suggestion="close it", severity="WARNING")
    of.report(None, "whole")
    first, second = of.document.problems
    assert (first.code, first.severity, first.suggestion, first.column, first.length) == (
        "NO_PATH",
        "WARNING",
        "close it",
        14,
        1,
    )
    assert (second.code, second.location, second.severity) == ("SCHEMA_VALIDATION_FAILED", "/", "ERROR")


def test_every_reading_of_the_root_starts_anew() -> None:
    document = load_definition('{"a": 1}')
    document.root.json("a")
    document.root.close()
    assert [problem.message for problem in document.problems] == ["Field 'a' is not supported"]
