"""How the evaluation of a path ends when it ends without a value.

Raised and caught inside this package only; the expression built for a path turns what is left into PathNotFound.
"""

from __future__ import annotations

from typing import Final


class Missing:
    """The type of MISSING, what a path in a filter gives when the data lacks it: equal to nothing, not even null."""


MISSING: Final = Missing()

#: What indexing raises when the data is not there or is of another shape.
ABSENT: Final = (KeyError, IndexError, TypeError)


class NoResultError(Exception):
    """A path leads nowhere, or one of its steps does not fit the value it meets. `detail` is Jayway's text."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class CallError(Exception):
    """A function cannot work on what it got. Fails the whole path, even from inside a filter."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class OperandError(Exception):
    """An operand its operator cannot use, such as `@.a in 'text'`: the whole filter is false, negations included."""
