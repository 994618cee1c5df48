"""Lambdas and calls.

A call of a built-in is resolved here: its implementation, whether its arguments certainly fit the signature, and what
replaces a missing one. Only undecidable cases check the signature at run time. Some built-ins are written inline
(`intrinsics`). Any other call goes through `calls.invoke`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from express.expressions.jsonata import calls, transforms, values
from express.expressions.jsonata.evaluation import CALL_COST
from express.expressions.jsonata.generation import code as c
from express.expressions.jsonata.generation.code import ANY, FUNCTION, LIST, UNDEF, Code
from express.expressions.jsonata.generation.control import compiled_regex
from express.expressions.jsonata.generation.costs import weight
from express.expressions.jsonata.generation.emitter import parameters
from express.expressions.jsonata.generation.intrinsics import INTRINSICS
from express.expressions.jsonata.signatures import compile_signature
from express.expressions.jsonata.syntax import (
    Apply,
    Block,
    Call,
    Condition,
    Lambda,
    Name,
    Node,
    Partial,
    Path,
    Placeholder,
    Regex,
    Transform,
    Variable,
)
from express.expressions.jsonata.traversal import children

if TYPE_CHECKING:
    from express.expressions.jsonata.functions.registry import Builtin
    from express.expressions.jsonata.generation.generator import Generator
    from express.expressions.jsonata.signatures import Parameter, Signature

#: The kind of each Python type.
_TYPES = {
    str: c.STR,
    int: c.INT,
    float: c.FLOAT,
    bool: c.BOOL,
    type(None): c.NULL,
    list: c.LIST,
    dict: c.DICT,
}
#: The type name of each kind in generated code.
_TYPE_NAMES = {
    c.STR: "str",
    c.INT: "int",
    c.FLOAT: "float",
    c.BOOL: "bool",
    c.LIST: "list",
    c.DICT: "dict",
}
#: For arrays with typed items: the kinds of the items, and the test for them.
_ITEM_TESTS = {"n": (c.NUMBER, calls.are_numbers), "s": (c.STR, calls.are_strings)}
#: Built-ins that return UNDEFINED, not an empty sequence, for an UNDEFINED first argument; uncollapsed, these differ.
_NOTHING_OF_NOTHING = frozenset(("filter", "map", "match"))
#: Result kinds by the signature's result letter.
_RESULTS = {"s": c.STR | UNDEF, "n": c.NUMBER | UNDEF, "b": c.BOOL | UNDEF, "o": c.DICT | UNDEF}
#: Exceptions to the signature.
_OTHER_RESULTS = {"clone": c.DICT | LIST | UNDEF}


# ---------------------------------------------------------------------------------------- lambdas


def function(generator: Generator, node: Lambda) -> Code:
    """`function($a, $b)<signature>{ body }` as a value."""
    identifier = generator.fresh("function")
    body_generator = _LambdaBody(generator, node)
    body_generator.define(identifier)
    body, arity = c.name(identifier), c.constant(len(node.parameters))
    if node.signature is not None:
        checks = generator.bind(compile_signature(node.signature, node.position), "signature")
        made = generator.support(calls.checked, body, arity, checks)
    elif body_generator.hands_back:
        made = generator.support(calls.Looping, body, arity)
    else:
        made = generator.support(values.Function, body, arity)
    return Code(generator.assign(made), FUNCTION)


class _LambdaBody:
    """The Python function of a lambda; `hands_back`: it may return a `TailCall`."""

    def __init__(self, generator: Generator, node: Lambda) -> None:
        self.generator = generator
        self.node = node
        self.hands_back = False

    def define(self, identifier: str) -> None:
        generator, node = self.generator, self.node
        names = tuple(generator.fresh("a") for _ in node.parameters)
        arguments = parameters(optional=names, rest=generator.fresh("rest"))
        with generator.maybe(), generator.nowhere(), generator.define(identifier, arguments):
            body = self._entered()
            with generator.inside(body), generator.scope(node.body, known=tuple(node.parameters)) as variables:
                for parameter, argument in zip(node.parameters, names, strict=True):
                    generator.store(variables[parameter].identifier, c.name(argument))
                generator.give(self._tail(node.body).expression)

    def _entered(self) -> list[ast.stmt]:
        """Charge the call and return the block for the rest of the function; a leaf adds no nesting."""
        generator, steps = self.generator, weight(self.node.body) + CALL_COST
        if _is_leaf(generator, self.node.body):
            generator.spend(c.constant(steps // 2))
            return generator.block
        evaluation = generator.evaluation()
        generator.do(c.method(evaluation, "enter", c.constant(steps)))
        body: list[ast.stmt] = []
        leave: list[ast.stmt] = []
        generator.emit(ast.Try(body, [], [], leave))
        with generator.inside(leave):
            depth = ast.Attribute(evaluation, "depth", c.STORE)
            generator.emit(ast.AugAssign(depth, ast.Add(), c.constant(1)))
        return body

    def _tail(self, node: Node) -> Code:
        return tail(self.generator, node, self._hand_back)

    def _hand_back(self, generator: Generator, call: Call) -> Code:
        self.hands_back = True
        procedure, arguments = _procedure_and_arguments(generator, call, None)
        handed = generator.support(calls.TailCall, procedure, *arguments)
        return Code(generator.assign(handed))


def _is_leaf(generator: Generator, body: Node) -> bool:
    """Whether a lambda's body certainly calls only built-ins that call no functions themselves."""
    pending = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, Apply | Transform | Lambda | Partial):
            return False
        if isinstance(node, Call):
            builtin = builtin_of(generator, node)
            if builtin is None or "f" in builtin.signature:
                return False
        pending += children(node)
    return True


def tail(generator: Generator, node: Node, call_back: Any = None) -> Code:
    """The value of a lambda's body; a call in tail position is not collapsed, and may be left to the caller."""
    if node.predicates or node.group is not None:
        return generator.value(node)
    if isinstance(node, Block) and node.expressions:
        with generator.scope(*node.expressions):
            for expression in node.expressions[:-1]:
                generator.value(expression)
            return tail(generator, node.expressions[-1], call_back)
    if isinstance(node, Condition):
        return generator.chosen(node, lambda chosen: tail(generator, chosen, call_back))
    if isinstance(node, Call) and node.tail:
        if builtin_of(generator, node) is not None or call_back is None:
            result = generator.loosened(generator.decorated(node))
            return Code(result.expression, result.kinds)
        return call_back(generator, node)  # type: ignore[no-any-return]
    return generator.value(node)


# ---------------------------------------------------------------------------------------- calls


def builtin_of(generator: Generator, node: Call | Partial) -> Builtin | None:
    """The built-in that is called, or None if that is not certain."""
    procedure = node.procedure
    if not isinstance(procedure, Variable) or procedure.predicates or procedure.group is not None:
        return None
    return generator.builtin(procedure.name)


def call(generator: Generator, node: Call) -> Code:
    """`procedure(arguments)`"""
    return _call(generator, node, None)


def _call(generator: Generator, node: Call, first: Code | None) -> Code:
    builtin = builtin_of(generator, node)
    if builtin is None:
        return _invocation(generator, node, first)
    if first is None:
        intrinsic = INTRINSICS.get(builtin.name)
        written = None if intrinsic is None else intrinsic(generator, node)
        if written is not None:
            return written
    arguments = [] if first is None else [first]
    declared = compile_signature(builtin.signature).parameters[len(arguments) :]
    for number, argument in enumerate(node.arguments):
        wants_array = number < len(declared) and declared[number].kind == "a"
        arguments.append(_argument(generator, argument, wants_array=wants_array))
    with generator.at(node.position, called=builtin.name):
        return _builtin_call(generator, builtin, arguments)


def _argument(generator: Generator, node: Node, *, wants_array: bool) -> Code:
    """An argument of a built-in."""
    if wants_array:
        return generator.array_argument(node)
    if isinstance(node, Regex) and not node.predicates:
        return Code(compiled_regex(generator, node), FUNCTION)
    return generator.value(node)


def _builtin_call(generator: Generator, builtin: Builtin, arguments: list[Code]) -> Code:
    signature = compile_signature(builtin.signature)
    context = generator.context.code
    given = [argument.expression for argument in arguments]
    evaluation = generator.evaluation() if builtin.bounded else c.name("evaluation")
    looked_at = generator.bind(builtin, "b"), evaluation, context.expression
    result: ast.expr = generator.support(calls.call_builtin, *looked_at, *given)
    if not arguments and signature.parameters and signature.parameters[0].context:
        # Without arguments the first parameter takes the context item.
        arguments, given = [context], [context.expression]
    tests = _tests(generator, signature, arguments)
    if tests is not None:
        missing = [c.undefined()] * (len(signature.parameters) - len(given))
        first = [evaluation] if builtin.bounded else []
        direct = c.call(generator.bind(builtin.implementation, "f"), *first, *given, *missing)
        result = c.either(c.all_of(tests), direct, result) if tests else direct
    if generator.exact and builtin.sequence:
        result = c.method(c.name("marks"), "sequence", result)
    elif generator.exact and builtin.name in calls.FOLLOWING and given:
        result = c.method(c.name("marks"), "follow", result, given[0])
    elif generator.exact and builtin.mixed:
        result = c.method(c.name("marks"), "mixed", result)
    if builtin.name in _NOTHING_OF_NOTHING and given and arguments[0].may(UNDEF):
        made = generator.assign(result)
        result = c.either(c.is_undefined(given[0]), c.undefined(), made)
    if builtin.mixed:
        return Code(generator.assign(result), mixed=not generator.exact)
    if builtin.sequence:
        return Code(generator.assign(result), LIST | UNDEF, sequence=True)
    return Code(generator.assign(result), _OTHER_RESULTS.get(builtin.name) or _result_kinds(builtin))


def _result_kinds(builtin: Builtin) -> int:
    return _RESULTS.get(builtin.signature.rpartition(":")[2].rstrip(">"), ANY)


def _tests(generator: Generator, signature: Signature, arguments: list[Code]) -> list[ast.expr] | None:
    """The tests under which the arguments fit unchanged; None if the signature must be checked anyway."""
    if not signature.plain or not signature.required <= len(arguments) <= len(signature.parameters):
        return None
    tests = []
    for argument, parameter in zip(arguments, signature.parameters, strict=False):
        test = _items_test(generator, argument, parameter) if parameter.items else _test(argument, parameter)
        if test is None:
            return None
        if test:
            tests.append(test[0])
    return tests


def _items_test(generator: Generator, argument: Code, parameter: Parameter) -> list[ast.expr] | None:
    """The test of an array argument with typed items; [] if none is needed, None if there is no cheap one."""
    wanted = _ITEM_TESTS.get(parameter.items or "")
    if wanted is None or parameter.kind != "a" or isinstance(argument.expression, ast.Constant):
        return None
    kinds, test = wanted
    if argument.only(LIST | UNDEF) and not argument.items & ~kinds:
        return []
    return [generator.support(test, argument.expression)]


def _test(argument: Code, parameter: Parameter) -> list[ast.expr] | None:
    """The test of one argument; [] if none is needed, None if there is no cheap one."""
    fine = sum(kind for python, kind in _TYPES.items() if python in parameter.plain)
    fine |= UNDEF | (FUNCTION if "f" in parameter.letters and parameter.kind != "a" else 0)
    if parameter.kind == "f":
        fine = FUNCTION
    if argument.only(fine):
        return []
    value = argument.expression
    if isinstance(value, ast.Constant):
        return None
    wanted = [name for kind, name in _TYPE_NAMES.items() if fine & kind and argument.may(kind)]
    return [c.is_type(value, *wanted)] if 0 < len(wanted) <= 2 else None


def _invocation(generator: Generator, node: Call, first: Code | None) -> Code:
    """A call of a procedure that is not certainly a built-in."""
    procedure, arguments = _procedure_and_arguments(generator, node, first)
    with generator.at(node.position, called=procedure_name(node) or ""):
        invoked = generator.support(calls.invoke, procedure, generator.context.code.expression, *arguments)
        return Code(generator.assign(invoked))


def _procedure_and_arguments(generator: Generator, node: Call, first: Code | None) -> tuple[ast.expr, list[ast.expr]]:
    procedure = generator.value(node.procedure).expression
    _check_procedure(generator, node, procedure, "T1005")
    arguments = [] if first is None else [first.expression]
    arguments += [generator.value(argument).expression for argument in node.arguments]
    return procedure, arguments


def _check_procedure(generator: Generator, node: Call | Partial, procedure: ast.expr, code: str) -> None:
    name = procedure_name(node)
    if isinstance(node.procedure, Path) and name is not None and generator.is_known(name):
        with generator.at(node.position):
            check = (procedure, c.constant(name), c.constant(code), c.constant(node.position))
            generator.do(generator.support(calls.check_procedure, *check))


def procedure_name(node: Call | Partial) -> str | None:
    """The name of the function in errors."""
    procedure = node.procedure
    if isinstance(procedure, Path):
        procedure = procedure.steps[0]
    return procedure.name if isinstance(procedure, Variable | Name) else None


def partial(generator: Generator, node: Partial) -> Code:
    """`procedure(a, ?)`"""
    arguments = [
        generator.bind(calls.PLACEHOLDER, "open")
        if isinstance(argument, Placeholder)
        else generator.value(argument).expression
        for argument in node.arguments
    ]
    procedure = generator.value(node.procedure).expression
    _check_procedure(generator, node, procedure, "T1007")
    with generator.at(node.position):
        place = c.constant(node.position), c.constant(procedure_name(node))
        return Code(generator.assign(generator.support(calls.partial, procedure, *place, *arguments)), FUNCTION)


def apply(generator: Generator, node: Apply) -> Code:
    """`left ~> right`; a call on the right gets the left value as its first argument."""
    left = generator.value(node.left)
    right = node.right
    if isinstance(right, Call):
        return _call(generator, right, left)
    applied = generator.value(right).expression
    with generator.nowhere():
        marks = generator.marks() or [c.constant(None)]
        made = generator.support(calls.apply, left.expression, applied, c.constant(node.position), *marks)
        return Code(generator.assign(made))


def transform(generator: Generator, node: Transform) -> Code:
    """`| pattern | update, delete |`"""
    parts: list[ast.expr] = []
    for part in (node.pattern, node.update, node.delete):
        if part is None:
            parts.append(c.constant(None))
            continue
        item = generator.fresh("x")
        with generator.on(Code(c.name(item))):
            parts.append(c.name(generator.scoped_body((item,), part)))
    clone = generator.variable("clone").expression if generator.builtin("clone") is None else c.undefined()
    delete = 0 if node.delete is None else node.delete.position
    positions = c.constant((node.position, node.update.position, delete))
    made = generator.support(transforms.transform, clone, *parts, positions, generator.evaluation())
    return Code(generator.assign(made), FUNCTION)
