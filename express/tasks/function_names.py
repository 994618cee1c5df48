"""The forms in which Lambda's API accepts a `FunctionName` (API reference, Invoke):

`Pay`, `Pay:live`, `function:Pay`, `123456789012:function:Pay`, `arn:aws:lambda:us-east-1:123456789012:function:Pay`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A function's ARN, a partial ARN (`123456789012:function:name`) or a bare name, each with an optional qualifier.
_FUNCTION = re.compile(
    r"(?:arn:aws[\w-]*:lambda:[\w-]+:)?(?:\d{12}:)?(?:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?\Z"
)
#: The ARN prefix assumed for a function that is not named by its full ARN, so that ARN patterns can match it.
_ASSUMED_ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def name_and_qualifier(text: str) -> tuple[str, str | None]:
    """A function's bare name, and its version or alias if given; text that names no function is returned as it is."""
    match = _FUNCTION.match(text)
    return (text, None) if match is None else (match["name"], match["qualifier"])


def names_of(text: str) -> Iterable[str]:
    """The names under which a function may be registered, most specific first; none if `text` names no function."""
    match = _FUNCTION.match(text)
    if match is None:
        return
    name, qualifier = match["name"], match["qualifier"]
    yield text
    if qualifier is not None:
        yield text.removesuffix(f":{qualifier}")
        yield f"{name}:{qualifier}"
    yield name
    if not text.startswith("arn:"):
        yield _ASSUMED_ARN + name
