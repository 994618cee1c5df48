"""Payload templates: what is computed and what stays, causes, problems, growth, and sharing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.errors import EngineError, ExpressionError, PathNotFound
from express.expressions.templates import (
    Template,
    build_expression,
    build_template,
    parse_expression,
    parse_template,
)
from tests.expressions.recorded import SCOPE, FixedScope, case_params, recorded

if TYPE_CHECKING:
    from express.types import JSON

SOME_SCOPE = FixedScope({"v": {"a": [1, 2]}}, {"Execution": {"Name": "e-1"}})


def parse(value: JSON) -> Template:
    problems: list[tuple[str, str, int]] = []
    template = parse_template(value, report=lambda *problem: problems.append(problem))
    assert problems == []
    return template


def problems_of(value: JSON) -> list[tuple[str, str, int]]:
    problems: list[tuple[str, str, int]] = []
    parse_template(value, report=lambda *problem: problems.append(problem))
    return problems


def fill(value: JSON, data: JSON, scope: FixedScope = SOME_SCOPE) -> JSON:
    return build_template(parse(value))(data, scope)


SIX_FIELDS = {"a": 1, "b.$": "$.x", "c": 2, "d.$": "$.x", "e.$": "$.x", "f.$": "$.x"}
ENVIRONMENT = [{"Name": "A", "Value.$": "$.x"}, "$.x", {"Name": "B"}]


@pytest.mark.parametrize(
    ("template", "data", "result"),
    [
        ({}, {"x": 1}, {}),
        ({"a": "$.x", "b": "States.UUID()", "c": "{% $x %}"}, {}, {"a": "$.x", "b": "States.UUID()", "c": "{% $x %}"}),
        ({"a.$": "$"}, [1], {"a": [1]}),
        ({"a.$": "$.x"}, {"x": None}, {"a": None}),
        ({"n.$": "$.n", "id.$": "$.o.id", "step": 0}, {"n": 1, "o": {"id": "o"}}, {"n": 1, "id": "o", "step": 0}),
        (SIX_FIELDS, {"x": 0}, {"a": 1, "b": 0, "c": 2, "d": 0, "e": 0, "f": 0}),
        ({"a": {"b": {"c.$": "$.x"}}, "z": [1, {"k": 2}]}, {"x": 1}, {"a": {"b": {"c": 1}}, "z": [1, {"k": 2}]}),
        ({"e": ENVIRONMENT}, {"x": 1}, {"e": [{"Name": "A", "Value": 1}, "$.x", {"Name": "B"}]}),
        ({"e": [[{"v.$": "$.x"}]]}, {"x": 1}, {"e": [[{"v": 1}]]}),
        ({"a.$": "States.Format('{}-{}', $.x, $.x)"}, {"x": 1}, {"a": "1-1"}),
        ({"a.$": "$$.Execution.Name", "b.$": "$v.a[1]", "c.$": "$v"}, {}, {"a": "e-1", "b": 2, "c": {"a": [1, 2]}}),
        ({"a.$": "$.items[*].n"}, {"items": [{"n": 1}, {"n": 2}]}, {"a": [1, 2]}),
        ({"a.$": "$.items[*].n"}, {}, {"a": []}),
        ({".$": "$.x"}, {"x": 1}, {"": 1}),
        ({"a.$.$": "$.x"}, {"x": 1}, {"a.$": 1}),
        ({"a$": "$.x"}, {}, {"a$": "$.x"}),
        ("text", {}, "text"),
        ([{"a.$": "$.x"}], {"x": 1}, [{"a": 1}]),
    ],
)
def test_what_is_computed_and_what_is_literal(template: JSON, data: JSON, result: JSON) -> None:
    filled = fill(template, data)
    assert filled == result
    if isinstance(result, dict):
        assert list(filled) == list(result)


def test_an_index_beyond_its_array_is_null() -> None:
    """Captured from AWS: only for the last step, and only in a template."""
    assert fill({"a.$": "$.items[5]", "b.$": "$.items[0]"}, {"items": [1]}) == {"a": None, "b": 1}
    assert fill({"a": {"b.$": "$[2]"}, "c.$": "$[9]"}, [1]) == {"a": {"b": None}, "c": None}
    for path in ("$.items[5].x", "$.none[5]"):
        with pytest.raises(EngineError):
            fill({"a.$": path}, {"items": [1]})


OTHER = '{"other":1}'


@pytest.mark.parametrize(
    ("template", "path", "field", "searched"),
    [
        ({"value.$": "$.x"}, "$.x", "value.$", OTHER),
        ({"a.$": "$.other", "b.$": "$.x.y"}, "$.x.y", "b.$", OTHER),
        ({"a.$": "$.x", "b.$": "$.x"}, "$.x", "a.$", OTHER),
        ({"a.$": "$.other", "b": {"c": [{"d.$": "$['x']"}]}}, "$['x']", "d.$", OTHER),
        ({"1.$": "$", "2.$": "$", "3.$": "$", "4.$": "$.other.x"}, "$.other.x", "4.$", OTHER),
        ({"c.$": "$$.Map.Item.Value"}, "$$.Map.Item.Value", "c.$", '{"Execution":{"Name":"e-1"}}'),
        ({"v.$": "$v.b"}, "$v.b", "v.$", '{"a":[1,2]}'),
    ],
)
def test_paths_that_find_nothing(template: JSON, path: str, field: str, searched: str) -> None:
    """What AWS quotes is what the path was applied to: for `$$` the context object, not the input (captured)."""
    with pytest.raises(EngineError) as caught:
        fill(template, {"other": 1})
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        f"The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{searched}'"
    )


def test_a_failing_call_keeps_its_own_words() -> None:
    with pytest.raises(
        EngineError, match=r"The function 'States\.Array\(\$\.x\)' had the following error: The JsonPath"
    ):
        fill({"a.$": "$.other", "f.$": "States.Array($.x)"}, {"other": 1})


NEITHER = "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call"


def test_problems_are_all_reported_with_their_places() -> None:
    problems = problems_of(
        {
            "a.$": "no expression",
            "b": [{"c/d~e.$": "$.x[?(", "ok.$": "$.x"}],
            "f.$": 5,
            "g.$": "States.Format('{}', States.Nope())",
            "h": 1,
            "h.$": "$.x",
        }
    )
    assert [(pointer, message) for pointer, message, _ in problems] == [
        ("/a.$", NEITHER.format("a.$")),
        ("/b/0/c~1d~0e.$", NEITHER.format("c/d~e.$")),
        ("/f.$", NEITHER.format("f.$")),
        ("/g.$", NEITHER.format("g.$")),
        ("/h.$", "The field 'h' is given both as 'h' and as 'h.$'"),
    ]
    assert problems[3][2] == len("States.Format('{}', ")


@pytest.mark.parametrize("text", ["parsed", "", " ", "$.", "States.Format", "{% $x %}"])
def test_texts_that_are_no_expression(text: str) -> None:
    ((pointer, message, _),) = problems_of({"parsed.$": text})
    assert (pointer, message) == ("/parsed.$", NEITHER.format("parsed.$"))
    with pytest.raises(ExpressionError):
        parse_expression(text)


def test_a_field_that_takes_a_path_or_a_call() -> None:
    assert build_expression(parse_expression("$.a"))({"a": "x"}, SCOPE) == "x"
    assert build_expression(parse_expression("States.Format('{}!', $.a)"))({"a": "x"}, SCOPE) == "x!"
    with pytest.raises(PathNotFound):
        build_expression(parse_expression("$.a"))({}, SCOPE)
    assert parse_expression("$$.Execution.Id").text == "$$.Execution.Id"
    assert parse_expression("States.UUID()").text == "States.UUID()"


# What is known beforehand


@pytest.mark.parametrize(
    ("template", "factor"),
    [({"a": 1}, 0), ({"a.$": "$.x"}, 1), ({"a.$": "$", "b": {"c.$": "$"}}, 2)],
)
def test_growth_factor(template: JSON, factor: int) -> None:
    growth = parse(template).growth
    assert growth is not None
    assert growth[0] == factor


@pytest.mark.parametrize("path", ["$v", "$$.Execution", "$..a", "States.Array($)"])
def test_growth_is_unknown(path: str) -> None:
    assert parse({"a.$": path, "b.$": "$"}).growth is None


TEMPLATES = st.recursive(
    st.none() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('abé"', max_size=2), inner, max_size=3)
        | st.fixed_dictionaries({"p.$": st.sampled_from(["$", "$.a", "$.a[*]", "$.b[0]", "$.b[9]"]), "k": inner})
    ),
    max_leaves=8,
)
DATA: JSON = {"a": [1, "é", {"x": None}], "b": [1.5, True]}


@given(TEMPLATES)
def test_growth_bounds_the_size_and_nothing_is_changed(template: JSON) -> None:
    parsed = parse(template)
    build = build_template(parsed)
    before = repr((template, DATA))
    first = build(DATA, SCOPE)
    assert build(DATA, SCOPE) == first
    assert repr((template, DATA)) == before
    assert parsed.growth is not None
    factor, constant = parsed.growth
    assert len(orjson.dumps(first)) <= factor * len(orjson.dumps(DATA)) + constant


def test_every_result_is_fresh() -> None:
    whole = build_template(parse({"a": [1]}))
    assert whole({}, SCOPE) == whole({}, SCOPE)
    assert whole({}, SCOPE)["a"] is not whole({}, SCOPE)["a"]
    build = build_template(parse({"constant": {"k": []}, "nested": {"x.$": "$.x", "k": []}}))
    data: JSON = {"x": {}}
    first, second = build(data, SCOPE), build(data, SCOPE)
    assert first is not second
    assert first["constant"] is not second["constant"]
    assert first["constant"]["k"] is not second["constant"]["k"]
    assert first["nested"] is not second["nested"]
    assert first["nested"]["k"] is not second["nested"]["k"]
    assert first["nested"]["x"] is data["x"]


# Recorded


def pass_cases() -> list[dict[str, Any]]:
    """Recordings of one Pass state that does nothing but fill in its Parameters from its input."""
    cases = []
    for case in recorded("execution/*.json"):
        (state, *others) = case["definition"]["States"].values()
        plain = set(state) <= {"Type", "Parameters", "End", "Comment"} and case["wildcards"] == []
        context = "$$" in str(state.get("Parameters"))
        if not others and plain and "Parameters" in state and not context and "QueryLanguage" not in case["definition"]:
            cases.append(case)
    return cases


@pytest.mark.parametrize("case", case_params(pass_cases()))
def test_recorded_parameters(case: dict[str, Any]) -> None:
    (state,) = case["definition"]["States"].values()
    run = build_template(parse(state["Parameters"]))
    if case["expected"]["status"] == "SUCCEEDED":
        assert run(case["input"], SCOPE) == case["expected"]["output"]
        return
    with pytest.raises(EngineError) as caught:
        run(case["input"], SCOPE)
    assert caught.value.error == case["expected"]["error"]
    assert str(case["expected"]["cause"]).endswith(str(caught.value.cause))
