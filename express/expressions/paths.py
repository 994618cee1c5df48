"""The path fields of the Amazon States Language, on top of the JSONPath dialect.

InputPath, OutputPath and similar fields hold any Path; ResultPath, SecondsPath and others a Reference Path, which
names a single place (ASL spec, "Paths" and "Reference Paths"). Which paths are refused, and the messages, follow AWS.

A ResultPath writer never mutates its input. It copies the spine, the containers between the root and the place, and
shares the rest with the raw input, so merging a result into a large input costs only the few objects along the path.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from express.definition.messages import NOT_A_PATH, NOT_A_REFERENCE_PATH
from express.errors import RESULT_PATH_MATCH_FAILURE, RUNTIME, EngineError, ExpressionError, PathNotFound, StateError
from express.expressions.jsonpath import Path, Root, parse_path
from express.expressions.jsonpath.syntax import Index, Name, Step
from express.expressions.values import json_text
from express.types import JSON

#: `(raw, result) -> output`: combines a state's result with its raw input.
ResultWriter: TypeAlias = Callable[[JSON, JSON], JSON]

#: `Variable` and the path operands of Choice rules have a parser of their own in AWS, which gives reasons.
_CHOICE_FIELD = re.compile(r"Variable|(?:String|Numeric|Boolean|Timestamp)(?:Equals|Less|Greater)\w*Path")


def read_path(text: str) -> Path:
    """The Path in a field such as InputPath, OutputPath or ItemsPath: of the data, the context or a variable.

    Raises ExpressionError with AWS's text and the offset of the mistake; its `__cause__` has the specific reason.
    """
    try:
        return parse_path(text)
    except ExpressionError as error:
        raise ExpressionError(NOT_A_PATH, error.offset) from error


def read_reference_path(text: str, *, what: str) -> Path:
    """The Reference Path in the field named `what`: names and non-negative indexes only.

    A ResultPath must also start at `$`: it can name neither a variable nor a place in the context object. Raises
    ExpressionError with AWS's text and the offset of the mistake.
    """
    reason = _read_choice_path(text) if _CHOICE_FIELD.fullmatch(what) else None
    if reason is not None:
        message, offset = reason
        raise ExpressionError(f"{NOT_A_REFERENCE_PATH}: {message}", offset)
    path = read_path(text)
    if not path.reference or (what == "ResultPath" and path.root is not Root.DATA):
        raise ExpressionError(NOT_A_REFERENCE_PATH, _offset_of_excess(path, text))
    return path


def _read_choice_path(text: str) -> tuple[str, int] | None:
    """The reason a Choice rule rejects `text`, in AWS's words; both texts are reported from CreateStateMachine."""
    if not text.startswith("$"):
        return "Reference path didn't start with '$'", 0
    if bracket := re.search(r"(?<!\\)\[(?!['\"\d])", text):
        return "'[' must be followed by ' or '['", bracket.start()
    return None


def _offset_of_excess(path: Path, text: str) -> int:
    """The offset of the first step not allowed in a Reference Path, as far as a search of the text can tell."""
    if path.reference:
        return 0
    excess = re.search(r"\.\.|[*?:@(]|\[-|\[[^\]]*,", text[1:])
    return excess.start() + 1 if excess else 0


def null_input() -> EngineError:
    """Of a path into data that is null: in a payload template, be it `$` alone, and in InputPath and OutputPath.

    A user's log quotes it for `"Input.$": "$"` in Parameters, behind a Lambda function that returned null. That the
    other fields say the same is inferred: Jayway, which words what is missing elsewhere, reads from no null. Null
    passes through states that apply no path to it (recorded).
    """
    return EngineError(RUNTIME, "Unable to apply Path transformation to null or empty input.")


def invalid_path(error: PathNotFound) -> EngineError:
    """`Invalid path '$.x' : No results for path: $['x']`, recorded for InputPath, OutputPath and TimeoutSecondsPath."""
    return EngineError(RUNTIME, f"Invalid path '{error.path}' : {error.detail}")


# ResultPath -----------------------------------------------------------------------------------------------------


def build_result_path(path: Path) -> ResultWriter:
    """The writer of a ResultPath: `(raw, result) -> output`.

    `$` gives the result. An existing field or array element is replaced, missing objects along the path are created
    (ASL spec, "ResultPath"). Where the path does not fit the raw input - a field of a non-object, an index out of
    range - the writer raises `States.ResultPathMatchFailure`. The causes are those of the service:
    `Unable to apply ReferencePath $.x to input "text"` when the input as a whole is not an object, and
    `Unable to apply step "b" to input {"a":1}` when a later step does not fit.
    """
    misfit = _misfit_of(path.text)
    match path.steps:
        case ():
            return lambda raw, result: result
        case (Name(a),):
            return _build_field(a, misfit)
        case (Name(a), Name(b)):
            return _build_field_of_field(a, b, misfit)
    return _build_deep(path.steps, misfit)


#: Makes the error for a raw input that does not fit: as a whole (None), or at the given step.
_Misfit: TypeAlias = Callable[[JSON, Step | None], StateError]


def _misfit_of(text: str) -> _Misfit:
    def misfit(raw: JSON, step: Step | None) -> StateError:
        if step is None:
            cause = f"Unable to apply ReferencePath {text} to input {json_text(raw)}"
        else:
            label = step.name if isinstance(step, Name) else step.fragment
            cause = f'Unable to apply step "{label}" to input {json_text(raw)}'
        return StateError(RESULT_PATH_MATCH_FAILURE, cause)

    return misfit


def _build_field(a: str, misfit: _Misfit) -> ResultWriter:
    def write(raw: JSON, result: JSON) -> JSON:
        if type(raw) is dict:
            # Faster than a display with `**`, whatever the size.
            output = raw.copy()
            output[a] = result
            return output
        raise misfit(raw, None)

    return write


def _build_field_of_field(a: str, b: str, misfit: _Misfit) -> ResultWriter:
    def write(raw: JSON, result: JSON) -> JSON:
        if type(raw) is not dict:
            raise misfit(raw, None)
        inner = raw.get(a, _NOTHING)
        if type(inner) is dict:
            return {**raw, a: {**inner, b: result}}
        raise misfit(raw, Name(b))

    return write


#: Stands for an absent object; only ever unpacked.
_NOTHING: Final[dict[str, JSON]] = {}


class _MisfitError(Exception):
    """A step met a value it cannot be applied to."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step = step


def _build_deep(steps: tuple[Step, ...], misfit: _Misfit) -> ResultWriter:
    place = _build_place(steps)

    def write(raw: JSON, result: JSON) -> JSON:
        try:
            return place(raw, result)
        except _MisfitError as error:
            raise misfit(raw, None if error.step is steps[0] else error.step) from None

    return write


def _build_place(steps: tuple[Step, ...]) -> ResultWriter:
    """`(node, result) -> node` with the result inserted at the place of `steps`."""
    match steps:
        case (Name() as step, *rest):
            return _build_place_in_object(step, _build_place(tuple(rest)))
        case (Index() as step, *rest):
            return _build_place_in_array(step, _build_place(tuple(rest)))
    return lambda node, result: result


def _build_place_in_object(step: Name, place: ResultWriter) -> ResultWriter:
    name = step.name

    def put(node: JSON, result: JSON) -> JSON:
        if type(node) is dict:
            return {**node, name: place(node.get(name, _NOTHING), result)}
        raise _MisfitError(step)

    return put


def _build_place_in_array(step: Index, place: ResultWriter) -> ResultWriter:
    index = step.index

    def put(node: JSON, result: JSON) -> JSON:
        if type(node) is list and index < len(node):
            return [*node[:index], place(node[index], result), *node[index + 1 :]]
        raise _MisfitError(step)

    return put
