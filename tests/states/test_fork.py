"""Parallel and Map: children run in the step's own call until one has to wait, and go on where a slice has cut them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import express
from tests.runtime.machines import (
    FUNCTION,
    WAYS,
    Way,
    catching,
    compiled,
    each,
    executed,
    machine,
    parallel,
    run_clean,
    state,
    task,
    wait,
)

if TYPE_CHECKING:
    from express.types import JSON

MILLISECOND = 1_000_000
#: With a clock as slow as this a slice is over after a few looks at it.
SLOW = MILLISECOND // 10


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tick_ns", [0, SLOW])
@pytest.mark.parametrize(
    ("definition", "event", "expected"),
    [
        pytest.param(machine(A=each(machine(B=state("Pass")))), list(range(500)), list(range(500)), id="Map"),
        pytest.param(
            machine(A=each(machine(B=each(machine(C=state("Pass")))))),
            [[1, 2, 3]] * 60,
            [[1, 2, 3]] * 60,
            id="Map in Map",
        ),
        pytest.param(
            machine(A=parallel(*(machine(**{f"B{n}": state("Pass", Result=n)}) for n in range(200)))),
            0,
            list(range(200)),
            id="Parallel",
        ),
        pytest.param(
            machine(A=each(machine(P=parallel(machine(Q=state("Pass")), machine(R=state("Pass", Result=0)))))),
            list(range(100)),
            [[n, 0] for n in range(100)],
            id="Parallel in Map",
        ),
    ],
)
def test_slices_change_nothing(definition: dict[str, Any], event: JSON, expected: JSON, tick_ns: int, way: Way) -> None:
    workflow = compiled(definition)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            return await way(runtime, workflow, event)

    assert run_clean(main(), tick_ns=tick_ns).output == expected


@pytest.mark.parametrize("tick_ns", [0, SLOW])
def test_counts_are_exact_across_slices(tick_ns: int) -> None:
    """Entries, and AWS's event ids: 2 for the machine and the Map, 4 for each iteration, 1 for the end of the Map."""
    items = 300
    definition = machine(
        A=each(machine(B=state("Pass")), Next="C"),
        C=state("Pass", InputPath="$.nope"),
    )
    workflow = compiled(definition)
    result = run_clean(executed(workflow, [0] * items), tick_ns=tick_ns)
    assert workflow.state_entries == {"A": 1, "B": items, "C": 1}
    assert result.cause is not None
    # ExecutionStarted, MapStateEntered and -Started; then Started, Entered, Exited, Succeeded each; two; this one.
    assert f"(entered at the event id #{3 + 4 * items + 2 + 1})" in result.cause


def selecting(text: str) -> dict[str, Any]:
    """A Map whose ItemSelector reads a field of each item."""
    return each(machine(B=state("Pass")), ItemSelector={"x.$": text}, ItemsPath="$.items")


@pytest.mark.parametrize("tick_ns", [0, SLOW])
@pytest.mark.parametrize("bad", [0, 1, 150, 299])
def test_an_iteration_that_cannot_be_entered(bad: int, tick_ns: int) -> None:
    """Its ItemSelector fails: so does the Map, and nothing remains of its visit."""
    items: list[JSON] = [{"x": 1}] * 300
    items[bad] = {}
    workflow = compiled(machine(A=selecting("$$.Map.Item.Value.x")))
    result = run_clean(executed(workflow, {"items": items}), tick_ns=tick_ns)
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert workflow.state_entries["B"] == bad


@pytest.mark.parametrize("tick_ns", [0, SLOW])
@pytest.mark.parametrize("recover", ["Catch", "Retry"])
def test_a_visit_after_a_failed_one_begins_anew(recover: str, tick_ns: int) -> None:
    """A fork that was cut by slices, failed and is visited again: it has no memory of the first visit."""
    calls = 0

    def work(payload: JSON) -> JSON:
        nonlocal calls
        calls += 1
        if calls == 250:
            raise express.TaskError("X")
        return payload

    inner = machine(B=task("work"))
    if recover == "Retry":
        definition = machine(A=each(inner, Retry=[{"ErrorEquals": ["X"]}]))
        event: JSON = list(range(300))
    else:
        definition = machine(
            A=each(inner, Catch=catching("X", to="Again", ResultPath=None), ResultPath="$[0]"),
            Again=each(machine(C=state("Pass"))),
        )
        event = list(range(300))
    workflow = compiled(definition, work=work)
    result = run_clean(executed(workflow, event), tick_ns=tick_ns)
    assert result.output == list(range(300))
    assert calls == (250 + 300 if recover == "Retry" else 250)


@pytest.mark.parametrize("tick_ns", [0, SLOW])
def test_retries_inside_plain_children(tick_ns: int) -> None:
    """A child with Retry may wait, so it is no plain one any more; each child has counters of its own."""
    failures: dict[str, int] = {}

    def work(payload: JSON) -> JSON:
        failures[str(payload)] = failures.get(str(payload), 0) + 1
        if failures[str(payload)] <= 2:
            raise express.TaskError("X")
        return payload

    retry = [{"ErrorEquals": ["X"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    workflow = compiled(machine(A=each(machine(B=task("work", Retry=retry)))), work=work)
    result = run_clean(executed(workflow, list(range(100))), tick_ns=tick_ns)
    assert result.output == list(range(100))


def test_which_machines_can_wait() -> None:
    """Law 3: what cannot wait needs no task. A Retry waits, a Wait does, a coroutine may."""

    async def later(payload: JSON) -> JSON:
        return payload

    retry = [{"ErrorEquals": ["X"]}]
    cases: list[tuple[dict[str, Any], bool]] = [
        (machine(A=state("Pass")), False),
        (machine(A=task("plain")), False),
        (machine(A=task("plain", Retry=retry)), True),
        (machine(A=task("later")), True),
        (machine(A=state("Wait", Seconds=0)), True),
        (machine(A=each(machine(B=task("plain")))), False),
        (machine(A=each(machine(B=task("plain")), Retry=retry)), True),
        (machine(A=each(machine(B=task("later")))), True),
        (machine(A=parallel(machine(B=state("Pass")), machine(C=each(machine(D=task("later")))))), True),
        (machine(A=state("Task", Resource=FUNCTION + "plain", TimeoutSeconds=5)), False),
    ]
    for definition, blocks in cases:
        workflow = compiled(definition, plain=lambda payload: payload, later=later)
        assert workflow.machine().program.blocks is blocks, definition


def test_a_map_whose_output_fails_is_tried_again_as_a_whole() -> None:
    """Its Output is the last thing; what it keeps of the visit must be gone by then."""
    workflow = compiled(
        machine(
            A=each(
                machine(B=state("Pass")),
                QueryLanguage="JSONata",
                Output="{% $error('not yet') %}",
                Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
                Catch=catching("States.QueryEvaluationError", to="C"),
            ),
            C=state("Succeed"),
        )
    )
    assert run_clean(executed(workflow, [1, 2, 3])).succeeded
    assert next(step.items for step in workflow.machine().all_steps if step.name == "A") == 9


#: A state that fails and tells how many events came before it.
TELLING = state("Pass", InputPath="$.nope")
ITEM = machine(T=task("work", Next="P"), P=state("Pass"))
SHAPES: dict[str, dict[str, Any]] = {
    "a Map": machine(A=each(ITEM, Next="B"), B=TELLING),
    "a Map of one state": machine(A=each(machine(T=task("work")), Next="B"), B=TELLING),
    "a Map two at a time": machine(A=each(ITEM, MaxConcurrency=2, Next="B"), B=TELLING),
    "branches": machine(
        A=parallel(*(machine(**{f"T{index}": task("work", InputPath=f"$[{index}]")}) for index in range(5)), Next="B"),
        B=TELLING,
    ),
    "a Map in a branch": machine(A=parallel(machine(M=each(ITEM)), machine(Q=state("Pass")), Next="B"), B=TELLING),
}


@pytest.mark.parametrize("isolate", [True, False], ids=["by value", "trusted"])
@pytest.mark.parametrize("waiting", [(0,), (2,), (1, 3), (4,), (0, 1, 2, 3, 4)], ids=str)
@pytest.mark.parametrize("definition", SHAPES.values(), ids=SHAPES.keys())
def test_it_does_not_show_which_children_wait(
    definition: dict[str, Any], waiting: tuple[int, ...], isolate: bool
) -> None:
    """Children run in place up to the first that waits; none is run twice, and every event counts once."""

    def outcome(waiting: tuple[int, ...]) -> tuple[str | None, list[int], int]:
        calls: list[int] = []

        async def work(number: int) -> int:
            calls.append(number)
            if number in waiting:
                await asyncio.sleep(1)
            return number

        tasks = express.Tasks()
        tasks.add("work", work, isolate=isolate)
        workflow = express.compile(definition, tasks)
        result = run_clean(executed(workflow, [0, 1, 2, 3, 4]))
        return result.cause, sorted(calls), sum(workflow.state_entries.values())

    cause, calls, entries = outcome(())
    assert "entered at the event id #" in str(cause)
    assert outcome(waiting) == (cause, calls, entries)
    assert calls == [0, 1, 2, 3, 4]


# --------------------------------------------------------------------------------------------------------------
# limits

LIMIT = 1_000


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
@pytest.mark.parametrize(
    "inner",
    [
        machine(B=state("Pass")),
        machine(B=state("Succeed")),
        machine(B=state("Pass", Result=1)),
        machine(B=task("work")),
        machine(B=wait(1)),
    ],
    ids=["Pass", "Succeed", "Result", "Task", "Wait"],
)
@pytest.mark.parametrize("jsonata", [False, True], ids=["JSONPath", "JSONata"])
def test_the_input_of_branches_is_limited(jsonata: bool, inner: dict[str, Any], size: int) -> None:
    """Whatever the branches are: a Pass would put it out, too long as it is."""
    text = "x" * 480
    rest = "y" * (size - len(f'{{"a":"{text}","b":"{text}","c":""}}'))
    if jsonata:
        made = {"a": "{% $states.input.x %}", "b": "{% $states.input.x %}", "c": rest}
        definition = machine(A=parallel(inner, QueryLanguage="JSONata", Output={}, Arguments=made))
    else:
        definition = machine(A=parallel(inner, ResultPath=None, Parameters={"a.$": "$.x", "b.$": "$.x", "c": rest}))
    result = run_clean(executed(compiled(definition, work=len), {"x": text}, payload_limit=LIMIT))
    if size <= LIMIT:
        assert result.succeeded, result
    else:
        assert result.error == "States.DataLimitExceeded"
        assert result.cause == (
            "The input of the state/task 'A' has a size exceeding the maximum number of bytes service limit."
        )


@pytest.mark.parametrize("fields", [{"ItemsPath": "$$.Execution.Input"}, {"ItemsPath": "$v"}, {"InputPath": "$v"}])
def test_items_from_outside_the_input_are_measured(fields: dict[str, Any]) -> None:
    grow = machine(B=state("Pass", Parameters={"a.$": "$", "b.$": "$"}))
    definition = machine(
        A=state("Pass", Assign={"v.$": "$$.Execution.Input"}, Result={}, Next="M"),
        M=each(grow, **fields, ResultSelector={"n.$": "States.ArrayLength($)"}),
    )
    result = run_clean(executed(compiled(definition), ["x" * 600], payload_limit=LIMIT))
    assert (result.error, "state/task 'B'" in str(result.cause)) == ("States.DataLimitExceeded", True)
