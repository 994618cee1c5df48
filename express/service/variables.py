"""Which workflow variables each state reads: `variableReferences` of DescribeStateMachine.

Recorded: states that read none are omitted, names are sorted and without `$`, and states inside Maps and Parallels are
listed beside the others by their own names. Only variables that a state reads count, even to assign another.

The rules are the same for all state types. In a JSONPath state an expression is a `.$` field at any depth, or a field
outside of templates whose name ends in `Path` (or is a Choice rule's `Variable`); in a JSONata state it is any
`{% … %}`. The definition has been compiled before, so text that does not parse is no expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from express.errors import ExpressionError
from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.fields import CLOSING, OPENING, is_query
from express.expressions.jsonata.functions import BUILTINS
from express.expressions.jsonata.parser import parse
from express.expressions.jsonata.references import find_references
from express.expressions.jsonata.states_object import STATES
from express.expressions.templates import parse_expression, variables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from express.types import JSON

#: Fields that hold states of their own.
_SCOPES: Final = frozenset(("Branches", "ItemProcessor", "Iterator"))
#: Payload templates: in them only a field whose name ends in `.$` holds an expression.
_TEMPLATES: Final = frozenset(("Parameters", "ResultSelector", "ItemSelector", "Assign", "BatchInput", "Credentials"))
#: Fields whose value is always literal.
_LITERALS: Final = frozenset(("Result", "Comment"))


def variable_references(definition: dict[str, JSON]) -> dict[str, list[str]]:
    """For each state that reads variables, by its name: their sorted names."""
    language = definition.get("QueryLanguage")
    found = {name: sorted(_variables(state, language)) for name, state in _states(definition)}
    return {name: variables for name, variables in found.items() if variables}


def _states(scope: dict[str, JSON]) -> Iterator[tuple[str, dict[str, JSON]]]:
    """Every state of a scope and of its nested scopes, in the order of the text."""
    for name, state in scope.get("States", {}).items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from _states(branch)
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield from _states(state[field])


def _variables(state: dict[str, JSON], language: JSON) -> set[str]:
    if state.get("QueryLanguage", language) == "JSONata":
        names = [name for text in _queries(state) for name in _read_by_query(text)]
    else:
        names = [name for text in _expressions(state, in_template=False) for name in _read_by_expression(text)]
    return set(names)


def _expressions(value: JSON, *, in_template: bool) -> Iterator[str]:
    """The paths and intrinsic calls in the fields of a JSONPath state."""
    if isinstance(value, list):
        for member in value:
            yield from _expressions(member, in_template=in_template)
    elif isinstance(value, dict):
        for name, member in value.items():
            if not in_template and name in _SCOPES | _LITERALS:
                continue
            if isinstance(member, str):
                if name.endswith(".$") or (not in_template and (name.endswith("Path") or name == "Variable")):
                    yield member
            else:
                yield from _expressions(member, in_template=in_template or name in _TEMPLATES)


def _queries(value: JSON, *, top: bool = True) -> Iterator[str]:
    """The `{% … %}` in the fields of a JSONata state."""
    if isinstance(value, list):
        for member in value:
            yield from _queries(member, top=False)
    elif isinstance(value, dict):
        for name, member in value.items():
            if not (top and name in _SCOPES):
                yield from _queries(member, top=False)
    elif is_query(value):
        yield value


def _read_by_expression(text: str) -> Iterable[str]:
    try:
        return variables_of(parse_expression(text))
    except ExpressionError:
        return ()


def _read_by_query(text: str) -> Iterable[str]:
    try:
        read = find_references(parse(text[len(OPENING) : -len(CLOSING)].strip())).variables
    except JSONataError:
        return ()
    return [name for name in read if name != STATES and name not in BUILTINS]
