"""JSONata by itself: the query language that ASL uses, for whoever needs it outside a workflow.

    from express import jsonata

    total = jsonata.compile("$sum(items.(price * quantity))")
    total({"items": [{"price": 2.5, "quantity": 4}]})            # 10
    jsonata.compile("$greeting & name")({"name": "Ada"}, {"greeting": "Hello "})

It is JSONata 2.0.6 (docs.jsonata.org), the version Step Functions runs, with the functions Step Functions adds
(`$partition`, `$range`, `$hash`, `$uuid`, `$parse`, `$random` with a seed) and without `$eval`, which it does not have.

Three things differ from jsonata-js on purpose. A result of arithmetic that is no JSON number (`1/0`) is an error
(D1001) as soon as it becomes a value: a result, a part of one, an argument, a variable; jsonata-js hands it on as
JavaScript's Infinity or NaN. (What Step Functions answers is not known; a state's data cannot hold it.) Operators that
take it up at once treat it as there: `1/0 > 5` is true, `1/0 + 1` is D1001, `0/0 + 1` T2001 and `1/0 & ""` D3001.
Where several items of an array constructor or values of an object fail, the first in the text is reported; jsonata-js
evaluates them side by side and reports the one that fails soonest. And a transform changes its copy only, whatever its
pattern finds.

Values are JSON's: dict, list, str, int, float, bool and None, and are never changed. An expression that gives nothing
gives `UNDEFINED`, which is not None. One that gives a function gives a `Function`; inside arrays and objects, functions
and nothing are what `JSON.stringify` makes of them: null, and no member.

Evaluation is bounded (see `compile`): whatever the expression and the data, it ends, usually within a tenth of a
second, and too much work, memory or recursion is a `JSONataError` (U1001, U1002, U1003). A compiled expression may be
evaluated by any number of threads at once.
"""

from __future__ import annotations

from express.expressions.jsonata import UNDEFINED, Expression, Function, JSONataError, compile  # noqa: A004 - the verb users know

__all__ = ["UNDEFINED", "Expression", "Function", "JSONataError", "compile"]
