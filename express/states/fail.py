"""Fail: ends its scope in error (ASL spec "Fail State"; AWS guide "Fail workflow state").

`ErrorPath` and `CausePath` take a reference path or an intrinsic call, in JSONata `Error` and `Cause` an expression;
each must give a string. A Fail state writes no exit event: its last event is the entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from express.definition import messages
from express.definition.lookalikes import warn_of_missing_path
from express.errors import MAX_CAUSE, MAX_ERROR, RUNTIME, EngineError, ExpressionError, PathNotFound, StateError
from express.expressions.intrinsics import Call
from express.expressions.jsonata.fields import Query
from express.expressions.jsonpath import Path
from express.expressions.templates import Expression, build_expression, missing_value, parse_expression
from express.states.jsonata_fields import build_text, holds_query, read_query_field
from express.states.state import Linker, Node, Surroundings

if TYPE_CHECKING:
    from express.definition.fields import Fields
    from express.program import Frame, Step
    from express.types import JSON

#: The intrinsic functions that ErrorPath and CausePath may call (AWS guide "Fail workflow state"), all of which can
#: return a string; their arguments may be any calls.
_FUNCTIONS = (
    "States.Format",
    "States.JsonToString",
    "States.ArrayGetItem",
    "States.Base64Encode",
    "States.Base64Decode",
    "States.Hash",
    "States.UUID",
)

Text = Callable[["JSON", "Frame"], "str | None"]


@dataclass(slots=True)
class Fail(Node):
    TYPE: ClassVar[str] = "Fail"
    TERMINAL: ClassVar[bool] = True

    error: str | Expression | Query | None = None
    cause: str | Expression | Query | None = None

    def read(self, fields: Fields, surroundings: Surroundings) -> None:
        self.error = _read_text(fields, "Error", MAX_ERROR)
        self.cause = _read_text(fields, "Cause", MAX_CAUSE)

    def build(self, step: Step, link: Linker) -> None:
        error = _build_text("ErrorPath", self.error)
        cause = _build_text("CausePath", self.cause)

        def run(frame: Frame) -> Step:
            raise StateError(error(frame.data, frame), cause(frame.data, frame))

        step.run = run


def _read_text(fields: Fields, name: str, max_length: int) -> str | Expression | Query | None:
    """A text given literally, by `<name>Path`, or in JSONata by an expression."""
    if holds_query(fields, name):
        return read_query_field(fields, name)
    text = fields.text(name, max_length=max_length)
    if fields.is_jsonata:
        return text
    expression = _read_expression(fields, f"{name}Path")
    fields.exclusive(name, f"{name}Path")
    warn_of_missing_path(fields, name)
    return text if expression is None else expression


def _read_expression(fields: Fields, name: str) -> Expression | None:
    text = fields.text(name)
    if text is None:
        return None
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        is_call = text.startswith("States.")
        message = messages.not_a_template_value(name) if is_call else messages.NOT_A_PATH
        fields.report(name, message, offset=error.offset)
        return None
    if isinstance(expression, Call) and expression.function.name not in _FUNCTIONS:
        fields.report(name, messages.function_not_allowed(expression.function.name, name, _FUNCTIONS))
        return None
    return expression


def _build_text(name: str, source: str | Expression | Query | None) -> Text:
    if source is None or isinstance(source, str):
        return lambda data, frame: source
    if isinstance(source, Query):
        return build_text(source)
    evaluate = build_expression(source)

    def text(data: JSON, frame: Frame) -> str:
        try:
            value = evaluate(data, frame)
        except PathNotFound:
            # This is a path: calls raise errors with causes of their own.
            assert isinstance(source, Path)
            raise missing_value(source, name, data, frame) from None
        if not isinstance(value, str):
            raise EngineError(RUNTIME, f"The {name} parameter does not reference a string: {source.text}")
        return value

    return text
