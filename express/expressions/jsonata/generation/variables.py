"""Variables during code generation, and the context of all code: a position in the text, a budget.

`scopes` has the frames; this module maps a name to Python: its variable, whether that is certainly bound, and the
values from outside the expression.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from express.expressions.jsonata import calls
from express.expressions.jsonata.evaluation import SHORT, make
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import ANY, Code
from express.expressions.jsonata.generation.emitter import NO_LINE, Emitter, line_of
from express.expressions.jsonata.generation.scopes import UNBOUND_NAME, Frame, TupleFrame, Variable, bound_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from express.expressions.jsonata.functions.registry import Builtin
    from express.expressions.jsonata.syntax import Node


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a compilation.

    `exact`: sequences are marked. `states`: `$states` is an argument of its own. `variables`: the names that may be
    bound from outside, None if they are not known. `builtins`: the available functions.
    """

    builtins: Mapping[str, Builtin]
    exact: bool = False
    states: bool = False
    variables: Collection[str] | None = None


class Lexical(Emitter):
    """An emitter that tracks variables and positions."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.frame = Frame(None)
        #: Variables that are certainly bound at this point.
        self.assigned: set[Variable] = set()
        self.pinned = False
        self.needs_evaluation = False
        #: Lines of calls, with the function: jsonata-js reports an error at the outermost call it passed through.
        self.call_lines: dict[int, Any] = {}
        self.builtins_used: set[str] = set()
        self._globals: dict[str, Code] = {}

    # ------------------------------------------------------------------ places in the text

    @contextmanager
    def at(self, position: int, *, called: Any = None, pin: bool = False) -> Iterator[None]:
        """Assign `position` to the statements inside; `pin` overrides nested positions."""
        before = self.line, self.pinned
        if not self.pinned:
            self.line = line_of(position)
            self.pinned = pin
            if called is not None:
                self.call_lines[self.line] = called
        try:
            yield
        finally:
            self.line, self.pinned = before

    @contextmanager
    def nowhere(self) -> Iterator[None]:
        """Emit statements without a position."""
        before = self.line
        if not self.pinned:
            self.line = NO_LINE
        try:
            yield
        finally:
            self.line = before

    def evaluation(self) -> ast.Name:
        """The budget of this evaluation, which the expression now needs."""
        self.needs_evaluation = True
        return c.name("evaluation")

    def pay_for(self, made: ast.expr) -> None:
        """Charge a string or an array, unless it is short."""
        size = c.call(c.name("len"), made)
        with self.when(c.compare(size, ast.Gt(), c.constant(SHORT))):
            self.do(self.support(make, c.name("evaluation"), size))

    @contextmanager
    def maybe(self) -> Iterator[None]:
        """Emit conditionally executed code: bindings made inside are not certain afterwards."""
        before = set(self.assigned)
        try:
            yield
        finally:
            self.assigned = before

    # ------------------------------------------------------------------ variables

    @contextmanager
    def scope(self, *nodes: Node, known: tuple[str, ...] = ()) -> Iterator[dict[str, Variable]]:
        """A new frame in which `nodes` are evaluated, with the names in `known` bound at once (yielded)."""
        counts = bound_names(*nodes)
        frame = Frame(self.frame)
        for bound in known:
            frame.variables[bound] = Variable(self.fresh("v"), self.function, 1 + counts.pop(bound, 0))
        given = dict(frame.variables)
        self.assigned.update(given.values())
        for bound, count in counts.items():
            frame.variables[bound] = Variable(self.fresh("v"), self.function, count)
        self.emit(frame.entry)
        block = self.block
        self.frame = frame
        try:
            yield given
        finally:
            assert frame.outer is not None
            self.frame = frame.outer
            self._enter(frame, block)

    def _enter(self, frame: Frame, block: list[ast.stmt]) -> None:
        """Insert, at the start of a frame, assignments of UNBOUND to the variables that may be read unbound."""
        at = len(block) - 1
        while block[at] is not frame.entry:
            at -= 1
        hidden: list[ast.stmt] = []
        with self.inside(hidden), self.nowhere():
            for variable in frame.variables.values():
                if variable.seen_unbound:
                    self.store(variable.identifier, c.name(UNBOUND_NAME))
        block[at : at + 1] = hidden or [frame.entry]

    @contextmanager
    def tuple_scope(self, source: str, names: frozenset[str]) -> Iterator[None]:
        """The frame of a tuple, whose bindings are in the dict named `source`."""
        self.frame = TupleFrame(self.frame, source=source, names=names)
        try:
            yield
        finally:
            assert self.frame.outer is not None
            self.frame = self.frame.outer

    def bind_variable(self, wanted: str, value: Code) -> Code:
        """`:=`"""
        frame = self.frame
        while isinstance(frame, TupleFrame) and frame.outer is not None:
            frame = frame.outer
        variable = frame.variables[wanted]
        if variable.owner is not self.function:
            self.function.nonlocals.add(variable.identifier)
            variable.seen_unbound = True
        self.store(variable.identifier, value.expression)
        if variable.bindings == 1:
            variable.kinds = value.kinds
            self.assigned.add(variable)
            return Code(c.name(variable.identifier), value.kinds)
        self.assigned.add(variable)
        return value

    def variable(self, wanted: str) -> Code:
        """The value of a variable."""
        undecided: list[ast.expr] = []
        certain: Code | None = None
        frame: Frame | None = self.frame
        while frame is not None and certain is None:
            if isinstance(frame, TupleFrame):
                if wanted in frame.names:
                    found = c.method(c.name(frame.source), "get", c.constant(wanted), c.name(UNBOUND_NAME))
                    undecided.append(self.assign(found))
            elif (variable := frame.variables.get(wanted)) is not None:
                certain = self._certainly(variable)
                if certain is None:
                    variable.seen_unbound = True
                    undecided.append(c.name(variable.identifier))
            frame = frame.outer
        if certain is None:
            certain = self.outside(wanted)
        if not undecided:
            return certain
        value = certain.expression
        for candidate in reversed(undecided):
            value = c.either(c.differs(candidate, c.name(UNBOUND_NAME)), candidate, value)
        return Code(self.assign(value))

    def _certainly(self, variable: Variable) -> Code | None:
        if variable not in self.assigned:
            return None
        if variable.bindings == 1:
            return Code(c.name(variable.identifier), ANY if variable.kinds is None else variable.kinds)
        # It may be bound again before the value is used.
        return Code(self.store(self.fresh(), c.name(variable.identifier)))

    def is_lexical(self, wanted: str) -> bool:
        """Whether the expression itself may have bound the name here."""
        frame: Frame | None = self.frame
        while frame is not None:
            if wanted in (frame.names if isinstance(frame, TupleFrame) else frame.variables):
                return True
            frame = frame.outer
        return False

    def builtin(self, wanted: str) -> Builtin | None:
        """The built-in function with this name, unless a variable hides it."""
        if self.is_lexical(wanted):
            return None
        return self._builtin(wanted)

    def _builtin(self, wanted: str) -> Builtin | None:
        found = self.settings.builtins.get(wanted)
        known = self.settings.variables
        if found is None or (known is not None and wanted in known):
            return None
        if known is None:
            self.builtins_used.add(wanted)
        return found

    def outside(self, wanted: str) -> Code:
        """A variable that the expression does not bind: the caller's, `$states`, or a function."""
        if wanted == "$":
            return Code(c.name("data"))
        if wanted == "states" and self.settings.states:
            return Code(c.name("states"), c.DICT)
        known = self._globals.get(wanted)
        if known is None:
            known = self._globals[wanted] = self._from_outside(wanted)
        return known

    def _from_outside(self, wanted: str) -> Code:
        identifier = self.fresh("g")
        builtin = self._builtin(wanted)
        if builtin is not None:
            value: ast.expr = self.support(
                calls.builtin_value, self.bind(builtin, "b"), self.evaluation(), *self.marks()
            )
            kinds = c.FUNCTION
        else:
            value = c.method(c.name("variables"), "get", c.constant(wanted), c.undefined())
            kinds = ANY
        with self.inside(self.prologue), self.nowhere():
            self.store(identifier, value)
        return Code(c.name(identifier), kinds)

    def is_known(self, wanted: str) -> bool:
        """Whether a variable or function of that name exists or may exist."""
        return self.is_lexical(wanted) or wanted in self.settings.builtins

    def marks(self) -> list[ast.expr]:
        return [c.name("marks")] if self.settings.exact else []
