"""Calls of single built-in functions without an expression around them, and how to judge what they give."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import Evaluation, Limits
from express.expressions.jsonata.functions import BUILTINS
from express.expressions.jsonata.sequences import unmixed
from express.expressions.jsonata.signatures import compile_signature
from express.expressions.jsonata.values import UNDEFINED, Function, Value, collapse

if TYPE_CHECKING:
    from collections.abc import Callable


def call(name: str, *arguments: Value, context: Value = None, limits: Limits | None = None) -> Value:
    """`$name(arguments)` as an expression calls it: checked, completed and collapsed."""
    builtin = BUILTINS[name]
    completed = compile_signature(builtin.signature).validate(arguments, context)
    evaluation = [Evaluation(limits or Limits())] if builtin.bounded else []
    result = builtin.implementation(*evaluation, *completed)
    return collapse(result) if builtin.sequence else unmixed(result)


def refused(name: str, *arguments: Value, context: Value = None, limits: Limits | None = None) -> JSONataError:
    """The error of such a call."""
    with pytest.raises(JSONataError) as raised:
        call(name, *arguments, context=context, limits=limits)
    return raised.value


def of(implementation: Callable[..., Value]) -> Function:
    """A function of JSONata made of one of Python with as many parameters; it may be called with any number."""
    arity = len(inspect.signature(implementation).parameters)
    return Function(lambda *given: implementation(*[*given, *[UNDEFINED] * arity][:arity]), arity)


def exactly(value: Value) -> str:
    """A text that differs for `1`, `1.0` and `true`, which compare equal, and shows the order of keys."""
    return json.dumps(value, default=repr)


def label(value: Any) -> str | None:
    """Names of table rows: strings as they are, where that is readable."""
    return value if isinstance(value, str) and value.isprintable() and len(value) < 40 else None
