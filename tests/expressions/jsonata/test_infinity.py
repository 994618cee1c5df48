"""Numbers that are infinite, or none: an error of JSONata, a text in a state."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

import express
from express.expressions.jsonata.values import infinite_numbers
from tests.expressions.jsonata.calling import label
from tests.runtime.machines import compiled, executed, machine, run_clean, state

if TYPE_CHECKING:
    from express.types import JSON

#: What a state gives: the first four measured in floci-io/floci (issue 2737), the others what JavaScript computes.
GIVEN: list[tuple[str, JSON]] = [
    ("1/0", "Infinity"),
    ("[1/0]", ["Infinity"]),
    ("{'k': 1/0}", {"k": "Infinity"}),
    ("1e308*10", "Infinity"),
    ("[-1/0, 0/0, 5/2]", ["-Infinity", "NaN", 2.5]),
    ("$states.input.five/0", "Infinity"),
    ("{'deep': [{'er': $sum([1e308, 1e308])}], 'none': null, 'text': 'Infinity'}",
     {"deep": [{"er": "Infinity"}], "none": None, "text": "Infinity"}),
    ("$map([1, 0], function($v) { 1 / $v })", [1, "Infinity"]),
    ("1/0 > 5", True),
    ("1/0 = 1/0", True),
    ("-(1/0)", "-Infinity"),
]  # fmt: skip
#: Who takes it for a number again is refused; what is said then.
REFUSED: list[tuple[str, str]] = [
    ("1/0 + 1", "D1001: Number out of range: null"),
    ("$floor(1/0)", "D1001: Number out of range: null"),
    ("$formatNumber(1/0, '#')", "D1001: "),
    ("$string(1/0)", "D3001: "),
    ("$string({'inf': 1/0})", "D1001: "),
    ("$power(10, 1000)", "D3061: "),
    ("[1/0, $error('stop')]", "D3137: stop"),
]


def run(expression: str) -> express.Result:
    workflow = compiled(machine(A=state("Pass", QueryLanguage="JSONata", Output=f"{{% {expression} %}}")))
    return run_clean(executed(workflow, {"five": 5}))


@pytest.mark.parametrize(("expression", "output"), GIVEN, ids=label)
def test_a_state_writes_them_as_texts(expression: str, output: JSON) -> None:
    result = run(expression)
    assert (result.output, result.cause) == (output, None)


@pytest.mark.parametrize(("expression", "error"), REFUSED, ids=label)
def test_they_are_no_numbers_to_compute_with(expression: str, error: str) -> None:
    result = run(expression)
    assert result.error == "States.QueryEvaluationError"
    assert f"threw an error during evaluation. {error}" in (result.cause or "")


@pytest.mark.parametrize("expression", ["1/0", "$sum([1e308, 1e308])"])
def test_by_itself_an_expression_is_refused(expression: str) -> None:
    run(expression)
    with pytest.raises(express.jsonata.JSONataError) as caught:
        express.jsonata.compile(expression)()
    assert caught.value.code == "D1001"


def test_each_thread_is_asked_for_itself() -> None:
    """One evaluates for a state while another evaluates an expression by itself."""
    codes: list[str] = []

    def alone() -> None:
        with pytest.raises(express.jsonata.JSONataError) as caught:
            express.jsonata.compile("1/0")()
        codes.append(caught.value.code)

    with infinite_numbers():
        thread = threading.Thread(target=alone)
        thread.start()
        thread.join()
    assert codes == ["D1001"]
