"""Static analysis of a pattern: which engine may run it, and up to which text length it is fast.

The `regex` package and JavaScript agree on most patterns. They differ where a repeated part captures: JavaScript
resets the captures of the previous turn at the start of each turn, and rejects a turn that matches nothing; and where
a backreference is to a group that is not closed yet. If only captures differ, and no backreference uses them, the
package still finds the right matches.

The safe text length is found by counting the ways in which the parts of a pattern can divide a text of n characters:
`a?` has 2, `a{2,5}` has 4, `a*` about n, alternatives add, sequences multiply. A search, which may begin at each of n
places, then takes some c * n^k / k! steps; a repetition of a part that itself varies, `(a+)+`, can take exponentially
many.
"""

from __future__ import annotations

from math import prod
from typing import Final, NamedTuple

from express.expressions import timed_regex
from express.expressions.jsonata.patterns.syntax import (
    Alternation,
    Assertion,
    Backreference,
    Characters,
    Group,
    Look,
    Node,
    Pattern,
    Repeat,
    Sequence,
)
from express.expressions.timed_regex import CALM, UNROLLED

#: Upper bound of a bounded repetition, which takes that many characters in one step, without checking the clock.
_LONG_RUN: Final = 10_000


def finds_places(pattern: Pattern) -> bool:
    """Whether the `regex` package finds, in every text, the matches that JavaScript finds."""
    return (
        least(pattern.root) <= UNROLLED
        and _finds_places(pattern.root, set(), pattern.ignore_case)
        and (not references(pattern.root) or finds_captures(pattern))
    )


def finds_captures(pattern: Pattern) -> bool:
    """Whether the groups then capture the same, too: every turn of a repetition sets all of its groups."""
    return _finds_captures(pattern.root)


def _finds_captures(node: Node) -> bool:
    repeated = isinstance(node, Repeat) and (node.high is None or node.high > 1)
    return not (repeated and captures(node) != certain(children(node)[0])) and all(map(_finds_captures, children(node)))


def _finds_places(node: Node, closed: set[int], ignore_case: bool) -> bool:
    """The test for a node; `closed`: the groups closed before it, to which its own are added."""
    match node:
        case Backreference(index):
            return index in closed and not ignore_case
        case Repeat(body, low, high):
            if (nullable(body) and (low, high) != (1, 1)) or (high or 0) > _LONG_RUN:
                return False
            if captures(body) & references(body):
                return False
        case Look(body, behind):
            if behind and references(body):
                return False
    for child in children(node):
        if not _finds_places(child, closed, ignore_case):
            return False
    if isinstance(node, Group):
        closed.add(node.index)
    return True


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Sequence(parts) | Alternation(parts):
            return parts
        case Group(_, body) | Repeat(body) | Look(body):
            return (body,)
    return ()


def nullable(node: Node) -> bool:
    """Whether the node can match the empty string."""
    match node:
        case Characters():
            return False
        case Sequence(parts):
            return all(map(nullable, parts))
        case Alternation(branches):
            return any(map(nullable, branches))
        case Group(_, body):
            return nullable(body)
        case Repeat(body, low):
            return low == 0 or nullable(body)
    return True


def least(node: Node) -> int:
    """The minimum number of characters of a match."""
    match node:
        case Characters():
            return 1
        case Alternation(branches):
            return min(map(least, branches))
        case Repeat(body, low):
            return low * least(body)
        case Look():
            return max(map(least, children(node)), default=0)
    return sum(map(least, children(node)))


def captures(node: Node) -> set[int]:
    """The groups inside the node."""
    inner = set[int]().union(*map(captures, children(node)))
    return inner | {node.index} if isinstance(node, Group) else inner


def references(node: Node) -> set[int]:
    """The groups referenced in the node."""
    if isinstance(node, Backreference):
        return {node.index}
    return set[int]().union(*map(references, children(node)))


def certain(node: Node) -> set[int]:
    """The groups that have certainly captured after a match."""
    match node:
        case Sequence(parts):
            return set[int]().union(*map(certain, parts))
        case Alternation(branches):
            return set.intersection(*map(certain, branches))
        case Group(index, body):
            return {index} | certain(body)
        case Repeat(body, low):
            return certain(body) if low else set()
        case Look(body, _, negative):
            return set() if negative else certain(body)
    return set()


class _Ways(NamedTuple):
    """`fixed * n ** open` ways to match n characters."""

    fixed: int = 1
    open: int = 0


def calm_length(pattern: Pattern) -> int:
    """The maximum length of texts for which a search certainly ends in a millisecond or two; 0 if there is none."""
    ways = _ways(pattern.root)
    return 0 if ways is None else timed_regex.calm_length(ways.fixed, ways.open + 1)


def _ways(node: Node) -> _Ways | None:
    """The ways in which a node can match; None: exponentially many."""
    match node:
        case Assertion() | Characters() | Backreference():
            return _Ways()
        case Repeat(body, low, high):
            return _ways_repeated(_ways(body), low, high)
    inner = [_ways(child) for child in children(node)]
    known = [ways for ways in inner if ways is not None]
    if len(known) < len(inner):
        return None
    if isinstance(node, Alternation):
        return _Ways(sum(ways.fixed for ways in known), max(ways.open for ways in known))
    return _Ways(min(prod(ways.fixed for ways in known), CALM + 1), min(sum(ways.open for ways in known), 50))


def _ways_repeated(body: _Ways | None, low: int, high: int | None) -> _Ways | None:
    if body is None:
        return None
    varies = body != _Ways()
    if high is None or high > 1_000:
        return None if varies else _Ways(1, 1)
    if varies and high > 8:
        return None
    return _Ways(min(body.fixed**high * (high - low + 1), CALM + 1), min(body.open * high, 50))
