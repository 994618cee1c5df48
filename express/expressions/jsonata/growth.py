"""Upper bounds of an expression's result size, known before it runs.

A state's output must be checked against the payload limit, and measuring costs as much as making it (a JSON pass). So
the compiler analyses the expression: one that selects cannot return more than its input, one that combines such parts
returns at most their sum. The bound is in bytes of JSON, linear in the sizes of `$states.input` and of
`$states.result` (or `.errorOutput`); where there is none, as for `$join`, a loop or a variable, the result is
measured.

A call by the name of a built-in always means that built-in here: workflow variables cannot hold functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from express.expressions.jsonata.syntax import (
    ArrayConstructor,
    Binary,
    Block,
    Call,
    Condition,
    Filter,
    Literal,
    Name,
    Negation,
    Node,
    ObjectConstructor,
    Path,
    Sort,
    Variable,
    Wildcard,
)
from express.expressions.jsonata.traversal import operands
from express.foreign import NotJSON
from express.payload import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Growth:
    """At most `input` * size of the state's input + `result` * size of its result + `constant`, in bytes of JSON."""

    input: int = 0
    result: int = 0
    constant: int = 0

    def __add__(self, other: Growth) -> Growth:
        return Growth(self.input + other.input, self.result + other.result, self.constant + other.constant)

    def times(self, factor: int) -> Growth:
        return Growth(self.input * factor, self.result * factor, self.constant * factor)

    def __or__(self, other: Growth) -> Growth:
        """The bound of a value that is one of the two."""
        return Growth(max(self.input, other.input), max(self.result, other.result), max(self.constant, other.constant))


Bound: TypeAlias = "Growth | None"

#: Upper bound of the brackets, comma, colon and quotes around a part of an array or object.
_AROUND: Final = Growth(constant=6)
#: Upper bound of a number or a boolean: 17 digits, sign, point and exponent.
_SCALAR: Final = Growth(constant=25)
_SHORT_RESULT: Final = Growth(constant=60)

#: The bound of each member of `$states` whose size is known.
_SOURCES: Final[Mapping[str, Growth]] = {
    "input": Growth(input=1),
    "result": Growth(result=1),
    "errorOutput": Growth(result=1),
}
#: Operators that give a number or a boolean.
_SCALAR_OPERATORS: Final = frozenset(("+", "-", "*", "/", "%", "=", "!=", "<", "<=", ">", ">=", "and", "or", "in"))
#: A string inside a string has its quotes and backslashes escaped once more; and `1e20` is written out, in 21 digits.
_QUOTED: Final = 6
#: No character has more than three in the other case ("ΐ"), nor grows to more than three times its bytes.
_CASED: Final = 3

#: Functions that return a number, a boolean or a short text for any arguments.
_NUMERIC: Final = ("abs", "average", "ceil", "count", "floor", "length", "max", "millis", "min", "number", "power")
_SHORT: Final = frozenset(
    (*_NUMERIC, "boolean", "contains", "exists", "not", "random", "round", "sqrt", "sum", "type", "uuid")
)
#: Functions whose result is bounded by the size of their arguments, and the factor.
_ROOMY: Final[Mapping[str, int]] = {
    "append": 1,
    "distinct": 1,
    "keys": 1,
    "lookup": 1,
    "lowercase": _CASED,
    "merge": 1,
    "reverse": 1,
    "sort": 1,
    "string": _QUOTED,
    "substring": 1,
    "substringAfter": 1,
    "substringBefore": 1,
    "trim": 1,
    "uppercase": _CASED,
}


def growth_of(tree: Node) -> Bound:
    """The bound of an expression's result."""
    if tree.group is not None or tree.tuple or tree.focus or tree.index or not _filters_only(tree):
        return None
    rule = _RULES.get(type(tree))
    return None if rule is None else rule(tree)


def total(parts: Iterable[Bound]) -> Bound:
    """The bound of an array or object of these parts."""
    bound: Bound = _AROUND
    for part in parts:
        bound = _sum(bound, part)
    return bound


def _sum(left: Bound, right: Bound) -> Bound:
    return None if left is None or right is None else left + right + _AROUND


def _filters_only(node: Node) -> bool:
    """Whether the node's filters can only leave items out.

    A number as predicate selects one item; an array of numbers may select one twice, and so may any predicate that is
    not known to be a number or a boolean.
    """
    stages = (*node.predicates, *node.stages)
    return all(isinstance(stage, Filter) and _picks_once(stage.expression) for stage in stages)


def _picks_once(predicate: Node) -> bool:
    if isinstance(predicate, Literal):
        return True
    if isinstance(predicate, Negation):
        return _picks_once(predicate.operand)
    return isinstance(predicate, Binary) and predicate.operator in _SCALAR_OPERATORS


def _of_path(path: Path) -> Bound:
    """`$states.input.a.b[c > 1].d`: the selected items do not overlap in the source."""
    head, *steps = path.steps
    if not isinstance(head, Variable) or head.name != "states" or head.stages or head.predicates or not steps:
        return None
    source = _SOURCES.get(steps[0].name) if isinstance(steps[0], Name) else None
    if source is None:
        return None
    for step in steps:
        plain = isinstance(step, Name | Wildcard | Sort) and step.group is None
        if not plain or step.tuple or step.focus or step.index or not _filters_only(step):
            return None
    return source + _AROUND


def _of_literal(literal: Literal) -> Bound:
    try:
        return Growth(constant=measure(literal.value))
    except NotJSON:
        return None


def _of_binary(binary: Binary) -> Bound:
    if binary.operator in _SCALAR_OPERATORS:
        return _SCALAR
    if binary.operator == "&":
        return total(map(_as_text, operands(binary)))
    return None


def _as_text(operand: Node) -> Bound:
    bound = growth_of(operand)
    return bound if bound is None or isinstance(operand, Literal) else bound.times(_QUOTED)


def _of_array(array: ArrayConstructor) -> Bound:
    return total(growth_of(item) for item in array.items)


def _of_object(constructor: ObjectConstructor) -> Bound:
    return total(growth_of(part) for pair in constructor.pairs for part in pair)


def _of_condition(condition: Condition) -> Bound:
    then = growth_of(condition.then)
    otherwise = Growth() if condition.otherwise is None else growth_of(condition.otherwise)
    return None if then is None or otherwise is None else then | otherwise


def _of_block(block: Block) -> Bound:
    return growth_of(block.expressions[-1]) if block.expressions else None


def _of_call(call: Call) -> Bound:
    function = call.procedure
    if not isinstance(function, Variable) or function.predicates:
        return None
    if function.name in _SHORT:
        return _SHORT_RESULT
    factor = _ROOMY.get(function.name)
    if function.name == "string" and len(call.arguments) > 1:
        return None  # a second argument may request indentation
    bound = total(growth_of(argument) for argument in call.arguments)
    return None if factor is None or bound is None else bound.times(factor)


_RULES: Final[Mapping[type[Node], Callable[..., Bound]]] = {
    Literal: _of_literal,
    Path: _of_path,
    Binary: _of_binary,
    Negation: lambda negation: _SCALAR,
    ArrayConstructor: _of_array,
    ObjectConstructor: _of_object,
    Condition: _of_condition,
    Block: _of_block,
    Call: _of_call,
}
