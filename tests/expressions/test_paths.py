"""The fields that hold paths: what is refused and how, and what ResultPath writes."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.errors import EngineError, ExpressionError, PathNotFound, StateError
from express.expressions.jsonpath import Root, build_path, parse_path
from express.expressions.paths import build_result_path, invalid_path, read_path, read_reference_path
from tests.expressions.recorded import SCOPE

if TYPE_CHECKING:
    from express.types import JSON


def write(text: str, raw: JSON, result: JSON = "new") -> JSON:
    return build_result_path(read_reference_path(text, what="ResultPath"))(raw, result)


# reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["$", "$.a", "$$", "$$.Execution.Id", "$v", "$.a[*].b", "$..a", "$[?(@.a == 1)]"])
def test_paths_are_read(text: str) -> None:
    assert read_path(text).text == text


@pytest.mark.parametrize(("text", "offset"), [("", 0), ("Test", 0), ("$.a[", None), ("$.a[b]", 3), ("$.a.", 3)])
def test_what_is_no_path_is_refused_as_by_aws(text: str, offset: int | None) -> None:
    if offset is None:
        assert read_path(text).text == text
        return
    with pytest.raises(ExpressionError) as caught:
        read_path(text)
    assert (caught.value.message, caught.value.offset) == ("Value must be a valid JSONPath.", offset)
    assert isinstance(caught.value.__cause__, ExpressionError)


@pytest.mark.parametrize(
    ("what", "text", "root"),
    [
        ("ResultPath", "$", Root.DATA),
        ("ResultPath", "$.a.b", Root.DATA),
        ("ResultPath", "$['a'][0].b", Root.DATA),
        ("ResultPath", r"$.store\.book", Root.DATA),
        ("SecondsPath", "$$.Execution.Input.seconds", Root.CONTEXT),
        ("TimestampPath", "$when.at", Root.VARIABLE),
        ("Variable", "$.a[0]['b']", Root.DATA),
        ("Variable", "$$.State.Name", Root.CONTEXT),
        ("StringEqualsPath", "$expected", Root.VARIABLE),
    ],
)
def test_reference_paths_are_read(what: str, text: str, root: Root) -> None:
    path = read_reference_path(text, what=what)
    assert path.reference
    assert path.root is root


@pytest.mark.parametrize(
    ("what", "text", "offset", "message"),
    [
        ("ResultPath", "a", 0, "Value must be a valid JSONPath."),
        ("SecondsPath", "$.a[b]", 3, "Value must be a valid JSONPath."),
        ("ResultPath", "$.a[*]", 4, "Value is not a Reference Path"),
        ("ResultPath", "$.a.*", 4, "Value is not a Reference Path"),
        ("ResultPath", "$..a", 1, "Value is not a Reference Path"),
        ("ResultPath", "$.a[-1]", 3, "Value is not a Reference Path"),
        ("ResultPath", "$.a[0,1]", 3, "Value is not a Reference Path"),
        ("ResultPath", "$.a[1:2]", 5, "Value is not a Reference Path"),
        ("ResultPath", "$.a[?(@.b)]", 4, "Value is not a Reference Path"),
        ("ResultPath", "$.a.length()", 10, "Value is not a Reference Path"),
        ("ResultPath", "$$.a", 0, "Value is not a Reference Path"),
        ("ResultPath", "$v.a", 0, "Value is not a Reference Path"),
        ("Variable", "a", 0, "Value is not a Reference Path: Reference path didn't start with '$'"),
        ("NumericLessThanEqualsPath", "a", 0, "Value is not a Reference Path: Reference path didn't start with '$'"),
        ("TimestampGreaterThanPath", "$.a[*]", 3, "Value is not a Reference Path: '[' must be followed by ' or '['"),
        ("Variable", "$.a[$$.b]c", 3, "Value is not a Reference Path: '[' must be followed by ' or '['"),
        ("TimestampPath", "a", 0, "Value must be a valid JSONPath."),
    ],
)
def test_what_is_no_reference_path_is_refused_as_by_aws(what: str, text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_reference_path(text, what=what)
    assert (caught.value.message, caught.value.offset) == (message, offset)


def test_invalid_path_words_the_cause() -> None:
    error = invalid_path(PathNotFound("$.x", "No results for path: $['x']"))
    assert isinstance(error, EngineError)
    assert (error.error, error.cause) == ("States.Runtime", "Invalid path '$.x' : No results for path: $['x']")


# ResultPath -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "raw", "output"),
    [
        ("$", {"a": 1}, "new"),
        ("$", "any", "new"),
        ("$.a", {}, {"a": "new"}),
        ("$.a", {"a": 1, "b": 2}, {"a": "new", "b": 2}),
        ("$.b", {"a": 1}, {"a": 1, "b": "new"}),
        ("$['sp ace']", {}, {"sp ace": "new"}),
        ("$.a.b", {}, {"a": {"b": "new"}}),
        ("$.a.b", {"a": {"c": 1}, "d": 2}, {"a": {"c": 1, "b": "new"}, "d": 2}),
        ("$.a.b", {"a": {"b": 1}}, {"a": {"b": "new"}}),
        ("$.a.b.c", {}, {"a": {"b": {"c": "new"}}}),
        ("$.a.b.c", {"a": {"x": 1}}, {"a": {"x": 1, "b": {"c": "new"}}}),
        ("$.a.b.c.d", {"a": {"b": {"c": {"e": 1}}}}, {"a": {"b": {"c": {"e": 1, "d": "new"}}}}),
        ("$.a[0]", {"a": [1, 2]}, {"a": ["new", 2]}),
        ("$.a[1]", {"a": [1, 2]}, {"a": [1, "new"]}),
        ("$.a[1].b", {"a": [1, {"c": 2}]}, {"a": [1, {"c": 2, "b": "new"}]}),
        ("$.a[1].b.c", {"a": [1, {}]}, {"a": [1, {"b": {"c": "new"}}]}),
        ("$[0]", [1, 2], ["new", 2]),
        ("$[0][1]", [[1, 2]], [[1, "new"]]),
    ],
)
def test_results_are_written(text: str, raw: JSON, output: JSON) -> None:
    before = copy.deepcopy(raw)
    written = write(text, raw)
    assert written == output
    assert raw == before
    if isinstance(output, dict):
        assert list(written) == list(output)


@pytest.mark.parametrize(
    ("text", "raw", "cause"),
    [
        ("$.x", "input1", 'Unable to apply ReferencePath $.x to input "input1"'),
        ("$.x", None, "Unable to apply ReferencePath $.x to input null"),
        ("$.x", [1, 2], "Unable to apply ReferencePath $.x to input [1,2]"),
        ("$.x.y", 5, "Unable to apply ReferencePath $.x.y to input 5"),
        ("$.x.y.z", [], "Unable to apply ReferencePath $.x.y.z to input []"),
        ("$[0]", {"a": 1}, 'Unable to apply ReferencePath $[0] to input {"a":1}'),
        ("$.x.y", {"x": 5}, 'Unable to apply step "y" to input {"x":5}'),
        ("$.x.y", {"x": None}, 'Unable to apply step "y" to input {"x":null}'),
        ("$.x.y.z", {"x": {"y": "é"}}, 'Unable to apply step "z" to input {"x":{"y":"é"}}'),
        ("$.x[0]", {"x": []}, 'Unable to apply step "[0]" to input {"x":[]}'),
        ("$.x[2]", {"x": [1]}, 'Unable to apply step "[2]" to input {"x":[1]}'),
        ("$.x[0]", {}, 'Unable to apply step "[0]" to input {}'),
        ("$.x[0]", {"x": "text"}, 'Unable to apply step "[0]" to input {"x":"text"}'),
        ("$.x[0].y", {"x": [1]}, 'Unable to apply step "y" to input {"x":[1]}'),
    ],
)
def test_inputs_that_do_not_fit(text: str, raw: JSON, cause: str) -> None:
    with pytest.raises(StateError) as caught:
        write(text, raw)
    assert not isinstance(caught.value, EngineError)
    assert (caught.value.error, caught.value.cause) == ("States.ResultPathMatchFailure", cause)


def test_only_the_spine_is_copied() -> None:
    raw: JSON = {"a": {"b": {}, "big": [1]}, "other": {"x": 1}}
    output = write("$.a.b", raw)
    assert output["other"] is raw["other"]
    assert output["a"]["big"] is raw["a"]["big"]
    assert output["a"] is not raw["a"]


# properties -----------------------------------------------------------------------------------------------------

_KEYS = st.sampled_from(["a", "b", "c"])
_VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)
_STEPS = st.lists(_KEYS | st.integers(0, 3), max_size=4)


@pytest.mark.slow
@given(_STEPS, _VALUES)
def test_what_is_written_can_be_read_and_nothing_is_changed(steps: list[str | int], raw: JSON) -> None:
    text = "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps)
    before = copy.deepcopy(raw)
    result = object()
    with contextlib.suppress(StateError):
        assert build_path(parse_path(text))(write(text, raw, result), SCOPE) is result
    assert raw == before
