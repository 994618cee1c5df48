"""What an expression reads from outside: the tables are expression -> what is found, in the order of the text."""

from __future__ import annotations

import pytest

from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.references import find_references

VARIABLES = [
    ("$states.input.a + $b", ["states", "b"]),
    ("$b + $a + $b", ["b", "a"]),
    ("$sum($x)", ["sum", "x"]),
    ("$", []),
    ("$$", []),
    # := binds from there on, for the rest of its block.
    ("($x := 1; $x)", []),
    ("($x := $x + 1; $x)", ["x"]),
    ("($x; $x := 1)", ["x"]),
    ("(($x := 1); $x)", ["x"]),
    ("($x := 1; ($y := $x); $y)", ["y"]),
    ("$x := 1", []),
    ("[$x := 1, $x]", []),
    ("a[$x := 1]{b: $x}", []),
    ("{'a': $x, $y: 1}", ["x", "y"]),
    ("$c ? ($z := 1) : $z", ["c", "z"]),
    # Functions see their parameters, and all names around them when they are called.
    ("function($x){$x + $y}", ["y"]),
    ("($f := function($n){$n = 0 ? 1 : $n * $f($n - 1)}; $f(3))", []),
    ("($f := function(){$x}; $x := 1; $f())", []),
    ("(function(){$x}; ($x := 1))", ["x"]),
    ("function(){($y := 1; function(){$y + $z})}", ["z"]),
    ("(function($p){$p}; $p)", ["p"]),
    # @ and # bind for the rest of their path.
    ("a@$v.b[$v.c]#$i.{'x': $v, 'y': $i}", []),
    ("a@$v.b; $v".join("()"), ["v"]),
    ("a#$i^($i){$i: 1}", []),
    ("a[0]#$i[$i = 1].$i", []),
    ("$v.a@$v", ["v"]),
    ("$x ~> $f(?, $y)", ["x", "f", "y"]),
    ("$x ~> |$y|{'a': $z}, $d|", ["x", "y", "z", "d"]),
]

CONTEXT = [
    ("phone[0]", ["phone"]),
    ("aaa + bbb", ["aaa", "bbb"]),
    ("bbb.x & aaa & bbb", ["bbb", "aaa"]),
    ("$.phone", ["$"]),
    ("$$.phone", []),
    ("*", ["*"]),
    ("**.a", ["**"]),
    ("'a'.b", ["a"]),
    ("'a'", []),
    ("{aaa: 1, 'b': [c, (d; -e)]}", ["aaa", "c", "d", "e"]),
    ("a ? b : c", ["a", "b", "c"]),
    ("f(a, ?)", ["f", "a"]),
    ("$x := a", ["a"]),
    ("a in $states.input", ["a"]),
    ("a ~> $f", ["a"]),
    ("[a..b]", ["a", "b"]),
    ("$.a ~> $f($)", ["$"]),
    # The body of a function has the context of its definition.
    ("$map($states.input.a, function($x){b & $x.c})", ["b"]),
    ("$states.input.a.function($x){b}", []),
    # Not the context of the whole expression:
    ("$states.input.phone", []),
    ("$states.input.items[phone > 3]", []),
    ("$states.input.items[$ > 3].(a & $.b & *)", []),
    ("$x^(a, >$)", []),
    ("$x{a: $sum(b)}", []),
    ("$x.a{b: c}", []),
    ("$f(1)[a]", []),
    ("$x.y[%.z]", []),
    ("$x ~> |a|{'b': c}, d|", []),
    ("$x#$i.a", []),
]

ROOTS = [("$$", 2), ("a + $$.b", 6), ("$x.y[$$.a = 1]", 7), ("$map(x, function(){$$})", 21), ("$.a", None)]


@pytest.mark.parametrize(("text", "names"), VARIABLES)
def test_variables(text: str, names: list[str]) -> None:
    assert list(find_references(parse(text)).variables) == names


@pytest.mark.parametrize(("text", "names"), CONTEXT)
def test_context(text: str, names: list[str]) -> None:
    assert list(find_references(parse(text)).context) == names


@pytest.mark.parametrize(("text", "position"), ROOTS)
def test_roots(text: str, position: int | None) -> None:
    assert find_references(parse(text)).root == position


def test_positions_are_those_of_the_first_occurrence() -> None:
    references = find_references(parse("bb & $c.d & bb & $c.d"))
    assert references.context == {"bb": 2}
    assert references.variables == {"c": 7}
