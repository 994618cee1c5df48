"""The 39 comparison operators of Choice rules, and the Boolean rules that combine them.

One row of OPERATORS is one operator: its family decides the type of the operand and which values can match at all. A
value of another type does not match and is not an error (recorded for every pair of types); a Variable or `*Path`
that finds nothing fails the execution, except under IsPresent. Numbers compare as IEEE 754 doubles, strings as Java's
`compareTo` does (UTF-16 code units), timestamps as instants (AWS guide, "Choice"; ASL spec, "Data-test expression").

Every row compiles to a closure that reads the value once and does one type test and one comparison; a literal operand
is converted at compile time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from typing import Final, Literal, NamedTuple, TypeAlias

from express.errors import RUNTIME, EngineError, PathNotFound
from express.expressions.timestamps import parse_timestamp
from express.expressions.wildcards import PatternError, compile_wildcards
from express.types import JSON, Expr, Scope

Family: TypeAlias = Literal["string", "numeric", "boolean", "timestamp", "type"]
Operand: TypeAlias = Literal["literal", "path"]
Kinds: TypeAlias = frozenset[type]
Compare: TypeAlias = Callable[[JSON, JSON], bool]
#: `compile(variable, operand)`: builds the closure of one operator for its operand.
Compile: TypeAlias = Callable[[Expr, JSON], Expr]


class LiteralTest(NamedTuple):
    """A comparison with a literal: a value matches if it has one of the types and compares with the constant.

    kinds: None where values of other types never compare with the constant. So a member of a `str` Enum, which an input
    may hold, equals its text.
    """

    kinds: Kinds | None
    compare: Compare
    constant: JSON


#: `test(operand)`: the LiteralTest of one operator with a literal operand.
MakeTest: TypeAlias = Callable[[JSON], LiteralTest]

_STRING: Final = frozenset({str})
_NUMBER: Final = frozenset({int, float})
_BOOLEAN: Final = frozenset({bool})
_INSTANT: Final = frozenset({int})
_NULL: Final = frozenset({type(None)})

#: Integers up to this size are exact doubles, so Python's exact comparison with one equals that of doubles.
_EXACT: Final = 2**53 - 1
#: Text below this character sorts the same by code points and by UTF-16 units, whatever it is compared with.
_SURROGATES: Final = "\ud800"


@dataclass(frozen=True, slots=True)
class Operator:
    """One comparison operator of a Choice rule.

    With `operand` "path" the operand is a path to the value to compare with. `test` gives the comparison of the value
    as data; None for an operator that is more than that.
    """

    name: str
    family: Family
    operand: Operand
    compile: Compile
    test: MakeTest | None = None

    def check_operand(self, value: JSON) -> str | None:
        """The reason a definition's operand is invalid (only its type is checked for a path), or None."""
        if self.operand == "path":
            return None if isinstance(value, str) else _EXPECTED["string"]
        if type(value) not in _OPERAND_KINDS[self.family]:
            return _EXPECTED[self.family]
        if self.family == "timestamp" and parse_timestamp(value) is None:
            return "String does not match RFC3339 timestamp"
        return None

    def build(self, variable: Expr, operand: JSON | Expr) -> Expr:
        """The closure of `variable <operator> operand`, returning a bool.

        `operand` is the literal, or the path's Expr. The closure raises EngineError `States.Runtime` when a path
        finds nothing: `Invalid path '$.x': The choice state's condition path references an invalid value.`
        """
        return self.compile(variable, operand)


_OPERAND_KINDS: Final[Mapping[Family, Kinds]] = {
    "string": _STRING,
    "numeric": _NUMBER,
    "boolean": _BOOLEAN,
    "timestamp": _STRING,
    "type": _BOOLEAN,
}
_EXPECTED: Final[Mapping[Family, str]] = {
    "string": "Expected value of type String",
    "numeric": "Expected value of type Number",
    "boolean": "Expected value of type Boolean",
    "timestamp": "Expected value of type String",
    "type": "Expected value of type Boolean",
}


def build_and(rules: Sequence[Expr]) -> Expr:
    """`And`: true when every rule is; rules after the first false one are not evaluated."""
    if len(rules) == 1:
        return rules[0]
    # Split in halves: a long list then costs one short closure per rule and no deep stack.
    first, second = build_and(rules[: len(rules) // 2]), build_and(rules[len(rules) // 2 :])

    def both(data: JSON, scope: Scope) -> JSON:
        return first(data, scope) and second(data, scope)

    return both


def build_or(rules: Sequence[Expr]) -> Expr:
    """`Or`: true when one rule is; rules after the first true one are not evaluated."""
    if len(rules) == 1:
        return rules[0]
    first, second = build_or(rules[: len(rules) // 2]), build_or(rules[len(rules) // 2 :])

    def either(data: JSON, scope: Scope) -> JSON:
        return first(data, scope) or second(data, scope)

    return either


def build_not(rule: Expr) -> Expr:
    """`Not`: true when its rule is false."""

    def negated(data: JSON, scope: Scope) -> JSON:
        return not rule(data, scope)

    return negated


def _invalid_condition_path(error: PathNotFound) -> EngineError:
    """The error of a Variable or `*Path` that finds nothing; unlike others it has no space before the colon."""
    return EngineError(
        RUNTIME, f"Invalid path '{error.path}': The choice state's condition path references an invalid value."
    )


def _build_test(variable: Expr, test: LiteralTest) -> Expr:
    kinds, compare, constant = test
    if kinds is None:
        return _equality(variable, constant)

    def comparison(data: JSON, scope: Scope) -> JSON:
        try:
            value = variable(data, scope)
        except PathNotFound as error:
            raise _invalid_condition_path(error) from None
        return type(value) in kinds and compare(value, constant)

    return comparison


def _equality(variable: Expr, constant: JSON) -> Expr:
    """Equality for constants that Python never equates with a value of another type, such as strings."""

    def equality(data: JSON, scope: Scope) -> JSON:
        try:
            return variable(data, scope) == constant
        except PathNotFound as error:
            raise _invalid_condition_path(error) from None

    return equality


def _path_comparison(compare: Compare, variable: Expr, operand: Expr, kinds: Kinds) -> Expr:
    def path_comparison(data: JSON, scope: Scope) -> JSON:
        try:
            left, right = variable(data, scope), operand(data, scope)
        except PathNotFound as error:
            raise _invalid_condition_path(error) from None
        return type(left) in kinds and type(right) in kinds and compare(left, right)

    return path_comparison


def _string(compare: Compare) -> MakeTest:
    in_utf16 = _by_utf16(compare)

    def string(constant: JSON) -> LiteralTest:
        if compare is eq:
            return LiteralTest(None, eq, constant)
        sorts_alike = max(constant, default="") < _SURROGATES
        return LiteralTest(_STRING, compare if sorts_alike else in_utf16, constant)

    return string


def _string_path(compare: Compare) -> Compile:
    def string_path(variable: Expr, operand: JSON) -> Expr:
        return _path_comparison(compare if compare is eq else _by_utf16(compare), variable, operand, _STRING)

    return string_path


def _by_utf16(compare: Compare) -> Compare:
    """`compare` in Java's string order, which differs from Python's only for characters beyond U+FFFF."""

    def by_utf16(left: str, right: str) -> bool:
        if left.isascii() or right.isascii():
            return compare(left, right)
        return compare(left.encode("utf-16-be", "surrogatepass"), right.encode("utf-16-be", "surrogatepass"))

    return by_utf16


def _numeric(compare: Compare) -> MakeTest:
    def numeric(constant: JSON) -> LiteralTest:
        exact = abs(constant) <= _EXACT
        return LiteralTest(_NUMBER, compare if exact else _as_doubles(compare), constant)

    return numeric


def _numeric_path(compare: Compare) -> Compile:
    def numeric_path(variable: Expr, operand: JSON) -> Expr:
        return _path_comparison(_as_doubles(compare), variable, operand, _NUMBER)

    return numeric_path


def _as_doubles(compare: Compare) -> Compare:
    def as_doubles(left: float, right: float) -> bool:
        try:
            return compare(float(left), float(right))
        except OverflowError:  # an integer beyond the largest double: Python compares it exactly, also with doubles
            return compare(left, right)

    return as_doubles


def _boolean(constant: JSON) -> LiteralTest:
    return LiteralTest(_BOOLEAN, eq, constant)


def _boolean_path(variable: Expr, operand: JSON) -> Expr:
    return _path_comparison(eq, variable, operand, _BOOLEAN)


def _timestamp(compare: Compare) -> Compile:
    def timestamp(variable: Expr, constant: JSON) -> Expr:
        return _build_test(_instant(variable), LiteralTest(_INSTANT, compare, parse_timestamp(constant)))

    return timestamp


def _timestamp_path(compare: Compare) -> Compile:
    def timestamp_path(variable: Expr, operand: JSON) -> Expr:
        return _path_comparison(compare, _instant(variable), _instant(operand), _INSTANT)

    return timestamp_path


def _instant(text: Expr) -> Expr:
    """The instant of a timestamp, or None for any other value, which no timestamp operator matches."""

    def instant(data: JSON, scope: Scope) -> JSON:
        value = text(data, scope)
        return parse_timestamp(value) if type(value) is str else None

    return instant


def _string_matches(variable: Expr, pattern: JSON) -> Expr:
    """A pattern with a stray backslash fails at evaluation, not at compile time, as the ASL spec requires."""
    try:
        matches = compile_wildcards(pattern)
    except PatternError as invalid:
        return _always_fails(f"Invalid pattern '{pattern}' for StringMatches: {invalid}")

    def string_matches(data: JSON, scope: Scope) -> JSON:
        try:
            value = variable(data, scope)
        except PathNotFound as error:
            raise _invalid_condition_path(error) from None
        return type(value) is str and matches(value)

    return string_matches


def _always_fails(cause: str) -> Expr:
    def fails(_: JSON, __: Scope) -> JSON:
        raise EngineError(RUNTIME, cause)

    return fails


def _is_kind(kinds: Kinds) -> Compile:
    """A type test; the operand false inverts it (recorded)."""

    def is_kind(variable: Expr, expected: JSON) -> Expr:
        def has_kind(data: JSON, scope: Scope) -> JSON:
            try:
                value = variable(data, scope)
            except PathNotFound as error:
                raise _invalid_condition_path(error) from None
            return (type(value) in kinds) is expected

        return has_kind

    return is_kind


def _is_timestamp(variable: Expr, expected: JSON) -> Expr:
    return _is_kind(_INSTANT)(_instant(variable), expected)


def _is_present(variable: Expr, expected: JSON) -> Expr:
    """The only operator whose path may find nothing; an explicit null counts as present (recorded)."""

    def is_present(data: JSON, scope: Scope) -> JSON:
        try:
            variable(data, scope)
        except PathNotFound:
            return not expected
        return expected

    return is_present


def _tested(name: str, family: Family, test: MakeTest) -> Operator:
    """An operator with a literal operand that is nothing but a LiteralTest."""
    return Operator(name, family, "literal", lambda variable, operand: _build_test(variable, test(operand)), test)


#: Every comparison operator by its name.
OPERATORS: Final[Mapping[str, Operator]] = {
    operator.name: operator
    for operator in (
        _tested("StringEquals", "string", _string(eq)),
        Operator("StringEqualsPath", "string", "path", _string_path(eq)),
        _tested("StringLessThan", "string", _string(lt)),
        Operator("StringLessThanPath", "string", "path", _string_path(lt)),
        _tested("StringGreaterThan", "string", _string(gt)),
        Operator("StringGreaterThanPath", "string", "path", _string_path(gt)),
        _tested("StringLessThanEquals", "string", _string(le)),
        Operator("StringLessThanEqualsPath", "string", "path", _string_path(le)),
        _tested("StringGreaterThanEquals", "string", _string(ge)),
        Operator("StringGreaterThanEqualsPath", "string", "path", _string_path(ge)),
        Operator("StringMatches", "string", "literal", _string_matches),
        _tested("NumericEquals", "numeric", _numeric(eq)),
        Operator("NumericEqualsPath", "numeric", "path", _numeric_path(eq)),
        _tested("NumericLessThan", "numeric", _numeric(lt)),
        Operator("NumericLessThanPath", "numeric", "path", _numeric_path(lt)),
        _tested("NumericGreaterThan", "numeric", _numeric(gt)),
        Operator("NumericGreaterThanPath", "numeric", "path", _numeric_path(gt)),
        _tested("NumericLessThanEquals", "numeric", _numeric(le)),
        Operator("NumericLessThanEqualsPath", "numeric", "path", _numeric_path(le)),
        _tested("NumericGreaterThanEquals", "numeric", _numeric(ge)),
        Operator("NumericGreaterThanEqualsPath", "numeric", "path", _numeric_path(ge)),
        _tested("BooleanEquals", "boolean", _boolean),
        Operator("BooleanEqualsPath", "boolean", "path", _boolean_path),
        Operator("TimestampEquals", "timestamp", "literal", _timestamp(eq)),
        Operator("TimestampEqualsPath", "timestamp", "path", _timestamp_path(eq)),
        Operator("TimestampLessThan", "timestamp", "literal", _timestamp(lt)),
        Operator("TimestampLessThanPath", "timestamp", "path", _timestamp_path(lt)),
        Operator("TimestampGreaterThan", "timestamp", "literal", _timestamp(gt)),
        Operator("TimestampGreaterThanPath", "timestamp", "path", _timestamp_path(gt)),
        Operator("TimestampLessThanEquals", "timestamp", "literal", _timestamp(le)),
        Operator("TimestampLessThanEqualsPath", "timestamp", "path", _timestamp_path(le)),
        Operator("TimestampGreaterThanEquals", "timestamp", "literal", _timestamp(ge)),
        Operator("TimestampGreaterThanEqualsPath", "timestamp", "path", _timestamp_path(ge)),
        Operator("IsNull", "type", "literal", _is_kind(_NULL)),
        Operator("IsPresent", "type", "literal", _is_present),
        Operator("IsNumeric", "type", "literal", _is_kind(_NUMBER)),
        Operator("IsString", "type", "literal", _is_kind(_STRING)),
        Operator("IsBoolean", "type", "literal", _is_kind(_BOOLEAN)),
        Operator("IsTimestamp", "type", "literal", _is_timestamp),
    )
}
