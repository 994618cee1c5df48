"""Which results may stand for more than the data and the expression hold, and that those are weighed."""

from __future__ import annotations

import pytest

from express.expressions.jsonata import JSONataError, compile  # noqa: A004 - the verb users know
from express.expressions.jsonata.evaluation import Evaluation, Limits
from express.expressions.jsonata.multiplying import may_multiply, weighed
from express.expressions.jsonata.parser import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$states.input.items[price > 10].name", False),
        ("$states.input.items[price > $limit].name", False),
        ('{"id": $states.input.id, "sum": $sum($states.input.items.(price * qty))}', False),
        ("$map($states.input.items, function($v) { {'id': $v.id, 'total': $v.price * $rate} })", False),
        ("$map(a, function($v) { $map(b, function($w) { $w }) })", False),
        ("[$states.input, $states.input]", False),
        ("$merge([$states.input, {'a': 1}])", False),
        ("($x := a; $x)", False),
        ("$reduce(a, function($sum, $v) { $sum + $v })", False),
        ("$reduce(a, function($all, $v) { $append($all, $v) })", False),
        ("$string($x) & $x", False),
        ("items.($string($x))", False),
        ("$states.input.items.{'all': $states.input}", True),
        ("$map(a, function($v) { $map(b, function($w) { $v }) })", True),
        ("($x := a; [$x, $x])", True),
        ("($x := a; items.[$x])", True),
        ("($count := [1]; [$count, $count])", True),
        ("($map := function($f) { [$map($f)] }; $map(1))", True),
        ("$reduce(a, function($all, $v) { [$all, $all] })", True),
        ("$f(1)", True),
        ("1 ~> $f", True),
        ("items{id: $x}", True),
        ("items.tags.{'of': %}", True),
        ("items@$i.{'i': $i}", True),
        ("$$.**", True),
        ("$map(a, $append(?, $x))", True),
        ("a ~> |b|{'c': $}|", True),
        ("[$map(a, function($v) { 1 }), $map(b, function($w) { $v })]", True),
    ],
)
def test_may_multiply(text: str, expected: bool) -> None:
    assert may_multiply(parse(text)) is expected


def test_the_weight_is_that_of_all_a_value_stands_for() -> None:
    part = ["x" * 160] * 10
    evaluation = Evaluation(Limits(size=4000))
    assert weighed([part] * 9, evaluation) == [part] * 9
    with pytest.raises(JSONataError, match="memory limit exceeded"):
        weighed([part] * 10, evaluation)


def test_a_result_is_limited_by_the_size_of_what_it_stands_for() -> None:
    expression = compile("$map([1..$n], function($v) { $all })", size=4000)
    assert expression(None, {"n": 9, "all": [0] * 100}) == [[0] * 100] * 9
    with pytest.raises(JSONataError, match="memory limit exceeded"):
        expression(None, {"n": 10, "all": [0] * 100})
