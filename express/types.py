"""The types that the rest of the package is written against.

JSON values are plain Python values (dict, list, str, int, float, bool, None) and immutable by law: code that needs a
different value makes a new one and shares the rest (law 2 of the design). An expression of either query language is
one callable, `Expr`; a step of a compiled workflow is another, declared in `program`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

#: Any JSON value. mypy cannot express the recursion usefully, so it is Any with a name.
JSON: TypeAlias = Any

Severity: TypeAlias = Literal["ERROR", "WARNING"]
Status: TypeAlias = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
MachineType: TypeAlias = Literal["EXPRESS", "STANDARD"]


class Scope(Protocol):
    """What an expression may read besides its data: workflow variables and the context object (`$$`).

    The frame of the running `States` object implements it. `variables` is never changed in place. `deferral` holds
    the answers of expressions evaluated in a thread (see `express.deferral`), None where there are none.
    """

    @property
    def variables(self) -> Mapping[str, JSON]: ...

    deferral: Any

    def context(self, section: str | None = None) -> dict[str, JSON]:
        """The context object as AWS shapes it: Execution, StateMachine, State, and Map or Task where present.

        With a `section`, at least that member of it, if there is one: most paths want one value of one section.
        """
        ...

    def time_ns(self) -> int:
        """The time of the workflow's clock, in nanoseconds since the epoch."""
        ...

    def look(self, ahead_ns: int = 0) -> None:
        """Called about once a millisecond by long-running code, and before a piece of work that takes `ahead_ns`.

        Raises OutOfTime when the event loop must not wait any longer.
        """
        ...

    def apart(self) -> Scope:
        """A copy for a thread, which the execution does not change as it continues."""
        ...


#: A compiled expression: `expr(data, scope) -> value`. `data` is what `$` means where the expression stands
#: (JSONPath), or the object behind `$states` (JSONata). Pure and synchronous.
#: Raises PathNotFound or StateError.
Expr: TypeAlias = Callable[[JSON, Scope], JSON]


class Diagnostic(Protocol):
    """One problem of a definition, as `ValidateStateMachineDefinition` reports it, with its place in the text."""

    @property
    def severity(self) -> Severity: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def location(self) -> str | None:
        """The place as AWS writes it, `/States/A/Next`, or None where AWS gives none."""
        ...

    @property
    def suggestion(self) -> str | None:
        """What was probably meant: `did you mean ...?`"""
        ...

    @property
    def line(self) -> int:
        """The line number, counted from 1; 0 where there is no text to point into."""
        ...

    @property
    def column(self) -> int:
        """The column of the first character concerned, counted from 1 in `source_line`."""
        ...

    @property
    def length(self) -> int:
        """The number of characters concerned in `source_line`."""
        ...

    @property
    def source_line(self) -> str:
        """The line of the text."""
        ...
