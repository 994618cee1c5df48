"""The 18 intrinsic functions of JSONPath states (AWS guide, "Intrinsic functions").

`parse_intrinsic` parses a call, `build_intrinsic` compiles it. Each function is one decorated Python function in the
module of its family; importing the module registers it.
"""

from express.expressions.intrinsics import arrays, encoding, json_data, numeric, strings
from express.expressions.intrinsics.building import build_intrinsic
from express.expressions.intrinsics.parser import Call, Literal, parse_intrinsic
from express.expressions.intrinsics.registry import FUNCTIONS

__all__ = [
    "FUNCTIONS",
    "Call",
    "Literal",
    "arrays",
    "build_intrinsic",
    "encoding",
    "json_data",
    "numeric",
    "parse_intrinsic",
    "strings",
]
