"""Collects the statements of a generated function, and of functions nested in it.

Statements go to the current block. The line number of every statement is the offset in the JSONata text that it
stands for (`line_of`); when something fails, the traceback shows the position, and success costs nothing.

CPython refuses more than 20 nested `for` and `try` in one function, so loop bodies nested more deeply move into a
function of their own.
"""

from __future__ import annotations

import ast
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata.errors import TIMEOUT, JSONataError
from express.expressions.jsonata.generation.code import call, method, name, target

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Maximum nesting of loops in one function. Each may contain a `try`.
MAX_NESTED_LOOPS: Final = 8

#: For every nested function CPython looks up all names around it, about 30 ns each: seconds for thousands of
#: functions in one expression.
_MAX_LOOKUPS: Final = 50_000_000

#: The line of statements without a position.
NO_LINE: Final = 1


def line_of(position: int) -> int:
    """The line number that encodes an offset in the text."""
    return position + 2


def position_of(line: int) -> int:
    return line - 2


class PythonFunction:
    """A function being generated; `loops`: its open loops; `nonlocals`: names it assigns but does not own."""

    __slots__ = ("loops", "nonlocals", "outermost")

    def __init__(self, *, outermost: bool = False) -> None:
        self.outermost = outermost
        self.loops = 0
        self.nonlocals: set[str] = set()


class Emitter:
    """The statements of one generated module, whose globals are `constants`."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self.prologue: list[ast.stmt] = []
        self.block: list[ast.stmt] = []
        self.function = PythonFunction(outermost=True)
        self.line = NO_LINE
        self._count = 0
        self._lookups = 0
        self._bound: dict[int, str] = {}

    @property
    def runs_once(self) -> bool:
        """Whether the current position is outside of loops and of nested functions."""
        return self.function.outermost and not self.function.loops

    def fresh(self, prefix: str = "t") -> str:
        """An unused name."""
        self._count += 1
        return f"{prefix}{self._count}"

    def bind(self, thing: Any, prefix: str = "k") -> ast.Name:
        """A global name bound to an object."""
        known = self._bound.get(id(thing))
        if known is None:
            known = getattr(thing, "__name__", None) if prefix == "k" else None
            if known is None or not known.isidentifier() or known in self.constants:
                known = self.fresh(prefix)
            self.constants[known] = thing
            self._bound[id(thing)] = known
        return name(known)

    def support(self, function: Any, *arguments: ast.expr) -> ast.Call:
        """A call of a function of the runtime support."""
        return call(self.bind(function), *arguments)

    def emit(self, statement: ast.stmt) -> None:
        _locate(statement, self.line)
        self.block.append(statement)

    def store(self, identifier: str, value: ast.expr) -> ast.Name:
        self.emit(ast.Assign([target(identifier)], value))
        return name(identifier)

    def assign(self, value: ast.expr) -> ast.expr:
        """The value as a name or constant, which can be used more than once."""
        if isinstance(value, ast.Name | ast.Constant):
            return value
        return self.store(self.fresh(), value)

    def do(self, value: ast.expr) -> None:
        """Emit an expression statement."""
        self.emit(ast.Expr(value))

    def append(self, items: ast.expr, value: ast.expr) -> None:
        self.do(method(items, "append", value))

    @contextmanager
    def inside(self, block: list[ast.stmt]) -> Iterator[None]:
        """Redirect statements to `block`."""
        before, self.block = self.block, block
        try:
            yield
        finally:
            self.block = before

    @contextmanager
    def when(self, test: ast.expr) -> Iterator[list[ast.stmt]]:
        """`if test:`; yields the block of its `else`."""
        statement = ast.If(test, [], [])
        self.emit(statement)
        with self.inside(statement.body):
            yield statement.orelse
        if not statement.body:
            statement.body.append(ast.Pass())

    def attempt(self, identifier: str, value: ast.expr, errors: ast.expr, otherwise: ast.expr) -> ast.Name:
        """`try: identifier = value except errors: identifier = otherwise`."""
        body: list[ast.stmt] = []
        with self.inside(body):
            self.store(identifier, value)
        fallback: list[ast.stmt] = []
        with self.inside(fallback):
            self.store(identifier, otherwise)
        self.emit(ast.Try(body, [ast.ExceptHandler(errors, None, fallback)], [], []))
        return name(identifier)

    @contextmanager
    def loop(self, targets: ast.expr, iterable: ast.expr) -> Iterator[None]:
        """`for targets in iterable:`."""
        statement = ast.For(targets, iterable, [], [])
        self.emit(statement)
        self.function.loops += 1
        try:
            with self.inside(statement.body):
                yield
        finally:
            self.function.loops -= 1

    @contextmanager
    def define(self, identifier: str, parameters: ast.arguments) -> Iterator[PythonFunction]:
        """`def identifier(parameters):`; the body must end in a return. Raises U1001 for far too many functions."""
        self._lookups += self._count
        if self._lookups > _MAX_LOOKUPS:
            raise JSONataError(TIMEOUT, max(position_of(self.line), 0))
        definition = ast.FunctionDef(identifier, parameters, [], [])
        if sys.version_info >= (3, 12):
            # Required in 3.12; later versions have a default.
            definition.type_params = []
        outer, self.function = self.function, PythonFunction()
        try:
            with self.inside(definition.body):
                yield self.function
            if self.function.nonlocals:
                declaration = ast.Nonlocal(sorted(self.function.nonlocals))
                _locate(declaration, self.line)
                definition.body.insert(0, declaration)
        finally:
            self.function = outer
        self.emit(definition)

    def give(self, value: ast.expr) -> None:
        self.emit(ast.Return(value))


def _locate(statement: ast.stmt, line: int) -> None:
    """Set the line of a statement and its expressions; nested statements already have theirs.

    `ast.fix_missing_locations` does that too, but took half the time of compiling.
    """
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        node.lineno = node.end_lineno = line  # type: ignore[attr-defined]
        node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
        for field in node._fields:
            value = getattr(node, field)
            if isinstance(value, _LOCATED):
                pending.append(value)
            elif value.__class__ is list:
                pending += [item for item in value if isinstance(item, _LOCATED)]


#: Nodes that share the line of their statement.
_LOCATED: Final = (ast.expr, ast.comprehension, ast.excepthandler, ast.arguments, ast.arg)


def parameters(*required: str, optional: tuple[str, ...] = (), rest: str | None = None) -> ast.arguments:
    """Positional parameters; optional ones are UNDEFINED when missing."""
    return ast.arguments(
        posonlyargs=[],
        args=[ast.arg(each) for each in (*required, *optional)],
        vararg=None if rest is None else ast.arg(rest),
        kwonlyargs=[],
        kw_defaults=[],
        kwarg=None,
        defaults=[name("UNDEFINED") for _ in optional],
    )
