"""The operators, for operands that generated code does not handle inline.

Generated code calculates with and compares two numbers inline; all other operands (UNDEFINED, strings, wrong types)
come here. Rules and errors are those of jsonata-js `evaluateNumericExpression` and related functions: the left
operand is checked first, and an UNDEFINED operand gives UNDEFINED.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import Credit, spend
from express.expressions.jsonata.stringify import scalar_text, stringify
from express.expressions.jsonata.values import UNDEFINED, Function, Value, equal, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from express.expressions.jsonata.evaluation import Evaluation

#: Integers below this are written unchanged.
_FIFTEEN_DIGITS: Final = 10**15
#: Size from which a range is refused (jsonata-js 2.0.6; its message says 1e6).
_MAX_RANGE: Final = 10_000_000


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or left != left else math.copysign(math.inf, left) * math.copysign(1, right)


def _remainder(left: float, right: float) -> float:
    """JavaScript's `%`: the sign is that of the left side."""
    if not right or not math.isfinite(left):
        return math.nan
    if type(left) is int and type(right) is int:
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


_COMPUTATIONS: Final[Mapping[str, Callable[[Any, Any], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
}
#: The operators of order, as Python has them.
COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compute(sign: str, left: Value, right: Value, token: str) -> Value:
    """`left sign right` as a number that may be infinite, NaN or a whole float; see `values.number`."""
    _check_number(left, "T2001", token)
    _check_number(right, "T2002", token)
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    try:
        return _COMPUTATIONS[sign](left, right)
    except OverflowError:
        return math.inf


def _check_number(value: Value, code: str, token: str) -> None:
    kind = type(value)
    if kind is int or value is UNDEFINED:
        return
    if kind is not float or value != value:  # neither a number nor, as NaN, a value
        raise JSONataError(code, token=token, value=value)
    if math.isinf(value):
        raise JSONataError("D1001", token=token, value=None)


def settled(value: Value) -> Value:
    """A computed number normalised to a value; UNDEFINED stays UNDEFINED."""
    return value if value is UNDEFINED else number(value)


def negate(value: Value) -> Value:
    """Unary minus."""
    if value is UNDEFINED:
        return UNDEFINED
    if type(value) is int or type(value) is float:
        return -value
    raise JSONataError("D1002", token="-", value=value)


def ordered(sign: str, left: Value, right: Value, token: str) -> Value:
    """`left < right` and the other orderings: True, False, or UNDEFINED if either side is UNDEFINED.

    Raises T2010 for an operand that is neither string nor number, T2009 for one of each.
    """
    left_kind, right_kind = _KINDS.get(type(left)), _KINDS.get(type(right))
    if left_kind is None or right_kind is None:
        culprit = right if left_kind is not None and left is not UNDEFINED else left
        raise JSONataError("T2010", token=token, value=culprit)
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    if left_kind is not right_kind:
        raise JSONataError("T2009", token=token, value=left, value2=right)
    if left_kind is str and not (left.isascii() or right.isascii()):
        left, right = code_units(left), code_units(right)
    return COMPARISONS[sign](left, right)


_KINDS: Final[dict[type, type]] = {str: str, int: float, float: float, type(UNDEFINED): type(UNDEFINED)}


def code_units(text: str) -> bytes:
    """The sort key of JavaScript's string order by UTF-16 units: characters beyond U+FFFF precede U+E000."""
    return text.encode("utf-16-be", "surrogatepass")


def equals(left: Value, right: Value, evaluation: Evaluation | None) -> bool:
    """`=`; UNDEFINED equals nothing, not even itself."""
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return equal(left, right, evaluation)


def unequal(left: Value, right: Value, evaluation: Evaluation | None) -> bool:
    """`!=`; false as well if either side is UNDEFINED."""
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return not equals(left, right, evaluation)


def includes(item: Value, items: Value, evaluation: Evaluation | None) -> bool:
    """`item in items`: scalars compare by value, arrays and objects by identity, as with JavaScript's `===`."""
    if item is UNDEFINED or items is UNDEFINED:
        return False
    if type(items) is not list:
        items = [items]
    spend(evaluation, len(items) >> 2)
    kind = type(item)
    if kind is str or ((kind is int or kind is float) and item not in _BOOLEANS):
        return item in items
    if kind is int or kind is float:
        return any(item == each and type(each) is not bool for each in items if type(each) in _NUMBERS)
    return any(item is each for each in items)


_NUMBERS: Final = frozenset((int, float))
#: The numbers that Python considers equal to booleans.
_BOOLEANS: Final = (0, 1)


def text(value: Value, evaluation: Evaluation | None) -> str:
    """An operand of `&` as text; UNDEFINED is the empty string."""
    if type(value) is str:
        return value
    if type(value) is int and -_FIFTEEN_DIGITS < value < _FIFTEEN_DIGITS:
        return str(value)
    if value is UNDEFINED or isinstance(value, Function):
        return ""
    scalar = scalar_text(value, "D3001")
    return stringify(evaluation or Credit(), value) if scalar is None else scalar


def string(value: Value, evaluation: Evaluation | None) -> Value:
    """`$string` with one argument that is no string."""
    return UNDEFINED if value is UNDEFINED else text(value, evaluation)


def interval(start: Value, end: Value, token: str, evaluation: Evaluation) -> list[Value]:
    """`[start..end]` as a sequence, empty if it would run backwards."""
    _check_integer(start, "T2003", token)
    _check_integer(end, "T2004", token)
    if start is UNDEFINED or end is UNDEFINED or start > end:
        return []
    first, size = int(start), int(end) - int(start) + 1
    if size > _MAX_RANGE:
        raise JSONataError("D2014", token=token, value=size)
    evaluation.gather(size)
    return list(range(first, first + size))


def _check_integer(value: Value, code: str, token: str) -> None:
    kind = type(value)
    if kind is int or value is UNDEFINED or (kind is float and value.is_integer()):
        return
    raise JSONataError(code, token=token, value=value)
