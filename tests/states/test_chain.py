"""States that run as one: nobody can tell them from the same states one by one.

Each scene runs twice, in a chain and under an observer of states, for whom no chains are made: status, output, error,
cause with its event ids, the counts of every state and the time it took must be the same.
"""

from __future__ import annotations

import asyncio
import enum
import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import express
from express.observe import Observer
from express.states.chain import LONGEST
from tests.runtime.machines import (
    WAYS,
    Way,
    catching,
    compiled,
    each,
    machine,
    parallel,
    reference_counting_alone,
    run_clean,
    state,
    task,
    through_execute,
    turns,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from express.program import Step
    from express.types import JSON

EVENT: dict[str, JSON] = {"order": {"id": "o-1", "items": [{"sku": "tea"}, {"sku": "pot"}]}, "n": 7}


class Watcher(Observer):
    """Sees every state, so that none runs in a chain."""

    def __init__(self) -> None:
        self.seen: list[JSON] = []

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        self.seen.append(data)


def work(name: str) -> Any:
    """A handler that answers at once, but as its payload says: `{"what": {name: "wait"}}` and so on."""

    async def handler(payload: Any) -> JSON:
        what = payload.get("what", {}).get(name) if isinstance(payload, dict) else None
        if what is not None and "wait" in what:
            await asyncio.sleep(1)
        if what is not None and "fail" in what:
            raise LookupError(f"{name} failed")
        if what == "named":
            raise express.TaskError("Named", "by itself")
        if what == "give up":
            raise asyncio.CancelledError
        if what == "no JSON":
            return {1, 2}
        if what == "tuple":
            return (1, 2)
        return {name: len(payload)}

    return handler


HANDLERS = {name: work(name) for name in ("A", "B", "C")}


def in_a_row(*states: dict[str, Any]) -> dict[str, Any]:
    """States S0, S1, ... one after another, which end well or, where the data says so, in a cause that quotes the id of
    an event."""
    last = f"S{len(states)}"
    row = {f"S{index}": {**fields, "Next": f"S{index + 1}"} for index, fields in enumerate(states)}
    for fields in row.values():
        fields.pop("End", None)
    rules = [
        {"Variable": "$.told", "IsPresent": True, "Next": "Tell"},
        {"Variable": "$.error", "IsPresent": True, "Next": "Caught"},
    ]
    row[last] = state("Choice", Choices=rules, Default="Fine")
    return machine(**row, Fine=state("Succeed"), Tell=state("Pass", InputPath="$.nowhere"), Caught=state("Pass"))


def orders(*, caught: bool = False) -> dict[str, Any]:
    """Three Tasks, each adding a member."""
    fields: dict[str, Any] = {"Catch": catching("States.ALL", to="Caught", ResultPath="$.error")} if caught else {}
    return in_a_row(*(task(name, ResultPath=f"$.{name.lower()}", **fields) for name in HANDLERS))


def renamed(states: dict[str, Any]) -> dict[str, Any]:
    """The same states by other names: those of a machine are all different."""
    other: dict[str, Any] = json.loads(re.sub(r'"(S[0-9]+|Fine|Tell|Caught)"', r'"Other\1"', json.dumps(states)))
    return other


def adding(key: str, **fields: Any) -> dict[str, Any]:
    return state("Pass", ResultPath=f"$.{key}", **fields)


PASSES = in_a_row(
    adding("a", Parameters={"id.$": "$.order.id", "two": 2}),
    adding("b", Parameters={"a.$": "$.a", "inner": {"sku.$": "$.order.items[1].sku"}, "list": [1, {"n.$": "$.n"}]}),
    adding("c", Result={"fixed": ["x.$"]}),
    adding("d", InputPath="$.b.inner"),
    state("Pass"),
    adding("a", Parameters={"again.$": "$.a.id"}),
    state("Pass", Parameters={"all.$": "$.a", "c.$": "$.c", "told.$": "$.n"}),
    adding("e", Parameters={"all.$": "$.all.again"}),
)


def choosing(*rules: tuple[str, dict[str, Any]], default: str | None = "Fine") -> dict[str, Any]:
    """A Choice between Passes: one alone, a chain of two, one that fails, one that leads back to the Choice."""
    fields: dict[str, Any] = {} if default is None else {"Default": default}
    # All have to be reachable.
    others = [(target, is_("$.n", -1)) for target in ("Fine", "Alone", "Chain", "Fails", "Again")]
    return machine(
        Choose=state("Choice", Choices=[{**rule, "Next": target} for target, rule in (*rules, *others)], **fields),
        Fine=state("Succeed"),
        Alone=adding("a", Result={"v": [1]}),
        Chain=adding("a", InputPath="$.order", Next="Link"),
        Link=adding("b", InputPath="$.n", Next="Work"),
        Work=task("A", ResultPath="$.c"),
        Fails=adding("a", InputPath="$.nowhere.a"),
        Again=adding("n", InputPath="$.next", Next="Choose"),
    )


def is_(path: str, value: float | str | bool) -> dict[str, Any]:
    kind = "Boolean" if isinstance(value, bool) else "String" if isinstance(value, str) else "Numeric"
    return {"Variable": path, f"{kind}Equals": value}


CHOICES = {
    "a Pass alone": choosing(("Alone", is_("$.n", 7))),
    "a chain": choosing(("Fails", is_("$.n", 6)), ("Chain", is_("$.order.id", "o-1"))),
    "the default": choosing(("Fails", is_("$.order.id", "o-2")), default="Alone"),
    "no Pass": choosing(("Fails", is_("$.n", 8))),
    "none": choosing(("Alone", is_("$.n", 8)), default=None),
    "a Pass that fails": choosing(("Fails", is_("$.n", 7))),
    "a member that is missing": choosing(("Alone", is_("$.n", 8)), ("Alone", is_("$.order.missing", 7))),
    "a member of no object": choosing(("Alone", is_("$.n.a", 8))),
    "back to the Choice": choosing(("Again", is_("$.n", 7)), ("Chain", is_("$.n", 5))),
    "back, and then it fails": choosing(("Again", is_("$.n", 7)), ("Fails", is_("$.n", 5))),
    "a combination": choosing(("Chain", {"Not": is_("$.n", 8)})),
}

SCENES: dict[str, tuple[dict[str, Any], JSON]] = {
    "tasks": (orders(), EVENT),
    "tasks, then the engine's own error": (orders(), {**EVENT, "told": 1}),
    "no object": (orders(), [1]),
    **{
        f"{name}: {what}{', caught' if caught else ''}": (orders(caught=caught), {"what": {name: what}, "told": 1})
        for name in HANDLERS
        for what in ("wait", "fail", "wait and fail", "named", "give up", "no JSON", "tuple")
        for caught in (False, True)
    },
    "two wait": (orders(), {"what": {"A": "wait", "C": "wait"}, "told": 1}),
    "all wait": (orders(), {"what": {"A": "wait", "B": "wait", "C": "wait and fail"}}),
    "passes": (PASSES, EVENT),
    "passes over no object": (PASSES, "text"),
    "the first pass fails": (PASSES, {"n": 1}),
    "the second pass fails": (PASSES, {**EVENT, "order": {"id": 1, "items": [1, 2]}}),
    "passes to an end": (machine(A=adding("a", Result=1, Next="B"), B=adding("b", Result=2)), EVENT),
    "tasks to an end": (machine(A=task("A", ResultPath="$.a", Next="B"), B=task("B", ResultPath="$.b")), EVENT),
    "a failing end": (
        machine(A=task("A", ResultPath="$.a", Next="B"), B=task("B", ResultPath="$.b")),
        {"what": {"B": "tuple"}},
    ),
    "constants in the place of the input": (
        in_a_row(state("Pass", Result={"v": [1]}), adding("w", Result=2), state("Pass", Parameters={"v.$": "$.v"})),
        EVENT,
    ),
    "a scalar in the place of the input": (in_a_row(adding("a", Result=1), state("Pass", Result=7)), EVENT),
    "more than a chain is long": (
        in_a_row(*(adding(f"m{index}", Parameters={"n.$": "$.n"}) for index in range(2 * LONGEST + 3))),
        {**EVENT, "told": 1},
    ),
    "mixed": (
        in_a_row(
            adding("x", Result=1), task("A", ResultPath="$.a"), task("B", ResultPath="$.b"), adding("y", Result=1)
        ),
        {"what": {"B": "fail"}, "told": 1},
    ),
    "a retried one between": (
        in_a_row(
            task("A", ResultPath="$.a"),
            task("B", ResultPath="$.b", Retry=[{"ErrorEquals": ["LookupError"], "MaxAttempts": 2}]),
            task("C", ResultPath="$.c"),
        ),
        {"what": {"B": "fail"}},
    ),
    **{f"a Choice takes {what}": (definition, {**EVENT, "next": 5}) for what, definition in CHOICES.items()},
    "a Choice, and the Task behind the chain waits": (CHOICES["a chain"], {**EVENT, "what": {"A": "wait and fail"}}),
    "a Choice in iterations": (machine(Each=each(CHOICES["back to the Choice"])), [{**EVENT, "next": 5}] * 3 + [EVENT]),
    "in branches": (machine(All=parallel(orders(), renamed(PASSES))), EVENT),
    "in branches, one fails": (machine(All=parallel(renamed(PASSES), orders())), {**EVENT, "what": {"B": "fail"}}),
    "in iterations": (machine(Each=each(orders())), [EVENT, {"what": {"B": "wait"}}, {"what": {"C": "tuple"}}, EVENT]),
    "in iterations, one fails": (machine(Each=each(PASSES)), [EVENT] * 3 + [{"n": 1}] + [EVENT] * 40),
}


def outcome(
    definition: dict[str, Any],
    event: JSON,
    way: Way = through_execute,
    observers: Iterable[Observer] = (),
    **limits: Any,
) -> tuple[Any, ...]:
    workflow = compiled(definition, {"isolate": False}, **HANDLERS)

    async def main() -> express.Result:
        async with express.Runtime(observers=observers, **limits) as runtime:
            return await way(runtime, workflow, event)

    result = run_clean(main())
    # Each failure has an id of its own.
    told = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", repr((result.status, result.output, result.error, result.cause)))
    counts = {
        step.name: (
            step.attempts,
            step.entries,
            step.waited,
            step.resumed,
            step.failed_at_once,
            step.failures,
            step.caught,
        )
        for step in workflow.machine(tuple(observers)).all_steps
    }
    return told, counts, result.billing.duration_ms


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("definition", "event"), SCENES.values(), ids=SCENES.keys())
def test_a_chain_cannot_be_told_from_its_states(definition: dict[str, Any], event: JSON, way: Way) -> None:
    assert outcome(definition, event, way) == outcome(definition, event, way, [Watcher()])


@pytest.mark.parametrize("limit", range(100, 700, 25))
@pytest.mark.parametrize(
    "definition",
    [PASSES, orders(), SCENES["more than a chain is long"][0], CHOICES["a Pass alone"], CHOICES["a chain"]],
)
def test_the_payload_limit_holds_in_a_chain(definition: dict[str, Any], limit: int) -> None:
    event: JSON = {**EVENT, "told": 1}
    assert outcome(definition, event, payload_limit=limit) == outcome(
        definition, event, observers=[Watcher()], payload_limit=limit
    )


NAMES = st.sampled_from(["a", "b", "c", "n", "order"])
PATHS = st.builds(
    "".join, st.lists(st.sampled_from([".a", ".b", ".n", ".order", ".id", "[0]"]), min_size=1, max_size=3)
)
PARAMETERS = st.dictionaries(NAMES, st.integers(0, 3)) | st.builds(
    lambda name, path, more: {f"{name}.$": f"$.{path.strip('.[]0') or 'a'}{path}", **more},
    NAMES,
    PATHS,
    st.just({}) | st.just({"m": [1, {"x": 2}]}),
)
RESULT_PATHS: st.SearchStrategy[dict[str, str]] = st.just({}) | st.builds(
    lambda name: {"ResultPath": f"$.{name}"}, NAMES
)
STATES = st.one_of(
    st.builds(lambda where, what: state("Pass", Parameters=what, **where), RESULT_PATHS, PARAMETERS),
    st.builds(lambda where, what: state("Pass", Result=what, **where), RESULT_PATHS, st.sampled_from([1, {"id": 2}])),
    st.builds(lambda name, path: adding(name, InputPath=f"$.{path}"), NAMES, NAMES),
    st.builds(lambda name, function: task(function, ResultPath=f"$.{name}"), NAMES, st.sampled_from("ABC")),
    st.just(state("Pass")),
)
WHATS = st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["wait", "fail", "tuple", "no JSON"]), max_size=2)


@settings(max_examples=300, deadline=None)
@given(st.lists(STATES, min_size=1, max_size=8), WHATS, st.sampled_from([262_144, 300]))
def test_any_states_in_a_row(states: list[dict[str, Any]], what: JSON, limit: int) -> None:
    event = {"what": what, "told": 1, "n": 1, "a": {"a": {"id": 2}, "b": [1]}, "order": {"id": "x", "n": [3]}}
    definition = in_a_row(*states)
    assert outcome(definition, event, payload_limit=limit) == outcome(
        definition, event, observers=[Watcher()], payload_limit=limit
    )


MEMBERS = st.sampled_from(["$.n", "$.m", "$.a", "$.order.id", "$.a.id", "$.missing"])
RULES = st.one_of(
    st.builds(is_, MEMBERS, st.sampled_from([1, 2, "x", True])),
    st.builds(lambda path, least: {"Variable": path, "NumericGreaterThan": least}, MEMBERS, st.integers(0, 2)),
    st.builds(lambda path, is_there: {"Variable": path, "IsPresent": is_there}, MEMBERS, st.booleans()),
)
RULES_AND_TARGETS = st.lists(st.tuples(RULES, st.integers(1, 9)), min_size=1, max_size=3)
Node: TypeAlias = "tuple[dict[str, Any] | None, list[tuple[dict[str, Any], int]]]"
NETWORKS: st.SearchStrategy[list[Node]] = st.lists(
    STATES.map(lambda fields: (fields, [])) | RULES_AND_TARGETS.map(lambda rules: (None, rules)), min_size=1, max_size=8
)


@settings(max_examples=500, deadline=None)
@given(NETWORKS, st.integers(1, 9), WHATS, st.sampled_from([262_144, 300]))
def test_any_states_behind_choices(nodes: list[Node], default: int, what: JSON, limit: int) -> None:
    """States that lead to later ones, so that there is always an end; the last three are always there."""
    last = len(nodes)

    def after(index: int, distance: int) -> str:
        return f"S{min(index + distance, last + (index + distance) % 3)}"

    states: dict[str, Any] = {"S": state("Choice", Choices=[{**is_("$.n", -1), "Next": "S0"}], Default="S0")}
    for index, (fields, rules) in enumerate(nodes):
        if fields is None:
            choices = [{**rule, "Next": after(index, distance)} for rule, distance in rules]
            states[f"S{index}"] = state("Choice", Choices=choices, Default=after(index, default))
        else:
            states[f"S{index}"] = {key: value for key, value in fields.items() if key != "End"} | {
                "Next": after(index, 1)
            }
    states[f"S{last}"] = state("Succeed")
    states[f"S{last + 1}"] = state("Pass", InputPath="$.nowhere")
    states[f"S{last + 2}"] = state("Pass", Parameters={"all.$": "$"})
    # Whatever is reachable from nowhere else.
    states["S"]["Choices"] += [{**is_("$.n", -1), "Next": name} for name in states if name != "S"]
    event = {"what": what, "n": 1, "m": 2, "a": {"a": {"id": 2}, "b": [1], "id": 2}, "order": {"id": "x", "n": [3]}}
    watched = outcome(machine(**states), event, observers=[Watcher()], payload_limit=limit)
    assert outcome(machine(**states), event, payload_limit=limit) == watched
    # In a row, too.
    times = 4
    _, counts, _ = outcome(machine(**states), event, in_a_stream(times), payload_limit=limit)
    assert counts == {name: tuple(times * count for count in once) for name, once in watched[1].items()}


def in_a_stream(times: int) -> Way:
    """The last of so many results."""

    async def through_a_stream(runtime: express.Runtime, workflow: express.Workflow, event: JSON) -> express.Result:
        return [result async for result in runtime.map(workflow, [event] * times)][-1]

    return through_a_stream


VALUES = st.sampled_from([None, True, False, 0, 1, 1.0, 2**53 + 1, 9.5, "", "a", "\ud7ff", "\U0001f600", [1], {"m": 1}])
TESTS = st.builds(
    lambda path, operator, operand: {"Variable": path, operator: operand},
    st.sampled_from(["$.m", "$.m.m", "$['x']"]),
    st.sampled_from(["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"]).map(
        "Numeric".__add__
    ),
    st.sampled_from([0, 1, 2**53 + 1, 1e300]),
) | st.builds(
    lambda path, operator, operand: {"Variable": path, operator: operand},
    st.sampled_from(["$.m", "$.m.m", "$['x']"]),
    st.sampled_from(["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"]).map("String".__add__),
    st.sampled_from(["", "a", "\uffff", "\U0001f600"]),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(TESTS, min_size=1, max_size=3), VALUES, VALUES)
def test_rules_on_members_hold_where_they_would_within_a_combination(
    tests: list[dict[str, Any]], member: JSON, inner: JSON
) -> None:
    """Alone, the comparison of a member is made by the Choice itself; within an And, it is a closure."""
    for event in ({"m": member, "x": inner}, {"m": {"m": inner}}, member):
        outcomes = []
        for rules in (tests, [{"And": [test]} for test in tests]):
            targets = {f"T{index}": state("Pass", Result=index) for index in range(len(tests))}
            choices = [{**rule, "Next": target} for rule, target in zip(rules, targets, strict=True)]
            definition = machine(
                Choose=state("Choice", Choices=choices, Default="None"), None_=state("Succeed"), **targets
            )
            definition["States"]["None"] = definition["States"].pop("None_")
            outcomes.append(outcome(definition, event)[0])
        assert outcomes[0] == outcomes[1]


class Kind(enum.StrEnum):
    RUSH = "rush"


def test_a_member_of_an_enum_of_texts_equals_its_text() -> None:
    """As anywhere in Python; an input may hold one, because orjson writes it as its text."""
    choice = state("Choice", Choices=[{**is_("$.kind", "rush"), "Next": "Rush"}], Default="Slow")
    definition = machine(Choose=choice, Rush=state("Pass", Result=1), Slow=state("Pass", Result=2))
    for observers in ([], [Watcher()]):
        assert outcome(definition, {"kind": Kind.RUSH}, observers=observers)[0] == "('SUCCEEDED', 1, None, None)"


def test_a_chain_whose_handlers_usually_suspend_is_broken_up() -> None:
    """Nobody can tell when."""
    events: list[JSON] = [{"what": {"A": "wait"}}] * 80 + [
        {},
        {"what": {"B": "wait"}},
        {"what": {"C": "wait and fail"}},
    ]

    def counts_and_outputs(*observers: Observer) -> tuple[Any, ...]:
        workflow = compiled(orders(), {"isolate": False}, **HANDLERS)

        async def main() -> list[JSON]:
            async with express.Runtime(observers=observers) as runtime:
                return [(await runtime.execute(workflow, event)).output for event in events]

        outputs = run_clean(main())
        steps = workflow.machine(observers).all_steps
        return outputs, [(step.attempts, step.waited, step.failures) for step in steps], steps[0].run.__name__

    chained, watched = counts_and_outputs(), counts_and_outputs(Watcher())
    assert chained[:2] == watched[:2]
    assert chained[2] == "run_directly"


def test_what_a_handler_was_given_stays_as_it_was() -> None:
    """Law 2: a trusted handler shares the data, and what is added later is added to a copy."""
    given_: list[Any] = []

    async def keep(payload: Any) -> JSON:
        given_.append(payload)
        return len(payload)

    names = [f"T{index}" for index in range(4)]
    states = {
        name: task("keep", ResultPath=f"$.{name}", **({"Next": names[index + 1]} if index < 3 else {}))
        for index, name in enumerate(names)
    }
    workflow = compiled(machine(**states), {"isolate": False}, keep=keep)
    event: dict[str, JSON] = {"first": 0}

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            return (await runtime.execute(workflow, event)).unwrap()

    assert run_clean(main()) == {"first": 0, "T0": 1, "T1": 2, "T2": 3, "T3": 4}
    assert [len(payload) for payload in given_] == [1, 2, 3, 4]
    assert event == {"first": 0}


def test_passes_leave_the_input_as_it_was() -> None:
    event = {"n": 1, "order": {"id": 1, "items": [{}, {"sku": 1}]}}
    assert outcome(PASSES, event)[0].startswith("('SUCCEEDED'") is False
    assert event == {"n": 1, "order": {"id": 1, "items": [{}, {"sku": 1}]}}


@pytest.mark.parametrize("slips", [0, 10, 64, 100])
def test_a_handler_that_breaks_its_promise_is_isolated(slips: int) -> None:
    """The first result and every 64th are looked through."""

    async def give(payload: Any) -> JSON:
        return (1, 2) if payload["n"] >= slips else [1, 2]

    workflow = compiled(
        machine(A=task("give", ResultPath="$.a", Next="B"), B=task("give", ResultPath="$.b")),
        {"isolate": False},
        give=give,
    )

    async def main() -> list[Any]:
        async with express.Runtime() as runtime:
            return [(await runtime.execute(workflow, {"n": number})).unwrap() for number in range(300)]

    results = run_clean(main())
    seen = -(-slips // 64) * 64
    assert [type(result["b"]) for result in results[slips:seen]] == [tuple] * (seen - slips)
    assert [(result["a"], result["b"]) for result in results[seen:]] == [([1, 2], [1, 2])] * (300 - seen)


def test_a_slip_that_is_found_in_one_chain_is_known_to_all() -> None:
    """Every state heads the chain that begins with it: here A B C, and B C for those that skip A."""
    good: set[int] = {0, 1}

    async def give(payload: Any) -> JSON:
        return [1] if payload["n"] in good else (1,)

    skip = {"Variable": "$.skip", "BooleanEquals": True, "Next": "B"}
    states = {
        "Skip": state("Choice", Choices=[skip], Default="A"),
        "A": task("plain", ResultPath="$.a", Next="B"),
        "B": task("give", ResultPath="$.b", Next="C"),
        "C": task("plain", ResultPath="$.c"),
    }
    workflow = compiled(machine(**states), {"isolate": False}, give=give, plain=HANDLERS["A"])

    async def main() -> list[type]:
        async with express.Runtime() as runtime:

            async def b(n: int, *, skip: bool) -> type:
                return type((await runtime.execute(workflow, {"n": n, "skip": skip, "what": {}})).unwrap()["b"])

            # Both chains have been looked through, one finds the slip 63 results later.
            through = [await b(0, skip=True), await b(1, skip=False)]
            slips = [await b(n, skip=False) for n in range(2, 66)]
            assert slips == [tuple] * 63 + [list]
            return [*through, *[await b(n, skip=True) for n in range(66, 70)]]

    assert run_clean(main()) == [list] * 6


@pytest.mark.parametrize("what", ["fail", "wait"])
def test_results_are_looked_through_also_where_no_chain_comes_to_its_end(what: str) -> None:
    async def give(payload: Any) -> JSON:
        return (1, 2) if payload["n"] else [1, 2]

    states = {
        "A": task("give", ResultPath="$.a", Next="B"),
        "B": task("B", ResultPath="$.b", Catch=catching("States.ALL", to="C", ResultPath=None), Next="C"),
        "C": state("Pass"),
    }
    workflow = compiled(machine(**states), {"isolate": False}, give=give, B=HANDLERS["B"])

    async def main() -> list[Any]:
        async with express.Runtime() as runtime:
            events: list[JSON] = [{"n": n, "what": {"B": what if n else ""}} for n in range(200)]
            return [(await runtime.execute(workflow, event)).unwrap()["a"] for event in events]

    assert [type(given) for given in run_clean(main())].count(tuple) <= 64


def test_chains_are_made_and_only_for_those_who_do_not_look() -> None:
    def spans(steps: Iterable[Step]) -> list[int]:
        return [step.span for step in steps]

    workflow = compiled(orders(), {"isolate": False}, **HANDLERS)
    assert spans(workflow.machine().all_steps)[:4] == [3, 2, 1, 2]
    assert spans(workflow.machine((Watcher(),)).all_steps)[:4] == [1, 1, 1, 1]
    assert spans(compiled(orders(), {"isolate": True}, **HANDLERS).machine().all_steps)[:4] == [1, 1, 1, 2]
    assert spans(compiled(PASSES).machine().all_steps)[:4] == [8, 7, 6, 5]
    long = SCENES["more than a chain is long"][0]
    assert max(spans(compiled(long).machine().all_steps)) == LONGEST


def test_whoever_looks_on_sees_every_state() -> None:
    watcher = Watcher()
    outcome(orders(), EVENT, observers=[watcher])
    assert len(watcher.seen) == 5


def test_a_circle_of_passes_gives_the_loop_its_turns() -> None:
    """States that go round for ever are stopped by their deadline, and others run meanwhile."""
    round_ = machine(A=adding("a", Result=1, Next="B"), B=adding("b", Result=2, Next="A"))
    round_["States"]["Out"] = state("Choice", Choices=[{"Variable": "$.n", "IsNull": True, "Next": "End"}], Default="A")
    round_["States"]["B"]["Next"] = "Out"
    round_["States"]["End"] = state("Succeed")
    workflow = compiled(round_)
    other = compiled(machine(A=state("Pass")))

    async def main() -> list[express.Result]:
        async with express.Runtime(execution_timeout=1) as runtime:
            started = [await runtime.start(workflow, EVENT), await runtime.start(other, 1)]
            return [await execution for execution in started]

    assert [result.status for result in run_clean(main(), tick_ns=10_000)] == ["TIMED_OUT", "SUCCEEDED"]


def test_a_handler_may_come_by_its_own_chain_again() -> None:
    runtimes: list[express.Runtime] = []

    async def nest(payload: Any) -> JSON:
        if not payload["n"]:
            return 0
        inner = await runtimes[0].execute(workflow, {"n": payload["n"] - 1})
        return inner.unwrap()

    workflow = compiled(
        machine(A=task("nest", ResultPath="$.a", Next="B"), B=task("nest", ResultPath="$.b")),
        {"isolate": False},
        nest=nest,
    )

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            runtimes.append(runtime)
            return (await runtime.execute(workflow, {"n": 2})).unwrap()

    inner = {"n": 0, "a": 0, "b": 0}
    middle = {"n": 1, "a": inner, "b": inner}
    assert run_clean(main()) == {"n": 2, "a": middle, "b": middle}


def test_a_stop_reaches_a_chain_that_waits() -> None:
    workflow = compiled(orders(), {"isolate": False}, **HANDLERS)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow, {"what": {"B": "wait"}})
            await turns()
            execution.stop("Stopped", "by hand")
            return await execution

    result = run_clean(main())
    assert (result.status, result.error, result.cause) == ("ABORTED", "Stopped", "by hand")
    assert workflow.state_entries == {"S0": 1, "S1": 1, "S2": 0, "S3": 0, "Fine": 0, "Tell": 0, "Caught": 0}


@pytest.mark.parametrize("what", ["fail", "wait and fail", "wait", "give up", "no JSON"])
def test_nothing_is_left(what: str) -> None:
    workflow = compiled(orders(), {"isolate": False}, **HANDLERS)

    async def main() -> None:
        async with express.Runtime() as runtime:
            for _ in range(3):
                await runtime.execute(workflow, {"what": {"B": what}})

    with reference_counting_alone():
        run_clean(main())
