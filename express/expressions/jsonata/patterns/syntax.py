"""The syntax tree of a regular expression.

Differences of flags and notation are already resolved: a class, an escape and a case-insensitive letter are all sets
of characters, `.` is one too, and `^` with the flag m is an assertion of its own. An engine needs only nine kinds of
nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from express.expressions.jsonata.patterns.characters import Ranges


@dataclass(frozen=True, slots=True)
class Characters:
    """One character out of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    """The parts one after the other; an empty match without parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """The first branch with which the rest of the pattern matches too."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A capturing group; `index` counts from 1."""

    index: int
    body: Node


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body` from `low` to `high` times (None: unbounded), as often as possible if `greedy`, otherwise as seldom."""

    body: Node
    low: int
    high: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """A position: `kind` is one of START, END, LINE_START, LINE_END, BOUNDARY, NO_BOUNDARY."""

    kind: str


@dataclass(frozen=True, slots=True)
class Look:
    """Lookahead, or lookbehind if `behind`: `body` must match there, or must not if `negative`."""

    body: Node
    behind: bool
    negative: bool


@dataclass(frozen=True, slots=True)
class Backreference:
    """The text the group captured, or the empty string if it captured nothing."""

    index: int


Node: TypeAlias = Characters | Sequence | Alternation | Group | Repeat | Assertion | Look | Backreference

START: Final = "start"
END: Final = "end"
LINE_START: Final = "line start"
LINE_END: Final = "line end"
BOUNDARY: Final = "boundary"
NO_BOUNDARY: Final = "no boundary"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A whole regular expression with `groups` capturing groups."""

    root: Node
    groups: int
    ignore_case: bool
