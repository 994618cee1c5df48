"""Strings that look like a path or an intrinsic call but are literal: warnings of ValidateStateMachineDefinition.

AWS evaluates a path or an intrinsic call only under a key that ends in `.$` or in a field whose name ends in `Path`.
Anywhere else it is a plain string: a workflow that passes `"$.id"` on as text runs without an error and does the
wrong thing. Such a definition is valid, so these are warnings: NO_DOLLAR, NO_PATH and PASS_RESULT_IS_STATIC (API
reference, "ValidateStateMachineDefinitionDiagnostic", which also quotes the messages).

The first characters of a string decide, not a parser: a path with a typo is still meant as a path, while `$5.00` and
Lambda's `$LATEST` are not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from express.definition import messages
from express.definition.pointer import escape_key
from express.definition.problems import NO_DOLLAR, NO_PATH, PASS_RESULT_IS_STATIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.definition.fields import Fields
    from express.types import JSON

#: `$`, `$.a`, `$[0]`, `$$.Task.Token`, `$variable.a`; a bare `$variable` may be an ordinary word.
_PATH: Final = re.compile(r"\$\$?(?:[.\[].*)?|\$[^\W\d_]\w*[.\[].*", re.DOTALL)
_CALL: Final = re.compile(r"States\.\w+\(.*\)", re.DOTALL)
_SUFFIX: Final = ".$"


def likeness(value: JSON) -> str | None:
    """The kind of expression a value looks like, with its article as messages need it, or None."""
    if not isinstance(value, str):
        return None
    if _PATH.fullmatch(value):
        return "a JSONPath"
    return "an Intrinsic Function" if _CALL.fullmatch(value) else None


def warn_of_missing_dollar(fields: Fields, name: str) -> None:
    """Warn of each value in the template `name` that AWS would evaluate if its key ended in `.$`."""
    template = fields.child(name)
    for key, value, pointer in _members(fields.value.get(name), template):
        alike = likeness(value)
        if alike is not None and not key.endswith(_SUFFIX):
            _warn(fields, NO_DOLLAR, messages.no_dollar(key, alike), template, pointer)


def warn_of_missing_path(fields: Fields, *names: str) -> None:
    """Warn of each of these fields whose value AWS would evaluate in the counterpart `<name>Path`."""
    for name in names:
        alike = likeness(fields.value.get(name))
        if alike == "a JSONPath":
            _warn(fields, NO_PATH, messages.no_path(name, alike), fields.child(name), fields.child(name))


def warn_of_static_result(fields: Fields) -> None:
    """Warn of each string in the Result of a Pass state that looks like an expression."""
    result, pointer = fields.value.get("Result"), fields.child("Result")
    for key, value, at in (("Result", result, pointer), *_members(result, pointer)):
        if key.endswith(_SUFFIX) or likeness(value) is not None:
            _warn(fields, PASS_RESULT_IS_STATIC, messages.static_result(key), pointer, at)


def _members(value: JSON, pointer: str) -> Iterator[tuple[str, JSON, str]]:
    """Key, value and JSON pointer of every member of every object in a value, without recursion."""
    pending: list[tuple[JSON, str]] = [(value, pointer)]
    while pending:
        container, at = pending.pop()
        if isinstance(container, dict):
            members = [(key, member, f"{at}/{escape_key(key)}") for key, member in container.items()]
            yield from members
            pending.extend((member, place) for _, member, place in members)
        elif isinstance(container, list):
            pending.extend((item, f"{at}/{index}") for index, item in enumerate(container))


def _warn(fields: Fields, code: str, message: str, pointer: str, at: str) -> None:
    fields.document.report(code, message, pointer, at=at, severity="WARNING")
