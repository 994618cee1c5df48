"""Nodes that the grammar produces and the finished tree does not contain.

The first pass parses `a.b[0]` as the operators `.` and `[`; only the second (flattening) knows that they make one
location path of two steps. Between the passes these nodes are in the tree beside those of `syntax`, and every node
still is one token of the text, as messages quote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.lexer import END
from express.expressions.jsonata.syntax import (
    Apply,
    ArrayConstructor,
    Binary,
    Bind,
    Block,
    Call,
    Condition,
    Descendant,
    Lambda,
    Literal,
    Name,
    Negation,
    Node,
    ObjectConstructor,
    Parent,
    Partial,
    Placeholder,
    Regex,
    Transform,
    Variable,
    Wildcard,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from express.expressions.jsonata.syntax import SortTerm


@dataclass(slots=True, kw_only=True)
class Dot(Node):
    """`left.right`"""

    left: Node
    right: Node


@dataclass(slots=True, kw_only=True)
class Bracket(Node):
    """`left[predicate]`; `step` is the operand before the first of several brackets.

    An empty `left[]` is not a node but a flag on `step`.
    """

    left: Node
    predicate: Node
    step: Node


@dataclass(slots=True, kw_only=True)
class Grouping(Node):
    """`left{key: value}`"""

    left: Node
    pairs: list[tuple[Node, Node]]


@dataclass(slots=True, kw_only=True)
class OrderBy(Node):
    """`left^(terms)`"""

    left: Node
    terms: list[SortTerm]


@dataclass(slots=True, kw_only=True)
class FocusBinding(Node):
    """`left@$name`"""

    left: Node
    name: str


@dataclass(slots=True, kw_only=True)
class PositionBinding(Node):
    """`left#$name`"""

    left: Node
    name: str


@dataclass(slots=True, kw_only=True)
class End(Node):
    """An operand missing at the end of the text, reported only after the whole text has been read."""


_TOKENS: Final[Mapping[type[Node], str]] = {
    End: END,
    Wildcard: "*",
    Descendant: "**",
    Parent: "%",
    Negation: "-",
    ArrayConstructor: "[",
    ObjectConstructor: "{",
    Block: "(",
    Call: "(",
    Partial: "(",
    Lambda: "(",
    Placeholder: "?",
    Condition: "?",
    Transform: "|",
    Apply: "~>",
    Bind: ":=",
    Dot: ".",
    Bracket: "[",
    Grouping: "{",
    OrderBy: "^",
    FocusBinding: "@",
    PositionBinding: "#",
}


def token_of(node: Node) -> Any:
    """The token of `node` as messages quote it."""
    if isinstance(node, Name | Variable):
        return node.name
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Binary):
        return node.operator
    return {} if isinstance(node, Regex) else _TOKENS[type(node)]
