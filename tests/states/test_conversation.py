"""Talking to coroutine handlers: what comes out of a line is what `await` would have given."""

from __future__ import annotations

import asyncio
import functools
import gc
import weakref
from types import CoroutineType
from typing import TYPE_CHECKING, Any

import pytest

import express
from express.states import conversation
from express.states.conversation import Answer, Refusal, in_coroutines, open_line
from tests.runtime.machines import calling, compiled, executed, machine, run_clean, task

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON


async def answer(value: Any) -> Any:
    return value


async def refuse(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("value", [None, 0, "text", [1], {"a": None}, Answer(), asyncio.CancelledError()])
def test_an_answer_is_any_value(value: Any) -> None:
    line = open_line()
    said = line.send(answer(value))
    assert type(said) is Answer
    assert said.take() is value
    assert said.value is None


def test_one_line_serves_any_number_of_coroutines() -> None:
    line = open_line()
    for number in range(3):
        assert line.send(answer(number)).take() == number
        refusal = line.send(refuse(KeyError(number)))
        assert type(refusal) is Refusal
        assert refusal.take().args == (number,)


def test_a_line_serves_others_after_a_coroutine_that_suspended() -> None:
    async def work(payload: Any) -> JSON:
        await asyncio.sleep(payload)
        if payload == 3:
            raise LookupError("three")
        return {"n": payload}

    workflow = compiled(machine(A=task("work")), {"isolate": False}, work=work)

    async def main() -> list[express.Result]:
        async with express.Runtime() as runtime:
            started = [await runtime.start(workflow, n) for n in (2, 1, 3)]
            first = [await execution for execution in started]
            return [*first, await runtime.execute(workflow, 4)]

    idle = conversation._idle
    idle.clear()
    results = run_clean(main())
    assert [result.output or result.error for result in results] == [{"n": 2}, {"n": 1}, "LookupError", {"n": 4}]
    assert len(idle) == 3
    # They are ready.
    assert [open_line().send(answer(n)).take() for n in range(3)] == [0, 1, 2]
    assert not idle


def test_a_line_whose_coroutine_was_cancelled_is_closed() -> None:
    async def work(payload: Any) -> JSON:
        await asyncio.sleep(payload)

    workflow = compiled(machine(A=task("work")), {"isolate": False}, work=work)

    async def main() -> express.Result:
        async with express.Runtime() as runtime:
            execution = await runtime.start(workflow, 9)
            execution.stop()
            return await execution

    conversation._idle.clear()
    assert run_clean(main()).status == "ABORTED"
    assert not conversation._idle


def test_a_line_keeps_no_data() -> None:
    class Data:
        pass

    line = open_line()
    data = Data()
    gone = weakref.ref(data)
    said = line.send(answer(data))
    assert said.take() is data
    del data
    assert gone() is None


def test_a_line_keeps_no_error() -> None:
    class Complaint(Exception):
        pass

    line = open_line()
    error = Complaint()
    gone = weakref.ref(error)
    gc.disable()
    try:
        line.send(refuse(error)).take().__traceback__ = None
        del error
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(1)])
def test_what_is_no_exception_ends_the_line(error: BaseException) -> None:
    line = open_line()
    with pytest.raises(type(error)):
        line.send(refuse(error))
    with pytest.raises(StopIteration):
        next(line)


def decorated(function: Callable[[JSON], Any]) -> Callable[[JSON], Any]:
    """What a careless decorator makes of a coroutine function: the signature says one thing, the call another."""

    async def original(payload: JSON) -> JSON:
        raise AssertionError

    return functools.wraps(original)(lambda payload: function(payload))


def in_a_future(payload: JSON) -> asyncio.Future[JSON]:
    future = asyncio.get_running_loop().create_future()
    future.get_loop().call_later(1, future.set_result, payload)
    return future


@pytest.mark.parametrize(
    ("function", "outcome"),
    [
        (in_a_future, ("SUCCEEDED", {"n": 1}, None)),
        (lambda payload: answer(payload), ("SUCCEEDED", {"n": 1}, None)),
        (lambda payload: {"a": 1}, ("FAILED", None, "TypeError")),
        (lambda payload: [1, 2], ("FAILED", None, "TypeError")),
        (lambda payload: None, ("FAILED", None, "TypeError")),
    ],
)
def test_what_a_call_may_give(function: Callable[[JSON], Any], outcome: tuple[str, JSON, str | None]) -> None:
    """Any awaitable is awaited; what cannot be awaited fails the task."""
    result = run_clean(executed(calling(decorated(function)), {"n": 1}))
    assert (result.status, result.output, result.error) == outcome


def test_what_gives_coroutines_is_taken_as_it_is() -> None:
    assert in_coroutines(answer) is answer
    given = in_coroutines(lambda payload: answer(payload))(1)
    assert type(given) is CoroutineType
    with pytest.raises(StopIteration):
        given.send(None)


@pytest.mark.parametrize("isolate", [True, False])
def test_a_handler_may_start_its_own_state_again(isolate: bool) -> None:
    """The line of a state is taken while its handler runs; who comes by meanwhile gets one of his own."""
    runtimes: list[express.Runtime] = []

    async def count_down(payload: int) -> list[int]:
        if not payload:
            return [0]
        inner = await runtimes[0].execute(workflow, payload - 1)
        return [payload, *inner.unwrap()]

    workflow = compiled(machine(A=task("count_down")), {"isolate": isolate}, count_down=count_down)

    async def main() -> JSON:
        async with express.Runtime() as runtime:
            runtimes.append(runtime)
            return (await runtime.execute(workflow, 5)).output

    assert run_clean(main()) == [5, 4, 3, 2, 1, 0]
