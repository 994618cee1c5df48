"""A syntax tree to an `Expression`.

The generated module holds one function, `expression(states, variables, data)`. Around the code of the expression
itself it makes what that code turned out to need: the budget, the variables from outside, and the handling of errors,
which costs nothing while there are none. An expression that calls built-in functions whose names the caller's
variables could take is compiled once more, with these names as variables, when that really happens.

What an error says about its place comes from the line numbers of the generated code, which are offsets in the text
(`emitter`). As in jsonata-js an error belongs to the outermost call it came through.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from express.expressions.jsonata.errors import STACK_OVERFLOW, JSONataError
from express.expressions.jsonata.evaluation import DEFAULT_LIMITS, Evaluation, Limits
from express.expressions.jsonata.functions.registry import BUILTINS
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.emitter import NO_LINE, parameters, position_of
from express.expressions.jsonata.generation.generator import Generator
from express.expressions.jsonata.generation.marking import tells_sequences
from express.expressions.jsonata.generation.variables import Settings
from express.expressions.jsonata.sequences import Marks
from express.expressions.jsonata.values import UNDEFINED, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

    from express.expressions.jsonata.syntax import Node

#: What stands in a variable that is not bound yet; never a value.
UNBOUND: Final = type("Unbound", (), {"__slots__": ()})()

_FILE: Final = "<jsonata>"
_NO_VARIABLES: Final[Mapping[str, Value]] = {}
#: All that generated code finds of Python, but for what it is given.
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
    # For expressions that make none.
    "evaluation": None,
    "Marks": Marks,
    "JSONataError": JSONataError,
    "RecursionError": RecursionError,
    "TypeError": TypeError,
}


@final
class Expression:
    """A compiled expression, to be evaluated any number of times, by any number of threads at once.

    `evaluate(states, variables, data)` is the generated function itself: `states` is `$states` where the expression was
    compiled for a state, `variables` maps the names of variables, without `$`, to values. Calling the expression is the
    same for data and bindings alone. Both return a value or UNDEFINED and raise JSONataError.
    """

    __slots__ = ("evaluate", "text")

    def __init__(self, text: str, evaluate: Callable[..., Value]) -> None:
        self.text = text
        self.evaluate = evaluate

    def __call__(self, data: Value = UNDEFINED, bindings: Mapping[str, Value] | None = None) -> Value:
        return self.evaluate(UNDEFINED, _NO_VARIABLES if bindings is None else bindings, data)

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
    """The compiled form of a syntax tree, of which `text` is the source.

    `states`: `$states` is an object handed over by itself. `variables`: the names the caller may bind, if they are
    known; a name of a built-in function that is not among them is that function for certain. Raises JSONataError for
    what is refused only now: signatures, regular expressions, and expressions nested too deeply (U1003).
    """
    options = Options(limits, states, variables)
    try:
        return Expression(text, _compile(tree, options))
    except (RecursionError, MemoryError):
        raise JSONataError(STACK_OVERFLOW) from None


def _compile(tree: Node, options: Options) -> Callable[..., Value]:
    settings = Settings(BUILTINS, tells_sequences(tree), options.states, options.variables)
    generator = Generator(settings)
    body: list[ast.stmt] = []
    with generator.inside(body), generator.scope(tree):
        generator.give(generator.value(tree).expression)
    return _assemble(generator, body, tree, options)


def _assemble(generator: Generator, body: list[ast.stmt], tree: Node, options: Options) -> Callable[..., Value]:
    """The module around the code of an expression, compiled and run."""
    failed = _Failures(generator.call_lines)
    caught: list[ast.stmt] = []
    with generator.inside(caught):
        error = c.name("error")
        generator.give(c.call(generator.bind(failed.place, "fail"), error))
    handler = ast.ExceptHandler(c.tuple_of(c.name("JSONataError"), c.name("RecursionError")), "error", caught)
    generator.line = NO_LINE
    whole: list[ast.stmt] = []
    signature = parameters("states", "variables", optional=("data",))
    with generator.inside(whole), generator.define("expression", signature):
        _shadowing(generator, tree, options)
        guarded: list[ast.stmt] = []
        generator.emit(ast.Try(guarded, [handler], [], []))
        with generator.inside(guarded):
            _prologue(generator, options.limits)
        guarded += generator.prologue + body
    module = ast.Module(whole, [])
    namespace = {**_GLOBALS, **generator.constants}
    exec(compile(module, _FILE, "exec", dont_inherit=True), namespace)  # built of nodes, not of text
    evaluate: Callable[..., Value] = namespace["expression"]
    return evaluate


def _prologue(generator: Generator, limits: Limits) -> None:
    if generator.needs_evaluation or limits is not DEFAULT_LIMITS:
        generator.store("evaluation", c.call(c.name("Evaluation"), generator.bind(limits, "limits")))
    if generator.exact:
        generator.store("marks", c.call(c.name("Marks")))


def _shadowing(generator: Generator, tree: Node, options: Options) -> None:
    """Where a variable has the name of a built-in the expression calls, go to the version that knows it."""
    if not generator.builtins_used:
        return
    shadowed = _Shadowed(tree, options, frozenset(generator.builtins_used))
    names = sorted(generator.builtins_used)
    test = c.any_of([c.compare(c.constant(name), ast.In(), c.name("variables")) for name in names])
    with generator.when(test):
        arguments = (c.name("states"), c.name("variables"), c.name("data"))
        generator.give(c.call(generator.bind(shadowed.evaluate, "shadowed"), *arguments))


class _Shadowed:
    """Versions of an expression for callers whose variables are called like built-in functions."""

    def __init__(self, tree: Node, options: Options, names: frozenset[str]) -> None:
        self.tree = tree
        self.options = options
        self.names = names
        self.versions: dict[frozenset[str], Callable[..., Value]] = {}

    def evaluate(self, states: Value, variables: Mapping[str, Value], data: Value) -> Value:
        taken = frozenset(name for name in self.names if name in variables)
        version = self.versions.get(taken)
        if version is None:
            options = Options(self.options.limits, self.options.states, taken)
            version = self.versions[taken] = _compile(self.tree, options)
        return version(states, variables, data)


class _Failures:
    """Finishes errors that come out of the generated code. `calls` are the lines of calls and what is called there."""

    def __init__(self, calls: Mapping[int, Any]) -> None:
        self.calls = calls

    def place(self, error: BaseException) -> None:
        """Raise the error with its place, and the name of what was called, as far as they are not known already."""
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
    """The lines of generated code an error came through, outermost first."""
    lines = []
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE and traceback.tb_lineno > NO_LINE:
            lines.append(traceback.tb_lineno)
        traceback = traceback.tb_next
    return lines
