"""The fields of a JSONata state that may hold expressions, read and checked.

A field holds a literal or an expression (`{% … %}`), a template any JSON with expressions in it. Mistakes become
problems located at the string, with the caret inside the expression. The members of `$states` depend on the field;
before a state's work they are `input` and `context`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from express.definition.fields import MISSING
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
    """A field of any JSON with expressions in it. None if absent, or if it cannot be a payload."""
    value = fields.payload(name)
    return None if value is MISSING else read_template(value, fields.place(name), members, _report_to(fields, name))


def holds_query(fields: Fields, name: str) -> bool:
    """Whether a field holds an expression where it could hold a literal."""
    return fields.is_jsonata and is_query(fields.value.get(name))


def read_query_field(fields: Fields, name: str) -> Query | None:
    """The expression of a field for which `holds_query` is true. None if the expression is invalid."""
    return read_query(fields.json(name), fields.place(name), BEFORE_WORK, _report_to(fields, name))


def _report_to(fields: Fields, name: str) -> Callable[[Mistake], None]:
    """A callback for the mistakes in one field; AWS locates them at the string itself (measured)."""

    def report(mistake: Mistake) -> None:
        fields.document.report(
            mistake.code,
            mistake.message,
            fields.child(name) + mistake.pointer,
            offset=mistake.offset,
            length=mistake.length,
        )

    return report


def build_text(query: Query) -> Value:
    """The closure of an expression that must give a string."""
    text_of = build_typed(query, "string")
    return lambda data, frame: text_of({"input": data}, frame)
