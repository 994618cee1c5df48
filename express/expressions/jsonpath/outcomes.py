"""The ways in which the evaluation of a path ends without a value.

They stay inside this package: the expression of a path converts those that reach it to PathNotFound.
"""

from __future__ import annotations

from typing import Final


class Missing:
    """The type of MISSING, the value of a path in a filter when the data lacks it; it equals nothing, not even null."""


MISSING: Final = Missing()

#: The errors of Python's indexing when the data is absent or of another shape.
ABSENT: Final = (KeyError, IndexError, TypeError)


class NoResultError(Exception):
    """A path finds nothing, or one of its steps does not fit its value; `detail` is Jayway's text."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class CallError(Exception):
    """A function cannot process its input; the whole path fails, even from inside a filter."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class OperandError(Exception):
    """An operand its operator cannot use, such as `@.a in 'text'`: the whole filter is false, even if negated."""
