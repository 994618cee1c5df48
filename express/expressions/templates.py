"""Payload templates: literal JSON in which every field named `x.$` is computed and becomes `x`.

Parameters, ResultSelector, ItemSelector, Credentials, BatchInput and the JSONPath form of Assign are templates (ASL
spec, "Payload Template"; AWS guide, "Parameters"). Computed fields may appear at any depth of objects, including
objects inside arrays (the usual `"Environment": [{"Name": "A", "Value.$": "$.a"}]`); all other strings are literal,
whatever they look like. A computed value is a path (`$`, `$$`, `$variable`) or an intrinsic call.

Most of a template is constant, so building separates that part once: a template without computed fields is one shared
value, an object with some becomes a copy of its constant part plus one assignment per computed field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, TypeAlias

from express.deferral import deferrable
from express.definition.pointer import escape_key
from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, EngineError, ExpressionError, PathNotFound, StateError
from express.expressions.intrinsics import Call, build_intrinsic, parse_intrinsic
from express.expressions.jsonpath import ABSENT, Lookup, Path, Root, build_path, build_plain_path, parse_path
from express.expressions.jsonpath.syntax import Index, Name
from express.expressions.paths import null_input
from express.expressions.values import json_bytes, json_text
from express.payload import PAYLOAD_LIMIT, fresh
from express.types import JSON, Expr, Scope

Expression: TypeAlias = Path | Call
#: Callback for each problem: the JSON pointer below the field (`/a/b.$`), AWS's message, and the offset of the
#: mistake in the string at that pointer (0 when the mistake is not inside a string).
Report: TypeAlias = Callable[[str, str, int], None]

#: Suffix of the name of a computed field.
_SUFFIX: Final = ".$"
#: Up to this many potentially expensive parts are evaluated without deadline checks between them.
_FEW: Final = 4
#: Maximum characters that one template's calls write: many times the limit of an output, measured later.
_MOST_WRITTEN: Final = 8 * PAYLOAD_LIMIT
#: AWS's own message for this case is not recorded.
_TOO_LONG: Final = "The result of a payload template has a size exceeding the maximum number of bytes service limit."
#: Bytes by which a path's result may exceed `Path.growth` times its data.
_SLACK: Final = 4

Key: TypeAlias = str | int
#: Makes the object or array to fill in: the bound `copy` of its constant part.
Copy: TypeAlias = Callable[[], JSON]


@dataclass(frozen=True, slots=True)
class Computed:
    """The value of a field `name.$`; `field` is the name as written, as quoted in causes."""

    field: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Composite:
    """An object or array with computed parts: `base` is a dict or list with null in place of each part."""

    base: JSON
    parts: tuple[tuple[Key, Node], ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value without computed fields."""

    value: JSON


Node: TypeAlias = Constant | Computed | Composite


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed payload template.

    `growth` is `(factor, constant)`: the serialised result has at most `factor * size of the data + constant` bytes;
    None when there is no such bound (intrinsic calls, variables, the context object, recursive paths). `members`: the
    members of the data that it reads, if its paths only index them (`$.a.b[0]`); None otherwise. `copies`: an upper
    bound of how often the result may hold all of the data, counted in paths; at least 1. `writes`: it has calls that
    copy their arguments.
    """

    root: Node
    growth: tuple[int, int] | None
    members: frozenset[str] | None
    copies: int
    writes: bool


def parse_template(value: JSON, *, report: Report) -> Template:
    """Parse a template and `report` every problem; a wrong value becomes null and parsing continues."""
    root = _parse(value, "", report)
    expressions = [computed.expression for computed in _computed(root)]
    return Template(
        root=root,
        growth=_growth(root, expressions),
        members=_members(expressions),
        copies=max(1, sum(map(_paths, expressions))),
        writes=any(isinstance(expression, Call) and expression.writes for expression in expressions),
    )


def parse_expression(text: str) -> Expression:
    """Parse the text of a field that takes a path or an intrinsic call, such as `Fail.CausePath`.

    Raises ExpressionError.
    """
    return parse_path(text) if text.startswith("$") else parse_intrinsic(text)


def variables_of(expression: Expression) -> frozenset[str]:
    """Names of the workflow variables an expression reads, without `$`."""
    if isinstance(expression, Call):
        return expression.variables
    return frozenset() if expression.variable is None else frozenset((expression.variable,))


def _paths(expression: Expression) -> int:
    """The number of paths in an expression; recursive paths count more than once."""
    return expression.paths if isinstance(expression, Call) else expression.copies


def indexed_member(expression: Expression) -> str | None:
    """The member of the data at which a path of names and indexes starts (`a` of `$.a.b[0]`), else None."""
    if isinstance(expression, Call) or build_plain_path(expression) is None or not expression.steps:
        return None
    first = expression.steps[0]
    return first.name if isinstance(first, Name) else None


def build_template(template: Template) -> Expr:
    """The closure that fills in a template.

    It raises EngineError `States.Runtime` for a path that finds nothing, with the cause `The JSONPath '$.x' specified
    for the field 'value.$' could not be found in the input '{...}'`, and any error of an intrinsic call.
    """
    if _laborious(template.root) > _FEW:
        return deferrable(_build(template.root, is_long=True))
    return _build(template.root, is_long=False)


def build_expression(expression: Expression) -> Expr:
    """The closure of a path or an intrinsic call; a path without a value raises PathNotFound, worded by the field."""
    return build_intrinsic(expression) if isinstance(expression, Call) else build_path(expression)


def _parse(value: JSON, pointer: str, report: Report) -> Node:
    if isinstance(value, dict):
        return _parse_object(value, pointer, report)
    if isinstance(value, list):
        nodes = [_parse(item, f"{pointer}/{index}", report) for index, item in enumerate(value)]
        return _compose([_constant_part(node) for node in nodes], enumerate(nodes))
    return Constant(value)


def _parse_object(value: dict[str, JSON], pointer: str, report: Report) -> Node:
    fields: dict[str, Node] = {}
    for key, item in value.items():
        place = f"{pointer}/{escape_key(key)}"
        name = key.removesuffix(_SUFFIX)
        if name in fields:
            report(place, f"The field '{name}' is given both as '{name}' and as '{name}{_SUFFIX}'", 0)
        fields[name] = _parse(item, place, report) if name == key else _parse_computed(key, item, place, report)
    return _compose({name: _constant_part(node) for name, node in fields.items()}, fields.items())


def _parse_computed(field: str, value: JSON, pointer: str, report: Report) -> Node:
    offset = 0
    if isinstance(value, str):
        try:
            return Computed(field, parse_expression(value))
        except ExpressionError as error:
            offset = error.offset
    message = f"The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
    report(pointer, message, offset)
    return Constant(None)


def _constant_part(node: Node) -> JSON:
    return node.value if isinstance(node, Constant) else None


def _compose(base: JSON, nodes: Iterable[tuple[Key, Node]]) -> Node:
    nodes = tuple(nodes)
    if all(isinstance(node, Constant) for _, node in nodes):
        return Constant(base)
    # The base is copied shallowly per result, so its containers are parts too: each result gets its own.
    return Composite(base, tuple((key, node) for key, node in nodes if not _is_scalar(node)))


def _is_scalar(node: Node) -> bool:
    return isinstance(node, Constant) and not isinstance(node.value, dict | list)


def _computed(node: Node) -> Iterator[Computed]:
    if isinstance(node, Computed):
        yield node
    elif isinstance(node, Composite):
        for _, part in node.parts:
            yield from _computed(part)


def _growth(root: Node, expressions: Sequence[Expression]) -> tuple[int, int] | None:
    """An upper bound `(factor, constant)` of the result's size, or None.

    Disjoint parts of the data are together no larger than the data; only overlapping parts count more than once. So
    the factor is the largest sum of `Path.growth` over paths that share a place.
    """
    heads: list[tuple[_Head, int]] = []
    for expression in expressions:
        if isinstance(expression, Call) or expression.growth is None:
            return None
        heads.append((_head(expression), expression.growth))
    meeting = (sum(growth for outer, growth in heads if inner[: len(outer)] == outer) for inner, _ in heads)
    return max(meeting, default=0), _constant_size(root) + _SLACK * len(expressions)


def _members(expressions: Sequence[Expression]) -> frozenset[str] | None:
    members = [indexed_member(expression) for expression in expressions]
    known = frozenset(member for member in members if member is not None)
    return None if None in members else known


#: The certain prefix of a path: names, and None for any index.
_Head: TypeAlias = tuple[str | None, ...]


def _head(path: Path) -> _Head:
    steps = takewhile(lambda step: isinstance(step, Name | Index), path.steps)
    return tuple(step.name if isinstance(step, Name) else None for step in steps)


def _constant_size(node: Node) -> int:
    """Serialised size of a node in which every computed value is null."""
    if isinstance(node, Composite):
        nested = sum(_constant_size(part) for _, part in node.parts if isinstance(part, Composite))
        return len(json_bytes(node.base)) + nested
    return len(json_bytes(_constant_part(node)))


def _laborious(node: Node) -> int:
    """The number of potentially expensive computed parts: indefinite paths, and calls that copy their arguments."""
    if isinstance(node, Composite):
        return sum(_laborious(part) for _, part in node.parts)
    if not isinstance(node, Computed):
        return 0
    expression = node.expression
    return expression.writes if isinstance(expression, Call) else not expression.definite


def _build(node: Node, *, is_long: bool) -> Expr:
    if isinstance(node, Composite):
        return _build_composite(node, is_long=is_long)
    if isinstance(node, Computed):
        evaluate = build_expression(node.expression)
        return _of_input(evaluate) if _takes_null(node.expression) else evaluate
    copy = fresh(node.value)

    def constant(_: JSON, __: Scope) -> JSON:
        return copy()

    return constant


def _build_composite(node: Composite, *, is_long: bool) -> Expr:
    """Copy the constant part, then assign each computed part.

    When a path finds nothing, `spelled_out` evaluates the parts again one by one to find out which one failed, so
    that the success path pays nothing for error messages.
    """
    copy = node.base.copy
    parts = [(key, _build(part, is_long=is_long)) for key, part in node.parts]
    spelled_out = _spelled_out(node, [part for _, part in parts])
    lookups = [(key, _build_lookup(part)) for key, part in node.parts]
    found = [(key, lookup) for key, lookup in lookups if lookup is not None]
    if len(found) == len(parts):
        return _build_of_lookups(copy, found, spelled_out)
    if is_long:
        return _build_long(copy, node, parts, spelled_out)
    if len(parts) == 1:
        return _build_one(copy, *parts[0], spelled_out)
    if len(parts) == 2:
        return _build_two(copy, *parts[0], *parts[1], spelled_out)

    def many(data: JSON, scope: Scope) -> JSON:
        result = copy()
        try:
            for key, part in parts:
                result[key] = part(data, scope)
        except PathNotFound:
            return spelled_out(data, scope)
        return result

    return many


def _build_long(copy: Copy, node: Composite, parts: list[tuple[Key, Expr]], spelled_out: Expr) -> Expr:
    """A composite of many parts: it checks the deadline after each and bounds the characters its calls write."""
    counted = [(key, part, _written(of)) for (key, part), (_, of) in zip(parts, node.parts, strict=True)]

    def long(data: JSON, scope: Scope) -> JSON:
        result, written = copy(), 0
        try:
            for key, part, count in counted:
                result[key] = value = part(data, scope)
                if count is not None:
                    written += count(value)
                    if written > _MOST_WRITTEN:
                        raise StateError(DATA_LIMIT_EXCEEDED, _TOO_LONG)
                scope.look()
        except PathNotFound:
            return spelled_out(data, scope)
        return result

    return long


def _written(node: Node) -> Callable[[JSON], int] | None:
    """A function that counts the characters written by calls in the value of a node; None if the node has no calls."""
    if isinstance(node, Composite):
        inner = [(key, _written(part)) for key, part in node.parts]
        counts = [(key, count) for key, count in inner if count is not None]
        return (lambda value: sum(count(value[key]) for key, count in counts)) if counts else None
    if isinstance(node, Computed) and isinstance(node.expression, Call):
        return lambda value: len(value) if type(value) is str else 0
    return None


def _build_one(copy: Copy, key: Key, part: Expr, spelled_out: Expr) -> Expr:
    def one(data: JSON, scope: Scope) -> JSON:
        result = copy()
        try:
            result[key] = part(data, scope)
        except PathNotFound:
            return spelled_out(data, scope)
        return result

    return one


def _build_two(copy: Copy, key_1: Key, part_1: Expr, key_2: Key, part_2: Expr, spelled_out: Expr) -> Expr:
    def two(data: JSON, scope: Scope) -> JSON:
        result = copy()
        try:
            result[key_1] = part_1(data, scope)
            result[key_2] = part_2(data, scope)
        except PathNotFound:
            return spelled_out(data, scope)
        return result

    return two


def _build_lookup(node: Node) -> Lookup | None:
    """The lookup of a computed part that is plain indexing; None for any other part."""
    if isinstance(node, Computed) and isinstance(node.expression, Path):
        path = node.expression
        return build_plain_path(path) if path.steps or path.root is not Root.DATA else _look_up_whole_input
    return None


def _takes_null(expression: Expression) -> bool:
    """Whether it is a path of the input that gives a value over null: `$` alone, or one that may give any number."""
    if not isinstance(expression, Path) or expression.root is not Root.DATA:
        return False
    return not (expression.steps and expression.definite)


def _of_input(evaluate: Expr) -> Expr:
    def of_input(data: JSON, scope: Scope) -> JSON:
        if data is None:
            raise null_input()
        return evaluate(data, scope)

    return of_input


def _look_up_whole_input(data: JSON) -> JSON:
    if data is None:
        # One of ABSENT: `_spelled_out` has the words.
        raise TypeError
    return data


def _build_of_lookups(copy: Copy, parts: list[tuple[Key, Lookup]], spelled_out: Expr) -> Expr:
    """A composite of plain indexing only, as in most templates: one call per part, mostly of a C function."""
    (key_1, lookup_1), (key_2, lookup_2) = (parts * 2)[:2]

    def one(data: JSON, scope: Scope) -> JSON:
        result = copy()
        try:
            result[key_1] = lookup_1(data)
        except ABSENT:
            return spelled_out(data, scope)
        return result

    def two(data: JSON, scope: Scope) -> JSON:
        result = copy()
        try:
            result[key_1] = lookup_1(data)
            result[key_2] = lookup_2(data)
        except ABSENT:
            return spelled_out(data, scope)
        return result

    def many(data: JSON, scope: Scope) -> JSON:
        result = copy()
        try:
            for key, lookup in parts:
                result[key] = lookup(data)
        except ABSENT:
            return spelled_out(data, scope)
        return result

    return {1: one, 2: two}.get(len(parts), many)


def _spelled_out(node: Composite, parts: Sequence[Expr]) -> Expr:
    """The same object or array, evaluated part by part after one of its paths has found nothing."""
    worded = [(key, _worded(part, compute)) for (key, part), compute in zip(node.parts, parts, strict=True)]

    def spelled_out(data: JSON, scope: Scope) -> JSON:
        result = node.base.copy()
        for key, part in worded:
            result[key] = part(data, scope)
        return result

    return spelled_out


def _worded(node: Node, compute: Expr) -> Expr:
    """`compute` with AWS's message for a path that finds nothing; calls and nested parts have their own."""
    if not isinstance(node, Computed) or isinstance(node.expression, Call):
        return compute
    path, field = node.expression, node.field

    def worded(data: JSON, scope: Scope) -> JSON:
        try:
            return compute(data, scope)
        except PathNotFound as error:
            if _ends_beyond_array(path, error):
                return None
            raise missing_value(path, field, data, scope) from None

    return worded


def _ends_beyond_array(path: Path, error: PathNotFound) -> bool:
    """Whether the last step of `path` is an index outside its array.

    Captured from AWS: `"v.$": "$.items[5]"` over two items is null, not an error, although the same path is a missing
    argument in an intrinsic call, and a missing field is always an error. Jayway's text tells the cases apart: it
    starts with `No results` exactly when the array existed.
    """
    return bool(path.steps) and isinstance(path.steps[-1], Index) and error.detail.startswith("No results")


def missing_value(path: Path, field: str, data: JSON, scope: Scope) -> EngineError:
    """The error of a path without a value; AWS quotes the data the path was applied to (captured for `$$` paths)."""
    if path.root is Root.DATA and data is None:
        return null_input()
    searched = data
    if path.root is Root.CONTEXT:
        searched = scope.context()
    elif path.variable is not None:
        searched = scope.variables.get(path.variable)
    return EngineError(
        RUNTIME,
        f"The JSONPath '{path.text}' specified for the field '{field}' could not be found in the input "
        f"'{json_text(searched)}'",
    )
