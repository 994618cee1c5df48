"""A syntax tree compiled to an `Expression`.

The generated module holds one function, `expression(states, variables, data, scope)`. It surrounds the code of the
expression with what that code turned out to need: the budget, the outside variables, and the error handling, which is
free on success. If the code needs no budget statically, the function starts without one, and calls itself with one
when the data causes more work than expected (`Unpaid`). If the caller's variables have the names of built-in
functions that the expression calls, it is compiled once more, on the first such call, with these names as variables.

The position of an error comes from the line numbers of the generated code, which are offsets in the text (`emitter`).
As in jsonata-js, an error is reported at the outermost call it passed through.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from express.expressions.jsonata.errors import STACK_OVERFLOW, JSONataError
from express.expressions.jsonata.evaluation import DEFAULT_LIMITS, Evaluation, Limits, Unpaid
from express.expressions.jsonata.foreign_values import as_json, may_be_foreign
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.emitter import NO_LINE, parameters, position_of
from express.expressions.jsonata.generation.generator import Generator
from express.expressions.jsonata.generation.marking import tells_sequences
from express.expressions.jsonata.generation.variables import Settings
from express.expressions.jsonata.multiplying import may_multiply, weighed
from express.expressions.jsonata.sequences import Marks
from express.expressions.jsonata.values import UNDEFINED, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    from express.expressions.jsonata.syntax import Node
    from express.types import Scope

#: Marks a variable that is not bound yet; never a value.
UNBOUND: Final = type("Unbound", (), {"__slots__": ()})()

#: The names of the generated function and its file in tracebacks.
_NAME: Final = "expression"
_FILE: Final = "<jsonata>"
_NO_VARIABLES: Final[Mapping[str, Value]] = {}
#: All Python names visible to generated code, besides those bound for it.
_GLOBALS: Final[dict[str, Any]] = {
    "__builtins__": {},
    "type": type,
    "len": len,
    "enumerate": enumerate,
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "dict": dict,
    "UNDEFINED": UNDEFINED,
    "UNBOUND": UNBOUND,
    "Evaluation": Evaluation,
    "Marks": Marks,
    "JSONataError": JSONataError,
    "RecursionError": RecursionError,
    "TypeError": TypeError,
    "Unpaid": Unpaid,
}


@final
class Expression:
    """A compiled expression, which any number of threads may evaluate at once, any number of times.

    `evaluate(states, variables, data, scope)` is the generated function itself: `states` is `$states` if the
    expression was compiled for a state, `variables` maps names of variables, without `$`, to values; `scope`, in a
    state, checks the deadline. It returns a value or UNDEFINED and raises JSONataError. `foreign`: the value may hold
    values that are not JSON (`foreign_values`).
    """

    __slots__ = ("evaluate", "foreign", "text")

    def __init__(self, text: str, evaluate: Callable[..., Value], *, foreign: bool) -> None:
        self.text = text
        self.evaluate = evaluate
        self.foreign = foreign

    def __call__(self, data: Value = UNDEFINED, bindings: Mapping[str, Value] | None = None) -> Value:
        """Evaluate for some data; the result is UNDEFINED where there is none; raises JSONataError.

        `bindings`: variables by name, without `$`. The value is JSON (but see `express.jsonata` on functions) and may
        share parts with the data.
        """
        value = self.evaluate(UNDEFINED, _NO_VARIABLES if bindings is None else bindings, data)
        if not self.foreign:
            return value
        try:
            return as_json(value)
        except RecursionError:
            raise JSONataError(STACK_OVERFLOW) from None

    def __repr__(self) -> str:
        return f"<JSONata {self.text!r}>"


@dataclass(frozen=True, slots=True)
class Options:
    """See `compile_tree`."""

    limits: Limits = DEFAULT_LIMITS
    states: bool = False
    variables: Collection[str] | None = None


def compile_tree(
    tree: Node,
    text: str,
    *,
    states: bool = True,
    variables: Collection[str] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Expression:
    """Compile a syntax tree, whose source is `text`.

    `states`: `$states` is passed as an object of its own. `variables`: the names the caller may bind, if known; a
    built-in's name that is not among them certainly means the built-in. Raises JSONataError for errors detected only
    now: signatures, regular expressions, and expressions nested too deeply (U1003).
    """
    options = Options(limits, states, variables)
    try:
        return Expression(text, _compile(tree, options), foreign=may_be_foreign(tree))
    except (RecursionError, MemoryError):
        raise JSONataError(STACK_OVERFLOW) from None


def _compile(tree: Node, options: Options) -> Callable[..., Value]:
    settings = Settings(BUILTINS, tells_sequences(tree), options.states, options.variables)
    generator = Generator(settings)
    body: list[ast.stmt] = []
    with generator.inside(body), generator.scope(tree):
        value = generator.value(tree).expression
        if may_multiply(tree):
            value = generator.support(weighed, value, generator.evaluation())
        generator.give(value)
    return _assemble(generator, body, tree, options)


def _assemble(generator: Generator, body: list[ast.stmt], tree: Node, options: Options) -> Callable[..., Value]:
    """Build the module around the code of an expression, compile it and execute it."""
    generator.line = NO_LINE
    begins_with_budget = generator.needs_evaluation or options.limits != DEFAULT_LIMITS
    evaluation = c.call(c.name("Evaluation"), generator.bind(options.limits, "limits"), c.name("scope"))
    whole: list[ast.stmt] = []
    signature = parameters("states", "variables", optional=("data",))
    signature.args.append(ast.arg("scope"))
    signature.defaults.append(c.constant(None))
    handlers = [_failing(generator)]
    if not begins_with_budget:
        signature.args.append(ast.arg("evaluation"))
        signature.defaults.append(c.constant(None))
        handlers.append(ast.ExceptHandler(c.name("Unpaid"), None, [ast.Pass(lineno=NO_LINE, col_offset=0)]))
    with generator.inside(whole), generator.define(_NAME, signature):
        _shadowing(generator, tree, options)
        guarded: list[ast.stmt] = []
        if begins_with_budget:
            generator.store("evaluation", evaluation)
        generator.emit(ast.Try(guarded, handlers, [], _ending(generator, begins_with_budget)))
        with generator.inside(guarded):
            if generator.exact:
                generator.store("marks", c.call(c.name("Marks")))
        guarded += generator.prologue + body
        if not begins_with_budget:
            generator.give(c.call(c.name(_NAME), *_arguments(), evaluation))
    module = ast.Module(whole, [])
    namespace = {**_GLOBALS, **generator.constants}
    exec(compile(module, _FILE, "exec", dont_inherit=True), namespace)  # built from AST nodes, not from text
    evaluate: Callable[..., Value] = namespace[_NAME]
    return evaluate


def _arguments() -> tuple[ast.expr, ...]:
    return c.name("states"), c.name("variables"), c.name("data"), c.name("scope")


def _ending(generator: Generator, has_budget: bool) -> list[ast.stmt]:
    """Release the scope: recursive lambdas are cycles that keep the evaluation, which must not keep the execution."""
    ending: list[ast.stmt] = []
    with generator.inside(ending):
        forget = ast.Expr(c.method(c.name("evaluation"), "forget"))
        if has_budget:
            generator.emit(forget)
        else:
            with generator.when(c.differs(c.name("evaluation"), c.constant(None))):
                generator.emit(forget)
    return ending


def _failing(generator: Generator) -> ast.ExceptHandler:
    """The handler that adds the position in the text to an error."""
    caught: list[ast.stmt] = []
    with generator.inside(caught):
        place = generator.bind(_Failures(generator.call_lines).place, "fail")
        generator.give(c.call(place, c.name("error")))
    return ast.ExceptHandler(c.tuple_of(c.name("JSONataError"), c.name("RecursionError")), "error", caught)


def _shadowing(generator: Generator, tree: Node, options: Options) -> None:
    """If a variable has the name of a built-in that the expression calls, continue in the version for that."""
    if not generator.builtins_used:
        return
    shadowed = _Shadowed(tree, options, frozenset(generator.builtins_used))
    names = sorted(generator.builtins_used)
    test = c.any_of([c.compare(c.constant(name), ast.In(), c.name("variables")) for name in names])
    with generator.when(test):
        generator.give(c.call(generator.bind(shadowed.evaluate, "shadowed"), *_arguments()))


class _Shadowed:
    """Versions of an expression for callers whose variables have the names of built-in functions."""

    def __init__(self, tree: Node, options: Options, names: frozenset[str]) -> None:
        self.tree = tree
        self.options = options
        self.names = names
        self.versions: dict[frozenset[str], Callable[..., Value]] = {}

    def evaluate(self, states: Value, variables: Mapping[str, Value], data: Value, scope: Scope | None = None) -> Value:
        taken = frozenset(name for name in self.names if name in variables)
        version = self.versions.get(taken)
        if version is None:
            options = Options(self.options.limits, self.options.states, taken)
            version = self.versions[taken] = _compile(self.tree, options)
        return version(states, variables, data, scope)


class _Failures:
    """Completes errors that leave the generated code; `calls` maps lines of calls to the functions' names."""

    def __init__(self, calls: Mapping[int, Any]) -> None:
        self.calls = calls

    def place(self, error: BaseException) -> None:
        """Raise the error with its position and the name of the called function, unless it has them already."""
        if isinstance(error, RecursionError):
            raise JSONataError(STACK_OVERFLOW) from None
        assert isinstance(error, JSONataError)
        lines = list(_lines(error.__traceback__))
        for line in lines:
            if line in self.calls:
                error.position = position_of(line)
                break
        else:
            if error.position is None and lines:
                error.position = position_of(lines[-1])
        named = [self.calls[line] for line in lines if line in self.calls]
        if named and "token" not in error.details:
            error.details["token"] = named[-1]
        raise error from None


def _lines(traceback: TracebackType | None) -> list[int]:
    """The lines of generated code that an error passed through, outermost first."""
    lines = []
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE and traceback.tb_lineno > NO_LINE:
            lines.append(traceback.tb_lineno)
        traceback = traceback.tb_next
    return lines
