"""JSONata 2.0.6, compiled.

    total = compile("$sum(items.(price * quantity))")
    total({"items": [{"price": 2.5, "quantity": 4}]})    # 10

`compile` is the entry point; the language is documented at docs.jsonata.org. An expression is compiled to one Python
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

__all__ = ["UNDEFINED", "Expression", "Function", "JSONataError", "compile", "compile_tree"]


def compile(  # noqa: A001 - the verb users know
    text: str,
    *,
    variables: Collection[str] | None = None,
    steps: int = DEFAULT_LIMITS.steps,
    depth: int = DEFAULT_LIMITS.depth,
    size: int = DEFAULT_LIMITS.size,
    matching: float = DEFAULT_LIMITS.matching,
) -> Expression:
    """Compile the expression `text`.

    `variables`: the names that bindings may have, if known in advance; this saves a check at run time whether one of
    them hides a built-in function.

    The other parameters bound one evaluation. `steps`: work done, counted in tenths of a microsecond (U1001); the
    default is about a tenth of a second. `depth`: nested function calls (U1003); Python's own recursion limit may
    come first. `size`: characters of one string that the expression makes, or four times the items of one array
    (U1002). `matching`: seconds of searching with regular expressions (U1001).

    Raises JSONataError (code, position, message) for text that is not valid JSONata.
    """
    limits = Limits(steps, depth, size, matching)
    return compile_tree(parse(text), text, states=False, variables=variables, limits=limits)
