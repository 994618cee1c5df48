"""Names and indexes: the part of a path that is plain indexing, `data["a"]["b"][0]`.

Lookups propagate Python's own lookup errors (`ABSENT`), so that a hit costs no more than hand-written code; the
callers translate a miss. An index needs one check that Python does not make: a string must not be indexed. Filters,
which test each element of an array, use finders instead: these test before they index and return `MISSING` for a
miss.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import TypeAlias

from express.expressions.jsonpath.outcomes import MISSING
from express.expressions.jsonpath.syntax import Index, Name, Step
from express.types import JSON

#: Raises one of ABSENT when the value lacks the path.
Lookup: TypeAlias = Callable[[JSON], JSON]


def split_steps(steps: tuple[Step, ...]) -> tuple[tuple[Name | Index, ...], tuple[Step, ...]]:
    """The leading names and indexes of a path, and the steps after them."""
    head: list[Name | Index] = []
    for step in steps:
        if not isinstance(step, Name | Index):
            break
        head.append(step)
    return tuple(head), steps[len(head) :]


def build_lookup(steps: tuple[Name | Index, ...]) -> Lookup:
    """The indexing that `steps` spell."""
    match steps:
        case ():
            return lambda value: value
        case (Name(a),):
            return itemgetter(a)
        case (Name(a), Name(b)):
            return lambda value: value[a][b]
        case (Name(a), Name(b), Name(c)):
            return lambda value: value[a][b][c]
    if all(isinstance(step, Name) for step in steps):
        return _build_names([step.name for step in steps if isinstance(step, Name)])
    return _build_mixed([step.name if isinstance(step, Name) else step.index for step in steps])


def _build_names(names: list[str]) -> Lookup:
    def lookup(value: JSON) -> JSON:
        for name in names:
            value = value[name]
        return value

    return lookup


def _build_mixed(keys: list[str | int]) -> Lookup:
    plan = [(key, isinstance(key, int)) for key in keys]

    def lookup(value: JSON) -> JSON:
        for key, is_index in plan:
            if is_index and type(value) is not list:
                raise TypeError
            value = value[key]
        return value

    return lookup


def build_finder(steps: tuple[Name | Index, ...]) -> Callable[[JSON], JSON]:
    """The same lookup for values that often lack the path: it returns MISSING then."""
    match steps:
        case (Name(name),):
            return lambda value: value[name] if type(value) is dict and name in value else MISSING
    plan = [step.name if isinstance(step, Name) else step.index for step in steps]

    def find(value: JSON) -> JSON:
        for key in plan:
            if isinstance(key, str):
                if type(value) is not dict or key not in value:
                    return MISSING
            elif type(value) is not list or not -len(value) <= key < len(value):
                return MISSING
            value = value[key]
        return value

    return find
