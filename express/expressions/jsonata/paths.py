"""Paths evaluated step by step, for expressions whose paths are not compiled to loops.

These are of two kinds. Paths with `%`, `@` or `#` carry a tuple of bindings with every item. And expressions that
distinguish sequences from arrays mark lists when they are made and query the marks when they are used. This is
`evaluatePath` of jsonata-js and its helpers, step for step; the expressions of steps and predicates are compiled
functions of (item, tuple).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from express.expressions.jsonata import grouping, ordering, sequences, values
from express.expressions.jsonata.evaluation import paced
from express.expressions.jsonata.sequences import Marks, settle
from express.expressions.jsonata.values import UNDEFINED, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.expressions.jsonata.evaluation import Evaluation

#: The key of the item in a tuple; no variable has this name.
ITEM: Final = "@"

#: Steps for an item, and for an item with its bindings.
_ITEM_COST: Final = 4
_TUPLE_COST: Final = 8

#: The bindings of one item of a tuple stream.
Tuple = dict[str, Value]


class TupleStream(list[Tuple]):
    """Items with their bindings; never a value: the enclosing path unpacks it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """A predicate or `#$name` after a step: the number of a function, a literal index, or the name."""

    test: int | None = None
    index: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a plan: `evaluate` is the number of its function, `terms` those of an order-by with their directions.

    `constructed`: an array constructor as the first step. `bound`: from here on the path carries tuples. `focus`,
    `index`, `ancestor`: the names it binds.
    """

    evaluate: int | None
    terms: tuple[tuple[int, bool], ...] | None
    stages: tuple[Stage, ...]
    constructed: bool
    bound: bool
    focus: str | None
    index: str | None
    ancestor: str | None
    position: int


@dataclass(frozen=True, slots=True)
class Grouping:
    """`{key: value}` after a path, as numbers of functions."""

    pairs: tuple[tuple[int, int], ...]
    position: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A path. `keep`: a step has `[]`; `keep_all`: the whole path has it. `carried`: the outer path needs tuples."""

    steps: tuple[Step, ...]
    keep: bool
    keep_all: bool
    carried: bool
    group: Grouping | None


def run(
    plan: Plan,
    items: Sequence[Value],
    context: Value,
    functions: tuple[Callable[[Value, Tuple], Value], ...],
    marks: Marks | None,
    evaluation: Evaluation,
) -> Value:
    """The value of a path applied to `items`: those of `context`, or `context` as the only one."""
    walker = _Walker(functions, Marks() if marks is None else marks, evaluation)
    value = walker.path(plan, items, context)
    return settle(value, walker.marks, keep=plan.keep_all) if marks is None else value


class _Walker:
    __slots__ = ("evaluation", "functions", "marks")

    def __init__(
        self, functions: tuple[Callable[[Value, Tuple], Value], ...], marks: Marks, evaluation: Evaluation
    ) -> None:
        self.functions = functions
        self.marks = marks
        self.evaluation = evaluation

    def path(self, plan: Plan, items: Sequence[Value], context: Value) -> Value:
        result: Value = UNDEFINED
        tuples: TupleStream | None = None
        bound = False
        for number, step in enumerate(plan.steps):
            bound = bound or step.bound
            if step.constructed:
                assert step.evaluate is not None
                result = self.functions[step.evaluate](context, {})
                if result is UNDEFINED:
                    return UNDEFINED if plan.group is None else self.group(plan.group, result)
                if type(result) is not list:
                    result = sequence(list(sequences.by_length(result)), self.marks)
            elif bound:
                tuples = self.tuple_step(step, items, tuples)
            else:
                result = self.step(step, items, last=number == len(plan.steps) - 1)
            if not bound and type(result) is list and not result:
                break
            if step.focus is None:
                items = result
        if bound:
            tuples = TupleStream() if tuples is None else tuples
            result = tuples if plan.carried else self.marks.sequence([each[ITEM] for each in tuples])
        elif type(result) is not list:
            result = self.marks.sequence(list(result))
        if plan.keep:
            result = self.kept(result)
        if plan.group is not None:
            return self.group(plan.group, tuples if bound else result)
        return result

    def kept(self, result: Value) -> Value:
        """The result of a path that contains `[]`."""
        marks = self.marks
        if id(result) in marks.constructed and id(result) not in marks.sequences:
            result = marks.sequence([result])
        marks.kept.add(id(result))
        return result

    # ------------------------------------------------------------------ steps without bindings

    def step(self, step: Step, items: Sequence[Value], *, last: bool) -> list[Value]:
        if step.terms is not None:
            ordered: list[Value] = self.stages(step.stages, self.sort(step, items))
            return ordered
        assert step.evaluate is not None
        evaluate = self.functions[step.evaluate]
        results = []
        for item in paced(self.evaluation, items, _ITEM_COST):
            result = evaluate(item, {})
            for stage in step.stages:
                result = self.filter(stage, result)
            if result is not UNDEFINED:
                results.append(result)
        if last and len(results) == 1:
            only = results[0]
            if type(only) is list and id(only) not in self.marks.sequences:
                return only
        return self.flattened(results)

    def flattened(self, results: list[Value]) -> list[Value]:
        marks = self.marks
        flat: list[Value] = []
        for result in results:
            if type(result) is list and id(result) not in marks.constructed:
                self.evaluation.gather(len(result), len(flat))
                flat += result
            else:
                flat.append(result)
        marks.sequence(flat)
        return flat

    def sort(self, step: Step, items: Sequence[Any]) -> list[Any]:
        assert step.terms is not None
        terms = [(self.keyed(key, items), descending) for key, descending in step.terms]
        ordered = ordering.sort(items, terms, step.position, self.evaluation)
        # jsonata-js returns its input if there is nothing to sort, and that is a sequence.
        if isinstance(items, TupleStream):
            return TupleStream(ordered)
        return ordered if len(ordered) > 1 else sequence(ordered, self.marks)

    def keyed(self, number: int, items: Sequence[Any]) -> Callable[[Any], Value]:
        function = self.functions[number]
        if isinstance(items, TupleStream):
            return lambda each: function(each[ITEM], each)
        return lambda item: function(item, {})

    def stages(self, stages: tuple[Stage, ...], result: Any) -> Any:
        for stage in stages:
            if stage.name is None:
                result = self.filter(stage, result)
            else:
                for place, each in enumerate(result):
                    each[stage.name] = place
        return result

    def filter(self, stage: Stage, value: Any) -> Any:
        if stage.index is not None:
            if isinstance(value, TupleStream):
                return stream_index(value, stage.index)
            return index(value, stage.index, self.marks)
        assert stage.test is not None
        test = self.functions[stage.test]
        if isinstance(value, TupleStream):
            return stream_select(value, test, self.evaluation)
        return select(value, lambda item: test(item, {}), self.marks, self.evaluation)

    # ------------------------------------------------------------------ steps with bindings

    def tuple_step(self, step: Step, items: Sequence[Value], tuples: TupleStream | None) -> TupleStream:
        if step.terms is not None:
            return self.tuple_sort(step, items, tuples)
        assert step.evaluate is not None
        evaluate = self.functions[step.evaluate]
        stream = TupleStream([{ITEM: item} for item in items]) if tuples is None else tuples
        # Each tuple copies all bindings of the one before it.
        cost = _TUPLE_COST + (len(stream[0]) >> 2 if stream else 0)
        made = TupleStream()
        for each in paced(self.evaluation, stream, cost):
            result = evaluate(each[ITEM], each)
            if result is UNDEFINED:
                continue
            if not isinstance(result, list):
                result = [result]
            for place, item in enumerate(paced(self.evaluation, result, cost)):
                made.append(self.bind(step, each, result, item, place))
        done: TupleStream = self.stages(step.stages, made)
        return done

    def bind(self, step: Step, before: Tuple, result: list[Any], item: Any, place: int) -> Tuple:
        bindings = dict(before)
        if isinstance(result, TupleStream):
            bindings.update(item)
            return bindings
        if step.focus is not None:
            bindings[step.focus] = item
        else:
            bindings[ITEM] = item
        if step.index is not None:
            bindings[step.index] = place
        if step.ancestor is not None:
            bindings[step.ancestor] = before[ITEM]
        return bindings

    def tuple_sort(self, step: Step, items: Sequence[Value], tuples: TupleStream | None) -> TupleStream:
        if tuples is not None:
            ordered = TupleStream(self.sort(step, tuples))
        else:
            ordered = TupleStream()
            for place, item in enumerate(self.sort(step, items)):
                ordered.append({ITEM: item} if step.index is None else {ITEM: item, step.index: place})
        done: TupleStream = self.stages(step.stages, ordered)
        return done

    # ------------------------------------------------------------------ grouping

    def group(self, plan: Grouping, value: Any) -> dict[str, Value]:
        if not isinstance(value, TupleStream):
            pairs = [(self.keyed(key, ()), self.keyed(number, ())) for key, number in plan.pairs]
            return grouping.group(sequences.items_of(value), pairs, plan.position, self.evaluation)
        groups: dict[str, tuple[int, list[Tuple]]] = {}
        for each in paced(self.evaluation, value or [{ITEM: UNDEFINED}], _ITEM_COST * len(plan.pairs)):
            for number, (key_of, _) in enumerate(plan.pairs):
                key = self.functions[key_of](each[ITEM], each)
                if key is not UNDEFINED:
                    grouping.put(groups, grouping.check_key(key, plan.position), number, each, plan.position)
        made = {}
        for key, (number, members) in groups.items():
            # As in jsonata-js, a tuple alone in its group is consumed: its item is missing in other groups.
            together = self.merged(members) if len(members) > 1 else members[0]
            result = self.functions[plan.pairs[number][1]](together.pop(ITEM, UNDEFINED), together)
            if result is not UNDEFINED:
                made[key] = result
        return made

    def merged(self, members: list[Tuple]) -> Tuple:
        """Each binding of a group's tuples, merged like the items of a group."""
        names = dict.fromkeys([name for member in members for name in member])
        return {
            name: grouping.merged([member.get(name, UNDEFINED) for member in members], self.evaluation)
            for name in names
        }


# ---------------------------------------------------------------------------------------- blocks that give tuples


def unstreamed(stream: Value, marks: Marks | None, keep: bool) -> Value:
    """The value of a block that returns tuples, where none are needed."""
    if isinstance(stream, TupleStream):
        stream = [each[ITEM] for each in stream]
    elif type(stream) is not values.Sequence:
        return stream
    marks = Marks() if marks is None else marks
    return settle(sequence(list(stream), marks), marks, keep)


def stream_index(stream: Value, place: int) -> Value:
    """A literal number as predicate of a stream; a value that turns out not to be a stream is filtered itself."""
    if not isinstance(stream, TupleStream):
        return sequences.at_index(sequences.loosened(stream), place)
    found = sequences.at_index(list(stream), place)
    return TupleStream([] if found is UNDEFINED else [found])


def stream_select(stream: Value, test: Callable[[Value, Tuple], Value], evaluation: Evaluation) -> Value:
    """Any other predicate of a stream."""
    if not isinstance(stream, TupleStream):
        tuples = TupleStream([{ITEM: item} for item in sequences.items_of(sequences.loosened(stream))])
        return values.Sequence([each[ITEM] for each in stream_select(tuples, test, evaluation)])
    chosen = TupleStream()
    for place, each in enumerate(paced(evaluation, stream, _ITEM_COST)):
        chosen.extend([each] * sequences.picked(test(each[ITEM], each), place, len(stream), evaluation))
    return chosen


# ---------------------------------------------------------------------------------------- marked values


def sequence(items: list[Value], marks: Marks) -> list[Value]:
    """Mark a new list as a sequence."""
    marks.sequence(items)
    return items


def field(value: Value, name: str, marks: Marks, evaluation: Evaluation | None) -> Value:
    """`sequences.field`; several results from an array are marked as a sequence, already collapsed."""
    found = sequences.field(value, name, evaluation)
    return marks.sequence(found) if type(value) is list and type(found) is list and len(found) > 1 else found


def wildcard(value: Value, marks: Marks, evaluation: Evaluation | None) -> Value:
    found, is_sequence = sequences.wildcard(value, evaluation)
    return marks.sequence(found) if is_sequence else found


def index(value: Value, place: int, marks: Marks) -> Value:
    """A literal number as predicate; a selected item that is an array is the result itself, not a sequence."""
    found = sequences.at_index(value, place)
    if type(found) is list:
        return found
    return marks.sequence([] if found is UNDEFINED else [found])


def select(value: Value, test: Callable[[Value], Value], marks: Marks, evaluation: Evaluation) -> list[Value]:
    """Any other predicate."""
    items = sequences.items_of(value)
    chosen: list[Value] = []
    for place, item in enumerate(paced(evaluation, items, _ITEM_COST)):
        chosen += [item] * sequences.picked(test(item), place, len(items), evaluation)
    marks.sequence(chosen)
    return chosen
