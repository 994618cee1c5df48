"""Bounds the sets of label values.

Prometheus keeps a series for each combination of a metric's labels, for ever. Unbounded names (a workflow for each
customer, an order number in an error name) would fill Prometheus, not only this process. Each set therefore accepts a
fixed number of values, first come first served; the others share the value `other`, and are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express import errors
from express.counting import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Default for how many values of one label get series of their own.
MAX_LABEL_VALUES = 200
#: Error names of the language that can end an execution; each workflow has series for them from the start.
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
#: Upper bound on refused values that are remembered, so that each is counted once.
_REMEMBERED = 10_000


class Cap:
    """A set of at most `limit` values, in addition to those in `always`."""

    def __init__(self, limit: int, always: Iterable[str] = ()) -> None:
        self._limit = limit
        self._always = frozenset((*always, OTHER))
        self._taken: set[str] = set()
        self._refused: set[str] = set()

    @property
    def overflow(self) -> int:
        """How many distinct values were refused, up to the number that is remembered."""
        return len(self._refused)

    def label(self, value: str) -> str:
        """Return the value, or `other` if the set is full. An accepted value stays accepted."""
        if value in self._taken or value in self._always:
            return value
        if len(self._taken) < self._limit:
            self._taken.add(value)
            return value
        if len(self._refused) < _REMEMBERED:
            self._refused.add(value)
        return OTHER


class Caps:
    """One bounded set for each label, by its name."""

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
