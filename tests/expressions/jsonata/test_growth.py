"""How large results can get: the bounds of some expressions, and that no random one breaks its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from express.expressions.jsonata.compiler import compile_tree
from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.foreign_values import without_nothing
from express.expressions.jsonata.growth import Growth, growth_of
from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.values import UNDEFINED
from express.payload import measure
from tests.expressions.jsonata.expressions import DOCUMENT, VARIABLES, expressions
from tests.runtime.machines import compiled, executed, machine, run_clean, state

if TYPE_CHECKING:
    from express.expressions.jsonata.values import Value


@pytest.mark.parametrize(
    ("text", "input_factor", "result_factor"),
    [
        ("1", 0, 0),
        ("'text'", 0, 0),
        ("$states.input", 1, 0),
        ("$states.input.a.b.c", 1, 0),
        ("$states.result.a", 0, 1),
        ("$states.errorOutput.Cause", 0, 1),
        ("$states.input.a[b > 1].c", 1, 0),
        ("$states.input.a[-1]", 1, 0),
        ("$states.input.a^(b).c", 1, 0),
        ("$states.input.a.*", 1, 0),
        ("[$states.input, $states.input.a, 1]", 2, 0),
        ("{'in': $states.input, 'out': [$states.result]}", 1, 1),
        ("$merge([$states.input, {'n': $states.input.n}])", 2, 0),
        ("$states.input.a + $states.input.b", 0, 0),
        ("$states.input.a = $states.input.b", 0, 0),
        ("$count($states.input)", 0, 0),
        ("'s3://' & $states.input.key", 6, 0),
        ("$states.input.a ? $states.input : $states.result", 1, 1),
        ("($states.input; $states.result)", 0, 1),
    ],
)
def test_bounds(text: str, input_factor: int, result_factor: int) -> None:
    growth = growth_of(parse(text))
    assert growth is not None
    assert (growth.input, growth.result) == (input_factor, result_factor)


@pytest.mark.parametrize(
    "text",
    [
        "$x",  # a variable may be of any size
        "$states",
        "$states.context.Execution.Input",
        "$states.input.**",
        "$states.input.a[[0, 0, 0]]",  # may pick an item more than once
        "$states.input.a[$x]",
        "$states.input.a.{'b': b}",
        "$states.input.a.(b & b)",
        "$states.input.a{b: c}",
        "[1..1000]",
        "$map($states.input, function($v) { $v })",
        "$join($states.input, ', ')",
        "$string($states.input, true)",
        "function($x) { $x }",
        "$sum",
        "$unknown(1)",
    ],
)
def test_no_bound(text: str) -> None:
    assert growth_of(parse(text)) is None


def test_growth_is_a_sum_and_a_maximum() -> None:
    left, right = Growth(1, 0, 10), Growth(2, 3, 4)
    assert left + right == Growth(3, 3, 14)
    assert left | right == Growth(2, 3, 10)
    assert right.times(2) == Growth(4, 6, 8)


def evaluated(text: str) -> Value:
    """The value of an expression, UNDEFINED where it fails."""
    states = {"input": DOCUMENT, "context": {"State": {"Name": "S"}}}
    try:
        return compile_tree(parse(text), text).evaluate(states, VARIABLES)
    except JSONataError:
        return UNDEFINED


def parses(text: str) -> bool:
    try:
        parse(text)
    except JSONataError:
        return False
    return True


@pytest.mark.slow
def test_random_expressions_stay_within_their_bounds() -> None:
    size = measure(DOCUMENT)
    bounded = 0
    for text in filter(parses, expressions(seed=7, count=1500)):
        value = evaluated(text)
        growth = growth_of(parse(text))
        if growth is not None and value is not UNDEFINED:
            bounded += 1
            assert measure(without_nothing(value)) <= growth.input * size + growth.constant, text
    assert bounded > 200


@pytest.mark.parametrize("expression", ["$string($states.input)", "$states.input & ''", "{'a': $states.input & ''}"])
def test_numbers_that_are_written_out_are_measured(expression: str) -> None:
    """The JSON of 1e20 has four characters, its text has 21."""
    workflow = compiled(machine(A=state("Pass", QueryLanguage="JSONata", Output=f"{{% {expression} %}}")))
    assert run_clean(executed(workflow, [1e20] * 11_000)).succeeded
    assert run_clean(executed(workflow, [1e20] * 12_000)).error == "States.DataLimitExceeded"
