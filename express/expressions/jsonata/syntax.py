"""The syntax tree of a JSONata expression, as passed from the parser to the compiler.

It follows the tree of jsonata-js after its second pass: `.` and `[` are gone, a location path is a `Path` of steps,
and the decorations of a step (predicates, `#` and `@` bindings, ancestors a later `%` needs) are attributes of it.
Nodes are mutable while the parser works and must not be changed afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from express.types import JSON


@dataclass(slots=True)
class Slot:
    """A binding for the value of a `%`: `label` names it, `level` counts the steps still to go up.

    Two `%` that mean the same step share one label.
    """

    label: str
    level: int


@dataclass(slots=True, kw_only=True)
class Node:
    """The attributes of every node; `position` is the offset directly after the token, as in jsonata-js.

    `predicates`: filters `[...]` on a node that is not a step of a path. `stages`: filters and index bindings on a
    step. `group`: a trailing `{...}`. `keep_array`: a trailing `[]`. `cons_array`: an array constructor as first or
    last step, which is not flattened. `focus`, `index`: names bound by `@` and `#`. `tuple`: the step makes or needs
    tuple bindings. `ancestor`: where this step stores its input for a `%`; `seeking_parent`: slots of nested `%` that
    no step has provided yet.
    """

    position: int = 0
    predicates: list[Filter] = field(default_factory=list)
    stages: list[Filter | IndexBinding] = field(default_factory=list)
    group: Group | None = None
    keep_array: bool = False
    cons_array: bool = False
    focus: str | None = None
    index: str | None = None
    tuple: bool = False
    ancestor: Slot | None = None
    seeking_parent: list[Slot] = field(default_factory=list)


@dataclass(slots=True)
class Filter:
    """One predicate `[expression]`."""

    expression: Node
    position: int = 0


@dataclass(slots=True)
class IndexBinding:
    """`#$name` behind a predicate."""

    name: str
    position: int = 0


@dataclass(slots=True)
class Group:
    """`{key: value, ...}` behind an expression: group-by."""

    pairs: list[tuple[Node, Node]]
    position: int = 0


@dataclass(slots=True, kw_only=True)
class Literal(Node):
    """A string, number, true, false or null."""

    value: JSON


@dataclass(slots=True, kw_only=True)
class Name(Node):
    """A field name as a step."""

    name: str


@dataclass(slots=True, kw_only=True)
class Wildcard(Node):
    """`*`"""


@dataclass(slots=True, kw_only=True)
class Descendant(Node):
    """`**`"""


@dataclass(slots=True, kw_only=True)
class Parent(Node):
    """`%`"""

    slot: Slot


@dataclass(slots=True, kw_only=True)
class Variable(Node):
    """`$name`; the name is empty for `$` (the context item) and `$` for `$$` (the input of the whole expression)."""

    name: str


@dataclass(slots=True, kw_only=True)
class Regex(Node):
    """`/pattern/flags`; flags are any of `i` and `m`, without the `g` JavaScript adds."""

    pattern: str
    flags: str


@dataclass(slots=True, kw_only=True)
class Negation(Node):
    """Unary minus of anything but a number literal."""

    operand: Node


@dataclass(slots=True, kw_only=True)
class ArrayConstructor(Node):
    """`[a, b]`; an item may be a `Binary` with operator `..`."""

    items: list[Node]


@dataclass(slots=True, kw_only=True)
class ObjectConstructor(Node):
    """`{k: v}` at the start of an expression or as a step."""

    pairs: list[tuple[Node, Node]]


@dataclass(slots=True, kw_only=True)
class Binary(Node):
    """`operator` is one of + - * / % = != < <= > >= & and or in .."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True, kw_only=True)
class Condition(Node):
    """`condition ? then : otherwise`; `otherwise` is None where it is left out."""

    condition: Node
    then: Node
    otherwise: Node | None


@dataclass(slots=True, kw_only=True)
class Block(Node):
    """`(a; b; c)`"""

    expressions: list[Node]


@dataclass(slots=True, kw_only=True)
class Bind(Node):
    """`$name := value`"""

    name: str
    value: Node


@dataclass(slots=True, kw_only=True)
class Lambda(Node):
    """`function($a, $b)<signature>{body}`; a `Call` in tail position of the body has `tail` set."""

    parameters: list[str]
    signature: str | None
    body: Node


@dataclass(slots=True, kw_only=True)
class Call(Node):
    """`procedure(arguments)`; `tail`: in tail position of a lambda, so that it needs no stack.

    In tail position jsonata-js ignores `group` and `keep_array` of the call.
    """

    procedure: Node
    arguments: list[Node]
    tail: bool = False


@dataclass(slots=True, kw_only=True)
class Partial(Node):
    """`procedure(a, ?, b)`; placeholders are `Placeholder` nodes."""

    procedure: Node
    arguments: list[Node]


@dataclass(slots=True, kw_only=True)
class Placeholder(Node):
    """`?` among the arguments of a partial application."""


@dataclass(slots=True, kw_only=True)
class Apply(Node):
    """`left ~> right`"""

    left: Node
    right: Node


@dataclass(slots=True, kw_only=True)
class Transform(Node):
    """`| pattern | update, delete |`"""

    pattern: Node
    update: Node
    delete: Node | None


@dataclass(slots=True)
class SortTerm:
    """One term of an order-by."""

    expression: Node
    descending: bool


@dataclass(slots=True, kw_only=True)
class Sort(Node):
    """`^(terms)` as a step of a path."""

    terms: list[SortTerm]


@dataclass(slots=True, kw_only=True)
class Path(Node):
    """Steps joined by `.`; `keep_singleton_array` where any of them has `[]`."""

    steps: list[Node]
    keep_singleton_array: bool = False
