"""The document a path is evaluated in: its data, what has been found out about it, and how much has been visited.

Most paths visit each value of their data once. Filters that look at the rest of the document, recursive descents one
behind the other and unions that repeat themselves can visit the same values again and again: on a payload of 256 KiB
for minutes, while one execution must never hold the loop (design law 8). So what a filter reads from the root is
read once for each evaluation of the outer path and remembered (`once`), and visits are counted against BUDGET.
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
    Not,
    Operand,
    Or,
    Path,
    Root,
    Step,
    step_growth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

_T = TypeVar("_T")

#: Visits one evaluation may make, so that it ends within some tens of milliseconds at worst. It cannot be less: the
#: 87,000 empty arrays that 256 KiB can hold take `$..x` five visits each, 131,000 numbers take `$..items[*]` two.
BUDGET: Final = 450_000


class Document:
    """`data` is what `$` means inside filters; `text` is the path under evaluation; `left` the visits it still has."""

    __slots__ = ("_known", "data", "left", "text")

    def __init__(self, data: JSON, text: str, left: float = BUDGET) -> None:
        self.data = data
        self.text = text
        self.left = left
        self._known: dict[object, Any] = {}

    def spend(self, visits: int) -> None:
        """Count `visits`. Raises EngineError `States.Runtime` when the budget is used up."""
        self.left -= visits
        if self.left < 0:
            raise EngineError(
                RUNTIME,
                f"The path {self.text} visits more than {BUDGET} values. "
                "This runtime bounds the time that the evaluation of a path takes.",
            )

    def once(self, key: object, find: Callable[[JSON, Document], _T]) -> _T:
        """`find(data, document)`, called for the first of all questions with this key."""
        known = self._known
        if key not in known:
            known[key] = find(self.data, self)
        return known[key]  # type: ignore[no-any-return]


#: Stands in where a path neither looks at its document nor needs counting.
UNCOUNTED: Final = Document(None, "", inf)


def needs_document(steps: tuple[Step, ...]) -> bool:
    """Can these steps visit a value more than once, or look at the root?"""
    return not all(_visits_once(step, last=step is steps[-1]) for step in steps)


def _visits_once(step: Step, *, last: bool) -> bool:
    match step:
        case Filter(condition):
            return _reads_fields(condition)
        case Call(_, arguments):
            return not arguments
    return step_growth(step, last=last) == 1


def _reads_fields(condition: Condition) -> bool:
    """Does a condition look at nothing but fields of the item?"""
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
