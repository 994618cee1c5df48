"""The JSONPath dialect: Jayway's goldens, AWS's rules where they differ, and the facts a path states about itself."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from express.errors import EngineError, ExpressionError, PathNotFound
from express.expressions.jsonpath import Root, build_path, parse_path
from express.expressions.jsonpath.scanning import MAX_STEPS
from tests.expressions.recorded import FixedScope

if TYPE_CHECKING:
    from express.types import JSON

_GOLDENS = FilePath(__file__).resolve().parents[2] / ".." / "shared" / "jsonpath-jayway.json"

#: Goldens where AWS differs from Jayway; what they give here is in `test_missing_data` and `test_roots`.
_AWS_DIFFERS = {
    "$.missing[*]": "an indefinite path over missing data is []",
    "$.missing[?(@.x==1)]": "an indefinite path over missing data is []",
    "$.missing..x": "an indefinite path over missing data is []",
    "@.a": "a path starts with $",
    "a.b": "a path starts with $",
    "$a.b": "$a is a variable",
}

DATA: JSON = {
    "a": {"b": 1, "c": [{"d": 1, "e": 2}, {"d": 3}, {}], "n": None},
    "items": [
        {"name": "n0", "price": 5, "tags": ["t", "u"], "opt": 1},
        {"name": "n1", "price": 15.5, "tags": []},
        {"name": "n2", "price": 20, "tags": ["v"], "sub": {"price": 3}},
        {"name": "n3", "price": "12"},
        {"name": "n4"},
    ],
    "list": [1, 2, 3, 4, 5],
    "one": [7],
    "empty": [],
    "text": "hello",
    "null": None,
    "limit": 10,
    "mixed": [
        {"v": 1},
        {"v": "1"},
        {"v": 1.0},
        {"v": True},
        {"v": None},
        {"v": [1, 2]},
        {"v": {"x": 1}},
        {"v": ""},
        {"v": []},
        {"v": {}},
        {"w": 2},
    ],
}


def evaluate(text: str, data: JSON = DATA, scope: FixedScope | None = None) -> JSON:
    return build_path(parse_path(text))(data, scope or FixedScope())


def exactly(value: JSON) -> str:
    """JSON text, which unlike `==` tells 1, 1.0 and true apart and sees the order of keys."""
    return json.dumps(value)


def detail_of(text: str, data: JSON = DATA) -> str:
    with pytest.raises(PathNotFound) as caught:
        evaluate(text, data)
    assert caught.value.path == text
    return caught.value.detail


def _goldens() -> list[JSON]:
    return json.loads(_GOLDENS.read_text())["cases"] if _GOLDENS.exists() else []


# goldens --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not _GOLDENS.exists(), reason="the Jayway goldens are not beside the repository")
def test_goldens_are_complete() -> None:
    paths = [case["path"] for case in _goldens()]
    assert len(paths) == 90
    assert set(_AWS_DIFFERS) <= set(paths)


@pytest.mark.parametrize("case", [c for c in _goldens() if c["path"] not in _AWS_DIFFERS], ids=lambda c: str(c["path"]))
def test_golden(case: JSON) -> None:
    document = json.loads(_GOLDENS.read_text())["document"]
    kind, _, message = case.get("error", "").partition(": ")
    if kind == "InvalidPathException":
        with pytest.raises(ExpressionError) as refused:
            parse_path(case["path"])
        assert refused.value.message == message
    elif kind == "PathNotFoundException":
        assert detail_of(case["path"], document) == message
    else:
        assert exactly(evaluate(case["path"], document)) == exactly(case["result"])
        assert parse_path(case["path"]).definite is case["definite"]


# missing data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "data"),
    [
        # Recorded from AWS with the input {}.
        ("$[*]", {}),
        ("$.items[*]", {}),
        ("$.items[1:]", {}),
        ("$.items[:1]", {}),
        ("$.item.items[1:5]", {}),
        ("$.items[*].itemValue", {}),
        ("$.item.items[1:5].itemValue", {}),
        # The same rule.
        ("$.items[?(@.x == 1)]", {}),
        ("$.items..x", {}),
        ("$..x", {}),
        ("$.items[0,1]", {}),
        ("$.items['a','b'].c", {}),
        ("$.items[0].names[*]", {"items": []}),
        ("$.text.x[*]", DATA),
        ("$.null[1:]", DATA),
        ("$.null[0].x[*]", DATA),
        ("$.null[*]", DATA),
        ("$.text[*]", DATA),
        ("$.text..x", DATA),
        ("$.list[9:]", DATA),
    ],
)
def test_missing_data(text: str, data: JSON) -> None:
    assert evaluate(text, data) == []


@pytest.mark.parametrize(
    ("text", "data", "detail"),
    [
        # AWS: root slices fail over an input that is no array.
        ("$[1:5]", {}, "Filter: [1:5] can only be applied to arrays. Current context is: {}"),
        ("$[1:]", {}, "Filter: [1:] can only be applied to arrays. Current context is: {}"),
        ("$[:1]", {}, "Filter: [:1] can only be applied to arrays. Current context is: {}"),
        ("$.text[0,1]", DATA, "Filter: [0,1] can only be applied to arrays. Current context is: hello"),
        ("$.text[1:].x", DATA, "Filter: [1:]['x'] can only be applied to arrays. Current context is: hello"),
        ("$.text[0].x[*]", DATA, "Filter: [0]['x'][*] can only be applied to arrays. Current context is: hello"),
        ("$.limit[?(@.x)]", DATA, "Filter: [?] can not be applied to primitives. Current context is: 10"),
    ],
)
def test_data_a_step_does_not_fit(text: str, data: JSON, detail: str) -> None:
    assert detail_of(text, data) == detail


_NOT_AN_OBJECT = (
    "Expected to find an object with property {} in path {} but found '{}'. This is not a json object according to "
    "the JsonProvider: 'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'."
)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("$.no", "No results for path: $['no']"),
        ("$.no.such.path", "Missing property in path $['no']"),
        ("$.a.no", "No results for path: $['a']['no']"),
        ("$.a.no.such", "Missing property in path $['a']['no']"),
        ("$.a.no.such[0].path", "Missing property in path $['a']['no']"),
        ("$.no.length()", "Missing property in path $['no']"),
        ('$["no"]', 'No results for path: $["no"]'),
        ("$['it\\'s']", "No results for path: $['it's']"),
        ("$.list[9]", "No results for path: $['list'][9]"),
        ("$.list[-9]", "No results for path: $['list'][-9]"),
        ("$.list[9].x", "No results for path: $['list'][9]['x']"),
        ("$.items[0].no", "No results for path: $['items'][0]['no']"),
        ("$.items[9].no", "No results for path: $['items'][9]['no']"),
        ("$.items[0].no.x", "Missing property in path $['items'][0]['no']"),
        ("$.null[0]", "The path $['null'] is null"),
        ("$.text[0]", "Filter: [0] can only be applied to arrays. Current context is: hello"),
        ("$.a.c[0][0].x", "Filter: [0]['x'] can only be applied to arrays. Current context is: {d=1, e=2}"),
        ("$.list.x", _NOT_AN_OBJECT.format("['x']", "$['list']", "net.minidev.json.JSONArray")),
        ("$.text.x", _NOT_AN_OBJECT.format("['x']", "$['text']", "java.lang.String")),
        ("$.limit.x", _NOT_AN_OBJECT.format("['x']", "$['limit']", "java.lang.Integer")),
        ("$.null.x", _NOT_AN_OBJECT.format("['x']", "$['null']", "null")),
        ("$.mixed[3].v.x", _NOT_AN_OBJECT.format("['x']", "$['mixed'][3]['v']", "java.lang.Boolean")),
        ("$.mixed[2].v.x", _NOT_AN_OBJECT.format("['x']", "$['mixed'][2]['v']", "java.lang.Double")),
        ("$.text['a','b']", _NOT_AN_OBJECT.format("['a','b']", "$['text']", "java.lang.String")),
        ("$.empty.max()", "Aggregation function attempted to calculate value using empty array"),
        ("$.list.index(9)", "Index 9 out of bounds for length 5"),
    ],
)
def test_detail(text: str, detail: str) -> None:
    assert detail_of(text) == detail


@pytest.mark.parametrize(
    ("value", "java"), [(2**31, "Long"), (-(2**31) - 1, "Long"), (2**31 - 1, "Integer"), (2**63, "BigInteger")]
)
def test_integers_have_the_class_that_holds_them(value: int, java: str) -> None:
    assert f".{java}'" in detail_of("$.a.b", {"a": value})


# roots ----------------------------------------------------------------------------------------------------------

_SCOPE = FixedScope({"v": {"x": [1, 2]}, "n": None}, {"Execution": {"Input": {"a": [1, 2]}}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$", DATA),
        ("$$", {"Execution": {"Input": {"a": [1, 2]}}}),
        ("$$.Execution.Input.a", [1, 2]),
        ("$$.Execution.Input.a[?(@ > 1)]", [2]),
        ("$$.Execution.Input.missing[*]", []),
        ("$$['Execution']['Input'].a[0]", 1),
        ("$v", {"x": [1, 2]}),
        ("$v.x[1]", 2),
        ("$v['x'][*]", [1, 2]),
        ("$n", None),
    ],
)
def test_roots(text: str, value: JSON) -> None:
    assert evaluate(text, DATA, _SCOPE) == value


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("$$.State.Name", "Missing property in path $['State']"),
        ("$$.State", "No results for path: $['State']"),
        ("$v.y", "No results for path: $['y']"),
        ("$unknown", "No results for path: $['unknown']"),
        ("$unknown.x", "No results for path: $['unknown']"),
    ],
)
def test_missing_below_other_roots(text: str, detail: str) -> None:
    with pytest.raises(PathNotFound) as caught:
        evaluate(text, DATA, _SCOPE)
    assert (caught.value.path, caught.value.detail) == (text, detail)


@pytest.mark.parametrize(
    ("text", "root", "variable"),
    [
        ("$", Root.DATA, None),
        ("$.a", Root.DATA, None),
        ("$[0]", Root.DATA, None),
        ("$$", Root.CONTEXT, None),
        ("$$.a", Root.CONTEXT, None),
        ("$name", Root.VARIABLE, "name"),
        ("$name[0].a", Root.VARIABLE, "name"),
        ("$größe_2.x", Root.VARIABLE, "größe_2"),
    ],
)
def test_root_is_read(text: str, root: Root, variable: str | None) -> None:
    path = parse_path(text)
    assert (path.text, path.root, path.variable) == (text, root, variable)


# names ----------------------------------------------------------------------------------------------------------

_NAMES: JSON = {
    "store.book": 1,
    "foo@bar": {"baz[[.?pretty": 2},
    "sp ace": 3,
    "it's": 4,
    'say "x"': 5,
    "back\\slash": 6,
    "x-y": 7,
    "Ω": 8,
    "tab\there": 9,
    "": 10,
    "\U00010346": 11,
    "(": 12,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"$.store\.book", 1),
        ("$['store.book']", 1),
        (r"$.foo\@bar.baz\[\[\.\?pretty", 2),
        ("$['foo@bar']['baz[[.?pretty']", 2),
        ("$['sp ace']", 3),
        (r"$['it\'s']", 4),
        ('$["it\'s"]', 4),
        ("$['say \"x\"']", 5),
        (r"$['back\\slash']", 6),
        (r"$.back\\slash", 6),
        ("$.x-y", 7),
        ("$.Ω", 8),
        (r"$['\u03a9']", 8),
        (r"$.\u03A9", 8),
        (r"$['tab\there']", 9),
        ("$['']", 10),
        (r"$.\uD800\uDF46", 11),
        (r"$.\(", 12),
        ("$[ 'x-y' ]", 7),
        ("$.x-y ", 7),
        ("$.['x-y']", 7),
        ("$['x-y'", None),
    ],
)
def test_names(text: str, value: JSON) -> None:
    if value is None:
        with pytest.raises(ExpressionError):
            parse_path(text)
    else:
        assert evaluate(text, _NAMES) == value


# steps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.list[-3:-1]", [3, 4]),
        ("$.list[1:-1]", []),
        ("$.list[:-1]", [1, 2, 3, 4]),
        ("$.list[-2:1]", [4, 5, 1]),
        ("$.list[-9:2]", [1, 2, 3, 4, 5, 1, 2]),
        ("$.list[1:2:3]", [2]),
        ("$.list[1:99]", [2, 3, 4, 5]),
        ("$.list[0, 2]", [1, 3]),
        ("$.list[2,2,-1,9]", [3, 3, 5]),
        ("$.list[ 0 ]", 1),
        ("$.list[* ]", [1, 2, 3, 4, 5]),
        ("$.list[0]]", 1),
        ("$.list[", [1, 2, 3, 4, 5]),
        ("$.list[*].x", []),
        ("$['a','limit'].b", [1]),
        ("$.a['n','b','no']", {"n": None, "b": 1}),
        ("$.a['no']['x','y'].z", None),
        ("$.a.c[*]['d','e']", [{"d": 1, "e": 2}, {"d": 3}, {}]),
        ("$.a.c.*.d", [1, 3]),
        ("$.a.*.*.d", [1, 3]),
        ("$..['d','e']", [{"d": 1, "e": 2}]),
        ("$.a..[1]", [{"d": 3}]),
        ("$.a..[1:]", [{"d": 3}, {}]),
        ("$.a..*", [1, [{"d": 1, "e": 2}, {"d": 3}, {}], None, {"d": 1, "e": 2}, {"d": 3}, {}, 1, 2, 3]),
        ("$.a..c[0].d", [1]),
        ("$.a..[*].d", [1, 3]),
        ("$.a..[?(@.d)].d", [1, 3]),
        ("$.items..price", [5, 15.5, 20, 3, "12"]),
        ("$.items[1:3].name", ["n1", "n2"]),
        ("$.items[*].tags[0]", ["t", "v"]),
        ("$.items[*].tags[-2]", ["t"]),
        ("$.items[*].tags[*]", ["t", "u", "v"]),
        ("$.items[*].tags[0,1]", ["t", "u", "v"]),
        ("$.items[*].sub..price", [3]),
        ("$['a']b", DATA["a"]),
        ("$['a']c[0].d", 1),
    ],
)
def test_steps(text: str, value: JSON) -> None:
    assert evaluate(text) == ([] if value is None else value)


def test_results_share_the_data() -> None:
    assert evaluate("$.items[0]") is DATA["items"][0]
    assert evaluate("$.items[?(@.opt)]")[0] is DATA["items"][0]
    assert evaluate("$.items[*]") is DATA["items"]


# filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("@.v == 1", [1, "1", 1.0]),
        ("@.v == '1'", [1, "1", 1.0]),
        ("@.v == 1.0", [1, 1.0]),
        ("1 == @.v", [1, "1", 1.0]),
        ("@.v === 1", [1, 1.0]),
        ("@.v === '1'", ["1"]),
        ("@.v !== '1'", [1, 1.0, True, None, [1, 2], {"x": 1}, "", [], {}]),
        ("@.v != '1'", [True, None, [1, 2], {"x": 1}, "", [], {}]),
        ("@.v == true", [True]),
        ("@.v == null", [None]),
        ("@.v == [1,2]", [[1, 2]]),
        ("@.v == [1.0,2]", []),
        ("@.v == [ '1' , 2 ]", []),
        ("@.v == {'x': 1}", [{"x": 1}]),
        ('@.v == {"x":true}', []),
        ("@.v == {x: 1}", [{"x": 1}]),
        ("@.v == ''", [""]),
        ("@.v == @.v", [1, "1", 1.0, True, None, [1, 2], {"x": 1}, "", [], {}]),
        ("@.v > 0", [1, 1.0]),
        ("@.v >= 1", [1, 1.0]),
        ("@.v < 2", [1, 1.0]),
        ("@.v <= 0.5", []),
        ("@.v > '0'", ["1"]),
        ("@.v < true", []),
        ("@.v > -1", [1, 1.0]),
        ("@.v < 1.5e1", [1, 1.0]),
        ("@.v in [1]", [1, "1", 1.0]),
        ("@.v IN ['1', 'z']", [1, "1", 1.0]),
        ("@.v in [true, null]", [True, None]),
        ("@.v in [[1,2]]", [[1, 2]]),
        ("@.v in $.list", [1, "1", 1.0]),
        ("@.v in 'text'", []),
        ("@.v in {'x':1}", []),
        ("@.v nin [1, null]", [True, [1, 2], {"x": 1}, "", [], {}]),
        ("@.v nin 'text'", []),
        ("!(@.v nin 'text')", []),
        ("@.v contains 1", [[1, 2]]),
        ("@.v contains '1'", ["1", [1, 2]]),
        ("@.v contains ''", ["1", ""]),
        ("@.v subsetof [1,2,3]", [[1, 2], []]),
        ("@.v anyof [2,9]", [[1, 2]]),
        ("@.v noneof [2,9]", [[]]),
        ("@.v noneof 3", []),
        ("@.v size 2", [[1, 2]]),
        ("@.v size 1", ["1"]),
        ("@.v size '2'", []),
        ("@.v empty true", ["", [], {}]),
        ("@.v empty false", ["1", [1, 2], {"x": 1}]),
        ("@.v empty 1", []),
        ("@.v all [1]", []),
        ("@.v", [1, "1", 1.0, True, None, [1, 2], {"x": 1}, "", [], {}]),
        ("!@.v", []),
        ("!(@.v)", []),
        ("!@.v.x", [1, "1", 1.0, True, None, [1, 2], "", [], {}]),
        ("@.v.x", [{"x": 1}]),
        ("@.v[0]", [[1, 2]]),
        ("@.v[-1] == 2", [[1, 2]]),
        ("@.v[*] == [1,2]", [[1, 2]]),
        ("@.v['x','y'] == {'x':1}", [{"x": 1}]),
        ("@.v['x','y']", []),
        ("@.v.length() == 2", [[1, 2]]),
        ("@.v == 1 && @.v === '1'", ["1"]),
        ("@.v == true || @.v == null", [True, None]),
        ("@.v == true || @.v == 1 && @.v == 5", [True]),
        ("(@.v == true || @.v == 1) && @.v === 1", [1, 1.0]),
        ("@.v == 1 && @.v == 1.0 && @.v != '1.0'", []),
        ("@.v == 1 && @.v == 1.0 && @.v != '2'", [1, 1.0]),
        ("@.v == 7 || @.v == null || @.v == true", [True, None]),
        ("!(@.v == 1) && !(@.v == null) && @.v empty true", ["", [], {}]),
        ("!@.v == true", [True]),
        ("@.v==1&&@.v==1.0", [1, 1.0]),
        (" @.v == true ", [True]),
        ("$.list[0] == @.v", [1, "1", 1.0]),
        ("@.v == $.no", []),
        ("@.v == $.list[*]", []),
        ("@.v =~ /1.*/", [1, "1", 1.0, [1, 2]]),
        ("/true/ =~ @.v", [True]),
        ("@.v =~ 'a'", []),
        ("1 < 2", [1, "1", 1.0, True, None, [1, 2], {"x": 1}, "", [], {}]),
    ],
)
def test_filters(condition: str, values: list[JSON]) -> None:
    assert exactly(evaluate(f"$.mixed[?({condition})].v")) == exactly(values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.list[?(@ > 2)]", [3, 4, 5]),
        ("$.list[?(@ in [1,5])]", [1, 5]),
        ("$.list[?(@)]", [1, 2, 3, 4, 5]),
        ("$.a[?(@.b)].b", [1]),
        ("$.a[?(@.zz)]", []),
        ("$.items[?(@.tags[?(@ == 'u')])].name", ["n0", "n1", "n2"]),
        ("$.items[?(@.tags[?(@ == 'u')] == ['u'])].name", ["n0"]),
        ("$.items[?(@.tags[*].x)].name", ["n0", "n1", "n2"]),
        ("$[?(@.items[*].name)].limit", [10]),
        ("$[?(@.items[*].opt)].limit", []),
        ("$.items[?(@['name'] == 'n1')].price", [15.5]),
        ("$.items[?(@.name == 'n]1' || @.name == 'n)2')]", []),
        ("$.items[?(@.price > $.limit && @.name != 'n2')].name", ["n1"]),
        ("$.items[?(@.price >= 5)][?(@.opt)].name", ["n0"]),
        ("$.items[?(@.tags[?(@ =~ /[)\\]u']/)] == ['u'])].name", ["n0"]),
        ("$.items[?(@.price > 10)][0]", []),
        ("$.[?(@.limit == 10)].text", ["hello"]),
    ],
)
def test_filters_around(text: str, value: JSON) -> None:
    assert evaluate(text) == value


_ANY = [1, 1.0, 1.5, -0.0, 0, "1", "1.0", "1e0", "01", "1e99999999999999999999", "x", "", True, False, None]
_ANY += [[], [1], [1.0], [True], {}, {"k": 1}, {"k": 1.0}, {"k": [1]}, 2**70, str(2**70)]


@pytest.mark.parametrize("value", _ANY, ids=repr)
def test_membership_is_equality_with_an_element(value: JSON) -> None:
    """However an array is searched (prepared once, or one by one), it finds what `==` finds."""
    for element in _ANY:
        data = {"items": [{"v": value, "all": [element]}], "all": [element], "one": element, "lists": [[value]]}
        expected = bool(evaluate("$.items[?(@.v == $.one)]", data))
        assert bool(evaluate("$.items[?(@.v in $.all)]", data)) is expected
        assert bool(evaluate("$.items[?(@.v in @.all)]", data)) is expected
        assert bool(evaluate("$.items[?(@.v nin $.all)]", data)) is not expected
        assert bool(evaluate("$.lists[?(@ subsetof $.all)]", data)) is expected
        assert bool(evaluate("$.lists[?(@ anyof $.all)]", data)) is expected
        assert bool(evaluate("$.lists[?(@ noneof $.all)]", data)) is not expected
        assert bool(evaluate("$.items[?($.all contains @.v)]", data)) is expected


_MANY = list(range(20_000))


@pytest.mark.parametrize(
    ("text", "data", "count"),
    [
        ("$.a[?(@ in $.b)]", {"a": _MANY, "b": _MANY[::-1]}, 20_000),
        ("$.a[?(@ nin $.b)]", {"a": _MANY, "b": _MANY[1:]}, 1),
        ("$.a[?($.b contains @)]", {"a": _MANY, "b": _MANY[::-1]}, 20_000),
        ("$[?(@.a subsetof @.b)]", {"a": _MANY, "b": _MANY[::-1]}, 1),
        ("$.a[?($.a subsetof $.b)]", {"a": _MANY, "b": _MANY[::-1]}, 20_000),
        ("$.a[?(@ == $.a[?(@ > 3)])]", {"a": _MANY}, 0),
        ("$.a[?($.a[?(@ > 3)] == $.a[4:])]", {"a": _MANY}, 20_000),
        ("$.a[?(@ < $.b.sum($.a[*]))]", {"a": _MANY, "b": [1]}, 20_000),
        ("$..x", [[]] * 87_000, 0),
        ("$..[?(@.x == 1)]", [1] * 131_000, 0),
        ("$..items[*]..x", {"items": [{"x": 1}] * 30_000}, 30_000),
    ],
)
def test_what_a_payload_can_hold_is_visited(text: str, data: JSON, count: int) -> None:
    assert len(evaluate(text, data)) == count


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("$..*..*..*", "nested"),
        ("$..[?(@..x..x)]", "nested"),
        ("$[0,0,0,0,0][0,0,0,0,0][0,0,0,0,0][*]", [[[_MANY]]]),
        ("$['a','a','a']['a','a','a']['a','a','a'][*]", {"a": {"a": {"a": _MANY}}}),
        ("$[-1:1][-1:1][-1:1][-1:1][-1:1][-1:1][*]", [[[[[[_MANY]]]]]]),
        ("$.a[?(@.append($.b) == 1)]", {"a": [[]] * 100, "b": _MANY}),
        ("$.a[?($.t contains @)]", {"a": ["b"] * 100, "t": "a" * 100_000}),
        ("$.a[0,0,0,0,0,0,0,0][?(@.c in @.b)]", {"a": [[{"b": _MANY, "c": 1}] * 3]}),
    ],
)
def test_visits_are_bounded(text: str, data: JSON) -> None:
    with pytest.raises(EngineError) as caught:
        evaluate(text, _nested(600) if data == "nested" else data)
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        f"The path {text} visits more than 450000 values. "
        "This runtime bounds the work that the evaluation of a path takes."
    )


def test_each_evaluation_counts_and_remembers_for_itself() -> None:
    expression = build_path(parse_path("$.a[?(@ in $.b[*])]"))
    scope = FixedScope()
    assert expression({"a": [1, 2], "b": [1]}, scope) == [1]
    assert expression({"a": [1, 2], "b": [2]}, scope) == [2]
    for _ in range(15):
        assert len(expression({"a": _MANY, "b": _MANY}, scope)) == 20_000


_TEXTS = ["ab", "AB", "a\nb", "12", 12, True, None, "n1", "é"]


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        ("/a.*/", ["ab"]),
        ("/a.*/i", ["ab", "AB"]),
        ("/a.*/s", ["ab", "a\nb"]),
        ("/A.B/si", ["a\nb"]),
        (r"/\d+/", ["12", 12]),
        ("/b/", []),
        ("/.*/", ["ab", "AB", "12", 12, True, None, "n1", "é"]),
        (r"/\w/", []),
        (r"/\w/U", ["é"]),
        ("/(?<letter>n)1/", ["n1"]),
        ("/[)]|n1/", ["n1"]),
        (r"/a\/b|ab/", ["ab"]),
    ],
)
def test_regular_expressions(pattern: str, values: list[JSON]) -> None:
    assert evaluate(f"$[?(@ =~ {pattern})]", _TEXTS) == values


@pytest.mark.parametrize(
    ("pattern", "matched", "other"),
    [
        (r"\Qa.b\E+", "a.bbb", "axb"),
        ("[a-z&&[^aeiou]]+", "xyz", "abc"),
        ("[]a]+", "]a", "b"),
        ("[^]a]+", "b", "]"),
        ("[[:x]&&[x]]", "x", ":"),
        ("[a||~~b]+", "a|~b", "c"),
        ("[+--]+", "+,-", "*"),
        (r"[\Q]\E\p{Digit}]+", "]7", "a"),
        (r"\p{Alpha}\P{Alpha}\p{Punct}", "a1$", "11$"),
        (r"\pL\p{IsLatin}", "éé", "1a"),
        (r"(?<twice>a|b)\k<twice>", "bb", "ab"),
        (r"(a)\1", "aa", "ab"),
        ("(?i)ab(?-i)c", "ABc", "ABC"),
        ("(?d-u:a)(?u)(?id:b)", "aB", "AB"),
        (r"\h\H\v\V\R", "\ta\nb\r\n", "aa\nb\n"),
        (r"a\z|a\Z", "a", "a\n"),
        (r"\x41\u0042\x{43}\0104", "ABCD", "abcd"),
        (r"\/\.\e", "/.\x1b", "/x"),
        ("a*+b|a++c|a{1,2}+d", "aac", "aa"),
        ("(?>a|ab)c|(?<=a)c|(?<!a)d(?!e)", "d", "abc"),
    ],
)
def test_java_notations(pattern: str, matched: str, other: str) -> None:
    escaped = pattern.replace("/", r"\/").replace(r"\\/", r"\/")
    assert evaluate(f"$[?(@ =~ /{escaped}/)]", [matched, other]) == [matched]


@pytest.mark.parametrize(
    ("regex", "reason"),
    [
        ("(?R)", "unknown construct"),
        ("(?P<n>a)", "unknown construct"),
        ("(a){e<=1}", "unknown construct"),
        (r"\m", r"unknown escape \m"),
        (r"\u12", r"unknown escape \u"),
        (r"[\b]", "a place is no member of a character class"),
        ("[a", "unterminated character class"),
        ("a{1000000000}", "it repeats a part too often"),
        ("((a{100}){100}){100}", "it repeats a part too often"),
        ("a**", "multiple repeat"),
        (r"\p{Foo}", "unknown property"),
        ("a" * 10_001, "it is too long"),
    ],
)
def test_what_is_no_regular_expression_in_java(regex: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_path(f"$.x[?(@.y =~ /{regex}/)]")
    assert caught.value.message == f"The regular expression is not valid: {reason}"


@pytest.mark.parametrize(
    ("regex", "subject"),
    [
        ("(a|aa)+", "a" * 60 + "b"),
        ("(.*,){20}", "," * 15 + "a" * 200_000),
        (".*a.*b.*c", "a" * 200_000),
        ("(a{1,9}){1,9}" * 9, "a" * 80 + "b"),
    ],
)
def test_runaway_matches_are_ended(regex: str, subject: str) -> None:
    with pytest.raises(EngineError) as caught:
        evaluate(f"$[?(@ =~ /{regex}/)]", [subject])
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        f"The regular expression /{regex}/ takes too long on a string of {len(subject)} characters. "
        "This runtime bounds the time that one match takes."
    )


def test_many_slow_matches_are_bounded_together() -> None:
    subjects = [letter * 2_000 for letter in "abcdefghijklmnopqrstuvwxyz"] * 100
    with pytest.raises(EngineError, match=r"visits more than 450000 values|takes too long"):
        evaluate(r"$[?(@ =~ /\w*\w*\d/)]", subjects)


@pytest.mark.parametrize(
    ("regex", "subject"),
    [
        (".*", "a" * 250_000),
        (r"\d+-\d+-\d+-\d+-\d+x?", "-".join(["1" * 50_000] * 5)),
        ("[a-z]+@[^@]+", "a" * 200_000 + "@b"),
        ("(?:ab)*", "ab" * 5_000),
        ("(ab){2}c{3}", "ababccc"),
        ("a*+b", "a" * 100_000 + "b"),
        (".*foo.*", "x" * 700 + "foo" + "x" * 700),
        ("(a+)+", "a" * 1_000),
        ("(a|b)*c", "ab" * 1_000 + "c"),
        ("(?:x+x+)+y", "x" * 20 + "y"),
        ("(GET|POST) /.*", "GET /index"),
    ],
)
def test_harmless_patterns_match_long_strings(regex: str, subject: str) -> None:
    escaped = regex.replace("/", r"\/")
    assert evaluate(f"$[?(@ =~ /{escaped}/)]", [subject]) == [subject]


# functions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.list.length()", 5),
        ("$.a.size()", 3),
        ("$.text.length()", None),
        ("$.null.length()", None),
        ("$.length()", len(DATA)),
        ("$.length($.items[*])", 14),
        ("$.length($.list)", len(DATA)),
        ("$.length($.list.append(1))", 6),
        ("$..tags.length()", 3),
        ("$..price.sum()", 43.5),
        ("$.items[*].tags.length()", [2, 0, 1]),
        ("$.items[*].length()", [4, 3, 4, 2, 1]),
        ("$.list.sum()", 15.0),
        ("$.list.sum(1, 2)", 18.0),
        ("$.sum($.items[*].price, 5)", 45.5),
        ("$.list.avg()", 3.0),
        ("$.list.min()", 1.0),
        ("$.min(-1, -2)", -2.0),
        ("$.list.max()", 5.0),
        ("$.list.max(9)", 9.0),
        ("$.max(-1, -2)", 5e-324),
        ("$.list.stddev()", 1.4142135623730951),
        ("$.one.stddev()", 0.0),
        ("$.list.first()", 1),
        ("$.list.last()", 5),
        ("$.list.index(1)", 2),
        ("$.list.index(-1)", 5),
        ("$.list.index($.list[0])", 2),
        ("$.a.keys()", ["b", "c", "n"]),
        ("$.list.keys()", None),
        ("$.list.append(6)", [1, 2, 3, 4, 5, 6]),
        ('$.list.append({"a": 1}, "x")', [1, 2, 3, 4, 5, {"a": 1}, "x"]),
        ("$.text.append(6)", "hello"),
        ("$.list.append(6).length()", 6),
        ('$.concat($.text, "x", $.limit, -1.50)', "hellox10-1.5"),
        ('$.items[0].tags.concat("x,(")', "tux,("),
        ("$.concat($.list)", "12345"),
        ("$.concat()", ""),
        ("$.concat($.null)", ""),
        ('$.concat({"a": [true]})', "{a=[true]}"),
    ],
)
def test_functions(text: str, value: JSON) -> None:
    assert exactly(evaluate(text)) == exactly(value)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("$.empty.sum()", "Aggregation function attempted to calculate value using empty array"),
        ("$.text.avg()", "Aggregation function attempted to calculate value using empty array"),
        ("$.text.first()", "Aggregation function attempted to calculate value using empty array"),
        ("$.items[*].price.sum()", "Aggregation function attempted to calculate value using empty array"),
        ("$.items[?(@.name.max() > 1)]", "Aggregation function attempted to calculate value using empty array"),
        ("$.empty.first()", "Index 0 out of bounds for length 0"),
        ("$.one.last()", "Target index:-1 larger than object count:1"),
        ("$.list.index(-5)", "Target index:-5 larger than object count:5"),
        ("$.list.index($.text)", "Index 0 out of bounds for length 0"),
        ("$.sum($.no)", "No results for path: $['no']"),
        ("$.items[*].concat($.no.x)", "Missing property in path $['no']"),
    ],
)
def test_functions_that_fail(text: str, detail: str) -> None:
    assert detail_of(text) == detail


@pytest.mark.parametrize("call", ["sum()", "avg()", "min()", "max()", "stddev()", "sum(1e999)", "stddev(1e200)"])
def test_aggregation_keeps_to_doubles(call: str) -> None:
    detail = "Aggregation function attempted to calculate value beyond the range of a double"
    huge = [10**400] if call not in ("sum(1e999)", "stddev(1e200)") else [1]
    with pytest.raises(PathNotFound) as caught:
        evaluate(f"$.list.{call}", {"list": huge})
    assert caught.value.detail == detail
    if call in ("sum()", "avg()", "stddev()"):
        with pytest.raises(PathNotFound) as caught:
            evaluate(f"$.list.{call}", {"list": [1e308, 1e308]})
        assert caught.value.detail == detail


def test_sums_are_added_up_one_after_another() -> None:
    """As in Java, on every version of Python."""
    assert evaluate("$.list.sum()", {"list": [0.1] * 10}) == 0.9999999999999999
    assert evaluate("$.list.avg()", {"list": [0.1] * 10}) == 0.09999999999999999


@pytest.mark.parametrize("position", ["1e999", "3000000000", "1e300"])
def test_an_index_beyond_all_arrays(position: str) -> None:
    assert detail_of(f"$.list.index({position})") == "Index 2147483647 out of bounds for length 5"
    assert detail_of(f"$.list.index(-{position})") == "Target index:-2147483647 larger than object count:5"


@pytest.mark.parametrize("size", ["1e999", "-1e999"])
def test_nothing_has_an_infinite_size(size: str) -> None:
    assert evaluate(f"$[?(@ size {size})]", [[], "text", [1]]) == []


def test_append_leaves_the_data_alone() -> None:
    data = {"list": [1]}
    assert evaluate("$.list.append(2)", data) == [1, 2]
    assert data == {"list": [1]}


# what does not parse --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "Path must start with '$'"),
        ("a", 0, "Path must start with '$'"),
        (" $.a", 0, "Path must start with '$'"),
        ("@.a", 0, "Path must start with '$'"),
        ("$.", 1, "Path must not end with a '.' or '..'"),
        ("$.a..", 4, "Path must not end with a '.' or '..'"),
        ("$-a", 1, "Illegal character at position 1 expected '.' or '['"),
        ("$name-a", 5, "Illegal character at position 5 expected '.' or '['"),
        ("$$a", 2, "Illegal character at position 2 expected '.' or '['"),
        ("$.a...b", 5, "Character '.' on position 5 is not valid."),
        ("$. a", 2, "Could not parse token starting at position 2"),
        ("$.a b", 3, "Use bracket notion ['my prop'] if your property contains blank characters. position: 2"),
        ("$[", 1, "Could not parse token starting at position 1. Expected ?, ', 0-9, * "),
        ("$.a[]", 3, "Could not parse token starting at position 3. Expected ?, ', 0-9, * "),
        ("$.a[b]", 3, "Could not parse token starting at position 3. Expected ?, ', 0-9, * "),
        ("$.a[1.5]", 3, "Could not parse token starting at position 3. Expected ?, ', 0-9, * "),
        ("$.a[*", None, "Expected wildcard token to end with ']' on position 5"),
        ("$.a['b'", 6, "Property must be separated by comma or Property must be terminated close square bracket"),
        ("$.a['b'x]", 6, "Property must be separated by comma or Property must be terminated close square bracket"),
        ("$.a['b]", 4, "Property has not been closed - missing closing '"),
        ("$.a['b',]", 8, "Found empty property at index 8"),
        ("$.a[1,]", 4, "Failed to parse token in ArrayIndexOperation: "),
        ("$.a[--1]", 4, "Failed to parse token in ArrayIndexOperation: --1"),
        ("$.a[1 2]", 4, "Failed to parse token in ArrayIndexOperation: 1 2"),
        ("$.a[99999999999]", 4, "Failed to parse token in ArrayIndexOperation: 99999999999"),
        ("$.a[:]", 4, "Failed to parse SliceOperation: :"),
        ("$.a[1 : 2]", 4, "Failed to parse SliceOperation: 1 : 2"),
        ("$.a.lenght()", 4, "Function with name: lenght does not exist. Did you mean length()?"),
        ("$.a.length(", 10, "Arguments to function: 'length' are not closed properly."),
        ("$.a.length(1)", 10, "length() takes a path"),
        ("$.a.index()", 9, "index() needs an index"),
        ("$.concat('a')", 9, "A function's argument is a path, a number, a double-quoted string or an object"),
        ("$.concat(1,,2)", 11, "A function's argument is a path, a number, a double-quoted string or an object"),
        ('$.concat({"a":})', 9, "The argument is not valid JSON"),
        ("$.concat($.a[)", 8, "Arguments to function: 'concat' are not closed properly."),
        ("$.a.first().b", 11, "first() must be the last step of the path"),
        ("$.a..length()", 3, "'..' must be followed by a name, '*' or '['"),
        ("$.a[?(@.b == )]", 13, "Expected a path or a value"),
        ("$.a[?()]", 6, "Expected a path or a value"),
        ("$.a[?(1)]", 6, "Expected path node: a value on its own is no condition"),
        ("$.a[?(@.b = 1)]", 10, "Filter operator = is not supported"),
        ("$.a[?(@.b inn [1])]", 10, "Filter operator inn is not supported, did you mean in?"),
        ("$.a[?(@.b == 'x)]", 13, "String not closed, expected '"),
        ("$.a[?(@.b == [1)]", 15, "Expected character: ,"),
        ("$.a[?(@.b == {1)]", 15, "Expected character: :"),
        ("$.a[?(@.b == word)]", 13, "Expected a path or a value"),
        ("$.a[?((@.b == 1)]", 16, "Could not parse token starting at position 3. Expected ?, ', 0-9, * "),
        ("$.a[?((@.b == 1]", 15, "Expected character: )"),
        ("$.a[?(@.b[0)]", 6, "Square brackets does not match in filter"),
        ("$.a[?(@.b =~ /x)]", 13, "String not closed, expected /"),
        ("$.a[?(@.b =~ /(/)]", 14, "The regular expression is not valid: missing )"),
        ("$.a[?(@.b == $x.y)]", 14, "Illegal character at position 14 expected '.' or '['"),
        ("$.a[?(@.b == @.c.)]", 16, "Path must not end with a '.' or '..'"),
        ("$.a[?(@.b[*].lenght() == 1)]", 13, "Function with name: lenght does not exist."),
        ("$.a[?@.b]", 5, "Could not parse token starting at position 3. Expected ?, ', 0-9, * "),
        ("$.a[?(@.b == 1]", 14, "Could not parse token starting at position 3. Expected ?, ', 0-9, * "),
    ],
)
def test_errors(text: str, offset: int | None, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_path(text)
    assert caught.value.message.startswith(message)
    assert caught.value.offset == (5 if offset is None else offset)


@pytest.mark.parametrize(
    "text",
    [
        "$" + "[?(@" * 500,
        "$.a[?(" + "(" * 5_000,
        "$.a[?(" + "!" * 5_000 + "@)]",
        "$.a[?(@.b == " + "[" * 5_000,
        "$" + ".concat($" * 500,
        "$.a[?(@.b =~ /" + "(" * 5_000 + ")" * 5_000 + "/)]",
    ],
)
def test_nesting_without_end_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_path(text)


@given(st.text(alphabet="$@.[]()?*:,'\"\\/&|!=<>~ab01-x ", max_size=30))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """Nothing but the errors that are meant leaves the parser and the closures."""
    with contextlib.suppress(ExpressionError, PathNotFound, EngineError):
        evaluate("$" + text, DATA, _SCOPE)


# facts about paths ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "definite", "reference", "growth"),
    [
        ("$", True, True, 1),
        ("$.a.b", True, True, 1),
        ("$.a[0]['b']", True, True, 1),
        ("$.a[-1]", True, False, 1),
        ("$$.a", True, True, None),
        ("$v.a", True, True, None),
        ("$.a['b','c']", True, False, 1),
        ("$.a['b','b'].c", False, False, 2),
        ("$.a[*].b", False, False, 1),
        ("$.a.*", False, False, 1),
        ("$.a[0,1]", False, False, 1),
        ("$.a[0,-1,0]", False, False, 3),
        ("$.a[1:]", False, False, 1),
        ("$.a[-2:1]", False, False, 2),
        ("$.a[0,0][1,1]", False, False, 4),
        ("$.a[?(@.b)]", False, False, 1),
        ("$..a", False, False, None),
        ("$.a.first()", True, False, 1),
        ("$.a.length()", True, False, 3),
        ("$.a.length($.b)", True, False, None),
        ("$.concat($.a)", True, False, None),
        ("$..a.length()", True, False, None),
    ],
)
def test_facts(text: str, definite: bool, reference: bool, growth: int | None) -> None:
    path = parse_path(text)
    assert (path.definite, path.reference, path.growth) == (definite, reference, growth)


# properties -----------------------------------------------------------------------------------------------------

_KEYS = st.sampled_from(["a", "b", "c"])
_VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)
_DEFINITE_STEPS = st.lists(_KEYS | st.integers(-3, 3), max_size=5)
_STEPS = st.sampled_from([".a", ".b", "[0]", "[*]", ".*", "[0,0]", "[-2:1]", "[1:]", "['a','b']", "[?(@.a)]"])
_CALLS = st.sampled_from(["", "", ".length()", ".first()", ".keys()"])


def _spelled(steps: list[str | int]) -> str:
    return "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps)


def _walked(steps: list[str | int], value: JSON) -> JSON:
    """The naive evaluator: one step at a time, every type checked; KeyError when there is nothing."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict):
                raise KeyError(step)
            value = value[step]
        else:
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                raise KeyError(step)
            value = value[step]
    return value


@given(_DEFINITE_STEPS, _VALUES)
def test_definite_paths_agree_with_a_naive_evaluator(steps: list[str | int], data: JSON) -> None:
    text = _spelled(steps)
    try:
        expected = _walked(steps, data)
    except KeyError:
        assert detail_of(text, data)
    else:
        assert evaluate(text, data) is expected


@pytest.mark.slow
@given(st.lists(_STEPS, min_size=1, max_size=4), _CALLS, _VALUES)
@settings(max_examples=300)
def test_results_grow_no_more_than_they_say(steps: list[str], call: str, data: JSON) -> None:
    path = parse_path("$" + "".join(steps) + call)
    before = json.dumps(data)
    try:
        result = build_path(path)(data, FixedScope())
    except PathNotFound:
        return
    finally:
        assert json.dumps(data) == before
    assert path.growth is not None
    size = len(json.dumps(data, separators=(",", ":")))
    assert len(json.dumps(result, separators=(",", ":"))) <= path.growth * size + 2


# depth ----------------------------------------------------------------------------------------------------------


def _nested(levels: int) -> JSON:
    value: JSON = {"leaf": 1}
    for level in range(levels):
        value = {"x": value} if level % 2 else [value]
    return value


@pytest.mark.parametrize("levels", [250, 20_000])
def test_deep_data_is_scanned(levels: int) -> None:
    data = _nested(levels)
    assert evaluate("$..leaf", data) == [1]
    assert evaluate("$..[?(@.leaf == 1)].leaf", data)[-1] == 1


def test_deep_data_is_compared_and_quoted() -> None:
    data = {"deep": _nested(250), "same": _nested(250)}
    assert evaluate("$[?(@.deep == @.same)].same", data) == [data["same"]]
    assert detail_of("$.deep.a[0].b", {"deep": {"a": _nested(250)}}).startswith("Filter: [0]['b'] can only")


@pytest.mark.parametrize("step", [".a", "[0]", "[*]", "[0:1]", "[?(@.a)]", "['a','b']"])
def test_paths_have_so_many_steps_and_no_more(step: str) -> None:
    with contextlib.suppress(PathNotFound):
        evaluate("$" + step * MAX_STEPS, _nested(250))
    with pytest.raises(ExpressionError, match=f"Paths may have {MAX_STEPS} steps"):
        parse_path("$" + step * 100_000)
