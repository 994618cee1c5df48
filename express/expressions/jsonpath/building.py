"""A Path compiled to an Expr.

A path is split in two: leading names and indexes become plain indexing (`navigation`), the rest becomes a tail
(`selection`). Nearly all paths of real workflows are definite and short, so those shapes have closures of their own.

Missing data follows AWS's rule, not Jayway's: a definite path fails, with Jayway's text; an indefinite one gives `[]`
(recorded for `$.items[*]`, `$.items[1:]`, `$.item.items[1:5].x` and others over `{}`), where Jayway raises too. Data
of the wrong type (`$[1:5]` over an object, a filter over a number) fails either way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from express.deferral import OutOfTime
from express.errors import PathNotFound
from express.expressions.jsonpath.document import UNCOUNTED, Document, needs_document, visits_each_once
from express.expressions.jsonpath.missing import build_explain, location
from express.expressions.jsonpath.navigation import Lookup, build_lookup, split_steps
from express.expressions.jsonpath.outcomes import ABSENT, CallError, NoResultError
from express.expressions.jsonpath.selection import build_tail
from express.expressions.jsonpath.syntax import Index, Name, Path, Root
from express.types import JSON, Expr, Scope

if TYPE_CHECKING:
    from express.expressions.jsonpath.predicates import Evaluate

#: Arrays of up to this many elements are processed without counting visits.
_FEW = 500


def build_path(path: Path) -> Expr:
    """The expression `(data, scope) -> value` of a path.

    A definite path gives the value, which is shared with the data, and raises PathNotFound when there is none. Any
    other path gives a list and raises PathNotFound only where a step does not fit the type of the data.
    """
    of_data = _build_of_data(path)
    if path.root is Root.CONTEXT:
        return _build_of_context(path, of_data)
    if path.root is Root.VARIABLE:
        return _build_of_variable(path, of_data)
    return of_data


def build_plain_path(path: Path) -> Lookup | None:
    """The lookup of a path of names and indexes in the data, which raises one of ABSENT; None for other paths."""
    head, tail = split_steps(path.steps)
    return None if tail or path.root is not Root.DATA else build_lookup(head)


def _build_of_data(path: Path) -> Expr:
    head, tail = split_steps(path.steps)
    if not tail:
        return _build_indexing(path, head)
    return _build_with_tail(path, head, build_tail(tail, location(head), _build_evaluate, required=False))


def _build_of_context(path: Path, of_data: Expr) -> Expr:
    if not path.steps:
        return lambda data, scope: scope.context()
    first = path.steps[0]
    if not isinstance(first, Name):
        return lambda data, scope: of_data(scope.context(), scope)
    section = first.name
    return lambda data, scope: of_data(scope.context(section), scope)


def _build_of_variable(path: Path, of_data: Expr) -> Expr:
    name = path.variable
    assert name is not None

    def variable(data: JSON, scope: Scope) -> JSON:
        try:
            value = scope.variables[name]
        except KeyError:
            raise PathNotFound(path.text, f"No results for path: $['{name}']") from None
        return of_data(value, scope)

    return variable


# definite paths of names and indexes ----------------------------------------------------------------------------


def _build_indexing(path: Path, steps: tuple[Name | Index, ...]) -> Expr:
    not_found = _not_found(path)
    match steps:
        case ():
            return lambda data, scope: data
        case (Name(a),):
            return _build_field(a, not_found)
        case (Name(a), Name(b)):
            return _build_field_of_field(a, b, not_found)
        case (Name(a), Name(b), Name(c)):
            return _build_third_field(a, b, c, not_found)
        case (Name(a), Index(i)):
            return _build_element(a, i, not_found)
        case (Name(a), Index(i), Name(b)):
            return _build_field_of_element(a, i, b, not_found)
    lookup = build_lookup(steps)

    def indexing(data: JSON, scope: Scope) -> JSON:
        try:
            return lookup(data)
        except ABSENT:
            raise not_found(data) from None

    return indexing


#: Makes the error of a path that found nothing in the data.
_NotFound = Callable[[JSON], PathNotFound]


def _not_found(path: Path) -> _NotFound:
    text, explain = path.text, build_explain(path.steps)
    return lambda data: PathNotFound(text, explain(data).text)


def _build_field(a: str, not_found: _NotFound) -> Expr:
    def field(data: JSON, scope: Scope) -> JSON:
        try:
            return data[a]
        except ABSENT:
            raise not_found(data) from None

    return field


def _build_field_of_field(a: str, b: str, not_found: _NotFound) -> Expr:
    def field_of_field(data: JSON, scope: Scope) -> JSON:
        try:
            return data[a][b]
        except ABSENT:
            raise not_found(data) from None

    return field_of_field


def _build_third_field(a: str, b: str, c: str, not_found: _NotFound) -> Expr:
    def third_field(data: JSON, scope: Scope) -> JSON:
        try:
            return data[a][b][c]
        except ABSENT:
            raise not_found(data) from None

    return third_field


def _build_element(a: str, i: int, not_found: _NotFound) -> Expr:
    def element(data: JSON, scope: Scope) -> JSON:
        try:
            items = data[a]
            if type(items) is list:
                return items[i]
        except ABSENT:
            pass
        raise not_found(data)

    return element


def _build_field_of_element(a: str, i: int, b: str, not_found: _NotFound) -> Expr:
    def field_of_element(data: JSON, scope: Scope) -> JSON:
        try:
            items = data[a]
            if type(items) is list:
                return items[i][b]
        except ABSENT:
            pass
        raise not_found(data)

    return field_of_element


# all others -----------------------------------------------------------------------------------------------------


def _build_with_tail(path: Path, head: tuple[Name | Index, ...], tail: Evaluate) -> Expr:
    lookup = build_lookup(head)
    explain = build_explain(path.steps)
    text, counted = path.text, needs_document(path.steps)
    # Without an index in front, the only failure an indefinite path can meet there is missing data.
    forgiving = not path.definite and not any(isinstance(step, Index) for step in head)

    simple = counted and visits_each_once(split_steps(path.steps)[1])

    def select(data: JSON, scope: Scope) -> JSON:
        # `deferrable`, inlined.
        deferral = scope.deferral
        if deferral is not None and select in deferral.answers:
            return deferral.answer(select)
        try:
            value = lookup(data)
        except ABSENT:
            if forgiving:
                return []
            miss = explain(data)
            if path.definite or miss.kind == "unfit":
                raise PathNotFound(path.text, miss.text) from None
            return []
        try:
            if not counted or (simple and type(value) is list and len(value) <= _FEW):
                return tail(value, UNCOUNTED)
            return tail(value, Document(data, text, scope))
        except (NoResultError, CallError) as problem:
            raise PathNotFound(path.text, problem.detail) from None
        except OutOfTime as late:
            late.put_off(select, select, data, scope)
            raise

    return select


def _build_evaluate(path: Path, *, required: bool = False) -> Evaluate:
    """A nested path, in a filter or as an argument; missing data raises NoResultError, as in Jayway."""
    head, rest = split_steps(path.steps)
    lookup = build_lookup(head)
    explain = build_explain(path.steps)
    tail = build_tail(rest, location(head), _build_evaluate, required=required) if rest else None

    def evaluate(value: JSON, root: Document) -> JSON:
        try:
            found = lookup(value)
        except ABSENT:
            miss = explain(value)
            if miss.kind == "beyond" and not path.definite:
                return []
            raise NoResultError(miss.text) from None
        return found if tail is None else tail(found, root)

    return evaluate
