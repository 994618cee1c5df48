"""JSONata on its own: the query language of ASL, for use outside a workflow.

    from express import jsonata

    total = jsonata.compile("$sum(items.(price * quantity))")
    total({"items": [{"price": 2.5, "quantity": 4}]})            # 10
    jsonata.compile("$greeting & name")({"name": "Ada"}, {"greeting": "Hello "})

This is JSONata 2.0.6 (docs.jsonata.org), the version Step Functions runs, with the functions Step Functions adds
(`$partition`, `$range`, `$hash`, `$uuid`, `$parse`, `$random` with a seed) and without `$eval`, which it removes.

Three things differ from jsonata-js on purpose. First, an arithmetic result that is not a JSON number (`1/0`) is an
error (D1001) as soon as it becomes a value: a result, a part of one, an argument, a variable. jsonata-js passes on
JavaScript's Infinity or NaN. (Step Functions passes it on too and writes what is left in a result as a text,
`"Infinity"`: `expressions.jsonata.fields`.) Operators that use it directly behave as in jsonata-js: `1/0 > 5` is
true, `1/0 + 1` is D1001, `0/0 + 1` T2001 and `1/0 & ""` D3001. Second, where several items of an array constructor or
values of an object fail, the first in the text is reported; jsonata-js evaluates them concurrently and reports the
one that fails first. Third, a transform changes only its copy, whatever its pattern matches.

Values are those of JSON: dict, list, str, int, float, bool and None; they are never changed. An expression without a
value returns `UNDEFINED`, which is not None. A function as the result is returned as a `Function`; inside arrays and
objects, functions and UNDEFINED become what `JSON.stringify` makes of them: null in arrays, no member in objects.

Evaluation is bounded (see `compile`): whatever the expression and the data, it ends, usually within a tenth of a
second, and too much work, memory or recursion is a `JSONataError` (U1001, U1002, U1003). Any number of threads may
evaluate a compiled expression at the same time.
"""

from __future__ import annotations

from express.expressions.jsonata import UNDEFINED, Expression, Function, JSONataError, compile  # noqa: A004 - the verb users know

__all__ = ["UNDEFINED", "Expression", "Function", "JSONataError", "compile"]
