"""The budget of one evaluation, and its fixed current time.

An expression comes from a definition, its data from anywhere, and both may be hostile. Therefore all work that can
take long or grow is charged in advance to an `Evaluation`: loops by their turns, each call of a lambda, strings and
arrays by their size. Exceeding the budget is AWS's error (AWS guide, "Transforming data with JSONata": timeout,
memory, stack). The budget counts steps, not seconds, so that the same expression on the same data fails everywhere or
nowhere.

A step is about a tenth of a microsecond of work, so the whole budget is about a tenth of a second. Long loops are
charged in portions of a few milliseconds (`paced`), and no single piece of work in between takes longer, so that the
budget is checked frequently; `bench.jsonata_gaps` measures both. In a state, the budget itself is released in such
portions: between them the evaluation checks the deadline of the event loop (`express.deferral`).

Built-in functions that can use much of it take the evaluation as first argument (`@function(..., bounded=True)`).

Counting would cost most expressions more than their work. An expression that statically cannot do much starts without
an evaluation (None). Data-dependent work is then free as long as it is small, and raises `Unpaid` otherwise; the
expression is then restarted with a budget.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import MEMORY, STACK_OVERFLOW, TIMEOUT, JSONataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from express.types import Scope


@dataclass(frozen=True, slots=True)
class Limits:
    """The budget of one evaluation.

    `steps`: work done, in tenths of a microsecond. `depth`: nested calls of lambdas. `size`: characters of one string
    that an expression makes, or four times the items of one array. `matching`: seconds spent searching with regular
    expressions, the only work whose cost cannot be known in advance.

    AWS's own limits (measured in floci-io/floci, `JsonataEvaluator`) differ: 100 nested evaluations of any kind,
    including those of an addition of 101 numbers, and 6,990,256 bytes per value, 8 for each number. The first would
    refuse expressions that work here; the second would take 30 ms in one piece, for which an event loop must not
    wait.
    """

    steps: int = 1_000_000
    depth: int = 400
    size: int = 1_000_000
    matching: float = 0.1

    @property
    def items(self) -> int:
        """Maximum items of one array."""
        return self.size // _CHARACTERS_AN_ITEM


#: Steps of a call of a lambda.
CALL_COST: Final = 8

#: An item of an array takes at least as much memory as this many characters.
_CHARACTERS_AN_ITEM: Final = 4

#: The default budget of an evaluation.
DEFAULT_LIMITS: Final = Limits()

#: Items, turns or characters that are free for one piece of work in an evaluation without a budget.
FREE: Final = 500

#: Strings and arrays up to this size are not charged.
SHORT: Final = 100

#: Approximate duration of a step, in nanoseconds.
STEP_NS: Final = 100

#: Seconds of a search after which the deadline is checked.
_LONG_SEARCH: Final = 0.0005

#: Steps charged at once by a longer loop: one or two milliseconds.
PORTION: Final = 15_000


class Evaluation:
    """One running evaluation: its remaining budget, and its clock reading."""

    __slots__ = ("_millis", "_reserve", "_scope", "depth", "limits", "matching", "steps")

    def __init__(self, limits: Limits, scope: Scope | None = None) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.depth = limits.depth
        self.matching = limits.matching
        self._millis: int | None = None
        self._scope = scope
        #: With a scope, the budget beyond the current portion; 0 otherwise.
        self._reserve = 0
        if scope is not None:
            scope.look()
            self.steps = min(PORTION, limits.steps)
            self._reserve = limits.steps - self.steps

    def forget(self) -> None:
        """End the evaluation: release the scope, even if lambdas still reference the evaluation."""
        self._scope = None

    @property
    def left(self) -> int:
        """The remaining steps of the budget."""
        return self.steps + self._reserve

    def spend(self, steps: int) -> None:
        """Charge `steps` of work about to be done.

        Raises U1001 when the budget is used up, and OutOfTime when the event loop can wait no longer.
        """
        self.steps -= steps
        if self.steps < 0:
            self.draw()

    def draw(self) -> None:
        """Release the next portion; the current one is overdrawn by `-steps`, the work about to be done."""
        if self._reserve + self.steps < 0 or self._scope is None:
            raise JSONataError(TIMEOUT)
        self._scope.look(-self.steps * STEP_NS)
        more = min(self._reserve, PORTION - self.steps)
        self.steps += more
        self._reserve -= more

    def make(self, size: int) -> None:
        """Charge a string of `size` characters about to be made; raises U1002 if it is too large."""
        if size > self.limits.size:
            raise JSONataError(MEMORY)
        self.spend(size >> 4)

    def gather(self, more: int, held: int = 0) -> None:
        """Charge `more` items about to be added to an array of `held`; raises U1002 if it gets too large."""
        if held + more > self.limits.items:
            raise JSONataError(MEMORY)
        self.spend(more >> 2)

    def searched(self, seconds: float) -> None:
        """Charge a search with a regular expression afterwards; raises U1001 if all searches together took too long."""
        self.matching -= seconds
        if self.matching < 0:
            raise JSONataError(TIMEOUT)
        if self._scope is not None and seconds > _LONG_SEARCH:
            self._scope.look()

    def enter(self, steps: int) -> None:
        """Enter a lambda that takes `steps`; raises U1003 if calls are nested too deeply."""
        self.depth -= 1
        if self.depth < 0:
            raise JSONataError(STACK_OVERFLOW)
        self.spend(steps)

    @property
    def millis(self) -> int:
        """The current time in milliseconds since the epoch, constant within one evaluation (JSONata docs, `$now`)."""
        if self._millis is None:
            now = time.time_ns if self._scope is None else self._scope.time_ns
            self._millis = now() // 1_000_000
        return self._millis


class Unpaid(Exception):
    """The work exceeds that of an evaluation without a budget; the expression must restart with one."""


class Credit(Evaluation):
    """The free allowance of one piece of work in an evaluation without a budget."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(DEFAULT_LIMITS)
        self.steps = FREE

    def draw(self) -> None:
        raise Unpaid

    def make(self, size: int) -> None:
        self.spend(size)

    def gather(self, more: int, held: int = 0) -> None:
        self.spend(more)


def spend(evaluation: Evaluation | None, steps: int) -> None:
    """`Evaluation.spend`, or a check against FREE without a budget."""
    if evaluation is not None:
        evaluation.spend(steps)
    elif steps > FREE:
        raise Unpaid


def make(evaluation: Evaluation | None, size: int) -> None:
    """`Evaluation.make`, or a check against FREE without a budget."""
    if evaluation is not None:
        evaluation.make(size)
    elif size > FREE:
        raise Unpaid


def gather(evaluation: Evaluation | None, more: int, held: int = 0) -> None:
    """`Evaluation.gather`, or a check against FREE without a budget."""
    if evaluation is not None:
        evaluation.gather(more, held)
    elif more > FREE:
        raise Unpaid


def paced(evaluation: Evaluation | None, items: Collection[Any], cost: int) -> Iterable[Any]:
    """The items of a loop whose turns take `cost` steps each, charged in portions while the loop runs.

    Raises U1001 at once if the budget cannot suffice.
    """
    steps = len(items) * cost
    if evaluation is None:
        spend(None, len(items))
        return items
    if steps <= PORTION or steps > evaluation.left:
        evaluation.spend(steps)
        return items
    return chain.from_iterable(_portions(evaluation, iter(items), cost))


def _portions(evaluation: Evaluation, items: Iterator[Any], cost: int) -> Iterator[list[Any]]:
    turns = PORTION // cost + 1
    while portion := list(islice(items, turns)):
        evaluation.spend(len(portion) * cost)
        yield portion


def budget(evaluation: Evaluation | None) -> Evaluation:
    """The evaluation, required for work of unknown size; raises Unpaid if there is none."""
    if evaluation is None:
        raise Unpaid
    return evaluation
