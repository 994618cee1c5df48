"""`{% … %}` in fields: what is read, what is refused and where, what results become."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from express.errors import EvaluationFailed
from express.expressions.jsonata.fields import (
    Mistake,
    Query,
    build_query,
    build_template,
    build_typed,
    growth_of_template,
    is_query,
    read_query,
    read_template,
)
from express.expressions.jsonata.growth import Growth
from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.states_object import (
    AFTER_ERROR,
    AFTER_WORK,
    BEFORE_WORK,
    Members,
    sections_read,
    uses_of,
)
from tests.expressions.recorded import FixedScope

if TYPE_CHECKING:
    from express.types import JSON


@dataclass
class Watched(FixedScope):
    """A scope that remembers which sections of the context object it was asked for."""

    asked: list[str | None] = field(default_factory=list)

    def context(self, section: str | None = None) -> dict[str, JSON]:
        self.asked.append(section)
        whole = {"Execution": {"Name": "e"}, "State": {"Name": "s"}}
        return whole if section is None else {section: whole.get(section)}


def query(expression: str, members: Members = BEFORE_WORK) -> Query:
    read = read_query(f"{{% {expression} %}}", "Output", members, unexpected)
    assert read is not None
    return read


def unexpected(mistake: Mistake) -> None:
    raise AssertionError(mistake)


def mistakes(value: JSON, members: Members = BEFORE_WORK) -> list[tuple[str, str, str]]:
    """Message, pointer and the characters at fault of everything that is wrong with a template."""
    found: list[Mistake] = []
    read_template(value, "Output", members, found.append)
    return [(mistake.message, mistake.pointer, at_fault(value, mistake)) for mistake in found]


def at_fault(value: Any, mistake: Mistake) -> str:
    for step in mistake.pointer.split("/")[1:]:
        value = value[int(step) if isinstance(value, list) else step.replace("~1", "/").replace("~0", "~")]
    end = mistake.offset + mistake.length if mistake.length else None
    text: str = value[mistake.offset : end]
    return text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{% 1 %}", True),
        ("{%1%}", True),
        ("{% 1", True),
        ("1 %}", True),
        (" {% 1 %} ", False),
        ("{ % 1 % }", False),
        ("text", False),
        (1, False),
        (None, False),
        (["{% 1 %}"], False),
    ],
)
def test_is_query(value: JSON, expected: bool) -> None:
    assert is_query(value) is expected


def test_text_is_what_stands_between_the_delimiters() -> None:
    read = read_query("{%\n  1 + 1\t%}", "Output", BEFORE_WORK, unexpected)
    assert read is not None
    assert read.text == "1 + 1"


DELIMITERS = "JSONata string must start with {% and end with %}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{% 1", [(DELIMITERS, "", "{% 1")]),
        ({"a/b": ["x", "1 %}"]}, [(DELIMITERS, "/a~1b/1", "1 %}")]),
        ("{%}", [(DELIMITERS, "", "{%}")]),
        ("{% a[1,2) %}", [('Expected "]", got ","', "", ",")]),
        ("{%    1 + %}", [("Unexpected end of expression", "", "+")]),
        ("{% 'open %}", [("String literal must be terminated by a matching quote", "", "n")]),
        ("{% %}", [("Unexpected end of expression", "", "{% %}")]),
        ("{% phone %}", [("Reference to 'phone' at the top level is not supported.", "", "phone")]),
        ("{% 1 + `a b` %}", [("Reference to 'a b' at the top level is not supported.", "", "`a b`")]),
        ("{% $.x %}", [("Reference to '$' at the top level is not supported.", "", "$")]),
        ("{% 1 & $$.x %}", [("Reference to '$$' is not supported.", "", "$$")]),
        ("{% $states.result.x %}", [("Field '$states.result' does not exist.", "", "result")]),
        ({"a": "{% x + x + y %}", "b": ["{% z %}"]}, [
            ("Reference to 'x' at the top level is not supported.", "/a", "x"),
            ("Reference to 'y' at the top level is not supported.", "/a", "y"),
            ("Reference to 'z' at the top level is not supported.", "/b/0", "z"),
        ]),
        ("{% * %}", []),
        ("{% $undefined %}", []),
        ("{% $states.input[phone > 3].(name & $) %}", []),
    ],
)  # fmt: skip
def test_mistakes(value: JSON, expected: list[tuple[str, str, str]]) -> None:
    assert mistakes(value) == expected


@pytest.mark.parametrize(
    ("name", "members"),
    [("input", BEFORE_WORK), ("context", BEFORE_WORK), ("result", AFTER_WORK), ("errorOutput", AFTER_ERROR)],
)
def test_members_of_states(name: str, members: Members) -> None:
    assert mistakes(f"{{% $states.{name} %}}", members) == []
    others = {"result", "errorOutput"} - {name}
    for other in others:
        assert mistakes(f"{{% $states.{other} %}}", members) == [
            (f"Field '$states.{other}' does not exist.", "", other)
        ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.input.a", frozenset()),
        ("$states.context.State.Name", {"State"}),
        ("$states.context.Execution.Id & $states.context.State.Name", {"Execution", "State"}),
        ("$map([1], function($x) { $states.context.Map.Item.Value })", {"Map"}),
        ("$states.context", None),
        ("$states.context.*", None),
        ("$states", None),
        ("$states.*", None),
        ("$states[0].input", None),
        ("($s := $states; $s.context)", None),
    ],
)
def test_sections_of_the_context(text: str, expected: set[str] | None) -> None:
    assert sections_read(uses_of(parse(text))) == expected


def test_the_context_object_is_made_only_where_it_is_read() -> None:
    scope = Watched()
    states = {"input": {"a": 1}}
    assert build_query(query("$states.input.a"))(states, scope) == 1
    assert scope.asked == []
    assert build_query(query("$states.context.State.Name"))(states, scope) == "s"
    assert scope.asked == ["State"]
    assert build_query(query("$keys($states)"))(states, scope) == ["input", "context"]
    assert scope.asked == ["State", None]
    assert states == {"input": {"a": 1}}


def test_whole_states_object_is_in_the_recorded_order() -> None:
    states = {"input": 1, "result": 2}
    expr = build_query(query("$states", AFTER_WORK))
    assert list(expr(states, Watched())) == ["input", "context", "result"]


def test_templates_give_values_of_their_own() -> None:
    value = {"fixed": [1, {"k": []}], "n": "{% $states.input %}", "deep": {"a": ["{% $x %}", []]}}
    expr = build_template(read_template(value, "Output", BEFORE_WORK, unexpected))
    first = expr({"input": 1}, Watched({"x": "v"}))
    assert first == {"fixed": [1, {"k": []}], "n": 1, "deep": {"a": ["v", []]}}
    assert list(first) == ["fixed", "n", "deep"]
    first["fixed"][1]["k"].append("changed")
    first["deep"]["a"][1].append("changed")
    assert expr({"input": 2}, Watched({"x": "w"})) == {"fixed": [1, {"k": []}], "n": 2, "deep": {"a": ["w", []]}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", Growth(constant=6)),
        ("{% $states.input %}", Growth(input=1, constant=6)),
        ("{% $x %}", None),
        ({"a": "{% $states.input %}", "b": "{% $x %}"}, None),
    ],
)
def test_growth_of_templates(value: JSON, expected: Growth | None) -> None:
    assert growth_of_template(read_template(value, "Output", BEFORE_WORK, unexpected)) == expected


def test_growth_of_a_template_counts_every_part() -> None:
    value = {"a": "{% $states.input %}", "b": [1, "{% $states.input.x & '!' %}"]}
    growth = growth_of_template(read_template(value, "Output", BEFORE_WORK, unexpected))
    assert growth is not None
    assert growth.input == 1 + 6
    assert growth.constant >= len('{"a":,"b":[1,"!"]}')


FIELD = "The JSONata expression '{}' specified for the field 'Output' {}"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("$gone", "returned nothing (undefined)."),
        ("$sum", "returned an unsupported result type."),
        ("[1, $sum]", "returned an unsupported result type."),
        ("/a/", "returned an unsupported result type."),
        (
            "'a' + 1",
            'threw an error during evaluation. T2001: The left side of the "+" operator must evaluate to a number',
        ),
        ("$nope()", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        ("$error('no')", "threw an error during evaluation. D3137: no"),
        (
            "($f := function() { $f() }; $f())",
            "threw an error during evaluation: Expression evaluation timeout: Check for infinite loop",
        ),
    ],
)
def test_failures(text: str, cause: str) -> None:
    expr = build_query(query(text))
    with pytest.raises(EvaluationFailed) as raised:
        expr({"input": {}}, Watched())
    assert raised.value.error == "States.QueryEvaluationError"
    assert raised.value.cause == FIELD.format(text, cause)
    assert raised.value.location == "Output"


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("1", "array", "'number' for value: 1"),
        ("'x'", "number", "'string' for value: \"x\""),
        ("true", "number", "'boolean' for value: true"),
        ("null", "string", "'null' for value: null"),
        ("{'a': [1]}", "array", "'object' for value: {\"a\":[1]}"),
        ("[1]", "boolean", "'array' for value: [1]"),
    ],
)
def test_typed_fields(text: str, expected: str, found: str) -> None:
    expr = build_typed(query(text), expected)
    with pytest.raises(EvaluationFailed) as raised:
        expr({"input": {}}, Watched())
    assert raised.value.cause == FIELD.format(
        text, f"returned an unexpected result type. Expected '{expected}', but was {found}"
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("[]", "array"), ("1.5", "number"), ("''", "string"), ("1 = 1", "boolean")]
)
def test_typed_fields_take_their_type(text: str, expected: str) -> None:
    build_typed(query(text), expected)({"input": {}}, Watched())
