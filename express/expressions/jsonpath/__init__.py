"""JSONPath in the dialect of AWS Step Functions, that of Jayway json-path, compiled to closures.

    text --parser--> Path (syntax) --building--> Expr

`parse_path` runs once, when a definition is read; `build_path` returns the closure that runs in executions.

    syntax        what a path is: steps, conditions, and the facts compile-time decisions need
    parser        path text; conditions and literals: the text of filters; scanning: where things end
    building      the closures: navigation finds one value, selection many, missing says why there is none
    document      state shared within one evaluation: the root, cached reads, the visits left
    predicates    the closures of filters; operators, equality: how values compare; membership: arrays searched often
    regex         patterns in Java's notation, with bounded run time
    functions     `length()`, `sum()` and the rest, one decorated function each

No library implements this dialect: one object for `['a','b']`, functions, `nin size empty`, a value for a definite
path and a list for any other, and its error texts, which AWS quotes.
"""

from express.expressions.jsonpath.building import build_path, build_plain_path
from express.expressions.jsonpath.navigation import Lookup
from express.expressions.jsonpath.outcomes import ABSENT
from express.expressions.jsonpath.parser import parse_path
from express.expressions.jsonpath.syntax import Path, Root

__all__ = ["ABSENT", "Lookup", "Path", "Root", "build_path", "build_plain_path", "parse_path"]
