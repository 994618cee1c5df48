"""The built-in functions of JSONata 2.0.6 and those that Step Functions adds, one module per family of the docs."""

from __future__ import annotations

from typing import Final

from express.expressions.jsonata.functions import (
    aggregation,
    arrays,
    aws,
    booleans,
    dates,
    encoding,
    formatting,
    higher_order,
    matching,
    numeric,
    objects,
    strings,
)
from express.expressions.jsonata.functions.registry import BUILTINS, Builtin

#: Importing a family registers its functions.
FAMILIES: Final = (
    aggregation,
    arrays,
    aws,
    booleans,
    dates,
    encoding,
    formatting,
    higher_order,
    matching,
    numeric,
    objects,
    strings,
)

__all__ = ["BUILTINS", "FAMILIES", "Builtin"]
