"""Task tokens: which are good, who may use them, from where."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.runtime.callbacks import Callbacks
from express.testing import run_virtual
from tests.runtime.machines import reference_counting_alone

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

SQS = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
DEFINITION: dict[str, Any] = {
    "StartAt": "A",
    "States": {"A": {"Type": "Task", "Resource": SQS, "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}, "End": True}},
}  # fmt: skip


def submitting(tokens: list[str]) -> express.Workflow:
    """A machine of one callback task; its tokens are kept in the list."""
    tasks = express.Tasks()

    async def submit(payload: JSON) -> None:
        tokens.append(payload["MessageBody"])

    tasks.add(SQS, submit)
    return express.compile(DEFINITION, tasks, type="STANDARD")


async def until_many(tokens: list[str], count: int) -> None:
    """Until so many tasks have been submitted."""
    while len(tokens) < count:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)


def test_tokens_differ_and_are_those_of_one_runtime() -> None:
    mine, theirs = Callbacks(), Callbacks()
    tokens = {mine.open().token for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {44}
    with pytest.raises(express.InvalidToken, match=r"^Invalid Token: 'Invalid token'$"):
        theirs.beat(tokens.pop())


def test_a_token_that_was_never_given_out_is_invalid() -> None:
    callbacks = Callbacks()
    token = callbacks.open().token
    altered = token[:10] + ("A" if token[10] != "A" else "B") + token[11:]
    for wrong in ("", "x", "ä", "\ud800", altered, token[:-4], token + "AAAA", token.replace(token[0], "!", 1)):
        with pytest.raises(express.InvalidToken):
            callbacks.succeed(wrong, None)


def test_an_ended_task_has_timed_out() -> None:
    callbacks = Callbacks()
    token = callbacks.open().token
    answers: list[Callable[[], None]] = [
        lambda: callbacks.succeed(token, 1),
        lambda: callbacks.fail(token, None, None),
        lambda: callbacks.beat(token),
    ]
    for answer in answers:
        with pytest.raises(express.TaskTimedOut, match=r"^Task Timed Out: 'Provided task does not exist anymore'$"):
            answer()


def test_an_output_that_is_no_json_is_refused_and_the_task_goes_on_waiting() -> None:
    tokens: list[str] = []
    workflow = submitting(tokens)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow, {})
            await asyncio.sleep(1)
            with pytest.raises(express.InvalidOutput, match=r"\$\.a"):
                runtime.send_task_success(tokens[0], {"a": object()})
            output = {"a": [1]}
            runtime.send_task_success(tokens[0], output)
            output["a"].append(2)
            return await execution

    assert run_virtual(main()).unwrap() == {"a": [1]}


def test_only_the_first_answer_counts() -> None:
    tokens: list[str] = []
    workflow = submitting(tokens)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow, {})
            await asyncio.sleep(1)
            runtime.send_task_success(tokens[0], 1)
            for late in (runtime.send_task_success, runtime.send_task_failure, runtime.send_task_heartbeat):
                with pytest.raises(express.TaskTimedOut):
                    late(tokens[0])
            return await execution

    assert run_virtual(main()).unwrap() == 1


@pytest.mark.parametrize("raised", [ValueError, asyncio.CancelledError, TimeoutError])
def test_an_answer_comes_before_what_the_handler_raises_behind_it(raised: type[BaseException]) -> None:
    tasks = express.Tasks()

    async def main() -> express.Result:
        async with express.Runtime() as runtime:

            @tasks.task(SQS)
            async def submit(payload: JSON) -> None:
                runtime.send_task_success(payload["MessageBody"], "answer")
                raise raised

            return await runtime.execute(express.compile(DEFINITION, tasks, type="STANDARD"))

    assert run_virtual(main()).unwrap() == "answer"


def test_answers_from_threads() -> None:
    """Many threads answer the same tasks at once: each task is answered once, by one of them."""
    tokens: list[str] = []
    workflow = submitting(tokens)
    taken: list[tuple[int, str]] = []

    async def main() -> list[express.Result]:
        async with express.Runtime() as runtime:
            executions = [await runtime.start(workflow, {}) for _ in range(200)]
            await until_many(tokens, 200)

            def answer(number: int) -> None:
                for token in tokens:
                    try:
                        runtime.send_task_success(token, number)
                    except express.TaskTimedOut:
                        continue
                    taken.append((number, token))

            threads = [threading.Thread(target=answer, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            results = [await execution for execution in executions]
            for thread in threads:
                thread.join()
            assert len(runtime.callbacks) == 0
            return results

    results = express.run(main())
    assert sorted(token for _, token in taken) == sorted(tokens)
    assert sorted(result.unwrap() for result in results) == sorted(number for number, _ in taken)


@pytest.mark.slow
def test_thousands_wait_and_leave_nothing_behind() -> None:
    tokens: list[str] = []
    workflow = submitting(tokens)

    async def main() -> None:
        async with express.Runtime(drain_timeout=0) as runtime:
            executions = [await runtime.start(workflow, {}) for _ in range(2000)]
            await asyncio.sleep(1)
            assert len(runtime.callbacks) == 2000
            for token in tokens[:1000]:
                runtime.send_task_success(token)
            for execution in executions[:1000]:
                assert (await execution).status == "SUCCEEDED"
            assert len(runtime.callbacks) == 1000
        assert len(runtime.callbacks) == 0
        assert [execution.done for execution in executions] == [True] * 2000

    with reference_counting_alone():
        run_virtual(main())


@pytest.mark.slow
@pytest.mark.parametrize("limits", [{}, {"TimeoutSeconds": 5}, {"HeartbeatSeconds": 5}])
def test_an_execution_that_waited_is_freed_at_once(limits: dict[str, Any]) -> None:
    tokens: list[str] = []
    tasks = express.Tasks()

    async def submit(payload: JSON) -> None:
        tokens.append(payload["MessageBody"])

    tasks.add(SQS, submit)
    state = {**DEFINITION["States"]["A"], **limits}
    workflow = express.compile({"StartAt": "A", "States": {"A": state}}, tasks, type="STANDARD")

    async def main() -> None:
        async with express.Runtime() as runtime:
            for error in (None, "Sad"):
                execution = await runtime.start(workflow, {})
                await asyncio.sleep(1)
                if error is None:
                    runtime.send_task_success(tokens[-1])
                else:
                    runtime.send_task_failure(tokens[-1], error)
                await execution
            if limits:
                assert (await runtime.execute(workflow, {})).error == "States.Timeout"

    with reference_counting_alone():
        run_virtual(main())


def test_what_a_waiting_task_costs() -> None:
    """An execution that waits for its callback takes less than 10 kB, its task, its timer and its token included."""
    tokens: list[str] = []
    tasks = express.Tasks()
    tasks.add(SQS, lambda payload: tokens.append(payload["MessageBody"]))
    state = {**DEFINITION["States"]["A"], "TimeoutSeconds": 1000, "HeartbeatSeconds": 500}
    workflow = express.compile({"StartAt": "A", "States": {"A": state}}, tasks, type="STANDARD")

    async def main() -> float:
        async with express.Runtime(drain_timeout=0) as runtime:
            await runtime.start(workflow, {})
            await asyncio.sleep(0.1)
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                executions = [await runtime.start(workflow, {"number": number}) for number in range(1000)]
                await until_many(tokens, 1001)
                after, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            return (after - before) / len(executions)

    assert express.run(main()) < 10_000
