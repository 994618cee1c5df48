"""JSONata 2.0.6, compiled.

    total = compile("$sum(items.(price * quantity))")
    total({"items": [{"price": 2.5, "quantity": 4}]})    # 10

`compile` is the way in; the language is documented at docs.jsonata.org. An expression is compiled to one Python
function; nothing in it is interpreted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from express.expressions.jsonata import functions as functions
from express.expressions.jsonata.compiler import Expression, compile_tree
from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import DEFAULT_LIMITS, Limits
from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.values import UNDEFINED, Function

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["UNDEFINED", "Expression", "Function", "JSONataError", "Limits", "compile", "compile_tree"]


def compile(  # noqa: A001 - the verb users know
    text: str, *, variables: Collection[str] | None = None, limits: Limits = DEFAULT_LIMITS
) -> Expression:
    """The expression `text`, compiled.

    `variables`: the names that bindings may have, if they are known beforehand, which saves looking whether one of
    them is called like a function. `limits`: what one evaluation may use up. Raises JSONataError (code, position,
    message) for what is no JSONata.
    """
    return compile_tree(parse(text), text, states=False, variables=variables, limits=limits)
