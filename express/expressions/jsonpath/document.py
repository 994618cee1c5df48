"""The document in which a path is evaluated: its data, a cache of reads, and the count of visits.

Filters that read the rest of the document, consecutive recursive descents and unions with repeated members can visit
the same values again and again: on a payload of 256 KiB for minutes. Therefore a value that a filter reads from the
root is cached for one evaluation of the outer path (`once`), and visits are counted against BUDGET. Even visiting
every value once may take tens of milliseconds, while one execution must never block the event loop (design law 8):
after each PORTION the evaluation checks the deadline (`express.deferral`).
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeVar

from express.errors import RUNTIME, EngineError
from express.expressions.jsonpath.navigation import split_steps
from express.expressions.jsonpath.syntax import (
    And,
    Call,
    Comparison,
    Condition,
    Exists,
    Filter,
    Index,
    Indexes,
    Name,
    Names,
    Not,
    Operand,
    Or,
    Path,
    Root,
    Slice,
    Step,
    Wildcard,
    step_growth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON, Scope

_T = TypeVar("_T")

#: Upper bound of visits in one evaluation. It cannot be lower: the 87,000 empty arrays that fit into 256 KiB take
#: `$..x` five visits each, 131,000 numbers take `$..items[*]` two.
BUDGET: Final = 450_000
#: Visits between two deadline checks: about half a millisecond for most paths.
PORTION: Final = 4096
#: Minimum duration of a visit in nanoseconds.
_VISIT_NS: Final = 50


class Document:
    """The state of one evaluation: its data, its cache and its visits.

    `data` is the meaning of `$` inside filters; `text` is the path under evaluation; `scope` checks the deadline.
    `left` are the visits until the next check; the rest of the budget is in `_reserve`.
    """

    __slots__ = ("_known", "_reserve", "_scope", "data", "left", "text")

    def __init__(self, data: JSON, text: str, scope: Scope | None) -> None:
        self.data = data
        self.text = text
        self._scope = scope
        self.left: float = PORTION
        self._reserve: float = BUDGET - PORTION
        self._known: dict[object, Any] = {}

    def spend(self, visits: int) -> None:
        """Count `visits`.

        Raises EngineError `States.Runtime` when the budget is used up, and OutOfTime when the event loop can wait no
        longer.
        """
        self.left -= visits
        if self.left < 0:
            self._draw()

    def _draw(self) -> None:
        if self._reserve + self.left < 0:
            raise EngineError(
                RUNTIME,
                f"The path {self.text} visits more than {BUDGET} values. "
                "This runtime bounds the work that the evaluation of a path takes.",
            )
        assert self._scope is not None
        self._scope.look(int(-self.left * _VISIT_NS))
        more = min(self._reserve, PORTION - self.left)
        self.left += more
        self._reserve -= more

    def once(self, key: object, find: Callable[[JSON, Document], _T]) -> _T:
        """The cached result of `find(data, document)`, called on the first request for this key only."""
        known = self._known
        if key not in known:
            known[key] = find(self.data, self)
        return known[key]  # type: ignore[no-any-return]


#: Used where a path neither reads the document nor needs counting.
UNCOUNTED: Final = Document(None, "", None)
UNCOUNTED.left = inf


def needs_document(steps: tuple[Step, ...]) -> bool:
    """Whether these steps can read the root, visit a value more than once, or take long to visit each value once."""
    return not all(_is_quick(step, steps) for step in steps)


def visits_each_once(tail: tuple[Step, ...]) -> bool:
    """Whether the steps from the first wildcard or filter on read only elements of their array and fields of these."""
    first, *others = tail
    if isinstance(first, Filter):
        at_most_once = _reads_fields(first.condition)
    else:
        at_most_once = isinstance(first, Wildcard)
    return at_most_once and all(isinstance(step, Name | Index | Names) for step in others)


def _is_quick(step: Step, steps: tuple[Step, ...]) -> bool:
    match step:
        case Name() | Index() | Wildcard():
            return True
        case Slice() | Indexes():
            return step_growth(step, last=False) == 1
        case Names():
            return step is steps[-1] and all(isinstance(other, Name | Index) for other in steps[:-1])
        case Call(_, arguments):
            return not arguments
    return False


def _reads_fields(condition: Condition) -> bool:
    """Whether a condition reads only fields of the item."""
    match condition:
        case And(conditions) | Or(conditions):
            return all(_reads_fields(part) for part in conditions)
        case Not(negated):
            return _reads_fields(negated)
        case Exists(path):
            return not split_steps(path.steps)[1]
        case Comparison(left, _, right):
            return _is_field(left) and _is_field(right)


def _is_field(operand: Operand) -> bool:
    return not isinstance(operand, Path) or (operand.root is Root.ITEM and not split_steps(operand.steps)[1])
