"""Fields that hold a number: a literal, `<name>Path` in JSONPath, or an expression in JSONata."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from express.definition.lookalikes import warn_of_missing_path
from express.errors import RUNTIME, EngineError, EvaluationFailed, PathNotFound
from express.expressions.jsonata.fields import build_typed
from express.expressions.jsonpath import Path, build_path
from express.expressions.paths import invalid_path
from express.expressions.values import json_text
from express.states.flow import read_reference_field
from express.states.jsonata_fields import holds_query, read_query_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.definition.fields import Fields
    from express.expressions.jsonata.fields import Query
    from express.program import Frame
    from express.states.jsonata_fields import Value
    from express.types import JSON

#: AWS's maximum of IntervalSeconds and TimeoutSeconds, in seconds.
MAX_SECONDS = 99_999_999

#: Syntax and value ranges of Java's long and int.
_LONG = re.compile(r"[+-]?[0-9]{1,4000}")
_LONGS = 1 << 63
_INTEGERS = 1 << 31


@dataclass(slots=True)
class Number:
    """A field given literally, by path or by an expression. `kind` is AWS's word for the required type."""

    name: str
    kind: str
    constant: float | None = None
    path: Path | None = None
    query: QueryNumber | None = None

    def build(self) -> Callable[[JSON, Frame], float | None]:
        constant = self.constant
        if self.query is not None:
            return self.query.build()
        if self.path is not None:
            return build_number(f"{self.name}Path", self.kind, self.path)
        return lambda data, frame: constant


@dataclass(slots=True)
class QueryNumber:
    """A number given by an expression, between `minimum` and `maximum`; `whole`: without a fraction.

    A number out of range is documented to be a States.QueryEvaluationError (AWS guide "Handling errors"), its cause is
    not documented: the text is the one recorded for the same field, or a similar one, where a path gives the number.
    """

    query: Query
    minimum: float
    maximum: float | None = None
    whole: bool = True

    def build(self) -> Value:
        number_of = build_typed(self.query, "number")
        minimum, maximum, whole, field = self.minimum, self.maximum, self.whole, self.query.field
        refusal = self._refusal()

        def number(data: JSON, frame: Frame) -> JSON:
            value = number_of({"input": data}, frame)
            if whole and type(value) is float:
                if not value.is_integer():
                    raise EvaluationFailed(f"The {field} field cannot be parsed as a long value: {value}", field)
                value = int(value)
            if value < minimum or (maximum is not None and value > maximum):
                raise EvaluationFailed(refusal, field)
            return value

        return number

    def _refusal(self) -> str:
        name = self.query.field.rpartition("/")[2]
        if self.maximum is not None:
            return f"{name} must be between {self.minimum} and {self.maximum}."
        return f"field {name} must be positive" if self.minimum else f"{name} cannot be negative."


def read_number(fields: Fields, name: str, kind: str, *, minimum: int, maximum: int | None = None) -> Number:
    """A number given literally, by path or by an expression."""
    if holds_query(fields, name):
        query = read_query_field(fields, name)
        bounds = None if query is None else QueryNumber(query, minimum, maximum, whole=kind == "integer")
        return Number(name, kind, query=bounds)
    constant: float | None
    if kind == "integer":
        constant = fields.integer(name, minimum=minimum, maximum=maximum)
    else:
        constant = fields.number(name, minimum=minimum, maximum=maximum)
    if fields.is_jsonata:
        return Number(name, kind, constant)
    path = read_reference_field(fields, f"{name}Path")
    fields.exclusive(name, f"{name}Path")
    warn_of_missing_path(fields, name)
    return Number(name, kind, constant, path)


def build_number(name: str, kind: str, path: Path) -> Callable[[JSON, Frame], float]:
    """A `...Path` field that must refer to a number, or a string that parses as one (recorded: `"1"` is accepted)."""
    lookup = build_path(path)
    pattern = re.compile(r"[+-]?[0-9]{1,10}" if kind == "integer" else r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

    def number(data: JSON, frame: Frame) -> float:
        try:
            value = lookup(data, frame)
        except PathNotFound as error:
            raise invalid_path(error) from None
        text = shown(value)
        if pattern.fullmatch(text) is None or (kind == "integer" and not -_INTEGERS <= int(text) < _INTEGERS):
            raise EngineError(
                RUNTIME, f'The {name} field refers to value "{text}" which is not a valid {kind}: {path.text}'
            )
        return int(text) if kind == "integer" else float(text)

    return number


def long_of(name: str, path: Path, value: JSON) -> int:
    """The value of a field `name` as a Java long. Raises EngineError with AWS's text if it is not one."""
    text = shown(value)
    if _LONG.fullmatch(text) is None or not -_LONGS <= (number := int(text)) < _LONGS:
        raise EngineError(RUNTIME, f"The {name} parameter cannot be parsed as a long value: {path.text} == {text}")
    return number


def shown(value: JSON) -> str:
    """A value as AWS prints it in error causes."""
    return value if isinstance(value, str) else json_text(value)
