"""Nothing runs away: work, memory, recursion and nesting end in JSONata errors, at compile time and at run time."""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest

from express.expressions.jsonata import JSONataError, compile  # noqa: A004 - the verb users know
from express.expressions.jsonata.generation import emitter

WORK, MEMORY, STACK = "U1001", "U1002", "U1003"

DATA: dict[str, Any] = {
    "list": list(range(3000)),
    "text": "x" * 100_000,
    "objects": {"n": [{"v": index} for index in range(3000)]},
}

#: Arrays and objects of a few parts that stand for 2^60, without anything in them that is true.
SHARING = "$x := $y := []; $o := $p := {};" + "".join(
    f"${name} := {value};"
    for name, value in (
        ("x", "[[$x], [$x]]"),
        ("y", "[[$y], [$y]]"),
        ("o", "{'x': $o, 'y': $o}"),
        ("p", "{'x': $p, 'y': $p}"),
    )
    for _ in range(60)
)
#: The same by breadth.
WIDE = (
    "$d := {'d': 0};"
    + "".join(f"${outer} := {{'{outer}': [{', '.join([f'${inner}'] * 200)}]}};" for outer, inner in ("cd", "bc", "ab"))
    + "$a := $a.a;"
)

RUNAWAYS = [
    ("($f := function() { $f() }; $f())", WORK),
    ("($f := function($x) { 1 + $f($x) }; $f(1))", STACK),
    ("($f := function($f) { 1 + $f($f) }; $f($f))", STACK),
    ("($f := function($x) { $f($x & $x) }; $f('ab'))", MEMORY),
    ("($f := function($x) { $f($append($x, $x)) }; $f([1]))", MEMORY),
    ("list.($$.list)", MEMORY),
    ("list.($$.list.($ + 1))", WORK),
    ("list[$$.list[$ = -1]]", WORK),
    ("$map(list, function($x) { $map($$.list, function($y) { $x * $y }) })", WORK),
    ("$filter(list, function($x) { $count($$.list[$ = $x]) = 0 })", WORK),
    ("$reduce(list, function($x, $y) { $append($x, $$.list) }, [])", WORK),
    ("[1..9000000]", MEMORY),
    ("[1..10000001]", "D2014"),
    ("$map(list, function($v) { $$.objects.n.v })", WORK),
    ("$map(list, function($v) { $$.objects.n[v = -1] })", WORK),
    ("$map(list, function($v) { $$.objects.** })", WORK),
    ("$map(list, function($v) { $$.objects.n^(v) })", WORK),
    ("$map(list, function($v) { $$.objects.n{$string(v): v} })", WORK),
    ("$map(list, function($v) { $$.text & $$.text })", WORK),
    ("$map(list, function($v) { $uppercase($$.text) })", WORK),
    ("$map(list, function($v) { $string($$.objects) })", WORK),
    ("$map(list, function($v) { -1 in $$.list })", WORK),
    ("$map(list, function($v) { [$$.list, $$.list] })", WORK),
    ("$map(list, function($v) { $distinct($$.list) })", WORK),
    ("$map(list, function($v) { $$.list.$string() })", WORK),
    ("$map(list, function($v) { $$.objects ~> |n|{'a': 1}| })", WORK),
    ("list#$i.$$.list#$j", WORK),
    ("$string($reduce([1..60], function($a, $b) { [$a, $a] }, 0))", MEMORY),
    *((f"({SHARING} {use})", WORK) for use in (
        "$x ? 1 : 2", "[1][$x]", "$x and true", "$boolean($x)", "$not($x)", "$filter([1], function($v) { $x })", "$x = $y",
        "$x != $y", "$o = $p", "$x & ''", "$string($o)", "$distinct([$x, $y])", "$clone($o)", "$o ~> |x|{'z': 1}|", "$x.*",
        "$x.**", "$o.**", "$x.q", "$spread($x)", "$lookup($x, 'q')", "$keys($x)", "[$o, $p]^($string($))",
        "[$o, $p]{$string($): 1}",
    )),
    (f"({SHARING} $x)", MEMORY),
    (f"({SHARING} [$o, $string])", MEMORY),
    (f"({WIDE} $a.b.c.d)", MEMORY),
    (f"({WIDE} $a.(b.(c.(d + 1))))", WORK),
    (f"({WIDE} $a[b[c[d = 1]]])", WORK),
    (f"({WIDE} $a.(b.c.d & 'x'))", WORK),
    ("list.{'all': $$.list}", MEMORY),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), RUNAWAYS, ids=[text[-60:] for text, _ in RUNAWAYS])
def test_a_runaway_is_stopped(text: str, code: str) -> None:
    with pytest.raises(JSONataError) as raised:
        compile(text, steps=200_000, size=1_000_000)(DATA)
    assert raised.value.code == code


def test_the_same_work_ends_the_same_way_every_time() -> None:
    expression = compile("$map([1..$n], function($v) { $v })", steps=1200)
    ends = set()
    for n in range(800, 1100):
        try:
            expression(None, {"n": n})
        except JSONataError:
            ends.add(n)
    assert ends == set(range(min(ends), 1100))
    assert min(ends) > 800


def test_limits_are_those_of_the_expression() -> None:
    assert compile("$map([1..50], function($v) { $v })", steps=200)() == list(range(1, 51))
    with pytest.raises(JSONataError, match="Expression evaluation timeout"):
        compile("$map([1..50], function($v) { $v })", steps=20)()
    with pytest.raises(JSONataError, match="memory limit exceeded"):
        compile("[1..50]", size=20)()


#: Ten thousand arrays inside one another, twice.
NESTED = "($f := function() { $reduce([1..5000], function($a, $b) { [[$a]] }, 0) }; $x := $f(); $y := $f();"


@pytest.mark.parametrize(
    ("use", "code"),
    [
        *((use, STACK) for use in ("$string($x)", "$x = $y", "$x ? 1 : 2", "$distinct([$x, 1])", "$clone($x)", "$x.a")),
        *((use, STACK) for use in ("$x.*", "$x.**", "$spread($x)", "$x ~> |a|{}|", "[$string, $x]")),
        ("$x + 1", "T2001"),
    ],
)
def test_values_nested_deeply_end_in_clear_errors(use: str, code: str) -> None:
    expression = compile(f"{NESTED} {use})")
    with pytest.raises(JSONataError) as raised:
        expression()
    assert raised.value.code == code
    assert len(str(raised.value)) < 10_000


def test_limits_hold_for_expressions_that_seem_to_need_none() -> None:
    data = {"a": [[{"b": 1}] * 300] * 300, "s": "x" * 2000}
    assert compile("a.b")(data) == [1] * 90_000
    for text, limits in {"a.b": {"steps": 50_000}, "s & s": {"size": 3000}, "$uppercase(s)": {"steps": 100}}.items():
        with pytest.raises(JSONataError, match=r"timeout|memory"):
            compile(text, **limits)(data)  # type: ignore[arg-type]  # limits of several types


def test_a_tail_call_needs_no_stack() -> None:
    assert compile("($f := function($n) { $n = 0 ? 'done' : $f($n - 1) }; $f(20000))")() == "done"


def _at_depth(depth: int, action: Any) -> Any:
    return action() if depth == 0 else _at_depth(depth - 1, action)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.97])
def test_recursion_is_refused_however_deep_the_caller_is(share: float) -> None:
    expression = compile("($f := function($x) { 1 + $f($x) }; $f(1))")
    depth = int(sys.getrecursionlimit() * share) - 60

    def evaluate() -> str:
        with pytest.raises(JSONataError) as raised:
            expression()
        return raised.value.code

    assert _at_depth(max(depth, 0), evaluate) == STACK


SHAPES = {
    "parentheses": ("(", "1", ")"),
    "arrays": ("[", "1", "]"),
    "objects": ('{"a":', "1", "}"),
    "functions": ("function($x){", "1", "}"),
    "called functions": ("(function($x){", "$x", "})(1)"),
    "calls": ("$string(", "1", ")"),
    "loops": ("$map([1], function($v){", "$v", "})"),
    "folds": ("$reduce([1, 2], function($x, $y){", "$x", "})"),
    "predicates": ("a[", "true", "]"),
    "steps": ("a.(", "b", ")"),
    "conditions": ("true ? ", "1", " : 2"),
    "comparisons": ("1 = ", "1", ""),
    "order-by": ("a^(", "b", ")"),
    "groups": ('a{"k":', "b", "}"),
    "bindings": ("($x := ", "1", "; $x)"),
    "tuples": ("a#$i.(", "b", ")"),
    "transforms": ("|a|{'x':", "1", "}|"),
    "marked": ("$distinct(a.(", "b", "))"),
}


LONG = {
    "sums": " + ".join(f"$count(a{n}) * 2" for n in range(2000)),
    "texts": " & ".join(f"a{n}" for n in range(5000)),
    "conjunctions": " and ".join(f"a{n} != 1" for n in range(3000)),
    "disjunctions": " or ".join(f"$exists(a{n})" for n in range(3000)),
    "parents": "a.b.(" + ", ".join(f"%.a{n}" for n in range(500)).join("[]") + ")",
    "names": ".".join(f"a{n}" for n in range(3000)),
    "filters": ".".join(f"a{n}[b{n} = 1]" for n in range(1000)),
    "keys": "{" + ",".join(f'"k{n}": a{n}' for n in range(3000)) + "}",
    "items": "[" + ",".join(f"a{n}.b" for n in range(3000)) + "]",
    "blocks": "[" + ",".join(f"($x := a{n}; $x)" for n in range(1000)) + "]",
    "bindings": "(" + ";".join(f"$v{n} := a{n}" for n in range(3000)) + ")",
    "functions": "[" + ",".join(f"$map(a{n}, function($v) {{ $v + 1 }})" for n in range(500)) + "]",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_expressions_are_compiled(text: str) -> None:
    compile(text)({})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" + ".join(["1"] * 1000), 1000),
        (" - ".join(["1"] * 1000), -998),
        ("2" + " * 3 / 3" * 1000, 2),
        (" & ".join(['"a"'] * 500), "a" * 500),
        (" and ".join(["true"] * 1000), True),
        (" or ".join(["false"] * 999 + ["true"]), True),
        ("$sum([1..3].(" + " + ".join(["$"] * 1000) + "))", 6000),
    ],
    ids=("sum", "difference", "product", "text", "and", "or", "in a loop"),
)
def test_chains_of_operators_are_as_long_as_you_like(text: str, expected: Any) -> None:
    assert compile(text)() == expected


@pytest.mark.slow
@pytest.mark.parametrize("count", [500, 2_000])
@pytest.mark.parametrize(
    "part", ["+ a", "& a", "and a", "or a.b", ".a", "[a]", ".a[b = 1]", ", a.b", ", $map(a, function($v) { $v })"]
)
def test_work_of_compiling_grows_with_the_text(part: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in nodes of the generated code; twice the text is twice the work."""
    located = 0

    def locate(statement: Any, line: int) -> None:
        nonlocal located
        located += sum(1 for _ in ast.walk(statement)) if isinstance(statement, ast.Assign) else 1
        real(statement, line)

    real = emitter._locate
    monkeypatch.setattr(emitter, "_locate", locate)
    compile(f"[a {f'{part} ' * count}]")
    assert located < 600 * count


@pytest.mark.slow
def test_far_too_many_functions_are_refused() -> None:
    with pytest.raises(JSONataError) as raised:
        compile("[" + ",".join(["a.(%)"] * 8_000) + "]")
    assert raised.value.code == WORK


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("depth", [5, 20, 60, 120, 250, 10_000])
def test_nesting_is_compiled_or_refused(shape: str, depth: int) -> None:
    before, inside, after = SHAPES[shape]
    text = before * depth + inside + after * depth
    code = _code_of_compiling(text)
    assert code == STACK or (code is None and depth < 200)
    assert code is None or depth > 20


def _code_of_compiling(text: str) -> str | None:
    try:
        compile(text)
    except JSONataError as error:
        return error.code
    return None
