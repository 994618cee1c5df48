"""No evaluation holds the event loop for long: it ends soon, and looks at its budget all the time.

Time is not measured here but counted, in the steps that work is paid for with, each about a tenth of a microsecond;
`bench.jsonata_gaps` shows that they are worth it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from express.expressions.jsonata import JSONataError, compile, compiler  # noqa: A004 - the verb users know
from express.expressions.jsonata.evaluation import DEFAULT_LIMITS, Evaluation, Limits
from tests.expressions.jsonata.hostile import DATA, HONEST, hostile

if TYPE_CHECKING:
    from express.types import Scope

#: Steps that ten milliseconds are worth.
TEN_MILLISECONDS = 100_000
#: Enough to come upon everything, and a third of the time it takes to go to the end.
STEPS = 300_000


class Counted(Evaluation):
    """An evaluation that notes the most it was paid at once."""

    __slots__ = ("_steps",)

    most = 0

    def __init__(self, limits: Limits, scope: Scope | None = None) -> None:
        self._steps = limits.steps
        super().__init__(limits, scope)

    @property
    def steps(self) -> int:
        return self._steps

    @steps.setter
    def steps(self, value: int) -> None:
        if value >= 0:  # else it is refused
            Counted.most = max(Counted.most, self._steps - value)
        self._steps = value


@pytest.fixture(autouse=True)
def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(compiler._GLOBALS, "Evaluation", Counted)
    monkeypatch.setattr(Counted, "most", 0)


@pytest.mark.parametrize("text", hostile(DEFAULT_LIMITS.size))
def test_a_hostile_expression_ends_and_is_paid_for_in_small_change(text: str) -> None:
    with suppress(JSONataError):
        compile(text, steps=STEPS)(DATA)
    assert Counted.most <= TEN_MILLISECONDS


@pytest.mark.parametrize("text", HONEST)
def test_honest_work_is_done(text: str) -> None:
    compile(text)(DATA)
    assert Counted.most <= TEN_MILLISECONDS


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$map($n, function($v) { $v + 1 })", 1),
        ("$n.($ + 1)", 1),
        ("$n[$ > 0]", 1),
        ("$sort($n, function($l, $r) { $l > $r })", 10),
        ("$n.$string($)", 5),
        ("$n.$formatNumber($, '0')", 50),
        ("$map($n, $string)", 10),
        ("$n.{'v': $}", 2),
        ("$n.v", 2),
        ("$n^($)", 5),
        ("$n{$string($): $}", 10),
        ("$n#$i.$i", 10),
        ("[[$n]] = [[$n]] and $n.[$] = $n.[$]", 5),
    ],
)
def test_what_takes_longer_costs_more(text: str, steps: int) -> None:
    """A thousand items cost that many steps each at the least, and ten times as many at the most."""
    numbers = list(range(1, 1001))
    compile(text, steps=steps * 10 * len(numbers))(None, {"n": numbers})
    with pytest.raises(JSONataError, match="timeout"):
        compile(text, steps=steps * len(numbers) - 1)(None, {"n": numbers})


def test_what_grows_in_an_array_is_paid_for_once() -> None:
    data = {"rows": [{"tags": ["a", "b"]} for _ in range(20_000)]}
    for text in ("rows.tags", "$lookup(rows, 'tags')", "$count($.rows.tags)"):
        assert compile(text)(data) in (["a", "b"] * 20_000, 40_000)
