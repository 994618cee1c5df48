"""Executions in a hurry: whatever can be worked out elsewhere is, each time it is asked for the first time.

What expressions come to must not depend on where they are evaluated, nor a state on how often it is begun. In a hurry
every JSONata expression, every path that may take long, every long template or Choice, every call that goes through
an array and every task whose payload crosses by value runs out of time at once.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from express.deferral import OutOfTime
from express.expressions import templates
from express.expressions.intrinsics import building as intrinsics
from express.expressions.jsonata import fields
from express.expressions.jsonata.values import UNDEFINED
from express.expressions.jsonpath import building
from express.expressions.jsonpath.document import Document
from express.runtime.host import LoopHost
from express.states import choice, task_edge

if TYPE_CHECKING:
    import pytest

    from express.types import JSON, Expr, Scope


class Hurry:
    """`stops`: how often the loop could not wait."""

    def __init__(self) -> None:
        self.stops = 0


def set_in(patch: pytest.MonkeyPatch) -> Hurry:
    """From now on, for workflows compiled from now on."""
    hurry = Hurry()

    def look(host: LoopHost, ahead_ns: int) -> None:
        hurry.stops += 1
        raise OutOfTime

    patch.setattr(LoopHost, "look", look)
    patch.setattr(Document, "__init__", _looking(Document.__init__))
    patch.setattr(building, "_FEW", -1)
    patch.setattr(fields, "build_query", _asking(fields.build_query))
    patch.setattr(fields, "_FEW", 1)
    patch.setattr(templates, "_FEW", 0)
    patch.setattr(choice, "_LOOK_EVERY", 1)
    patch.setattr(intrinsics, "_FEW_VALUES", -1)
    patch.setattr(task_edge, "_LARGE", -1)
    return hurry


def _looking(begin: Any) -> Any:
    def begin_looking(document: Document, data: JSON, text: str, scope: Scope | None) -> None:
        begin(document, data, text, scope)
        if scope is not None:
            scope.look()

    return begin_looking


def _asking(build_query: Any) -> Any:
    def build(query: fields.Query) -> Expr:
        evaluate = query.expression.evaluate

        def looking(states: JSON, variables: Any, data: JSON = UNDEFINED, scope: Scope | None = None) -> JSON:
            if scope is not None:
                scope.look()
            return evaluate(states, variables, data, scope)

        expression: Any = SimpleNamespace(evaluate=looking)
        built: Expr = build_query(replace(query, expression=expression))
        return built

    return build
