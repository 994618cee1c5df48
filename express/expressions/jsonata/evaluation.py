"""What one evaluation may use up, and the one moment it takes for now.

An expression comes from a definition, its data from anywhere, and both may be hostile. So everything that can take long
or grow is paid for in advance out of an `Evaluation`: loops by their turns, calls of lambdas one by one, strings and
arrays by what they will hold. Over budget is AWS's error (AWS guide, "Transforming data with JSONata": timeout, memory,
stack). The count is of steps and not of seconds, so that the same expression on the same data fails everywhere or
nowhere.

A step is what takes about a tenth of a microsecond, so the whole budget is about a tenth of a second. Long loops are
paid for in portions of a few milliseconds (`paced`), and no single piece of work in between is longer than that, so
that the budget is looked at all the time; `bench.jsonata_gaps` measures both. In a state the budget is drawn in such
portions too: between them the evaluation looks whether the event loop can wait any longer (`express.deferral`).

Built-in functions that can use up much take the evaluation as their first argument (`@function(..., bounded=True)`).

Most expressions do so little that counting it would take longer than doing it. Those that cannot do much by the look
of them begin without an evaluation (None); what they come upon in the data is done for nothing as long as it is
little, and raises `Unpaid` when it is not. The expression is then begun anew, with a budget.
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
    that an expression makes, or four times the items of one array. `matching`: seconds of processor time for searching
    with regular expressions, the one thing whose cost cannot be known beforehand.

    AWS's own limits (measured in floci-io/floci, `JsonataEvaluator`) are others: 100 nested evaluations of any kind, an
    addition of 101 numbers among them, and 6,990,256 bytes of one value, 8 for each number. The first is too narrow to
    refuse what works; the second would take 30 ms in one piece, for which a loop must not wait.
    """

    steps: int = 1_000_000
    depth: int = 400
    size: int = 1_000_000
    matching: float = 0.1

    @property
    def items(self) -> int:
        """The most items of one array."""
        return self.size // _CHARACTERS_AN_ITEM


#: Steps that calling a lambda costs.
CALL_COST: Final = 8

#: An item of an array takes as much memory as so many characters, at the least.
_CHARACTERS_AN_ITEM: Final = 4

#: What an evaluation may use up unless something else is said.
DEFAULT_LIMITS: Final = Limits()

#: Items, turns or characters that one piece of work may take for nothing where there is no budget.
FREE: Final = 500

#: Strings and arrays not worth paying for.
SHORT: Final = 100

#: What a step takes, about.
STEP_NS: Final = 100

#: Seconds of a search after which it is worth looking at the time.
_LONG_SEARCH: Final = 0.0005

#: Steps paid for at once by a loop that takes more: one or two milliseconds.
PORTION: Final = 15_000


class Evaluation:
    """One evaluation under way: what is left of its budget, and its clock reading."""

    __slots__ = ("_millis", "_reserve", "_scope", "depth", "limits", "matching", "steps")

    def __init__(self, limits: Limits, scope: Scope | None = None) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.depth = limits.depth
        self.matching = limits.matching
        self._millis: int | None = None
        self._scope = scope
        #: Where somebody looks at the time now and then, all but the portion in hand.
        self._reserve = 0
        if scope is not None:
            scope.look()
            self.steps = min(PORTION, limits.steps)
            self._reserve = limits.steps - self.steps

    def forget(self) -> None:
        """It is over, whoever still holds it."""
        self._scope = None

    @property
    def left(self) -> int:
        """Steps that are left of the budget."""
        return self.steps + self._reserve

    def spend(self, steps: int) -> None:
        """Pay for work about to be done. Raises U1001 when the budget is used up, and OutOfTime when the event loop can
        wait no longer."""
        self.steps -= steps
        if self.steps < 0:
            self.draw()

    def draw(self) -> None:
        """The portion in hand is used up, and more by `-steps`, which is about to be done."""
        if self._reserve + self.steps < 0 or self._scope is None:
            raise JSONataError(TIMEOUT)
        self._scope.look(-self.steps * STEP_NS)
        more = min(self._reserve, PORTION - self.steps)
        self.steps += more
        self._reserve -= more

    def make(self, size: int) -> None:
        """Pay for a string of `size` characters about to be made; raises U1002 when it is too large."""
        if size > self.limits.size:
            raise JSONataError(MEMORY)
        self.spend(size >> 4)

    def gather(self, more: int, held: int = 0) -> None:
        """Pay for `more` items about to go into an array that holds some; raises U1002 when it gets too large."""
        if held + more > self.limits.items:
            raise JSONataError(MEMORY)
        self.spend(more >> 2)

    def searched(self, seconds: float) -> None:
        """Pay for a search with a regular expression after the fact; raises U1001 when all together took too long."""
        self.matching -= seconds
        if self.matching < 0:
            raise JSONataError(TIMEOUT)
        if self._scope is not None and seconds > _LONG_SEARCH:
            self._scope.look()

    def enter(self, steps: int) -> None:
        """A lambda is called that takes so many steps; raises U1003 when calls are nested too deeply."""
        self.depth -= 1
        if self.depth < 0:
            raise JSONataError(STACK_OVERFLOW)
        self.spend(steps)

    @property
    def millis(self) -> int:
        """Now, in milliseconds since the epoch: the same all through one evaluation (JSONata docs, `$now`)."""
        if self._millis is None:
            self._millis = time.time_ns() // 1_000_000
        return self._millis


class Unpaid(Exception):
    """More work than an evaluation without a budget may do; it has to begin anew with one."""


class Credit(Evaluation):
    """What one piece of work may use up in an evaluation without a budget."""

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
    """`Evaluation.spend` where there may be no evaluation."""
    if evaluation is not None:
        evaluation.spend(steps)
    elif steps > FREE:
        raise Unpaid


def make(evaluation: Evaluation | None, size: int) -> None:
    """`Evaluation.make` where there may be no evaluation."""
    if evaluation is not None:
        evaluation.make(size)
    elif size > FREE:
        raise Unpaid


def gather(evaluation: Evaluation | None, more: int, held: int = 0) -> None:
    """`Evaluation.gather` where there may be no evaluation."""
    if evaluation is not None:
        evaluation.gather(more, held)
    elif more > FREE:
        raise Unpaid


def paced(evaluation: Evaluation | None, items: Collection[Any], cost: int) -> Iterable[Any]:
    """The items of a loop whose turns take `cost` steps each: paid for in portions while the loop goes on.

    Raises U1001 at once where the budget cannot last.
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
    """The evaluation, for work of which nobody knows how much it is."""
    if evaluation is None:
        raise Unpaid
    return evaluation
