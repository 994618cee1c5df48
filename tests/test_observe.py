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
    reference_counting_alone,
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


@pytest.mark.parametrize("definition", TWICE_WRONG)
@pytest.mark.parametrize("observers", [[Recorder()], []], ids=["watched", "unwatched"])
def test_an_error_within_the_handling_of_another_is_the_one_that_counts(
    definition: dict[str, Any], observers: list[express.Observer]
) -> None:
    result = run_clean(executed(built(definition), [], observers=observers))
    assert (result.status, result.error) == (
        "FAILED",
        "States.ResultPathMatchFailure" if "'ResultPath'" in repr(definition) else "States.Runtime",
    )


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


#: What a hook may raise: an accident, the very errors that Retry and Catch wait for, a cancellation that is none.
RAISED: dict[str, BaseException] = {
    "an accident": ValueError("oops"),
    "a task's error": express.TaskError("X", "of the observer"),
    "an error of the language": express.StateError("States.Timeout"),
    "a cancellation": asyncio.CancelledError(),
}


class Broken(express.Observer):
    """Raises the same from every hook."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def execution_started(self, run: Any) -> None:
        raise self.error

    def execution_ended(self, run: Any, result: Any) -> None:
        raise self.error

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        raise self.error

    def state_exited(self, frame: Any, name: str, data: JSON) -> None:
        raise self.error

    def state_failed(self, frame: Any, name: str, error: str | None, cause: str | None) -> None:
        raise self.error


@pytest.mark.parametrize("error", RAISED.values(), ids=RAISED.keys())
@pytest.mark.parametrize(("definition", "expected"), SEEN.values(), ids=SEEN.keys())
def test_an_observer_that_raises_hurts_nobody(
    definition: dict[str, Any], expected: list[str], error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    event = {"items": [1, 2]}
    result = run_clean(executed(built(definition), event, observers=[Broken(error), recorder]))
    alone = run_clean(executed(built(definition), event))
    assert (result.status, result.output, result.error, result.cause) == (
        alone.status,
        alone.output,
        alone.error,
        alone.cause,
    )
    assert len(recorder.lines) == len(expected) + 2
    hooks = {line.split()[0] for line in recorder.lines}
    assert len(caplog.records) == len(hooks)
    assert {record.name for record in caplog.records} == {"express"}


@pytest.mark.parametrize("waiting", [False, True])
def test_no_retry_and_no_catch_takes_an_observer_s_error(waiting: bool) -> None:
    """The hooks run inside the state; what they raise is not of the state."""
    calls: list[JSON] = []

    async def work(payload: JSON) -> JSON:
        await asyncio.sleep(waiting)
        calls.append(payload)
        return "done"

    definition = machine(
        A=task("work", Retry=[{"ErrorEquals": ["States.ALL"]}], Catch=catching("States.ALL", to="B")),
        B=state("Pass", Result="caught"),
    )
    for error in RAISED.values():
        result = run_clean(executed(compiled(definition, work=work), {}, observers=[Broken(error)]))
        assert result.output == "done"
    assert len(calls) == len(RAISED)


def test_each_hook_of_an_observer_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback; a hook that fails fails every time, and a log holds only so much."""
    workflow = built(machine(A=state("Pass", Next="B"), B=state("Pass")))

    async def main() -> None:
        async with express.Runtime(observers=[Broken(ValueError("oops"))]) as runtime:
            for _ in range(3):
                await runtime.execute(workflow, {})

    run_clean(main())
    assert [record.getMessage() for record in caplog.records] == [
        f"observer hook Broken.{hook} failed; it will not be reported again"
        for hook in ("execution_started", "state_entered", "state_exited", "execution_ended")
    ]
    assert all(record.exc_info is not None for record in caplog.records)


@pytest.mark.parametrize("way_out", [KeyboardInterrupt, SystemExit])
def test_who_leaves_the_program_leaves_it(way_out: type[BaseException]) -> None:
    with pytest.raises(way_out):
        run_clean(executed(built(machine(A=state("Pass"))), {}, observers=[Broken(way_out())]))


class Keeper(express.Observer):
    """Reads everything there is to a run, at its end."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def execution_ended(self, run: Any, result: Any) -> None:
        self.seen.append(
            {
                "status": result.status,
                "name": run.execution_name,
                "arn": run.execution_arn,
                "machine": run.machine.name,
                "events": run.events,
                "context": run.context(),
                "run": run.run,
            }
        )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("definition", "status", "events"),
    [
        (machine(A=state("Pass")), "SUCCEEDED", 3),
        (machine(A=wait(1)), "SUCCEEDED", 3),
        (machine(A=task("fails")), "FAILED", 5),
        (machine(A=task("fails_later")), "FAILED", 5),
        (machine(A=wait(AGES)), "TIMED_OUT", 2),
    ],
)
def test_the_end_shows_a_whole_run(definition: dict[str, Any], status: str, events: int, way: Way) -> None:
    keeper = Keeper()

    async def main() -> express.Result:
        async with express.Runtime(observers=[keeper]) as runtime:
            return await way(runtime, built(definition), {"a": 1})

    result = run_clean(main())
    [seen] = keeper.seen
    assert (seen["status"], seen["machine"], seen["name"]) == (status, "workflow", result.name)
    assert seen["arn"].startswith(f"arn:aws:states:us-east-1:123456789012:express:workflow:{result.name}:")
    assert seen["events"] == events
    assert seen["run"] is not None
    assert seen["context"]["Execution"]["Input"] == {"a": 1}
    assert seen["context"]["Execution"]["Name"] == result.name
    assert seen["context"]["State"]["Name"] == "A"


def test_the_end_of_a_refused_execution_shows_a_whole_run() -> None:
    keeper = Keeper()
    run_clean(executed(built(machine(A=state("Pass"))), [float("nan")], observers=[keeper]))
    [seen] = keeper.seen
    assert (seen["status"], seen["machine"]) == ("FAILED", "workflow")
    assert seen["context"]["Execution"]["Name"] == seen["name"]


class Watcher(express.Observer):
    def execution_ended(self, run: Any, result: Any) -> None:
        assert run.context()["Execution"]["Name"] == result.name


@pytest.mark.slow
def test_a_watched_run_is_freed_at_once() -> None:
    with reference_counting_alone():
        run_clean(executed(built(machine(A=task("fails_later"))), {}, observers=[Recorder(), Watcher()]))


# --------------------------------------------------------------------------------------------------------------
# what is no observer


class Waiting(express.Observer):
    async def state_entered(self, frame: Any, name: str, data: JSON) -> None:  # type: ignore[override]
        raise AssertionError


class Quacking:
    def execution_ended(self, run: Any, result: Any) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    ("observer", "text"),
    [
        (Waiting(), "Waiting.state_entered is `async def`: hooks are called by steps, which do not wait"),
        (Quacking(), "an observer must be an express.Observer, not a Quacking"),
        (Recorder, "an observer must be an express.Observer, not a type"),
    ],
)
def test_what_cannot_observe(observer: Any, text: str) -> None:
    with pytest.raises(TypeError) as raised:
        express.Runtime(observers=[observer])
    assert str(raised.value) == text


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
    assert {run.__qualname__ for run in closures(workflow, Recorder())} == {"Witness.watch_state.<locals>.observed"}


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
