"""Histories in memory: which events come in which order, what each follows from, what is kept, and the bound."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.history import EVENT_LIMIT, History, details_name, limit_reached, render_details, render_entry
from tests.runtime.machines import (
    AGES,
    FUNCTION,
    WAYS,
    Way,
    catching,
    compiled,
    each,
    endless,
    machine,
    parallel,
    reference_counting_alone,
    run_clean,
    state,
    task,
    through_execute,
    through_start,
    turns,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.history import Entry
    from express.observe import Event
    from express.program import Run
    from express.types import JSON

RETRY = [{"ErrorEquals": ["X"], "MaxAttempts": 1}]
ROLE = "arn:aws:iam::123456789012:role/express"
DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


class Kept(History):
    """A History that also holds on to the last execution of all, and to how many events the engine counted."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.entries: Sequence[Entry] = ()
        self.arn = ""
        self.counted = 0

    def execution_ended(self, run: Run, result: express.Result) -> None:
        self.arn, self.counted = run.execution_arn, run.events
        self.entries = self.of(self.arn) or ()
        super().execution_ended(run, result)

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries]

    @property
    def lines(self) -> list[str]:
        return [line(event) for event in self.events]

    def details(self, event_type: str) -> dict[str, JSON]:
        """Those of the only event of a type."""
        [event] = [event for event in self.events if event.type == event_type]
        return render_details(event)


def line(event: Event) -> str:
    """`3<-2 PassStateExited A`: the number, what it follows from, the type, and what it is about."""
    shown = [str(event.details[key]) for key in ("name", "index", "length", "error") if key in event.details]
    return " ".join([f"{event.id}<-{event.previous}", event.type, *shown])


def fails(payload: JSON) -> None:
    raise express.TaskError("X", "c")


def answers(payload: JSON) -> JSON:
    return payload


def later(handler: Callable[[JSON], JSON]) -> Callable[[JSON], Any]:
    """The same handler, after a second."""

    async def handler_later(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        return handler(payload)

    return handler_later


def asynchronous(handler: Callable[[JSON], JSON]) -> Callable[[JSON], Any]:
    """The same handler as a coroutine that never suspends."""

    async def handler_at_once(payload: JSON) -> JSON:
        return handler(payload)

    return handler_at_once


#: How the handlers of a machine run; the history is the same.
MANNERS: dict[str, tuple[Callable[[Callable[[JSON], JSON]], Callable[[JSON], Any]], dict[str, Any]]] = {
    "inline": (lambda handler: handler, {}),
    "async": (asynchronous, {}),
    "trusted": (asynchronous, {"isolate": False}),
    "later": (later, {}),
    "thread": (lambda handler: handler, {"blocking": True}),
}


def built(definition: dict[str, Any], manner: str = "inline", type: str = "STANDARD") -> express.Workflow:  # noqa: A002 - ASL's own word
    wrapped, options = MANNERS[manner]
    tasks = express.Tasks()
    for handler in (fails, answers):
        tasks.add(handler.__name__, wrapped(handler), **options)
    return express.compile(definition, tasks, type=type)  # type: ignore[arg-type]  # one of the two, by the callers


def kept(
    workflow: express.Workflow,
    event: JSON = None,
    *,
    way: Way = through_execute,
    history: Kept | None = None,
    **limits: Any,
) -> Kept:
    """The history of one execution."""
    history = Kept() if history is None else history

    async def main() -> None:
        async with express.Runtime(observers=[history], **limits) as runtime:
            await way(runtime, workflow, event)

    run_clean(main())
    return history


# --------------------------------------------------------------------------------------------------------------
# events and what they follow from

SUCCESS = ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded"]
FAILURE = ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed X"]


def chain(*events: str | tuple[int, str]) -> list[str]:
    """Events from number 2 on. One follows from the event before it unless it comes with the number of another."""
    lines = []
    for number, event in enumerate(events, start=2):
        previous, text = event if isinstance(event, tuple) else (number - 1 if number > 2 else 0, event)
        lines.append(f"{number}<-{previous} {text}")
    return lines


#: Definitions and all events of their histories but ExecutionStarted. Where handlers wait or not makes no difference.
TOLD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "every state": (
        machine(
            A=state("Pass", Next="B"),
            B=wait(1, Next="C"),
            C=state("Choice", Choices=[{"Variable": "$", "IsPresent": True, "Next": "D"}]),
            D=task("answers", Next="E"),
            E=state("Succeed"),
        ),
        chain(
            *("PassStateEntered A", "PassStateExited A", "WaitStateEntered B", "WaitStateExited B"),
            *("ChoiceStateEntered C", "ChoiceStateExited C", "TaskStateEntered D", *SUCCESS, "TaskStateExited D"),
            *("SucceedStateEntered E", "SucceedStateExited E", "ExecutionSucceeded"),
        ),
    ),
    "a Fail": (machine(A=state("Fail", Error="E")), chain("FailStateEntered A", "ExecutionFailed E")),
    "a failure": (machine(A=task("fails")), chain("TaskStateEntered A", *FAILURE, "ExecutionFailed X")),
    "a retry": (
        machine(A=task("fails", Retry=RETRY)),
        chain("TaskStateEntered A", *FAILURE, *FAILURE, "ExecutionFailed X"),
    ),
    "a catch": (
        machine(A=task("fails", Catch=catching("X", to="B")), B=state("Pass")),
        chain(
            *("TaskStateEntered A", *FAILURE, "TaskStateExited A"),
            *("PassStateEntered B", "PassStateExited B", "ExecutionSucceeded"),
        ),
    ),
    "an error of the language": (
        machine(A=task("answers", InputPath="$.nope")),
        chain("TaskStateEntered A", "ExecutionFailed States.Runtime"),
    ),
    "an error of the language after the work": (
        machine(A=task("answers", OutputPath="$.nope")),
        chain("TaskStateEntered A", *SUCCESS, "ExecutionFailed States.Runtime"),
    ),
    "a limit that cannot be read": (
        machine(A=task("answers", TimeoutSecondsPath="$.nope")),
        chain("TaskStateEntered A", "ExecutionFailed States.Runtime"),
    ),
    "an evaluation that fails on the way in": (
        machine(A=task("answers", QueryLanguage="JSONata", Arguments="{% $nope %}")),
        chain(
            *("TaskStateEntered A", (0, "EvaluationFailed States.QueryEvaluationError")),
            "ExecutionFailed States.QueryEvaluationError",
        ),
    ),
    "an evaluation that fails on the way out": (
        machine(A=task("answers", QueryLanguage="JSONata", Output="{% $nope %}", Catch=catching("States.ALL", to="B")), B=state("Pass")),
        chain(
            *("TaskStateEntered A", *SUCCESS, "EvaluationFailed States.QueryEvaluationError", "TaskStateExited A"),
            *("PassStateEntered B", "PassStateExited B", "ExecutionSucceeded"),
        ),
    ),
    "a catcher whose evaluation fails": (
        machine(
            A=task("fails", QueryLanguage="JSONata", Catch=catching("X", to="B", Output="{% $nope %}")), B=state("Pass")
        ),
        chain(
            *("TaskStateEntered A", *FAILURE, "EvaluationFailed States.QueryEvaluationError"),
            "ExecutionFailed States.QueryEvaluationError",
        ),
    ),
    "no items": (
        machine(A=each(machine(B=task("answers")), ItemsPath="$.none")),
        chain(
            *("MapStateEntered A", "MapStateStarted 0", "MapStateSucceeded", (3, "MapStateExited A")),
            "ExecutionSucceeded",
        ),
    ),
    "one item after the other": (
        machine(A=each(machine(B=task("answers")), ItemsPath="$.two", MaxConcurrency=1)),
        chain(
            *("MapStateEntered A", "MapStateStarted 2", "MapIterationStarted A 0", "TaskStateEntered B", *SUCCESS),
            *("TaskStateExited B", "MapIterationSucceeded A 0", (9, "MapIterationStarted A 1")),
            *("TaskStateEntered B", *SUCCESS, "TaskStateExited B", "MapIterationSucceeded A 1"),
            *("MapStateSucceeded", (17, "MapStateExited A"), "ExecutionSucceeded"),
        ),
    ),
    "an iteration that fails": (
        machine(A=each(machine(B=task("fails")), ItemsPath="$.two", MaxConcurrency=1, Catch=catching("X", to="C")), C=state("Pass")),
        chain(
            *("MapStateEntered A", "MapStateStarted 2", "MapIterationStarted A 0", "TaskStateEntered B", *FAILURE),
            *("MapIterationFailed A 0", (8, "TaskStateAborted"), (8, "MapStateFailed"), "MapStateExited A"),
            *("PassStateEntered C", "PassStateExited C", "ExecutionSucceeded"),
        ),
    ),
    "an iteration that fails twice": (
        machine(A=each(machine(B=state("Fail", Error="X")), ItemsPath="$.two", MaxConcurrency=1, Retry=RETRY)),
        chain(
            *("MapStateEntered A", "MapStateStarted 2", "MapIterationStarted A 0", "FailStateEntered B"),
            *("MapIterationFailed A 0", (5, "MapStateStarted 2"), "MapIterationStarted A 0", "FailStateEntered B"),
            *("MapIterationFailed A 0", (9, "MapStateFailed"), "ExecutionFailed X"),
        ),
    ),
    "a branch": (
        machine(A=parallel(machine(B=task("answers")))),
        chain(
            *("ParallelStateEntered A", "ParallelStateStarted", "TaskStateEntered B", *SUCCESS, "TaskStateExited B"),
            *("ParallelStateSucceeded", (8, "ParallelStateExited A"), "ExecutionSucceeded"),
        ),
    ),
    "a branch within a branch": (
        machine(A=parallel(machine(B=parallel(machine(C=task("fails")))))),
        chain(
            *("ParallelStateEntered A", "ParallelStateStarted", "ParallelStateEntered B", "ParallelStateStarted"),
            *("TaskStateEntered C", *FAILURE, "TaskStateAborted"),
            (9, "ParallelStateFailed"),
            "ParallelStateAborted",
            (11, "ParallelStateFailed"),
            "ExecutionFailed X",
        ),
    ),
    "an error of the language in a branch": (
        # Measured in us-east-1 (floci-io/floci issue 2868): the execution ends there and then.
        machine(A=parallel(machine(B=state("Pass", Parameters={"m.$": "$.nope"})))),
        chain("ParallelStateEntered A", "ParallelStateStarted", "PassStateEntered B", "ExecutionFailed States.Runtime"),
    ),
    "an error of the language in an iteration": (
        machine(A=each(machine(B=task("answers", InputPath="$.nope")), ItemsPath="$.two", MaxConcurrency=1)),
        chain(
            *("MapStateEntered A", "MapStateStarted 2", "MapIterationStarted A 0", "TaskStateEntered B"),
            "ExecutionFailed States.Runtime",
        ),
    ),
    "child executions": (
        machine(A=each({**machine(B=task("answers")), "ProcessorConfig": DISTRIBUTED}, ItemsPath="$.two")),
        chain(
            *("MapStateEntered A", "MapStateStarted 2", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded"),
            (4, "MapStateExited A"),
            "ExecutionSucceeded",
        ),
    ),
    "child executions that fail": (
        machine(A=each({**machine(B=task("fails")), "ProcessorConfig": DISTRIBUTED}, ItemsPath="$.two")),
        chain(
            *("MapStateEntered A", "MapStateStarted 2", "MapRunStarted"),
            "MapRunFailed States.ExceedToleratedFailureThreshold",
            *("MapStateFailed", "ExecutionFailed States.ExceedToleratedFailureThreshold"),
        ),
    ),
}  # fmt: skip
EVENT: JSON = {"two": [1, 2], "none": []}


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(("definition", "expected"), TOLD.values(), ids=TOLD.keys())
def test_the_events_of_an_execution(definition: dict[str, Any], expected: list[str], manner: str) -> None:
    history = kept(built(definition, manner), EVENT, execution_timeout=AGES)
    assert history.lines == ["1<-0 ExecutionStarted", *expected]
    assert history.counted == len(expected), "the engine has counted the same"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("definition", "expected"), TOLD.values(), ids=TOLD.keys())
def test_whichever_way_it_was_started(definition: dict[str, Any], expected: list[str], way: Way) -> None:
    history = kept(built(definition, "later"), EVENT, way=way, execution_timeout=AGES)
    assert history.lines == ["1<-0 ExecutionStarted", *expected]


@pytest.mark.parametrize("manner", MANNERS)
def test_branches_side_by_side_each_have_a_chain_of_their_own(manner: str) -> None:
    branches = (machine(B=task("answers")), machine(C=task("answers")))
    history = kept(built(machine(A=parallel(*branches)), manner), EVENT)
    by_id = {event.id: event for event in history.events}
    assert sorted(by_id) == list(range(1, 17))
    for branch in "BC":
        entered, left = (
            next(event for event in history.events if event.type == kind and event.details["name"] == branch)
            for kind in ("TaskStateEntered", "TaskStateExited")
        )
        behind = [left]
        while behind[-1].previous != 3:
            behind.append(by_id[behind[-1].previous])
        assert [event.type for event in reversed(behind)] == ["TaskStateEntered", *SUCCESS, "TaskStateExited"]
        assert behind[-1] is entered
    ends = [event for event in history.events if event.type == "TaskStateExited"]
    last = max(event.id for event in ends)
    assert history.lines[-3:] == [
        f"14<-{last} ParallelStateSucceeded",
        f"15<-{last} ParallelStateExited A",
        "16<-15 ExecutionSucceeded",
    ]


@pytest.mark.parametrize("manner", MANNERS)
def test_an_iteration_follows_from_the_one_that_made_room_for_it(manner: str) -> None:
    """As many as may run at once follow from the start of the Map."""
    definition = machine(A=each(machine(B=task("answers")), MaxConcurrency=2))
    history = kept(built(definition, manner), [1, 2, 3])
    types = {event.id: event.type for event in history.events}
    before = [types[event.previous] for event in history.events if event.type == "MapIterationStarted"]
    assert before == ["MapStateStarted", "MapStateStarted", "TaskStateExited"]


LATE_FAILURE = machine(P=wait(1, Next="F"), F=state("Fail", Error="X"))


async def hangs(payload: JSON) -> None:
    await asyncio.sleep(AGES)


def cut(definition: dict[str, Any], event: JSON = None, **handlers: Any) -> list[str]:
    """The history from the failure on, which is event 0; the engine counts its events but for the last, also where it is
    not written."""
    workflow = compiled(definition, None, hangs=hangs, **handlers)
    history = kept(workflow, event)
    assert history.counted == len(history.lines) - 1
    lines = history.lines
    first = next(index for index, text in enumerate(lines) if " Fail" in text or "TimedOut" in text)
    return [re.sub(r"[0-9]+", lambda number: str(int(number[0]) - first - 1), text, count=2) for text in lines[first:]]


def test_branches_that_are_cut_have_their_states_aborted() -> None:
    branches = (
        machine(T=task("hangs")),
        LATE_FAILURE,
        machine(W=wait(AGES)),
        machine(D=state("Pass")),
        machine(N=parallel(machine(M=task("hangs")))),
    )
    lines = cut(machine(A=parallel(*branches, Catch=catching("X", to="B")), B=state("Pass")))
    assert lines == [
        "0<--1 FailStateEntered F",
        "1<-0 TaskStateAborted",
        "2<-0 WaitStateAborted",
        "3<-0 ParallelStateAborted",
        "4<-0 ParallelStateFailed",
        "5<-4 ParallelStateExited A",
        "6<-5 PassStateEntered B",
        "7<-6 PassStateExited B",
        "8<-7 ExecutionSucceeded",
    ]


def test_so_have_iterations_after_their_own_end() -> None:
    choices = [{"Variable": "$", "StringEquals": what, "Next": what} for what in ("P", "W", "T")]
    processor = machine(
        Which=state("Choice", Choices=choices),
        **LATE_FAILURE["States"],
        W=wait(AGES),
        T=task("hangs"),
    )
    lines = cut(machine(A=each(processor)), ["T", "P", "W"])
    assert lines == [
        "0<--1 FailStateEntered F",
        "1<-0 MapIterationAborted A 0",
        "2<-0 TaskStateAborted",
        "3<-0 MapIterationAborted A 2",
        "4<-0 WaitStateAborted",
        "5<-0 MapIterationFailed A 1",
        "6<-0 MapStateFailed",
        "7<-6 ExecutionFailed X",
    ]


@pytest.mark.parametrize("fails_too", [False, True])
def test_the_first_of_those_that_are_late_together_cuts_the_others(fails_too: bool) -> None:
    """Also those whose handlers take being cancelled for a reason to fail."""

    async def late(payload: JSON) -> JSON:
        try:
            await asyncio.sleep(AGES)
        except asyncio.CancelledError:
            if fails_too:
                raise ValueError from None
            raise
        return payload

    lines = cut(machine(A=each(machine(T=task("late", TimeoutSeconds=1)))), [1, 2, 3], late=late)
    assert lines[0].endswith("LambdaFunctionTimedOut States.Timeout")
    assert lines[1:] == [
        "1<-0 MapIterationAborted A 1",
        "2<-0 TaskStateAborted",
        "3<-0 MapIterationAborted A 2",
        "4<-0 TaskStateAborted",
        "5<-0 MapIterationFailed A 0",
        "6<-0 TaskStateAborted",
        "7<-0 MapStateFailed",
        "8<-7 ExecutionFailed States.Timeout",
    ]


def test_what_is_within_a_branch_that_is_cut_does_nothing_more() -> None:
    """It would have been its turn next: its handler has answered in the very turn of the loop."""
    called: list[str] = []

    async def late(payload: JSON) -> JSON:
        await asyncio.sleep(1)
        return payload

    def charge(payload: JSON) -> JSON:
        called.append("charge")
        return payload

    within = parallel(machine(H=task("hangs")), machine(L=task("late", Next="C"), C=task("charge")))
    lines = cut(machine(A=parallel(LATE_FAILURE, machine(N=within))), late=late, charge=charge)
    assert lines == [
        "0<--1 FailStateEntered F",
        "1<-0 ParallelStateAborted",
        "2<-0 ParallelStateFailed",
        "3<-2 ExecutionFailed X",
    ]
    assert called == []


def test_nobody_is_told_to_be_cut_where_nothing_can_be_caught() -> None:
    broken = machine(P=wait(1, Next="F"), F=state("Pass", InputPath="$.gone"))
    history = kept(compiled(machine(A=parallel(broken, machine(T=task("hangs")))), None, hangs=hangs), {})
    assert history.counted == len(history.lines) - 1
    assert not [text for text in history.lines if "Aborted" in text]


WRONG = "{% $nope %}"
SUCCEED = machine(B=state("Pass"))
FAIL = machine(F=state("Fail", Error="X"))
#: Definitions of what fails around the children of a fork, or before, and the events from the last that went well on.
AROUND: dict[str, tuple[dict[str, Any], list[str]]] = {
    "the end after a success": (
        machine(A=parallel(SUCCEED, ResultSelector={"a.$": "$.gone"})),
        ["6<-5 ParallelStateSucceeded", "7<-6 ExecutionFailed States.Runtime"],
    ),
    "an evaluation after a success": (
        machine(A=parallel(SUCCEED, QueryLanguage="JSONata", Output=WRONG)),
        [
            "6<-5 ParallelStateSucceeded",
            "7<-5 EvaluationFailed States.QueryEvaluationError",
            "8<-7 ParallelStateFailed",
            "9<-8 ExecutionFailed States.QueryEvaluationError",
        ],
    ),
    "a catcher": (
        machine(
            A=parallel(FAIL, QueryLanguage="JSONata", Catch=catching("X", to="B", Output=WRONG)), B=state("Succeed")
        ),
        [
            "4<-3 FailStateEntered F",
            "5<-4 ParallelStateFailed",
            "6<-4 EvaluationFailed States.QueryEvaluationError",
            "7<-6 ParallelStateFailed",
            "8<-7 ExecutionFailed States.QueryEvaluationError",
        ],
    ),
    "a catcher in JSONPath": (
        machine(
            A=parallel(FAIL, Catch=catching("X", to="B", Assign={"a.$": "$.gone"})),
            B=state("Succeed"),
        ),
        ["4<-3 FailStateEntered F", "5<-4 ParallelStateFailed", "6<-5 ExecutionFailed States.Runtime"],
    ),
    "an ItemSelector": (
        machine(A=each(SUCCEED, QueryLanguage="JSONata", Items=[1, 2], ItemSelector=WRONG)),
        [
            "3<-2 MapStateStarted 2",
            "4<-3 EvaluationFailed States.QueryEvaluationError",
            "5<-4 MapStateFailed",
            "6<-5 ExecutionFailed States.QueryEvaluationError",
        ],
    ),
    "the second ItemSelector": (
        machine(
            A=each(
                SUCCEED,
                ItemSelector={"n.$": "States.ArrayGetItem($.few, $$.Map.Item.Index)"},
                ItemsPath="$.items",
                MaxConcurrency=1,
            )
        ),
        [
            "5<-4 PassStateEntered B",
            "6<-5 PassStateExited B",
            "7<-6 MapIterationSucceeded A 0",
            "8<-7 ExecutionFailed States.Runtime",
        ],
    ),
    "the seconds of a Wait": (
        machine(A=state("Wait", QueryLanguage="JSONata", Seconds=WRONG)),
        [
            "2<-0 WaitStateEntered A",
            "3<-0 EvaluationFailed States.QueryEvaluationError",
            "4<-3 ExecutionFailed States.QueryEvaluationError",
        ],
    ),
    "its moment": (
        machine(A=state("Wait", QueryLanguage="JSONata", Timestamp="{% 'soon' %}")),
        [
            "2<-0 WaitStateEntered A",
            "3<-2 EvaluationFailed States.QueryEvaluationError",
            "4<-3 ExecutionFailed States.QueryEvaluationError",
        ],
    ),
}


@pytest.mark.parametrize(("definition", "expected"), AROUND.values(), ids=AROUND)
def test_failures_around_the_children_of_a_fork(definition: dict[str, Any], expected: list[str]) -> None:
    history = kept(compiled(definition), {"items": [1, 2], "few": [1]})
    assert history.counted == len(history.lines) - 1
    assert history.lines[-len(expected) :] == expected, history.lines


class Stops(Kept):
    """Ends an execution from outside as soon as a state is entered."""

    def state_entered(self, frame: Any, name: str, data: JSON) -> None:
        frame.run.host.stop(frame.run, "ABORTED", "E", None)


@pytest.mark.parametrize("type", ["STANDARD", "EXPRESS"])
def test_the_end_of_time_follows_from_nothing(type: str) -> None:  # noqa: A002 - ASL's own word for it
    history = kept(built(machine(A=wait(AGES)), type=type), execution_timeout=10)
    assert history.lines[1:] == ["2<-0 WaitStateEntered A", "3<-0 ExecutionTimedOut States.Timeout"]


def test_neither_does_being_stopped() -> None:
    history = kept(built(machine(A=wait(AGES))), history=Stops())
    assert history.lines[1:] == ["2<-0 WaitStateEntered A", "3<-0 ExecutionAborted E"]


def test_a_task_that_is_late_has_timed_out() -> None:
    async def late(payload: JSON) -> None:
        await asyncio.sleep(AGES)

    tasks = express.Tasks()
    tasks.add("late", late)
    workflow = express.compile(machine(A=task("late", TimeoutSeconds=5)), tasks, type="STANDARD")
    history = kept(workflow)
    assert history.lines[-2:] == ["5<-4 LambdaFunctionTimedOut States.Timeout", "6<-5 ExecutionFailed States.Timeout"]
    assert history.details("LambdaFunctionScheduled")["timeoutInSeconds"] == 5
    assert [entry.time_ns - history.entries[0].time_ns for entry in history.entries[-2:]] == [5_000_000_000] * 2


def test_an_answer_that_is_refused_fails_the_task() -> None:
    def odd(payload: JSON) -> object:
        return object()

    tasks = express.Tasks()
    tasks.add("odd", odd)
    history = kept(express.compile(machine(A=task("odd")), tasks, type="STANDARD"))
    assert history.lines[-2:] == [
        "5<-4 LambdaFunctionFailed Runtime.MarshalError",
        "6<-5 ExecutionFailed Runtime.MarshalError",
    ]


def test_an_execution_that_is_refused_has_a_beginning_and_an_end() -> None:
    history = kept(built(machine(A=state("Pass"))), float("nan"))
    assert [event.type for event in history.events] == ["ExecutionStarted", "ExecutionFailed"]
    assert history.details("ExecutionStarted") == {"roleArn": ROLE}


# --------------------------------------------------------------------------------------------------------------
# details

SERVICE = "arn:aws:states:::"


def test_the_details_of_a_state() -> None:
    history = kept(built(machine(A=state("Pass", Result=[1], Assign={"x": 1, "y.$": "$[0]"}))), "é")
    assert history.details("PassStateEntered") == {"name": "A", "input": '"é"', "inputDetails": {"truncated": False}}
    assert history.details("PassStateExited") == {
        "name": "A",
        "output": "[1]",
        "outputDetails": {"truncated": False},
        "assignedVariables": {"x": "1", "y": "1"},
        "assignedVariablesDetails": {"truncated": False},
    }


ASSIGNING = {"x": 1}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (
            machine(A=state("Pass", Assign=ASSIGNING, Next="B"), B=state("Pass", Assign=ASSIGNING, Next="C"), C=state("Pass")),
            {"A": {"x": "1"}, "B": {"x": "1"}, "C": None},
        ),
        (
            machine(A=task("fails", Assign={"no": 1}, Catch=catching("X", to="B", Assign=ASSIGNING)), B=state("Pass")),
            {"A": {"x": "1"}, "B": None},
        ),
        (
            machine(A=task("answers", Assign=ASSIGNING, OutputPath="$.nope", Catch=catching("States.ALL", to="B")), B=state("Pass")),
            {},
        ),
        (
            machine(
                A=task("answers", QueryLanguage="JSONata", Assign=ASSIGNING, Output="{% $nope %}", Catch=catching("States.ALL", to="B")),
                B=state("Pass"),
            ),
            {"A": None, "B": None},
        ),
        (
            machine(A=state("Choice", Choices=[{"Variable": "$", "IsPresent": True, "Next": "B", "Assign": ASSIGNING}], Assign={"no": 1}), B=state("Succeed")),
            {"A": {"x": "1"}, "B": None},
        ),
    ],
)  # fmt: skip
def test_the_variables_a_state_has_assigned(definition: dict[str, Any], expected: dict[str, Any]) -> None:
    """Those of this very exit, be they what they were before."""
    history = kept(built(definition), EVENT)
    exits = [render_details(event) for event in history.events if event.type.endswith("StateExited")]
    assert {details["name"]: details.get("assignedVariables") for details in exits} == expected


def scheduled(resource: str, **fields: Any) -> dict[str, JSON]:
    """The details of the event that says what a task was called with."""
    tasks = express.Tasks()
    tasks.add("*", answers)
    definition = machine(A=state("Task", Resource=resource, **fields))
    history = kept(express.compile(definition, tasks, type="STANDARD"), EVENT, execution_timeout=AGES)
    assert len(history.events) == history.counted + 1
    [event] = [event for event in history.events if event.type.endswith("Scheduled")]
    return render_details(event)


def test_what_a_function_is_called_with() -> None:
    details = scheduled(f"{FUNCTION}answers", InputPath="$.two", Credentials={"RoleArn": "r"})
    assert details == {
        "resource": f"{FUNCTION}answers",
        "input": "[1,2]",
        "inputDetails": {"truncated": False},
        "taskCredentials": {"roleArn": "r"},
    }


@pytest.mark.parametrize("dynamic", [False, True])
def test_what_an_integration_is_called_with(dynamic: bool) -> None:
    """All of its parameters, also where a handler gets only the payload, and its limits."""
    function = {"FunctionName.$": "$$.State.Name"} if dynamic else {"FunctionName": "A"}
    tasks = express.Tasks()
    tasks.add("A", answers)
    limits = {"TimeoutSeconds": 60, "HeartbeatSecondsPath": "$.two[1]"}
    call = state("Task", Resource=f"{SERVICE}lambda:invoke", Parameters={**function, "Payload": {"a": 1}}, **limits)
    history = kept(express.compile(machine(A=call), tasks, type="STANDARD"), EVENT)
    assert history.details("TaskScheduled") == {
        "resourceType": "lambda",
        "resource": "invoke",
        "region": "us-east-1",
        "parameters": '{"FunctionName":"A","Payload":{"a":1}}',
        "timeoutInSeconds": 60,
        "heartbeatInSeconds": 2,
    }
    assert history.details("TaskStarted") == {"resourceType": "lambda", "resource": "invoke"}
    assert history.details("TaskSucceeded") == {
        "resourceType": "lambda",
        "resource": "invoke",
        "output": '{"ExecutedVersion":"$LATEST","Payload":{"a":1},"StatusCode":200}',
        "outputDetails": {"truncated": False},
    }


@pytest.mark.parametrize(
    ("resource", "kind", "action"),
    [
        ("states:startExecution.sync:2", "states", "startExecution.sync:2"),
        ("sqs:sendMessage.waitForTaskToken", "sqs", "sendMessage.waitForTaskToken"),
        ("aws-sdk:dynamodb:getItem", "aws-sdk:dynamodb", "getItem"),
    ],
)
def test_what_integrations_are_called(resource: str, kind: str, action: str) -> None:
    parameters = {"StateMachineArn": "a", "QueueUrl": "u", "MessageBody": "b"}
    details = scheduled(f"{SERVICE}{resource}", Parameters=parameters)
    assert (details["resourceType"], details["resource"]) == (kind, action)


def test_what_an_activity_is_called_with() -> None:
    activity = "arn:aws:states:us-east-1:123456789012:activity:a"
    assert scheduled(activity, HeartbeatSeconds=7) == {
        "resource": activity,
        "heartbeatInSeconds": 7,
        "input": '{"two":[1,2],"none":[]}',
        "inputDetails": {"truncated": False},
    }


def test_an_answer_is_told_as_the_state_has_taken_it() -> None:
    """A handler may go on with what it has returned; the history keeps what the state was given."""
    mine: list[JSON] = [1]

    def returns(payload: JSON) -> JSON:
        return mine

    tasks = express.Tasks()
    tasks.add("returns", returns)
    history = kept(express.compile(machine(A=task("returns")), tasks, type="STANDARD"))
    mine.append(2)
    assert history.details("LambdaFunctionSucceeded")["output"] == "[1]"


def test_the_place_of_an_evaluation_that_failed() -> None:
    history = kept(built(machine(A=state("Pass", QueryLanguage="JSONata", Output={"a": "{% $nope %}"}))))
    assert history.details("EvaluationFailed") == {
        "error": "States.QueryEvaluationError",
        "cause": "An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression "
        "'$nope' specified for the field 'Output/a' returned nothing (undefined).",
        "location": "Output/a",
        "state": "A",
    }


def test_a_map_run_is_named_after_its_machine_and_label() -> None:
    definition = machine(A=each({**machine(B=state("Pass")), "ProcessorConfig": DISTRIBUTED}, Label="L"))
    history = kept(express.compile(definition, type="STANDARD", name="m"), [1])
    arn = str(history.details("MapRunStarted")["mapRunArn"])
    assert arn.startswith("arn:aws:states:us-east-1:123456789012:mapRun:m/L:")


# --------------------------------------------------------------------------------------------------------------
# as the API shows it


def test_an_event_as_the_api_shows_it() -> None:
    history = kept(built(machine(A=state("Pass"))), {"a": 1})
    first, entered, _, last = (render_entry(entry) for entry in history.entries)
    assert first == {
        "timestamp": 1735689600.0,
        "type": "ExecutionStarted",
        "id": 1,
        "previousEventId": 0,
        "executionStartedEventDetails": {"input": '{"a":1}', "inputDetails": {"truncated": False}, "roleArn": ROLE},
    }
    assert entered["stateEnteredEventDetails"]["input"] == '{"a":1}'
    assert last["executionSucceededEventDetails"] == {"output": '{"a":1}', "outputDetails": {"truncated": False}}


def test_events_without_execution_data() -> None:
    definition = machine(A=state("Pass", Assign={"x": 1}, Next="B"), B=task("fails"))
    history = kept(built(definition), {"secret": 1})
    shown = [render_entry(entry, include_data=False) for entry in history.entries]
    assert "secret" not in repr(shown)
    assert shown[2]["stateExitedEventDetails"] == {"name": "A"}
    assert shown[-1]["executionFailedEventDetails"] == {"error": "X", "cause": "c"}


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        ("MapStateEntered", "stateEnteredEventDetails"),
        ("ChoiceStateExited", "stateExitedEventDetails"),
        ("LambdaFunctionTimedOut", "lambdaFunctionTimedOutEventDetails"),
        ("MapIterationSucceeded", "mapIterationSucceededEventDetails"),
    ],
)
def test_where_the_details_are(event_type: str, name: str) -> None:
    assert details_name(event_type) == name


def test_some_events_have_no_details_and_some_have_empty_ones() -> None:
    history = kept(built(machine(A=parallel(machine(B=state("Fail"))))))
    shown = {entry.event.type: render_entry(entry) for entry in history.entries}
    assert shown["ParallelStateStarted"].keys() == {"timestamp", "type", "id", "previousEventId"}
    assert shown["ExecutionFailed"]["executionFailedEventDetails"] == {}


# --------------------------------------------------------------------------------------------------------------
# bounds


def test_a_standard_execution_ends_with_event_25_000() -> None:
    """Measured in us-east-1 (floci-io/floci issue 2734): 24 999 is the last event of the states."""
    history = kept(express.compile(endless("A"), type="STANDARD"), {})
    assert len(history.entries) == EVENT_LIMIT == 25_000
    assert history.lines[-1] == "25000<-24999 ExecutionFailed States.Runtime"
    cause = "The execution reached the maximum number of history events (25000)."
    assert history.details("ExecutionFailed")["cause"] == limit_reached(EVENT_LIMIT) == cause


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(("limit", "succeeds"), [(7, True), (6, False), (5, False), (2, False)])
def test_the_last_event_may_be_a_success(limit: int, succeeds: bool, manner: str) -> None:
    history = kept(built(machine(A=task("answers")), manner), history=Kept(limit=limit))
    assert [event.id for event in history.events] == list(range(1, limit + 1))
    assert history.events[-1].type == ("ExecutionSucceeded" if succeeds else "ExecutionFailed")
    assert history.events[-1].previous == limit - 1


def test_an_express_execution_goes_on_and_its_end_is_kept() -> None:
    definition = machine(A=state("Pass", Next="B"), B=state("Pass"))
    history = kept(built(definition, type="EXPRESS"), history=Kept(limit=3))
    assert history.lines == ["1<-0 ExecutionStarted", "2<-0 PassStateEntered A", "6<-5 ExecutionSucceeded"]


def test_so_many_ended_executions_are_kept() -> None:
    history, workflow = Kept(keep=2), built(machine(A=state("Pass")))
    arns = []

    async def main() -> None:
        async with express.Runtime(observers=[history]) as runtime:
            for _ in range(4):
                await runtime.execute(workflow, {})
                arns.append(history.arn)

    run_clean(main())
    assert [history.of(arn) is not None for arn in arns] == [False, False, True, True]
    history.forget(arns[3])
    history.forget("arn:nobody")
    assert history.of(arns[3]) is None


def test_a_running_execution_shows_what_it_has_come_to() -> None:
    history, workflow = Kept(keep=0), built(machine(A=wait(1)))

    async def main() -> None:
        async with express.Runtime(observers=[history]) as runtime:
            execution = await runtime.start(workflow, {}, name="n")
            await turns()
            arn = "arn:aws:states:us-east-1:123456789012:execution:workflow:n"
            entries = history.of(arn)
            assert entries is not None
            assert [entry.event.type for entry in entries] == ["ExecutionStarted", "WaitStateEntered"]
            history.forget(arn)
            assert history.of(arn) is entries, "a running execution is not forgotten"
            await execution
            assert [entry.event.id for entry in entries] == [1, 2, 3, 4], "who holds on to it has it all"
            assert history.of(arn) is None

    run_clean(main())


@pytest.mark.parametrize("options", [{"keep": -1}, {"limit": 1}])
def test_a_history_must_hold_something(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least two events"):
        History(**options)


@pytest.mark.slow
@pytest.mark.parametrize("manner", ["inline", "later"])
@pytest.mark.parametrize("function", ["answers", "fails"])
def test_a_written_execution_is_freed_at_once(function: str, manner: str) -> None:
    definition = machine(A=each(machine(B=task(function))))
    with reference_counting_alone():
        kept(built(definition, manner), [1, 2], way=through_start, history=Kept(keep=0))


def test_who_asks_for_no_history_has_none_woven_in() -> None:
    workflow = built(machine(A=task("answers")))
    plain, written = workflow.machine(()), workflow.machine((History(),))
    assert not any(step.is_written for step in plain.all_steps)
    assert all(step.is_written for step in written.all_steps)
    assert plain.program.start.run.__qualname__ != written.program.start.run.__qualname__
