"""Data flow: how a state makes its work's input from its raw input, and its output from the work's result.

The `Flow` protocol serves both query languages; this file implements it for JSONPath (ASL spec "Input and Output
Processing"; AWS guide "Processing input and output"):

    raw input → InputPath → Parameters → (work) → ResultSelector → ResultPath, merged into the raw input → OutputPath

A field that the definition omits costs nothing at run time: each stage is a closure or None, decided at build time.
The last stage, `leave`, also assigns variables, updates the size bound of the data and returns the next step.

Size bound (law 8 without its price): a state that only selects cannot grow data; one that builds data grows it to at
most `factor * size + constant` bytes, known at build time. Only when that bound exceeds the limit or cannot be known
is the output measured and the exact size carried on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from express.definition.fields import MISSING
from express.definition.lookalikes import warn_of_missing_dollar
from express.definition.problems import SCHEMA_VALIDATION_FAILED
from express.errors import ExpressionError, PathNotFound
from express.expressions.jsonpath import Path, Root, build_path
from express.expressions.jsonpath.syntax import Name
from express.expressions.paths import build_result_path, invalid_path, null_input, read_path, read_reference_path
from express.expressions.templates import Template, build_template, parse_template
from express.states.sizes import TOO_LONG, data_limit_exceeded, measured, unknown_size
from express.states.variables import Assign, build_assign, read_variable_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.definition.fields import Fields
    from express.program import Frame, Step, StepRun
    from express.types import JSON, Expr, Scope

#: (factor, constant): output size <= factor * input size + constant, in bytes. None: unknown, so measure.
Growth: TypeAlias = tuple[int, int] | None

#: `leave(frame, raw, result, result_size)`: make the state's output and return the next step.
Leave: TypeAlias = "Callable[[Frame, JSON, JSON, int], Step]"

#: Bytes that a member adds to an object besides its key and value: quotes, colon, comma.
_MEMBER_BYTES = 6


@dataclass(slots=True)
class PathAssign(Assign):
    """An Assign field in JSONPath: a payload template."""

    template: Template

    @property
    def copies(self) -> int:
        return self.template.copies

    def build(self) -> Expr:
        return build_template(self.template)


class Flow(Protocol):
    """The data flow of a state, in either query language."""

    @property
    def assign(self) -> Assign | None: ...

    def build_select(self) -> Expr | None:
        """Raw input to what the fields other than Parameters see. None if that is the raw input."""
        ...

    def build_prepare(self) -> Expr | None:
        """Raw input to the work's input. None if they are the same."""
        ...

    def growth(self) -> tuple[int, int]:
        """Growth bound (factor, constant) of the work's input relative to the raw input."""
        ...

    def build_leave(self, step: Step, following: Step) -> Leave:
        """From the work's result to the next step."""
        ...

    def build_pass_through(self, step: Step, following: Step) -> StepRun:
        """The whole flow of a state without work."""
        ...


@dataclass(slots=True)
class DataFlow:
    """The data flow fields of one JSONPath state, parsed. `discard_*` stand for an explicit null."""

    input_path: Path | None = None
    discard_input: bool = False
    parameters: Template | None = None
    result_selector: Template | None = None
    result_path: Path | None = None
    discard_result: bool = False
    output_path: Path | None = None
    discard_output: bool = False
    assign: Assign | None = None

    def build_select(self) -> Expr | None:
        return build_select(self.input_path, self.discard_input)

    def build_prepare(self) -> Expr | None:
        return build_prepare(self)

    def growth(self) -> tuple[int, int]:
        return prepare_growth(self)

    def build_selector(self) -> Expr | None:
        """ResultSelector as a closure over the result. None where there is none."""
        return build_template(self.result_selector) if self.result_selector else None

    def build_merge(self) -> Callable[[JSON, JSON], JSON] | None:
        """ResultPath: merges raw input and result. None if the result replaces the input or is discarded."""
        return build_result_path(self.result_path) if self.result_path else None

    def build_output(self) -> Expr | None:
        """OutputPath: a selector, or None if the data passes unchanged."""
        return build_select(self.output_path, self.discard_output)

    def build_leave(self, step: Step, following: Step) -> Leave:
        return build_leave(self, step, following)

    def build_pass_through(self, step: Step, following: Step) -> StepRun:
        return build_pass_through(self, step, following)


def read_data_flow(fields: Fields, *names: str) -> DataFlow:
    """Read the data flow fields named, those that the state type has; any other is reported as an unknown field."""
    flow = DataFlow()
    if "InputPath" in names:
        flow.input_path, flow.discard_input = _read_nullable_path(fields, "InputPath")
    if "Parameters" in names:
        flow.parameters = read_template(fields, "Parameters")
    if "ResultSelector" in names:
        flow.result_selector = read_template(fields, "ResultSelector")
    if "ResultPath" in names:
        flow.result_path, flow.discard_result = read_result_path(fields)
    if "OutputPath" in names:
        flow.output_path, flow.discard_output = _read_nullable_path(fields, "OutputPath")
    if "Assign" in names:
        flow.assign = read_assign(fields)
    return flow


def _read_nullable_path(fields: Fields, name: str) -> tuple[Path | None, bool]:
    """A path, absent, or null: `null` means an empty object in both InputPath and OutputPath."""
    if fields.has(name) and fields.json(name) is None:
        return None, True
    path = read_field_path(fields, name)
    return (None if path is not None and path.text == "$" else path), False


def read_field_path(fields: Fields, name: str, *, required: bool = False) -> Path | None:
    """A field holding a Path; its syntax errors become problems with the caret inside the string."""
    text = fields.text(name, required=required)
    if text is None:
        return None
    try:
        return read_path(text)
    except ExpressionError as error:
        fields.report(name, error.message, offset=error.offset)
        return None


def read_reference_field(fields: Fields, name: str, *, required: bool = False) -> Path | None:
    """A field holding a Reference Path (ASL spec "Reference Paths")."""
    text = fields.text(name, required=required)
    if text is None:
        return None
    try:
        return read_reference_path(text, what=name)
    except ExpressionError as error:
        fields.report(name, error.message, offset=error.offset)
        return None


def read_result_path(fields: Fields) -> tuple[Path | None, bool]:
    """ResultPath: absent and `$` replace the input (None), null discards the result."""
    if fields.has("ResultPath") and fields.json("ResultPath") is None:
        return None, True
    path = read_reference_field(fields, "ResultPath")
    return (None if path is not None and not path.steps else path), False


def read_template(fields: Fields, name: str) -> Template | None:
    """A payload template, an object; each invalid expression in it is a separate problem."""
    value = fields.payload(name)
    if value is MISSING or fields.object(name) is None:
        return None
    warn_of_missing_dollar(fields, name)

    def report(suffix: str, message: str, offset: int) -> None:
        # AWS locates an invalid expression at the template; the caret points to the expression itself.
        pointer = fields.child(name)
        fields.document.report(SCHEMA_VALIDATION_FAILED, message, pointer, at=pointer + suffix, offset=offset)

    return parse_template(value, report=report)


def read_assign(fields: Fields) -> Assign | None:
    """Assign: an object whose keys name variables (AWS guide "Passing data between states with variables")."""
    names = read_variable_names(fields, suffix=".$")
    template = None if names is None else read_template(fields, "Assign")
    return None if names is None or template is None else PathAssign(names, template)


# --------------------------------------------------------------------------------------------------------------
# build


def build_select(path: Path | None, discard: bool) -> Expr | None:
    """InputPath, OutputPath: a selector, or None if the data passes unchanged."""
    if discard:
        return _empty_object
    if path is None:
        return None
    expr, is_of_data = build_path(path), path.root is Root.DATA

    def select(data: JSON, scope: Scope) -> JSON:
        if data is None and is_of_data:
            raise null_input()
        try:
            return expr(data, scope)
        except PathNotFound as error:
            raise invalid_path(error) from None

    return select


def _empty_object(data: JSON, scope: object) -> JSON:
    return {}


def build_prepare(flow: DataFlow) -> Expr | None:
    """Raw input to the work's input: InputPath, then Parameters. None where both are absent."""
    select = flow.build_select()
    if flow.parameters is None:
        return select
    template = build_template(flow.parameters)
    if select is None:
        return template
    return lambda data, scope: template(select(data, scope), scope)


def prepare_growth(flow: DataFlow) -> tuple[int, int]:
    """Growth bound of the work's input relative to the raw input; if unknown, a bound that forces measuring."""
    copies = 1 if flow.input_path is None else flow.input_path.copies
    copies *= 1 if flow.parameters is None else flow.parameters.copies
    return _known_growth(flow) or (0, unknown_size(copies))


def _known_growth(flow: DataFlow) -> Growth:
    if flow.discard_input:
        base: Growth = (0, 2)
    elif flow.input_path is None:
        base = (1, 0)
    elif flow.input_path.growth is None:
        return None
    else:
        base = (flow.input_path.growth, 2)
    return base if flow.parameters is None else compose(flow.parameters.growth, base)


def compose(outer: Growth, inner: Growth) -> Growth:
    """The growth of stage `outer` applied to the output of stage `inner`."""
    if outer is None or inner is None:
        return None
    return outer[0] * inner[0], outer[0] * inner[1] + outer[1]


def build_leave(flow: DataFlow, step: Step, following: Step) -> Leave:
    """The exit of a state: ResultSelector, ResultPath, Assign, OutputPath, the size check, the next step.

    In Assign, `$` is the result before ResultSelector. AWS's guide says "the state's result"; whether that is before
    or after ResultSelector is recorded nowhere, and the order in the specification implies before.
    """
    selector = flow.build_selector()
    selector_growth: Growth = flow.result_selector.growth if flow.result_selector else (1, 0)
    most_selected = unknown_size(flow.result_selector.copies) if flow.result_selector else 0
    writes = flow.result_selector is not None and flow.result_selector.writes
    merge = flow.build_merge()
    key = single_name(flow.result_path)
    key_bytes = name_bytes(flow.result_path.text) if flow.result_path else 0
    output = flow.build_output()
    output_growth = 1 if flow.output_path is None else flow.output_path.growth
    most_put_out = unknown_size(1 if flow.output_path is None else flow.output_path.copies)
    assign = build_assign(flow.assign, step)
    discard = flow.discard_result
    name = step.name

    def leave_plainly(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
        frame.size = size if size <= frame.run.host.payload_limit else measured(frame, result, name, size)
        frame.data = result
        return following

    def leave_merging(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
        value = merge(raw, result)  # type: ignore[misc]  # chosen only where merge is set
        size += frame.size + key_bytes
        frame.size = size if size <= frame.run.host.payload_limit else measured(frame, value, name, size)
        frame.data = value
        return following

    def leave_adding(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
        if type(raw) is not dict:
            return leave_merging(frame, raw, result, size)
        value = raw.copy()
        value[key] = result
        size += frame.size + key_bytes
        frame.size = size if size <= frame.run.host.payload_limit else measured(frame, value, name, size)
        frame.data = value
        return following

    def leave_fully(frame: Frame, raw: JSON, result: JSON, size: int) -> Step:
        value = result
        if selector is not None:
            if writes and size >= TOO_LONG:
                raise data_limit_exceeded(name)
            value = selector(result, frame)
            size = most_selected if selector_growth is None else selector_growth[0] * size + selector_growth[1]
        if discard:
            value, size = raw, frame.size
        elif merge is not None:
            value = merge(raw, value)
            size += frame.size + key_bytes
        fresh = None if assign is None else assign(result, frame)
        if output is not None:
            value = output(value, frame)
            size = most_put_out if output_growth is None else output_growth * size + 2
        frame.size = size if size <= frame.run.host.payload_limit else measured(frame, value, name, size)
        frame.data = value
        if fresh is not None:
            frame.variables = fresh
        return following

    if selector is None and output is None and assign is None and not discard:
        if merge is None:
            return leave_plainly
        return leave_merging if key is None else leave_adding
    return leave_fully


def added_member(flow: Flow) -> tuple[str, int] | None:
    """The member name and an upper bound of its bytes, for a flow that only adds the result to the raw input as a
    member: ResultPath `$.name` and nothing else. None for any other flow."""
    if type(flow) is not DataFlow or flow.result_path is None:
        return None
    key = single_name(flow.result_path)
    if key is None or flow.result_selector or flow.assign or flow.output_path or flow.discard_output:
        return None
    return key, name_bytes(flow.result_path.text)


def name_bytes(name: str) -> int:
    """Upper bound of the bytes that a member name adds to an object: every character may be written as an escape."""
    return len(name) * 6 + _MEMBER_BYTES


def single_name(path: Path | None) -> str | None:
    """The name in a ResultPath `$.name`, by far the most common form; None for any other."""
    if path is None or len(path.steps) != 1 or not isinstance(path.steps[0], Name):
        return None
    return path.steps[0].name


def build_pass_through(flow: DataFlow, step: Step, following: Step) -> StepRun:
    """A state without work: its effective input is its result (Pass, Succeed)."""
    if flow == DataFlow():
        return lambda frame: following
    prepare = flow.build_prepare()
    leave = flow.build_leave(step, following)
    if prepare is None:
        return lambda frame: leave(frame, frame.data, frame.data, frame.size)
    factor, constant = prepare_growth(flow)
    key = single_name(flow.result_path)

    def run(frame: Frame) -> Step:
        raw = frame.data
        return leave(frame, raw, prepare(raw, frame), factor * frame.size + constant)

    if key is None or flow != DataFlow(parameters=flow.parameters, result_path=flow.result_path):
        return run
    sum_factor, sum_constant = factor + 1, constant + name_bytes(key)

    def run_adding(frame: Frame) -> Step:
        """`leave_adding` and the template in one call: the most common kind of Pass."""
        raw = frame.data
        if type(raw) is not dict:
            return run(frame)
        result = prepare(raw, frame)
        value = raw.copy()
        value[key] = result
        size = sum_factor * frame.size + sum_constant
        frame.size = size if size <= frame.run.host.payload_limit else measured(frame, value, step.name, size)
        frame.data = value
        return following

    return run_adding
