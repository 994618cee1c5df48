"""Compiled expressions as such: entry points, variables from outside, threads, the code that is generated."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest

import express
from express.expressions.jsonata import UNDEFINED, Function, JSONataError, compile, compile_tree  # noqa: A004 - the verb users know
from express.expressions.jsonata.generation.marking import tells_sequences
from express.expressions.jsonata.parser import parse
from tests.expressions.jsonata import test_calls, test_operators, test_paths
from tests.expressions.jsonata.evaluating import DOCUMENT, evaluated
from tests.expressions.jsonata.expressions import bindings, expressions


def test_the_public_module_is_the_compiler() -> None:
    assert express.jsonata.compile("$sum(items.(price * quantity))")({"items": [{"price": 2.5, "quantity": 4}]}) == 10
    assert express.jsonata.UNDEFINED is UNDEFINED


def test_an_expression_keeps_its_text() -> None:
    assert compile("a . b").text == "a . b"


def test_bindings_are_variables_and_missing_ones_nothing() -> None:
    expression = compile("$greeting & name & $missing")
    assert expression({"name": "Ada"}, {"greeting": "Hello "}) == "Hello Ada"
    assert expression({"name": "Ada"}) == "Ada"


@pytest.mark.parametrize(
    ("text", "bindings", "expected"),
    [
        ("$count", {"count": 3}, 3),
        ("$sum($x)", {"x": [1, 2]}, 3),
        ("$sum($x)", {"x": [1, 2], "sum": Function(lambda items: "mine", 1)}, "mine"),
        ("$map($x, function($v) { $v * 2 })", {"x": [1], "map": Function(lambda *_: "mine", 2)}, "mine"),
        ("$map($x, $string)", {"x": [1, 2], "string": Function(lambda value: f"<{value}>", 1)}, ["<1>", "<2>"]),
    ],
)
def test_a_binding_stands_before_a_function_of_its_name(text: str, bindings: dict[str, Any], expected: Any) -> None:
    expression = compile(text)
    assert expression(None, bindings) == expected
    assert expression(None, bindings) == expected


def test_a_name_that_is_called_like_a_function_and_is_none() -> None:
    with pytest.raises(JSONataError, match="T1006: Attempted to invoke a non-function"):
        compile("$count([1])")(None, {"count": 3})


def test_known_variables_settle_what_a_name_means() -> None:
    expression = compile("$count($x)", variables={"x"})
    assert expression(None, {"x": [1, 2], "count": 5}) == 2
    assert compile("$count", variables={"count"})(None, {"count": 5}) == 5


def test_for_a_state_states_is_an_argument_of_its_own() -> None:
    text = "$states.input.order.total > $limit"
    expression = compile_tree(parse(text), text)
    assert expression.evaluate({"input": {"order": {"total": 9}}}, {"limit": 5}) is True
    assert expression.evaluate({"input": {}}, {"limit": 5}) is UNDEFINED


def test_in_an_expression_by_itself_states_is_a_variable_like_others() -> None:
    assert compile("$states.a")(None, {"states": {"a": 1}}) == 1


def test_input_that_is_an_array_is_one_item_at_the_top_only() -> None:
    data = [{"q": 1}, {"arr": [4]}]
    assert compile("arr")(data) == 4
    assert compile("$.arr")(data) == [4]
    assert compile('{"x": arr}')(data) == {"x": [4]}


ROWS = [*test_paths.CASES, *test_operators.CASES, *test_calls.CASES]


WRITERS = [
    "$ ~> |$$|{'z': 1}|", "order ~> |$$.order|{'z': 1}, 'id'|", "$v ~> |$|{'z': 1}, 'a'|", "order ~> |$v|{'z': 1}|",
    "($clone := function($x) { $x }; $ ~> |**|{'z': 1}, 'id'|)", "$ ~> |order.lines|{'all': $$}, ['sku', 'price']|",
    "$map(order.lines, |$|{'z': 1}|)", "$sort(list, function($a, $b) { $a < $b })", "$reverse(list)", "$shuffle(list)",
    "$append(list, 4)", "$append($v.a, list)", "$merge([order, {'id': 8}])", "$merge(order.lines)", "$distinct(list)",
    "none{'k': $}", "order.lines{'all': $}", "order.lines#$i@$l{$l.sku: $i}", "$spread(order)", "$zip(list, one)",
    "$partition(list, 2)", "$each(order, function($x) { $x })", "$sift(order, function($x) { true })", "list^(>$)",
    "$reduce(nested, $append)", "[list, list]", "$lookup(holes, 'arr')", "(none)[]", "list[[0..2]]", "nested.*", "**",
]  # fmt: skip


def test_no_evaluation_changes_its_data() -> None:
    document, bindings = copy.deepcopy(DOCUMENT), {"v": {"a": [1], "b": {"c": [{}]}}}
    before = repr((document, bindings))
    for text in [*WRITERS, *(text for text, _ in ROWS)]:
        evaluated(text, document, bindings)
        assert repr((document, bindings)) == before, text


@pytest.mark.slow
def test_no_random_expression_changes_its_data() -> None:
    bound = bindings()
    before = repr(bound)
    for text in expressions(seed=3, count=1000):
        evaluated(text, UNDEFINED, bound)
        assert repr(bound) == before, text


def test_a_result_may_be_changed_by_its_owner_without_harm_to_the_next() -> None:
    expression = compile("{'a': [1, 2], 'b': {'c': []}}")
    first = expression()
    first["a"].append(3)
    first["b"]["c"].append(4)
    assert expression() == {"a": [1, 2], "b": {"c": []}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [(text, expected) for text, expected in ROWS if not tells_sequences(parse(text))],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_marking_sequences_where_it_is_not_needed_changes_nothing(
    text: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("express.expressions.jsonata.compiler.tells_sequences", lambda tree: True)
    if isinstance(plain := evaluated(text), Function):
        pytest.skip("functions have no value to compare")
    assert repr(plain) == repr(expected)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("$states.input.items[price > 10].name", False),
        ("items[price > 10][]", False),
        ("items.[id, name]", False),
        ('{"a": items.[id], "b": x[]}', False),
        ("$map(a, function($v) { $filter($v, function($x) { $x }) })", False),
        ("$count(items[x][])", False),
        ("($x := items[x][]; $x)", True),
        ("$distinct(a.b)", True),
        ("(items.[id]).id", True),
        ("($map(a, function($v) { $filter($v, function($x) { $x }) }))", True),
        ("$map(a, $keys)", True),
    ],
)
def test_which_expressions_can_tell_a_sequence_from_an_array(text: str, marked: bool) -> None:
    assert tells_sequences(parse(text)) is marked


def test_one_expression_in_many_threads() -> None:
    expression = compile(
        "($f := function($n) { $n < 2 ? 1 : $n * $f($n - 1) }; [$f($n), $distinct([1..$n].($ % 3)), $map([1..3], function($v) { $v + $n })])"
    )
    expected = {n: expression(None, {"n": n}) for n in range(1, 9)}
    wrong: list[Any] = []

    def work(n: int) -> None:
        wrong.extend(result for _ in range(50) if (result := expression(None, {"n": n})) != expected[n])

    threads = [threading.Thread(target=work, args=(n,)) for n in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_functions_made_in_a_loop_remember_their_own_turn() -> None:
    text = "($fs := [1..3].($n := $; {'f': function() { $n }}); $fs.(f()))"
    assert compile(text)() == [1, 2, 3]
    assert compile("($fs := $map([1..3], function($v) { {'f': function() { $v * 10 }} }); $fs.(f()))")() == [10, 20, 30]


def test_loops_inside_one_another_beyond_what_python_nests() -> None:
    depth = 30
    text = "$map([1], function($v) {" * depth + "$v" + "})" * depth
    nested: Any = 1
    for _ in range(depth - 1):
        # What a call at the end of a function gives is not collapsed.
        nested = [nested]
    assert compile(text)() == nested
    assert compile("a[" * depth + "true" + "]" * depth)({"a": 1}) is UNDEFINED
    assert compile("a.(" * depth + "b" + ")" * depth)({"a": {"b": 1}}) is UNDEFINED
