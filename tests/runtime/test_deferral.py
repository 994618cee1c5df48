"""Expressions that take long are worked out elsewhere, and nobody can tell but by the loop, which goes on."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

import express
from express import deferral
from express.deferral import PATIENCE, Deferral, OutOfTime, deferrable
from express.program import Frame
from express.runtime.host import LoopHost
from express.testing import run_virtual
from tests.conformance.histories import Recorder
from tests.hurry import Hurry, set_in
from tests.runtime.machines import catching, compiled, each, executed, machine, parallel, run_clean, state, task

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

ITEMS: JSON = [{"n": number, "odd": bool(number % 2)} for number in range(6)]
EVENT: JSON = {"items": ITEMS, "n": 3, "text": "abc"}
#: Finds three of them.
ODD = "$.items[?(@.odd == true)].n"
#: About a tenth of a second of work, refused then as too much.
ENDLESS = "{% ($f := function($n) { $n > 0 ? $f($n - 1) : 0 }; $sum([1..9000].$f(30))) %}"


async def double(payload: JSON) -> JSON:
    return {"got": payload, "list": ITEMS}


async def late(payload: JSON) -> JSON:
    await asyncio.sleep(1)
    return {"got": payload, "list": ITEMS}


async def failing(payload: JSON) -> JSON:
    raise express.TaskError("Failing", "as told")


def jsonata(type_: str, **fields: Any) -> dict[str, Any]:
    return state(type_, QueryLanguage="JSONata", **fields)


def jsonata_task(function: str, **fields: Any) -> dict[str, Any]:
    return task(function, QueryLanguage="JSONata", **fields)


LOOP = machine(
    Odd=state("Pass", Parameters={"odd.$": ODD, "n.$": "$.n", "items.$": "$.items"}, Next="More"),
    More=state("Choice", Choices=[{"Variable": "$.odd[2]", "NumericGreaterThan": 9, "Next": "Odd"}], Default="Out"),
    Out=state("Succeed"),
)
SQUARES = machine(Square=jsonata("Pass", Output="{% {'square': $states.input.n * $states.input.n} %}"))
ODD_NUMBERS = machine(Odd=state("Pass", Parameters={"odd.$": "$..[?(@.odd == true)].n"}))

#: One for each place where an expression stands.
SCENES: dict[str, dict[str, Any]] = {
    "Parameters and OutputPath": machine(A=state("Pass", Parameters={"odd.$": ODD}, OutputPath="$..odd[*]")),
    "InputPath": machine(A=state("Pass", InputPath=ODD, ResultPath="$.odd")),
    "long template": machine(A=state("Pass", Parameters={f"k{i}.$": f"$.items[{i % 6}:].n" for i in range(40)})),
    "a loop": LOOP,
    "Assign": machine(A=state("Pass", Assign={"odd.$": ODD}, Next="B"), B=state("Pass", Parameters={"o.$": "$odd"})),
    "Output and Assign": machine(
        A=jsonata("Pass", Output="{% $sum($states.input.items.n) %}", Assign={"x": "{% $states.input.n %}"}, Next="B"),
        B=jsonata("Pass", Output="{% [$x, $states.input] %}"),
    ),
    "long Output": machine(A=jsonata("Pass", Output={f"k{i}": f"{{% $states.input.n + {i} %}}" for i in range(40)})),
    "Condition": machine(
        A=jsonata("Choice", Choices=[{"Condition": "{% $states.input.n = 3 %}", "Next": "B"}], Default="C"),
        B=state("Succeed"),
        C=state("Fail", Error="No"),
    ),
    "long Choice": machine(
        A=state("Choice", Choices=[{"Variable": "$.n", "NumericEquals": i, "Next": "B"} for i in range(40)]),
        B=state("Succeed"),
    ),
    "long Choice without a match": machine(
        A=state("Choice", Choices=[{"Variable": "$.n", "NumericEquals": i, "Next": "B"} for i in range(4, 40)]),
        B=state("Succeed"),
    ),
    "Arguments and Output of a Task": machine(
        A=jsonata_task("double", Arguments="{% $states.input.n %}", Output="{% $states.result.got %}")
    ),
    "Parameters and ResultSelector of a Task": machine(
        A=task("double", Parameters={"odd.$": ODD}, ResultSelector={"g.$": "$.list[?(@.odd == true)].n"})
    ),
    "of a Task that waits": machine(
        A=jsonata_task("late", Arguments="{% $states.input.n %}", Output="{% $states.result.got %}")
    ),
    "of a Task that is tried again and caught": machine(
        A=task(
            "failing",
            Parameters={"odd.$": ODD},
            Retry=[{"ErrorEquals": ["Failing"], "MaxAttempts": 2}],
            Catch=catching("Failing", to="B"),
        ),
        B=state("Pass", Parameters={"error.$": "$..Error"}),
    ),
    "Seconds": machine(A=jsonata("Wait", Seconds="{% $states.input.n %}", Output="{% $states.input.text %}")),
    "Error and Cause": machine(A=jsonata("Fail", Error="{% $states.input.text %}", Cause="{% 'because' %}")),
    "Items and ItemSelector": machine(
        A=jsonata(
            "Map",
            Items="{% $states.input.items %}",
            ItemSelector="{% {'n': $states.context.Map.Item.Value.n, 'i': $states.context.Map.Item.Index} %}",
            ItemProcessor=SQUARES,
            Output="{% $states.result.square %}",
        )
    ),
    "iterations": machine(A=each(SQUARES, ItemsPath="$.items", ResultPath="$.squares")),
    "iterations that fail": machine(
        A=each(machine(B=jsonata("Pass", Output="{% $states.input.n.x.y %}")), ItemsPath="$.items")
    ),
    "iterations that wait": machine(
        A=each(
            machine(B=jsonata_task("late", Output="{% $states.result.got %}")),
            ItemsPath="$.items",
            ItemSelector={"v.$": "$$.Map.Item.Value", "odd.$": ODD},
            ResultSelector={"all.$": "$[*].v"},
        )
    ),
    "branches": machine(A=parallel(ODD_NUMBERS, SQUARES, ResultSelector={"odd.$": "$..odd"})),
    "branches in iterations": machine(
        A=each(machine(B=parallel(SQUARES, machine(C=jsonata("Pass", Output="{% 1 %}")))), ItemsPath="$.items")
    ),
    "two forks in a row": machine(
        A=each(
            SQUARES,
            QueryLanguage="JSONata",
            Items="{% $states.input.items %}",
            Output="{% $error('no') %}",
            Catch=catching("States.ALL", to="B", Output="{% $states.input.items %}"),
        ),
        B=each(machine(C=jsonata("Pass", Output="{% $states.input.odd %}"))),
    ),
    "two expressions behind a fork": machine(
        A=each(
            machine(B=task("double", ResultSelector={"got.$": "$..got"})),
            QueryLanguage="JSONata",
            Items="{% $states.input.items %}",
            Output={"first": "{% $states.result[0] %}", "count": "{% $count($states.result) %}"},
        )
    ),
    "an error": machine(A=state("Pass", Parameters={"odd.$": ODD, "none.$": "$.none"})),
    "an error of JSONata": machine(A=jsonata("Pass", Output="{% $states.input.text + 1 %}")),
}


class Branches(express.Observer):
    """Is told of branches, and of nothing else."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def branch_started(self, parent: Any, frame: Any, index: int) -> None:
        self.notes.append(index)


class Noted(express.Observer):
    """All that an observer of states is told."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        self.notes.append(("entered", name, data))

    def state_exited(self, frame: Any, name: str, data: JSON) -> None:
        self.notes.append(("exited", name, data))

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None:
        self.notes.append(("failed", name, error, cause))

    def execution_ended(self, run: Any, result: express.Result) -> None:
        self.notes.append(("ended", run.events))


def all_there_is(definition: dict[str, Any], *observers: Noted | Branches) -> list[Any]:
    """What an execution comes to, and how its states were counted."""
    workflow = compiled(definition, double=double, late=late, failing=failing)

    async def main() -> express.Result:
        async with express.Runtime(observers=observers) as runtime:
            return await (await runtime.start(workflow, EVENT))

    result = run_clean(main())
    steps = workflow.machine(tuple(observers)).all_steps
    counts = [(step.name, step.attempts, step.entries, step.failures, step.retried, step.caught) for step in steps]
    return [result.status, result.output, result.error, result.cause, result.memory_bytes, counts]


@pytest.mark.parametrize("watching", [Noted, Branches])
@pytest.mark.parametrize("definition", [pytest.param(scene, id=name) for name, scene in SCENES.items()])
def test_nobody_can_tell_where_an_expression_was_worked_out(
    definition: dict[str, Any], watching: type[Noted | Branches], monkeypatch: pytest.MonkeyPatch
) -> None:
    unhurried = watching()
    expected, expected_watched = all_there_is(definition), all_there_is(definition, unhurried)
    hurry = set_in(monkeypatch)
    hurried = watching()

    assert all_there_is(definition) == expected
    assert hurry.stops > 0
    assert all_there_is(definition, hurried) == expected_watched
    # The order among iterations that wait is the loop's.
    assert sorted(map(repr, hurried.notes)) == sorted(map(repr, unhurried.notes))


@pytest.mark.parametrize(
    "query",
    [
        "$sum([1..2000].($x := $; $sum([1..10].($ * $x))))",
        "$count([1..300][$count([1..100][$ % 2 = 0]) > 1])",
        "($f := function($n) { $n < 1 ? 0 : 1 + $f($n - 1) }; $sum([1..200].$f(50)))",
        "($f := function($n, $a) { $n < 1 ? $a : $f($n - 1, $a + $n) }; $f(5000, 0))",
        "$reduce([1..3000], function($a, $b) { $a + $b * 2 })",
        "$count($sort([1..1500], function($a, $b) { $a % 7 > $b % 7 }))",
        "$count([1..2000].{'a': $}^(a))",
        "$count($keys([1..1000]{ $string($ % 10): $count($) }))",
        "$count([1..3000].{'a': $, 'b': $ * 2})",
        "$count($filter([1..3000], function($v) { $v % 3 = 0 and $v > 5 }))",
    ],
)
def test_in_a_state_the_budget_is_as_large_as_elsewhere(query: str) -> None:
    """There it is drawn in portions, and all of these take more than one."""
    workflow = compiled(machine(A=jsonata("Pass", Output=f"{{% {query} %}}")))
    assert express.run(executed(workflow)).unwrap() == express.jsonata.compile(query)({})


def test_the_loop_goes_on_while_an_expression_takes_long() -> None:
    workflow = compiled(machine(A=jsonata("Pass", Output=ENDLESS)))

    async def main() -> tuple[express.Result, int]:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow)
            turns = 0
            while not execution.done:
                turns += 1
                await asyncio.sleep(0)
            return await execution, turns

    result, turns = express.run(main())

    assert (result.status, result.error) == ("FAILED", "States.QueryEvaluationError")
    assert turns > 20


@pytest.mark.usefixtures("hurry")
def test_what_a_catcher_computes_is_not_put_off() -> None:
    catch = catching("States.ALL", to="B", Output="{% $states.errorOutput.Error %}")
    definition = machine(A=jsonata_task("failing", Catch=catch), B=state("Succeed"))
    assert all_there_is(definition)[:2] == ["SUCCEEDED", "Failing"]


def test_handlers_are_called_once_whoever_looks_on(hurry: Hurry) -> None:
    calls: list[JSON] = []

    async def count(payload: JSON) -> JSON:
        calls.append(payload)
        return payload

    definition = machine(
        A=each(
            machine(B=task("count")),
            QueryLanguage="JSONata",
            Items=[1, 2, 3],
            Output={"a": "{% $sum($states.result) %}", "b": "{% $count($states.result) %}"},
        )
    )
    for observer in (Noted(), Branches()):
        calls.clear()
        result = run_clean(executed(compiled(definition, count=count), observers=[observer]))
        assert (result.output, calls) == ({"a": 6, "b": 3}, [1, 2, 3])
    assert hurry.stops > 0


def test_a_task_that_waits_for_a_turn_still_has_its_expressions_put_off(
    hurry: Hurry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its payload crosses, and after it has, the step only waits; what is evaluated later takes its time."""
    worked_out = 0
    work_out = LoopHost.work_out

    async def counted(*arguments: Any) -> None:
        nonlocal worked_out
        worked_out += 1
        await work_out(*arguments)

    monkeypatch.setattr(LoopHost, "work_out", counted)
    definition = machine(A=task("double", ResultSelector={"odd.$": "$.list[?(@.odd == true)].n"}))
    assert run_clean(executed(compiled(definition, double=double), EVENT)).output == {"odd": [1, 3, 5]}
    assert (hurry.stops, worked_out) == (3, 1)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    "fields", [{}, {"ResultSelector": {"odd.$": ODD}}, {"Retry": [{"ErrorEquals": ["States.ALL"]}]}], ids=list
)
@pytest.mark.parametrize("way", ["at once", "later", "dynamic"])
def test_a_result_is_what_it_was_when_it_was_returned(way: str, fields: dict[str, Any]) -> None:
    """However long the loop lets the step wait afterwards, and whatever the handler's own list holds by then."""
    items: list[JSON] = []

    async def collect(payload: dict[str, JSON]) -> JSON:
        items.append({"n": payload["n"], "odd": True})
        if way == "later":
            await asyncio.sleep(1)
        asyncio.get_running_loop().call_soon(items.append, {"n": "changed", "odd": True})
        return {"items": items}

    where = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName.$": "$.f", "Payload.$": "$"}}
    if way == "dynamic" and fields.get("ResultSelector"):
        fields = {"ResultSelector": {"odd.$": "$.Payload.items[?(@.odd == true)].n"}}
    called = task("collect", **fields) | (where if way == "dynamic" else {})
    definition = machine(A=called)
    result = run_clean(executed(compiled(definition, collect=collect), {"n": 1, "f": "collect"}))

    assert result.succeeded
    assert "changed" not in str(result.output)
    assert len(items) == 2


def test_one_that_waits_for_an_expression_is_not_begun_again(hurry: Hurry) -> None:
    """`start` on a machine that cannot block gives it a task, which has to wait first."""
    workflow = compiled(machine(A=state("Pass", Parameters={"odd.$": ODD})))

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await (await runtime.start(workflow, EVENT))

    assert run_clean(main()).succeeded
    assert hurry.stops == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"MaxConcurrencyPath": "$.n"},
        {"ToleratedFailureCountPath": "$.n"},
        {"ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"odd.$": ODD}}},
        {"ResultSelector": {"first.$": "$[0:1]"}},
        {"ItemSelector": {"v.$": "$$.Map.Item.Value", "odd.$": ODD}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_distributed_map_is_begun_once(fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    processor = {**machine(B=state("Pass")), "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}
    definition = machine(A=each(processor, ItemsPath="$.items", **fields))

    def run() -> tuple[Any, ...]:
        recorder = Recorder()
        workflow = express.compile(definition, type="STANDARD")

        async def main() -> express.Result:
            async with express.Runtime(observers=[recorder]) as runtime:
                return await runtime.execute(workflow, EVENT)

        result = run_virtual(main(), now="2026-01-01T00:00:00Z")
        events = [(event["id"], event["previousEventId"], event["type"]) for event in recorder.events]
        [step] = [step for step in workflow.machine((recorder,)).all_steps if step.name == "A"]
        return result.status, result.output, result.error, result.cause, events, step.items

    expected = run()
    set_in(monkeypatch)
    assert run() == expected


def test_an_evaluation_that_is_over_holds_nobody() -> None:
    """A lambda that calls itself is a cycle; what it holds is there until the collector comes by."""
    workflow = compiled(
        machine(A=jsonata("Pass", Output="{% ($f := function($n) { $n > 0 ? $f($n - 1) : 0 }; $f(9)) %}"))
    )
    assert run_clean(executed(workflow)).output == 0
    gc.collect()
    gc.disable()
    try:
        assert run_virtual(executed(workflow)).output == 0
        assert not [found for found in gc.get_objects() if isinstance(found, Frame) and found.run is not None]
    finally:
        gc.enable()


def test_short_expressions_stay_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    stops = 0
    look = LoopHost.look

    def counted(host: LoopHost, ahead_ns: int) -> None:
        nonlocal stops
        try:
            look(host, ahead_ns)
        except OutOfTime:
            stops += 1
            raise

    monkeypatch.setattr(LoopHost, "look", counted)
    for scene in SCENES.values():
        all_there_is(scene)
    assert stops == 0


def test_an_execution_can_be_stopped_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = compiled(machine(A=jsonata("Pass", Output=ENDLESS)))
    begun, left = threading.Event(), threading.Event()
    work = deferral.Job.work

    class Leaving(deferral.Left):
        def __init__(self) -> None:
            left.set()

    def begin(job: deferral.Job, answers: Deferral) -> None:
        begun.set()
        work(job, answers)

    monkeypatch.setattr(deferral, "Left", Leaving)
    monkeypatch.setattr(deferral.Job, "work", begin)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow)
            while not begun.is_set():  # noqa: ASYNC110 - it is a thread that begins
                await asyncio.sleep(0)
            execution.stop("Enough", "of this")
            return await execution

    result = express.run(main())

    assert (result.status, result.error, result.cause) == ("ABORTED", "Enough", "of this")
    assert left.wait(10), "the thread goes on for nobody"


def test_the_thread_ends_with_the_runtime() -> None:
    workflow = compiled(machine(A=jsonata("Pass", Output=ENDLESS)))

    async def main() -> list[threading.Thread]:
        async with express.Runtime() as runtime:
            await runtime.execute(workflow)
            return [thread for thread in threading.enumerate() if thread.name.startswith("express-expression")]

    [thread] = express.run(main())
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.usefixtures("hurry")
def test_what_needs_the_loop_again_and_again_is_done_here_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is never found must not keep an execution for ever."""
    workflow = compiled(machine(A=state("Pass", Parameters={"odd.$": ODD})))
    monkeypatch.setattr(deferral.Job, "work", lambda job, deferral: None)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await runtime.execute(workflow, EVENT)

    assert run_virtual(main()).output == {"odd": [1, 3, 5]}


class Fixed:
    """A scope out of time, or with all of it."""

    variables: dict[str, JSON] = {}  # noqa: RUF012 - nobody writes to it

    def __init__(self, found: Deferral | None = None) -> None:
        self.deferral: Any = found

    def context(self, section: str | None = None) -> dict[str, JSON]:
        return {}

    def time_ns(self) -> int:
        return 0

    def look(self, ahead_ns: int = 0) -> None:
        if self.deferral is None or not self.deferral.is_patient:
            raise OutOfTime

    def apart(self) -> Fixed:
        return Fixed(self.deferral)


def worked_out(expression: Callable[..., JSON], data: JSON) -> tuple[Callable[..., JSON], Deferral]:
    """The expression as a deferrable one, and what it came to in the thread."""
    asking, found = deferrable(expression), Deferral()
    with pytest.raises(OutOfTime) as caught:
        asking(data, Fixed())
    assert caught.value.job is not None
    caught.value.job.work(found)
    return asking, found


def looking(data: JSON, scope: Any) -> JSON:
    scope.look()
    return [data]


def test_an_answer_is_found_where_it_is_asked_for() -> None:
    asking, found = worked_out(looking, 1)
    assert asking(1, Fixed(found)) == [1]
    found.forget()
    with pytest.raises(OutOfTime):
        asking(1, Fixed(found))
    assert asking(2, Fixed(PATIENCE)) == [2]


def test_an_error_is_an_answer() -> None:
    def wrong(data: JSON, scope: Any) -> JSON:
        scope.look()
        raise express.StateError("Wrong")

    asking, found = worked_out(wrong, None)
    with pytest.raises(express.StateError, match="Wrong"):
        asking(None, Fixed(found))


def test_of_expressions_within_each_other_the_outermost_is_put_off() -> None:
    inner = deferrable(looking)
    outer, found = worked_out(lambda data, scope: {"inner": inner(data, scope)}, 1)
    assert outer(1, Fixed(found)) == {"inner": [1]}
    assert list(found.answers) == [outer]
