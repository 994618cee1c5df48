"""`{% … %}`: JSONata in the fields of a definition, compiled from text to closures.

Sources: ASL spec "JSONata"; AWS guide "Transforming data with JSONata". A string is an expression if it begins with
`{%` and ends with `%}`, without whitespace around them; one with only one of the two is a mistake. An expression is
the value of a field, or is nested at any depth of a template (Arguments, Output, Assign, ItemSelector, …), which is
otherwise literal JSON; keys are literal.

There is no context item: the data is in `$states` and in the variables, and an expression that reads a top-level
context item is refused at compile time.

An expression becomes an `Expr` whose data is the current `$states` object without `context`, which is added only for
expressions that read it. Results are checked here: UNDEFINED and functions are not results, and some fields require a
type. All failures are `States.QueryEvaluationError` in the recorded words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from express.deferral import OutOfTime, deferrable
from express.definition import messages
from express.definition.pointer import escape_key
from express.definition.problems import (
    INVALID_JSONATA_EXPRESSION,
    SCHEMA_VALIDATION_FAILED,
    UNSUPPORTED_JSONATA_EXPRESSION,
)
from express.errors import EvaluationFailed
from express.expressions.jsonata.compiler import Expression, compile_tree
from express.expressions.jsonata.errors import LIMITS, OUT_OF_RANGE, STACK_OVERFLOW, JSONataError
from express.expressions.jsonata.foreign_values import may_be_foreign, without_nothing
from express.expressions.jsonata.growth import Bound, Growth, growth_of, total
from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.references import find_references
from express.expressions.jsonata.states_object import Members, Use, sections_read, uses_of
from express.expressions.jsonata.values import UNDEFINED, infinite_numbers, spelled
from express.foreign import NotJSON
from express.payload import fresh, measure, text_of

if TYPE_CHECKING:
    from express.expressions.jsonata.syntax import Node
    from express.types import JSON, Expr, Scope

OPENING: Final = "{%"
CLOSING: Final = "%}"

#: Reads of the context without a name.
_SELECTORS: Final = frozenset(("*", "**", "%"))

#: Up to this many expressions of a template are evaluated without extra deadline checks between them.
_FEW: Final = 16

#: JSON types as AWS names them.
JSON_TYPES: Final = {
    dict: "object",
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in an expression.

    `pointer` leads from the field to the string with the expression; `offset` and `length` select the wrong
    characters of that string, `length` 0 all that follow.
    """

    code: str
    message: str
    pointer: str
    offset: int = 0
    length: int = 0


Report: TypeAlias = Callable[[Mistake], None]


@dataclass(frozen=True, slots=True)
class Query:
    """An expression in a field.

    `text` is the text between the delimiters, as causes quote it; `field` is its place in the state, as causes name
    it: `Output/items[0]`.
    """

    text: str
    field: str
    expression: Expression
    growth: Bound
    #: The value may be, or contain, a value that is not JSON.
    foreign: bool
    #: The sections of the context object that the expression reads; None: unknown.
    sections: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that contains no expression."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Composite:
    """An object or array with expressions: `base` has null in their places, `parts` their templates by key or index."""

    base: dict[str, JSON] | list[JSON]
    parts: tuple[tuple[Any, Template], ...]


Template: TypeAlias = "Query | Constant | Composite"


# --------------------------------------------------------------------------------------------------------------
# read


def is_query(value: JSON) -> bool:
    """Whether a value is meant as an expression: a string with at least one of the delimiters."""
    return isinstance(value, str) and (value.startswith(OPENING) or value.endswith(CLOSING))


def read_query(text: str, field: str, members: Members, report: Report, pointer: str = "") -> Query | None:
    """The expression of a string for which `is_query` holds, or None after reporting a mistake."""
    inside = text[len(OPENING) : -len(CLOSING)]
    if not (text.startswith(OPENING) and text.endswith(CLOSING) and len(text) >= len(OPENING + CLOSING)):
        report(Mistake(SCHEMA_VALIDATION_FAILED, messages.JSONATA_DELIMITERS, pointer))
        return None
    expression = inside.strip()
    start = len(OPENING) + len(inside) - len(inside.lstrip())
    try:
        tree = parse(expression)
        compiled = compile_tree(tree, expression)
    except JSONataError as error:
        report(_syntax_error(error, expression, pointer, start))
        return None
    uses = uses_of(tree)
    mistakes = [*_unknown_context(tree, expression), *_unknown_members(uses, members)]
    for name, message, end in mistakes:
        begin = start + end - len(name)
        report(Mistake(UNSUPPORTED_JSONATA_EXPRESSION, message, pointer, begin, len(name)))
    if mistakes:
        return None
    return Query(expression, field, compiled, growth_of(tree), may_be_foreign(tree), sections_read(uses))


def _syntax_error(error: JSONataError, expression: str, pointer: str, start: int) -> Mistake:
    """AWS gives the message without its code (measured)."""
    if not expression:
        return Mistake(INVALID_JSONATA_EXPRESSION, error.message, pointer)
    end = len(expression) if error.position is None else error.position
    token = error.token if isinstance(error.token, str) else ""
    begin = end - len(token) if token and expression[:end].endswith(token) else max(end - 1, 0)
    return Mistake(INVALID_JSONATA_EXPRESSION, error.message, pointer, start + begin, max(end - begin, 1))


#: A refused construct: its text, AWS's message, and the end offset of the text in the expression.
_Refusal: TypeAlias = tuple[str, str, int]


def _unknown_context(tree: Node, expression: str) -> Iterator[_Refusal]:
    """Each read of the missing context item, once per name, in text order.

    `*` and the like give nothing there and are not refused (measured).
    """
    references = find_references(tree)
    for name, end in references.context.items():
        if name == "$" or name not in _SELECTORS:
            shown = f"`{name}`" if expression[:end].endswith("`") else name
            yield shown, messages.top_level_reference(name), end
    if references.root is not None:
        yield "$$", messages.ROOT_REFERENCE, references.root


def _unknown_members(uses: Iterable[Use], members: Members) -> Iterator[_Refusal]:
    seen = set()
    for use in uses:
        if use.path and use.path[0] not in members and use.path[0] not in seen:
            seen.add(use.path[0])
            yield use.path[0], messages.no_states_member(use.path[0]), use.position


def read_template(value: JSON, field: str, members: Members, report: Report, pointer: str = "") -> Template:
    """Parse JSON that may contain expressions; a wrong one is reported and becomes null."""
    if isinstance(value, str):
        query = read_query(value, field, members, report, pointer) if is_query(value) else Constant(value)
        return Constant(None) if query is None else query
    parts: list[tuple[Any, Template]]
    if isinstance(value, dict):
        parts = [
            (key, read_template(item, f"{field}/{key}", members, report, f"{pointer}/{escape_key(key)}"))
            for key, item in value.items()
        ]
        return _compose({key: _constant_part(part) for key, part in parts}, parts)
    if isinstance(value, list):
        parts = [
            (index, read_template(item, f"{field}[{index}]", members, report, f"{pointer}/{index}"))
            for index, item in enumerate(value)
        ]
        return _compose([_constant_part(part) for _, part in parts], parts)
    return Constant(value)


def _constant_part(part: Template) -> JSON:
    return part.value if isinstance(part, Constant) else None


def _compose(base: dict[str, JSON] | list[JSON], parts: list[tuple[Any, Template]]) -> Template:
    if all(isinstance(part, Constant) for _, part in parts):
        return Constant(base)
    # The base is copied shallowly per result, so its containers are parts too: each result gets its own.
    return Composite(base, tuple((key, part) for key, part in parts if not _is_scalar(part)))


def _is_scalar(part: Template) -> bool:
    return isinstance(part, Constant) and not isinstance(part.value, dict | list)


def growth_of_template(template: Template) -> Bound:
    """An upper bound of the result's size; None if the result must be measured."""
    if isinstance(template, Query):
        return template.growth
    if isinstance(template, Constant):
        return Growth(constant=measure(template.value))
    return total([Growth(constant=measure(template.base)), *(growth_of_template(part) for _, part in template.parts)])


def copies_of_template(template: Template) -> int:
    """The number of expressions, each of which may return all of the data; at least 1."""
    if isinstance(template, Composite):
        return max(1, sum(copies_of_template(part) for _, part in template.parts))
    return 1


# --------------------------------------------------------------------------------------------------------------
# build


def build_template(template: Template) -> Expr:
    """`expr(states, scope) -> value`, where `states` is `$states` without its context."""
    if copies_of_template(template) > _FEW:
        return deferrable(_build(template, is_long=True))
    return _build(template, is_long=False)


def _build(template: Template, *, is_long: bool) -> Expr:
    if isinstance(template, Query):
        return build_query(template)
    if isinstance(template, Composite):
        return _build_composite(template, is_long=is_long)
    copy = fresh(template.value)
    return lambda states, scope: copy()


def _build_composite(template: Composite, *, is_long: bool) -> Expr:
    copy = template.base.copy
    parts = [(key, _build(part, is_long=is_long)) for key, part in template.parts]
    if is_long:
        return _build_long(copy, parts)
    if len(parts) == 1:
        ((key, part),) = parts
        return _build_one(copy, key, part)

    def composite(states: JSON, scope: Scope) -> JSON:
        result: Any = copy()
        for key, part in parts:
            result[key] = part(states, scope)
        return result

    return composite


def _build_long(copy: Callable[[], Any], parts: list[tuple[Any, Expr]]) -> Expr:
    """A composite with so many parts that they may take long together; it checks the deadline after each."""

    def composite(states: JSON, scope: Scope) -> JSON:
        result = copy()
        for key, part in parts:
            result[key] = part(states, scope)
            scope.look()
        return result

    return composite


def _build_one(copy: Callable[[], Any], key: Any, part: Expr) -> Expr:
    def composite(states: JSON, scope: Scope) -> JSON:
        result = copy()
        result[key] = part(states, scope)
        return result

    return composite


def build_query(query: Query) -> Expr:
    """The closure of one expression; it checks that the result is JSON."""
    evaluate, foreign = query.expression.evaluate, query.foreign

    def value_of(states: JSON, scope: Scope) -> JSON:
        # `deferrable`, inlined.
        deferral = scope.deferral
        if deferral is not None and value_of in deferral.answers:
            return deferral.answer(value_of)
        try:
            value = evaluate(states, scope.variables, UNDEFINED, scope)
        except JSONataError as error:
            if error.code != OUT_OF_RANGE:
                raise _thrown(query, error) from None
            value = _with_infinity(query, error, states, scope)
        except OutOfTime as late:
            late.put_off(value_of, value_of, states, scope)
            raise
        if type(value) not in JSON_TYPES:
            raise _no_result(query, value)
        return _as_json(query, value) if foreign else value

    if query.sections is not None and not query.sections:
        return value_of
    return _with_context(query, value_of)


def _with_infinity(query: Query, error: JSONataError, states: JSON, scope: Scope) -> JSON:
    """Evaluate an expression again with infinite numbers allowed, after its first evaluation produced one.

    Step Functions continues with such a number and writes those left in the result as a text, `"Infinity"` (measured
    in floci-io/floci, issue 2737).
    """
    try:
        with infinite_numbers():
            return spelled(query.expression.evaluate(states, scope.variables, UNDEFINED, scope))
    except JSONataError as second:
        raise _thrown(query, second) from None
    except (OverflowError, ValueError, RecursionError):
        # Some functions cannot process such numbers.
        raise _thrown(query, error) from None


def _with_context(query: Query, value_of: Expr) -> Expr:
    """The same for an expression that reads the context object, or only one section of it."""
    section = next(iter(query.sections)) if query.sections is not None and len(query.sections) == 1 else None

    def value_in_context(states: JSON, scope: Scope) -> JSON:
        given = dict(states)
        # The recorded order: input, context, then the members specific to the field.
        whole = {"input": given.pop("input"), "context": scope.context(section), **given}
        return value_of(whole, scope)

    return value_in_context


def _as_json(query: Query, value: JSON) -> JSON:
    """A result as JSON; raises EvaluationFailed for a function, even inside an array or object."""
    try:
        measure(value)
    except NotJSON:
        try:
            value = without_nothing(value)
        except RecursionError:
            raise _thrown(query, JSONataError(STACK_OVERFLOW)) from None
    else:
        return value
    try:
        measure(value)
    except NotJSON:
        raise _no_result(query, value) from None
    return value


def build_typed(query: Query, expected: str) -> Expr:
    """The closure of an expression for a field that requires one type, named as in JSON_TYPES."""
    value_of = build_query(query)

    def typed(states: JSON, scope: Scope) -> JSON:
        value = value_of(states, scope)
        if JSON_TYPES[type(value)] != expected:
            raise unexpected_type(query, expected, value)
        return value

    return typed


# --------------------------------------------------------------------------------------------------------------
# failures, in AWS's recorded words


def _sentence(query: Query, verb: str) -> str:
    return f"The JSONata expression '{query.text}' specified for the field '{query.field}' {verb}"


def _thrown(query: Query, error: JSONataError) -> EvaluationFailed:
    """The failure for an error of JSONata: quoted with its code; limits have no code and follow a colon (measured)."""
    separator, text = (":", error.message) if error.code in LIMITS else (".", str(error))
    return EvaluationFailed(f"{_sentence(query, 'threw an error during evaluation')}{separator} {text}", query.field)


def _no_result(query: Query, value: Any) -> EvaluationFailed:
    verb = "returned nothing (undefined)." if value is UNDEFINED else "returned an unsupported result type."
    return EvaluationFailed(_sentence(query, verb), query.field)


def unexpected_type(query: Query, expected: str, value: JSON) -> EvaluationFailed:
    """The failure of a result whose type the field does not accept."""
    found = f"Expected '{expected}', but was '{JSON_TYPES[type(value)]}' for value: {text_of(value)}"
    return EvaluationFailed(_sentence(query, f"returned an unexpected result type. {found}"), query.field)
