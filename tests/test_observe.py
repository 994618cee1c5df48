"""Observers: what they see and in which order, that they cost nothing unless they look, and that they cannot hurt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.observe import STATE_HOOKS, has_hook
from tests.runtime.machines import (
    AGES,
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
    from collections.abc import Callable

    from express.types import JSON


class Recorder(express.Observer):
    """Writes down everything, a line each."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def execution_started(self, run: Any) -> None:
        self.lines.append(f"started {run.execution_name}")

    def execution_ended(self, run: Any, result: Any) -> None:
        self.lines.append(f"ended {result.status} {result.name}")

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        self.lines.append(f"entered {name} {data}")

    def state_exited(self, frame: Any, name: str, data: JSON) -> None:
        self.lines.append(f"exited {name} {data}")

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None:
        self.lines.append(f"failed {name} {error} {cause}")


def fails(payload: JSON) -> None:
    raise express.TaskError("X", "c")


async def fails_later(payload: JSON) -> None:
    await asyncio.sleep(1)
    raise express.TaskError("X", "c")


async def answer_later(payload: JSON) -> JSON:
    await asyncio.sleep(1)
    return payload


RETRY = [{"ErrorEquals": ["X"], "MaxAttempts": 2}]
SEEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a chain": (
        machine(A=state("Pass", Result=1, Next="B"), B=state("Succeed")),
        ["entered A []", "exited A 1", "entered B 1", "exited B 1"],
    ),
    "a wait": (machine(A=wait(1)), ["entered A []", "exited A []"]),
    "a choice": (
        machine(A=state("Choice", Choices=[{"Variable": "$", "IsNull": False, "Next": "B"}]), B=state("Pass")),
        ["entered A []", "exited A []", "entered B []", "exited B []"],
    ),
    "a task that waits": (machine(A=task("answer_later")), ["entered A []", "exited A []"]),
    "a failure": (machine(A=task("fails")), ["entered A []", "failed A X c"]),
    "a failure later": (machine(A=task("fails_later")), ["entered A []", "failed A X c"]),
    "a Fail": (machine(A=state("Fail", Error="E", Cause="why")), ["entered A []", "failed A E why"]),
    "retries": (machine(A=task("fails", Retry=RETRY)), ["entered A []", "failed A X c"]),
    "retries later": (machine(A=task("fails_later", Retry=RETRY)), ["entered A []", "failed A X c"]),
    "a catch": (
        machine(A=task("fails", Catch=catching("X", to="B")), B=state("Pass", Result=2)),
        [
            "entered A []",
            "exited A {'Error': 'X', 'Cause': 'c'}",
            "entered B {'Error': 'X', 'Cause': 'c'}",
            "exited B 2",
        ],
    ),
    "a catch after retries": (
        machine(A=task("fails_later", Retry=RETRY, Catch=catching("X", to="B", ResultPath=None)), B=wait(0)),
        ["entered A []", "exited A []", "entered B []", "exited B []"],
    ),
    "branches": (
        machine(A=parallel(machine(B=state("Pass")), machine(C=state("Pass")))),
        ["entered A []", "entered B []", "exited B []", "entered C []", "exited C []", "exited A [[], []]"],
    ),
    "branches that wait": (
        machine(A=parallel(machine(B=wait(2)), machine(C=wait(1)))),
        ["entered A []", "entered B []", "entered C []", "exited C []", "exited B []", "exited A [[], []]"],
    ),
    "a branch that fails": (
        machine(A=parallel(machine(B=wait(AGES)), machine(C=task("fails")))),
        ["entered A []", "entered B []", "entered C []", "failed C X c", "failed A X c"],
    ),
    "iterations": (
        machine(A=each(machine(B=state("Pass", Result=0)), ItemsPath="$$.Execution.Input.items")),
        ["entered A []", "entered B 1", "exited B 0", "entered B 2", "exited B 0", "exited A [0, 0]"],
    ),
}


def built(definition: dict[str, Any]) -> express.Workflow:
    return compiled(definition, fails=fails, fails_later=fails_later, answer_later=answer_later)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("definition", "expected"), SEEN.values(), ids=SEEN.keys())
def test_what_an_observer_sees(definition: dict[str, Any], expected: list[str], way: Way) -> None:
    recorder = Recorder()
    event: JSON = []
    if "Map" in repr(definition):
        event, expected = {"items": [1, 2]}, [line.replace("A []", "A {'items': [1, 2]}") for line in expected]

    async def main() -> express.Result:
        async with express.Runtime(observers=[recorder]) as runtime:
            return await way(runtime, built(definition), event)

    result = run_clean(main())
    assert recorder.lines == [f"started {result.name}", *expected, f"ended {result.status} {result.name}"]


@pytest.mark.parametrize(("definition", "expected"), SEEN.values(), ids=SEEN.keys())
def test_a_watched_execution_comes_to_the_same(definition: dict[str, Any], expected: list[str]) -> None:
    def outcome(observers: list[express.Observer]) -> tuple[Any, ...]:
        result = run_clean(executed(built(definition), {"items": [1, 2]}, observers=observers))
        return result.status, result.output, result.error, result.cause, result.billing

    assert outcome([Recorder()]) == outcome([])


#: Errors inside the handling of errors: the observer must not change which of them comes out.
TWICE_WRONG: list[dict[str, Any]] = [
    machine(A=task("fails", Catch=catching("X", to="B", Assign={"x.$": "$.nope"})), B=state("Pass")),
    machine(A=task("fails", Catch=catching("X", to="B", ResultPath="$.a")), B=state("Pass")),
    machine(
        A=parallel(machine(C=task("fails")), Catch=catching("X", to="B", Assign={"x.$": "$.nope"})), B=state("Pass")
    ),
    machine(A=state("Pass", InputPath="$.nope")),
]


def test_an_execution_that_is_refused_is_seen() -> None:
    recorder = Recorder()
    result = run_clean(executed(built(machine(A=state("Pass"))), float("nan"), observers=[recorder]))
    assert recorder.lines == [f"started {result.name}", f"ended FAILED {result.name}"]


@pytest.mark.parametrize("way_out", ["stopped", "timed out", "cancelled", "closed"])
def test_every_execution_that_starts_is_seen_to_end(way_out: str) -> None:
    recorder = Recorder()

    async def main() -> None:
        async with express.Runtime(observers=[recorder], execution_timeout=10, drain_timeout=5) as runtime:
            workflow = built(machine(A=wait(AGES)))
            if way_out == "cancelled":
                caller = asyncio.create_task(runtime.execute(workflow, 1, name="n"))
                await asyncio.sleep(1)
                caller.cancel()
                await asyncio.wait([caller])
                return
            execution = await runtime.start(workflow, 1, name="n")
            await asyncio.sleep(1)
            if way_out == "stopped":
                execution.stop()
            if way_out == "timed out":
                await execution

    run_clean(main())
    status = "TIMED_OUT" if way_out == "timed out" else "ABORTED"
    assert recorder.lines == ["started n", "entered A 1", f"ended {status} n"]


class Broken(express.Observer):
    def execution_started(self, run: Any) -> None:
        raise ValueError("started")

    def execution_ended(self, run: Any, result: Any) -> None:
        raise ValueError("ended")

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        raise ValueError("entered")

    def state_exited(self, frame: Any, name: str, data: JSON) -> None:
        raise ValueError("exited")

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None:
        raise express.TaskError("failed")


@pytest.mark.parametrize(("definition", "expected"), SEEN.values(), ids=SEEN.keys())
def test_an_observer_that_raises_hurts_nobody(
    definition: dict[str, Any], expected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    result = run_clean(executed(built(definition), {"items": [1, 2]}, observers=[Broken(), recorder]))
    assert len(recorder.lines) == len(expected) + 2
    assert result.status == ("SUCCEEDED" if expected[-1].startswith("exited") else "FAILED")
    assert len(caplog.records) == len(recorder.lines)
    assert {record.name for record in caplog.records} == {"express"}
    assert all("observer" in record.getMessage() and "failed in" in record.getMessage() for record in caplog.records)


# --------------------------------------------------------------------------------------------------------------
# weaving


class OnlyEnds(express.Observer):
    def execution_ended(self, run: Any, result: Any) -> None: ...


class OnlyFailures(express.Observer):
    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None: ...


@pytest.mark.parametrize(
    ("observer", "states", "executions"),
    [
        (express.Observer(), False, False),
        (OnlyEnds(), False, True),
        (OnlyFailures(), True, False),
        (Recorder(), True, True),
    ],
)
def test_which_hooks_an_observer_has(observer: express.Observer, states: bool, executions: bool) -> None:
    assert has_hook(observer, *STATE_HOOKS) is states
    assert has_hook(observer, "execution_started", "execution_ended") is executions


def closures(workflow: express.Workflow, *observers: express.Observer) -> list[Callable[..., Any]]:
    return [step.run for step in workflow.machine(observers).all_steps]


def test_only_who_looks_at_states_is_woven_in() -> None:
    workflow = built(machine(A=task("fails")))
    assert {run.__qualname__ for run in closures(workflow, OnlyEnds())} == {
        run.__qualname__ for run in closures(workflow)
    }
    assert {run.__qualname__ for run in closures(workflow, Recorder())} == {"_observe.<locals>.observed"}


def test_a_machine_is_built_once_for_each_set_of_observers() -> None:
    workflow = built(machine(A=state("Pass")))
    one, other = Recorder(), Recorder()
    assert workflow.machine((one,)) is workflow.machine((one,))
    assert workflow.machine((one,)) is not workflow.machine((other,))
    assert workflow.machine() is workflow.machine(())
    assert workflow.machine((one,)).tally is workflow.tally


def test_observers_take_turns() -> None:
    order: list[str] = []

    class Named(express.Observer):
        def __init__(self, name: str) -> None:
            self.name = name

        def state_entered(self, frame: Any, name: str, data: JSON) -> None:
            order.append(f"{self.name} {name}")

    run_clean(executed(built(machine(A=state("Pass"))), observers=[Named("one"), Named("two")]))
    assert order == ["one A", "two A"]
