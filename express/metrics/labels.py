"""Closing the sets that label values come from.

A metric has one series for each combination of its labels, for ever: a name out of control (a workflow made for each
customer, an error name with an order number in it) would fill Prometheus, not only this process. So each set takes
as many values as it was told, first come first served; the others share the value `other`, and are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express import errors
from express.counting import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Values of one label that get series of their own, unless told otherwise.
MAX_LABEL_VALUES = 200
#: Errors of the language an execution can end with: each workflow has series for them from the start.
RESERVED_ERRORS = (
    errors.TASK_FAILED,
    errors.TIMEOUT,
    errors.HEARTBEAT_TIMEOUT,
    errors.RUNTIME,
    errors.PERMISSIONS,
    errors.DATA_LIMIT_EXCEEDED,
    errors.QUERY_EVALUATION_ERROR,
    errors.RESULT_PATH_MATCH_FAILURE,
    errors.PARAMETER_PATH_FAILURE,
    errors.INTRINSIC_FAILURE,
    errors.NO_CHOICE_MATCHED,
    errors.BRANCH_FAILED,
    errors.EXCEED_TOLERATED_FAILURE_THRESHOLD,
    errors.ITEM_READER_FAILED,
    errors.RESULT_WRITER_FAILED,
)
#: Refused values that are told apart, so that each is counted once.
_REMEMBERED = 10_000


class Cap:
    """A set of at most `limit` values, beside those that `always` belong to it."""

    def __init__(self, limit: int, always: Iterable[str] = ()) -> None:
        self._limit = limit
        self._always = frozenset((*always, OTHER))
        self._taken: set[str] = set()
        self._refused: set[str] = set()

    @property
    def overflow(self) -> int:
        """How many values were refused, as far as they are remembered."""
        return len(self._refused)

    def label(self, value: str) -> str:
        """The value, or `other`. A value that has been taken stays."""
        if value in self._taken or value in self._always:
            return value
        if len(self._taken) < self._limit:
            self._taken.add(value)
            return value
        if len(self._refused) < _REMEMBERED:
            self._refused.add(value)
        return OTHER


class Caps:
    """One closed set for each label, by its name."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("max_label_values must be positive")
        self._limit = limit
        self._caps = {"error": Cap(limit, RESERVED_ERRORS)}

    def __getitem__(self, label: str) -> Cap:
        cap = self._caps.get(label)
        if cap is None:
            cap = self._caps[label] = Cap(self._limit)
        return cap
