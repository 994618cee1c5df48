"""The fields of a JSONata state that may hold expressions, read with their problems.

A field is a literal or an expression (`{% … %}`), a template any JSON with expressions in it. Mistakes become problems
located at the string, with the caret inside the expression. Which members `$states` has depends on the field; before
the work of a state they are `input` and `context`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from express.definition.fields import MISSING
from express.errors import EvaluationFailed
from express.expressions.jsonata.fields import (
    Query,
    Template,
    build_typed,
    is_query,
    read_query,
    read_template,
)
from express.expressions.jsonata.states_object import BEFORE_WORK, Members

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.definition.fields import Fields
    from express.expressions.jsonata.fields import Mistake
    from express.program import Frame
    from express.types import JSON

    #: `value(data, frame)`: the value of a field, from the state's input.
    Value: TypeAlias = Callable[[JSON, Frame], JSON]


def read_template_field(fields: Fields, name: str, members: Members = BEFORE_WORK) -> Template | None:
    """A field of any JSON with expressions in it. None where it is not there, or cannot be a payload."""
    value = fields.payload(name)
    return None if value is MISSING else read_template(value, fields.place(name), members, _report_to(fields, name))


def holds_query(fields: Fields, name: str) -> bool:
    """Whether a field holds an expression where it could hold a literal."""
    return fields.is_jsonata and is_query(fields.value.get(name))


def read_query_field(fields: Fields, name: str) -> Query | None:
    """The expression of a field for which `holds_query` holds. None where something is wrong with it."""
    return read_query(fields.json(name), fields.place(name), BEFORE_WORK, _report_to(fields, name))


def _report_to(fields: Fields, name: str) -> Callable[[Mistake], None]:
    """Where the mistakes in one field go: AWS locates them at the string itself (measured)."""

    def report(mistake: Mistake) -> None:
        fields.document.report(
            mistake.code,
            mistake.message,
            fields.child(name) + mistake.pointer,
            offset=mistake.offset,
            length=mistake.length,
        )

    return report


@dataclass(slots=True)
class QueryNumber:
    """A number given by an expression. `minimum` and `maximum` are what the field takes; `whole`: no fraction.

    That a number out of range is a States.QueryEvaluationError is documented (AWS guide "Handling errors"), its cause
    is not: it has the words recorded for the same field, or one like it, where a path gives the number.
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


def build_text(query: Query) -> Value:
    """A string given by an expression."""
    text_of = build_typed(query, "string")
    return lambda data, frame: text_of({"input": data}, frame)
