"""The syntax tree of a regular expression.

It is already freed of what differs by flag and by notation: a class, an escape and a letter that ignores case are all
a set of characters, `.` is one too, and `^` with the flag m is an assertion of its own. What searches need only know
nine kinds of nodes.
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
    """One after the other; nothing at all when there are none."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """The first of the branches with which all the rest matches too."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A capturing group; `index` counts from 1."""

    index: int
    body: Node


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body` from `low` to `high` times (None: no end), as often as possible if `greedy`, else as seldom."""

    body: Node
    low: int
    high: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """A place: `kind` is one of START, END, LINE_START, LINE_END, BOUNDARY, NO_BOUNDARY."""

    kind: str


@dataclass(frozen=True, slots=True)
class Look:
    """Lookahead, or lookbehind if `behind`: `body` must match there, or must not if `negative`."""

    body: Node
    behind: bool
    negative: bool


@dataclass(frozen=True, slots=True)
class Backreference:
    """What the group captured, or nothing if it has captured nothing."""

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
