"""What expressions are evaluated on in these tests, and how results are compared."""

from __future__ import annotations

from typing import Any, NamedTuple

from express.expressions.jsonata import Function, JSONataError, compile  # noqa: A004 - the verb users know

DOCUMENT: dict[str, Any] = {
    "order": {
        "id": 7,
        "lines": [
            {"sku": "a", "price": 5, "qty": 2, "tags": ["x", "y"]},
            {"sku": "b", "price": 12.5, "qty": 1, "tags": []},
            {"sku": "c", "price": 20, "tags": ["y"]},
        ],
        "note": None,
    },
    "list": [1, 2, 3],
    "nested": [[1, 2], [3]],
    "one": [4],
    "none": [],
    "text": "str",
    "flag": True,
    "holes": [{"q": 1}, {"arr": [4]}, {}],
}


class Failure(NamedTuple):
    """An error expected: its code and its place in the text."""

    code: str
    position: int | None


def evaluated(text: str, data: Any = DOCUMENT, bindings: dict[str, Any] | None = None) -> Any:
    """The value of an expression, or the Failure it ends in."""
    try:
        return compile(text)(data, bindings)
    except JSONataError as error:
        return Failure(error.code, error.position)


def exactly(value: Any) -> str:
    """A text that tells 1 from 1.0 and from true, wherever they stand."""
    return "a function" if isinstance(value, Function) else repr(value)
