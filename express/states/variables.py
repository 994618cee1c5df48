"""Workflow variables: the Assign field, valid names, and size limits.

Source: AWS guide "Passing data between states with variables".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from express.definition import messages
from express.definition.problems import INVALID_VARIABLE_NAME, RESERVED_VARIABLE_NAME
from express.errors import DATA_LIMIT_EXCEEDED, RUNTIME, EngineError, StateError
from express.foreign import NotJSON
from express.payload import MANY_COPIES, measure_members, outweighs
from express.states.history import trail_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.definition.fields import Fields
    from express.program import Frame, Step, Variables
    from express.types import JSON, Expr

#: Maximum length of a variable's name, in characters.
MAX_VARIABLE_NAME = 80

#: Limit for all variables of an execution, in bytes of JSON. A single variable and a single Assign have the payload
#: limit (AWS guide "Passing data between states with variables", limits).
ALL_VARIABLES_LIMIT = 10 * 1024 * 1024


@dataclass(slots=True)
class Assign:
    """An Assign field: (variable, JSON pointer) of everything it assigns, and the source of the values."""

    names: tuple[tuple[str, str], ...]

    @property
    def copies(self) -> int:
        """How many copies of the same data the values may hold, approximately."""
        raise AssertionError(self)

    def build(self) -> Expr:
        """The closure that evaluates the values: an object with one member per variable."""
        raise AssertionError(self)


def read_variable_names(fields: Fields, *, suffix: str = "") -> tuple[tuple[str, str], ...] | None:
    """(variable, JSON pointer) of every key of Assign, which may end in `suffix`."""
    entries = fields.object("Assign")
    if entries is None:
        return None
    names = tuple((key.removesuffix(suffix), entries.child(key)) for key in entries.value)
    for name, pointer in names:
        if name == "states":
            fields.document.report(RESERVED_VARIABLE_NAME, messages.RESERVED_VARIABLE, pointer, on_key=True)
        elif len(name) > MAX_VARIABLE_NAME or not name.isidentifier() or name.startswith("_"):
            fields.document.report(INVALID_VARIABLE_NAME, messages.invalid_variable(name), pointer, on_key=True)
    return names


def build_assign(node: Assign | None, step: Step) -> Callable[[JSON, Frame], Variables] | None:
    """Assign: the variables after the state, as a new mapping; expressions see the values at state entry.

    AWS documents the limits; the error texts are recorded nowhere. The size of an Assign is that of its JSON object.
    """
    if node is None:
        return None
    evaluate = node.build()
    is_long = node.copies > MANY_COPIES or step.type in ("Map", "Parallel")

    def assign(data: JSON, frame: Frame) -> Variables:
        fresh = evaluate(data, frame)
        limit = frame.run.host.payload_limit
        if is_long and outweighs(fresh, limit):
            raise _limit_exceeded("The size of the assigned variables")
        try:
            sizes = measure_members(fresh)
        except NotJSON as error:
            raise EngineError(RUNTIME, f"The value of a variable is not valid JSON: {error}") from None
        if sum(sizes.values()) + 1 > limit:
            raise _limit_exceeded("The size of the assigned variables")
        variables = frame.variables.assigned(fresh, sizes)
        if len(variables) * limit > ALL_VARIABLES_LIMIT < sum(variables.sizes.values()) + 1:
            raise _limit_exceeded("The total size of the variables")
        return variables

    if not step.is_written:
        return assign
    names = tuple(name for name, _ in node.names)

    def assign_noting(data: JSON, frame: Frame) -> Variables:
        variables = assign(data, frame)
        trail_of(frame).assigned = {name: variables[name] for name in names}
        return variables

    return assign_noting


def _limit_exceeded(what: str) -> StateError:
    return StateError(DATA_LIMIT_EXCEEDED, f"{what} exceeds the service limit.")
