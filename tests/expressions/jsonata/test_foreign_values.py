"""Which expressions may give what is no JSON: found by looking at them, and true of random ones."""

from __future__ import annotations

import pytest

from express import jsonata
from express.expressions.jsonata.compiler import compile_tree
from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.foreign_values import may_be_foreign, may_give_function, may_hold_nothing
from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.values import UNDEFINED, Function, Value
from tests.expressions.jsonata.expressions import DOCUMENT, VARIABLES, expressions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$map([1], function($v) { $v })", False),
        ("$map([1], $string)", False),
        ("($f := function($n) { $n + 1 }; $f(1))", False),
        ("($f := function($n) { $n + 1 }; $map([1], $f))", False),
        ("$states.input ~> $uppercase", False),
        ("$contains('a', /b/)", False),
        ("$x", False),
        ("$sum", True),
        ("[$sum]", True),
        ("{'f': function() { 1 }}", True),
        ("$f := function() { 1 }", True),
        ("($f := $sum; $f)", True),
        ("$map([1], function($v) { $sum })", True),
        ("$append([1], $sum)", True),
        ("$substring(?, 1)", True),
        ("/a/", True),
        ("$uppercase ~> $trim", True),
        ("|a|{}|", True),
        ("true ? $sum : 1", True),
        ("$filter($sum, function($v) { true })", True),
        ("$reduce([1], function($a, $v) { $v }, $sum)", True),
        ("$sort($sum)", True),
        ("$single($sum)", True),
        ("/a/('a')", True),
        ("($r := /a/; $r('a'))", True),
        ("'a' ~> /a/", True),
        ("$map(['a'], /a/)", True),
        ("$replace('a', /a/, function($m) { $m.match })", False),
        ("'a' ~> $match(/a/)", False),
    ],
)
def test_may_give_function(text: str, expected: bool) -> None:
    assert may_give_function(parse(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.input.items[price > 10].name", False),
        ("$states.input.items[$.price > 10 and $x]", False),
        ("$states.input.items[price > 1 or tags]", False),
        ("$states.input.items[price * 2 > 10]", False),
        ("$states.input.items[0]", False),
        ("$states.input.items[-1]", False),
        ("$states.input.items[tags]", False),
        ("$states.input.items[false]", False),
        ("$states.input.items.gone[1 = 1]", True),
        ("$states.input.items.gone[true]", True),
        ("$states.input.items[price > 10 or $x]", True),
        ("$states.input.items[$x]", True),
        ("$states.input.items['a']", True),
        ("$states.input.items[[0, 1]]", True),
        ("$states.input.items[$exists(price)]", True),
        ("$map([1], function($v) { $v.gone[true] })", True),
        ("$states.input.items[gone{'k': 1}]", True),
        ("$states.input.items@$i", True),
        ("$match('a', /(a)|(b)/)", True),
        ("$match('a', /a|b/)", False),
    ],
)
def test_may_hold_nothing(text: str, expected: bool) -> None:
    assert may_hold_nothing(parse(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[$sum, 1]", [None, 1]),
        ("{'f': $sum, 'a': [{'g': function() { 1 }, 'b': 2}]}", {"a": [{"b": 2}]}),
        ("$match('b', /(a)|(b)/)", {"match": "b", "index": 0, "groups": [None, "b"]}),
        ("/(a)|(b)/('b')", {"match": "b", "start": 0, "end": 1, "groups": [None, "b"]}),
        ("[1, 2].gone[true]", [None, None]),
    ],
)
def test_results_are_json(text: str, expected: Value) -> None:
    assert jsonata.compile(text)() == expected


def test_a_function_as_result_stays_one() -> None:
    assert isinstance(jsonata.compile("$sum")(), Function)


def value_of(text: str) -> Value:
    """The value of an expression; null where there is none."""
    states = {"input": DOCUMENT, "context": {"State": {"Name": "S"}}}
    try:
        tree = parse(text)
        value = compile_tree(tree, text).evaluate(states, VARIABLES)
    except JSONataError:
        return None
    return None if value is UNDEFINED else value


def is_foreign(value: Value) -> bool:
    if isinstance(value, list):
        return any(map(is_foreign, value))
    if isinstance(value, dict):
        return any(map(is_foreign, value.values()))
    return isinstance(value, Function) or value is UNDEFINED


@pytest.mark.slow
def test_random_expressions_that_are_not_suspect_give_json() -> None:
    foreign = 0
    for text in expressions(seed=8, count=1500):
        if is_foreign(value_of(text)):
            foreign += 1
            assert may_be_foreign(parse(text)), text
    assert foreign
