"""A Condition compiled to a test, a closure that decides whether a filter keeps an item.

Filters run once per element of an array, so the common forms have closures of their own: a field of the item compared
with a number or a string, membership in a list of strings, an existing field. All others evaluate both sides and pass
them to the operator. Every closure tests before it indexes: a field that is missing from every element must not cost
an exception for each.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from express.expressions.jsonpath.document import Document
from express.expressions.jsonpath.equality import equal
from express.expressions.jsonpath.membership import Members
from express.expressions.jsonpath.navigation import build_finder, split_steps
from express.expressions.jsonpath.operators import OPERATORS, SEARCHES, Comparator
from express.expressions.jsonpath.outcomes import MISSING, NoResultError, OperandError
from express.expressions.jsonpath.syntax import (
    And,
    Comparison,
    Condition,
    Exists,
    Literal,
    Name,
    Not,
    Operand,
    Or,
    Path,
    Pattern,
    Root,
)
from express.expressions.values import java_text
from express.types import JSON

if TYPE_CHECKING:
    from express.expressions.jsonpath.regex import Matcher

#: Visits charged for one second of matching.
_VISITS_A_SECOND: Final = 1_000_000

#: `(value, root) -> result`: a path or a part of one, applied to a value inside the document `root`.
Evaluate: TypeAlias = Callable[[JSON, Document], JSON]
Test: TypeAlias = Callable[[JSON, Document], bool]


class BuildPath(Protocol):
    """Builds any path; passed into this module, because paths contain filters and filters contain paths.

    The result raises NoResultError for missing data, and CallError. With `required`, a field missing after a wildcard
    is missing data too.
    """

    def __call__(self, path: Path, *, required: bool = False) -> Evaluate: ...


def build_test(condition: Condition, build: BuildPath) -> Test:
    """`(item, root) -> bool`."""
    test = _build(condition, build)
    if not _may_be_unusable(condition):
        return test

    def guarded(item: JSON, root: Document) -> bool:
        try:
            return test(item, root)
        except OperandError:
            return False

    return guarded


def _build(condition: Condition, build: BuildPath) -> Test:
    match condition:
        case And(conditions):
            return _build_and([_build(part, build) for part in conditions])
        case Or(conditions):
            return _build_or([_build(part, build) for part in conditions])
        case Not(negated):
            test = _build(negated, build)
            return lambda item, root: not test(item, root)
        case Exists(path, expected):
            return _build_exists(path, build, expected=expected)
        case Comparison():
            return _build_comparison(condition, build)


def _build_and(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda item, root: first(item, root) and second(item, root)
    return lambda item, root: all(test(item, root) for test in tests)


def _build_or(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda item, root: first(item, root) or second(item, root)
    return lambda item, root: any(test(item, root) for test in tests)


def _may_be_unusable(condition: Condition) -> bool:
    """Whether an operator can meet an operand of a type it rejects."""
    match condition:
        case And(conditions) | Or(conditions):
            return any(_may_be_unusable(part) for part in conditions)
        case Not(negated):
            return _may_be_unusable(negated)
        case Comparison(_, "in" | "nin", right):
            return not (isinstance(right, Literal) and type(right.value) is list)
        case Comparison(_, "empty", right):
            return not (isinstance(right, Literal) and type(right.value) is bool)
        case Comparison(_, "subsetof" | "anyof" | "noneof", _):
            return True
    return False


# exists ---------------------------------------------------------------------------------------------------------


def _build_exists(path: Path, build: BuildPath, *, expected: bool) -> Test:
    """Existence of a path; here Jayway resolves even a `$` path against the item."""
    head, tail = split_steps(path.steps)
    if tail:
        return _build_exists_by_evaluating(build(path, required=True), expected=expected)
    match head:
        case ():
            return lambda item, root: expected
        case (Name(name),):
            return lambda item, root: (type(item) is dict and name in item) is expected
    find = build_finder(head)
    return lambda item, root: (find(item) is not MISSING) is expected


def _build_exists_by_evaluating(evaluate: Evaluate, *, expected: bool) -> Test:
    def test(item: JSON, root: Document) -> bool:
        try:
            found = evaluate(item, root)
        except NoResultError:
            return not expected
        if type(found) is list:
            root.spend(len(found))
        return expected

    return test


# comparisons ----------------------------------------------------------------------------------------------------

_ORDER: dict[str, Callable[[JSON, JSON], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _build_comparison(comparison: Comparison, build: BuildPath) -> Test:
    test = _build_single(comparison, build)
    sides = comparison.left, comparison.right
    if any(map(_of_item, sides)) or not any(isinstance(side, Path) for side in sides):
        return test
    key = object()  # the same for all items
    return lambda item, root: root.once(key, test)


def _of_item(operand: Operand) -> bool:
    return isinstance(operand, Path) and operand.root is Root.ITEM


def _build_single(comparison: Comparison, build: BuildPath) -> Test:
    match comparison:
        case Comparison(left, "=~", Pattern(matches)) if not isinstance(left, Pattern):
            return _build_match(_build_operand(left, build), matches)
        case Comparison(Pattern(matches), "=~", right) if not isinstance(right, Pattern):
            return _build_match(_build_operand(right, build), matches)
        case Comparison(Path(root=Root.ITEM, steps=(Name(name),)), symbol, Literal(value)):
            if test := _build_field_test(name, symbol, value):
                return test
    if comparison.operator in SEARCHES:
        return _build_search(comparison, build)
    return _build_general(comparison, build)


def _build_general(comparison: Comparison, build: BuildPath) -> Test:
    compare: Comparator = OPERATORS[comparison.operator]
    left = _build_operand(comparison.left, build)
    if isinstance(comparison.right, Literal):
        constant = comparison.right.value
        return lambda item, root: compare(left(item, root), constant)
    right = _build_operand(comparison.right, build)
    return lambda item, root: compare(left(item, root), right(item, root))


def _build_search(comparison: Comparison, build: BuildPath) -> Test:
    """`in`, `contains` and similar operators; an array that is the same for all items is indexed once."""
    compare = OPERATORS[comparison.operator]
    left, right = _build_operand(comparison.left, build), _build_operand(comparison.right, build)
    if SEARCHES[comparison.operator] == "left":
        left = _build_searched(comparison.left, left)
    else:
        right = _build_searched(comparison.right, right)

    def test(item: JSON, root: Document) -> bool:
        one, other = left(item, root), right(item, root)
        root.spend(_search_cost(one) + _search_cost(other))
        return compare(one, other)

    return test


def _build_searched(operand: Operand, read: Evaluate) -> Evaluate:
    if isinstance(operand, Literal):
        constant = _searchable(operand.value)
        return lambda item, root: constant
    if _of_item(operand):
        return read
    key = object()

    def find(data: JSON, root: Document) -> JSON:
        value = read(data, root)
        root.spend(_search_cost(value))
        return _searchable(value)

    return lambda item, root: root.once(key, find)


def _searchable(value: JSON) -> JSON:
    return Members(value) if type(value) is list else value


def _search_cost(value: JSON) -> int:
    """Visits of a search: one per element, or per 16 characters of a string."""
    if type(value) is list:
        return len(value)
    return len(value) >> 4 if type(value) is str else 0


def _build_field_test(name: str, symbol: str, value: JSON) -> Test | None:
    """A specialised closure for `@.name symbol value`, or None if the general one is used."""
    kind = type(value)
    if symbol in _ORDER and kind in (int, float):
        return _build_field_order(name, _ORDER[symbol], value)
    if symbol in ("==", "!=") and kind is str:
        return _build_field_equals_text(name, value, expected=symbol == "==")
    if symbol == "in" and kind is list and all(type(item) is str for item in value):
        return _build_field_in_texts(name, value)
    return None


def _build_field_order(name: str, order: Callable[[JSON, JSON], bool], number: float) -> Test:
    def test(item: JSON, root: Document) -> bool:
        if type(item) is not dict or name not in item:
            return False
        value = item[name]
        kind = type(value)
        return (kind is int or kind is float) and order(value, number)

    return test


def _build_field_equals_text(name: str, text: str, *, expected: bool) -> Test:
    def test(item: JSON, root: Document) -> bool:
        if type(item) is not dict or name not in item:
            return not expected
        value = item[name]
        return (value == text if type(value) is str else equal(value, text)) is expected

    return test


def _build_field_in_texts(name: str, texts: list[str]) -> Test:
    known = Members(texts)

    def test(item: JSON, root: Document) -> bool:
        if type(item) is not dict or name not in item:
            return False
        value = item[name]
        return known.holds(value)

    return test


def _build_match(read: Evaluate, matches: Matcher) -> Test:
    """`=~`: numbers and booleans match by their text, other values as the empty string; an array by any element.

    The duration of a match cannot be known in advance, so it is charged afterwards, in visits.
    """

    def match(value: JSON, root: Document) -> bool:
        started = perf_counter()
        matched = matches(_subject(value))
        root.spend(int((perf_counter() - started) * _VISITS_A_SECOND))
        return matched

    def test(item: JSON, root: Document) -> bool:
        value = read(item, root)
        if type(value) is list:
            return any(match(element, root) for element in value)
        return match(value, root)

    return test


def _subject(value: JSON) -> str:
    return java_text(value) if type(value) in (str, int, float, bool) else ""


# operands -------------------------------------------------------------------------------------------------------


def _build_operand(operand: Operand, build: BuildPath) -> Evaluate:
    """`(item, root) -> value or MISSING`."""
    match operand:
        case Literal(value):
            return lambda item, root: value
        case Pattern():
            # No value equals a pattern; `=~` is handled elsewhere.
            return lambda item, root: MISSING
        case Path(root=root):
            of_item = root is Root.ITEM
            head, tail = split_steps(operand.steps)
            if tail:
                read = _build_evaluated(build(operand))
                return read if of_item else _build_once(read)
            find = build_finder(head)
            return (lambda item, root: find(item)) if of_item else (lambda item, root: find(root.data))


def _build_evaluated(evaluate: Evaluate) -> Evaluate:
    def read(item: JSON, root: Document) -> JSON:
        try:
            found = evaluate(item, root)
        except NoResultError:
            return MISSING
        if type(found) is list:
            root.spend(len(found))
        return found

    return read


def _build_once(read: Evaluate) -> Evaluate:
    key = object()
    return lambda item, root: root.once(key, read)
