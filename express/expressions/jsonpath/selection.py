"""The tail of a path: everything from the first step on that is neither a name nor an index.

A tail works on lists of nodes: the first step spreads one value into a list, every further step is a stage from list
to list. Nodes stay in document order, which is also the order in which Jayway, working depth first, finds them. Lists
and nodes are shared with the data and copied only where necessary, since no code mutates a value it did not make.

The strictness of a step depends on the steps before it, as in Jayway: directly after names and indexes a slice of a
string is an error, after a wildcard it selects nothing. Inside an exists-check (`required`) a missing field is an
error there too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Reversible
from typing import NamedTuple, TypeAlias

from express.expressions.jsonpath.document import PORTION, Document
from express.expressions.jsonpath.functions import FUNCTIONS
from express.expressions.jsonpath.missing import expected_array, expected_container, expected_object
from express.expressions.jsonpath.outcomes import ABSENT, NoResultError
from express.expressions.jsonpath.predicates import BuildPath, Evaluate, Test, build_test
from express.expressions.jsonpath.syntax import (
    Call,
    Descend,
    Filter,
    Index,
    Indexes,
    Literal,
    Name,
    Names,
    Path,
    Slice,
    Step,
    Wildcard,
    canonical_text,
    make_path,
)
from express.payload import constant
from express.types import JSON

#: `(value, root) -> nodes`: the results of one step in one value.
Spread: TypeAlias = Callable[[JSON, Document], list[JSON]]
#: `(nodes, root) -> nodes`
Stage: TypeAlias = Callable[[list[JSON], Document], list[JSON]]


def build_tail(tail: tuple[Step, ...], at: str, build: BuildPath, *, required: bool) -> Evaluate:
    """`(value, root) -> result` for the steps after the place `at`; raises NoResultError and CallError."""
    match tail:
        case (Names(names) as step,):
            return _build_object(step, names, at, required=required)
        case (Call(), *_):
            return _build_calls([_build_call(call, build) for call in tail if isinstance(call, Call)])
        case (Descend(), step, *rest):
            first: Spread = _spread_below(_build_stage_below(step, build, leaf=not rest))
            required = False
        case (step, *rest):
            first = _build_spread(step, build, Strict(at, tail))
    stages = _build_stages(tuple(rest), build, required=required)
    match stages:
        case []:
            return first
        case [stage]:
            return lambda value, root: stage(first(value, root), root)

    def evaluate(value: JSON, root: Document) -> list[JSON]:
        nodes = first(value, root)
        for stage in stages:
            nodes = stage(nodes, root)
        return nodes

    return evaluate


def _build_stages(steps: tuple[Step, ...], build: BuildPath, *, required: bool) -> list[Stage]:
    match steps:
        case ():
            return []
        case (Descend(), step, *rest):
            below = _build_stage_below(step, build, leaf=not rest)
            return [below, *_build_stages(tuple(rest), build, required=False)]
        case (step, *rest):
            stage = _build_stage(step, build, leaf=not rest, required=required)
            return [stage, *_build_stages(tuple(rest), build, required=required)]
    return []


# one value -> nodes ---------------------------------------------------------------------------------------------


class Strict(NamedTuple):
    """Error context for the first step of a tail: its place, and the steps from it on."""

    at: str
    steps: tuple[Step, ...]


def _build_spread(step: Step, build: BuildPath, strict: Strict | None = None) -> Spread:
    """The results of `step` in one value; a value of an unfit type gives none, or an error if `strict`."""
    match step:
        case Wildcard():
            return _every
        case Slice():
            return _on_array(strict, _build_slice(step))
        case Indexes(indexes):
            return _on_array(strict, _build_indexes(indexes))
        case Names(names):
            return _build_fields(step, names, strict)
        case Filter(condition):
            return _build_filter(strict, build_test(condition, build))
    raise AssertionError(step)


def _every(value: JSON, root: Document) -> list[JSON]:
    kind = type(value)
    if kind is list:
        return value  # type: ignore[no-any-return]
    return list(value.values()) if kind is dict else []


def _on_array(strict: Strict | None, pick: Callable[[list[JSON]], list[JSON]]) -> Spread:
    def spread(value: JSON, root: Document) -> list[JSON]:
        if type(value) is list:
            return pick(value)
        if strict is None or value is None:
            return []
        raise NoResultError(expected_array(strict.steps, strict.at, value))

    return spread


def _build_slice(step: Slice) -> Callable[[list[JSON]], list[JSON]]:
    """Python's slice, except for bounds of opposite signs: Jayway counts from one to the other (see `Slice.wraps`)."""
    start, stop = step.start, step.stop
    if step.wraps:
        return lambda items: items[start:] + items[:stop]
    if start is not None and stop is not None and start >= 0 > stop:
        return lambda items: []
    taken = slice(start, stop)
    return lambda items: items[taken]


def _build_indexes(indexes: tuple[int, ...]) -> Callable[[list[JSON]], list[JSON]]:
    def pick(items: list[JSON]) -> list[JSON]:
        size = len(items)
        return [items[index] for index in indexes if -size <= index < size]

    return pick


def _build_fields(step: Names, names: tuple[str, ...], strict: Strict | None) -> Spread:
    def spread(value: JSON, root: Document) -> list[JSON]:
        if type(value) is dict:
            return [value[name] for name in names if name in value]
        if strict is None:
            return []
        raise NoResultError(expected_object(step.fragment, strict.at, value))

    return spread


def _build_filter(strict: Strict | None, test: Test) -> Spread:
    in_pieces = _build_in_pieces(lambda items, root: [item for item in items if test(item, root)])

    def spread(value: JSON, root: Document) -> list[JSON]:
        if type(value) is list:
            if len(value) > PORTION:
                return in_pieces(value, root)
            root.spend(len(value))
            return [item for item in value if test(item, root)]
        if type(value) is dict:
            return [value] if test(value, root) else []
        if strict is None:
            return []
        raise NoResultError(expected_container(strict.steps, value))

    return spread


# nodes -> nodes -------------------------------------------------------------------------------------------------


def _build_stage(step: Step, build: BuildPath, *, leaf: bool, required: bool) -> Stage:
    match step:
        case Name(name):
            return _build_required_name(name) if required else _build_name(name)
        case Index(index):
            return lambda nodes, root: [
                node[index] for node in nodes if type(node) is list and -len(node) <= index < len(node)
            ]
        case Names(names) if leaf:
            return _build_picking(_build_object(step, names, "", required=required))
        case Call():
            return _build_calling(_build_call(step, build))
    spread, width = _build_spread(step, build), _width(step)

    def spread_all(nodes: list[JSON], root: Document) -> list[JSON]:
        found: list[JSON] = []
        for node in nodes:
            more = spread(node, root)
            root.left -= len(more) + width
            if root.left < 0:
                root.spend(0)
            found += more
        return found

    return spread_all


def _build_in_pieces(stage: Stage) -> Stage:
    """`stage` for many nodes, each of which takes some time: visits are counted piece by piece."""

    def in_pieces(nodes: list[JSON], root: Document) -> list[JSON]:
        found: list[JSON] = []
        for first in range(0, len(nodes), PORTION):
            piece = nodes[first : first + PORTION]
            root.spend(len(piece))
            found += stage(piece, root)
        return found

    return in_pieces


def _build_picking(pick: Evaluate) -> Stage:
    """A stage that maps each object to an object of some of its fields."""

    def stage(nodes: list[JSON], root: Document) -> list[JSON]:
        if len(nodes) > PORTION:
            return in_pieces(nodes, root)
        return [pick(node, root) for node in nodes if type(node) is dict]

    in_pieces = _build_in_pieces(stage)
    return stage


def _build_calling(call: Evaluate) -> Stage:
    """A stage that applies a function to each node."""

    def stage(nodes: list[JSON], root: Document) -> list[JSON]:
        if len(nodes) > PORTION:
            return in_pieces(nodes, root)
        return [call(node, root) for node in nodes]

    in_pieces = _build_in_pieces(stage)
    return stage


def _width(step: Step) -> int:
    """Visits for members of a union that a value may lack: these are cheap, so four count as one."""
    match step:
        case Names(names):
            return len(names) // 4
        case Indexes(indexes):
            return len(indexes) // 4
    return 0


def _build_name(name: str) -> Stage:
    def stage(nodes: list[JSON], root: Document) -> list[JSON]:
        try:
            return [node[name] for node in nodes]
        except ABSENT:  # mixed shapes: test before indexing
            return [node[name] for node in nodes if type(node) is dict and name in node]

    return stage


def _build_required_name(name: str) -> Stage:
    def stage(nodes: list[JSON], root: Document) -> list[JSON]:
        objects = [node for node in nodes if type(node) is dict]
        if all(name in node for node in objects):
            return [node[name] for node in objects]
        raise NoResultError(f"Missing property in path ['{name}']")

    return stage


def _build_object(step: Names, names: tuple[str, ...], at: str, *, required: bool) -> Evaluate:
    """`['a','b']` as the last step: one object of the existing fields."""

    def evaluate(value: JSON, root: Document) -> JSON:
        if type(value) is not dict:
            raise NoResultError(expected_object(step.fragment, at, value))
        found = {name: value[name] for name in names if name in value}
        if required and len(found) < len(set(names)):
            raise NoResultError(f"Missing property in path {at}{step.fragment}")
        return found

    return evaluate


# below ----------------------------------------------------------------------------------------------------------


#: Extra visits per object or array of a descent, which costs more than a number.
_VISIT = 4


def _spread_below(below: Stage) -> Spread:
    return lambda value, root: below([value], root)


def _build_stage_below(step: Step, build: BuildPath, *, leaf: bool) -> Stage:
    """`..step`: the results of `step` in each node and in every object and array below it, parents first.

    The walk keeps its own stack, so the depth of the data does not matter.
    """
    if isinstance(step, Name):
        return _build_name_below(step.name)
    find, width = _build_find(step, build, leaf=leaf), _width(step) + _VISIT
    deeper = _containers if isinstance(step, Filter) else _filled_containers

    def stage(nodes: list[JSON], root: Document) -> list[JSON]:
        found: list[JSON] = []
        stack = nodes[::-1]
        children: Reversible[JSON]
        while stack:
            container = stack.pop()
            kind = type(container)
            if kind is dict:
                children = container.values()
            elif kind is list:
                children = container
            else:
                continue
            root.left -= len(container) + width
            if root.left < 0:
                root.spend(0)
            find(container, root, found)
            stack.extend(deeper(reversed(children)))
        return found

    return stage


def _build_name_below(name: str) -> Stage:
    """The same walk specialised for `..name`, by far the most frequent."""

    def stage(nodes: list[JSON], root: Document) -> list[JSON]:
        found: list[JSON] = []
        stack = nodes[::-1]
        children: Reversible[JSON]
        while stack:
            container = stack.pop()
            if type(container) is dict:
                if name in container:
                    found.append(container[name])
                children = container.values()
            elif type(container) is list:
                children = container
            else:
                continue
            root.left -= len(container) + _VISIT
            if root.left < 0:
                root.spend(0)
            stack.extend(_filled_containers(reversed(children)))
        return found

    return stage


def _containers(children: Iterable[JSON]) -> list[JSON]:
    return [child for child in children if type(child) is dict or type(child) is list]


def _filled_containers(children: Iterable[JSON]) -> list[JSON]:
    """The non-empty containers; nothing can be found in an empty one."""
    return [child for child in children if child and (type(child) is dict or type(child) is list)]


#: `(container, root, found)`: append the results in one object or array to `found`.
_Find: TypeAlias = Callable[[JSON, Document, list[JSON]], None]


def _build_find(step: Step, build: BuildPath, *, leaf: bool) -> _Find:
    match step:
        case Names(names) if leaf:
            return _build_find_object(names)
        case Filter(condition):
            return _build_find_matching(build_test(condition, build))
    spread = _build_spread(Indexes((step.index,)) if isinstance(step, Index) else step, build)

    def find(container: JSON, root: Document, found: list[JSON]) -> None:
        found.extend(spread(container, root))

    return find


def _build_find_object(names: tuple[str, ...]) -> _Find:
    """A find that accepts only objects with all the fields."""

    def find(container: JSON, root: Document, found: list[JSON]) -> None:
        if type(container) is dict and all(name in container for name in names):
            found.append({name: container[name] for name in names})

    return find


def _build_find_matching(test: Test) -> _Find:
    """A find that tests each object, and an array as a whole before its elements."""

    def find(container: JSON, root: Document, found: list[JSON]) -> None:
        if test(container, root):
            if type(container) is dict:
                found.append(container)
            else:
                found.extend([item for item in container if test(item, root)])

    return find


# functions ------------------------------------------------------------------------------------------------------


def _build_calls(calls: list[Evaluate]) -> Evaluate:
    if len(calls) == 1:
        return calls[0]

    def evaluate(value: JSON, root: Document) -> JSON:
        for call in calls:
            value = call(value, root)
        return value

    return evaluate


#: Functions that read no element.
_COUNTING = ("length", "size")


def _build_call(step: Call, build: BuildPath) -> Evaluate:
    function = FUNCTIONS[step.function].evaluate
    written = _length_arguments(step.arguments) if step.function in ("length", "size") else step.arguments
    if step.function in _COUNTING and not written:
        return lambda value, root: function(value, ())
    arguments = [_build_argument(argument, build) for argument in written]

    def call(value: JSON, root: Document) -> JSON:
        given = [argument(value, root) for argument in arguments]
        root.spend(_length(value) + sum(map(_length, given)))
        return function(value, given)

    return call


def _length(value: JSON) -> int:
    return len(value) if type(value) is list else 1


def _build_argument(argument: Literal | Path, build: BuildPath) -> Evaluate:
    """An argument; it is evaluated at the root, wherever the call is."""
    if isinstance(argument, Path):
        evaluate, key = build(argument), object()
        return lambda value, root: root.once(key, evaluate)
    make = constant(argument.value)
    return lambda value, root: make()


def _length_arguments(arguments: tuple[Literal | Path, ...]) -> tuple[Literal | Path, ...]:
    """`length(path)` counts the children of all results of the path; a definite path is ignored.

    This is the effect of Jayway's rewriting of the argument: `$.length($.list)` measures `$`, and `$..tags.length()`,
    which is `$.length($..tags)`, counts the tags of all lists together.
    """
    path = next(argument for argument in arguments if isinstance(argument, Path)) if arguments else None
    if path is None:
        return ()
    if path.steps and isinstance(path.steps[-1], Call):
        return (path,)
    if path.definite:
        return ()
    return (make_path(canonical_text(path.steps), path.root, None, (*path.steps, Wildcard())),)
