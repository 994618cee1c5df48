"""The parsed form of a JSONPath: the path, its steps and the conditions of its filters.

Nodes are plain frozen data, made by the parsers and read once by the builders; no code here runs during an execution.
Each step can print itself as Jayway's json-path prints it (`fragment`), because AWS quotes that canonical text in its
causes: `$.a.x` fails with `No results for path: $['a']['x']`.

Facts about a path that compile-time decisions need are computed here once: whether it is definite (at most one value,
and missing data is an error), whether it is a Reference Path, and how far its result can outgrow its data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON


class Root(Enum):
    """Where a path starts."""

    DATA = "$"
    CONTEXT = "$$"
    VARIABLE = "$name"
    #: The element under test; only inside a filter.
    ITEM = "@"


@dataclass(frozen=True, slots=True)
class Name:
    """`.name` or `['name']`: one field of an object."""

    name: str
    quote: str = "'"

    @property
    def fragment(self) -> str:
        return f"[{self.quote}{self.name}{self.quote}]"


@dataclass(frozen=True, slots=True)
class Names:
    """`['a','b']`: as the last step one object with these fields, elsewhere the value of each field in turn."""

    names: tuple[str, ...]
    quote: str = "'"

    @property
    def fragment(self) -> str:
        return "[" + ",".join(f"{self.quote}{name}{self.quote}" for name in self.names) + "]"


@dataclass(frozen=True, slots=True)
class Index:
    """`[0]` or `[-1]`: one element of an array, from the end when negative."""

    index: int

    @property
    def fragment(self) -> str:
        return f"[{self.index}]"


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0,2]`: these elements of an array, without those out of range."""

    indexes: tuple[int, ...]

    @property
    def fragment(self) -> str:
        return "[" + ",".join(map(str, self.indexes)) + "]"


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:3]`, `[1:]` or `[:3]`: a run of elements of an array; Jayway has no stride."""

    start: int | None
    stop: int | None

    @property
    def wraps(self) -> bool:
        """Whether Jayway walks it like `[-2:1]`, as the indexes -2, -1, 0, so that an element can occur twice."""
        return self.start is not None and self.stop is not None and self.start < 0 <= self.stop

    @property
    def fragment(self) -> str:
        start = "" if self.start is None else self.start
        stop = "" if self.stop is None else self.stop
        return f"[{start}:{stop}]"


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`[*]` or `.*`: every element of an array, every value of an object."""

    @property
    def fragment(self) -> str:
        return "[*]"


@dataclass(frozen=True, slots=True)
class Descend:
    """`..`: applies the step after it to every object and array below, parents before children."""

    @property
    def fragment(self) -> str:
        return ".."


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(condition)]`: the elements of an array that satisfy it, or the object itself."""

    condition: Condition

    @property
    def fragment(self) -> str:
        return "[?]"


@dataclass(frozen=True, slots=True)
class Call:
    """`.length()`, `.append(1)`: a function of the value reached so far; only calls can follow it."""

    function: str
    arguments: tuple[Literal | Path, ...] = ()

    @property
    def fragment(self) -> str:
        return f".{self.function}({'...' if self.arguments else ''})"


Step: TypeAlias = Name | Names | Index | Indexes | Slice | Wildcard | Descend | Filter | Call


@dataclass(frozen=True, slots=True)
class Literal:
    """A JSON value written in a filter or as a function's argument."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Pattern:
    """`/regex/flags`; `matches` tells whether a string matches it as a whole (`regex.compile_pattern`)."""

    matches: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`; a path that finds nothing compares as absent."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Exists:
    """A bare path: true when it finds a value, null included; with `!` when it does not."""

    path: Path
    expected: bool


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition


@dataclass(frozen=True, slots=True)
class And:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path.

    `text` is the path as written. `variable` names the variable of a `Root.VARIABLE` path, otherwise it is None.
    `definite`: the path can match at most one value; evaluation gives that value, or raises where an indefinite path
    gives a list. `reference`: a Reference Path (ASL spec, "Reference Paths"), of names and non-negative indexes only.
    `growth`: the serialised result is at most `growth` times the serialised data plus 2 bytes, the brackets of a
    list; None if there is no such bound (other roots than `$`, recursive descent, functions that compute).
    """

    text: str
    root: Root
    variable: str | None
    steps: tuple[Step, ...]
    definite: bool
    reference: bool
    growth: int | None

    @property
    def copies(self) -> int:
        """Estimated copies of the same data in the result: a recursive descent finds values inside other results."""
        return MANY if any(isinstance(step, Descend) for step in self.steps) else 1


#: Copies assumed for a recursive descent: more than any written template has.
MANY = 1000


def canonical_text(steps: tuple[Step, ...]) -> str:
    """`$['a']['b'][0]`: a whole path as Jayway's messages quote it."""
    return "$" + fragments(steps)


def fragments(steps: tuple[Step, ...]) -> str:
    """`['b'][0]`: steps as Jayway's messages quote them."""
    return "".join(step.fragment for step in steps)


Operand: TypeAlias = Literal | Pattern | Path
Condition: TypeAlias = Comparison | Exists | Not | And | Or


def make_path(text: str, root: Root, variable: str | None, steps: tuple[Step, ...]) -> Path:
    """A Path with the facts derived from its steps."""
    return Path(
        text=text,
        root=root,
        variable=variable,
        steps=steps,
        definite=all(_is_definite(step, last=step is steps[-1]) for step in steps),
        reference=all(type(step) is Name or (type(step) is Index and step.index >= 0) for step in steps),
        growth=_growth(root, steps),
    )


def _is_definite(step: Step, *, last: bool) -> bool:
    return isinstance(step, Name | Index | Call) or (last and isinstance(step, Names))


#: Factor by which a function's result can outgrow its value; `length` and `keys` may turn a single digit into `null`.
_CALL_GROWTH = {"first": 1, "last": 1, "index": 1, "length": 3, "size": 3, "keys": 3}


def _growth(root: Root, steps: tuple[Step, ...]) -> int | None:
    factors = [step_growth(step, last=step is steps[-1]) for step in steps]
    bounded = [factor for factor in factors if factor is not None]
    return prod(bounded) if root is Root.DATA and len(bounded) == len(factors) else None


def step_growth(step: Step, *, last: bool) -> int | None:
    """The factor by which a step can repeat parts of its data; only unions and wrapping slices repeat any."""
    match step:
        case Indexes(indexes):
            distinct = len(set(indexes)) == len(indexes) and len({index < 0 for index in indexes}) == 1
            return 1 if distinct else len(indexes)
        case Names(names) if not last:
            return max(map(names.count, names))
        case Slice() if step.wraps:
            return 2
        case Descend():
            return None
        case Call(function, arguments):
            return _CALL_GROWTH.get(function) if function == "index" or not arguments else None
        case _:
            return 1
