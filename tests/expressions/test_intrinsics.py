"""Intrinsic functions: results, refusals and causes function by function, the call syntax, and the recordings."""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.errors import EngineError, ExpressionError
from express.expressions.intrinsics import FUNCTIONS, Literal, build_intrinsic, parse_intrinsic
from express.expressions.values import java_text
from tests.expressions.recorded import SCOPE, FixedScope, case_params, recorded

if TYPE_CHECKING:
    from express.types import JSON


def evaluate(expression: str, data: JSON = None, scope: FixedScope = SCOPE) -> JSON:
    return build_intrinsic(parse_intrinsic(expression))(data, scope)


def exactly(value: JSON) -> str:
    """A text that differs for `1`, `1.0` and `true`, which compare equal, and ignores the order of keys."""
    return json.dumps(value, sort_keys=True)


RESULTS: list[tuple[str, JSON, JSON]] = [
    # States.Format
    ("States.Format('no placeholder')", None, "no placeholder"),
    ("States.Format('Hello {}', $.a)", {"a": "Ada"}, "Hello Ada"),
    ("States.Format('{} {} {}', $.a, $.b, $.c)", {"a": "x", "b": 2, "c": True}, "x 2 true"),
    ("States.Format('{}|{}|{}', $.a, -1, 3.5)", {"a": None}, "null|-1|3.5"),
    ("States.Format('{}', $)", {"Arg1": 1, "Arg2": []}, "{Arg1=1, Arg2=[]}"),
    ("States.Format('{}', $)", ["a", None, [1.5]], "[a, null, [1.5]]"),
    ("States.Format('{}', $.n)", {"n": 12345678.5}, "1.23456785E7"),
    ("States.Format(' {} ', 'x')", None, " x "),
    (r"States.Format('\'{}\' \{{}\} \\', 'x', 'y')", None, "'x' {y} \\"),
    ("States.Format($.t, $.n)", {"t": "n={}", "n": 1}, "n=1"),
    ("States.Format($.t, 'Foo')", {"t": r"\{{}\}"}, "{Foo}"),
    ("States.Format('{}', '{}')", None, "{}"),
    ("States.Format('Format:{}', 101)", None, "Format:101"),
    # States.StringToJson, States.JsonToString
    ("States.StringToJson($)", "", None),
    ("States.StringToJson($)", " \n", None),
    ("States.StringToJson($)", "-0", 0),
    ("States.StringToJson($)", ' {"a":[1,"é"]} ', {"a": [1, "é"]}),
    ("States.StringToJson($)", '{"n":123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
    ("States.StringToJson($)", "-9223372036854775809", -9223372036854775809),
    (r"""States.StringToJson('{"a": "it\'s"}')""", None, {"a": "it's"}),
    ("States.JsonToString($)", {"b": [1, None], "a": "é"}, '{"b":[1,null],"a":"é"}'),
    ("States.JsonToString('x')", None, '"x"'),
    ("States.JsonToString($.[?(@.year <= 1998)])", [{"year": 1998}, {"year": 1999}], '[{"year":1998}]'),
    # States.JsonMerge
    ("States.JsonMerge($.a, $.b, false)", {"a": {"x": 1, "y": {"z": 1}}, "b": {"y": {}}}, {"x": 1, "y": {}}),
    ("States.JsonMerge($.a, $.b, 'false')", {"a": {}, "b": {"x": None}}, {"x": None}),
    # arrays
    ("States.Array()", None, []),
    ("States.Array( 42 , true,null,'' , -1.5e2)", None, [42, True, None, "", -150.0]),
    ("States.Array($.a, States.Array(2))", {"a": {"k": 1}}, [{"k": 1}, [2]]),
    ("States.ArrayPartition($, 3)", [0, 1, 2, 3], [[0, 1, 2], [3]]),
    ("States.ArrayPartition($, 5)", [0], [[0]]),
    ("States.ArrayPartition($, 5)", [], []),
    ("States.ArrayPartition($, 2.6)", [1, 2, 3], [[1, 2], [3]]),  # cut off, not rounded
    ("States.ArrayContains($, 2)", [1, 2, 3], True),
    ("States.ArrayContains($, '2')", [1, 2, 3], True),
    ("States.ArrayContains($, 2)", [1, "2"], True),
    ("States.ArrayContains($, true)", ["true"], True),
    ("States.ArrayContains($, false)", [0, 1], False),
    ("States.ArrayContains($, 1)", [True, 1.0], False),
    ("States.ArrayContains($, 1.0)", [1, 1.0], True),
    ("States.ArrayContains($, null)", [1, None], True),
    ("States.ArrayContains($, null)", [], False),
    ("States.ArrayContains($.a, $.v)", {"a": [[1, 2, 3], 2], "v": [1, 2, 3]}, True),
    ("States.ArrayContains($.a, $.v)", {"a": [{"a": 1, "b": 2}], "v": {"b": 2, "a": 1}}, False),
    ("States.ArrayContains($.a, $.v)", {"a": [{"1": 2, "2": []}], "v": []}, False),
    ("States.ArrayRange(0, 9, 3)", None, [0, 3, 6, 9]),
    ("States.ArrayRange(1, 9, 9)", None, [1]),
    ("States.ArrayRange(5, 1, -2)", None, [5, 3, 1]),
    ("States.ArrayRange(5, 1, 1)", None, []),
    ("States.ArrayRange(1.4, 5.6, 2.2)", None, [1, 3, 5]),
    ("States.ArrayRange(5.4, -0.6, -2.4)", None, [5, 3, 1]),
    ("States.ArrayRange(1, 1000, 1)", None, list(range(1, 1001))),
    ("States.ArrayGetItem($, 5)", [1, 2, 3, 4, 5, 6], 6),
    ("States.ArrayGetItem($, 1.2)", [10, 20, 30], 20),
    ("States.ArrayGetItem($, 999)", [], None),
    ("States.ArrayLength($)", [1, 2], 2),
    ("States.ArrayUnique($)", [3, 1, 3, "1", None, None], [3, 1, "1", None]),
    ("States.ArrayUnique($)", [1, True, 1.0, 1, "1", 0.0, False], [1, True, 1.0, "1", 0.0, False]),
    ("States.ArrayUnique($)", [{"a": 1, "b": 2}, {"b": 2, "a": 1}, [1], [True], [1]], [{"a": 1, "b": 2}, [1], [True]]),
    # math
    ("States.MathAdd(111, -1)", None, 110),
    ("States.MathAdd($.a, $.b)", {"a": 1.49, "b": 1.5}, 3),
    ("States.MathAdd(-1.5, -1.51)", None, -3),
    ("States.MathAdd(-2.5, 0)", None, -2),
    ("States.MathAdd(-0.5, 0)", None, 0),
    ("States.MathAdd(2147483646, 1)", None, 2147483647),
    ("States.MathAdd(-2147483648, 0)", None, -2147483648),
    ("States.MathAdd(0.49999999999999994, 0)", None, 0),
    # strings
    ("States.StringSplit($, ',')", "1,2,3", ["1", "2", "3"]),
    ("States.StringSplit($, '.+,=')", "This.is+a,test=string", ["This", "is", "a", "test", "string"]),
    ("States.StringSplit($, 'T\n')", "split on T and \nnew line", ["split on ", " and ", "new line"]),
    ("States.StringSplit($, ',')", ",,,,", []),
    ("States.StringSplit($, ',')", ", , ,", [" ", " "]),
    ("States.StringSplit($, ',')", "", []),
    ("States.StringSplit($, '')", "abc", ["abc"]),
    ("States.StringSplit($, 'ab')", "1a2b3ab4", ["1", "2", "3", "4"]),
    # encoding
    ("States.Base64Encode('Data to encode')", None, "RGF0YSB0byBlbmNvZGU="),
    ("States.Base64Encode('')", None, ""),
    ("States.Base64Encode($)", "🚀", "8J+agA=="),
    ("States.Base64Encode($)", "a" * 60, "YWFh" * 20),  # longer than a MIME line of 76
    ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", None, "Data to encode"),
    ("States.Base64Decode($)", "44GT44KT44Gr44Gh44Gv", "こんにちは"),
    ("States.Base64Decode('YWJj\nZA')", None, "abcd"),
    ("States.Base64Decode($)", "4p-T", "\u27d3"),  # the URL-safe alphabet
    ("States.Base64Decode('/w==')", None, "\ufffd"),
    ("States.Base64Decode('ab==cd')", None, "i"),
    ("States.Base64Decode('YWJjZ')", None, "abc"),
    ("States.Hash('input data', 'MD5')", None, "812f45842bc6d66ee14572ce20db8e86"),
    ("States.Hash('input data', 'SHA-1')", None, "aaff4a450a104cd177d28d18d74485e8cae074b7"),
    ("States.Hash('', 'SHA-256')", None, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("States.Hash('✓', 'SHA-256')", None, "1dabba21cdad44541f6b15796f8d22978fc7ea10c46aeceeeeb66c23b3ac7604"),
    ("States.Hash(123, 'MD5')", None, "202cb962ac59075b964b07152d234b70"),
    # nested
    ("States.ArrayGetItem(States.StringSplit($, '-'), States.MathAdd(States.ArrayLength($$.l), -1))", "a-b-c", "c"),
    ("States.Format('arn:{}:{}', $.s, States.JsonToString($.o))", {"s": "l", "o": {"k": 1}}, 'arn:l:{"k":1}'),
]


@pytest.mark.parametrize(("expression", "data", "result"), RESULTS)
def test_results(expression: str, data: JSON, result: JSON) -> None:
    scope = FixedScope(context_object={"l": [0, 0, 0]})
    assert exactly(evaluate(expression, data, scope)) == exactly(result)


LONG = "a" * 10_001

REFUSED: list[tuple[str, JSON]] = [
    ("States.StringToJson($)", "{bad json}"),
    ("States.StringToJson($)", '{"a":1'),
    ("States.StringToJson($)", '"\ud800"'),
    ("States.StringToJson($)", "1" * 400),
    ("States.StringToJson($)", 123),
    ("States.StringToJson()", None),
    ("States.JsonToString($, $)", None),
    ("States.JsonMerge($.a, $.b, true)", {"a": {}, "b": {}}),
    ("States.JsonMerge($.a, $.b, false)", {"a": None, "b": {}}),
    ("States.JsonMerge($.a, $.b, false)", {"a": {}, "b": []}),
    ("States.JsonMerge($.a, $.b)", {"a": {}, "b": {}}),
    ("States.ArrayPartition($, 0)", [1]),
    ("States.ArrayPartition($, 0.6)", [1]),
    ("States.ArrayPartition($, -1)", [1]),
    ("States.ArrayPartition($, '2')", [1]),
    ("States.ArrayPartition('no array', 2)", None),
    ("States.ArrayContains('no array', 'x')", None),
    ("States.ArrayContains($)", []),
    ("States.ArrayRange(1, 10, 0)", None),
    ("States.ArrayRange(1, 10, 0.49)", None),
    ("States.ArrayRange(1, 1001, 1)", None),
    ("States.ArrayRange('a', 5, 1)", None),
    ("States.ArrayRange(1, 1000000000000, 1)", None),
    ("States.ArrayGetItem($, 3)", [1, 2, 3]),
    ("States.ArrayGetItem($, -1)", [1, 2, 3]),
    ("States.ArrayGetItem($, '1')", [1, 2, 3]),
    ("States.ArrayGetItem($, true)", [1, 2, 3]),
    ("States.ArrayLength($)", {"k": 1}),
    ("States.ArrayLength($, 999)", []),
    ("States.ArrayUnique('no array')", None),
    ("States.MathAdd('a', 1)", None),
    ("States.MathAdd(1, null)", None),
    ("States.MathAdd(true, 1)", None),
    ("States.MathAdd(2147483647, 1)", None),
    ("States.MathAdd(3000000000, 1)", None),
    ("States.MathAdd(-2147483648, -1)", None),
    ("States.MathAdd(1e309, 1)", None),
    ("States.MathAdd(1)", None),
    ("States.MathRandom(1, 1)", None),
    ("States.MathRandom(10, 5)", None),
    ("States.MathRandom(1.4, 1.6)", None),
    ("States.MathRandom(1, 'b')", None),
    ("States.MathRandom(1, 10, null)", None),
    ("States.MathRandom(1, 10, 5, 99)", None),
    ("States.StringSplit($, ',')", 123),
    ("States.StringSplit($, null)", "a"),
    ("States.Base64Encode($)", LONG),
    ("States.Base64Encode(123)", None),
    ("States.Base64Encode('a', 'b')", None),
    ("States.Base64Decode($)", LONG),
    ("States.Base64Decode($)", {}),
    ("States.Hash($, 'MD5')", LONG),
    ("States.Hash($, 'sha-256')", "a"),
    ("States.Hash($, 123)", "a"),
    ("States.Hash()", None),
    ("States.UUID(1)", None),
    ("States.Format($, 'x')", 123),
    (r"States.Format($, 'x')", "dangling \\"),
]


@pytest.mark.parametrize(("expression", "data"), REFUSED, ids=[expression for expression, _ in REFUSED])
def test_refused_arguments_fail_when_the_call_runs(expression: str, data: JSON) -> None:
    run = build_intrinsic(parse_intrinsic(expression))
    name = expression[: expression.index("(")]
    with pytest.raises(EngineError) as caught:
        run(data, SCOPE)
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == f"The function '{expression}' had the following error: Invalid arguments in {name}"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (
            "States.Format('{}')",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        ),
        (
            "States.Format('{}', 1, 2)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        ),
        (
            "States.Format('{} {}', 1)",
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        ),
        ("States.Format('Hello {', 1)", "Invalid template in States.Format: matching '}' not found for '{'."),
        ("States.Format('{{}}', 1)", "Invalid template in States.Format: matching '}' not found for '{'."),
        ("States.Format('}')", "Invalid template in States.Format: matching '{' not found for '}'."),
    ],
)
def test_templates_that_do_not_fit(expression: str, reason: str) -> None:
    with pytest.raises(EngineError) as caught:
        evaluate(expression)
    assert caught.value.cause == f"The function '{expression}' had the following error: {reason}"


@pytest.mark.parametrize(
    ("expression", "data", "path"),
    [
        ("States.Format('{}', $.nope)", {"other": 1}, "$.nope"),
        ("States.Format('{}',$.nope)", {"other": 1}, "$.nope"),
        ("States.Format('{} {}', $.other, $.a.b)", {"other": 1}, "$.a.b"),
        ("States.Format($.nope, 1)", {"other": 1}, "$.nope"),
        ("States.Format('{}', States.Format('{}', $.nope))", {"other": 1}, "$.nope"),
        ("States.ArrayLength($.nope)", {"other": "é"}, "$.nope"),
        ("States.MathAdd(1, $.nope)", {}, "$.nope"),
        ("States.Array($.a, $.b, $.nope)", {"a": 1, "b": 2}, "$.nope"),
        ("States.Format('{}', $.items[5])", {"items": [1, 2]}, "$.items[5]"),
        ("States.Format('{}', $.items[5].x)", {"items": [1]}, "$.items[5].x"),
        ("States.Format('{}', $[0].nope)", [{"other": 1}], "$[0].nope"),
        ("States.Format('{}', $$.Nope.Deep)", {"other": 1}, "$.Nope.Deep"),
    ],
)
def test_missing_path_arguments(expression: str, data: JSON, path: str) -> None:
    """Captured from AWS: the whole expression as written, the path (one `$` for the context), the state's input."""
    text = str(data).replace("'", '"').replace(" ", "")
    with pytest.raises(EngineError) as caught:
        evaluate(expression, data)
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        f"The function '{expression}' had the following error: "
        f"The JsonPath argument for the field '{path}' could not be found in the input '{text}'"
    )


def test_paths_to_the_context_and_to_variables() -> None:
    scope = FixedScope({"v": {"a": [1]}}, {"Execution": {"Name": "e-1"}})
    assert evaluate("States.Format('{} {}', $$.Execution.Name, $v.a[0])", {}, scope) == "e-1 1"
    assert parse_intrinsic("States.Array($v.a, States.Array($w), $, 'x')").variables == {"v", "w"}


def test_results_share_their_elements() -> None:
    data = {"a": [{"k": 1}, {"k": 1}], "o": {"deep": {}}}
    before = repr(data)
    assert evaluate("States.ArrayPartition($.a, 1)", data)[0][0] is data["a"][0]  # type: ignore[index]
    assert evaluate("States.JsonMerge($.o, $.o, false)", data) is not data["o"]
    assert repr(data) == before


# Syntax


@pytest.mark.parametrize(
    ("text", "offset", "problem"),
    [
        ("", 0, "expected a function name"),
        ("$.a", 0, "expected a function name"),
        ("States.Array", 12, "expected a function name and '('"),
        ("States.Array(", 13, "expected an argument"),
        ("States.Array(1", 14, "expected ',' or ')'"),
        ("States.Array(1,)", 15, "expected an argument"),
        ("States.Array(1 2)", 15, "expected ',' or ')'"),
        ("States.Array(.5)", 15, "expected a function name and '('"),
        ("States.Array(1.)", 15, "expected a function name and '('"),
        ("States.Array(01)", 15, "expected a function name and '('"),
        ("States.Array([1])", 13, "expected an argument"),
        ("States.Array('a)", 13, "the string is not closed"),
        (r"States.Array('a\n')", 13, "the string is not closed, or a backslash"),
        ("States.Array() trailing", 15, "nothing may follow"),
        ("States.MathAd(1, 2)", 0, "there is no function States.MathAd; did you mean States.MathAdd?"),
        ("states.format('')", 0, "did you mean States.Format?"),
        ("States.Array(1, States.Frobnicate())", 16, "there is no function States.Frobnicate"),
        ("States.Array(1, $.a['b)", 16, None),
    ],
)
def test_syntax_errors_name_the_place(text: str, offset: int, problem: str | None) -> None:
    """For a bad path (None) the words and the exact place are the path parser's."""
    with pytest.raises(ExpressionError, match=problem and re.escape(problem)) as caught:
        parse_intrinsic(text)
    assert caught.value.offset == offset if problem else caught.value.offset >= offset


def test_calls_nest_ten_deep() -> None:
    ten = "States.Array(" * 10 + ")" * 10
    assert evaluate(ten) == [[[[[[[[[[]]]]]]]]]]
    with pytest.raises(ExpressionError, match="nested 10 deep"):
        parse_intrinsic(f"States.Array({ten})")


@pytest.mark.parametrize(
    ("argument", "data", "value"),
    [
        ("$['a,b)c']", {"a,b)c": 1}, 1),
        ("$[?(@.a == 'x)' && (@.b < 3))].b", [{"a": "x)", "b": 2}], [2]),
        ("$.list.length()", {"list": [1, 2]}, 2),
        ("$['it\\'s']", {"it's": 1}, 1),
        ("$[0,1]", ["a", "b", "c"], ["a", "b"]),
        ("$.a ", {"a": 1}, 1),
    ],
)
def test_paths_keep_their_own_syntax(argument: str, data: JSON, value: JSON) -> None:
    assert evaluate(f"States.Array(1,{argument},2)", data) == [1, value, 2]


def test_strings_keep_both_their_text_and_their_value() -> None:
    (literal,) = parse_intrinsic(r"States.Array('\{it\'s\}')").arguments
    assert literal == Literal("{it's}", r"\{it\'s\}")


def test_the_table_is_complete() -> None:
    assert {name.removeprefix("States.") for name in FUNCTIONS} == {
        "Format", "StringToJson", "JsonToString", "JsonMerge", "StringSplit", "UUID", "MathAdd", "MathRandom", "Hash",
        "Base64Encode", "Base64Decode", "Array", "ArrayPartition", "ArrayContains", "ArrayRange", "ArrayGetItem",
        "ArrayLength", "ArrayUnique",
    }  # fmt: skip


# Randomness


def test_uuids_are_random_and_of_version_4() -> None:
    run = build_intrinsic(parse_intrinsic("States.UUID()"))
    first, second = run(None, SCOPE), run(None, SCOPE)
    assert first != second
    assert str(uuid.UUID(first)) == first
    assert uuid.UUID(first).version == 4


def test_math_random_stays_in_its_interval() -> None:
    random.seed(7)
    run = build_intrinsic(parse_intrinsic("States.MathRandom(1.6, 5.4)"))
    assert {run(None, SCOPE) for _ in range(200)} == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("0, 10, 42", 0),  # new java.util.Random(42).nextInt(10)
        ("5, 15, 42", 5),
        ("0, 16, 42", 11),
        ("-2147483648, 2147483647, 42", -1170105035),  # ...nextInt()
    ],
)
def test_seeded_numbers_are_those_of_java_util_random(arguments: str, value: int) -> None:
    assert evaluate(f"States.MathRandom({arguments})") == value


@given(st.integers(-(2**31), 2**31 - 2), st.integers(1, 2**32 - 1), st.integers(-(2**63), 2**63 - 1))
def test_seeded_numbers_stay_in_their_interval(start: int, width: int, seed: int) -> None:
    end = min(start + width, 2**31 - 1)
    assert start <= evaluate(f"States.MathRandom({start}, {end}, {seed})") < end


# Properties


@given(st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9).map(lambda halves: halves / 2))
def test_math_add_rounds_half_towards_positive_infinity(value: float) -> None:
    rounded = (Decimal(value) + Decimal("0.5")).to_integral_value(rounding=ROUND_FLOOR)
    assert evaluate("States.MathAdd($, 0)", value) == int(rounded)


@given(st.text(",; ab", max_size=30), st.text(",;", min_size=1, max_size=3))
def test_string_split_is_a_regular_expression_split_without_empty_pieces(text: str, delimiters: str) -> None:
    pieces = [piece for piece in re.split(f"[{delimiters}]", text) if piece]
    assert evaluate("States.StringSplit($.t, $.d)", {"t": text, "d": delimiters}) == pieces


SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 1.5, "1", "true", "null", "[]", "a"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner)
)


@given(st.lists(VALUES, max_size=8), VALUES)
def test_array_contains_compares_java_texts(items: list[JSON], value: JSON) -> None:
    expected = java_text(value) in [java_text(item) for item in items]
    assert evaluate("States.ArrayContains($.a, $.v)", {"a": items, "v": value}) is expected


def test_nothing_takes_long_on_a_full_payload() -> None:
    """Generous bounds: what is quadratic or worse takes minutes here."""
    numbers = list(range(50_000))
    mixed: list[JSON] = [True, 1.5, *numbers, *map(str, numbers)]
    expressions = {
        "States.ArrayUnique($)": mixed,
        "States.ArrayContains($, 'missing')": numbers,
        "States.ArrayContains($, -1)": mixed,
        "States.ArrayPartition($, 1)": numbers,
        "States.StringSplit($, ';,')": "ab,cd;" * 40_000,
        "States.Format($, 1)": "\\{" * 120_000 + "{}",
        "States.JsonToString($)": mixed,
    }
    started = time.perf_counter()
    for expression, data in expressions.items():
        evaluate(expression, data)
    assert time.perf_counter() - started < 5


def test_an_array_beyond_a_payload_is_refused() -> None:
    data = ["x" * 200_000]
    assert evaluate("States.ArrayLength(States.Array($, $))", data) == 2
    with pytest.raises(EngineError, match=r"Invalid arguments in States\.ArrayPartition"):
        evaluate("States.ArrayPartition(States.Array($, $), 1)", data)


# Recorded


def intrinsic_cases() -> list[dict[str, Any]]:
    cases = []
    for case in recorded("execution/intrinsic_functions__*.json"):
        (state, *others) = case["definition"]["States"].values()
        if not others and state["Type"] == "Pass" and "Parameters" in state:
            cases.append(case)
    return cases


def scope_of(case: dict[str, Any]) -> FixedScope:
    names = case["context"]
    return FixedScope(
        context_object={
            "Execution": {"Id": names["execution_arn"], "Input": case["input"], "Name": names["execution_name"]},
            "StateMachine": {"Id": names["state_machine_arn"], "Name": names["state_machine_name"]},
        }
    )


@pytest.mark.parametrize("case", case_params(intrinsic_cases()))
def test_recorded_calls(case: dict[str, Any]) -> None:
    (state,) = case["definition"]["States"].values()
    ((name, expression),) = state["Parameters"].items()
    result = evaluate(expression, case["input"], scope_of(case))
    output = case["expected"]["output"]
    if "output.FunctionResult" in case["wildcards"]:
        assert type(result) is (str if "UUID" in expression else int)
    else:
        expected = output if "OutputPath" in state else output[name.removesuffix(".$")]
        assert exactly(result) == exactly(expected)


def test_every_recorded_call_is_covered() -> None:
    cases = [
        case for case in recorded("execution/intrinsic_functions__*.json") if "JSONata" not in str(case["definition"])
    ]
    if not cases:
        pytest.skip("the recorded AWS cases are absent")
    assert len(intrinsic_cases()) == len(cases)
